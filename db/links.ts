/**
 * The events of a pair: what each side shows, what it showed when both last agreed, and which two belong together. All
 * functions of a run take its epoch and fail with `Superseded` when a later run has begun: a late worker stores
 * nothing.
 */
import { and, eq, isNull, lte, ne, or, sql } from 'drizzle-orm';
import { otherSide, type SideName } from '../core/event.ts';
import { anyOf, inChunks } from './bulk.ts';
import { type Db, transaction } from './connect.ts';
import { linkSides, links, ops, pairs } from './schema.ts';

export type LinkRow = typeof links.$inferSelect;
export type SideRow = typeof linkSides.$inferSelect;

/** A later run of the pair has begun; nothing more may be stored for this one. */
export class Superseded extends Error {
  constructor() {
    super('a later run of this pair has begun');
    this.name = 'Superseded';
  }
}

/**
 * Runs `work` in a transaction in which the pair's epoch is, and stays, the given one. What also changes the pair's row
 * says so with `update`: two transactions that share the row and then both change it would wait for each other.
 */
export function underEpoch<T>(
  db: Db,
  pairId: string,
  epoch: number,
  work: (tx: Db) => Promise<T>,
  lock: 'share' | 'update' = 'share',
): Promise<T> {
  return transaction(db, async (tx) => {
    const [pair] = await tx.sql.select({ epoch: pairs.epoch }).from(pairs).where(eq(pairs.id, pairId)).for(lock);
    if (pair?.epoch !== epoch) throw new Superseded();
    return work(tx);
  });
}

/** Two ops of one link, on its two sides, end one after the other. */
export async function lockLink(db: Db, linkId: string): Promise<void> {
  await db.sql.select({ id: links.id }).from(links).where(eq(links.id, linkId)).for('update');
}

export function context(pairId: string): string {
  return `pair:${pairId}`;
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

/** Version by resource of all that a side is known to have. */
export async function versionsOf(db: Db, pairId: string, side: SideName): Promise<Map<string, string | null>> {
  const rows = await db.sql
    .select({ resource: linkSides.resource, version: linkSides.version })
    .from(linkSides)
    .where(and(eq(linkSides.pairId, pairId), eq(linkSides.side, side), eq(linkSides.gone, 'no')));
  return new Map(rows.map((row) => [row.resource, row.version]));
}

/** Resources that a full listing has to name: not the copies that no listing has shown yet. */
export async function listedResources(db: Db, pairId: string, side: SideName): Promise<string[]> {
  const rows = await db.sql
    .selectDistinct({ resource: linkSides.resource })
    .from(linkSides)
    .where(
      and(eq(linkSides.pairId, pairId), eq(linkSides.side, side), eq(linkSides.gone, 'no'), eq(linkSides.listed, true)),
    );
  return rows.map((row) => row.resource);
}

/** Links of these ids that have no event on that side: none yet, or none any more. */
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

export async function insertLinks(db: Db, rows: readonly (typeof links.$inferInsert)[]): Promise<void> {
  await inChunks(rows, (some) => db.sql.insert(links).values(some).returning({ id: links.id }));
}

export async function insertSides(db: Db, rows: readonly (typeof linkSides.$inferInsert)[]): Promise<void> {
  await inChunks(rows, (some) => db.sql.insert(linkSides).values(some).returning({ id: linkSides.linkId }));
}

export async function updateSide(
  db: Db,
  linkId: string,
  side: SideName,
  set: Partial<typeof linkSides.$inferInsert>,
): Promise<void> {
  await db.sql
    .update(linkSides)
    .set(set)
    .where(and(eq(linkSides.linkId, linkId), eq(linkSides.side, side)));
}

/** What the sides of a link show becomes what they agreed on; the journal before is closed. */
export async function settleSides(db: Db, sides: Partial<Record<SideName, SideRow>>): Promise<void> {
  const rows = Object.values(sides);
  for (const row of rows) await updateSide(db, row.linkId, row.side, { base: row.current, baseVersion: row.version });
  if (rows[0])
    await db.sql
      .update(ops)
      .set({ settled: true })
      .where(and(eq(ops.linkId, rows[0].linkId), eq(ops.settled, false)));
}

/** A side goes; the copy that may come in its place has an id of its own. */
export async function dropSide(db: Db, linkId: string, side: SideName): Promise<void> {
  await db.sql.delete(linkSides).where(and(eq(linkSides.linkId, linkId), eq(linkSides.side, side)));
  await nextGeneration(db, [linkId], side);
}

/** A side is not known any more, as if its copy had never been created: the next try takes the same id. */
export async function forgetSide(db: Db, linkId: string, side: SideName): Promise<void> {
  await db.sql.delete(linkSides).where(and(eq(linkSides.linkId, linkId), eq(linkSides.side, side)));
}

/** As `dropSide` for sides whose event is gone for good, or is still awaited, where another one has taken its place. */
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

export async function markDirty(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length > 0)
    await db.sql.update(links).set({ dirty: true, retryAt: null, attempts: 0 }).where(anyOf(links.id, ids));
}

