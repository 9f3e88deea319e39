/**
 * One booking, one workflow, from its confirmation until it is over: carry what it is to its event in the calendar,
 * then wait for a wish of the API or a word of the watch. A server that is down costs no history: the activity is
 * retried, with delays of its own, and a wish cuts these short.
 */
import {
  ActivityCancellationType,
  ActivityFailure,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { BookingActivities, BookingInput, BookingState, SyncedBooking } from './booking-messages.ts';
import * as messages from './booking-messages.ts';
import { isLong, workUntil } from './work-until.ts';

/** A timer's longest. The booking is looked at then, should it be that far away. */
const LONGEST_REST_MS = 30 * 24 * 3_600_000;
const AFTER_FAILURE_MS = 60_000;

const { carryBooking } = proxyActivities<BookingActivities>({
  taskQueue: messages.BOOKINGS_QUEUE,
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  // An attempt that writes is awaited: two never write the same event.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  summary: 'make the calendar show the booking',
});

interface Booking {
  readonly bookingId: string;
  /** Counts what asks for a look, the start included; `looked` those that were looked at. */
  asked: number;
  looked: number;
  last: BookingState | null;
  waitsFor: string;
}

export async function booking(input: BookingInput): Promise<void> {
  const state: Booking = { bookingId: input.bookingId, asked: 1, looked: 0, last: null, waitsFor: 'its start' };
  setHandler(messages.look, () => void (state.asked += 1));
  setHandler(messages.bookingStatus, () => ({ waitsFor: state.waitsFor, last: state.last }));
  for (;;) {
    // The next one looks first, so nothing is lost.
    if (isLong()) await continueAsNew<typeof booking>(input);
    const carried = await carry(state);
    if (carried === null || state.asked > state.looked) continue;
    if (carried.restMs === 0) return tell(state, 'nothing: it is over');
    tell(state, 'changes, until it is over');
    if (!(await condition(() => state.asked > state.looked, Math.min(carried.restMs, LONGEST_REST_MS))))
      state.asked += 1;
  }
}

/** Null: something came up meanwhile. */
async function carry(state: Booking): Promise<SyncedBooking | null> {
  state.looked = state.asked;
  tell(state, 'its calendar');
  try {
    const carried = await workUntil(
      () => state.asked > state.looked,
      () => carryBooking({ bookingId: state.bookingId }),
    );
    if (carried !== null) state.last = { status: carried.status, writeStatus: carried.writeStatus, code: carried.code };
    return carried;
  } catch (err) {
    if (!(err instanceof ActivityFailure) || isCancellation(err)) throw err;
    // With news an attempt that fails is the last one of its activity; so there is news, or a mistake of ours, which
    // must not spin.
    if (!(await condition(() => state.asked > state.looked, AFTER_FAILURE_MS))) state.asked += 1;
    return null;
  }
}

function tell(state: Booking, waitsFor: string): void {
  state.waitsFor = waitsFor;
  const { last } = state;
  setCurrentDetails(
    [
      `**Waits for:** ${waitsFor}`,
      last === null
        ? '**So far:** not written yet.'
        : `**So far:** ${last.status}, ${last.writeStatus}${last.code === null ? '' : ` (${last.code})`}.`,
      '`carryBooking` makes the calendar show what the booking is. `Waiting` as its last failure ' +
        'means that the calendar cannot be written to right now: it is ' +
        'tried again, for as long as it takes.',
    ].join('\n\n'),
  );
}
