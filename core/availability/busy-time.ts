/**
 * When an event keeps a person busy: RFC 5545's STATUS, TRANSP and PARTSTAT, over all occurrences of a series. Pure.
 */
import {
  type CalendarEvent,
  type Content,
  EXCLUDED,
  type OccurrenceId,
  type Participation,
  type When,
} from '../event.ts';
import type { Budget } from '../recurrence/expand.ts';
import { expandOccurrences } from '../recurrence/expand.ts';
import { idInstant, instantOfId, isDateId, occurrenceId, occurrenceStart } from '../recurrence/occurrence.ts';
import { parseRule } from '../recurrence/rule.ts';
import { instantOf, localOf } from '../zones.ts';
import { clipSpans, type Span } from './interval.ts';

/** Whose time is asked for, and in which range. */
export interface FreeBusyView {
  readonly range: Span;
  /** The calendar's IANA zone, in which all-day events take place. */
  readonly zone: string;
  /** The person's addresses, in lower case. */
  readonly own: ReadonlySet<string>;
  /** Whether invitations that the person has not answered count as busy. */
  readonly unanswered: 'busy' | 'free';
}

/** An event, as it is read for free/busy. */
export interface BusySource {
  readonly event: CalendarEvent;
  /**
   * Overrides with RANGE=THISANDFUTURE, in order: each applies to its own and all later occurrences, and moves them by
   * the same amount.
   */
  readonly futureOverrides: readonly { readonly from: OccurrenceId; readonly content: Content }[];
}

/**
 * The times of an event are unknown: its rule needs more steps than allowed, is invalid, or uses a calendar that is not
 * supported (RFC 7529).
 */
export class TimesUnknown extends Error {}

/** For all events of one free/busy query. One series gets at most `STEPS_PER_SERIES` of them. */
export const STEPS_PER_QUERY = 20_000_000;
/** Enough for an occurrence in every hour of five years. */
const STEPS_PER_SERIES = 200_000;
const DAY_MS = 86_400_000;

/**
 * When the event keeps the person busy within the range; neither merged nor sorted. An event without a duration takes
 * no time.
 * @throws TimesUnknown if the event may be busy at times that cannot be found out
 */
export function busySpans(source: BusySource, view: FreeBusyView, budget: Budget): Span[] {
  const { event, futureOverrides } = source;
  const spans: Span[] = [];
  if (event.recurrence === null) {
    if (isBusy(event, view)) spans.push(spanOfWhen(event.when, view.zone));
  } else {
    for (const exception of Object.values(event.exceptions)) {
      if (exception !== EXCLUDED && isBusy(exception, view)) spans.push(spanOfWhen(exception.when, view.zone));
    }
    const isAnyBusy = [event, ...futureOverrides.map(({ content }) => content)].some((content) =>
      isBusy(content, view),
    );
    if (isAnyBusy) spans.push(...ordinarySpans(source, view, budget));
  }
  return clipSpans(spans, view.range);
}

/** Whether an event whose recurrence is unknown may take time within the range. */
export function mayTakeTime(content: Content, view: FreeBusyView): boolean {
  return isBusy(content, view) && spanOfWhen(content.when, view.zone).from < view.range.to;
}

/** What decides whether an event keeps a person busy, on any service. */
export interface BusyCriteria {
  /** The event is cancelled or marked as free. */
  readonly isFree: boolean;
  /** The person's own reply; null if the person is not an attendee. */
  readonly participation: Participation | null;
  readonly isOrganizer: boolean;
}

/** A meeting takes its organizer's time even before the organizer has replied to it. */
export function takesTime({ isFree, participation, isOrganizer }: BusyCriteria, unanswered: 'busy' | 'free'): boolean {
  if (isFree || participation === 'declined' || participation === 'delegated') return false;
  return participation !== 'needs-action' || isOrganizer || unanswered === 'busy';
}

function isBusy({ status, transparency, organizer, attendees }: Content, { own, unanswered }: FreeBusyView): boolean {
  return takesTime(
    {
      isFree: status === 'cancelled' || transparency === 'transparent',
      participation: attendees.find(({ address }) => own.has(address))?.participation ?? null,
      isOrganizer: own.has(organizer?.address ?? ''),
    },
    unanswered,
  );
}

/** A day begins at midnight in the given zone, or at the end of the gap if clocks skip midnight. */
export function spanOfWhen(when: When, zone: string): Span {
  if (when.allDay) return { from: midnight(when.start, zone), to: midnight(when.end, zone) };
  return { from: instantOf(when.start, when.startZone), to: instantOf(when.end, when.endZone) };
}

