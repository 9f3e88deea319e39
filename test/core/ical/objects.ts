/** Objects for the tests of reading and patching. */
import assert from 'node:assert/strict';
import type { CalendarEvent, Content } from '../../../core/event.ts';
import { readObject } from '../../../core/ical/object.ts';
import type { ReadEvent } from '../../../core/ical/read.ts';

export const SETTING = { now: '2026-11-21T10:00:00Z', floatingZone: 'Europe/Berlin' };

export const MASTER = [
  'DTSTART;TZID=Europe/Berlin:20260105T090000',
  'DTEND;TZID=Europe/Berlin:20260105T100000',
  'RRULE:FREQ=DAILY;',
  'SUMMARY:daily',
];

export function calendar(...lines: string[]): string {
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', ...lines, 'END:VCALENDAR', ''].join('\r\n');
}

export function vevent(...lines: string[]): string[] {
  return ['BEGIN:VEVENT', 'UID:u', ...lines, 'END:VEVENT'];
}

export function entries(text: string | Uint8Array): readonly ReadEvent[] {
  return readObject(text, SETTING).events;
}

export function read(...lines: string[]): CalendarEvent {
  const [entry] = entries(calendar(...vevent(...lines)));
  assert.ok(entry?.event, JSON.stringify(entry?.problems));
  return entry.event;
}

export function timed(start: string, end: string, zone = 'Europe/Berlin'): Content['when'] {
  return { allDay: false, start, startZone: zone, end, endZone: zone };
}
