/**
 * Writing one event. Every write is conditional and sends no mail (`sendUpdates=none`), and a PATCH has changed fields
 * only.
 *
 * A series takes several requests. Exceptions go first, each with its own ETag, then the master; where the master's new
 * start or rule moves the exceptions, the master goes first. After a change of the master the exceptions are fetched
 * again, and what Google dropped or changed by itself is written once more. After a crash in between, the same call
 * continues from there.
 */
import { createHash } from 'node:crypto';
import {
  type CalendarEvent,
  type Content,
  changedContent,
  EXCLUDED,
  type OccurrenceId,
  sameValue,
} from '../../core/event.ts';
import { occurrenceContent } from '../../core/recurrence/series.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { LAG_MS } from '../confirm-gone.ts';
import type { Stored, Written } from '../provider.ts';
import { fetchExceptions, fetchItem, fetchSeries, type GoogleCalendar } from './fetch.ts';
import { foundOf, itemsByOccurrence, readSeries, withinSeries } from './from-google.ts';
import { checkClock, type Item, instanceId, isCancelled, isSameItem, parseSeries, type Series } from './item.ts';
import { deleteItem, insertItem, patchItem } from './item-write.ts';
import { linkOf } from './private-data.ts';
import {
  type Body,
  contentPatch,
  excludedByLine,
  insertBody,
  isRetimed,
  masterPatch,
  restoreBody,
} from './to-google.ts';

/**
 * Creates a copy under an id that follows from the link. If an earlier try has created it and the answer was lost, that
 * copy is used.
 * @throws SyncError `id-taken` where the id belongs to a deleted or foreign event
 */
export async function createEvent(
  calendar: GoogleCalendar,
  event: CalendarEvent,
  key: string,
  generation: number,
): Promise<Written> {
  const id = eventId(key, generation, calendar.calendarId);
  let series: Series;
  let existed = false;
  try {
    const { item, date } = await insertItem(calendar, insertBody(event, id, key, calendar.setting));
    series = checkClock({ master: item, exceptions: {} }, date);
  } catch (error) {
    if (!(error instanceof SyncError) || error.status !== 409) throw error;
    series = await takeOver(calendar, id, key);
    existed = true;
  }
  return { ...written(calendar, await addOverrides(calendar, series, event)), existed };
}

/** Google's rules for a chosen id: lower-case base32hex, 5 to 1024 characters, never used before in this calendar. */
export function eventId(key: string, generation: number, calendarId: string): string {
  const digest = createHash('sha256').update(`${key}\n${generation}\n${calendarId}`).digest();
  let bits = '';
  for (const byte of digest) bits += byte.toString(2).padStart(8, '0');
  return bits
    .match(/.{1,5}/g)!
    .map((five) => parseInt(five.padEnd(5, '0'), 2).toString(32))
    .join('');
}

/** Changes `stored` so that it reads as `next`. @throws SyncError `stale`, `gone`, `forbidden`, `rejected` */
export async function updateEvent(calendar: GoogleCalendar, stored: Stored, next: CalendarEvent): Promise<Written> {
  const series = parseSeries(stored.data);
  const { event: before } = readSeries(series, calendar.setting);
  if (!before) throw new SyncError('bug', 'the stored event cannot be read');
  if (next.status === 'cancelled') throw new SyncError('rejected', 'a cancelled event is a deleted one in Google');
  if ((series.master.eventType ?? 'default') !== 'default')
    throw new SyncError('forbidden', 'only ordinary Google events can be changed');
  const job: Job = {
    calendar,
    before,
    next,
    isMoved: before.recurrence === null || next.recurrence === null || isRetimed(before, next),
  };
  let now = job.isMoved ? series : await writeExceptions(job, series);
  const body = masterPatch(series, before, next, calendar.setting);
  if (Object.keys(body).length > 0) {
    now = await writeMaster(job, now, body);
    if (next.recurrence) now = await repairExceptions(job, now, Object.keys(body));
    else now = await withoutExceptions(calendar, series, now);
  } else if (now !== series) {
    now = await withNewEtag(calendar, now);
  }
  return written(calendar, now);
}

