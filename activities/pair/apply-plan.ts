/**
 * Executes the plan of a run. Every op is stored before its write and has the merged version as its precondition. What
 * writes come to is stored within milliseconds, several at a time; a write whose result was not stored is repeated
 * without harm, so a crash at any point leads to the same end. After a lost race the event is read and decided again
 * within the run.
 *
 * The invariant: a side's base moves only when every op of its link in this run is done. Until then only the current
 * state of the side is stored, so that an edit that still has to be copied is not forgotten.
 */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { SideName } from '../../core/event.ts';
import { groupBy } from '../../core/group-by.ts';
import { afterWrite, type Pace, resumePace, startPace } from '../../core/sync/pace.ts';
import { WRITE_WAITS } from '../../core/waiting-times.ts';
import type { OpRow } from '../../db/ops.ts';
import { inLanes } from '../../providers/concurrency.ts';
import type { PairActivities } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { type Applying, nothingYet, type Outcome } from './applying.ts';
import { askForLost, proveAgain } from './ask-again.ts';
import { commitGroups } from './commit-groups.ts';
import { confirmWrites } from './confirm-writes.ts';
import { findCopiesByOtherPairs } from './copies-by-other-pairs.ts';
import { endRun, summaryOf } from './end-run.ts';
import { executeOp, mayWriteTo } from './execute-op.ts';
import { postpone, restAfterLostRaces } from './failed-op.ts';
import { KnownPaces } from './known-paces.ts';
import { linkEvents } from './link-events.ts';
import type { Loaded } from './link-view.ts';
import { openPair } from './open-pair.ts';
import { noteAccepted, noteFailure } from './pair-health.ts';
import { planLinks } from './plan-links.ts';
import { proveDeletions, SideFailed } from './read-sides.ts';
import { storeResults } from './store-results.ts';

/** Rounds of deciding again after lost races; the next run takes the rest. */
const MAX_ROUNDS = 5;

