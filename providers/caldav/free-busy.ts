/**
 * When the owner of an account is busy. The events are read and expanded here. A server's own `free-busy-query` is used
 * only where the events cannot be read: it was seen to be wrong, so that a host would be booked twice
 * (docs/decisions.md, "Free and busy").
 */
import { busySpans, type FreeBusyView, STEPS_PER_QUERY } from '../../core/availability/busy-time.ts';
import { clipSpans, type Interval, intervalOf, mergeSpans, type Span } from '../../core/availability/interval.ts';
import { readBusySources, readFreeBusy } from '../../core/ical/free-busy.ts';
import { TooLarge } from '../../core/ical/text.ts';
import type { Budget } from '../../core/recurrence/expand.ts';
import { instantId } from '../../core/recurrence/occurrence.ts';
import { SyncError } from '../../core/sync-error.ts';
import { busyTimesOf } from '../busy-times.ts';
import type { CalendarInfo } from '../provider.ts';
import { TookTooLong } from '../reading/pool.ts';
import { giveTurn, mayRead, readApart } from '../reading/reading.ts';
import { bodyText, type DavClient, errorOf, multistatusOf, type XmlBody } from './client.ts';
import { canonicalPath, pathOf } from './hrefs.ts';
import { BATCH, type Collection, checkCalendar, fetchObjects } from './objects.ts';
import type { Member } from './xml.ts';

/**
 * @param calendars of the account: all or the chosen ones
 * @param view its `zone` is for calendars without one
 * @param except paths of events that do not count
 */
export async function freeBusy(
  client: DavClient,
  calendars: readonly CalendarInfo[],
  view: FreeBusyView,
  except: readonly string[] = [],
): Promise<Interval[]> {
  const budget = { steps: STEPS_PER_QUERY };
  const excepted = new Set(except.map(canonicalPath));
  return busyTimesOf(calendars, intervalOf(view.range), ({ id, timeZone }, range) =>
    calendarBusy(
      { client, url: new URL(id), except: excepted },
      { ...view, range, zone: timeZone ?? view.zone },
      budget,
    ),
  );
}

const DAY_MS = 86_400_000;
/**
 * Servers store the end of an endless series as a date in 2037 or 2038, and find nothing after it. From here on all
 * events are read.
 */
const LAST_INDEXED = Date.UTC(2037, 0, 1);

interface BusyCollection extends Collection {
  readonly except: ReadonlySet<string>;
}

async function calendarBusy(collection: BusyCollection, view: FreeBusyView, budget: Budget): Promise<Span[]> {
  const objects = await objectsIn(collection, view.range);
  if (objects === 'refused') return serverBusy(collection, view.range);
  if (objects === 'too-many') {
    const { from, to } = view.range;
    if (to - from <= DAY_MS) throw new SyncError('too-large', 'one day has too many events to read');
    const middle = from + Math.ceil((to - from) / 2);
    const first = await calendarBusy(collection, { ...view, range: { from, to: middle } }, budget);
    return [...first, ...(await calendarBusy(collection, { ...view, range: { from: middle, to } }, budget))];
  }
  const found: Span[][] = [];
  let isAllRead = true;
  for (const text of objects) {
    await giveTurn();
    const mayBeRead =
      text !== null && (await mayRead('object', { text, floatingZone: view.zone }, collection.url.href));
    const spans =
      (mayBeRead ? objectBusy(text, view, budget) : null) ??
      (text === null ? null : await largeObjectBusy(text, view, budget, collection.url.href));
    isAllRead &&= spans !== null;
    found.push(spans ?? []);
  }
  if (!isAllRead) found.push(await serverBusyOfUnread(collection, view.range));
  return mergeSpans(found.flat());
}

/** Null for an object that is too large to be read. */
function objectBusy(text: string, view: FreeBusyView, budget: Budget): Span[] | null {
  try {
    const sources = readBusySources(text, { floatingZone: view.zone });
    return sources.flatMap((source) => busySpans(source, view, budget));
  } catch (error) {
    if (error instanceof TooLarge) return null;
    throw error;
  }
}

/** Of an object that is too large to be read, by what it says about time; null if there is too much of that, too. */
async function largeObjectBusy(
  text: string,
  view: FreeBusyView,
  budget: Budget,
  owner: string,
): Promise<Span[] | null> {
  try {
    const parts = (await readApart('times', { text, own: [...view.own] }, owner, text.length)) as string[] | null;
    const found: Span[][] = [];
    for (const part of parts ?? []) {
      await giveTurn();
      const spans = objectBusy(part, view, budget);
      if (spans === null) return null;
      found.push(mergeSpans(spans));
    }
    return parts && found.flat();
  } catch (error) {
    if (error instanceof TookTooLong) return null;
    throw error;
  }
}

/**
 * The server's own answer about a calendar with an object that cannot be read here, because no unknown time is free.
 * @throws SyncError `too-large` where the server has none
 */
