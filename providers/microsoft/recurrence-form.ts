/**
 * `patternedRecurrence` of Microsoft Graph: its six patterns and three ranges, and how they are read from an answer.
 */
import { RecurrenceError } from '../../core/recurrence/rule.ts';

/** In the order of core's weekdays: 0 is Monday. */
export const DAYS_OF_WEEK = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type DayOfWeek = (typeof DAYS_OF_WEEK)[number];

/** By the number that RFC 5545 gives them. */
export const INDEXES = [
  [1, 'first'],
  [2, 'second'],
  [3, 'third'],
  [4, 'fourth'],
  [-1, 'last'],
] as const;
export type Index = (typeof INDEXES)[number][1];

/** Each type with exactly the fields that it uses. Lists of days begin with Monday. */
export type Pattern =
  | { readonly type: 'daily'; readonly interval: number }
  | {
      readonly type: 'weekly';
      readonly interval: number;
      readonly daysOfWeek: readonly DayOfWeek[];
      readonly firstDayOfWeek: DayOfWeek;
    }
  | { readonly type: 'absoluteMonthly'; readonly interval: number; readonly dayOfMonth: number }
  | { readonly type: 'absoluteYearly'; readonly interval: number; readonly dayOfMonth: number; readonly month: number }
  | {
      readonly type: 'relativeMonthly';
      readonly interval: number;
      readonly daysOfWeek: readonly DayOfWeek[];
      readonly index: Index;
    }
  | {
      readonly type: 'relativeYearly';
      readonly interval: number;
      readonly daysOfWeek: readonly DayOfWeek[];
      readonly index: Index;
      readonly month: number;
    };

/**
 * Dates are `YYYY-MM-DD`, `endDate` is included; `recurrenceTimeZone` is a name of Graph's (`zones.ts`), null where an
 * answer has none.
 */
export type Range = { readonly startDate: string; readonly recurrenceTimeZone: string | null } & (
  | { readonly type: 'noEnd' }
  | { readonly type: 'endDate'; readonly endDate: string }
  | { readonly type: 'numbered'; readonly numberOfOccurrences: number }
);

export interface PatternedRecurrence {
  readonly pattern: Pattern;
  readonly range: Range;
}

/**
 * `recurrence` of an answer, without the zeros and defaults in fields that the type does not use.
 * @throws RecurrenceError for anything else
 */
export function readPatternedRecurrence(json: unknown): PatternedRecurrence {
  const { pattern, range } = fieldsOf(json);
  return { pattern: readPattern(fieldsOf(pattern)), range: readRange(fieldsOf(range)) };
}

type Fields = Readonly<Record<string, unknown>>;

/** Larger values are errors. */
const MAX_INTERVAL = 10_000;
const MAX_OCCURRENCES = 100_000;

function readPattern(fields: Fields): Pattern {
  const interval = within(fields['interval'], MAX_INTERVAL);
  const type = fields['type'];
  switch (type) {
    case 'daily':
      return { type, interval };
    case 'weekly':
      // Graph's default is Sunday, where RFC 5545 has Monday.
      return {
        type,
        interval,
        daysOfWeek: readDays(fields),
        firstDayOfWeek: dayOf(fields['firstDayOfWeek'] ?? 'sunday'),
      };
    case 'absoluteMonthly':
      return { type, interval, dayOfMonth: within(fields['dayOfMonth'], 31) };
    case 'absoluteYearly':
      return { type, interval, dayOfMonth: within(fields['dayOfMonth'], 31), month: within(fields['month'], 12) };
    case 'relativeMonthly':
      return { type, interval, daysOfWeek: readDays(fields), index: readIndex(fields) };
    case 'relativeYearly':
      return {
        type,
        interval,
        daysOfWeek: readDays(fields),
        index: readIndex(fields),
        month: within(fields['month'], 12),
      };
    default:
      throw new RecurrenceError('frequency');
  }
}

function readRange(fields: Fields): Range {
  const zone = fields['recurrenceTimeZone'];
  const start = {
    startDate: dateOf(fields['startDate']),
    recurrenceTimeZone: typeof zone === 'string' && zone !== '' ? zone : null,
  };
  const type = fields['type'];
  switch (type) {
    case 'noEnd':
      return { type, ...start };
    case 'endDate':
      return { type, ...start, endDate: dateOf(fields['endDate']) };
    case 'numbered':
      return { type, ...start, numberOfOccurrences: within(fields['numberOfOccurrences'], MAX_OCCURRENCES) };
    default:
      throw new RecurrenceError('until');
  }
}

function fieldsOf(json: unknown): Fields {
  if (typeof json !== 'object' || json === null) throw new RecurrenceError('syntax');
  return json as Fields;
}

function within(value: unknown, most: number): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > most)
    throw new RecurrenceError('out-of-range');
  return value as number;
}

function readDays(fields: Fields): DayOfWeek[] {
  const names = fields['daysOfWeek'];
  if (!Array.isArray(names) || names.length === 0 || names.length > 100) throw new RecurrenceError('out-of-range');
  const days = new Set(names.map(dayOf));
  return DAYS_OF_WEEK.filter((day) => days.has(day));
}

function dayOf(name: unknown): DayOfWeek {
  const day = DAYS_OF_WEEK.find((one) => one === name);
  if (day === undefined) throw new RecurrenceError('out-of-range');
  return day;
}

function readIndex(fields: Fields): Index {
  const index = INDEXES.find(([, name]) => name === (fields['index'] ?? 'first'));
  if (index === undefined) throw new RecurrenceError('out-of-range');
  return index[1];
}

function dateOf(value: unknown): string {
  const date = typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) ? value : '';
  const ms = Date.parse(`${date}T00:00:00Z`);
  // `0001-01-01` means none.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== date || date < '0002')
    throw new RecurrenceError('until');
  return date;
}
