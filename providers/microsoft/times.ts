/**
 * Graph's `start`, `end` and `originalStart`, to and from the canonical forms. Answers are in UTC and name the event's
 * own zones in other fields.
 */
import type { OccurrenceId, When } from '../../core/event.ts';
import { instantId, occurrenceId } from '../../core/recurrence/occurrence.ts';
import { instantOf, localOf } from '../../core/zones.ts';
import { nextDay, occurrenceOn, type ReadWhen, timedWhen } from '../when.ts';
import { fieldOf, type Item, occurrenceDate, textOf } from './item.ts';
import type { OriginalZones } from './private-data.ts';
import { graphZone, readGraphZone } from './zones.ts';

interface DateTimeTimeZone {
  readonly dateTime: string;
  readonly timeZone: string;
}

export interface WhenBody {
  readonly isAllDay: boolean;
  readonly start: DateTimeTimeZone;
  readonly end: DateTimeTimeZone;
}

/**
 * When an event happens, in the given zones; null where it has no start. All-day events begin at midnight of any zone:
 * only their dates count.
 * @throws RangeError for times that do not exist
 */
export function readWhen(
  item: Readonly<Record<string, unknown>>,
  zones: { start: string | null; end: string | null },
): ReadWhen | null {
  const [start, end] = [textOf(fieldOf(item['start'], 'dateTime')), textOf(fieldOf(item['end'], 'dateTime'))];
  if (start === '') return null;
  if (item['isAllDay'] === true) {
    const [first, last] = [dateOf(start), end === '' ? '' : dateOf(end)];
    return { when: { allDay: true, start: first, end: last > first ? last : nextDay(first) }, isZoneKnown: true };
  }
  const startInstant = instantIn(item['start']);
  const endInstant = end === '' ? startInstant : instantIn(item['end']);
  const [startZone, endZone] = [zones.start ?? 'UTC', zones.end ?? zones.start ?? 'UTC'];
  const when = timedWhen(startInstant, startZone, endInstant, endZone);
  return { when, isZoneKnown: zones.start !== null && zones.end !== null };
}

/** The zones of an event; null where they are unknown. `original` are those of the other side. */
export function zonesOf(item: Item, original: OriginalZones): { start: string | null; end: string | null } {
  const series = fieldOf(fieldOf(item['recurrence'], 'range'), 'recurrenceTimeZone');
  const start = readGraphZone(series, original.start) ?? readGraphZone(item['originalStartTimeZone'], original.start);
  // An event without a zone was created in UTC.
  const isUnnamed = textOf(item['originalStartTimeZone']) === '' && textOf(series) === '';
  const ofStart = start ?? (isUnnamed ? 'UTC' : null);
  const ofEnd =
    readGraphZone(item['originalEndTimeZone'], original.end) ??
    (textOf(item['originalEndTimeZone']) === '' ? ofStart : null);
  return { start: ofStart, end: ofEnd };
}

/**
 * `start`, `end` and `isAllDay` for a write: local time in a Windows zone. A single event is sent in UTC where its
 * local time is ambiguous.
 */
export function writeWhen(when: When, isSeries: boolean): WhenBody {
  if (when.allDay) return { isAllDay: true, start: midnight(when.start), end: midnight(when.end) };
  const isInUtc = !isSeries && (isAmbiguous(when.start, when.startZone) || isAmbiguous(when.end, when.endZone));
  return {
    isAllDay: false,
    start: point(when.start, when.startZone, isInUtc),
    end: point(when.end, when.endZone, isInUtc),
  };
}

/**
 * The occurrence that an exception replaces; null where the item does not say. `originalStart` is in UTC and cut to the
 * minute, as all times of a series are.
 */
export function readOccurrence(item: Item, series: When): OccurrenceId | null {
  const original = Date.parse(textOf(item['originalStart']));
  const named = occurrenceDate(item);
  if (!series.allDay && !Number.isNaN(original)) return instantId(Math.floor(original / MINUTE) * MINUTE);
  if (named !== null) return occurrenceOn(named, series);
  if (Number.isNaN(original)) return null;
  return occurrenceId(dateOfMidnight(item, original), null);
}

/**
 * The date of an all-day occurrence. Its `originalStart` is midnight of the mailbox's zone, which no answer names, and
 * which need not be the zone of the event: 22:00Z of the day before in Berlin in summer.
 */
function dateOfMidnight(item: Item, original: number): string {
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  if (original % DAY === 0) return day(original);
  const zone = readGraphZone(item['originalStartTimeZone'], null);
  const local = zone === null ? '' : localOf(original, zone);
  if (local.endsWith('T00:00:00')) return local.slice(0, 10);
  const [west, east] = [day(original), day(original + DAY)];
  const own = item['isAllDay'] === true ? textOf(fieldOf(item['start'], 'dateTime')).slice(0, 10) : '';
  const hours = (original % DAY) / HOUR;
  const possible = [...(hours <= 12 ? [west] : []), ...(hours >= 10 ? [east] : [])];
  // It was not moved, or its midnight decides. Both sides of the date line: more people live in Hawaii than on the Line
  // Islands, and more in New Zealand than in Samoa's neighbourhood.
  return possible.find((date) => date === own) ?? (hours < 10.5 ? west : east);
}

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

function dateOf(dateTime: string): string {
  const date = dateTime.slice(0, 10);
  if (!/^\d{4}-\d\d-\d\d$/.test(date) || Number.isNaN(Date.parse(date))) throw new RangeError('not a date');
  return date;
}

/** To the second, as the canonical form has it. */
function instantIn(value: unknown): number {
  const zone = readGraphZone(textOf(fieldOf(value, 'timeZone')) || 'UTC', null) ?? 'UTC';
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z?$/.exec(textOf(fieldOf(value, 'dateTime')));
  if (!match) throw new RangeError('not a time');
  return instantOf(match[1]!, zone);
}

function midnight(date: string): DateTimeTimeZone {
  return { dateTime: `${date}T00:00:00`, timeZone: 'UTC' };
}

/** Whether the clock shows this time twice, or never. @throws RangeError */
function isAmbiguous(local: string, zone: string): boolean {
  const instant = instantOf(local, zone);
  return localOf(instant, zone) !== local || [-1, 1].some((hours) => localOf(instant + hours * HOUR, zone) === local);
}

function point(local: string, zone: string, isInUtc: boolean): DateTimeTimeZone {
  const name = isInUtc ? null : graphZone(zone, Number(local.slice(0, 4)));
  return name === null
    ? { dateTime: localOf(instantOf(local, zone), 'UTC'), timeZone: 'UTC' }
    : { dateTime: local, timeZone: name };
}
