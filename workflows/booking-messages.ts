/**
 * Inputs, messages and activities of the workflows of bookings: ids, counts and codes only. Existing histories contain
 * these shapes: add optional fields, never rename or reorder.
 */
import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { PollPause } from './messages.ts';

/**
 * Writes of bookings and deliveries to the webhook, so that they never wait behind the long runs of pairs. The
 * workflows themselves are on `PAIRS_QUEUE`, polls on `POLLS_QUEUE`.
 */
export const BOOKINGS_QUEUE = 'bookings';

/** One workflow for each booking. */
export function bookingWorkflowIdOf(bookingId: string): string {
  return `booking:${bookingId}`;
}

/** One workflow for each calendar with bookings. */
export function watchWorkflowIdOf(watchId: string): string {
  return `booked-calendar:${watchId}`;
}

/** One workflow for the installation. */
export const WEBHOOK_WORKFLOW_ID = 'webhook';

export interface BookingInput {
  readonly bookingId: string;
}

export interface WatchInput {
  readonly watchId: string;
}

/** The booking, or its event in the calendar, has changed. */
export const bookingChanged = defineSignal('look');
/** Poll now: there may be more bookings, or new credentials. */
export const wake = defineSignal('wake');
export const bookingStatus = defineQuery<BookingSnapshot>('status');

export interface BookingSnapshot {
  readonly waitsFor: string;
  readonly last: BookingState | null;
}

/** As in the API. `failed` has a code, `pending` may have one. */
export interface BookingState {
  readonly status: 'confirmed' | 'cancelled';
  readonly writeStatus: 'pending' | 'written' | 'failed';
  readonly code: string | null;
}

export interface BookingActivities {
  /**
   * Writes the booking to its event, or a person's change of the event to the booking. May be repeated at any point.
   * While the server does not answer it fails with the benign, retryable ApplicationFailure `Waiting`, which brings its
   * own delay. Returns when nothing is left to do; `restMs` until the booking is over, 0 when it is.
   */
  carryBooking(input: BookingInput): Promise<SyncedBooking>;
  /** Polls a calendar with bookings, in the form of `watchPair`. `over`: no future booking is left. */
  watchBookedCalendar(input: WatchInput): Promise<WatchResult>;
  /** Delivers what is due to the webhook again and again, in the form of `watchPair`. */
  watchOutbox(input: Record<string, never>): Promise<PollPause>;
  /** What earlier versions called in place of `watchBookedCalendar`, in the form of `pollPair`. */
  watchBookings(input: WatchInput): Promise<WatchResult>;
  /** What earlier versions called in place of `watchOutbox`: delivers what is due once. */
  deliverWebhooks(input: Record<string, never>): Promise<void>;
}

export interface SyncedBooking extends BookingState {
  readonly restMs: number;
}

export type WatchResult =
  | { readonly kind: 'changed'; readonly bookingIds: readonly string[] }
  | { readonly kind: 'over' }
  | PollPause;
