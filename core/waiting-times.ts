/**
 * How long Calpair waits: between polls, before retries, after failures. A time that is part of a rule stands beside
 * the rule. Workflows import this file, so a change here must not change which commands they issue.
 */
import type { SyncErrorKind } from './sync-error.ts';

const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000];

/** Poll interval of a pair and of a calendar with bookings. */
export const POLL_INTERVAL_SECONDS = { least: 5, most: 86_400, default: 60 } as const;
/** Polls are spread over this share of the interval, so that pairs do not poll all at once. */
const POLL_SPREAD = 0.1;
/** Temporal may start a poll this much early. */
export const POLL_EARLY_MS = 1_000;
/** Both sides are compared in full this often: no change feed is trusted for longer. */
export const FULL_COMPARISON_EVERY_MS = DAY_MS;
/** One of so many polls that fail in a row asks for a full listing: incremental reads alone may be what fails. */
export const POLLS_PER_FRESH_LISTING = 4;
/** A refused write that may pass is tried again after this time, with the next full comparison. */
export const RETRY_REFUSED_AFTER_MS = 20 * HOUR_MS;
/** A poll waits this long while a later run has taken over its pair. */
export const SUPERSEDED_POLL_SECONDS = 5;
/** A poll of a pair that was deleted. */
export const DELETED_PAIR_POLL_SECONDS = 3_600;

/** After a side failed: the first delay and the longest, in seconds. */
export const BACKOFF_SECONDS: Readonly<Record<SyncErrorKind, readonly [first: number, longest: number]>> = {
  auth: [900, 21_600],
  'different-account': [900, 21_600],
  'address-not-allowed': [900, 21_600],
  'calendar-missing': [60, 3_600],
  'calendar-read-only': [60, 3_600],
  quota: [3_600, 21_600],
  unreachable: [10, 900],
  'not-a-caldav-server': [10, 900],
  throttled: [30, 900],
  stale: [30, 3_600],
  gone: [30, 3_600],
  forbidden: [30, 3_600],
  rejected: [30, 3_600],
  'too-large': [30, 3_600],
  'would-mail': [30, 3_600],
  'invalid-object': [30, 3_600],
  'id-taken': [30, 3_600],
  bug: [30, 3_600],
};

/** The delay doubles with every failure so far, from `first` up to `longest`, in their unit. */
export function backoff(failures: number, first: number, longest: number): number {
  return Math.min(longest, first * 2 ** Math.min(failures, 12));
}

/** The delay after a side failed. It is never shorter than the server's Retry-After. */
export function failureDelaySeconds(kind: SyncErrorKind, failures: number, retryAfterSeconds: number): number {
  return Math.max(retryAfterSeconds, backoff(failures, ...BACKOFF_SECONDS[kind]));
}

/** What a pair, or a calendar with bookings, did last. `random` is from 0 to 1; `failures` are the earlier ones. */
type LastStep =
  | { readonly did: 'poll'; readonly random: number }
  | { readonly did: 'run' }
  | {
      readonly did: 'fail';
      readonly kind: SyncErrorKind;
      readonly failures: number;
      readonly retryAfterSeconds: number;
    };

/** When to poll next, and the delay until then. */
export function nextPoll(
  now: Date,
  intervalSeconds: number,
  last: LastStep,
): { readonly at: Date; readonly delaySeconds: number } {
  const delaySeconds =
    last.did === 'fail'
      ? failureDelaySeconds(last.kind, last.failures, last.retryAfterSeconds)
      : last.did === 'poll'
        ? intervalSeconds * (1 - POLL_SPREAD / 2 + last.random * POLL_SPREAD)
        : intervalSeconds;
  return { at: new Date(now.getTime() + delaySeconds * 1000), delaySeconds };
}

/** When the pair is due. The interval may have been shortened since `nextPollAt` was stored. */
export function pollDueMs(pair: {
  readonly nextPollAt: Date | null;
  readonly lastSyncAt: Date | null;
  readonly pollIntervalSeconds: number;
}): number {
  return Math.min(pair.nextPollAt?.getTime() ?? 0, (pair.lastSyncAt?.getTime() ?? 0) + pair.pollIntervalSeconds * 1000);
}

/** Writes of a run: tries on the spot, then rests until a later run, ever longer. */
export const WRITE_WAITS = {
  failedMs: 1_000,
  throttledMs: 10_000,
  /** A longer Retry-After is left to a later run. */
  longestOnTheSpotMs: 20_000,
  /** Eight tries take about two hours (`TRIES_BEFORE_PROBLEM` in core/sync/refusal.ts). */
  firstRestMs: MINUTE_MS,
  firstRestAfterLostRacesMs: MINUTE_MS,
  longestRestMs: HOUR_MS,
} as const;

/** Deliveries to the operator's webhook. */
export const WEBHOOK_WAITS = {
  outboxEveryMs: 1_000,
  firstRetrySeconds: 5,
  longestRetrySeconds: 4 * 3_600,
  givenUpAfterMs: 3 * DAY_MS,
} as const;

/** Retries of activities that ended without an answer: NoChange and Waiting bring their own delay. */
export const POLL_ACTIVITY_RETRY = { initialInterval: '10 seconds', backoffCoefficient: 1 } as const;
export const ACTIVITY_RETRY = {
  initialInterval: '1 second',
  backoffCoefficient: 2,
  maximumInterval: '1 minute',
} as const;

/** What a workflow rests after an activity failed for good. */
export const PAIR_REST_MS = { first: 10_000, longest: 5 * MINUTE_MS } as const;
export const BOOKING_REST_MS = MINUTE_MS;
/** The longest timer of a booking that is far away. */
export const LONGEST_TIMER_MS = 30 * DAY_MS;
