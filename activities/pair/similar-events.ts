/** Events that a new copy could duplicate: known to the pair by UID or content, or just created by other pairs. */
import { SIDES, type SideName } from '../../core/event.ts';
import { groupBy } from '../../core/group-by.ts';
import type { EventToPlan, Known } from '../../core/sync/plan-input.ts';
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
  const uidHashes = unique([
    ...rows.map(({ uidHash }) => uidHash),
    ...missing.flatMap(uidsOf).map((uid) => uidHashOf(store, uid)),
  ]);
  const similar = await store.similarSides(pair.id, uidHashes, unique(rows.map(({ matchHash }) => matchHash)));
  const [byUid, byContent] = [groupBy(similar, (one) => one.uidHash), groupBy(similar, (one) => one.matchHash)];
  const marked = await markedLinks(store, missing.flatMap(markersOf));
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
        isByUnknown: !markersOf(event).some((marker) => marked.has(marker)),
      };
    },
  };
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
