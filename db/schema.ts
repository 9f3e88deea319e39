/**
 * The tables. What a calendar holds (and every credential) is only ever stored sealed (`bytea`, see vault.ts); plain
 * columns are ids, codes, counts, times and keyed hashes.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { PairOptions } from '../core/sync/policy.ts';

const sealed = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 });

export const apiKeys = pgTable('api_keys', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  /** SHA-256 of the key, hex. A random key needs no slow hash. */
  hash: text('hash').notNull().unique(),
  createdAt: instant('created_at').notNull().defaultNow(),
});

export const accounts = pgTable(
  'accounts',
  {
    id: uuid('id').primaryKey(),
    provider: text('provider').notNull(),
    preset: text('preset'),
    label: text('label'),
    externalId: text('external_id'),
    username: text('username').notNull(),
    /** The person behind the credentials on that service (`Proof.identity`). */
    identity: text('identity').notNull(),
    discovered: jsonb('discovered').$type<Record<string, unknown>>().notNull(),
    /** Sealed JSON of the provider's credentials, and of its access token. */
    credentials: sealed('credentials').notNull(),
    token: sealed('token'),
    status: text('status').$type<'ok' | 'attention'>().notNull().default('ok'),
    statusReason: text('status_reason'),
    canCreateCalendars: boolean('can_create_calendars').notNull(),
    writeCalendarId: text('write_calendar_id'),
    freeBusyCalendarIds: jsonb('free_busy_calendar_ids').$type<string[]>(),
    unansweredInvitations: text('unanswered_invitations').$type<'busy' | 'free'>().notNull().default('busy'),
    /**
     * Grows with every change that is seen, or made, in a calendar of the account: what was told of busy times before
     * is no longer good.
     */
    calendarsVersion: bigint('calendars_version', { mode: 'number' }).notNull().default(0),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (t) => [index('accounts_external_id').on(t.externalId)],
);

export const connections = pgTable('connections', {
  id: uuid('id').primaryKey(),
  name: text('name'),
  caldavAccountId: uuid('caldav_account_id')
    .notNull()
    .references(() => accounts.id),
  cloudAccountId: uuid('cloud_account_id')
    .notNull()
    .references(() => accounts.id),
  createdAt: instant('created_at').notNull().defaultNow(),
});

export type Direction = 'bidirectional' | 'caldav-to-cloud' | 'cloud-to-caldav';
export type AttentionReason = 'credentials' | 'calendar-missing' | 'held-changes' | 'quota' | 'unreachable' | 'error';

export const pairs = pgTable(
  'pairs',
  {
    id: uuid('id').primaryKey(),
    connectionId: uuid('connection_id')
      .notNull()
      .references(() => connections.id),
    caldavCalendarId: text('caldav_calendar_id').notNull(),
    cloudCalendarId: text('cloud_calendar_id').notNull(),
    /** Both calendars' identities, sorted and joined: the same two calendars are paired once, in whatever order. */
    calendars: text('calendars').notNull().unique(),
    /** IANA zone of floating times: the CalDAV calendar's, else the cloud calendar's, else UTC. */
    floatingZone: text('floating_zone').notNull(),
    direction: text('direction').$type<Direction>().notNull(),
    pollIntervalSeconds: integer('poll_interval_seconds').notNull(),
    options: jsonb('options').$type<PairOptions>().notNull(),
    paused: boolean('paused').notNull(),
    /**
     * Grows with every run; a poll or a run that began under an older epoch may store nothing more (a late or doubled
     * worker).
     */
    epoch: bigint('epoch', { mode: 'number' }).notNull().default(0),
    caldavCursor: text('caldav_cursor'),
    cloudCursor: text('cloud_cursor'),
    /** When both sides were last compared in full. */
    fullListingAt: instant('full_listing_at'),
    /** When the first run ended; until then the pair is `starting` and matches events by title, too. */
    firstRunAt: instant('first_run_at'),
    /** True until the next diff: match unlinked events by title, too (initial matching, resync). */
    needsMatching: boolean('needs_matching').notNull().default(true),
    lastSyncAt: instant('last_sync_at'),
    nextPollAt: instant('next_poll_at'),
    /** Reasons that come from a failing side; held changes are counted, not stored here. */
    attention: text('attention').$type<Exclude<AttentionReason, 'held-changes'>>(),
    statusDetail: text('status_detail'),
    /** Since when polls have been failing, and how often in a row. */
    failingSince: instant('failing_since'),
    failures: integer('failures').notNull().default(0),
    /**
     * When an event of the pair was last found gone, or deleted: a listing that lags behind may show it for a while.
     */
    lastGoneAt: instant('last_gone_at'),
    /** Why it needs attention, as the webhook was last told. */
    announced: text('announced').$type<AttentionReason>(),
    /** Not before this time, whatever is asked: a server's Retry-After. */
    notBefore: instant('not_before'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (t) => [index('pairs_connection').on(t.connectionId)],
);

/** One event of a pair: on both sides once it is linked, on one side before. */
export const links = pgTable(
  'links',
  {
    id: uuid('id').primaryKey(),
    pairId: uuid('pair_id')
      .notNull()
      .references(() => pairs.id, { onDelete: 'cascade' }),
    /** Something changed, or was left over: the next run looks at it. */
    dirty: boolean('dirty').notNull(),
    /** A run that could not write it tries again after this time. */
    retryAt: instant('retry_at'),
    attempts: integer('attempts').notNull().default(0),
    /** Count the copies that were created for this event on either side; part of a copy's id. */
    caldavGeneration: integer('caldav_generation').notNull().default(0),
    cloudGeneration: integer('cloud_generation').notNull().default(0),
    /**
     * Set on a single event that stands for one occurrence of a series which that side cannot express: the series'
     * link, and which occurrence.
     */
    parentId: uuid('parent_id'),
    occurrence: text('occurrence'),
    /** Sealed JSON of what the series said of the occurrence when both last agreed. */
    agreed: sealed('agreed'),
    /** Sealed JSON {title, start} for lists. */
    label: sealed('label'),
    createdAt: instant('created_at').notNull().defaultNow(),
    lastChangeAt: instant('last_change_at'),
  },
  (t) => [
    index('links_dirty').on(t.pairId).where(sql`dirty`),
    index('links_pair').on(t.pairId),
    index('links_parent').on(t.parentId),
  ],
);

export const linkSides = pgTable(
  'link_sides',
  {
    linkId: uuid('link_id')
      .notNull()
      .references(() => links.id, { onDelete: 'cascade' }),
    pairId: uuid('pair_id').notNull(),
    side: text('side').$type<'caldav' | 'cloud'>().notNull(),
    ref: text('ref').notNull(),
    resource: text('resource').notNull(),
    /** Keyed hash of the UID, for matching. */
    uidHash: text('uid_hash'),
    /** Keyed hash of title, start and recurrence, for the initial matching. */
    matchHash: text('match_hash'),
    /** The pair created this copy; a matched or original event is never its own to delete in a one-way pair. */
    owned: boolean('owned').notNull().default(false),
    /** What the side shows now: sealed data, null once it is gone. */
    version: text('version'),
    current: sealed('current'),
    modifiedAt: instant('modified_at'),
    /** When the change that `current` holds was first seen. */
    changedAt: instant('changed_at').notNull(),
    /** `suspected`: a listing or a change feed no longer has it; `confirmed`: the server said so for this very event. */
    gone: text('gone').$type<'no' | 'suspected' | 'confirmed'>().notNull().default('no'),
    /** False until a listing or change feed has shown a copy that we created: until then a 404 proves nothing. */
    listed: boolean('listed').notNull(),
    /** What the side showed when both sides last agreed: sealed data, null before. */
    base: sealed('base'),
    baseVersion: text('base_version'),
    /** The version that our last write replaced: a reader that lags behind its server still shows it. */
    replacedVersion: text('replaced_version'),
    /** False while `current` is what we sent, or is doubted: the side has to be asked for it. */
    confirmed: boolean('confirmed').notNull().default(true),
  },
  (t) => [
    primaryKey({ columns: [t.linkId, t.side] }),
    uniqueIndex('link_sides_ref').on(t.pairId, t.side, t.ref),
    index('link_sides_resource').on(t.pairId, t.side, t.resource),
    index('link_sides_uid').on(t.pairId, t.side, t.uidHash),
    index('link_sides_match').on(t.pairId, t.side, t.matchHash),
  ],
);

export type Trigger = 'start' | 'poll' | 'signal' | 'webhook' | 'resync';
export type RunResult = 'running' | 'ok' | 'partial' | 'failed';

export const runs = pgTable(
  'runs',
  {
    id: uuid('id').primaryKey(),
    pairId: uuid('pair_id')
      .notNull()
      .references(() => pairs.id, { onDelete: 'cascade' }),
    number: integer('number').notNull(),
    trigger: text('trigger').$type<Trigger>().notNull(),
    startedAt: instant('started_at').notNull(),
    finishedAt: instant('finished_at'),
    result: text('result').$type<RunResult>().notNull(),
    readCaldav: integer('read_caldav').notNull().default(0),
    readCloud: integer('read_cloud').notNull().default(0),
    conflicts: integer('conflicts').notNull().default(0),
    held: integer('held').notNull().default(0),
    problems: integer('problems').notNull().default(0),
    error: jsonb('error').$type<{ code: string; side: 'caldav' | 'cloud' | null; detail: string }>(),
  },
  (t) => [uniqueIndex('runs_number').on(t.pairId, t.number)],
);

export type OpAction = 'create' | 'update' | 'delete';
/**
 * `stale`: the side moved on, the next run decides anew. `waiting`: to be tried again. `failed`: set aside as a
 * problem. `dropped`: decided again before it was done, though it may have been written.
 */
export type OpStatus = 'pending' | 'done' | 'stale' | 'waiting' | 'failed' | 'dropped';

/** What a run writes: the plan, and afterwards the journal of writes. */
export const ops = pgTable(
  'ops',
  {
    id: uuid('id').primaryKey(),
    runId: uuid('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    pairId: uuid('pair_id').notNull(),
    linkId: uuid('link_id').notNull(),
    side: text('side').$type<'caldav' | 'cloud'>().notNull(),
    action: text('action').$type<OpAction>().notNull(),
    /** Sealed JSON: the event as the side is to show it; null for deletions. */
    next: sealed('next'),
    /**
     * What this op writes, by field path (attendees one by one, under a keyed hash of the address), as a keyed hash of
     * the value: tells flapping, and our own writes from edits.
     */
    fields: jsonb('fields').$type<Record<string, string>>().notNull(),
    /**
     * False for deletions that do not count against the limit: a person applied them, or a cancelled copy is removed.
     */
    counted: boolean('counted').notNull().default(true),
    status: text('status').$type<OpStatus>().notNull(),
    code: text('code'),
    doneAt: instant('done_at'),
    /** Both sides have agreed since: what this op wrote, or may have, is in their bases or does not matter any more. */
    settled: boolean('settled').notNull().default(false),
  },
  (t) => [
    index('ops_run').on(t.runId),
    index('ops_link').on(t.linkId, t.doneAt),
    index('ops_pair_done').on(t.pairId, t.doneAt),
  ],
);

export const conflicts = pgTable(
  'conflicts',
  {
    id: uuid('id').primaryKey(),
    pairId: uuid('pair_id')
      .notNull()
      .references(() => pairs.id, { onDelete: 'cascade' }),
    linkId: uuid('link_id').notNull(),
    runId: uuid('run_id').notNull(),
    at: instant('at').notNull(),
    field: text('field').notNull(),
    winner: text('winner').$type<'caldav' | 'cloud'>().notNull(),
    /** Sealed JSON {eventTitle, keptValue, lostValue}. */
    content: sealed('content').notNull(),
    /** Keyed hash of the whole conflict: a run that decides the same once more notes it once. */
    digest: text('digest').notNull(),
  },
  (t) => [uniqueIndex('conflicts_once').on(t.linkId, t.digest), index('conflicts_pair').on(t.pairId, t.at)],
);

export const problems = pgTable(
  'problems',
  {
    id: uuid('id').primaryKey(),
    pairId: uuid('pair_id')
      .notNull()
      .references(() => pairs.id, { onDelete: 'cascade' }),
    linkId: uuid('link_id')
      .notNull()
      .references(() => links.id, { onDelete: 'cascade' }),
    code: text('code').notNull(),
    side: text('side').$type<'caldav' | 'cloud'>().notNull(),
    detail: text('detail').notNull(),
    since: instant('since').notNull(),
  },
  (t) => [uniqueIndex('problems_one').on(t.linkId, t.side, t.code), index('problems_pair').on(t.pairId)],
);

export const heldChanges = pgTable(
  'held_changes',
  {
    id: uuid('id').primaryKey(),
    pairId: uuid('pair_id')
      .notNull()
      .references(() => pairs.id, { onDelete: 'cascade' }),
    linkId: uuid('link_id')
      .notNull()
      .references(() => links.id, { onDelete: 'cascade' }),
    /** The side that still has the event and would lose it. */
    side: text('side').$type<'caldav' | 'cloud'>().notNull(),
    reason: text('reason').notNull(),
    since: instant('since').notNull(),
    /** What a person decided; carried out, and then deleted, by the next run. */
    decision: text('decision').$type<'apply' | 'restore'>(),
  },
  (t) => [uniqueIndex('held_changes_link').on(t.linkId), index('held_changes_pair').on(t.pairId)],
);

/** A calendar that bookings are written to, and how far it has been watched. */
export const bookedCalendars = pgTable(
  'booked_calendars',
  {
    id: uuid('id').primaryKey(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    calendarId: text('calendar_id').notNull(),
    cursor: text('cursor'),
    /** When all booked events were last asked for by name. */
    comparedAt: instant('compared_at'),
    nextPollAt: instant('next_poll_at'),
    /**
     * When somebody has to see to it that the calendar is watched, should nobody have looked by then; null while there
     * is nothing to watch.
     */
    dueAt: instant('due_at'),
    failures: integer('failures').notNull().default(0),
  },
  (t) => [uniqueIndex('booked_calendars_one').on(t.accountId, t.calendarId), index('booked_calendars_due').on(t.dueAt)],
);

export type BookingStatus = 'confirmed' | 'cancelled';
export type WriteStatus = 'pending' | 'written' | 'failed';

/**
 * One booking and its event. What is to be stands in status, start, end and content; what the calendar shows, in the
 * columns from `ref` on.
 */
export const bookings = pgTable(
  'bookings',
  {
    /** Also the key of the event: a create that is repeated finds the first one's. */
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
    /** Keyed hashes of the idempotency key, and of the request that came with it. */
    keyHash: text('key_hash').unique(),
    requestHash: text('request_hash').notNull(),
    /** Grows with every wish of the API. */
    revision: integer('revision').notNull().default(1),
    /** Grows with every attempt to write; an attempt under an older epoch may store nothing more. */
    epoch: bigint('epoch', { mode: 'number' }).notNull().default(0),
    writeStatus: text('write_status').$type<WriteStatus>().notNull().default('pending'),
    /** Why it is `failed`, or what it waits for while it is `pending`. */
    writeError: text('write_error'),
    failures: integer('failures').notNull().default(0),
    /**
     * The calendar has to be looked at or written to; should nobody have done so by this time, somebody is told. Null:
     * both agree.
     */
    dueAt: instant('due_at'),
    generation: integer('generation').notNull().default(0),
    /**
     * Sealed JSON: what was written last, what is being written, where the event was last seen. Null: nothing was ever
     * sent.
     */
    syncState: sealed('sync_state'),
    ref: text('ref'),
    resource: text('resource'),
    version: text('version'),
    /** What the calendar last showed: sealed data. */
    current: sealed('current'),
    writtenAt: instant('written_at'),
    /**
     * False until a listing or change feed has named the event: until then a 404 right after the write proves nothing.
     */
    listed: boolean('listed').notNull().default(false),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (t) => [
    index('bookings_slot').on(t.accountId, t.endAt).where(sql`status = 'confirmed'`),
    index('bookings_watch').on(t.watchId, t.endAt),
    index('bookings_due').on(t.dueAt),
  ],
);

/** What is still to be told to the operator's webhook; a row goes once it has been delivered or given up. */
export const webhookEvents = pgTable(
  'webhook_events',
  {
    /** The `webhook-id` of every try. */
    id: uuid('id').primaryKey(),
    type: text('type').notNull(),
    at: instant('at').notNull(),
    /** Ids, codes and times only. */
    data: jsonb('data').$type<Record<string, unknown>>().notNull(),
    attempts: integer('attempts').notNull().default(0),
    nextTryAt: instant('next_try_at').notNull(),
  },
  (t) => [index('webhook_events_next').on(t.nextTryAt)],
);
