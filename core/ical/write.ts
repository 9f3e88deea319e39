/**
 * Makes the VEVENTs of one event read as a canonical event, by changing, adding and removing single content lines.
 *
 * Every step compares what the text reads as now with what it shall read as, so a line whose meaning is right already
 * is never touched, whatever its spelling.
 */

import type { CalendarEvent, Content, OccurrenceId, When } from '../event.ts';
import { changedContent, EXCLUDED, sameValue } from '../event.ts';
import { normaliseRecurrence } from '../recurrence/normalise.ts';
import {
  attendeesOf,
  endOfLines,
  hasAgentNone,
  readAttendees,
  readOrganizer,
  writeAttendees,
  writeOrganizer,
} from './attendees.ts';
import type { Group, Special } from './read.ts';
import { dateId, dateValues, exceptionOf, readContent, readRecurrence, ruleText, specialsOf } from './read.ts';
import type { Component, Line } from './text.ts';
import {
  eolOf,
  holderOf,
  isComponent,
  line,
  lines,
  newLine,
  parameter,
  propertyText,
  withParameter,
  withValue,
} from './text.ts';
import type { Form, Length } from './time.ts';
import { dateText, durationText, formOf, idOf, isWholeDays, lengthOf, occurrenceText, readWhen } from './time.ts';
import type { Zones } from './timezones.ts';

export interface Writing {
  readonly zones: Zones;
  /** RFC 3339 UTC: DTSTAMP and LAST-MODIFIED of what is touched. */
  readonly now: string;
  /** Whether new ATTENDEE and ORGANIZER lines carry SCHEDULE-AGENT=NONE. */
  readonly agentNone: boolean;
  readonly root: Component;
}

/** Changes the group's VEVENTs so that they read as `next`; `next.uid` is identity and not written. */
export function writeEvent(group: Group, next: CalendarEvent, writing: Writing): void {
  const before = hasStart(group.master) ? readWhen(group.master, writing.zones, null).when : null;
  const special =
    before && readRecurrence(group.master, before, writing.zones)
      ? specialsOf(group, before, writing.zones)
      : new Map<OccurrenceId, Special>();
  let isTouched = writeContent(group.master, next, null, writing);
  if (before && !sameValue(before, next.when)) moveOverrides(group, special, before, next, writing);
  isTouched = writeRecurrence(group.master, next, writing) || isTouched;
  isTouched = writeExceptions(group, next, writing) || isTouched;
  if (isTouched) stamp(group.master, writing);
}

/** Returns whether anything was changed. `inherited` is the length of the series where the VEVENT is an exception. */
function writeContent(event: Component, next: Content, inherited: Length | null, writing: Writing): boolean {
  const { zones } = writing;
  const eol = eolOf(event);
  const current = hasStart(event) ? readContent(event, zones, inherited).content : null;
  const fields = changedContent(
    current ?? { ...EMPTY, when: next.when, organizer: readOrganizer(event), attendees: readAttendees(event) },
    next,
  );
  if (current === null) writeWhen(event, next.when, inherited, zones);
  const agentNone = writing.agentNone || hasAgentNone(event);
  for (const field of fields) {
    if (field === 'when') writeWhen(event, next.when, inherited, zones);
    else if (field === 'title') writeText(event, 'SUMMARY', next.title, eol);
    else if (field === 'location') writeText(event, 'LOCATION', next.location, eol);
    else if (field === 'description') writeText(event, 'DESCRIPTION', next.description, eol);
    else if (field === 'status') writeToken(event, 'STATUS', next.status.toUpperCase(), eol);
    else if (field === 'transparency') writeToken(event, 'TRANSP', next.transparency.toUpperCase(), eol);
    else if (field === 'visibility') writeToken(event, 'CLASS', next.visibility.toUpperCase(), eol);
    else if (field === 'organizer') writeOrganizer(event, next.organizer, agentNone, eol);
    else writeAttendees(event, next.attendees, agentNone, eol);
  }
  return current === null || fields.length > 0;
}

