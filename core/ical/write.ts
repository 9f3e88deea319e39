/**
 * Changes the VEVENTs of one event to a canonical event, by changing, adding and removing single content lines.
 *
 * Every step compares the current meaning of the text with the wanted one, so a line that already has the right meaning
 * never changes, whatever its form.
 */

import type { CalendarEvent, Content, ContentField, OccurrenceId } from '../event.ts';
import { changedContent, DEFAULT_CONTENT, EXCLUDED, sameValue } from '../event.ts';
import { optionalFieldsOf } from '../optional-fields.ts';
import { renamedOccurrences } from '../recurrence/renamed.ts';
import { boundsOf, occurrencesAmong } from '../recurrence/series.ts';
import {
  endOfProperties,
  hasAgentNone,
  readAttendees,
  readOrganizer,
  writeAttendees,
  writeOrganizer,
} from './attendees.ts';
import { writeCategories } from './categories.ts';
import { filterValues, removeItems, removeLine, removeLines, replaceLine, setLine } from './edit.ts';
import { type AddOverride, overridesOf } from './new-override.ts';
import type { EventGroup, OccurrenceSource } from './read.ts';
import { dateValues, exceptionOf, occurrenceSourcesOf, readContent, readOptional, readRecurrence } from './read.ts';
import { writeReminders } from './reminders.ts';
import type { Component, ContentLine } from './text.ts';
import { eolOf, findLine, formatProperty, isComponent, parentOf, rawValue, withParameter, withValue } from './text.ts';
import type { EventDuration, StartFormat } from './time.ts';
import { durationOf, formatOccurrence, occurrenceIdOf, readWhen, startFormatOf } from './time.ts';
import type { Zones } from './timezones.ts';
import { addExdate, removeDates, writeRecurrence } from './write-recurrence.ts';
import { writeWhen } from './write-when.ts';

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
  const { master } = group;
  const { zones } = context;
  const before = hasStart(master) ? readWhen(master, zones, null).when : null;
  const oldFormat = before && startFormatOf(master, zones);
  const oldRecurrence = before && readRecurrence(master, before, zones);
  const sources =
    before && oldRecurrence ? occurrenceSourcesOf(group, before, zones) : new Map<OccurrenceId, OccurrenceSource>();
  let isChanged = writeContent(master, next, null, context);
  const isRetyped = oldFormat !== null && typeOf(oldFormat) !== typeOf(startFormatOf(master, zones));
  if (isRetyped) removeDates(master);
  if (before && oldRecurrence && next.recurrence && sources.size > 0) {
    const ids = [...sources.keys()];
    const isMoved = !sameValue(before, next.when);
    // A program that moved the master alone left overrides that the series does not have any more.
    const present = isMoved ? new Set<OccurrenceId>() : occurrencesAmong(next, ids);
    const gone = new Map([...sources].filter(([id]) => !present.has(id)));
    const nameOf = renamedOccurrences({ when: before, recurrence: oldRecurrence }, next, ids);
    const wanted = Object.keys(next.exceptions).filter((id) => next.exceptions[id] !== EXCLUDED && !present.has(id));
    moveOverrides(group, gone, { nameOf, wanted }, durationOf(before), isRetyped, next, context);
  }
  isChanged = writeRecurrence(master, next, zones, isRetyped) || isChanged;
  isChanged = writeExceptions(group, next, context) || isChanged;
  if (isChanged) updateTimestamps(master, context);
  const { start, end } = boundsOf(next);
  // Also for the year after it, into which people move events.
  zones.completeVtimezones(start - DAY_MS, end + 400 * DAY_MS);
}

/** RFC 5545 wants RECURRENCE-ID, EXDATE, RDATE and UNTIL in the type of the start. */
function typeOf({ isDate, isFloating }: StartFormat): string {
  return isDate ? 'date' : isFloating ? 'floating' : 'instant';
}

const DAY_MS = 86_400_000;

/**
 * Returns whether anything changed. `inherited` is the duration of the series if the VEVENT is an override; a new
 * override gets an end of its own.
 */
