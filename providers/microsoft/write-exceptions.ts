/** Writes the exceptions of a series, one after the other: each write changes the etags of all others. */
import {
  type CalendarEvent,
  CONTENT_FIELDS,
  type Content,
  type ContentField,
  changedContent,
  changedPaths,
  EXCLUDED,
  type OccurrenceId,
  sameValue,
} from '../../core/event.ts';
import { instantOfId, isDateId } from '../../core/recurrence/occurrence.ts';
import { occurrenceContent, occurrencesAmong } from '../../core/recurrence/series.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { LAG_MS } from '../confirm-gone.ts';
import { isForeignChange, type SeriesWrite } from '../foreign-change.ts';
import { fetchInstances } from './exceptions.ts';
import { fetchItem, fetchSeries } from './fetch.ts';
import { contentOfInstance, itemsByOccurrence, readSeries } from './from-graph.ts';
import { type Item, modifiedMs, type Series } from './item.ts';
import { deleteItem, patchItem } from './item-write.ts';
import { type GraphCalendar } from './listing.ts';
import { readOccurrence } from './times.ts';
import { instancePatch } from './to-graph.ts';

/**
 * Makes the exceptions of `series` read as those of `next`; with `addsOnly`, existing ones stay as they are. When Graph
 * refuses one, the others are written all the same.
 * @throws SyncError
 */
export async function writeExceptions(
  calendar: GraphCalendar,
  series: Series,
  next: CalendarEvent,
  addsOnly: boolean,
): Promise<Series> {
  const { event: current } = readSeries(series, calendar.setting);
  if (!current?.recurrence || !next.recurrence) return series;
  const ids = differentExceptions(current, next).filter((id) => !(addsOnly && current.exceptions[id] !== undefined));
  if (ids.length === 0) return series;
  const known = itemsByOccurrence(series, current.when);
  const job: Job = { calendar, master: series.master, current, next };
  let refused: SyncError | null = null;
  const written = new Map<OccurrenceId, WrittenException>();
  for (const id of ids) {
    try {
      const after = await writeException(job, id, known.get(id) ?? null);
      if (after) written.set(id, after);
      if (after && next.exceptions[id] !== EXCLUDED) calendar.withExceptions.add(series.master.id);
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'rejected') throw error;
      refused ??= error;
    }
  }
  if (refused) throw refused;
  if (written.size === 0) return series;
  const now = await seriesAfter(job, series, written);
  checkExceptions(job, now, written);
  return now;
}

/** Whether a person has changed an occurrence. Attendees do not count, as in `differentExceptions`. */
export function hasForeignException(write: Omit<SeriesWrite, 'fields'>): boolean {
  const { before, now } = write;
  if (!now.recurrence) return false;
  const ids = new Set([...Object.keys(before.exceptions), ...Object.keys(now.exceptions)]);
  return [...ids]
    .filter((id) => isDateId(id) === now.when.allDay)
    .some((id) => {
      const is = now.exceptions[id] ?? occurrenceContent(now, id);
      return isForeignChange(is, id, { ...write, fields: OWN_FIELDS });
    });
}

/**
 * The occurrences that differ. Deletions come first, because they make room for moved ones. Attendees do not count: an
 * exception has those of its series.
 */
export function differentExceptions(current: CalendarEvent, next: CalendarEvent): OccurrenceId[] {
  const contentOf = (series: CalendarEvent, id: OccurrenceId): unknown => {
    const content = series.exceptions[id] ?? occurrenceContent(series, id);
    return content === EXCLUDED ? content : withoutAttendees(content);
  };
  return [...new Set([...Object.keys(current.exceptions), ...Object.keys(next.exceptions)])]
    .filter((id) => !sameValue(contentOf(current, id), contentOf(next, id)))
    .sort(
      (a, b) => Number(next.exceptions[a] !== EXCLUDED) - Number(next.exceptions[b] !== EXCLUDED) || (a < b ? -1 : 1),
    );
}

interface WrittenException {
  /** As the answer to the write shows it. */
  readonly item: Item;
  /** The fields that were written. */
  readonly fields: readonly ContentField[];
}

interface Job {
  readonly calendar: GraphCalendar;
  readonly master: Item;
  readonly current: CalendarEvent;
  readonly next: CalendarEvent;
}

const OWN_FIELDS = CONTENT_FIELDS.filter((field) => field !== 'organizer' && field !== 'attendees');
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MAX_READS = 4;

function withoutAttendees(content: Content): Content {
  return { ...content, organizer: null, attendees: [] };
}

/**
 * Makes one occurrence read as in `next`. Null where there was nothing to write, or the series has no such occurrence.
 * @throws SyncError `stale` where Graph does not have an occurrence that the series had
 */
