/**
 * What Calpair stores with a Graph event: single-value extended properties, which answers hold only where a request
 * names them. They cannot be removed again: an empty one counts as absent. Consumer mailboxes lose those that come
 * with a new event.
 */
import { createHash } from 'node:crypto';
import type { Recurrence, When } from '../../core/event.ts';
import { isZone } from '../../core/zones.ts';
import { type AttendeeList, readAttendees, writeAttendees } from '../hidden-attendees.ts';
import type { Item } from './item.ts';

export type Properties = Readonly<Record<string, string>>;

/** Names of the properties without their common prefix. */
const UID = 'uid';
const LINK = 'link';
const MADE = 'made';
const ATTENDEES = 'people';
const TEXT = 'text';
const CUT = 'cut';
const ZONES = 'zones';
const RULE = 'rule';
const TAIL = 'tail';
const TITLE = 'title';

const idOf = (name: string): string => `String {8e898599-fdd8-4ebe-a4c1-c0d0be8c4ec5} Name calpair.${name}`;
/** User properties of Outlook that another sync program leaves (core/sync/other-tools.ts). */
const TOOL_PROPERTY_IDS = ['googleCalendarID', 'googleEventID', 'OGCSmodifiedText'].map(
  (name) => `String {00020329-0000-0000-c000-000000000046} Name ${name}`,
);
/** For the requests that name them. */
export const PROPERTY_IDS: readonly string[] = [
  ...[UID, LINK, MADE, ATTENDEES, TEXT, CUT, ZONES, RULE, TAIL, TITLE].map(idOf),
  ...TOOL_PROPERTY_IDS,
];

export function propertiesOf(item: Item): Properties {
  const properties: Record<string, string> = {};
  for (const { id, value } of listOf(item)) {
    const name =
      typeof id === 'string' ? /^String \{[0-9a-f-]{36}\} Name calpair\.([a-z]{1,20})$/i.exec(id)?.[1] : undefined;
    if (name !== undefined && typeof value === 'string' && value !== '') properties[name] = value;
  }
  return properties;
}

/** The names of other programs' properties. */
export function toolProperties(item: Item): string[] {
  return listOf(item).flatMap(({ id }) =>
    typeof id === 'string' && TOOL_IDS.has(id.toLowerCase()) ? id.slice(id.lastIndexOf(' ') + 1) : [],
  );
}

const TOOL_IDS: ReadonlySet<string> = new Set(TOOL_PROPERTY_IDS.map((id) => id.toLowerCase()));

function listOf(item: Item): { readonly id?: unknown; readonly value?: unknown }[] {
  const list = item['singleValueExtendedProperties'];
  return (Array.isArray(list) ? (list as unknown[]) : []).map((one) => (one ?? {}) as { id?: unknown });
}

/** For the body of a POST or PATCH; empty where there are none. */
export function propertiesBody(properties: Properties): {
  singleValueExtendedProperties?: { id: string; value: string }[];
} {
  const list = Object.entries(properties).map(([name, value]) => ({ id: idOf(name), value }));
  return list.length === 0 ? {} : { singleValueExtendedProperties: list };
}

/** The item with the properties that were written: the answer to a write leaves them out. */
export function withProperties(item: Item, properties: Properties): Item {
  const all = Object.entries({ ...propertiesOf(item), ...properties }).filter(([, value]) => value !== '');
  const { singleValueExtendedProperties: _, ...rest } = item;
  const { singleValueExtendedProperties: own = [] } = propertiesBody(Object.fromEntries(all));
  const list = [...own, ...listOf(item).filter(({ id }) => TOOL_IDS.has(String(id).toLowerCase()))];
  return { ...rest, id: item.id, ...(list.length === 0 ? {} : { singleValueExtendedProperties: list }) };
}

/** The iCalendar UID of the original: of what Calpair copied, or of what a person duplicated. Null for other events. */
export function copiedUid(properties: Properties): string | null {
  return properties[UID] ?? null;
}

/** The link that this copy belongs to. */
export function linkOf(item: Item): string | null {
  return isCopy(item) ? (propertiesOf(item)[LINK] ?? null) : null;
}

