/**
 * The workflow of one booking, from its confirmation until it is over: sync it with its event in the calendar, then
 * wait for a signal of the API or of the calendar's poll. A server that is down costs no history: the activity is
 * retried with its own delays, and a signal cuts these short.
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
import { ACTIVITY_RETRY, BOOKING_REST_MS, LONGEST_TIMER_MS } from '../core/waiting-times.ts';
import type { BookingActivities, BookingInput, BookingState, SyncedBooking } from './booking-messages.ts';
import * as messages from './booking-messages.ts';
import { isLong, workUntil } from './work-until.ts';

const { carryBooking } = proxyActivities<BookingActivities>({
  taskQueue: messages.BOOKINGS_QUEUE,
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  // The end of a cancelled attempt is awaited, so that two never write the same event.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: ACTIVITY_RETRY,
  summary: 'sync the booking with its event',
});

interface Booking {
  readonly bookingId: string;
  /** Counts the reasons to sync, the start included; `synced` is the count that the last sync covered. */
  requested: number;
  synced: number;
  last: BookingState | null;
  waitsFor: string;
}

export async function booking(input: BookingInput): Promise<void> {
  const state: Booking = { bookingId: input.bookingId, requested: 1, synced: 0, last: null, waitsFor: 'its start' };
  setHandler(messages.bookingChanged, () => void (state.requested += 1));
  setHandler(messages.bookingStatus, () => ({ waitsFor: state.waitsFor, last: state.last }));
  for (;;) {
    // The new run syncs first, so no signal is lost.
    if (isLong()) await continueAsNew<typeof booking>(input);
    const result = await sync(state);
    if (result === null || state.requested > state.synced) continue;
    if (result.restMs === 0) return show(state, 'nothing: it is over');
    show(state, 'changes, until it is over');
    if (!(await condition(() => state.requested > state.synced, Math.min(result.restMs, LONGEST_TIMER_MS))))
      state.requested += 1;
  }
}

/** Null: a signal came meanwhile. */
async function sync(state: Booking): Promise<SyncedBooking | null> {
  state.synced = state.requested;
  show(state, 'its calendar');
  try {
    const result = await workUntil(
      () => state.requested > state.synced,
      () => carryBooking({ bookingId: state.bookingId }),
    );
    if (result !== null) state.last = { status: result.status, writeStatus: result.writeStatus, code: result.code };
    return result;
  } catch (err) {
    if (!(err instanceof ActivityFailure) || isCancellation(err)) throw err;
    // After a signal, an attempt that fails is the last one of its activity. So there was a signal, or this is a bug,
    // which must not loop at full speed.
    if (!(await condition(() => state.requested > state.synced, BOOKING_REST_MS))) state.requested += 1;
    return null;
  }
}

function show(state: Booking, waitsFor: string): void {
  state.waitsFor = waitsFor;
  const { last } = state;
  setCurrentDetails(
    [
      `**Waits for:** ${waitsFor}`,
      last === null
        ? '**So far:** not written yet.'
        : `**So far:** ${last.status}, ${last.writeStatus}${last.code === null ? '' : ` (${last.code})`}.`,
      '`carryBooking` syncs the booking with its event. `Waiting` as its last failure means that the calendar cannot ' +
        'be read or written now: it is retried until it can.',
    ].join('\n\n'),
  );
}
