/** Occurrences of a series without an exception, and whether the start of a series matches its rule. */

import { type CalendarEvent, type Content, contentOnly, EXCLUDED, type OccurrenceId, type When } from '../event.ts';
import { instantOf, localOf } from '../zones.ts';
import { durationOf, type EventDuration, endAfter, eventDuration, periodMs } from './duration.ts';
import { expandOccurrences, matchesStart } from './expand.ts';
import { instantOfId, isDateId, occurrenceStart } from './occurrence.ts';

const DAY_MS = 86_400_000;
const MAX_COMPARED = 2_000;
const MAX_OCCURRENCES = 20_000;
/** For events as they are read. */
const MAX_STEPS = 30_000;
/** For a series that is written or moved. */
const MAX_STEPS_OF_ONE = 200_000;

/** When a series takes place. */
export type Timing = Pick<CalendarEvent, 'when' | 'recurrence'>;

/** The content of an occurrence without an exception: that of the series, at the time of the occurrence. */
export function occurrenceContent(series: CalendarEvent, id: OccurrenceId): Content {
  const period = series.recurrence?.dates.find((date) => date.startsWith(`${id}/`))?.slice(id.length + 1);
  const duration = period === undefined ? eventDuration(series) : { days: 0, ms: periodMs(period) };
  return { ...contentOnly(series), when: occurrenceWhen(series.when, id, duration) };
}

/** The time of an occurrence without an exception. */
export function occurrenceWhen(when: When, id: OccurrenceId, duration: EventDuration = durationOf(when)): When {
  const start = occurrenceStart(id, when);
  if (when.allDay) {
    const days = Math.max(1, duration.days + Math.ceil(duration.ms / DAY_MS));
    return { allDay: true, start, end: new Date(Date.parse(start) + days * DAY_MS).toISOString().slice(0, 10) };
  }
  return { ...when, start, end: localOf(endAfter(start, when.startZone, duration), when.endZone) };
}

/**
 * Those of the ids that the series has, whatever its exceptions. Where its rules take more than these steps to expand,
 * all those count that are not known to be missing.
 */
export function occurrencesAmong(
  { when, recurrence }: Timing,
  ids: readonly OccurrenceId[],
  steps = MAX_STEPS_OF_ONE,
): Set<OccurrenceId> {
  const fitting = ids.filter((id) => isDateId(id) === when.allDay);
  if (fitting.length === 0) return new Set();
  const at = fitting.map(instantOfId);
  const [from, to] = [at.reduce((a, b) => Math.min(a, b)), at.reduce((a, b) => Math.max(a, b)) + 1];
  const plain = { when, recurrence, exceptions: {} };
  const { ids: found, complete } = expandOccurrences(plain, from, to, MAX_OCCURRENCES, steps);
  const known = new Set(found);
  const budget = { steps };
  // Of a dense rule with ids that lie far apart, one by one.
  const isPresent = (id: OccurrenceId): boolean => {
    if (complete || known.has(id)) return known.has(id);
    const one = expandOccurrences(plain, instantOfId(id), instantOfId(id) + 1, 1, budget);
    return !one.complete || one.ids.length > 0;
  };
  return new Set(fitting.filter(isPresent));
}

/**
 * The series, with a date for each exception whose occurrence the rules do not have: it is one more occurrence, which
 * services show only where a date names it.
 */
export function withDatesOfExceptions(event: CalendarEvent): CalendarEvent {
  const { recurrence, when } = event;
  if (recurrence === null) return event;
  const ids = Object.keys(event.exceptions).filter(
    (id) => event.exceptions[id] !== EXCLUDED && isDateId(id) === when.allDay,
  );
  const present = occurrencesAmong(event, ids, MAX_STEPS);
  const orphans = ids.filter((id) => !present.has(id));
  if (orphans.length === 0) return event;
  return { ...event, recurrence: { ...recurrence, dates: [...recurrence.dates, ...orphans].sort() } };
}

/**
 * The first and the last instant (ms) that an event can touch: of a series also with the occurrences that were moved,
 * and the dates beside its rule. The rule is not expanded; without an UNTIL the end is Infinity.
 */
export function boundsOf(event: CalendarEvent): { start: number; end: number } {
  const { start, end } = spanOf(event.when);
  if (!event.recurrence) return { start, end };
  const { rules, dates } = event.recurrence;
  const untils = rules.map((rule) => /^RRULE:.*UNTIL=(\d{4})(\d\d)(\d\d)/.exec(rule));
  const isOpen = untils.length === 0 || untils.some((until) => until === null);
  const lasts = untils.map((until) =>
    isOpen ? Infinity : Date.parse(`${until?.[1]}-${until?.[2]}-${until?.[3]}`) + DAY_MS,
  );
  const added = dates.map((date) => instantOfId(date.split('/')[0]!));
  const moved = Object.values(event.exceptions).flatMap((exception) =>
    typeof exception === 'object' ? [spanOf(exception.when)] : [],
  );
  // No spread: a series may have more dates than a call can have arguments.
  return {
    start: [...added, ...moved.map((span) => span.start)].reduce((a, b) => Math.min(a, b), start),
    end: [...[...lasts, ...added].map((last) => last + end - start), ...moved.map((span) => span.end)].reduce(
      (a, b) => Math.max(a, b),
      end,
    ),
  };
}

function spanOf(when: When): { start: number; end: number } {
  if (when.allDay) return { start: Date.parse(when.start), end: Date.parse(when.end) };
  return { start: instantOf(when.start, when.startZone), end: instantOf(when.end, when.endZone) };
}

/**
 * False for a series whose start and recurrence contradict each other: UNTIL or dates of another type than the start,
 * or a start that the rule does not match. It is an occurrence all the same, but no person means such a series.
 */
export function isValidSeries(event: CalendarEvent): boolean {
  return hasMatchingTypes(event) && (!hasRule(event) || matchesStart(event) !== false);
}

/** Whether UNTIL and dates are of the type of the start. */
export function hasMatchingTypes({ recurrence, when }: CalendarEvent): boolean {
  if (!recurrence) return true;
  const untilIsDate = recurrence.rules
    .map((rule) => /UNTIL=(\d{8})(T\d{6}Z)?/.exec(rule))
    .filter((match) => match !== null)
    .map((match) => !match[2]);
  return (
    untilIsDate.every((isDate) => isDate === when.allDay) &&
    recurrence.dates.every((date) => isDateId(date.split('/')[0] ?? '') === when.allDay)
  );
}

/**
 * False for a series whose occurrences differ in length because the days of its DURATION have 23 to 25 hours: to
 * services that know one length only it cannot be expressed. `measure` is how such a service counts; exactly, unless
 * given. A series with very many occurrences is judged by the first of them.
 */
export function hasOneLength(event: CalendarEvent, measure: (when: When) => number = exactLength): boolean {
  if (event.nominalDays === undefined || event.when.allDay) return true;
  const first = measure(event.when);
  const { ids } = expandOccurrences({ ...event, exceptions: {} }, -Infinity, Infinity, MAX_COMPARED, MAX_STEPS);
  return ids.every((id) => measure(occurrenceContent(event, id).when) === first);
}

function exactLength(when: When): number {
  return durationOf(when).ms;
}

function hasRule({ recurrence }: CalendarEvent): boolean {
  return recurrence?.rules.some((rule) => rule.startsWith('RRULE')) ?? false;
}
