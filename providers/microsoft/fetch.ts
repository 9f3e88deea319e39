/** Reads single events and whole series of one calendar. */
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { type Answers, fetchOrConfirmGone, LAG_MS } from '../confirm-gone.ts';
import type { Found, Stored } from '../provider.ts';
import type { Answer, GraphRequest } from './client.ts';
import { completeSeries, listsExceptions } from './exceptions.ts';
import { foundOf, mayHideDetails } from './from-graph.ts';
import { checkClock, fieldOf, type Item, isSeries, masterIdOf, pickItem, type Series } from './item.ts';
import { checkCalendar, type GraphCalendar, isGone, isServersFault, itemOf, withoutEvent } from './listing.ts';
import { calendarPath, eventPath, itemQuery, itemRequest, masterQueries } from './requests.ts';

/** Remembers the versions of series, and which have exceptions, by their stored data: only exceptions name a master. */
export function expectExceptions(
  { withExceptions, versions }: GraphCalendar,
  ids: readonly string[],
  stored: readonly Stored[],
): void {
  for (const id of ids) versions.set(id, null);
  for (const { resource, version, data } of stored) {
    versions.set(resource, version);
    if (data.includes('"seriesMasterId"')) withExceptions.add(resource);
  }
}

/** One event or occurrence as it is now; null where the calendar does not have it. */
export async function fetchItem(
  calendar: GraphCalendar,
  eventId: string,
): Promise<{ item: Item; date: number | null } | null> {
  try {
    return itemOf(
      calendar,
      await calendar.client.send(itemRequest(calendar.calendarId, eventId, itemQuery(calendar.moreFields))),
    );
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** The item with its description as HTML. @throws SyncError `stale` where the event has changed since; `gone` */
export async function withHtml({ client, calendarId }: GraphCalendar, item: Item): Promise<Item> {
  const { data } = await client.send({ path: `${eventPath(calendarId, item.id)}?$select=id,body`, asHtml: true });
  const fresh = pickItem(data);
  if (fresh?.etag !== item.etag) throw new SyncError('stale', 'the event changed before it was written');
  return { ...item, body: fresh?.['body'] };
}

/** The calendar has the event, but the service fails for it: nothing is known of its present state. */
export const UNREAD = 'unread';
export type Fetched = Series | null | typeof UNREAD;

/**
 * A single event, or a master with its exceptions; null where the calendar does not have it.
 * @throws SyncError `unreachable` where the service fails for this event
 */
export async function fetchSeries(calendar: GraphCalendar, eventId: string): Promise<Series | null> {
  const [series = null] = [...(await fetchMany(calendar, [eventId])).values()];
  if (series === UNREAD) throw new SyncError('unreachable', 'Graph fails for one event');
  return series;
}

/**
 * Events by id, in few round trips; null for those that the calendar does not have. The id of an occurrence gives its
 * series, under the master's id.
 */
export async function fetchMany(calendar: GraphCalendar, ids: readonly string[]): Promise<Map<string, Fetched>> {
  const result = new Map<string, Fetched>();
  const masters = new Set<string>();
  const names = [...new Set(ids)];
  const answers = await askEach(
    calendar,
    names.map((id) => itemRequest(calendar.calendarId, id, itemQuery(calendar.moreFields))),
  );
  for (const [at, answer] of answers.entries()) {
    if (answer instanceof SyncError) {
      result.set(names[at]!, isGone(answer) ? null : UNREAD);
      continue;
    }
    const { item, date } = itemOf(calendar, answer);
    const masterId = masterIdOf(item) ?? (isSeries(item) ? item.id : null);
    if (masterId === null) result.set(item.id, checkClock({ master: item, exceptions: {}, cancelled: [] }, date));
    else masters.add(masterId);
  }
  const series = await fetchMasters(calendar, [...masters]);
  for (const [id, one] of series) result.set(id, one);
  return result;
}

/** Masters with their exceptions and deleted occurrences; null for those that the calendar does not have. */
export async function fetchMasters(calendar: GraphCalendar, ids: readonly string[]): Promise<Map<string, Fetched>> {
  const result = new Map<string, Fetched>();
  const [query, plainQuery] = masterQueries(calendar.moreFields) as [string, string];
  const isRefused = (answer: Answer | SyncError): boolean =>
    answer instanceof SyncError && answer.status === 400 && !isGone(answer);
  const ask = (names: readonly string[], how: string) =>
    askEach(
      calendar,
      names.map((id) => itemRequest(calendar.calendarId, id, how)),
    );
  const answers = await ask(ids, calendar.support.occurrenceNames ? query : plainQuery);
  const refused = calendar.support.occurrenceNames ? [...answers.keys()].filter((at) => isRefused(answers[at]!)) : [];
  if (refused.length > 0) {
    const again = await ask(
      refused.map((at) => ids[at]!),
      plainQuery,
    );
    if (again.some((answer) => !isRefused(answer))) calendar.support.occurrenceNames = false;
    for (const [at, answer] of again.entries()) answers[refused[at]!] = answer;
  }
  if (answers.some((answer) => !(answer instanceof SyncError) && listsExceptions(answer.data)))
    calendar.support.exceptionLists = true;
  for (const [at, answer] of answers.entries()) {
    const id = ids[at]!;
    try {
      // A service without lists of exceptions answers 400 to these requests.
      if (isRefused(answer)) {
        const plain = await fetchItem(calendar, id);
        result.set(id, plain && checkClock(await completeSeries(calendar, plain.item, null), plain.date));
      } else if (answer instanceof SyncError) {
        result.set(id, isGone(answer) ? null : UNREAD);
      } else {
        const { item, date } = itemOf(calendar, answer);
        result.set(id, checkClock(await completeSeries(calendar, item, answer.data), date));
      }
    } catch (error) {
      // The master is there, and what belongs to it is not.
      if (!isOwnFault(error) && !isGone(error)) throw error;
      await checkCalendar(calendar);
      result.set(id, UNREAD);
    }
  }
  return result;
}

/** Requests for one event each. The service has failed for some of them twice, while the calendar itself answers. */
async function askEach(calendar: GraphCalendar, requests: readonly GraphRequest[]): Promise<(Answer | SyncError)[]> {
  const ask = async (some: readonly GraphRequest[]): Promise<(Answer | SyncError)[]> =>
    (await calendar.client.batch(some)).map((answer) =>
      answer instanceof SyncError || pickItem(answer.data) ? answer : withoutEvent(answer.status),
    );
  const answers = await ask(requests);
  const failed = [...answers.keys()].filter((at) => isServersFault(answers[at]));
  const fatal = answers.find((answer) => answer instanceof SyncError && !isGone(answer) && !isOwnFault(answer));
  if (fatal) throw fatal as SyncError;
  if (failed.length === 0) return answers;
  await checkCalendar(calendar);
  await pause(LAG_MS, calendar.signal);
  const again = await ask(failed.map((at) => requests[at]!));
  // The whole service fails.
  if (failed.length > MANY && again.every(isServersFault)) throw again[0] as SyncError;
  for (const [at, answer] of again.entries()) answers[failed[at]!] = answer;
  return answers;
}

const MANY = 20;

/** A failure that is about the one event which was requested. */
function isOwnFault(error: unknown): boolean {
  return (
    isServersFault(error) || (error instanceof SyncError && ['rejected', 'forbidden', 'too-large'].includes(error.kind))
  );
}

/**
 * Events as they are found. Where some show nothing of what may be private, the calendar is asked whether the account
 * may see that (`canViewPrivateItems`): in its own calendar it may, and in a shared one only if the owner says so.
 */
export async function foundAll(calendar: GraphCalendar, all: readonly Series[]): Promise<Found[]> {
  let isHiding = false;
  if (all.some(mayHideDetails)) {
    const path = `${calendarPath(calendar.calendarId)}?$select=id,canViewPrivateItems`;
    isHiding = fieldOf((await calendar.client.send({ path })).data, 'canViewPrivateItems') === false;
  }
  return all.map((series) =>
    foundOf(isHiding && mayHideDetails(series) ? { ...series, hidden: true } : series, calendar.setting),
  );
}

/** Events by resource. An event is gone when the calendar twice does not know its name, and answers itself. */
export async function getResources(calendar: GraphCalendar, resources: readonly string[]): Promise<Answers> {
  return fetchOrConfirmGone(
    resources,
    async (names, answers) => {
      const series = await fetchMany(calendar, names);
      const shown = [...series].flatMap(([id, one]) => (one && one !== UNREAD ? [{ id, one }] : []));
      const found = await foundAll(
        calendar,
        shown.map(({ one }) => one),
      );
      const byId = new Map(shown.map(({ id }, at) => [id, found[at]!]));
      for (const name of names) if (byId.has(name)) answers.set(name, [byId.get(name)!]);
      // One that cannot be read, or was answered under another name, exists: it gets no answer here.
      return names.filter((name) => series.get(name) === null);
    },
    () => checkCalendar(calendar),
    calendar.signal,
  );
}
