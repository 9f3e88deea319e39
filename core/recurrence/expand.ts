/**
 * Expands recurrence rules (RFC 5545) to occurrences, with bounded work.
 *
 * Times are wall-clock times counted as if they were UTC ("wall ms"), so that every day has 24 hours here; the zone is
 * applied at the end. A rule goes through its periods (years, months, … seconds) and selects the days, then the times,
 * that its BY parts allow. Each period, day and time costs one step, so no rule, however sparse or dense, runs longer
 * than its budget.
 */

import type { CalendarEvent, OccurrenceId, When } from '../event.ts';
import { EXCLUDED } from '../event.ts';
import { instantOf, localOf } from '../zones.ts';
import { instantId, instantOfId } from './occurrence.ts';
import type { Rule } from './rule.ts';
import { parseRule } from './rule.ts';

/**
 * The occurrences of a series whose original start is at or after `from` and before `to` (ms; a date counts as its
 * midnight in UTC), in order, at most `max`, without the excluded ones. The start of the series is one of them, whether
 * its rules match it or not, and counts for COUNT; RFC 5545 3.8.5.3 leaves this open, and calendars show it. There is
 * no such start where UNTIL is before it. `complete` is false if `max` or the budget cut the list, or if a rule uses a
 * calendar that is not supported (RFC 7529). Up to `known` (ms) the rules that are supported have no other occurrences;
 * Infinity if nothing was cut. Steps are taken from a `Budget` object in place.
 */
export function expandOccurrences(
  event: Pick<CalendarEvent, 'when' | 'recurrence' | 'exceptions'>,
  from: number,
  to: number,
  max: number,
  steps: number | Budget,
): { ids: OccurrenceId[]; complete: boolean; known: number } {
  const budget = typeof steps === 'number' ? { steps } : steps;
  const found = new Set<OccurrenceId>();
  const { when, recurrence } = event;
  if (recurrence === null) return { ids: [], complete: true, known: Infinity };
  const all = recurrence.rules.map((line) => parseRule(line, when));
  const rules = all.filter((rule) => rule.extension.length === 0);
  let known = Infinity;
  const excluded = new Set<OccurrenceId>(
    Object.keys(event.exceptions).filter((id) => event.exceptions[id] === EXCLUDED),
  );
  for (const rule of rules.filter(({ name }) => name === 'EXRULE'))
    known = Math.min(
      known,
      collect(rule, when, from, to, Infinity, budget, (id) => excluded.add(id)),
    );
  const addOccurrence = (id: OccurrenceId): boolean =>
    !excluded.has(id) && !found.has(id) && found.add(id) !== undefined;
  const inclusive = rules.filter(({ name }) => name === 'RRULE');
  const countsStart = inclusive.length < 2 || matchesStart(event) !== true;
  for (const rule of inclusive)
    known = Math.min(known, collect(rule, when, from, to, max, budget, addOccurrence, countsStart));
  const dates = recurrence.dates.map((date) => date.split('/', 1)[0]!);
  if (hasStart(all, when)) dates.push(startId(when));
  for (const id of dates) if (instantOfId(id) >= from && instantOfId(id) < to) addOccurrence(id);
  const ids = [...found].sort();
  if (ids.length > max) known = Math.min(known, instantOfId(ids[max - 1] ?? ids[0]!));
  return { ids: ids.slice(0, max), complete: known === Infinity && rules.length === all.length, known };
}

/** Whether the start of a series is an occurrence, unless it is excluded: not where all its rules end before it. */
export function isStartIncluded({ when, recurrence }: Pick<CalendarEvent, 'when' | 'recurrence'>): boolean {
  const rules = recurrence?.rules.map((line) => parseRule(line, when)) ?? [];
  return hasStart(rules, when);
}

/**
 * Whether one of the rules of a series matches its start; null where that is unknown: a rule of a
 * calendar that is not supported, or one that takes too many steps.
 */
export function matchesStart({ when, recurrence }: Pick<CalendarEvent, 'when' | 'recurrence'>): boolean | null {
  const rules = (recurrence?.rules ?? []).map((line) => parseRule(line, when)).filter(({ name }) => name === 'RRULE');
  const budget = { steps: START_STEPS };
  const start = wallStart(when);
  const isMatch = (rule: Rule): boolean => isBegun(rule, when) && firstTime(rule, start, budget) === start;
  if (rules.some((rule) => rule.extension.length === 0 && isMatch(rule))) return true;
  return budget.steps < 0 || rules.some(({ extension }) => extension.length > 0) ? null : false;
}

