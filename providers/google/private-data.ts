/**
 * What Calpair stores with a Google event: private extended properties, visible on this calendar's copy only. Google's
 * limits: keys of 44 characters, values of 1024, 300 properties and 32 kB in all. Google cuts longer ones silently.
 */
import { createHash } from 'node:crypto';
import { type AttendeeList, ascii, parseJson, readAttendees, writeAttendees } from '../hidden-attendees.ts';
import type { Item } from './item.ts';

export type Properties = Record<string, string>;
/** For a PATCH, which merges by key; null removes one. */
export type PropertyPatch = Record<string, string | null>;

const UID = 'calpair.uid';
const LINK = 'calpair.link';
const ID = 'calpair.id';
const ATTENDEES = 'calpair.people';
const TEXT = 'calpair.text';
const CUT = 'calpair.cut';

export function propertiesOf(item: Item): Properties {
  const properties: Properties = {};
  for (const [key, value] of Object.entries(item.extendedProperties?.private ?? {})) {
    if (key.startsWith('calpair.') && typeof value === 'string') properties[key] = value;
  }
  return properties;
}

/** The iCalendar UID of the original: of what Calpair copied, or of what a person duplicated. Null for other events. */
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

/** The link that this copy belongs to. */
export function linkOf(item: Item): string | null {
  return isCopy(item) ? (propertiesOf(item)[LINK] ?? null) : null;
}

/** True for what Calpair created. A duplicate made by a person has the same private data, but another id. */
export function isCopy(item: Item): boolean {
  return propertiesOf(item)[ID] === item.id;
}

export function linkProperties(key: string, id: string): Properties {
  return { [LINK]: key, [ID]: id };
}

/** Attendees that Google does not know, because it would put the event into their calendars. */
export function hiddenAttendees(properties: Properties): AttendeeList {
  return readAttendees(unchunk(properties, ATTENDEES));
}

export function hasHiddenAttendees(properties: Properties): boolean {
  return Object.keys(properties).some((key) => key.startsWith(ATTENDEES));
}

export function attendeeProperties(list: AttendeeList): Properties {
  const text = writeAttendees(list, MAX_ATTENDEES);
  return text === null ? {} : chunk(ATTENDEES, text);
}

/** Marks a description that Calpair writes as plain text, so that it is not taken for HTML later. */
export function textProperties(description: string, isCut: boolean): Properties {
  return { ...(description === '' ? {} : { [TEXT]: hash(description) }), ...(isCut ? { [CUT]: '1' } : {}) };
}

/** Whether the description is, character by character, what Calpair wrote. */
export function isOurText(properties: Properties, description: string): boolean {
  return properties[TEXT] === hash(description);
}

/** Whether Calpair had to shorten a text for Google. */
export function isCutText(properties: Properties, description: string): boolean {
  const isCut = description === '' || description.endsWith('…') || isOurText(properties, description);
  return properties[CUT] === '1' && isCut;
}

/** What to send so that the properties of these groups become exactly `next`; empty where they are already. */
export function patchProperties(
  now: Properties,
  next: Properties,
  groups: readonly ('attendees' | 'text')[],
): PropertyPatch {
  const patch: PropertyPatch = {};
  for (const [key, value] of Object.entries(next)) if (now[key] !== value) patch[key] = value;
  const isOfGroups = (key: string): boolean =>
    (groups.includes('attendees') && key.startsWith(ATTENDEES)) ||
    (groups.includes('text') && (key === TEXT || key === CUT));
  for (const key of Object.keys(now)) if (next[key] === undefined && isOfGroups(key)) patch[key] = null;
  return patch;
}

const CHUNK = 1000;
const MAX_UID = 6000;
const MAX_ATTENDEES = 20_000;
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
