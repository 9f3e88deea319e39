/** Reading one calendar: pages of `events.list`, single items, and whole series. */
import { SyncError } from '../../core/sync-error.ts';
import { inParallel, pause } from '../concurrency.ts';
import type { CalendarContext as OAuthPlace } from '../oauth/oauth-provider.ts';
import type { Found } from '../provider.ts';
import type { Client } from './client.ts';
import { foundOf } from './from-google.ts';
import {
  checkClock,
  ITEM_FIELDS,
  type Item,
  isCancelled,
  keepItem,
  LIST_FIELDS,
  masterIdOf,
  type Series,
} from './item.ts';

export type GoogleCalendar = OAuthPlace<Client>;

export interface ListPage {
  readonly items: readonly Item[];
  readonly date: number | null;
  /** On the last page only. */
  readonly syncToken: string | null;
}

/**
 * `events.list` to its last page. The parameters of a listing that gives or takes a sync token are always the same, as
 * Google demands.
 * @throws SyncError `calendar-missing`
 */
export async function* listPages(
  place: GoogleCalendar,
  query: { syncToken?: string; iCalUID?: string },
): AsyncGenerator<ListPage> {
  const seen = new Set<string>();
  let pageToken: string | undefined;
  do {
    const page = await listPage(place, {
      ...query,
      ...(pageToken === undefined ? {} : { pageToken }),
      maxResults: PAGE_SIZE,
    });
    yield page;
    pageToken = page.pageToken;
    if (pageToken !== undefined && (seen.has(pageToken) || seen.size >= MAX_PAGES)) {
      throw new SyncError('unreachable', 'Google gave a listing that does not end');
    }
    if (pageToken !== undefined) seen.add(pageToken);
  } while (pageToken !== undefined);
}

/** One event or occurrence as it is now, cancelled or not; null where Google knows no such id. */
export async function fetchItem(
  place: GoogleCalendar,
  eventId: string,
): Promise<{ item: Item; date: number | null } | null> {
  try {
    const { data, date } = await place.client.call((api, options) =>
      api.events.get({ calendarId: place.calendarId, eventId, fields: ITEM_FIELDS }, options),
    );
    return { item: itemOf(data), date };
  } catch (error) {
    if (error instanceof SyncError && error.kind === 'gone') return null;
    throw error;
  }
}

/**
 * A master with all its exceptions, cancelled ones too; null where it does not exist, and a cancelled item without
 * exceptions.
 */
export async function fetchSeries(place: GoogleCalendar, masterId: string): Promise<Series | null> {
  const answer = await fetchItem(place, masterId);
  if (!answer) return null;
  const { item: master, date } = answer;
  const exceptions = isCancelled(master) || !master.recurrence ? {} : await fetchExceptions(place, master);
  return checkClock({ master, exceptions }, date);
}

/**
 * The same for a master that the account may have no right to see: somebody else's series of which it is invited to
 * single occurrences.
 */
export async function fetchMaster(place: GoogleCalendar, masterId: string): Promise<Series | null> {
  try {
    return await fetchSeries(place, masterId);
  } catch (error) {
    if (error instanceof SyncError && error.kind === 'forbidden') return null;
    throw error;
  }
}

/** Exceptions share the UID of their master. */
export async function fetchExceptions(place: GoogleCalendar, master: Item): Promise<Record<string, Item>> {
  if (!master.iCalUID) return {};
  const exceptions: Record<string, Item> = {};
  for await (const { items } of listPages(place, { iCalUID: master.iCalUID })) {
    for (const item of items) if (masterIdOf(item) === master.id) exceptions[item.id] = item;
  }
  return exceptions;
}

/**
 * Events by resource. A cancelled event is gone; so is an id that Google does not know although the calendar answers,
 * and an occurrence that belongs to a series which is visible (again) as a whole.
 */
