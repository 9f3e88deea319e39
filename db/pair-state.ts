/** What polls and runs read and note of a pair; what people see and set of it is in pairs.ts. */
import { and, eq } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { connections, pairs, runs } from './schema.ts';

export type PairRow = typeof pairs.$inferSelect;

export interface PairWithAccounts {
  readonly pair: PairRow;
  readonly caldavAccountId: string;
  readonly cloudAccountId: string;
}

/** Null when the pair has been deleted. */
export async function pairWithAccounts(db: Db, pairId: string): Promise<PairWithAccounts | null> {
  const [row] = await db.sql
    .select({ pair: pairs, caldavAccountId: connections.caldavAccountId, cloudAccountId: connections.cloudAccountId })
    .from(pairs)
    .innerJoin(connections, eq(connections.id, pairs.connectionId))
    .where(eq(pairs.id, pairId));
  return row ?? null;
}

/** What may change while an activity is under way; null when the pair has been deleted. */
export async function pairNow(
  db: Db,
  pairId: string,
): Promise<Pick<PairRow, 'epoch' | 'paused' | 'attention' | 'announced' | 'lastGoneAt'> | null> {
  const { epoch, paused, attention, announced, lastGoneAt } = pairs;
  const [row] = await db.sql
    .select({ epoch, paused, attention, announced, lastGoneAt })
    .from(pairs)
    .where(eq(pairs.id, pairId));
  return row ?? null;
}

export async function updatePair(
  db: Db,
  pairId: string,
  set: Partial<Omit<typeof pairs.$inferInsert, 'id'>>,
): Promise<void> {
  await db.sql.update(pairs).set(set).where(eq(pairs.id, pairId));
}

/** Until when a server has asked the pair to wait, and whether the run of that number has begun already. */
export async function requestedWait(
  db: Db,
  pairId: string,
  runNumber: number,
): Promise<{ until: Date | null; hasBegun: boolean }> {
  const [row] = await db.sql
    .select({ until: pairs.notBefore, runId: runs.id })
    .from(pairs)
    .leftJoin(runs, and(eq(runs.pairId, pairs.id), eq(runs.number, runNumber)))
    .where(eq(pairs.id, pairId));
  return { until: row?.until ?? null, hasBegun: (row?.runId ?? null) !== null };
}