/**
 * Deletes. An event that is already gone is success.
 * @throws SyncError `stale`, also when an exception of the series is not as stored any more
 */
export async function removeEvent(calendar: GoogleCalendar, stored: Stored): Promise<void> {
  const series = parseSeries(stored.data);
  if (series.master.recurrence) {
    const now = await fetchExceptions(calendar, series.master);
    const changed = Object.values(now).some(
      (item) => !isCancelled(item) && !isSameItem(series.exceptions[item.id], item),
    );
    if (changed) throw new SyncError('stale', 'an exception of the series changed before its deletion');
  }
  await deleteItem(calendar, series.master);
}

interface Job {
  readonly calendar: GoogleCalendar;
  readonly before: CalendarEvent;
  readonly next: CalendarEvent;
  /** Whether start or rule change, after which exceptions are named. */
  readonly isMoved: boolean;
}

function written(calendar: GoogleCalendar, series: Series): Written {
  return { ...foundOf(series, calendar.setting), confirmed: true };
}

async function takeOver(calendar: GoogleCalendar, id: string, key: string): Promise<Series> {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (attempt > 0) await pause(LAG_MS, calendar.signal);
    const series = await fetchSeries(calendar, id);
    if (!series) continue;
    if (isCancelled(series.master) || linkOf(series.master) !== key)
      throw new SyncError('id-taken', 'the id belongs to another Google event');
    return series;
  }
  throw new SyncError('unreachable', 'Google has an event under this id but does not show it yet');
}

/** Writes the overrides of a new copy that are still missing. */
async function addOverrides(calendar: GoogleCalendar, series: Series, event: CalendarEvent): Promise<Series> {
  const { event: current } = readSeries(series, calendar.setting);
  if (!current?.recurrence) return series;
  const exceptions = { ...series.exceptions };
  for (const [id, desired] of Object.entries(event.exceptions)) {
    if (desired === EXCLUDED || current.exceptions[id] !== undefined) continue;
    const usual = occurrenceContent(current, id);
    const body = contentPatch(virtualItem(series.master, id), usual, desired, calendar.setting, true);
    if (Object.keys(body).length === 0) continue;
    const item = await patchNew(calendar, instanceId(series.master.id, id), body);
    if (item) exceptions[item.id] = item;
  }
  return { ...series, exceptions };
}

/** Null where the series has no such occurrence. A replica may not know a new series yet. */
async function patchNew(calendar: GoogleCalendar, id: string, body: Body): Promise<Item | null> {
  for (let attempt = 0; attempt < 2; attempt++) {
    if (attempt > 0) await pause(LAG_MS, calendar.signal);
    try {
      return (await patchItem(calendar, { id }, body)).item;
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'gone') throw error;
    }
  }
  return null;
}

/** If an earlier try of the same call got this far and its answer was lost, the master already reads as `next`. */
async function writeMaster({ calendar, next }: Job, series: Series, body: Body): Promise<Series> {
  try {
    const { item, date } = await patchItem(calendar, series.master, body);
    return checkClock({ master: item, exceptions: series.exceptions }, date);
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== 'stale') throw error;
    const answer = await fetchItem(calendar, series.master.id);
    if (!answer || isCancelled(answer.item)) throw error;
    const there: Series = { master: answer.item, exceptions: series.exceptions };
    const { event } = readSeries(there, calendar.setting);
    if (!event || Object.keys(masterPatch(there, event, next, calendar.setting)).length > 0) throw error;
    return checkClock(there, answer.date);
  }
}

