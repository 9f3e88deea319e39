/** Calendars that several pairs share: an event that comes to one of them by two ways at once is put there by one pair, and found there by the others. */
import { and, eq, ne, or, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import type { Db } from './connect.ts';
import { pairs } from './schema.ts';

/** For so long another pair's create may be on its way, or be done and not yet seen here. */
const RECENT = sql`interval '10 minutes'`;

export interface PairCalendars {
  readonly id: string;
  readonly caldavCalendarId: string;
  readonly cloudCalendarId: string;
}

/** The sides whose calendar other pairs have, too. Until the transaction ends no other pair plans for these calendars. */
export async function lockShared(db: Db, pair: PairCalendars): Promise<Set<SideName>> {
  const shared = new Set<SideName>();
  for (const side of ['caldav', 'cloud'] as const) {
    const calendar = calendarOf(pair, side);
    const [other] = await db.sql.select({ id: pairs.id }).from(pairs)
      .where(and(ne(pairs.id, pair.id), or(eq(pairs.caldavCalendarId, calendar), eq(pairs.cloudCalendarId, calendar)))).limit(1);
    if (other) shared.add(side);
  }
  // In one order for all pairs, so that none waits for one that waits for it.
  for (const calendar of [...shared].map((side) => calendarOf(pair, side)).sort()) {
    await db.sql.execute(sql`select pg_advisory_xact_lock(hashtext('calpair calendar'), hashtext(${calendar}))`);
  }
  return shared;
}

/** True while another pair is about to put an event with this UID into that side's calendar, or has just done so. */
export async function isOnAnotherWay(db: Db, pair: PairCalendars, side: SideName, uidHash: string, now: Date): Promise<boolean> {
  const calendar = calendarOf(pair, side);
  const isHere = (of: 'o' | 's') => sql`p.id <> ${pair.id} and ((p.caldav_calendar_id = ${calendar} and ${sql.raw(of)}.side = 'caldav')
    or (p.cloud_calendar_id = ${calendar} and ${sql.raw(of)}.side = 'cloud'))`;
  const since = sql`${now.toISOString()}::timestamptz - ${RECENT}`;
  const [row] = await db.sql.execute<{ found: boolean }>(sql`select
    exists (select 1 from pairs p join runs r on r.pair_id = p.id and r.result = 'running' and r.started_at > ${since}
      join ops o on o.run_id = r.id and o.action = 'create' and o.status = 'pending'
      join link_sides s on s.link_id = o.link_id and s.side <> o.side and s.uid_hash = ${uidHash} where ${isHere('o')})
    or exists (select 1 from pairs p join link_sides s on s.pair_id = p.id and s.uid_hash = ${uidHash} and s.owned and s.gone = 'no' and s.changed_at > ${since}
      where ${isHere('s')}) as found`);
  return row?.found ?? false;
}

function calendarOf(pair: PairCalendars, side: SideName): string {
  return side === 'caldav' ? pair.caldavCalendarId : pair.cloudCalendarId;
}
