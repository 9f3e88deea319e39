/** Delivers events to the operator's webhook: one activity over the outbox, retried for ever. */
import { ActivityCancellationType, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import { ACTIVITY_RETRY } from '../core/waiting-times.ts';
import type { BookingActivities } from './booking-messages.ts';
import { BOOKINGS_QUEUE } from './booking-messages.ts';

const { deliverWebhooks } = proxyActivities<BookingActivities>({
  taskQueue: BOOKINGS_QUEUE,
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: ACTIVITY_RETRY,
  summary: 'deliver what is due',
});

export async function webhook(): Promise<void> {
  setCurrentDetails('Delivers events to the webhook of this installation. `NoChange` is normal and healthy.');
  await deliverWebhooks({});
}
