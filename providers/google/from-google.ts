/** Google's items as a canonical event. Pure: the same stored data always reads as the same event. */

import { normaliseAddress } from '../../core/calendar-address.ts';
import {
  type Attendee,
  type CalendarEvent,
  type Content,
  EXCLUDED,
  type Exception,
  type OccurrenceId,
  type OptionalField,
  type Organizer,
  type Participation,
  sameValue,
  type When,
} from '../../core/event.ts';
import { isJoinLink } from '../../core/join-link.ts';
import { cleanName, cleanText } from '../../core/plain-text.ts';
import { isDateId } from '../../core/recurrence/occurrence.ts';
import { occurrenceContent, occurrencesAmong } from '../../core/recurrence/series.ts';
import { recognizeTool } from '../../core/sync/other-tools.ts';
import { shownLink, withoutAttendeeText } from '../attendee-text.ts';
import { type AttendeeList, mergeAttendees, NO_ATTENDEES, sortByAddress } from '../hidden-attendees.ts';
import type { Found, SideSetting, Stored } from '../provider.ts';
import { createSeriesReader, latestTime, type Report, textTooLong, ZONE_UNKNOWN } from '../series-reader.ts';
import { htmlToText, isHtml } from '../text.ts';
import {
  type Item,
  isCancelled,
  parseInstanceId,
  parseSeries,
  type Reminder,
  type Series,
  updatedMs,
  versionOf,
} from './item.ts';
import { copiedUid, hiddenAttendees, isCopy, isCutText, isOurText, linkOf, propertiesOf } from './private-data.ts';
import { readOccurrence, readRecurrence, readWhen } from './times.ts';

export const { foundOf, readStored, readSeries, unreadOf } = createSeriesReader<Series>({
  service: 'Google',
  parse: parseSeries,
  versionOf,
  eventOf,
  factsOf,
});

/** The UID that the event has on the other side. */
export function uidOf(item: Item): string | null {
  return (isCopy(item) ? copiedUid(propertiesOf(item)) : null) ?? (cleanName(textOf(item.iCalUID)) || null);
}

/** The attendees that Google itself knows. */
export function nativeAttendees(item: Item): AttendeeList {
  return { organizer: organizerOf(item), attendees: attendeesOf(item) };
}

function attendeesOf(item: Item): Attendee[] {
  const byAddress = new Map<string, Attendee>();
  for (const person of Array.isArray(item.attendees) ? item.attendees : []) {
    const address = normaliseAddress(textOf(person?.email));
    if (address === '') continue;
    byAddress.set(address, {
      address,
      name: cleanName(textOf(person.displayName)),
      participation: PARTICIPATIONS[person.responseStatus ?? ''] ?? 'needs-action',
      role: person.optional === true ? 'optional' : 'required',
      kind: person.resource === true ? 'resource' : 'individual',
    });
  }
  return sortByAddress([...byAddress.values()]);
}

/** Google names the calendar as the organizer of all its events: that counts only where there are attendees. */
function organizerOf(item: Item): Organizer | null {
  const address = normaliseAddress(textOf(item.organizer?.email));
  if (!Array.isArray(item.attendees) || item.attendees.length === 0 || address === '') return null;
  return { address, name: cleanName(textOf(item.organizer?.displayName)) };
}

const MAX_EXCEPTIONS = 20_000;
const EXPANSION_STEPS = 100_000;
const PARTICIPATIONS: Readonly<Record<string, Participation>> = {
  needsAction: 'needs-action',
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'tentative',
};

function factsOf(series: Series): Omit<Found, keyof Stored | 'event' | 'problems'> {
  const { master } = series;
  const items = [master, ...Object.values(series.exceptions)];
  const properties = Object.keys(master.extendedProperties?.private ?? {});
  const syncedBy = isCopy(master) ? null : recognizeTool({ uid: master.iCalUID ?? null, properties });
  return {
    modifiedAt: series.clockAhead ? null : latestTime(items.map(updatedMs)),
    marker: linkOf(master),
    ...(syncedBy ? { syncedBy } : {}),
    hasGuests: items.some(hasGuests),
    isDeclined:
      master.attendees?.some((person) => person?.self === true && person.responseStatus === 'declined') ?? false,
    ...(items.some(isHidden) ? { hidesDetails: true as const } : {}),
  };
}

/**
 * A reader, and a writer without access to private events, see the times of an event only. Of every other one Google
 * names the organizer.
 */
function isHidden(item: Item): boolean {
  return !isCancelled(item) && item.visibility === 'private' && !item.organizer && !item.summary;
}

