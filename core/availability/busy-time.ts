/**
 * When an event keeps its person busy: RFC 5545's STATUS, TRANSP and PARTSTAT, over all occurrences of a series. Pure.
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
import { expandOccurrences } from '../recurrence/normalise.ts';
import { idInstant, instantOfId, isDateId, occurrenceId, occurrenceStart } from '../recurrence/occurrence.ts';
import { parseRule } from '../recurrence/rule.ts';
import { instantOf, localOf } from '../zones.ts';
import { clipSpans, type Span } from './interval.ts';

/** Whose time it is, and which. */
export interface FreeBusyView {
  readonly range: Span;
  /** IANA zone of all-day events: the calendar's. */
  readonly zone: string;
  /** The person's addresses, in lower case. */
  readonly own: ReadonlySet<string>;
  /** Whether invitations that the person has not answered count. */
  readonly unanswered: 'busy' | 'free';
}

/** An event as it is read for this one question. */
export interface BusySource {
  readonly event: CalendarEvent;
  /**
   * Exceptions that hold for all following occurrences, too (RANGE=THISANDFUTURE), in order. Those occurrences move as
   * theirs does.
   */
  readonly later: readonly { readonly from: OccurrenceId; readonly content: Content }[];
}

/**
 * It cannot be told when something happens: a rule takes more steps than are allowed, cannot be read, or is of a
 * calendar that is not followed (RFC 7529).
 */
export class TimesUnknown extends Error {}

/** For all events of one question. A rule alone gets `STEPS_PER_SERIES` of it. */
export const STEPS_PER_QUESTION = 20_000_000;
/** Enough for an occurrence in every hour of five years. */
const STEPS_PER_SERIES = 200_000;
const DAY_MS = 86_400_000;

/**
 * When the event keeps the person busy within the range; neither merged nor sorted. An event without length takes no
 * time.
 * @throws TimesUnknown where leaving it out would show time as free that may be taken
 */
export function busySpans(source: BusySource, view: FreeBusyView, budget: Budget): Span[] {
  const { event, later } = source;
  const spans: Span[] = [];
  if (event.recurrence === null) {
    if (isBusy(event, view)) spans.push(spanOfWhen(event.when, view.zone));
  } else {
    for (const exception of Object.values(event.exceptions)) {
      if (exception !== EXCLUDED && isBusy(exception, view)) spans.push(spanOfWhen(exception.when, view.zone));
    }
    const isAnyBusy = [event, ...later.map(({ content }) => content)].some((content) => isBusy(content, view));
    if (isAnyBusy) return clipSpans([...spans, ...ordinarySpans(source, view, budget)], view.range);
  }
  return clipSpans(spans, view.range);
}

/** Whether an event of which no more is known than its content may take time within the range. */
export function mayTakeTime(content: Content, view: FreeBusyView): boolean {
  return isBusy(content, view) && spanOfWhen(content.when, view.zone).from < view.range.to;
}

/** What decides whether an event takes its person's time, whatever service it is of. */
export interface Claim {
  /** Cancelled, or shown as free. */
  readonly isOff: boolean;
  /** The person's own; null where the person is not among the attendees. */
  readonly participation: Participation | null;
  readonly isOrganizer: boolean;
}

/** One's own meeting does so before one has answered oneself. */
export function takesTime({ isOff, participation, isOrganizer }: Claim, unanswered: 'busy' | 'free'): boolean {
  if (isOff || participation === 'declined' || participation === 'delegated') return false;
  return participation !== 'needs-action' || isOrganizer || unanswered === 'busy';
}

function isBusy({ status, transparency, organizer, attendees }: Content, { own, unanswered }: FreeBusyView): boolean {
  return takesTime(
    {
      isOff: status === 'cancelled' || transparency === 'transparent',
      participation: attendees.find(({ address }) => own.has(address))?.participation ?? null,
      isOrganizer: own.has(organizer?.address ?? ''),
    },
    unanswered,
  );
}