async function writeException(
  { calendar, master, current, next }: Job,
  id: OccurrenceId,
  known: Item | null,
): Promise<WrittenException | null> {
  const desired = next.exceptions[id] ?? occurrenceContent(next, id);
  if (current.exceptions[id] === EXCLUDED) {
    throw new SyncError('rejected', 'a deleted occurrence of a Graph series cannot be brought back', {
      reason: 'Outlook cannot bring back a deleted occurrence.',
    });
  }
  const item = await instanceOf(calendar, master, current, id, known);
  if (!item) {
    // A person has moved the series, or removed the occurrence.
    if (known || occurrencesAmong(current, [id]).size > 0)
      throw new SyncError('stale', 'the series lost an occurrence before that was written');
    return null;
  }
  const expected = current.exceptions[id] ?? occurrenceContent(current, id);
  const is = contentOfInstance(item, current, master, calendar.setting);
  if (
    !sameValue(is, expected) &&
    (desired === EXCLUDED || !sameValue(withoutAttendees(is), withoutAttendees(desired)))
  ) {
    throw new SyncError('stale', 'an occurrence of the series changed before it was written');
  }
  if (desired === EXCLUDED) {
    await deleteItem(calendar, item);
    return { item, fields: [] };
  }
  const body = instancePatch(item, master, is, desired, calendar.setting);
  if (Object.keys(body).length === 0) return null;
  return { item: await patchItem(calendar, item, { body, properties: {} }), fields: changedContent(is, desired) };
}

/** The occurrence as it is now; null where the series does not have it. */
async function instanceOf(
  calendar: GraphCalendar,
  master: Item,
  series: CalendarEvent,
  id: OccurrenceId,
  known: Item | null,
): Promise<Item | null> {
  if (known) return (await fetchItem(calendar, known.id))?.item ?? null;
  if (isDateId(id) !== series.when.allDay) return null;
  const at = instantOfId(id);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    if (attempt > 0) await pause(LAG_MS, calendar.signal);
    // All-day occurrences may begin at the midnight of any zone.
    const [from, to] = isDateId(id) ? [at - DAY_MS, at + 2 * DAY_MS] : [at - MINUTE_MS, at + MINUTE_MS];
    const found = (await fetchInstances(calendar, master.id, from, to)).find(
      (item) => readOccurrence(item, series.when) === id,
    );
    if (found) return found;
  }
  return null;
}

/**
 * The series after all writes. A replica may lag: excluded occurrences must be gone, and changed ones must not be older
 * than the write.
 */
async function seriesAfter(
  { calendar, next }: Job,
  series: Series,
  written: ReadonlyMap<OccurrenceId, WrittenException>,
): Promise<Series> {
  const lastMs = lastWrite(written);
  let now: Series | null = null;
  for (let read = 0; read < MAX_READS; read += 1) {
    if (read > 0) await pause((LAG_MS / 4) * read, calendar.signal);
    now = await fetchSeries(calendar, series.master.id);
    if (!now) break;
    const { event } = readSeries(now, calendar.setting);
    const lags = [...written.keys()].some(
      (id) => next.exceptions[id] === EXCLUDED && event?.exceptions[id] !== EXCLUDED,
    );
    if (!(modifiedMs(now.master) < lastMs) && !lags) return now;
  }
  if (!now) throw new SyncError('stale', 'the series was deleted while its exceptions were written');
  return now;
}

/** @throws SyncError `stale` where the series shows more than was written: a person has changed it meanwhile */
function checkExceptions(
  { calendar, master, current, next }: Job,
  now: Series,
  written: ReadonlyMap<OccurrenceId, WrittenException>,
): void {
  const { event: after } = readSeries(now, calendar.setting);
  const answered = ({ item }: WrittenException): Content => contentOfInstance(item, after!, master, calendar.setting);
  const isAsWritten = ([id, one]: readonly [OccurrenceId, WrittenException]): boolean => {
    const is = after!.exceptions[id] ?? occurrenceContent(after!, id);
    if (next.exceptions[id] === EXCLUDED || is === EXCLUDED) return next.exceptions[id] === is;
    return sameValue(withoutAttendees(is), withoutAttendees(answered(one)));
  };
  // Graph stores some values otherwise than they were sent, such as another zone with the same Windows name.
  const asStored = (): CalendarEvent => {
    const exceptions = [...written].flatMap(([id, one]) => {
      const desired = next.exceptions[id] ?? occurrenceContent(next, id);
      return desired === EXCLUDED ? [] : [[id, withFields(desired, answered(one), one.fields)] as const];
    });
    return { ...next, exceptions: { ...next.exceptions, ...Object.fromEntries(exceptions) } };
  };
  if (
    !after ||
    changedPaths(current, after).some(({ occurrence }) => occurrence === null) ||
    hasForeignException({ before: current, next: asStored(), now: after, isMoved: false }) ||
    (modifiedMs(now.master) > lastWrite(written) && ![...written].every(isAsWritten))
  )
    throw new SyncError('stale', 'the series was changed while its exceptions were written');
}

function withFields(content: Content, from: Content, fields: readonly ContentField[]): Content {
  return { ...content, ...Object.fromEntries(fields.map((field) => [field, from[field]])) };
}

/** By the clock of the service; ms. */
function lastWrite(written: ReadonlyMap<OccurrenceId, WrittenException>): number {
  return Math.max(...[...written.values()].map(({ item }) => modifiedMs(item) || 0));
}
