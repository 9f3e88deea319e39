/** Undo in schedules of both simulations: when people ask for it, and what the request is. */
import type { ChangeRow } from '../../db/changes.ts';
import type { RunRow } from '../../db/runs.ts';
import type { Random } from '../support/random.ts';
import type { MemoryDatabase } from './memory-store.ts';

/** A person takes back one change out of the history of a pair, or all that its run wrote. */
export interface UndoStep {
  readonly do: 'undo';
  /** Index of the pair, or of the installation. */
  readonly pair: number;
  /** From 0 to 1: the newest change is 1. */
  readonly change: number;
  readonly wholeRun: boolean;
}

interface SyncStep {
  readonly do: 'sync';
  readonly during: readonly { readonly at: number; readonly step: unknown }[];
}

/**
 * A part of all schedules gets such steps, between others and in the middle of syncs. They have a random generator of
 * their own, so that all other schedules stay as they were before there was undo.
 */
export function withUndo<Step extends { readonly do: string }>(
  steps: readonly Step[],
  pairs: number,
  random: Random,
): readonly (Step | UndoStep)[] {
  if (!random.chance(0.3)) return steps;
  const all: (Step | UndoStep)[] = [...steps];
  for (let count = 1 + random.below(4); count > 0; count -= 1) {
    const step: UndoStep = {
      do: 'undo',
      pair: random.below(pairs),
      change: Math.sqrt(random.next()),
      wholeRun: random.chance(0.3),
    };
    const place = Math.floor(all.length * (0.15 + 0.85 * random.next()));
    const next = all[place];
    if (next?.do === 'sync' && random.chance(0.6)) {
      const sync = next as Step & SyncStep;
      all[place] = { ...sync, during: [...sync.during, { at: 1 + random.below(30), step }] };
    } else all.splice(place, 0, step);
  }
  return all;
}

/** Stores the request as the API does. Returns the changes that it is about. */
export function requestUndo(
  database: MemoryDatabase,
  pairId: string,
  { change, wholeRun }: Pick<UndoStep, 'change' | 'wholeRun'>,
  now: number,
): readonly ChangeRow[] {
  const rows = [...database.history.values()].filter((row) => row.pairId === pairId).sort(byId);
  const chosen = rows[Math.min(rows.length - 1, Math.floor(change * rows.length))];
  if (!chosen) return [];
  const asked = rows.filter((row) => (wholeRun ? row.runId === chosen.runId : row.id === chosen.id)).reverse();
  const id = database.newId();
  const more = { side: null, leftovers: null, runId: null, planned: null };
  const changeIds = asked.map((row) => row.id);
  database.put(database.undoRequests, id, { id, pairId, at: new Date(now), changeIds, ...more });
  return asked;
}

/** Changes in words. */
export function described(rows: readonly ChangeRow[]): string {
  if (rows.length === 0) return '  nothing to take back';
  return `  ${rows.map(({ side, action, linkId }) => `${action} on ${side} (${linkId.slice(-4)})`).join(', ')}`;
}

/** Whether the run that took a request has done with it: otherwise the next one takes it again. */
export function hasEnded(run: Pick<RunRow, 'result'> | undefined): boolean {
  return run?.result === 'ok' || run?.result === 'partial';
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
