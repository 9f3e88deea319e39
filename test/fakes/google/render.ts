/** An item as an answer returns it. */

import type { Json } from '../json.ts';
import type { Behaviour } from './behaviour.ts';
import type { AccessRole, Calendar, Item } from './calendar.ts';
import type { EventFields } from './event-fields.ts';
import { showTime } from './event-times.ts';

export interface View {
  readonly behaviour: Behaviour;
  readonly viewer: string;
  readonly role: AccessRole;
  /** Zone of the times in the answer; the calendar's unless the request names another. */
  readonly zone: string;
  readonly maxAttendees?: number;
}

const LINK = 'https://www.google.com/calendar/event?eid=';

export function showItem(calendar: Calendar, item: Item, view: View): Json {
  const status = item.deleted ? 'cancelled' : item.fields.status;
  if (item.deleted && view.behaviour.sparseTombstones) return { id: item.id, status };
  const head: Json = { kind: 'calendar#event', etag: item.etag, id: item.id, status };
  if (item.deleted && item.seriesId !== null) return { ...head, ...showOrigin(item, view) };
  const { fields } = item;
  const times = {
    start: showTime(fields.start, view.zone, view.behaviour.fillTimeZone),
    end: showTime(fields.end, view.zone, view.behaviour.fillTimeZone),
  };
  if (isHidden(item, view)) return { ...head, ...times, ...showOrigin(item, view), visibility: 'private' };
  const { transparency, visibility, summary, description, location, colorId, source, ...flags } = fields.plain;
  return withoutUndefined({
    ...head,
    htmlLink: `${LINK}${Buffer.from(`${item.id} ${calendar.id}`).toString('base64url')}`,
    created: new Date(item.createdMs).toISOString(),
    updated: new Date(item.updatedMs).toISOString(),
    summary,
    description,
    location,
    colorId,
    creator: showPerson(calendar, item.creator, view),
    organizer: showPerson(calendar, item.organizer, view),
    ...times,
    recurrence: fields.recurrence,
    ...showOrigin(item, view),
    transparency,
    visibility,
    iCalUID: item.iCalUID,
    sequence: item.sequence,
    ...showAttendees(fields, view),
    extendedProperties: fields.extendedProperties,
    ...showConference(fields),
    ...flags,
    reminders: fields.reminders,
    source,
    attachments: fields.attachments,
    eventType: fields.eventType,
  });
}

/** The part of an item that a client may write, in the form in which it is written: what a PATCH is merged into. */
export function showWritable(calendar: Calendar, item: Item): Json {
  const { fields } = item;
  return withoutUndefined({
    status: fields.status,
    ...fields.plain,
    start: showTime(fields.start, calendar.timeZone, false),
    end: showTime(fields.end, calendar.timeZone, false),
    recurrence: fields.recurrence,
    attendees: fields.attendees,
    reminders: fields.reminders,
    extendedProperties: fields.extendedProperties,
    attachments: fields.attachments,
    conferenceData: fields.conferenceData,
    eventType: fields.eventType,
  });
}

function showOrigin(item: Item, view: View): Json {
  if (item.seriesId === null || item.original === null) return {};
  return {
    recurringEventId: item.seriesId,
    originalStartTime: showTime(item.original, view.zone, view.behaviour.fillTimeZone),
  };
}

/** Free/busy readers see times only, and so do writers without access to private events for these. */
function isHidden(item: Item, view: View): boolean {
  if (view.role === 'freeBusyReader') return true;
  const isPrivate = item.fields.plain['visibility'] === 'private' || item.fields.plain['visibility'] === 'confidential';
  return isPrivate && (view.role === 'reader' || view.role === 'writerWithoutPrivateAccess');
}

/** On a secondary calendar the organizer is the calendar itself. */
function showPerson(calendar: Calendar, email: string, view: View): Json {
  if (email === calendar.id && !calendar.isPrimary) return { email, displayName: calendar.about.summary, self: true };
  const isSelf = email === view.viewer && calendar.isPrimary && calendar.owner === view.viewer;
  return isSelf ? { email, self: true } : { email };
}

function showAttendees(fields: EventFields, view: View): Json {
  const { attendees } = fields;
  if (attendees === undefined) return {};
  if (view.maxAttendees === undefined || attendees.length <= view.maxAttendees) return { attendees };
  return { attendees: attendees.filter((attendee) => attendee['self'] === true), attendeesOmitted: true };
}

function showConference(fields: EventFields): Json {
  const { conferenceData } = fields;
  if (conferenceData === undefined) return {};
  const entry = (conferenceData['entryPoints'] as Json[] | undefined)?.find(
    (point) => point['entryPointType'] === 'video',
  );
  return { ...(entry === undefined ? {} : { hangoutLink: entry['uri'] }), conferenceData };
}

function withoutUndefined(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined));
}
