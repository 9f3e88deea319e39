/** iCalendar objects to canonical events. */

import type { CalendarEvent, Content, Exception, OccurrenceId, Recurrence, When } from '../event.ts';
import { DEFAULT_CONTENT, EXCLUDED } from '../event.ts';
import type { EventProblem } from '../event-problem.ts';
import { idInstant, normaliseRecurrence, RecurrenceError } from '../recurrence/normalise.ts';
import { localOf } from '../zones.ts';
import { addresses, readAttendees, readOrganizer } from './attendees.ts';
import type { Component, Line } from './text.ts';
import { cleanText, components, line, lines, parameter, property, rawValue } from './text.ts';
import type { Length } from './time.ts';
import { formOf, idOf, lengthOf, periodIdOf, readWhen, Unreadable } from './time.ts';
import type { Zones } from './timezones.ts';

/**
 * What makes up one event of an object: a master with its exceptions, a single event, or an exception without a master.
 */
export interface Group {
  /** Null where the object holds this event alone. */
  readonly part: string | null;
  readonly uid: string | null;
  readonly master: Component;
  readonly overrides: readonly Component[];
  /** A second master with the same UID: which one counts cannot be told by anybody else, so it is left alone. */
  readonly isDuplicate: boolean;
}

export interface ReadEvent {
  /** Null for the ordinary object; names the event within an object that holds several. */
  readonly part: string | null;
  readonly uid: string | null;
  readonly event: CalendarEvent | null;
  readonly problems: readonly EventProblem[];
  /** The latest LAST-MODIFIED of the event and its exceptions; RFC 3339 UTC. */
  readonly modifiedAt: string | null;
  readonly hasGuestsHint: { readonly organizer: string | null; readonly attendees: readonly string[] };
}

/** The events of an object. Tasks, journals and free/busy are passed over. */
export function groupsOf(root: Component): Group[] {
  const events = [root, ...components(root, 'VCALENDAR')].flatMap((parent) => components(parent, 'VEVENT'));
  const masters = events.filter((event) => !line(event, 'RECURRENCE-ID')).length;
  const byUid = new Map<string, Component[]>();
  for (const [index, event] of events.entries()) {
    const key = uidOf(event) ?? (masters <= 1 || line(event, 'RECURRENCE-ID') ? '' : `#${index}`);
    const sharing = byUid.get(key) ?? [];
    sharing.push(event);
    byUid.set(key, sharing);
  }
  const groups = [...byUid.values()].flatMap(groupsOfUid);
  const isAlone = groups.length === 1 && line(groups[0]!.master, 'RECURRENCE-ID') === undefined;
  if (isAlone) return [{ ...groups[0]!, part: null }];
  const taken = new Map<string, number>();
  return groups.map((group) => {
    let part = group.part!;
    let count = taken.get(part) ?? 1;
    while (taken.has(part)) part = `${group.part}#${++count}`;
    taken.set(group.part!, count).set(part, Math.max(1, taken.get(part) ?? 1));
    return { ...group, part };
  });
}

/** Never throws for what stands in the group. */
export function readGroup(group: Group, zones: Zones): ReadEvent {
  const all = [group.master, ...group.overrides];
  const read = (event: CalendarEvent | null, problems: EventProblem[]): ReadEvent => ({
    part: group.part,
    uid: group.uid,
    event,
    problems,
    modifiedAt: modifiedAt(all),
    hasGuestsHint: {
      organizer: readOrganizer(group.master)?.address ?? null,
      attendees: [...new Set(all.flatMap(addresses))],
    },
  });
  if (group.isDuplicate)
    return read(null, [unreadable('The calendar object holds this event twice; the newer one is used.')]);
  if (all.some(({ end }) => end === null)) return read(null, [unreadable('The event is cut off.')]);
  try {
    const { event, isZoneKnown } = eventOf(group, zones);
    return read(event, isZoneKnown ? [] : [ZONE_UNKNOWN]);
  } catch (error) {
    if (error instanceof RecurrenceError)
      return read(null, [unreadable(`The recurrence rule cannot be read (${error.code}).`)]);
    if (error instanceof TooManyDates) return read(null, [TOO_MANY_DATES]);
    if (error instanceof Unreadable) return read(null, [unreadable(`The event cannot be read (${error.message}).`)]);
    return read(null, [unreadable('The event cannot be read.')]);
  }
}

