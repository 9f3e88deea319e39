/**
 * DATE and DATE-TIME values of events: reading them in all forms that are seen, and writing them in the form that
 * stands there.
 */
import type { OccurrenceId, When } from '../event.ts';
import { idInstant, instantId, isDateId, occurrenceId, occurrenceStart } from '../recurrence/occurrence.ts';
import { instantOf, localOf } from '../zones.ts';
import type { Component, Line } from './text.ts';
import { line, parameter, rawValue, withParameter, withValue } from './text.ts';
import type { Zones } from './timezones.ts';

/** A value that is no date or time. */
export class Unreadable extends Error {}

/** A date or time as it is written. */
interface Moment {
  readonly date: string;
  /** `HH:MM:SS`; null for a date. */
  readonly time: string | null;
  readonly isUtc: boolean;
  readonly tzid: string | null;
}

/** Wall clock and IANA zone. `isExact` is false where the zone is not known and another one stands in for it. */
interface Placed {
  readonly local: string;
  readonly zone: string;
  readonly isExact: boolean;
}

/** The length of an event: whole days, or ms. An exception without an end of its own has the series'. */
export interface Length {
  readonly days: number;
  readonly ms: number;
}

/** @throws Unreadable without a DTSTART that can be understood */
export function readWhen(
  event: Component,
  zones: Zones,
  inherited: Length | null,
): { when: When; isZoneKnown: boolean } {
  const dtstart = line(event, 'DTSTART');
  if (!dtstart) throw new Unreadable('no start');
  const start = momentOf(dtstart, rawValue(dtstart));
  const end = endOf(event);
  if (start.time === null)
    return { when: days(start.date, dayAfter(start.date, event, end, inherited)), isZoneKnown: true };
  const from = place(start, zones);
  const to = timedEnd(event, end, from, zones, inherited);
  const when: When = { allDay: false, start: from.local, startZone: from.zone, end: to.local, endZone: to.zone };
  if (isWholeDays(event, when))
    return { when: days(from.local.slice(0, 10), to.local.slice(0, 10)), isZoneKnown: true };
  return { when, isZoneKnown: from.isExact && to.isExact };
}

export function lengthOf(when: When): Length {
  if (when.allDay) return { days: Math.round((Date.parse(when.end) - Date.parse(when.start)) / DAY), ms: 0 };
  return { days: 0, ms: instantOf(when.end, when.endZone) - instantOf(when.start, when.startZone) };
}

/**
 * The occurrence that a RECURRENCE-ID, EXDATE or RDATE value of a series names. Another zone or UTC names the same
 * instant; without a zone it is one of the series' zone; a date in a timed series is that day's occurrence, a time in
 * an all-day series its day. @throws Unreadable
 */
export function idOf(of: Line, value: string, series: When, zones: Zones): OccurrenceId {
  const moment = momentOf(of, value);
  return guarded(() => {
    if (series.allDay) {
      if (moment.time === null || moment.time === '00:00:00' || !moment.isUtc) return moment.date.replaceAll('-', '');
      const local = localOf(instantOf(`${moment.date}T${moment.time}`, 'UTC'), zones.floatingZone);
      return (local.endsWith('T00:00:00') ? local : moment.date).slice(0, 10).replaceAll('-', '');
    }
    if (moment.time === null) return occurrenceId(moment.date + series.start.slice(10), series.startZone);
    if (!moment.isUtc && moment.tzid === null) return occurrenceId(`${moment.date}T${moment.time}`, series.startZone);
    const { local, zone } = place(moment, zones);
    return occurrenceId(local, zone);
  });
}

/** An RDATE;VALUE=PERIOD value: `id/PT1H`. */
export function periodIdOf(of: Line, value: string, series: When, zones: Zones): string {
  const [start, end] = value.split('/', 2) as [string, string];
  const id = idOf(of, start, series, zones);
  const seconds = /^[+-]?P/i.test(end)
    ? durationOf(end.toUpperCase()).seconds
    : Math.round((idInstant(timeOf(idOf(of, end, series, zones))) - idInstant(timeOf(id))) / 1000);
  return `${id}/${durationText(Math.max(0, seconds))}`;
}

/**
 * How a series writes its start: the form in which RECURRENCE-ID, EXDATE and RDATE of its occurrences are written, too.
 */
export interface Form {
  readonly isDate: boolean;
  /** Parameters between name and value: `;VALUE=DATE`, `;TZID=Europe/Berlin`, or none. */
  readonly params: string;
  /** The zone of the written times. */
  readonly zone: string;
  readonly isUtc: boolean;
}

