/**
 * The tables; others are in access-schema.ts and booking-schema.ts. Calendar content and credentials are stored sealed
 * only (`bytea`, see vault.ts); plain columns hold ids, codes, counts, times and keyed hashes.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { OptionalField, SideName } from '../core/event.ts';
import type { SidePolls } from '../core/poll-schedule.ts';
import type { JournalFields } from '../core/sync/journal.ts';
import type { ToolName } from '../core/sync/other-tools.ts';
import type { Direction, PairOptions } from '../core/sync/policy.ts';
import type { Refusals } from '../core/sync/refusal.ts';
import type { Trigger } from '../core/sync/trigger.ts';
import { instant, sealed } from './columns.ts';

export const accounts = pgTable(
  'accounts',
  {
    id: uuid('id').primaryKey(),
    provider: text('provider').notNull(),
    preset: text('preset'),
    label: text('label'),
    externalId: text('external_id'),
    username: text('username').notNull(),
    /** Who the credentials belong to at the provider (`Proof.identity`). */
    identity: text('identity').notNull(),
    discovered: jsonb('discovered').$type<Record<string, unknown>>().notNull(),
    /** Sealed JSON: the provider's credentials, and its access token. */
    credentials: sealed('credentials').notNull(),
    token: sealed('token'),
    /** The worker that renews the token, and until when no other one does. */
    tokenLease: uuid('token_lease'),
    tokenLeasedUntil: instant('token_leased_until'),
    status: text('status').$type<'ok' | 'attention'>().notNull().default('ok'),
    statusReason: text('status_reason'),
    canCreateCalendars: boolean('can_create_calendars').notNull(),
    writeCalendarId: text('write_calendar_id'),
    freeBusyCalendarIds: jsonb('free_busy_calendar_ids').$type<string[]>(),
    unansweredInvitations: text('unanswered_invitations').$type<'busy' | 'free'>().notNull().default('busy'),
    /** Grows with every change seen or made in a calendar of the account: cached busy times are then out of date. */
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

export type StoresAsSent = Partial<Record<SideName, number>>;

export type AttentionReason =
  | 'stalled'
  | 'credentials'
  | 'calendar-missing'
  | 'held-changes'
  | 'quota'
  | 'unreachable'
  | 'error';

