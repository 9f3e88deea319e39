/**
 * Events as Graph sends them, and as they are stored: a series is its master, its exceptions and the dates of its
 * deleted occurrences. To Exchange it is one item with one etag. Events are stored with those fields only that are read
 * or needed for a write.
 */

import type { OptionalField } from '../../core/event.ts';
import { KEEPER_CATEGORY } from '../../core/sync/other-tools.ts';
import { fieldsOf } from '../optional-forms.ts';
import type { SideSetting } from '../provider.ts';
import { isClockAhead } from '../series-reader.ts';

/** The stored fields of a Graph event. The values are the server's and may be anything. */
export interface Item {
  readonly id: string;
  readonly etag?: string;
  readonly [field: string]: unknown;
}

/** `Stored.data`, as JSON. */
export interface Series {
  /** A single event or the master of a series. */
  readonly master: Item;
  /** By item id. */
  readonly exceptions: Readonly<Record<string, Item>>;
  /** `2026-01-05`, in the zone of the recurrence, sorted. */
  readonly cancelled: readonly string[];
  /** Set when a time of change was more than 5 minutes ahead of the server's own clock when it was read. */
  readonly clockAhead?: true;
  /** Set where the account may not see what is private in its calendar, and nothing of this event was shown. */
  readonly hidden?: true;
}

/** The fields of every pair. */
export const FIELDS = [
  'id',
  'type',
  'seriesMasterId',
  'occurrenceId',
  'originalStart',
  'iCalUId',
  'transactionId',
  'subject',
  'body',
  'start',
  'end',
  'isAllDay',
  'originalStartTimeZone',
  'originalEndTimeZone',
  'location',
  'attendees',
  'organizer',
  'isOrganizer',
  'responseStatus',
  'recurrence',
  'isCancelled',
  'sensitivity',
  'showAs',
  'isOnlineMeeting',
  'createdDateTime',
  'lastModifiedDateTime',
  'changeKey',
  'singleValueExtendedProperties',
] as const;
/** Those of pairs that copy more. */
const MORE_FIELDS: Readonly<Record<OptionalField, readonly string[]>> = {
  categories: ['categories'],
  reminders: ['isReminderOn', 'reminderMinutesBeforeStart'],
  conference: ['onlineMeeting', 'onlineMeetingUrl'],
};
const MAX_ID = 1100;

/** The fields that are stored beside `FIELDS`. */
export function moreFields(setting: Pick<SideSetting, OptionalField>): string[] {
  return fieldsOf(setting).flatMap((field) => MORE_FIELDS[field]);
}

/**
 * An event with the fields that are stored; null where it has no usable id. To Graph, null and absent are the same.
 * @param more fields beside `FIELDS`
 */
export function pickItem(raw: unknown, more: readonly string[] = []): Item | null {
  if (typeof raw !== 'object' || raw === null) return null;
  const source = raw as Record<string, unknown>;
  const id = source['id'];
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID) return null;
  const item: Record<string, unknown> = {};
  const { '@odata.etag': etag, changeKey } = source;
  if (typeof etag === 'string') item['etag'] = etag;
  else if (typeof changeKey === 'string') item['etag'] = `W/"${changeKey}"`;
  for (const field of [...FIELDS, ...more])
    if (field !== 'changeKey' && source[field] !== undefined && source[field] !== null) item[field] = source[field];
  const { categories } = source;
  if (Array.isArray(categories) && categories.includes(KEEPER_CATEGORY)) item['toolCategory'] = KEEPER_CATEGORY;
  return { ...item, id };
}

/** The date of a deleted occurrence by its name, `OID.<master>.2026-01-05`; null for anything else. */
export function cancelledDate(name: unknown): string | null {
  return typeof name === 'string' ? (/\.(\d{4}-\d\d-\d\d)$/.exec(name)?.[1] ?? null) : null;
}

/** The same of one occurrence or exception: by its own name. */
export function occurrenceDate(item: Item): string | null {
  return cancelledDate(item['occurrenceId']);
}

/** Graph's name of an occurrence. */
export function occurrenceName(masterId: string, date: string): string {
  return `OID.${masterId}.${date}`;
}

export function isSeries(item: Item): boolean {
  return item['type'] === 'seriesMaster' || typeof item['recurrence'] === 'object';
}

/** The master of an occurrence or exception; null for anything else. */
export function masterIdOf(item: Item): string | null {
  const id = item['seriesMasterId'];
  return typeof id === 'string' && id !== '' && id !== item.id ? id : null;
}

/** One etag covers the whole series. */
export function versionOf({ master }: Series): string | null {
  return master.etag ?? null;
}

/** @throws SyntaxError for data that is no stored series */
export function parseSeries(data: string): Series {
  const series = JSON.parse(data) as Series;
  if (
    typeof series?.master?.id !== 'string' ||
    typeof series.exceptions !== 'object' ||
    !Array.isArray(series.cancelled)
  )
    throw new SyntaxError('not a stored Graph event');
  return series;
}

/** The series, marked where a time in it cannot be true by the clock of the server that sent it (`date`, ms). */
export function checkClock({ master, exceptions, cancelled }: Series, date: number | null): Series {
  const isAhead = isClockAhead([master, ...Object.values(exceptions)].map(modifiedMs), date);
  return { master, exceptions, cancelled, ...(isAhead ? { clockAhead: true } : {}) };
}

/** When the service says that the event was changed last; NaN where it does not. */
export function modifiedMs(item: Item): number {
  return Date.parse(textOf(item['lastModifiedDateTime']));
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A field of an object that the server sent; undefined where there is no such object. */
export function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined;
}
