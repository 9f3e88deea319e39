/** What a pair's row says about its sides: whether they answer, what the API shows as status, when to poll next. */
import { otherSide, SIDES, type SideName } from '../../core/event.ts';
import {
  afterAnswer,
  afterFailure,
  nextDue,
  nextTurnMs,
  type PushState,
  type ScheduledSide,
  type SidePolls,
  waitMs,
} from '../../core/poll-schedule.ts';
import type { SyncError } from '../../core/sync-error.ts';
import { POLLS_PER_FRESH_LISTING } from '../../core/waiting-times.ts';
import type { PairRow } from '../../db/pairs.ts';
import type { PairState } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { pairConsequence } from '../error-policy.ts';
import type { OpenPair } from './open-pair.ts';
import { SideFailed, type SideOutcomes } from './read-sides.ts';

/** A side that has not answered for this long needs a person's attention. */
const UNREACHABLE_AFTER_MS = 30 * 60_000;
/** So do this many other errors in a row. */
const ERRORS_BEFORE_ATTENTION = 5;

type Sides<T> = Readonly<Record<SideName, T>>;
type PollColumns = Pick<
  PairRow,
  'caldavDueAt' | 'cloudDueAt' | 'caldavPolls' | 'cloudPolls' | 'nextPollAt' | 'pollIntervalSeconds'
>;

export function scheduleOf(deps: Deps, pair: PollColumns, push: Sides<PushState>): Sides<ScheduledSide> {
  const policy = { intervalSeconds: pair.pollIntervalSeconds, latency: deps.latency };
  const { caldavPolls, cloudPolls, caldavDueAt, cloudDueAt, nextPollAt } = pair;
  return {
    caldav: { dueAt: caldavDueAt ?? nextPollAt, polls: caldavPolls, policy: { ...policy, push: push.caldav } },
    cloud: { dueAt: cloudDueAt ?? nextPollAt, polls: cloudPolls, policy: { ...policy, push: push.cloud } },
  };
}

/** When the pair is polled next. */
export function nextPollOf(schedule: Sides<ScheduledSide>, now: Date): Date {
  return new Date(nextTurnMs(schedule, now.getTime()));
}

/** Sets when these sides are due again. @param random spreads polls, from 0 to 1 */
export function dueAgain(
  schedule: Sides<ScheduledSide>,
  sides: readonly SideName[],
  now: Date,
  random: number,
): Sides<ScheduledSide> {
  const again = { ...schedule };
  for (const side of sides) {
    const { dueAt, everySeconds } = nextDue(again[side].polls, again[side].policy, now, random);
    again[side] = { ...again[side], dueAt, polls: { ...again[side].polls, everySeconds } };
  }
  return again;
}

export function scheduleColumns({ caldav, cloud }: Sides<ScheduledSide>): Partial<PairRow> {
  return { caldavDueAt: caldav.dueAt, caldavPolls: caldav.polls, cloudDueAt: cloud.dueAt, cloudPolls: cloud.polls };
}

/** A side fails: what the sides have does not lead to a run before it answers again. */
export function isFailing({ caldavPolls, cloudPolls }: Pick<PairRow, 'caldavPolls' | 'cloudPolls'>): boolean {
  return caldavPolls.failure !== undefined || cloudPolls.failure !== undefined;
}

/** Of a run. */
export async function noteOutcomes(deps: Deps, open: OpenPair, outcomes: SideOutcomes): Promise<void> {
  await deps.store.updatePair(open.pair.id, await updateAfter(deps, open, outcomes));
}

export function noteFailure(deps: Deps, open: OpenPair, failed: SideFailed): Promise<void> {
  return noteOutcomes(deps, open, { [failed.side]: failed });
}

/**
 * What follows for the pair's row from what sides answered: per side its due time and its errors, and for the pair its
 * attention. Notes in an account that its credentials are refused, or accepted again.
 */
export async function updateAfter(deps: Deps, open: OpenPair, outcomes: SideOutcomes): Promise<Partial<PairRow>> {
  const { pair } = open;
  const now = deps.clock.now();
  const before: Sides<SidePolls> = { caldav: pair.caldavPolls, cloud: pair.cloudPolls };
  const polls = { ...before };
  for (const side of SIDES) {
    const outcome = outcomes[side];
    if (outcome === undefined) continue;
    if (outcome instanceof SideFailed) {
      polls[side] = await failedPolls(deps, open, outcome, before[side]);
    } else {
      polls[side] = afterAnswer(before[side], {
        ...outcome,
        at: now,
        hasChanged: outcome.changes > 0,
        slowdown: open.slowdown[side](),
        push: open.push[side],
      });
      if (wasRefused(pair, side)) await deps.store.setAccountStatus(open.accountIds[side], 'ok', null);
    }
  }
  const asked = SIDES.filter((side) => outcomes[side] !== undefined);
  const schedule = scheduleOf(deps, { ...pair, caldavPolls: polls.caldav, cloudPolls: polls.cloud }, open.push);
  const due = dueAgain(schedule, asked, now, deps.random());
  return { ...scheduleColumns(due), nextPollAt: nextPollOf(due, now), ...(await attentionAfter(deps, pair, polls)) };
}

