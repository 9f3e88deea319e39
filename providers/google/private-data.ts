/**
 * What Calpair notes on a Google event: private extended properties, visible on this calendar's copy only.
 * Google's limits: keys of 44 characters, values of 1024, 300 properties and 32 kB in all; longer ones are cut without a word.
 */
import { createHash } from 'node:crypto';
import type { Attendee, Organizer } from '../../core/event.ts';
import type { Item } from './item.ts';

export type Properties = Record<string, string>;
/** For a PATCH, which merges by key: null removes. */
export type PropertyPatch = Record<string, string | null>;

const UID = 'calpair.uid';
const LINK = 'calpair.link';
const ID = 'calpair.id';
const PEOPLE = 'calpair.people';
const TEXT = 'calpair.text';
const CUT = 'calpair.cut';

export interface People {
  readonly organizer: Organizer | null;
  readonly attendees: readonly Attendee[];
}

const NOBODY: People = { organizer: null, attendees: [] };

export function propertiesOf(item: Item): Properties {
  const properties: Properties = {};
  for (const [key, value] of Object.entries(item.extendedProperties?.private ?? {})) {
    if (key.startsWith('calpair.') && typeof value === 'string') properties[key] = value;
  }
  return properties;
}

/** The iCalendar UID of the event that this one, or the one that it is a duplicate of, is a copy of; null where it is none. */
export function copiedUid(properties: Properties): string | null {
  if (properties[UID] !== undefined) return properties[UID];
  const text = unchunk(properties, UID);
  return text === null ? null : parse<string>(text, (value) => typeof value === 'string');
}

export function uidProperties(uid: string): Properties {
  if (uid.length <= CHUNK) return { [UID]: uid };
  const text = ascii(uid);
  return chunk(UID, text.length <= MAX_UID ? text : ascii(uid.slice(0, CHUNK)));
}

/** The link that Calpair made this copy for. */
export function linkOf(item: Item): string | null {
  return isCopy(item) ? propertiesOf(item)[LINK] ?? null : null;
}

/** True for what Calpair made. An event that a person duplicates takes its private data along, but not its id. */
export function isCopy(item: Item): boolean {
  return propertiesOf(item)[ID] === item.id;
}

export function linkProperties(key: string, id: string): Properties {
  return { [LINK]: key, [ID]: id };
}

/** The people that Calpair keeps beside the event's own, because Google would put the event into their calendars. */
export function keptPeople(properties: Properties): People {
  const text = unchunk(properties, PEOPLE);
  if (text === null) return NOBODY;
  const wire = parse<WirePeople>(text, isWirePeople);
  if (!wire) return NOBODY;
  return {
    organizer: wire.o ? { address: wire.o[0], name: wire.o[1] } : null,
    attendees: wire.a.map(([address, name, participation, role, kind]) => ({
      address, name, participation: PARTICIPATIONS[participation] ?? 'needs-action', role: ROLES[role] ?? 'required', kind: KINDS[kind] ?? 'individual',
    })),
  };
}

export function hasKeptPeople(properties: Properties): boolean {
  return Object.keys(properties).some((key) => key.startsWith(PEOPLE));
}

/** Names go first when there is no room for all, then the last people. */
export function peopleProperties(people: People): Properties {
  if (!people.organizer && people.attendees.length === 0) return {};
  let wire = toWire(people, true);
  let text = ascii(wire);
  if (text.length > MAX_PEOPLE) text = ascii(wire = toWire(people, false));
  while (text.length > MAX_PEOPLE && wire.a.length > 0) {
    const keep = Math.floor(wire.a.length * Math.min(0.95, MAX_PEOPLE / text.length));
    text = ascii(wire = { ...wire, a: wire.a.slice(0, keep) });
  }
  return text.length > MAX_PEOPLE ? {} : chunk(PEOPLE, text);
}

/** Notes a description that Calpair writes as plain text, so that it is not taken for HTML later. */
export function textProperties(description: string, isCut: boolean): Properties {
  return { ...(description === '' ? {} : { [TEXT]: hash(description) }), ...(isCut ? { [CUT]: '1' } : {}) };
}

/** Whether the description is, character by character, what Calpair wrote. */
export function isOurText(properties: Properties, description: string): boolean {
  return properties[TEXT] === hash(description);
}

/** Whether what Calpair wrote was too long for Google and stands there shortened. */
export function isCutText(properties: Properties, description: string): boolean {
  return properties[CUT] === '1' && (description === '' || isOurText(properties, description));
}

/** What to send so that the properties of the groups that `next` is about are exactly `next`; empty where they are already. */
export function patchProperties(now: Properties, next: Properties, groups: readonly ('people' | 'text')[]): PropertyPatch {
  const patch: PropertyPatch = {};
  for (const [key, value] of Object.entries(next)) if (now[key] !== value) patch[key] = value;
  const isOfGroups = (key: string): boolean =>
    (groups.includes('people') && key.startsWith(PEOPLE)) || (groups.includes('text') && (key === TEXT || key === CUT));
  for (const key of Object.keys(now)) if (next[key] === undefined && isOfGroups(key)) patch[key] = null;
  return patch;
}

const CHUNK = 1000;
const MAX_UID = 6000;
const MAX_PEOPLE = 20_000;
const MAX_CHUNKS = 100;
const PARTICIPATIONS = ['needs-action', 'accepted', 'declined', 'tentative', 'delegated'] as const;
const ROLES = ['required', 'optional', 'chair', 'non-participant'] as const;
const KINDS = ['individual', 'group', 'room', 'resource', 'unknown'] as const;

/** Numbers are places in the lists above. */
interface WirePeople {
  readonly o: readonly [address: string, name: string] | null;
  readonly a: readonly (readonly [address: string, name: string, participation: number, role: number, kind: number])[];
}

function toWire(people: People, withNames: boolean): WirePeople {
  const { organizer, attendees } = people;
  return {
    o: organizer && [organizer.address, withNames ? organizer.name : ''],
    a: attendees.map(({ address, name, participation, role, kind }) =>
      [address, withNames ? name : '', PARTICIPATIONS.indexOf(participation), ROLES.indexOf(role), KINDS.indexOf(kind)] as const),
  };
}

function isWirePeople(value: unknown): boolean {
  const isPerson = (person: unknown): boolean => Array.isArray(person) && typeof person[0] === 'string' && typeof person[1] === 'string';
  const wire = value as Partial<WirePeople> | null;
  return typeof wire === 'object' && wire !== null && (wire.o === null || isPerson(wire.o)) && Array.isArray(wire.a) && wire.a.every(isPerson);
}

function chunk(name: string, text: string): Properties {
  const properties: Properties = {};
  for (let at = 0; at * CHUNK < text.length; at++) properties[`${name}.${at}`] = text.slice(at * CHUNK, (at + 1) * CHUNK);
  return properties;
}

function unchunk(properties: Properties, name: string): string | null {
  let text: string | null = null;
  for (let at = 0; at < MAX_CHUNKS; at++) {
    const part = properties[`${name}.${at}`];
    if (part === undefined) break;
    text = (text ?? '') + part;
  }
  return text;
}

/** JSON in which a character is a byte, so that no cut falls into one. */
function ascii(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (char) => '\\u' + char.charCodeAt(0).toString(16).padStart(4, '0'));
}

function parse<T>(text: string, isRight: (value: unknown) => boolean): T | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRight(value) ? (value as T) : null;
  } catch {
    return null;
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
