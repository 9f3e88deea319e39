/** Google's `start`, `end`, `originalStartTime` and `recurrence[]`, to and from the canonical forms. */
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import type { OccurrenceId, Recurrence, When } from '../../core/event.ts';
import { normaliseRecurrence } from '../../core/recurrence/normalise.ts';
import { instantId, isDateId, occurrenceId } from '../../core/recurrence/occurrence.ts';
import { RecurrenceError } from '../../core/recurrence/rule.ts';
import { withUntilDate } from '../../core/recurrence/until.ts';
import { instantOf, localOf, resolveZone } from '../../core/zones.ts';
import { nextDay, occurrenceOn, type ReadWhen, timedWhen } from '../when.ts';
import type { Item } from './item.ts';

type Point = calendar_v3.Schema$EventDateTime;

/**
 * When an item happens; null where it has no start. Answers have any offset, so the instant counts, shown in the item's
 * own zone; `zone` is for times without one.
 * @throws RangeError for dates that do not exist
 */
export function readWhen(item: Item, zone: string): ReadWhen | null {
  const start = readPoint(item.start, zone);
  if (!start) return null;
  const end = readPoint(item.end, start.kind === 'time' ? start.zone : zone);
  if (start.kind === 'date') {
    const last = end?.kind === 'date' && end.date > start.date ? end.date : nextDay(start.date);
    return { when: { allDay: true, start: start.date, end: last }, isZoneKnown: true };
  }
  const { instant, zone: endZone } = end?.kind === 'time' ? end : start;
  return {
    when: timedWhen(start.instant, start.zone, instant, endZone),
    isZoneKnown: start.isZoneKnown && (end?.kind !== 'time' || end.isZoneKnown),
  };
}

/** `start` and `end` for a write. `before` is set for a PATCH, which clears the keys of the other kind. */
export function writeWhen(when: When, before: When | null): { start: Point; end: Point } {
  if (when.allDay) {
    const clear = before?.allDay === false ? { dateTime: null, timeZone: null } : {};
    return { start: { date: when.start, ...clear }, end: { date: when.end, ...clear } };
  }
  const clear = before?.allDay === true ? { date: null } : {};
  // The instant in UTC: a local time may be ambiguous, and zones of the 19th century have odd offsets.
  const point = (local: string, zone: string): Point => ({
    dateTime: localOf(instantOf(local, zone), 'UTC') + 'Z',
    timeZone: zone,
    ...clear,
  });
  return { start: point(when.start, when.startZone), end: point(when.end, when.endZone) };
}

/**
 * The occurrence that an exception of a series replaces. Null where the item does not say, and for an exception from a
 * time when the series was all-day and is not any more, or the other way round.
 */
export function readOccurrence(item: Item, suffix: OccurrenceId | null, series: When): OccurrenceId | null {
  const original = safely(() => readPoint(item.originalStartTime, series.allDay ? 'UTC' : series.startZone));
  if (original) {
    if ((original.kind === 'date') !== series.allDay) return null;
    return original.kind === 'date' ? occurrenceId(original.date, null) : safely(() => instantId(original.instant));
  }
  return suffix !== null && isDateId(suffix) === series.allDay ? suffix : null;
}

export interface ReadRecurrence {
  readonly recurrence: Recurrence | null;
  readonly excluded: readonly OccurrenceId[];
}

/**
 * Google may send values whose type differs from that of the start: they are read as the start's type. A plain date
 * among the EXDATEs of a timed series excludes nothing. `calendarZone` is the IANA zone of the calendar.
 * @throws RecurrenceError
 */
