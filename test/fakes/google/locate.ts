/** Finds an event by id, and decides whether a write to it is allowed. */

import type { Calendar, Item } from './calendar.ts';
import { guests } from './calendar.ts';
import type { EventFields } from './event-fields.ts';
import { sameTime } from './event-times.ts';
import { GoogleError, notFound, preconditionFailed } from './google-error.ts';
import { hasOccurrence, splitInstanceId, virtualInstance } from './series.ts';
import type { Actor } from './world.ts';

/**
 * A stored item, or an occurrence of a live series that no exception stands for yet (`isVirtual`).
 * @throws GoogleError 404
 */
export function locate(calendar: Calendar, id: string, actor: Actor): { item: Item; isVirtual: boolean } {
  const item = calendar.items.get(id);
  if (item !== undefined) {
    if (item.hiddenRequests > 0 && actor.by === 'api') {
      item.hiddenRequests -= 1;
      throw notFound();
    }
    if (!item.forgotten) return { item, isVirtual: false };
    if (item.seriesId === null) throw notFound();
  }
  const parts = splitInstanceId(id);
  const master = parts === null ? undefined : calendar.items.get(parts.masterId);
  if (parts === null || master === undefined || master.forgotten || master.deleted) throw notFound();
  if (!hasOccurrence(calendar, master, parts.key)) throw notFound();
  return { item: virtualInstance(calendar, master, parts.key), isVirtual: true };
}

/** `If-Match`: the etag with its quotes, or `*`. */
export function checkPrecondition(item: Item, ifMatch: string | null): void {
  if (ifMatch !== null && ifMatch !== '*' && ifMatch !== item.etag) throw preconditionFailed();
}

export function isOrganizer(calendar: Calendar, item: Item): boolean {
  return item.organizer === calendar.id || item.organizer === calendar.owner;
}

/** A guest may change only the guest's own fields: the answer, reminders, colour, transparency, private properties. */
export function checkGuestWrite(calendar: Calendar, item: Item, next: EventFields): void {
  if (isOrganizer(calendar, item) || item.fields.plain['guestsCanModify'] === true) return;
  const isSame = sameTime(item.fields.start, next.start) && sameTime(item.fields.end, next.end);
  if (!isSame || JSON.stringify(sharedPart(calendar, item.fields)) !== JSON.stringify(sharedPart(calendar, next))) {
    throw new GoogleError(
      403,
      'forbiddenForNonOrganizer',
      'Shared properties can only be changed by the organizer of the event.',
      {
        domain: 'calendar',
      },
    );
  }
}

function sharedPart(calendar: Calendar, fields: EventFields): unknown {
  const { colorId: _colorId, transparency: _transparency, ...plain } = fields.plain;
  const others = guests(calendar, fields.attendees);
  return [
    Object.entries(plain).sort(([a], [b]) => (a < b ? -1 : 1)),
    fields.status,
    fields.recurrence,
    fields.attendees?.filter((attendee) => others.includes(attendee.email.toLowerCase())),
    fields.extendedProperties?.shared,
    fields.attachments,
    fields.conferenceData,
  ];
}
