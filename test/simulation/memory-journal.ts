/** The journal of writes of the simulation's database. */
import type { SideName } from '../../core/event.ts';
import type { DeletionHistory } from '../../core/sync/deletion-guard.ts';
import { type JournalFields, normalisedFields, type Writes, writesOf } from '../../core/sync/journal.ts';
import { doneness, isUnanswered, type OpRow } from '../../db/ops.ts';
import type { JournalStore } from '../../db/store.ts';
import { EMPTY_OP, withValues } from './memory-rows.ts';
import type { Immediate, MemoryTables } from './memory-tables.ts';

export function journalOf(db: MemoryTables): Immediate<JournalStore> {
  const where = (is: (op: OpRow) => boolean) => [...db.ops.values()].filter(is);
  const ofRun = (runId: string) => where((op) => op.runId === runId);
  const openCreates = (linkIds: readonly string[]) =>
    where((op) => linkIds.includes(op.linkId) && op.action === 'create' && !op.settled);
  return {
    insertOps: (rows) => {
      for (const row of rows) {
        if (db.ops.has(row.id)) throw new Error('unique: ops');
        if (!db.runs.has(row.runId)) throw new Error('foreign key: no such run');
        db.put<OpRow>(db.ops, row.id, withValues(EMPTY_OP, row) as OpRow);
      }
    },
    dropUndoneOps: (runId, linkIds) => {
      for (const op of ofRun(runId))
        if (linkIds.includes(op.linkId) && !isEnded(op))
          db.set(db.ops, op.id, { status: 'dropped', next: op.action === 'create' ? op.next : null });
    },
    opsToExecute: (runId, which, after, limit) =>
      inOrder(
        ofRun(runId).filter(
          (op) =>
            op.status === 'pending' &&
            (op.action === 'delete') === (which === 'deletions') &&
            (after === null || order(after, op) < 0),
        ),
      ).slice(0, limit),
    setOp: (id, status, code, doneAt) =>
      db.set(db.ops, id, { status, code, doneAt, ...(status === 'done' ? { next: null } : {}) }),
    noteNormalised: (notes) => notes.forEach(({ linkId, side, shown }) => noteNormalised(db, linkId, side, shown)),
    countOps: (runId) => {
      const counts = {
        createsAndDeletes: 0,
        pending: 0,
        done: 0,
        stale: 0,
        waiting: 0,
        failed: 0,
        dropped: 0,
      };
      for (const { status, action } of ofRun(runId)) {
        counts[status] += 1;
        if (action !== 'update') counts.createsAndDeletes += 1;
      }
      return counts;
    },
    finishDeletions: (linkIds, at) => {
      for (const op of where(({ linkId }) => linkIds.includes(linkId))) {
        if (op.action === 'delete' && op.status !== 'done')
          db.set(db.ops, op.id, { status: 'done', doneAt: at, code: 'answer-lost' });
      }
    },
    openCreates: (linkIds, side) =>
      openCreates(linkIds).flatMap((op) =>
        op.side === side && op.next !== null ? [{ id: op.id, linkId: op.linkId, next: op.next }] : [],
      ),
    mayHaveCopies: (linkIds) => [
      ...new Set(
        openCreates(linkIds)
          .filter(isUnanswered)
          .map(({ linkId }) => linkId),
      ),
    ],
    deletionsSince: (pairId, since, linkIds) => deletionsSince(db, pairId, since, linkIds),
    writtenSince: (linkIds, since) => writtenSince(db, linkIds, since),
    unsettledWrites: (linkIds) => unsettledWrites(db, linkIds),
  };
}

/** Deletions last. */
function inOrder(rows: readonly OpRow[]): OpRow[] {
  return [...rows].sort((a, b) => Number(a.action === 'delete') - Number(b.action === 'delete') || order(a, b));
}

function order(a: OpRow, b: OpRow): number {
  return a.distance - b.distance || (a.id < b.id ? -1 : a.id === b.id ? 0 : 1);
}

const isEnded = ({ status }: OpRow): boolean => status === 'done' || status === 'dropped';

function unsettledWrites(db: MemoryTables, linkIds: readonly string[]): Writes {
  const written = [...db.ops.values()]
    .filter((op) => linkIds.includes(op.linkId) && !op.settled)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return writesOf(written.map((op) => ({ ...op, ...doneness(op) })));
}

function noteNormalised(db: MemoryTables, linkId: string, side: SideName, shown: JournalFields): void {
  const op = [...db.ops.values()]
    .filter((one) => one.linkId === linkId && one.side === side && one.status === 'done')
    .sort((a, b) => (a.id < b.id ? 1 : -1))[0];
  const more = op ? normalisedFields(op.fields, shown) : {};
  if (op && Object.keys(more).length > 0) db.set(db.ops, op.id, { fields: { ...op.fields, ...more } });
}

function writtenSince(db: MemoryTables, linkIds: readonly string[], since: Date): Writes {
  return writesOf(
    [...db.ops.values()]
      .filter((op) => linkIds.includes(op.linkId) && op.status === 'done' && op.doneAt !== null && op.doneAt >= since)
      .sort((a, b) => (a.doneAt?.getTime() ?? 0) - (b.doneAt?.getTime() ?? 0)),
  );
}

function deletionsSince(db: MemoryTables, pairId: string, since: Date, linkIds: readonly string[]): DeletionHistory {
  const deletions = [...db.ops.values()].filter((op) => op.pairId === pairId && op.action === 'delete' && op.counted);
  const done = (side: SideName) =>
    deletions.filter((op) => op.side === side && op.status === 'done' && op.doneAt !== null && op.doneAt >= since)
      .length;
  const isLast = ({ linkId, side, id }: OpRow) =>
    ![...db.ops.values()].some((later) => later.linkId === linkId && later.side === side && later.id > id);
  const mayBeDone = (op: OpRow) =>
    isUnanswered(op) && !op.settled && (db.runs.get(op.runId)?.startedAt ?? since) >= since && isLast(op);
  const open = deletions
    .filter(({ doneAt, status }) => doneAt === null && status !== 'done')
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((op) => ({ linkId: op.linkId, side: op.side, mayBeDone: mayBeDone(op) }))
    .filter((one) => one.mayBeDone || linkIds.includes(one.linkId));
  return { done: { caldav: done('caldav'), cloud: done('cloud') }, open };
}