/** The steps left; shared by all expansions of one query. */
export interface Budget {
  steps: number;
}

/**
 * The wall times (ms as if UTC) at which a rule matches, from the start of the series, in order; the caller applies
 * COUNT and UNTIL. It ends early when the budget is used up: then `budget.steps` is negative. It may skip times before
 * `from`, unless the rule has a COUNT, and leaves out the periods that begin at or after `to`.
 */
export function* matchingTimes(
  rule: Rule,
  start: number,
  from: number,
  budget: Budget,
  to = Infinity,
): Generator<number> {
  const filled = withDefaults(rule, start);
  const skipTo = rule.count === null ? Math.max(start, from) : start;
  for (const [first, days] of periods(filled, start, skipTo, Math.min(to, END_OF_TIME), budget)) {
    const times = applySetPositions(timesOf(filled, first, days, start, budget), rule.by.BYSETPOS);
    for (const time of times) {
      if (time >= start) yield time;
    }
    if (budget.steps < 0) return;
  }
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const END_OF_TIME = Date.UTC(9999, 11, 31);
const START_STEPS = 20_000;

/**
 * Calls `add` for every occurrence in the range; `add` returns false for a duplicate. The result is Infinity, or the
 * time up to which all occurrences were found when it stopped early.
 */
function collect(
  rule: Rule,
  when: When,
  from: number,
  to: number,
  max: number,
  budget: Budget,
  add: (id: OccurrenceId) => unknown,
  countsStart = false,
): number {
  const start = wallStart(when);
  const until = rule.until === null ? Infinity : instantOfId(rule.until);
  let added = 0;
  let count = 0;
  let known = from;
  const first = wallBefore(from, when);
  for (const wall of matchingTimes(rule, start, first, budget, Math.min(until, to) + 2 * DAY)) {
    // The start is the first of COUNT, even where no rule matches it.
    if (count === 0 && countsStart && wall !== start) count += 1;
    if (rule.count !== null && ++count > rule.count) return Infinity;
    if (wall < first) continue;
    const instant = when.allDay ? wall : instantOf(new Date(wall).toISOString().slice(0, 19), when.startZone);
    if (instant > until || instant >= to) {
      // Around a gap, a later wall time may be an earlier instant, so go on for two hours.
      if (instant > Math.min(until, to) + 2 * HOUR || when.allDay) return Infinity;
      continue;
    }
    if (instant < from) continue;
    known = instant;
    const id = when.allDay ? instantId(instant).slice(0, 8) : instantId(instant);
    if (add(id) !== false && ++added > max) return known;
  }
  return budget.steps >= 0 ? Infinity : known;
}

/** A wall time that is before an instant, whatever the clock does around it, but not by much. */
function wallBefore(instant: number, when: When): number {
  const isReal = instant > 0 && instant < END_OF_TIME;
  return when.allDay || !isReal ? instant - 2 * DAY : Date.parse(`${localOf(instant, when.startZone)}Z`) - 3 * HOUR;
}

function wallStart(when: When): number {
  return Date.parse(when.allDay ? `${when.start}T00:00:00Z` : `${when.start}Z`);
}

function startId(when: When): OccurrenceId {
  return when.allDay ? when.start.replaceAll('-', '') : instantId(instantOf(when.start, when.startZone));
}

function hasStart(rules: readonly Rule[], when: When): boolean {
  const inclusive = rules.filter(({ name }) => name === 'RRULE');
  return inclusive.length === 0 || inclusive.some((rule) => isBegun(rule, when));
}

function isBegun({ until }: Rule, when: When): boolean {
  return until === null || instantOfId(until) >= instantOfId(startId(when));
}

function firstTime(rule: Rule, start: number, budget: Budget): number | null {
  for (const time of matchingTimes(rule, start, start, budget, start)) return time;
  return null;
}

/** RFC 5545 3.3.10: missing BY parts come from the start. */
function withDefaults(rule: Rule, start: number): Rule {
  const { by, frequency } = rule;
  const date = new Date(start);
  const hasDays = rule.byDay.length + by.BYMONTHDAY.length + by.BYYEARDAY.length > 0;
  if (hasDays) return rule;
  const weekday = [{ ordinal: 0, weekday: weekdayOf(start) }];
  if (frequency === 'WEEKLY' || (frequency === 'YEARLY' && by.BYWEEKNO.length > 0)) return { ...rule, byDay: weekday };
  if (frequency === 'MONTHLY') return { ...rule, by: { ...by, BYMONTHDAY: [date.getUTCDate()] } };
  if (frequency !== 'YEARLY') return rule;
  const months = by.BYMONTH.length > 0 ? by.BYMONTH : [date.getUTCMonth() + 1];
  return { ...rule, by: { ...by, BYMONTH: months, BYMONTHDAY: [date.getUTCDate()] } };
}

/** Every period of the rule that begins by `end`: its first instant, and the days in it that the rule allows. */
function* periods(
  rule: Rule,
  start: number,
  skipTo: number,
  end: number,
  budget: Budget,
): Generator<[number, number[]]> {
  const { frequency, interval } = rule;
  if (frequency === 'YEARLY' || frequency === 'MONTHLY') {
    const size = frequency === 'YEARLY' ? 12 : 1;
    const origin = frequency === 'YEARLY' ? monthOf(start) - (monthOf(start) % 12) : monthOf(start);
    const skipped = Math.max(0, Math.floor((monthOf(skipTo) - origin) / (size * interval)) - 1);
    for (let month = origin + skipped * size * interval; ; month += size * interval) {
      const first = firstOfMonth(month);
      if (!(first <= end) || --budget.steps < 0) return;
      yield [first, daysBetween(rule, first, firstOfMonth(month + size), budget)];
    }
  }
  if (frequency === 'WEEKLY' || frequency === 'DAILY') {
    const size = frequency === 'WEEKLY' ? WEEK : DAY;
    const day = start - mod(start, DAY);
    const origin = frequency === 'WEEKLY' ? day - mod(weekdayOf(day) - rule.weekStart, 7) * DAY : day;
    for (let first = aligned(origin, size * interval, skipTo); first <= end; first += size * interval) {
      if (--budget.steps < 0) return;
      yield [first, daysBetween(rule, first, first + size, budget)];
    }
    return;
  }
  yield* shortPeriods(rule, start, skipTo, end, budget);
}

/** Hours, minutes, seconds: skips a whole day, hour or minute that the rule excludes. */
function* shortPeriods(
  rule: Rule,
  start: number,
  skipTo: number,
  end: number,
  budget: Budget,
): Generator<[number, number[]]> {
  const { by } = rule;
  const size = rule.frequency === 'HOURLY' ? HOUR : rule.frequency === 'MINUTELY' ? MINUTE : SECOND;
  const step = size * rule.interval;
  const origin = start - mod(start, size);
  let first = aligned(origin, step, skipTo);
  let day = NaN;
  let days: number[] = [];
  while (first <= end && --budget.steps >= 0) {
    const today = first - mod(first, DAY);
    if (today !== day) {
      day = today;
      days = daysBetween(rule, day, day + DAY, budget);
    }
    const date = new Date(first);
    if (days.length === 0) first = skipForward(first, step, day + DAY);
    else if (!allows(by.BYHOUR, date.getUTCHours())) first = skipForward(first, step, first - mod(first, HOUR) + HOUR);
    else if (size < HOUR && !allows(by.BYMINUTE, date.getUTCMinutes()))
      first = skipForward(first, step, first - mod(first, MINUTE) + MINUTE);
    else {
      if (size > SECOND || allows(by.BYSECOND, date.getUTCSeconds())) yield [first, days];
      first += step;
    }
  }
}

function allows(values: readonly number[], value: number): boolean {
  return values.length === 0 || values.includes(value);
}

/** The first multiple of `step` from `first` on that is at or after `target`. */
function skipForward(first: number, step: number, target: number): number {
  return first + Math.ceil((target - first) / step) * step;
}

/** The period before the one that contains `target`, counted from `origin`, but not before `origin`. */
function aligned(origin: number, step: number, target: number): number {
  return origin + Math.max(0, Math.floor((target - origin) / step) - 1) * step;
}

/** The days from `first` (inclusive) to `end` (exclusive) that the BY parts for days allow. */
function daysBetween(rule: Rule, first: number, end: number, budget: Budget): number[] {
  const days: number[] = [];
  const { BYMONTH: months } = rule.by;
  for (let day = first; day < end; day += DAY) {
    if (--budget.steps < 0) return days;
    const month = new Date(day).getUTCMonth() + 1;
    if (months.length > 0 && !months.includes(month)) {
      // Skip to the last day of this month.
      day = Math.min(end, firstOfMonth(monthOf(day) + 1)) - DAY;
      continue;
    }
    if (matchesDay(rule, day)) days.push(day);
  }
  return days;
}

function matchesDay(rule: Rule, day: number): boolean {
  const { by, byDay } = rule;
  const month = monthOf(day);
  const [monthStart, monthEnd] = [firstOfMonth(month), firstOfMonth(month + 1)];
  if (by.BYMONTHDAY.length > 0 && !isNth(by.BYMONTHDAY, day, monthStart, monthEnd)) return false;
  const january = month - (month % 12);
  const [yearStart, yearEnd] = [firstOfMonth(january), firstOfMonth(january + 12)];
  if (by.BYYEARDAY.length > 0 && !isNth(by.BYYEARDAY, day, yearStart, yearEnd)) return false;
  if (rule.frequency === 'YEARLY' && by.BYWEEKNO.length > 0 && !matchesWeek(by.BYWEEKNO, day, rule.weekStart))
    return false;
  if (byDay.length === 0) return true;
  // An ordinal counts within the month, or within the year if the rule is yearly without BYMONTH (RFC 5545 3.3.10).
  const byYear = rule.frequency === 'YEARLY' && by.BYMONTH.length === 0;
  const [start, end] = byYear ? [yearStart, yearEnd] : [monthStart, monthEnd];
  const counts = (rule.frequency === 'YEARLY' && by.BYWEEKNO.length === 0) || rule.frequency === 'MONTHLY';
  const weekday = weekdayOf(day);
  return byDay.some(({ ordinal, weekday: wanted }) => {
    if (wanted !== weekday) return false;
    if (ordinal === 0 || !counts) return true;
    return ordinal > 0
      ? Math.floor((day - start) / WEEK) + 1 === ordinal
      : Math.floor((end - DAY - day) / WEEK) + 1 === -ordinal;
  });
}

/** Whether the numbers include the day, counted from the start of the span, or (negative) from its end. */
function isNth(numbers: readonly number[], day: number, start: number, end: number): boolean {
  return numbers.includes((day - start) / DAY + 1) || numbers.includes((day - end) / DAY);
}

/**
 * Week 1 is the first week with at least four days in the year; the first and last days may be in another year's week.
 */
function matchesWeek(numbers: readonly number[], day: number, weekStart: number): boolean {
  const week = day - mod(weekdayOf(day) - weekStart, 7) * DAY;
  const year = new Date(week + 3 * DAY).getUTCFullYear();
  const firstWeek = (of: number): number => {
    const fourth = Date.UTC(of, 0, 4);
    return fourth - mod(weekdayOf(fourth) - weekStart, 7) * DAY;
  };
  const number = (week - firstWeek(year)) / WEEK + 1;
  const weeks = (firstWeek(year + 1) - firstWeek(year)) / WEEK;
  return numbers.includes(number) || numbers.includes(number - weeks - 1);
}

/** All times of one period, in order. */
function timesOf(rule: Rule, first: number, days: readonly number[], start: number, budget: Budget): number[] {
  if (days.length === 0) return [];
  const { by, frequency } = rule;
  const from = new Date(start);
  const period = new Date(first);
  const short = frequency === 'HOURLY' || frequency === 'MINUTELY' || frequency === 'SECONDLY';
  const hours = short ? [period.getUTCHours()] : by.BYHOUR.length > 0 ? by.BYHOUR : [from.getUTCHours()];
  const minutes =
    short && frequency !== 'HOURLY'
      ? [period.getUTCMinutes()]
      : by.BYMINUTE.length > 0
        ? by.BYMINUTE
        : [from.getUTCMinutes()];
  const seconds =
    frequency === 'SECONDLY' ? [period.getUTCSeconds()] : by.BYSECOND.length > 0 ? by.BYSECOND : [from.getUTCSeconds()];
  const times: number[] = [];
  for (const day of days) {
    for (const hour of hours) {
      for (const minute of minutes) {
        for (const second of seconds) {
          if (--budget.steps < 0) return times;
          if (second < 60) times.push(day + hour * HOUR + minute * MINUTE + second * SECOND);
        }
      }
    }
  }
  return times;
}

function applySetPositions(times: number[], positions: readonly number[]): number[] {
  if (positions.length === 0) return times;
  const picked = positions
    .map((position) => times.at(position > 0 ? position - 1 : position))
    .filter((time) => time !== undefined);
  return [...new Set(picked)].sort((a, b) => a - b);
}

/** The number of months since the year 0. */
function monthOf(day: number): number {
  const date = new Date(day);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function firstOfMonth(month: number): number {
  const date = new Date(0);
  return date.setUTCFullYear(Math.floor(month / 12), mod(month, 12), 1);
}

/** 0 is Monday. The epoch was a Thursday. */
function weekdayOf(day: number): number {
  return mod(Math.floor(day / DAY) + 3, 7);
}

function mod(a: number, b: number): number {
  return ((a % b) + b) % b;
}
