/** A booking and its event: what Calpair writes, and what a person changed in the calendar. Pure. */
import { type Attendee, type CalendarEvent, DEFAULT_CONTENT, sameValue, type When } from './event.ts';
import { instantOf, localOf, sameZone } from './zones.ts';

interface Guest {
  /** In lower case. */
  readonly email: string;
  readonly name: string;
}

/** A booking without its time. Absent text is an empty string. */
export interface BookingContent {
  readonly title: string;
  readonly location: string;
  readonly description: string;
  /** IANA. */
  readonly timeZone: string;
  /** Sorted by address, each address once. */
  readonly attendees: readonly Guest[];
}

/** From `start` up to, but not at, `end`; ms since the epoch. */
export interface Slot {
  readonly start: number;
  readonly end: number;
}

/** Everything that the event of a booking shows. */
export interface DesiredBooking extends BookingContent, Slot {}

/**
 * The writes of one booking. It is stored before each write, so that after a crash Calpair can tell its own write from
 * a person's edit.
 */
export interface BookingSyncState {
  /** The last write that was confirmed. */
  readonly last: DesiredBooking | null;
  /** The write under way; it may have taken effect already. */
  readonly sending: DesiredBooking | null;
  /** The time of the event when it was last read. */
  readonly shown: Slot | null;
}

export const NOT_SYNCED: BookingSyncState = { last: null, sending: null, shown: null };

/** The event of a booking, under the booking's id as its UID. */
export function eventOf(bookingId: string, desired: DesiredBooking): CalendarEvent {
  const { title, location, description } = desired;
  return {
    ...DEFAULT_CONTENT,
    uid: bookingId,
    title,
    location,
    description,
    when: whenOf(desired),
    attendees: attendeesOf(desired.attendees, []),
    recurrence: null,
    exceptions: {},
  };
}

/** In the booking's zone; in UTC if wall-clock time of that zone is ambiguous for the start or the end. */
export function whenOf({ start, end, timeZone }: Slot & Pick<BookingContent, 'timeZone'>): When {
  const isNamed = [start, end].every((ms) => instantOf(localOf(ms, timeZone), timeZone) === ms);
  const zone = isNamed ? timeZone : 'UTC';
  return { allDay: false, start: localOf(start, zone), startZone: zone, end: localOf(end, zone), endZone: zone };
}

/** The time that an event takes. @param zone the zone whose midnights bound an all-day event */
export function slotOf(when: When, zone: string): Slot {
  if (when.allDay)
    return { start: instantOf(`${when.start}T00:00:00`, zone), end: instantOf(`${when.end}T00:00:00`, zone) };
  return { start: instantOf(when.start, when.startZone), end: instantOf(when.end, when.endZone) };
}

export function isSameSlot(a: Slot, b: Slot): boolean {
  return a.start === b.start && a.end === b.end;
}

export interface Reconciled {
  /** The event as it should be written. */
  readonly next: CalendarEvent;
  /** The new time if a person moved the event in the calendar and the API did not move the booking; else null. */
  readonly moved: Slot | null;
}

/**
 * Merges the booking into its event: fields that the API changed since the last write are written, all others stay as
 * they are in the calendar. If both sides moved it, the API's time wins, because it was checked and reserved.
 */
export function reconcile(
  desired: DesiredBooking,
  { last, sending, shown }: BookingSyncState,
  found: CalendarEvent,
): Reconciled {
  const isChanged = (field: keyof DesiredBooking): boolean =>
    last === null ||
    !sameValue(last[field], desired[field]) ||
    (sending !== null && !sameValue(last[field], sending[field]));
  const at = slotOf(found.when, desired.timeZone);
  const isMovedByApi = isChanged('start') || isChanged('end') || isChanged('timeZone');
  const isMovedInCalendar = shown !== null && !isSameSlot(at, shown) && !(sending !== null && isSameSlot(at, sending));
  return {
    moved: isMovedInCalendar && !isMovedByApi ? at : null,
    next: {
      ...found,
      ...(isChanged('title') ? { title: desired.title } : {}),
      ...(isChanged('location') ? { location: desired.location } : {}),
      ...(isChanged('description') ? { description: desired.description } : {}),
      ...(isChanged('attendees')
        ? {
            attendees: attendeesOf(desired.attendees, addedInCalendar(found.attendees, last, sending), found.attendees),
          }
        : {}),
      ...(isMovedByApi && !isWrittenAlready(found.when, at, desired) ? { when: whenOf(desired) } : {}),
    },
  };
}

/** True for the same slot, even if the zone has another name. */
function isWrittenAlready(when: When, at: Slot, desired: DesiredBooking): boolean {
  if (when.allDay || !isSameSlot(at, desired)) return false;
  const next = whenOf(desired);
  return !next.allDay && sameZone(when.startZone, next.startZone);
}

/** The attendees that a person added in the calendar. */
function addedInCalendar(
  found: readonly Attendee[],
  last: DesiredBooking | null,
  sending: DesiredBooking | null,
): Attendee[] {
  const written = new Set([...(last?.attendees ?? []), ...(sending?.attendees ?? [])].map(({ email }) => email));
  return found.filter(({ address }) => !written.has(address));
}

/** Guests of the booking keep the replies they have given already. */
function attendeesOf(
  guests: readonly Guest[],
  others: readonly Attendee[],
  existing: readonly Attendee[] = [],
): Attendee[] {
  const byAddress = new Map(existing.map((attendee) => [attendee.address, attendee]));
  const fromBooking = guests.map(
    ({ email, name }): Attendee => ({
      participation: 'needs-action',
      role: 'required',
      kind: 'individual',
      ...byAddress.get(email),
      address: email,
      name,
    }),
  );
  const addresses = new Set(guests.map(({ email }) => email));
  return [...fromBooking, ...others.filter(({ address }) => !addresses.has(address))].sort((a, b) =>
    a.address < b.address ? -1 : 1,
  );
}
