/** Delivers events to the operator's webhook: one long activity over the outbox, called again for ever. */
import {
  ActivityCancellationType,
  ActivityFailure,
  continueAsNew,
  isCancellation,
  patched,
  proxyActivities,
  setCurrentDetails,
  sleep,
} from '@temporalio/workflow';
import { ACTIVITY_RETRY, BOOKING_REST_MS, POLL_ACTIVITY_RETRY, POLL_TIMEOUTS } from '../core/waiting-times.ts';
import type { BookingActivities } from './booking-messages.ts';
import { BOOKINGS_QUEUE } from './booking-messages.ts';
import { POLLS_QUEUE } from './messages.ts';
import { isLong } from './work-until.ts';

const { watchOutbox } = proxyActivities<BookingActivities>({
  ...POLL_TIMEOUTS,
  taskQueue: POLLS_QUEUE,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: POLL_ACTIVITY_RETRY,
  summary: 'deliver what is due',
});

/** The form of earlier versions, whose attempts failed with `NoChange` and were retried. */
const { deliverWebhooks } = proxyActivities<BookingActivities>({
  taskQueue: BOOKINGS_QUEUE,
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: ACTIVITY_RETRY,
  summary: 'deliver what is due',
});

export async function webhook(): Promise<void> {
  setCurrentDetails('Delivers events to the webhook of this installation.');
  for (;;) {
    if (isLong()) await continueAsNew<typeof webhook>();
    const call: () => Promise<unknown> = patched('watch-outbox') ? () => watchOutbox({}) : () => deliverWebhooks({});
    await call().catch(rest);
  }
}

async function rest(err: unknown): Promise<void> {
  if (!(err instanceof ActivityFailure) || isCancellation(err)) throw err;
  await sleep(BOOKING_REST_MS, { summary: 'rest after a failure' });
}
