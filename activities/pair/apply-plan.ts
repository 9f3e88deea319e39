/**
 * Executes the plan of a run. Every op has the merged version as its precondition, is noted before the next one
 * starts, and can be repeated, so a crash at any point leads to the same end. After a lost race the event is read and
 * decided again within the run.
 *
 * The invariant: a side's base moves only when every op of its link in this run is done. Until then only the current
 * state of the side is stored, so that an edit that still has to be copied is not forgotten.
 */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { SideName } from '../../core/event.ts';
import { WRITE_WAITS } from '../../core/waiting-times.ts';
import type { OpRow } from '../../db/ops.ts';
import type { PairActivities } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { type Applying, nothingYet, type Outcome } from './applying.ts';
import { confirmWrites } from './confirm-writes.ts';
import { findCopiesByOtherPairs } from './copies-by-other-pairs.ts';
import { endRun, summaryOf } from './end-run.ts';
import { executeOp } from './execute-op.ts';
import { postpone, restAfterLostRaces } from './failed-op.ts';
import { linkEvents } from './link-events.ts';
import { openPair } from './open-pair.ts';
import { noteAccepted, noteFailure } from './pair-health.ts';
import { planLinks } from './plan-links.ts';
import { proveDeletions, SideFailed } from './read-sides.ts';

/** Rounds of deciding again after lost races; the next run takes the rest. */
const MAX_ROUNDS = 5;

export function createApplyPlan(deps: Deps): PairActivities['applyPlan'] {
  return async ({ pairId, runId }) => {
    const { cancellationSignal: signal } = Context.current();
    const resumed = await deps.store.resumeRun(runId);
    const open = resumed && (await openPair(deps, pairId, signal));
    if (!open) throw ApplicationFailure.nonRetryable('the pair has been deleted', 'PairGone');
    const { run, epoch } = resumed;
    if (epoch === null) return summaryOf(deps, run);
    const stopBeating = deps.clock.every(2_000, () => void heartbeat(deps, runId));
    try {
      const settingsRevision = run.settingsRevision ?? open.pair.settingsRevision;
      const applying = { deps, open, runId, epoch, settingsRevision, signal, ...nothingYet() };
      return await applyRounds(applying, run.startedAt);
    } finally {
      stopBeating();
    }
  };
}

async function applyRounds(applying: Applying, startedAt: Date) {
  const { deps, open, runId, stopped, accepted } = applying;
  for (let round = 1; ; round += 1) {
    const again = await applyPending(applying);
    deps.log.debug(
      { pairId: open.pair.id, runId, round, decidedAgain: again.size, stopped: [...stopped.keys()] },
      'pending writes are executed',
    );
    // Also if the other op of the event was refused for good, which would set the event aside until it changes.
    await deps.store.updateLinks([...again.keys()], { dirty: true });
    await readBack(applying, again.size > 0);
    if (again.size === 0 || stopped.size > 0) break;
    if (round === MAX_ROUNDS) {
      for (const op of again.values()) await restAfterLostRaces(applying, op);
      break;
    }
    await decideAgain(applying, [...again.keys()]);
  }
  const [failed] = stopped;
  if (failed) await noteFailure(deps, open, new SideFailed(failed[0], failed[1].error));
  else await noteAccepted(deps, open, accepted);
  // What a calendar refused while it could not be written to is tried again now that it can.
  for (const side of accepted) await deps.store.retryRefusals(open.pair.id, { acceptedBy: side, before: startedAt });
  return endRun(deps, open, runId);
}

/** Executes the pending ops, each side with its own concurrency. Returns the links to be decided again, by an op. */
async function applyPending(applying: Applying): Promise<Map<string, OpRow>> {
  const { deps, runId } = applying;
  const again = new Map<string, OpRow>();
  const all = await deps.store.pendingOps(runId);
  const phase = (ops: readonly OpRow[]) =>
    Promise.all(
      (['caldav', 'cloud'] as const).map((side) =>
        applySide(
          applying,
          side,
          ops.filter((op) => op.side === side),
          again,
        ),
      ),
    );
  await phase(all.filter(({ action }) => action !== 'delete'));
  const deletes: OpRow[] = [];
  for (const op of all.filter(({ action }) => action === 'delete')) {
    // The edits of this event have to be copied to the other side before it is deleted.
    if ((await deps.store.openSiblings(op)).length > 0) await deps.store.setOp(op.id, 'stale', null, null);
    else deletes.push(op);
  }
  if (deletes.length > 0) await deps.store.updatePair(applying.open.pair.id, { lastGoneAt: deps.clock.now() });
  await phase(deletes);
  return again;
}

async function applySide(
  applying: Applying,
  side: SideName,
  ops: readonly OpRow[],
  again: Map<string, OpRow>,
): Promise<void> {
  const { stopped } = applying;
  const queue = [...ops];
  const lanes = Math.min(applying.open.sides[side].writesAtOnce, queue.length);
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (let op = queue.shift(); op; op = queue.shift()) {
        const stop = stopped.get(side);
        if (stop) {
          await postpone(applying, op, stop);
          continue;
        }
        const outcome = await attempt(applying, op);
        if (outcome.kind === 'again') again.set(op.linkId, op);
        if (outcome.kind === 'stops') stopped.set(outcome.side, outcome);
      }
    }),
  );
}

/** Executes one op; waits for a short Retry-After and retries after one transient failure. */
async function attempt(applying: Applying, op: OpRow): Promise<Outcome> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await executeOp(applying, op, tries);
    if (outcome.kind !== 'retry') return outcome;
    await applying.deps.clock.sleep(Math.min(outcome.delayMs, WRITE_WAITS.longestOnTheSpotMs), applying.signal);
  }
}

async function readBack({ deps, open, epoch, stopped }: Applying, decidesAgain: boolean): Promise<void> {
  try {
    await confirmWrites(deps, open, epoch);
    if (decidesAgain) await findCopiesByOtherPairs(deps, open, epoch);
    await proveDeletions(deps, open, epoch);
  } catch (error) {
    if (!(error instanceof SideFailed)) throw error;
    stopped.set(error.side, { error: error.error });
  }
}

async function decideAgain({ deps, open, runId, epoch }: Applying, ids: readonly string[]): Promise<void> {
  const run = await deps.store.getRun(runId);
  // Another pair may have written what this one lost.
  const matched = await linkEvents(deps, open, epoch);
  const planned = await planLinks(deps, open, { id: runId, epoch }, [
    ...new Set([...ids, ...matched.map(({ linkId }) => linkId)]),
  ]);
  if (!run) return;
  await deps.store.updateRun(runId, {
    conflicts: run.conflicts + planned.conflicts,
    held: run.held + planned.held,
    problems: run.problems + planned.problems,
  });
}

async function heartbeat(deps: Deps, runId: string): Promise<void> {
  const counts = await deps.store.countOps(runId).catch(() => null);
  if (counts) Context.current().heartbeat({ done: counts.done, of: counts.done + counts.pending });
}
