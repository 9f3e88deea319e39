/** Graph's items as a canonical event. Pure: the same stored data always reads as the same event. */

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
  type Recurrence,
  sameValue,
  type When,
} from '../../core/event.ts';
import { isJoinLink } from '../../core/join-link.ts';
import { cleanName, cleanText } from '../../core/plain-text.ts';
import { RecurrenceError } from '../../core/recurrence/rule.ts';
import { occurrenceContent } from '../../core/recurrence/series.ts';
import { type EventMarks, recognizeTool } from '../../core/sync/other-tools.ts';
import { shownLink, withoutAttendeeText } from '../attendee-text.ts';
import { type AttendeeList, mergeAttendees, NO_ATTENDEES, sortByAddress } from '../hidden-attendees.ts';
import type { Found, SideSetting, Stored } from '../provider.ts';
import { createSeriesReader, latestTime, type Report, textTooLong, ZONE_UNKNOWN } from '../series-reader.ts';
import { htmlToText } from '../text.ts';
import { occurrenceOn } from '../when.ts';
import { fieldOf, type Item, isSeries, modifiedMs, parseSeries, type Series, textOf, versionOf } from './item.ts';
import {
  copiedUid,
  hiddenAttendees,
  isCopy,
  isCutText,
  isOurText,
  linkOf,
  type OriginalZones,
  oneLine,
  originalRule,
  originalTail,
  originalTitle,
  originalZones,
  propertiesOf,
  toolProperties,
} from './private-data.ts';
import { fromPatternedRecurrence, toPatternedRecurrence } from './recurrence.ts';
import { type PatternedRecurrence, readPatternedRecurrence } from './recurrence-form.ts';
import { readOccurrence, readWhen, zonesOf } from './times.ts';
import { readGraphZone } from './zones.ts';

export const { foundOf, readStored, readSeries, unreadOf } = createSeriesReader<Series>({
  service: 'Outlook',
  parse: parseSeries,
  versionOf,
  eventOf,
  factsOf,
});

/** The UID that the event has on the other side. */
export function uidOf(item: Item): string | null {
  return (isCopy(item) ? copiedUid(propertiesOf(item)) : null) ?? (cleanName(textOf(item['iCalUId'])) || null);
}

/** The attendees that Exchange itself knows. */
export function nativeAttendees(item: Item): AttendeeList {
  return { organizer: organizerOf(item), attendees: attendeesOf(item) };
}

function attendeesOf(item: Item): Attendee[] {
  const byAddress = new Map<string, Attendee>();
  for (const person of listOf(item['attendees'])) {
    const address = addressOf(person);
    if (address === '') continue;
    byAddress.set(address, {
      address,
      name: cleanName(textOf(fieldOf(fieldOf(person, 'emailAddress'), 'name'))),
      participation: PARTICIPATIONS[textOf(fieldOf(fieldOf(person, 'status'), 'response'))] ?? 'needs-action',
      role: fieldOf(person, 'type') === 'optional' ? 'optional' : 'required',
      kind: fieldOf(person, 'type') === 'resource' ? 'resource' : 'individual',
    });
  }
  return sortByAddress([...byAddress.values()]);
}

/** Exchange names the mailbox as the organizer of all its events: that counts only where there are attendees. */
function organizerOf(item: Item): Organizer | null {
  const address = addressOf(item['organizer']);
  if (listOf(item['attendees']).length === 0 || address === '') return null;
  return { address, name: cleanName(textOf(fieldOf(fieldOf(item['organizer'], 'emailAddress'), 'name'))) };
}

/** Whether Exchange mails attendees when the event changes: the mailbox organizes it, and it has guests. */
export function isMeetingOfOurs({ master, exceptions }: Series): boolean {
  return [master, ...Object.values(exceptions)].some((item) => item['isOrganizer'] !== false && hasGuests(item));
}

/** Whether another person organizes it: then only the owner's own fields may be changed. */
export function isInvitation({ master }: Series): boolean {
  return master['isOrganizer'] === false;
}

/** Whether all that there may be to hide of a private event is missing from one of its items. */
export function mayHideDetails({ master, exceptions }: Series): boolean {
  return [master, ...Object.values(exceptions)].some(
    (item) =>
      textOf(item['sensitivity'] ?? 'normal') !== 'normal' &&
      bodyText(item) === '' &&
      textOf(fieldOf(item['location'], 'displayName')) === '' &&
      listOf(item['attendees']).length === 0,
  );
}

/** The description as plain text, with the attendee text below it. */
export function bodyText(item: Item): string {
  const content = textOf(fieldOf(item['body'], 'content'));
  const text = fieldOf(item['body'], 'contentType') === 'html' ? htmlToText(content) : content;
  return text.replace(/\r\n?/g, '\n').trimEnd();
}