/** A day begins at midnight in the given zone, or where that is left out, at the first moment after it. */
export function spanOfWhen(when: When, zone: string): Span {
  if (when.allDay) return { from: midnight(when.start, zone), to: midnight(when.end, zone) };
  return { from: instantOf(when.start, when.startZone), to: instantOf(when.end, when.endZone) };
}

/** The occurrences that have no content of their own. */
function ordinarySpans({ event, later }: BusySource, view: FreeBusyView, budget: Budget): Span[] {
  const { when } = event;
  const { range, zone } = view;
  const stretches = [
    { from: '', content: event as Content, shift: 0 },
    ...later.map((one) => ({ ...one, shift: shiftOf(one, when) })),
  ].map(({ from, content, shift }) => ({ from, shift, length: lengthOf(content.when), counts: isBusy(content, view) }));
  const periods = new Map(
    event.recurrence!.dates.filter((date) => date.includes('/')).map((date) => date.split('/', 2) as [string, string]),
  );
  // A day to either side is more than any zone is away from UTC, in which dates are counted.
  const reach =
    Math.max(
      ...stretches.map(({ shift, length }) => Math.abs(shift) + length),
      ...[...periods.values()].map(lengthOfPeriod),
    ) + DAY_MS;
  const ids = occurrencesIn(event, { from: range.from - reach, to: range.to + reach }, budget);
  return ids
    .filter((id) => event.exceptions[id] === undefined)
    .flatMap((id) => {
      const { shift, length, counts } = stretches.findLast(({ from }) => from <= id)!;
      if (!counts) return [];
      const period = periods.get(id);
      if (when.allDay || isDateId(id)) {
        const first = Date.parse(occurrenceStart(id, when).slice(0, 10)) + shift;
        const from = midnight(dateOf(first), zone);
        return [
          { from, to: period === undefined ? midnight(dateOf(first + length), zone) : from + lengthOfPeriod(period) },
        ];
      }
      const from = shift === 0 ? idInstant(id) : shifted(idInstant(id), shift, when.startZone);
      return [{ from, to: from + (period === undefined ? length : lengthOfPeriod(period)) }];
    });
}

/** A start that its own rule does not have is left open by RFC 5545; people see it in their calendars, so it counts. */
function occurrencesIn(event: CalendarEvent, { from, to }: Span, budget: Budget): OccurrenceId[] {
  const { when, recurrence } = event;
  const own = { steps: Math.min(STEPS_PER_SERIES, budget.steps) };
  const before = own.steps;
  const { ids, complete } = expandOccurrences(event, from, to, Infinity, own);
  budget.steps -= before - own.steps;
  if (!complete) throw new TimesUnknown('a series repeats in a way that cannot be followed');
  const rules = recurrence!.rules.map((line) => parseRule(line, when));
  const start = occurrenceId(when.start, when.allDay ? null : when.startZone);
  const hasBegun =
    rules.every(({ name }) => name === 'RRULE') && rules.some(({ until }) => until === null || until >= start);
  const at = instantOfId(start);
  return hasBegun && at >= from && at < to && !ids.includes(start) ? [start, ...ids] : ids;
}

/** By how much an exception moves its occurrence: in wall-clock time of the series. */
function shiftOf({ from, content }: BusySource['later'][number], series: When): number {
  const { when } = content;
  if (when.allDay !== series.allDay)
    throw new TimesUnknown('an exception turns a series into days, or days into times');
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

function lengthOf(when: When): number {
  if (when.allDay) return Date.parse(when.end) - Date.parse(when.start);
  return instantOf(when.end, when.endZone) - instantOf(when.start, when.startZone);
}

function midnight(date: string, zone: string): number {
  return instantOf(`${date}T00:00:00`, zone);
}

/** Of `PT1H30M`, as a canonical recurrence spells it. */
function lengthOfPeriod(period: string): number {
  const [, hours, minutes, seconds] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/.exec(period) ?? [];
  return (Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)) * 1000;
}
