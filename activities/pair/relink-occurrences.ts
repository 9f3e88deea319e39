/**
 * Single events that an earlier pair wrote out for a series, found again when the two calendars meet once more: no link
 * table knows them, and read as new events each would come to be there twice.
 */
import { type OccurrenceId, otherSide, type SideName } from '../../core/event.ts';
import { occurrenceId } from '../../core/recurrence/occurrence.ts';
import type { LinkView } from '../../core/sync/decide.ts';
import { instanceOf, occurrencesAmong } from '../../core/sync/expanded-series.ts';
import { type PairOptions, projected } from '../../core/sync/policy.ts';
import type { Loaded } from './link-view.ts';
import { matchText } from './observe.ts';

interface Viewed {
  readonly loaded: Loaded;
  readonly view: LinkView;
}

export interface RelinkedInstance {
  readonly orphan: Loaded;
  readonly side: SideName;
  readonly parentId: string;
  readonly occurrence: OccurrenceId;
}

/** True for a single event on one side only that some Calpair made: a stranger's equal event has no marker. */
export function isOrphanInstance({ caldav, cloud }: LinkView): boolean {
  const one = caldav && cloud ? null : (caldav ?? cloud);
  return !!one?.marker && one.now !== null && one.now.recurrence === null;
}

/**
 * Which strays stand for which occurrences: equal in title and start, each only if unique on both sides. `singles` are
 * those that the series have already.
 */
export function relinkedInstances(
  strays: readonly Viewed[],
  series: readonly Viewed[],
  singles: readonly Loaded[],
  options: PairOptions,
): RelinkedInstance[] {
  const found = new Map<string, Omit<RelinkedInstance, 'parentId' | 'occurrence'>[]>();
  const ids = new Set<OccurrenceId>();
  for (const { loaded, view } of strays) {
    const side = sideOf(view);
    const event = view[side]?.now;
    if (!event) continue;
    put(found, `${side} ${matchText(event)}`, { orphan: loaded, side });
    ids.add(occurrenceId(event.when.start, event.when.allDay ? null : event.when.startZone));
  }
  if (ids.size === 0) return [];
  const known = new Set(singles.map(({ link }) => `${link.parentId} ${link.occurrence}`));
  const wanted = new Map<string, Pick<RelinkedInstance, 'parentId' | 'occurrence'>[]>();
  for (const { loaded, view } of series) {
    const side = sideOf(view);
    const event = view[side]?.now;
    if (!event) continue;
    const parentId = loaded.link.id;
    const shown = projected(event, otherSide(side), options);
    for (const occurrence of occurrencesAmong(shown, ids)) {
      if (!known.has(`${parentId} ${occurrence}`))
        put(wanted, `${otherSide(side)} ${matchText(instanceOf(shown, occurrence))}`, { parentId, occurrence });
    }
  }
  return [...found].flatMap(([key, [one, ...more]]) => {
    const [meant, ...others] = wanted.get(key) ?? [];
    return one && meant && more.length + others.length === 0 ? [{ ...one, ...meant }] : [];
  });
}

function sideOf({ caldav }: LinkView): SideName {
  return caldav?.now ? 'caldav' : 'cloud';
}

function put<Item>(map: Map<string, Item[]>, key: string, item: Item): void {
  map.set(key, [...(map.get(key) ?? []), item]);
}
