/** Writes the exceptions of a series: each is an item of its own with its own ETag. */
import {
  type CalendarEvent,
  type Content,
  changedContent,
  EXCLUDED,
  type OccurrenceId,
  sameValue,
} from '../../core/event.ts';
import { occurrenceContent, occurrencesAmong } from '../../core/recurrence/series.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { LAG_MS } from '../confirm-gone.ts';
import { isForeignChange } from '../foreign-change.ts';
import { fetchExceptions, fetchItem, type GoogleCalendar } from './fetch.ts';
import { itemsByOccurrence, readSeries } from './from-google.ts';
import { type Item, instanceId, isCancelled, isSameItem, parseInstanceId, type Series } from './item.ts';
import { patchItem } from './item-write.ts';
import { readOccurrence } from './times.ts';
import { type Body, contentPatch, excludedByLine, restoreBody } from './to-google.ts';

export interface Job {
  readonly calendar: GoogleCalendar;
  readonly before: CalendarEvent;
  readonly next: CalendarEvent;
  /** Whether start or rule change, after which exceptions are named. */
  readonly isMoved: boolean;
  /** Occurrences with content of their own that Google's series does not have; filled while writing. */
  readonly unknown: OccurrenceId[];
}

/** What cannot be written is a problem of the event, once everything else is. @throws SyncError `rejected` */
export function checkAllKnown(unknown: readonly OccurrenceId[]): void {
  if (unknown.length > 0)
    throw new SyncError('rejected', 'the Google series has no such occurrence', {
      reason: 'Google Calendar does not have the date of one of the changed occurrences.',
    });
}

/** Writes the overrides of a new copy that are still missing; an occurrence that a person has edited stays as it is. */
export async function addOverrides(
  calendar: GoogleCalendar,
  series: Series,
  event: CalendarEvent,
): Promise<{ series: Series; isEdited: boolean; unknown: OccurrenceId[] }> {
  const { event: current } = readSeries(series, calendar.setting);
  const unknown: OccurrenceId[] = [];
  if (!current?.recurrence) return { series, isEdited: false, unknown };
  const exceptions = { ...series.exceptions };
  let isEdited = false;
  for (const [id, desired] of Object.entries(event.exceptions)) {
    if (desired === EXCLUDED || current.exceptions[id] !== undefined) continue;
    try {
      const item = await writeNew(calendar, series.master, id, current, desired);
      if (item === 'unknown') unknown.push(id);
      else if (item) exceptions[item.id] = item;
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'stale') throw error;
      isEdited = true;
    }
  }
  return { series: { ...series, exceptions }, isEdited, unknown };
}

/**
 * Null where the override equals the occurrence; `unknown` where the series has no such one. A replica may not know a
 * new series yet.
 * @throws SyncError `stale` where a person has edited the occurrence, or moved the series
 */
async function writeNew(
  calendar: GoogleCalendar,
  master: Item,
  id: OccurrenceId,
  series: CalendarEvent,
  desired: Content,
): Promise<Item | 'unknown' | null> {
  const usual = occurrenceContent(series, id);
  for (let attempt = 0; attempt < 2; attempt++) {
    if (attempt > 0) await pause(LAG_MS, calendar.signal);
    const item = (await fetchItem(calendar, instanceId(master.id, id)))?.item;
    if (!item) continue;
    if (!sameValue(contentOf(calendar, item, series, id), usual))
      throw new SyncError('stale', 'an occurrence of a new series changed before it was written');
    const body = contentPatch(item, usual, desired, calendar.setting, true);
    if (Object.keys(body).length === 0) return null;
    try {
      return (await patchItem(calendar, item, body)).item;
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'gone') throw error;
    }
  }
  if (occurrencesAmong(series, [id]).size > 0)
    throw new SyncError('stale', 'a new series lost an occurrence before that was written');
  return 'unknown';
}

/**
 * The exceptions in which `next` differs, before the master is written.
 * @throws SyncError `stale` where Google's series does not have an occurrence that it had
 */
