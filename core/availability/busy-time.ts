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
import { durationOf, type EventDuration, endAfter, eventDuration, periodMs } from '../recurrence/duration.ts';
import type { Budget } from '../recurrence/expand.ts';
import { expandOccurrences } from '../recurrence/expand.ts';
import { idInstant, instantOfId, occurrenceStart } from '../recurrence/occurrence.ts';
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
  readonly futureOverrides: readonly {
    readonly from: OccurrenceId;
    readonly content: Content;
    readonly nominalDays: number;
  }[];
}

/** For all events of one free/busy query. One series gets at most `STEPS_PER_SERIES` of them. */
export const STEPS_PER_QUERY = 20_000_000;
/** Enough for an occurrence in every hour of five years. */
const STEPS_PER_SERIES = 200_000;
const MAX_OCCURRENCES = 50_000;
const FIRST_OCCURRENCES = 1_000;
const DAY_MS = 86_400_000;

/**
 * When the event keeps the person busy within the range; neither merged nor sorted. An event without a duration takes
 * no time. A series with more occurrences than the budget allows is busy from where it was left, until its rules end.
 * Of a rule in a calendar that is not supported (RFC 7529) only the start counts.
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

/** From one occurrence on, up to the next segment: what the occurrences without an exception are like. */
interface Segment {
  readonly from: OccurrenceId;
  readonly isBusy: boolean;
  readonly when: When;
  readonly duration: EventDuration;
  /** By how much an occurrence is moved in wall-clock time; by whole days where either is all-day. */
  readonly shift: number;
}

/** The busy times of occurrences without an exception. */
function ordinarySpans({ event, futureOverrides }: BusySource, view: FreeBusyView, budget: Budget): Span[] {
  const { when } = event;
  const { range, zone } = view;
  const segments: Segment[] = [
    { from: '', isBusy: isBusy(event, view), when, duration: eventDuration(event), shift: 0 },
    ...futureOverrides.map(({ from, content, nominalDays }) => ({
      from,
      isBusy: isBusy(content, view),
      when: content.when,
      duration: durationOf(content.when, nominalDays),
      shift: shiftOf(from, content.when, when),
    })),
  ];
  const periods = new Map(
    event.recurrence!.dates.filter((date) => date.includes('/')).map((date) => date.split('/', 2) as [string, string]),
  );
  // Date ids are compared in UTC; no zone is more than a day away from it.
  const reach =
    [
      ...segments.map(({ shift, duration: { days, ms } }) => Math.abs(shift) + days * DAY_MS + ms),
      ...[...periods.values()].map(periodMs),
    ].reduce((a, b) => Math.max(a, b)) +
    2 * DAY_MS;
  const { ids, known } = occurrencesIn(event, { from: range.from - reach, to: range.to + reach }, budget);
  const spans = ids
    .filter((id) => event.exceptions[id] === undefined)
    .flatMap((id) => {
      const segment = lastUntil(segments, id);
      if (!segment.isBusy) return [];
      const span = spanOfOccurrence(id, when, segment, zone);
      const period = periods.get(id);
      return [period === undefined ? span : { from: span.from, to: span.from + periodMs(period) }];
    });
  if (known === Infinity || segments.every(({ isBusy, duration: { days, ms } }) => !isBusy || days + ms === 0))
    return spans;
  const moved = segments.map(({ shift }) => Math.abs(shift)).reduce((a, b) => Math.max(a, b));
  return [...spans, { from: known - moved, to: lastOf(event) + reach }];
}

function spanOfOccurrence(id: OccurrenceId, series: When, { when, duration, shift }: Segment, zone: string): Span {
  if (!series.allDay && !when.allDay) {
    const from = shift === 0 ? idInstant(id) : shifted(idInstant(id), shift, series.startZone);
    if (duration.days === 0) return { from, to: from + duration.ms };
    return { from, to: endAfter(localOf(from, when.startZone), when.startZone, duration) };
  }
  const first = Date.parse(occurrenceStart(id, series).slice(0, 10)) + shift;
  if (when.allDay)
    return { from: midnight(dateOf(first), zone), to: midnight(dateOf(first + duration.days * DAY_MS), zone) };
  const start = dateOf(first) + when.start.slice(10);
  return { from: instantOf(start, when.startZone), to: endAfter(start, when.startZone, duration) };
}

/** The last of the segments (sorted; the first begins with everything) that begins at or before an occurrence. */
function lastUntil(segments: readonly Segment[], id: OccurrenceId): Segment {
  let [first, end] = [0, segments.length];
  while (end - first > 1) {
    const middle = (first + end) >> 1;
    if (segments[middle]!.from <= id) first = middle;
    else end = middle;
  }
  return segments[first]!;
}

/**
 * Up to `known` (ms; Infinity: all) the occurrences of the rules are found. Most series have few in a range; where the
 * first of many are so close that there would be too many, the others are not looked for.
 */
function occurrencesIn(
  event: CalendarEvent,
  { from, to }: Span,
  budget: Budget,
): { ids: OccurrenceId[]; known: number } {
  const own = { steps: Math.min(STEPS_PER_SERIES, budget.steps) };
  const before = own.steps;
  let found = expandOccurrences(event, from, to, FIRST_OCCURRENCES, own);
  if (found.known !== Infinity && own.steps > 0) {
    const first = instantOfId(found.ids[0]!);
    const rest = Math.min(to, lastOf(event)) - found.known;
    const isDense = rest * FIRST_OCCURRENCES > (found.known - first) * MAX_OCCURRENCES;
    if (!isDense) found = expandOccurrences(event, from, to, MAX_OCCURRENCES, own);
  }
  budget.steps -= before - Math.max(0, own.steps);
  return found;
}

/** When the rules of a series end; Infinity where one of them does not say. */
function lastOf({ recurrence, when }: CalendarEvent): number {
  const untils = recurrence!.rules
    .map((line) => parseRule(line, when))
    .filter(({ name }) => name === 'RRULE')
    .map(({ until }) => (until === null ? Infinity : instantOfId(until)));
  return untils.reduce((a, b) => Math.max(a, b), -Infinity);
}

/** By how much an override moves its occurrence, in wall-clock time of the series. */
function shiftOf(from: OccurrenceId, when: When, series: When): number {
  if (when.allDay || series.allDay)
    return Date.parse(when.start.slice(0, 10)) - Date.parse(occurrenceStart(from, series).slice(0, 10));
  const start = localOf(instantOf(when.start, when.startZone), series.startZone);
  return Date.parse(`${start}Z`) - Date.parse(`${localOf(idInstant(from), series.startZone)}Z`);
}

function shifted(instant: number, shift: number, zone: string): number {
  return instantOf(localOf(Date.parse(`${localOf(instant, zone)}Z`) + shift, 'UTC'), zone);
}

function dateOf(ms: number): string {
  return localOf(ms, 'UTC').slice(0, 10);
}

function midnight(date: string, zone: string): number {
  return instantOf(`${date}T00:00:00`, zone);
}
