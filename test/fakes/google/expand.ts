/**
 * The occurrences of a series, by testing the rule on every day of every period: slow, and simple enough to be
 * trusted. Bounded by a horizon, a number of periods and a number of occurrences.
 */

import { compactDate, compactInstant, DAY_MS, instantOf, wallOf } from '../time.ts';
import type { Recurrence, Rule } from './recurrence-lines.ts';

export interface SeriesStart {
  readonly allDay: boolean;
  /** Wall-clock start of the first occurrence in `zone`. */
  readonly wall: number;
  readonly zone: string;
}

export interface Occurrence {
  /** `20260105T080000Z` or `20260105`: what stands after the master's id. */
  readonly key: string;
  /** The instant for timed series, the wall for all-day ones. */
  readonly at: number;
}

const END_OF_TIME = Date.UTC(9999, 11, 30);
const MOST_PERIODS = 40_000;
const MOST_OCCURRENCES = 20_000;

/** All occurrences that start no later than `until` (an instant, or a wall for all-day series), in order. */
export function occurrences(start: SeriesStart, recurrence: Recurrence, until: number): Occurrence[] {
  const horizon = Math.min(until, END_OF_TIME);
  const at = new Set<number>();
  const startAt = toAt(start, start.wall);
  for (const rule of recurrence.rules) for (const value of expandRule(start, rule, horizon)) at.add(value);
  for (const value of recurrence.dates) at.add(value);
  if (recurrence.rules.length === 0) at.add(startAt);
  for (const rule of recurrence.exRules) for (const value of expandRule(start, rule, horizon)) at.delete(value);
  for (const value of recurrence.exDates) at.delete(value);
  return [...at]
    .filter((value) => value <= horizon)
    .sort((a, b) => a - b)
    .slice(0, MOST_OCCURRENCES)
    .map((value) => ({ key: start.allDay ? compactDate(value) : compactInstant(value), at: value }));
}

/** The start of a series is always its first occurrence, also where its rule does not give it (RFC 5545, 3.8.5.3). */
function* expandRule(start: SeriesStart, rule: Rule, horizon: number): Generator<number> {
  let left = Math.min(rule.count ?? MOST_OCCURRENCES, MOST_OCCURRENCES);
  const first = toAt(start, start.wall);
  if (rule.until !== null && first > rule.until) return;
  yield first;
  left -= 1;
  const lastWall = (start.allDay ? horizon : wallOf(horizon, start.zone)) + DAY_MS;
  for (let period = 0; period < MOST_PERIODS && left > 0; period += 1) {
    const [from, to] = periodOf(start, rule, period);
    if (from > lastWall) return;
    for (const wall of candidates(start, rule, from, to)) {
      if (wall <= start.wall) continue;
      const at = toAt(start, wall);
      if (rule.until !== null && at > rule.until) return;
      if (left <= 0) return;
      left -= 1;
      yield at;
    }
  }
}

function toAt(start: SeriesStart, wall: number): number {
  return start.allDay ? wall : instantOf(wall, start.zone);
}

/** First day and the day after the last one of the nth period. */
function periodOf(start: SeriesStart, rule: Rule, period: number): [number, number] {
  const day = midnight(start.wall);
  const step = period * rule.interval;
  const date = new Date(day);
  if (rule.freq === 'DAILY') return [day + step * DAY_MS, day + (step + 1) * DAY_MS];
  if (rule.freq === 'WEEKLY') {
    const week = startOfWeek(day, rule.weekStart) + step * 7 * DAY_MS;
    return [week, week + 7 * DAY_MS];
  }
  if (rule.freq === 'MONTHLY') {
    const month = date.getUTCMonth() + step;
    return [Date.UTC(date.getUTCFullYear(), month, 1), Date.UTC(date.getUTCFullYear(), month + 1, 1)];
  }
  const year = date.getUTCFullYear() + step;
  if (rule.byWeekNo.length > 0) return [firstWeek(year, rule.weekStart), firstWeek(year + 1, rule.weekStart)];
  return [Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1)];
}

