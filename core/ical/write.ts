/**
 * Changes the VEVENTs of one event to a canonical event, by changing, adding and removing single content lines.
 *
 * Every step compares the current meaning of the text with the wanted one, so a line that already has the right meaning
 * never changes, whatever its form.
 */

import type { CalendarEvent, Content, OccurrenceId, When } from '../event.ts';
import { changedContent, DEFAULT_CONTENT, EXCLUDED, sameValue } from '../event.ts';
import { normaliseRecurrence } from '../recurrence/normalise.ts';
import {
  attendeeLinesForOverride,
  endOfProperties,
  hasAgentNone,
  readAttendees,
  readOrganizer,
  writeAttendees,
  writeOrganizer,
} from './attendees.ts';
import type { EventGroup, OccurrenceSource } from './read.ts';
import {
  dateValues,
  exceptionOf,
  occurrenceSourcesOf,
  rdateIdOf,
  readContent,
  readRecurrence,
  ruleText,
} from './read.ts';
import type { Component, ContentLine } from './text.ts';
import {
  eolOf,
  findLine,
  findLines,
  foldedLine,
  formatProperty,
  isComponent,
  parameterValue,
  parentOf,
  withParameter,
  withValue,
} from './text.ts';
import type { EventDuration } from './time.ts';
import {
  durationOf,
  formatDateTime,
  formatDuration,
  formatOccurrence,
  isWholeDays,
  occurrenceIdOf,
  readWhen,
  startFormatOf,
} from './time.ts';
import type { Zones } from './timezones.ts';

export interface WriteContext {
  readonly zones: Zones;
  /** The new DTSTAMP and LAST-MODIFIED of changed VEVENTs; RFC 3339 UTC. */
  readonly now: string;
  /** Whether new ATTENDEE and ORGANIZER lines get SCHEDULE-AGENT=NONE. */
  readonly agentNone: boolean;
  readonly root: Component;
}

/** Changes the group's VEVENTs so that they read as `next`. The UID is identity and not written. */
export function writeEvent(group: EventGroup, next: CalendarEvent, context: WriteContext): void {
  const before = hasStart(group.master) ? readWhen(group.master, context.zones, null).when : null;
  const sources =
    before && readRecurrence(group.master, before, context.zones)
      ? occurrenceSourcesOf(group, before, context.zones)
      : new Map<OccurrenceId, OccurrenceSource>();
  let isChanged = writeContent(group.master, next, null, context);
  if (before && !sameValue(before, next.when)) moveOverrides(group, sources, before, next, context);
  isChanged = writeRecurrence(group.master, next, context) || isChanged;
  isChanged = writeExceptions(group, next, context) || isChanged;
  if (isChanged) updateTimestamps(group.master, context);
}