export function readRecurrence(lines: readonly unknown[], when: When, calendarZone?: string): ReadRecurrence {
  const rules: string[] = [];
  const dates: OccurrenceId[] = [];
  const excluded: OccurrenceId[] = [];
  if (lines.length > MAX_LINES) throw new RecurrenceError('too-many');
  for (const line of lines) {
    const parsed = typeof line === 'string' ? parseLine(line) : null;
    if (!parsed) continue;
    const { name, zone, value } = parsed;
    if (name === 'RRULE' || name === 'EXRULE') {
      const text = `${name}:${value}`;
      rules.push(when.allDay ? withUntilDate(text, calendarZone === undefined ? [] : [calendarZone]) : text);
    }
    if (name === 'RDATE') dates.push(...readDates(value, zone, when, true));
    if (name === 'EXDATE') excluded.push(...readDates(value, zone, when, false));
    if (dates.length + excluded.length > MAX_DATES) throw new RecurrenceError('too-many');
  }
  return { recurrence: normaliseRecurrence({ rules, dates }, when), excluded };
}

/** `recurrence[]` for a write; dates are in UTC, so that they need no zone. */
export function writeRecurrence(recurrence: Recurrence, excluded: readonly OccurrenceId[]): string[] {
  const line = (name: string, ids: readonly OccurrenceId[]): string[] => {
    if (ids.length === 0) return [];
    return [`${name}${isDateId(ids[0]!) ? ';VALUE=DATE' : ''}:${[...ids].sort().join(',')}`];
  };
  return [...recurrence.rules, ...line('RDATE', recurrence.dates), ...line('EXDATE', excluded)];
}

const MAX_LINES = 200;
const MAX_DATES = 20_000;

type ReadPoint =
  | { readonly kind: 'date'; readonly date: string }
  | { readonly kind: 'time'; readonly instant: number; readonly zone: string; readonly isZoneKnown: boolean };

function readPoint(point: Point | null | undefined, defaultZone: string): ReadPoint | null {
  if (typeof point?.date === 'string') {
    instantOf(`${point.date}T00:00:00`, 'UTC');
    return { kind: 'date', date: point.date };
  }
  if (typeof point?.dateTime !== 'string') return null;
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?$/i.exec(point.dateTime);
  if (!match) throw new RangeError('not a date-time');
  const [, local, offset] = match;
  const named =
    typeof point.timeZone === 'string' && point.timeZone !== '' ? resolveZone(point.timeZone, null)?.zone : defaultZone;
  const zone = named ?? 'UTC';
  const instant = offset === undefined ? instantOf(local!, zone) : instantOf(local!, 'UTC') - offsetMs(offset);
  return { kind: 'time', instant, zone, isZoneKnown: named !== undefined };
}

function offsetMs(offset: string): number {
  if (offset.toUpperCase() === 'Z') return 0;
  const ms = (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4, 6))) * 60_000;
  return offset.startsWith('-') ? -ms : ms;
}

function parseLine(line: string): { name: string; zone: string | null; value: string } | null {
  const match = /^([A-Za-z-]+)((?:;[^:;"]*(?:"[^"]*")?)*):([\s\S]*)$/.exec(line.trim());
  if (!match) return null;
  const zone = /;TZID=("[^"]*"|[^;]*)/i.exec(match[2]!)?.[1] ?? null;
  return { name: match[1]!.toUpperCase(), zone, value: match[3]! };
}

function readDates(value: string, zoneName: string | null, when: When, dateCounts: boolean): OccurrenceId[] {
  const zone = zoneName === null ? null : (resolveZone(zoneName, null)?.zone ?? null);
  const ids: OccurrenceId[] = [];
  const values = value.split(',');
  if (values.length > MAX_DATES) throw new RecurrenceError('too-many');
  for (const text of values) {
    const match = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?(?:\/.*)?$/i.exec(text.trim());
    if (!match) continue;
    const [, year, month, day, hour, minute, second, utc] = match;
    const date = `${year}-${month}-${day}`;
    const id = safely(() => {
      if (when.allDay) return occurrenceOn(date, when);
      if (hour === undefined) return dateCounts ? occurrenceOn(date, when) : null;
      return occurrenceId(`${date}T${hour}:${minute}:${second}`, utc ? 'UTC' : (zone ?? when.startZone));
    });
    if (id !== null) ids.push(id);
  }
  return ids;
}

/** Null for an invalid date: one of them must not make a whole series unreadable. */
function safely<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
