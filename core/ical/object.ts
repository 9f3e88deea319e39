/**
 * iCalendar text and canonical events, both ways. An object is read as a whole and written by changing lines, never
 * rebuilt: what Calpair does not carry (alarms, attachments, X- properties, VTIMEZONEs, other components) stays byte
 * for byte.
 */
import type { CalendarEvent } from '../event.ts';
import { changedPaths } from '../event.ts';
import type { Group, ReadEvent } from './read.ts';
import { groupsOf, readGroup, unreadable } from './read.ts';
import type { Component } from './text.ts';
import {
  components,
  decodeBytes,
  holderOf,
  isComponent,
  newLine,
  parseTree,
  propertyText,
  TooLarge,
  textOf,
} from './text.ts';
import { Zones } from './timezones.ts';
import { basicUtc, stamp, writeEvent } from './write.ts';

export type { ReadEvent } from './read.ts';
export { decodeBytes } from './text.ts';

export interface ReadResult {
  /** Empty where the object holds no event (a task). */
  readonly events: readonly ReadEvent[];
}

/**
 * Reads a calendar object. Never throws: what cannot be read is an entry without an event, with a problem that says
 * why.
 */
export function readObject(text: string | Uint8Array, setting: { floatingZone: string }): ReadResult {
  try {
    const root = parseTree(typeof text === 'string' ? text : decodeBytes(text));
    const zones = new Zones(root, setting.floatingZone);
    const events = groupsOf(root).map((group) => readGroup(group, zones));
    return {
      events:
        events.length === 0 && components(root, 'VCALENDAR').length === 0
          ? [lost(unreadable('This is no calendar object.'))]
          : events,
    };
  } catch (error) {
    if (error instanceof TooLarge)
      return { events: [lost({ code: 'too-large', detail: 'The calendar object is larger than Calpair reads.' })] };
    return { events: [lost(unreadable('The calendar object cannot be read.'))] };
  }
}

export interface PatchSetting {
  /** RFC 3339 UTC; what DTSTAMP and LAST-MODIFIED of a changed event become. */
  readonly now: string;
  readonly floatingZone: string;
  /** Whether new ATTENDEE and ORGANIZER lines carry SCHEDULE-AGENT=NONE; they do anyway where the event's others do. */
  readonly scheduleAgentNone?: boolean;
}

/**
 * The object's text changed so that its event `part` reads as `next` (but for the UID, which is identity). Only lines
 * of what differs are written; equal content gives back the very same text. @throws Error where the text holds no such
 * event that can be read
 */
export function patchObject(text: string, part: string | null, next: CalendarEvent, setting: PatchSetting): string {
  const { root, group, zones } = open(text, part, setting.floatingZone);
  const current = readGroup(group, zones).event;
  if (current === null) throw new Error('the event to change cannot be read');
  if (changedPaths(current, next).length === 0) return text;
  writeEvent(group, next, { zones, now: setting.now, agentNone: setting.scheduleAgentNone ?? false, root });
  return textOf(root).replace(/^\uFEFF/, '');
}

/** A fresh object: CRLF, folded, DTEND always, a VTIMEZONE for every TZID, no METHOD. `now` is RFC 3339 UTC. */
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
    propertyText('UID', {}, 'text', uid),
    `DTSTAMP:${basicUtc(setting.now)}`,
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  const root = parseTree([...head, ...body].map((content) => newLine(content, '\r\n').raw).join(''));
  const calendar = components(root, 'VCALENDAR')[0]!;
  const master = components(calendar, 'VEVENT')[0]!;
  const group: Group = { part: null, uid, master, overrides: [], isDuplicate: false };
  const writing = { zones: new Zones(root, 'UTC'), now: setting.now, agentNone: setting.scheduleAgentNone, root };
  writeEvent(group, event, writing);
  stamp(master, writing);
  return textOf(root);
}

/**
 * The object without one of its events; null when nothing but time zones is left. A text without that event stays as it
 * is.
 */
export function removePart(text: string, part: string | null): string | null {
  const root = parseTree(text);
  const group = groupsOf(root).find((candidate) => candidate.part === part);
  if (!group) return text;
  for (const event of [group.master, ...group.overrides]) {
    const items = holderOf(root, event)?.items;
    items?.splice(items.indexOf(event), 1);
  }
  const left = [root, ...components(root, 'VCALENDAR')].flatMap(({ items }) => items).filter(isComponent);
  return left.some(({ name }) => name !== 'VCALENDAR' && name !== 'VTIMEZONE') ? textOf(root) : null;
}

function open(
  text: string,
  part: string | null,
  floatingZone: string,
): { root: Component; group: Group; zones: Zones } {
  const root = parseTree(text);
  const group = groupsOf(root).find((candidate) => candidate.part === part);
  if (!group) throw new Error('the object holds no such event');
  return { root, group, zones: new Zones(root, floatingZone) };
}

function lost(problem: ReadEvent['problems'][number]): ReadEvent {
  return {
    part: null,
    uid: null,
    event: null,
    problems: [problem],
    modifiedAt: null,
    hasGuestsHint: { organizer: null, attendees: [] },
  };
}
