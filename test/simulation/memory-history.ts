/** What the pair wrote, and requests to take it back, of the simulation's database. */

import type { HistoryStore } from '../../db/history-store.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { UndoRequestRow } from '../../db/undo-requests.ts';
import type { Immediate, MemoryTables } from './memory-tables.ts';
import { OPEN_VAULT } from './open-vault.ts';

export function historyOf(db: MemoryTables): Immediate<HistoryStore> {
  const newestFirst = (a: { id: string }, b: { id: string }) => (a.id < b.id ? 1 : -1);
  return {
    insertChanges: (rows) => {
      for (const row of rows) {
        if (db.history.has(row.id)) throw new Error('unique: changes');
        if (!db.pairs.has(row.pairId)) throw new Error('foreign key: no such pair');
        db.put(db.history, row.id, row);
      }
    },
    changesById: (pairId, ids) =>
      [...db.history.values()].filter((row) => row.pairId === pairId && ids.includes(row.id)).sort(newestFirst),
    changesSince: (linkIds, id) =>
      [...db.history.values()].filter((row) => linkIds.includes(row.linkId) && row.id > id),
    pruneChanges: (pairId, before) => {
      for (const row of [...db.history.values()])
        if (row.pairId === pairId && row.at < before) db.drop(db.history, row.id);
    },
    hasUndoRequests: (pairId, runId) =>
      [...db.undoRequests.values()].some(
        (row) => row.pairId === pairId && (row.planned === null || row.runId === runId),
      ),
    takeUndoRequests: (pairId, runId) => {
      const open = [...db.undoRequests.values()].filter((row) => row.pairId === pairId && row.planned === null);
      return open
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map((row): UndoRequestRow => {
          const taken = { ...row, runId };
          db.put(db.undoRequests, row.id, taken);
          return taken;
        });
    },
    setUndoPlan: ({ id, pairId }, plan) =>
      db.set(db.undoRequests, id, {
        planned: OPEN_VAULT.seal(JSON.stringify(plan), pairCell(pairId, 'undo_requests.planned', id)),
      }),
    linksWrittenByPerson: (runId) => [
      ...new Set(
        [...db.ops.values()]
          .filter((op) => op.runId === runId && op.byPerson !== null && !['done', 'dropped'].includes(op.status))
          .map(({ linkId }) => linkId),
      ),
    ],
    ownedCopies: (pairId, side, after, limit) =>
      db
        .sidesOf(pairId, side)
        .filter((row) => row.owned && row.gone === 'no' && row.current !== null)
        .map(({ linkId }) => linkId)
        .filter((linkId) => after === null || linkId > after)
        .sort()
        .slice(0, limit),
  };
}
