/**
 * The requests that write. That Graph heeds `If-Match` on PATCH is seen and not documented, and on DELETE it seems not
 * to: so whoever writes has read the event immediately before, and reads it again afterwards.
 */
import { sameValue } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { fetchItem, fetchSeries } from './fetch.ts';
import { type Item, modifiedMs, type Series } from './item.ts';
import { type GraphCalendar, isGone, itemOf } from './listing.ts';
import { propertiesOf, withProperties } from './private-data.ts';
import { calendarPath, eventPath } from './requests.ts';
import type { Body, Patch } from './to-graph.ts';

export interface Posted {
  readonly item: Item;
  /** When the service says that it is, and for how long the request was under way (ms). */
  readonly date: number | null;
  readonly tookMs: number;
  /** 200 says that the event was there already; so may 201. */
  readonly status: number;
}

export async function postEvent(place: GraphCalendar, { body, properties }: Patch): Promise<Posted> {
  const begun = performance.now();
  const answer = await place.client.send({ method: 'POST', path: `${calendarPath(place.calendarId)}/events`, body });
  const { item, date } = itemOf(answer);
  return { item: withProperties(item, properties), date, tookMs: performance.now() - begun, status: answer.status };
}

/**
 * What the event shows by the answer to the write, with the notes that answers leave out.
 * @throws SyncError `stale` when the event is not as `item` shows it any more
 */
export async function patchItem(place: GraphCalendar, item: Item, { body, properties }: Patch): Promise<Item> {
  let etag = item.etag ?? null;
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await place.client.send({
        method: 'PATCH',
        path: eventPath(place.calendarId, item.id),
        body,
        ifMatch: etag,
      });
      return withProperties(itemOf(answer).item, { ...propertiesOf(item), ...properties });
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'stale' || attempt === MAX_ATTEMPTS) throw error;
      // Exchange works on events by itself (a new one, a series of which an occurrence was written): as long as it
      // shows the same, nobody lost a race.
      const now = await fetchItem(place, item.id);
      if (!now || !showsTheSame(item, now.item)) throw error;
      etag = now.item.etag ?? null;
    }
  }
}

/** Already gone is success. */
export async function deleteItem(place: GraphCalendar, item: Item): Promise<void> {
  try {
    await place.client.send({
      method: 'DELETE',
      path: eventPath(place.calendarId, item.id),
      ifMatch: item.etag ?? null,
    });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/**
 * The series after a write, `written` being the answer to the last one. A replica may not know of the write yet: then
 * it is asked again for a while, and at last what the answer said is put in the place of what the master shows.
 */
export async function readAfter(place: GraphCalendar, written: Item): Promise<Series> {
  let seen: Series | null = null;
  for (const waitMs of [0, ...WAITS_MS]) {
    if (waitMs > 0) await pause(waitMs, place.signal);
    seen = (await fetchSeries(place, written.id)) ?? seen;
    if (seen && !(modifiedMs(seen.master) < modifiedMs(written))) return seen;
  }
  return seen ? { ...seen, master: written } : { master: written, exceptions: {}, cancelled: [] };
}

const MAX_ATTEMPTS = 3;
const WAITS_MS = [100, 300, 1000, 2000];

export function emptyPatch({ body }: { body: Body }): boolean {
  return Object.keys(body).length === 0;
}

function showsTheSame(before: Item, after: Item): boolean {
  const shown = (item: Item): object => ({ ...item, etag: undefined, lastModifiedDateTime: undefined });
  return sameValue(shown(before), shown(after));
}
