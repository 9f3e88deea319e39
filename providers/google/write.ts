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
import type { CalendarEvent } from '../../core/event.ts';
import { alikeIn } from '../../core/optional-fields.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { LAG_MS } from '../confirm-gone.ts';
import type { Stored, Written } from '../provider.ts';
import { fetchExceptions, fetchItem, fetchSeries, type GoogleCalendar, listPages } from './fetch.ts';
import { foundOf, readSeries } from './from-google.ts';
import { checkClock, type Item, isCancelled, isSameItem, parseSeries, type Series } from './item.ts';
import { deleteItem, insertItem, patchItem } from './item-write.ts';
import { linkOf } from './private-data.ts';
import { type Body, insertBody, isRetimed, masterPatch, remindersBody } from './to-google.ts';
import {
  addOverrides,
  checkAllKnown,
  type Job,
  repairExceptions,
  withoutExceptions,
  writeExceptions,
} from './write-exceptions.ts';

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
  original?: string,
): Promise<Written> {
  const id = eventId(key, generation, calendar.calendarId);
  let series: Series;
  let existed = false;
  try {
    const body = insertBody(event, id, key, calendar.setting);
    const extras = original === undefined ? {} : extrasOf(original, event);
    const { item, date } = await insertItem(calendar, { ...body, ...extras });
    series = checkClock({ master: item, exceptions: {} }, date);
  } catch (error) {
    if (!(error instanceof SyncError) || error.status !== 409) throw error;
    series = await takeOver(calendar, id, key);
    existed = true;
  }
  const { series: complete, isEdited, unknown } = await addOverrides(calendar, series, event);
  checkAllKnown(unknown);
  return { ...written(calendar, complete), existed: existed || isEdited };
}

/** What a deleted event had beside the fields that are synced, as far as an insert can set it. */
function extrasOf(original: string, event: CalendarEvent): Body {
  const { master } = parseSeries(original);
  const { reminders, colorId } = master;
  const own = event.reminders ? remindersBody(master, event.reminders) : reminders;
  return { ...(own ? { reminders: own } : {}), ...(colorId ? { colorId } : {}) };
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
export async function updateEvent(calendar: GoogleCalendar, stored: Stored, given: CalendarEvent): Promise<Written> {
  const series = parseSeries(stored.data);
  const { event: before } = readSeries(series, calendar.setting);
  if (!before) throw new SyncError('bug', 'the stored event cannot be read');
  const next = alikeIn(before, given);
  if (next.status === 'cancelled') throw new SyncError('rejected', 'a cancelled event is a deleted one in Google');
  if ((series.master.eventType ?? 'default') !== 'default')
    throw new SyncError('forbidden', 'only ordinary Google events can be changed');
  const job: Job = {
    calendar,
    before,
    next,
    isMoved: before.recurrence === null || next.recurrence === null || isRetimed(before, next),
    unknown: [],
  };
  let now = job.isMoved ? series : await writeExceptions(job, series);
  const body = masterPatch(series, before, next, calendar.setting);
  if (Object.keys(body).length > 0) {
    now = await writeMaster(job, now, body);
    if (next.recurrence) now = await repairExceptions(job, now);
    else now = await withoutExceptions(calendar, series, now);
  } else if (now !== series) {
    now = await withNewEtag(calendar, now);
  }
  checkAllKnown(job.unknown);
  return written(calendar, now);
}

/**
 * Deletes. An event that is already gone is success.
 * @throws SyncError `stale`, also when an exception of the series is not as stored any more
 */
export async function removeEvent(calendar: GoogleCalendar, stored: Stored): Promise<void> {
  const series = parseSeries(stored.data);
  const hasNoNewException = async (): Promise<boolean> =>
    !series.master.recurrence ||
    Object.values(await fetchExceptions(calendar, series.master)).every(
      (item) => isCancelled(item) || isSameItem(series.exceptions[item.id], item),
    );
  if (!(await hasNoNewException()))
    throw new SyncError('stale', 'an exception of the series changed before its deletion');
  // A write to an exception changes the master's ETag only.
  await deleteItem(
    calendar,
    series.master,
    async (now) => isSameItem(series.master, now) && (await hasNoNewException()),
  );
}

function written(calendar: GoogleCalendar, series: Series): Written {
  return { ...foundOf(series, calendar.setting), confirmed: true };
}

/**
 * The copy of an earlier try. The id stays taken where the event was deleted, also long after Google has forgotten it:
 * then it is neither found by its name nor listed.
 * @throws SyncError `id-taken`
 */
async function takeOver(calendar: GoogleCalendar, id: string, key: string): Promise<Series> {
  for (const waitMs of [0, LAG_MS, 2 * LAG_MS, 2 * LAG_MS]) {
    if (waitMs > 0) await pause(waitMs, calendar.signal);
    const series = await fetchSeries(calendar, id);
    if (series) return ownCopy(series, key);
  }
  for await (const { items } of listPages(calendar, {})) {
    const master = items.find((item) => item.id === id);
    if (master && !isCancelled(master))
      return ownCopy({ master, exceptions: await fetchExceptions(calendar, master) }, key);
  }
  throw new SyncError('id-taken', 'the id was used for a Google event that does not exist any more');
}

function ownCopy(series: Series, key: string): Series {
  if (isCancelled(series.master) || linkOf(series.master) !== key)
    throw new SyncError('id-taken', 'the id belongs to another Google event');
  return series;
}

/**
 * If an earlier try of the same call got this far and its answer was lost, the master already reads as `next`. Where
 * Google drops exceptions because the series moves, they must not have changed either.
 */
async function writeMaster(job: Job, series: Series, body: Body): Promise<Series> {
  const { calendar, before, next } = job;
  const dropsExceptions = job.isMoved && before.recurrence !== null;
  const hasSameExceptions = async (): Promise<boolean> =>
    !dropsExceptions || areSameExceptions(series.exceptions, await fetchExceptions(calendar, series.master));
  try {
    if (!(await hasSameExceptions()))
      throw new SyncError('stale', 'an exception of the series changed before the series moves');
    const isUnchanged = async (now: Item): Promise<boolean> =>
      isSameItem(series.master, now) && (await hasSameExceptions());
    const { item, date } = await patchItem(calendar, series.master, body, isUnchanged);
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

/** Whether no exception was changed, added or cancelled. */
function areSameExceptions(stored: Series['exceptions'], now: Series['exceptions']): boolean {
  return [...new Set([...Object.keys(stored), ...Object.keys(now)])].every((id) => {
    const [before, after] = [stored[id], now[id]];
    const [isOut, isNowOut] = [before && isCancelled(before), after && isCancelled(after)];
    // Google forgets old cancelled items.
    return (isOut === true && isNowOut !== false) || (isOut === isNowOut && isSameItem(before, after));
  });
}

/** A write to an instance may have changed the master's ETag. */
async function withNewEtag(calendar: GoogleCalendar, series: Series): Promise<Series> {
  const answer = await fetchItem(calendar, series.master.id);
  return answer && isSameItem(series.master, answer.item) ? { ...series, master: answer.item } : series;
}
