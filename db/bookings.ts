/**
 * Bookings as programs see and set them. Slots are reserved here; what the calendar has of them is noted in
 * booking-work.ts.
 */
import { and, asc, eq, gt, lt, ne, sql } from 'drizzle-orm';
import type { BookingContent, DesiredBooking, Slot } from '../core/booking.ts';
import { type Db, transaction } from './connect.ts';
import { isId, newId } from './ids.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';
import { bookedCalendars, bookings } from './schema.ts';
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

/** The booking that an idempotency key stands for; null where the key is new. */
export async function bookingOfKey(db: Db, idempotencyKey: string, request: string): Promise<ReserveResult | null> {
  const [row] = await db.sql
    .select()
    .from(bookings)
    .where(eq(bookings.keyHash, keyHashOf(db, idempotencyKey)));
  if (!row) return null;
  return row.requestHash === requestHashOf(db, request) ? { kind: 'known', booking: row } : { kind: 'key-reused' };
}

/**
 * Reserves the slot. Bookings of one account are stored one after the other, so of two for the same time the later one
 * finds the earlier: an advisory lock and a query, since an exclusion constraint needs an extension that an operator's
 * PostgreSQL may not have. A booking that may overlap others still keeps its time from those that may not.
 */
export function reserve(db: Db, booking: NewBooking, now: Date): Promise<ReserveResult> {
  return transaction(db, async (tx): Promise<ReserveResult> => {
    const { accountId, calendarId, wanted, allowOverlap, idempotencyKey, request } = booking;
    // Keys are the installation's, so two accounts may wait for each other's.
    if (idempotencyKey !== null)
      await tx.sql.execute(
        sql`select pg_advisory_xact_lock(hashtext('calpair booking key'), hashtext(${keyHashOf(tx, idempotencyKey)}))`,
      );
    const known = idempotencyKey === null ? null : await bookingOfKey(tx, idempotencyKey, request);
    if (known) return known;
    await lockSlots(tx, accountId);
    if (!allowOverlap && (await isTaken(tx, accountId, wanted, null))) return { kind: 'busy' };
    const watchId = await watchOf(tx, accountId, calendarId, now);
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
        dueAt: soon(now),
      })
      .returning();
    await announceBooking(tx, 'booking.confirmed', row!, now);
    return { kind: 'reserved', booking: row! };
  });
}

/** Whether a confirmed booking has some of the time. @param except a booking that does not count */
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

/** What a change of a booking may be about. */
export type ChangeResult = BookingRow | 'unknown' | 'cancelled' | 'busy';

/**
 * Changes what is to be; the event follows. The new time is reserved as a new booking's is, its own old one being free
 * for it.
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
        ...wished(now),
      })
      .where(eq(bookings.id, id))
      .returning();
    if (isMoved) {
      await watchOf(tx, row.accountId, row.calendarId, now);
      await announceBooking(tx, 'booking.rescheduled', changed!, now, { by: 'api' });
    }
    return changed!;
  });
}

/**
 * Frees the slot; the event is deleted after. A second time nothing changes, unless its deletion has failed: then it is
 * tried again.
 */
export function cancelBooking(db: Db, id: string, now: Date): Promise<BookingRow | 'unknown'> {
  return transaction(db, async (tx) => {
    if (!isId(id)) return 'unknown';
    const row = await lockBooking(tx, id);
    if (!row) return 'unknown';
    if (row.status === 'cancelled' && row.writeStatus !== 'failed') return row;
    const [cancelled] = await tx.sql
      .update(bookings)
      .set({ status: 'cancelled', cancelledBy: row.cancelledBy ?? 'api', ...wished(now) })
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

export async function listBookings(db: Db, page: PageRequest, accountId: string | null): Promise<Page<BookingRow>> {
  if (accountId !== null && !isId(accountId)) return { items: [], next: null };
  const rows = await db.sql
    .select()
    .from(bookings)
    .where(
      and(
        page.after === null ? undefined : gt(bookings.id, page.after),
        accountId === null ? undefined : eq(bookings.accountId, accountId),
      ),
    )
    .orderBy(asc(bookings.id))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}

/** All that the event of a booking is to show. */
export function desiredOf(db: Db, { id, content, startAt, endAt }: BookingRow): DesiredBooking {
  return {
    ...(JSON.parse(db.vault.open(content, bookingContext(id))) as BookingContent),
    start: startAt.getTime(),
    end: endAt.getTime(),
  };
}

export function bookingContext(id: string): string {
  return `booking:${id}`;
}

/** Tells the webhook of a booking: neither its title nor the calendar's name, which may be a person's address. */
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

/** For telling the workflow, or writing, before anybody wonders. */
export const SOON_MS = 30_000;
export const soon = (now: Date): Date => new Date(now.getTime() + SOON_MS);

const wished = (now: Date) => ({
  revision: sql`${bookings.revision} + 1`,
  writeStatus: 'pending' as const,
  writeError: null,
  failures: 0,
  dueAt: soon(now),
});

async function lockSlots(tx: Db, accountId: string): Promise<void> {
  await tx.sql.execute(sql`select pg_advisory_xact_lock(hashtext('calpair bookings'), hashtext(${accountId}))`);
}

async function lockBooking(tx: Db, id: string): Promise<BookingRow | null> {
  const [row] = await tx.sql.select().from(bookings).where(eq(bookings.id, id)).for('update');
  return row ?? null;
}

/** The calendar's row, which from now on somebody has to watch; null where the account is gone. */
async function watchOf(tx: Db, accountId: string, calendarId: string, now: Date): Promise<string | null> {
  const { rows } = await tx.sql.execute<{ id: string }>(sql`
    insert into ${bookedCalendars} (id, account_id, calendar_id, due_at)
    select ${newId()}, a.id, ${calendarId}, ${soon(now).toISOString()}::timestamptz from accounts a where a.id = ${accountId}
    on conflict (account_id, calendar_id) do update set due_at = coalesce(${bookedCalendars}.due_at, excluded.due_at) returning id`);
  return rows[0]?.id ?? null;
}

function sealedContent(
  db: Db,
  id: string,
  { title, location, description, timeZone, attendees }: BookingContent,
): Buffer {
  return db.vault.seal(
    JSON.stringify({ title, location, description, timeZone, attendees } satisfies BookingContent),
    bookingContext(id),
  );
}

function keyHashOf(db: Db, idempotencyKey: string): string {
  return db.vault.hash(`idempotency key:${idempotencyKey}`);
}

function requestHashOf(db: Db, request: string): string {
  return db.vault.hash(`booking request:${request}`);
}
