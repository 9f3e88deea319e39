/**
 * When each side of a pair is polled next. A side has its own interval: short after a change, long while the service
 * notifies Calpair, and never so short that one calendar takes more than a twentieth of its server's time.
 */
import type { SideName } from './event.ts';
import type { SyncErrorKind } from './sync-error.ts';
import {
  failureDelaySeconds,
  isAhead,
  LONGEST_DUE_MS,
  POLL_EARLY_MS,
  POLL_SPREAD,
  spreadInterval,
} from './waiting-times.ts';

/** `CALPAIR_LATENCY`: whether a side is polled more often after a change. */
export type Latency = 'seconds' | 'interval';

/** What polls have found out about one side. Times are RFC 3339 in UTC: this is stored as JSON. */
export interface SidePolls {
  /** When it was last asked, whatever it answered. */
  readonly polledAt?: string;
  /** When a change by anybody else was last seen. */
  readonly changedAt?: string;
  /** How long it took to say what has changed. */
  readonly tookMs?: number;
  /** How many times longer it waits while nothing changes: the daily budget of its service is nearly used. */
  readonly slowdown?: number;
  /** The interval that its due time was set with. */
  readonly everySeconds?: number;
  /** `PushState.notifiedAt` as it was before the side was last read. */
  readonly heardAt?: string;
  /** Present while it fails. */
  readonly failure?: SideFailure;
}

/** How the service of a calendar reports its changes. */
export interface PushState {
  /** When one was last reported. */
  readonly notifiedAt: Date | null;
  /** Until when all of them are; null: the calendar has to be polled. */
  readonly reliableUntil: Date | null;
}

export const NO_PUSH: PushState = { notifiedAt: null, reliableUntil: null };

export interface SideFailure {
  readonly kind: SyncErrorKind;
  /** In a row. */
  readonly count: number;
  readonly since: string;
  /** A server's Retry-After: no request before this time. */
  readonly notBefore?: string;
  /** The pair's `attention` and `statusDetail` that follow. */
  readonly attention: string | null;
  readonly detail: string;
}

/** What the interval of a side follows from, besides what its polls found out. */
export interface PollPolicy {
  /** The pair's. */
  readonly intervalSeconds: number;
  readonly latency: Latency;
  readonly push: PushState;
}

/** A side as its pair's row has it, with its policy. */
export interface ScheduledSide {
  /** Null: never polled. */
  readonly dueAt: Date | null;
  readonly polls: SidePolls;
  readonly policy: PollPolicy;
}

/** A side is polled this often in the first minutes after a change, */
const EAGER_SECONDS = 5;
const EAGER_FOR_MS = 2 * 60_000;
/** and at the pair's interval again after these. The interval grows by the same factor every second in between. */
const RELAXED_AFTER_MS = 10 * 60_000;
/** Of a side whose service notifies Calpair. */
const PUSHED_SECONDS = 3_600;
/** A server is asked for at most this share of the time, by the polls of one calendar. */
const SHARE_OF_SERVER = 0.05;
/** A poll that found changes also fetched them, so it counts for at most this. */
const LONGEST_COUNTED_MS = 3_000;

/** The side's present interval, in seconds; not what follows from a failure. */
export function pollSeconds(polls: SidePolls, { intervalSeconds, latency, push }: PollPolicy, nowMs: number): number {
  const pushedSeconds = pushedFor(push, nowMs);
  const idle = Math.max(pushedSeconds, intervalSeconds);
  const agoMs = polls.changedAt === undefined ? Infinity : nowMs - Date.parse(polls.changedAt);
  // A change in the future: the clock was set back.
  const isIdle = agoMs < 0 || agoMs >= RELAXED_AFTER_MS;
  const base = isIdle
    ? idle * Math.max(1, polls.slowdown ?? 1)
    : pushedSeconds > 0 || latency === 'interval'
      ? idle
      : secondsAfterChange(agoMs, intervalSeconds);
  return Math.max(base, (polls.tookMs ?? 0) / 1000 / SHARE_OF_SERVER);
}

/** How long a calendar need not be polled, in seconds: not for longer than push is sure to go on. */
export function pushedFor({ reliableUntil }: PushState, nowMs: number): number {
  const restMs = (reliableUntil?.getTime() ?? 0) - nowMs;
  return Math.max(0, Math.min(PUSHED_SECONDS, restMs / 1000));
}

/** A change was reported after the side was last read. A side that fails is asked again by its own schedule. */
export function isNotified(polls: SidePolls, push: PushState): boolean {
  return polls.failure === undefined && push.notifiedAt !== null && push.notifiedAt.toISOString() !== polls.heardAt;
}

function secondsAfterChange(agoMs: number, intervalSeconds: number): number {
  if (intervalSeconds <= EAGER_SECONDS) return intervalSeconds;
  const relaxed = Math.max(0, (agoMs - EAGER_FOR_MS) / (RELAXED_AFTER_MS - EAGER_FOR_MS));
  return EAGER_SECONDS * (intervalSeconds / EAGER_SECONDS) ** relaxed;
}

