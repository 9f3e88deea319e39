/** Events that a side has lost within a day. What the functions do is documented in store.ts. */
import { and, eq, gt, sql } from 'drizzle-orm';
import { anyOf, inChunks } from './bulk.ts';
import type { Db } from './connect.ts';
import { lostEvents as table } from './history-schema.ts';
import type { SideRow } from './link-sides.ts';

export type LostSide = Pick<SideRow, 'linkId' | 'side' | 'uidHash'>;
export type LostEvent = Pick<typeof table.$inferSelect, 'linkId' | 'side' | 'uidHash' | 'at'>;

export async function noteLost(db: Db, pairId: string, rows: readonly LostSide[], now: Date): Promise<void> {
  const lost = rows.flatMap(({ linkId, side, uidHash }) =>
    uidHash === null ? [] : [{ pairId, linkId, side, uidHash, at: now }],
  );
  await inChunks(lost, (some) =>
    db.sql
      .insert(table)
      .values(some)
      .onConflictDoUpdate({
        target: [table.linkId, table.side],
        set: { uidHash: sql`excluded.uid_hash`, at: sql`excluded.at` },
      })
      .returning({ linkId: table.linkId }),
  );
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