export function createApplyPlan(deps: Deps): PairActivities['applyPlan'] {
  const paces = new KnownPaces();
  return async ({ pairId, runId }) => {
    const { cancellationSignal: signal } = Context.current();
    const resumed = await deps.store.resumeRun(runId);
    const open = resumed && (await openPair(deps, pairId, signal));
    if (!open) throw ApplicationFailure.nonRetryable('the pair has been deleted', 'PairGone');
    const { run, epoch } = resumed;
    if (epoch === null) return summaryOf(deps, run);
    const counts = await deps.store.countOps(runId);
    const progress = { done: counts.done, of: counts.done + counts.pending };
    const { heartbeat } = Context.current();
    const stopBeating = deps.clock.every(2_000, () => heartbeat({ ...progress }));
    try {
      const settingsRevision = run.settingsRevision ?? open.pair.settingsRevision;
      const applying: Applying = {
        deps,
        open,
        runId,
        epoch,
        settingsRevision,
        signal,
        mayWrite: mayWriteTo(deps, pairId, epoch, signal),
        commits: commitGroups(deps.clock, signal, (group) => storeResults(applying, group)),
        storesAsSent: { ...open.pair.storesAsSent },
        ...nothingYet(),
        pace: paces.of(pairId, deps.clock.now()),
        progress,
      };
      try {
        return await applyRounds(applying, run.startedAt);
      } finally {
        paces.keep(pairId, applying.pace, deps.clock.now());
      }
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
  return endRun(deps, open, runId, { storesAsSent: applying.storesAsSent });
}

/**
 * Executes the pending ops in chunks, what is nearest to today first and deletions last. Returns the links to be
 * decided again, by an op.
 */
async function applyPending(applying: Applying): Promise<Map<string, OpRow>> {
  const { deps, open } = applying;
  const again = new Map<string, OpRow>();
  let countedAt = deps.clock.now().getTime();
  for await (const chunk of chunksOf(applying, 'writes')) {
    await applyOps(applying, chunk, again);
    if (applying.stopped.size === 0) await confirm(applying);
    if (deps.clock.now().getTime() - countedAt > COUNT_EVERY_MS) {
      await deps.store.noteEventCount(open.pair.id);
      countedAt = deps.clock.now().getTime();
    }
  }
  for await (const chunk of chunksOf(applying, 'deletions')) {
    const ready = await withoutOpenSiblings(applying, chunk);
    if (ready.length > 0) await deps.store.updatePair(open.pair.id, { lastGoneAt: deps.clock.now() });
    await applyOps(applying, ready, again);
  }
  return again;
}

/** A long run shows how far it has come. Each count reads all events of the pair. */
const COUNT_EVERY_MS = 5_000;
/** Ops that are loaded together, with their links. */
const CHUNK = 200;

async function* chunksOf({ deps, runId }: Applying, which: 'writes' | 'deletions'): AsyncGenerator<OpRow[]> {
  for (let after: OpRow | null = null; ; ) {
    const chunk: OpRow[] = await deps.store.opsToExecute(runId, which, after, CHUNK);
    if (chunk.length > 0) yield chunk;
    if (chunk.length < CHUNK) return;
    after = chunk.at(-1) ?? null;
  }
}

/** The edits of an event have to be copied to the other side before it is deleted. */
async function withoutOpenSiblings({ deps, runId }: Applying, deletes: readonly OpRow[]): Promise<OpRow[]> {
  const facts = await deps.store.linkFacts(runId, [...new Set(deletes.map(({ linkId }) => linkId))]);
  const open = new Map(facts.map(({ linkId, open }) => [linkId, open]));
  const ready: OpRow[] = [];
  for (const op of deletes) {
    if (open.get(op.linkId)?.some(({ id }) => id !== op.id)) await deps.store.setOp(op.id, 'stale', null, null);
    else ready.push(op);
  }
  return ready;
}

async function applyOps(applying: Applying, ops: readonly OpRow[], again: Map<string, OpRow>): Promise<void> {
  const loaded = await applying.deps.store.loadLinks([...new Set(ops.map(({ linkId }) => linkId))]);
  const links = new Map(loaded.map((one) => [one.link.id, one]));
  await proveAgain(applying, ops, links);
  // A failure of one side ends the run, but what the other one still writes is stored before.
  const ended = await Promise.allSettled(
    [...groupBy(ops, ({ side }) => side)].map(([side, some]) => applySide(applying, side, some, links, again)),
  );
  await applying.commits.all();
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  await askForLost(applying, again);
}

async function applySide(
  applying: Applying,
  side: SideName,
  ops: readonly OpRow[],
  links: ReadonlyMap<string, Loaded>,
  again: Map<string, OpRow>,
): Promise<void> {
  const { deps, stopped, pace, progress } = applying;
  const now = (): number => deps.clock.now().getTime();
  const paceNow = (): Pace => pace.get(side) ?? startPace(applying.open.sides[side].writesAtOnce, now());
  pace.set(side, resumePace(paceNow(), now()));
  const attemptOne = async (op: OpRow): Promise<void> => {
    const stop = stopped.get(side);
    if (stop) return postpone(applying, op, stop);
    const outcome = await attempt(applying, op, links.get(op.linkId) ?? null);
    progress.done += 1;
    if (outcome.kind === 'done') pace.set(side, afterWrite(paceNow(), now()));
    // What a person took back is copied to the other side by the same run.
    if (outcome.kind === 'again' || (outcome.kind === 'done' && op.byPerson === 'undo')) again.set(op.linkId, op);
    if (outcome.kind === 'stops') stopped.set(outcome.side, outcome);
  };
  await inLanes(ops, () => paceNow().atOnce, attemptOne);
}

/** Executes one op; waits for a short Retry-After and retries after one transient failure. */
async function attempt(applying: Applying, op: OpRow, loaded: Loaded | null): Promise<Outcome> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await executeOp(applying, op, loaded, tries);
    if (outcome.kind !== 'retry') return outcome;
    await applying.deps.clock.sleep(Math.min(outcome.delayMs, WRITE_WAITS.longestOnTheSpotMs), applying.signal);
  }
}

/** Reads what was written, where the answer to the write does not say what the side has now. */
async function confirm(applying: Applying): Promise<void> {
  await unlessSideFails(applying, () =>
    confirmWrites(applying.deps, applying.open, applying.epoch, applying.storesAsSent),
  );
}

async function readBack(applying: Applying, decidesAgain: boolean): Promise<void> {
  const { deps, open, epoch, storesAsSent } = applying;
  await unlessSideFails(applying, async () => {
    await confirmWrites(deps, open, epoch, storesAsSent);
    if (decidesAgain) await findCopiesByOtherPairs(deps, open, epoch);
    await proveDeletions(deps, open, epoch);
  });
}

/** A side that cannot be read is not called again in this run. */
async function unlessSideFails({ stopped }: Applying, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SideFailed)) throw error;
    stopped.set(error.side, { error: error.error });
  }
}

async function decideAgain(applying: Applying, ids: readonly string[]): Promise<void> {
  const { deps, open, runId, epoch, progress } = applying;
  // Another pair may have written what this one lost.
  const matched = await linkEvents(deps, open, epoch);
  const all = [...new Set([...ids, ...matched.map(({ linkId }) => linkId)])];
  const planned = await planLinks(deps, open, { id: runId, epoch }, all);
  progress.of += planned.ops;
}
