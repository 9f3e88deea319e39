/**
 * The three requests that write: insert, patch and delete one item. They send no mail and keep conferences and files.
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
export async function insertItem(calendar: GoogleCalendar, requestBody: Body): Promise<WrittenItem> {
  const { data, date } = await calendar.client.call((api, options) =>
    api.events.insert({ calendarId: calendar.calendarId, ...WITHOUT_MAIL, fields: ITEM_FIELDS, requestBody }, options),
  );
  return { item: itemOf(data), date };
}

/** @throws SyncError `stale` when the item has changed since `item`; one without ETag is written unconditionally */
export async function patchItem(
  calendar: GoogleCalendar,
  item: Pick<Item, 'id' | 'etag'>,
  requestBody: Body,
): Promise<WrittenItem> {
  return ifUnchanged(calendar, item, async (etag) => {
    const { data, date } = await calendar.client.call(
      (api, options) =>
        api.events.patch(
          { calendarId: calendar.calendarId, eventId: item.id, ...WITHOUT_MAIL, fields: ITEM_FIELDS, requestBody },
          options,
        ),
      etag,
    );
    return { item: itemOf(data), date };
  });
}

/** Already gone is success. @throws SyncError `stale` */
export async function deleteItem(calendar: GoogleCalendar, item: Item): Promise<void> {
  try {
    await ifUnchanged(calendar, item, (etag) =>
      calendar.client.call(
        (api, options) =>
          api.events.delete({ calendarId: calendar.calendarId, eventId: item.id, sendUpdates: 'none' }, options),
        etag,
      ),
    );
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== 'gone') throw error;
  }
}

const WITHOUT_MAIL = { sendUpdates: 'none', conferenceDataVersion: 1, supportsAttachments: true };
const MAX_ATTEMPTS = 3;

/**
 * Google changes the ETag of a master when an instance is written, and the other way round. So after a 412 the item is
 * fetched again. If its content is the same, the write is repeated with the new ETag, and the last time without, for an
 * item that has no usable one.
 */
async function ifUnchanged<T>(
  calendar: GoogleCalendar,
  item: Pick<Item, 'id' | 'etag'>,
  send: (etag: string) => Promise<T>,
): Promise<T> {
  let etag = item.etag ?? ANY;
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(etag);
    } catch (error) {
      if (!(error instanceof SyncError) || error.status !== 412 || attempt === MAX_ATTEMPTS) throw error;
      const now = await fetchItem(calendar, item.id);
      if (!now || !isSameItem(item, now.item)) throw error;
      etag = attempt === MAX_ATTEMPTS - 1 ? ANY : (now.item.etag ?? ANY);
    }
  }
}

const ANY = '*';
