/**
 * What becomes of the exceptions of a series whose times change: each follows its occurrence to the new start. An
 * exception is named by the start that its occurrence would have had, so without this a change of one occurrence on one
 * side and a move of the whole series on the other would miss each other. Pure.
 */
import { type CalendarEvent, type Exception, type OccurrenceId, sameValue } from '../event.ts';
import { renamedOccurrences } from '../recurrence/renamed.ts';
import { occurrencesAmong, occurrenceWhen, type Timing } from '../recurrence/series.ts';

/**
 * The event with these times, its exceptions under the names that their occurrences have then. An exception that took
 * place when its series says still does; one that was moved stays where it was moved to. Exceptions whose occurrences
 * are no more are left out.
 */
export function retimed(event: CalendarEvent, to: Timing): CalendarEvent {
  const next = { ...event, when: to.when, recurrence: to.recurrence };
  if (!event.recurrence || !to.recurrence || sameValue(event.when, to.when)) return next;
  const nameOf = renamedOccurrences(event, to, Object.keys(event.exceptions));
  const exceptions: Record<OccurrenceId, Exception> = {};
  for (const [id, exception] of Object.entries(event.exceptions)) {
    const name = nameOf(id);
    if (name !== null) exceptions[name] = followed(exception, event, id, to, name);
  }
  return { ...next, exceptions };
}

/**
 * What a side shows, without the additional dates that its reader makes of exceptions which a move of the master alone
 * left under their old names: these follow the series (`followingOwnMove`), where they can.
 */
export function withoutDatesLeft(now: CalendarEvent, base: CalendarEvent): CalendarEvent {
  if (!now.recurrence || !base.recurrence || sameValue(now.when, base.when)) return now;
  const before = new Set(base.recurrence.dates);
  const left = now.recurrence.dates.filter(
    (date) => !before.has(date) && now.exceptions[date] !== undefined && base.exceptions[date] !== undefined,
  );
  if (left.length === 0) return now;
  const nameOf = renamedOccurrences(base, now, left);
  const follow = left.filter((id) => !staysBeside(now, base, id, nameOf(id)));
  const dates = now.recurrence.dates.filter((date) => !follow.includes(date));
  return { ...now, recurrence: { ...now.recurrence, dates } };
}

/**
 * What a side shows after it changed the times of a series itself. Some programs change the master alone: exceptions
 * that it left under their old names, or at their old times, follow all the same. Where the occurrence that one would
 * follow to has been changed since, the calendar showed both: then it stays, as one more occurrence.
 */
export function followingOwnMove(now: CalendarEvent, base: CalendarEvent): CalendarEvent {
  if (!now.recurrence || !base.recurrence || sameValue(now.when, base.when)) return now;
  const nameOf = renamedOccurrences(base, now, Object.keys(base.exceptions));
  const exceptions: Record<OccurrenceId, Exception> = {};
  const left = Object.keys(now.exceptions).filter((id) => base.exceptions[id] !== undefined);
  const present = occurrencesAmong(now, left);
  for (const [id, exception] of Object.entries(now.exceptions)) {
    const was = base.exceptions[id];
    const isStale = was !== undefined && !present.has(id);
    const name = (isStale ? nameOf(id) : null) ?? id;
    const isUntouched = typeof exception === 'object' && typeof was === 'object' && sameValue(exception.when, was.when);
    if (name !== id && now.exceptions[name] !== undefined) {
      if (staysBeside(now, base, id, name)) exceptions[id] = exception;
      continue;
    }
    exceptions[name] = isUntouched ? followed(exception, base, id, now, name) : exception;
  }
  return { ...now, exceptions };
}

/** Whether an exception with content of its own cannot follow to `name`, because that occurrence has another one. */
function staysBeside(now: CalendarEvent, base: CalendarEvent, id: OccurrenceId, name: OccurrenceId | null): boolean {
  const exception = now.exceptions[id];
  if (name === null || name === id || typeof exception !== 'object' || now.exceptions[name] === undefined) return false;
  return !sameValue(now.exceptions[name], followed(exception, base, id, now, name));
}

/** An exception that took place when its series said does so under its new name, too. */
export function followed(
  exception: Exception,
  from: Timing,
  id: OccurrenceId,
  to: Timing,
  name: OccurrenceId,
): Exception {
  const isOrdinary = typeof exception === 'object' && sameValue(exception.when, occurrenceWhen(from.when, id));
  return isOrdinary ? { ...exception, when: occurrenceWhen(to.when, name) } : exception;
}
