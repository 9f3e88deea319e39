/**
 * Exceptions whose occurrence the rule of their series does not have: each is one more occurrence. Some services show
 * one as it is; in iCalendar a date names it, and the reader adds that date. Pure.
 */
import type { CalendarEvent, OccurrenceId } from '../event.ts';
import { withDatesOfExceptions } from '../recurrence/series.ts';

/**
 * A side without those of its dates that only name an exception which the other side shows without one: as long as
 * they are there, the same exception is an occurrence of the series here and beside it there, and would follow the
 * series, or outlive its exception, on one side only.
 * @param others states of the other side
 */
export function withoutOrphanDates(event: CalendarEvent, others: readonly CalendarEvent[]): CalendarEvent {
  if (!event.recurrence || event.recurrence.dates.length === 0) return event;
  const undated = new Set(others.flatMap(undatedExceptions));
  const dates = event.recurrence.dates.filter((id) => !(undated.has(id) && typeof event.exceptions[id] === 'object'));
  return dates.length === event.recurrence.dates.length
    ? event
    : { ...event, recurrence: { ...event.recurrence, dates } };
}

/** The dates again that were left out of what the side shows, where their exceptions are still beside the rule. */
export function withOrphanDates(next: CalendarEvent, shown: CalendarEvent, plain: CalendarEvent): CalendarEvent {
  if (!next.recurrence || shown === plain) return next;
  const left = new Set(plain.recurrence?.dates);
  const taken = new Set(shown.recurrence?.dates.filter((date) => !left.has(date)));
  const back = undatedExceptions(next).filter((id) => taken.has(id));
  if (back.length === 0) return next;
  return { ...next, recurrence: { ...next.recurrence, dates: [...next.recurrence.dates, ...back].sort() } };
}

/** Exceptions of an event that neither its rules nor its dates have. */
function undatedExceptions(event: CalendarEvent): OccurrenceId[] {
  const own = new Set(event.recurrence?.dates);
  return withDatesOfExceptions(event).recurrence?.dates.filter((date) => !own.has(date)) ?? [];
}