export function formOf(event: Component, zones: Zones): Form {
  const dtstart = line(event, 'DTSTART')!;
  const moment = momentOf(dtstart, rawValue(dtstart));
  if (moment.time === null) return { isDate: true, params: ';VALUE=DATE', zone: 'UTC', isUtc: false };
  const { zone, isExact } = place(moment, zones);
  if (moment.isUtc || !isExact) return { isDate: false, params: '', zone: 'UTC', isUtc: true };
  const tzid = moment.tzid === null ? '' : withParameter('X:', 'TZID', moment.tzid).slice(1, -1);
  return { isDate: false, params: tzid, zone, isUtc: false };
}

/**
 * A RECURRENCE-ID, EXDATE or RDATE line that names an occurrence in the series' own form; `period` makes it an
 * RDATE;VALUE=PERIOD. The second of two equal hours in autumn has no wall-clock time of its own, and is written in UTC.
 */
export function occurrenceText(name: string, id: OccurrenceId, series: When, form: Form, period?: string): string {
  const start = occurrenceStart(id, series);
  const kind = period === undefined ? '' : ';VALUE=PERIOD';
  const end = period === undefined ? '' : `/${period}`;
  if (form.isDate && period === undefined) return `${name}${form.params}:${start.replaceAll('-', '')}`;
  if (series.allDay)
    return `${name}${form.isDate ? '' : form.params}${kind}:${start.replaceAll('-', '')}T000000${form.isUtc ? 'Z' : ''}${end}`;
  const instant = isDateId(id) ? instantOf(start, series.startZone) : idInstant(id);
  const local = localOf(instant, form.zone);
  if (form.isUtc || instantOf(local, form.zone) !== instant) return `${name}${kind}:${instantId(instant)}${end}`;
  return `${name}${form.params}${kind}:${basic(local)}${end}`;
}

/** The text of a DTSTART or DTEND line with another time. The form that stands there is kept where it can be. */
export function dateText(
  name: string,
  old: Line | undefined,
  local: string,
  zone: string | null,
  zones: Zones,
): string {
  if (zone === null) {
    const value = local.replaceAll('-', '');
    return old && isDate(old)
      ? withValue(withParameter(old.text, 'VALUE', 'DATE'), value)
      : `${name};VALUE=DATE:${value}`;
  }
  if (old && !isDate(old)) {
    const placed = attempt(() => place(momentOf(old, rawValue(old)), zones));
    if (placed?.isExact && placed.zone === zone) {
      const kept = name === old.name ? old.text : name + old.text.slice(old.name.length);
      return withValue(kept, basic(local) + (/Z$/i.test(rawValue(old)) ? 'Z' : ''));
    }
  }
  if (zone === 'UTC') return `${name}:${basic(local)}Z`;
  return withParameter(`${name}:${basic(local)}`, 'TZID', zones.tzidFor(zone, instantOf(local, zone)));
}

/** `PT1H30M`; hours are not gathered into days, because a day of RFC 5545 has 23 to 25 hours. */
export function durationText(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (seconds === 0) return 'PT0S';
  return `PT${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${rest ? `${rest}S` : ''}`;
}

const DAY = 86_400_000;

/** Basic and extended ISO form, any case, a leap second as the one before it. Z wins over TZID. */
function momentOf(of: Line, value: string): Moment {
  const match = /^(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)(Z)?)?$/i.exec(value.trim());
  if (!match) throw new Unreadable('not a date');
  const [, year, month, day, hour, minute, second, utc] = match;
  const date = `${year}-${month}-${day}`;
  guarded(() =>
    instantOf(`${date}T${hour ?? '00'}:${minute ?? '00'}:${second === '60' ? '59' : (second ?? '00')}`, 'UTC'),
  );
  const asDate = hour === undefined || parameter(of, 'VALUE')?.toUpperCase() === 'DATE';
  return {
    date,
    time: asDate ? null : `${hour}:${minute}:${second === '60' ? '59' : second}`,
    isUtc: utc !== undefined,
    tzid: parameter(of, 'TZID') || null,
  };
}

function isDate(of: Line): boolean {
  return attempt(() => momentOf(of, rawValue(of)).time === null) ?? false;
}

function place(moment: Moment, zones: Zones): Placed {
  const local = `${moment.date}T${moment.time ?? '00:00:00'}`;
  return guarded(() => {
    if (moment.isUtc) return { local, zone: 'UTC', isExact: true };
    if (moment.tzid === null) return { local, zone: zones.floatingZone, isExact: true };
    const wall = instantOf(local, 'UTC');
    const meaning = zones.meaning(moment.tzid, wall);
    if (meaning === null) return { local, zone: zones.floatingZone, isExact: false };
    if ('zone' in meaning) {
      instantOf(local, meaning.zone);
      return { local, zone: meaning.zone, isExact: true };
    }
    const { rules } = meaning;
    return { local: localOf(wall - rules.offsetAt(wall - rules.offsetAt(wall)), 'UTC'), zone: 'UTC', isExact: false };
  });
}

