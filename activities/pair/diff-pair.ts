/**
 * Begins a run: reads both sides unless a poll just did, links the events that belong together, and plans the writes.
 */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { SIDES, type SideName } from '../../core/event.ts';
import { RUN_DELAY_SECONDS } from '../../core/waiting-times.ts';
import { Superseded } from '../../db/epoch.ts';
import type { RunRow } from '../../db/runs.ts';
import type { DiffResult, PairActivities } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { waiting } from '../error-policy.ts';
import { confirmWrites } from './confirm-writes.ts';
import { findCopiesByOtherPairs } from './copies-by-other-pairs.ts';
import { endRun, failRun, summaryOf } from './end-run.ts';
import { linkEvents } from './link-events.ts';
import { type OpenPair, openPair } from './open-pair.ts';
import { needsFreshListing, noteFailure, noteOutcomes } from './pair-health.ts';
import { planLinks } from './plan-links.ts';
import { planUndo } from './plan-undo.ts';
import {
  asSideFailure,
  proveDeletions,
  type ReadSetting,
  readSides,
  SideFailed,
  type SideOutcomes,
  type SideRead,
} from './read-sides.ts';
import { repairObjects } from './repair-objects.ts';

type Input = Parameters<PairActivities['diffPair']>[0];

export function createDiffPair(deps: Deps): PairActivities['diffPair'] {
  return async (input) => {
    const { cancellationSignal, info } = Context.current();
    const restMs = await remainingWaitMs(deps, input);
    if (restMs > 0) throw waiting('throttled', 'both', Math.min(restMs / 1000, RUN_DELAY_SECONDS));
    const begun = await deps.store.beginRun({
      ...input,
      now: deps.clock.now(),
      requestedAt: new Date(info.scheduledTimestampMs),
    });
    if (!begun) throw ApplicationFailure.nonRetryable('the pair has been deleted', 'PairGone');
    const { run, epoch } = begun;
    // A restored database knows nothing of what the poll did not ask for.
    const polled = input.polled && begun.follows;
    if (run.finishedAt) return { runId: run.id, ops: 0, ended: await summaryOf(deps, run) };
    if (input.full) await forgetCursors(deps, input);
    const open = await openPair(deps, input.pairId, cancellationSignal);
    if (!open) throw ApplicationFailure.nonRetryable('the pair has been deleted', 'PairGone');
    // A workflow may not know it: Temporal was restored from a backup, or the signal was sent by hand.
    if (open.pair.paused) throw ApplicationFailure.retryable('the pair is paused', 'Paused');
    const stopBeating = deps.clock.every(5_000, () => Context.current().heartbeat({ phase: 'diff' }));
    try {
      return await decideRun(deps, open, { run, epoch }, { ...input, polled });
    } catch (error) {
      if (error instanceof Superseded || error instanceof ApplicationFailure || cancellationSignal.aborted) throw error;
      if (!(error instanceof SideFailed))
        deps.log.error({ pairId: input.pairId, runId: run.id, err: error }, 'a run failed unexpectedly');
      const failure = asSideFailure(error);
      await noteFailure(deps, open, failure);
      return { runId: run.id, ops: 0, ended: await failRun(deps, open, run.id, failure) };
    } finally {
      stopBeating();
    }
  };
}

/**
 * A Retry-After also delays a requested run: it begins when the wait is over. A run that has begun continues.
 */
async function remainingWaitMs(deps: Deps, { pairId, number }: Input): Promise<number> {
  const { until, hasBegun } = await deps.store.requestedWait(pairId, number);
  return until && !hasBegun ? until.getTime() - deps.clock.now().getTime() : 0;
}

async function decideRun(
  deps: Deps,
  open: OpenPair,
  { run, epoch }: { run: RunRow; epoch: number },
  input: Input,
): Promise<DiffResult> {
  const { pair } = open;
  const about = { pairId: pair.id, runId: run.id };
  deps.log.debug({ ...about, trigger: input.trigger, full: input.full, polled: input.polled }, 'run begins');
  let read: Record<SideName, number>;
  let outcomes: SideOutcomes = {};
  let full = false;
  if (input.polled) {
    read = await deps.store.changedSinceLastRun(pair.id);
  } else {
    full = input.full || pair.fullListingAt === null || SIDES.some((side) => needsFreshListing(pair, side));
    outcomes = await readBoth(deps, open, { epoch, full });
    const { caldav, cloud } = outcomes;
    const failed = [caldav, cloud].find((outcome) => outcome instanceof SideFailed);
    if (failed) return { runId: run.id, ops: 0, ended: await failRun(deps, open, run.id, failed) };
    read = { caldav: readIn(caldav), cloud: readIn(cloud) };
    if (full) await deps.store.updatePair(pair.id, { fullListingAt: run.startedAt });
  }
  deps.log.debug({ ...about, read }, 'both sides are read');
  await findCopiesByOtherPairs(deps, open, epoch);
  await proveDeletions(deps, open, epoch);
  await confirmWrites(deps, open, epoch);
  if (!input.polled) await noteOutcomes(deps, open, outcomes);
  const matched = await linkEvents(deps, open, epoch);
  if (input.full) await deps.store.retryRefusals(pair.id, { before: null });
  const byPerson = await planUndo(deps, open, { id: run.id, epoch });
  const dirty = await deps.store.dirtyLinks(pair.id, deps.clock.now(), input.trigger !== 'poll');
  const ids = dirty.filter((id) => !byPerson.has(id));
  const planned = await planLinks(deps, open, { id: run.id, epoch }, ids);
  await deps.store.updateRun(run.id, {
    readCaldav: read.caldav,
    readCloud: read.cloud,
  });
  await deps.store.updatePair(pair.id, { needsMatching: false });
  // What the run writes is counted when it ends.
  if (full || matched.length > 0 || planned.losesEvents) await deps.store.noteEventCount(pair.id);
  const { conflicts, held, problems } = planned;
  const ops = planned.ops + byPerson.size;
  deps.log.debug({ ...about, events: ids.length, ops, conflicts, held, problems }, 'run is planned');
  return { runId: run.id, ops, ended: ops === 0 ? await endRun(deps, open, run.id) : null };
}

/** Notes at once that a side failed; that both answered is noted once what they reported could be read, too. */
async function readBoth(deps: Deps, open: OpenPair, setting: ReadSetting): Promise<SideOutcomes> {
  const { outcomes, error } = await readSides(deps, open, { caldav: setting, cloud: setting });
  // Reading that was broken off, because the pair is deleted, is no failure of a side.
  Context.current().cancellationSignal.throwIfAborted();
  const failed = Object.values(outcomes).filter((outcome) => outcome instanceof SideFailed);
  // Even if a later run has begun: a Retry-After counts for that one, too.
  if (failed.length > 0) await noteOutcomes(deps, open, outcomes);
  if (error) throw error;
  for (const { error: bug } of failed)
    if (bug.kind === 'bug') deps.log.error({ pairId: open.pair.id, err: bug.cause }, 'a run failed unexpectedly');
  if (failed.length === 0 && setting.full) await repairObjects(deps, open);
  return outcomes;
}

function readIn(outcome: SideRead | SideFailed | undefined): number {
  return outcome && 'read' in outcome ? outcome.read : 0;
}

async function forgetCursors(deps: Deps, { pairId }: Input): Promise<void> {
  await deps.store.updatePair(pairId, { caldavCursor: null, cloudCursor: null, needsMatching: true });
}
