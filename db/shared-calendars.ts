/**
 * Calendars that several pairs share. When an event reaches such a calendar by two ways at once, one pair creates the
 * copy and the others find it there.
 */
import { and, inArray, ne, or, sql } from 'drizzle-orm';
import { SIDES, type SideName } from '../core/event.ts';
import type { Db } from './connect.ts';
import { UNANSWERED } from './ops.ts';
import { pairs } from './schema.ts';

/** How long another pair's create may take. */
const IN_PROGRESS = sql`interval '10 minutes'`;
/** How long this pair waits to see a copy that another pair has created: its server may lag behind. */
const AWAITED = sql`interval '15 minutes'`;
/** Older copies have been listed by now. */
const UNLISTED = sql`interval '1 day'`;

export type PairCalendars = Pick<
  typeof pairs.$inferSelect,
  'id' | 'calendars' | 'caldavCalendarId' | 'cloudCalendarId'
>;

export interface PairSide {
  readonly pairId: string;
  readonly side: SideName;
}

/** The calendar of each side, as a side of other pairs. */
export type SharedCalendars = Partial<Record<SideName, readonly PairSide[]>>;

export async function lockShared(db: Db, pair: PairCalendars): Promise<SharedCalendars> {
  const shared = await sharedBy(db, pair);
  // All pairs lock in the same order, so that no two deadlock.
  for (const calendar of SIDES.filter((side) => shared[side])
    .map((side) => calendarOf(pair, side))
    .sort()) {
    await db.sql.execute(sql`select pg_advisory_xact_lock(hashtext('calpair calendar'), hashtext(${calendar}))`);
  }
  return shared;
}

async function sharedBy(db: Db, pair: PairCalendars): Promise<SharedCalendars> {
  const mine = [pair.caldavCalendarId, pair.cloudCalendarId];
  const others = (
    await db.sql
      .select({
        id: pairs.id,
        calendars: pairs.calendars,
        caldavCalendarId: pairs.caldavCalendarId,
        cloudCalendarId: pairs.cloudCalendarId,
      })
      .from(pairs)
      .where(
        and(ne(pairs.id, pair.id), or(inArray(pairs.caldavCalendarId, mine), inArray(pairs.cloudCalendarId, mine))),
      )
  ).filter((other) => isShared(pair, other));
  const shared: SharedCalendars = {};
  for (const side of SIDES) {
    const at = others.flatMap((other) =>
      SIDES.filter((of) => calendarOf(other, of) === calendarOf(pair, side)).map((of) => ({
        pairId: other.id,
        side: of,
      })),
    );
    if (at.length > 0) shared[side] = at;
  }
  return shared;
}

/** A copy that another pair has created in a calendar of this pair. */
export interface OtherCopy {
  readonly uidHash: string;
  /** The link of this pair that has the copy; null: this pair has not seen it yet. */
  readonly knownBy: string | null;
}

export async function createdByOtherPairs(
  db: Db,
  mine: PairSide,
  others: readonly PairSide[],
  uidHashes: readonly string[],
  now: Date,
): Promise<OtherCopy[]> {
  if (uidHashes.length === 0) return [];
  const at = sql`${now.toISOString()}::timestamptz`;
  const anyUid = sql`any(${sql.param([...uidHashes])})`;
  const copies: OtherCopy[] = [];
  for (const { pairId, side } of others) {
    const { rows } = await db.sql.execute<OtherCopy & Record<string, unknown>>(sql`
      select s.uid_hash as "uidHash", null as "knownBy"
      from runs r
      join ops o on o.run_id = r.id and o.action = 'create' and o.side = ${side}
      join link_sides s on s.link_id = o.link_id and s.side <> o.side and s.uid_hash = ${anyUid}
      where r.pair_id = ${pairId} and r.started_at > ${at} - ${IN_PROGRESS} and not o.settled
        and o.status in ${UNANSWERED}
        and not exists (
          select 1 from ops later
          where later.link_id = o.link_id and later.side = o.side and later.id > o.id)
      union all
      select s.uid_hash, m.link_id::text
      from link_sides s
      left join link_sides m on m.pair_id = ${mine.pairId} and m.side = ${mine.side} and m.ref = s.ref
      where s.pair_id = ${pairId} and s.side = ${side} and s.uid_hash = ${anyUid}
        and s.owned and s.gone <> 'confirmed' and s.changed_at > ${at} - ${AWAITED}`);
    copies.push(...rows);
  }
  return copies;
}

export async function copiesByOtherPairs(db: Db, pair: PairCalendars, now: Date): Promise<Record<SideName, string[]>> {
  const shared = await sharedBy(db, pair);
  const copies: Record<SideName, string[]> = { caldav: [], cloud: [] };
  for (const side of SIDES) {
    for (const other of shared[side] ?? []) {
      const { rows } = await db.sql.execute<{ resource: string }>(sql`
        with copies as (
          select s.resource, s.uid_hash
          from link_sides s
          join link_sides h
            on h.pair_id = ${pair.id} and h.side <> ${side} and h.uid_hash = s.uid_hash and h.gone = 'no'
          join links l on l.id = h.link_id and l.dirty
          where s.pair_id = ${other.pairId} and s.side = ${other.side}
            and s.owned and s.gone <> 'confirmed' and s.current is not null
            and s.changed_at > ${now.toISOString()}::timestamptz - ${UNLISTED}
            and not exists (
              select 1 from link_sides m
              where m.pair_id = ${pair.id} and m.side = ${side} and m.ref = s.ref)
        )
        select resource from copies
        union
        select m.resource
        from link_sides m
        join copies c on c.uid_hash = m.uid_hash
        where m.pair_id = ${pair.id} and m.side = ${side} and m.gone = 'no' and m.listed`);
      copies[side].push(...rows.map(({ resource }) => resource));
    }
  }
  return copies;
}

function calendarOf(pair: PairCalendars, side: SideName): string {
  return side === 'caldav' ? pair.caldavCalendarId : pair.cloudCalendarId;
}

/** Compares the calendars' identities: a provider may use one id for different people's calendars (`primary`). */
function isShared({ calendars }: PairCalendars, other: PairCalendars): boolean {
  const identities: readonly string[] = other.calendars.match(QUOTED) ?? [];
  return (calendars.match(QUOTED) ?? []).some((identity) => identities.includes(identity));
}

const QUOTED = /"(?:[^"\\]|\\.)*"/g;
