/**
 * How long Calpair waits: between polls, before retries, after failures. A time that is part of a rule stands beside
 * the rule. Workflows import this file, so a change here must not change which commands they issue.
 */
import type { SyncErrorKind } from './sync-error.ts';

const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000];

/** Poll interval of a pair and of a calendar with bookings. */
export const POLL_INTERVAL_SECONDS = { least: 5, most: 86_400, default: 60 } as const;
/** Polls are spread over this share of the interval, so that pairs do not poll all at once. */
export const POLL_SPREAD = 0.1;
/** Temporal may start a poll this much early. */
export const POLL_EARLY_MS = 1_000;
/** Both sides are compared in full this often: no change feed is trusted for longer. */
const FULL_COMPARISON_EVERY_MS = DAY_MS;
/** One of so many polls that fail in a row asks for a full listing: incremental reads alone may be what fails. */
export const POLLS_PER_FRESH_LISTING = 4;
/** A refused write that may pass is tried again after this time, with the next full comparison. */
export const RETRY_REFUSED_AFTER_MS = 20 * HOUR_MS;
/** A poll waits this long while a later run has taken over its pair. */
export const SUPERSEDED_POLL_SECONDS = 5;
/** A poll of a pair that is paused in the database, whose workflow does not know it yet. */
export const PAUSED_POLL_SECONDS = 60;

/** A requested run that a Retry-After delays asks again after this time at the latest: the wait may end early. */
export const RUN_DELAY_SECONDS = 60;

/** One call of a polling activity lasts about this long; then the pairs spread over the workers again. */
export const POLL_CALL = { leastMs: 50 * MINUTE_MS, spreadMs: 20 * MINUTE_MS } as const;
/** If nothing is due for longer than this, the call ends and the workflow waits on a timer. */
export const LONGEST_POLL_SLEEP_MS = 10 * MINUTE_MS;
/** Of a polling activity, which Temporal gives up once one is missed (`POLL_TIMEOUTS`). */
export const POLL_HEARTBEAT_EVERY_MS = 3 * MINUTE_MS;
/** After a turn that failed for a reason of our own, such as a database that is down: first and longest. */
export const FAILED_TURN_MS = { first: 5_000, longest: MINUTE_MS } as const;
/** While a run works, the next poll of its pair is put off this often. */
export const RUN_ALIVE_EVERY_MS = MINUTE_MS;
/** A running turn may end by itself for this long when its worker stops. */
export const HAND_OVER_MS = 5_000;

/** After a side failed: the first delay and the longest, in seconds. */
export const BACKOFF_SECONDS: Readonly<Record<SyncErrorKind, readonly [first: number, longest: number]>> = {
  auth: [900, 21_600],
  'different-account': [900, 21_600],
  'address-not-allowed': [900, 21_600],
  // Looking again costs no request.
  'provider-not-configured': [60, 60],
  'credentials-unreadable': [60, 60],
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

/** An interval as it is waited for once. @param random from 0 to 1 */
export function spreadInterval(intervalSeconds: number, random: number): number {
  return intervalSeconds * (1 - POLL_SPREAD / 2 + random * POLL_SPREAD);
}

/** The clocks of workers differ by less. */
const CLOCKS_DIFFER_MS = MINUTE_MS;

/** A stored time of the past is ahead: the clock was set back since. What was to wait from then on is due now. */
export function isAhead(at: Date, nowMs: number): boolean {
  return at.getTime() - nowMs > CLOCKS_DIFFER_MS;
}

/** The calendars were last compared in full so long ago, if ever, that it is due again. */
export function isFullComparisonDue(comparedAt: Date | null, nowMs: number): boolean {
  return comparedAt === null || nowMs - comparedAt.getTime() > FULL_COMPARISON_EVERY_MS || isAhead(comparedAt, nowMs);
}

/** No poll is due later than this after now, whatever failed. */
export const LONGEST_DUE_MS = DAY_MS + HOUR_MS;

/**
 * When a calendar with bookings is due, ms. The interval may have been shortened since `nextPollAt` was stored, and the
 * clock may have been set back: a time that is further ahead than any rule allows is now.
 */
export function pollDueMs(
  calendar: {
    readonly nextPollAt: Date | null;
    readonly lastSyncAt: Date | null;
    readonly pollIntervalSeconds: number;
    readonly failures: number;
  },
  nowMs: number,
): number {
  const intervalMs = calendar.pollIntervalSeconds * 1000;
  const dueMs = Math.min(calendar.nextPollAt?.getTime() ?? 0, (calendar.lastSyncAt?.getTime() ?? 0) + intervalMs);
  const furthestMs = calendar.failures > 0 ? LONGEST_DUE_MS : intervalMs * (1 + POLL_SPREAD) + POLL_EARLY_MS;
  return dueMs - nowMs > furthestMs ? nowMs : dueMs;
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

/** Push channels (activities/push/keep-channels.ts). */
export const PUSH_WAITS = {
  /** How soon a channel follows a new pair, and its end the pair's. */
  turnMs: 2_000,
  /** After a failed request: first and longest, in seconds. A calendar that the service does not watch: the longest. */
  retrySeconds: { first: 10, longest: 86_400 },
  /** A request without a stored answer has perhaps opened a channel: it is closed after this time. */
  unansweredMs: 90_000,
  /** A new channel has so long to reach us before the one that it replaces is closed. */
  overlapMs: MINUTE_MS,
  /** Who was not signalled of a notification by then is signalled again. */
  signalAgainMs: 3_000,
} as const;
/** A channel is renewed after about this share of its life. */
const RENEW_AFTER = 0.6;
const RENEW_SPREAD = 0.15;

/** When a channel is renewed: spread, so that those of many calendars are not all renewed at once. */
export function renewalOf(openedAt: Date, expiresAt: Date, random: number): Date {
  const lifeMs = expiresAt.getTime() - openedAt.getTime();
  return new Date(openedAt.getTime() + lifeMs * (RENEW_AFTER + random * RENEW_SPREAD));
}

/** Deliveries to the operator's webhook. */
export const WEBHOOK_WAITS = {
  outboxEveryMs: 1_000,
  firstRetrySeconds: 5,
  longestRetrySeconds: 4 * 3_600,
  givenUpAfterMs: 3 * DAY_MS,
} as const;

/** Retries of activities that ended without an answer: NoChange and Waiting bring their own delay. */
export const POLL_ACTIVITY_RETRY = { initialInterval: '10 seconds', backoffCoefficient: 1 } as const;
/** Of a polling activity that loops. A killed worker is noticed earlier, by its lease (api/temporal/supervisor.ts). */
export const POLL_TIMEOUTS = { startToCloseTimeout: '2 hours', heartbeatTimeout: '5 minutes' } as const;
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
