/** What Graph shows of an event, as a canonical event. Pure: the same stored data always reads as the same event. */
import {
  type Attendee,
  type CalendarEvent,
  type Content,
  EXCLUDED,
  type Exception,
  type OccurrenceId,
  type Organizer,
  type Participation,
  type Recurrence,
  sameValue,
  type When,
} from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import { RecurrenceError } from '../../core/recurrence/rule.ts';
import { occurrenceContent } from '../../core/recurrence/series.ts';
import { withoutBlock } from '../attendee-text.ts';
import type { Found, SideSetting, Stored } from '../provider.ts';
import { htmlToText } from '../text.ts';
import {
  fieldOf,
  type Item,
  isSeries,
  modifiedMs,
  parseSeries,
  type Series,
  textOf,
  versionOf,
  writeSeries,
} from './item.ts';
import {
  copiedUid,
  isCopy,
  isCutText,
  isOurText,
  type KeptZones,
  keptPeople,
  keptRule,
  keptTail,
  keptTitle,
  keptZones,
  linkOf,
  oneLine,
  propertiesOf,
} from './private-data.ts';
import { fromPatternedRecurrence, toPatternedRecurrence } from './recurrence.ts';
import { type PatternedRecurrence, readPatternedRecurrence } from './recurrence-form.ts';
import { occurrenceOn, readOccurrence, readWhen, zonesOf } from './times.ts';
import { readGraphZone } from './zones.ts';

/** How a series is stored. */
function storedOf(series: Series): Stored {
  const { id } = series.master;
  return { ref: id, resource: id, version: versionOf(series), data: writeSeries(series) };
}

export function foundOf(series: Series, setting: SideSetting): Found {
  return readStored(storedOf(series), setting);
}

/** Reads stored data. What cannot be read is a problem of that one event, never an error. */
export function readStored(stored: Stored, setting: SideSetting): Found {
  let series: Series;
  try {
    series = parseSeries(stored.data);
  } catch {
    return { ...stored, event: null, problems: [UNREADABLE], modifiedAt: null, marker: null, hasGuests: false };
  }
  const { master } = series;
  const { event, problems } = readSeries(series, setting);
  return {
    ...stored,
    event,
    problems,
    modifiedAt: series.clockAhead ? null : latest([master, ...Object.values(series.exceptions)]),
    marker: linkOf(master),
    hasGuests: isMeetingOfOurs(series),
    isDeclined: fieldOf(master['responseStatus'], 'response') === 'declined',
  };
}

/** The event of a series; null with a problem where it cannot be read. */
export function readSeries(
  series: Series,
  setting: SideSetting,
): { event: CalendarEvent | null; problems: readonly EventProblem[] } {
  try {
    const problems = new Map<string, EventProblem>();
    const event = eventOf(series, setting, (problem) => problems.set(problem.code, problem));
    return event ? { event, problems: [...problems.values()] } : { event: null, problems: [UNREADABLE] };
  } catch (error) {
    if (error instanceof RangeError || error instanceof RecurrenceError || error instanceof TypeError)
      return { event: null, problems: [UNREADABLE] };
    throw error;
  }
}

/** The UID under which the event is known on the other side. */
export function uidOf(item: Item): string | null {
  return (isCopy(item) ? copiedUid(propertiesOf(item)) : null) ?? (textOf(item['iCalUId']) || null);
}

/** The attendees that Exchange itself knows of, without the owner. */
export function nativeAttendees(item: Item): Attendee[] {
  const byAddress = new Map<string, Attendee>();
  for (const person of listOf(item['attendees'])) {
    const address = addressOf(person);
    if (address === '') continue;
    byAddress.set(address, {
      address,
      name: textOf(fieldOf(fieldOf(person, 'emailAddress'), 'name')),
      participation: PARTICIPATIONS[textOf(fieldOf(fieldOf(person, 'status'), 'response'))] ?? 'needs-action',
      role: fieldOf(person, 'type') === 'optional' ? 'optional' : 'required',
      kind: fieldOf(person, 'type') === 'resource' ? 'resource' : 'individual',
    });
  }
  return byAddressOrder([...byAddress.values()]);
}

/** Exchange makes every mailbox the organizer of its events: that is news only where somebody is invited. */
export function nativeOrganizer(item: Item): Organizer | null {
  const address = addressOf(item['organizer']);
  if (listOf(item['attendees']).length === 0 || address === '') return null;
  return { address, name: textOf(fieldOf(fieldOf(item['organizer'], 'emailAddress'), 'name')) };
}

