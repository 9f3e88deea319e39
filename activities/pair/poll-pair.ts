/** Polls both sides: one request each while nothing changes, and nothing in the workflow's history. */
import { Context } from '@temporalio/activity';
import {
  DELETED_PAIR_POLL_SECONDS,
  FULL_COMPARISON_EVERY_MS,
  nextPoll,
  POLL_EARLY_MS,
  pollDueMs,
  RETRY_REFUSED_AFTER_MS,
  SUPERSEDED_POLL_SECONDS,
} from '../../core/waiting-times.ts';
import { Superseded } from '../../db/epoch.ts';
import type { PairActivities, PollResult } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { noChange, waiting } from '../error-policy.ts';
import { type OpenPair, openPair } from './open-pair.ts';
import { asSideFailure, needsFreshListing, noteFailure, noteSuccess, stateOf } from './pair-health.ts';
import { readSides } from './read-sides.ts';

const DAY_MS = 24 * 60 * 60_000;

export function createPollPair(deps: Deps): PairActivities['pollPair'] {
  return async ({ pairId, state }) => {
    const { cancellationSignal } = Context.current();
    const open = await openPair(deps, pairId, cancellationSignal);
    if (!open || open.pair.paused) throw noChange(open?.pair.pollIntervalSeconds ?? DELETED_PAIR_POLL_SECONDS);
    const early = await resultBeforePoll(deps, open, state);
    if (early) return early;
    // An idle poll ends before its first heartbeat.
    const stopHeartbeats = deps.clock.every(5_000, () => Context.current().heartbeat());
    try {
      await poll(deps, open);
    } catch (error) {
      if (error instanceof Superseded || cancellationSignal.aborted) throw noChange(SUPERSEDED_POLL_SECONDS);
      const failure = asSideFailure(error);
      if (failure.error.kind === 'bug')
        deps.log.error({ pairId, err: failure.error.cause }, 'a poll failed unexpectedly');
      const delaySeconds = await noteFailure(deps, open, failure);
      const now = await stateOf(deps, pairId);
      if (now.state !== state) return { kind: 'state', ...now };
      throw waiting(failure.error.kind, failure.side, delaySeconds);
    } finally {
      stopHeartbeats();
    }
    return resultOfPoll(deps, open, state);
  };
}

/** The result without polling the sides; null where they have to be polled. @throws NoChange, Waiting: not due yet */
async function resultBeforePoll(deps: Deps, open: OpenPair, state: string): Promise<PollResult | null> {
  const { pair } = open;
  const now = await stateOf(deps, pair.id);
  if (now.state !== state) return { kind: 'state', ...now };
  // The workflow does one thing at a time: a run that is still open was interrupted, and the next one continues it.
  if (await deps.store.isRunning(pair.id)) return { kind: 'changed' };
  const restMs = (pair.notBefore?.getTime() ?? 0) - deps.clock.now().getTime();
  if (restMs > 0) throw waiting('throttled', 'both', restMs / 1000);
  // After a run the next poll is an interval away, as `nextPollAt` tells: what a person does right after a sync belongs
  // to the next one.
  const untilDueMs = pollDueMs(pair) - deps.clock.now().getTime();
  if (untilDueMs > POLL_EARLY_MS && !(await deps.store.hasWork(pair.id, deps.clock.now())))
    throw noChange(untilDueMs / 1000);
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
    await deps.store.pruneRuns(pair.id, new Date(startedAt.getTime() - deps.historyDays * DAY_MS));
  }
  await noteSuccess(deps, open);
}

async function resultOfPoll(deps: Deps, { pair, accountIds }: OpenPair, state: string): Promise<PollResult> {
  const at = deps.clock.now();
  const isChanged = await deps.store.hasWork(pair.id, at);
  deps.log.debug({ pairId: pair.id, changed: isChanged }, 'both sides are polled');
  if (isChanged) await deps.store.noteCalendarChange(Object.values(accountIds));
  const now = await stateOf(deps, pair.id);
  if (now.state !== state) return { kind: 'state', ...now };
  if (isChanged) return { kind: 'changed' };
  const next = nextPoll(at, pair.pollIntervalSeconds, { did: 'poll', random: deps.random() });
  await deps.store.updatePair(pair.id, { lastSyncAt: at, nextPollAt: next.at });
  throw noChange(next.delaySeconds);
}
