/** Converts iCalendar objects to canonical events. */

import type { CalendarEvent, Content, Exception, OccurrenceId, OptionalField, Recurrence, When } from '../event.ts';
import { DEFAULT_CONTENT, EXCLUDED } from '../event.ts';
import type { EventProblem } from '../event-problem.ts';
import { cleanText } from '../plain-text.ts';
import { normaliseRecurrence } from '../recurrence/normalise.ts';
import { RecurrenceError } from '../recurrence/rule.ts';
import { withDatesOfExceptions } from '../recurrence/series.ts';
import { withUntilDate } from '../recurrence/until.ts';
import { attendeeAddresses, readAttendees, readOrganizer } from './attendees.ts';
import { readCategories } from './categories.ts';
import { hidesDetails } from './hidden-details.ts';
import { readJoinLink } from './join-link.ts';
import { readReminders } from './reminders.ts';
import type { Component, ContentLine } from './text.ts';
import { components, findLine, findLines, parameterValue, parseProperty, rawValue, rawValueOf } from './text.ts';
import type { EventDuration } from './time.ts';
import { durationOf, occurrenceIdOf, periodOccurrenceIdOf, readWhen, startFormatOf, Unreadable } from './time.ts';
import type { Zones } from './timezones.ts';

/** The VEVENTs of one event: a master with its overrides, a single event, or an override without a master. */
export interface EventGroup {
  /** Names the event within an object that has several; null if it is the only one. */
  readonly part: string | null;
  readonly uid: string | null;
  readonly master: Component;
  readonly overrides: readonly Component[];
  /** A second master with the same UID. Programs disagree about which one counts, so Calpair does not change it. */
  readonly isDuplicate: boolean;
}

export interface ReadEvent {
  /** Names the event within an object that has several; null if it is the only one. */
  readonly part: string | null;
  readonly uid: string | null;
  readonly event: CalendarEvent | null;
  /** Also of an event that cannot be read, where that much can; else empty. */
  readonly title: string;
  readonly problems: readonly EventProblem[];
  /** The latest LAST-MODIFIED of the event and its overrides; RFC 3339 UTC. */
  readonly modifiedAt: string | null;
  /** The server shows the times of the event, and nothing else of it. */
  readonly hidesDetails: boolean;
  /** Also from an event that cannot be read; for finding out whether it has guests. */
  readonly addresses: { readonly organizer: string | null; readonly attendees: readonly string[] };
}

/** The events of an object. Other components (tasks, journals, free/busy) are ignored. */
export function eventGroupsOf(root: Component): EventGroup[] {
  const events = [root, ...components(root, 'VCALENDAR')].flatMap((parent) => components(parent, 'VEVENT'));
  const masters = events.filter((event) => !findLine(event, 'RECURRENCE-ID')).length;
  const byUid = new Map<string, Component[]>();
  for (const [index, event] of events.entries()) {
    const key = uidOf(event) ?? (masters <= 1 || findLine(event, 'RECURRENCE-ID') ? '' : `#${index}`);
    const sharing = byUid.get(key) ?? [];
    sharing.push(event);
    byUid.set(key, sharing);
  }
  // DAViCal hides the RECURRENCE-IDs of exceptions, too.
  const groups = [...byUid.values()]
    .flatMap(eventGroupsOfUid)
    .filter(({ isDuplicate, master }) => !(isDuplicate && hidesDetails(master)));
  const isAlone = groups.length === 1 && findLine(groups[0]!.master, 'RECURRENCE-ID') === undefined;
  if (isAlone) return [{ ...groups[0]!, part: null }];
  return withUniqueParts(groups);
}

/** Numbers repeated names: `uid`, `uid#2`, `uid#3`. */
function withUniqueParts(groups: readonly EventGroup[]): EventGroup[] {
  const counts = new Map<string, number>();
  return groups.map((group) => {
    let part = group.part!;
    let count = counts.get(part) ?? 1;
    while (counts.has(part)) part = `${group.part}#${++count}`;
    counts.set(group.part!, count).set(part, Math.max(1, counts.get(part) ?? 1));
    return { ...group, part };
  });
}

