/** DATE and DATE-TIME values of events: reads every form that occurs in practice, and keeps that form when writing. */
import type { OccurrenceId, When } from '../event.ts';
import { durationOf, type EventDuration, endAfter } from '../recurrence/duration.ts';
import { idInstant, instantId, isDateId, occurrenceId, occurrenceStart } from '../recurrence/occurrence.ts';
import { dateOfUntil } from '../recurrence/until.ts';
import { instantOf, localOf } from '../zones.ts';
import { formatDuration } from './duration-text.ts';
import type { Component, ContentLine } from './text.ts';
import { findLine, parameterValue, rawValue, withParameter, withValue } from './text.ts';
import type { Zones } from './timezones.ts';

/** An invalid or missing value. */
export class Unreadable extends Error {}

/** A parsed DATE or DATE-TIME value. */
interface DateTimeValue {
  readonly date: string;
  /** `HH:MM:SS`; null for a date. */
  readonly time: string | null;
  readonly isUtc: boolean;
  readonly tzid: string | null;
}

/** Wall-clock time in an IANA zone. `isExact` is false if the original zone is unknown and another one replaces it. */
interface ZonedTime {
  readonly local: string;
  readonly zone: string;
  readonly isExact: boolean;
}

export { durationOf, type EventDuration } from '../recurrence/duration.ts';

/**
 * `inherited` is the duration of the series, which an override without an end has; `nominalDays` are the calendar days
 * of the DURATION of a timed event. @throws Unreadable if DTSTART is missing or invalid
 */
export function readWhen(
  event: Component,
  zones: Zones,
  inherited: EventDuration | null,
): { when: When; isZoneKnown: boolean; nominalDays: number } {
  const start = readStart(event);
  const end = readEnd(event);
  if (start.time === null)
    return {
      when: { allDay: true, start: start.date, end: allDayEnd(start.date, event, end, inherited) },
      isZoneKnown: true,
      nominalDays: 0,
    };
  const from = toZonedTime(start, zones);
  const to = timedEnd(event, end, from, zones, inherited);
  const when: When = { allDay: false, start: from.local, startZone: from.zone, end: to.local, endZone: to.zone };
  if (isWholeDays(event, when))
    return {
      when: { allDay: true, start: from.local.slice(0, 10), end: to.local.slice(0, 10) },
      isZoneKnown: true,
      nominalDays: 0,
    };
  const nominalDays = end !== null && 'duration' in end ? Math.max(0, end.duration.days) : 0;
  return { when, isZoneKnown: from.isExact && to.isExact, nominalDays };
}

/** RFC 5545 3.8.2.2: a DTEND has the type of DTSTART and is later. @throws Unreadable */
export function hasValidEnd(event: Component, zones: Zones): boolean {
  const [dtstart, dtend] = [findLine(event, 'DTSTART'), findLine(event, 'DTEND')];
  if (!dtstart || !dtend) return true;
  const [start, end] = [dtstart, dtend].map((line) => parseDateTime(line, rawValue(line))) as [
    DateTimeValue,
    DateTimeValue,
  ];
  if (start.time === null || end.time === null) return start.time === end.time && end.date > start.date;
  const [from, to] = [start, end].map((value) => toZonedTime(value, zones)) as [ZonedTime, ZonedTime];
  return instantOf(to.local, to.zone) > instantOf(from.local, from.zone);
}

/**
 * The occurrence that a RECURRENCE-ID, EXDATE or RDATE value of a series names. A time in another zone or in UTC names
 * its instant; a floating time is in the zone of the series. In a timed series, a date names that day's occurrence; in
 * an all-day series, a time names its day. @throws Unreadable
 */
export function occurrenceIdOf(line: ContentLine, value: string, series: When, zones: Zones): OccurrenceId {
  const parsed = parseDateTime(line, value);
  return rangeErrorAsUnreadable(() => {
    if (series.allDay) {
      if (parsed.time === null || parsed.time === '00:00:00' || !parsed.isUtc) return parsed.date.replaceAll('-', '');
      const at = instantOf(`${parsed.date}T${parsed.time}`, 'UTC');
      return dateOfUntil(at, [...zones.ownZones(at), zones.floatingZone]).replaceAll('-', '');
    }
    if (parsed.time === null) return occurrenceId(parsed.date + series.start.slice(10), series.startZone);
    if (!parsed.isUtc && parsed.tzid === null) return occurrenceId(`${parsed.date}T${parsed.time}`, series.startZone);
    const { local, zone } = toZonedTime(parsed, zones);
    return occurrenceId(local, zone);
  });
}