function eventOf(series: Series, setting: SideSetting, report: Report): CalendarEvent | null {
  const { master } = series;
  const read = readWhen(master, setting.floatingZone);
  if (!read) return null;
  if (!read.isZoneKnown) report(ZONE_UNKNOWN);
  const { recurrence, excluded } =
    Array.isArray(master.recurrence) && !master.recurringEventId
      ? readRecurrence(master.recurrence, read.when, setting.floatingZone)
      : { recurrence: null, excluded: [] };
  const uids = tagUids(master);
  const plain: CalendarEvent = {
    ...contentOf(master, read.when, uids, setting, report),
    uid: uidOf(master),
    recurrence,
    exceptions: {},
  };
  if (!recurrence) return plain;
  const exceptions: Record<OccurrenceId, Exception> = {};
  for (const id of excluded) exceptions[id] = EXCLUDED;
  const cancelled: OccurrenceId[] = [];
  const ordinary: OccurrenceId[] = [];
  for (const [id, item] of itemsByOccurrence(series, plain.when)) {
    if (isCancelled(item)) {
      cancelled.push(id);
      continue;
    }
    const override = overrideOf(item, id, plain, uids, setting, report);
    delete exceptions[id];
    if (override) exceptions[id] = override;
    else if (isDateId(id) === plain.when.allDay) ordinary.push(id);
  }
  // One that was changed back, and that the series does not have (any more), is one more event on the calendar.
  const known = occurrencesAmong(plain, ordinary, EXPANSION_STEPS);
  for (const id of ordinary) if (!known.has(id)) exceptions[id] = occurrenceContent(plain, id);
  // When a series moves, Google may leave cancelled items where exceptions were: they exclude nothing.
  for (const id of occurrencesAmong(plain, cancelled, EXPANSION_STEPS)) exceptions[id] = EXCLUDED;
  return { ...plain, exceptions };
}

/** The exceptions of a series by the occurrences that they replace. */
export function itemsByOccurrence(series: Series, when: When): Map<OccurrenceId, Item> {
  const items = new Map<OccurrenceId, Item>();
  for (const item of Object.values(series.exceptions).slice(0, MAX_EXCEPTIONS)) {
    const id = readOccurrence(item, parseInstanceId(item.id)?.occurrence ?? null, when);
    if (id !== null) items.set(id, item);
  }
  return items;
}

/** Null where the item equals the ordinary occurrence: it was changed back. */
function overrideOf(
  item: Item,
  id: OccurrenceId,
  series: CalendarEvent,
  uids: readonly string[],
  setting: SideSetting,
  report: Report,
): Content | null {
  const usual = occurrenceContent(series, id);
  const read = readWhen(item, series.when.allDay ? setting.floatingZone : series.when.startZone);
  if (read && !read.isZoneKnown) report(ZONE_UNKNOWN);
  const content = contentOf(item, read?.when ?? usual.when, uids, setting, report);
  return sameValue(content, usual) ? null : content;
}

function contentOf(item: Item, when: When, uids: readonly string[], setting: SideSetting, report: Report): Content {
  const properties = propertiesOf(item);
  const written = textOf(item.description);
  if (isCutText(properties, written)) report(textTooLong('Google'));
  const text =
    isOurText(properties, written) || !isHtml(written) ? written.replace(/\r\n?/g, '\n') : htmlToText(written);
  return {
    title: cleanText(textOf(item.summary)),
    when,
    location: cleanText(textOf(item.location)),
    description: cleanText(withoutAttendeeText(text, uids, setting.tag)),
    status: item.status === 'tentative' || item.status === 'cancelled' ? item.status : 'confirmed',
    transparency: item.transparency === 'transparent' ? 'transparent' : 'opaque',
    visibility: item.visibility === 'private' || item.visibility === 'confidential' ? item.visibility : 'public',
    ...optionalFields(item, setting),
    ...(setting.conference === 'text'
      ? { conference: { own: joinLinkOf(item), shown: shownLink(text, uids, setting.tag) } }
      : {}),
    ...(setting.attendees === 'none'
      ? NO_ATTENDEES
      : mergeAttendees(nativeAttendees(item), hiddenAttendees(properties))),
  };
}

function joinLinkOf({ hangoutLink, conferenceData }: Item): string {
  const points = Array.isArray(conferenceData?.entryPoints) ? conferenceData.entryPoints : [];
  const videos = points.filter((point) => point?.entryPointType === 'video').map(({ uri }) => uri);
  return [hangoutLink, ...videos].find(isJoinLink) ?? '';
}

/** Those that the pair copies, of an item that was read since it does. */
function optionalFields(item: Item, setting: SideSetting): Pick<Content, OptionalField> {
  if (setting.reminders !== 'copy' || !item.reminders) return {};
  const minutes = remindersOf(item).flatMap(({ method, minutes }) =>
    method === 'popup' && typeof minutes === 'number' ? [minutes] : [],
  );
  return { reminders: [...new Set(minutes)].sort((a, b) => a - b).map((one) => one * 60) };
}

/** The reminders that the event has, its own or the calendar's default ones. */
export function remindersOf({ reminders, defaultReminders }: Item): readonly Reminder[] {
  return (reminders?.useDefault === true ? defaultReminders : reminders?.overrides) ?? [];
}

/** The UIDs with which an attendee text may have been tagged. */
export function tagUids(item: Item): string[] {
  return [...new Set([copiedUid(propertiesOf(item)) ?? '', item.iCalUID ?? '', ''])];
}

function hasGuests(item: Item): boolean {
  return (
    item.organizer?.self === true &&
    Array.isArray(item.attendees) &&
    item.attendees.some((person) => person?.self !== true)
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
