/** The longer queries of the simulation's database. */
import type { SideName } from '../../core/event.ts';
import type { Halves, SimilarSide } from '../../db/link-matching.ts';
import type { SideRow } from '../../db/link-sides.ts';
import { isUnanswered } from '../../db/ops.ts';
import type { PairRow } from '../../db/pairs.ts';
import type { OtherCopy, PairSide } from '../../db/shared-calendars.ts';
import type { Store } from '../../db/store.ts';
import type { MemoryTables } from './memory-tables.ts';

const SIDES = ['caldav', 'cloud'] as const;

export function matchesBy(db: MemoryTables, pairId: string, by: 'uid' | 'content', among: 'all' | 'dirty'): Halves[] {
  const hashOf = (row: SideRow) => (by === 'uid' ? row.uidHash : row.matchHash);
  const isDirty = ({ linkId, pairId: of }: SideRow) => of === pairId && db.links.get(linkId)?.dirty === true;
  const ofDirty = new Set([...db.sides.values()].filter(isDirty).map(hashOf));
  const other = (row: SideRow) => otherSideOf(db, row);
  const halves = [...db.sides.values()].filter(
    (row) =>
      row.pairId === pairId &&
      hashOf(row) !== null &&
      (among === 'all' || ofDirty.has(hashOf(row))) &&
      row.gone === 'no' &&
      db.links.get(row.linkId)?.parentId === null &&
      (by === 'uid' || (row.current !== null && other(row) === undefined)),
  );
  const isThere = (row: SideRow | undefined) => row !== undefined && row.gone !== 'confirmed' && row.current !== null;
  const isFree = (row: SideRow) => {
    const alike = halves.filter((one) => one.side === row.side && hashOf(one) === hashOf(row));
    return !isThere(other(row)) && alike.filter((one) => row.current === null || one.current !== null).length === 1;
  };
  const free = halves.filter(isFree);
  return free
    .filter(({ side }) => side === 'caldav')
    .flatMap((a): Halves[] => {
      const b = free.find((row) => row.side === 'cloud' && hashOf(row) === hashOf(a) && row.linkId !== a.linkId);
      if (!b || (a.current === null && b.current === null)) return [];
      const keepsCloud = a.current !== null && (b.current === null || (b.owned && !b.listed));
      return keepsCloud
        ? [{ kept: b.linkId, joined: a.linkId, side: 'caldav' }]
        : [{ kept: a.linkId, joined: b.linkId, side: 'cloud' }];
    });
}

export function renames(db: MemoryTables, pairId: string): Halves[] {
  const alone = [...db.sides.values()].filter(
    (row) =>
      row.pairId === pairId &&
      row.uidHash !== null &&
      db.links.get(row.linkId)?.parentId === null &&
      (row.gone === 'confirmed' || (row.gone === 'no' && row.current !== null)) &&
      otherSideOf(db, row) === undefined,
  );
  return alone
    .filter(({ gone }) => gone === 'confirmed')
    .flatMap((old): Halves[] => {
      const [back, ...more] = alone.filter(
        (row) => row !== old && row.side === old.side && row.uidHash === old.uidHash,
      );
      return back?.gone === 'no' && more.length === 0
        ? [{ kept: old.linkId, joined: back.linkId, side: old.side }]
        : [];
    });
}

const otherSideOf = (db: MemoryTables, { linkId, side }: SideRow) =>
  db.sides.get(`${linkId}/${side === 'caldav' ? 'cloud' : 'caldav'}`);

export function similarSides(
  db: MemoryTables,
  pairId: string,
  uidHashes: readonly string[],
  matchHashes: readonly string[],
): SimilarSide[] {
  const isOneOf = (hashes: readonly string[], hash: string | null) => hash !== null && hashes.includes(hash);
  return [...db.sides.values()]
    .filter((row) => row.pairId === pairId && (isOneOf(uidHashes, row.uidHash) || isOneOf(matchHashes, row.matchHash)))
    .map((row) => {
      const { linkId, side, uidHash, matchHash, owned, gone } = row;
      const isInstance = (db.links.get(linkId)?.parentId ?? null) !== null;
      const isOnBoth = gone === 'no' && (isInstance || otherSideOf(db, row)?.gone === 'no');
      return { linkId, side, uidHash, matchHash, owned, gone, isOnBoth };
    });
}

export function duplicatesOf(db: MemoryTables, row: SideRow): string[] {
  const isLike = (one: SideRow) =>
    (row.uidHash !== null && one.uidHash === row.uidHash) ||
    (row.matchHash !== null && one.matchHash === row.matchHash);
  return db
    .sidesOf(row.pairId, row.side)
    .filter((one) => one.linkId !== row.linkId && one.gone === 'no' && isLike(one) && !otherSideOf(db, one))
    .map(({ linkId }) => linkId)
    .sort();
}

