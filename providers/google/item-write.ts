/**
 * The three requests that write: insert, patch and delete one item. None of them mails anybody, and none drops a
 * conference or a file.
 */

import { SyncError } from '../../core/sync-error.ts';
import { fetchItem, type GoogleCalendar, itemOf } from './fetch.ts';
import { ITEM_FIELDS, type Item, isSameItem } from './item.ts';
import type { Body } from './to-google.ts';

export interface WrittenItem {
  readonly item: Item;
  readonly date: number | null;
}

/** @throws SyncError with status 409 when the id is taken */
export async function insertItem(place: GoogleCalendar, requestBody: Body): Promise<WrittenItem> {
  const { data, date } = await place.client.call((api, options) =>
    api.events.insert({ calendarId: place.calendarId, ...QUIETLY, fields: ITEM_FIELDS, requestBody }, options),
  );
  return { item: itemOf(data), date };
}

/** @throws SyncError `stale` when the item is not as `item` shows it any more; one without ETag is written as it is */
export async function patchItem(
  place: GoogleCalendar,
  item: Pick<Item, 'id' | 'etag'>,
  requestBody: Body,
): Promise<WrittenItem> {
  return ifUnchanged(place, item, async (etag) => {
    const { data, date } = await place.client.call(
      (api, options) =>
        api.events.patch(
          { calendarId: place.calendarId, eventId: item.id, ...QUIETLY, fields: ITEM_FIELDS, requestBody },
          options,
        ),
      etag,
    );
    return { item: itemOf(data), date };
  });
}

/** Already gone is success. @throws SyncError `stale` */
export async function deleteItem(place: GoogleCalendar, item: Item): Promise<void> {
  try {
    await ifUnchanged(place, item, (etag) =>
      place.client.call(
        (api, options) =>
          api.events.delete({ calendarId: place.calendarId, eventId: item.id, sendUpdates: 'none' }, options),
        etag,
      ),
    );
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== 'gone') throw error;
  }
}

const QUIETLY = { sendUpdates: 'none', conferenceDataVersion: 1, supportsAttachments: true };
const MAX_ATTEMPTS = 3;

/**
 * Google changes the ETag of a master when an instance is written, and the other way round. So after a 412 the item is
 * read again: as long as it shows what it showed, the write is tried again: with the new ETag, and at last, for an item
 * that has no usable one, without.
 */
async function ifUnchanged<T>(
  place: GoogleCalendar,
  item: Pick<Item, 'id' | 'etag'>,
  send: (etag: string) => Promise<T>,
): Promise<T> {
  let etag = item.etag ?? ANY;
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(etag);
    } catch (error) {
      if (!(error instanceof SyncError) || error.status !== 412 || attempt === MAX_ATTEMPTS) throw error;
      const now = await fetchItem(place, item.id);
      if (!now || !isSameItem(item, now.item)) throw error;
      etag = attempt === MAX_ATTEMPTS - 1 ? ANY : (now.item.etag ?? ANY);
    }
  }
}

const ANY = '*';
