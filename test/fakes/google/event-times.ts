/** `start` and `end`: which forms Google accepts, how they are stored, and how they are returned. */

import type { Json } from '../json.ts';
import {
  compactDate,
  compactInstant,
  dateOf,
  formatInstant,
  instantOf,
  isZone,
  parseDate,
  parseDateTime,
} from '../time.ts';
import type { GoogleError } from './google-error.ts';
import { invalid, required, timeRangeEmpty } from './google-error.ts';

export type EventTime =
  /** Midnight UTC of the day. */
  | { readonly kind: 'date'; readonly wall: number }
  /** `zone` as the client gave it; null when it gave none. */
  | { readonly kind: 'timed'; readonly at: number; readonly zone: string | null }
  /** A value that only stored data has, returned unchanged. */
  | { readonly kind: 'odd'; readonly value: unknown };

/** Checks both together: the same kind, and the end after the start (all-day) or not before it (timed). */
export function checkSpan(
  startValue: unknown,
  endValue: unknown,
  calendarZone: string,
): { start: EventTime; end: EventTime } {
  const start = checkTime(startValue, 'start', calendarZone);
  const end = checkTime(endValue, 'end', calendarZone);
  if (start.kind !== end.kind)
    throw invalid('Invalid start time: start and end times must both be dates or both be dateTimes.');
  if (start.kind === 'date' && end.kind === 'date' && end.wall <= start.wall) throw timeRangeEmpty();
  if (start.kind === 'timed' && end.kind === 'timed' && end.at < start.at) throw timeRangeEmpty();
  return { start, end };
}

function checkTime(value: unknown, name: 'start' | 'end', calendarZone: string): EventTime {
  if (value === undefined || value === null || typeof value !== 'object') throw required(`Missing ${name} time.`);
  for (const key of Object.keys(value)) {
    if (key !== 'date' && key !== 'dateTime' && key !== 'timeZone')
      throw invalid(`Unknown field: ${name}.${key.slice(0, 40)}`);
  }
  const { date, dateTime, timeZone } = value as { date?: unknown; dateTime?: unknown; timeZone?: unknown };
  const given = (part: unknown): boolean => part !== undefined && part !== null;
  if (given(timeZone) && (typeof timeZone !== 'string' || !isZone(timeZone))) throw badTime(name, 'time zone');
  if (given(date) && given(dateTime)) throw badTime(name, 'time');
  if (given(date)) {
    const wall = typeof date === 'string' ? parseDate(date) : null;
    if (wall === null) throw badTime(name, 'date');
    return { kind: 'date', wall };
  }
  if (!given(dateTime)) throw required(`Missing ${name} time.`);
  const parsed = typeof dateTime === 'string' ? parseDateTime(dateTime) : null;
  if (parsed === null) throw badTime(name, 'time');
  const zone = typeof timeZone === 'string' ? timeZone : null;
  if (parsed.offsetMs === null && zone === null) throw required(`Missing time zone definition for ${name} time.`);
  const at = parsed.offsetMs === null ? instantOf(parsed.wall, zone ?? calendarZone) : parsed.wall - parsed.offsetMs;
  return { kind: 'timed', at: Math.floor(at / 1000) * 1000, zone };
}

function badTime(name: string, what: string): GoogleError {
  return invalid(`Invalid ${name} ${what}.`, name);
}

/** As an answer returns it: in the zone of the answer, with the event's own zone beside it. */
export function showTime(time: EventTime, zone: string, fillTimeZone: boolean): unknown {
  if (time.kind === 'odd') return time.value;
  if (time.kind === 'date') return { date: dateOf(time.wall) };
  const rendered: Json = { dateTime: formatInstant(time.at, zone) };
  if (time.zone !== null) rendered['timeZone'] = time.zone;
  else if (fillTimeZone) rendered['timeZone'] = zone;
  return rendered;
}

/** The suffix after the master's id for the occurrence that starts here. */
export function keyOf(time: EventTime): string {
  if (time.kind === 'odd') return '';
  return time.kind === 'date' ? compactDate(time.wall) : compactInstant(time.at);
}

/** Comparable: kind and value, without the zone. */
export function sameTime(a: EventTime, b: EventTime): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
