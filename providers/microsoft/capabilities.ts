/** What Graph does not support of an event. */
import { type CalendarEvent, EXCLUDED } from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import type { OptionalForms } from '../../core/optional-fields.ts';
import { type Budget, expandOccurrences } from '../../core/recurrence/expand.ts';
import { instantOfId, occurrenceStart } from '../../core/recurrence/occurrence.ts';
import { RecurrenceError } from '../../core/recurrence/rule.ts';
import { instantOf, localOf } from '../../core/zones.ts';
import { expandedSeries } from '../series-reader.ts';
import { toPatternedRecurrence } from './recurrence.ts';

/** Null when Graph supports the event as it is, or with less detail (a tentative event that blocks no time). */
export function unsupported(event: CalendarEvent): EventProblem | null {
  if (event.status === 'cancelled') {
    return {
      code: 'cancelled-not-carried',
      detail: 'The event is cancelled. Outlook supports cancelled events only as invitations by other people.',
    };
  }
  if (event.recurrence && (!isExpressible(event) || crossesNeighbours(event))) return expandedSeries('Outlook');
  return null;
}

/**
 * A category is a name of at most 255 characters; Outlook knows it in one case only. An event has one reminder, not
 * after its start: the one nearest to the start.
 */
export const HOLDS: OptionalForms = {
  conference: true,
  categories: (names) => {
    const byKey = new Map([...names].reverse().map((name) => [name.toLowerCase(), name]));
    return names.filter((name) => name.length <= 255 && byKey.get(name.toLowerCase()) === name);
  },
  reminders: (all) => {
    const before = all.filter((seconds) => seconds >= 0);
    if (all.length === 0) return [];
    return [before.length === 0 ? 0 : Math.round(Math.min(...before) / 60) * 60];
  },
};

const DAY_MS = 86_400_000;
/** How far to look for the next occurrence: twelve years are enough for all but rare rules. */
const REACH_MS = 12 * 366 * DAY_MS;
const BUDGET_STEPS = 50_000;
/** For all exceptions of a series. */
const STEPS_OF_ALL = 1_000_000;

function isExpressible(event: CalendarEvent): boolean {
  try {
    return typeof toPatternedRecurrence(event) !== 'string';
  } catch (error) {
    if (error instanceof RecurrenceError || error instanceof RangeError) return false;
    throw error;
  }
}

/** Exchange refuses to move an occurrence to or past the day of its neighbour, and occurrences that overlap. */
function crossesNeighbours(event: CalendarEvent): boolean {
  const plain = {
    ...event,
    exceptions: Object.fromEntries(Object.entries(event.exceptions).filter(([, exception]) => exception === EXCLUDED)),
  };
  const budget = { steps: STEPS_OF_ALL };
  return Object.entries(event.exceptions).some(([id, exception]) => {
    if (exception === EXCLUDED) return false;
    // Too many to be looked at.
    if (budget.steps < 0) return true;
    const [own, usual] = [spanOfWhen(exception.when), spanOf({ ...event, exceptions: {} }, id)];
    // One that was not moved crosses no other.
    if (exception.when.allDay === event.when.allDay && own.from === usual.from && own.to <= usual.to) return false;
    const [before, after] = neighboursOf(plain, id, budget).map((one) =>
      one === undefined ? null : spanOf(event, one),
    );
    const day = (ms: number): string => localOf(ms, event.when.allDay ? 'UTC' : event.when.startZone).slice(0, 10);
    return (
      (before !== null && before !== undefined && (day(own.from) <= day(before.from) || own.from < before.to)) ||
      (after !== null && after !== undefined && (day(own.from) >= day(after.from) || own.to > after.from))
    );
  });
}

/** The occurrences before and after one; excluded ones do not count. */
function neighboursOf(plain: CalendarEvent, id: string, all: Budget): [string | undefined, string | undefined] {
  const at = instantOfId(id);
  const expand = (from: number, to: number, max: number): readonly string[] => {
    const budget = { steps: BUDGET_STEPS };
    const { ids } = expandOccurrences(plain, from, to, max, budget);
    all.steps -= BUDGET_STEPS - budget.steps;
    return ids;
  };
  const later = expand(at + 1, at + REACH_MS, 1);
  let earlier: readonly string[] = [];
  for (let reach = 32 * DAY_MS; earlier.length === 0 && reach < REACH_MS; reach *= 8)
    earlier = expand(at - reach, at, 10_000);
  return [earlier.filter((one) => one < id).at(-1), later.find((one) => one > id)];
}

interface Span {
  readonly from: number;
  readonly to: number;
}

function spanOf(event: CalendarEvent, id: string): Span {
  const exception = event.exceptions[id];
  if (exception !== undefined && exception !== EXCLUDED) return spanOfWhen(exception.when);
  const usual = spanOfWhen(event.when);
  const start = occurrenceStart(id, event.when);
  const from = event.when.allDay ? Date.parse(start) : instantOf(start, event.when.startZone);
  return { from, to: from + usual.to - usual.from };
}

function spanOfWhen(when: CalendarEvent['when']): Span {
  return when.allDay
    ? { from: Date.parse(when.start), to: Date.parse(when.end) }
    : { from: instantOf(when.start, when.startZone), to: instantOf(when.end, when.endZone) };
}