export async function writeExceptions(job: Job, series: Series): Promise<Series> {
  const { before, next } = job;
  const byLine = new Set(excludedByLine(series, before));
  const ids = [...new Set([...Object.keys(before.exceptions), ...Object.keys(next.exceptions)])]
    .filter((id) => !sameValue(before.exceptions[id], next.exceptions[id]))
    // An exclusion in the master itself changes with the master.
    .filter((id) => !(byLine.has(id) && before.exceptions[id] === EXCLUDED));
  if (ids.length === 0) return series;
  const known = itemsByOccurrence(series, before.when);
  const exceptions = { ...series.exceptions };
  for (const id of ids) {
    const item = known.get(id) ?? (await fetchOccurrence(job, series.master, id));
    if (!item) {
      if (occurrencesAmong(before, [id]).size > 0)
        throw new SyncError('stale', 'the series lost an occurrence before that was written');
      if (typeof next.exceptions[id] === 'object') job.unknown.push(id);
      continue;
    }
    const after = await writeException(job, series.master, id, item, before);
    exceptions[after.id] = after;
  }
  return { ...series, exceptions };
}

/** An occurrence that was no exception so far, as it is now. @throws SyncError `stale` where it has become one */
async function fetchOccurrence(job: Job, master: Item, id: OccurrenceId): Promise<Item | null> {
  const { calendar, before, next } = job;
  const answer = await fetchItem(calendar, instanceId(master.id, id));
  if (!answer) return null;
  const current = contentOf(calendar, answer.item, before, id);
  // An earlier try of the same call may have left the last two.
  const expected = [occurrenceContent(before, id), next.exceptions[id], occurrenceContent(next, id)];
  if (!expected.some((content) => sameValue(current, content))) {
    throw new SyncError('stale', 'an occurrence of the series changed before it was written');
  }
  return answer.item;
}

/**
 * Makes one occurrence read as in `next`; `series` is the present series. An exception that is left where the rule has
 * no occurrence is one more event on the calendar: without it, that day is free.
 */
async function writeException(
  job: Job,
  master: Item,
  id: OccurrenceId,
  item: Item,
  series: CalendarEvent,
): Promise<Item> {
  const { calendar, next } = job;
  const isOccurrence = occurrencesAmong(next, [id]).size > 0;
  const desired = next.exceptions[id] ?? (isOccurrence ? occurrenceContent(next, id) : EXCLUDED);
  const current = contentOf(calendar, item, series, id);
  let body: Body;
  if (desired === EXCLUDED) body = current === EXCLUDED ? {} : { status: 'cancelled' };
  else if (current === EXCLUDED) body = restoreBody(master, desired, calendar.setting);
  else body = contentPatch(item, current, desired, calendar.setting, true);
  if (Object.keys(body).length === 0) return item;
  // An occurrence that is no exception yet has the ETag of its series, which changes with anything there.
  const isUnchanged = (now: Item): boolean => sameValue(contentOf(calendar, now, series, id), current);
  try {
    return (await patchItem(calendar, item, body, isUnchanged)).item;
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== 'stale') throw error;
    const answer = await fetchItem(calendar, item.id);
    if (!answer || !sameValue(contentOf(calendar, answer.item, series, id), desired)) throw error;
    return answer.item;
  }
}

/**
 * After a change of the master: writes again the exceptions that Google dropped, and reverts those that it changed by
 * itself. A change by a person is kept, and left out of the result, so that the next poll finds it.
 * @throws SyncError `stale` where a person has moved the series since
 */
export async function repairExceptions(job: Job, series: Series): Promise<Series> {
  const { calendar, next } = job;
  const now: Series = { ...series, exceptions: await fetchExceptions(calendar, series.master) };
  const { event: current } = readSeries(now, calendar.setting);
  if (!current?.recurrence) return now;
  const items = itemsByOccurrence(now, current.when);
  const exceptions: Record<string, Item> = { ...now.exceptions };
  for (const item of Object.values(now.exceptions)) {
    const known = series.exceptions[item.id];
    if (!isForeignItem(job, current, item, known)) continue;
    if (!known) await followSeries(job, current, item);
    keepStored(exceptions, item, known);
  }
  if (job.isMoved) {
    const kept = new Set(
      [...occurrencesAmong(next, [...items.keys()]), ...Object.keys(next.exceptions)].map((id) => items.get(id)?.id),
    );
    await cancelItems(calendar, exceptions, (item) => !kept.has(item.id) && now.exceptions[item.id] === item);
  }
  let stale: SyncError | null = null;
  for (const id of new Set([...Object.keys(current.exceptions), ...Object.keys(next.exceptions), ...items.keys()])) {
    if (sameValue(current.exceptions[id], next.exceptions[id])) continue;
    if (next.exceptions[id] === undefined && occurrencesAmong(next, [id]).size === 0) continue;
    const target = items.get(id) ?? (await fetchItem(calendar, instanceId(series.master.id, id)))?.item;
    if (!target && occurrencesAmong(current, [id]).size > 0)
      throw new SyncError('stale', 'the series lost an occurrence after it was written');
    if (!target && typeof next.exceptions[id] === 'object') job.unknown.push(id);
    if (!target || isForeignItem(job, current, target, series.exceptions[target.id])) continue;
    try {
      const after = await writeException(job, series.master, id, target, current);
      exceptions[after.id] = after;
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'stale') throw error;
      // The others were dropped, too, and may be nowhere else.
      stale ??= error;
    }
  }
  if (stale) throw stale;
  return { ...now, exceptions };
}