/** Returns whether anything changed. `inherited` is the duration of the series if the VEVENT is an override. */
function writeContent(
  event: Component,
  next: Content,
  inherited: EventDuration | null,
  context: WriteContext,
): boolean {
  const { zones } = context;
  const eol = eolOf(event);
  const current = hasStart(event) ? readContent(event, zones, inherited).content : null;
  const fields = changedContent(
    current ?? {
      ...DEFAULT_CONTENT,
      when: next.when,
      organizer: readOrganizer(event),
      attendees: readAttendees(event),
    },
    next,
  );
  if (current === null) writeWhen(event, next.when, inherited, zones);
  const agentNone = context.agentNone || hasAgentNone(event);
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

export function updateTimestamps(event: Component, context: WriteContext): void {
  const time = basicUtc(context.now);
  for (const name of ['DTSTAMP', 'LAST-MODIFIED']) setLine(event, name, `${name}:${time}`, endOfProperties(event));
}

/** `20260105T080000Z` of an RFC 3339 time in UTC. */
export function basicUtc(rfc3339: string): string {
  return new Date(rfc3339).toISOString().slice(0, 19).replace(/[-:]/g, '') + 'Z';
}

function hasStart(event: Component): boolean {
  return findLine(event, 'DTSTART') !== undefined;
}

/** Keeps the parameters, except for a copy of the old text (Thunderbird puts its HTML into ALTREP). */
function writeText(event: Component, name: string, value: string, eol: string): void {
  const old = findLine(event, name);
  if (value === '') {
    for (const one of findLines(event, name)) removeLine(event, one);
    return;
  }
  const fresh = formatProperty(name, {}, 'text', value);
  if (!old) {
    setLine(event, name, fresh, endOfProperties(event));
    return;
  }
  const kept = /^data:/i.test(parameterValue(old, 'ALTREP') ?? '') ? withParameter(old.text, 'ALTREP', null) : old.text;
  replaceLine(event, old, foldedLine(withValue(kept, fresh.slice(name.length + 1)), eol));
}

function writeToken(event: Component, name: string, value: string, eol: string): void {
  const old = findLine(event, name);
  if (old) replaceLine(event, old, foldedLine(withValue(old.text, value), eol));
  else setLine(event, name, `${name}:${value}`, endOfProperties(event));
}

/** Writes DTSTART only if it changes, and then DTEND or DURATION, whichever the event has, only if the end is wrong. */
function writeWhen(event: Component, next: When, inherited: EventDuration | null, zones: Zones): void {
  const read = (): When => readWhen(event, zones, inherited).when;
  const current = hasStart(event) ? read() : null;
  const isSameKind = current !== null && current.allDay === next.allDay;
  const zone = next.allDay ? null : next.startZone;
  if (
    !isSameKind ||
    current.start !== next.start ||
    (!current.allDay && !next.allDay && current.startZone !== next.startZone)
  ) {
    setLine(
      event,
      'DTSTART',
      formatDateTime('DTSTART', findLine(event, 'DTSTART'), next.start, zone, zones),
      endOfProperties(event),
    );
  }
  if (isSameKind && sameValue(read(), next)) return;
  const flag = findLine(event, 'X-MICROSOFT-CDO-ALLDAYEVENT');
  if (flag && !next.allDay && isWholeDays(event, next))
    replaceLine(event, flag, foldedLine(withValue(flag.text, 'FALSE'), eolOf(event)));
  const duration = findLine(event, 'DURATION');
  if (duration && !findLine(event, 'DTEND')) {
    const { days, ms } = durationOf(next);
    replaceLine(
      event,
      duration,
      foldedLine(
        withValue(duration.text, next.allDay ? `P${days}D` : formatDuration(Math.max(0, ms / 1000))),
        eolOf(event),
      ),
    );
    if (sameValue(read(), next)) return;
  }
  removeLine(event, findLine(event, 'DURATION'));
  const pattern =
    findLine(event, 'DTEND') ??
    (!next.allDay && next.startZone === next.endZone ? findLine(event, 'DTSTART') : undefined);
  let text = formatDateTime('DTEND', pattern, next.end, next.allDay ? null : next.endZone, zones);
  setLine(event, 'DTEND', text, indexAfter(event, 'DTSTART'));
  if (sameValue(read(), next) || next.allDay) return;
  // The old DTEND had no zone of its own and was read in the zone of the start: write the zone.
  text = formatDateTime('DTEND', undefined, next.end, next.endZone, zones);
  setLine(event, 'DTEND', text, indexAfter(event, 'DTSTART'));
}

function writeRecurrence(master: Component, next: CalendarEvent, context: WriteContext): boolean {
  if (findLine(master, 'RECURRENCE-ID')) return false;
  const { zones } = context;
  const current = readRecurrence(master, next.when, zones);
  if (sameValue(current, next.recurrence)) return false;
  writeRules(master, next, zones);
  writeRdates(master, next, zones);
  if (next.recurrence === null) filterDates(master, 'EXDATE', () => false);
  return true;
}

/** Keeps the lines of rules that stay, and reuses those of rules that go. */
function writeRules(master: Component, next: CalendarEvent, zones: Zones): void {
  const eol = eolOf(master);
  const missingRules = new Set(next.recurrence?.rules);
  const wrongRules: ContentLine[] = [];
  for (const rule of [...findLines(master, 'RRULE'), ...findLines(master, 'EXRULE')]) {
    const [text] = normaliseRecurrence(
      { rules: [ruleText(rule, master, next.when, zones)], dates: [] },
      next.when,
    )!.rules;
    if (!missingRules.delete(text!)) wrongRules.push(rule);
  }
  for (const text of missingRules) {
    const old = wrongRules.find(({ name }) => text.startsWith(`${name}:`));
    if (old) {
      replaceLine(master, old, foldedLine(text, eol));
      wrongRules.splice(wrongRules.indexOf(old), 1);
    } else {
      insertLine(master, foldedLine(text, eol), indexAfter(master, 'RRULE', 'DURATION', 'DTEND', 'DTSTART'));
    }
  }
  for (const rule of wrongRules) removeLine(master, rule);
}

function writeRdates(master: Component, next: CalendarEvent, zones: Zones): void {
  const missingDates = new Set(next.recurrence?.dates);
  filterDates(master, 'RDATE', (line, value) => missingDates.delete(rdateIdOf(line, value, next.when, zones)));
  const format = startFormatOf(master, zones);
  for (const date of missingDates) {
    const [id, period] = date.split('/', 2) as [string, string | undefined];
    const text = formatOccurrence('RDATE', id, next.when, format, period);
    insertLine(master, foldedLine(text, eolOf(master)), indexAfter(master, 'RDATE', 'RRULE', 'DTEND', 'DTSTART'));
  }
}

/** Writes exclusions as EXDATE. A cancelled override whose occurrence stays excluded does not change. */
function writeExceptions(group: EventGroup, next: CalendarEvent, context: WriteContext): boolean {
  const { zones, root } = context;
  const { master } = group;
  const overrides = group.overrides.filter((override) => parentOf(root, override) !== null);
  if (findLine(master, 'RECURRENCE-ID')) return false;
  if (next.recurrence === null) {
    const removed = overrides.filter((override) => removeComponent(context.root, override));
    return removed.length > 0;
  }
  const sources = occurrenceSourcesOf({ ...group, overrides }, next.when, zones);
  const duration = durationOf(next.when);
  let isChanged = false;
  const restored = new Set<OccurrenceId>();
  for (const id of [...new Set([...sources.keys(), ...Object.keys(next.exceptions)])].sort()) {
    const source = sources.get(id) ?? { hasExdate: false, overrides: [] };
    const current = sources.has(id) ? exceptionOf(source, zones, duration).exception : undefined;
    const desired = next.exceptions[id];
    if (sameValue(current, desired)) continue;
    if (source.hasExdate && desired !== EXCLUDED) {
      restored.add(id);
      isChanged = true;
    }
    if (desired === undefined || desired === EXCLUDED) {
      for (const override of source.overrides) removeComponent(context.root, override);
      if (desired === EXCLUDED) addExdate(master, id, next.when, zones);
      isChanged = true;
    } else {
      for (const older of source.overrides.slice(1)) removeComponent(context.root, older);
      const override = source.overrides[0] ?? newOverride(group, id, next.when, context);
      if (writeContent(override, desired, source.overrides[0] ? duration : null, context))
        updateTimestamps(override, context);
    }
  }
  if (restored.size > 0)
    filterDates(master, 'EXDATE', (line, value) => !restored.has(occurrenceIdOf(line, value, next.when, zones)));
  return isChanged;
}

function addExdate(master: Component, id: OccurrenceId, when: When, zones: Zones): void {
  const format = startFormatOf(master, zones);
  insertLine(
    master,
    foldedLine(formatOccurrence('EXDATE', id, when, format), eolOf(master)),
    indexAfter(master, 'EXDATE', 'RDATE', 'RRULE', 'DTEND', 'DTSTART'),
  );
}

function newOverride(group: EventGroup, id: OccurrenceId, when: When, context: WriteContext): Component {
  const parent = parentOf(context.root, group.master) ?? context.root;
  const eol = eolOf(group.master);
  const format = startFormatOf(group.master, context.zones);
  const uid = findLine(group.master, 'UID');
  const override: Component = {
    name: 'VEVENT',
    begin: foldedLine('BEGIN:VEVENT', eol),
    items: [
      ...(uid ? [uid] : []),
      foldedLine(formatOccurrence('RECURRENCE-ID', id, when, format), eol),
      ...attendeeLinesForOverride(group.master),
    ],
    end: foldedLine('END:VEVENT', eol),
  };
  const at = parent.items.findLastIndex((item) => isComponent(item) && item.name === 'VEVENT');
  parent.items.splice(at + 1, 0, override);
  return override;
}

/** If a whole series moves, its overrides keep their VEVENTs and get new RECURRENCE-IDs. */
function moveOverrides(
  group: EventGroup,
  before: ReadonlyMap<OccurrenceId, OccurrenceSource>,
  oldWhen: When,
  next: CalendarEvent,
  context: WriteContext,
): void {
  const isRetyped = oldWhen.allDay !== next.when.allDay;
  const removed = [...before]
    .filter(([id, { overrides }]) => overrides.length > 0 && next.exceptions[id] === undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const moved = removed.filter(
    ([, source]) => exceptionOf(source, context.zones, durationOf(oldWhen)).exception !== EXCLUDED,
  );
  const added = Object.keys(next.exceptions)
    .filter((id) => next.exceptions[id] !== EXCLUDED && !before.has(id))
    .sort();
  const format = startFormatOf(group.master, context.zones);
  for (const source of removed) {
    const id = moved.length === added.length ? added[moved.indexOf(source)] : undefined;
    for (const override of source[1].overrides) {
      if (id !== undefined)
        setLine(override, 'RECURRENCE-ID', formatOccurrence('RECURRENCE-ID', id, next.when, format), 0);
      else if (isRetyped) removeComponent(context.root, override);
    }
  }
  if (isRetyped) removeDates(group.master);
}

/** When a series changes between timed and all-day, all its dates have the wrong type; they are written again. */
function removeDates(master: Component): void {
  for (const name of ['EXDATE', 'RDATE']) filterDates(master, name, () => false);
}

/** Removes values from EXDATE or RDATE lines, and lines without values. Lines that keep all values do not change. */
function filterDates(event: Component, name: string, isKept: (line: ContentLine, value: string) => boolean): void {
  for (const line of findLines(event, name)) {
    const values = dateValues(line);
    const kept = values.filter((value) => isKept(line, value));
    if (kept.length === 0) removeLine(event, line);
    else if (kept.length < values.length)
      replaceLine(event, line, foldedLine(withValue(line.text, kept.join(',')), eolOf(event)));
  }
}

function removeComponent(root: Component, component: Component): boolean {
  const items = parentOf(root, component)?.items;
  items?.splice(items.indexOf(component), 1);
  return items !== undefined;
}

function setLine(event: Component, name: string, text: string, at: number): void {
  const old = findLine(event, name);
  if (old?.text === text) return;
  if (old) replaceLine(event, old, foldedLine(text, eolOf(event)));
  else insertLine(event, foldedLine(text, eolOf(event)), at);
}

function insertLine(event: Component, line: ContentLine, at: number): void {
  event.items.splice(at, 0, line);
}

function replaceLine(event: Component, old: ContentLine, line: ContentLine): void {
  event.items[event.items.indexOf(old)] = line;
}

function removeLine(event: Component, old: ContentLine | undefined): void {
  const at = old ? event.items.indexOf(old) : -1;
  if (at >= 0) event.items.splice(at, 1);
}

/** The index after the last line with the first of these names that the event has. */
function indexAfter(event: Component, ...names: string[]): number {
  for (const name of names) {
    const at = event.items.findLastIndex((item) => !isComponent(item) && item.name === name);
    if (at >= 0) return at + 1;
  }
  return endOfProperties(event);
}
