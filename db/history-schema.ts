/** The tables of what pairs wrote and lost, of requests to take it back, and of what they would write. */
import { sql } from 'drizzle-orm';
import { index, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import type { SideName } from '../core/event.ts';
import { instant, sealed } from './columns.ts';
import { type OpAction, pairs } from './schema.ts';

/** What the pair wrote: what people look at, and take back. */
export const changes = pgTable(
  'changes',
  {
    id: uuid('id').primaryKey(),
    pairId: uuid('pair_id')
      .notNull()
      .references(() => pairs.id, { onDelete: 'cascade' }),
    linkId: uuid('link_id').notNull(),
    /** The link of the event as people see it: of an instance its series. */
    eventId: uuid('event_id').notNull(),
    runId: uuid('run_id').notNull(),
    at: instant('at').notNull(),
    side: text('side').$type<SideName>().notNull(),
    action: text('action').$type<OpAction>().notNull(),
    /** When the event begins: deleted events are sorted by it. */
    startAt: instant('start_at'),
    /** Sealed JSON (core/sync/history.ts). */
    content: sealed('content').notNull(),
    /** The change that it took back. */
    undoes: uuid('undoes'),
  },
  (t) => [
    index('changes_event').on(t.eventId, t.id),
    index('changes_run').on(t.runId),
    index('changes_pair').on(t.pairId, t.at),
    index('changes_deleted').on(t.pairId, t.startAt).where(sql`action = 'delete'`),
  ],
);

/**
 * Events that a side has lost, for a day: what another installation copied of one of them is not taken for a new event
 * (core/sync/duplicates.ts).
 */
export const lostEvents = pgTable(
  'lost_events',
  {
    pairId: uuid('pair_id')
      .notNull()
      .references(() => pairs.id, { onDelete: 'cascade' }),
    /** The link that it had, which may be gone. */
    linkId: uuid('link_id').notNull(),
    side: text('side').$type<SideName>().notNull(),
    uidHash: text('uid_hash').notNull(),
    at: instant('at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.linkId, t.side] }), index('lost_events_uid').on(t.pairId, t.uidHash)],
);

/** Which leftovers of other sync programs; null: any. */
export interface LeftoverFilter {
  readonly side: SideName | null;
  /** Ids of events. */
  readonly ids: readonly string[] | null;
}

/** What people ask a pair to take back; the next run does it. */
export const undoRequests = pgTable(
  'undo_requests',
  {
    id: uuid('id').primaryKey(),
    pairId: uuid('pair_id')
      .notNull()
      .references(() => pairs.id, { onDelete: 'cascade' }),
    at: instant('at').notNull(),
    /** The changes to take back; null: all copies of a side are removed. */
    changeIds: jsonb('change_ids').$type<string[]>(),
    side: text('side').$type<SideName>(),
    /** Leftovers of other sync programs are removed: of this side, and of these events; null: all. */
    leftovers: jsonb('leftovers').$type<LeftoverFilter>(),
    /** The run that does it. */
    runId: uuid('run_id'),
    /** Sealed JSON: what the run has planned (core/sync/undo.ts `UndoPlan`); null before. */
    planned: sealed('planned'),
  },
  (t) => [index('undo_requests_open').on(t.pairId).where(sql`planned is null`), index('undo_requests_run').on(t.runId)],
);

export interface PreviewProgress {
  readonly phase: 'reading' | 'comparing';
  /** Events that were read or compared. */
  readonly done: number;
  /** Null while reading: calendars do not say how many events they have. */
  readonly total: number | null;
}

/** The last preview of each pair. */
export const previews = pgTable('previews', {
  pairId: uuid('pair_id')
    .primaryKey()
    .references(() => pairs.id, { onDelete: 'cascade' }),
  startedAt: instant('started_at').notNull(),
  finishedAt: instant('finished_at'),
  /** How far it has come. */
  progress: jsonb('progress').$type<PreviewProgress>(),
  /** Sealed JSON: the answer. */
  result: sealed('result'),
  error: jsonb('error').$type<{ code: string; detail: string }>(),
});
