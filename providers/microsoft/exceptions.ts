/**
 * The exceptions of a series: from the lists that come with its master, else from its occurrences over some years.
 * There, a deleted occurrence is nothing but a gap, and some have seen exceptions left out, so every gap is asked for
 * by its name.
 */

import { expandOccurrences } from '../../core/recurrence/expand.ts';
import { instantOfId, occurrenceStart } from '../../core/recurrence/occurrence.ts';
import { SyncError } from '../../core/sync-error.ts';
import { readSeries } from './from-graph.ts';
import { cancelledDate, fieldOf, type Item, keepItem, masterIdOf, occurrenceName, type Series } from './item.ts';
import { type GraphCalendar, isGone, itemOf, listPages } from './listing.ts';
import { eventPath, ITEM_QUERY, itemRequest } from './requests.ts';
import { readOccurrence } from './times.ts';

/** `data` is the answer to `MASTER_QUERY`; null where there was none. */
export async function completeSeries(place: GraphCalendar, master: Item, data: unknown): Promise<Series> {
  const [listed, cancelled] = [fieldOf(data, 'exceptionOccurrences'), fieldOf(data, 'cancelledOccurrences')];
  const items = Array.isArray(listed)
    ? ([...listed, ...(await restOf(place, data))]
        .map(keepItem)
        .filter((item) => item !== null && masterIdOf(item) === master.id) as Item[])
    : [];
  const isMissing = items.length === 0 && place.withExceptions.has(master.id);
  if (!Array.isArray(listed) || !Array.isArray(cancelled) || isMissing) return fromInstances(place, master);
  const dates = cancelled
    .map(cancelledDate)
    .filter((date) => date !== null)
    .sort();
  return {
    master,
    exceptions: Object.fromEntries(items.map((item) => [item.id, item])),
    cancelled: [...new Set(dates)],
  };
}

/** A long list of exceptions may come in pages, as any other. */
async function restOf(place: GraphCalendar, data: unknown): Promise<unknown[]> {
  const path = fieldOf(data, 'exceptionOccurrences@odata.nextLink');
  const rest: unknown[] = [];
  if (typeof path === 'string') for await (const { rows } of listPages(place, { path })) rest.push(...rows);
  return rest;
}

/** The occurrences of a series that touch a time, by Graph's own reckoning. */
export async function fetchInstances(
  place: GraphCalendar,
  masterId: string,
  fromMs: number,
  toMs: number,
): Promise<Item[]> {
  const bounds = `startDateTime=${new Date(fromMs).toISOString()}&endDateTime=${new Date(toMs).toISOString()}`;
  const items: Item[] = [];
  for await (const { rows } of listPages(place, {
    path: `${eventPath(place.calendarId, masterId)}/instances?${bounds}&${ITEM_QUERY}&$top=500`,
  })) {
    items.push(...(rows.map(keepItem).filter((item) => item !== null) as Item[]));
  }
  return items;
}

const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
/** Graph allows five years. */
const MAX_RANGE_MS = 1820 * DAY_MS;
const BACK_MS = 2 * YEAR_MS;
const MAX_OCCURRENCES = 2000;
const BUDGET_STEPS = 200_000;

async function fromInstances(place: GraphCalendar, master: Item): Promise<Series> {
  const bare: Series = { master, exceptions: {}, cancelled: [] };
  const { event } = readSeries(bare, place.setting);
  if (!event?.recurrence) return bare;
  const startMs = instantOfId(
    readOccurrence({ ...master, originalStart: fieldOf(master['start'], 'dateTime') + 'Z' }, event.when)!,
  );
  const fromMs = Math.max(startMs - DAY_MS, Date.now() - BACK_MS);
  const toMs = fromMs + MAX_RANGE_MS;
  const items = await fetchInstances(place, master.id, fromMs, toMs);
  const shown = new Set(items.map((item) => readOccurrence(item, event.when)));
  const { ids } = expandOccurrences(event, fromMs + DAY_MS, toMs - DAY_MS, MAX_OCCURRENCES, BUDGET_STEPS);
  const gaps = ids.filter((id) => !shown.has(id)).map((id) => occurrenceStart(id, event.when).slice(0, 10));
  const exceptions = new Map(items.filter((item) => item['type'] === 'exception').map((item) => [item.id, item]));
  const cancelled: string[] = [];
  const answers = await place.client.batch(
    gaps.map((date) => itemRequest(place.calendarId, occurrenceName(master.id, date))),
  );
  for (const [at, answer] of answers.entries()) {
    if (answer instanceof SyncError) {
      if (!isGone(answer)) throw answer;
      cancelled.push(gaps[at]!);
    } else {
      const { item } = itemOf(answer);
      if (item['type'] === 'exception') exceptions.set(item.id, item);
    }
  }
  return { master, exceptions: Object.fromEntries(exceptions), cancelled };
}
