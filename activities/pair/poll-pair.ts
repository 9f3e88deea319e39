/** The cheap look at both sides: one request each while nothing happens, and nothing in the workflow's history. */
import { Context } from '@temporalio/activity';
import { Superseded } from '../../db/links.ts';
import type { PairActivities, PollResult } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { noChange, waiting } from '../error-policy.ts';
import { type OpenPair, openPair } from './open-pair.ts';
import { asSideFailure, noteFailure, noteSuccess, stateOf } from './pair-health.ts';
import { readSides } from './read-sides.ts';

const DAY_MS = 24 * 60 * 60_000;
/** Both sides are compared in full this often. */
const FULL_LISTING_EVERY_MS = DAY_MS;
/** A pair that is gone, or that a run is working on, is left alone for this long. */
const ASIDE_SECONDS = 5;
/** Temporal may call a little early. */
const SOON_MS = 1_000;

export function createPollPair(deps: Deps): PairActivities['pollPair'] {
  return async ({ pairId, state }) => {
    const { cancellationSignal } = Context.current();
    const open = await openPair(deps, pairId, cancellationSignal);
    if (!open || open.pair.paused) throw noChange(open?.pair.pollIntervalSeconds ?? 3600);
    const early = await waitFor(deps, open, state);
    if (early) return early;
    // An idle poll is over before the first beat, and so costs nothing more.
    const stopBeating = deps.clock.every(5_000, () => Context.current().heartbeat());
    try {
      await look(deps, open);
    } catch (error) {
      if (error instanceof Superseded || cancellationSignal.aborted) throw noChange(ASIDE_SECONDS);
      const failure = asSideFailure(error);
      if (failure.error.kind === 'bug')
        deps.log.error({ pairId, err: failure.error.cause }, 'a poll failed unexpectedly');
      const delaySeconds = await noteFailure(deps, open, failure);
      const now = await stateOf(deps, pairId);
      if (now.state !== state) return { kind: 'state', ...now };
      throw waiting(failure.error.kind, failure.side, delaySeconds);
    } finally {
      stopBeating();
    }
    return outcome(deps, open, state);
  };
}

/** What is known without asking a side: the pair has to wait, or a run is under way. */
async function waitFor(deps: Deps, open: OpenPair, state: string): Promise<PollResult | null> {
  const { pair } = open;
  const now = await stateOf(deps, pair.id);
  if (now.state !== state) return { kind: 'state', ...now };
  // The workflow does one thing at a time: a run that is open now broke off, and the next one takes it up.
  if (await deps.store.isRunning(pair.id)) return { kind: 'changed' };
  const restMs = (pair.notBefore?.getTime() ?? 0) - deps.clock.now().getTime();
  if (restMs > 0) throw waiting('throttled', 'both', restMs / 1000);
  // After a run the next look is an interval away, as `nextPollAt` tells: what a person does right after a sync belongs
  // to the next one.
  const untilDueMs = dueAt(pair) - deps.clock.now().getTime();
  if (untilDueMs > SOON_MS && !(await deps.store.hasWork(pair.id, deps.clock.now()))) throw noChange(untilDueMs / 1000);
  return null;
}

/** The earlier of two, as the interval may have been shortened meanwhile. */
function dueAt({ nextPollAt, lastSyncAt, pollIntervalSeconds }: OpenPair['pair']): number {
  return Math.min(nextPollAt?.getTime() ?? 0, (lastSyncAt?.getTime() ?? 0) + pollIntervalSeconds * 1000);
}

async function look(deps: Deps, open: OpenPair): Promise<void> {
  const { pair } = open;
  const startedAt = deps.clock.now();
  const full = !pair.fullListingAt || startedAt.getTime() - pair.fullListingAt.getTime() > FULL_LISTING_EVERY_MS;
  await readSides(deps, open, { epoch: pair.epoch, full });
  if (full) {
    await deps.store.updatePair(pair.id, { fullListingAt: startedAt });
    await deps.store.touchExpandedSeries(pair.id);
    if (pair.options.window) await deps.store.touchUnsettled(pair.id);
    await deps.store.pruneRuns(pair.id, new Date(startedAt.getTime() - deps.historyDays * DAY_MS));
  }
  await noteSuccess(deps, open);
}

async function outcome(deps: Deps, { pair, accountIds }: OpenPair, state: string): Promise<PollResult> {
  const at = deps.clock.now();
  const isChanged = await deps.store.hasWork(pair.id, at);
  if (isChanged) await deps.store.noteCalendarChange(Object.values(accountIds));
  const now = await stateOf(deps, pair.id);
  if (now.state !== state) return { kind: 'state', ...now };
  if (isChanged) return { kind: 'changed' };
  const delaySeconds = pair.pollIntervalSeconds * (0.95 + deps.random() * 0.1);
  await deps.store.updatePair(pair.id, { lastSyncAt: at, nextPollAt: new Date(at.getTime() + delaySeconds * 1000) });
  throw noChange(delaySeconds);
}
