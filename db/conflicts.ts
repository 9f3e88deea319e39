/** Conflicts: fields that both sides changed, with the value that won and the one that lost. */
import { and, desc, eq, lt } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import { insertRows } from './bulk.ts';
import type { Db } from './connect.ts';
import { mapPage, type Page, type PageRequest, pageOf } from './page.ts';
import { openSealedJson } from './pairs.ts';
import { conflicts } from './schema.ts';
import { pairCell } from './sealed-cells.ts';

export type NewConflict = typeof conflicts.$inferInsert;

export async function insertConflicts(db: Db, rows: readonly NewConflict[]): Promise<number> {
  return insertRows(db, conflicts, rows, true);
}

export interface ConflictRecord {
  readonly id: string;
  readonly at: Date;
  readonly eventTitle: string | null;
  readonly field: string;
  readonly winner: SideName;
  readonly keptValue: unknown;
  readonly lostValue: unknown;
}

/** Newest first. */
export async function listConflicts(db: Db, pairId: string, page: PageRequest): Promise<Page<ConflictRecord>> {
  const rows = await db.sql
    .select()
    .from(conflicts)
    .where(and(eq(conflicts.pairId, pairId), page.after === null ? undefined : lt(conflicts.id, page.after)))
    .orderBy(desc(conflicts.id))
    .limit(page.limit + 1);
  return mapPage(pageOf(rows, page.limit), ({ id, at, field, winner, content }) => {
    const opened = openSealedJson<{ eventTitle?: string | null; keptValue?: unknown; lostValue?: unknown }>(
      db,
      content,
      pairCell(pairId, 'conflicts.content', id),
    );
    return {
      id,
      at,
      field,
      winner,
      eventTitle: opened?.eventTitle ?? null,
      keptValue: opened?.keptValue ?? null,
      lostValue: opened?.lostValue ?? null,
    };
  });
}