/**
 * An RDATE;VALUE=PERIOD value: `id/PT1H`. The id alone in an all-day series, whose occurrences are whole days, and
 * where the length is not positive, as RFC 5545 section 3.3.9 has it.
 */
export function periodOccurrenceIdOf(line: ContentLine, value: string, series: When, zones: Zones): string {
  const [start, end] = value.split('/', 2) as [string, string];
  const id = occurrenceIdOf(line, start, series, zones);
  if (series.allDay) return id;
  const ms = /^[+-]?P/i.test(end)
    ? rangeErrorAsUnreadable(() => lengthFrom(id, parseDuration(end.toUpperCase()), series))
    : idInstant(asTimedId(occurrenceIdOf(line, end, series, zones))) - idInstant(asTimedId(id));
  const seconds = Math.round(ms / 1000);
  return seconds > 0 ? `${id}/${formatDuration(seconds)}` : id;
}

/** The form of a DTSTART: RECURRENCE-ID, EXDATE and RDATE are written in the same form. */
export interface StartFormat {
  readonly isDate: boolean;
  /** Parameters between name and value: `;VALUE=DATE`, `;TZID=Europe/Berlin`, or none. */
  readonly params: string;
  /** The zone of the written times. */
  readonly zone: string;
  readonly isUtc: boolean;
  readonly isFloating: boolean;
}

export function startFormatOf(event: Component, zones: Zones): StartFormat {
  const dtstart = findLine(event, 'DTSTART');
  const { tzid } = parseDateTime(dtstart!, rawValue(dtstart!));
  const start = readStart(event);
  if (start.time === null) return { isDate: true, params: ';VALUE=DATE', zone: 'UTC', isUtc: false, isFloating: false };
  const { zone, isExact } = toZonedTime(start, zones);
  if (/Z$/i.test(rawValue(dtstart!)) || !isExact)
    return { isDate: false, params: '', zone: 'UTC', isUtc: true, isFloating: false };
  const params = tzid === null ? '' : withParameter('X:', 'TZID', tzid).slice(1, -1);
  return { isDate: false, params, zone, isUtc: false, isFloating: tzid === null };
}

/**
 * A RECURRENCE-ID, EXDATE or RDATE line that names an occurrence in the form of the series' start; `period` makes it an
 * RDATE;VALUE=PERIOD. An instant in the repeated hour in autumn is written in UTC, because its wall-clock time means
 * the first of both hours.
 */
export function formatOccurrence(
  name: string,
  id: OccurrenceId,
  series: When,
  format: StartFormat,
  period?: string,
): string {
  const start = occurrenceStart(id, series);
  if (format.isDate) return `${name}${format.params}:${basicFormat(start)}`;
  if (series.allDay) return `${name}${format.params}:${basicFormat(start)}T000000${format.isUtc ? 'Z' : ''}`;
  const valueType = period === undefined ? '' : ';VALUE=PERIOD';
  const end = period === undefined ? '' : `/${period}`;
  const instant = isDateId(id) ? instantOf(start, series.startZone) : idInstant(id);
  const local = localOf(instant, format.zone);
  if (format.isUtc || instantOf(local, format.zone) !== instant)
    return `${name}${valueType}:${instantId(instant)}${end}`;
  return `${name}${format.params}${valueType}:${basicFormat(local)}${end}`;
}

/**
 * A DTSTART or DTEND line with another time, or with another date if `timed` is null. It keeps the form of the old line
 * if possible.
 */
export function formatDateTime(
  name: string,
  old: ContentLine | undefined,
  local: string,
  timed: { readonly zone: string; readonly zones: Zones } | null,
): string {
  if (timed === null) {
    const value = local.replaceAll('-', '');
    return old && isDateLine(old)
      ? withValue(withParameter(old.text, 'VALUE', 'DATE'), value)
      : `${name};VALUE=DATE:${value}`;
  }
  const { zone, zones } = timed;
  if (old && !isDateLine(old)) {
    const isUtc = /Z$/i.test(rawValue(old));
    if (zoneOfLine(old, zones) === zone) {
      const kept = name === old.name ? old.text : name + old.text.slice(old.name.length);
      return withValue(kept, basicFormat(local) + (isUtc ? 'Z' : ''));
    }
  }
  if (zone === 'UTC') return `${name}:${basicFormat(local)}Z`;
  return withParameter(`${name}:${basicFormat(local)}`, 'TZID', zones.tzidFor(zone, instantOf(local, zone)));
}

