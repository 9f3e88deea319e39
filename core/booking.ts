/** A booking and its event: what is to be written, and what somebody did to the event in the calendar. Pure. */
import { type Attendee, type CalendarEvent, DEFAULT_CONTENT, sameValue, type When } from './event.ts';
import { instantOf, localOf, sameZone } from './zones.ts';

interface Guest {
  /** In lower case. */
  readonly email: string;
  readonly name: string;
}

/** What a booking is about, beside its time. Absent text is the empty string. */
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

/** All that an event is to show. */
export interface DesiredBooking extends BookingContent, Slot {}

/**
 * What is known of the writes of one booking; it outlives crashes, so that what was sent is told from what somebody
 * did.
 */
export interface BookingSyncState {
  /** Written last, and known to be. */
  readonly last: DesiredBooking | null;
  /** Being written: it may have arrived. */
  readonly sending: DesiredBooking | null;
  /** Where the event was when it was last seen. */
  readonly shown: Slot | null;
}

export const NOT_SYNCED: BookingSyncState = { last: null, sending: null, shown: null };

/** The event of a booking, under the booking's id as its UID. */
export function eventOf(bookingId: string, wanted: DesiredBooking): CalendarEvent {
  const { title, location, description } = wanted;
  return {
    ...DEFAULT_CONTENT,
    uid: bookingId,
    title,
    location,
    description,
    when: whenOf(wanted),
    attendees: attendeesOf(wanted.attendees, []),
    recurrence: null,
    exceptions: {},
  };
}

/** In the booking's zone; in UTC where that zone's clock cannot name both moments. */
export function whenOf({ start, end, timeZone }: Slot & Pick<BookingContent, 'timeZone'>): When {
  const isNamed = [start, end].every((ms) => instantOf(localOf(ms, timeZone), timeZone) === ms);
  const zone = isNamed ? timeZone : 'UTC';
  return { allDay: false, start: localOf(start, zone), startZone: zone, end: localOf(end, zone), endZone: zone };
}

/** The time that an event takes. @param zone whose midnights are meant where somebody made it last all day */
export function slotOf(when: When, zone: string): Slot {
  if (when.allDay)
    return { start: instantOf(`${when.start}T00:00:00`, zone), end: instantOf(`${when.end}T00:00:00`, zone) };
  return { start: instantOf(when.start, when.startZone), end: instantOf(when.end, when.endZone) };
}

export function isSameSlot(a: Slot, b: Slot): boolean {
  return a.start === b.start && a.end === b.end;
}

export interface Reconciled {
  /** How the event is to read. */
  readonly next: CalendarEvent;
  /** Where somebody moved it in the calendar, unless the booking was moved meanwhile; null: it was not moved. */
  readonly moved: Slot | null;
}

/**
 * What the event is to read as: fields that the API changed since they were written last are written, all others stay
 * as somebody left them in the calendar. Where both moved it, the API's time holds: it was checked and reserved.
 */
export function reconcile(
  wanted: DesiredBooking,
  { last, sending, shown }: BookingSyncState,
  found: CalendarEvent,
): Reconciled {
  const isChanged = (field: keyof DesiredBooking): boolean =>
    last === null ||
    !sameValue(last[field], wanted[field]) ||
    (sending !== null && !sameValue(last[field], sending[field]));
  const at = slotOf(found.when, wanted.timeZone);
  const isMovedByUs = isChanged('start') || isChanged('end') || isChanged('timeZone');
  const isMovedThere = shown !== null && !isSameSlot(at, shown) && !(sending !== null && isSameSlot(at, sending));
  return {
    moved: isMovedThere && !isMovedByUs ? at : null,
    next: {
      ...found,
      ...(isChanged('title') ? { title: wanted.title } : {}),
      ...(isChanged('location') ? { location: wanted.location } : {}),
      ...(isChanged('description') ? { description: wanted.description } : {}),
      ...(isChanged('attendees')
        ? { attendees: attendeesOf(wanted.attendees, withoutOurs(found.attendees, last, sending), found.attendees) }
        : {}),
      ...(isMovedByUs && !isAlready(found.when, at, wanted) ? { when: whenOf(wanted) } : {}),
    },
  };
}

/** Other spellings of the same zone are no reason to write. */
function isAlready(when: When, at: Slot, wanted: DesiredBooking): boolean {
  if (when.allDay || !isSameSlot(at, wanted)) return false;
  const next = whenOf(wanted);
  return !next.allDay && sameZone(when.startZone, next.startZone);
}

/** Whom somebody added in the calendar. */
function withoutOurs(
  found: readonly Attendee[],
  last: DesiredBooking | null,
  sending: DesiredBooking | null,
): Attendee[] {
  const ours = new Set([...(last?.attendees ?? []), ...(sending?.attendees ?? [])].map(({ email }) => email));
  return found.filter(({ address }) => !ours.has(address));
}

/** With the answers that are there already. */
function attendeesOf(
  guests: readonly Guest[],
  others: readonly Attendee[],
  known: readonly Attendee[] = [],
): Attendee[] {
  const byAddress = new Map(known.map((attendee) => [attendee.address, attendee]));
  const mine = guests.map(
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
  return [...mine, ...others.filter(({ address }) => !addresses.has(address))].sort((a, b) =>
    a.address < b.address ? -1 : 1,
  );
}