/** Whether a write would make Exchange mail people: a meeting with guests that this mailbox organises. */
export function isMeetingOfOurs({ master, exceptions }: Series): boolean {
  return [master, ...Object.values(exceptions)].some((item) => item['isOrganizer'] !== false && hasGuests(item));
}

/** Whether somebody else organises it: only what concerns the owner alone may be changed. */
export function isInvitation({ master }: Series): boolean {
  return master['isOrganizer'] === false;
}

/** The description as plain text, with whatever block is below it. */
export function bodyText(item: Item): string {
  const content = textOf(fieldOf(item['body'], 'content'));
  const text = fieldOf(item['body'], 'contentType') === 'html' ? htmlToText(content) : content;
  return text.replace(/\r\n?/g, '\n').trimEnd();
}

/** The UIDs that a block of people may have been tagged with. */
function tagUids(item: Item): string[] {
  return [...new Set([copiedUid(propertiesOf(item)) ?? '', textOf(item['iCalUId']), ''])];
}

/** The exceptions of a series by the occurrences that they stand for. */
export function itemsByOccurrence(series: Series, when: When): Map<OccurrenceId, Item> {
  const items = new Map<OccurrenceId, Item>();
  for (const item of Object.values(series.exceptions).slice(0, MAX_EXCEPTIONS)) {
    const id = readOccurrence(item, when);
    if (id !== null) items.set(id, item);
  }
  return items;
}

/** What one occurrence or exception shows by itself, in the series around it. */
export function contentOfInstance(item: Item, series: CalendarEvent, master: Item, setting: SideSetting): Content {
  const read = readWhen(item, instanceZones(item, series.when, master));
  const people =
    setting.attendees === 'none'
      ? { organizer: null, attendees: [] }
      : peopleOf(item, keptPeople(propertiesOf(master)));
  const shown = plainContent(item, tagUids(master), setting);
  const description = shown.description === series.description.trimEnd() ? series.description : shown.description;
  return {
    ...shown,
    title: shown.title === oneLine(series.title) ? series.title : shown.title,
    description,
    when: read?.when ?? series.when,
    ...people,
  };
}

/** An occurrence is in the zones of its series, unless it was given others. Days have none to give. */
function instanceZones(item: Item, series: When, master: Item): { start: string; end: string } {
  const kept = keptZones(propertiesOf(master));
  const own = (
    field: 'originalStartTimeZone' | 'originalEndTimeZone',
    usual: string,
    zone: KeptZones['start'],
  ): string => (item[field] === master[field] && !series.allDay ? usual : (readGraphZone(item[field], zone) ?? usual));
  const [start, end] = series.allDay ? ['UTC', 'UTC'] : [series.startZone, series.endZone];
  return { start: own('originalStartTimeZone', start, kept.start), end: own('originalEndTimeZone', end, kept.end) };
}

const UNREADABLE: EventProblem = {
  code: 'unreadable',
  detail:
    'Outlook shows this event in a form that cannot be read: its times, its zone or its repetition make no sense.',
};
const ZONE_UNKNOWN: EventProblem = {
  code: 'zone-unknown',
  detail: 'The event is in a time zone that is not known; its time is right, shown in UTC.',
};
const TEXT_TOO_LONG: EventProblem = {
  code: 'text-too-long',
  detail: 'A text of this event is longer than Outlook allows and is shown shortened there.',
};
const MAX_EXCEPTIONS = 20_000;
const PARTICIPATIONS: Readonly<Record<string, Participation>> = {
  accepted: 'accepted',
  organizer: 'accepted',
  declined: 'declined',
  tentativelyAccepted: 'tentative',
};

