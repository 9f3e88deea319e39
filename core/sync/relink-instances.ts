/**
 * Instances that an earlier pair of the same two calendars created for a series, or this pair since the backup that its
 * database was restored from: no link names them, and as new events each of them would be copied back.
 */
import { type OccurrenceId, otherSide, type SideName } from '../event.ts';
import { occurrenceId } from '../recurrence/occurrence.ts';
import type { LinkView } from './decide.ts';
import { instanceOf, occurrencesMeant } from './expanded-series.ts';
import { instanceName } from './instance-uid.ts';
import { matchText } from './match-text.ts';
import type { EventToPlan, PlanInput } from './plan-input.ts';
import { projected } from './policy.ts';

export interface RelinkedInstance {
  readonly orphan: EventToPlan;
  readonly side: SideName;
  readonly seriesId: string;
  readonly occurrence: OccurrenceId;
}

/** True for a single event on one side only that some Calpair created: a person's equal event has no marker. */
export function isOrphan({ view }: EventToPlan): boolean {
  const one = view?.caldav && view.cloud ? null : (view?.caldav ?? view?.cloud);
  return !!one?.marker && one.now !== null && one.now.recurrence === null;
}

/**
 * Which orphans stand for which occurrences: by their UID or, where an earlier version created them, equal in title and
 * start, if both are unique. Occurrences whose instances are known already are left out.
 */
export function relinkInstances(
  orphans: readonly EventToPlan[],
  series: readonly EventToPlan[],
  { instances, options }: Pick<PlanInput, 'instances' | 'options'>,
): RelinkedInstance[] {
  const found = new Map<string, Pick<RelinkedInstance, 'orphan' | 'side'>[]>();
  const starts = new Set<OccurrenceId>();
  for (const orphan of orphans) {
    const side = sideOf(orphan.view);
    const event = orphan.view?.[side]?.now;
    if (!event) continue;
    const name = instanceName(event);
    put(found, `${side} ${name ? event.uid : matchText(event)}`, { orphan, side });
    starts.add(name?.occurrence ?? occurrenceId(event.when.start, event.when.allDay ? null : event.when.startZone));
  }
  if (starts.size === 0) return [];
  const missing = new Map<string, Pick<RelinkedInstance, 'seriesId' | 'occurrence'>[]>();
  for (const { linkId: seriesId, view } of series) {
    const side = sideOf(view);
    const event = view?.[side]?.now;
    if (!event) continue;
    const known = new Set(instances.get(seriesId)?.map(({ occurrence }) => occurrence));
    const copied = projected(event, otherSide(side), options);
    for (const occurrence of occurrencesMeant(copied, starts)) {
      if (known.has(occurrence)) continue;
      const instance = instanceOf(copied, occurrence);
      for (const key of [instance.uid, matchText(instance)])
        if (key !== null) put(missing, `${otherSide(side)} ${key}`, { seriesId, occurrence });
    }
  }
  return [...found].flatMap(([key, [orphan, ...otherOrphans]]) => {
    const [occurrence, ...otherOccurrences] = missing.get(key) ?? [];
    const isUnique = otherOrphans.length + otherOccurrences.length === 0;
    return orphan && occurrence && isUnique ? [{ ...orphan, ...occurrence }] : [];
  });
}

function sideOf(view: LinkView | null): SideName {
  return view?.caldav?.now ? 'caldav' : 'cloud';
}

function put<Item>(map: Map<string, Item[]>, key: string, item: Item): void {
  map.set(key, [...(map.get(key) ?? []), item]);
}
