/** Reading one calendar: listings, single events, and whole series. */
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import type { Place as OAuthPlace } from '../oauth/oauth-provider.ts';
import type { Found, Stored } from '../provider.ts';
import type { Answer, Client, GraphRequest } from './client.ts';
import { completeSeries } from './exceptions.ts';
import { foundOf } from './from-graph.ts';
import {
  calendarPath,
  checkClock,
  fieldOf,
  ITEM_QUERY,
  type Item,
  isSeries,
  itemRequest,
  keepItem,
  MASTER_QUERY,
  masterIdOf,
  type Series,
} from './item.ts';

export interface Place extends OAuthPlace<Client> {
  /** Masters of series that were seen to have exceptions, lest a list of them that stays empty is believed. */
  readonly withExceptions: Set<string>;
}

/** Notes which series have exceptions by what is stored of them: nothing but an exception names its master. */
export function expectExceptions({ withExceptions }: Place, stored: readonly Stored[]): void {
  for (const { resource, data } of stored) if (data.includes('"seriesMasterId"')) withExceptions.add(resource);
}

export interface ListPage {
  readonly rows: readonly unknown[];
  readonly date: number | null;
  /** On the last page of a delta round only. */
  readonly deltaLink: string | null;
}

/** A listing to its last page; pages may be empty. @throws SyncError what `asError` makes of a failure */
export async function* listPages(
  place: Pick<Place, 'client'>,
  first: GraphRequest,
  asError: (error: unknown) => unknown = (error) => error,
): AsyncGenerator<ListPage> {
  const seen = new Set<string>();
  let request: GraphRequest | null = first;
  while (request !== null) {
    const { data, date }: Answer = await place.client.send(request).catch((error: unknown) => {
      throw asError(error);
    });
    const rows = fieldOf(data, 'value');
    const [next, deltaLink]: unknown[] = [fieldOf(data, '@odata.nextLink'), fieldOf(data, '@odata.deltaLink')];
    if (!Array.isArray(rows)) throw new SyncError('unreachable', 'Graph answered without a listing');
    yield { rows, date, deltaLink: typeof deltaLink === 'string' ? deltaLink : null };
    if (typeof next !== 'string') return;
    if (seen.has(next) || seen.size >= MAX_PAGES)
      throw new SyncError('unreachable', 'Graph gave a listing that does not end');
    seen.add(next);
    request = { ...first, path: next };
  }
}

/** All single events and masters of the calendar. @throws SyncError `calendar-missing` */
export async function* listEvents(
  place: Place,
  query = ITEM_QUERY,
): AsyncGenerator<{ items: Item[]; date: number | null }> {
  const first = { path: `${calendarPath(place.calendarId)}/events?${query}&$top=${PAGE_SIZE}` };
  for await (const { rows, date } of listPages(place, first, calendarError)) {
    yield { items: rows.map(keepItem).filter((item) => item !== null && masterIdOf(item) === null) as Item[], date };
  }
}