/** The fields of one VEVENT. @throws Unreadable */
export function readContent(
  event: Component,
  zones: Zones,
  inherited: Length | null,
): { content: Content; isZoneKnown: boolean } {
  const { when, isZoneKnown } = readWhen(event, zones, inherited);
  const token = (name: string): string => rawValue(line(event, name) ?? NOTHING).toUpperCase();
  const status = token('STATUS');
  const visibility = token('CLASS');
  const content: Content = {
    title: textValue(event, 'SUMMARY'),
    when,
    location: textValue(event, 'LOCATION'),
    description: textValue(event, 'DESCRIPTION'),
    status: status === 'CANCELLED' ? 'cancelled' : status === 'TENTATIVE' ? 'tentative' : DEFAULT_CONTENT.status,
    transparency: token('TRANSP') === 'TRANSPARENT' ? 'transparent' : DEFAULT_CONTENT.transparency,
    // RFC 5545 3.8.1.3: a class that is not known is to be treated as private.
    visibility:
      visibility === '' || visibility === 'PUBLIC'
        ? 'public'
        : visibility === 'CONFIDENTIAL'
          ? 'confidential'
          : 'private',
    organizer: readOrganizer(event),
    attendees: readAttendees(event),
  };
  return { content, isZoneKnown };
}

/** RRULE, EXRULE and RDATE of a series whose `when` is known. @throws RecurrenceError, Unreadable */
export function readRecurrence(master: Component, when: When, zones: Zones): Recurrence | null {
  if (line(master, 'RECURRENCE-ID')) return null;
  const rules = [...lines(master, 'RRULE'), ...lines(master, 'EXRULE')]
    .filter((rule) => rawValue(rule) !== '')
    .map((rule) => ruleText(rule, master, when, zones));
  const dates = lines(master, 'RDATE').flatMap((rdate) =>
    dateValues(rdate).map((value) => dateId(rdate, value, when, zones)),
  );
  // EXRULE alone takes nothing away from anything.
  if (dates.length === 0 && rules.every((rule) => rule.startsWith('EX'))) return null;
  return normaliseRecurrence({ rules, dates }, when);
}

/**
 * An RRULE line without parameters. In an all-day series, an UNTIL that is midnight of the owner's in UTC becomes the
 * date that it means there.
 */
export function ruleText(rule: Line, master: Component, when: When, zones: Zones): string {
  const text = `${rule.name}:${rawValue(rule)}`;
  if (!when.allDay) return text;
  return text.replace(/UNTIL=(\d{8}T\d{6}Z)/i, (whole, until: string) => {
    try {
      const { isDate, zone } = formOf(master, zones);
      const local = localOf(idInstant(until.toUpperCase()), isDate ? zones.floatingZone : zone);
      return isDate && !local.endsWith('T00:00:00') ? whole : `UNTIL=${local.slice(0, 10).replaceAll('-', '')}`;
    } catch {
      return whole;
    }
  });
}

export function dateId(of: Line, value: string, when: When, zones: Zones): string {
  return parameter(of, 'VALUE')?.toUpperCase() === 'PERIOD' || value.includes('/')
    ? periodIdOf(of, value, when, zones)
    : idOf(of, value, when, zones);
}

export function dateValues(of: Line): string[] {
  const values = rawValue(of)
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '');
  if (values.length > MAX_DATES) throw new TooManyDates();
  return values;
}

/**
 * What a series says about one of its occurrences: EXDATE, and the exceptions with that RECURRENCE-ID, the one that
 * counts first.
 */
export interface Special {
  exdate: boolean;
  readonly overrides: Component[];
}

export function specialsOf(group: Group, when: When, zones: Zones): Map<OccurrenceId, Special> {
  const specials = new Map<OccurrenceId, Special>();
  const at = (id: OccurrenceId): Special =>
    specials.get(id) ?? (specials.set(id, { exdate: false, overrides: [] }), specials.get(id)!);
  let count = 0;
  for (const exdate of lines(group.master, 'EXDATE')) {
    for (const value of dateValues(exdate)) {
      if (++count > MAX_DATES) throw new TooManyDates();
      at(idOf(exdate, value, when, zones)).exdate = true;
    }
  }
  for (const override of group.overrides) {
    const id = line(override, 'RECURRENCE-ID')!;
    at(idOf(id, rawValue(id), when, zones)).overrides.push(override);
  }
  for (const { overrides } of specials.values()) overrides.reverse().sort(newestFirst);
  return specials;
}

