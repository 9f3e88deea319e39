/**
 * The exceptions of a series: from the lists that come with its master, else from its occurrences over some years.
 * There a deleted occurrence is a gap. Exceptions were seen to be missing as well, so every gap is fetched by name.
 */

import { expandOccurrences } from '../../core/recurrence/expand.ts';
import { instantOfId, occurrenceStart } from '../../core/recurrence/occurrence.ts';
import { SyncError } from '../../core/sync-error.ts';
import { readSeries } from './from-graph.ts';
import { cancelledDate, fieldOf, type Item, masterIdOf, occurrenceName, pickItem, type Series } from './item.ts';
import { type GraphCalendar, isGone, itemOf, listPages } from './listing.ts';
import { eventPath, instanceQueries, itemQuery, itemRequest } from './requests.ts';
import { readOccurrence } from './times.ts';

/** `data` is the answer to one of `masterQueries`; null where Graph did not accept it. */
export async function completeSeries(calendar: GraphCalendar, master: Item, data: unknown): Promise<Series> {
  const [listed, cancelled] = [fieldOf(data, 'exceptionOccurrences'), fieldOf(data, 'cancelledOccurrences')];
  const items = Array.isArray(listed)
    ? ([...listed, ...(await restOf(calendar, data))]
        .map((row) => pickItem(row, calendar.moreFields))
        .filter((item) => item !== null && masterIdOf(item) === master.id) as Item[])
    : [];
  const isDoubtful = items.length === 0 && mayHaveExceptions(calendar, master);
  if (!Array.isArray(listed) || !Array.isArray(cancelled) || isDoubtful) return fromInstances(calendar, master);
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

export function listsExceptions(data: unknown): boolean {
  const listed = fieldOf(data, 'exceptionOccurrences');
  return Array.isArray(listed) && listed.length > 0;
}

/** Whether an empty list of exceptions is not enough to know that a series has none. */
function mayHaveExceptions({ withExceptions, versions, support }: GraphCalendar, { id, etag }: Item): boolean {
  const before = versions.get(id);
  return withExceptions.has(id) || (!support.exceptionLists && before !== undefined && before !== etag);
}

/** A long list of exceptions comes in pages. */
async function restOf(calendar: GraphCalendar, data: unknown): Promise<unknown[]> {
  const path = fieldOf(data, 'exceptionOccurrences@odata.nextLink');
  const rest: unknown[] = [];
  if (typeof path === 'string') for await (const { rows } of listPages(calendar, { path })) rest.push(...rows);
  return rest;
}

/** The occurrences of a series that touch a time, as Graph expands them. */
export async function fetchInstances(
  calendar: GraphCalendar,
  masterId: string,
  fromMs: number,
  toMs: number,
): Promise<Item[]> {
  const bounds = `startDateTime=${new Date(fromMs).toISOString()}&endDateTime=${new Date(toMs).toISOString()}`;
  const path = `${eventPath(calendar.calendarId, masterId)}/instances?${bounds}`;
  const fetchWith = async (query: string): Promise<Item[]> => {
    const items: Item[] = [];
    for await (const { rows } of listPages(calendar, { path: `${path}&${query}&$top=500` }))
      items.push(...(rows.map((row) => pickItem(row, calendar.moreFields)).filter((item) => item !== null) as Item[]));
    return items;
  };
  const [query, plainQuery] = instanceQueries(calendar.moreFields) as [string, string];
  if (!calendar.support.occurrenceNames) return fetchWith(plainQuery);
  try {
    return await fetchWith(query);
  } catch (error) {
    if (!(error instanceof SyncError) || error.status !== 400 || isGone(error)) throw error;
    calendar.support.occurrenceNames = false;
    return fetchWith(plainQuery);
  }
}

const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
/** Graph allows five years. */
const MAX_RANGE_MS = 1820 * DAY_MS;
const BACK_MS = 2 * YEAR_MS;
const MAX_OCCURRENCES = 2000;
const BUDGET_STEPS = 200_000;

async function fromInstances(calendar: GraphCalendar, master: Item): Promise<Series> {
  const bare: Series = { master, exceptions: {}, cancelled: [] };
  const { event } = readSeries(bare, calendar.setting);
  if (!event?.recurrence) return bare;
  const startMs = instantOfId(
    readOccurrence({ ...master, originalStart: fieldOf(master['start'], 'dateTime') + 'Z' }, event.when)!,
  );
  const fromMs = Math.max(startMs - DAY_MS, Date.now() - BACK_MS);
  const toMs = fromMs + MAX_RANGE_MS;
  const items = await fetchInstances(calendar, master.id, fromMs, toMs);
  const present = new Set(items.map((item) => readOccurrence(item, event.when)));
  const { ids } = expandOccurrences(event, fromMs + DAY_MS, toMs - DAY_MS, MAX_OCCURRENCES, BUDGET_STEPS);
  const gaps = ids.filter((id) => !present.has(id)).map((id) => occurrenceStart(id, event.when).slice(0, 10));
  const exceptions = new Map(items.filter((item) => item['type'] === 'exception').map((item) => [item.id, item]));
  const cancelled: string[] = [];
  const answers = await calendar.client.batch(
    gaps.map((date) =>
      itemRequest(calendar.calendarId, occurrenceName(master.id, date), itemQuery(calendar.moreFields)),
    ),
  );
  for (const [at, answer] of answers.entries()) {
    if (answer instanceof SyncError) {
      if (!isGone(answer)) throw answer;
      cancelled.push(gaps[at]!);
    } else {
      const { item } = itemOf(calendar, answer);
      if (item['type'] === 'exception')
        exceptions.set(item.id, { ...item, occurrenceId: occurrenceName(master.id, gaps[at]!) });
    }
  }
  return { master, exceptions: Object.fromEntries(exceptions), cancelled };
}
