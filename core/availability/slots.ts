/** Free slots within working hours. Pure. */

import { instantOf, localOf } from '../zones.ts';
import { mergeSpans, type Span, subtractSpans } from './interval.ts';

/** By weekday, 0 is Monday: windows in minutes since midnight; the end is after the start and at most 1440. */
export type WorkingHours = readonly (readonly { readonly from: number; readonly to: number }[])[];

/** Every day, around the clock. */
export const ALWAYS: WorkingHours = Array.from({ length: 7 }, () => [{ from: 0, to: 1440 }]);

/**
 * Parses `mon-fri 09:00-17:00`, `mon-thu 09:00-12:30, 13:30-18:00; fri 09:00-13:00`, `10:00-16:00` (every day): any
 * case, full names of days or at least three letters. @throws RangeError with a message for the user
 */
export function parseWorkingHours(text: string): WorkingHours {
  const hours: { from: number; to: number }[][] = Array.from({ length: 7 }, () => []);
  for (const part of text
    .split(';')
    .map((one) => one.trim())
    .filter((one) => one !== '')) {
    const first = part.search(/\d/);
    if (first < 0) throw new RangeError('must give times for every group of days, like "mon-fri 09:00-17:00"');
    const days = daysOf(part.slice(0, first).trim());
    const windows = part.slice(first).split(',').map(windowOf);
    for (const day of days) hours[day]!.push(...windows);
  }
  if (hours.every((windows) => windows.length === 0))
    throw new RangeError('must give days and times, like "mon-fri 09:00-17:00"');
  return hours;
}

export interface SlotQuery {
  readonly range: Span;
  /** The busy times of everybody who has to be free; in any order. */
  readonly busy: readonly Span[];
  readonly durationMs: number;
  /** Slots may begin at this interval, counted from the start of each window. */
  readonly stepMs: number;
  readonly hours: WorkingHours;
  /** The IANA zone of the working hours. */
  readonly zone: string;
}

/**
 * All free slots, in order; they overlap if the step is shorter than the duration. A slot may cross midnight if the
 * next day's window begins there.
 */
export function freeSlots({ range, busy, durationMs, stepMs, hours, zone }: SlotQuery): Span[] {
  const windows = windowsIn(range, hours, zone);
  const free = subtractSpans(
    windows.map(({ from, to }) => ({ from: Math.max(from, range.from), to: Math.min(to, range.to) })),
    busy,
  );
  const slots: Span[] = [];
  let next = 0;
  let last = -Infinity;
  for (const window of windows) {
    const skipped = Math.max(0, Math.ceil((Math.max(range.from, last + 1) - window.from) / stepMs));
    for (let from = window.from + skipped * stepMs; from < window.to; from += stepMs) {
      while (next < free.length && free[next]!.to < from + durationMs) next += 1;
      if (next === free.length) return slots;
      if (free[next]!.from > from) continue;
      slots.push({ from, to: from + durationMs });
      last = from;
    }
  }
  return slots;
}

const DAY_MS = 86_400_000;
const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

/** The windows of each day within the span, in order. */
function windowsIn({ from, to }: Span, hours: WorkingHours, zone: string): Span[] {
  const windows: Span[] = [];
  const day = (ms: number): number => Date.parse(`${localOf(ms, zone).slice(0, 10)}T00:00:00Z`);
  for (let at = day(from); at <= day(to); at += DAY_MS) {
    const weekday = (new Date(at).getUTCDay() + 6) % 7;
    const merged = mergeSpans(hours[weekday]!);
    windows.push(
      ...merged.map((window) => ({ from: instantAt(at, window.from, zone), to: instantAt(at, window.to, zone) })),
    );
  }
  return windows.filter((window) => window.from < window.to && window.to > from && window.from < to);
}

/** A wall-clock time that falls into a gap counts with the offset before the gap. */
function instantAt(day: number, minutes: number, zone: string): number {
  return instantOf(localOf(day + minutes * 60_000, 'UTC'), zone);
}

/** Weekdays as numbers; an empty text means every day. */
function daysOf(text: string): number[] {
  if (text === '') return [0, 1, 2, 3, 4, 5, 6];
  return text.split(',').flatMap((part) => {
    const [first, last, ...others] = part.split(/[-–]/).map((name) => dayOf(name.trim()));
    if (first === undefined || others.length > 0) throw new RangeError('has an invalid range of days');
    if (last === undefined) return [first];
    return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => (first + index) % 7);
  });
}

function dayOf(name: string): number {
  const day = name.length < 3 ? -1 : DAYS.findIndex((known) => known.startsWith(name.toLowerCase()));
  if (day < 0) throw new RangeError(`has an unknown day: "${name.slice(0, 20)}"`);
  return day;
}

function windowOf(text: string): { from: number; to: number } {
  const match = /^(\d{1,2})(?::(\d\d))?\s*[-–]\s*(\d{1,2})(?::(\d\d))?$/.exec(text.trim());
  const [from, to] = [minutesOf(match?.[1], match?.[2]), minutesOf(match?.[3], match?.[4])];
  if (from === null || to === null) throw new RangeError(`has invalid times: "${text.trim().slice(0, 20)}"`);
  if (to <= from)
    throw new RangeError('has an end that is not after its start; give times after midnight for the next day');
  return { from, to };
}

function minutesOf(hours: string | undefined, minutes = '00'): number | null {
  const value = Number(hours) * 60 + Number(minutes);
  return hours === undefined || Number(minutes) > 59 || value > 1440 ? null : value;
}
