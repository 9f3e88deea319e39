/**
 * Events that cannot be written through the API but that Graph returns: other people's meetings, cancelled copies, odd
 * zones.
 */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { isZone } from '../time.ts';
import type { Fields } from './event-fields.ts';
import { DEFAULTS, readChange } from './event-fields.ts';
import { withTeams } from './meetings.ts';
import { readRecurrence } from './recurrence.ts';
import type { Row } from './rows.ts';
import { wholeRow } from './rows.ts';
import type { Calendar, World } from './world.ts';
import { createItem, stamp } from './world.ts';
import type { Zone } from './zones.ts';

/**
 * Beside what the API takes: `iCalUId`, `organizer` (`{ emailAddress }`), `attendees` with their `status`,
 * `responseStatus`, `isCancelled`, `createdDateTime`, and `zone: { name, iana }` for a zone under any name, as
 * `tzone://Microsoft/Custom`. Times and recurrence are not checked against each other.
 */
export function plantEvent(world: World, calendar: Calendar, event: Json): Row {
  const { organizer, iCalUId, isCancelled, responseStatus, zone, isOnlineMeeting, ...plain } = event;
  const { fields, recurrence } = readChange(plain, { ...world.behaviour, ianaZones: 'taken' }, true);
  const { start, end } = fields;
  if (start === undefined || end === undefined) throw new Error('an event needs start and end');
  const own = zone === undefined ? null : readOwnZone(zone);
  const planted: Fields = {
    ...DEFAULTS,
    ...fields,
    start: own === null ? start : { ...start, zone: own },
    end: own === null ? end : { ...end, zone: own },
    attendees: (fields.attendees ?? []).map((attendee, at) => ({
      ...attendee,
      response: responseOf((plain['attendees'] as Json[])[at]!['status']),
    })),
    isCancelled: isCancelled === true,
    response: responseOf(responseStatus),
  };
  const item = createItem(world, calendar, {
    fields: isOnlineMeeting === true ? withTeams(planted) : planted,
    recurrence: isObject(recurrence) ? readRecurrence(recurrence, planted.start.zone, world.behaviour) : null,
    ...(typeof iCalUId === 'string' ? { iCalUId } : {}),
    ...(isObject(organizer) ? { organizer: person(organizer['emailAddress']) } : {}),
  });
  stamp(world, item, { change: 'created' });
  return wholeRow(item);
}

function person(value: unknown): { name: string; address: string } {
  const { name, address } = isObject(value) ? value : {};
  return { name: String(name ?? address), address: String(address) };
}

function responseOf(status: unknown): string {
  return isObject(status) && typeof status['response'] === 'string' ? status['response'] : 'none';
}

function readOwnZone(value: unknown): Zone {
  const { name, iana } = isObject(value) ? value : {};
  if (typeof name !== 'string' || typeof iana !== 'string' || !isZone(iana))
    throw new Error('a zone needs a name and the rules of an IANA zone');
  return { name, iana };
}