/** Never throws, whatever the content of the group. */
export function readEventGroup(group: EventGroup, zones: Zones, fields: readonly OptionalField[] = []): ReadEvent {
  const all = [group.master, ...group.overrides];
  const entry = (event: CalendarEvent | null, problems: EventProblem[]): ReadEvent => ({
    part: group.part,
    uid: group.uid,
    event,
    title: titleOf(group.master),
    problems,
    modifiedAt: modifiedAt(all),
    hidesDetails: all.some(hidesDetails),
    addresses: {
      organizer: readOrganizer(group.master)?.address ?? null,
      attendees: [...new Set(all.flatMap(attendeeAddresses))],
    },
  });
  if (group.isDuplicate)
    return entry(null, [unreadable('The calendar object contains this event twice; the newer one is used.')]);
  if (all.some(({ end }) => end === null)) return entry(null, [unreadable('The event is truncated.')]);
  try {
    const { event, isZoneKnown } = readEvent(group, zones, fields);
    return entry(event, isZoneKnown ? [] : [ZONE_UNKNOWN]);
  } catch (error) {
    if (error instanceof RecurrenceError)
      return entry(null, [unreadable(`The recurrence rule cannot be read (${error.code}).`)]);
    if (error instanceof TooManyDates) return entry(null, [TOO_MANY_DATES]);
    if (error instanceof Unreadable) return entry(null, [unreadable(`The event cannot be read (${error.message}).`)]);
    return entry(null, [unreadable('The event cannot be read.')]);
  }
}

/** The fields of one VEVENT, with the optional ones that are asked for. @throws Unreadable */
export function readContent(
  event: Component,
  zones: Zones,
  inherited: EventDuration | null,
  fields: readonly OptionalField[] = [],
): { content: Content; isZoneKnown: boolean; nominalDays: number } {
  const { when, isZoneKnown, nominalDays } = readWhen(event, zones, inherited);
  const token = (name: string): string => rawValueOf(event, name).toUpperCase();
  const status = token('STATUS');
  const visibility = token('CLASS');
  const content: Content = {
    title: textValue(event, 'SUMMARY'),
    when,
    location: textValue(event, 'LOCATION'),
    description: textValue(event, 'DESCRIPTION'),
    status: status === 'CANCELLED' ? 'cancelled' : status === 'TENTATIVE' ? 'tentative' : DEFAULT_CONTENT.status,
    transparency: token('TRANSP') === 'TRANSPARENT' ? 'transparent' : DEFAULT_CONTENT.transparency,
    // RFC 5545 3.8.1.3: an unknown class counts as private.
    visibility:
      visibility === '' || visibility === 'PUBLIC'
        ? 'public'
        : visibility === 'CONFIDENTIAL'
          ? 'confidential'
          : 'private',
    organizer: readOrganizer(event),
    attendees: readAttendees(event),
    ...readOptional(event, fields),
  };
  return { content, isZoneKnown, nominalDays };
}

export function readOptional(event: Component, fields: readonly OptionalField[]): Pick<Content, OptionalField> {
  return {
    ...(fields.includes('categories') ? { categories: readCategories(event) } : {}),
    ...(fields.includes('reminders') ? { reminders: readReminders(event) } : {}),
    ...(fields.includes('conference') ? { conference: { own: readJoinLink(event), shown: '' } } : {}),
  };
}

/** RRULE, EXRULE and RDATE of a series whose `when` is known. @throws RecurrenceError, Unreadable */
export function readRecurrence(master: Component, when: When, zones: Zones): Recurrence | null {
  if (findLine(master, 'RECURRENCE-ID')) return null;
  const rules = [...findLines(master, 'RRULE'), ...findLines(master, 'EXRULE')]
    .filter((rule) => rawValue(rule) !== '')
    .map((rule) => ruleText(rule, master, when, zones));
  const dates = findLines(master, 'RDATE').flatMap((rdate) =>
    dateValues(rdate).map((value) => rdateIdOf(rdate, value, when, zones)),
  );
  // An EXRULE alone has nothing to exclude from.
  if (dates.length === 0 && rules.every((rule) => rule.startsWith('EX'))) return null;
  return normaliseRecurrence({ rules, dates }, when);
}

