/**
 * Writing one event. A write that would make Exchange mail somebody is not done. A PATCH holds changed fields only.
 *
 * A series takes several requests: the master first, because a new time or rule makes Exchange throw its exceptions
 * away; then whatever its exceptions show other than they are to show. A crash in between leaves a state from which the
 * same call goes on.
 */
import { createHash } from 'node:crypto';
import { type CalendarEvent, changedPaths, EXCLUDED, type FieldPath, sameValue } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { LAG_MS } from '../confirm-gone.ts';
import type { Stored, Written } from '../provider.ts';
import { unsupported } from './capabilities.ts';
import { expectExceptions, fetchSeries } from './fetch.ts';
import { foundOf, isInvitation, isMeetingOfOurs, readSeries } from './from-graph.ts';
import { fieldOf, type Item, modifiedMs, parseSeries, type Series, textOf } from './item.ts';
import { deleteItem, emptyPatch, type Posted, patchItem, postEvent, readAfter } from './item-write.ts';
import { type GraphCalendar, listEvents } from './listing.ts';
import { changedProperties, type Properties, propertiesBody, propertiesOf } from './private-data.ts';
import { insertBody, isLocalChange, masterPatch, type Patch } from './to-graph.ts';
import { differentExceptions, writeExceptions } from './write-exceptions.ts';

/**
 * Creates a copy. Its `transactionId` follows from the link, so a repeated create is answered with the event of the
 * first, or refused; then the first one is looked for. @throws SyncError `id-taken` where the id was used for an event
 * that is not in this calendar (any more)
 */
export async function createEvent(
  place: GraphCalendar,
  event: CalendarEvent,
  key: string,
  generation: number,
): Promise<Written> {
  const transactionId = transactionIdOf(key, generation, place.calendarId);
  const patch = insertBody(event, key, transactionId, place.setting);
  let item: Item;
  let existed = false;
  try {
    const posted = await postEvent(place, patch);
    item = posted.item;
    existed = isEarlier(posted, patch);
  } catch (error) {
    if (!(error instanceof SyncError) || error.status !== 409) throw error;
    const found = await findCreated(place, transactionId);
    if (!found && !/^ErrorDuplicateTransactionId$/i.test(error.reason ?? ''))
      throw new SyncError('unreachable', 'Graph refused a new event for no lasting reason', { status: 409 });
    if (!found) throw new SyncError('id-taken', 'the transaction id belongs to another Graph event');
    item = found;
    existed = true;
  }
  let series = await keepNotes(place, await readAfter(place, item), patch.properties);
  series = await writeExceptions(place, series, event, existed);
  return { ...foundOf(series, place.setting), confirmed: true, ...(existed ? { existed } : {}) };
}

