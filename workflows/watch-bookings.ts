/**
 * Polls one calendar with bookings: one long activity, until a booked event changes; then signals that booking's
 * workflow. It ends when no future booking is left, and is started again with the next one.
 */
import {
  ActivityCancellationType,
  ActivityFailure,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import { BOOKING_REST_MS, POLL_ACTIVITY_RETRY, POLL_TIMEOUTS } from '../core/waiting-times.ts';
import type { BookingActivities, WatchInput, WatchResult } from './booking-messages.ts';
import * as messages from './booking-messages.ts';
import { POLLS_QUEUE } from './messages.ts';
import { isLong, restUntilPoll, workUntil } from './work-until.ts';

const { watchBookedCalendar } = proxyActivities<BookingActivities>({
  ...POLL_TIMEOUTS,
  taskQueue: POLLS_QUEUE,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: POLL_ACTIVITY_RETRY,
  summary: 'until a booked event changes',
});

/** The form of earlier versions, whose attempts failed with `NoChange` and were retried. */
const { watchBookings: pollCalendar } = proxyActivities<BookingActivities>({
  taskQueue: POLLS_QUEUE,
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '60 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: POLL_ACTIVITY_RETRY,
  summary: 'until a booked event changes',
});

export async function watchBookings(input: WatchInput): Promise<void> {
  let signals = 0;
  setHandler(messages.wake, () => void (signals += 1));
  setCurrentDetails('Polls a calendar for changes of booked events. The last heartbeat says what came of it.');
  for (;;) {
    if (isLong()) await continueAsNew<typeof watchBookings>(input);
    const before = signals;
    const isCutShort = (): boolean => signals > before;
    const call = patched('watch-booked-calendar') ? () => watchBookedCalendar(input) : () => pollCalendar(input);
    // The activity itself decides whether a poll is due, so a signal costs little, and ends a long wait after a
    // failure.
    const found = await workUntil(isCutShort, call).catch(rest);
    if (found?.kind === 'over' && signals === before) return;
    if (found?.kind === 'rest') await workUntil(isCutShort, () => restUntilPoll(found));
    if (found?.kind === 'changed') for (const id of found.bookingIds) await signalBooking(id);
  }
}

async function rest(err: unknown): Promise<WatchResult | null> {
  if (!(err instanceof ActivityFailure) || isCancellation(err)) throw err;
  await sleep(BOOKING_REST_MS, { summary: 'rest after a failure' });
  return null;
}

/** Where its workflow does not run, an API process finds the booking by its due time. */
async function signalBooking(bookingId: string): Promise<void> {
  await getExternalWorkflowHandle(messages.bookingWorkflowIdOf(bookingId))
    .signal(messages.bookingChanged)
    .catch((err: unknown) => {
      if (isCancellation(err)) throw err;
    });
}
