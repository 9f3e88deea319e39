/** Which of Graph's six patterns has the same days as a rule of RFC 5545, or why none has. Nothing is approximated. */
import type { When } from '../../core/event.ts';
import type { ByDay, Rule } from '../../core/recurrence/rule.ts';
import { DAYS_OF_WEEK, type DayOfWeek, INDEXES, type Index, type Pattern } from './recurrence-form.ts';

/** Why a rule has no pattern. */
export type NoPattern =
  | 'several-times-a-day'
  | 'time-of-day'
  | 'week-number'
  | 'day-of-year'
  | 'months'
  | 'month-end'
  | 'day-from-month-end'
  | 'several-dates'
  | 'weekday-and-date'
  | 'ordinal'
  | 'position'
  | 'interval';

/** The pattern has the same days as the rule, provided that the rule produces the series' start. */
export function patternOf(rule: Rule, when: When): Pattern | NoPattern {
  const { frequency, by, byDay } = rule;
  if (frequency === 'HOURLY' || frequency === 'MINUTELY' || frequency === 'SECONDLY') return 'several-times-a-day';
  if (!isTimeOfStart(rule, when)) return 'time-of-day';
  if (by.BYWEEKNO.length > 0) return 'week-number';
  if (by.BYYEARDAY.length > 0) return 'day-of-year';
  const days: Days = {
    interval: rule.interval,
    months: by.BYMONTH.length === 12 && frequency !== 'YEARLY' ? [] : by.BYMONTH,
    dates: by.BYMONTHDAY,
    weekdays: byDay,
    positions: by.BYSETPOS,
    weekStart: rule.weekStart,
    start: when.start.slice(0, 10),
  };
  const pattern = { DAILY: daily, WEEKLY: weekly, MONTHLY: monthly, YEARLY: yearly }[frequency](days);
  return typeof pattern === 'string' || pattern.interval <= MAX_INTERVAL[pattern.type] ? pattern : 'interval';
}

/** The smallest number of days between two occurrences. */
export function shortestGapDays(pattern: Pattern): number {
  switch (pattern.type) {
    case 'daily':
      return pattern.interval;
    case 'weekly': {
      const days = pattern.daysOfWeek
        .map((day) => (weekdayNumber(day) - weekdayNumber(pattern.firstDayOfWeek) + 7) % 7)
        .sort((a, b) => a - b);
      const gaps = days.map((day, at) => (days[at + 1] ?? days[0]! + 7 * pattern.interval) - day);
      return Math.min(...gaps);
    }
    case 'absoluteMonthly':
    case 'relativeMonthly':
      // From the last working day of January to that of February it may be 26 days.
      return 25 * pattern.interval;
    case 'absoluteYearly':
    case 'relativeYearly':
      return 350 * pattern.interval;
  }
}

interface Days {
  readonly interval: number;
  /** Empty: all. */
  readonly months: readonly number[];
  /** BYMONTHDAY */
  readonly dates: readonly number[];
  readonly weekdays: readonly ByDay[];
  readonly positions: readonly number[];
  readonly weekStart: number;
  /** `YYYY-MM-DD` */
  readonly start: string;
}

/** Limits of Exchange (EWS reference); rules that were read from it are within them. */
const MAX_INTERVAL: Readonly<Record<Pattern['type'], number>> = {
  daily: 999,
  weekly: 99,
  absoluteMonthly: 99,
  relativeMonthly: 99,
  absoluteYearly: 99,
  relativeYearly: 99,
};
const SHORTEST_MONTH = 28;
const SHORTEST = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daily(days: Days): Pattern | NoPattern {
  const { interval, months, dates, weekdays } = days;
  // A day's set has one occurrence, which is the first and the last: a rule with another position does not produce
  // its start.
  const rest = { ...days, positions: [] };
  if (interval === 1 && dates.length > 0) return weekdays.length > 0 ? 'weekday-and-date' : monthly(rest);
  if (interval === 1 && weekdays.length > 0) return weekly(rest);
  if (months.length > 0) return 'months';
  if (dates.length > 0 || (weekdays.length > 0 && !isEveryDay(weekdays))) return 'interval';
  return { type: 'daily', interval };
}

function weekly({ interval, months, dates, weekdays, positions, weekStart, start }: Days): Pattern | NoPattern {
  if (months.length > 0) return 'months';
  if (dates.length > 0) return 'weekday-and-date';
  if (weekdays.some(({ ordinal }) => ordinal !== 0)) return 'ordinal';
  const given = weekdays.length > 0 ? weekdays.map(({ weekday }) => weekday) : [weekdayOf(start)];
  const inOrder = given.sort((a, b) => ((a - weekStart + 7) % 7) - ((b - weekStart + 7) % 7));
  const picked = positions
    .map((position) => inOrder.at(position > 0 ? position - 1 : position))
    .filter((weekday) => weekday !== undefined);
  return {
    type: 'weekly',
    interval,
    daysOfWeek: namesOf(positions.length > 0 ? picked : inOrder),
    firstDayOfWeek: DAYS_OF_WEEK[weekStart]!,
  };
}

