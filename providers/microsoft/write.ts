/**
 * Writing one event. A write for which Exchange would send mail is refused. A PATCH has changed fields only.
 *
 * A series takes several requests: the master first, because a new time or rule makes Exchange delete its exceptions;
 * then the exceptions that differ. After a crash in between, the same call continues from there.
 */
import { createHash } from 'node:crypto';
import { type CalendarEvent, changedPaths, EXCLUDED, type FieldPath, sameValue } from '../../core/event.ts';
import { alikeIn } from '../../core/optional-fields.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { LAG_MS } from '../confirm-gone.ts';
import type { Stored, Written } from '../provider.ts';
import { unsupported } from './capabilities.ts';
import { isDuplicate } from './errors.ts';
import { expectExceptions, fetchSeries, withHtml } from './fetch.ts';
import { foundOf, isInvitation, isMeetingOfOurs, readSeries } from './from-graph.ts';
import { fieldOf, type Item, modifiedMs, parseSeries, type Series, textOf } from './item.ts';
import { deleteItem, emptyPatch, isChangedSince, type Posted, patchItem, postEvent, readAfter } from './item-write.ts';
import { type GraphCalendar, listEvents } from './listing.ts';
import { changedProperties, type Properties, propertiesBody, propertiesOf } from './private-data.ts';
import { readPatternedRecurrence } from './recurrence-form.ts';
import { readWhen } from './times.ts';
import { changesForeignText, insertBody, isLocalChange, masterPatch, type Patch } from './to-graph.ts';
import { differentExceptions, hasForeignException, writeExceptions } from './write-exceptions.ts';

/**
 * Creates a copy. Its `transactionId` follows from the link, so a repeated create is answered with the first event, or
 * refused; then the first event is searched.
 * @throws SyncError `id-taken` where the id was used for an event that is not in this calendar (any more)
 */
export async function createEvent(
  calendar: GraphCalendar,
  event: CalendarEvent,
  key: string,
  generation: number,
  original?: string,
): Promise<Written> {
  const transactionId = transactionIdOf(key, generation, calendar.calendarId);
  const plain = insertBody(event, key, transactionId, calendar.setting);
  const patch = original ? { ...plain, body: { ...plain.body, ...extrasOf(original, calendar) } } : plain;
  let item: Item;
  let existed = false;
  try {
    const posted = await postEvent(calendar, patch);
    item = posted.item;
    existed = isEarlier(posted, patch);
  } catch (error) {
    // 409 by most reports; no documentation names the status.
    const isUsed = isDuplicate(error);
    if (!isUsed && !(error instanceof SyncError && error.status === 409)) throw error;
    const found = await findCreated(calendar, transactionId);
    if (!found && !isUsed)
      throw new SyncError('unreachable', 'Graph refused a new event for a temporary reason', { status: 409 });
    if (!found) throw new SyncError('id-taken', 'the transaction id belongs to another Graph event');
    item = found;
    existed = true;
  }
  let series = await readAfter(calendar, item);
  // A person was quicker than the next request.
  existed ||= isChangedSince(calendar, item, series) || hasExceptions(series);
  series = await restoreProperties(calendar, series, patch.properties);
  series = await writeExceptions(calendar, series, event, existed);
  return { ...foundOf(series, calendar.setting), confirmed: true, ...(existed ? { existed } : {}) };
}

/** What a deleted event had beside the fields that are synced, as far as a new event can have it. */
function extrasOf(original: string, { moreFields }: GraphCalendar): Partial<Item> {
  const { master } = parseSeries(original);
  const all = ['categories', 'importance', 'isReminderOn', 'reminderMinutesBeforeStart'] as const;
  const names = all.filter((name) => !moreFields.includes(name));
  return Object.fromEntries(names.flatMap((name) => (name in master ? [[name, master[name]]] : [])));
}

function hasExceptions({ exceptions, cancelled }: Series): boolean {
  return Object.keys(exceptions).length + cancelled.length > 0;
}

