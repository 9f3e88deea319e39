/** Compares two calendars, read from both servers, without anything that Calpair has stored. */
import {
  type CalendarEvent,
  type Content,
  changedContent,
  changedPaths,
  EXCLUDED,
  mapContents,
  type When,
} from '../core/event.ts';
import { occurrenceContent } from '../core/recurrence/series.ts';
import { pathKey } from '../core/sync/paths.ts';
import { instantOf } from '../core/zones.ts';
import type { Found, Side, StoredEvents } from '../providers/provider.ts';

export interface Agreement {
  /** Events that both sides have with the same content. */
  readonly same: number;
  /** Events that both have, and the fields that differ. */
  readonly different: readonly { readonly uid: string; readonly title: string; readonly fields: readonly string[] }[];
  readonly onlyCaldav: readonly Unmatched[];
  readonly onlyCloud: readonly Unmatched[];
  /** Several events of one side share a UID. */
  readonly doubled: readonly string[];
}
interface Unmatched {
  readonly uid: string;
  readonly title: string;
}

/** An unreadable event differs in `unreadable`, and has its title where that much can be read. */
export async function compareSides(caldav: Side, cloud: Side): Promise<Agreement> {
  const [caldavEvents, cloudEvents] = await Promise.all([listAll(caldav), listAll(cloud)]);
  const doubled = [...caldavEvents, ...cloudEvents].filter(([, all]) => all.length > 1).map(([uid]) => uid);
  const different: Agreement['different'][number][] = [];
  const onlyCaldav: Unmatched[] = [];
  let same = 0;
  for (const [uid, [one]] of caldavEvents) {
    const other = cloudEvents.get(uid)?.[0];
    if (!other) {
      onlyCaldav.push({ uid, title: one?.event?.title ?? one?.title ?? '' });
      continue;
    }
    const fields = one?.event && other.event ? differingFields(one.event, other.event) : ['unreadable'];
    if (fields.length === 0) same += 1;
    else different.push({ uid, title: one?.event?.title ?? one?.title ?? '', fields });
  }
  const onlyCloud = [...cloudEvents]
    .filter(([uid]) => !caldavEvents.has(uid))
    .map(([uid, [one]]) => ({ uid, title: one?.event?.title ?? one?.title ?? '' }));
  return { same, different, onlyCaldav, onlyCloud, doubled };
}

/** The fields in which two events differ for a person. */
export function differingFields(a: CalendarEvent, b: CalendarEvent): string[] {
  return changedPaths(comparable(a), comparable(b)).map(pathKey);
}

/** Everything that a calendar lists, by UID. */
export async function listAll(side: Side): Promise<Map<string, Found[]>> {
  const nothingKnown: StoredEvents = {
    byResource: () => Promise.resolve([]),
    versions: () => Promise.resolve(new Map()),
  };
  const byUid = new Map<string, Found[]>();
  for await (const page of side.changes(null, nothingKnown)) {
    for (const found of page.found) {
      const uid = found.event?.uid ?? found.ref;
      byUid.set(uid, [...(byUid.get(uid) ?? []), found]);
    }
  }
  return byUid;
}

/** Times as instants, so that two names of one zone are equal; attendees by address and answer only. */
function comparable(event: CalendarEvent): CalendarEvent {
  const plain = (content: Content): Content => ({
    ...content,
    when: instants(content.when),
    attendees: content.attendees.map(({ address, participation }) => ({
      address,
      participation,
      name: '',
      role: 'required',
      kind: 'individual',
    })),
    organizer: null,
  });
  const same = mapContents(event, plain);
  // An exception that equals what the series shows anyway is not one to a person.
  const exceptions = Object.fromEntries(
    Object.entries(same.exceptions).filter(
      ([id, one]) => one === EXCLUDED || changedContent(one, plain(occurrenceContent(event, id))).length > 0,
    ),
  );
  return { ...same, exceptions };
}

function instants(when: When): When {
  if (when.allDay) return when;
  const iso = (local: string, zone: string) => new Date(instantOf(local, zone)).toISOString();
  return {
    allDay: false,
    start: iso(when.start, when.startZone),
    startZone: 'UTC',
    end: iso(when.end, when.endZone),
    endZone: 'UTC',
  };
}