async function serverBusyOfUnread(collection: Collection, range: Span): Promise<Span[]> {
  try {
    return await serverBusy(collection, range);
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind === 'throttled') throw error;
    throw new SyncError('too-large', 'an event cannot be read', { cause: error });
  }
}

/** @throws SyncError `too-large` for an answer that takes too long to read */
function serverSpans(text: string): Span[] | null {
  try {
    return readFreeBusy(text);
  } catch (error) {
    throw error instanceof TooLarge ? new SyncError('too-large', error.message) : error;
  }
}

/** The texts of all objects that may be in the range; null for one that cannot be read. */
async function objectsIn(
  collection: BusyCollection,
  { from, to }: Span,
): Promise<(string | null)[] | 'refused' | 'too-many'> {
  // A day more on each side: servers disagree on where floating times and dates lie.
  const range = { 'c:time-range': { _attributes: { start: instantId(from - DAY_MS), end: instantId(to + DAY_MS) } } };
  const inRange = to > LAST_INDEXED ? 'refused' : await query(collection, range);
  // Xandikos refuses a range because of one strange event: then all events are read.
  const found = inRange === 'refused' ? await query(collection, {}) : inRange;
  if (typeof found === 'string') return found;
  if (found === inRange) {
    // Xandikos does not find a series by its RDATEs. Where this query is refused, the first answer counts.
    const withDates = await query(collection, { 'c:prop-filter': { _attributes: { name: 'RDATE' } } });
    if (typeof withDates !== 'string') for (const [path, text] of withDates) found.set(path, text);
  }
  return [...found].filter(([path]) => !collection.except.has(canonicalPath(path))).map(([, text]) => text);
}

async function query(
  collection: Collection,
  condition: XmlBody,
): Promise<Map<string, string | null> | 'refused' | 'too-many'> {
  const { client, url } = collection;
  const filter = {
    'c:comp-filter': {
      _attributes: { name: 'VCALENDAR' },
      'c:comp-filter': { _attributes: { name: 'VEVENT' }, ...condition },
    },
  };
  let answer;
  try {
    answer = await client.xml(
      'REPORT',
      url,
      { 'c:calendar-query': { 'd:prop': { 'd:getetag': {}, 'c:calendar-data': {} }, 'c:filter': filter } },
      '1',
    );
  } catch (error) {
    if (error instanceof SyncError && error.kind === 'too-large') return 'too-many';
    throw error;
  }
  if (answer.status === 507) return 'too-many';
  if (answer.status !== 207) {
    const error = errorOf(answer);
    // A server that does not support the query answers 4xx, 500 or 501; other failures are temporary.
    if (error?.kind === 'throttled' || answer.status < 400 || answer.status === 408 || answer.status > 501)
      throw error ?? new SyncError('unreachable', 'no multistatus', { status: answer.status });
    await checkCalendar(collection);
    return 'refused';
  }
  const { members } = await multistatusOf(answer);
  return members.some(({ status }) => status === 507) ? 'too-many' : textsOf(collection, members, answer.url);
}

/**
 * Objects that the report names without their data are fetched. Those that are gone by then take no time; what the
 * account may not see is an error.
 */
async function textsOf(
  collection: Collection,
  members: readonly Member[],
  base: URL,
): Promise<Map<string, string | null>> {
  const texts = new Map<string, string | null>();
  const left: string[] = [];
  for (const { href, status, props } of members) {
    const data = props.get('c:calendar-data')?.text ?? '';
    const path = pathOf(href, base);
    if (data.trim() !== '') texts.set(path ?? href, data);
    else if (path !== null && !path.endsWith('/') && status !== 404 && status !== 410) left.push(path);
  }
  for (let start = 0; start < left.length; start += BATCH) {
    for (const [path, object] of await fetchObjects(collection, left.slice(start, start + BATCH))) {
      if (object === 'missing') continue;
      if (object.withheld === 'forbidden')
        throw new SyncError('too-large', 'an event may not be read', { reason: object.withheld });
      texts.set(path, object.withheld === undefined ? object.data : null);
    }
  }
  return texts;
}

/** The server's own answer, for calendars that allow nothing else (`read-free-busy`). */
async function serverBusy(collection: Collection, range: Span): Promise<Span[]> {
  const { from, to } = range;
  const timeRange = {
    _attributes: { start: instantId(from - (from % 1000)), end: instantId(Math.ceil(to / 1000) * 1000) },
  };
  const answer = await collection.client.xml(
    'REPORT',
    collection.url,
    { 'c:free-busy-query': { 'c:time-range': timeRange } },
    '1',
  );
  const error = errorOf(answer);
  if (error !== null) throw error;
  const spans = serverSpans(bodyText(answer));
  if (spans === null)
    throw new SyncError('unreachable', 'the server sent no free/busy times', { status: answer.status });
  return clipSpans(spans, range);
}
