/** Recurrence, from the canonical form to Graph's `patternedRecurrence` and back. Nothing is approximated. */
import type { CalendarEvent, Recurrence, When } from '../../core/event.ts';
import { durationOf } from '../../core/recurrence/duration.ts';
import { matchesStart, matchingTimes } from '../../core/recurrence/expand.ts';
import { normaliseRecurrence } from '../../core/recurrence/normalise.ts';
import { idInstant, occurrenceId } from '../../core/recurrence/occurrence.ts';
import { parseRule, RecurrenceError, type Rule } from '../../core/recurrence/rule.ts';
import { hasMatchingTypes, hasOneLength, occurrenceWhen } from '../../core/recurrence/series.ts';
import { instantOf, localOf } from '../../core/zones.ts';
import {
  DAYS_OF_WEEK,
  type DayOfWeek,
  INDEXES,
  type Index,
  type Pattern,
  type PatternedRecurrence,
  type Range,
} from './recurrence-form.ts';
import { type NoPattern, patternOf, shortestGapDays } from './recurrence-pattern.ts';
import { graphZone } from './zones.ts';

/** Why Graph does not support a series: because of its rule or its times. For logs and people; no event content. */
export type NotExpressible =
  | NoPattern
  | 'extra-dates'
  | 'not-one-rule'
  | 'other-calendar'
  | 'seconds'
  | 'zone'
  | 'start-not-on-rule'
  | 'start-in-clock-change'
  | 'overlapping'
  | 'several-lengths'
  | 'count';

/**
 * The recurrence to send with a series, or why there is none. Exceptions are not part of it. The zone of an all-day
 * series is UTC, like that of its `start`.
 * @throws RecurrenceError for a rule that cannot be expanded
 */
export function toPatternedRecurrence(series: CalendarEvent): PatternedRecurrence | NotExpressible {
  const { when, recurrence } = series;
  const [line, ...more] = recurrence?.rules ?? [];
  if (line === undefined || more.length > 0 || !line.startsWith('RRULE')) return 'not-one-rule';
  if (recurrence!.dates.length > 0) return 'extra-dates';
  const rule = parseRule(line, when);
  if (rule.extension.length > 0) return 'other-calendar';
  if (!when.allDay && !(when.start.endsWith(':00') && when.end.endsWith(':00'))) return 'seconds';
  const pattern = patternOf(rule, when);
  if (typeof pattern === 'string') return pattern;
  // A start that the clock left out: Graph's reading of the other occurrences would depend on it.
  if (!when.allDay && localOf(instantOf(when.start, when.startZone), when.startZone) !== when.start)
    return 'start-in-clock-change';
  // Graph would begin with a later day.
  if (!hasMatchingTypes(series) || matchesStart(series) !== true) return 'start-not-on-rule';
  if (lengthDays(when) > shortestGapDays(pattern)) return 'overlapping';
  if (!hasOneLength(series, wallClockMs)) return 'several-lengths';
  const zone = when.allDay ? 'UTC' : graphZone(when.startZone, Number(when.start.slice(0, 4)));
  if (zone === null) return 'zone';
  const range = rangeOf(rule, when, zone);
  return typeof range === 'string' ? range : { pattern, range };
}

/**
 * The canonical recurrence with the same occurrences, and `when` with the first of them as its start: Graph's
 * `startDate` need not be one. `when` is the master's, in the zone of the recurrence; only the date of its start may
 * change.
 * @throws RecurrenceError for one without occurrences
 */
export function fromPatternedRecurrence(
  { pattern, range }: PatternedRecurrence,
  when: When,
): { recurrence: Recurrence; when: When } {
  const parts = partsOf(pattern);
  const first = moveTo(when, firstDate(parts, range.startDate));
  const end =
    range.type === 'numbered'
      ? [`COUNT=${range.numberOfOccurrences}`]
      : range.type === 'endDate'
        ? [`UNTIL=${range.endDate.replaceAll('-', '')}`]
        : [];
  if (range.type === 'endDate' && first.start.slice(0, 10) > range.endDate) throw new RecurrenceError('until');
  return { recurrence: normaliseRecurrence({ rules: [ruleOf([...parts, ...end])], dates: [] }, first)!, when: first };
}

const DAY_MS = 86_400_000;
const MAX_OCCURRENCES = 999;
/** The last day of Exchange. A rule that ends later has no end. */
const LAST_DAY = '45000831';
/** Enough to find the first day of any pattern. */
const BUDGET_STEPS = 50_000;

function rangeOf(rule: Rule, when: When, recurrenceTimeZone: string): Range | NotExpressible {
  const start = { startDate: when.start.slice(0, 10), recurrenceTimeZone };
  if (rule.count !== null)
    return rule.count > MAX_OCCURRENCES || rule.until !== null
      ? 'count'
      : { type: 'numbered', ...start, numberOfOccurrences: rule.count };
  if (rule.until === null || rule.until > LAST_DAY) return { type: 'noEnd', ...start };
  return { type: 'endDate', ...start, endDate: lastDate(rule.until, when) };
}

