/** A `patternedRecurrence` as the service reads and returns it. */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { dateOf, parseDate } from '../time.ts';
import type { Behaviour } from './behaviour.ts';
import { GraphError, invalidBody, invalidProperty } from './graph-error.ts';
import type { Zone } from './zones.ts';
import { readZone } from './zones.ts';

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const INDEXES = ['first', 'second', 'third', 'fourth', 'last'] as const;
const PATTERNS = ['daily', 'weekly', 'absoluteMonthly', 'relativeMonthly', 'absoluteYearly', 'relativeYearly'] as const;
const RANGES = ['endDate', 'noEnd', 'numbered'] as const;
const NO_DATE = '0001-01-01';
const LATEST = Date.UTC(4500, 7, 31);

export interface Pattern {
  readonly type: (typeof PATTERNS)[number];
  readonly interval: number;
  /** 1 to 12, or 0. */
  readonly month: number;
  readonly dayOfMonth: number;
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[];
  readonly firstDayOfWeek: number;
  readonly index: (typeof INDEXES)[number];
}

/** Days are walls at midnight. */
export interface Recurrence {
  readonly pattern: Pattern;
  readonly range: {
    readonly type: (typeof RANGES)[number];
    readonly startDay: number;
    readonly endDay: number | null;
    readonly count: number;
  };
  readonly zone: Zone;
}

/** `zone`: the event's own, where the range names none. @throws GraphError 400 */
export function readRecurrence(value: unknown, zone: Zone, behaviour: Behaviour): Recurrence {
  if (!isObject(value)) throw invalidBody('recurrence');
  const { pattern, range } = keysOf(value, ['pattern', 'range']);
  if (!isObject(pattern) || !isObject(range)) throw invalidProperty();
  return { pattern: readPattern(pattern), ...readRange(range, zone, behaviour) };
}

function readPattern(value: Json): Pattern {
  keysOf(value, ['type', 'interval', 'month', 'dayOfMonth', 'daysOfWeek', 'firstDayOfWeek', 'index']);
  const type = oneOf(value['type'], PATTERNS);
  const days = value['daysOfWeek'] ?? [];
  if (!Array.isArray(days)) throw invalidProperty();
  const daysOfWeek = [...new Set(days.map((day) => DAYS.indexOf(oneOf(day, DAYS))))].sort();
  const pattern: Pattern = {
    type,
    interval: whole(value['interval'], 1, type === 'daily' ? 999 : 99),
    month: whole(value['month'] ?? 0, 0, 12),
    dayOfMonth: whole(value['dayOfMonth'] ?? 0, 0, 31),
    daysOfWeek,
    firstDayOfWeek: DAYS.indexOf(oneOf(value['firstDayOfWeek'] ?? 'sunday', DAYS)),
    index: oneOf(value['index'] ?? 'first', INDEXES),
  };
  const needsDays = type === 'weekly' || type.startsWith('relative');
  const lacks =
    (needsDays && daysOfWeek.length === 0) ||
    (type.startsWith('absolute') && pattern.dayOfMonth === 0) ||
    (type.endsWith('Yearly') && pattern.month === 0);
  if (lacks) throw invalidProperty();
  return pattern;
}

function readRange(value: Json, eventZone: Zone, behaviour: Behaviour): Omit<Recurrence, 'pattern'> {
  keysOf(value, ['type', 'startDate', 'endDate', 'numberOfOccurrences', 'recurrenceTimeZone']);
  const type = oneOf(value['type'], RANGES);
  const startDay = day(value['startDate']);
  const named = value['recurrenceTimeZone'] ?? '';
  const zone = named === '' ? eventZone : readZone(named, behaviour);
  const count = value['numberOfOccurrences'] ?? 0;
  const end = value['endDate'] ?? NO_DATE;
  const endDay = end === NO_DATE ? null : day(end);
  whole(count, 0, 999);
  if (type === 'numbered' && count === 0) throw invalidProperty();
  if (type === 'endDate' && endDay === null) throw invalidProperty();
  if (type === 'endDate' && endDay! < startDay)
    throw new GraphError(
      400,
      'ErrorCalendarEndDateIsEarlierThanStartDate',
      'The end date is earlier than the start date.',
    );
  if (endDay !== null && endDay > LATEST)
    throw new GraphError(400, 'ErrorRecurrenceEndDateTooBig', 'The end date of the recurrence is too big.');
  return {
    range: {
      type,
      startDay,
      endDay: type === 'endDate' ? endDay : null,
      count: type === 'numbered' ? Number(count) : 0,
    },
    zone,
  };
}

/** All fields are there, whether the type uses them or not. */
export function showRecurrence({ pattern, range, zone }: Recurrence): Json {
  const { type, interval, month, dayOfMonth, daysOfWeek, firstDayOfWeek, index } = pattern;
  return {
    pattern: {
      type,
      interval,
      month,
      dayOfMonth,
      daysOfWeek: daysOfWeek.map((one) => DAYS[one]),
      firstDayOfWeek: DAYS[firstDayOfWeek],
      index,
    },
    range: {
      type: range.type,
      startDate: dateOf(range.startDay),
      endDate: range.endDay === null ? NO_DATE : dateOf(range.endDay),
      recurrenceTimeZone: zone.name,
      numberOfOccurrences: range.count,
    },
  };
}

/** @throws GraphError 400 for a key that the type does not have */
export function keysOf(value: Json, allowed: readonly string[]): Json {
  for (const key of Object.keys(value)) {
    if (!allowed.includes(key) && !key.includes('@odata.'))
      throw invalidBody(`The property '${key.slice(0, 60)}' does not exist on this type.`);
  }
  return value;
}

export function oneOf<Name extends string>(value: unknown, names: readonly Name[]): Name {
  const name = names.find((one) => one === value);
  if (name === undefined) throw invalidBody(`Requested value '${String(value).slice(0, 60)}' was not found.`);
  return name;
}

function whole(value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw invalidBody('Cannot convert a value to the type Edm.Int32.');
  if (value < least || value > most) throw invalidProperty();
  return value;
}

function day(value: unknown): number {
  const at = typeof value === 'string' ? parseDate(value) : null;
  if (at === null) throw invalidBody('Cannot convert a value to the type Edm.Date.');
  return at;
}