/** The next copy of the event on this side gets another id. */
export async function nextGeneration(db: Db, ids: readonly string[], side: SideName): Promise<void> {
  if (ids.length === 0) return;
  const next =
    side === 'caldav'
      ? { caldavGeneration: sql`${links.caldavGeneration} + 1` }
      : { cloudGeneration: sql`${links.cloudGeneration} + 1` };
  await db.sql.update(links).set(next).where(anyOf(links.id, ids));
}

export async function updateLinks(
  db: Db,
  ids: readonly string[],
  set: Partial<Omit<typeof links.$inferInsert, 'id' | 'pairId'>>,
): Promise<void> {
  if (ids.length > 0) await db.sql.update(links).set(set).where(anyOf(links.id, ids));
}

export async function deleteLinks(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await db.sql.delete(links).where(anyOf(links.id, ids));
}

/** True when a run has something to look at now. */
export async function hasWork(db: Db, pairId: string, now: Date): Promise<boolean> {
  const [row] = await db.sql.select({ id: links.id }).from(links).where(due(pairId, now)).limit(1);
  return row !== undefined;
}

/** Ids of the links that a run has to decide about, oldest first; `all` disregards when they were to be tried again. */
export async function dirtyLinks(db: Db, pairId: string, now: Date, all: boolean): Promise<string[]> {
  const where = all ? and(eq(links.pairId, pairId), eq(links.dirty, true)) : due(pairId, now);
  const rows = await db.sql.select({ id: links.id }).from(links).where(where).orderBy(links.id);
  return rows.map((row) => row.id);
}

function due(pairId: string, now: Date) {
  return and(eq(links.pairId, pairId), eq(links.dirty, true), or(isNull(links.retryAt), lte(links.retryAt, now)));
}