/**
 * UNTIL is an instant, `endDate` a date in the zone of the series: the last one on which the series' time of day is not
 * after UNTIL.
 */
function lastDate(until: string, when: When): string {
  if (when.allDay) return `${until.slice(0, 4)}-${until.slice(4, 6)}-${until.slice(6, 8)}`;
  const instant = idInstant(until);
  const date = Date.parse(`${localOf(instant, when.startZone).slice(0, 10)}T00:00:00Z`);
  const dates = [0, 1, 2].map((days) => dateOf(date - days * DAY_MS));
  return dates.find((last) => instantOf(last + when.start.slice(10), when.startZone) <= instant) ?? dates[2]!;
}

/** Exactly or as Exchange counts, whichever is longer. */
function lengthDays(when: When): number {
  return Math.max(durationOf(when).days * DAY_MS + durationOf(when).ms, wallClockMs(when)) / DAY_MS;
}

/** Exchange keeps the times of day of start and end. */
function wallClockMs(when: When): number {
  if (when.allDay) return Date.parse(when.end) - Date.parse(when.start);
  const end = localOf(instantOf(when.end, when.endZone), when.startZone);
  return Date.parse(`${end}Z`) - Date.parse(`${when.start}Z`);
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function partsOf(pattern: Pattern): string[] {
  const interval = `INTERVAL=${pattern.interval}`;
  switch (pattern.type) {
    case 'daily':
      return ['FREQ=DAILY', interval];
    case 'weekly':
      return [
        'FREQ=WEEKLY',
        interval,
        `BYDAY=${daysOf(pattern.daysOfWeek)}`,
        `WKST=${daysOf([pattern.firstDayOfWeek])}`,
      ];
    case 'absoluteMonthly':
      return ['FREQ=MONTHLY', interval, ...datePart(pattern.dayOfMonth, 28)];
    case 'absoluteYearly':
      return [
        'FREQ=YEARLY',
        interval,
        `BYMONTH=${pattern.month}`,
        ...datePart(pattern.dayOfMonth, shortestLength(pattern.month)),
      ];
    case 'relativeMonthly':
      return ['FREQ=MONTHLY', interval, ...weekdayPart(pattern.daysOfWeek, pattern.index)];
    case 'relativeYearly':
      return ['FREQ=YEARLY', interval, `BYMONTH=${pattern.month}`, ...weekdayPart(pattern.daysOfWeek, pattern.index)];
  }
}

/** In a month that is too short, Exchange takes the last day, where RFC 5545 skips the month. */
function datePart(dayOfMonth: number, shortest: number): string[] {
  if (dayOfMonth <= shortest) return [`BYMONTHDAY=${dayOfMonth}`];
  return [`BYMONTHDAY=${[28, 29, 30, 31].filter((day) => day <= dayOfMonth).join(',')}`, 'BYSETPOS=-1'];
}

function weekdayPart(daysOfWeek: readonly DayOfWeek[], index: Index): string[] {
  const [number] = INDEXES.find(([, name]) => name === index)!;
  if (daysOfWeek.length === 1) return [`BYDAY=${number}${daysOf(daysOfWeek)}`];
  if (daysOfWeek.length === 7 && index === 'last') return ['BYMONTHDAY=-1'];
  return [`BYDAY=${daysOf(daysOfWeek)}`, `BYSETPOS=${number}`];
}

/** In a year that is no leap year. */
function shortestLength(month: number): number {
  return new Date(Date.UTC(2001, month, 0)).getUTCDate();
}

function daysOf(names: readonly DayOfWeek[]): string {
  return DAYS_OF_WEEK.filter((name) => names.includes(name))
    .map((name) => name.slice(0, 2).toUpperCase())
    .join(',');
}

function ruleOf(parts: readonly string[]): string {
  return `RRULE:${parts.join(';')}`;
}

/** The first matching day from `startDate` on. Weeks, months and years are counted from the one with `startDate`. */
function firstDate(parts: readonly string[], startDate: string): string {
  const from = Date.parse(startDate);
  const rule = parseRule(ruleOf(parts), { allDay: true, start: startDate, end: startDate });
  for (const day of matchingTimes(rule, from, from, { steps: BUDGET_STEPS })) return dateOf(day);
  throw new RecurrenceError('out-of-range');
}

function moveTo(when: When, date: string): When {
  if (when.start.slice(0, 10) === date) return when;
  // The time of day stays, even where the clock leaves it out on that day.
  const start = date + when.start.slice(10);
  return { ...occurrenceWhen(when, occurrenceId(start, when.allDay ? null : when.startZone)), start };
}
