/** One RRULE or EXRULE: parses and validates its text (RFC 5545 3.3.10), and formats it in a canonical form. */
import type { When } from '../event.ts';
import { instantOf } from '../zones.ts';
import { instantId } from './occurrence.ts';
import { dateOfUntil } from './until.ts';

export type RecurrenceErrorCode =
  | 'syntax'
  | 'frequency'
  | 'part-unknown'
  | 'part-twice'
  | 'out-of-range'
  | 'until'
  | 'too-many';

/** An invalid rule. The message has no content of the event. */
export class RecurrenceError extends Error {
  readonly code: RecurrenceErrorCode;

  constructor(code: RecurrenceErrorCode) {
    super(`recurrence rule: ${code}`);
    this.name = 'RecurrenceError';
    this.code = code;
  }
}

const FREQUENCIES = ['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY', 'SECONDLY'] as const;
type Frequency = (typeof FREQUENCIES)[number];
export const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;

/** `ordinal` 0 means every such day; `weekday` 0 is Monday. */
export interface ByDay {
  readonly ordinal: number;
  readonly weekday: number;
}

export interface Rule {
  readonly name: 'RRULE' | 'EXRULE';
  readonly frequency: Frequency;
  readonly interval: number;
  readonly count: number | null;
  /** `20260105T225959Z`, or `20260105` in an all-day series. */
  readonly until: string | null;
  readonly byDay: readonly ByDay[];
  readonly by: Readonly<Record<NumberPart, readonly number[]>>;
  readonly weekStart: number;
  /** RFC 7529: a calendar other than the Gregorian one, leap months, SKIP. Kept as text, and not expanded. */
  readonly extension: readonly string[];
}

const NUMBER_PARTS = {
  BYMONTH: { from: 1, to: 12, negative: false },
  BYWEEKNO: { from: 1, to: 53, negative: true },
  BYYEARDAY: { from: 1, to: 366, negative: true },
  BYMONTHDAY: { from: 1, to: 31, negative: true },
  BYHOUR: { from: 0, to: 23, negative: false },
  BYMINUTE: { from: 0, to: 59, negative: false },
  BYSECOND: { from: 0, to: 60, negative: false },
  BYSETPOS: { from: 1, to: 366, negative: true },
} as const;
type NumberPart = keyof typeof NUMBER_PARTS;
const TIME_PARTS: readonly NumberPart[] = ['BYHOUR', 'BYMINUTE', 'BYSECOND'];

const MAX_LENGTH = 8_000;
const MAX_COUNT = 10_000_000;

/**
 * Parses `RRULE:FREQ=…` (any case, empty parts, an extra `;` at the end). An INTERVAL of 0 is 1. COUNT and UNTIL may
 * stand together: the series ends at the earlier. UNTIL gets the type of the series' start. In a timed series it is an
 * instant in UTC: a date means the whole day, and a floating time is in the zone of the series. In an all-day series it
 * is a date; there BYHOUR, BYMINUTE and BYSECOND are ignored. So are ordinals (`BYDAY=1TU`) where they have no meaning,
 * and a BYSETPOS that selects the only member of its set.
 * @throws RecurrenceError
 */
export function parseRule(line: string, when: When): Rule {
  if (line.length > MAX_LENGTH) throw new RecurrenceError('too-many');
  const match = /^(RRULE|EXRULE):([\s\S]*)$/i.exec(line.trim());
  if (!match) throw new RecurrenceError('syntax');
  const parts = parseParts(match[2]!);
  const take = (name: string): string | undefined => {
    const value = parts.get(name);
    parts.delete(name);
    return value;
  };
  const extension = parseExtension(take('RSCALE'), take('SKIP'));
  const frequency = FREQUENCIES.find((known) => known === parts.get('FREQ'));
  parts.delete('FREQ');
  if (!frequency) throw new RecurrenceError('frequency');
  const by = {} as Record<NumberPart, number[]>;
  for (const name of Object.keys(NUMBER_PARTS) as NumberPart[]) {
    const value = take(name);
    if (name === 'BYMONTH' && extension.length > 0 && value !== undefined && /L|13/.test(value)) {
      extension.push(`BYMONTH=${value}`);
      by[name] = [];
    } else {
      by[name] = parseNumbers(value, NUMBER_PARTS[name]);
    }
    if (when.allDay && TIME_PARTS.includes(name)) by[name] = [];
  }
  const rule: Rule = {
    name: match[1]!.toUpperCase() as Rule['name'],
    frequency,
    interval: parsePositive(take('INTERVAL')?.replace(/^\+?0+$/, '1')) ?? 1,
    count: parsePositive(take('COUNT')),
    until: parseUntil(take('UNTIL'), when),
    byDay: parseDays(take('BYDAY'), hasOrdinals(frequency, by)),
    by,
    weekStart: parseWeekday(take('WKST') ?? 'MO'),
    extension,
  };
  if (parts.size > 0) throw new RecurrenceError('part-unknown');
  return withoutIdleSetpos(rule);
}

/** RFC 5545 3.3.10 has them for the weekdays of a month or a year only. */
function hasOrdinals(frequency: Frequency, by: Rule['by']): boolean {
  return frequency === 'MONTHLY' || (frequency === 'YEARLY' && by.BYWEEKNO.length === 0);
}

/** RFC 5545 3.3.10 allows BYSETPOS beside another BY part only: without one, a set has a single member. */
function withoutIdleSetpos(rule: Rule): Rule {
  const { by, byDay } = rule;
  const isIdle =
    (by.BYSETPOS.includes(1) || by.BYSETPOS.includes(-1)) &&
    byDay.length === 0 &&
    (Object.keys(by) as NumberPart[]).every((name) => name === 'BYSETPOS' || by[name].length === 0);
  return isIdle ? { ...rule, by: { ...by, BYSETPOS: [] } } : rule;
}