/** Removes the exceptions of a series that has become a single event. */
export async function withoutExceptions(calendar: GoogleCalendar, before: Series, now: Series): Promise<Series> {
  if (before.master.recurrence && Object.keys(before.exceptions).length > 0)
    await cancelItems(calendar, await fetchExceptions(calendar, before.master), (item) =>
      isSameItem(before.exceptions[item.id], item),
    );
  return { ...now, exceptions: {} };
}

/** Cancels exceptions that are left where the series has no occurrence any more. */
async function cancelItems(
  calendar: GoogleCalendar,
  exceptions: Record<string, Item>,
  isLeft: (item: Item) => boolean,
): Promise<void> {
  for (const item of Object.values(exceptions)) {
    if (isCancelled(item) || !isLeft(item)) continue;
    try {
      exceptions[item.id] = (await patchItem(calendar, item, { status: 'cancelled' })).item;
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'gone') throw error;
      delete exceptions[item.id];
    }
  }
}

/** Whether a person has changed an exception since it was `known`. */
function isForeignItem(job: Job, now: CalendarEvent, item: Item, known: Item | undefined): boolean {
  if (isSameItem(known, item)) return false;
  const suffix = parseInstanceId(item.id)?.occurrence ?? null;
  const id = readOccurrence(item, suffix, now.when) ?? readOccurrence(item, suffix, job.before.when);
  if (id === null) return true;
  // Google cancels exceptions of occurrences that the series has not any more.
  if (isCancelled(item) && job.isMoved && occurrencesAmong(job.next, [id]).size === 0) return false;
  return isForeignChange(contentOf(job.calendar, item, now, id), id, { ...job, now });
}

/**
 * A person made an exception just before its series was written, so Google gave it the former values: in these it
 * follows the series.
 */
async function followSeries({ calendar, before, next }: Job, series: CalendarEvent, item: Item): Promise<void> {
  const id = parseInstanceId(item.id)?.occurrence;
  const is = id === undefined ? EXCLUDED : contentOf(calendar, item, series, id);
  if (is === EXCLUDED) return;
  const fields = changedContent(before, next).filter(
    (field) => field !== 'when' && sameValue(is[field], before[field]),
  );
  const followed = { ...is, ...Object.fromEntries(fields.map((field) => [field, next[field]])) };
  const body = contentPatch(item, is, followed, calendar.setting, true);
  if (Object.keys(body).length === 0) return;
  try {
    await patchItem(calendar, item, body);
  } catch (error) {
    if (!(error instanceof SyncError) || (error.kind !== 'stale' && error.kind !== 'gone')) throw error;
  }
}

/** What the poll after this write compares with. */
function keepStored(exceptions: Record<string, Item>, item: Item, known: Item | undefined): void {
  delete exceptions[item.id];
  if (known) exceptions[known.id] = known;
}

/** The content of an item of a series. */
function contentOf(
  calendar: GoogleCalendar,
  item: Item,
  series: CalendarEvent,
  id: OccurrenceId,
): Content | typeof EXCLUDED {
  if (isCancelled(item)) return EXCLUDED;
  const { recurrence: _, ...single } = item;
  const { event } = readSeries({ master: single, exceptions: {} }, calendar.setting);
  if (!event) return occurrenceContent(series, id);
  const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = event;
  return content;
}