function monthly(days: Days): Pattern | NoPattern {
  const { months, dates, weekdays, positions } = days;
  // Months at equal distances (BYMONTH=1,4,7,10) are an interval; the start is in one of them.
  const distance = months.length > 0 ? distanceOf(months) : 1;
  if (distance === null || (days.interval !== 1 && days.interval % distance !== 0)) return 'months';
  const interval = days.interval === 1 ? distance : days.interval;
  const isWeekly =
    interval === 1 &&
    dates.length === 0 &&
    weekdays.length > 0 &&
    positions.length === 0 &&
    weekdays.every(({ ordinal }) => ordinal === 0);
  if (isWeekly) return weekly({ ...days, months: [] });
  const day = dayInMonth(days, null);
  if (typeof day === 'string') return day;
  return 'dayOfMonth' in day
    ? { type: 'absoluteMonthly', interval, ...day }
    : { type: 'relativeMonthly', interval, ...day };
}

function yearly(days: Days): Pattern | NoPattern {
  const { interval, months, dates, weekdays, positions, start } = days;
  if (months.length > 1 || (months.length === 0 && dates.length > 0)) {
    if (interval !== 1) return 'months';
    // Positions count within the year.
    if (positions.length > 0) return 'position';
    return monthly({ ...days, dates: dates.length + weekdays.length > 0 ? dates : [dayOf(start)] });
  }
  const isEveryWeek =
    months.length === 0 &&
    weekdays.length > 0 &&
    positions.length === 0 &&
    weekdays.every(({ ordinal }) => ordinal === 0);
  if (isEveryWeek) return interval === 1 ? weekly(days) : 'interval';
  // The first four Mondays of a year are January's, the last one is December's: one of them is the start.
  const month = months[0] ?? Number(start.slice(5, 7));
  const day = dayInMonth(days, month);
  if (typeof day === 'string') return day;
  return 'dayOfMonth' in day
    ? { type: 'absoluteYearly', interval, ...day, month }
    : { type: 'relativeYearly', interval, ...day, month };
}

type DayInMonth = { readonly dayOfMonth: number } | { readonly daysOfWeek: DayOfWeek[]; readonly index: Index };

/** The one day that a rule has in each of its months; `month` null: in any. */
function dayInMonth({ dates, weekdays, positions, start }: Days, month: number | null): DayInMonth | NoPattern {
  const index = (number: number): Index | undefined => INDEXES.find(([known]) => known === number)?.[1];
  const hasOnlyOne = positions.every((position) => position === 1 || position === -1);
  if (weekdays.length === 0) {
    const [date = dayOf(start), ...more] = dates;
    if (more.length > 0) return isClampedDay(dates, positions) ? { dayOfMonth: dates.at(-1)! } : 'several-dates';
    if (!hasOnlyOne) return 'position';
    // As weekdays, as Outlook has it: that does not depend on what a day 31 is in a shorter month.
    if (date === -1) return { daysOfWeek: [...DAYS_OF_WEEK], index: 'last' };
    if (date < 0) return 'day-from-month-end';
    return date <= (month === null ? SHORTEST_MONTH : SHORTEST[month - 1]!) ? { dayOfMonth: date } : 'month-end';
  }
  if (dates.length > 0) return 'weekday-and-date';
  const [first] = weekdays;
  if (weekdays.every(({ ordinal }) => ordinal === 0)) {
    const name = positions.length === 1 ? index(positions[0]!) : undefined;
    return name === undefined
      ? 'position'
      : { daysOfWeek: namesOf(weekdays.map(({ weekday }) => weekday)), index: name };
  }
  const name = index(first!.ordinal);
  return weekdays.length > 1 || !hasOnlyOne || name === undefined
    ? 'ordinal'
    : { daysOfWeek: namesOf([first!.weekday]), index: name };
}

/** `BYMONTHDAY=28,29,30;BYSETPOS=-1`: day 30, or the last day of a shorter month, as Exchange treats such a day. */
function isClampedDay(dates: readonly number[], positions: readonly number[]): boolean {
  return positions.length === 1 && positions[0] === -1 && dates.every((date, at) => date === SHORTEST_MONTH + at);
}

/** 1 for every month, 3 for the months of a quarterly rule, 12 for one month; null where the distances differ. */
function distanceOf(months: readonly number[]): number | null {
  const distance = 12 / months.length;
  return Number.isInteger(distance) && months.every((month, at) => month === months[0]! + at * distance)
    ? distance
    : null;
}

/** Whether BYHOUR, BYMINUTE and BYSECOND only repeat the time of the start. */
function isTimeOfStart({ by }: Rule, when: When): boolean {
  const [hour, minute, second] = when.allDay ? [] : when.start.slice(11).split(':').map(Number);
  return [
    [by.BYHOUR, hour],
    [by.BYMINUTE, minute],
    [by.BYSECOND, second],
  ].every(([given, own]) => (given as number[]).every((value) => value === own));
}

function isEveryDay(weekdays: readonly ByDay[]): boolean {
  return weekdays.length === 7 && weekdays.every(({ ordinal }) => ordinal === 0);
}

function namesOf(weekdays: readonly number[]): DayOfWeek[] {
  return DAYS_OF_WEEK.filter((_, weekday) => weekdays.includes(weekday));
}

function weekdayNumber(name: DayOfWeek): number {
  return DAYS_OF_WEEK.indexOf(name);
}

/** 0 is Monday. */
function weekdayOf(date: string): number {
  return (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
}

function dayOf(date: string): number {
  return Number(date.slice(8));
}
