/** Events that a side has lost within a day. What the functions do is documented in store.ts. */
import { and, eq, gt, lte, sql } from 'drizzle-orm';
import { anyOf } from './bulk.ts';
import type { Db } from './connect.ts';
import { lostEvents as table } from './history-schema.ts';
import type { SideRow } from './link-sides.ts';

const DAY_MS = 86_400_000;

export type LostSide = Pick<SideRow, 'linkId' | 'side' | 'uidHash'>;
export type LostEvent = Pick<typeof table.$inferSelect, 'linkId' | 'side' | 'uidHash' | 'at'>;

export async function noteLost(db: Db, pairId: string, rows: readonly LostSide[], now: Date): Promise<void> {
  const yesterday = new Date(now.getTime() - DAY_MS);
  await db.sql.delete(table).where(and(eq(table.pairId, pairId), lte(table.at, yesterday)));
  const lost = rows.flatMap(({ linkId, side, uidHash }) =>
    uidHash === null ? [] : [{ pairId, linkId, side, uidHash, at: now }],
  );
  if (lost.length === 0) return;
  await db.sql
    .insert(table)
    .values(lost)
    .onConflictDoUpdate({
      target: [table.linkId, table.side],
      set: { uidHash: sql`excluded.uid_hash`, at: sql`excluded.at` },
    });
}

export async function lostEvents(
  db: Db,
  pairId: string,
  uidHashes: readonly string[],
  since: Date,
): Promise<LostEvent[]> {
  if (uidHashes.length === 0) return [];
  const { linkId, side, uidHash, at } = table;
  return db.sql
    .select({ linkId, side, uidHash, at })
    .from(table)
    .where(and(eq(table.pairId, pairId), anyOf(uidHash, uidHashes), gt(at, since)));
}
