/**
 * One turn of a poll: asks the sides that are due what changed, with one request each, and stores what they show. An
 * idle turn costs one statement that reads and one that writes.
 */

import { SIDES, type SideName } from '../../core/event.ts';
import { isNotified, isSetBack, nextTurnMs, sidesToPoll } from '../../core/poll-schedule.ts';
import type { SyncErrorKind } from '../../core/sync-error.ts';
import {
  isFullComparisonDue,
  LONGEST_DUE_MS,
  PAUSED_POLL_SECONDS,
  RETRY_REFUSED_AFTER_MS,
} from '../../core/waiting-times.ts';
import { Superseded } from '../../db/epoch.ts';
import type { PairRow } from '../../db/pairs.ts';
import type { PollInput } from '../../db/polls.ts';
import type { Store } from '../../db/store.ts';
import type { PairState, PollResult } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { type OpenPair, openSides } from './open-pair.ts';
import { type Health, healthOf, isFailing, needsFreshListing, scheduleOf, updateAfter } from './pair-health.ts';
import { readSides, SideFailed, type SideOutcomes } from './read-sides.ts';
import { repairObjects } from './repair-objects.ts';

const DAY_MS = 24 * 60 * 60_000;

/** What a poll keeps between its turns. Only the newest poll of a pair, and none during a run, stores anything. */
export interface PollSession {
  readonly pairId: string;
  readonly generation: number;
  readonly signal: AbortSignal;
  /** The epoch of the first turn. */
  epoch?: number;
  /** The sides as they were opened with `settings`. */
  opened?: { readonly settings: string; readonly open: OpenPair };
}

export type PollTurn =
  | Exclude<PollResult, { readonly kind: 'hand-over' | 'rest' }>
  /** Another poll or a run has taken over. */
  | { readonly kind: 'superseded' }
  /** Nothing is to be done before the next turn. */
  | {
      readonly kind: 'quiet';
      readonly isPolled: boolean;
      readonly delaySeconds: number;
      /** Why a side cannot be read now. */
      readonly failure?: { readonly kind: SyncErrorKind; readonly side: SideName | 'both' };
    };

/** Null when the pair has been deleted. */
export async function beginSession(deps: Deps, pairId: string, signal: AbortSignal): Promise<PollSession | null> {
  const generation = await deps.store.beginPoll(pairId, deps.worker);
  return generation === null ? null : { pairId, generation, signal };
}

/** @param state of the pair as the workflow knows it */
export async function pollTurn(deps: Deps, session: PollSession, state: PairState): Promise<PollTurn> {
  const { pairId, generation } = session;
  const input = await deps.store.pollInput(pairId, deps.clock.now());
  if (!input) return { kind: 'gone' };
  const isFirst = session.epoch === undefined;
  session.epoch ??= input.pair.epoch;
  if (input.pair.pollGeneration !== generation || input.pair.epoch !== session.epoch) return { kind: 'superseded' };
  const early = await turnWithoutPoll(deps, input, state);
  if (early) return early;
  const schedule = scheduleOf(deps, input.pair, input.push);
  const nowMs = deps.clock.now().getTime();
  if (SIDES.some((side) => isSetBack(schedule[side].polls, nowMs))) await retryNow(deps, pairId);
  const due = sidesToPoll(schedule, nowMs, isFirst);
  // Work that no poll has found is due, such as a write to repeat: both sides are polled before the run.
  const sides = due.length === 0 && input.hasWork && !isFailing(input.pair) ? SIDES : due;
  if (sides.length === 0) return quietTurn(input.pair, nextTurnMs(schedule, nowMs) - nowMs, false);
  const fenced = fencedStore(deps.store, generation);
  try {
    const polled = await poll(
      { ...deps, store: fenced.store },
      { session, input, sides, hasWritten: fenced.hasWritten },
    );
    // A side that failed is opened anew: perhaps with new credentials, or at a new address.
    if (polled && hasFailed(polled.outcomes)) delete session.opened;
    return await turnAfterPoll({ ...deps, store: fenced.store }, polled, state);
  } catch (error) {
    delete session.opened;
    if (error instanceof Superseded || session.signal.aborted) return { kind: 'superseded' };
    throw error;
  }
}

/** The clock was set back: what waits until a time that it showed before is decided about now. */
async function retryNow({ store, clock }: Deps, pairId: string): Promise<void> {
  await store.markDirty(await store.dirtyLinks(pairId, clock.now(), true));
}