export function stamp(event: Component, writing: Writing): void {
  const time = basicUtc(writing.now);
  for (const name of ['DTSTAMP', 'LAST-MODIFIED']) put(event, name, `${name}:${time}`, endOfLines(event));
}

/** `20260105T080000Z` of an RFC 3339 time in UTC. */
export function basicUtc(rfc3339: string): string {
  return new Date(rfc3339).toISOString().slice(0, 19).replace(/[-:]/g, '') + 'Z';
}

const EMPTY: Omit<Content, 'when'> = {
  title: '',
  location: '',
  description: '',
  status: 'confirmed',
  transparency: 'opaque',
  visibility: 'public',
  organizer: null,
  attendees: [],
};

function hasStart(event: Component): boolean {
  return line(event, 'DTSTART') !== undefined;
}

/** Parameters stay, but for a copy of the old text in them (Thunderbird keeps its HTML in ALTREP). */
function writeText(event: Component, name: string, value: string, eol: string): void {
  const old = line(event, name);
  if (value === '') {
    for (const one of lines(event, name)) remove(event, one);
    return;
  }
  const fresh = propertyText(name, {}, 'text', value);
  if (!old) {
    put(event, name, fresh, endOfLines(event));
    return;
  }
  const kept = /^data:/i.test(parameter(old, 'ALTREP') ?? '') ? withParameter(old.text, 'ALTREP', null) : old.text;
  replace(event, old, newLine(withValue(kept, fresh.slice(name.length + 1)), eol));
}

function writeToken(event: Component, name: string, value: string, eol: string): void {
  const old = line(event, name);
  if (old) replace(event, old, newLine(withValue(old.text, value), eol));
  else put(event, name, `${name}:${value}`, endOfLines(event));
}

/**
 * DTSTART only where it changes; then DTEND or DURATION, whichever is there, only where the end does not follow by
 * itself.
 */
function writeWhen(event: Component, next: When, inherited: Length | null, zones: Zones): void {
  const read = (): When => readWhen(event, zones, inherited).when;
  const current = hasStart(event) ? read() : null;
  const isSameKind = current !== null && current.allDay === next.allDay;
  const zone = next.allDay ? null : next.startZone;
  if (
    !isSameKind ||
    current.start !== next.start ||
    (!current.allDay && !next.allDay && current.startZone !== next.startZone)
  ) {
    put(event, 'DTSTART', dateText('DTSTART', line(event, 'DTSTART'), next.start, zone, zones), endOfLines(event));
  }
  if (isSameKind && sameValue(read(), next)) return;
  const flag = line(event, 'X-MICROSOFT-CDO-ALLDAYEVENT');
  if (flag && !next.allDay && isWholeDays(event, next))
    replace(event, flag, newLine(withValue(flag.text, 'FALSE'), eolOf(event)));
  const duration = line(event, 'DURATION');
  if (duration && !line(event, 'DTEND')) {
    const { days, ms } = lengthOf(next);
    replace(
      event,
      duration,
      newLine(withValue(duration.text, next.allDay ? `P${days}D` : durationText(Math.max(0, ms / 1000))), eolOf(event)),
    );
    if (sameValue(read(), next)) return;
  }
  remove(event, line(event, 'DURATION'));
  const pattern =
    line(event, 'DTEND') ?? (!next.allDay && next.startZone === next.endZone ? line(event, 'DTSTART') : undefined);
  let text = dateText('DTEND', pattern, next.end, next.allDay ? null : next.endZone, zones);
  put(event, 'DTEND', text, after(event, 'DTSTART'));
  if (sameValue(read(), next) || next.allDay) return;
  // The DTEND that stood there was read in the zone of the start: say the zone.
  text = dateText('DTEND', undefined, next.end, next.endZone, zones);
  put(event, 'DTEND', text, after(event, 'DTSTART'));
}