/** The zone in which the time of a line is read; null for a date, or if it is unknown. */
export function zoneOfLine(line: ContentLine, zones: Zones): string | null {
  const time = nullIfUnreadable(() => {
    const value = parseDateTime(line, rawValue(line));
    return value.time === null ? null : toZonedTime(value, zones);
  });
  return time?.isExact ? time.zone : null;
}

/**
 * A DURATION with a new length. It keeps the calendar days of the old one where it can, since these hold for every
 * occurrence of a series, of however many hours each day is (RFC 5545 3.8.5.3).
 */
export function formatNewDuration(old: string, next: When): string {
  const oldDays = nullIfUnreadable(() => parseDuration(old.toUpperCase()).days) ?? 0;
  const { days, ms } = durationOf(next, oldDays);
  const time = formatDuration(Math.max(0, ms / 1000));
  if (days === 0) return time;
  return ms > 0 ? `P${days}D${time.slice(1)}` : `P${days}D`;
}

const DAY = 86_400_000;

/** Basic and extended ISO form, in any case; a leap second counts as the second before it. Z wins over TZID. */
function parseDateTime(line: ContentLine, value: string): DateTimeValue {
  const match = /^(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)(Z)?)?$/i.exec(value.trim());
  if (!match) throw new Unreadable('invalid date');
  const [, year, month, day, hour, minute, second, utc] = match;
  const date = `${year}-${month}-${day}`;
  rangeErrorAsUnreadable(() =>
    instantOf(`${date}T${hour ?? '00'}:${minute ?? '00'}:${second === '60' ? '59' : (second ?? '00')}`, 'UTC'),
  );
  const asDate = hour === undefined || parameterValue(line, 'VALUE')?.toUpperCase() === 'DATE';
  return {
    date,
    time: asDate ? null : `${hour}:${minute}:${second === '60' ? '59' : second}`,
    isUtc: utc !== undefined,
    tzid: parameterValue(line, 'TZID') || null,
  };
}

export function isDateLine(line: ContentLine): boolean {
  return nullIfUnreadable(() => parseDateTime(line, rawValue(line)).time === null) ?? false;
}

/** Whether a line has a time that is neither in UTC nor in a named zone. */
export function isFloatingLine(line: ContentLine): boolean {
  return !isDateLine(line) && !/Z$/i.test(rawValue(line)) && !parameterValue(line, 'TZID');
}

/**
 * The start of an event. A floating start beside an end with a zone is read in that zone, as a floating end beside a
 * start with one is, so that the length is right.
 */
function readStart(event: Component): DateTimeValue {
  const dtstart = findLine(event, 'DTSTART');
  if (!dtstart) throw new Unreadable('no start');
  const start = parseDateTime(dtstart, rawValue(dtstart));
  const end = readEnd(event);
  const isFloating = start.time !== null && !start.isUtc && start.tzid === null;
  if (!isFloating || end === null || 'duration' in end || end.moment.time === null) return start;
  return { ...start, isUtc: end.moment.isUtc, tzid: end.moment.tzid };
}

function toZonedTime(value: DateTimeValue, zones: Zones): ZonedTime {
  const local = `${value.date}T${value.time ?? '00:00:00'}`;
  return rangeErrorAsUnreadable(() => {
    if (value.isUtc) return { local, zone: 'UTC', isExact: true };
    if (value.tzid === null) return { local, zone: zones.floatingZone, isExact: true };
    const wall = instantOf(local, 'UTC');
    const resolved = zones.resolve(value.tzid, wall);
    if (resolved === null) return { local, zone: zones.floatingZone, isExact: false };
    if ('zone' in resolved) {
      instantOf(local, resolved.zone);
      return { local, zone: resolved.zone, isExact: true };
    }
    const { rules } = resolved;
    return { local: localOf(wall - rules.offsetAt(wall - rules.offsetAt(wall)), 'UTC'), zone: 'UTC', isExact: false };
  });
}

/** An invalid end (`DTEND:None`) counts as missing. */
function readEnd(event: Component): { moment: DateTimeValue } | { duration: { days: number; seconds: number } } | null {
  const dtend = findLine(event, 'DTEND');
  const duration = findLine(event, 'DURATION');
  return (
    (dtend ? nullIfUnreadable(() => ({ moment: parseDateTime(dtend, rawValue(dtend)) })) : null) ??
    (duration ? nullIfUnreadable(() => ({ duration: parseDuration(rawValue(duration).toUpperCase()) })) : null)
  );
}

/**
 * The exclusive end of an all-day event: at least one day after the start (RFC 5545 3.6.1), also if DTEND is earlier.
 */