/** The exceptions in which `next` differs, before the master is written. */
async function writeExceptions(job: Job, series: Series): Promise<Series> {
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
    if (!item) continue;
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

/** Makes one occurrence read as in `next`; `series` is the present series. */
async function writeException(
  job: Job,
  master: Item,
  id: OccurrenceId,
  item: Item,
  series: CalendarEvent,
): Promise<Item> {
  const { calendar, next } = job;
  const desired = next.exceptions[id] ?? occurrenceContent(next, id);
  const current = contentOf(calendar, item, series, id);
  let body: Body;
  if (desired === EXCLUDED) body = current === EXCLUDED ? {} : { status: 'cancelled' };
  else if (current === EXCLUDED) body = restoreBody(master, desired, calendar.setting);
  else body = contentPatch(item, current, desired, calendar.setting, true);
  if (Object.keys(body).length === 0) return item;
  try {
    return (await patchItem(calendar, item, body)).item;
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
 */
async function repairExceptions(job: Job, series: Series, changedKeys: readonly string[]): Promise<Series> {
  const { calendar, before, next } = job;
  const known = itemsByOccurrence(series, (job.isMoved ? before : next).when);
  const hasOverrides = Object.values(next.exceptions).some((desired) => desired !== EXCLUDED);
  const isRewritten = changedKeys.includes('recurrence');
  if (Object.keys(series.exceptions).length === 0 && !hasOverrides && !isRewritten) return series;
  const now: Series = { ...series, exceptions: await fetchExceptions(calendar, series.master) };
  const { event: current } = readSeries(now, calendar.setting);
  if (!current?.recurrence) return now;
  const items = itemsByOccurrence(now, current.when);
  const exceptions: Record<string, Item> = { ...now.exceptions };
  if (job.isMoved) {
    const kept = new Set(
      [...withinSeries(next, [...items.keys()]), ...Object.keys(next.exceptions)].map((id) => items.get(id)?.id),
    );
    await cancelItems(calendar, exceptions, ({ id }) => !kept.has(id));
  }
  for (const id of new Set([...Object.keys(current.exceptions), ...Object.keys(next.exceptions), ...items.keys()])) {
    if (sameValue(current.exceptions[id], next.exceptions[id])) continue;
    const item = items.get(id);
    if (item && isForeignChange(job, current, id, item, known.get(id))) {
      keepStored(exceptions, item, known.get(id));
      continue;
    }
    if (next.exceptions[id] === undefined && withinSeries(next, [id]).length === 0) continue;
    const target = item ?? (await fetchItem(calendar, instanceId(series.master.id, id)))?.item;
    if (!target) continue;
    const after = await writeException(job, series.master, id, target, current);
    exceptions[after.id] = after;
  }
  return { ...now, exceptions };
}

/** Removes the exceptions of a series that has become a single event. */
async function withoutExceptions(calendar: GoogleCalendar, before: Series, now: Series): Promise<Series> {
  if (before.master.recurrence && Object.keys(before.exceptions).length > 0)
    await cancelItems(calendar, await fetchExceptions(calendar, before.master), () => true);
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

/** Whether an exception differs from `next` by more than the change of the master can explain. */
function isForeignChange(
  job: Job,
  current: CalendarEvent,
  id: OccurrenceId,
  item: Item,
  known: Item | undefined,
): boolean {
  if (job.isMoved || isSameItem(known, item)) return false;
  const is = current.exceptions[id] ?? occurrenceContent(current, id);
  const desired = job.next.exceptions[id] ?? occurrenceContent(job.next, id);
  if (is === EXCLUDED || desired === EXCLUDED) return true;
  const ofMaster = changedContent(job.before, job.next);
  return changedContent(is, desired).some((field) => !ofMaster.includes(field));
}

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

/** An occurrence before the first write to it: with the master's texts and private data. */
function virtualItem(master: Item, id: OccurrenceId): Item {
  const { recurrence: _, etag: _etag, ...inherited } = master;
  return { ...inherited, id: instanceId(master.id, id), recurringEventId: master.id };
}

/** A write to an instance may have changed the master's ETag. */
async function withNewEtag(calendar: GoogleCalendar, series: Series): Promise<Series> {
  const answer = await fetchItem(calendar, series.master.id);
  return answer && isSameItem(series.master, answer.item) ? { ...series, master: answer.item } : series;
}
