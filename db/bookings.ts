/** Bookings: as programs see and set them, and what the workers read and record of their events. */
import { and, asc, eq, gt, isNotNull, lt, ne, sql } from 'drizzle-orm';
import {
  type BookingContent,
  type BookingSyncState,
  type DesiredBooking,
  NOT_SYNCED,
  type Slot,
} from '../core/booking.ts';
import { ensureBookedCalendar } from './booked-calendars.ts';
import { bookings } from './booking-schema.ts';
import { type Db, transaction } from './connect.ts';
import { dueLater, dueSoon } from './due-times.ts';
import { Superseded } from './epoch.ts';
import { isId, newId } from './ids.ts';
import { ownedBy, type Tenant } from './owners.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';
import { bookingCell } from './sealed-cells.ts';
import { addWebhookEvent, type WebhookType } from './webhook-events.ts';

export type BookingRow = typeof bookings.$inferSelect;

export interface NewBooking {
  readonly accountId: string;
  readonly calendarId: string;
  readonly wanted: DesiredBooking;
  readonly allowOverlap: boolean;
  readonly idempotencyKey: string | null;
  /** The whole request, in a form that is equal for equal requests. */
  readonly request: string;
}

export type ReserveResult =
  | { readonly kind: 'reserved' | 'known'; readonly booking: BookingRow }
  | { readonly kind: 'key-reused' | 'busy' | 'unknown-account' };

/** The booking of an idempotency key; null when the key is new. */
export async function bookingOfKey(db: Db, idempotencyKey: string, request: string): Promise<ReserveResult | null> {
  const [row] = await db.sql
    .select()
    .from(bookings)
    .where(eq(bookings.keyHash, keyHashOf(db, idempotencyKey)));
  if (!row) return null;
  return row.requestHash === requestHashOf(db, request) ? { kind: 'known', booking: row } : { kind: 'key-reused' };
}

/**
 * Reserves the slot. An advisory lock serializes the bookings of an account, so that the later of two for the same time
 * finds the earlier; an exclusion constraint would need an extension that an operator's PostgreSQL may not have. A
 * booking that may overlap others still blocks its time for those that may not.
 */
export function reserve(db: Db, booking: NewBooking, now: Date): Promise<ReserveResult> {
  return transaction(db, async (tx): Promise<ReserveResult> => {
    const { accountId, calendarId, wanted, allowOverlap, idempotencyKey, request } = booking;
    // Keys are unique in the installation, not per account: hence a lock of their own.
    if (idempotencyKey !== null)
      await tx.sql.execute(
        sql`select pg_advisory_xact_lock(hashtext('calpair booking key'), hashtext(${keyHashOf(tx, idempotencyKey)}))`,
      );
    const known = idempotencyKey === null ? null : await bookingOfKey(tx, idempotencyKey, request);
    if (known) return known;
    await lockSlots(tx, accountId);
    if (!allowOverlap && (await isTaken(tx, accountId, wanted, null))) return { kind: 'busy' };
    const watchId = await ensureBookedCalendar(tx, accountId, calendarId, now);
    if (watchId === null) return { kind: 'unknown-account' };
    const id = newId();
    const [row] = await tx.sql
      .insert(bookings)
      .values({
        id,
        accountId,
        calendarId,
        watchId,
        status: 'confirmed',
        content: sealedContent(tx, id, wanted),
        startAt: new Date(wanted.start),
        endAt: new Date(wanted.end),
        keyHash: idempotencyKey === null ? null : keyHashOf(tx, idempotencyKey),
        requestHash: requestHashOf(tx, request),
        dueAt: dueSoon(now),
      })
      .returning();
    await announceBooking(tx, 'booking.confirmed', row!, now);
    return { kind: 'reserved', booking: row! };
  });
}

/** Whether a confirmed booking has part of the slot. @param except the id of a booking that does not count */
export async function isTaken(
  tx: Db,
  accountId: string,
  { start, end }: Slot,
  except: string | null,
): Promise<boolean> {
  const [row] = await tx.sql
    .select({ id: bookings.id })
    .from(bookings)
    .where(
      and(
        eq(bookings.accountId, accountId),
        eq(bookings.status, 'confirmed'),
        lt(bookings.startAt, new Date(end)),
        gt(bookings.endAt, new Date(start)),
        except === null ? undefined : ne(bookings.id, except),
      ),
    )
    .limit(1);
  return row !== undefined;
}

