/** Ends a run: stores its result and writes its one line of the log. */
import { SIDES } from '../../core/event.ts';
import type { PairUpdate } from '../../db/pairs.ts';
import type { RunRow } from '../../db/runs.ts';
import type { RunSummary } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import type { OpenPair } from './open-pair.ts';
import { dueAgain, nextPollOf, scheduleColumns, scheduleOf } from './pair-health.ts';
import type { SideFailed } from './read-sides.ts';

/** `ok`: the run did everything that it planned; `partial`: at least one write failed or waits. */
export async function endRun(
  deps: Deps,
  { pair, accountIds, push }: OpenPair,
  runId: string,
  learned: Pick<PairUpdate, 'storesAsSent'> = {},
): Promise<RunSummary> {
  const counts = await deps.store.countOps(runId);
  const now = deps.clock.now();
  // A count reads all events of the pair.
  if (counts.createsAndDeletes > 0) await deps.store.noteEventCount(pair.id);
  await deps.store.noteCalendarChange(Object.values(accountIds));
  const result = counts.failed + counts.waiting + counts.stale + counts.pending > 0 ? 'partial' : 'ok';
  await deps.store.updateRun(runId, { result, finishedAt: now });
  const run = await deps.store.getRun(runId);
  const stored = await deps.store.pairWithAccounts(pair.id);
  await deps.store.updatePair(pair.id, {
    ...learned,
    lastSyncAt: now,
    firstRunAt: pair.firstRunAt ?? now,
    ...(run && stored ? dueAfterRun(scheduleOf(deps, stored.pair, push), run.startedAt, now) : {}),
  });
  return logged(deps, run);
}

/**
 * A side that the run has read is due an interval after its end: what a person does right after a sync belongs to the
 * next one. All others are due as their polls have set it.
 */
function dueAfterRun(schedule: ReturnType<typeof scheduleOf>, startedAt: Date, now: Date): PairUpdate {
  const read = SIDES.filter((side) => {
    const { polledAt, failure } = schedule[side].polls;
    return failure === undefined && polledAt !== undefined && Date.parse(polledAt) >= startedAt.getTime();
  });
  const due = dueAgain(schedule, read, now, 0.5);
  return { ...scheduleColumns(due), nextPollAt: nextPollOf(due, now) };
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
  return logged(deps, await deps.store.getRun(runId));
}

/** The summary of an ended run, which is also its line of the log: ids, codes and counts only. */
async function logged(deps: Deps, run: RunRow | null): Promise<RunSummary> {
  const summary = await summaryOf(deps, run);
  if (!run) return summary;
  const { runId, writes: written, ...counts } = summary;
  deps.log.info(
    {
      pairId: run.pairId,
      runId,
      trigger: run.trigger,
      read: { caldav: run.readCaldav, cloud: run.readCloud },
      written,
      ...counts,
      ...(run.error === null ? {} : { error: run.error.code, side: run.error.side }),
      ms: (run.finishedAt ?? deps.clock.now()).getTime() - run.startedAt.getTime(),
    },
    'run ended',
  );
  return summary;
}

export async function summaryOf(deps: Deps, run: RunRow | null): Promise<RunSummary> {
  if (!run) return { runId: '', result: 'failed', writes: 0, conflicts: 0, held: 0, problems: 0 };
  const { done } = await deps.store.countOps(run.id);
  const result = run.result === 'running' ? 'partial' : run.result;
  return { runId: run.id, result, writes: done, conflicts: run.conflicts, held: run.held, problems: run.problems };
}