function eventOf(series: Series, setting: SideSetting, report: (problem: EventProblem) => void): CalendarEvent | null {
  const { master } = series;
  const properties = propertiesOf(master);
  const zones = zonesOf(master, keptZones(properties));
  const read = readWhen(master, zones);
  if (!read) return null;
  if (isCutText(properties, bodyText(master))) report(TEXT_TOO_LONG);
  const people =
    setting.attendees === 'none' ? { organizer: null, attendees: [] } : peopleOf(master, keptPeople(properties));
  const shown = plainContent(master, tagUids(master), setting);
  const tail = isOurText(properties, bodyText(master)) || shown.description === '' ? keptTail(properties) : '';
  const content: Content = {
    ...shown,
    title: keptTitle(properties, shown.title),
    description: shown.description + tail,
    when: read.when,
    ...people,
  };
  const uid = uidOf(master);
  if (!isSeries(master)) {
    if (!read.isZoneKnown) report(ZONE_UNKNOWN);
    return { ...content, uid, recurrence: null, exceptions: {} };
  }
  // A rule in a zone that nobody knows: its occurrences would be off by an hour at times.
  if (zones.start === null && !read.when.allDay) return null;
  if (!read.isZoneKnown) report(ZONE_UNKNOWN);
  const patterned = readPatternedRecurrence(master['recurrence']);
  const { recurrence, when } = fromPatternedRecurrence(patterned, read.when);
  const plain = asKept({ ...content, when, uid, recurrence, exceptions: {} }, keptRule(properties), patterned);
  const exceptions: Record<OccurrenceId, Exception> = {};
  for (const date of series.cancelled.slice(0, MAX_EXCEPTIONS)) exceptions[occurrenceOn(date, when)] = EXCLUDED;
  for (const [id, item] of itemsByOccurrence(series, when)) {
    const shown =
      item['isCancelled'] === true && master['isCancelled'] !== true
        ? EXCLUDED
        : contentOfInstance(item, plain, master, setting);
    // What shows nothing but what the series would show there anyway was changed back.
    if (shown === EXCLUDED || !sameValue(shown, occurrenceContent(plain, id))) exceptions[id] = shown;
  }
  return { ...plain, exceptions };
}

/** The series with its rule as the other side spells it, if that still says the same. */
function asKept(series: CalendarEvent, kept: Recurrence | null, patterned: PatternedRecurrence): CalendarEvent {
  if (kept === null) return series;
  const meant = safely(() => toPatternedRecurrence({ ...series, recurrence: kept }));
  const rangeOf = ({ range }: PatternedRecurrence): object => ({ ...range, recurrenceTimeZone: null });
  const isSame =
    typeof meant === 'object' &&
    meant !== null &&
    sameValue(meant.pattern, patterned.pattern) &&
    sameValue(rangeOf(meant), rangeOf(patterned));
  return isSame ? { ...series, recurrence: kept } : series;
}

/** Null for what no one could follow. */
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
  return {
    title: textOf(item['subject']),
    location: textOf(fieldOf(item['location'], 'displayName')),
    description: withoutBlock(bodyText(item), uids, setting.tag).trimEnd(),
    ...statusOf(item),
    visibility: VISIBILITIES[textOf(item['sensitivity'])] ?? 'public',
  };
}

const VISIBILITIES: Readonly<Record<string, Content['visibility']>> = {
  private: 'private',
  personal: 'private',
  confidential: 'confidential',
};

/**
 * One field says both how sure an event is and whether it blocks time. Who works elsewhere is free, as free/busy has
 * it.
 */
function statusOf(item: Item): Pick<Content, 'status' | 'transparency'> {
  const { showAs, isCancelled } = item;
  return {
    status: isCancelled === true ? 'cancelled' : showAs === 'tentative' ? 'tentative' : 'confirmed',
    transparency: showAs === 'free' || showAs === 'workingElsewhere' ? 'transparent' : 'opaque',
  };
}

/** Exchange's own people, and those that Calpair keeps beside them. */
function peopleOf(
  item: Item,
  kept: ReturnType<typeof keptPeople>,
): { organizer: Organizer | null; attendees: Attendee[] } {
  const native = nativeAttendees(item);
  const addresses = new Set(native.map((attendee) => attendee.address));
  const attendees = byAddressOrder([
    ...native,
    ...kept.attendees.filter((attendee) => !addresses.has(attendee.address)),
  ]);
  return { organizer: kept.organizer ?? nativeOrganizer(item), attendees };
}

function hasGuests(item: Item): boolean {
  const owner = addressOf(item['organizer']);
  return listOf(item['attendees']).some((person) => addressOf(person) !== owner);
}

function addressOf(person: unknown): string {
  return textOf(fieldOf(fieldOf(person, 'emailAddress'), 'address')).toLowerCase();
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function byAddressOrder(attendees: Attendee[]): Attendee[] {
  return attendees.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

function latest(items: readonly Item[]): string | null {
  const times = items.map(modifiedMs).filter((ms) => !Number.isNaN(ms));
  return times.length === 0 ? null : new Date(times.reduce((a, b) => Math.max(a, b))).toISOString();
}