/** Graph compares these ids over the whole mailbox. */
export function transactionIdOf(key: string, generation: number, calendarId: string): string {
  const hex = createHash('sha256').update(`${key}\n${generation}\n${calendarId}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Changes `stored` so that it reads as `next`.
 * @throws SyncError `stale`, `gone`, `would-mail`, `forbidden`, `rejected`
 */
export async function updateEvent(calendar: GraphCalendar, stored: Stored, given: CalendarEvent): Promise<Written> {
  const { setting } = calendar;
  const { event: before } = readSeries(parseSeries(stored.data), setting);
  if (!before) throw new SyncError('bug', 'the stored event cannot be read');
  const next = alikeIn(before, given);
  const isMoved = !sameValue(before.when, next.when) || !sameValue(before.recurrence, next.recurrence);
  const problem =
    isMoved || before.status !== next.status || !sameValue(before.exceptions, next.exceptions)
      ? unsupported(next)
      : null;
  if (problem)
    throw new SyncError('rejected', `Graph does not support this event (${problem.code})`, { reason: problem.detail });
  expectExceptions(calendar, [], [stored]);
  let now = await fetchSeries(calendar, stored.resource);
  if (!now) throw new SyncError('gone', 'the event is not there any more');
  const { event: current } = readSeries(now, setting);
  if (!current || !isBetween(current, before, next, isMoved))
    throw new SyncError('stale', 'the event changed before it was written');
  const restores =
    Object.entries(current.exceptions).some(
      ([id, exception]) => exception === EXCLUDED && next.exceptions[id] !== EXCLUDED,
    ) && next.recurrence !== null;
  const master = changesForeignText(now.master, current, next, setting)
    ? await withHtml(calendar, now.master)
    : now.master;
  const patch = masterPatch({ ...now, master }, current, next, setting, restores && !isMoved);
  const changesExceptions = next.recurrence !== null && differentExceptions(current, next).length > 0;
  if (emptyPatch(patch) && !changesExceptions) return { ...foundOf(now, setting), confirmed: true };
  checkAllowed(calendar, now, patch, changesExceptions);
  if (!emptyPatch(patch)) {
    // One etag covers the whole series, and a new time or rule drops exceptions.
    const unchanged = async (): Promise<Item | null> => {
      const again = await fetchSeries(calendar, stored.resource);
      const { event } = again ? readSeries(again, setting) : { event: null };
      return again && event && changedPaths(current, event).length === 0 ? again.master : null;
    };
    const written = await patchItem(calendar, now.master, patch, unchanged);
    now = await readAfter(calendar, written);
    if (isChangedSince(calendar, written, now))
      throw new SyncError('stale', 'the event was changed after it was written');
    checkNoForeignChange(current, now, next, { calendar, isRewritten: isMoved || restores });
  }
  if (next.recurrence) now = await writeExceptions(calendar, now, next, false);
  return { ...foundOf(now, setting), confirmed: true };
}

/**
 * Deletes. An event that is already gone is success.
 * @throws SyncError `stale` when the event is not as stored any more, `would-mail`
 */
export async function removeEvent(calendar: GraphCalendar, stored: Stored): Promise<void> {
  expectExceptions(calendar, [], [stored]);
  const now = await fetchSeries(calendar, stored.resource);
  if (!now) return;
  const { event: before } = readSeries(parseSeries(stored.data), calendar.setting);
  const { event: current } = readSeries(now, calendar.setting);
  if (!before || !current || changedPaths(before, current).length > 0)
    throw new SyncError('stale', 'the event changed before its deletion');
  if (isMeetingOfOurs(now) && calendar.setting.attendees !== 'native')
    throw new SyncError('would-mail', 'Exchange would mail a cancellation to the guests');
  await deleteItem(calendar, now.master);
}

/** How much the clocks of the service may differ. */
const SLACK_MS = 500;

/**
 * Whether a POST was answered with an event that existed before: created before the request, changed since its
 * creation, or with other content than was sent.
 */
function isEarlier({ item, date, tookMs, status }: Posted, { body }: Patch): boolean {
  const created = Date.parse(textOf(item['createdDateTime']));
  const plain = (text: unknown): string => textOf(text).replace(/\s+/g, ' ').trim();
  const placeOf = ({ location }: Readonly<Record<string, unknown>>): string => plain(fieldOf(location, 'displayName'));
  const isAsSent =
    ['subject', 'showAs', 'sensitivity'].every((field) => plain(item[field]) === plain(body[field])) &&
    placeOf(item) === placeOf(body) &&
    sameValue(timesOf(item), timesOf(body));
  return (
    status === 200 ||
    !isAsSent ||
    modifiedMs(item) - created > SLACK_MS + tookMs ||
    (date !== null && created < date - tookMs - SLACK_MS)
  );
}

/** When an event takes place, as far as Graph keeps what it is sent; undefined where that cannot be read. */
function timesOf(item: Readonly<Record<string, unknown>>): unknown {
  try {
    const when = readWhen(item, { start: 'UTC', end: 'UTC' })?.when;
    if (!item['recurrence']) return when;
    const { pattern, range } = readPatternedRecurrence(item['recurrence']);
    // Another name of the zone may come back, and the times of a series are cut to the minute.
    const minutes = [when?.start.slice(0, 16), when?.end.slice(0, 16)];
    return { pattern, range: { ...range, recurrenceTimeZone: null }, minutes };
  } catch {
    return undefined;
  }
}

/**
 * The event that an earlier try created, or this one although it was refused. Graph cannot search for these ids, so the
 * whole calendar is listed, and again after a while: a listing may not have a new event yet, or lose one between two
 * pages.
 */
async function findCreated(calendar: GraphCalendar, transactionId: string): Promise<Item | null> {
  for (const waitMs of [0, LAG_MS, 2 * LAG_MS]) {
    if (waitMs > 0) await pause(waitMs, calendar.signal);
    for await (const { items } of listEvents(calendar, '$select=id,transactionId')) {
      const found = items.find((item) => item['transactionId'] === transactionId);
      if (found) return found;
    }
  }
  return null;
}

/** Writes the properties again that consumer mailboxes drop from a new event. */
async function restoreProperties(calendar: GraphCalendar, series: Series, desired: Properties): Promise<Series> {
  const now = propertiesOf(series.master);
  const lost = Object.keys(now).length === 0 ? changedProperties(now, desired) : {};
  if (Object.keys(lost).length === 0) return series;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await readAfter(
        calendar,
        await patchItem(calendar, series.master, { body: propertiesBody(lost), properties: lost }),
      );
    } catch (error) {
      // A replica may not have the new event yet.
      if (!(error instanceof SyncError) || error.kind !== 'gone' || attempt === 2) throw error;
      await pause(LAG_MS, calendar.signal);
    }
  }
}

/** Whether all content is as before or, after an earlier try of the same call, as in `next`. */
function isBetween(current: CalendarEvent, before: CalendarEvent, next: CalendarEvent, isMoved: boolean): boolean {
  const ofSeries = (one: CalendarEvent, other: CalendarEvent): FieldPath['field'][] =>
    changedPaths(one, other).flatMap(({ occurrence, field }) => (occurrence === null ? [field] : []));
  const open = new Set(ofSeries(current, before));
  return (
    ofSeries(current, next).every((field) => !open.has(field)) &&
    !hasForeignException({ before, next, now: current, isMoved })
  );
}

/** @throws SyncError `would-mail`, or `forbidden` for a change that only the organizer of the meeting can make */
function checkAllowed(calendar: GraphCalendar, series: Series, patch: Patch, changesExceptions: boolean): void {
  if (calendar.setting.attendees !== 'native' && isMeetingOfOurs(series) && !sendsNoMail(patch, changesExceptions))
    throw new SyncError('would-mail', 'Exchange would mail this change to the guests');
  if (isInvitation(series) && !(isLocalChange(patch.body) && !changesExceptions)) {
    throw new SyncError('forbidden', 'only the organizer can change this meeting', {
      reason: 'Only the organizer of this meeting can change it.',
    });
  }
}

/** Exchange sends no mail for a change of our own properties alone. */
function sendsNoMail({ body }: Patch, changesExceptions: boolean): boolean {
  return !changesExceptions && Object.keys(body).every((key) => key === 'singleValueExtendedProperties');
}

/**
 * Where Graph ignored `If-Match`, another change may have come between the read and the write.
 * @throws SyncError `stale`
 */
function checkNoForeignChange(
  current: CalendarEvent,
  now: Series,
  next: CalendarEvent,
  { calendar, isRewritten }: { calendar: GraphCalendar; isRewritten: boolean },
): void {
  const { event: after } = readSeries(now, calendar.setting);
  if (!after) throw new SyncError('stale', 'the event cannot be read after it was written');
  const ours = new Set(changedPaths(current, next).map(({ field }) => field));
  const foreign = changedPaths(current, after).filter(
    ({ occurrence, field }) => occurrence === null && !ours.has(field),
  );
  if (foreign.length > 0 || hasForeignException({ before: current, next, now: after, isMoved: isRewritten }))
    throw new SyncError('stale', 'the event was changed while it was written');
}