/** Links with their sides, in the order of the ids. */
export async function loadLinks(
  db: Db,
  ids: readonly string[],
): Promise<{ link: LinkRow; sides: Partial<Record<SideName, SideRow>> }[]> {
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

/** Events on one side whose deletion was reported, but not proved. */
export function suspectedGone(db: Db, pairId: string, side: SideName): Promise<SideRow[]> {
  return db.sql
    .select()
    .from(linkSides)
    .where(and(eq(linkSides.pairId, pairId), eq(linkSides.side, side), eq(linkSides.gone, 'suspected')));
}

/** Events that were written but not yet read back. */
export function unconfirmed(db: Db, pairId: string, side: SideName): Promise<SideRow[]> {
  return db.sql
    .select()
    .from(linkSides)
    .where(and(eq(linkSides.pairId, pairId), eq(linkSides.side, side), eq(linkSides.confirmed, false)));
}

/** The half of link `joined` on `side` belongs to the event of link `kept`. */
export interface Halves {
  readonly kept: string;
  readonly joined: string;
  readonly side: SideName;
}

/**
 * Pairs of unlinked events, one on each side, that share a hash which no other unlinked event of their side has (and,
 * for UIDs, no linked one either). By UID an event whose other half is gone, or was never shown, counts as unlinked: a
 * client that moves or restores an event gives it a new name. So does a copy that does not answer and whose original is
 * gone. The link of a copy that nothing has shown yet stays, because its name follows from it: should it be lost, it is
 * made again under that.
 */
export async function matchesBy(db: Db, pairId: string, by: 'uid' | 'content'): Promise<Halves[]> {
  const column = by === 'uid' ? sql`uid_hash` : sql`match_hash`;
  const { rows } = await db.sql.execute<{ caldav: string; cloud: string; keepsCloud: boolean }>(sql`
    with halves as (
      select s.link_id, s.side, s.${column} as hash, s.current is null as awaited, s.current is null or (s.owned and not s.listed) as unshown,
             (select count(*) from link_sides o where o.link_id = s.link_id and o.gone <> 'confirmed' and o.current is not null) as sides,
             count(*) filter (where s.current is not null) over (partition by s.side, s.${column}) as alike,
             count(*) filter (where s.current is null) over (partition by s.side, s.${column}) as awaited_alike
      from link_sides s join links l on l.id = s.link_id and l.parent_id is null where s.pair_id = ${pairId} and s.${column} is not null and s.gone = 'no'
        ${by === 'uid' ? sql`` : sql`and s.current is not null and not exists (select 1 from link_sides o where o.link_id = s.link_id and o.side <> s.side)`}
    )
    select max(link_id::text) filter (where side = 'caldav') as caldav, max(link_id::text) filter (where side = 'cloud') as cloud,
           bool_or(unshown and side = 'cloud') and not bool_or(awaited and side = 'caldav') as "keepsCloud"
    from halves where case when awaited then sides = 0 and alike = 0 and awaited_alike = 1 else sides = 1 and alike = 1 end
    group by hash having count(distinct side) = 2 and count(distinct link_id) = 2 and not bool_and(awaited)`);
  return rows.map(({ caldav, cloud, keepsCloud }) =>
    keepsCloud ? { kept: cloud, joined: caldav, side: 'caldav' } : { kept: caldav, joined: cloud, side: 'cloud' },
  );
}

/**
 * Events that are gone under one name and there under another one, with the same UID, before the other side is known to
 * have a copy. The link of the old name stays, because the name of a copy that may have been made meanwhile follows
 * from it.
 */
export async function renames(db: Db, pairId: string): Promise<Halves[]> {
  const { rows } = await db.sql.execute<Record<string, unknown> & Halves>(sql`
    with alone as (
      select s.link_id, s.side, s.uid_hash, s.gone from link_sides s join links l on l.id = s.link_id and l.parent_id is null
      where s.pair_id = ${pairId} and s.uid_hash is not null and (s.gone = 'confirmed' or (s.gone = 'no' and s.current is not null))
        and not exists (select 1 from link_sides o where o.link_id = s.link_id and o.side <> s.side)
    )
    select max(link_id::text) filter (where gone = 'confirmed') as kept, max(link_id::text) filter (where gone = 'no') as joined, side
    from alone group by side, uid_hash having count(*) = 2 and count(distinct gone) = 2`);
  return rows;
}

/** How many events each side changed since the pair's last run ended: what the poll before this run has read. */
export async function changedSinceLastRun(db: Db, pairId: string): Promise<Record<SideName, number>> {
  const {
    rows: [row],
  } = await db.sql.execute<Record<SideName, number>>(sql`
    select count(*) filter (where side = 'caldav')::int as caldav, count(*) filter (where side = 'cloud')::int as cloud from link_sides
    where pair_id = ${pairId} and changed_at > coalesce((select max(finished_at) from runs where pair_id = ${pairId}), '-infinity')`);
  return row ?? { caldav: 0, cloud: 0 };
}

/**
 * Makes two half links one. Where one half has lost its other side under another name, what that showed when both
 * agreed goes on to be the base, so that the move is no first meeting.
 */
export async function joinHalves(db: Db, { kept, joined, side }: Halves): Promise<void> {
  for (const [from, to, of] of [
    [joined, kept, otherSide(side)],
    [kept, joined, side],
  ] as const) {
    const [gone] = await db.sql
      .select()
      .from(linkSides)
      .where(and(eq(linkSides.linkId, from), eq(linkSides.side, of)));
    if (gone) await updateSide(db, to, of, { base: gone.base, baseVersion: gone.baseVersion, owned: gone.owned });
  }
  await dropGoneSides(db, [kept], side);
  await db.sql
    .update(linkSides)
    .set({ linkId: kept })
    .where(and(eq(linkSides.linkId, joined), eq(linkSides.side, side)));
  await db.sql.delete(links).where(eq(links.id, joined));
  await markDirty(db, [kept]);
}

/** True when another event that is there on that side has the UID. */
export async function isUidTaken(
  db: Db,
  pairId: string,
  side: SideName,
  uidHash: string,
  linkId: string,
): Promise<boolean> {
  const [row] = await db.sql
    .select({ linkId: linkSides.linkId })
    .from(linkSides)
    .where(
      and(
        eq(linkSides.pairId, pairId),
        eq(linkSides.side, side),
        eq(linkSides.uidHash, uidHash),
        ne(linkSides.linkId, linkId),
        ne(linkSides.gone, 'confirmed'),
      ),
    )
    .limit(1);
  return row !== undefined;
}

/** True when the pair itself has made a copy with this UID on this side, and that copy and its original are there. */
export async function hasCopyOfUid(db: Db, pairId: string, row: SideRow): Promise<boolean> {
  const {
    rows: [found],
  } = await db.sql.execute<{ copied: boolean }>(sql`
    select exists (
      select 1 from link_sides s join link_sides o on o.link_id = s.link_id and o.side <> s.side and o.gone = 'no'
      where s.pair_id = ${pairId} and s.side = ${row.side} and s.uid_hash = ${row.uidHash} and s.link_id <> ${row.linkId} and s.owned and s.gone = 'no') as copied`);
  return found?.copied ?? false;
}

/**
 * True when `marker` names no link of the pair, while an event that is on both sides has the title, start and rule of
 * this one.
 */
export async function hasDuplicateByOthers(db: Db, pairId: string, row: SideRow, marker: string): Promise<boolean> {
  const {
    rows: [found],
  } = await db.sql.execute<{ twin: boolean }>(sql`
    select not exists (select 1 from links where pair_id = ${pairId} and id::text = ${marker}) and exists (
      select 1 from link_sides s where s.pair_id = ${pairId} and s.match_hash = ${row.matchHash} and s.link_id <> ${row.linkId} and s.gone = 'no'
        and exists (select 1 from link_sides o where o.link_id = s.link_id and o.side <> s.side and o.gone = 'no')) as twin`);
  return found?.twin ?? false;
}

/**
 * Events that only this side has and that have the UID, or the title, start and rule, of one there: they may have been
 * left alone because of it.
 */
export async function duplicatesOf(db: Db, { pairId, linkId, side, uidHash, matchHash }: SideRow): Promise<string[]> {
  const { rows } = await db.sql.execute<{ id: string }>(sql`
    select s.link_id as id from link_sides s where s.pair_id = ${pairId} and s.side = ${side} and s.link_id <> ${linkId} and s.gone = 'no'
      and (s.uid_hash = ${uidHash} or s.match_hash = ${matchHash}) and not exists (select 1 from link_sides o where o.link_id = s.link_id and o.side <> s.side)
    order by s.link_id`);
  return rows.map(({ id }) => id);
}

/** The single events that stand for occurrences of these series. */
export async function instancesOf(db: Db, parentIds: readonly string[]): Promise<{ id: string; parentId: string }[]> {
  if (parentIds.length === 0) return [];
  const rows = await db.sql
    .select({ id: links.id, parentId: links.parentId })
    .from(links)
    .where(anyOf(links.parentId, parentIds))
    .orderBy(links.occurrence);
  return rows.flatMap(({ id, parentId }) => (parentId ? [{ id, parentId }] : []));
}

/** Series that are written out are looked at again: their window has moved. */
export async function touchExpandedSeries(db: Db, pairId: string): Promise<void> {
  await db.sql.execute(sql`update links set dirty = true where pair_id = ${pairId}
    and id in (select parent_id from links where pair_id = ${pairId} and parent_id is not null)`);
}

/** Events with something that has not crossed are looked at again: a pair's window of days has moved on. */
export async function touchUnsettled(db: Db, pairId: string): Promise<void> {
  await db.sql.execute(sql`update links set dirty = true where pair_id = ${pairId}
    and exists (select 1 from link_sides s where s.link_id = links.id and s.base is distinct from s.current)`);
}

/** How many events each side has, and how many are on both. */
export async function countEvents(db: Db, pairId: string): Promise<{ caldav: number; cloud: number; linked: number }> {
  const {
    rows: [row],
  } = await db.sql.execute<{ caldav: number; cloud: number; linked: number }>(sql`
    select count(*) filter (where side = 'caldav' and gone = 'no' and current is not null)::int as caldav,
           count(*) filter (where side = 'cloud' and gone = 'no' and current is not null)::int as cloud,
           (count(*) - count(distinct link_id))::int as linked
    from link_sides where pair_id = ${pairId}`);
  return row ?? { caldav: 0, cloud: 0, linked: 0 };
}

/** All events of a pair, on whichever side. */
export async function countLinks(db: Db, pairId: string): Promise<number> {
  const [row] = await db.sql.select({ count: sql<number>`count(*)::int` }).from(links).where(eq(links.pairId, pairId));
  return row?.count ?? 0;
}
