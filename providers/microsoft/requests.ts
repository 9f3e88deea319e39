/** Paths and queries of the requests about one event or a listing. */
import type { GraphRequest } from './client.ts';
import { FIELDS } from './item.ts';
import { PROPERTY_IDS } from './private-data.ts';

const UNSELECTED: readonly string[] = ['singleValueExtendedProperties', 'occurrenceId'];
/** The categories show whether another sync program made the event. */
const SELECT = `$select=${[...FIELDS.filter((field) => !UNSELECTED.includes(field)), 'categories'].join(',')}`;
/** A query with more fields than those of every pair. */
const selecting = (query: string, more: readonly string[]): string =>
  query.replace(SELECT, [SELECT, ...more.filter((field) => field !== 'categories')].join(','));
const EXPAND = `singleValueExtendedProperties($filter=${PROPERTY_IDS.map((id) => `id eq '${id}'`).join(' or ')})`;

/** The fields of a single event, of an occurrence, and of each row of a listing. */
export const itemQuery = (more: readonly string[]): string => selecting(ITEM_QUERY, more);
const ITEM_QUERY = `${SELECT}&$expand=${encodeURIComponent(EXPAND)}`;
/**
 * The fields of each occurrence of a series. Its name is in no metadata of v1.0, although answers have it: a service
 * may refuse to select it, but not to leave the selection out.
 */
export const instanceQueries = (more: readonly string[]): string[] =>
  INSTANCE_QUERIES.map((query) => selecting(query, more));
const INSTANCE_QUERIES: readonly string[] = [
  `${SELECT},occurrenceId&$expand=${encodeURIComponent(EXPAND)}`,
  `$expand=${encodeURIComponent(EXPAND)}`,
];
/** Those of a master, with its exceptions and deleted occurrences; the next one where Graph says 400. */
export const masterQueries = (more: readonly string[]): string[] =>
  MASTER_QUERIES.map((query) => selecting(query, more));
const MASTER_QUERIES: readonly string[] = [',occurrenceId', ''].map(
  (name) =>
    `${SELECT}${name},exceptionOccurrences,cancelledOccurrences` +
    `&$expand=${encodeURIComponent(`${EXPAND},exceptionOccurrences`)}`,
);

export function calendarPath(calendarId: string): string {
  return `/me/calendars/${encodeURIComponent(calendarId)}`;
}

export function eventPath(calendarId: string, eventId: string): string {
  return `${calendarPath(calendarId)}/events/${encodeURIComponent(eventId)}`;
}

export function itemRequest(calendarId: string, eventId: string, query: string): GraphRequest {
  return { path: `${eventPath(calendarId, eventId)}?${query}` };
}