async function failedPolls(deps: Deps, open: OpenPair, failed: SideFailed, before: SidePolls): Promise<SidePolls> {
  const { error, side } = failed;
  const now = deps.clock.now();
  const { attention, detail } = pairConsequence(error.kind);
  const count = (before.failure?.count ?? 0) + 1;
  const failingMs = before.failure ? now.getTime() - Date.parse(before.failure.since) : 0;
  if (attention === 'credentials') await deps.store.setAccountStatus(open.accountIds[side], 'attention', 'credentials');
  deps.log.warn(
    { pairId: open.pair.id, side, kind: error.kind, status: error.status, failures: count },
    'a side of the pair failed',
  );
  return afterFailure(before, now, {
    kind: error.kind,
    attention: attention ?? lastingAttention(error, count, failingMs),
    detail: `${side}: ${detail}${error.advice === undefined ? '' : ` ${error.advice}`}`,
    retryAfterSeconds: (error.retryAfterMs ?? 0) / 1000,
  });
}

/** The pair needs attention because this side's credentials were refused. */
function wasRefused(pair: PairRow, side: SideName): boolean {
  const failureOf = (of: SideName) => pair[`${of}Polls`].failure;
  const own = failureOf(side);
  if (own) return own.attention === 'credentials';
  return pair.attention === 'credentials' && failureOf(otherSide(side)) === undefined;
}

/** The pair shows the failure of one side, first one that needs attention. */
async function attentionAfter(deps: Deps, pair: PairRow, polls: Sides<SidePolls>): Promise<Partial<PairRow>> {
  const failures = SIDES.flatMap((side) => polls[side].failure ?? []);
  const [shown] = failures.toSorted((a, b) => Number(b.attention !== null) - Number(a.attention !== null));
  if (shown) {
    const nowMs = deps.clock.now().getTime();
    const restMs = Math.max(...SIDES.map((side) => waitMs(polls[side], nowMs)));
    return {
      failures: Math.max(...failures.map(({ count }) => count)),
      failingSince: new Date(Math.min(...failures.map(({ since }) => Date.parse(since)))),
      notBefore: restMs > 0 ? new Date(nowMs + restMs) : null,
      attention: shown.attention as PairRow['attention'],
      statusDetail: shown.detail,
    };
  }
  if (pair.attention === null && pair.failures === 0 && pair.statusDetail === null && pair.notBefore === null)
    return {};
  // That a calendar can be read does not say that it can be written to: the next write shows that.
  const stillWaits =
    pair.readOnlySide !== null && (await deps.store.dirtyLinks(pair.id, deps.clock.now(), true)).length > 0;
  const none = { failures: 0, failingSince: null, notBefore: null };
  return stillWaits ? none : { ...none, attention: null, statusDetail: null, readOnlySide: null };
}

/** Sides have accepted writes, and all others were refused one by one: these calendars can be written to. */
export async function noteAccepted(deps: Deps, { pair }: OpenPair, sides: ReadonlySet<SideName>): Promise<void> {
  if (pair.readOnlySide === null || !sides.has(pair.readOnlySide)) return;
  await deps.store.updatePair(pair.id, { readOnlySide: null, attention: null, statusDetail: null });
}

function lastingAttention(error: SyncError, failures: number, failingMs: number): PairRow['attention'] {
  if (error.kind === 'unreachable' || error.kind === 'throttled' || error.kind === 'not-a-caldav-server') {
    return failingMs >= UNREACHABLE_AFTER_MS ? 'unreachable' : null;
  }
  return failures >= ERRORS_BEFORE_ATTENTION ? 'error' : null;
}

/**
 * After repeated failures one poll asks for everything anew: a service may fail to say what changed, and still list.
 * Not where a person or the service has to act first.
 */
export function needsFreshListing(pair: Pick<PairRow, 'caldavPolls' | 'cloudPolls'>, side: SideName): boolean {
  const { failure } = pair[`${side}Polls`];
  if (!failure || failure.notBefore !== undefined) return false;
  const { attention, count } = failure;
  // A 404 or 403 to an incremental read looks like a missing calendar.
  const mayHelp = attention !== 'credentials' && attention !== 'quota';
  return mayHelp && count % POLLS_PER_FRESH_LISTING === POLLS_PER_FRESH_LISTING - 1;
}

/** The pair's state for the workflow, and the reason of `attention`. */
export interface Health {
  readonly state: PairState;
  readonly reason: string | null;
}

/** @param isHeld deletions are held */
export async function healthOf(
  deps: Deps,
  { id, paused, attention, announced }: Pick<PairRow, 'id' | 'paused' | 'attention' | 'announced'>,
  isHeld: boolean,
): Promise<Health> {
  if (paused) return { state: 'paused', reason: null };
  const reason = attention ?? (isHeld ? 'held-changes' : null);
  if (announced !== reason) await deps.announcePair?.(id, reason, deps.clock.now());
  return { state: reason ? 'attention' : 'active', reason };
}
