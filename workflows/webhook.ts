/**
 * Tells the operator's webhook what happened: one activity over the outbox, tried again for ever, so that what is told
 * outlives every process.
 */
import { ActivityCancellationType, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { BookingActivities } from './booking-messages.ts';
import { BOOKINGS_QUEUE } from './booking-messages.ts';

const { deliverWebhooks } = proxyActivities<BookingActivities>({
  taskQueue: BOOKINGS_QUEUE,
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  summary: 'deliver what is due',
});

export async function webhook(): Promise<void> {
  setCurrentDetails('Delivers events to the webhook of this installation. `NoChange` is the normal, healthy answer.');
  await deliverWebhooks({});
}
