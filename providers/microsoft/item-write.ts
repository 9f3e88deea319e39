/**
 * The requests that write. Graph respects `If-Match` on PATCH, which is not documented, and seems to ignore it on
 * DELETE. So the callers read the event immediately before a write, and again after it.
 */
import { changedPaths, sameValue } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { checkBody } from './check-body.ts';
import { fetchItem, fetchSeries } from './fetch.ts';
import { readSeries } from './from-graph.ts';
import { type Item, modifiedMs, type Series } from './item.ts';
import { type GraphCalendar, isGone, itemOf } from './listing.ts';
import { propertiesOf, withProperties } from './private-data.ts';
import { calendarPath, eventPath } from './requests.ts';
import type { Body, Patch } from './to-graph.ts';

export interface Posted {
  readonly item: Item;
  /** The clock of the service, and how long the request took (ms). */
  readonly date: number | null;
  readonly tookMs: number;
  /** 200 means that the event existed already; 201 may mean the same. */
  readonly status: number;
}

export async function postEvent(calendar: GraphCalendar, { body, properties }: Patch): Promise<Posted> {
  checkBody(body, 'create');
  const begun = performance.now();
  const answer = await calendar.client.send({
    method: 'POST',
    path: `${calendarPath(calendar.calendarId)}/events`,
    body,
  });
  const { item, date } = itemOf(calendar, answer);
  return { item: withProperties(item, properties), date, tookMs: performance.now() - begun, status: answer.status };
}

/**
 * The event after the write, by its answer, with the properties that answers leave out.
 * @param unchanged the event as it is after a 412, null where what the write is based on has changed; when absent, the
 * content of the event itself decides
 * @throws SyncError `stale` when the event has changed since `item`
 */
export async function patchItem(
  calendar: GraphCalendar,
  item: Item,
  { body, properties }: Patch,
  unchanged = () => unchangedItem(calendar, item),
): Promise<Item> {
  checkBody(body, 'patch');
  let etag = item.etag ?? null;
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await calendar.client.send({
        method: 'PATCH',
        path: eventPath(calendar.calendarId, item.id),
        body,
        ifMatch: etag,
      });
      return withProperties(itemOf(calendar, answer).item, { ...propertiesOf(item), ...properties });
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'stale' || attempt === MAX_ATTEMPTS) throw error;
      // Exchange changes the etag by itself (of a new event, of a series after a write of an occurrence).
      const now = await unchanged();
      if (!now?.etag) throw error;
      etag = now.etag;
    }
  }
}

async function unchangedItem(calendar: GraphCalendar, item: Item): Promise<Item | null> {
  const now = await fetchItem(calendar, item.id);
  return now && hasSameContent(item, now.item) ? now.item : null;
}

/** Whether an event that was read after a write shows something else than the answer to the write did. */
export function isChangedSince(calendar: GraphCalendar, written: Item, now: Series): boolean {
  if (!(modifiedMs(now.master) > modifiedMs(written))) return false;
  const read = (master: Item) => readSeries({ master, exceptions: {}, cancelled: [] }, calendar.setting).event;
  const [answered, shown] = [read(written), read(now.master)];
  return !answered || !shown || changedPaths(answered, shown).length > 0;
}

/**
 * An event that is already gone is success, once the event itself says so: one 404 proves nothing, nor does an answer
 * that is none to a DELETE.
 * @throws SyncError `unreachable` where the service contradicts itself
 */
export async function deleteItem(calendar: GraphCalendar, item: Item): Promise<void> {
  const answer = await calendar.client
    .send({ method: 'DELETE', path: eventPath(calendar.calendarId, item.id), ifMatch: item.etag ?? null })
    .catch((error: unknown) => {
      if (!isGone(error)) throw error;
      return { status: 404 };
    });
  if (answer.status !== 204 && (await fetchItem(calendar, item.id)))
    throw new SyncError('unreachable', 'Graph shows an event after its deletion', { status: answer.status });
}

/**
 * The series after a write; `written` is the answer to the last one. A replica may not have the write yet: then the
 * series is fetched again for a while, and in the end the answer replaces the outdated master.
 */
export async function readAfter(calendar: GraphCalendar, written: Item): Promise<Series> {
  let latest: Series | null = null;
  for (const waitMs of [0, ...WAITS_MS]) {
    if (waitMs > 0) await pause(waitMs, calendar.signal);
    latest = (await fetchSeries(calendar, written.id)) ?? latest;
    if (latest && !(modifiedMs(latest.master) < modifiedMs(written))) return latest;
  }
  return latest ? { ...latest, master: written } : { master: written, exceptions: {}, cancelled: [] };
}

const MAX_ATTEMPTS = 3;
const WAITS_MS = [100, 300, 1000, 2000];

export function emptyPatch({ body }: { body: Body }): boolean {
  return Object.keys(body).length === 0;
}

function hasSameContent(before: Item, after: Item): boolean {
  const content = (item: Item): object => ({ ...item, etag: undefined, lastModifiedDateTime: undefined });
  return sameValue(content(before), content(after));
}
