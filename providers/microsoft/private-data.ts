/**
 * What Calpair notes on a Graph event: single-value extended properties, which no program shows and no listing names
 * unless they are asked for. They cannot be taken away again: an empty one counts as absent. Consumer mailboxes lose
 * those that are given when an event is made.
 */
import { createHash } from 'node:crypto';
import type { Recurrence, When } from '../../core/event.ts';
import { isZone } from '../../core/zones.ts';
import { type AttendeeList, readPeople, writePeople } from '../hidden-attendees.ts';
import type { Item } from './item.ts';

export type Properties = Readonly<Record<string, string>>;

/** Names of properties without their common part. */
const UID = 'uid';
const LINK = 'link';
const MADE = 'made';
const PEOPLE = 'people';
const TEXT = 'text';
const CUT = 'cut';
const ZONES = 'zones';
const RULE = 'rule';
const TAIL = 'tail';
const TITLE = 'title';

const idOf = (name: string): string => `String {8e898599-fdd8-4ebe-a4c1-c0d0be8c4ec5} Name calpair.${name}`;
/** To be named when they are asked for. */
export const PROPERTY_IDS: readonly string[] = [UID, LINK, MADE, PEOPLE, TEXT, CUT, ZONES, RULE, TAIL, TITLE].map(idOf);

export function propertiesOf(item: Item): Properties {
  const properties: Record<string, string> = {};
  const list = item['singleValueExtendedProperties'];
  for (const one of Array.isArray(list) ? (list as unknown[]) : []) {
    const { id, value } = (one ?? {}) as { id?: unknown; value?: unknown };
    const name =
      typeof id === 'string' ? /^String \{[0-9a-f-]{36}\} Name calpair\.([a-z]{1,20})$/i.exec(id)?.[1] : undefined;
    if (name !== undefined && typeof value === 'string' && value !== '') properties[name] = value;
  }
  return properties;
}

/** As a body of a POST or PATCH has them; empty where there are none. */
export function propertiesBody(properties: Properties): {
  singleValueExtendedProperties?: { id: string; value: string }[];
} {
  const list = Object.entries(properties).map(([name, value]) => ({ id: idOf(name), value }));
  return list.length === 0 ? {} : { singleValueExtendedProperties: list };
}

/** The item as it is when these properties have been written, for answers that leave them out. */
export function withProperties(item: Item, properties: Properties): Item {
  const all = Object.entries({ ...propertiesOf(item), ...properties }).filter(([, value]) => value !== '');
  const { singleValueExtendedProperties: _, ...rest } = item;
  return { ...rest, id: item.id, ...propertiesBody(Object.fromEntries(all)) };
}

/**
 * The iCalendar UID of the event that this one, or the one that it is a duplicate of, is a copy of; null where it is
 * none.
 */
export function copiedUid(properties: Properties): string | null {
  return properties[UID] ?? null;
}

/** The link that Calpair made this copy for. */
export function linkOf(item: Item): string | null {
  return isCopy(item) ? (propertiesOf(item)[LINK] ?? null) : null;
}

/**
 * True for what Calpair made. An event that a person duplicates may take its properties along, but not its transaction
 * id.
 */
export function isCopy(item: Item): boolean {
  const made = propertiesOf(item)[MADE];
  return made !== undefined && made === item['transactionId'];
}

export function linkProperties(key: string, transactionId: string, uid: string | null): Properties {
  return {
    [LINK]: key,
    [MADE]: transactionId,
    ...(uid === null || uid === '' ? {} : { [UID]: uid.slice(0, MAX_UID) }),
  };
}

/** The people that Calpair keeps beside the event's own, because Exchange would mail them. */
export function keptPeople(properties: Properties): AttendeeList {
  return readPeople(properties[PEOPLE] ?? null);
}

export function hasKeptPeople(properties: Properties): boolean {
  return properties[PEOPLE] !== undefined;
}

export function peopleProperties(people: AttendeeList): Properties {
  return { [PEOPLE]: writePeople(people, MAX_PEOPLE) ?? '' };
}

/**
 * Notes a description that Calpair writes as plain text, so that it may be written again when only the people below it
 * change.
 */
export function textProperties(description: string, isCut: boolean): Properties {
  return { [TEXT]: description === '' ? '' : hash(description), [CUT]: isCut ? '1' : '' };
}

/**
 * Whether the description is what Calpair wrote. Exchange keeps HTML and gives text back: gaps in it count for nothing.
 */
export function isOurText(properties: Properties, description: string): boolean {
  return properties[TEXT] === hash(description);
}

/** A subject has no line breaks. */
export function oneLine(title: string): string {
  return title.replace(/[\r\n]+/g, ' ');
}

/** A title with line breaks, as the other side has it. */
export function titleProperties(title: string): Properties {
  return { [TITLE]: oneLine(title) === title || title.length > MAX_TITLE ? '' : title };
}

/** The title that a subject stands for. */
export function keptTitle(properties: Properties, subject: string): string {
  const title = properties[TITLE];
  return title !== undefined && oneLine(title) === subject ? title : subject;
}

/** The blanks and line ends that a description ends with: text that comes out of HTML has them no more. */
export function tailProperties(description: string): Properties {
  return {
    [TAIL]: encodeURIComponent(
      description.slice(description.trimEnd().length, MAX_TAIL + description.trimEnd().length),
    ),
  };
}

export function keptTail(properties: Properties): string {
  const tail = properties[TAIL] ?? '';
  return /^(?:%[0-9A-F]{2}){1,900}$/.test(tail) ? safely(tail) : '';
}

/** Whether what Calpair wrote was too long for Graph and stands there shortened. */
export function isCutText(properties: Properties, description: string): boolean {
  return properties[CUT] === '1' && (description === '' || isOurText(properties, description));
}

/**
 * The IANA zones of start and end as the other side has them, with the year of the start: one Windows zone stands for
 * many.
 */
export function zoneProperties(when: When): Properties {
  return { [ZONES]: when.allDay ? '' : `${when.start.slice(0, 4)} ${when.startZone} ${when.endZone}` };
}

export interface KeptZones {
  readonly start: { readonly zone: string; readonly year: number } | null;
  readonly end: { readonly zone: string; readonly year: number } | null;
}

export function keptZones(properties: Properties): KeptZones {
  const [year, start, end] = (properties[ZONES] ?? '').split(' ');
  const kept = (zone: string | undefined) =>
    zone !== undefined && isZone(zone) && /^\d{4}$/.test(year ?? '') ? { zone, year: Number(year) } : null;
  return { start: kept(start), end: kept(end) };
}

/** The rule as the other side spells it: there are many ways to say the same. */
export function ruleProperties(recurrence: Recurrence | null): Properties {
  return { [RULE]: recurrence?.rules[0] ?? '' };
}

export function keptRule(properties: Properties): Recurrence | null {
  const rule = properties[RULE];
  return rule === undefined || rule.length > MAX_RULE ? null : { rules: [rule], dates: [] };
}

/** Those of `next` that are not there as they are to be. */
export function changedProperties(now: Properties, next: Properties): Properties {
  return Object.fromEntries(Object.entries(next).filter(([name, value]) => (now[name] ?? '') !== value));
}

const MAX_UID = 4000;
const MAX_RULE = 2000;
const MAX_TAIL = 100;
const MAX_TITLE = 255;
const MAX_PEOPLE = 20_000;

function safely(tail: string): string {
  try {
    const text = decodeURIComponent(tail);
    return text.trim() === '' ? text : '';
  } catch {
    return '';
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text.replace(/\s+/g, ' ').trim()).digest('hex').slice(0, 32);
}
