/** Held changes: deletions that wait for a person's decision. */
import { and, asc, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import { anyOf, insertRows } from './bulk.ts';
import { type Db, transaction } from './connect.ts';
import { type EventPosition, isAfter } from './event-position.ts';
import { isId, newId } from './ids.ts';
import { openLabel } from './links.ts';
import { NEXT_REVISION } from './pairs.ts';
import { heldChanges, links, pairs } from './schema.ts';

export type HeldRow = typeof heldChanges.$inferSelect;
export type NewHeld = Pick<HeldRow, 'pairId' | 'linkId' | 'side' | 'reason' | 'since'>;

export function heldOf(db: Db, linkIds: readonly string[]): Promise<HeldRow[]> {
  if (linkIds.length === 0) return Promise.resolve([]);
  return db.sql.select().from(heldChanges).where(anyOf(heldChanges.linkId, linkIds));
}

export function hold(db: Db, rows: readonly NewHeld[]): Promise<number> {
  return insertRows(
    db,
    heldChanges,
    rows.map((row) => ({ id: newId(), ...row })),
    true,
  );
}

export async function release(db: Db, linkIds: readonly string[]): Promise<void> {
  if (linkIds.length > 0) await db.sql.delete(heldChanges).where(anyOf(heldChanges.linkId, linkIds));
}

export async function countHeld(db: Db, pairId: string): Promise<number> {
  const [row] = await db.sql
    .select({ count: sql<number>`count(*)::int` })
    .from(heldChanges)
    .where(eq(heldChanges.pairId, pairId));
  return row?.count ?? 0;
}

export interface HeldRecord {
  readonly id: string;
  readonly side: SideName;
  readonly eventTitle: string | null;
  readonly eventStart: string | null;
  readonly reason: string;
  readonly since: Date;
}

/** Those that wait for a decision, by start of the event. */
export async function listHeldChanges(
  db: Db,
  pairId: string,
  { after, limit }: { readonly after: EventPosition | null; readonly limit: number },
): Promise<{ items: HeldRecord[]; next: EventPosition | null }> {
  const rows = await db.sql
    .select({
      id: heldChanges.id,
      side: heldChanges.side,
      reason: heldChanges.reason,
      since: heldChanges.since,
      linkId: links.id,
      label: links.label,
      startAt: links.startAt,
    })
    .from(heldChanges)
    .innerJoin(links, eq(links.id, heldChanges.linkId))
    .where(
      and(
        eq(heldChanges.pairId, pairId),
        isNull(heldChanges.decision),
        isAfter(sql`${links.startAt}`, sql`${heldChanges.id}`, after),
      ),
    )
    .orderBy(sql`${links.startAt} nulls last`, asc(heldChanges.id))
    .limit(limit + 1);
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    items: rows.slice(0, limit).map(({ label, linkId, startAt: _at, ...row }) => {
      const { title, start } = openLabel(db, pairId, linkId, label);
      return { ...row, eventTitle: title, eventStart: start };
    }),
    next: last ? { startAt: last.startAt?.toISOString() ?? null, id: last.id } : null,
  };
}

/**
 * Records a person's decision about some held changes, or about all that wait (`ids` is null), and marks their links
 * for the next run. Returns the ids decided; null, with nothing decided, when one of `ids` does not wait in this pair.
 */
export function decideHeldChanges(
  db: Db,
  pairId: string,
  ids: readonly string[] | null,
  decision: 'apply' | 'restore',
): Promise<string[] | null> {
  return transaction(db, async (tx) => {
    if (ids !== null && !ids.every(isId)) return null;
    const wanted = ids === null ? null : [...new Set(ids)];
    if (wanted !== null && wanted.length === 0) return [];
    // A run plans and writes while it holds the pair's row: what it has planned does not know of the decision.
    await tx.sql.update(pairs).set(NEXT_REVISION).where(eq(pairs.id, pairId));
    const rows = await tx.sql
      .select({ id: heldChanges.id })
      .from(heldChanges)
      .where(
        and(
          eq(heldChanges.pairId, pairId),
          isNull(heldChanges.decision),
          wanted === null ? undefined : anyOf(heldChanges.id, wanted),
        ),
      )
      .for('update');
    if (wanted !== null && rows.length !== wanted.length) return null;
    if (rows.length === 0) return [];
    const heldIds = rows.map((row) => row.id);
    await tx.sql.update(heldChanges).set({ decision }).where(anyOf(heldChanges.id, heldIds));
    await tx.sql
      .update(links)
      .set({ dirty: true, retryAt: null })
      .where(
        inArray(
          links.id,
          tx.sql.select({ id: heldChanges.linkId }).from(heldChanges).where(anyOf(heldChanges.id, heldIds)),
        ),
      );
    return heldIds;
  });
}

/** Takes back decisions that no run was started for. What a run has done meanwhile is no longer in the table. */
export async function undecideHeldChanges(db: Db, ids: readonly string[]): Promise<void> {
  await db.sql.update(heldChanges).set({ decision: null }).where(anyOf(heldChanges.id, ids));
}
