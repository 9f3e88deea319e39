/**
 * The people of an event as cloud calendars keep them beside an event of theirs, as private data: real attendees would
 * be told, or mailed.
 */
import type { Attendee, Organizer } from '../core/event.ts';

export interface AttendeeList {
  readonly organizer: Organizer | null;
  readonly attendees: readonly Attendee[];
}

const NOBODY: AttendeeList = { organizer: null, attendees: [] };

/**
 * The people as one line of ASCII, at most `limit` characters long: names go first when there is no room for all, then
 * the last people. Null where there is nobody to keep.
 */
export function writePeople(people: AttendeeList, limit: number): string | null {
  if (!people.organizer && people.attendees.length === 0) return null;
  let wire = toWire(people, true);
  let text = ascii(wire);
  if (text.length > limit) text = ascii((wire = toWire(people, false)));
  while (text.length > limit && wire.a.length > 0) {
    const keep = Math.floor(wire.a.length * Math.min(0.95, limit / text.length));
    text = ascii((wire = { ...wire, a: wire.a.slice(0, keep) }));
  }
  return text.length > limit ? null : text;
}

/** What `writePeople` wrote; nobody for anything else. */
export function readPeople(text: string | null): AttendeeList {
  const wire = text === null ? null : parseJson<WirePeople>(text, isWirePeople);
  if (!wire) return NOBODY;
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

/** JSON in which a character is a byte, so that no cut falls into one. */
export function ascii(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => '\\u' + char.charCodeAt(0).toString(16).padStart(4, '0'),
  );
}

/** Null where the text is no JSON, or not of the right shape. */
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

/** Numbers are places in the lists above. */
interface WirePeople {
  readonly o: readonly [address: string, name: string] | null;
  readonly a: readonly (readonly [address: string, name: string, participation: number, role: number, kind: number])[];
}

function toWire(people: AttendeeList, withNames: boolean): WirePeople {
  const { organizer, attendees } = people;
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

function isWirePeople(value: unknown): boolean {
  const isPerson = (person: unknown): boolean =>
    Array.isArray(person) && typeof person[0] === 'string' && typeof person[1] === 'string';
  const wire = value as Partial<WirePeople> | null;
  return (
    typeof wire === 'object' &&
    wire !== null &&
    (wire.o === null || isPerson(wire.o)) &&
    Array.isArray(wire.a) &&
    wire.a.every(isPerson)
  );
}
