/** The occurrences of a series: those of the pattern, without deleted ones, with exceptions applied. */
import { DAY_MS, dateOf, parseDate, wallOf } from '../time.ts';
import type { Fields } from './event-fields.ts';
import { seriesDays } from './expand.ts';
import { GraphError } from './graph-error.ts';
import type { Recurrence } from './recurrence.ts';
import type { ItemState } from './world.ts';
import type { Moment } from './zones.ts';
import { instant, inZone } from './zones.ts';

export interface Occurrence {
  /** In the series' zone: its name within the series. */
  readonly date: string;
  /** Its time by the pattern, in whole minutes. */
  readonly originalMs: number;
  readonly fields: Fields;
  readonly isException: boolean;
}

const FAR = Date.UTC(4501, 0, 1);
const MINUTE_MS = 60_000;

/** Those that touch the range [fromMs, toMs), in the order of their dates. */
export function occurrencesBetween(state: ItemState, fromMs: number, toMs: number): Occurrence[] {
  const { recurrence, exceptions, cancelled } = state;
  if (recurrence === null) return [];
  const plain = seriesDays(recurrence, Math.floor(toMs / DAY_MS + 2) * DAY_MS)
    .filter((day) => day > fromMs - length(state.fields) - 3 * DAY_MS)
    .map(dateOf)
    .filter((date) => !cancelled.has(date) && !exceptions.has(date));
  return [...plain, ...exceptions.keys()]
    .sort()
    .map((date) => occurrenceAt(state, date))
    .filter(({ fields }) => touches(fields, fromMs, toMs));
}

export function touches({ start, end }: Pick<Fields, 'start' | 'end'>, fromMs: number, toMs: number): boolean {
  const [from, to] = [instant(start), instant(end)];
  return from < toMs && (to > fromMs || from >= fromMs);
}

/** The remaining dates, without deleted ones, up to a day. */
function liveDates(state: ItemState, lastDay = FAR): string[] {
  return state.recurrence === null
    ? []
    : seriesDays(state.recurrence, lastDay)
        .map(dateOf)
        .filter((date) => !state.cancelled.has(date));
}

/** Whether the pattern has that date at all. */
export function hasDate({ recurrence }: ItemState, date: string): boolean {
  const day = parseDate(date);
  return recurrence !== null && day !== null && seriesDays(recurrence, day).at(-1) === day;
}

/** Of a date that the pattern has. */
export function occurrenceAt(state: ItemState, date: string): Occurrence {
  const { fields, recurrence, exceptions } = state;
  const own = exceptions.get(date);
  const { start, end } = timesAt(fields, recurrence!, parseDate(date)!);
  const extended = { ...fields.extended, ...own?.extended };
  return {
    date,
    originalMs: Math.floor(instant(start) / MINUTE_MS) * MINUTE_MS,
    fields: { ...fields, start, end, ...own, extended },
    isException: own !== undefined,
  };
}

/**
 * A series in whole minutes; it starts with its first occurrence, on whatever day the client sent.
 *
 * @throws GraphError 400
 */
export function fitSeries(fields: Fields, recurrence: Recurrence): Pick<Fields, 'start' | 'end'> {
  const cut = { ...fields, start: wholeMinutes(fields.start), end: wholeMinutes(fields.end) };
  if (dayOf(cut.start, fields.isAllDay, recurrence) !== recurrence.range.startDay) {
    throw new GraphError(
      400,
      'ErrorPropertyValidationFailure',
      'The start date of the recurrence is not the date of the start.',
    );
  }
  const first = firstDays(recurrence, 40);
  if (first[0] === undefined)
    throw new GraphError(400, 'ErrorRecurrenceHasNoOccurrence', 'The recurrence has no occurrence.');
  const gap = Math.min(...first.slice(1).map((day, at) => day - first[at]!));
  if (length(cut) > gap)
    throw new GraphError(
      400,
      'ErrorOccurrenceTimeSpanTooBig',
      'The duration of an occurrence is longer than the interval of the series.',
    );
  return timesAt(cut, recurrence, first[0]);
}

/**
 * An exception stays between the days of its neighbours, and touches neither.
 * @throws GraphError 400 `ErrorOccurrenceCrossingBoundary`
 */
export function checkBoundary(state: ItemState, date: string, times: Pick<Fields, 'start' | 'end' | 'isAllDay'>): void {
  const recurrence = state.recurrence!;
  const dates = liveDates(state, parseDate(date)! + 400 * DAY_MS * recurrence.pattern.interval);
  const at = dates.indexOf(date);
  const day = (moment: Moment, isAllDay: boolean): number => dayOf(moment, isAllDay, recurrence);
  const own = day(times.start, times.isAllDay);
  const neighbours = [dates[at - 1], dates[at + 1]].map((one) =>
    one === undefined ? null : occurrenceAt(state, one).fields,
  );
  const [before, after] = neighbours;
  const hitsBefore =
    before !== null &&
    before !== undefined &&
    (own <= day(before.start, before.isAllDay) || instant(times.start) < instant(before.end));
  const hitsAfter =
    after !== null &&
    after !== undefined &&
    (own >= day(after.start, after.isAllDay) || instant(times.end) > instant(after.start));
  if (hitsBefore || hitsAfter)
    throw new GraphError(
      400,
      'ErrorOccurrenceCrossingBoundary',
      'Modified occurrence is crossing or overlapping adjacent occurrence.',
    );
}

/** The date of a moment in the zone of the series. */
export function dayOf(moment: Moment, isAllDay: boolean, { zone }: Recurrence): number {
  const wall = isAllDay ? moment.wall : wallOf(instant(moment), zone.iana);
  return Math.floor(wall / DAY_MS) * DAY_MS;
}

/** Times of day are those of the series' zone, whatever zone the event was written in. */
function timesAt(
  fields: Pick<Fields, 'start' | 'end' | 'isAllDay'>,
  recurrence: Recurrence,
  day: number,
): Pick<Fields, 'start' | 'end'> {
  const { start, end, isAllDay } = fields;
  const shift = day - dayOf(start, isAllDay, recurrence);
  if (isAllDay) return { start: { ...start, wall: start.wall + shift }, end: { ...end, wall: end.wall + shift } };
  const { zone } = recurrence;
  const move = (moment: Moment): Moment =>
    inZone(instant({ wall: wallOf(instant(moment), zone.iana) + shift, zone }), moment.zone);
  return { start: move(start), end: move(end) };
}

function firstDays(recurrence: Recurrence, most: number): number[] {
  for (const years of [1, 10, 2000]) {
    const days = seriesDays(recurrence, recurrence.range.startDay + years * 366 * DAY_MS);
    if (days.length >= most || years === 2000) return days.slice(0, most);
  }
  return [];
}

function wholeMinutes(moment: Moment): Moment {
  return { ...moment, wall: Math.floor(moment.wall / MINUTE_MS) * MINUTE_MS };
}

function length({ start, end }: Pick<Fields, 'start' | 'end'>): number {
  return instant(end) - instant(start);
}