function candidates(start: SeriesStart, rule: Rule, from: number, to: number): number[] {
  const time = start.wall - midnight(start.wall);
  const hours = rule.byHour.length > 0 ? rule.byHour : [Math.floor(time / 3_600_000)];
  const minutes = rule.byMinute.length > 0 ? rule.byMinute : [Math.floor(time / 60_000) % 60];
  const seconds = rule.bySecond.length > 0 ? rule.bySecond : [Math.floor(time / 1000) % 60];
  const all: number[] = [];
  for (let day = from; day < to; day += DAY_MS) {
    if (!takesDay(start, rule, day, from, to)) continue;
    for (const hour of hours) {
      for (const minute of minutes)
        for (const second of seconds) all.push(day + ((hour * 60 + minute) * 60 + second) * 1000);
    }
  }
  all.sort((a, b) => a - b);
  if (rule.bySetPos.length === 0) return all;
  const chosen = new Set(rule.bySetPos.map((position) => all.at(position > 0 ? position - 1 : position)));
  return all.filter((value) => chosen.has(value));
}

function takesDay(start: SeriesStart, rule: Rule, day: number, from: number, to: number): boolean {
  const date = new Date(day);
  const first = new Date(start.wall);
  const [year, month, monthDay] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  if (rule.byMonth.length > 0 && !rule.byMonth.includes(month + 1)) return false;
  if (rule.byMonthDay.length > 0) {
    const monthLength = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    if (!rule.byMonthDay.some((value) => (value > 0 ? value : monthLength + value + 1) === monthDay)) return false;
  }
  if (rule.byYearDay.length > 0) {
    const yearLength = (Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)) / DAY_MS;
    const yearDay = (day - Date.UTC(year, 0, 1)) / DAY_MS + 1;
    if (!rule.byYearDay.some((value) => (value > 0 ? value : yearLength + value + 1) === yearDay)) return false;
  }
  if (rule.byWeekNo.length > 0) {
    const weeks = (to - from) / (7 * DAY_MS);
    const week = Math.floor((day - from) / (7 * DAY_MS)) + 1;
    if (!rule.byWeekNo.some((value) => (value > 0 ? value : weeks + value + 1) === week)) return false;
  }
  if (rule.byDay.length > 0) {
    const inMonth = rule.freq === 'MONTHLY' || rule.byMonth.length > 0;
    const spanFrom = inMonth ? Date.UTC(year, month, 1) : Date.UTC(year, 0, 1);
    const spanTo = inMonth ? Date.UTC(year, month + 1, 1) : Date.UTC(year + 1, 0, 1);
    const nth = Math.floor((day - spanFrom) / (7 * DAY_MS)) + 1;
    const nthFromEnd = -Math.floor((spanTo - DAY_MS - day) / (7 * DAY_MS)) - 1;
    const anyOne = rule.freq === 'DAILY' || rule.freq === 'WEEKLY';
    const fits = (by: { nth: number; day: number }): boolean =>
      by.day === date.getUTCDay() && (anyOne || by.nth === 0 || by.nth === nth || by.nth === nthFromEnd);
    return rule.byDay.some(fits);
  }
  return takesDayOfStart(rule, date, first);
}

/** Where the rule names no day, the start does. */
function takesDayOfStart(rule: Rule, date: Date, first: Date): boolean {
  if (rule.byMonthDay.length > 0 || rule.byYearDay.length > 0 || rule.freq === 'DAILY') return true;
  if (rule.freq === 'WEEKLY' || rule.byWeekNo.length > 0) return date.getUTCDay() === first.getUTCDay();
  if (date.getUTCDate() !== first.getUTCDate()) return false;
  return rule.freq === 'MONTHLY' || rule.byMonth.length > 0 || date.getUTCMonth() === first.getUTCMonth();
}

function midnight(wall: number): number {
  return Math.floor(wall / DAY_MS) * DAY_MS;
}

function startOfWeek(day: number, weekStart: number): number {
  return day - ((new Date(day).getUTCDay() - weekStart + 7) % 7) * DAY_MS;
}

/** The first day of week 1: the week that holds 4 January (RFC 5545, BYWEEKNO). */
function firstWeek(year: number, weekStart: number): number {
  return startOfWeek(Date.UTC(year, 0, 4), weekStart);
}