export const pairs = pgTable(
  'pairs',
  {
    id: uuid('id').primaryKey(),
    connectionId: uuid('connection_id')
      .notNull()
      .references(() => connections.id),
    caldavCalendarId: text('caldav_calendar_id').notNull(),
    cloudCalendarId: text('cloud_calendar_id').notNull(),
    /** Both calendars' identities, sorted and joined, so that two calendars are paired once, in either order. */
    calendars: text('calendars').notNull().unique(),
    /** IANA zone of floating times: the CalDAV calendar's, else the cloud calendar's, else UTC. */
    floatingZone: text('floating_zone').notNull(),
    direction: text('direction').$type<Direction>().notNull(),
    pollIntervalSeconds: integer('poll_interval_seconds').notNull(),
    options: jsonb('options').$type<PairOptions>().notNull(),
    /** Grows when the direction or an option changes: what a run decided with other settings is decided again. */
    settingsRevision: integer('settings_revision').notNull().default(0),
    paused: boolean('paused').notNull(),
    /**
     * The sides whose server was seen to store what was sent, byte by byte: an ETag in its answer confirms a write. The
     * number is how many writes were confirmed so since one was last read.
     */
    storesAsSent: jsonb('stores_as_sent').$type<StoresAsSent>().notNull().default({}),
    /** Grows with every attempt at a run. A late worker has an older epoch and can no longer store anything. */
    epoch: bigint('epoch', { mode: 'number' }).notNull().default(0),
    /** Grows with every call of the polling activity and every attempt at a run: an older poll can store nothing. */
    pollGeneration: bigint('poll_generation', { mode: 'number' }).notNull().default(0),
    /** The worker that began the last call; null once it is known to be dead. */
    polledBy: text('polled_by'),
    caldavCursor: text('caldav_cursor'),
    cloudCursor: text('cloud_cursor'),
    /** When both sides were last compared in full. */
    fullListingAt: instant('full_listing_at'),
    /** When events that an earlier version wrote wrong were repaired; null: not yet. */
    objectsRepairedAt: instant('objects_repaired_at'),
    /** When the first run ended; the pair is `starting` until then. */
    firstRunAt: instant('first_run_at'),
    /** The next diff also matches unlinked events by title (initial matching, resync). */
    needsMatching: boolean('needs_matching').notNull().default(true),
    lastSyncAt: instant('last_sync_at'),
    /** Events that were on both sides when a run last counted them (`noteEventCount`). */
    eventCount: integer('event_count').notNull().default(0),
    /** The earlier of the sides' due times. */
    nextPollAt: instant('next_poll_at'),
    /** When each side is polled next, and what its polls found out; null: when the pair is. */
    caldavDueAt: instant('caldav_due_at'),
    cloudDueAt: instant('cloud_due_at'),
    caldavPolls: jsonb('caldav_polls').$type<SidePolls>().notNull().default({}),
    cloudPolls: jsonb('cloud_polls').$type<SidePolls>().notNull().default({}),
    /** Set when a side fails. Held changes and stalled pairs are found out when the pair is read. */
    attention: text('attention').$type<Exclude<AttentionReason, 'held-changes' | 'stalled'>>(),
    statusDetail: text('status_detail'),
    /** When polls of a side began to fail, and how often the side that fails longest has failed in a row. */
    failingSince: instant('failing_since'),
    failures: integer('failures').notNull().default(0),
    /** The side whose calendar the account may read, but not write to; its writes wait. */
    readOnlySide: text('read_only_side').$type<SideName>(),
    /** When an event of the pair was last found gone, or deleted: a stale listing may show it for a while. */
    lastGoneAt: instant('last_gone_at'),
    /** The attention reason that the webhook was last notified of. */
    announced: text('announced').$type<AttentionReason>(),
    /** No requested run before this time: the longer Retry-After of both sides. */
    notBefore: instant('not_before'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (t) => [index('pairs_connection').on(t.connectionId)],
);

/** One event of a pair: on one side at first, on both once it is linked. */
export const links = pgTable(
  'links',
  {
    id: uuid('id').primaryKey(),
    pairId: uuid('pair_id')
      .notNull()
      .references(() => pairs.id, { onDelete: 'cascade' }),
    /** The event changed, or was left unfinished: the next run decides about it. */
    dirty: boolean('dirty').notNull(),
    /** A failed write is retried after this time. */
    retryAt: instant('retry_at'),
    attempts: integer('attempts').notNull().default(0),
    /** Writes that failed in a row although its side accepted others: some day that is a problem of the event. */
    failedTries: integer('failed_tries').notNull().default(0),
    /** Writes that a side refused for good (core/sync/refusal.ts). */
    refusals: jsonb('refusals').$type<Refusals>(),
    /** How many copies of this event were created on each side; part of a copy's id. */
    caldavGeneration: integer('caldav_generation').notNull().default(0),
    cloudGeneration: integer('cloud_generation').notNull().default(0),
    /** Set on an instance of an expanded series (one that a side cannot express): the series' link, and which one. */
    parentId: uuid('parent_id'),
    occurrence: text('occurrence'),
    /** Sealed JSON: the occurrence as the series had it when both sides last agreed. */
    agreed: sealed('agreed'),
    /** Sealed JSON {title, start}, shown in lists. */
    label: sealed('label'),
    /** When the event begins: lists are sorted by it. */
    startAt: instant('start_at'),
    /** The optional fields (core/event.ts) on which both sides have agreed since the pair's options copy them. */
    agreedFields: jsonb('agreed_fields').$type<OptionalField[]>(),
    /** The pair copies attendees again: both sides keep theirs and get the other's, as when they were linked. */
    unitesAttendees: boolean('unites_attendees').notNull().default(false),
    /**
     * It is on one side only until it is synced by name: a person has taken its copy away, or it is itself a copy, of
     * another sync program, whose original is not on the other side.
     */
    excluded: text('excluded').$type<'undone' | 'removed' | 'leftover'>(),
    createdAt: instant('created_at').notNull().defaultNow(),
    lastChangeAt: instant('last_change_at'),
  },
  (t) => [
    index('links_dirty').on(t.pairId).where(sql`dirty`),
    index('links_pair').on(t.pairId),
    index('links_parent').on(t.parentId),
    index('links_instances').on(t.pairId, t.parentId).where(sql`parent_id is not null`),
    index('links_start').on(t.pairId, t.startAt, t.id).where(sql`parent_id is null`),
    index('links_refused').on(t.pairId).where(sql`refusals is not null`),
    index('links_leftover').on(t.pairId).where(sql`excluded = 'leftover'`),
  ],
);

export const linkSides = pgTable(
  'link_sides',
  {
    linkId: uuid('link_id')
      .notNull()
      .references(() => links.id, { onDelete: 'cascade' }),
    pairId: uuid('pair_id').notNull(),
    side: text('side').$type<SideName>().notNull(),
    ref: text('ref').notNull(),
    resource: text('resource').notNull(),
    /** Keyed hash of the UID, for matching. */
    uidHash: text('uid_hash'),
    /** Keyed hash of title, start and recurrence, for the initial matching. */
    matchHash: text('match_hash'),
    /** The pair created this copy. A one-way pair deletes no other events. */
    owned: boolean('owned').notNull().default(false),
    /** The sync program that left its mark on the event (core/sync/other-tools.ts). */
    syncedBy: text('synced_by').$type<ToolName>(),
    /** What the side has now, sealed; null once it is gone. */
    version: text('version'),
    current: sealed('current'),
    modifiedAt: instant('modified_at'),
    /** When the change to `current` was first seen. */
    changedAt: instant('changed_at').notNull(),
    /** `suspected`: a listing or change feed no longer has it. `confirmed`: the server said so for this very event. */
    gone: text('gone').$type<'no' | 'suspected' | 'confirmed'>().notNull().default('no'),
    /** False until a listing or change feed has shown our copy; until then a 404 proves nothing. */
    listed: boolean('listed').notNull(),
    /** What the side had when both sides last agreed, sealed; null before that. */
    base: sealed('base'),
    baseVersion: text('base_version'),
    /** The version that our last write replaced: a stale read may still return it. */
    replacedVersion: text('replaced_version'),
    /** False while `current` is what we sent, or is in doubt: it has to be fetched from the side. */
    confirmed: boolean('confirmed').notNull().default(true),
  },
  (t) => [
    primaryKey({ columns: [t.linkId, t.side] }),
    uniqueIndex('link_sides_ref').on(t.pairId, t.side, t.ref),
    index('link_sides_resource').on(t.pairId, t.side, t.resource),
    index('link_sides_uid').on(t.pairId, t.side, t.uidHash),
    index('link_sides_match').on(t.pairId, t.side, t.matchHash),
    // What every run asks for is in small indexes: a large calendar costs no more.
    index('link_sides_gone').on(t.pairId, t.side, t.gone).where(sql`gone <> 'no'`),
    index('link_sides_unconfirmed').on(t.pairId, t.side).where(sql`not confirmed`),
  ],
);

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
    /** `pairs.settings_revision` when it was planned. */
    settingsRevision: integer('settings_revision'),
    readCaldav: integer('read_caldav').notNull().default(0),
    readCloud: integer('read_cloud').notNull().default(0),
    conflicts: integer('conflicts').notNull().default(0),
    held: integer('held').notNull().default(0),
    problems: integer('problems').notNull().default(0),
    error: jsonb('error').$type<{ code: string; side: SideName | null; detail: string }>(),
  },
  (t) => [
    uniqueIndex('runs_number').on(t.pairId, t.number),
    index('runs_running').on(t.pairId).where(sql`result = 'running'`),
  ],
);

