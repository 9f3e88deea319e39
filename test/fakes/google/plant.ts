/**
 * Events that cannot be written through the API but that Google returns: old data, other people's meetings, special
 * types.
 */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { instantOf, parseDate, parseDateTime } from '../time.ts';
import type { Item } from './calendar.ts';
import { serverId } from './calendar.ts';
import type { Reminders } from './event-parts.ts';
import { checkAttendees } from './event-parts.ts';
import type { EventTime } from './event-times.ts';
import { keyOf } from './event-times.ts';
import { splitInstanceId } from './series.ts';
import type { AccountState, World } from './world.ts';
import { openCalendar } from './world.ts';

/** Stores `event` nearly unchanged: only readable times are formatted again. Replaces an event with the same id. */
export function plantEvent(world: World, account: AccountState, calendarId: string, event: Json): Item {
  const { calendar } = openCalendar(world, account, calendarId, 'freeBusyReader');
  const {
    id = serverId(),
    iCalUID = `${String(id)}@google.com`,
    status = 'confirmed',
    start,
    end,
    recurrence,
    attendees,
    reminders,
    extendedProperties,
    attachments,
    conferenceData,
    eventType = 'default',
    organizer,
    creator,
    recurringEventId,
    originalStartTime,
    sequence = 0,
    kind: _kind,
    etag: _etag,
    created: _created,
    updated: _updated,
    htmlLink: _link,
    ...plain
  } = event;
  const organizerEmail = isObject(organizer) ? String(organizer['email']) : calendar.id;
  const original = originalStartTime === undefined ? null : readTime(originalStartTime, calendar.timeZone);
  const item = calendar.newItem({
    id: String(id),
    iCalUID: String(iCalUID),
    organizer: organizerEmail,
    creator: isObject(creator) ? String(creator['email']) : organizerEmail,
    sequence: Number(sequence),
    seriesId: typeof recurringEventId === 'string' ? recurringEventId : null,
    original,
    occurrence:
      typeof recurringEventId === 'string'
        ? original === null
          ? (splitInstanceId(String(id))?.key ?? null)
          : keyOf(original)
        : null,
    deleted: status === 'cancelled',
    fields: {
      status: status === 'tentative' ? 'tentative' : 'confirmed',
      start: readTime(start, calendar.timeZone),
      end: readTime(end, calendar.timeZone),
      reminders: isObject(reminders) ? (reminders as Reminders) : { useDefault: true },
      eventType: String(eventType),
      plain,
      ...(Array.isArray(recurrence) ? { recurrence: recurrence as string[] } : {}),
      ...(Array.isArray(attendees)
        ? { attendees: checkAttendees(attendees, { self: calendar.owner, organizer: organizerEmail }) }
        : {}),
      ...(isObject(extendedProperties) ? { extendedProperties } : {}),
      ...(Array.isArray(attachments) ? { attachments: attachments as Json[] } : {}),
      ...(isObject(conferenceData) ? { conferenceData } : {}),
    },
  });
  calendar.stamp(item);
  for (const listener of world.changed) listener(calendar);
  return item;
}

/** An invalid zone (`GMT-07:00`) is kept; a time that cannot be read stays as it is. */
function readTime(value: unknown, calendarZone: string): EventTime {
  if (isObject(value)) {
    const { date, dateTime, timeZone } = value;
    const wall = typeof date === 'string' ? parseDate(date) : null;
    if (wall !== null && dateTime === undefined) return { kind: 'date', wall };
    const parsed = typeof dateTime === 'string' && date === undefined ? parseDateTime(dateTime) : null;
    const zone = typeof timeZone === 'string' ? timeZone : null;
    if (parsed !== null) {
      const at =
        parsed.offsetMs === null ? instantOf(parsed.wall, zone ?? calendarZone) : parsed.wall - parsed.offsetMs;
      return { kind: 'timed', at, zone };
    }
  }
  return { kind: 'odd', value };
}
