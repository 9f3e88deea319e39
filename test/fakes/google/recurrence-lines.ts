/**
 * The lines of `recurrence[]`, and which of them Google refuses. Independent of `core/recurrence/normalise.ts` on
 * purpose: the two must not share a mistake.
 */

import { instantOf, isZone, parseCompact } from '../time.ts';
import { GoogleError, invalid } from './google-error.ts';

type Frequency = 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY';

/** Which occurrences a rule gives; weekdays are 0 (Sunday) to 6, `nth` is 0 for all of them. */
export interface Rule {
  readonly freq: Frequency;
  readonly interval: number;
  readonly count: number | null;
  /** An instant for timed series, a wall for all-day ones; inclusive. */
  readonly until: number | null;
  readonly weekStart: number;
  readonly byDay: readonly { readonly nth: number; readonly day: number }[];
  readonly byMonth: readonly number[];
  readonly byMonthDay: readonly number[];
  readonly byYearDay: readonly number[];
  readonly byWeekNo: readonly number[];
  readonly bySetPos: readonly number[];
  readonly byHour: readonly number[];
  readonly byMinute: readonly number[];
  readonly bySecond: readonly number[];
}

export interface Recurrence {
  readonly rules: readonly Rule[];
  readonly exRules: readonly Rule[];
  /** Instants of timed series, walls of all-day ones. */
  readonly dates: readonly number[];
  readonly exDates: readonly number[];
}

export interface SeriesKind {
  readonly allDay: boolean;
  readonly zone: string;
  /**
   * False for data that Google itself returns but would not accept: types that do not fit are coerced, bad lines
   * skipped.
   */
  readonly strict: boolean;
}

/** @throws GoogleError 400 `Invalid recurrence rule.` */
export function parseRecurrence(lines: readonly string[], kind: SeriesKind): Recurrence {
  const rules: Rule[] = [];
  const exRules: Rule[] = [];
  const dates: number[] = [];
  const exDates: number[] = [];
  for (const line of lines) {
    try {
      if (line.startsWith('RRULE:')) rules.push(parseRule(line.slice(6), kind));
      else if (line.startsWith('EXRULE:')) exRules.push(parseRule(line.slice(7), kind));
      else if (/^RDATE[;:]/.test(line)) dates.push(...parseDates(line, kind));
      else if (/^EXDATE[;:]/.test(line)) exDates.push(...parseDates(line, kind));
      else throw badRule();
    } catch (error) {
      if (kind.strict || !(error instanceof GoogleError)) throw error;
    }
  }
  if (kind.strict && rules.length === 0 && dates.length === 0) throw badRule();
  return { rules, exRules, dates, exDates };
}

function badRule(): GoogleError {
  return invalid('Invalid recurrence rule.');
}

const DAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const PARTS = [
  'FREQ',
  'INTERVAL',
  'COUNT',
  'UNTIL',
  'WKST',
  'BYDAY',
  'BYMONTH',
  'BYMONTHDAY',
  'BYYEARDAY',
  'BYWEEKNO',
  'BYSETPOS',
  'BYHOUR',
  'BYMINUTE',
  'BYSECOND',
];

function parseRule(text: string, kind: SeriesKind): Rule {
  const parts = new Map<string, string>();
  for (const part of text.split(';')) {
    const match = /^([A-Z]+)=([A-Z0-9,+-]+)$/.exec(part);
    if (match === null || !PARTS.includes(match[1]!) || parts.has(match[1]!)) throw badRule();
    parts.set(match[1]!, match[2]!);
  }
  const freq = parts.get('FREQ');
  if (freq !== 'DAILY' && freq !== 'WEEKLY' && freq !== 'MONTHLY' && freq !== 'YEARLY') throw badRule();
  if (parts.has('COUNT') && parts.has('UNTIL')) throw badRule();
  const numbers = (name: string, low: number, high: number, signed: boolean): number[] =>
    (parts.get(name)?.split(',') ?? []).map((value) => wholeNumber(value, low, high, signed));
  const single = (name: string, fallback: number | null): number | null => {
    const value = parts.get(name);
    return value === undefined ? fallback : wholeNumber(value, 1, 100_000, false);
  };
  const rule: Rule = {
    freq,
    interval: single('INTERVAL', 1)!,
    count: single('COUNT', null),
    until: parts.has('UNTIL') ? parseUntil(parts.get('UNTIL')!, kind) : null,
    weekStart: weekday(parts.get('WKST') ?? 'MO'),
    byDay: (parts.get('BYDAY')?.split(',') ?? []).map(parseByDay),
    byMonth: numbers('BYMONTH', 1, 12, false),
    byMonthDay: numbers('BYMONTHDAY', 1, 31, true),
    byYearDay: numbers('BYYEARDAY', 1, 366, true),
    byWeekNo: numbers('BYWEEKNO', 1, 53, true),
    bySetPos: numbers('BYSETPOS', 1, 366, true),
    byHour: numbers('BYHOUR', 0, 23, false),
    byMinute: numbers('BYMINUTE', 0, 59, false),
    bySecond: numbers('BYSECOND', 0, 59, false),
  };
  if (kind.strict) checkParts(rule, kind);
  return rule;
}