/** The canonical text of a rule: parts in a fixed order, without defaults, with sorted lists. */
export function formatRule(rule: Rule): string {
  const parts = [...rule.extension.filter((part) => part.startsWith('RSCALE')), `FREQ=${rule.frequency}`];
  if (rule.interval !== 1) parts.push(`INTERVAL=${rule.interval}`);
  if (rule.count !== null) parts.push(`COUNT=${rule.count}`);
  if (rule.until !== null) parts.push(`UNTIL=${rule.until}`);
  for (const name of ['BYMONTH', 'BYWEEKNO', 'BYYEARDAY', 'BYMONTHDAY'] as const) pushList(parts, name, rule.by[name]);
  if (rule.byDay.length > 0)
    parts.push('BYDAY=' + rule.byDay.map((day) => `${day.ordinal || ''}${WEEKDAYS[day.weekday]}`).join(','));
  for (const name of ['BYHOUR', 'BYMINUTE', 'BYSECOND', 'BYSETPOS'] as const) pushList(parts, name, rule.by[name]);
  if (rule.weekStart !== 0) parts.push(`WKST=${WEEKDAYS[rule.weekStart]}`);
  parts.push(...rule.extension.filter((part) => !part.startsWith('RSCALE')));
  return `${rule.name}:${parts.join(';')}`;
}

function pushList(parts: string[], name: NumberPart, values: readonly number[]): void {
  if (values.length > 0) parts.push(`${name}=${values.join(',')}`);
}

/** Ignores the X- parts of RFC 2445. */
function parseParts(text: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.toUpperCase().split(';')) {
    const at = part.indexOf('=');
    const name = (at < 0 ? part : part.slice(0, at)).trim();
    const value = at < 0 ? '' : part.slice(at + 1).trim();
    if (name.startsWith('X-')) continue;
    if (value === '') {
      if (name !== '' && at < 0) throw new RecurrenceError('syntax');
      continue;
    }
    if (parts.has(name) && parts.get(name) !== value) throw new RecurrenceError('part-twice');
    parts.set(name, value);
  }
  return parts;
}

function parseExtension(scale: string | undefined, skip: string | undefined): string[] {
  const extension: string[] = [];
  if (scale !== undefined && scale !== 'GREGORIAN') {
    if (!/^[A-Z0-9-]{1,40}$/.test(scale)) throw new RecurrenceError('out-of-range');
    extension.push(`RSCALE=${scale}`);
  }
  if (skip !== undefined && skip !== 'OMIT') {
    if (skip !== 'BACKWARD' && skip !== 'FORWARD') throw new RecurrenceError('out-of-range');
    if (extension.length === 0) extension.push('RSCALE=GREGORIAN');
    extension.push(`SKIP=${skip}`);
  }
  return extension;
}

function parsePositive(text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = /^\+?\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_COUNT) throw new RecurrenceError('out-of-range');
  return value;
}

function parseNumbers(text: string | undefined, range: { from: number; to: number; negative: boolean }): number[] {
  if (text === undefined) return [];
  const values = new Set<number>();
  for (const item of splitList(text)) {
    const value = /^[+-]?\d{1,3}$/.test(item) ? Number(item) : NaN;
    const size = range.negative ? Math.abs(value) : value;
    if (!(size >= range.from && size <= range.to)) throw new RecurrenceError('out-of-range');
    values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function parseDays(text: string | undefined, hasOrdinal: boolean): ByDay[] {
  if (text === undefined) return [];
  const days = new Map<string, ByDay>();
  for (const item of splitList(text)) {
    const match = /^([+-]?\d{1,2})?\s*([A-Z]{2})$/.exec(item);
    if (!match) throw new RecurrenceError('out-of-range');
    const ordinal = match[1] === undefined ? 0 : Number(match[1]);
    if (match[1] !== undefined && (ordinal === 0 || Math.abs(ordinal) > 53)) throw new RecurrenceError('out-of-range');
    const day = { ordinal: hasOrdinal ? ordinal : 0, weekday: parseWeekday(match[2]!) };
    days.set(`${day.ordinal} ${day.weekday}`, day);
  }
  return [...days.values()].sort((a, b) => a.ordinal - b.ordinal || a.weekday - b.weekday);
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function parseWeekday(text: string): number {
  const weekday = (WEEKDAYS as readonly string[]).indexOf(text);
  if (weekday < 0) throw new RecurrenceError('out-of-range');
  return weekday;
}

/** Also without seconds, or with a `Z` after a date. */
function parseUntil(text: string | undefined, when: When): string | null {
  if (text === undefined) return null;
  const plain = text.replaceAll('-', '').replaceAll(':', '');
  const match = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?)?(Z?)$/.exec(plain);
  if (!match) throw new RecurrenceError('until');
  const [, year, month, day, hour, minute, second = '00', utc] = match;
  const date = `${year}-${month}-${day}`;
  const time = `${date}T${hour}:${minute}:${second === '60' ? '59' : second}`;
  try {
    if (when.allDay) {
      if (hour !== undefined && utc === 'Z') return dateOfUntil(instantOf(time, 'UTC'), []).replaceAll('-', '');
      instantOf(`${date}T00:00:00`, 'UTC');
      return `${year}${month}${day}`;
    }
    if (hour === undefined) return instantId(instantOf(`${date}T23:59:59`, when.startZone));
    return instantId(instantOf(time, utc === 'Z' ? 'UTC' : when.startZone));
  } catch {
    throw new RecurrenceError('until');
  }
}
