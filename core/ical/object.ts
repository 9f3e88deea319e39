/**
 * Converts iCalendar text to canonical events and back. An object is read as a whole, and written by changing single
 * lines. It is never rebuilt: what Calpair does not sync (alarms, attachments, X- properties, VTIMEZONEs, other
 * components) stays byte for byte.
 */
import type { CalendarEvent, OptionalField, When } from '../event.ts';
import { changedPaths } from '../event.ts';
import { optionalFieldsOf } from '../optional-fields.ts';
import { recognizeTool, type ToolMark } from '../sync/other-tools.ts';
import { decodeBytes } from './charset.ts';
import { removeLines } from './edit.ts';
import type { EventGroup, ReadEvent } from './read.ts';
import { eventGroupsOf, readEventGroup, readRecurrence, unreadable } from './read.ts';
import type { Component } from './text.ts';
import {
  components,
  findLine,
  foldedLine,
  formatProperty,
  isComponent,
  parentOf,
  parseTree,
  propertiesOf,
  rawValue,
  TooLarge,
  textOf,
  withLineEnds,
} from './text.ts';
import { formatNewDuration } from './time.ts';
import { Zones } from './timezones.ts';
import { titleIn } from './title-in.ts';
import { basicUtc, updateTimestamps, writeEvent } from './write.ts';

export interface ReadResult {
  /** Empty if the object has no event (a task). */
  readonly events: readonly ObjectEvent[];
}

interface ObjectEvent extends ReadEvent {
  /** Another sync program left its mark on it. */
  readonly syncedBy: ToolMark | null;
}

/** Reads a calendar object. Never throws: an unreadable event is an entry without an event, with a problem. */
export function readObject(
  given: string | Uint8Array,
  setting: { floatingZone: string; fields?: readonly OptionalField[] },
): ReadResult {
  const text = typeof given === 'string' ? given : decodeBytes(given);
  try {
    const root = parseTree(text);
    const zones = new Zones(root, setting.floatingZone);
    const groups = eventGroupsOf(root);
    if (groups.length > 1 && groups.length * text.length > MAX_TEXT_OF_ALL) throw new TooLarge();
    const events = groups.map((group) => ({
      ...readEventGroup(group, zones, setting.fields ?? []),
      syncedBy: syncedBy(root, group),
    }));
    return {
      events:
        events.length === 0 && components(root, 'VCALENDAR').length === 0
          ? [unreadableEntry(unreadable('The text is not a calendar object.'))]
          : events,
    };
  } catch (error) {
    if (error instanceof TooLarge)
      return {
        events: [{ ...unreadableEntry(TOO_LARGE), title: titleIn(text) }],
      };
    return { events: [unreadableEntry(unreadable('The calendar object cannot be read.'))] };
  }
}

function syncedBy(root: Component, { uid, master }: EventGroup): ToolMark | null {
  const properties = propertiesOf(master).flatMap(({ name }) => (name.startsWith('X-') ? [name] : []));
  const calendar = parentOf(root, master);
  const producer = calendar && findLine(calendar, 'PRODID');
  return recognizeTool({ uid, properties, ...(producer ? { producer: rawValue(producer) } : {}) });
}

const TOO_LARGE = { code: 'too-large', detail: 'The calendar object is larger than Calpair accepts.' } as const;
/** Each event of an object is stored with the whole text of the object, and later read from it. */
const MAX_TEXT_OF_ALL = 50_000_000;

export interface PatchSetting {
  /** The new DTSTAMP and LAST-MODIFIED of a changed event; RFC 3339 UTC. */
  readonly now: string;
  readonly floatingZone: string;
  /** Whether new ATTENDEE and ORGANIZER lines get SCHEDULE-AGENT=NONE. They do in any case if another line has it. */
  readonly scheduleAgentNone?: boolean;
}

/**
 * Changes the object's text so that its event `part` reads as `next`, except for the UID, which is identity. Only lines
 * that differ are written, and all lines end in CRLF; if nothing differs, the text stays the same.
 * @throws Error if the text has no such event, or it cannot be read
 */
export function patchObject(text: string, part: string | null, next: CalendarEvent, setting: PatchSetting): string {
  const { root, group, zones } = openEvent(text, part, setting.floatingZone);
  const current = readEventGroup(group, zones, optionalFieldsOf(next)).event;
  if (current === null) throw new Error('the event cannot be read');
  if (changedPaths(current, next).length === 0) return text;
  const context = { zones, now: setting.now, agentNone: setting.scheduleAgentNone ?? false, root };
  writeEvent(group, withoutImpliedDates(group, current, next, zones), context);
  return withLineEnds(textOf(root));
}

