/**
 * Writes the start and the end of an event. What is written is right by RFC 5545 3.6.1, whatever the tolerant reader
 * would make of less: the end is later than the start and of its type. An event without a length has a DURATION.
 */
import type { When } from '../event.ts';
import { sameValue } from '../event.ts';
import { indexAfter, removeLine, removeLines, replaceLine, setLine } from './edit.ts';
import type { Component, ContentLine } from './text.ts';
import { findLine, parameterValue, rawValue, withValue } from './text.ts';
import type { EventDuration } from './time.ts';
import {
  durationOf,
  formatDateTime,
  formatNewDuration,
  isDateLine,
  isFloatingLine,
  readWhen,
  zoneOfLine,
} from './time.ts';
import type { Zones } from './timezones.ts';

/** Writes DTSTART only if it changes, and then DTEND or DURATION, whichever the event has. */
export function writeWhen(event: Component, next: When, inherited: EventDuration | null, zones: Zones): void {
  const start = findLine(event, 'DTSTART');
  const current = start ? readWhen(event, zones, inherited).when : null;
  if (start && current?.allDay && next.allDay && !isDateLine(start)) {
    writeMidnights(event, start, next, zones);
    return;
  }
  for (const flag of ALL_DAY_FLAGS) setFlag(event, flag, next.allDay);
  if (next.allDay) writeDates(event, next);
  else writeTimes(event, current, next, zones);
}

/** In which Outlook, Funambol and Confluence repeat whether an event is all-day. */
const ALL_DAY_FLAGS = ['X-MICROSOFT-CDO-ALLDAYEVENT', 'X-FUNAMBOL-ALLDAY', 'EVENT-ALLDAY'];

/** Keeps the case of the old value, and digits where it is one. */
function setFlag(event: Component, name: string, isSet: boolean): void {
  const flag = findLine(event, name);
  if (!flag) return;
  const old = rawValue(flag);
  const word = isSet ? 'TRUE' : 'FALSE';
  const value = /^[01]$/.test(old) ? (isSet ? '1' : '0') : /^[a-z]/.test(old) ? word.toLowerCase() : word;
  replaceLine(event, flag, withValue(flag.text, value));
}

/** Outlook's all-day events are times from midnight to midnight with a flag; they keep this form. */
function writeMidnights(event: Component, start: ContentLine, next: When, zones: Zones): void {
  const isUtc = /Z$/i.test(rawValue(start));
  const midnight = (date: string): string => `${date.replaceAll('-', '')}T000000${isUtc ? 'Z' : ''}`;
  const text = withValue(start.text, midnight(next.start));
  replaceLine(event, start, text);
  removeLines(event, ({ name }) => name === 'DURATION');
  setLine(event, 'DTEND', `DTEND${withValue(text, midnight(next.end)).slice('DTSTART'.length)}`, afterStart(event));
  useZones(event, zones);
}

function writeDates(event: Component, next: When): void {
  const start = findLine(event, 'DTSTART');
  setLine(event, 'DTSTART', formatDateTime('DTSTART', start, next.start, null));
  const duration = findLine(event, 'DURATION');
  if (duration && !findLine(event, 'DTEND')) {
    replaceLine(event, duration, withValue(duration.text, `P${durationOf(next).days}D`));
    return;
  }
  removeLine(event, duration);
  setLine(event, 'DTEND', formatDateTime('DTEND', findLine(event, 'DTEND'), next.end, null), afterStart(event));
}

function writeTimes(event: Component, current: When | null, next: When & { allDay: false }, zones: Zones): void {
  const isStartKept =
    current !== null && !current.allDay && current.start === next.start && current.startZone === next.startZone;
  if (!isStartKept) {
    const start = findLine(event, 'DTSTART');
    setLine(event, 'DTSTART', formatDateTime('DTSTART', start, next.start, { zone: next.startZone, zones }));
  }
  writeEnd(event, next, zones);
  const [start, end] = [findLine(event, 'DTSTART')!, findLine(event, 'DTEND')];
  if (end && isFloatingLine(start) !== isFloatingLine(end)) {
    // A floating time beside one with a zone was read in that zone, and gets it.
    const [name, local, zone] = isFloatingLine(start)
      ? (['DTSTART', next.start, next.startZone] as const)
      : (['DTEND', next.end, next.endZone] as const);
    setLine(event, name, formatDateTime(name, undefined, local, { zone, zones }));
  }
  useZones(event, zones);
}

/** An event without a length: iCloud refuses one without an end, and an exception would get that of its series. */
function writeEnd(event: Component, next: When & { allDay: false }, zones: Zones): void {
  const isZero = durationOf(next).ms <= 0;
  const duration = findLine(event, 'DURATION');
  if (isZero || (duration && !findLine(event, 'DTEND'))) {
    removeLine(event, findLine(event, 'DTEND'));
    const text = isZero ? 'PT0S' : formatNewDuration(duration ? rawValue(duration) : '', next);
    setLine(event, 'DURATION', duration ? withValue(duration.text, text) : `DURATION:${text}`, afterStart(event));
    if (isZero || sameValue(readWhen(event, zones, null).when, next)) return;
  }
  removeLine(event, findLine(event, 'DURATION'));
  const start = findLine(event, 'DTSTART');
  const pattern = findLine(event, 'DTEND') ?? (next.startZone === next.endZone ? start : undefined);
  const text = formatDateTime('DTEND', pattern, next.end, { zone: next.endZone, zones });
  setLine(event, 'DTEND', text, afterStart(event));
}

function afterStart(event: Component): number {
  return indexAfter(event, 'DTSTART');
}

/** Notes the TZID of a written line, so that its VTIMEZONE is right for the event (`Zones.completeVtimezones`). */
export function useZoneOf(line: ContentLine, zones: Zones): void {
  const tzid = isDateLine(line) ? undefined : parameterValue(line, 'TZID');
  const zone = tzid ? zoneOfLine(line, zones) : null;
  if (tzid && zone) zones.use(tzid, zone);
}

/** The VTIMEZONEs of the times that were kept or moved have to be right for them too. */
function useZones(event: Component, zones: Zones): void {
  for (const line of [findLine(event, 'DTSTART'), findLine(event, 'DTEND')]) if (line) useZoneOf(line, zones);
}
