/** A series and its occurrences: their dates, and the item that an occurrence is or would become. */

import { compactDate, compactInstant, instantOf, parseCompact, wallOf } from '../time.ts';
import type { Calendar, Item } from './calendar.ts';
import type { EventTime } from './event-times.ts';
import type { Occurrence } from './expand.ts';
import { occurrences } from './expand.ts';
import { parseRecurrence } from './recurrence-lines.ts';

/** The occurrences of a series that start no later than `horizon` (an instant), exceptions ignored. */
function occurrencesOf(calendar: Calendar, master: Item, horizon: number): Occurrence[] {
  const { start, recurrence } = master.fields;
  if (recurrence === undefined || start.kind === 'odd') return [];
  const allDay = start.kind === 'date';
  const zone = start.kind === 'timed' ? (start.zone ?? calendar.timeZone) : 'UTC';
  const wall = start.kind === 'date' ? start.wall : wallOf(start.at, zone);
  const parsed = parseRecurrence(recurrence, { allDay, zone, strict: false });
  return occurrences({ allDay, wall, zone }, parsed, horizon);
}

export function hasOccurrence(calendar: Calendar, master: Item, key: string): boolean {
  const at = parseCompact(key.replace('Z', ''));
  if (at === null) return false;
  return occurrencesOf(calendar, master, at).some((occurrence) => occurrence.key === key);
}

/**
 * `<masterId>_20260105T080000Z` or `<masterId>_20260105`; parsed from the right, because master ids may hold
 * underscores.
 */
export function splitInstanceId(id: string): { masterId: string; key: string } | null {
  const match = /^(.+)_(\d{8}(?:T\d{6}Z)?)$/.exec(id);
  return match === null ? null : { masterId: match[1]!, key: match[2]! };
}

/** The item that an occurrence becomes with the first write to it: a copy of the master at the occurrence's time. */
export function virtualInstance(calendar: Calendar, master: Item, key: string): Item {
  const { recurrence: _recurrence, ...copied } = master.fields;
  const wall = parseCompact(key.replace('Z', ''))!;
  const { start, end } = master.fields;
  const original: EventTime = start.kind === 'timed' ? { ...start, at: wall } : { kind: 'date', wall };
  return calendar.newItem({
    id: `${master.id}_${key}`,
    iCalUID: master.iCalUID,
    creator: master.creator,
    organizer: master.organizer,
    createdMs: master.createdMs,
    seriesId: master.id,
    occurrence: key,
    original,
    fields: { ...copied, start: original, end: shifted(start, end, wall) },
    sequence: master.sequence,
    updatedMs: master.updatedMs,
    etag: master.etag,
  });
}

/** Moves the end with the start; the duration is that of the first occurrence. */
function shifted(start: EventTime, end: EventTime, to: number): EventTime {
  if (start.kind === 'timed' && end.kind === 'timed') return { ...end, at: to + end.at - start.at };
  if (start.kind === 'date' && end.kind === 'date') return { kind: 'date', wall: to + end.wall - start.wall };
  return end;
}

/** All occurrences up to `horizon` as items, in order: exceptions in place of what they replace, cancelled ones too. */
export function instancesOf(calendar: Calendar, master: Item, horizon: number): Item[] {
  const exceptions = new Map(
    calendar
      .exceptionsOf(master.id)
      .filter((item) => !item.lost && !item.unlisted)
      .map((item) => [item.occurrence, item]),
  );
  const keys = new Set(occurrencesOf(calendar, master, horizon).map((occurrence) => occurrence.key));
  for (const key of exceptions.keys()) keys.add(key!);
  return [...keys].sort().map((key) => exceptions.get(key) ?? virtualInstance(calendar, master, key));
}

/** An instant for `originalStart`, or the key of a date; null when it does not fit the kind of series. */
export function keyOfOriginal(text: string, instant: number | null, allDay: boolean): string | null {
  if (allDay) return /^\d{4}-\d\d-\d\d$/.test(text) ? compactDate(Date.parse(`${text}T00:00:00Z`)) : null;
  return instant === null ? null : compactInstant(instant);
}

/** When an event takes place: instants, dates at midnight in the calendar's zone. */
export function spanOf(calendar: Calendar, item: Item): { from: number; to: number } | null {
  const { start, end } = item.fields;
  const at = (time: EventTime): number | null =>
    time.kind === 'odd' ? null : time.kind === 'date' ? instantOf(time.wall, calendar.timeZone) : time.at;
  const [from, to] = [at(start), at(end)];
  return from === null || to === null ? null : { from, to };
}
