/**
 * Differences between two states of an event with their values, an attendees field person by person: which separates
 * Calpair's own writes from edits by people. Pure.
 */
import { type Attendee, type CalendarEvent, changedPaths, type FieldPath } from '../event.ts';
import { attendeeChanges, attendeesAt, copyPaths, valueAt, withAttendees } from './paths.ts';

/** What one field, or one person of an attendees field, became. */
export interface ChangedValue {
  readonly path: FieldPath;
  /** The address of the person; null where the whole field is meant. */
  readonly attendee: string | null;
  /** Null for a person who was taken off the list. */
  readonly value: unknown;
}

export function changedValues(before: CalendarEvent, after: CalendarEvent): ChangedValue[] {
  return changedPaths(before, after).flatMap((path): ChangedValue[] => {
    const attendees =
      path.field === 'attendees'
        ? attendeeChanges(attendeesAt(before, path.occurrence), attendeesAt(after, path.occurrence))
        : new Map<string, Attendee | null>();
    if (attendees.size === 0) return [{ path, attendee: null, value: valueAt(after, path) }];
    return [...attendees].map(([attendee, value]) => ({ path, attendee, value }));
  });
}

/** The same field of the same occurrence, or the same attendee there. */
export function isSameField(a: ChangedValue, b: ChangedValue): boolean {
  return a.attendee === b.attendee && a.path.field === b.path.field && a.path.occurrence === b.path.occurrence;
}

/** `event` with these of the values that `from` has. */
export function withValues(event: CalendarEvent, from: CalendarEvent, values: readonly ChangedValue[]): CalendarEvent {
  return values.reduce((result, { path, attendee, value }) => {
    const { occurrence } = path;
    if (attendee === null || (occurrence !== null && typeof result.exceptions[occurrence] !== 'object'))
      return copyPaths(result, from, [path]);
    const others = attendeesAt(result, occurrence).filter(({ address }) => address !== attendee);
    return withAttendees(result, occurrence, value === null ? others : [...others, value as Attendee]);
  }, event);
}
