/** What a process that died may have been working on. */
import { and, eq, inArray, isNotNull, notInArray } from 'drizzle-orm';
import { bookedCalendars, bookings } from './booking-schema.ts';
import type { Db } from './connect.ts';
import { pairs, runs } from './schema.ts';

export interface WorkInProgress {
  readonly bookingIds: readonly string[];
  readonly pairIds: readonly string[];
  readonly bookedCalendarIds: readonly string[];
}

/** Pairs and booked calendars whose last poll began in none of these workers. */
export async function polledByOthers({ sql }: Db, workers: readonly string[]): Promise<WorkInProgress> {
  const isOther = (column: typeof pairs.polledBy | typeof bookedCalendars.polledBy) =>
    and(isNotNull(column), workers.length > 0 ? notInArray(column, [...workers]) : undefined);
  const polled = await sql.select({ id: pairs.id }).from(pairs).where(isOther(pairs.polledBy));
  const calendars = await sql
    .select({ id: bookedCalendars.id })
    .from(bookedCalendars)
    .where(isOther(bookedCalendars.polledBy));
  return { bookingIds: [], pairIds: polled.map(({ id }) => id), bookedCalendarIds: calendars.map(({ id }) => id) };
}

/** Bookings to be written, and pairs with an unfinished run. */
export async function unfinishedWork({ sql }: Db): Promise<WorkInProgress> {
  const unwritten = await sql.select({ id: bookings.id }).from(bookings).where(isNotNull(bookings.dueAt));
  const running = await sql.selectDistinct({ id: runs.pairId }).from(runs).where(eq(runs.result, 'running'));
  return { bookingIds: unwritten.map(({ id }) => id), pairIds: running.map(({ id }) => id), bookedCalendarIds: [] };
}

/** Their orphaned polls have been ended. Polls that have begun since are not touched. */
export async function forgetPollers(
  { sql }: Db,
  { pairIds, bookedCalendarIds }: WorkInProgress,
  workers: readonly string[],
): Promise<void> {
  const isOther = (column: typeof pairs.polledBy | typeof bookedCalendars.polledBy) =>
    workers.length > 0 ? notInArray(column, [...workers]) : undefined;
  if (pairIds.length > 0)
    await sql
      .update(pairs)
      .set({ polledBy: null })
      .where(and(inArray(pairs.id, [...pairIds]), isOther(pairs.polledBy)));
  if (bookedCalendarIds.length > 0)
    await sql
      .update(bookedCalendars)
      .set({ polledBy: null })
      .where(and(inArray(bookedCalendars.id, [...bookedCalendarIds]), isOther(bookedCalendars.polledBy)));
}