/** RFC 5545, 3.3.10: what may not stand together. */
function checkParts(rule: Rule, kind: SeriesKind): void {
  const { freq } = rule;
  const nth = rule.byDay.some((day) => day.nth !== 0);
  if (nth && freq !== 'MONTHLY' && freq !== 'YEARLY') throw badRule();
  if (nth && rule.byWeekNo.length > 0) throw badRule();
  if (rule.byMonthDay.length > 0 && freq === 'WEEKLY') throw badRule();
  if (rule.byYearDay.length > 0 && freq !== 'YEARLY') throw badRule();
  if (rule.byWeekNo.length > 0 && freq !== 'YEARLY') throw badRule();
  const times = rule.byHour.length + rule.byMinute.length + rule.bySecond.length;
  if (kind.allDay && times > 0) throw badRule();
  const others =
    rule.byDay.length +
    rule.byMonth.length +
    rule.byMonthDay.length +
    rule.byYearDay.length +
    rule.byWeekNo.length +
    times;
  if (rule.bySetPos.length > 0 && others === 0) throw badRule();
}

/** UTC for timed series, a date for all-day ones; a floating one is refused (googleapis.dart#223). */
function parseUntil(text: string, kind: SeriesKind): number {
  const isUtc = text.endsWith('Z');
  const isDate = text.length === 8;
  const wall = parseCompact(isUtc ? text.slice(0, -1) : text);
  if (wall === null || (kind.strict && (kind.allDay ? !isDate : !isUtc))) throw badRule();
  if (kind.allDay) return wall - (((wall % 86_400_000) + 86_400_000) % 86_400_000);
  if (isUtc) return wall;
  return instantOf(isDate ? wall + 86_399_000 : wall, kind.zone);
}

function parseByDay(text: string): { nth: number; day: number } {
  const match = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(text);
  if (match === null) throw badRule();
  const nth = match[1] === undefined ? 0 : wholeNumber(match[1], 1, 53, true);
  return { nth, day: weekday(match[2]!) };
}

function weekday(text: string): number {
  const day = DAYS.indexOf(text);
  if (day < 0) throw badRule();
  return day;
}

function wholeNumber(text: string, low: number, high: number, signed: boolean): number {
  if (!(signed ? /^[+-]?\d{1,6}$/ : /^\d{1,6}$/).test(text)) throw badRule();
  const value = Number(text);
  if (Math.abs(value) < low || Math.abs(value) > high) throw badRule();
  return value;
}

/**
 * RDATE and EXDATE. A date against a timed series is accepted but excludes nothing (as users reported); every other
 * mismatch, a time without zone, and periods are refused.
 */
function parseDates(line: string, kind: SeriesKind): number[] {
  const match = /^(RDATE|EXDATE)((?:;[A-Z-]+=[^;:,"]+)*):([0-9TZ,/P]+)$/.exec(line);
  if (match === null) throw badRule();
  const parameters = new Map<string, string>();
  for (const parameter of match[2]!.split(';').slice(1)) {
    const [name, value] = parameter.split('=') as [string, string];
    if ((name !== 'VALUE' && name !== 'TZID') || parameters.has(name)) throw badRule();
    parameters.set(name, value);
  }
  const type = parameters.get('VALUE') ?? 'DATE-TIME';
  const zone = parameters.get('TZID');
  if ((type !== 'DATE' && type !== 'DATE-TIME') || (zone !== undefined && !isZone(zone))) throw badRule();
  const values: number[] = [];
  for (const text of match[3]!.split(',')) {
    const isUtc = text.endsWith('Z');
    const isDate = text.length === 8;
    const wall = parseCompact(isUtc ? text.slice(0, -1) : text);
    if (wall === null || (kind.strict && isDate !== (type === 'DATE')) || (isUtc && zone !== undefined))
      throw badRule();
    if (kind.allDay) {
      if (kind.strict && !isDate) throw badRule();
      values.push(wall - (wall % 86_400_000));
    } else if (isDate) {
      if (kind.strict && match[1] === 'RDATE') throw badRule();
    } else {
      if (kind.strict && !isUtc && zone === undefined) throw badRule();
      values.push(isUtc ? wall : instantOf(wall, zone ?? kind.zone));
    }
  }
  return values;
}