/** An exception that makes an occurrence of its own needs no RDATE as long as it stays in the object without one. */
function withoutImpliedDates(
  group: EventGroup,
  current: CalendarEvent,
  next: CalendarEvent,
  zones: Zones,
): CalendarEvent {
  if (!current.recurrence || !next.recurrence) return next;
  const written = readRecurrence(group.master, current.when, zones)?.dates ?? [];
  const implied = new Set(current.recurrence.dates.filter((date) => !written.includes(date)));
  const dates = next.recurrence.dates.filter(
    (date) => !(implied.has(date) && typeof next.exceptions[date] === 'object'),
  );
  if (dates.length === next.recurrence.dates.length) return next;
  return { ...next, recurrence: { ...next.recurrence, dates } };
}

/**
 * A new object: CRLF, folded lines, a VTIMEZONE for every TZID, no METHOD. It has a DTEND, or a DURATION where its
 * days are to count for every occurrence. `now` is RFC 3339 UTC.
 */
export function createObject(
  event: CalendarEvent,
  uid: string,
  setting: { now: string; scheduleAgentNone: boolean },
): string {
  const head = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Calpair//Calpair//EN',
    'CALSCALE:GREGORIAN',
    'BEGIN:VEVENT',
  ];
  const body = [
    formatProperty('UID', {}, 'text', uid),
    `DTSTAMP:${basicUtc(setting.now)}`,
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  const root = parseTree([...head, ...body].map((content) => foldedLine(content, '\r\n').raw).join(''));
  const calendar = components(root, 'VCALENDAR')[0]!;
  const master = components(calendar, 'VEVENT')[0]!;
  const group: EventGroup = { part: null, uid, master, overrides: [], isDuplicate: false };
  const context = { zones: new Zones(root, 'UTC'), now: setting.now, agentNone: setting.scheduleAgentNone, root };
  writeEvent(group, event, context);
  if (event.nominalDays !== undefined) writeNominalDays(master, event.when, event.nominalDays);
  updateTimestamps(master, context);
  return textOf(root);
}

function writeNominalDays(master: Component, when: When, days: number): void {
  const duration = foldedLine(`DURATION:${formatNewDuration(`P${days}D`, when)}`, '\r\n');
  master.items.splice(master.items.indexOf(findLine(master, 'DTEND')!), 1, duration);
}

/**
 * The object of a deleted event that comes back: everything that it had, and the fields of `event`. Its attendees are
 * written anew, so that no server invites them. Null where the object cannot be used again.
 */
export function restoreObject(text: string, event: CalendarEvent, setting: PatchSetting): string | null {
  const root = parseTree(text);
  const groups = eventGroupsOf(root);
  const [group] = groups;
  if (groups.length !== 1 || !group) return null;
  for (const component of [group.master, ...group.overrides])
    removeLines(component, ({ name }) => name === 'ATTENDEE' || name === 'ORGANIZER');
  const restored = withLineEnds(textOf(root));
  return readObject(restored, setting).events[0]?.event ? patchObject(restored, null, event, setting) : null;
}

/** The object without one of its events; null if only time zones are left. A text without that event stays as it is. */
export function removePart(text: string, part: string | null): string | null {
  const root = parseTree(text);
  const group = eventGroupsOf(root).find((candidate) => candidate.part === part);
  if (!group) return text;
  for (const event of [group.master, ...group.overrides]) {
    const items = parentOf(root, event)?.items;
    items?.splice(items.indexOf(event), 1);
  }
  const left = [root, ...components(root, 'VCALENDAR')].flatMap(({ items }) => items).filter(isComponent);
  return left.some(({ name }) => name !== 'VCALENDAR' && name !== 'VTIMEZONE') ? withLineEnds(textOf(root)) : null;
}

function openEvent(
  text: string,
  part: string | null,
  floatingZone: string,
): { root: Component; group: EventGroup; zones: Zones } {
  const root = parseTree(text);
  const group = eventGroupsOf(root).find((candidate) => candidate.part === part);
  if (!group) throw new Error('the object does not have this event');
  return { root, group, zones: new Zones(root, floatingZone) };
}

function unreadableEntry(problem: ReadEvent['problems'][number]): ObjectEvent {
  return {
    part: null,
    uid: null,
    event: null,
    title: '',
    problems: [problem],
    modifiedAt: null,
    hidesDetails: false,
    addresses: { organizer: null, attendees: [] },
    syncedBy: null,
  };
}