export async function getResources(
  place: GoogleCalendar,
  resources: readonly string[],
): Promise<Map<string, readonly Found[] | 'gone'>> {
  const result = new Map<string, readonly Found[] | 'gone'>();
  const asked = [...new Set(resources)];
  if (asked.length > LIST_INSTEAD) await answerFromListing(place, new Set(asked), result);
  let open = asked.filter((resource) => !result.has(resource));
  for (let attempt = 0; open.length > 0 && attempt < 2; attempt++) {
    if (attempt > 0) {
      // A 404 is proof only while the calendar itself answers, and only when no replica lags behind.
      await listPage(place, { maxResults: 1 });
      await pause(LAG_MS, place.signal);
    }
    const unknown: string[] = [];
    await inParallel(open, async (resource) => {
      const state = await getResource(place, resource);
      if (state === null) unknown.push(resource);
      else result.set(resource, state);
    });
    open = unknown;
  }
  for (const resource of open) result.set(resource, 'gone');
  return result;
}

/** The item in an answer. @throws SyncError `unreachable` where the answer holds none */
export function itemOf(data: unknown): Item {
  const item = keepItem(data);
  if (!item) throw new SyncError('unreachable', 'Google answered without an event');
  return item;
}

const PAGE_SIZE = 2500;
const MAX_PAGES = 2000;
/** From this number on one listing is cheaper than asking for each. */
const LIST_INSTEAD = 50;
const LAG_MS = 1000;

interface RawPage extends ListPage {
  readonly pageToken: string | undefined;
}

async function listPage(
  place: GoogleCalendar,
  query: { syncToken?: string; iCalUID?: string; pageToken?: string; maxResults: number },
): Promise<RawPage> {
  const { data, date } = await place.client
    .call((api, options) =>
      api.events.list(
        { calendarId: place.calendarId, singleEvents: false, showDeleted: true, fields: LIST_FIELDS, ...query },
        options,
      ),
    )
    .catch((error: unknown) => {
      throw calendarError(error);
    });
  if (typeof data !== 'object' || data === null || (data.items !== undefined && !Array.isArray(data.items))) {
    throw new SyncError('unreachable', 'Google answered without a listing');
  }
  const items = (data.items ?? []).map(keepItem).filter((item) => item !== null);
  return { items, date, syncToken: data.nextSyncToken ?? null, pageToken: data.nextPageToken || undefined };
}

/** 404 and 403 of a listing are about the calendar; a missing scope is about the sign-in. */
function calendarError(error: unknown): unknown {
  if (!(error instanceof SyncError)) return error;
  const { status, reason } = error;
  if (error.kind === 'forbidden' && /insufficientPermissions|ACCESS_TOKEN_SCOPE_INSUFFICIENT/.test(error.message)) {
    return new SyncError('auth', 'Google: the sign-in does not include access to calendars', {
      status: 403,
      ...(reason === undefined ? {} : { reason }),
    });
  }
  if (error.kind !== 'forbidden' && !(error.kind === 'gone' && status === 404)) return error;
  const options = { ...(status === undefined ? {} : { status }), ...(reason === undefined ? {} : { reason }) };
  return new SyncError('calendar-missing', `the Google calendar answers ${status}`, options);
}

/** Null: Google knows no such id. */
async function getResource(place: GoogleCalendar, resource: string): Promise<readonly Found[] | 'gone' | null> {
  const series = await fetchSeries(place, resource);
  if (!series) return null;
  if (isCancelled(series.master)) return 'gone';
  const masterId = masterIdOf(series.master);
  if (masterId !== null && (await fetchMaster(place, masterId))) return 'gone';
  return [foundOf(series, place.setting)];
}

async function answerFromListing(
  place: GoogleCalendar,
  asked: ReadonlySet<string>,
  result: Map<string, readonly Found[] | 'gone'>,
): Promise<void> {
  const masters = new Map<string, Item>();
  const exceptions = new Map<string, Record<string, Item>>();
  let clock: number | null = null;
  for await (const { items, date } of listPages(place, {})) {
    clock = date;
    for (const item of items) {
      const masterId = masterIdOf(item);
      if (masterId === null && asked.has(item.id)) masters.set(item.id, item);
      if (masterId === null || !asked.has(masterId)) continue;
      const own = exceptions.get(masterId) ?? {};
      own[item.id] = item;
      exceptions.set(masterId, own);
    }
  }
  for (const [id, master] of masters) {
    const own = master.recurrence ? (exceptions.get(id) ?? {}) : {};
    result.set(
      id,
      isCancelled(master) ? 'gone' : [foundOf(checkClock({ master, exceptions: own }, clock), place.setting)],
    );
  }
}
