/** What those who write and watch the events of bookings read and note; what programs see and set is in bookings.ts. */
import { and, eq, gt, isNotNull, isNull, lt, sql } from 'drizzle-orm';
import { type BookingSyncState, NOT_SYNCED } from '../core/booking.ts';
import { type BookingRow, bookingContext, soon } from './bookings.ts';
import { anyOf } from './bulk.ts';
import { type Db, transaction } from './connect.ts';
import { Superseded } from './links.ts';
import { bookedCalendars, bookings } from './schema.ts';

export type BookedCalendar = typeof bookedCalendars.$inferSelect;

/** Begins an attempt: those before it may store nothing more. Null: the booking is gone. */
export async function takeBooking(db: Db, id: string): Promise<BookingRow | null> {
  const [row] = await db.sql
    .update(bookings)
    .set({ epoch: sql`${bookings.epoch} + 1` })
    .where(eq(bookings.id, id))
    .returning();
  return row ?? null;
}

/** Notes what an attempt knows now. @throws Superseded when a later one has begun */
export async function noteBooking(
  db: Db,
  { id, epoch }: BookingRow,
  set: Partial<typeof bookings.$inferInsert>,
): Promise<BookingRow> {
  const [row] = await db.sql
    .update(bookings)
    .set(set)
    .where(and(eq(bookings.id, id), eq(bookings.epoch, epoch)))
    .returning();
  if (!row) throw new Superseded();
  return row;
}

/**
 * The same for what is true only while nobody wished for anything else meanwhile; then nothing is stored, and the row
 * answered is the one of now.
 * @param told may note more in the same transaction
 */
export function settleBooking(
  db: Db,
  row: BookingRow,
  set: Partial<typeof bookings.$inferInsert>,
  told: (tx: Db, settled: BookingRow) => Promise<void>,
): Promise<{ readonly isSettled: boolean; readonly row: BookingRow }> {
  return transaction(db, async (tx) => {
    const [now] = await tx.sql.select().from(bookings).where(eq(bookings.id, row.id)).for('update');
    if (now?.epoch !== row.epoch) throw new Superseded();
    if (now.revision !== row.revision) return { isSettled: false, row: now };
    const settled = await noteBooking(tx, row, set);
    await told(tx, settled);
    return { isSettled: true, row: settled };
  });
}

export function syncStateOf(db: Db, { id, syncState }: BookingRow): BookingSyncState {
  return syncState === null
    ? NOT_SYNCED
    : (JSON.parse(db.vault.open(syncState, bookingContext(id))) as BookingSyncState);
}

export function sealedFor(db: Db, bookingId: string, text: string): Buffer {
  return db.vault.seal(text, bookingContext(bookingId));
}

/**
 * Bookings that somebody should have looked at by now; they count as told for a few minutes, so that one process tells
 * each.
 */
export function claimDueBookings(db: Db, now: Date): Promise<{ id: string; watchId: string }[]> {
  return db.sql
    .update(bookings)
    .set({ dueAt: later(now) })
    .where(lt(bookings.dueAt, now))
    .returning({ id: bookings.id, watchId: bookings.watchId });
}

/** The same for calendars that should be watched. */
export async function claimDueWatches(db: Db, now: Date): Promise<string[]> {
  const rows = await db.sql
    .update(bookedCalendars)
    .set({ dueAt: later(now) })
    .where(lt(bookedCalendars.dueAt, now))
    .returning({ id: bookedCalendars.id });
  return rows.map(({ id }) => id);
}

/** Of an account: bookings that wait for their calendar, and calendars that are watched. */
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

export async function bookedCalendar(db: Db, id: string): Promise<BookedCalendar | null> {
  const [row] = await db.sql.select().from(bookedCalendars).where(eq(bookedCalendars.id, id));
  return row ?? null;
}

export async function noteBookedCalendar(
  db: Db,
  id: string,
  set: Partial<typeof bookedCalendars.$inferInsert>,
): Promise<void> {
  await db.sql.update(bookedCalendars).set(set).where(eq(bookedCalendars.id, id));
}

/** Ends the watch of a calendar, unless a booking is still to come. */
export function endWatch(db: Db, id: string, now: Date): Promise<boolean> {
  return transaction(db, async (tx) => {
    // A new booking changes this row, too, so it comes before or after.
    await tx.sql
      .select({ id: bookedCalendars.id })
      .from(bookedCalendars)
      .where(eq(bookedCalendars.id, id))
      .for('update');
    const [coming] = await tx.sql
      .select({ id: bookings.id })
      .from(bookings)
      .where(and(eq(bookings.watchId, id), eq(bookings.status, 'confirmed'), gt(bookings.endAt, now)))
      .limit(1);
    if (!coming) await noteBookedCalendar(tx, id, { dueAt: null, nextPollAt: null });
    return !coming;
  });
}

/** Bookings of a calendar that are not over and have, or had, an event there. */
export function watchedBookings(db: Db, watchId: string, now: Date): Promise<BookingRow[]> {
  return db.sql
    .select()
    .from(bookings)
    .where(and(eq(bookings.watchId, watchId), gt(bookings.endAt, now), isNotNull(bookings.ref)));
}

/**
 * Notes what a look at a calendar showed, with where to go on: events that were named, and those that have to be looked
 * at.
 */
export function notePoll(
  db: Db,
  id: string,
  look: { listed: readonly string[]; changed: readonly string[]; cursor: string | null },
  now: Date,
): Promise<void> {
  return transaction(db, async (tx) => {
    if (look.listed.length > 0)
      await tx.sql.update(bookings).set({ listed: true }).where(anyOf(bookings.id, look.listed));
    if (look.changed.length > 0)
      await tx.sql
        .update(bookings)
        .set({ dueAt: soon(now) })
        .where(and(anyOf(bookings.id, look.changed), isNull(bookings.dueAt)));
    if (look.cursor !== null) await noteBookedCalendar(tx, id, { cursor: look.cursor });
  });
}

const later = (now: Date): Date => new Date(now.getTime() + 5 * 60_000);
