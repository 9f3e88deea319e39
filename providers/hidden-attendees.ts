/**
 * Attendees that an event has on the other side only. Calpair stores them with its copy as private data, because a
 * service would mail real attendees or put the event into their calendars.
 */
import { type Attendee, type Content, type Organizer, sameValue } from '../core/event.ts';
import type { SideSetting } from './provider.ts';

export interface AttendeeList {
  readonly organizer: Organizer | null;
  readonly attendees: readonly Attendee[];
}

export const NO_ATTENDEES: AttendeeList = { organizer: null, attendees: [] };

/** What an event shows: the service's own attendees, and the hidden ones beside them. */
export function mergeAttendees(native: AttendeeList, hidden: AttendeeList): AttendeeList {
  const addresses = new Set(native.attendees.map(({ address }) => address));
  const others = hidden.attendees.filter(({ address }) => !addresses.has(address));
  return {
    organizer: hidden.organizer ?? native.organizer,
    attendees: sortByAddress([...native.attendees, ...others]),
  };
}

/** Those of an event that the service does not know itself. */
export function attendeesToHide(
  { organizer, attendees }: Content,
  native: AttendeeList,
  setting: SideSetting,
): AttendeeList {
  if (setting.attendees !== 'copy') return NO_ATTENDEES;
  const known = new Set(native.attendees.map(({ address }) => address));
  return {
    organizer: organizer && organizer.address === native.organizer?.address ? null : organizer,
    attendees: attendees.filter(({ address }) => !known.has(address)),
  };
}

/**
 * Whether a change is to be written to the attendees. Once they are switched off, the hidden ones go with any change.
 */
export function areAttendeesChanged(
  before: Content,
  after: Content,
  hasHidden: boolean,
  setting: SideSetting,
): boolean {
  if (setting.attendees === 'none') return hasHidden && !sameValue(before, after);
  return !(sameValue(before.attendees, after.attendees) && sameValue(before.organizer, after.organizer));
}

/** Whether a service takes the address for one of mail. */
export function isMailAddress(address: string): boolean {
  return /^[^\s@:]+@[^\s@]+$/.test(address);
}

export function sortByAddress(attendees: Attendee[]): Attendee[] {
  return attendees.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

/**
 * The attendees as one line of ASCII, at most `limit` characters long: without names where there is no room for them,
 * then without the last attendees. Null where there is none.
 */
export function writeAttendees(list: AttendeeList, limit: number): string | null {
  if (!list.organizer && list.attendees.length === 0) return null;
  let wire = toWire(list, true);
  let text = ascii(wire);
  if (text.length > limit) text = ascii((wire = toWire(list, false)));
  while (text.length > limit && wire.a.length > 0) {
    const count = Math.floor(wire.a.length * Math.min(0.95, limit / text.length));
    text = ascii((wire = { ...wire, a: wire.a.slice(0, count) }));
  }
  return text.length > limit ? null : text;
}

/** What `writeAttendees` wrote; no attendees for any other text. */
export function readAttendees(text: string | null): AttendeeList {
  const wire = text === null ? null : parseJson<WireAttendees>(text, isWireAttendees);
  if (!wire) return NO_ATTENDEES;
  return {
    organizer: wire.o ? { address: wire.o[0], name: wire.o[1] } : null,
    attendees: wire.a.map(([address, name, participation, role, kind]) => ({
      address,
      name,
      participation: PARTICIPATIONS[participation] ?? 'needs-action',
      role: ROLES[role] ?? 'required',
      kind: KINDS[kind] ?? 'individual',
    })),
  };
}

/** JSON in which each character is one byte, so that it can be cut anywhere. */
export function ascii(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => '\\u' + char.charCodeAt(0).toString(16).padStart(4, '0'),
  );
}

/** Null where the text is no JSON, or has another shape. */
export function parseJson<T>(text: string, isRight: (value: unknown) => boolean): T | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRight(value) ? (value as T) : null;
  } catch {
    return null;
  }
}

const PARTICIPATIONS = ['needs-action', 'accepted', 'declined', 'tentative', 'delegated'] as const;
const ROLES = ['required', 'optional', 'chair', 'non-participant'] as const;
const KINDS = ['individual', 'group', 'room', 'resource', 'unknown'] as const;

/** Numbers are indexes of the lists above. */
interface WireAttendees {
  readonly o: readonly [address: string, name: string] | null;
  readonly a: readonly (readonly [address: string, name: string, participation: number, role: number, kind: number])[];
}

function toWire({ organizer, attendees }: AttendeeList, withNames: boolean): WireAttendees {
  return {
    o: organizer && [organizer.address, withNames ? organizer.name : ''],
    a: attendees.map(
      ({ address, name, participation, role, kind }) =>
        [
          address,
          withNames ? name : '',
          PARTICIPATIONS.indexOf(participation),
          ROLES.indexOf(role),
          KINDS.indexOf(kind),
        ] as const,
    ),
  };
}

function isWireAttendees(value: unknown): boolean {
  const isPerson = (person: unknown): boolean =>
    Array.isArray(person) && typeof person[0] === 'string' && typeof person[1] === 'string';
  const wire = value as Partial<WireAttendees> | null;
  return (
    typeof wire === 'object' &&
    wire !== null &&
    (wire.o === null || isPerson(wire.o)) &&
    Array.isArray(wire.a) &&
    wire.a.every(isPerson)
  );
}
