/**
 * Links: the events of a pair. Their sides are in link-sides.ts, how they are matched is in link-matching.ts. What the
 * functions do is documented in store.ts.
 */
import { and, eq, isNotNull, isNull, lte, or, type Placeholder, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import { TRIES_BEFORE_PROBLEM } from '../core/sync/refusal.ts';
import { anyOf, insertRows, updateRows } from './bulk.ts';
import { type Db, transaction } from './connect.ts';
import type { SideRow } from './link-sides.ts';
import { NEXT_REVISION, openSealedJson } from './pairs.ts';
import { linkSides, links, pairs } from './schema.ts';
import { pairCell } from './sealed-cells.ts';

export type LinkRow = typeof links.$inferSelect;
export type NewLink = typeof links.$inferInsert;
export type LinkUpdate = Partial<Omit<NewLink, 'id' | 'pairId'>>;
export interface LinkChange {
  readonly id: string;
  readonly set: LinkUpdate;
}

/** What the order of planning depends on. */
export type LinkRowOutline = Pick<LinkRow, 'id' | 'parentId' | 'failedTries' | 'label'> & {
  /** A side has the event. */
  readonly isPresent: boolean;
};

/** A link with its sides. */
export interface LoadedLink {
  readonly link: LinkRow;
  readonly sides: Partial<Record<SideName, SideRow>>;
}

export async function lockLinks(db: Db, linkIds: readonly string[]): Promise<void> {
  if (linkIds.length > 0)
    await db.sql.select({ id: links.id }).from(links).where(anyOf(links.id, linkIds)).orderBy(links.id).for('update');
}

export async function insertLinks(db: Db, rows: readonly NewLink[]): Promise<void> {
  await insertRows(db, links, rows);
}

export async function updateLinks(db: Db, ids: readonly string[], set: LinkUpdate): Promise<void> {
  if (ids.length > 0) await db.sql.update(links).set(set).where(anyOf(links.id, ids));
}

export async function updateEachLink(db: Db, changes: readonly LinkChange[]): Promise<void> {
  await updateRows(
    db,
    links,
    ['id'],
    changes.map(({ id, set }) => ({ id, ...set })),
  );
}

export async function deleteLinks(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await db.sql.delete(links).where(anyOf(links.id, ids));
}

/** What it sets: earlier failures are over. */
export const NOW_DIRTY = { dirty: true, retryAt: null, attempts: 0, failedTries: 0 } as const;

export async function markDirty(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await db.sql.update(links).set(NOW_DIRTY).where(anyOf(links.id, ids));
}

export async function hasWork(db: Db, pairId: string, now: Date): Promise<boolean> {
  const [row] = await db.sql.select({ id: links.id }).from(links).where(due(pairId, now)).limit(1);
  return row !== undefined;
}

export async function dirtyLinks(db: Db, pairId: string, now: Date, all: boolean): Promise<string[]> {
  const where = all ? and(eq(links.pairId, pairId), eq(links.dirty, true)) : due(pairId, now);
  const rows = await db.sql.select({ id: links.id }).from(links).where(where).orderBy(links.id);
  return rows.map((row) => row.id);
}

/** Of the pair, and to be decided about now. */
export function due(pairId: string | Placeholder, now: Date | Placeholder) {
  return and(eq(links.pairId, pairId), eq(links.dirty, true), or(isNull(links.retryAt), lte(links.retryAt, now)));
}

export async function loadLinks(db: Db, ids: readonly string[]): Promise<LoadedLink[]> {
  if (ids.length === 0) return [];
  const [linkRows, sideRows] = await Promise.all([
    db.sql.select().from(links).where(anyOf(links.id, ids)),
    db.sql.select().from(linkSides).where(anyOf(linkSides.linkId, ids)),
  ]);
  const byId = new Map(linkRows.map((link) => [link.id, { link, sides: {} as Partial<Record<SideName, SideRow>> }]));
  for (const row of sideRows) {
    const entry = byId.get(row.linkId);
    if (entry) entry.sides[row.side] = row;
  }
  return ids.flatMap((id) => byId.get(id) ?? []);
}

export async function outlines(db: Db, ids: readonly string[]): Promise<LinkRowOutline[]> {
  if (ids.length === 0) return [];
  const isPresent = sql<boolean>`exists (
    select 1 from link_sides s where s.link_id = ${links.id} and s.gone <> 'confirmed' and s.current is not null)`;
  return db.sql
    .select({ id: links.id, parentId: links.parentId, failedTries: links.failedTries, label: links.label, isPresent })
    .from(links)
    .where(anyOf(links.id, ids))
    .orderBy(links.id);
}

export async function linksWithout(db: Db, pairId: string, side: SideName, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db.sql
    .select({ id: links.id })
    .from(links)
    .leftJoin(linkSides, and(eq(linkSides.linkId, links.id), eq(linkSides.side, side)))
    .where(
      and(
        eq(links.pairId, pairId),
        anyOf(links.id, ids),
        or(isNull(linkSides.linkId), eq(linkSides.gone, 'confirmed')),
      ),
    );
  return rows.map((row) => row.id);
}

export async function countLinks(db: Db, pairId: string): Promise<number> {
  const [row] = await db.sql.select({ count: sql<number>`count(*)::int` }).from(links).where(eq(links.pairId, pairId));
  return row?.count ?? 0;
}

export async function instancesOf(db: Db, parentIds: readonly string[]): Promise<{ id: string; parentId: string }[]> {
  if (parentIds.length === 0) return [];
  const rows = await db.sql
    .select({ id: links.id, parentId: links.parentId })
    .from(links)
    .where(anyOf(links.parentId, parentIds))
    .orderBy(links.occurrence);
  return rows.flatMap(({ id, parentId }) => (parentId ? [{ id, parentId }] : []));
}

export async function expandedSeries(db: Db, pairId: string): Promise<string[]> {
  const rows = await db.sql
    .selectDistinct({ parentId: links.parentId })
    .from(links)
    .where(and(eq(links.pairId, pairId), isNotNull(links.parentId)))
    .orderBy(links.parentId);
  return rows.flatMap(({ parentId }) => parentId ?? []);
}

export async function touchExpandedSeries(db: Db, pairId: string): Promise<void> {
  await db.sql.execute(sql`
    update links set dirty = true
    where pair_id = ${pairId}
      and id in (select parent_id from links where pair_id = ${pairId} and parent_id is not null)`);
}

export async function touchUnsettled(db: Db, pairId: string): Promise<void> {
  await db.sql.execute(sql`
    update links set dirty = true
    where pair_id = ${pairId}
      and exists (select 1 from link_sides s where s.link_id = links.id and s.base is distinct from s.current)`);
}

/** Refused writes that are to be tried again. */
export type RetriedRefusals =
  /** Those that were last tried before a time; null: all. */
  | { readonly before: Date | null }
  /**
   * Those of a calendar that has accepted other writes, once each if they were last tried before: where it still
   * refuses, the event is the reason.
   */
  | { readonly acceptedBy: SideName; readonly before: Date };

/** `failed_tries` of a write that has been a problem: one more failure, and it is one again. */
export const LAST_TRY = TRIES_BEFORE_PROBLEM - 1;

export async function retryRefusals(db: Db, pairId: string, which: RetriedRefusals): Promise<void> {
  const { before } = which;
  for (const side of 'acceptedBy' in which ? [which.acceptedBy] : (['caldav', 'cloud'] as const)) {
    const refusal = sql`(refusals -> ${side}::text)`;
    const marked = (name: string) => sql`jsonb_set(refusals, array[${side}::text, ${name}::text], 'true'::jsonb)`;
    const mayPass = sql`pair_id = ${pairId} and refusals is not null and ${refusal} ->> 'mayPass' = 'true'
      ${'acceptedBy' in which ? sql`and ${refusal} ->> 'isOfEvent' is null` : sql``}`;
    await db.sql.execute(sql`
      update links
      set dirty = true, retry_at = null, attempts = 0, failed_tries = ${LAST_TRY}, refusals = ${marked('isDue')}
      where ${mayPass} ${before === null ? sql`` : sql`and ${refusal} ->> 'at' < ${before.toISOString()}`}`);
    if ('acceptedBy' in which)
      await db.sql.execute(sql`update links set refusals = ${marked('isOfEvent')} where ${mayPass}`);
  }
}

/** An event of which a person had taken the copy away: the next run copies it again. */
export function includeEvent(db: Db, pairId: string, linkId: string): Promise<void> {
  return transaction(db, async (tx) => {
    await tx.sql.update(pairs).set(NEXT_REVISION).where(eq(pairs.id, pairId));
    await tx.sql
      .update(links)
      .set({ ...NOW_DIRTY, excluded: null })
      .where(and(eq(links.id, linkId), eq(links.pairId, pairId)));
  });
}

/** Title and start of a link's event, for lists. */
export function openLabel(
  db: Db,
  pairId: string,
  linkId: string,
  label: Buffer | null,
): { title: string | null; start: string | null } {
  const cell = pairCell(pairId, 'links.label', linkId);
  const opened =
    label === null ? null : openSealedJson<{ title?: string | null; start?: string | null }>(db, label, cell);
  return { title: opened?.title ?? null, start: opened?.start ?? null };
}
