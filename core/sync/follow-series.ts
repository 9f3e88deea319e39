/** How the exceptions of a series follow it when the series changes. Pure. */
import {
  type CalendarEvent,
  type ContentField,
  changedContent,
  type FieldPath,
  type OccurrenceId,
  sameValue,
} from '../event.ts';
import { isDateId } from '../recurrence/occurrence.ts';
import { renamedOccurrences } from '../recurrence/renamed.ts';
import { occurrenceContent, type Timing } from '../recurrence/series.ts';
import { copyPaths } from './paths.ts';
import { followingOwnMove, retimed } from './retime.ts';

/** A side as if its series had always taken place at these times. */
export function atNewTimes({ now, base }: Based, timing: Timing): Based {
  return { now: retimed(followingOwnMove(now, base), timing), base: retimed(base, timing) };
}

/** The same, with the base before what has been written to the side since: that still has to reach the exceptions. */
export function sinceUnwritten(given: Based, unwritten: CalendarEvent, timing: Timing): Since {
  return { ...atNewTimes(given, timing), unwritten: retimed(unwritten, timing) };
}

/** Edited occurrences that the series does not have any more at these times. */
export function lostOccurrences({ now, base }: Based, timing: Timing): OccurrenceId[] {
  if (!now.recurrence || !timing.recurrence || sameValue(now.when, timing.when)) return [];
  return Object.entries(now.exceptions)
    .filter(([id, exception]) => typeof exception === 'object' && !sameValue(exception, base.exceptions[id]))
    .filter(
      ([id, exception]) =>
        Object.keys(retimed({ ...now, exceptions: { [id]: exception } }, timing).exceptions).length === 0,
    )
    .map(([id]) => id);
}

/**
 * An exception follows its series in every field in which both were equal, unless it was changed there itself. A new
 * exception is compared with the series of the side that made it.
 * @param states of the side itself, and of the other one
 */
export function followingSeries(
  next: CalendarEvent,
  states: readonly Since[],
  mayFollow: (id: OccurrenceId) => boolean = () => true,
): CalendarEvent {
  const fields = changedContent(states[0]?.unwritten ?? next, next).filter((field) => field !== 'when');
  if (fields.length === 0) return next;
  const exceptions = Object.entries(next.exceptions).map(([id, exception]) => {
    if (typeof exception !== 'object' || !mayFollow(id)) return [id, exception] as const;
    const follows = fields.filter((field) => states.every((state) => wasLikeSeries(state, id, field)));
    return [id, { ...exception, ...Object.fromEntries(follows.map((field) => [field, next[field]])) }] as const;
  });
  return { ...next, exceptions: Object.fromEntries(exceptions) };
}

/** True also where the side has no such exception. */
function wasLikeSeries({ now, base, unwritten }: Since, id: OccurrenceId, field: ContentField): boolean {
  const [is, was] = [now.exceptions[id], unwritten.exceptions[id]];
  if (typeof is !== 'object') return true;
  if (typeof was === 'object') return sameValue(is[field], was[field]) && sameValue(was[field], unwritten[field]);
  // A person made it before, or after, the series was written to.
  const isWritten = !sameValue(base[field], unwritten[field]);
  return sameValue(is[field], now[field]) || (isWritten && sameValue(is[field], unwritten[field]));
}

/** Exceptions that were like their series until the source changed it, and that the source leaves as they were. */
export function withLeftBehind(next: CalendarEvent, { now, base }: Based): CalendarEvent {
  if (!next.recurrence) return next;
  const changed = changedContent(base, now).filter((field) => field !== 'when');
  const added = Object.entries(now.exceptions).flatMap(([id, exception]) => {
    const was = base.exceptions[id];
    if (typeof exception !== 'object' || typeof was !== 'object' || next.exceptions[id] !== undefined) return [];
    const fields = changed.filter(
      (field) => sameValue(was[field], base[field]) && sameValue(was[field], exception[field]),
    );
    const values = Object.fromEntries(fields.map((field) => [field, exception[field]]));
    return fields.length === 0 ? [] : [[id, { ...occurrenceContent(next, id), ...values }] as const];
  });
  return { ...next, exceptions: { ...next.exceptions, ...Object.fromEntries(added) } };
}

export interface Based {
  readonly now: CalendarEvent;
  readonly base: CalendarEvent;
}

export interface Since extends Based {
  /** The base without what has been written to the side since. */
  readonly unwritten: CalendarEvent;
}

/**
 * Copies fields to a series that may be all-day on one side only, because a change of its times was never synced (a
 * one-way pair became two-way): an occurrence has another name there. One that the series lacks is left out.
 */
export function copyBetweenSeries(to: CalendarEvent, from: CalendarEvent, paths: readonly FieldPath[]): CalendarEvent {
  if (!to.recurrence || !from.recurrence || to.when.allDay === from.when.allDay) return copyPaths(to, from, paths);
  const nameOf = renamedOccurrences(
    from,
    to,
    paths.flatMap(({ occurrence }) => occurrence ?? []),
  );
  const named = paths.flatMap((path): FieldPath[] => {
    if (path.occurrence === null) return [path];
    const occurrence = nameOf(path.occurrence);
    return occurrence !== null && isDateId(occurrence) === to.when.allDay ? [{ ...path, occurrence }] : [];
  });
  return copyPaths(to, retimed(from, to), named);
}
