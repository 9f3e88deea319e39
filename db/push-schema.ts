/** The table of push channels. The secret of a channel is not stored: it follows from its name (push-channels.ts). */
import { boolean, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

/** One calendar whose changes the service is to report, for all pairs and bookings that use it. */
export const pushChannels = pgTable(
  'push_channels',
  {
    id: uuid('id').primaryKey(),
    /** The calendar: accounts of the same person share it. */
    provider: text('provider').notNull(),
    identity: text('identity').notNull(),
    calendarId: text('calendar_id').notNull(),
    /** Grows with every channel that is requested of the service; part of the channel's name. */
    generation: integer('generation').notNull().default(0),
    /** The open channel: the service's id of it, and its generation. */
    openId: text('open_id'),
    openGeneration: integer('open_generation').notNull().default(0),
    /** The newest generation that is known to reach us. */
    verifiedGeneration: integer('verified_generation').notNull().default(0),
    expiresAt: instant('expires_at'),
    renewAt: instant('renew_at'),
    /** The service's name of the calendar, where it has one. */
    resourceId: text('resource_id'),
    /** With what the service signs its messages, as it has published it; null where they are not signed. */
    senderKey: text('sender_key'),
    /** The first call is the first change: until then the calendar counts as pushed, and is polled as well. */
    callsOnChangeOnly: boolean('calls_on_change_only').notNull().default(false),
    /**
     * Channels to be closed; a null id: one whose request was not answered. A channel is here from before its request
     * until its answer is stored.
     */
    retired: jsonb('retired').$type<RetiredChannel[]>().notNull().default([]),
    closeAt: instant('close_at'),
    /** When a change was last reported. Pollers that have read since an earlier time read again. */
    notifiedAt: instant('notified_at'),
    /** The `notified_at` of which the pollers' workflows were signalled. */
    signalledAt: instant('signalled_at'),
    /** A poll found a change that this generation, or an earlier one, did not report. */
    distrustedGeneration: integer('distrusted_generation').notNull().default(0),
    distrustedAt: instant('distrusted_at'),
    /** Failed requests in a row, and when the next one is made. */
    failures: integer('failures').notNull().default(0),
    retryAt: instant('retry_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (t) => [uniqueIndex('push_channels_calendar').on(t.provider, t.identity, t.calendarId)],
);

export interface RetiredChannel {
  readonly id: string | null;
  /** Of its request; RFC 3339. */
  readonly since: string;
}
