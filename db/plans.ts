/** Runs and what they write: the plan before, the journal of writes afterwards. */
import { and, asc, desc, eq, gte, inArray, isNotNull, isNull, lt, ne, not, notInArray, or, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { SideName } from '../core/event.ts';
import type { ProblemCode } from '../core/event-problem.ts';
import { anyOf, inChunks } from './bulk.ts';
import { type Db, transaction } from './connect.ts';
import { conflicts, heldChanges, type OpStatus, ops, pairs, problems, runs, type Trigger } from './schema.ts';

export type RunRow = typeof runs.$inferSelect;
export type OpRow = typeof ops.$inferSelect;
export type NewOp = typeof ops.$inferInsert;
export type HeldRow = typeof heldChanges.$inferSelect;

/**
 * A run under a new epoch; a repeated call finds the run of that number. Runs that an earlier workflow left open end as
 * failed.
 */
export function beginRun(
  db: Db,
  input: { pairId: string; number: number; trigger: Trigger; now: Date },
): Promise<{ run: RunRow; epoch: number } | null> {
  return transaction(db, async (tx) => {
    const epoch = await nextEpoch(tx, input.pairId);
    if (epoch === null) return null;
    const mine = and(eq(runs.pairId, input.pairId), eq(runs.number, input.number));
    await tx.sql
      .update(runs)
      .set({
        result: 'failed',
        finishedAt: input.now,
        error: { code: 'interrupted', side: null, detail: 'the run was interrupted' },
      })
      .where(and(eq(runs.pairId, input.pairId), eq(runs.result, 'running'), ne(runs.number, input.number)));
    await tx.sql
      .insert(runs)
      .values({
        id: uuidv7(),
        pairId: input.pairId,
        number: input.number,
        trigger: input.trigger,
        startedAt: input.now,
        result: 'running',
      })
      .onConflictDoNothing();
    const [run] = await tx.sql.select().from(runs).where(mine);
    return run ? { run, epoch } : null;
  });
}

/**
 * Takes up a run that was begun, under a new epoch; that is null when it has ended by now, as its worker may have stood
 * still. Null: the pair is gone.
 */
export function resumeRun(db: Db, runId: string): Promise<{ run: RunRow; epoch: number | null } | null> {
  return transaction(db, async (tx) => {
    const ofRun = sql`${pairs.id} = (select pair_id from runs where id = ${runId})`;
    const [pair] = await tx.sql.select({ id: pairs.id }).from(pairs).where(ofRun).for('update');
    const run = pair ? await getRun(tx, runId) : null;
    return run && { run, epoch: run.finishedAt ? null : await nextEpoch(tx, run.pairId) };
  });
}

/** Every attempt at a run has an epoch of its own, so that a late one can store nothing. Null: the pair is gone. */
async function nextEpoch(db: Db, pairId: string): Promise<number | null> {
  const [row] = await db.sql
    .update(pairs)
    .set({ epoch: sql`${pairs.epoch} + 1` })
    .where(eq(pairs.id, pairId))
    .returning({ epoch: pairs.epoch });
  return row?.epoch ?? null;
}

export async function getRun(db: Db, runId: string): Promise<RunRow | null> {
  const [row] = await db.sql.select().from(runs).where(eq(runs.id, runId));
  return row ?? null;
}

export async function updateRun(db: Db, runId: string, set: Partial<typeof runs.$inferInsert>): Promise<void> {
  await db.sql.update(runs).set(set).where(eq(runs.id, runId));
}

export async function countProblem(db: Db, runId: string): Promise<void> {
  await db.sql
    .update(runs)
    .set({ problems: sql`${runs.problems} + 1` })
    .where(eq(runs.id, runId));
}

export async function isRunning(db: Db, pairId: string): Promise<boolean> {
  const [row] = await db.sql
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.pairId, pairId), eq(runs.result, 'running')))
    .limit(1);
  return row !== undefined;
}

