/** Turns objects into events. Fetched and stored objects are read by the same code, so that they can be compared. */

import type { CalendarEvent, OptionalField } from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import { readObject } from '../../core/ical/object.ts';
import { fieldsOf } from '../optional-forms.ts';
import type { Found, SideSetting, Stored } from '../provider.ts';
import { fieldsFromText } from './attendee-text.ts';
import { lastSegment } from './hrefs.ts';
import type { FetchedObject } from './objects.ts';

export interface Reader {
  /** The events in an object: none for a task. */
  fetched(object: FetchedObject): Found[];
  /** One event of stored data; its `event` is null where the data does not contain it. */
  stored(stored: Stored): Found;
}

/** @param ownAddresses of the account, in lower case */
export function reader(
  setting: Pick<SideSetting, 'floatingZone' | 'tag' | OptionalField>,
  ownAddresses: readonly string[],
): Reader {
  const { floatingZone, tag } = setting;
  const fields = fieldsOf(setting);
  const own = new Set(ownAddresses.map((address) => address.toLowerCase()));

  function eventsOf(object: Omit<Stored, 'ref'>): Found[] {
    const marker = markerOf(object.resource);
    return readObject(object.data, { floatingZone, fields }).events.map((entry): Found => {
      const { organizer, attendees } = entry.addresses;
      return {
        ref: entry.part === null ? object.resource : `${object.resource}${PART}${entry.part}`,
        resource: object.resource,
        version: object.version,
        data: object.data,
        event: entry.event === null ? null : withAttendees(entry.event),
        ...(entry.event === null ? { title: entry.title } : {}),
        problems: entry.problems,
        modifiedAt: entry.modifiedAt,
        marker,
        ...(entry.hidesDetails ? { hidesDetails: true as const } : {}),
        // The copy of an event that bears a mark has its UID.
        ...(entry.syncedBy && marker === null ? { syncedBy: entry.syncedBy } : {}),
        isDeclined:
          entry.event?.attendees.some(
            ({ address, participation }) => participation === 'declined' && own.has(address.toLowerCase()),
          ) ?? false,
        hasGuests:
          organizer !== null &&
          own.has(organizer.toLowerCase()) &&
          attendees.some((address) => !own.has(address.toLowerCase())),
      };
    });
  }

  function withAttendees(event: CalendarEvent): CalendarEvent {
    return event.uid === null ? event : fieldsFromText(event, event.uid, tag);
  }

  function fetched(object: FetchedObject): Found[] {
    if (object.withheld !== undefined) {
      const problem = WITHHELD[object.withheld];
      return [noted(unreadable({ ...object, ref: object.resource }, problem, object.title), problem)];
    }
    return eventsOf(object).map((found) => withoutText({ ...found, modifiedAt: modifiedAt(found.modifiedAt, object) }));
  }

  function stored(stored: Stored): Found {
    if (stored.data.startsWith(TOO_LARGE))
      return unreadable(stored, { code: 'too-large', detail: stored.data.slice(TOO_LARGE.length) });
    if (stored.data.startsWith(NOTE)) {
      const { title, ...problem } = JSON.parse(stored.data.slice(NOTE.length)) as EventProblem & { title?: string };
      return unreadable(stored, problem, title);
    }
    if (stored.data === '') return unreadable(stored, NOT_SHOWN);
    return eventsOf(stored).find(({ ref }) => ref === stored.ref) ?? unreadable(stored, WITHHELD.unreadable);
  }

  return { fetched, stored };
}

/** The part of an object that a ref names; null for the whole object. */
export function partOf({ ref, resource }: Pick<Stored, 'ref' | 'resource'>): string | null {
  return ref.startsWith(`${resource}${PART}`) ? ref.slice(resource.length + PART.length) : null;
}

/** In paths, `#` is always escaped. */
const PART = '#';
const MAX_AHEAD_MS = 5 * 60_000;
const WITHHELD = {
  'too-large': { code: 'too-large', detail: 'The event is too large, or takes too long to be read.' },
  forbidden: { code: 'forbidden', detail: 'The server does not let this account read the event.' },
  unreadable: { code: 'unreadable', detail: 'The stored event cannot be read.' },
} as const satisfies Record<string, EventProblem>;
const NOT_SHOWN: EventProblem = {
  code: 'unreadable',
  detail: 'The server lists this event, but does not show it. Calpair tries again.',
};

/** Stored in place of the text of an object that is not read: its problem and title. No calendar object is so. */
const NOTE = 'withheld:';
/** What an earlier version stored in its place, with the problem's words. */
const TOO_LARGE = 'too-large:';

function noted(found: Found, { code, detail }: EventProblem): Found {
  const { title } = found;
  return { ...found, data: `${NOTE}${JSON.stringify({ code, detail, ...(title ? { title } : {}) })}` };
}

/** What exceeds the limits is neither stored nor read again, until it changes. */
function withoutText(found: Found): Found {
  const problem = found.event === null ? found.problems.find(({ code }) => code === 'too-large') : undefined;
  return problem === undefined ? found : noted(found, problem);
}

/**
 * LAST-MODIFIED, else the server's own time; null for a time that is more than 5 minutes ahead of the server's clock.
 */
function modifiedAt(lastModified: string | null, { modifiedMs, serverMs }: FetchedObject): string | null {
  const ms = lastModified === null ? modifiedMs : Date.parse(lastModified);
  if (ms === null || Number.isNaN(ms) || ms > (serverMs ?? Date.now()) + MAX_AHEAD_MS) return null;
  return new Date(ms).toISOString();
}

/**
 * The link id in the name of an object that Calpair created: `<uuid>.ics`, `<uuid>-g2.ics`. Link ids are UUIDs of
 * version 7.
 */
function markerOf(resource: string): string | null {
  return (
    /^([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(?:-g\d+)?\.ics$/.exec(
      lastSegment(resource),
    )?.[1] ?? null
  );
}

function unreadable({ ref, resource, version, data }: Stored, problem: EventProblem, title = ''): Found {
  return {
    ref,
    resource,
    version,
    data,
    event: null,
    ...(title === '' ? {} : { title }),
    problems: [problem],
    modifiedAt: null,
    marker: markerOf(resource),
    hasGuests: false,
  };
}
