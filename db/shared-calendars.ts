/**
 * Calendars that several pairs share: an event that comes to one of them by two ways at once is put there by one pair,
 * and found there by the others.
 */
import { and, inArray, ne, or, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import type { Db } from './connect.ts';
import { LOST_ANSWERS } from './plans.ts';
import { pairs } from './schema.ts';

/** For so long another pair's create may be on its way. */
const UNDER_WAY = sql`interval '10 minutes'`;
/**
 * For so long a copy of another pair is waited for that is not known here, although it was asked for: its server may
 * lag behind.
 */
const AWAITED = sql`interval '15 minutes'`;
/** Older ones have been listed by now. */
const UNLISTED = sql`interval '1 day'`;

type PairCalendars = Pick<typeof pairs.$inferSelect, 'id' | 'calendars' | 'caldavCalendarId' | 'cloudCalendarId'>;

/** Where the calendar of a side is in other pairs, too: their ids, and which of their sides it is. */
export type SharedCalendars = Partial<
  Record<SideName, readonly { readonly pairId: string; readonly side: SideName }[]>
>;

/** The calendars that other pairs have, too. Until the transaction ends no other pair plans for these. */
export async function lockShared(db: Db, pair: PairCalendars): Promise<SharedCalendars> {
  const shared = await sharedBy(db, pair);
  // In one order for all pairs, so that none waits for one that waits for it.
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

/**
 * True while another pair is about to put an event with this UID into the calendar of that side, or has put one there,
 * or may have, that this pair has not been shown yet.
 */
export async function isCreatedByOtherPair(
  db: Db,
  mine: { readonly pairId: string; readonly side: SideName },
  others: NonNullable<SharedCalendars[SideName]>,
  uidHash: string,
  now: Date,
): Promise<boolean> {
  const at = sql`${now.toISOString()}::timestamptz`;
  for (const { pairId, side } of others) {
    const {
      rows: [row],
    } = await db.sql.execute<{ found: boolean }>(sql`select
      exists (select 1 from runs r join ops o on o.run_id = r.id and o.action = 'create' and o.side = ${side}
        join link_sides s on s.link_id = o.link_id and s.side <> o.side and s.uid_hash = ${uidHash}
        where r.pair_id = ${pairId} and r.started_at > ${at} - ${UNDER_WAY} and not o.settled
          and (o.status = 'pending' or (o.status = 'waiting' and o.code in ${LOST_ANSWERS}))
          and not exists (select 1 from ops later where later.link_id = o.link_id and later.side = o.side and later.id > o.id))
      or exists (select 1 from link_sides s
        where s.pair_id = ${pairId} and s.side = ${side} and s.uid_hash = ${uidHash} and s.owned and s.gone <> 'confirmed'
          and s.changed_at > ${at} - ${AWAITED}
          and not exists (select 1 from link_sides m where m.pair_id = ${mine.pairId} and m.side = ${mine.side} and m.ref = s.ref)) as found`);
    if (row?.found) return true;
  }
  return false;
}

/**
 * Copies that other pairs have put into the calendars of this pair and that it has not been shown yet, of events that
 * it is about to bring there itself. By their resources, which are the same for all pairs; with those that this pair
 * knows there under the same UIDs, of which one may be gone.
 */
export async function copiesByOtherPairs(db: Db, pair: PairCalendars, now: Date): Promise<Record<SideName, string[]>> {
  const shared = await sharedBy(db, pair);
  const copies: Record<SideName, string[]> = { caldav: [], cloud: [] };
  for (const side of SIDES) {
    for (const other of shared[side] ?? []) {
      const { rows } = await db.sql.execute<{ resource: string }>(sql`
        with copies as (select s.resource, s.uid_hash from link_sides s
        join link_sides h on h.pair_id = ${pair.id} and h.side <> ${side} and h.uid_hash = s.uid_hash and h.gone = 'no'
        join links l on l.id = h.link_id and l.dirty
        where s.pair_id = ${other.pairId} and s.side = ${other.side} and s.owned and s.gone <> 'confirmed' and s.current is not null
          and s.changed_at > ${now.toISOString()}::timestamptz - ${UNLISTED}
          and not exists (select 1 from link_sides m where m.pair_id = ${pair.id} and m.side = ${side} and m.ref = s.ref))
        select resource from copies union select m.resource from link_sides m join copies c on c.uid_hash = m.uid_hash
        where m.pair_id = ${pair.id} and m.side = ${side} and m.gone = 'no' and m.listed`);
      copies[side].push(...rows.map(({ resource }) => resource));
    }
  }
  return copies;
}

const SIDES = ['caldav', 'cloud'] as const;

function calendarOf(pair: PairCalendars, side: SideName): string {
  return side === 'caldav' ? pair.caldavCalendarId : pair.cloudCalendarId;
}

/** By the calendars' identities: a service may call different people's calendars alike. */
function isShared({ calendars }: PairCalendars, other: PairCalendars): boolean {
  const identities: readonly string[] = other.calendars.match(QUOTED) ?? [];
  return (calendars.match(QUOTED) ?? []).some((identity) => identities.includes(identity));
}

const QUOTED = /"(?:[^"\\]|\\.)*"/g;