/**
 * An RRULE line without parameters. In an all-day series, some programs write UNTIL as an instant: it becomes the date
 * that is meant in the author's zone, for which the object's own zones stand, or else the calendar's.
 */
export function ruleText(rule: ContentLine, master: Component, when: When, zones: Zones): string {
  const text = `${rule.name}:${rawValue(rule)}`;
  if (!when.allDay || !/UNTIL=[\d-]+T/i.test(text)) return text;
  const { isDate, zone } = startFormatOf(master, zones);
  // Outlook's all-day events have midnights as times, in a zone.
  return withUntilDate(text, [
    ...(isDate ? [] : [zone]),
    ...zones.ownZones(Date.parse(when.start)),
    zones.floatingZone,
  ]);
}

export function rdateIdOf(line: ContentLine, value: string, when: When, zones: Zones): string {
  return parameterValue(line, 'VALUE')?.toUpperCase() === 'PERIOD' || value.includes('/')
    ? periodOccurrenceIdOf(line, value, when, zones)
    : occurrenceIdOf(line, value, when, zones);
}

export function dateValues(line: ContentLine): string[] {
  const values = rawValue(line)
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '');
  if (values.length > MAX_DATES) throw new TooManyDates();
  return values;
}

/** What makes one occurrence an exception: an EXDATE, or VEVENTs with its RECURRENCE-ID. */
export interface OccurrenceSource {
  hasExdate: boolean;
  /** The newest one first; only that one counts. */
  readonly overrides: Component[];
}

export function occurrenceSourcesOf(group: EventGroup, when: When, zones: Zones): Map<OccurrenceId, OccurrenceSource> {
  const sources = new Map<OccurrenceId, OccurrenceSource>();
  const at = (id: OccurrenceId): OccurrenceSource =>
    sources.get(id) ?? (sources.set(id, { hasExdate: false, overrides: [] }), sources.get(id)!);
  let count = 0;
  for (const exdate of findLines(group.master, 'EXDATE')) {
    for (const value of dateValues(exdate)) {
      if (++count > MAX_DATES) throw new TooManyDates();
      at(occurrenceIdOf(exdate, value, when, zones)).hasExdate = true;
    }
  }
  for (const override of group.overrides) {
    const id = findLine(override, 'RECURRENCE-ID')!;
    at(occurrenceIdOf(id, rawValue(id), when, zones)).overrides.push(override);
  }
  for (const { overrides } of sources.values()) overrides.reverse().sort(newestFirst);
  return sources;
}

export function exceptionOf(
  source: OccurrenceSource,
  zones: Zones,
  length: EventDuration,
  fields: readonly OptionalField[],
): { exception: Exception; isZoneKnown: boolean } {
  const [override] = source.overrides;
  if (source.hasExdate || !override) return { exception: EXCLUDED, isZoneKnown: true };
  const { content, isZoneKnown } = readContent(override, zones, length, fields);
  return { exception: content.status === 'cancelled' ? EXCLUDED : content, isZoneKnown };
}

export const MAX_TITLE = 1_000;
const MAX_DATES = 2_000;
const ZONE_UNKNOWN: EventProblem = {
  code: 'zone-unknown',
  detail: 'The time zone of the event is unknown; the event may be shown in another one.',
};
const TOO_MANY_DATES: EventProblem = {
  code: 'too-large',
  detail: `The series has more than ${MAX_DATES} single dates.`,
};

class TooManyDates extends Error {}

export function unreadable(detail: string): EventProblem {
  return { code: 'unreadable', detail };
}

