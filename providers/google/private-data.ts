/**
 * What Calpair notes on a Google event: private extended properties, visible on this calendar's copy only. Google's
 * limits: keys of 44 characters, values of 1024, 300 properties and 32 kB in all; longer ones are cut without a word.
 */
import { createHash } from 'node:crypto';
import { type AttendeeList, ascii, parseJson, readPeople, writePeople } from '../hidden-attendees.ts';
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

export function propertiesOf(item: Item): Properties {
  const properties: Properties = {};
  for (const [key, value] of Object.entries(item.extendedProperties?.private ?? {})) {
    if (key.startsWith('calpair.') && typeof value === 'string') properties[key] = value;
  }
  return properties;
}

/**
 * The iCalendar UID of the event that this one, or the one that it is a duplicate of, is a copy of; null where it is
 * none.
 */
export function copiedUid(properties: Properties): string | null {
  if (properties[UID] !== undefined) return properties[UID];
  const text = unchunk(properties, UID);
  return text === null ? null : parseJson<string>(text, (value) => typeof value === 'string');
}

export function uidProperties(uid: string): Properties {
  if (uid.length <= CHUNK) return { [UID]: uid };
  const text = ascii(uid);
  return chunk(UID, text.length <= MAX_UID ? text : ascii(uid.slice(0, CHUNK)));
}

/** The link that Calpair made this copy for. */
export function linkOf(item: Item): string | null {
  return isCopy(item) ? (propertiesOf(item)[LINK] ?? null) : null;
}

/** True for what Calpair made. An event that a person duplicates takes its private data along, but not its id. */
export function isCopy(item: Item): boolean {
  return propertiesOf(item)[ID] === item.id;
}

export function linkProperties(key: string, id: string): Properties {
  return { [LINK]: key, [ID]: id };
}

/** The people that Calpair keeps beside the event's own, because Google would put the event into their calendars. */
export function keptPeople(properties: Properties): AttendeeList {
  return readPeople(unchunk(properties, PEOPLE));
}

export function hasKeptPeople(properties: Properties): boolean {
  return Object.keys(properties).some((key) => key.startsWith(PEOPLE));
}

export function peopleProperties(people: AttendeeList): Properties {
  const text = writePeople(people, MAX_PEOPLE);
  return text === null ? {} : chunk(PEOPLE, text);
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

/**
 * What to send so that the properties of the groups that `next` is about are exactly `next`; empty where they are
 * already.
 */
export function patchProperties(
  now: Properties,
  next: Properties,
  groups: readonly ('people' | 'text')[],
): PropertyPatch {
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

function chunk(name: string, text: string): Properties {
  const properties: Properties = {};
  for (let at = 0; at * CHUNK < text.length; at++)
    properties[`${name}.${at}`] = text.slice(at * CHUNK, (at + 1) * CHUNK);
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

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