/** Graph compares these ids over the whole mailbox. */
export function transactionIdOf(key: string, generation: number, calendarId: string): string {
  const hex = createHash('sha256').update(`${key}\n${generation}\n${calendarId}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Writes what makes `stored` read as `next`.
 * @throws SyncError `stale`, `gone`, `would-mail`, `forbidden`, `rejected`
 */
export async function updateEvent(place: GraphCalendar, stored: Stored, next: CalendarEvent): Promise<Written> {
  const { setting } = place;
  const { event: before } = readSeries(parseSeries(stored.data), setting);
  if (!before) throw new SyncError('bug', 'an event that cannot be read was to be changed');
  const isMoved = !sameValue(before.when, next.when) || !sameValue(before.recurrence, next.recurrence);
  const problem =
    isMoved || before.status !== next.status || !sameValue(before.exceptions, next.exceptions)
      ? unsupported(next)
      : null;
  if (problem)
    throw new SyncError('rejected', `Graph cannot hold this event (${problem.code})`, { reason: problem.detail });
  expectExceptions(place, [stored]);
  let now = await fetchSeries(place, stored.resource);
  if (!now) throw new SyncError('gone', 'the event is not there any more');
  const { event: shown } = readSeries(now, setting);
  if (!shown || !isBetween(shown, before, next, isMoved))
    throw new SyncError('stale', 'the event changed before it was written');
  const restores =
    Object.entries(shown.exceptions).some(
      ([id, exception]) => exception === EXCLUDED && next.exceptions[id] !== EXCLUDED,
    ) && next.recurrence !== null;
  const patch = masterPatch(now, shown, next, setting, restores && !isMoved);
  const changesExceptions = next.recurrence !== null && differentExceptions(shown, next).length > 0;
  if (emptyPatch(patch) && !changesExceptions) return { ...foundOf(now, setting), confirmed: true };
  guard(place, now, patch, changesExceptions);
  if (!emptyPatch(patch)) {
    now = await readAfter(place, await patchItem(place, now.master, patch));
    checkOnlyOurs(shown, now, next, { place, isRewritten: isMoved || restores });
  }
  if (next.recurrence) now = await writeExceptions(place, now, next, false);
  return { ...foundOf(now, setting), confirmed: true };
}

/**
 * Deletes. Already gone is success.
 * @throws SyncError `stale` when the event is not as stored any more, `would-mail`
 */
export async function removeEvent(place: GraphCalendar, stored: Stored): Promise<void> {
  expectExceptions(place, [stored]);
  const now = await fetchSeries(place, stored.resource);
  if (!now) return;
  const { event: before } = readSeries(parseSeries(stored.data), place.setting);
  const { event: shown } = readSeries(now, place.setting);
  if (!before || !shown || changedPaths(before, shown).length > 0)
    throw new SyncError('stale', 'the event changed before its deletion');
  if (isMeetingOfOurs(now) && place.setting.attendees !== 'native')
    throw new SyncError('would-mail', 'Exchange would mail a cancellation to the guests');
  await deleteItem(place, now.master);
}

/** How much the clocks of the service may differ. */
const SLACK_MS = 500;

/**
 * Whether a POST was answered with an event that had been there before: made before it was asked for, changed since it
 * was made, or not with what was sent.
 */
function isEarlier({ item, date, tookMs, status }: Posted, { body }: Patch): boolean {
  const created = Date.parse(textOf(item['createdDateTime']));
  const plain = (text: unknown): string => textOf(text).replace(/\s+/g, ' ').trim();
  const placeOf = ({ location }: Readonly<Record<string, unknown>>): string => plain(fieldOf(location, 'displayName'));
  const isAsSent =
    ['subject', 'showAs', 'sensitivity'].every((field) => plain(item[field]) === plain(body[field])) &&
    placeOf(item) === placeOf(body);
  return (
    status === 200 ||
    !isAsSent ||
    modifiedMs(item) - created > SLACK_MS + tookMs ||
    (date !== null && created < date - tookMs - SLACK_MS)
  );
}

/**
 * The event that an earlier try made, or this one in spite of its refusal. Graph cannot look for these ids, so the
 * whole calendar is listed; and once more after a while, because a listing may not know a new event yet, or lose one
 * between two pages.
 */
async function findCreated(place: GraphCalendar, transactionId: string): Promise<Item | null> {
  for (const waitMs of [0, LAG_MS, 2 * LAG_MS]) {
    if (waitMs > 0) await pause(waitMs, place.signal);
    for await (const { items } of listEvents(place, '$select=id,transactionId')) {
      const found = items.find((item) => item['transactionId'] === transactionId);
      if (found) return found;
    }
  }
  return null;
}

/** Consumer mailboxes lose the notes that a new event was given. */
async function keepNotes(place: GraphCalendar, series: Series, wanted: Properties): Promise<Series> {
  const now = propertiesOf(series.master);
  const lost = Object.keys(now).length === 0 ? changedProperties(now, wanted) : {};
  if (Object.keys(lost).length === 0) return series;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await readAfter(
        place,
        await patchItem(place, series.master, { body: propertiesBody(lost), properties: lost }),
      );
    } catch (error) {
      // A replica may not know the new event yet.
      if (!(error instanceof SyncError) || error.kind !== 'gone' || attempt === 2) throw error;
      await pause(LAG_MS, place.signal);
    }
  }
}

/** Whether everything that `shown` shows is as it was or, after an earlier try of the same call, as it is to be. */
function isBetween(shown: CalendarEvent, before: CalendarEvent, next: CalendarEvent, isMoved: boolean): boolean {
  const open = new Set(changedPaths(shown, before).map(nameOf));
  return changedPaths(shown, next).every(
    (path) =>
      !open.has(nameOf(path)) ||
      (path.occurrence !== null && isMoved && shown.exceptions[path.occurrence] === undefined),
  );
}

function nameOf({ occurrence, field }: FieldPath): string {
  return `${occurrence ?? ''} ${field}`;
}

/** @throws SyncError `would-mail`, or `forbidden` for what belongs to the organizer of somebody else's meeting */
function guard(place: GraphCalendar, series: Series, patch: Patch, changesExceptions: boolean): void {
  if (place.setting.attendees !== 'native' && isMeetingOfOurs(series) && !isSilent(patch, changesExceptions))
    throw new SyncError('would-mail', 'Exchange would mail this change to the guests');
  if (isInvitation(series) && !(isLocalChange(patch.body) && !changesExceptions)) {
    throw new SyncError('forbidden', 'only the organizer can change this meeting', {
      reason: 'Only the organizer of this meeting can change it.',
    });
  }
}

/** Our own notes are nothing that Exchange tells anybody. */
function isSilent({ body }: Patch, changesExceptions: boolean): boolean {
  return !changesExceptions && Object.keys(body).every((key) => key === 'singleValueExtendedProperties');
}

/**
 * Where `If-Match` was not heeded, somebody's change may have come between the look before and the write.
 * @throws SyncError `stale`
 */
function checkOnlyOurs(
  shown: CalendarEvent,
  now: Series,
  next: CalendarEvent,
  { place, isRewritten }: { place: GraphCalendar; isRewritten: boolean },
): void {
  const { event: after } = readSeries(now, place.setting);
  if (!after) throw new SyncError('stale', 'the event cannot be read after it was written');
  const ours = new Set(changedPaths(shown, next).map(({ field }) => field));
  const foreign = changedPaths(shown, after).filter(
    ({ occurrence, field }) => !ours.has(field) && !(occurrence !== null && isRewritten),
  );
  if (foreign.length > 0) throw new SyncError('stale', 'the event was changed by somebody else while it was written');
}
