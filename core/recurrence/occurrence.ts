/** Occurrence ids: the original start of one occurrence of a series, in a canonical form. */
import type { OccurrenceId, When } from '../event.ts';
import { instantOf, localOf } from '../zones.ts';

/**
 * The id of the occurrence that starts at a wall-clock time in a zone, or (zone null) on a date `YYYY-MM-DD`.
 * @throws RangeError
 */
export function occurrenceId(local: string, zone: string | null): OccurrenceId {
  return zone === null ? local.slice(0, 10).replaceAll('-', '') : instantId(instantOf(local, zone));
}

/** The id of the occurrence of a timed series that starts at an instant. */
export function instantId(ms: number): OccurrenceId {
  return localOf(ms, 'UTC').replace(/[-:]/g, '') + 'Z';
}

/** The original start of an occurrence: wall-clock time in the start zone of the series, or a date. */
export function occurrenceStart(id: OccurrenceId, when: When): string {
  const date = `${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}`;
  if (when.allDay) return date;
  return isDateId(id) ? date + when.start.slice(10) : localOf(idInstant(id), when.startZone);
}

/** The instant of the id of a timed occurrence; ms. */
export function idInstant(id: OccurrenceId): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(id) ?? [];
  return instantOf(`${year}-${month}-${day}T${hour}:${minute}:${second}`, 'UTC');
}

/** The instant of any occurrence id; a date counts as its midnight in UTC. */
export function instantOfId(id: OccurrenceId): number {
  return idInstant(isDateId(id) ? `${id}T000000Z` : id);
}

/** Whether the id belongs to an all-day series. */
export function isDateId(id: OccurrenceId): boolean {
  return /^\d{8}$/.test(id);
}
