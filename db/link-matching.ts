/**
 * Which events belong together: matches between the two sides, renamed events, duplicates. What the functions do is
 * documented in store.ts.
 */
import { sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import { anyOf } from './bulk.ts';
import type { Db } from './connect.ts';
import { dropGoneSides, type SideRow, updateSides } from './link-sides.ts';
import { deleteLinks, NOW_DIRTY } from './links.ts';
import { linkSides, links } from './schema.ts';
import { movedTo, sideCell } from './sealed-cells.ts';

/** The side `side` of link `joined` belongs to the event of link `kept`. */
export interface Halves {
  readonly kept: string;
  readonly joined: string;
  readonly side: SideName;
}

export async function matchesBy(
  db: Db,
  pairId: string,
  by: 'uid' | 'content',
  among: 'all' | 'dirty',
): Promise<Halves[]> {
  // Awaited: a copy that was created but never found. Alike: events of one side with the same hash.
  const column = by === 'uid' ? sql`uid_hash` : sql`match_hash`;
  const ofDirty = sql`
    select d.${column} from links l join link_sides d on d.link_id = l.id
    where l.pair_id = ${pairId} and l.dirty and d.${column} is not null`;
  // Only such events can match: in a calendar whose events are linked there are few.
  const ofLone = sql`
    select d.${column} from link_sides d
    where d.pair_id = ${pairId} and d.${column} is not null and d.gone = 'no'
      and not exists (
        select 1 from link_sides o
        where o.link_id = d.link_id and o.side <> d.side and o.gone <> 'confirmed' and o.current is not null)`;
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
      where s.pair_id = ${pairId} and s.side in ('caldav', 'cloud') and s.${column} is not null and s.gone = 'no'
        and s.${column} ${among === 'all' ? sql`in (${ofLone})` : sql`= any(array(${ofDirty}))`}
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
      where s.pair_id = ${pairId} and s.side in ('caldav', 'cloud')
        and s.uid_hash = any(array(
          select g.uid_hash from link_sides g
          where g.pair_id = ${pairId} and g.gone = 'confirmed' and g.uid_hash is not null))
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

export async function joinHalves(db: Db, halves: readonly Halves[]): Promise<void> {
  if (halves.length === 0) return;
  await sealForKept(db, halves);
  const column = (name: keyof Halves) => sql`${sql.param(halves.map((one) => one[name]))}`;
  const h = sql`unnest(${column('kept')}::uuid[], ${column('joined')}::uuid[], ${column('side')}::text[])
    h(kept, joined, side)`;
  const asBefore = sql`set base = before.base, base_version = before.base_version, owned = before.owned`;
  await db.sql.execute(sql`
    update link_sides s ${asBefore}
    from ${h} join link_sides before on before.link_id = h.joined and before.side <> h.side
    where s.link_id = h.kept and s.side = before.side`);
  await db.sql.execute(sql`
    update link_sides s ${asBefore}
    from ${h} join link_sides before on before.link_id = h.kept and before.side = h.side
    where s.link_id = h.joined and s.side = before.side`);
  for (const side of ['caldav', 'cloud'] as const)
    await dropGoneSides(
      db,
      halves.filter((one) => one.side === side).map(({ kept }) => kept),
      side,
    );
  await db.sql.execute(sql`
    update link_sides s set link_id = h.kept from ${h} where s.link_id = h.joined and s.side = h.side`);
  await deleteLinks(
    db,
    halves.map(({ joined }) => joined),
  );
  const isOnBoth = sql`(select count(*) from link_sides s where s.link_id = links.id) = 2`;
  const excluded = sql`case when excluded = 'leftover' and ${isOnBoth} then null else excluded end`;
  await db.sql
    .update(links)
    .set({ ...NOW_DIRTY, excluded })
    .where(
      anyOf(
        links.id,
        halves.map(({ kept }) => kept),
      ),
    );
}

/** What the sides of the joined links hold becomes part of the kept ones. */
async function sealForKept(db: Db, halves: readonly Halves[]): Promise<void> {
  const keptOf = new Map(halves.map(({ kept, joined }) => [joined, kept]));
  const rows = await db.sql
    .select({
      linkId: linkSides.linkId,
      pairId: linkSides.pairId,
      side: linkSides.side,
      current: linkSides.current,
      base: linkSides.base,
    })
    .from(linkSides)
    .where(anyOf(linkSides.linkId, [...keptOf.keys()]));
  const moved = rows.map(({ linkId, pairId, side, current, base }) => {
    const to = sideCell({ pairId, linkId: keptOf.get(linkId) ?? linkId, side });
    const move = (sealed: Buffer | null) => sealed && movedTo(db.vault, sealed, sideCell({ pairId, linkId, side }), to);
    const movedCurrent = move(current);
    const isBase = base !== null && current?.equals(base) === true;
    return { linkId, side, set: { current: movedCurrent, base: isBase ? movedCurrent : move(base) } };
  });
  await updateSides(db, moved);
}

/** One side of an event, as far as another event may be the same. */
export type SimilarSide = Pick<SideRow, 'linkId' | 'side' | 'uidHash' | 'matchHash' | 'owned' | 'gone'> & {
  /** Both sides of its link have the event, or the other side has it as an occurrence of a series. */
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
      s.gone = 'no' and (
        exists (
          select 1 from link_sides o
          where o.link_id = s.link_id and o.side <> s.side and o.gone = 'no')
        or exists (select 1 from links l where l.id = s.link_id and l.parent_id is not null)) as "isOnBoth"
    from link_sides s
    where s.pair_id = ${pairId} and s.side in ('caldav', 'cloud')
      and (s.uid_hash = any(${sql.param([...uidHashes])}) or s.match_hash = any(${sql.param([...matchHashes])}))`);
  return rows;
}

export async function duplicatesOf(db: Db, rows: readonly SideRow[]): Promise<string[]> {
  if (rows.length === 0) return [];
  const column = (name: keyof SideRow) => sql`${sql.param(rows.map((row) => row[name]))}`;
  const found = await db.sql.execute<{ id: string }>(sql`
    select distinct s.link_id as id
    from unnest(
      ${column('pairId')}::uuid[], ${column('linkId')}::uuid[], ${column('side')}::text[],
      ${column('uidHash')}::text[], ${column('matchHash')}::text[]) as r(pair_id, link_id, side, uid_hash, match_hash)
    join link_sides s on s.pair_id = r.pair_id and s.side = r.side and s.link_id <> r.link_id and s.gone = 'no'
      and (s.uid_hash = r.uid_hash or s.match_hash = r.match_hash)
    where not exists (select 1 from link_sides o where o.link_id = s.link_id and o.side <> s.side)
    order by s.link_id`);
  return found.rows.map(({ id }) => id);
}
