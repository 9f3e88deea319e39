/**
 * The watch of one calendar with bookings: one activity that fails with `NoChange` until somebody changes a booked
 * event; then that booking's workflow is told. It ends with the last booking that is still to come, and is started
 * again with the next one.
 */
import {
  ActivityCancellationType,
  ActivityFailure,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import type { BookingActivities, WatchInput, WatchResult } from './booking-messages.ts';
import * as messages from './booking-messages.ts';
import { POLLS_QUEUE } from './messages.ts';
import { isLong, workUntil } from './work-until.ts';

const AFTER_FAILURE_MS = 60_000;

const { watchBookings: lookAtCalendar } = proxyActivities<BookingActivities>({
  taskQueue: POLLS_QUEUE,
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '60 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '10 seconds', backoffCoefficient: 1 },
  summary: 'until a booked event changes',
});

export async function watchBookings(input: WatchInput): Promise<void> {
  let woken = 0;
  setHandler(messages.wake, () => void (woken += 1));
  setCurrentDetails('Watches a calendar for changes of booked events. `NoChange` is the normal, healthy answer.');
  for (;;) {
    if (isLong()) await continueAsNew<typeof watchBookings>(input);
    const before = woken;
    // The activity itself knows when it is too early; so waking it costs little, and ends a long wait after a failure.
    const found = await workUntil(
      () => woken > before,
      () => lookAtCalendar(input),
    ).catch(rest);
    if (found?.kind === 'over' && woken === before) return;
    if (found?.kind === 'changed') for (const id of found.bookingIds) await tell(id);
  }
}

async function rest(err: unknown): Promise<WatchResult | null> {
  if (!(err instanceof ActivityFailure) || isCancellation(err)) throw err;
  await sleep(AFTER_FAILURE_MS, { summary: 'rest after a failure' });
  return null;
}

/** Where its workflow does not run (any more), the API's process finds the booking by its row. */
async function tell(bookingId: string): Promise<void> {
  await getExternalWorkflowHandle(messages.bookingWorkflowIdOf(bookingId))
    .signal(messages.look)
    .catch((err: unknown) => {
      if (isCancellation(err)) throw err;
    });
}
