/** Reads single events and whole series of one calendar. */
import { SyncError } from '../../core/sync-error.ts';
import { type Answers, fetchOrConfirmGone } from '../confirm-gone.ts';
import type { Stored } from '../provider.ts';
import { completeSeries } from './exceptions.ts';
import { foundOf } from './from-graph.ts';
import { checkClock, type Item, isSeries, masterIdOf, type Series } from './item.ts';
import { checkCalendar, type GraphCalendar, isGone, itemOf } from './listing.ts';
import { itemRequest, MASTER_QUERY } from './requests.ts';

/** Remembers which series have exceptions, by their stored data: only exceptions name a master. */
export function expectExceptions({ withExceptions }: GraphCalendar, stored: readonly Stored[]): void {
  for (const { resource, data } of stored) if (data.includes('"seriesMasterId"')) withExceptions.add(resource);
}

/** One event or occurrence as it is now; null where the calendar does not have it. */
export async function fetchItem(
  calendar: GraphCalendar,
  eventId: string,
): Promise<{ item: Item; date: number | null } | null> {
  try {
    return itemOf(await calendar.client.send(itemRequest(calendar.calendarId, eventId)));
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** A single event, or a master with its exceptions; null where the calendar does not have it. */
export async function fetchSeries(calendar: GraphCalendar, eventId: string): Promise<Series | null> {
  const [series] = [...(await fetchMany(calendar, [eventId])).values()];
  return series ?? null;
}

/**
 * Events by id, in few round trips; null for those that the calendar does not have. The id of an occurrence gives its
 * series, under the master's id.
 */
export async function fetchMany(calendar: GraphCalendar, ids: readonly string[]): Promise<Map<string, Series | null>> {
  const result = new Map<string, Series | null>();
  const masters = new Map<string, number | null>();
  const names = [...new Set(ids)];
  const answers = await calendar.client.batch(names.map((id) => itemRequest(calendar.calendarId, id)));
  for (const [at, answer] of answers.entries()) {
    if (answer instanceof SyncError) {
      if (!isGone(answer)) throw answer;
      result.set(names[at]!, null);
      continue;
    }
    const { item, date } = itemOf(answer);
    const masterId = masterIdOf(item) ?? (isSeries(item) ? item.id : null);
    if (masterId === null) result.set(item.id, checkClock({ master: item, exceptions: {}, cancelled: [] }, date));
    else masters.set(masterId, date);
  }
  const series = await fetchMasters(calendar, [...masters.keys()]);
  for (const [id, one] of series) result.set(id, one);
  return result;
}

/** Masters with their exceptions and deleted occurrences; null for those that the calendar does not have. */
export async function fetchMasters(
  calendar: GraphCalendar,
  ids: readonly string[],
): Promise<Map<string, Series | null>> {
  const result = new Map<string, Series | null>();
  const answers = await calendar.client.batch(ids.map((id) => itemRequest(calendar.calendarId, id, MASTER_QUERY)));
  for (const [at, answer] of answers.entries()) {
    const id = ids[at]!;
    // A service without lists of exceptions answers 400 to this request.
    if (answer instanceof SyncError && answer.status === 400) {
      const plain = await fetchItem(calendar, id);
      result.set(id, plain && checkClock(await completeSeries(calendar, plain.item, null), plain.date));
    } else if (answer instanceof SyncError) {
      if (!isGone(answer)) throw answer;
      result.set(id, null);
    } else {
      const { item, date } = itemOf(answer);
      result.set(id, checkClock(await completeSeries(calendar, item, answer.data), date));
    }
  }
  return result;
}

/** Events by resource. An event is gone when the calendar twice does not know its name, and answers itself. */
export async function getResources(calendar: GraphCalendar, resources: readonly string[]): Promise<Answers> {
  return fetchOrConfirmGone(
    resources,
    async (names, answers) => {
      const series = await fetchMany(calendar, names);
      for (const name of names) {
        const one = series.get(name);
        if (one) answers.set(name, [foundOf(one, calendar.setting)]);
      }
      // An event that was answered under another name exists: it proves nothing, and gets no answer here.
      return names.filter((name) => series.get(name) === null);
    },
    () => checkCalendar(calendar),
    calendar.signal,
  );
}
