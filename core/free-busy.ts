/** When an event keeps its person busy: RFC 5545's STATUS, TRANSP and PARTSTAT, over all occurrences of a series. Pure. */
import { EXCLUDED, type CalendarEvent, type Content, type Participation, type When } from './event.ts';
import { clipSpans, type Span } from './interval.ts';
import { idInstant, isDateId, occurrenceStart } from './occurrence.ts';
import type { Budget } from './recurrence-expand.ts';
import { expandOccurrences } from './recurrence.ts';
import { instantOf } from './zones.ts';

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

/** It cannot be told when a series happens: its rule takes more steps than are allowed, or is of a calendar that is not followed (RFC 7529). */
export class TooDense extends Error {}

/** For all events of one question. A rule alone gets `STEPS_PER_SERIES` of it. */
export const STEPS_PER_QUESTION = 20_000_000;
/** Enough for an occurrence in every hour of five years. */
const STEPS_PER_SERIES = 200_000;
const DAY_MS = 86_400_000;

/**
 * When the event keeps the person busy within the range; neither merged nor sorted. An event without length takes no time.
 * @throws TooDense where leaving it open would show time as free that may be taken
 */
export function busySpans(event: CalendarEvent, view: FreeBusyView, budget: Budget): Span[] {
  const spans: Span[] = [];
  if (event.recurrence === null) {
    if (isBusy(event, view)) spans.push(spanOfWhen(event.when, view.zone));
  } else {
    for (const exception of Object.values(event.exceptions)) {
      if (exception !== EXCLUDED && isBusy(exception, view)) spans.push(spanOfWhen(exception.when, view.zone));
    }
    if (isBusy(event, view)) spans.push(...ordinarySpans(event, view, budget));
  }
  return clipSpans(spans, view.range);
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
  return takesTime({
    isOff: status === 'cancelled' || transparency === 'transparent',
    participation: attendees.find(({ address }) => own.has(address))?.participation ?? null,
    isOrganizer: own.has(organizer?.address ?? ''),
  }, unanswered);
}

/** A day begins at midnight in the given zone, or where that is left out, at the first moment after it. */
export function spanOfWhen(when: When, zone: string): Span {
  if (when.allDay) return { from: midnight(when.start, zone), to: midnight(when.end, zone) };
  return { from: instantOf(when.start, when.startZone), to: instantOf(when.end, when.endZone) };
}

/** The occurrences that are as the series says. */
function ordinarySpans(event: CalendarEvent, { range, zone }: FreeBusyView, budget: Budget): Span[] {
  const { when } = event;
  const own = lengthOf(when);
  const periods = new Map(event.recurrence!.dates.filter((date) => date.includes('/')).map((date) => date.split('/', 2) as [string, string]));
  const lengths = new Map([...periods].map(([id, period]) => [id, secondsOf(period) * 1000]));
  const longest = [...lengths.values()].reduce((a, b) => Math.max(a, b), own);
  const steps = { steps: Math.min(STEPS_PER_SERIES, budget.steps) };
  const before = steps.steps;
  // A day to either side is more than any zone is away from UTC, in which dates are counted.
  const { ids, complete } = expandOccurrences(event, range.from - longest - DAY_MS, range.to + DAY_MS, Infinity, steps);
  budget.steps -= before - steps.steps;
  if (!complete) throw new TooDense('a series repeats too densely');
  return ids.filter((id) => event.exceptions[id] === undefined).map((id) => {
    const length = lengths.get(id);
    if (when.allDay || isDateId(id)) {
      const start = occurrenceStart(id, when).slice(0, 10);
      const from = midnight(start, zone);
      return { from, to: length === undefined ? midnight(new Date(Date.parse(start) + own).toISOString().slice(0, 10), zone) : from + length };
    }
    const from = idInstant(id);
    return { from, to: from + (length ?? own) };
  });
}

function lengthOf(when: When): number {
  if (when.allDay) return Date.parse(when.end) - Date.parse(when.start);
  return instantOf(when.end, when.endZone) - instantOf(when.start, when.startZone);
}

function midnight(date: string, zone: string): number {
  return instantOf(`${date}T00:00:00`, zone);
}

/** `PT1H30M`, as a canonical recurrence spells it. */
function secondsOf(period: string): number {
  const [, hours, minutes, seconds] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/.exec(period) ?? [];
  return Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
}