function writeRecurrence(master: Component, next: CalendarEvent, writing: Writing): boolean {
  if (line(master, 'RECURRENCE-ID')) return false;
  const { zones } = writing;
  const current = readRecurrence(master, next.when, zones);
  if (sameValue(current, next.recurrence)) return false;
  const eol = eolOf(master);
  const missing = new Set(next.recurrence?.rules);
  const wrong: Line[] = [];
  for (const rule of [...lines(master, 'RRULE'), ...lines(master, 'EXRULE')]) {
    const [text] = normaliseRecurrence(
      { rules: [ruleText(rule, master, next.when, zones)], dates: [] },
      next.when,
    )!.rules;
    if (!missing.delete(text!)) wrong.push(rule);
  }
  for (const text of missing) {
    const old = wrong.find(({ name }) => text.startsWith(`${name}:`));
    if (old) {
      replace(master, old, newLine(text, eol));
      wrong.splice(wrong.indexOf(old), 1);
    } else {
      insert(master, newLine(text, eol), after(master, 'RRULE', 'DURATION', 'DTEND', 'DTSTART'));
    }
  }
  for (const rule of wrong) remove(master, rule);
  const dates = new Set(next.recurrence?.dates);
  keepDates(master, 'RDATE', (of, value) => dates.delete(dateId(of, value, next.when, zones)));
  const form = formOf(master, zones);
  for (const id of dates)
    insert(master, newLine(rdateText(id, next.when, form), eol), after(master, 'RDATE', 'RRULE', 'DTEND', 'DTSTART'));
  if (next.recurrence === null) keepDates(master, 'EXDATE', () => false);
  return true;
}

function rdateText(id: string, when: When, form: Form): string {
  const [start, period] = id.split('/', 2) as [string, string | undefined];
  return occurrenceText('RDATE', start, when, form, period);
}

/** Exclusions are written as EXDATE; an exception that is cancelled and stays excluded is left as it is. */
function writeExceptions(group: Group, next: CalendarEvent, writing: Writing): boolean {
  const { zones, root } = writing;
  const { master } = group;
  const overrides = group.overrides.filter((override) => holderOf(root, override) !== null);
  if (line(master, 'RECURRENCE-ID')) return false;
  if (next.recurrence === null) {
    const removed = overrides.filter((override) => removeComponent(writing.root, override));
    return removed.length > 0;
  }
  const specials = specialsOf({ ...group, overrides }, next.when, zones);
  const length = lengthOf(next.when);
  let isTouched = false;
  for (const id of [...new Set([...specials.keys(), ...Object.keys(next.exceptions)])].sort()) {
    const special = specials.get(id) ?? { exdate: false, overrides: [] };
    const current = specials.has(id) ? exceptionOf(special, zones, length).exception : undefined;
    const wanted = next.exceptions[id];
    if (sameValue(current, wanted)) continue;
    if (special.exdate && wanted !== EXCLUDED) {
      keepDates(master, 'EXDATE', (of, value) => idOf(of, value, next.when, zones) !== id);
      isTouched = true;
    }
    if (wanted === undefined || wanted === EXCLUDED) {
      for (const override of special.overrides) removeComponent(writing.root, override);
      if (wanted === EXCLUDED) addExdate(master, id, next.when, zones);
      isTouched = true;
    } else {
      for (const older of special.overrides.slice(1)) removeComponent(writing.root, older);
      const override = special.overrides[0] ?? newOverride(group, id, next.when, writing);
      if (writeContent(override, wanted, special.overrides[0] ? length : null, writing)) stamp(override, writing);
    }
  }
  return isTouched;
}

function addExdate(master: Component, id: OccurrenceId, when: When, zones: Zones): void {
  const form = formOf(master, zones);
  insert(
    master,
    newLine(occurrenceText('EXDATE', id, when, form), eolOf(master)),
    after(master, 'EXDATE', 'RDATE', 'RRULE', 'DTEND', 'DTSTART'),
  );
}

