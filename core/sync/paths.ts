/** Reading and writing single fields of an event, named by their paths. Pure. */
import {
  type Attendee,
  type CalendarEvent,
  type Content,
  type ContentField,
  type Exception,
  type FieldPath,
  type OccurrenceId,
  sameValue,
} from '../event.ts';

export function attendeesAt(event: CalendarEvent | null, occurrence: OccurrenceId | null): readonly Attendee[] {
  return ownContent(event, occurrence)?.attendees ?? [];
}

export function withAttendees(
  event: CalendarEvent,
  occurrence: OccurrenceId | null,
  attendees: readonly Attendee[],
): CalendarEvent {
  return withContent(event, occurrence, { attendees: [...attendees].sort(byAddressOrder) });
}

/** By address; null for people who are no longer on the list. */
export function attendeeChanges(base: readonly Attendee[], now: readonly Attendee[]): Map<string, Attendee | null> {
  const was = new Map(base.map((attendee) => [attendee.address, attendee]));
  const is = new Map(now.map((attendee) => [attendee.address, attendee]));
  const changes = new Map<string, Attendee | null>();
  for (const address of new Set([...was.keys(), ...is.keys()])) {
    if (!sameValue(was.get(address), is.get(address))) changes.set(address, is.get(address) ?? null);
  }
  return changes;
}

/** `to` with the values that `from` has at the given paths. */
export function copyPaths(to: CalendarEvent, from: CalendarEvent, paths: readonly FieldPath[]): CalendarEvent {
  let result = to;
  for (const { occurrence, field } of paths) {
    if (occurrence === null) {
      result = { ...result, [field]: from[field as ContentField] };
      continue;
    }
    const there = from.exceptions[occurrence];
    const here = result.exceptions[occurrence];
    if (field !== 'exception' && typeof there === 'object' && typeof here === 'object') {
      result = withContent(result, occurrence, { [field]: there[field as ContentField] });
    } else {
      const exceptions = { ...result.exceptions };
      if (there === undefined) delete exceptions[occurrence];
      else exceptions[occurrence] = there;
      result = { ...result, exceptions };
    }
  }
  return result.recurrence ? result : { ...result, exceptions: {} };
}

function withContent(event: CalendarEvent, occurrence: OccurrenceId | null, fields: Partial<Content>): CalendarEvent {
  if (occurrence === null) return { ...event, ...fields };
  const exception = event.exceptions[occurrence];
  if (typeof exception !== 'object') return event;
  return { ...event, exceptions: { ...event.exceptions, [occurrence]: { ...exception, ...fields } } };
}

/** `event` with a value at a path; null takes an exception away. */
export function withValueAt(event: CalendarEvent, { occurrence, field }: FieldPath, value: unknown): CalendarEvent {
  if (field !== 'exception') {
    const result = withContent(event, occurrence, { [field]: value });
    return result.recurrence ? result : { ...result, exceptions: {} };
  }
  const exceptions = { ...event.exceptions };
  if (value === null) delete exceptions[occurrence ?? ''];
  else exceptions[occurrence ?? ''] = value as Exception;
  return { ...event, exceptions };
}

/** The value that an event has at a path; undefined where the occurrence is no exception. */
export function valueAt(event: CalendarEvent, path: FieldPath): unknown {
  if (path.field === 'exception') return event.exceptions[path.occurrence ?? ''];
  if (path.field === 'recurrence') return event.recurrence;
  return ownContent(event, path.occurrence)?.[path.field];
}

/** What an event, or an exception of its own, has; undefined where there is no such exception. */
function ownContent(event: CalendarEvent | null, occurrence: OccurrenceId | null): Content | undefined {
  if (!event || occurrence === null) return event ?? undefined;
  const exception = event.exceptions[occurrence];
  return typeof exception === 'object' ? exception : undefined;
}

/** One string per path, for maps and for lists of fields: `title`, `20260105T080000Z/title`. */
export function pathKey(path: FieldPath): string {
  return path.occurrence === null ? path.field : `${path.occurrence}/${path.field}`;
}

export function byAddressOrder(a: Attendee, b: Attendee): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : 0;
}