export type OpAction = 'create' | 'update' | 'delete';
/**
 * `stale`: the side has changed, so the next run decides again. `waiting`: to be retried. `failed`: reported as a
 * problem. `dropped`: decided again before it was done, though it may have been written.
 */
export type OpStatus = 'pending' | 'done' | 'stale' | 'waiting' | 'failed' | 'dropped';

/** What a run writes: first its plan, then the journal of writes. */
export const ops = pgTable(
  'ops',
  {
    id: uuid('id').primaryKey(),
    runId: uuid('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    pairId: uuid('pair_id').notNull(),
    linkId: uuid('link_id').notNull(),
    side: text('side').$type<SideName>().notNull(),
    action: text('action').$type<OpAction>().notNull(),
    /** Sealed JSON: the event to write; null for deletions. */
    next: sealed('next'),
    /** What this op writes, as keyed hashes (core/sync/journal.ts). */
    fields: jsonb('fields').$type<JournalFields>().notNull(),
    /** How far from today the event is (core/sync/distance.ts): what is nearest is written first. */
    distance: smallint('distance').notNull().default(0),
    /** False for a deletion that does not count against the limit: a person applied it, or the event was cancelled. */
    counted: boolean('counted').notNull().default(true),
    status: text('status').$type<OpStatus>().notNull(),
    code: text('code'),
    doneAt: instant('done_at'),
    /** Both sides have agreed since: what this op wrote, or may have written, no longer matters. */
    settled: boolean('settled').notNull().default(false),
    /** A person asked for this very write: the change that it takes back, or the copy that it removes. */
    byPerson: text('by_person').$type<'undo' | 'remove'>(),
    /** The id of the change that it takes back. */
    undoes: uuid('undoes'),
    /** Sealed: a deleted event that comes back, as its side had stored it. */
    original: sealed('original'),
  },
  (t) => [
    index('ops_run').on(t.runId),
    index('ops_pending').on(t.runId).where(sql`status = 'pending'`),
    index('ops_open_deletions').on(t.pairId).where(sql`action = 'delete' and done_at is null`),
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
    winner: text('winner').$type<SideName>().notNull(),
    /** Sealed JSON {eventTitle, keptValue, lostValue}. */
    content: sealed('content').notNull(),
    /** Keyed hash of the whole conflict, so that the same decision is recorded once. */
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
    side: text('side').$type<SideName>().notNull(),
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
    /** The side that would lose the event. */
    side: text('side').$type<SideName>().notNull(),
    reason: text('reason').notNull(),
    since: instant('since').notNull(),
    /** What a person decided. The next run does it and deletes the row. */
    decision: text('decision').$type<'apply' | 'restore'>(),
  },
  (t) => [uniqueIndex('held_changes_link').on(t.linkId), index('held_changes_pair').on(t.pairId)],
);

/** The outbox of the operator's webhook. A row is deleted once the event is delivered or given up. */
export const webhookEvents = pgTable(
  'webhook_events',
  {
    /** The `webhook-id` of every attempt. */
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
