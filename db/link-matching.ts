/**
 * Which events belong together: matches between the two sides, renamed events, duplicates. What the functions do is
 * documented in store.ts.
 */
import { and, eq, sql } from 'drizzle-orm';
import { otherSide, type SideName } from '../core/event.ts';
import type { Db } from './connect.ts';
import { dropGoneSides, type SideRow, updateSide } from './link-sides.ts';
import { markDirty } from './links.ts';
import { linkSides, links } from './schema.ts';

/** The side `side` of link `joined` belongs to the event of link `kept`. */
export interface Halves {
  readonly kept: string;
  readonly joined: string;
  readonly side: SideName;
}

export async function matchesBy(db: Db, pairId: string, by: 'uid' | 'content'): Promise<Halves[]> {
  // Awaited: a copy that was created but never found. Alike: events of one side with the same hash.
  const column = by === 'uid' ? sql`uid_hash` : sql`match_hash`;
  const isAlone = sql`not exists (select 1 from link_sides o where o.link_id = s.link_id and o.side <> s.side)`;
  const { rows } = await db.sql.execute<{ caldav: string; cloud: string; keepsCloud: boolean }>(sql`
    with halves as (
      select
        s.link_id, s.side, s.${column} as hash,
        s.current is null as awaited,
        s.current is null or (s.owned and not s.listed) as unlisted,
        (select count(*) from link_sides o
          where o.link_id = s.link_id and o.gone <> 'confirmed' and o.current is not null) as sides,
        count(*) filter (where s.current is not null) over (partition by s.side, s.${column}) as alike,
        count(*) filter (where s.current is null) over (partition by s.side, s.${column}) as awaited_alike
      from link_sides s
      join links l on l.id = s.link_id and l.parent_id is null
      where s.pair_id = ${pairId} and s.${column} is not null and s.gone = 'no'
        ${by === 'uid' ? sql`` : sql`and s.current is not null and ${isAlone}`}
    )
    select
      max(link_id::text) filter (where side = 'caldav') as caldav,
      max(link_id::text) filter (where side = 'cloud') as cloud,
      bool_or(unlisted and side = 'cloud') and not bool_or(awaited and side = 'caldav') as "keepsCloud"
    from halves
    where case
      when awaited then sides = 0 and alike = 0 and awaited_alike = 1
      else sides = 1 and alike = 1
    end
    group by hash
    having count(distinct side) = 2 and count(distinct link_id) = 2 and not bool_and(awaited)`);
  return rows.map(({ caldav, cloud, keepsCloud }) =>
    keepsCloud ? { kept: cloud, joined: caldav, side: 'caldav' } : { kept: caldav, joined: cloud, side: 'cloud' },
  );
}

export async function renames(db: Db, pairId: string): Promise<Halves[]> {
  const { rows } = await db.sql.execute<Record<string, unknown> & Halves>(sql`
    with alone as (
      select s.link_id, s.side, s.uid_hash, s.gone
      from link_sides s
      join links l on l.id = s.link_id and l.parent_id is null
      where s.pair_id = ${pairId} and s.uid_hash is not null
        and (s.gone = 'confirmed' or (s.gone = 'no' and s.current is not null))
        and not exists (select 1 from link_sides o where o.link_id = s.link_id and o.side <> s.side)
    )
    select
      max(link_id::text) filter (where gone = 'confirmed') as kept,
      max(link_id::text) filter (where gone = 'no') as joined,
      side
    from alone
    group by side, uid_hash
    having count(*) = 2 and count(distinct gone) = 2`);
  return rows;
}

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

/** One side of an event, as far as another event may be the same. */
export type SimilarSide = Pick<SideRow, 'linkId' | 'side' | 'uidHash' | 'matchHash' | 'owned' | 'gone'> & {
  /** Both sides of its link have the event. */
  readonly isOnBoth: boolean;
};

export async function similarSides(
  db: Db,
  pairId: string,
  uidHashes: readonly string[],
  matchHashes: readonly string[],
): Promise<SimilarSide[]> {
  if (uidHashes.length + matchHashes.length === 0) return [];
  const { rows } = await db.sql.execute<SimilarSide & Record<string, unknown>>(sql`
    select
      s.link_id as "linkId", s.side, s.uid_hash as "uidHash", s.match_hash as "matchHash", s.owned, s.gone,
      s.gone = 'no' and exists (
        select 1 from link_sides o
        where o.link_id = s.link_id and o.side <> s.side and o.gone = 'no') as "isOnBoth"
    from link_sides s
    where s.pair_id = ${pairId} and s.side in ('caldav', 'cloud')
      and (s.uid_hash = any(${sql.param([...uidHashes])}) or s.match_hash = any(${sql.param([...matchHashes])}))`);
  return rows;
}

export async function duplicatesOf(db: Db, { pairId, linkId, side, uidHash, matchHash }: SideRow): Promise<string[]> {
  const { rows } = await db.sql.execute<{ id: string }>(sql`
    select s.link_id as id
    from link_sides s
    where s.pair_id = ${pairId} and s.side = ${side} and s.link_id <> ${linkId} and s.gone = 'no'
      and (s.uid_hash = ${uidHash} or s.match_hash = ${matchHash})
      and not exists (select 1 from link_sides o where o.link_id = s.link_id and o.side <> s.side)
    order by s.link_id`);
  return rows.map(({ id }) => id);
}
