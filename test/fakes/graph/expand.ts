/**
 * The days of a series by Exchange's rules: the last day of a short month replaces the 29th to 31st.
 */
import { DAY_MS } from '../time.ts';
import type { Pattern, Recurrence } from './recurrence.ts';

const MOST_STEPS = 200_000;

/** The days (walls at midnight) up to and with `lastDay`, in order; deletions and exceptions are ignored. */
export function seriesDays({ pattern, range }: Recurrence, lastDay: number): number[] {
  const last = Math.min(lastDay, range.endDay ?? Infinity);
  const days: number[] = [];
  for (let step = 0; step < MOST_STEPS; step++) {
    const { days: candidates, from } = periodDays(pattern, range.startDay, step);
    if (from > last) break;
    for (const day of candidates) {
      if (day < range.startDay || day > last) continue;
      days.push(day);
      if (range.type === 'numbered' && days.length === range.count) return days;
    }
  }
  return days;
}

/** What the n-th day, week, month or year offers, and where it begins. */
function periodDays(pattern: Pattern, startDay: number, step: number): { days: number[]; from: number } {
  const { type, interval, daysOfWeek, firstDayOfWeek, dayOfMonth, month } = pattern;
  if (type === 'daily') {
    const day = startDay + step * interval * DAY_MS;
    return { days: [day], from: day };
  }
  if (type === 'weekly') {
    const from = startDay - ((weekday(startDay) - firstDayOfWeek + 7) % 7) * DAY_MS + step * interval * 7 * DAY_MS;
    return {
      days: Array.from({ length: 7 }, (_, at) => from + at * DAY_MS).filter((day) => daysOfWeek.includes(weekday(day))),
      from,
    };
  }
  const start = new Date(startDay);
  const isYearly = type.endsWith('Yearly');
  const year = start.getUTCFullYear() + (isYearly ? step * interval : 0);
  const monthIndex = isYearly ? month - 1 : start.getUTCMonth() + step * interval;
  const from = Date.UTC(year, monthIndex, 1);
  const length = new Date(Date.UTC(year, monthIndex + 1, 0)).getUTCDate();
  if (type.startsWith('absolute')) return { days: [from + (Math.min(dayOfMonth, length) - 1) * DAY_MS], from };
  const fitting = Array.from({ length }, (_, at) => from + at * DAY_MS).filter((day) =>
    daysOfWeek.includes(weekday(day)),
  );
  const chosen =
    pattern.index === 'last' ? fitting.at(-1) : fitting[['first', 'second', 'third', 'fourth'].indexOf(pattern.index)];
  return { days: chosen === undefined ? [] : [chosen], from };
}

function weekday(day: number): number {
  return new Date(day).getUTCDay();
}
