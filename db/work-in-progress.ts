/** What a killed process may have been working on. */
import { and, eq, isNotNull, isNull, lt, or } from 'drizzle-orm';
import { bookedCalendars, bookings } from './booking-schema.ts';
import type { Db } from './connect.ts';
import { pairs, runs } from './schema.ts';

export interface WorkInProgress {
  readonly bookingIds: readonly string[];
  readonly pairIds: readonly string[];
  readonly bookedCalendarIds: readonly string[];
}

/** Bookings to be written, pairs with an unfinished run or a due poll, and booked calendars with a due poll. */
export async function workInProgress({ sql }: Db, now: Date): Promise<WorkInProgress> {
  const unwritten = await sql.select({ id: bookings.id }).from(bookings).where(isNotNull(bookings.dueAt));
  const running = await sql.select({ id: runs.pairId }).from(runs).where(eq(runs.result, 'running'));
  const due = await sql
    .select({ id: pairs.id })
    .from(pairs)
    .where(and(eq(pairs.paused, false), or(isNull(pairs.nextPollAt), lt(pairs.nextPollAt, now))));
  const watched = await sql
    .select({ id: bookedCalendars.id })
    .from(bookedCalendars)
    .where(
      and(
        isNotNull(bookedCalendars.dueAt),
        or(isNull(bookedCalendars.nextPollAt), lt(bookedCalendars.nextPollAt, now)),
      ),
    );
  return {
    bookingIds: unwritten.map(({ id }) => id),
    pairIds: [...new Set([...running, ...due].map(({ id }) => id))],
    bookedCalendarIds: watched.map(({ id }) => id),
  };
}
