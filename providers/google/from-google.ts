/** What Google shows of an event, as a canonical event. Pure: the same stored data always reads as the same event. */
import {
  type Attendee,
  type CalendarEvent,
  type Content,
  EXCLUDED,
  type Exception,
  type OccurrenceId,
  type Organizer,
  type Participation,
  sameValue,
  type When,
} from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import { expandOccurrences } from '../../core/recurrence/expand.ts';
import { idInstant, isDateId, occurrenceId } from '../../core/recurrence/occurrence.ts';
import { RecurrenceError } from '../../core/recurrence/rule.ts';
import { occurrenceContent } from '../../core/recurrence/series.ts';
import { withoutBlock } from '../attendee-text.ts';
import type { Found, SideSetting, Stored } from '../provider.ts';
import { htmlToText, isHtml } from '../text.ts';
import { type Item, isCancelled, parseInstanceId, parseSeries, type Series, versionOf, writeSeries } from './item.ts';
import { copiedUid, isCopy, isCutText, isOurText, keptPeople, linkOf, propertiesOf } from './private-data.ts';
import { readOccurrence, readRecurrence, readWhen } from './times.ts';

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
  const items = [series.master, ...Object.values(series.exceptions)];
  const { event, problems } = readSeries(series, setting);
  return {
    ...stored,
    event,
    problems,
    modifiedAt: series.clockAhead ? null : latest(items),
    marker: linkOf(series.master),
    hasGuests: items.some(hasGuests),
    isDeclined:
      series.master.attendees?.some((person) => person?.self === true && person.responseStatus === 'declined') ?? false,
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
  return (isCopy(item) ? copiedUid(propertiesOf(item)) : null) ?? item.iCalUID ?? null;
}

/** The attendees that Google itself knows of. */
export function nativeAttendees(item: Item): Attendee[] {
  const byAddress = new Map<string, Attendee>();
  for (const person of Array.isArray(item.attendees) ? item.attendees : []) {
    if (typeof person?.email !== 'string' || person.email === '') continue;
    const address = person.email.toLowerCase();
    byAddress.set(address, {
      address,
      name: textOf(person.displayName),
      participation: PARTICIPATIONS[person.responseStatus ?? ''] ?? 'needs-action',
      role: person.optional === true ? 'optional' : 'required',
      kind: person.resource === true ? 'resource' : 'individual',
    });
  }
  return byAddressOrder([...byAddress.values()]);
}

/** Google makes every calendar the organizer of its events: that is news only where somebody is invited. */
export function nativeOrganizer(item: Item): Organizer | null {
  const email = item.organizer?.email;
  if (!Array.isArray(item.attendees) || item.attendees.length === 0 || typeof email !== 'string' || email === '')
    return null;
  return { address: email.toLowerCase(), name: textOf(item.organizer?.displayName) };
}

const UNREADABLE: EventProblem = {
  code: 'unreadable',
  detail: 'Google shows this event in a form that cannot be read: its times or its repetition make no sense.',
};
const ZONE_UNKNOWN: EventProblem = {
  code: 'zone-unknown',
  detail: 'The event is in a time zone that is not known; its time is right, shown in UTC.',
};
const TEXT_TOO_LONG: EventProblem = {
  code: 'text-too-long',
  detail: 'A text of this event is longer than Google allows and is shown shortened there.',
};
const MAX_EXCEPTIONS = 20_000;
const EXPANSION_STEPS = 100_000;
const PARTICIPATIONS: Readonly<Record<string, Participation>> = {
  needsAction: 'needs-action',
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'tentative',
};

type Report = (problem: EventProblem) => void;

function eventOf(series: Series, setting: SideSetting, report: Report): CalendarEvent | null {
  const { master } = series;
  const read = readWhen(master, setting.floatingZone);
  if (!read) return null;
  if (!read.isZoneKnown) report(ZONE_UNKNOWN);
  const { recurrence, excluded } =
    Array.isArray(master.recurrence) && !master.recurringEventId
      ? readRecurrence(master.recurrence, read.when)
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
  for (const [id, item] of itemsByOccurrence(series, plain.when)) {
    if (isCancelled(item)) {
      cancelled.push(id);
      continue;
    }
    const override = overrideOf(item, id, plain, uids, setting, report);
    if (override) exceptions[id] = override;
    else delete exceptions[id];
  }
  for (const id of withinSeries(plain, cancelled)) exceptions[id] = EXCLUDED;
  return { ...plain, exceptions };
}

