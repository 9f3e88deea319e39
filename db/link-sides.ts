/**
 * The sides of links: what each calendar has now, and what it had when both last agreed. What the functions do is
 * documented in store.ts.
 */
import { and, eq, gt, isNotNull, isNull, not, or, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import { anyOf, inChunks, insertRows, updateRows } from './bulk.ts';
import type { Db } from './connect.ts';
import { linkSides, links, ops } from './schema.ts';

export type SideRow = typeof linkSides.$inferSelect;
export type NewSide = typeof linkSides.$inferInsert;
export interface SideChange extends Pick<SideRow, 'linkId' | 'side'> {
  readonly set: Partial<NewSide>;
}

export function sidesByRef(db: Db, pairId: string, side: SideName, refs: readonly string[]): Promise<SideRow[]> {
  return inChunks(refs, (some) =>
    db.sql
      .select()
      .from(linkSides)
      .where(and(eq(linkSides.pairId, pairId), eq(linkSides.side, side), anyOf(linkSides.ref, some))),
  );
}

export function sidesByResource(
  db: Db,
  pairId: string,
  side: SideName,
  resources: readonly string[],
): Promise<SideRow[]> {
  return inChunks(resources, (some) =>
    db.sql
      .select()
      .from(linkSides)
      .where(and(eq(linkSides.pairId, pairId), eq(linkSides.side, side), anyOf(linkSides.resource, some))),
  );
}

export async function versionsOf(db: Db, pairId: string, side: SideName): Promise<Map<string, string | null>> {
  const rows = await db.sql
    .select({ resource: linkSides.resource, version: linkSides.version })
    .from(linkSides)
    .where(and(eq(linkSides.pairId, pairId), eq(linkSides.side, side), eq(linkSides.gone, 'no')));
  return new Map(rows.map((row) => [row.resource, row.version]));
}

export async function listedResources(db: Db, pairId: string, side: SideName): Promise<string[]> {
  const rows = await db.sql
    .selectDistinct({ resource: linkSides.resource })
    .from(linkSides)
    .where(
      and(eq(linkSides.pairId, pairId), eq(linkSides.side, side), eq(linkSides.gone, 'no'), eq(linkSides.listed, true)),
    );
  return rows.map((row) => row.resource);
}

export async function markListed(db: Db, pairId: string, side: SideName, resources: readonly string[]): Promise<void> {
  await db.sql
    .update(linkSides)
    .set({ listed: true })
    .where(
      and(
        eq(linkSides.pairId, pairId),
        eq(linkSides.side, side),
        anyOf(linkSides.resource, resources),
        eq(linkSides.listed, false),
      ),
    );
}

export async function suspectGone(
  db: Db,
  pairId: string,
  side: SideName,
  resources: readonly string[],
  { isListed, except }: { readonly isListed: boolean; readonly except: readonly string[] },
): Promise<string[]> {
  const rows = await db.sql
    .update(linkSides)
    .set({ gone: 'suspected', ...(isListed ? { listed: true } : {}) })
    .where(
      and(
        eq(linkSides.pairId, pairId),
        eq(linkSides.side, side),
        anyOf(linkSides.resource, resources),
        eq(linkSides.gone, 'no'),
        not(anyOf(linkSides.ref, except)),
      ),
    )
    .returning({ linkId: linkSides.linkId });
  return rows.map(({ linkId }) => linkId);
}

export function suspectedGone(db: Db, pairId: string, side: SideName): Promise<SideRow[]> {
  return db.sql
    .select()
    .from(linkSides)
    .where(and(eq(linkSides.pairId, pairId), eq(linkSides.side, side), sql`${linkSides.gone} = 'suspected'`));
}

export async function ownedCopies(
  db: Db,
  pairId: string,
  side: SideName,
  after: string | null,
  limit: number,
): Promise<string[]> {
  const rows = await db.sql
    .select({ linkId: linkSides.linkId })
    .from(linkSides)
    .where(
      and(
        eq(linkSides.pairId, pairId),
        eq(linkSides.side, side),
        eq(linkSides.owned, true),
        eq(linkSides.gone, 'no'),
        isNotNull(linkSides.current),
        after === null ? undefined : gt(linkSides.linkId, after),
      ),
    )
    .orderBy(linkSides.linkId)
    .limit(limit);
  return rows.map(({ linkId }) => linkId);
}

export function unconfirmed(db: Db, pairId: string, side: SideName): Promise<SideRow[]> {
  return db.sql
    .select()
    .from(linkSides)
    .where(and(eq(linkSides.pairId, pairId), eq(linkSides.side, side), sql`not ${linkSides.confirmed}`));
}

export async function countEvents(db: Db, pairId: string): Promise<{ caldav: number; cloud: number; linked: number }> {
  const {
    rows: [row],
  } = await db.sql.execute<{ caldav: number; cloud: number; linked: number }>(sql`
    select
      count(*) filter (where side = 'caldav' and gone = 'no' and current is not null)::int as caldav,
      count(*) filter (where side = 'cloud' and gone = 'no' and current is not null)::int as cloud,
      (count(*) - count(distinct link_id))::int as linked
    from link_sides
    where pair_id = ${pairId}`);
  return row ?? { caldav: 0, cloud: 0, linked: 0 };
}

export async function changedSinceLastRun(db: Db, pairId: string): Promise<Record<SideName, number>> {
  const {
    rows: [row],
  } = await db.sql.execute<Record<SideName, number>>(sql`
    select
      count(*) filter (where s.side = 'caldav')::int as caldav,
      count(*) filter (where s.side = 'cloud')::int as cloud
    from links l
    join link_sides s on s.link_id = l.id
    where l.pair_id = ${pairId} and l.dirty
      and s.changed_at > coalesce((select max(finished_at) from runs where pair_id = ${pairId}), '-infinity')`);
  return row ?? { caldav: 0, cloud: 0 };
}

export async function insertSides(db: Db, rows: readonly NewSide[]): Promise<void> {
  await insertRows(db, linkSides, rows);
}

export async function updateSide(db: Db, linkId: string, side: SideName, set: Partial<NewSide>): Promise<void> {
  await db.sql
    .update(linkSides)
    .set(set)
    .where(and(eq(linkSides.linkId, linkId), eq(linkSides.side, side)));
}

export async function updateSides(db: Db, changes: readonly SideChange[]): Promise<void> {
  await updateRows(
    db,
    linkSides,
    ['linkId', 'side'],
    changes.map(({ linkId, side, set }) => ({ ...set, linkId, side })),
  );
}

const HAS_NEW_BASE = sql`(${linkSides.base} is distinct from ${linkSides.current}
  or ${linkSides.baseVersion} is distinct from ${linkSides.version})`;

export async function settleLinks(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.sql
    .update(linkSides)
    .set({ base: sql`${linkSides.current}`, baseVersion: sql`${linkSides.version}` })
    .where(and(anyOf(linkSides.linkId, ids), HAS_NEW_BASE));
  await db.sql
    .update(ops)
    .set({ settled: true })
    .where(and(anyOf(ops.linkId, ids), eq(ops.settled, false)));
}

export async function dropSides(db: Db, linkIds: readonly string[], side: SideName): Promise<void> {
  await forgetSides(db, linkIds, side);
  await nextGeneration(db, linkIds, side);
}

export async function forgetSides(db: Db, linkIds: readonly string[], side: SideName): Promise<void> {
  if (linkIds.length > 0)
    await db.sql.delete(linkSides).where(and(anyOf(linkSides.linkId, linkIds), eq(linkSides.side, side)));
}

export async function dropGoneSides(db: Db, linkIds: readonly string[], side: SideName): Promise<void> {
  if (linkIds.length === 0) return;
  const rows = await db.sql
    .delete(linkSides)
    .where(
      and(
        anyOf(linkSides.linkId, linkIds),
        eq(linkSides.side, side),
        or(eq(linkSides.gone, 'confirmed'), isNull(linkSides.current)),
      ),
    )
    .returning({ id: linkSides.linkId });
  await nextGeneration(
    db,
    rows.map((row) => row.id),
    side,
  );
}

export async function nextGeneration(db: Db, ids: readonly string[], side: SideName): Promise<void> {
  if (ids.length === 0) return;
  const next =
    side === 'caldav'
      ? { caldavGeneration: sql`${links.caldavGeneration} + 1` }
      : { cloudGeneration: sql`${links.cloudGeneration} + 1` };
  await db.sql.update(links).set(next).where(anyOf(links.id, ids));
}
