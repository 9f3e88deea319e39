/** How far from today an event is: what is nearest is written first. Pure. */
import type { CalendarEvent } from '../event.ts';

const DAY_MS = 86_400_000;
/** Beyond every event. */
export const FARTHEST = 60;
/** Days that people look at: everything in them is written first. */
const NEAR_DAYS = 60;

/**
 * 0 where an occurrence may lie within the next 60 days (or yesterday); else a number that doubles in days with each
 * step of two: even for the future, odd for the past, which comes after a future as far away. Below `FARTHEST`.
 * Coarse on purpose: it is stored without encryption.
 * @param now milliseconds since the epoch
 */
export function distanceOf({ when, recurrence }: CalendarEvent, now: number): number {
  const start = dayOf(when.start);
  const isSeries = recurrence !== null;
  const end = isSeries ? lastDayOf(recurrence.rules, recurrence.dates, start) : dayOf(when.end);
  const today = now / DAY_MS;
  if (start > today + NEAR_DAYS) return step(start - today - NEAR_DAYS);
  return end < today - 2 ? step(today - end) + 1 : 0;
}

function step(days: number): number {
  return Math.min(2 * Math.ceil(Math.log2(Math.max(2, days))), 58);
}

/** Days since the epoch, about. */
function dayOf(date: string): number {
  return Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)) - 1, Number(date.slice(8, 10))) / DAY_MS;
}

/** Infinite where a rule has no UNTIL: a COUNT is not followed. */
function lastDayOf(rules: readonly string[], dates: readonly string[], start: number): number {
  const until = rules
    .filter((rule) => rule.startsWith('RRULE'))
    .map((rule) => compactDay(/[;:]UNTIL=(\d{8})/.exec(rule)?.[1]));
  return Math.max(start, ...until, ...dates.map((date) => compactDay(/^\d{8}/.exec(date)?.[0])));
}

function compactDay(date: string | undefined): number {
  return date === undefined ? Infinity : dayOf(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 8)}`);
}