/** The result without polling the sides; null where they may have to be polled. */
async function turnWithoutPoll(deps: Deps, { pair, isHeld, isRunning }: PollInput, state: PairState) {
  if (pair.paused) return { kind: 'quiet', isPolled: false, delaySeconds: PAUSED_POLL_SECONDS } as const;
  const now = await healthOf(deps, pair, isHeld);
  if (now.state !== state) return stateTurn(deps, pair.id, now);
  // The workflow does one thing at a time: a run that is still open was interrupted, and the next one continues it.
  if (isRunning) return { kind: 'changed' } as const;
  const restMs = (pair.notBefore?.getTime() ?? 0) - deps.clock.now().getTime();
  // A Retry-After that an earlier version stored, for both sides.
  if (restMs <= 0 || restMs > LONGEST_DUE_MS || isFailing(pair)) return null;
  const failure = { kind: 'throttled', side: 'both' } as const;
  return { kind: 'quiet', isPolled: false, delaySeconds: restMs / 1000, failure } as const;
}

/** The pair after its poll, and what the poll found; null when the pair has been deleted. */
type Polled = { readonly input: PollInput; readonly open: OpenPair; readonly outcomes: SideOutcomes } | null;

async function poll(
  deps: Deps,
  turn: {
    readonly session: PollSession;
    readonly input: PollInput;
    readonly sides: readonly SideName[];
    readonly hasWritten: () => boolean;
  },
): Promise<Polled> {
  const { session, hasWritten } = turn;
  const open = await sidesOf(deps, session, turn.input);
  const { pair } = open;
  const outcomes = { ...(await readDue(deps, session, open, turn.sides)) };
  let input: PollInput | null = turn.input;
  if (hasWritten()) input = await deps.store.pollInput(pair.id, deps.clock.now());
  const others = SIDES.filter((side) => outcomes[side] === undefined);
  const mayRun =
    input?.hasWork === true && !hasFailed(outcomes) && !others.some((side) => pair[`${side}Polls`].failure);
  // An event that is new on one side may be on the other already: that side is polled before the run creates a copy.
  if (mayRun && others.length > 0 && (await deps.store.hasUnmatchedWork(pair.id, deps.clock.now()))) {
    Object.assign(outcomes, await readDue(deps, session, open, others));
    input = await deps.store.pollInput(pair.id, deps.clock.now());
  }
  return input && { input, open, outcomes };
}

/** Polls these sides, or both in full where a full comparison is due. */
async function readDue(
  deps: Deps,
  { pairId, signal }: PollSession,
  open: OpenPair,
  due: readonly SideName[],
): Promise<SideOutcomes> {
  const { pair } = open;
  const startedAt = deps.clock.now();
  const isDue = isFullComparisonDue(pair.fullListingAt, startedAt.getTime());
  const full = isDue && SIDES.every((side) => due.includes(side) || !pair[`${side}Polls`].failure);
  const sides = full ? SIDES : due;
  const settings = sides.map((side) => [side, { epoch: pair.epoch, full: full || needsFreshListing(pair, side) }]);
  const { outcomes, error } = await readSides(deps, open, Object.fromEntries(settings));
  if (error) throw error;
  signal.throwIfAborted();
  for (const outcome of Object.values(outcomes)) {
    if (outcome instanceof SideFailed && outcome.error.kind === 'bug')
      deps.log.error({ pairId, err: outcome.error.cause }, 'a poll failed unexpectedly');
  }
  if (full && !hasFailed(outcomes)) await afterFullComparison(deps, open, startedAt);
  deps.log.debug({ pairId, sides, full }, 'calendars are polled');
  return outcomes;
}

async function afterFullComparison(deps: Deps, open: OpenPair, startedAt: Date): Promise<void> {
  const { pair } = open;
  await repairObjects(deps, open);
  await deps.store.updatePair(pair.id, { fullListingAt: startedAt });
  await deps.store.touchExpandedSeries(pair.id);
  await deps.store.retryRefusals(pair.id, { before: new Date(startedAt.getTime() - RETRY_REFUSED_AFTER_MS) });
  if (pair.options.window) await deps.store.touchUnsettled(pair.id);
  const historyBegins = new Date(startedAt.getTime() - deps.historyDays * DAY_MS);
  await deps.store.pruneRuns(pair.id, historyBegins);
  await deps.store.pruneChanges(pair.id, historyBegins);
}

