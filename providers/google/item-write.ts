/**
 * The three requests that write: insert, patch and delete one item. They send no mail and keep conferences and files.
 */

import { SyncError } from '../../core/sync-error.ts';
import { checkBody } from './check-body.ts';
import { fetchItem, type GoogleCalendar, itemOf } from './fetch.ts';
import { type Item, isCancelled, isSameItem, itemFields } from './item.ts';
import type { Body } from './to-google.ts';

export interface WrittenItem {
  readonly item: Item;
  readonly date: number | null;
}

/** @throws SyncError with status 409 when the id is taken */
export async function insertItem(calendar: GoogleCalendar, requestBody: Body): Promise<WrittenItem> {
  checkBody(requestBody, null);
  const { data, date } = await calendar.client.call((api, options) =>
    api.events.insert(
      { calendarId: calendar.calendarId, ...WITHOUT_MAIL, fields: itemFields(calendar.moreFields), requestBody },
      options,
    ),
  );
  return { item: await itemOf(calendar, data), date };
}

/** Whether what a write is based on is unchanged, seen by the item as it is now. */
export type IsUnchanged = (now: Item) => boolean | Promise<boolean>;

/**
 * @param isUnchanged asked after a 412; when absent, whether the item has the content of `item`
 * @throws SyncError `stale` when it has changed since `item`
 */
export async function patchItem(
  calendar: GoogleCalendar,
  item: Item,
  requestBody: Body,
  isUnchanged?: IsUnchanged,
): Promise<WrittenItem> {
  checkBody(requestBody, item);
  return ifUnchanged(calendar, item, isUnchanged, async (etag) => {
    const { data, date } = await calendar.client.call(
      (api, options) =>
        api.events.patch(
          {
            calendarId: calendar.calendarId,
            eventId: item.id,
            ...WITHOUT_MAIL,
            fields: itemFields(calendar.moreFields),
            requestBody,
          },
          options,
        ),
      etag,
    );
    return { item: await itemOf(calendar, data), date };
  });
}

/**
 * Already gone is success, once the event itself says so: one 404 proves nothing, nor does an answer that is none to a
 * DELETE.
 * @throws SyncError `stale`, as for `patchItem`; `unreachable` where the service contradicts itself
 */
export async function deleteItem(calendar: GoogleCalendar, item: Item, isUnchanged?: IsUnchanged): Promise<void> {
  const { status } = await ifUnchanged(calendar, item, isUnchanged, (etag) =>
    calendar.client.call(
      (api, options) =>
        api.events.delete({ calendarId: calendar.calendarId, eventId: item.id, sendUpdates: 'none' }, options),
      etag,
    ),
  ).catch((error: unknown) => {
    if (!(error instanceof SyncError) || error.kind !== 'gone') throw error;
    return { status: error.status ?? 404 };
  });
  if (status === 204) return;
  const now = await fetchItem(calendar, item.id);
  if (now && !isCancelled(now.item))
    throw new SyncError('unreachable', 'Google shows an event after its deletion', { status });
}

const WITHOUT_MAIL = { sendUpdates: 'none', conferenceDataVersion: 1, supportsAttachments: true };
const MAX_ATTEMPTS = 3;

/**
 * Google changes the ETag of a master when an instance is written, and the other way round. So after a 412 the item is
 * fetched again, and if nothing that the write is based on has changed, the write is repeated with the new ETag. It is
 * never repeated without one: a person may edit the item between the two requests.
 */
async function ifUnchanged<T>(
  calendar: GoogleCalendar,
  item: Pick<Item, 'id' | 'etag'>,
  isUnchanged: IsUnchanged = (now) => isSameItem(item, now),
  send: (etag: string) => Promise<T>,
): Promise<T> {
  let etag = item.etag ?? (await etagOf(calendar, item.id, isUnchanged));
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(etag);
    } catch (error) {
      if (!(error instanceof SyncError) || error.status !== 412 || attempt === MAX_ATTEMPTS) throw error;
      etag = await etagOf(calendar, item.id, isUnchanged);
    }
  }
}

/** The ETag that the item has now. @throws SyncError `stale`, `gone` */
async function etagOf(calendar: GoogleCalendar, id: string, isUnchanged: IsUnchanged): Promise<string> {
  const now = await fetchItem(calendar, id);
  if (!now) throw new SyncError('gone', 'the event is not there any more');
  const isKept = await isUnchanged(now.item);
  if (isKept && now.item.etag) return now.item.etag;
  // Of a cancelled occurrence Google may show no more than its name, and there is nothing in it to overwrite.
  if (isKept && isCancelled(now.item)) return '*';
  throw new SyncError('stale', 'the event changed before it was written');
}
