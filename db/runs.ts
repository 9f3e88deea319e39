/** Runs of pairs, with what each wrote. */
import { and, count, desc, eq, gt, inArray, lt, ne, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import type { Trigger } from '../core/sync/trigger.ts';
import { type Db, transaction } from './connect.ts';
import { nextEpoch } from './epoch.ts';
import { isId, newId } from './ids.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';
import { ops, pairs, runs } from './schema.ts';

export type RunRow = typeof runs.$inferSelect;
export type NewRun = typeof runs.$inferInsert;

export interface BeginRun {
  readonly pairId: string;
  readonly number: number;
  readonly trigger: Trigger;
  readonly now: Date;
  /** When Temporal was asked for the run: a run of that number that began before is another one. */
  readonly requestedAt?: Date;
}

export interface BegunRun {
  readonly run: RunRow;
  readonly epoch: number;
  /**
   * It is the first one, or the one before it is known. Otherwise the database may have been restored from a backup
   * that is older than Temporal.
   */
  readonly follows: boolean;
}

export function beginRun(db: Db, { pairId, trigger, now, requestedAt, ...input }: BeginRun): Promise<BegunRun | null> {
  return transaction(db, async (tx) => {
    const epoch = await nextEpoch(tx, pairId);
    if (epoch === null) return null;
    // A Temporal that was restored from a backup counts from an older number: that run has been.
    const number =
      requestedAt && (await isAnother(tx, pairId, input.number, requestedAt))
        ? (await lastRunNumber(tx, pairId)) + 1
        : input.number;
    await tx.sql
      .update(runs)
      .set({
        result: 'failed',
        finishedAt: now,
        error: { code: 'interrupted', side: null, detail: 'the run was interrupted' },
      })
      .where(and(eq(runs.pairId, pairId), eq(runs.result, 'running'), ne(runs.number, number)));
    await tx.sql
      .insert(runs)
      .values({ id: newId(), pairId, number, trigger, startedAt: now, result: 'running' })
      .onConflictDoNothing();
    const known = await tx.sql
      .select()
      .from(runs)
      .where(and(eq(runs.pairId, pairId), inArray(runs.number, [number - 1, number])));
    const run = known.find((one) => one.number === number);
    return run ? { run, epoch, follows: number === 1 || known.length === 2 } : null;
  });
}

async function isAnother(tx: Db, pairId: string, number: number, requestedAt: Date): Promise<boolean> {
  const [run] = await tx.sql
    .select({ id: runs.id })
    .from(runs)
    .where(
      and(
        eq(runs.pairId, pairId),
        eq(runs.number, number),
        ne(runs.result, 'running'),
        lt(runs.startedAt, requestedAt),
      ),
    );
  return run !== undefined;
}

export function resumeRun(db: Db, runId: string): Promise<{ run: RunRow; epoch: number | null } | null> {
  return transaction(db, async (tx) => {
    const ofRun = sql`${pairs.id} = (select pair_id from runs where id = ${runId})`;
    const [pair] = await tx.sql.select({ id: pairs.id }).from(pairs).where(ofRun).for('update');
    const run = pair ? await getRun(tx, runId) : null;
    return run && { run, epoch: run.finishedAt ? null : await nextEpoch(tx, run.pairId) };
  });
}

export async function getRun(db: Db, runId: string): Promise<RunRow | null> {
  const [row] = await db.sql.select().from(runs).where(eq(runs.id, runId));
  return row ?? null;
}

export async function updateRun(db: Db, runId: string, set: Partial<NewRun>): Promise<void> {
  await db.sql.update(runs).set(set).where(eq(runs.id, runId));
}

export async function addToRun(
  db: Db,
  runId: string,
  { conflicts, held, problems }: Pick<RunRow, 'conflicts' | 'held' | 'problems'>,
): Promise<void> {
  await db.sql
    .update(runs)
    .set({
      conflicts: sql`${runs.conflicts} + ${conflicts}`,
      held: sql`${runs.held} + ${held}`,
      problems: sql`${runs.problems} + ${problems}`,
    })
    .where(eq(runs.id, runId));
}

export async function countProblem(db: Db, runId: string): Promise<void> {
  await db.sql
    .update(runs)
    .set({ problems: sql`${runs.problems} + 1` })
    .where(eq(runs.id, runId));
}

export async function isRunning(db: Db, pairId: string): Promise<boolean> {
  const [row] = await db.sql
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.pairId, pairId), eq(runs.result, 'running')))
    .limit(1);
  return row !== undefined;
}

/** The highest run number so far; 0 before the first run. */
export async function lastRunNumber(db: Db, pairId: string): Promise<number> {
  const [row] = await db.sql
    .select({ last: sql<number>`coalesce(max(${runs.number}), 0)::int` })
    .from(runs)
    .where(eq(runs.pairId, pairId));
  return row?.last ?? 0;
}

export async function pruneRuns(db: Db, pairId: string, before: Date): Promise<void> {
  await db.sql.delete(runs).where(and(eq(runs.pairId, pairId), ne(runs.result, 'running'), lt(runs.startedAt, before)));
}

interface Writes {
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
}

export type RunRecord = RunRow & { readonly writes: Readonly<Record<SideName, Writes>> };

/** Newest first. */
export async function listRuns(db: Db, pairId: string, page: PageRequest): Promise<Page<RunRecord>> {
  const rows = await db.sql
    .select()
    .from(runs)
    .where(and(eq(runs.pairId, pairId), page.after === null ? undefined : lt(runs.id, page.after)))
    .orderBy(desc(runs.id))
    .limit(page.limit + 1);
  const { items, next } = pageOf(rows, page.limit);
  return { items: await withWrites(db, items), next };
}

export async function findRun(db: Db, pairId: string, runId: string): Promise<RunRecord | null> {
  if (!isId(pairId) || !isId(runId)) return null;
  const rows = await db.sql
    .select()
    .from(runs)
    .where(and(eq(runs.id, runId), eq(runs.pairId, pairId)));
  return (await withWrites(db, rows))[0] ?? null;
}

/** The first run after run `number`; null while there is none. */
export async function runIdAfter(db: Db, pairId: string, number: number): Promise<string | null> {
  const [row] = await db.sql
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.pairId, pairId), gt(runs.number, number)))
    .orderBy(runs.number)
    .limit(1);
  return row?.id ?? null;
}

async function withWrites(db: Db, rows: readonly RunRow[]): Promise<RunRecord[]> {
  if (rows.length === 0) return [];
  const counts = await db.sql
    .select({ runId: ops.runId, side: ops.side, action: ops.action, total: count() })
    .from(ops)
    .where(
      and(
        inArray(
          ops.runId,
          rows.map((row) => row.id),
        ),
        eq(ops.status, 'done'),
      ),
    )
    .groupBy(ops.runId, ops.side, ops.action);
  const total = new Map(counts.map((row) => [`${row.runId} ${row.side} ${row.action}`, row.total]));
  const writes = (runId: string, side: SideName): Writes => ({
    created: total.get(`${runId} ${side} create`) ?? 0,
    updated: total.get(`${runId} ${side} update`) ?? 0,
    deleted: total.get(`${runId} ${side} delete`) ?? 0,
  });
  return rows.map((row) => ({ ...row, writes: { caldav: writes(row.id, 'caldav'), cloud: writes(row.id, 'cloud') } }));
}
