/**
 * What crosses the border of the workflows of bookings: ids, counts and codes. As with pairs, shapes are a contract
 * with histories that already exist: add optional fields, never rename or reorder.
 */
import { defineQuery, defineSignal } from '@temporalio/workflow';

/**
 * What writes bookings and tells of them: never behind the long runs of pairs. The workflows themselves are on
 * `PAIRS_QUEUE`, the watch on `POLLS_QUEUE`.
 */
export const BOOKINGS_QUEUE = 'bookings';

/** One booking, one workflow. */
export function bookingWorkflowIdOf(bookingId: string): string {
  return `booking:${bookingId}`;
}

/** One calendar with bookings, one watch. */
export function watchWorkflowIdOf(watchId: string): string {
  return `booked-calendar:${watchId}`;
}

/** One for the installation. */
export const WEBHOOK_WORKFLOW_ID = 'webhook';

export interface BookingInput {
  readonly bookingId: string;
}

export interface WatchInput {
  readonly watchId: string;
}

/** The booking, or its event in the calendar, is not as it was: look. */
export const look = defineSignal('look');
/** There may be more to watch. */
export const wake = defineSignal('wake');
export const bookingStatus = defineQuery<BookingSnapshot>('status');

export interface BookingSnapshot {
  readonly waitsFor: string;
  readonly last: BookingState | null;
}

/** As in the API. `failed` and `pending` have a code. */
export interface BookingState {
  readonly status: 'confirmed' | 'cancelled';
  readonly writeStatus: 'pending' | 'written' | 'failed';
  readonly code: string | null;
}

export interface BookingActivities {
  /**
   * Makes the calendar show what the booking is, or the booking what somebody made of its event. Can be repeated at any
   * point. What passes (a server that does not answer) fails with the benign, retryable ApplicationFailure `Waiting`
   * and a delay of its own, for as long as it takes. Answers when there is nothing left to do; `restMs` until the
   * booking is over, 0 when it is.
   */
  carryBooking(input: BookingInput): Promise<SyncedBooking>;
  /**
   * Looks at a calendar with bookings. Nothing happened: fails with `NoChange`, whose delay is the poll interval.
   * `over`: no booking is to come; the watch ends. Heartbeats as `pollPair` does.
   */
  watchBookings(input: WatchInput): Promise<WatchResult>;
  /** Delivers what is due for a while, then fails with `NoChange`: for ever. */
  deliverWebhooks(input: Record<string, never>): Promise<void>;
}

export interface SyncedBooking extends BookingState {
  readonly restMs: number;
}

export type WatchResult =
  | { readonly kind: 'changed'; readonly bookingIds: readonly string[] }
  | { readonly kind: 'over' };
