/** What the pair wrote, and requests to take it back, of the simulation's database. */

import type { HistoryStore, LeftoverStore } from '../../db/history-store.ts';
import type { SideRow } from '../../db/link-sides.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { UndoRequestRow } from '../../db/undo-requests.ts';
import type { Immediate, MemoryTables } from './memory-tables.ts';
import { OPEN_VAULT } from './open-vault.ts';

export function historyOf(db: MemoryTables): Immediate<HistoryStore & LeftoverStore> {
  const newestFirst = (a: { id: string }, b: { id: string }) => (a.id < b.id ? 1 : -1);
  const isFor = ({ pairId, planned, ...taken }: UndoRequestRow, runId: string): boolean => {
    const run = db.runs.get(taken.runId ?? '');
    return planned === null || taken.runId === runId || (run?.pairId === pairId && run.result === 'failed');
  };
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
      [...db.undoRequests.values()].some((row) => row.pairId === pairId && isFor(row, runId)),
    takeUndoRequests: (pairId, runId) => {
      const open = [...db.undoRequests.values()].filter((row) => row.pairId === pairId && isFor(row, runId));
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
    doneOps: (ids) => [...new Set(ids)].filter((id) => db.ops.get(id)?.status === 'done'),
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
    noteLost: (pairId, rows, now) => {
      for (const { linkId, side, uidHash } of rows)
        if (uidHash !== null) {
          const { pairId: first = pairId } = db.lost.get(`${linkId}/${side}`) ?? {};
          if (!db.pairs.has(first)) throw new Error('foreign key: no such pair');
          db.put(db.lost, `${linkId}/${side}`, { pairId: first, linkId, side, uidHash, at: now });
        }
    },
    lostEvents: (pairId, uidHashes, since) =>
      [...db.lost.values()]
        .filter((row) => row.pairId === pairId && row.at > since && uidHashes.includes(row.uidHash))
        .map(({ linkId, side, uidHash, at }) => ({ linkId, side, uidHash, at })),
    ...leftoversOf(db),
  };
}

function leftoversOf(db: MemoryTables): Immediate<LeftoverStore> {
  const isThere = (row: SideRow | undefined) => row !== undefined && row.gone !== 'confirmed' && row.current !== null;
  const otherOf = ({ linkId, side }: SideRow) => db.sides.get(`${linkId}/${side === 'caldav' ? 'cloud' : 'caldav'}`);
  const rowsOf = (pairId: string) => [...db.sidesOf(pairId, 'caldav'), ...db.sidesOf(pairId, 'cloud')];
  const linkOf = ({ linkId }: SideRow) => db.links.get(linkId)!;
  return {
    possibleOriginals: (pairId) => {
      const alone = rowsOf(pairId).filter(
        (row) => row.gone === 'no' && row.current !== null && !otherOf(row) && linkOf(row).parentId === null,
      );
      const groups = new Map<string, { copies: Set<string>; originals: Set<string> }>();
      for (const copy of alone.filter((row) => linkOf(row).excluded === 'leftover'))
        for (const other of alone) {
          const [at, of] = [linkOf(copy).startAt, linkOf(other).startAt];
          const isPossible = other.side !== copy.side && linkOf(other).excluded === null;
          if (!isPossible || at === null || of?.getTime() !== at.getTime()) continue;
          const key = `${at.toISOString()} ${copy.side}`;
          const group = groups.get(key) ?? { copies: new Set(), originals: new Set() };
          group.copies.add(copy.linkId);
          group.originals.add(other.linkId);
          groups.set(key, group);
        }
      return [...groups]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, { copies, originals }]) => ({ copies: [...copies].sort(), originals: [...originals].sort() }));
    },
    leftovers: (pairId, { side, ids }, after, limit) =>
      rowsOf(pairId)
        .filter((row) => isThere(row) && linkOf(row).excluded === 'leftover' && linkOf(row).parentId === null)
        .filter((row) => (side === null || row.side === side) && (ids === null || ids.includes(row.linkId)))
        .map(({ linkId, side: of }) => ({ linkId, side: of }))
        .filter(({ linkId }) => after === null || linkId > after)
        .sort((a, b) => (a.linkId < b.linkId ? -1 : a.linkId > b.linkId ? 1 : a.side < b.side ? -1 : 1))
        .slice(0, limit),
    recognizedTools: (pairId) => {
      const marked = rowsOf(pairId).filter(
        (row) => row.syncedBy !== null && isThere(row) && linkOf(row).parentId === null,
      );
      const keys = [...new Set(marked.map((row) => `${row.syncedBy} ${row.side}`))].sort();
      return keys.map((key) => {
        const some = marked.filter((row) => `${row.syncedBy} ${row.side}` === key);
        return {
          tool: some[0]!.syncedBy!,
          side: some[0]!.side,
          count: some.length,
          linked: some.filter((row) => isThere(otherOf(row))).length,
          leftovers: some.filter((row) => linkOf(row).excluded === 'leftover').length,
        };
      });
    },
  };
}