/** An end that makes no sense (`DTEND:None`) counts as none. */
function endOf(event: Component): { moment: Moment } | { duration: { days: number; seconds: number } } | null {
  const dtend = line(event, 'DTEND');
  const duration = line(event, 'DURATION');
  return (
    (dtend ? attempt(() => ({ moment: momentOf(dtend, rawValue(dtend)) })) : null) ??
    (duration ? attempt(() => ({ duration: durationOf(rawValue(duration).toUpperCase()) })) : null)
  );
}

/**
 * The exclusive end of an all-day event: at least one day (RFC 5545 3.6.1; DTEND equal to DTSTART is seen and means one
 * day).
 */
function dayAfter(start: string, event: Component, end: ReturnType<typeof endOf>, inherited: Length | null): string {
  const plus = (count: number): string =>
    guarded(() => localOf(instantOf(`${start}T00:00:00`, 'UTC') + Math.max(1, count) * DAY, 'UTC').slice(0, 10));
  if (end === null) return plus(inherited?.days ?? 1);
  if ('duration' in end) return plus(end.duration.days + Math.ceil(end.duration.seconds / 86_400));
  const isPartly =
    end.moment.time !== null &&
    end.moment.time !== '00:00:00' &&
    !(line(event, 'X-MICROSOFT-CDO-ALLDAYEVENT') && end.moment.isUtc);
  return plus(Math.round((Date.parse(end.moment.date) - Date.parse(start)) / DAY) + (isPartly ? 1 : 0));
}

/**
 * An end before the start counts as the start. Days of a DURATION are days of the calendar, the rest is exact (RFC 5545
 * 3.3.6).
 */
function timedEnd(
  event: Component,
  end: ReturnType<typeof endOf>,
  from: Placed,
  zones: Zones,
  inherited: Length | null,
): Placed {
  return guarded(() => {
    const start = instantOf(from.local, from.zone);
    if (end !== null && 'moment' in end) {
      const dtend = line(event, 'DTEND')!;
      const isFloating = end.moment.tzid === null && !end.moment.isUtc;
      const to =
        end.moment.time === null || (isFloating && parameter(line(event, 'DTSTART')!, 'TZID') !== undefined)
          ? { local: `${end.moment.date}T${end.moment.time ?? '00:00:00'}`, zone: from.zone, isExact: from.isExact }
          : place(momentOf(dtend, rawValue(dtend)), zones);
      return instantOf(to.local, to.zone) < start ? { ...from } : to;
    }
    if (end === null) return endAt(start + (inherited?.ms ?? 0), from);
    const nominal = localOf(instantOf(from.local, 'UTC') + end.duration.days * DAY, 'UTC');
    const base = end.duration.days === 0 ? start : instantOf(nominal, from.zone);
    const to = base + end.duration.seconds * 1000;
    return to <= start ? { ...from } : endAt(to, from);
  });
}

/** In the zone of the start; in UTC for the second of two equal hours, which no wall-clock time there can name. */
function endAt(ms: number, from: Placed): Placed {
  const local = localOf(ms, from.zone);
  return instantOf(local, from.zone) === ms ? { ...from, local } : { ...from, local: localOf(ms, 'UTC'), zone: 'UTC' };
}

/** Outlook's all-day events are times from midnight to midnight with a flag. */
export function isWholeDays(event: Component, when: When): boolean {
  const flag = line(event, 'X-MICROSOFT-CDO-ALLDAYEVENT');
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

function days(start: string, end: string): When {
  return { allDay: true, start, end };
}

/** RFC 5545 3.3.6, and the misplaced `T` of `PT1W`. */
export function durationOf(text: string): { days: number; seconds: number } {
  const match = /^([+-])?PT?(?=\d)(?:(\d{1,6})W)?(?:(\d{1,6})D)?T?(?:(\d{1,8})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?$/.exec(
    text.trim(),
  );
  if (!match) throw new Unreadable('not a duration');
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

function timeOf(id: OccurrenceId): OccurrenceId {
  return isDateId(id) ? `${id}T000000Z` : id;
}

function attempt<Result>(work: () => Result): Result | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

function basic(local: string): string {
  return local.replace(/[-:]/g, '');
}

function guarded<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new Unreadable('out of range');
    throw error;
  }
}
