/**
 * One turn of a poll: asks both sides what changed, with one request each, and stores what they show. An idle turn
 * costs one statement that reads and one that writes.
 */

import type { SideName } from '../../core/event.ts';
import type { SyncErrorKind } from '../../core/sync-error.ts';
import {
  FULL_COMPARISON_EVERY_MS,
  LONGEST_DUE_MS,
  nextPoll,
  PAUSED_POLL_SECONDS,
  POLL_EARLY_MS,
  pollDueMs,
  RETRY_REFUSED_AFTER_MS,
} from '../../core/waiting-times.ts';
import { Superseded } from '../../db/epoch.ts';
import type { PollInput } from '../../db/polls.ts';
import { isUnavailable } from '../../db/postgres-errors.ts';
import type { Store } from '../../db/store.ts';
import type { PairState, PollResult } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { type OpenPair, openSides } from './open-pair.ts';
import {
  asSideFailure,
  type Health,
  healthOf,
  needsFreshListing,
  noteFailure,
  noteSuccess,
  stateOf,
} from './pair-health.ts';
import { readSides } from './read-sides.ts';

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
  session.epoch ??= input.pair.epoch;
  if (input.pair.pollGeneration !== generation || input.pair.epoch !== session.epoch) return { kind: 'superseded' };
  const early = await turnWithoutPoll(deps, input, state);
  if (early) return early;
  const fenced = fencedStore(deps.store, generation);
  const fencedDeps = { ...deps, store: fenced.store };
  const open = await sidesOf(deps, session, input);
  try {
    await poll(fencedDeps, open);
    return await turnAfterPoll(fencedDeps, fenced.hasWritten() ? null : input, open, state);
  } catch (error) {
    delete session.opened;
    if (error instanceof Superseded || session.signal.aborted) return { kind: 'superseded' };
    if (isUnavailable(error)) throw error;
    const failure = asSideFailure(error);
    if (failure.error.kind === 'bug')
      deps.log.error({ pairId, err: failure.error.cause }, 'a poll failed unexpectedly');
    const delaySeconds = await noteFailure(fencedDeps, open, failure);
    const now = await stateOf(deps, pairId);
    if (now.state !== state) return stateTurn(deps, pairId, now);
    return { kind: 'quiet', isPolled: true, delaySeconds, failure: { kind: failure.error.kind, side: failure.side } };
  }
}

/** The result without polling the sides; null where they have to be polled. */
async function turnWithoutPoll(deps: Deps, input: PollInput, state: PairState): Promise<PollTurn | null> {
  const { pair } = input;
  if (pair.paused) return { kind: 'quiet', isPolled: false, delaySeconds: PAUSED_POLL_SECONDS };
  const now = await healthOf(deps, pair, input.isHeld);
  if (now.state !== state) return stateTurn(deps, pair.id, now);
  // The workflow does one thing at a time: a run that is still open was interrupted, and the next one continues it.
  if (input.isRunning) return { kind: 'changed' };
  const nowMs = deps.clock.now().getTime();
  const restMs = (pair.notBefore?.getTime() ?? 0) - nowMs;
  if (restMs > 0 && restMs <= LONGEST_DUE_MS) {
    const failure = { kind: 'throttled', side: 'both' } as const;
    return { kind: 'quiet', isPolled: false, delaySeconds: restMs / 1000, failure };
  }
  // After a run the next poll is an interval away, as `nextPollAt` tells: what a person does right after a sync belongs
  // to the next one.
  const untilDueMs = pollDueMs(pair, nowMs) - nowMs;
  if (untilDueMs > POLL_EARLY_MS && !input.hasWork)
    return { kind: 'quiet', isPolled: false, delaySeconds: untilDueMs / 1000 };
  return null;
}

async function poll(deps: Deps, open: OpenPair): Promise<void> {
  const { pair } = open;
  const startedAt = deps.clock.now();
  const isDue = !pair.fullListingAt || startedAt.getTime() - pair.fullListingAt.getTime() > FULL_COMPARISON_EVERY_MS;
  const full = isDue || needsFreshListing(pair);
  await readSides(deps, open, { epoch: pair.epoch, full });
  if (full) {
    await deps.store.updatePair(pair.id, { fullListingAt: startedAt });
    await deps.store.touchExpandedSeries(pair.id);
    await deps.store.retryRefusals(pair.id, { before: new Date(startedAt.getTime() - RETRY_REFUSED_AFTER_MS) });
    if (pair.options.window) await deps.store.touchUnsettled(pair.id);
    const historyBegins = new Date(startedAt.getTime() - deps.historyDays * DAY_MS);
    await deps.store.pruneRuns(pair.id, historyBegins);
    await deps.store.pruneChanges(pair.id, historyBegins);
  }
  await noteSuccess(deps, open);
}

/** @param unchanged what was read before the poll, if nothing has been stored since */
async function turnAfterPoll(
  deps: Deps,
  unchanged: PollInput | null,
  { pair: { id: pairId, pollIntervalSeconds }, accountIds }: OpenPair,
  state: PairState,
): Promise<PollTurn> {
  const at = deps.clock.now();
  const input = unchanged ?? (await deps.store.pollInput(pairId, at));
  if (!input) return { kind: 'gone' };
  deps.log.debug({ pairId, changed: input.hasWork }, 'both sides are polled');
  if (input.hasWork) await deps.store.noteCalendarChange(Object.values(accountIds));
  const now = await healthOf(deps, input.pair, input.isHeld);
  if (now.state !== state) return stateTurn(deps, pairId, now);
  if (input.hasWork) return { kind: 'changed' };
  const next = nextPoll(at, pollIntervalSeconds, { did: 'poll', random: deps.random() });
  await deps.store.updatePair(pairId, { lastSyncAt: at, nextPollAt: next.at });
  return { kind: 'quiet', isPolled: true, delaySeconds: next.delaySeconds };
}

async function stateTurn(deps: Deps, pairId: string, now: Health): Promise<PollTurn> {
  if (now.reason !== 'held-changes') return { kind: 'state', ...now };
  return { kind: 'state', ...now, held: await deps.store.countHeld(pairId) };
}

/** The sides stay open as long as neither the pair's settings nor the credentials change. */
async function sidesOf(deps: Deps, session: PollSession, { pair, accounts }: PollInput): Promise<OpenPair> {
  const settings = [
    pair.settingsRevision,
    pair.floatingZone,
    ...Object.values(accounts).map(({ id, revision }) => `${id}:${revision}`),
  ].join(' ');
  if (session.opened?.settings !== settings) {
    const ids = { caldav: accounts.caldav.id, cloud: accounts.cloud.id };
    session.opened = { settings, open: await openSides(deps, pair, ids, session.signal) };
  }
  return { ...session.opened.open, pair };
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