/** The highest run number so far, for a workflow that is started again. */
export async function lastRunNumber(db: Db, pairId: string): Promise<number> {
  const [row] = await db.sql
    .select({ last: sql<number>`coalesce(max(${runs.number}), 0)::int` })
    .from(runs)
    .where(eq(runs.pairId, pairId));
  return row?.last ?? 0;
}

export async function insertOps(db: Db, rows: readonly NewOp[]): Promise<void> {
  await inChunks(rows, (some) => db.sql.insert(ops).values(some).returning({ id: ops.id }));
}

/**
 * What a run planned for these links but has not done, before they are planned again. It stays in the journal: an
 * answer may have been lost.
 */
export async function dropUndoneOps(db: Db, runId: string, linkIds: readonly string[]): Promise<void> {
  if (linkIds.length === 0) return;
  await db.sql
    .update(ops)
    .set({ status: 'dropped', next: null })
    .where(and(eq(ops.runId, runId), notInArray(ops.status, [...ENDED]), anyOf(ops.linkId, linkIds)));
}

/** Nothing is to be done about these any more. */
const ENDED = ['done', 'dropped'] as const;

/** Ops still to be done: creates and updates before deletes, so that nothing is gone before its other half is safe. */
export function pendingOps(db: Db, runId: string): Promise<OpRow[]> {
  return db.sql
    .select()
    .from(ops)
    .where(and(eq(ops.runId, runId), eq(ops.status, 'pending')))
    .orderBy(sql`${ops.action} = 'delete'`, asc(ops.id));
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

/**
 * Notes, under its key and `suffix` as `written>shown`, what became of a field that the last op done on that side has
 * written.
 */
export async function noteNormalised(
  db: Db,
  linkId: string,
  side: SideName,
  shown: Readonly<Record<string, string>>,
  suffix: string,
): Promise<void> {
  const [op] = await db.sql
    .select({ id: ops.id, fields: ops.fields })
    .from(ops)
    .where(and(eq(ops.linkId, linkId), eq(ops.side, side), eq(ops.status, 'done')))
    .orderBy(desc(ops.id))
    .limit(1);
  const more = Object.entries(shown).flatMap(([key, hash]) =>
    op?.fields[key] ? [[key + suffix, `${op.fields[key]}>${hash}`] as const] : [],
  );
  if (op && more.length > 0)
    await db.sql
      .update(ops)
      .set({ fields: { ...op.fields, ...Object.fromEntries(more) } })
      .where(eq(ops.id, op.id));
}

/** Ops of one run by status. */
export async function countOps(db: Db, runId: string): Promise<Record<OpStatus, number>> {
  const rows = await db.sql
    .select({ status: ops.status, count: sql<number>`count(*)::int` })
    .from(ops)
    .where(eq(ops.runId, runId))
    .groupBy(ops.status);
  const counts: Record<OpStatus, number> = { pending: 0, done: 0, stale: 0, waiting: 0, failed: 0, dropped: 0 };
  for (const row of rows) counts[row.status] = row.count;
  return counts;
}

/** Other ops of the same run and link that are still to be done. */
export async function hasOpenSibling(db: Db, op: OpRow): Promise<boolean> {
  const [row] = await db.sql
    .select({ id: ops.id })
    .from(ops)
    .where(
      and(eq(ops.runId, op.runId), eq(ops.linkId, op.linkId), ne(ops.id, op.id), notInArray(ops.status, [...ENDED])),
    )
    .limit(1);
  return row !== undefined;
}

/**
 * These events are gone: deletions of ours that are not known to be done count as such, because their answers may have
 * been lost.
 */
export async function finishDeletions(db: Db, linkIds: readonly string[], at: Date): Promise<void> {
  if (linkIds.length === 0) return;
  await db.sql
    .update(ops)
    .set({ status: 'done', doneAt: at, code: 'answer-lost' })
    .where(and(anyOf(ops.linkId, linkIds), eq(ops.action, 'delete'), ne(ops.status, 'done')));
}

/** Failures of a create after which the copy may be there nevertheless. */
export const LOST_ANSWERS: readonly string[] = ['unreachable', 'throttled', 'bug'];

/** A write that nobody knows the end of. */
export function hasLostAnswer({ status, code }: Pick<OpRow, 'status' | 'code'>): boolean {
  return status === 'pending' || (status === 'waiting' && LOST_ANSWERS.includes(code ?? ''));
}

/**
 * True when a copy of this event may have been made, though nobody knows where it is: the last thing that was tried for
 * it is a create without an answer.
 */
export async function mayHaveCopy(db: Db, linkId: string): Promise<boolean> {
  const [last] = await db.sql
    .select({ action: ops.action, status: ops.status, code: ops.code })
    .from(ops)
    .where(and(eq(ops.linkId, linkId), eq(ops.settled, false)))
    .orderBy(desc(ops.id))
    .limit(1);
  return last?.action === 'create' && hasLostAnswer(last);
}

/**
 * Counted deletions on one side since a time, with those that may have been done though no answer came. Of `planned`
 * links only what is done: the rest is still to come.
 */
export async function countDeletions(
  db: Db,
  pairId: string,
  side: SideName,
  since: Date,
  planned: readonly string[],
): Promise<number> {
  const isLast = sql`not exists (select 1 from ops later where later.link_id = ${ops.linkId} and later.side = ${ops.side} and later.id > ${ops.id})`;
  const mayBeDone = and(
    isNull(ops.doneAt),
    inArray(ops.status, ['pending', 'waiting']),
    eq(ops.settled, false),
    gte(runs.startedAt, since),
    isLast,
    not(anyOf(ops.linkId, planned)),
  );
  const [row] = await db.sql
    .select({ count: sql<number>`count(*)::int` })
    .from(ops)
    .innerJoin(runs, eq(runs.id, ops.runId))
    .where(
      and(
        eq(ops.pairId, pairId),
        eq(ops.side, side),
        eq(ops.action, 'delete'),
        eq(ops.counted, true),
        or(and(eq(ops.status, 'done'), gte(ops.doneAt, since)), mayBeDone),
      ),
    );
  return row?.count ?? 0;
}

/**
 * Hashes of the values that each field of these links was given since a time: `linkId/side/field` to hashes, oldest
 * first.
 */
export async function writtenSince(db: Db, linkIds: readonly string[], since: Date): Promise<Map<string, string[]>> {
  if (linkIds.length === 0) return new Map();
  const rows = await db.sql
    .select({ linkId: ops.linkId, side: ops.side, fields: ops.fields })
    .from(ops)
    .where(and(anyOf(ops.linkId, linkIds), eq(ops.status, 'done'), isNotNull(ops.doneAt), gte(ops.doneAt, since)))
    .orderBy(ops.doneAt);
  return hashesByField(rows);
}

/**
 * What runs have written to these links, or may have, since both sides last agreed: `linkId/side/field` to the hashes
 * of the values, oldest first, and `linkId/side/field#done` to those that are known to be done. Their base has not
 * moved yet, and what was written is no edit of that side.
 */
export async function unsettledWrites(db: Db, linkIds: readonly string[]): Promise<Map<string, string[]>> {
  if (linkIds.length === 0) return new Map();
  const rows = await db.sql
    .select({ linkId: ops.linkId, side: ops.side, fields: ops.fields, status: ops.status })
    .from(ops)
    .where(and(anyOf(ops.linkId, linkIds), eq(ops.settled, false)))
    .orderBy(ops.id);
  return hashesByField(rows);
}

/** Ends the key of what is known to be done. */
export const DONE = '#done';

interface Write {
  readonly linkId: string;
  readonly side: SideName;
  readonly fields: Readonly<Record<string, string>>;
  readonly status?: OpStatus;
}

function hashesByField(rows: readonly Write[]): Map<string, string[]> {
  const hashes = new Map<string, string[]>();
  const add = (key: string, hash: string) => hashes.set(key, [...(hashes.get(key) ?? []), hash]);
  for (const { linkId, side, fields, status } of rows) {
    for (const [field, hash] of Object.entries(fields)) {
      add(`${linkId}/${side}/${field}`, hash);
      if (status === 'done') add(`${linkId}/${side}/${field}${DONE}`, hash);
    }
  }
  return hashes;
}

/** Notes conflicts; answers how many are new. */
export async function insertConflicts(db: Db, rows: readonly (typeof conflicts.$inferInsert)[]): Promise<number> {
  if (rows.length === 0) return 0;
  const inserted = await db.sql
    .insert(conflicts)
    .values([...rows])
    .onConflictDoNothing()
    .returning({ id: conflicts.id });
  return inserted.length;
}

export interface NewProblem {
  readonly linkId: string;
  readonly side: SideName;
  readonly code: ProblemCode;
  readonly detail: string;
}

/** These are the problems of a link now: others of it go, known ones keep their date. Answers how many are new. */
export async function setProblems(
  db: Db,
  pairId: string,
  linkId: string,
  now: readonly NewProblem[],
  at: Date,
): Promise<number> {
  const known = await db.sql.select().from(problems).where(eq(problems.linkId, linkId));
  const isSame = (a: { side: SideName; code: string }, b: { side: SideName; code: string }) =>
    a.side === b.side && a.code === b.code;
  const over = known.filter((row) => !now.some((problem) => isSame(row, problem)));
  if (over.length > 0)
    await db.sql.delete(problems).where(
      anyOf(
        problems.id,
        over.map((row) => row.id),
      ),
    );
  const fresh = now.filter(
    (problem, index) =>
      !known.some((row) => isSame(row, problem)) && now.findIndex((other) => isSame(other, problem)) === index,
  );
  if (fresh.length > 0)
    await db.sql
      .insert(problems)
      .values(fresh.map((problem) => ({ id: uuidv7(), pairId, since: at, ...problem })))
      .onConflictDoNothing();
  return fresh.length;
}

/** A problem found while writing, beside those that planning found. True when it is new. */
export async function addProblem(db: Db, pairId: string, problem: NewProblem, at: Date): Promise<boolean> {
  const rows = await db.sql
    .insert(problems)
    .values({ id: uuidv7(), pairId, since: at, ...problem })
    .onConflictDoNothing()
    .returning({ id: problems.id });
  return rows.length > 0;
}

export function heldOf(db: Db, linkIds: readonly string[]): Promise<HeldRow[]> {
  if (linkIds.length === 0) return Promise.resolve([]);
  return db.sql.select().from(heldChanges).where(anyOf(heldChanges.linkId, linkIds));
}

export async function hold(
  db: Db,
  rows: readonly { pairId: string; linkId: string; side: SideName; reason: string; since: Date }[],
): Promise<number> {
  const inserted = await inChunks(rows, (some) =>
    db.sql
      .insert(heldChanges)
      .values(some.map((row) => ({ id: uuidv7(), ...row })))
      .onConflictDoNothing()
      .returning({ id: heldChanges.id }),
  );
  return inserted.length;
}

export async function release(db: Db, linkIds: readonly string[]): Promise<void> {
  if (linkIds.length > 0) await db.sql.delete(heldChanges).where(anyOf(heldChanges.linkId, linkIds));
}

export async function countHeld(db: Db, pairId: string): Promise<number> {
  const [row] = await db.sql
    .select({ count: sql<number>`count(*)::int` })
    .from(heldChanges)
    .where(eq(heldChanges.pairId, pairId));
  return row?.count ?? 0;
}

/** Runs and their journals that are older than what the limits and the history look back on. */
export async function pruneRuns(db: Db, pairId: string, before: Date): Promise<void> {
  await db.sql.delete(runs).where(and(eq(runs.pairId, pairId), ne(runs.result, 'running'), lt(runs.startedAt, before)));
}
