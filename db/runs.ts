/** Runs as people read them: what each wrote is counted from the journal of its writes. */
import { and, count, desc, eq, gt, inArray, lt } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { isId } from './ids.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';
import { ops, runs } from './schema.ts';

interface Writes {
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
}

export type RunRecord = typeof runs.$inferSelect & {
  readonly writes: { readonly caldav: Writes; readonly cloud: Writes };
};

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

/** The first run that began after run `number`; null while none has. */
export async function runIdAfter(db: Db, pairId: string, number: number): Promise<string | null> {
  const [row] = await db.sql
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.pairId, pairId), gt(runs.number, number)))
    .orderBy(runs.number)
    .limit(1);
  return row?.id ?? null;
}

async function withWrites(db: Db, rows: readonly (typeof runs.$inferSelect)[]): Promise<RunRecord[]> {
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
  const writes = (runId: string, side: 'caldav' | 'cloud'): Writes => ({
    created: total.get(`${runId} ${side} create`) ?? 0,
    updated: total.get(`${runId} ${side} update`) ?? 0,
    deleted: total.get(`${runId} ${side} delete`) ?? 0,
  });
  return rows.map((row) => ({ ...row, writes: { caldav: writes(row.id, 'caldav'), cloud: writes(row.id, 'cloud') } }));
}