function allDayEnd(
  start: string,
  event: Component,
  end: ReturnType<typeof readEnd>,
  inherited: EventDuration | null,
): string {
  const plus = (count: number): string =>
    rangeErrorAsUnreadable(() =>
      localOf(instantOf(`${start}T00:00:00`, 'UTC') + Math.max(1, count) * DAY, 'UTC').slice(0, 10),
    );
  if (end === null) return plus(inherited?.days ?? 1);
  if ('duration' in end) return plus(end.duration.days + Math.ceil(end.duration.seconds / 86_400));
  const isPartly =
    end.moment.time !== null &&
    end.moment.time !== '00:00:00' &&
    !(findLine(event, 'X-MICROSOFT-CDO-ALLDAYEVENT') && end.moment.isUtc);
  return plus(Math.round((Date.parse(end.moment.date) - Date.parse(start)) / DAY) + (isPartly ? 1 : 0));
}

/**
 * An end before the start counts as the start. The days of a DURATION are calendar days, the rest is exact (RFC 5545
 * 3.3.6).
 */
function timedEnd(
  event: Component,
  end: ReturnType<typeof readEnd>,
  from: ZonedTime,
  zones: Zones,
  inherited: EventDuration | null,
): ZonedTime {
  return rangeErrorAsUnreadable(() => {
    const start = instantOf(from.local, from.zone);
    if (end !== null && 'moment' in end) {
      const dtend = findLine(event, 'DTEND')!;
      const isFloating = end.moment.tzid === null && !end.moment.isUtc;
      const to =
        end.moment.time === null || (isFloating && !isFloatingLine(findLine(event, 'DTSTART')!))
          ? { local: `${end.moment.date}T${end.moment.time ?? '00:00:00'}`, zone: from.zone, isExact: from.isExact }
          : toZonedTime(parseDateTime(dtend, rawValue(dtend)), zones);
      return instantOf(to.local, to.zone) <= start ? { ...from } : to;
    }
    const duration =
      end === null ? (inherited ?? { days: 0, ms: 0 }) : { days: end.duration.days, ms: end.duration.seconds * 1000 };
    const to = endAfter(from.local, from.zone, duration);
    return to <= start ? { ...from } : endAt(to, from);
  });
}

/** In the zone of the start; in UTC in the repeated hour, where wall-clock time means the first of both hours. */
function endAt(ms: number, from: ZonedTime): ZonedTime {
  const local = localOf(ms, from.zone);
  return instantOf(local, from.zone) === ms ? { ...from, local } : { ...from, local: localOf(ms, 'UTC'), zone: 'UTC' };
}

/** Outlook writes all-day events as times from midnight to midnight, with a flag. */
function isWholeDays(event: Component, when: When): boolean {
  const flag = findLine(event, 'X-MICROSOFT-CDO-ALLDAYEVENT');
  return (
    !when.allDay &&
    flag !== undefined &&
    rawValue(flag).toUpperCase() === 'TRUE' &&
    when.startZone === when.endZone &&
    when.start.endsWith('T00:00:00') &&
    when.end.endsWith('T00:00:00') &&
    when.end > when.start
  );
}

/** RFC 5545 3.3.6; also accepts the misplaced `T` of `PT1W`. */
export function parseDuration(text: string): { days: number; seconds: number } {
  const match = /^([+-])?PT?(?=\d)(?:(\d{1,6})W)?(?:(\d{1,6})D)?T?(?:(\d{1,8})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?$/.exec(
    text.trim(),
  );
  if (!match) throw new Unreadable('invalid duration');
  const [weeks, dayCount, hours, minutes, seconds] = match.slice(2).map((count) => Number(count ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const sign = match[1] === '-' ? -1 : 1;
  return { days: sign * (weeks * 7 + dayCount), seconds: sign * (hours * 3600 + minutes * 60 + seconds) };
}

/** The exact length of a duration from the start of an occurrence on; ms. */
function lengthFrom(
  id: OccurrenceId,
  { days, seconds }: { days: number; seconds: number },
  series: When & { allDay: false },
): number {
  if (days === 0) return seconds * 1000;
  const end = endAfter(occurrenceStart(id, series), series.startZone, { days, ms: seconds * 1000 });
  return end - idInstant(id);
}

function asTimedId(id: OccurrenceId): OccurrenceId {
  return isDateId(id) ? `${id}T000000Z` : id;
}

function nullIfUnreadable<Result>(work: () => Result): Result | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

function basicFormat(local: string): string {
  return local.replace(/[-:]/g, '');
}

function rangeErrorAsUnreadable<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new Unreadable('out of range');
    throw error;
  }
}
