/** How a run ends, and what is told of it. */
import type { RunRow } from '../../db/plans.ts';
import type { RunSummary } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import type { OpenPair } from './open-pair.ts';
import type { SideFailed } from './read-sides.ts';

/** `ok`: all that the run set out to do was done; `partial`: at least one write failed or waits. */
export async function endRun(deps: Deps, { pair, accountIds }: OpenPair, runId: string): Promise<RunSummary> {
  const counts = await deps.store.countOps(runId);
  const now = deps.clock.now();
  await deps.store.noteCalendarChange(Object.values(accountIds));
  const result = counts.failed + counts.waiting + counts.stale + counts.pending > 0 ? 'partial' : 'ok';
  await deps.store.updateRun(runId, { result, finishedAt: now });
  await deps.store.updatePair(pair.id, {
    lastSyncAt: now,
    firstRunAt: pair.firstRunAt ?? now,
    nextPollAt: new Date(now.getTime() + pair.pollIntervalSeconds * 1000),
  });
  return summaryOf(deps, await deps.store.getRun(runId));
}

/** A side could not be read. */
export async function failRun(deps: Deps, { pair }: OpenPair, runId: string, failure: SideFailed): Promise<RunSummary> {
  const now = deps.clock.now();
  const detail = failure.error.reason ?? failure.error.message;
  await deps.store.updateRun(runId, {
    result: 'failed',
    finishedAt: now,
    error: { code: failure.error.kind, side: failure.side, detail },
  });
  if (!pair.firstRunAt) await deps.store.updatePair(pair.id, { firstRunAt: now });
  return summaryOf(deps, await deps.store.getRun(runId));
}

export async function summaryOf(deps: Deps, run: RunRow | null): Promise<RunSummary> {
  if (!run) return { runId: '', result: 'failed', writes: 0, conflicts: 0, held: 0, problems: 0 };
  const { done } = await deps.store.countOps(run.id);
  const result = run.result === 'running' ? 'partial' : run.result;
  return { runId: run.id, result, writes: done, conflicts: run.conflicts, held: run.held, problems: run.problems };
}