export type ChangeResult = BookingRow | 'unknown' | 'cancelled' | 'busy';

/**
 * Changes a booking; its event is updated later. The new time is reserved as for a new booking, but may overlap the old
 * one.
 * @param change null: nothing changes
 */
export function changeBooking(
  db: Db,
  id: string,
  change: (now: DesiredBooking) => DesiredBooking | null,
  allowOverlap: boolean,
  now: Date,
): Promise<ChangeResult> {
  return transaction(db, async (tx): Promise<ChangeResult> => {
    const before = await findBooking(tx, id);
    if (!before) return 'unknown';
    await lockSlots(tx, before.accountId);
    const row = (await lockBooking(tx, id))!;
    if (row.status === 'cancelled') return 'cancelled';
    const was = desiredOf(tx, row);
    const next = change(was);
    if (next === null) return row;
    const isMoved = next.start !== was.start || next.end !== was.end;
    if (isMoved && !allowOverlap && (await isTaken(tx, row.accountId, next, id))) return 'busy';
    const [changed] = await tx.sql
      .update(bookings)
      .set({
        content: sealedContent(tx, id, next),
        startAt: new Date(next.start),
        endAt: new Date(next.end),
        ...unwritten(now),
      })
      .where(eq(bookings.id, id))
      .returning();
    if (isMoved) {
      await ensureBookedCalendar(tx, row.accountId, row.calendarId, now);
      await announceBooking(tx, 'booking.rescheduled', changed!, now, { by: 'api' });
    }
    return changed!;
  });
}

/** Frees the slot; the event is deleted later. Cancelling twice changes nothing, but retries a failed deletion. */
export function cancelBooking(db: Db, id: string, now: Date): Promise<BookingRow | 'unknown'> {
  return transaction(db, async (tx) => {
    if (!isId(id)) return 'unknown';
    const row = await lockBooking(tx, id);
    if (!row) return 'unknown';
    if (row.status === 'cancelled' && row.writeStatus !== 'failed') return row;
    const [cancelled] = await tx.sql
      .update(bookings)
      .set({ status: 'cancelled', cancelledBy: row.cancelledBy ?? 'api', ...unwritten(now) })
      .where(eq(bookings.id, id))
      .returning();
    if (row.status === 'confirmed') await announceBooking(tx, 'booking.cancelled', cancelled!, now);
    return cancelled!;
  });
}

export async function findBooking(db: Db, id: string): Promise<BookingRow | null> {
  if (!isId(id)) return null;
  const [row] = await db.sql.select().from(bookings).where(eq(bookings.id, id));
  return row ?? null;
}

export async function listBookings(
  db: Db,
  page: PageRequest,
  accountId: string | null,
  tenant: Tenant = null,
): Promise<Page<BookingRow>> {
  if (accountId !== null && !isId(accountId)) return { items: [], next: null };
  const rows = await db.sql
    .select()
    .from(bookings)
    .where(
      and(
        page.after === null ? undefined : gt(bookings.id, page.after),
        accountId === null ? undefined : eq(bookings.accountId, accountId),
        ownedBy(db, 'booking', tenant),
      ),
    )
    .orderBy(asc(bookings.id))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}

/** What the event of a booking should have. */
export function desiredOf(db: Db, { id, content, startAt, endAt }: BookingRow): DesiredBooking {
  return {
    ...(JSON.parse(db.vault.open(content, bookingCell(id, 'content'))) as BookingContent),
    start: startAt.getTime(),
    end: endAt.getTime(),
  };
}

/** Begins an attempt to write: earlier attempts can no longer store anything. Null when the booking is deleted. */
export async function takeBooking(db: Db, id: string): Promise<BookingRow | null> {
  if (!isId(id)) return null;
  const [row] = await db.sql
    .update(bookings)
    .set({ epoch: sql`${bookings.epoch} + 1` })
    .where(eq(bookings.id, id))
    .returning();
  return row ?? null;
}