/** The UIDs with which an attendee text may have been tagged. */
export function tagUids(item: Item): string[] {
  return [...new Set([copiedUid(propertiesOf(item)) ?? '', textOf(item['iCalUId']), ''])];
}

/** The exceptions of a series by the occurrences that they replace. */
export function itemsByOccurrence(series: Series, when: When): Map<OccurrenceId, Item> {
  const items = new Map<OccurrenceId, Item>();
  for (const item of Object.values(series.exceptions).slice(0, MAX_EXCEPTIONS)) {
    const id = readOccurrence(item, when);
    if (id !== null) items.set(id, item);
  }
  return items;
}

/** The content of one occurrence or exception of a series. */
export function contentOfInstance(item: Item, series: CalendarEvent, master: Item, setting: SideSetting): Content {
  const read = readWhen(item, instanceZones(item, series.when, master));
  const content = plainContent(item, tagUids(master), setting);
  return {
    ...content,
    title: content.title === oneLine(series.title) ? series.title : content.title,
    description: content.description === series.description.trimEnd() ? series.description : content.description,
    when: read?.when ?? series.when,
    ...allAttendees(item, master, setting),
  };
}

/** An occurrence is in the zones of its series, unless it has its own. All-day ones have none. */
function instanceZones(item: Item, series: When, master: Item): { start: string; end: string } {
  const original = originalZones(propertiesOf(master));
  const own = (
    field: 'originalStartTimeZone' | 'originalEndTimeZone',
    usual: string,
    zone: OriginalZones['start'],
  ): string => (item[field] === master[field] && !series.allDay ? usual : (readGraphZone(item[field], zone) ?? usual));
  const [start, end] = series.allDay ? ['UTC', 'UTC'] : [series.startZone, series.endZone];
  return {
    start: own('originalStartTimeZone', start, original.start),
    end: own('originalEndTimeZone', end, original.end),
  };
}

const MAX_EXCEPTIONS = 20_000;
const PARTICIPATIONS: Readonly<Record<string, Participation>> = {
  accepted: 'accepted',
  organizer: 'accepted',
  declined: 'declined',
  tentativelyAccepted: 'tentative',
};

function factsOf(series: Series): Omit<Found, keyof Stored | 'event' | 'problems'> {
  const { master, exceptions, clockAhead } = series;
  const syncedBy = isCopy(master) ? null : recognizeTool(marksOf(master));
  return {
    modifiedAt: clockAhead ? null : latestTime([master, ...Object.values(exceptions)].map(modifiedMs)),
    marker: linkOf(master),
    ...(syncedBy ? { syncedBy } : {}),
    hasGuests: isMeetingOfOurs(series),
    isDeclined: fieldOf(master['responseStatus'], 'response') === 'declined',
    ...(series.hidden ? { hidesDetails: true as const } : {}),
  };
}

function marksOf(item: Item): EventMarks {
  const { iCalUId, toolCategory } = item;
  return {
    uid: textOf(iCalUId) || null,
    properties: toolProperties(item),
    categories: toolCategory === undefined ? [] : [textOf(toolCategory)],
  };
}

function eventOf(series: Series, setting: SideSetting, report: Report): CalendarEvent | null {
  const { master } = series;
  const properties = propertiesOf(master);
  const zones = zonesOf(master, originalZones(properties));
  const read = readWhen(master, zones);
  if (!read) return null;
  if (isCutText(properties, bodyText(master))) report(textTooLong('Outlook'));
  const fields = plainContent(master, tagUids(master), setting);
  const tail = isOurText(properties, bodyText(master)) || fields.description === '' ? originalTail(properties) : '';
  const content: Content = {
    ...fields,
    title: originalTitle(properties, fields.title),
    description: fields.description + tail,
    when: read.when,
    ...allAttendees(master, master, setting),
  };
  const uid = uidOf(master);
  if (!isSeries(master)) {
    if (!read.isZoneKnown) report(ZONE_UNKNOWN);
    return { ...content, uid, recurrence: null, exceptions: {} };
  }
  // In an unknown zone the occurrences of a rule would be wrong by an hour at times.
  if (zones.start === null && !read.when.allDay) return null;
  if (!read.isZoneKnown) report(ZONE_UNKNOWN);
  const patterned = readPatternedRecurrence(master['recurrence']);
  const { recurrence, when } = fromPatternedRecurrence(patterned, read.when);
  const plain = withOriginalRule(
    { ...content, when, uid, recurrence, exceptions: {} },
    originalRule(properties),
    patterned,
  );
  const exceptions: Record<OccurrenceId, Exception> = {};
  for (const date of series.cancelled.slice(0, MAX_EXCEPTIONS)) exceptions[occurrenceOn(date, when)] = EXCLUDED;
  for (const [id, item] of itemsByOccurrence(series, when)) {
    const exception =
      item['isCancelled'] === true && master['isCancelled'] !== true
        ? EXCLUDED
        : contentOfInstance(item, plain, master, setting);
    // One that equals the ordinary occurrence was changed back.
    if (exception === EXCLUDED || !sameValue(exception, occurrenceContent(plain, id))) exceptions[id] = exception;
  }
  return { ...plain, exceptions };
}

