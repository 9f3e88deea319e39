/**
 * Writing one event. Every write is conditional and mails nobody (`sendUpdates=none`), and a PATCH holds changed fields
 * only.
 *
 * A series takes several requests. Exceptions go first, each guarded by its own ETag, then the master; where the
 * master's new start or rule moves the exceptions, the master goes first. After a change of the master the exceptions
 * are read again, and what the service dropped or changed by itself is written once more. A crash in between leaves a
 * state from which the same call goes on.
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
 * Creates a copy under an id that follows from the link. Where that id is already taken by the copy of an earlier try
 * whose answer was lost, what is there is taken over. @throws SyncError `id-taken` where it belongs to a deleted or
 * foreign event
 */
export async function createEvent(
  place: GoogleCalendar,
  event: CalendarEvent,
  key: string,
  generation: number,
): Promise<Written> {
  const id = eventId(key, generation, place.calendarId);
  let series: Series;
  let existed = false;
  try {
    const { item, date } = await insertItem(place, insertBody(event, id, key, place.setting));
    series = checkClock({ master: item, exceptions: {} }, date);
  } catch (error) {
    if (!(error instanceof SyncError) || error.status !== 409) throw error;
    series = await takeOver(place, id, key);
    existed = true;
  }
  return { ...written(place, await addOverrides(place, series, event)), existed };
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

/** Writes what makes `stored` read as `next`. @throws SyncError `stale`, `gone`, `forbidden`, `rejected` */
export async function updateEvent(place: GoogleCalendar, stored: Stored, next: CalendarEvent): Promise<Written> {
  const series = parseSeries(stored.data);
  const { event: before } = readSeries(series, place.setting);
  if (!before) throw new SyncError('bug', 'an event that cannot be read was to be changed');
  if (next.status === 'cancelled') throw new SyncError('rejected', 'a cancelled event is a deleted one in Google');
  if ((series.master.eventType ?? 'default') !== 'default')
    throw new SyncError('forbidden', 'only ordinary Google events can be changed');
  const job: Job = {
    place,
    before,
    next,
    isMoved: before.recurrence === null || next.recurrence === null || isRetimed(before, next),
  };
  let now = job.isMoved ? series : await writeExceptions(job, series);
  const body = masterPatch(series, before, next, place.setting);
  if (Object.keys(body).length > 0) {
    now = await writeMaster(job, now, body);
    if (next.recurrence) now = await repairExceptions(job, now, Object.keys(body));
    else now = await withoutExceptions(place, series, now);
  } else if (now !== series) {
    now = await withNewEtag(place, now);
  }
  return written(place, now);
}

/**
 * Deletes. Already gone is success.
 * @throws SyncError `stale`, also when an exception of the series is not as stored any more
 */
export async function removeEvent(place: GoogleCalendar, stored: Stored): Promise<void> {
  const series = parseSeries(stored.data);
  if (series.master.recurrence) {
    const now = await fetchExceptions(place, series.master);
    const changed = Object.values(now).some(
      (item) => !isCancelled(item) && !isSameItem(series.exceptions[item.id], item),
    );
    if (changed) throw new SyncError('stale', 'an exception of the series changed before its deletion');
  }
  await deleteItem(place, series.master);
}

interface Job {
  readonly place: GoogleCalendar;
  readonly before: CalendarEvent;
  readonly next: CalendarEvent;
  /** Whether start or rule change, by which exceptions are named. */
  readonly isMoved: boolean;
}

function written(place: GoogleCalendar, series: Series): Written {
  return { ...foundOf(series, place.setting), confirmed: true };
}

async function takeOver(place: GoogleCalendar, id: string, key: string): Promise<Series> {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (attempt > 0) await pause(LAG_MS, place.signal);
    const series = await fetchSeries(place, id);
    if (!series) continue;
    if (isCancelled(series.master) || linkOf(series.master) !== key)
      throw new SyncError('id-taken', 'the id belongs to another Google event');
    return series;
  }
  throw new SyncError('unreachable', 'Google has an event under this id but does not show it yet');
}

/** The overrides of a new copy, as far as they are not there yet. */
async function addOverrides(place: GoogleCalendar, series: Series, event: CalendarEvent): Promise<Series> {
  const { event: shown } = readSeries(series, place.setting);
  if (!shown?.recurrence) return series;
  const exceptions = { ...series.exceptions };
  for (const [id, wanted] of Object.entries(event.exceptions)) {
    if (wanted === EXCLUDED || shown.exceptions[id] !== undefined) continue;
    const usual = occurrenceContent(shown, id);
    const body = contentPatch(virtualItem(series.master, id), usual, wanted, place.setting, true);
    if (Object.keys(body).length === 0) continue;
    const item = await patchNew(place, instanceId(series.master.id, id), body);
    if (item) exceptions[item.id] = item;
  }
  return { ...series, exceptions };
}

