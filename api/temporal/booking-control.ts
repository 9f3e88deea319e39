/**
 * The API's hand on the workflows of bookings. PostgreSQL decides what a booking is; who is not told hears of it from
 * `tell-bookings.ts`.
 */
import type { Client } from '@temporalio/client';
import type { booking } from '../../workflows/booking.ts';
import * as messages from '../../workflows/booking-messages.ts';
import { PAIRS_QUEUE } from '../../workflows/messages.ts';
import type { watchBookings } from '../../workflows/watch-bookings.ts';
import type { webhook } from '../../workflows/webhook.ts';
import { callTemporal } from './pair-control.ts';

/** Methods throw `ControlError` and nothing else. */
export interface BookingControl {
  /** The booking is new, or was changed: its workflow looks, and is started where it does not run. */
  look(bookingId: string): Promise<void>;
  /** A calendar has bookings to come: it is watched. */
  watch(watchId: string): Promise<void>;
  /** Where there is a webhook, it is told what happens. */
  startWebhook(): Promise<void>;
}

export function createBookingControl(client: Client): BookingControl {
  return {
    look: (bookingId) =>
      callTemporal(
        client,
        async () =>
          void (await client.workflow.signalWithStart<typeof booking>('booking', {
            workflowId: messages.bookingWorkflowIdOf(bookingId),
            taskQueue: PAIRS_QUEUE,
            args: [{ bookingId }],
            signal: messages.look,
            workflowIdReusePolicy: 'ALLOW_DUPLICATE',
            staticSummary: 'Keeps one booking and its event in step',
            staticDetails:
              'One booking, one workflow. **carryBooking** makes the calendar show what the booking is, ' +
              'and the booking what somebody made of its event.',
          })),
      ),
    watch: (watchId) =>
      callTemporal(
        client,
        async () =>
          void (await client.workflow.signalWithStart<typeof watchBookings>('watchBookings', {
            workflowId: messages.watchWorkflowIdOf(watchId),
            taskQueue: PAIRS_QUEUE,
            args: [{ watchId }],
            signal: messages.wake,
            workflowIdReusePolicy: 'ALLOW_DUPLICATE',
            staticSummary: 'Watches a calendar that bookings are written to',
          })),
      ),
    startWebhook: () =>
      callTemporal(
        client,
        async () =>
          void (await client.workflow.start<typeof webhook>('webhook', {
            workflowId: messages.WEBHOOK_WORKFLOW_ID,
            taskQueue: PAIRS_QUEUE,
            args: [],
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'ALLOW_DUPLICATE',
            staticSummary: 'Tells the webhook of this installation what happens',
          })),
      ),
  };
}