/** The series with its rule as the other side spells it, if that still has the same meaning. */
function withOriginalRule(
  series: CalendarEvent,
  original: Recurrence | null,
  patterned: PatternedRecurrence,
): CalendarEvent {
  if (original === null) return series;
  const meant = safely(() => toPatternedRecurrence({ ...series, recurrence: original }));
  const rangeOf = ({ range }: PatternedRecurrence): object => ({ ...range, recurrenceTimeZone: null });
  const isSame =
    typeof meant === 'object' &&
    meant !== null &&
    sameValue(meant.pattern, patterned.pattern) &&
    sameValue(rangeOf(meant), rangeOf(patterned));
  return isSame ? { ...series, recurrence: original } : series;
}

/** Null for a rule that cannot be expanded. */
function safely<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof RecurrenceError || error instanceof RangeError) return null;
    throw error;
  }
}

function plainContent(
  item: Item,
  uids: readonly string[],
  setting: SideSetting,
): Omit<Content, 'when' | 'organizer' | 'attendees'> {
  const text = bodyText(item);
  return {
    title: cleanText(textOf(item['subject'])),
    location: cleanText(textOf(fieldOf(item['location'], 'displayName'))),
    description: cleanText(withoutAttendeeText(text, uids, setting.tag)).trimEnd(),
    ...statusOf(item),
    visibility: VISIBILITIES[textOf(item['sensitivity'])] ?? 'public',
    ...optionalFields(item, setting),
    ...(setting.conference === 'text'
      ? { conference: { own: joinLinkOf(item), shown: shownLink(text, uids, setting.tag) } }
      : {}),
  };
}

function joinLinkOf({ onlineMeeting, onlineMeetingUrl }: Item): string {
  return [fieldOf(onlineMeeting, 'joinUrl'), onlineMeetingUrl].find(isJoinLink) ?? '';
}

/** Those that the pair copies, of an event that was read since it does. */
function optionalFields(item: Item, setting: SideSetting): Pick<Content, OptionalField> {
  const { categories, isReminderOn, reminderMinutesBeforeStart: minutes } = item;
  const names = listOf(categories).map((name) => textOf(name).trim());
  return {
    ...(setting.categories === 'copy' && Array.isArray(categories)
      ? { categories: [...new Set(names.filter((name) => name !== ''))].sort() }
      : {}),
    ...(setting.reminders === 'copy' && typeof isReminderOn === 'boolean'
      ? { reminders: isReminderOn && typeof minutes === 'number' ? [minutes * 60] : [] }
      : {}),
  };
}

const VISIBILITIES: Readonly<Record<string, Content['visibility']>> = {
  private: 'private',
  personal: 'private',
  confidential: 'confidential',
};

/** `showAs` is both the status and the transparency. As in free/busy, working elsewhere counts as free. */
function statusOf(item: Item): Pick<Content, 'status' | 'transparency'> {
  const { showAs, isCancelled } = item;
  return {
    status: isCancelled === true ? 'cancelled' : showAs === 'tentative' ? 'tentative' : 'confirmed',
    transparency: showAs === 'free' || showAs === 'workingElsewhere' ? 'transparent' : 'opaque',
  };
}

/** Exceptions have no attendees of their own beside those that Exchange knows. */
function allAttendees(item: Item, master: Item, setting: SideSetting): AttendeeList {
  if (setting.attendees === 'none') return NO_ATTENDEES;
  return mergeAttendees(nativeAttendees(item), hiddenAttendees(propertiesOf(master)));
}

function hasGuests(item: Item): boolean {
  const owner = addressOf(item['organizer']);
  return listOf(item['attendees']).some((person) => addressOf(person) !== owner);
}

/** Of an attendee or organizer; empty where it has none. */
export function addressOf(person: unknown): string {
  return normaliseAddress(textOf(fieldOf(fieldOf(person, 'emailAddress'), 'address')));
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