/** Null where the series has no such occurrence. A replica may not know a new series yet. */
async function patchNew(place: GoogleCalendar, id: string, body: Body): Promise<Item | null> {
  for (let attempt = 0; attempt < 2; attempt++) {
    if (attempt > 0) await pause(LAG_MS, place.signal);
    try {
      return (await patchItem(place, { id }, body)).item;
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'gone') throw error;
    }
  }
  return null;
}

/**
 * Where an earlier try of the same call got this far and its answer was lost, what is there already reads as `next`.
 */
async function writeMaster({ place, next }: Job, series: Series, body: Body): Promise<Series> {
  try {
    const { item, date } = await patchItem(place, series.master, body);
    return checkClock({ master: item, exceptions: series.exceptions }, date);
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== 'stale') throw error;
    const answer = await fetchItem(place, series.master.id);
    if (!answer || isCancelled(answer.item)) throw error;
    const there: Series = { master: answer.item, exceptions: series.exceptions };
    const { event } = readSeries(there, place.setting);
    if (!event || Object.keys(masterPatch(there, event, next, place.setting)).length > 0) throw error;
    return checkClock(there, answer.date);
  }
}

/** The exceptions in which `next` differs, before the master is written. */
async function writeExceptions(job: Job, series: Series): Promise<Series> {
  const { before, next } = job;
  const byLine = new Set(excludedByLine(series, before));
  const ids = [...new Set([...Object.keys(before.exceptions), ...Object.keys(next.exceptions)])]
    .filter((id) => !sameValue(before.exceptions[id], next.exceptions[id]))
    // What the master excludes itself comes back with the master.
    .filter((id) => !(byLine.has(id) && before.exceptions[id] === EXCLUDED));
  if (ids.length === 0) return series;
  const known = itemsByOccurrence(series, before.when);
  const exceptions = { ...series.exceptions };
  for (const id of ids) {
    const item = known.get(id) ?? (await firstLook(job, series.master, id));
    if (!item) continue;
    const after = await writeException(job, series.master, id, item, before);
    exceptions[after.id] = after;
  }
  return { ...series, exceptions };
}

/** An occurrence that has been no exception so far, as it is now. @throws SyncError `stale` where it has become one */
async function firstLook(job: Job, master: Item, id: OccurrenceId): Promise<Item | null> {
  const { place, before, next } = job;
  const answer = await fetchItem(place, instanceId(master.id, id));
  if (!answer) return null;
  const shown = contentOf(place, answer.item, before, id);
  // The last two are what an earlier try of the same call may have left.
  const expected = [occurrenceContent(before, id), next.exceptions[id], occurrenceContent(next, id)];
  if (!expected.some((content) => sameValue(shown, content))) {
    throw new SyncError('stale', 'an occurrence of the series changed before it was written');
  }
  return answer.item;
}

/** Makes one occurrence read as `next` has it; `series` is what the series shows around it. */
async function writeException(
  job: Job,
  master: Item,
  id: OccurrenceId,
  item: Item,
  series: CalendarEvent,
): Promise<Item> {
  const { place, next } = job;
  const wanted = next.exceptions[id] ?? occurrenceContent(next, id);
  const shown = contentOf(place, item, series, id);
  let body: Body;
  if (wanted === EXCLUDED) body = shown === EXCLUDED ? {} : { status: 'cancelled' };
  else if (shown === EXCLUDED) body = restoreBody(master, wanted, place.setting);
  else body = contentPatch(item, shown, wanted, place.setting, true);
  if (Object.keys(body).length === 0) return item;
  try {
    return (await patchItem(place, item, body)).item;
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== 'stale') throw error;
    const answer = await fetchItem(place, item.id);
    if (!answer || !sameValue(contentOf(place, answer.item, series, id), wanted)) throw error;
    return answer.item;
  }
}

/**
 * After a change of the master: writes again what `next` demands and the service dropped, and changes what it changed
 * by itself. What a person changed meanwhile is left alone, and left out of the result, so that the next look at the
 * calendar finds it.
 */