function readEvent(
  group: EventGroup,
  zones: Zones,
  fields: readonly OptionalField[],
): { event: CalendarEvent; isZoneKnown: boolean } {
  const { content, isZoneKnown, nominalDays } = readContent(group.master, zones, null, fields);
  const recurrence = readRecurrence(group.master, content.when, zones);
  if (recurrence && recurrence.dates.length > MAX_DATES) throw new TooManyDates();
  const exceptions: Record<OccurrenceId, Exception> = {};
  let isAllKnown = isZoneKnown;
  if (recurrence !== null) {
    if (
      group.overrides.some((override) => parameterValue(findLine(override, 'RECURRENCE-ID')!, 'RANGE') !== undefined)
    ) {
      throw new Unreadable('changes to this and all following occurrences are not supported');
    }
    const duration = durationOf(content.when, nominalDays);
    for (const [id, source] of [...occurrenceSourcesOf(group, content.when, zones)].sort(([a], [b]) =>
      a < b ? -1 : 1,
    )) {
      const result = exceptionOf(source, zones, duration, fields);
      exceptions[id] = result.exception;
      isAllKnown &&= result.isZoneKnown;
    }
  }
  const nominal = recurrence !== null && nominalDays > 0 ? { nominalDays } : {};
  const event = { ...content, uid: group.uid, recurrence, exceptions, ...nominal };
  return { event: withDatesOfExceptions(event), isZoneKnown: isAllKnown };
}

/** Overrides belong to the master with their UID if it is a series; otherwise each is an event of its own. */
function eventGroupsOfUid(events: Component[]): EventGroup[] {
  const uid = uidOf(events[0]!);
  const masters = events.filter((event) => !findLine(event, 'RECURRENCE-ID')).sort(newestFirst);
  const overrides = events.filter((event) => findLine(event, 'RECURRENCE-ID'));
  const alone = (master: Component, part: string, isDuplicate = false): EventGroup => ({
    part,
    uid,
    master,
    overrides: [],
    isDuplicate,
  });
  const name = uid ?? '#';
  const [master, ...others] = masters;
  const isSeries = master !== undefined && ['RRULE', 'RDATE'].some((rule) => findLine(master, rule) !== undefined);
  const seen = new Set<string>();
  const orphans = (isSeries ? [] : overrides.reverse().sort(newestFirst)).map((override) => {
    const id = rawValue(findLine(override, 'RECURRENCE-ID')!);
    const isOlder = seen.size === seen.add(id).size;
    return alone(override, `${name}/${id}`, isOlder);
  });
  if (master === undefined) return orphans;
  return [
    { part: name, uid, master, overrides: isSeries ? overrides : [], isDuplicate: false },
    ...orphans,
    ...others.map((other) => alone(other, name, true)),
  ];
}

function newestFirst(a: Component, b: Component): number {
  const sequence = (event: Component): number => Number(rawValueOf(event, 'SEQUENCE')) || 0;
  const stamp = (event: Component): string => rawValueOf(event, 'DTSTAMP');
  return sequence(b) - sequence(a) || (stamp(a) < stamp(b) ? 1 : stamp(a) > stamp(b) ? -1 : 0);
}

function uidOf(event: Component): string | null {
  const uid = findLine(event, 'UID');
  const text = uid ? cleanText(parseProperty(uid)?.value ?? rawValue(uid)).trim() : '';
  return text === '' ? null : text;
}

/** A title that nothing hinders from being shown in lists. */
function titleOf(event: Component): string {
  return textValue(event, 'SUMMARY').slice(0, MAX_TITLE);
}

function textValue(event: Component, name: string): string {
  const line = findLine(event, name);
  return line ? cleanText(parseProperty(line)?.value ?? rawValue(line)) : '';
}

function modifiedAt(events: readonly Component[]): string | null {
  const times = events.flatMap((event) => {
    const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z?$/i.exec(rawValueOf(event, 'LAST-MODIFIED'));
    const text = match && `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`;
    return text && !Number.isNaN(Date.parse(text)) ? [text] : [];
  });
  return times.sort().at(-1) ?? null;
}
