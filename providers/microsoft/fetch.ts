/** Reads single events and whole series of one calendar. */
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import type { Found, Stored } from '../provider.ts';
import { completeSeries } from './exceptions.ts';
import { foundOf } from './from-graph.ts';
import { checkClock, type Item, isSeries, masterIdOf, type Series } from './item.ts';
import { checkCalendar, type GraphCalendar, isGone, itemOf } from './listing.ts';
import { itemRequest, MASTER_QUERY } from './requests.ts';

/** Notes which series have exceptions by what is stored of them: nothing but an exception names its master. */
export function expectExceptions({ withExceptions }: GraphCalendar, stored: readonly Stored[]): void {
  for (const { resource, data } of stored) if (data.includes('"seriesMasterId"')) withExceptions.add(resource);
}

/** One event or occurrence as it is now; null where the calendar has no such event. */
export async function fetchItem(
  place: GraphCalendar,
  eventId: string,
): Promise<{ item: Item; date: number | null } | null> {
  try {
    return itemOf(await place.client.send(itemRequest(place.calendarId, eventId)));
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** A single event, or a master with its exceptions; null where the calendar has no such event. */
export async function fetchSeries(place: GraphCalendar, eventId: string): Promise<Series | null> {
  const [series] = [...(await fetchMany(place, [eventId])).values()];
  return series ?? null;
}

/**
 * Events by id, in few round trips; null for what the calendar has not. The id of an occurrence gives its series, under
 * the master's id.
 */
export async function fetchMany(place: GraphCalendar, ids: readonly string[]): Promise<Map<string, Series | null>> {
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
export async function fetchMasters(place: GraphCalendar, ids: readonly string[]): Promise<Map<string, Series | null>> {
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
  place: GraphCalendar,
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

export const LAG_MS = 1000;