async function repairExceptions(job: Job, series: Series, changedKeys: readonly string[]): Promise<Series> {
  const { place, before, next } = job;
  const known = itemsByOccurrence(series, (job.isMoved ? before : next).when);
  const wantsAny = Object.values(next.exceptions).some((wanted) => wanted !== EXCLUDED);
  const isRewritten = changedKeys.includes('recurrence');
  if (Object.keys(series.exceptions).length === 0 && !wantsAny && !isRewritten) return series;
  const now: Series = { ...series, exceptions: await fetchExceptions(place, series.master) };
  const { event: shown } = readSeries(now, place.setting);
  if (!shown?.recurrence) return now;
  const items = itemsByOccurrence(now, shown.when);
  const exceptions: Record<string, Item> = { ...now.exceptions };
  if (job.isMoved) {
    const kept = new Set(
      [...withinSeries(next, [...items.keys()]), ...Object.keys(next.exceptions)].map((id) => items.get(id)?.id),
    );
    await cancelItems(place, exceptions, ({ id }) => !kept.has(id));
  }
  for (const id of new Set([...Object.keys(shown.exceptions), ...Object.keys(next.exceptions), ...items.keys()])) {
    if (sameValue(shown.exceptions[id], next.exceptions[id])) continue;
    const item = items.get(id);
    if (item && isForeignChange(job, shown, id, item, known.get(id))) {
      keepKnown(exceptions, item, known.get(id));
      continue;
    }
    if (next.exceptions[id] === undefined && withinSeries(next, [id]).length === 0) continue;
    const target = item ?? (await fetchItem(place, instanceId(series.master.id, id)))?.item;
    if (!target) continue;
    const after = await writeException(job, series.master, id, target, shown);
    exceptions[after.id] = after;
  }
  return { ...now, exceptions };
}

/** A series that has become a single event: its exceptions must not stay behind. */
async function withoutExceptions(place: GoogleCalendar, before: Series, now: Series): Promise<Series> {
  if (before.master.recurrence && Object.keys(before.exceptions).length > 0)
    await cancelItems(place, await fetchExceptions(place, before.master), () => true);
  return { ...now, exceptions: {} };
}

/** Cancels the exceptions that are left where the series is not any more: they would stand there alone. */
async function cancelItems(
  place: GoogleCalendar,
  exceptions: Record<string, Item>,
  isLeft: (item: Item) => boolean,
): Promise<void> {
  for (const item of Object.values(exceptions)) {
    if (isCancelled(item) || !isLeft(item)) continue;
    try {
      exceptions[item.id] = (await patchItem(place, item, { status: 'cancelled' })).item;
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'gone') throw error;
      delete exceptions[item.id];
    }
  }
}

/** Whether an exception differs from `next` by more than the change of the master can have done. */
function isForeignChange(
  job: Job,
  shown: CalendarEvent,
  id: OccurrenceId,
  item: Item,
  known: Item | undefined,
): boolean {
  if (job.isMoved || isSameItem(known, item)) return false;
  const is = shown.exceptions[id] ?? occurrenceContent(shown, id);
  const wanted = job.next.exceptions[id] ?? occurrenceContent(job.next, id);
  if (is === EXCLUDED || wanted === EXCLUDED) return true;
  const ofMaster = changedContent(job.before, job.next);
  return changedContent(is, wanted).some((field) => !ofMaster.includes(field));
}

function keepKnown(exceptions: Record<string, Item>, item: Item, known: Item | undefined): void {
  delete exceptions[item.id];
  if (known) exceptions[known.id] = known;
}

/** What an item of a series reads as. */
function contentOf(
  place: GoogleCalendar,
  item: Item,
  series: CalendarEvent,
  id: OccurrenceId,
): Content | typeof EXCLUDED {
  if (isCancelled(item)) return EXCLUDED;
  const { recurrence: _, ...single } = item;
  const { event } = readSeries({ master: single, exceptions: {} }, place.setting);
  if (!event) return occurrenceContent(series, id);
  const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = event;
  return content;
}

/** An occurrence as it is before anything was written to it: it shows the master's texts and notes. */
function virtualItem(master: Item, id: OccurrenceId): Item {
  const { recurrence: _, etag: _etag, ...inherited } = master;
  return { ...inherited, id: instanceId(master.id, id), recurringEventId: master.id };
}

/** A write to an instance may have changed the master's ETag. */
async function withNewEtag(place: GoogleCalendar, series: Series): Promise<Series> {
  const answer = await fetchItem(place, series.master.id);
  return answer && isSameItem(series.master, answer.item) ? { ...series, master: answer.item } : series;
}