function hasFailed(outcomes: SideOutcomes): boolean {
  return Object.values(outcomes).some((outcome) => outcome instanceof SideFailed);
}

/** The service had reported a change before the side was read. */
function wasNotified({ pair, push }: OpenPair, side: SideName): boolean {
  return isNotified(pair[`${side}Polls`], push[side]);
}

/** Push that has not reported a change is not relied on. */
async function noteUnreported(deps: Deps, open: OpenPair, outcomes: SideOutcomes): Promise<void> {
  for (const side of SIDES) {
    const outcome = outcomes[side];
    const isUnreported =
      outcome !== undefined &&
      !(outcome instanceof SideFailed) &&
      outcome.changes > 0 &&
      !outcome.isFull &&
      open.push[side].reliableUntil !== null &&
      !wasNotified(open, side);
    if (!isUnreported) continue;
    const calendar = { accountId: open.accountIds[side], calendarId: open.pair[`${side}CalendarId`] };
    await deps.store.noteUnreported(calendar, deps.clock.now());
  }
}

/** Stores what the poll says about its sides, and when they are due again. */
async function turnAfterPoll(deps: Deps, polled: Polled, state: PairState): Promise<PollTurn> {
  if (!polled) return { kind: 'gone' };
  const { input, open, outcomes } = polled;
  const update = await updateAfter(deps, open, outcomes);
  const pair = { ...input.pair, ...update };
  const at = deps.clock.now();
  const isEqual = !input.hasWork && !isFailing(pair);
  const isReported = SIDES.some((side) => outcomes[side] !== undefined && wasNotified(open, side));
  await deps.store.updatePair(pair.id, { ...update, ...(isEqual ? { lastSyncAt: at } : {}) });
  if (input.hasWork) await deps.store.noteCalendarChange(Object.values(open.accountIds));
  await noteUnreported(deps, open, outcomes);
  const now = await healthOf(deps, pair, input.isHeld);
  // Before a new state, which the next poll reports as well: on a server whose changes cannot be listed that one fails.
  if (input.hasWork && !isFailing(pair))
    return { kind: 'changed', ...(isReported ? { trigger: 'webhook' as const } : {}) };
  if (now.state !== state) return stateTurn(deps, pair.id, now);
  return quietTurn(pair, (update.nextPollAt?.getTime() ?? 0) - at.getTime(), true);
}

function quietTurn(pair: PairRow, delayMs: number, isPolled: boolean): PollTurn {
  const side = SIDES.find((name) => pair[`${name}Polls`].failure);
  const kind = side && pair[`${side}Polls`].failure?.kind;
  return {
    kind: 'quiet',
    isPolled,
    delaySeconds: Math.max(0, delayMs / 1000),
    ...(side && kind ? { failure: { kind, side } } : {}),
  };
}

async function stateTurn(deps: Deps, pairId: string, now: Health): Promise<PollTurn> {
  if (now.reason !== 'held-changes') return { kind: 'state', ...now };
  return { kind: 'state', ...now, held: await deps.store.countHeld(pairId) };
}

/** The sides stay open as long as neither the pair's settings nor the credentials change. */
async function sidesOf(deps: Deps, session: PollSession, { pair, accounts, push }: PollInput): Promise<OpenPair> {
  const settings = [
    pair.settingsRevision,
    pair.floatingZone,
    ...Object.values(accounts).map(({ id, revision }) => `${id}:${revision}`),
  ].join(' ');
  if (session.opened?.settings !== settings) {
    const accountIds = { caldav: accounts.caldav.id, cloud: accounts.cloud.id };
    session.opened = { settings, open: await openSides(deps, { pair, accountIds, push }, session.signal) };
  }
  return { ...session.opened.open, pair, push };
}

/** A store that stores nothing once a later poll, or a run, has begun. @throws Superseded */
function fencedStore(store: Store, generation: number): { readonly store: Store; hasWritten(): boolean } {
  let hasWritten = false;
  const fence: Pick<Store, 'underEpoch' | 'updatePair'> = {
    underEpoch(pairId, epoch, work, lock) {
      hasWritten = true;
      return store.underEpoch(pairId, epoch, work, lock, generation);
    },
    async updatePair(pairId, set) {
      hasWritten = true;
      if (!(await store.updatePolledPair(pairId, generation, set))) throw new Superseded();
    },
  };
  return { store: Object.assign(Object.create(store) as Store, fence), hasWritten: () => hasWritten };
}
