/** Calendars that bookings are written to, and how far each has been polled. */
import { and, eq, gt, isNotNull, isNull, lt, sql } from 'drizzle-orm';
import type { PushState } from '../core/poll-schedule.ts';
import { bookedCalendars, bookings } from './booking-schema.ts';
import { anyOf } from './bulk.ts';
import { type Db, transaction } from './connect.ts';
import { dueLater, dueSoon } from './due-times.ts';
import { Superseded } from './epoch.ts';
import { isId, newId } from './ids.ts';
import { pushStateOf, pushStateSql } from './push-state.ts';

export type BookedCalendar = typeof bookedCalendars.$inferSelect;

/** The id of the calendar's row, which is polled from now on; null when the account has been deleted. */
export async function ensureBookedCalendar(
  tx: Db,
  accountId: string,
  calendarId: string,
  now: Date,
): Promise<string | null> {
  const { rows } = await tx.sql.execute<{ id: string }>(sql`
    insert into ${bookedCalendars} (id, account_id, calendar_id, due_at)
    select ${newId()}, a.id, ${calendarId}, ${dueSoon(now).toISOString()}::timestamptz
    from accounts a
    where a.id = ${accountId}
    on conflict (account_id, calendar_id)
      do update set due_at = coalesce(${bookedCalendars}.due_at, excluded.due_at)
    returning id`);
  return rows[0]?.id ?? null;
}

export async function bookedCalendar(db: Db, id: string): Promise<BookedCalendar | null> {
  const [row] = await db.sql.select().from(bookedCalendars).where(eq(bookedCalendars.id, id));
  return row ?? null;
}

/** Begins a poll by that worker: earlier ones store nothing more. Its generation; null when the row was deleted. */
export async function beginCalendarPoll(db: Db, id: string, worker: string): Promise<number | null> {
  if (!isId(id)) return null;
  const [row] = await db.sql
    .update(bookedCalendars)
    .set({ pollGeneration: sql`${bookedCalendars.pollGeneration} + 1`, polledBy: worker })
    .where(eq(bookedCalendars.id, id))
    .returning({ generation: bookedCalendars.pollGeneration });
  return row?.generation ?? null;
}

/** A calendar to be polled. `revision` changes with the account's credentials; `hasBooking`: one is still to come. */
export async function polledCalendar(
  db: Db,
  id: string,
  now: Date,
): Promise<{ calendar: BookedCalendar; revision: string; hasBooking: boolean; push: PushState } | null> {
  const [row] = await db.sql
    .select({
      calendar: bookedCalendars,
      revision: sql<string>`(select md5(a.credentials) from accounts a where a.id = ${bookedCalendars.accountId})`,
      hasBooking: sql<boolean>`exists (select 1 from ${bookings} where ${coming(id, now)})`,
      push: pushStateSql(sql`"booked_calendars"."account_id"`, sql`"booked_calendars"."calendar_id"`),
    })
    .from(bookedCalendars)
    .where(eq(bookedCalendars.id, id));
  return row ? { ...row, push: pushStateOf(row.push) } : null;
}

/** @throws Superseded when a later poll has begun */
export async function notePolledCalendar(
  db: Db,
  { id, pollGeneration }: Pick<BookedCalendar, 'id' | 'pollGeneration'>,
  set: Partial<typeof bookedCalendars.$inferInsert>,
): Promise<void> {
  const rows = await db.sql
    .update(bookedCalendars)
    .set(set)
    .where(and(eq(bookedCalendars.id, id), eq(bookedCalendars.pollGeneration, pollGeneration)))
    .returning({ id: bookedCalendars.id });
  if (rows.length === 0) throw new Superseded();
}

function coming(id: string, now: Date) {
  return and(eq(bookings.watchId, id), eq(bookings.status, 'confirmed'), gt(bookings.endAt, now));
}

/** Calendars whose workflow should be notified by now; they are then due again in a few minutes. */
export async function claimDueWatches(db: Db, now: Date): Promise<string[]> {
  const rows = await db.sql
    .update(bookedCalendars)
    .set({ dueAt: dueLater(now) })
    .where(lt(bookedCalendars.dueAt, now))
    .returning({ id: bookedCalendars.id });
  return rows.map(({ id }) => id);
}

/** Of an account: bookings to be written, and calendars that are polled. */
export async function workOfAccount(db: Db, accountId: string): Promise<{ bookingIds: string[]; watchIds: string[] }> {
  const waiting = await db.sql
    .select({ id: bookings.id })
    .from(bookings)
    .where(and(eq(bookings.accountId, accountId), isNotNull(bookings.dueAt)));
  const watched = await db.sql
    .select({ id: bookedCalendars.id })
    .from(bookedCalendars)
    .where(and(eq(bookedCalendars.accountId, accountId), isNotNull(bookedCalendars.dueAt)));
  return { bookingIds: waiting.map(({ id }) => id), watchIds: watched.map(({ id }) => id) };
}

/** Stops polling a calendar, unless a booking is still to come. */
export function endWatch(db: Db, id: string, now: Date): Promise<boolean> {
  return transaction(db, async (tx) => {
    // A new booking also changes this row, so it comes before or after.
    await tx.sql
      .select({ id: bookedCalendars.id })
      .from(bookedCalendars)
      .where(eq(bookedCalendars.id, id))
      .for('update');
    const [booking] = await tx.sql.select({ id: bookings.id }).from(bookings).where(coming(id, now)).limit(1);
    if (!booking)
      await tx.sql.update(bookedCalendars).set({ dueAt: null, nextPollAt: null }).where(eq(bookedCalendars.id, id));
    return !booking;
  });
}

/**
 * Records a poll: which booked events the calendar named, which of them have to be checked, and where the next poll
 * continues.
 */
export function notePoll(
  db: Db,
  calendar: Pick<BookedCalendar, 'id' | 'pollGeneration'>,
  poll: { listed: readonly string[]; changed: readonly string[]; cursor: string | null },
  now: Date,
): Promise<void> {
  return transaction(db, async (tx) => {
    if (poll.cursor !== null) await notePolledCalendar(tx, calendar, { cursor: poll.cursor });
    if (poll.listed.length > 0)
      await tx.sql.update(bookings).set({ listed: true }).where(anyOf(bookings.id, poll.listed));
    if (poll.changed.length > 0)
      await tx.sql
        .update(bookings)
        .set({ dueAt: dueSoon(now) })
        .where(and(anyOf(bookings.id, poll.changed), isNull(bookings.dueAt)));
  });
}
