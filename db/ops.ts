/**
 * Ops: what a run plans to write, and afterwards the journal of writes (core/sync/journal.ts). What the functions do is
 * documented in store.ts.
 */
import { and, asc, desc, eq, gte, inArray, isNotNull, isNull, ne, not, notInArray, or, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import type { DeletionHistory } from '../core/sync/deletion-guard.ts';
import { type JournalFields, normalisedFields, type Writes, writesOf } from '../core/sync/journal.ts';
import { anyOf, insertRows, updateRows } from './bulk.ts';
import type { Db } from './connect.ts';
import { type OpStatus, ops, runs } from './schema.ts';

export type OpRow = typeof ops.$inferSelect;
export type NewOp = typeof ops.$inferInsert;

export async function insertOps(db: Db, rows: readonly NewOp[]): Promise<void> {
  await insertRows(db, ops, rows);
}

export async function dropUndoneOps(db: Db, runId: string, linkIds: readonly string[]): Promise<void> {
  if (linkIds.length === 0) return;
  await db.sql
    .update(ops)
    // What a create may have written all the same tells its copy from one that a person has edited.
    .set({ status: 'dropped', next: sql`case when ${ops.action} = 'create' then ${ops.next} end` })
    .where(and(eq(ops.runId, runId), notInArray(ops.status, [...ENDED]), anyOf(ops.linkId, linkIds)));
}

/** Nothing remains to be done for these. */
const ENDED = ['done', 'dropped'] as const;

export async function doneOps(db: Db, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db.sql
    .select({ id: ops.id })
    .from(ops)
    .where(and(anyOf(ops.id, ids), eq(ops.status, 'done')));
  return rows.map(({ id }) => id);
}

export async function linksWrittenByPerson(db: Db, runId: string): Promise<string[]> {
  const rows = await db.sql
    .selectDistinct({ linkId: ops.linkId })
    .from(ops)
    .where(and(eq(ops.runId, runId), isNotNull(ops.byPerson), notInArray(ops.status, [...ENDED])));
  return rows.map(({ linkId }) => linkId);
}

export function opsToExecute(
  db: Db,
  runId: string,
  which: 'writes' | 'deletions',
  after: OpRow | null,
  limit: number,
): Promise<OpRow[]> {
  const isDeletion = eq(ops.action, 'delete');
  return db.sql
    .select()
    .from(ops)
    .where(
      and(
        eq(ops.runId, runId),
        eq(ops.status, 'pending'),
        which === 'deletions' ? isDeletion : not(isDeletion),
        after === null
          ? undefined
          : sql`(${ops.distance}, ${ops.id}) > (${after.distance}::smallint, ${after.id}::uuid)`,
      ),
    )
    .orderBy(asc(ops.distance), asc(ops.id))
    .limit(limit);
}

export async function setOp(
  db: Db,
  opId: string,
  status: OpStatus,
  code: string | null,
  doneAt: Date | null,
): Promise<void> {
  await db.sql
    .update(ops)
    .set({ status, code, doneAt, ...(status === 'done' ? { next: null } : {}) })
    .where(eq(ops.id, opId));
}

/** What the server made of the values that were written to one side of a link. */
export interface Normalised {
  readonly linkId: string;
  readonly side: SideName;
  readonly shown: JournalFields;
}

export async function noteNormalised(db: Db, notes: readonly Normalised[]): Promise<void> {
  if (notes.length === 0) return;
  const last = await db.sql
    .selectDistinctOn([ops.linkId, ops.side], { id: ops.id, linkId: ops.linkId, side: ops.side, fields: ops.fields })
    .from(ops)
    .where(
      and(
        anyOf(
          ops.linkId,
          notes.map(({ linkId }) => linkId),
        ),
        eq(ops.status, 'done'),
      ),
    )
    .orderBy(ops.linkId, ops.side, desc(ops.id));
  const changed = notes.flatMap(({ linkId, side, shown }) => {
    const op = last.find((one) => one.linkId === linkId && one.side === side);
    const more = op ? normalisedFields(op.fields, shown) : {};
    return op && Object.keys(more).length > 0 ? [{ id: op.id, fields: { ...op.fields, ...more } }] : [];
  });
  await updateRows(db, ops, ['id'], changed);
}

/** The ops of a run by status, and how many of all are no updates. */
export type OpCounts = Readonly<Record<OpStatus | 'createsAndDeletes', number>>;

export async function countOps(db: Db, runId: string): Promise<OpCounts> {
  const rows = await db.sql
    .select({
      status: ops.status,
      count: sql<number>`count(*)::int`,
      others: sql<number>`(count(*) filter (where ${ops.action} <> 'update'))::int`,
    })
    .from(ops)
    .where(eq(ops.runId, runId))
    .groupBy(ops.status);
  const none = { pending: 0, done: 0, stale: 0, waiting: 0, failed: 0, dropped: 0 };
  const counts = { ...none, createsAndDeletes: 0 };
  for (const { status, count, others } of rows) {
    counts[status] = count;
    counts.createsAndDeletes += others;
  }
  return counts;
}

export async function finishDeletions(db: Db, linkIds: readonly string[], at: Date): Promise<void> {
  if (linkIds.length === 0) return;
  await db.sql
    .update(ops)
    .set({ status: 'done', doneAt: at, code: 'answer-lost' })
    .where(and(anyOf(ops.linkId, linkIds), eq(ops.action, 'delete'), ne(ops.status, 'done')));
}

/** States of an op that may have been carried out: its code is that of its last try, and an earlier one may have. */
export const UNANSWERED: readonly OpStatus[] = ['pending', 'waiting'];

export function isUnanswered({ status }: Pick<OpRow, 'status'>): boolean {
  return UNANSWERED.includes(status);
}

/** Whether a write has taken effect, as far as is known. */
export function doneness(op: Pick<OpRow, 'status'>): { isDone: boolean; mayBeDone: boolean } {
  const isDone = op.status === 'done';
  return { isDone, mayBeDone: isDone || isUnanswered(op) };
}

export async function mayHaveCopies(db: Db, linkIds: readonly string[]): Promise<string[]> {
  if (linkIds.length === 0) return [];
  const isCreate = and(eq(ops.action, 'create'), inArray(ops.status, [...UNANSWERED]));
  const rows = await db.sql
    .selectDistinct({ linkId: ops.linkId })
    .from(ops)
    .where(and(anyOf(ops.linkId, linkIds), eq(ops.settled, false), isCreate));
  return rows.map(({ linkId }) => linkId);
}

export async function openCreates(
  db: Db,
  linkIds: readonly string[],
  side: SideName,
): Promise<{ id: string; linkId: string; next: Buffer }[]> {
  const isCreate = and(eq(ops.action, 'create'), eq(ops.side, side));
  const creates = await db.sql
    .select({ id: ops.id, linkId: ops.linkId, next: ops.next })
    .from(ops)
    .where(and(anyOf(ops.linkId, linkIds), eq(ops.settled, false), isCreate));
  return creates.flatMap(({ next, ...op }) => (next === null ? [] : [{ ...op, next }]));
}

export async function deletionsSince(
  db: Db,
  pairId: string,
  since: Date,
  linkIds: readonly string[],
): Promise<DeletionHistory> {
  const isCounted = and(eq(ops.pairId, pairId), eq(ops.action, 'delete'), eq(ops.counted, true));
  const counts = await db.sql
    .select({ side: ops.side, count: sql<number>`count(*)::int` })
    .from(ops)
    .where(and(isCounted, eq(ops.status, 'done'), gte(ops.doneAt, since)))
    .groupBy(ops.side);
  const done = (side: SideName) => counts.find((row) => row.side === side)?.count ?? 0;
  const isLast = sql`not exists (
    select 1 from ops later
    where later.link_id = ${ops.linkId} and later.side = ${ops.side} and later.id > ${ops.id})`;
  const mayBeDone = sql<boolean>`(${and(
    inArray(ops.status, [...UNANSWERED]),
    eq(ops.settled, false),
    gte(runs.startedAt, since),
    isLast,
  )})`;
  const open = await db.sql
    .select({ linkId: ops.linkId, side: ops.side, mayBeDone })
    .from(ops)
    .innerJoin(runs, eq(runs.id, ops.runId))
    .where(and(isCounted, isNull(ops.doneAt), ne(ops.status, 'done'), or(anyOf(ops.linkId, linkIds), mayBeDone)))
    .orderBy(ops.id);
  return { done: { caldav: done('caldav'), cloud: done('cloud') }, open };
}

export async function writtenSince(db: Db, linkIds: readonly string[], since: Date): Promise<Writes> {
  if (linkIds.length === 0) return new Map();
  const rows = await db.sql
    .select({ linkId: ops.linkId, side: ops.side, fields: ops.fields })
    .from(ops)
    .where(and(anyOf(ops.linkId, linkIds), eq(ops.status, 'done'), isNotNull(ops.doneAt), gte(ops.doneAt, since)))
    .orderBy(ops.doneAt);
  return writesOf(rows);
}

export async function unsettledWrites(db: Db, linkIds: readonly string[]): Promise<Writes> {
  if (linkIds.length === 0) return new Map();
  const rows = await db.sql
    .select({ linkId: ops.linkId, side: ops.side, fields: ops.fields, status: ops.status })
    .from(ops)
    .where(and(anyOf(ops.linkId, linkIds), eq(ops.settled, false)))
    .orderBy(ops.id);
  return writesOf(rows.map((row) => ({ ...row, ...doneness(row) })));
}