/** True for what Calpair created. A duplicate made by a person may have its properties, but no transaction id. */
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

/** Attendees that Exchange does not know, because it would mail them. */
export function hiddenAttendees(properties: Properties): AttendeeList {
  return readAttendees(properties[ATTENDEES] ?? null);
}

export function hasHiddenAttendees(properties: Properties): boolean {
  return properties[ATTENDEES] !== undefined;
}

export function attendeeProperties(list: AttendeeList): Properties {
  return { [ATTENDEES]: writeAttendees(list, MAX_ATTENDEES) ?? '' };
}

/** Marks a description that Calpair writes, so that it may be written again when only the attendees below it change. */
export function textProperties(description: string, isCut: boolean): Properties {
  return { [TEXT]: description === '' ? '' : hash(description), [CUT]: isCut ? '1' : '' };
}

/** Whether the description is what Calpair wrote. Exchange stores HTML and returns text: white space does not count. */
export function isOurText(properties: Properties, description: string): boolean {
  return properties[TEXT] === hash(description);
}

/** A subject has no line breaks. */
export function oneLine(title: string): string {
  return title.replace(/[\r\n]+/g, ' ');
}

/** A title with line breaks, as the other side has it; empty for a title without. */
export function titleProperties(title: string): Properties {
  return { [TITLE]: oneLine(title) === title || title.length > MAX_TITLE ? '' : title };
}

/** The title on the other side, as long as the subject is what Calpair made of it. */
export function originalTitle(properties: Properties, subject: string): string {
  const title = properties[TITLE];
  return title !== undefined && oneLine(title) === subject ? title : subject;
}

/** The white space at the end of a description: text that Graph takes out of HTML has lost it. */
export function tailProperties(description: string): Properties {
  return {
    [TAIL]: encodeURIComponent(
      description.slice(description.trimEnd().length, MAX_TAIL + description.trimEnd().length),
    ),
  };
}

export function originalTail(properties: Properties): string {
  const tail = properties[TAIL] ?? '';
  return /^(?:%[0-9A-F]{2}){1,900}$/.test(tail) ? safely(tail) : '';
}

/** Whether Calpair had to shorten a text for Graph. */
export function isCutText(properties: Properties, description: string): boolean {
  const isCut = description === '' || description.endsWith('…') || isOurText(properties, description);
  return properties[CUT] === '1' && isCut;
}

/**
 * The IANA zones of start and end on the other side, with the year of the start: one Windows zone stands for many of
 * them.
 */
export function zoneProperties(when: When): Properties {
  return { [ZONES]: when.allDay ? '' : `${when.start.slice(0, 4)} ${when.startZone} ${when.endZone}` };
}

export interface OriginalZones {
  readonly start: { readonly zone: string; readonly year: number } | null;
  readonly end: { readonly zone: string; readonly year: number } | null;
}

export function originalZones(properties: Properties): OriginalZones {
  const [year, start, end] = (properties[ZONES] ?? '').split(' ');
  const original = (zone: string | undefined) =>
    zone !== undefined && isZone(zone) && /^\d{4}$/.test(year ?? '') ? { zone, year: Number(year) } : null;
  return { start: original(start), end: original(end) };
}

/** The rule as the other side spells it: there are many ways to write the same rule. */
export function ruleProperties(recurrence: Recurrence | null): Properties {
  return { [RULE]: recurrence?.rules[0] ?? '' };
}

export function originalRule(properties: Properties): Recurrence | null {
  const rule = properties[RULE];
  return rule === undefined || rule.length > MAX_RULE ? null : { rules: [rule], dates: [] };
}

/** Those of `next` that differ from the present ones. */
export function changedProperties(now: Properties, next: Properties): Properties {
  return Object.fromEntries(Object.entries(next).filter(([name, value]) => (now[name] ?? '') !== value));
}

const MAX_UID = 4000;
const MAX_RULE = 2000;
const MAX_TAIL = 100;
const MAX_TITLE = 255;
const MAX_ATTENDEES = 20_000;

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