export function countEvents(db: MemoryTables, pairId: string): Awaited<ReturnType<Store['countEvents']>> {
  const [caldav, cloud] = [db.sidesOf(pairId, 'caldav'), db.sidesOf(pairId, 'cloud')];
  const there = (rows: SideRow[]) => rows.filter(({ gone, current }) => gone === 'no' && current !== null).length;
  return {
    caldav: there(caldav),
    cloud: there(cloud),
    linked: caldav.filter(({ linkId }) => db.sides.has(`${linkId}/cloud`)).length,
  };
}

/** Events that are on both sides. */
export function countLinked(db: MemoryTables, pairId: string): number {
  const isThere = (row: SideRow | undefined) => row !== undefined && row.gone !== 'confirmed' && row.current !== null;
  return db.sidesOf(pairId, 'caldav').filter((row) => isThere(row) && isThere(db.sides.get(`${row.linkId}/cloud`)))
    .length;
}

export function sharedCalendars(
  db: MemoryTables,
  pair: Pick<PairRow, 'id' | 'caldavCalendarId' | 'cloudCalendarId'>,
): Awaited<ReturnType<Store['lockShared']>> {
  const at = (calendar: string) =>
    [...db.pairs.values()]
      .filter(({ id }) => id !== pair.id)
      .flatMap((other) =>
        SIDES.filter((side) => (side === 'caldav' ? other.caldavCalendarId : other.cloudCalendarId) === calendar).map(
          (side) => ({ pairId: other.id, side }),
        ),
      );
  const [caldav, cloud] = [at(pair.caldavCalendarId), at(pair.cloudCalendarId)];
  return { ...(caldav.length > 0 ? { caldav } : {}), ...(cloud.length > 0 ? { cloud } : {}) };
}

export function createdByOtherPairs(
  db: MemoryTables,
  mine: PairSide,
  others: readonly PairSide[],
  uidHashes: readonly string[],
  now: Date,
): OtherCopy[] {
  const since = now.getTime() - 600_000;
  const awaited = now.getTime() - 900_000;
  return others.flatMap(({ pairId, side }) => {
    const ofOther = [...db.ops.values()].filter((op) => op.pairId === pairId && op.side === side);
    const begun = ofOther
      .filter(
        (op) =>
          op.action === 'create' &&
          !op.settled &&
          isUnanswered(op) &&
          (db.runs.get(op.runId)?.startedAt.getTime() ?? 0) > since &&
          !ofOther.some((later) => later.linkId === op.linkId && later.id > op.id),
      )
      .map((op) => db.sides.get(`${op.linkId}/${side === 'caldav' ? 'cloud' : 'caldav'}`)?.uidHash ?? null)
      .map((uidHash) => ({ uidHash, knownBy: null }));
    const done = db
      .sidesOf(pairId, side)
      .filter((row) => row.owned && row.gone !== 'confirmed' && row.changedAt.getTime() > awaited)
      .map(({ uidHash, ref }) => ({
        uidHash,
        knownBy: db.sidesOf(mine.pairId, mine.side).find((row) => row.ref === ref)?.linkId ?? null,
      }));
    return [...begun, ...done].flatMap(({ uidHash, knownBy }) =>
      uidHash !== null && uidHashes.includes(uidHash) ? [{ uidHash, knownBy }] : [],
    );
  });
}

export function copiesByOtherPairs(
  db: MemoryTables,
  pair: Pick<PairRow, 'id' | 'caldavCalendarId' | 'cloudCalendarId'>,
  now: Date,
): Record<SideName, string[]> {
  const shared = sharedCalendars(db, pair);
  const of = (side: SideName) =>
    (shared[side] ?? []).flatMap((other) => {
      const mine = db.sidesOf(pair.id, side);
      const halves = db
        .sidesOf(pair.id, side === 'caldav' ? 'cloud' : 'caldav')
        .filter(({ gone, linkId }) => gone === 'no' && db.links.get(linkId)?.dirty);
      const copies = db
        .sidesOf(other.pairId, other.side)
        .filter(
          (row) =>
            row.owned &&
            row.gone !== 'confirmed' &&
            row.current !== null &&
            row.changedAt.getTime() > now.getTime() - 86_400_000 &&
            !mine.some(({ ref }) => ref === row.ref) &&
            row.uidHash !== null &&
            halves.some(({ uidHash }) => uidHash === row.uidHash),
        );
      const known = mine.filter(
        (row) => row.gone === 'no' && row.listed && copies.some(({ uidHash }) => uidHash === row.uidHash),
      );
      return [...new Set([...copies, ...known].map(({ resource }) => resource))];
    });
  return { caldav: of('caldav'), cloud: of('cloud') };
}