export function exceptionOf(
  special: Special,
  zones: Zones,
  length: Length,
): { exception: Exception; isZoneKnown: boolean } {
  const [override] = special.overrides;
  if (special.exdate || !override) return { exception: EXCLUDED, isZoneKnown: true };
  const { content, isZoneKnown } = readContent(override, zones, length);
  return { exception: content.status === 'cancelled' ? EXCLUDED : content, isZoneKnown };
}

const MAX_DATES = 2_000;
const NOTHING: Line = { raw: '', text: '', name: '' };
const ZONE_UNKNOWN: EventProblem = {
  code: 'zone-unknown',
  detail: 'The event names a time zone that is not known; it may be shown in another one.',
};
const TOO_MANY_DATES: EventProblem = {
  code: 'too-large',
  detail: `The series has more than ${MAX_DATES} single dates.`,
};

class TooManyDates extends Error {}

export function unreadable(detail: string): EventProblem {
  return { code: 'unreadable', detail };
}

function eventOf(group: Group, zones: Zones): { event: CalendarEvent; isZoneKnown: boolean } {
  const { content, isZoneKnown } = readContent(group.master, zones, null);
  const recurrence = readRecurrence(group.master, content.when, zones);
  if (recurrence && recurrence.dates.length > MAX_DATES) throw new TooManyDates();
  const exceptions: Record<OccurrenceId, Exception> = {};
  let isAllKnown = isZoneKnown;
  if (recurrence !== null) {
    if (group.overrides.some((override) => parameter(line(override, 'RECURRENCE-ID')!, 'RANGE') !== undefined)) {
      throw new Unreadable('exceptions for this and all following occurrences are not carried yet');
    }
    const length = lengthOf(content.when);
    for (const [id, special] of [...specialsOf(group, content.when, zones)].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const read = exceptionOf(special, zones, length);
      exceptions[id] = read.exception;
      isAllKnown &&= read.isZoneKnown;
    }
  }
  return { event: { ...content, uid: group.uid, recurrence, exceptions }, isZoneKnown: isAllKnown };
}

/** Exceptions belong to the master of their UID if that is a series; otherwise each is an event of its own. */
function groupsOfUid(events: Component[]): Group[] {
  const uid = uidOf(events[0]!);
  const masters = events.filter((event) => !line(event, 'RECURRENCE-ID')).sort(newestFirst);
  const overrides = events.filter((event) => line(event, 'RECURRENCE-ID'));
  const alone = (master: Component, part: string, isDuplicate = false): Group => ({
    part,
    uid,
    master,
    overrides: [],
    isDuplicate,
  });
  const name = uid ?? '#';
  const [master, ...others] = masters;
  const isSeries = master !== undefined && ['RRULE', 'RDATE'].some((rule) => line(master, rule) !== undefined);
  const orphans = isSeries
    ? []
    : overrides.map((override) => alone(override, `${name}/${rawValue(line(override, 'RECURRENCE-ID')!)}`));
  if (master === undefined) return orphans;
  return [
    { part: name, uid, master, overrides: isSeries ? overrides : [], isDuplicate: false },
    ...orphans,
    ...others.map((other) => alone(other, name, true)),
  ];
}

function newestFirst(a: Component, b: Component): number {
  const sequence = (event: Component): number => Number(rawValue(line(event, 'SEQUENCE') ?? NOTHING)) || 0;
  const stamp = (event: Component): string => rawValue(line(event, 'DTSTAMP') ?? NOTHING);
  return sequence(b) - sequence(a) || (stamp(a) < stamp(b) ? 1 : stamp(a) > stamp(b) ? -1 : 0);
}

function uidOf(event: Component): string | null {
  const uid = line(event, 'UID');
  const text = uid ? cleanText(property(uid)?.value ?? rawValue(uid)).trim() : '';
  return text === '' ? null : text;
}

function textValue(event: Component, name: string): string {
  const of = line(event, name);
  return of ? cleanText(property(of)?.value ?? rawValue(of)) : '';
}

function modifiedAt(events: readonly Component[]): string | null {
  const times = events.flatMap((event) => {
    const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z?$/i.exec(rawValue(line(event, 'LAST-MODIFIED') ?? NOTHING));
    const text = match && `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`;
    return text && !Number.isNaN(Date.parse(text)) ? [text] : [];
  });
  return times.sort().at(-1) ?? null;
}
