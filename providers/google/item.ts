/**
 * Events as Google sends them, and as they are stored: a series is its master item plus one item per exception, each
 * with its own id and ETag. Items are stored with those fields only that are read or needed for a write.
 */
import { createHash } from 'node:crypto';
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { type OptionalField, sameValue } from '../../core/event.ts';
import { fieldsOf } from '../optional-forms.ts';
import type { SideSetting } from '../provider.ts';
import { isClockAhead } from '../series-reader.ts';

export type Item = calendar_v3.Schema$Event & {
  id: string;
  /** What `reminders.useDefault` meant when the event was read: the defaults are not part of it. */
  defaultReminders?: readonly Reminder[];
};

/** `Stored.data`, as JSON. */
export interface Series {
  /** A single event, the master of a series, or an exception whose master is not visible to the account. */
  readonly master: Item;
  /** By item id. */
  readonly exceptions: Readonly<Record<string, Item>>;
  /** Set when an item's `updated` was more than 5 minutes ahead of the server's own clock when it was read. */
  readonly clockAhead?: true;
}

/** A default reminder of the calendar, or one of an event. */
export type Reminder = calendar_v3.Schema$EventReminder;

const FIELDS = [
  'id',
  'status',
  'etag',
  'updated',
  'iCalUID',
  'recurringEventId',
  'originalStartTime',
  'recurrence',
  'start',
  'end',
  'summary',
  'description',
  'location',
  'transparency',
  'visibility',
  'organizer',
  'attendees',
  'attendeesOmitted',
  'eventType',
  'extendedProperties',
] as const satisfies readonly (keyof calendar_v3.Schema$Event)[];

/** What is stored beside them for pairs that copy more. */
const MORE_FIELDS: Readonly<Record<OptionalField, readonly MoreField[]>> = {
  categories: [],
  reminders: ['reminders'],
  conference: ['hangoutLink', 'conferenceData'],
};
type MoreField = 'reminders' | 'hangoutLink' | 'conferenceData';
/** Of composed fields, what is stored of them. */
const PARTS: Readonly<Record<string, string>> = {
  extendedProperties: 'extendedProperties/private',
  conferenceData: 'conferenceData/entryPoints',
};

export function moreFields(setting: Pick<SideSetting, OptionalField>): MoreField[] {
  return fieldsOf(setting).flatMap((field) => MORE_FIELDS[field]);
}

/** The partial response with just these fields, for one event and for `events.list`. */
export function itemFields(more: readonly MoreField[]): string {
  return [...FIELDS, ...more].map((field) => PARTS[field] ?? field).join(',');
}
export function listFields(more: readonly MoreField[]): string {
  const defaults = more.includes('reminders') ? ',defaultReminders' : '';
  return `nextPageToken,nextSyncToken${defaults},items(${itemFields(more)})`;
}

/** An item with the fields that are stored; null where it has no usable id. */
export function pickItem(raw: unknown, more: readonly MoreField[] = []): Item | null {
  if (typeof raw !== 'object' || raw === null) return null;
  const source = raw as calendar_v3.Schema$Event;
  if (typeof source.id !== 'string' || source.id === '' || source.id.length > 1100) return null;
  const item: Record<string, unknown> = {};
  for (const field of [...FIELDS, ...more])
    if (source[field] !== undefined && source[field] !== null) item[field] = source[field];
  if (source.extendedProperties) item['extendedProperties'] = { private: source.extendedProperties.private ?? {} };
  return item as unknown as Item;
}

export function isCancelled(item: Item): boolean {
  return item.status === 'cancelled';
}

export interface InstanceName {
  readonly master: string;
  /** `20260105T080000Z` or `20260105`: the original start, as an occurrence id. */
  readonly occurrence: string;
}

/**
 * The parts of an instance's id; null for other ids. Parsed from the right: a master that was split off another one has
 * a suffix, too (`abc_R20260105T090000`).
 */
export function parseInstanceId(id: string): InstanceName | null {
  const match = /^(.+)_(\d{8}(?:T\d{6}Z)?)$/.exec(id);
  return match ? { master: match[1]!, occurrence: match[2]! } : null;
}

/** Google's id of an occurrence: its original start, in UTC or as a date, after the master's id. */
export function instanceId(masterId: string, occurrence: string): string {
  return `${masterId}_${occurrence}`;
}

/** The id of the master of an exception; null for masters, single events, and tombstones with another id. */
export function masterIdOf(item: Item): string | null {
  if (typeof item.recurringEventId === 'string' && item.recurringEventId !== item.id) return item.recurringEventId;
  // A tombstone may have nothing but id and status.
  return isCancelled(item) && !item.recurringEventId && !item.iCalUID
    ? (parseInstanceId(item.id)?.master ?? null)
    : null;
}

/** Changes when any item of the series does; its first part is the master's ETag. */
export function versionOf(series: Series): string {
  const { master, exceptions } = series;
  const ids = Object.keys(exceptions).sort();
  const own = master.etag ?? master.updated ?? '';
  if (ids.length === 0) return own;
  const digest = createHash('sha256');
  for (const id of ids) digest.update(`${id} ${exceptions[id]!.etag ?? exceptions[id]!.status ?? ''}\n`);
  return `${own}+${digest.digest('hex').slice(0, 16)}`;
}

/** @throws SyntaxError for data that is no stored series */
export function parseSeries(data: string): Series {
  const series = JSON.parse(data) as Series;
  if (typeof series?.master?.id !== 'string' || typeof series.exceptions !== 'object')
    throw new SyntaxError('not a stored Google event');
  return series;
}

/**
 * Whether two states of an item differ in nothing but their ETag and time. A cancelled one has no content: lists show
 * little more than its name, and perhaps no ETag, `get` all that it had.
 */
export function isSameItem(a: Item | undefined, b: Item | undefined): boolean {
  if (!a || !b) return a === b;
  if (isCancelled(a) && isCancelled(b)) return true;
  const content = (item: Item): object => ({ ...item, etag: undefined, updated: undefined });
  return sameValue(content(a), content(b));
}

/** Whether one state of an item is older than another by the server's own time. */
export function isOlder(item: Item, than: Item): boolean {
  return updatedMs(item) < updatedMs(than);
}

/** When the server says that the item changed last; NaN where it does not. */
export function updatedMs(item: Item): number {
  return Date.parse(item.updated ?? '');
}

/** The series, marked where a time in it cannot be true by the clock of the server that sent it (`date`, ms). */
export function checkClock({ master, exceptions }: Series, date: number | null): Series {
  const isAhead = isClockAhead([master, ...Object.values(exceptions)].map(updatedMs), date);
  return { master, exceptions, ...(isAhead ? { clockAhead: true } : {}) };
}
