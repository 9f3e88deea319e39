/** What people ask a pair to take back. What the functions for runs do is documented in store.ts. */
import { and, asc, eq, inArray, isNull, or } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import type { UndoPlan } from '../core/sync/undo.ts';
import type { Db } from './connect.ts';
import { type LeftoverFilter, undoRequests } from './history-schema.ts';
import { isId, newId } from './ids.ts';
import { doneOps } from './ops.ts';
import { openSealedJson } from './pairs.ts';
import { runs } from './schema.ts';
import { pairCell } from './sealed-cells.ts';

export type UndoRequestRow = typeof undoRequests.$inferSelect;

/**
 * Either changes to take back, newest first, or the side from which all copies are removed, or the leftovers of other
 * programs that are. Returns its id.
 */
export async function requestUndo(
  db: Db,
  pairId: string,
  what:
    | { readonly changeIds: readonly string[] }
    | { readonly side: SideName }
    | { readonly leftovers: LeftoverFilter },
): Promise<string> {
  const id = newId();
  const columns = 'changeIds' in what ? { changeIds: [...what.changeIds] } : what;
  await db.sql.insert(undoRequests).values({ id, pairId, at: new Date(), ...columns });
  return id;
}

export async function hasUndoRequests(db: Db, pairId: string, runId: string): Promise<boolean> {
  const [row] = await db.sql
    .select({ id: undoRequests.id })
    .from(undoRequests)
    .where(forRun(db, pairId, runId))
    .limit(1);
  return row !== undefined;
}

export async function takeUndoRequests(db: Db, pairId: string, runId: string): Promise<UndoRequestRow[]> {
  const rows = await db.sql
    .update(undoRequests)
    .set({ runId })
    .where(forRun(db, pairId, runId))
    .returning();
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** No other run has planned it, or the one that did broke off. */
function forRun(db: Db, pairId: string, runId: string) {
  const broken = db.sql
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.pairId, pairId), eq(runs.result, 'failed')));
  return and(
    eq(undoRequests.pairId, pairId),
    or(isNull(undoRequests.planned), eq(undoRequests.runId, runId), inArray(undoRequests.runId, broken)),
  );
}

export async function setUndoPlan(db: Db, { id, pairId }: UndoRequestRow, plan: UndoPlan): Promise<void> {
  await db.sql
    .update(undoRequests)
    .set({ planned: db.vault.seal(JSON.stringify(plan), pairCell(pairId, 'undo_requests.planned', id)) })
    .where(eq(undoRequests.id, id));
}

/** What became of requests. */
export interface UndoOutcome {
  readonly runId: string | null;
  /** Null: no run has planned it yet. */
  readonly plan: UndoPlan | null;
  /** The ops of the plan that were carried out. */
  readonly done: ReadonlySet<string>;
}

/** The outcome of one request; null for an unknown one. */
export async function undoOutcome(db: Db, pairId: string, requestId: string): Promise<UndoOutcome | null> {
  const [row] = await db.sql.select().from(undoRequests).where(eq(undoRequests.id, requestId));
  return row && row.pairId === pairId ? outcomeOf(db, pairId, row.runId, [row]) : null;
}

/** What a run did about all requests that it took; null where it took none. */
export async function undoOutcomeOfRun(db: Db, pairId: string, runId: string): Promise<UndoOutcome | null> {
  if (!isId(runId)) return null;
  const rows = await db.sql
    .select()
    .from(undoRequests)
    .where(and(eq(undoRequests.pairId, pairId), eq(undoRequests.runId, runId)))
    .orderBy(asc(undoRequests.id));
  return rows.length === 0 ? null : outcomeOf(db, pairId, runId, rows);
}

async function outcomeOf(
  db: Db,
  pairId: string,
  runId: string | null,
  rows: readonly UndoRequestRow[],
): Promise<UndoOutcome> {
  const plans = rows.flatMap(
    ({ id, planned }) =>
      (planned && openSealedJson<UndoPlan>(db, planned, pairCell(pairId, 'undo_requests.planned', id))) ?? [],
  );
  if (runId === null || plans.length === 0) return { runId, plan: null, done: new Set() };
  const plan: UndoPlan = {
    undone: plans.flatMap(({ undone }) => undone),
    kept: plans.flatMap(({ kept }) => kept),
    removed: plans.flatMap(({ removed }) => removed),
    keptCopies: plans.flatMap(({ keptCopies }) => keptCopies),
  };
  const done = await doneOps(
    db,
    [...plan.undone, ...plan.removed].map(({ opId }) => opId),
  );
  return { runId, plan, done: new Set(done) };
}