/** Records what an attempt has found out. @throws Superseded when a later attempt has begun */
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
 * Records the same, unless the booking has been changed through the API meanwhile: then nothing is stored, and the
 * current row is returned.
 * @param more stores more in the same transaction
 */
export function settleBooking(
  db: Db,
  row: BookingRow,
  set: Partial<typeof bookings.$inferInsert>,
  more: (tx: Db, settled: BookingRow) => Promise<void>,
): Promise<{ readonly isSettled: boolean; readonly row: BookingRow }> {
  return transaction(db, async (tx) => {
    const [now] = await tx.sql.select().from(bookings).where(eq(bookings.id, row.id)).for('update');
    if (now?.epoch !== row.epoch) throw new Superseded();
    if (now.revision !== row.revision) return { isSettled: false, row: now };
    const settled = await noteBooking(tx, row, set);
    await more(tx, settled);
    return { isSettled: true, row: settled };
  });
}

export function syncStateOf(db: Db, { id, syncState }: BookingRow): BookingSyncState {
  return syncState === null
    ? NOT_SYNCED
    : (JSON.parse(db.vault.open(syncState, bookingCell(id, 'sync_state'))) as BookingSyncState);
}

/** What the event of a booking is known to be, as it is stored. */
export function sealedSyncState(db: Db, bookingId: string, state: BookingSyncState): Buffer {
  return db.vault.seal(JSON.stringify(state), bookingCell(bookingId, 'sync_state'));
}

/**
 * Bookings whose workflow should be notified by now. They are then due again in a few minutes, so that only one process
 * notifies each.
 */
export function claimDueBookings(db: Db, now: Date): Promise<{ id: string; watchId: string }[]> {
  return db.sql
    .update(bookings)
    .set({ dueAt: dueLater(now) })
    .where(lt(bookings.dueAt, now))
    .returning({ id: bookings.id, watchId: bookings.watchId });
}

/** Bookings of a calendar that are not over and have, or had, an event there. */
export function watchedBookings(db: Db, watchId: string, now: Date): Promise<BookingRow[]> {
  return db.sql
    .select()
    .from(bookings)
    .where(and(eq(bookings.watchId, watchId), gt(bookings.endAt, now), isNotNull(bookings.ref)));
}

/** Reports a booking to the webhook, without its title and its calendar's id, which may be a person's address. */
export function announceBooking(
  tx: Db,
  type: WebhookType,
  row: BookingRow,
  at: Date,
  more: Record<string, unknown> = {},
): Promise<void> {
  const { id, accountId, status, writeStatus, cancelledBy, startAt, endAt } = row;
  return addWebhookEvent(tx, type, at, {
    bookingId: id,
    accountId,
    status,
    writeStatus,
    start: startAt.toISOString(),
    end: endAt.toISOString(),
    cancelledBy,
    ...more,
  });
}

const unwritten = (now: Date) => ({
  revision: sql`${bookings.revision} + 1`,
  writeStatus: 'pending' as const,
  writeError: null,
  failures: 0,
  dueAt: dueSoon(now),
});

async function lockSlots(tx: Db, accountId: string): Promise<void> {
  await tx.sql.execute(sql`select pg_advisory_xact_lock(hashtext('calpair bookings'), hashtext(${accountId}))`);
}

async function lockBooking(tx: Db, id: string): Promise<BookingRow | null> {
  const [row] = await tx.sql.select().from(bookings).where(eq(bookings.id, id)).for('update');
  return row ?? null;
}

function sealedContent(
  db: Db,
  id: string,
  { title, location, description, timeZone, attendees }: BookingContent,
): Buffer {
  return db.vault.seal(
    JSON.stringify({ title, location, description, timeZone, attendees } satisfies BookingContent),
    bookingCell(id, 'content'),
  );
}

function keyHashOf(db: Db, idempotencyKey: string): string {
  return db.vault.hash(`idempotency key:${idempotencyKey}`);
}

function requestHashOf(db: Db, request: string): string {
  return db.vault.hash(`booking request:${request}`);
}