/** One event or occurrence as it is now; null where the calendar has no such event. */
export async function fetchItem(place: Place, eventId: string): Promise<{ item: Item; date: number | null } | null> {
  try {
    return itemOf(await place.client.send(itemRequest(place.calendarId, eventId)));
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** A single event, or a master with its exceptions; null where the calendar has no such event. */
export async function fetchSeries(place: Place, eventId: string): Promise<Series | null> {
  const [series] = [...(await fetchMany(place, [eventId])).values()];
  return series ?? null;
}

/**
 * Events by id, in few round trips; null for what the calendar has not. The id of an occurrence gives its series, under
 * the master's id.
 */
export async function fetchMany(place: Place, ids: readonly string[]): Promise<Map<string, Series | null>> {
  const result = new Map<string, Series | null>();
  const masters = new Map<string, number | null>();
  const asked = [...new Set(ids)];
  for (const [at, answer] of (
    await place.client.batch(asked.map((id) => itemRequest(place.calendarId, id)))
  ).entries()) {
    if (answer instanceof SyncError) {
      if (!isGone(answer)) throw answer;
      result.set(asked[at]!, null);
      continue;
    }
    const { item, date } = itemOf(answer);
    const masterId = masterIdOf(item) ?? (isSeries(item) ? item.id : null);
    if (masterId === null) result.set(item.id, checkClock({ master: item, exceptions: {}, cancelled: [] }, date));
    else masters.set(masterId, date);
  }
  const series = await fetchMasters(place, [...masters.keys()]);
  for (const [id, one] of series) result.set(id, one);
  return result;
}

/** Masters with their exceptions and deleted occurrences; null for what the calendar has not (any more). */
export async function fetchMasters(place: Place, ids: readonly string[]): Promise<Map<string, Series | null>> {
  const result = new Map<string, Series | null>();
  const answers = await place.client.batch(ids.map((id) => itemRequest(place.calendarId, id, MASTER_QUERY)));
  for (const [at, answer] of answers.entries()) {
    const id = ids[at]!;
    // Where the lists of exceptions are not to be had the question is a wrong one.
    if (answer instanceof SyncError && answer.status === 400) {
      const plain = await fetchItem(place, id);
      result.set(id, plain && checkClock(await completeSeries(place, plain.item, null), plain.date));
    } else if (answer instanceof SyncError) {
      if (!isGone(answer)) throw answer;
      result.set(id, null);
    } else {
      const { item, date } = itemOf(answer);
      result.set(id, checkClock(await completeSeries(place, item, answer.data), date));
    }
  }
  return result;
}

/** Events by resource. Gone is what the calendar does not know by name although it answers itself, asked twice. */
export async function getResources(
  place: Place,
  resources: readonly string[],
): Promise<Map<string, readonly Found[] | 'gone'>> {
  const result = new Map<string, readonly Found[] | 'gone'>();
  let open = [...new Set(resources)];
  for (let attempt = 0; open.length > 0 && attempt < 2; attempt++) {
    if (attempt > 0) {
      // A 404 is proof only while the calendar itself answers, and only when no replica lags behind.
      await checkCalendar(place);
      await pause(LAG_MS, place.signal);
    }
    const series = await fetchMany(place, open);
    for (const resource of open) {
      const one = series.get(resource);
      if (one) result.set(resource, [foundOf(one, place.setting)]);
    }
    // What was answered under another name is there: it proves nothing, and stays without an answer.
    open = open.filter((resource) => series.get(resource) === null);
  }
  for (const resource of open) result.set(resource, 'gone');
  return result;
}

/** @throws SyncError `calendar-missing` where the calendar itself does not answer */
export async function checkCalendar(place: Place): Promise<void> {
  await place.client.send({ path: `${calendarPath(place.calendarId)}?$select=id` }).catch((error: unknown) => {
    throw calendarError(error);
  });
}

/** The event in an answer. @throws SyncError `unreachable` where it holds none */
export function itemOf({ data, date }: Answer): { item: Item; date: number | null } {
  const item = keepItem(data);
  if (!item) throw new SyncError('unreachable', 'Graph answered without an event');
  return { item, date };
}

/** Whether the answer was that there is no such event: an id that nobody ever had counts, too. */
export function isGone(error: unknown): boolean {
  return (
    error instanceof SyncError &&
    (error.kind === 'gone' ||
      (error.status === 400 && /^(?:ErrorInvalidIdMalformed|ErrorCalendarOccurrence\w+)$/i.test(error.reason ?? '')))
  );
}

/** 404 and 403 of a listing are about the calendar. */
export function calendarError(error: unknown): unknown {
  if (!(error instanceof SyncError) || (error.kind !== 'forbidden' && error.status !== 404 && !isGone(error)))
    return error;
  const { status, reason } = error;
  if (status === 410 || error.kind === 'auth') return error;
  return new SyncError('calendar-missing', `the Microsoft calendar answers ${status}`, {
    ...(status === undefined ? {} : { status }),
    ...(reason === undefined ? {} : { reason }),
  });
}

export const LAG_MS = 1000;
const PAGE_SIZE = 200;
const MAX_PAGES = 2000;