function writeContent(
  event: Component,
  next: Content,
  inherited: EventDuration | null,
  context: WriteContext,
  isNew = false,
): boolean {
  const { zones } = context;
  const eol = eolOf(event);
  const wanted = optionalFieldsOf(next);
  const current = hasStart(event) ? readContent(event, zones, inherited, wanted).content : null;
  const fields = changedContent(
    current ?? {
      ...DEFAULT_CONTENT,
      when: next.when,
      organizer: readOrganizer(event),
      attendees: readAttendees(event),
      ...readOptional(event, wanted),
    },
    next,
  );
  if (current === null || isNew) writeWhen(event, next.when, inherited, zones);
  const agentNone = context.agentNone || hasAgentNone(event);
  for (const field of fields) {
    if (field === 'when') writeWhen(event, next.when, inherited, zones);
    else if (field === 'title') writeText(event, 'SUMMARY', next.title);
    else if (field === 'location') writeText(event, 'LOCATION', next.location);
    else if (field === 'description') writeText(event, 'DESCRIPTION', next.description);
    else if (field === 'status') writeToken(event, 'STATUS', next.status.toUpperCase());
    else if (field === 'transparency') writeToken(event, 'TRANSP', next.transparency.toUpperCase());
    else if (field === 'visibility') writeToken(event, 'CLASS', next.visibility.toUpperCase());
    else if (field === 'organizer') writeOrganizer(event, next.organizer, agentNone, eol);
    else if (field === 'categories') writeCategories(event, next.categories ?? []);
    else if (field === 'reminders') writeReminders(event, next.reminders ?? []);
    else if (field === 'attendees') writeAttendees(event, next.attendees, agentNone, eol);
    if (current !== null) removeOtherSpellings(event, field);
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

/**
 * Keeps the parameters, except for those that describe the old text: a second representation of it (ALTREP), and the
 * encodings of vCalendar 1.0.
 */
function writeText(event: Component, name: string, value: string): void {
  const old = findLine(event, name);
  removeLines(event, (line) => line.name === name && line !== old);
  if (value === '') return removeLine(event, old);
  const fresh = formatProperty(name, {}, 'text', value);
  if (!old) return setLine(event, name, fresh);
  const kept = ['ALTREP', 'ENCODING', 'CHARSET'].reduce((text, param) => withParameter(text, param, null), old.text);
  replaceLine(event, old, withValue(kept, fresh.slice(name.length + 1)));
}

function writeToken(event: Component, name: string, value: string): void {
  const old = findLine(event, name);
  setLine(event, name, old ? withValue(old.text, value) : `${name}:${value}`);
}

/** Properties and components in which programs repeat a field. They are wrong once the field has another value. */
const OTHER_SPELLINGS: Partial<Record<ContentField, { readonly names: RegExp; readonly values?: RegExp }>> = {
  location: {
    names: /^(?:GEO|VLOCATION|(?:X-APPLE-)?STRUCTURED-LOCATION|X-MICROSOFT-(?:LOCATION|LATITUDE|LONGITUDE)[A-Z-]*)$/,
  },
  description: { names: /^(?:X-ALT-DESC|STYLED-DESCRIPTION)$/ },
  transparency: { names: /^X-MICROSOFT-CDO-(?:BUSYSTATUS|INTENDEDSTATUS)$/ },
  // Its other values (FREE, OOF, WORKINGELSEWHERE) say nothing of whether the event is confirmed.
  status: { names: /^X-MICROSOFT-CDO-(?:BUSYSTATUS|INTENDEDSTATUS)$/, values: /^(?:TENTATIVE|BUSY)$/i },
  visibility: { names: /^X-CALENDARSERVER-ACCESS$/ },
};

function removeOtherSpellings(event: Component, field: ContentField): void {
  const spellings = OTHER_SPELLINGS[field];
  if (!spellings) return;
  const { names, values } = spellings;
  removeItems(
    event,
    (item) => names.test(item.name) && (isComponent(item) || values === undefined || values.test(rawValue(item))),
  );
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
  const duration = durationOf(next.when, next.nominalDays);
  let isChanged = false;
  let add: AddOverride | undefined;
  const restored = new Set<OccurrenceId>();
  for (const id of [...new Set([...sources.keys(), ...Object.keys(next.exceptions)])].sort()) {
    const source = sources.get(id) ?? { hasExdate: false, overrides: [] };
    const current = sources.has(id)
      ? exceptionOf(source, zones, duration, optionalFieldsOf(next)).exception
      : undefined;
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
      const isNew = source.overrides.length === 0;
      const override = source.overrides[0] ?? (add ??= overridesOf(root, group, zones))(id, next.when);
      if (writeContent(override, desired, duration, context, isNew) || isNew) updateTimestamps(override, context);
    }
  }
  const isOther = (line: ContentLine, value: string): boolean =>
    !restored.has(occurrenceIdOf(line, value, next.when, zones));
  if (restored.size > 0) filterValues(master, 'EXDATE', dateValues, isOther);
  return isChanged;
}

/**
 * If a whole series moves, its overrides keep their VEVENTs and get new RECURRENCE-IDs; so they do if only the type of
 * its start changes.
 * @param names.wanted the occurrences that have an override then, but for those whose present one stays where it is
 */
function moveOverrides(
  group: EventGroup,
  before: ReadonlyMap<OccurrenceId, OccurrenceSource>,
  { nameOf, wanted }: { nameOf: (id: OccurrenceId) => OccurrenceId | null; wanted: readonly OccurrenceId[] },
  oldDuration: EventDuration,
  isRetyped: boolean,
  next: CalendarEvent,
  context: WriteContext,
): void {
  const { zones, root } = context;
  const format = startFormatOf(group.master, zones);
  const nameOccurrence = ({ overrides }: OccurrenceSource, id: OccurrenceId): void => {
    for (const override of overrides)
      setLine(override, 'RECURRENCE-ID', formatOccurrence('RECURRENCE-ID', id, next.when, format), 0);
  };
  const overridden = [...before]
    .filter(([, { overrides }]) => overrides.length > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = new Map<OccurrenceSource, OccurrenceId>();
  const free = new Set(wanted);
  const take = (source: OccurrenceSource, id: OccurrenceId | null): void => {
    if (id !== null && !names.has(source) && free.delete(id)) names.set(source, id);
  };
  for (const [id, source] of overridden) take(source, nameOf(id));
  for (const [id, source] of overridden) take(source, id);
  const left = overridden.filter(
    ([, source]) => !names.has(source) && exceptionOf(source, zones, oldDuration, []).exception !== EXCLUDED,
  );
  const added = [...free].filter((id) => !before.has(id)).sort();
  if (left.length === added.length) for (const [at, [, source]] of left.entries()) take(source, added[at]!);
  const taken = new Set(names.values());
  for (const [id, source] of overridden) {
    const name = names.get(source);
    if (name !== undefined && (name !== id || isRetyped)) nameOccurrence(source, name);
    else if (name === undefined && (isRetyped || taken.has(id)))
      for (const override of source.overrides) removeComponent(root, override);
  }
}

function removeComponent(root: Component, component: Component): boolean {
  const items = parentOf(root, component)?.items;
  items?.splice(items.indexOf(component), 1);
  return items !== undefined;
}