/** The exceptions of a series by the occurrences that they stand for. */
export function itemsByOccurrence(series: Series, when: When): Map<OccurrenceId, Item> {
  const items = new Map<OccurrenceId, Item>();
  for (const item of Object.values(series.exceptions).slice(0, MAX_EXCEPTIONS)) {
    const id = readOccurrence(item, parseInstanceId(item.id)?.occurrence ?? null, when);
    if (id !== null) items.set(id, item);
  }
  return items;
}

/**
 * Those of the ids that are occurrences of the series. When a series moves, Google may leave cancelled items where
 * exceptions were: they exclude nothing. Where the rule takes too long to follow, all are taken for occurrences.
 */
export function withinSeries(series: CalendarEvent, ids: readonly OccurrenceId[]): OccurrenceId[] {
  const fitting = ids.filter((id) => isDateId(id) === series.when.allDay);
  if (fitting.length === 0) return [];
  const at = fitting.map((id) => idInstant(isDateId(id) ? `${id}T000000Z` : id));
  const from = at.reduce((a, b) => Math.min(a, b));
  const to = at.reduce((a, b) => Math.max(a, b)) + 1000;
  const { ids: occurrences, complete } = expandOccurrences(
    { ...series, exceptions: {} },
    from,
    to,
    MAX_EXCEPTIONS,
    EXPANSION_STEPS,
  );
  if (!complete) return fitting;
  // Google shows the start of a series even where the rule does not produce it.
  const known = new Set([
    ...occurrences,
    occurrenceId(series.when.start, series.when.allDay ? null : series.when.startZone),
  ]);
  return fitting.filter((id) => known.has(id));
}

/** Null where the item shows nothing but what the series would show there anyway: it was changed back. */
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
  if (isCutText(properties, written)) report(TEXT_TOO_LONG);
  const text =
    isOurText(properties, written) || !isHtml(written) ? written.replace(/\r\n?/g, '\n') : htmlToText(written);
  return {
    title: textOf(item.summary),
    when,
    location: textOf(item.location),
    description: withoutBlock(text, uids, setting.tag),
    status: item.status === 'tentative' || item.status === 'cancelled' ? item.status : 'confirmed',
    transparency: item.transparency === 'transparent' ? 'transparent' : 'opaque',
    visibility: item.visibility === 'private' || item.visibility === 'confidential' ? item.visibility : 'public',
    ...(setting.attendees === 'none' ? { organizer: null, attendees: [] } : peopleOf(item)),
  };
}

/** Google's own people, and those that Calpair keeps beside them. */
function peopleOf(item: Item): { organizer: Organizer | null; attendees: Attendee[] } {
  const kept = keptPeople(propertiesOf(item));
  const native = nativeAttendees(item);
  const addresses = new Set(native.map((attendee) => attendee.address));
  const attendees = byAddressOrder([
    ...native,
    ...kept.attendees.filter((attendee) => !addresses.has(attendee.address)),
  ]);
  return { organizer: kept.organizer ?? nativeOrganizer(item), attendees };
}

/** The UIDs that a block of people may have been tagged with. */
function tagUids(item: Item): string[] {
  return [...new Set([copiedUid(propertiesOf(item)) ?? '', item.iCalUID ?? '', ''])];
}

function byAddressOrder(attendees: Attendee[]): Attendee[] {
  return attendees.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

function hasGuests(item: Item): boolean {
  return (
    item.organizer?.self === true &&
    Array.isArray(item.attendees) &&
    item.attendees.some((person) => person?.self !== true)
  );
}

function latest(items: readonly Item[]): string | null {
  const times = items.map((item) => Date.parse(item.updated ?? '')).filter((ms) => !Number.isNaN(ms));
  return times.length === 0 ? null : new Date(times.reduce((a, b) => Math.max(a, b))).toISOString();
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
