/** The tables of bookings. */
import { sql } from 'drizzle-orm';
import { bigint, boolean, index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { instant, sealed } from './columns.ts';
import { accounts } from './schema.ts';

/** A calendar that bookings are written to, and how far it has been polled. */
export const bookedCalendars = pgTable(
  'booked_calendars',
  {
    id: uuid('id').primaryKey(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    calendarId: text('calendar_id').notNull(),
    cursor: text('cursor'),
    /** When all booked events were last fetched by name. */
    comparedAt: instant('compared_at'),
    nextPollAt: instant('next_poll_at'),
    /** If the calendar is not polled by then, its workflow is notified again; null while no booking is to come. */
    dueAt: instant('due_at'),
    failures: integer('failures').notNull().default(0),
    /** As in `pairs`. */
    pollGeneration: bigint('poll_generation', { mode: 'number' }).notNull().default(0),
    polledBy: text('polled_by'),
    /** `push_channels.notified_at` as it was before the calendar was last read. */
    heardAt: instant('heard_at'),
  },
  (t) => [uniqueIndex('booked_calendars_one').on(t.accountId, t.calendarId), index('booked_calendars_due').on(t.dueAt)],
);

export type BookingStatus = 'confirmed' | 'cancelled';
export type WriteStatus = 'pending' | 'written' | 'failed';

/**
 * One booking and its event. Status, start, end and content say what the event should be; the columns from `ref` on say
 * what the calendar has.
 */
export const bookings = pgTable(
  'bookings',
  {
    /** Also the key of the event, so that a repeated create finds the first one's event. */
    id: uuid('id').primaryKey(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    calendarId: text('calendar_id').notNull(),
    watchId: uuid('watch_id')
      .notNull()
      .references(() => bookedCalendars.id, { onDelete: 'cascade' }),
    status: text('status').$type<BookingStatus>().notNull(),
    cancelledBy: text('cancelled_by').$type<'api' | 'calendar'>(),
    startAt: instant('start_at').notNull(),
    endAt: instant('end_at').notNull(),
    /** Sealed JSON {title, location, description, timeZone, attendees}. */
    content: sealed('content').notNull(),
    /** Keyed hashes of the idempotency key and of the request that came with it. */
    keyHash: text('key_hash').unique(),
    requestHash: text('request_hash').notNull(),
    /** Grows with every change that the API requests. */
    revision: integer('revision').notNull().default(1),
    /** Grows with every attempt to write. An attempt under an older epoch can no longer store anything. */
    epoch: bigint('epoch', { mode: 'number' }).notNull().default(0),
    writeStatus: text('write_status').$type<WriteStatus>().notNull().default('pending'),
    /** Why the write is `failed`, or what it waits for while it is `pending`. */
    writeError: text('write_error'),
    failures: integer('failures').notNull().default(0),
    /** If the event is not written or checked by then, the workflow is notified again; null while both agree. */
    dueAt: instant('due_at'),
    generation: integer('generation').notNull().default(0),
    /** Sealed JSON (`BookingSyncState`); null: nothing was ever sent. */
    syncState: sealed('sync_state'),
    ref: text('ref'),
    resource: text('resource'),
    version: text('version'),
    /** What the calendar last had, sealed. */
    current: sealed('current'),
    writtenAt: instant('written_at'),
    /** False until a listing or change feed has named the event; until then a 404 proves nothing. */
    listed: boolean('listed').notNull().default(false),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (t) => [
    index('bookings_slot').on(t.accountId, t.endAt).where(sql`status = 'confirmed'`),
    index('bookings_watch').on(t.watchId, t.endAt),
    index('bookings_due').on(t.dueAt),
  ],
);