/** The side answered a poll or a run. `isFull`: everything was listed, which says nothing about the next poll. */
export function afterAnswer(
  polls: SidePolls,
  answer: {
    readonly at: Date;
    readonly tookMs: number;
    readonly isFull: boolean;
    readonly hasChanged: boolean;
    readonly slowdown?: number;
    /** As it was before the side was asked. */
    readonly push: PushState;
  },
): SidePolls {
  const { failure: _over, slowdown: _before, ...rest } = polls;
  const { slowdown = 1 } = answer;
  const at = answer.at.toISOString();
  const tookMs = Math.max(0, answer.hasChanged ? Math.min(answer.tookMs, LONGEST_COUNTED_MS) : answer.tookMs);
  return {
    ...rest,
    polledAt: at,
    ...(answer.hasChanged ? { changedAt: at } : {}),
    ...(answer.isFull ? {} : { tookMs }),
    ...(slowdown > 1 ? { slowdown } : {}),
    ...(answer.push.notifiedAt ? { heardAt: answer.push.notifiedAt.toISOString() } : {}),
  };
}

/** The side failed. `failure.count` and `since` go on. */
export function afterFailure(
  polls: SidePolls,
  at: Date,
  failure: Omit<SideFailure, 'count' | 'since' | 'notBefore'> & { readonly retryAfterSeconds: number },
): SidePolls {
  const { retryAfterSeconds, ...rest } = failure;
  const before = polls.failure;
  return {
    ...polls,
    polledAt: at.toISOString(),
    failure: {
      ...rest,
      count: (before?.count ?? 0) + 1,
      since: before?.since ?? at.toISOString(),
      ...(retryAfterSeconds > 0 ? { notBefore: new Date(at.getTime() + retryAfterSeconds * 1000).toISOString() } : {}),
    },
  };
}

/**
 * When a side that was asked just now is due again, and the interval behind it. Polls are spread; @param random from 0
 * to 1, the same for both sides of a turn, so that they stay together.
 */
export function nextDue(
  polls: SidePolls,
  policy: PollPolicy,
  now: Date,
  random: number,
): { readonly dueAt: Date; readonly everySeconds: number } {
  const nowMs = now.getTime();
  const everySeconds = pollSeconds(polls, policy, nowMs);
  const { failure } = polls;
  const delaySeconds = failure
    ? failureDelaySeconds(failure.kind, failure.count - 1, waitMs(polls, nowMs) / 1000)
    : spreadInterval(everySeconds, random);
  return { dueAt: new Date(nowMs + delaySeconds * 1000), everySeconds };
}

/** How long the side's server has asked to wait from now on, ms; a time that is too far ahead does not count. */
export function waitMs(polls: SidePolls, nowMs: number): number {
  const { failure } = polls;
  const restMs =
    failure?.notBefore === undefined || isSetBack(polls, nowMs) ? 0 : Date.parse(failure.notBefore) - nowMs;
  return restMs > 0 && restMs <= LONGEST_DUE_MS ? restMs : 0;
}

/** The clock was set back since the side was asked. */
export function isSetBack({ polledAt }: SidePolls, nowMs: number): boolean {
  return polledAt !== undefined && isAhead(new Date(polledAt), nowMs);
}

/**
 * When a side is due, ms. Its interval may have become shorter since the time was stored, and the clock may have been
 * set back: it is due now if it was asked in the future, or a time is further ahead than any rule allows.
 * @param isFirst in the first turn of a call a failing side is asked again after one interval, since settings may have
 * changed
 */
export function dueMs({ dueAt, polls, policy }: ScheduledSide, nowMs: number, isFirst = false): number {
  if (isNotified(polls, policy.push) || isSetBack(polls, nowMs)) return nowMs;
  const isFailing = polls.failure !== undefined;
  // A service that notifies Calpair does not say when a side that fails works again.
  const everySeconds = isFailing ? policy.intervalSeconds : pollSeconds(polls, policy, nowMs);
  const longestMs = everySeconds * 1000 * (1 + POLL_SPREAD / 2);
  const byIntervalMs = (polls.polledAt === undefined ? nowMs : Date.parse(polls.polledAt)) + longestMs;
  const storedMs = dueAt?.getTime() ?? 0;
  const furthestMs = isFailing ? LONGEST_DUE_MS : longestMs + POLL_EARLY_MS;
  const soonestMs = isFailing && !isFirst ? storedMs : Math.min(storedMs, byIntervalMs);
  const restMs = soonestMs - nowMs > furthestMs ? 0 : soonestMs - nowMs;
  return nowMs + Math.max(restMs, waitMs(polls, nowMs));
}

/**
 * The sides to poll now, perhaps none. A side that is due soon is polled together with one that is due, so that two
 * sides with one interval take one turn.
 */
export function sidesToPoll(
  sides: Readonly<Record<SideName, ScheduledSide>>,
  nowMs: number,
  isFirst = false,
): SideName[] {
  const names = ['caldav', 'cloud'] as const;
  const rests = {
    caldav: dueMs(sides.caldav, nowMs, isFirst) - nowMs,
    cloud: dueMs(sides.cloud, nowMs, isFirst) - nowMs,
  };
  const due = names.filter((name) => rests[name] <= POLL_EARLY_MS);
  // What was reported does not wait for another calendar.
  if (due.length !== 1 || due.some((name) => isNotified(sides[name].polls, sides[name].policy.push))) return due;
  const intervals = names.map((name) => pollSeconds(sides[name].polls, sides[name].policy, nowMs));
  const soonMs = (Math.min(...intervals) / 2) * 1000;
  return names.filter((name) => due.includes(name) || (!sides[name].polls.failure && rests[name] <= soonMs));
}

/** When the next poll of any side is due, ms. */
export function nextTurnMs(sides: Readonly<Record<SideName, ScheduledSide>>, nowMs: number): number {
  return Math.min(dueMs(sides.caldav, nowMs), dueMs(sides.cloud, nowMs));
}
