/** Events that a new copy could duplicate: known to the pair by UID or content, or just created by other pairs. */
import { SIDES, type SideName } from '../../core/event.ts';
import { groupBy } from '../../core/group-by.ts';
import { instanceName } from '../../core/sync/instance-uid.ts';
import type { EventToPlan, Known } from '../../core/sync/plan-input.ts';
import { isId } from '../../db/ids.ts';
import type { SimilarSide } from '../../db/link-matching.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { PairRow } from '../../db/pairs.ts';
import type { SharedCalendars } from '../../db/shared-calendars.ts';
import type { Store } from '../../db/store.ts';
import type { Read } from './link-view.ts';
import { markedLinks, uidHashOf } from './observe.ts';

interface SimilarEvents extends Pick<Known, 'linksWithUid' | 'copiesByOtherPairs'> {
  readonly duplicatesOf: (event: Read) => EventToPlan['duplicates'];
}

/** For the events that a side does not have: only these are created. */
export async function findSimilarEvents(
  store: Store,
  pair: PairRow,
  shared: SharedCalendars,
  events: readonly Read[],
  now: Date,
): Promise<SimilarEvents> {
  const missing = events.filter(({ sides }) => SIDES.some((side) => !isThere(sides[side])));
  const rows = missing.flatMap(({ sides }) => Object.values(sides));
  const seriesHashes: SeriesHashes = new Map(missing.map((event) => [event, seriesHashOf(store, event)]));
  const uidHashes = unique([
    ...rows.map(({ uidHash }) => uidHash),
    ...missing.flatMap(uidsOf).map((uid) => uidHashOf(store, uid)),
    ...seriesHashes.values(),
  ]);
  const similar = await store.similarSides(pair.id, uidHashes, unique(rows.map(({ matchHash }) => matchHash)));
  const [byUid, byContent] = [groupBy(similar, (one) => one.uidHash), groupBy(similar, (one) => one.matchHash)];
  const marked = await markedLinks(store, missing.flatMap(markersOf));
  const { isByUnknown, lostOf } = await findForeign(store, pair, seriesHashes, marked, now);
  const created = {
    caldav: await store.createdByOtherPairs({ pairId: pair.id, side: 'caldav' }, shared.caldav ?? [], uidHashes, now),
    cloud: await store.createdByOtherPairs({ pairId: pair.id, side: 'cloud' }, shared.cloud ?? [], uidHashes, now),
  };

  const withUid = (side: SideName, uidHash: string | null) =>
    uidHash === null ? [] : (byUid.get(uidHash) ?? []).filter((one) => one.side === side);
  return {
    linksWithUid: (side, uid) =>
      withUid(side, uidHashOf(store, uid))
        .filter(({ gone }) => gone !== 'confirmed')
        .map(({ linkId }) => linkId),
    copiesByOtherPairs: (side, uid) => created[side].filter(({ uidHash }) => uidHash === uidHashOf(store, uid)),
    duplicatesOf(event) {
      const [row, other] = Object.values(event.sides);
      if (!row || other) return { copies: [], alike: [], markedLink: null };
      const seriesHash = seriesHashes.get(event) ?? null;
      const isOnBoth = (one: SimilarSide) => one.isOnBoth && one.linkId !== row.linkId;
      const copies = withUid(row.side, row.uidHash).filter((one) => one.owned && isOnBoth(one));
      // By UID, too: until the other installation has carried an edit over, its copy shows the former content.
      const alike = [
        ...(row.matchHash === null ? [] : (byContent.get(row.matchHash) ?? [])),
        ...(row.uidHash === null ? [] : (byUid.get(row.uidHash) ?? [])),
      ].filter(isOnBoth);
      return {
        copies: copies.map(({ linkId }) => linkId),
        alike: alike.map(({ linkId }) => linkId),
        markedLink: markersOf(event).find((marker) => marked.get(marker) === pair.id) ?? null,
        isByUnknown: isByUnknown(event),
        isOfKnownSeries: seriesHash !== null && SIDES.some((side) => withUid(side, seriesHash).some(isHere)),
        lost: lostOf(event),
      };
    },
  };
}

interface Foreign {
  /** No link of the installation is named by the marker of the event, and no former link of the pair. */
  readonly isByUnknown: (event: Read) => boolean;
  readonly lostOf: (event: Read) => NonNullable<EventToPlan['duplicates']['lost']>;
}

/** The events that a side does not have; of those that stand for an occurrence, the hash of their series' UID. */
type SeriesHashes = ReadonlyMap<Read, string | null>;

/** Copies that other installations made, and what the pair has lost of their originals within a day. */
async function findForeign(
  store: Store,
  pair: PairRow,
  seriesHashes: SeriesHashes,
  marked: ReadonlyMap<string | null, string>,
  now: Date,
): Promise<Foreign> {
  const isUnmarked = (event: Read) => !markersOf(event).some((marker) => marked.has(marker));
  const foreign = [...seriesHashes.keys()].filter((event) => markersOf(event).length > 0 && isUnmarked(event));
  const hashesOf = (event: Read) =>
    unique([...Object.values(event.sides).map(({ uidHash }) => uidHash), seriesHashes.get(event) ?? null]);
  const rows = await store.lostEvents(pair.id, unique(foreign.flatMap(hashesOf)), new Date(now.getTime() - DAY_MS));
  // A person may have brought back what this pair had made.
  const doubtful = rows.length > 0 ? foreign : foreign.filter((event) => seriesHashes.get(event) !== null);
  const markers = doubtful.flatMap(markersOf).filter(isId);
  const changes = markers.length > 0 ? await store.changesSince(markers, FIRST_ID) : [];
  const own = changes.filter(({ pairId }) => pairId === pair.id).map(({ linkId }) => linkId);
  // A copy whose create was never answered is in no history.
  const former = new Set([...own, ...(await store.mayHaveCopies(markers))]);
  return {
    isByUnknown: (event) => isUnmarked(event) && !markersOf(event).some((marker) => former.has(marker)),
    lostOf(event) {
      const lost: Partial<Record<SideName, number>> = {};
      const hashes = hashesOf(event);
      for (const { side, uidHash, at } of rows)
        if (hashes.includes(uidHash)) lost[side] = Math.max(lost[side] ?? -Infinity, at.getTime());
      return lost;
    },
  };
}

const DAY_MS = 86_400_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Of the series that the event stands for an occurrence of; null for other events. */
function seriesHashOf(store: Store, { view }: Read): string | null {
  const event = (view?.caldav ?? view?.cloud)?.now;
  const name = event && instanceName(event);
  return name ? uidHashOf(store, name.seriesUid) : null;
}

function isHere({ gone }: SimilarSide): boolean {
  return gone !== 'confirmed';
}

function isThere(row: SideRow | undefined): boolean {
  return !!row?.current && row.gone !== 'confirmed';
}

function uidsOf({ view }: Read): string[] {
  return SIDES.flatMap((side) => [view?.[side]?.now?.uid ?? [], view?.[side]?.base?.uid ?? []].flat());
}

function markersOf({ view }: Read): string[] {
  return SIDES.flatMap((side) => view?.[side]?.marker ?? []);
}

function unique(hashes: readonly (string | null)[]): string[] {
  return [...new Set(hashes)].filter((hash) => hash !== null);
}