function newOverride(group: Group, id: OccurrenceId, when: When, writing: Writing): Component {
  const parent = holderOf(writing.root, group.master) ?? writing.root;
  const eol = eolOf(group.master);
  const form = formOf(group.master, writing.zones);
  const uid = line(group.master, 'UID');
  const override: Component = {
    name: 'VEVENT',
    begin: newLine('BEGIN:VEVENT', eol),
    items: [
      ...(uid ? [uid] : []),
      newLine(occurrenceText('RECURRENCE-ID', id, when, form), eol),
      ...attendeesOf(group.master),
    ],
    end: newLine('END:VEVENT', eol),
  };
  const at = parent.items.findLastIndex((item) => isComponent(item) && item.name === 'VEVENT');
  parent.items.splice(at + 1, 0, override);
  return override;
}

/**
 * A series that moved as a whole has its exceptions under new ids: they keep their VEVENTs, and get new RECURRENCE-IDs.
 */
function moveOverrides(
  group: Group,
  before: ReadonlyMap<OccurrenceId, Special>,
  was: When,
  next: CalendarEvent,
  writing: Writing,
): void {
  const isRetyped = was.allDay !== next.when.allDay;
  const gone = [...before]
    .filter(([id, { overrides }]) => overrides.length > 0 && next.exceptions[id] === undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const moved = gone.filter(([, special]) => exceptionOf(special, writing.zones, lengthOf(was)).exception !== EXCLUDED);
  const come = Object.keys(next.exceptions)
    .filter((id) => next.exceptions[id] !== EXCLUDED && !before.has(id))
    .sort();
  const form = formOf(group.master, writing.zones);
  for (const special of gone) {
    const id = moved.length === come.length ? come[moved.indexOf(special)] : undefined;
    for (const override of special[1].overrides) {
      if (id !== undefined) put(override, 'RECURRENCE-ID', occurrenceText('RECURRENCE-ID', id, next.when, form), 0);
      else if (isRetyped) removeComponent(writing.root, override);
    }
  }
  if (isRetyped) dropDates(group.master);
}

/**
 * A date excludes nothing from a timed series, nor a time from an all-day one: what is still wanted is written anew.
 */
function dropDates(master: Component): void {
  for (const name of ['EXDATE', 'RDATE']) keepDates(master, name, () => false);
}

/**
 * Removes the values of EXDATE or RDATE lines that are not to be kept; a line without any value left goes. Other lines
 * stay as they are.
 */
function keepDates(event: Component, name: string, isKept: (of: Line, value: string) => boolean): void {
  for (const of of lines(event, name)) {
    const values = dateValues(of);
    const kept = values.filter((value) => isKept(of, value));
    if (kept.length === 0) remove(event, of);
    else if (kept.length < values.length) replace(event, of, newLine(withValue(of.text, kept.join(',')), eolOf(event)));
  }
}

function removeComponent(root: Component, component: Component): boolean {
  const items = holderOf(root, component)?.items;
  items?.splice(items.indexOf(component), 1);
  return items !== undefined;
}

function put(event: Component, name: string, text: string, at: number): void {
  const old = line(event, name);
  if (old?.text === text) return;
  if (old) replace(event, old, newLine(text, eolOf(event)));
  else insert(event, newLine(text, eolOf(event)), at);
}

function insert(event: Component, made: Line, at: number): void {
  event.items.splice(at, 0, made);
}

function replace(event: Component, old: Line, made: Line): void {
  event.items[event.items.indexOf(old)] = made;
}

function remove(event: Component, old: Line | undefined): void {
  const at = old ? event.items.indexOf(old) : -1;
  if (at >= 0) event.items.splice(at, 1);
}

/** Behind the last line of the first of these names that is there. */
function after(event: Component, ...names: string[]): number {
  for (const name of names) {
    const at = event.items.findLastIndex((item) => !isComponent(item) && item.name === name);
    if (at >= 0) return at + 1;
  }
  return endOfLines(event);
}