/** The busy times of occurrences without an exception. */
function ordinarySpans({ event, futureOverrides }: BusySource, view: FreeBusyView, budget: Budget): Span[] {
  const { when } = event;
  const { range, zone } = view;
  const segments = [
    { from: '', content: event as Content, shift: 0 },
    ...futureOverrides.map((one) => ({ ...one, shift: shiftOf(one, when) })),
  ].map(({ from, content, shift }) => ({
    from,
    shift,
    length: durationOf(content.when),
    isBusy: isBusy(content, view),
  }));
  const periods = new Map(
    event.recurrence!.dates.filter((date) => date.includes('/')).map((date) => date.split('/', 2) as [string, string]),
  );
  // Date ids are compared in UTC; no zone is more than a day away from it.
  const reach =
    Math.max(
      ...segments.map(({ shift, length }) => Math.abs(shift) + length),
      ...[...periods.values()].map(durationOfPeriod),
    ) + DAY_MS;
  const ids = occurrencesIn(event, { from: range.from - reach, to: range.to + reach }, budget);
  return ids
    .filter((id) => event.exceptions[id] === undefined)
    .flatMap((id) => {
      const { shift, length, isBusy } = segments.findLast(({ from }) => from <= id)!;
      if (!isBusy) return [];
      const period = periods.get(id);
      if (when.allDay || isDateId(id)) {
        const first = Date.parse(occurrenceStart(id, when).slice(0, 10)) + shift;
        const from = midnight(dateOf(first), zone);
        return [
          { from, to: period === undefined ? midnight(dateOf(first + length), zone) : from + durationOfPeriod(period) },
        ];
      }
      const from = shift === 0 ? idInstant(id) : shifted(idInstant(id), shift, when.startZone);
      return [{ from, to: from + (period === undefined ? length : durationOfPeriod(period)) }];
    });
}

/**
 * RFC 5545 leaves open whether a start that its rule does not match is an instance. Calendars show it, so it counts.
 */
function occurrencesIn(event: CalendarEvent, { from, to }: Span, budget: Budget): OccurrenceId[] {
  const { when, recurrence } = event;
  const own = { steps: Math.min(STEPS_PER_SERIES, budget.steps) };
  const before = own.steps;
  const { ids, complete } = expandOccurrences(event, from, to, Infinity, own);
  budget.steps -= before - own.steps;
  if (!complete) throw new TimesUnknown('the series cannot be expanded');
  const rules = recurrence!.rules.map((line) => parseRule(line, when));
  const start = occurrenceId(when.start, when.allDay ? null : when.startZone);
  const hasBegun =
    rules.every(({ name }) => name === 'RRULE') && rules.some(({ until }) => until === null || until >= start);
  const at = instantOfId(start);
  return hasBegun && at >= from && at < to && !ids.includes(start) ? [start, ...ids] : ids;
}

/** By how much an override moves its occurrence, in wall-clock time of the series. */
function shiftOf({ from, content }: BusySource['futureOverrides'][number], series: When): number {
  const { when } = content;
  if (when.allDay !== series.allDay)
    throw new TimesUnknown('an override changes the series from timed to all-day, or back');
  if (when.allDay || series.allDay) return Date.parse(when.start) - Date.parse(occurrenceStart(from, series));
  const start = localOf(instantOf(when.start, when.startZone), series.startZone);
  return Date.parse(`${start}Z`) - Date.parse(`${localOf(idInstant(from), series.startZone)}Z`);
}

function shifted(instant: number, shift: number, zone: string): number {
  return instantOf(localOf(Date.parse(`${localOf(instant, zone)}Z`) + shift, 'UTC'), zone);
}

function dateOf(ms: number): string {
  return localOf(ms, 'UTC').slice(0, 10);
}

function durationOf(when: When): number {
  if (when.allDay) return Date.parse(when.end) - Date.parse(when.start);
  return instantOf(when.end, when.endZone) - instantOf(when.start, when.startZone);
}

function midnight(date: string, zone: string): number {
  return instantOf(`${date}T00:00:00`, zone);
}

/** The duration of `PT1H30M` (the canonical form in a recurrence); ms. */
function durationOfPeriod(period: string): number {
  const [, hours, minutes, seconds] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/.exec(period) ?? [];
  return (Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)) * 1000;
}
