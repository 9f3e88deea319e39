/**
 * Controls the workflows of bookings. PostgreSQL holds the bookings; `booking-outbox.ts` repeats signals that failed.
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
  /** The booking was created or changed: signals its workflow, and starts it where it does not run. */
  bookingChanged(bookingId: string): Promise<void>;
  /** Watches a calendar that has future bookings. */
  watch(watchId: string): Promise<void>;
  /** Starts the workflow that delivers webhook events. */
  startWebhook(): Promise<void>;
}

export function createBookingControl(client: Client): BookingControl {
  return {
    bookingChanged: (bookingId) =>
      callTemporal(
        client,
        async () =>
          void (await client.workflow.signalWithStart<typeof booking>('booking', {
            workflowId: messages.bookingWorkflowIdOf(bookingId),
            taskQueue: PAIRS_QUEUE,
            args: [{ bookingId }],
            signal: messages.bookingChanged,
            workflowIdReusePolicy: 'ALLOW_DUPLICATE',
            staticSummary: 'Keeps one booking and its event in sync',
            staticDetails:
              'One booking, one workflow. **carryBooking** writes the booking to the calendar, and changes of its ' +
              'event in the calendar back to the booking.',
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
            staticSummary: 'Polls a calendar with bookings',
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
            staticSummary: 'Delivers events to the webhook of this installation',
          })),
      ),
  };
}
