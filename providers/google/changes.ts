/**
 * What changed in a Google calendar since a sync token.
 *
 * Google lists items, not events: a master, and each of its exceptions, in any order, sometimes one without the other,
 * sometimes with nothing but an id. Here they become whole series again, with the help of the stored events.
 */
import { sameValue } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { LAG_MS } from '../confirm-gone.ts';
import type { ChangePage, Found, Stored, StoredEvents } from '../provider.ts';
import {
  checkCalendar,
  fetchExceptions,
  fetchMaster,
  type GoogleCalendar,
  isServersFault,
  listPages,
} from './fetch.ts';
import { foundOf, unreadOf } from './from-google.ts';
import {
  checkClock,
  type Item,
  isCancelled,
  isOlder,
  masterIdOf,
  parseSeries,
  type Series,
  versionOf,
} from './item.ts';

/**
 * One request when nothing changed.
 * @throws SyncError `calendar-missing` when the calendar itself answers 404 or 403
 */
export async function* readChanges(
  calendar: GoogleCalendar,
  cursor: string | null,
  storedEvents: StoredEvents,
): AsyncGenerator<ChangePage> {
  const last = readCursor(cursor, calendar.moreFields);
  const increment = last === null ? null : await readIncrement(calendar, last, storedEvents);
  if (increment) yield* increment;
  else yield* readEverything(calendar, storedEvents);
}

/** Changes with the parameters of the listing: a token is valid for these only. */
const CURSOR_PREFIX = 'g1:';
/** With events that are fetched again, as JSON. */
const AGAIN_PREFIX = 'g2:';
/** The same of pairs that store more of every event; as JSON. */
const MORE_PREFIX = 'g3:';
/** Then the next full listing has to do. */
const POLLS_AGAIN = 10;
const MAX_AGAIN = 50;

interface Cursor {
  readonly token: string;
  /** Events for which the service failed, and how many more polls fetch them again. */
  readonly again: readonly string[];
  readonly left: number;
  readonly more?: readonly string[];
}

/** Null where events were stored with other fields. */
function readCursor(text: string | null, fields: readonly string[]): Cursor | null {
  const cursor = parseCursor(text);
  return sameValue(cursor?.more ?? [], fields) ? cursor : null;
}

function parseCursor(text: string | null): Cursor | null {
  if (text?.startsWith(CURSOR_PREFIX)) return { token: text.slice(CURSOR_PREFIX.length), again: [], left: 0 };
  if (!text?.startsWith(AGAIN_PREFIX) && !text?.startsWith(MORE_PREFIX)) return null;
  try {
    const { token, again, left, more = [] } = JSON.parse(text.slice(AGAIN_PREFIX.length)) as Cursor;
    return typeof token === 'string' && Array.isArray(again) ? { token, again, left: Number(left), more } : null;
  } catch {
    return null;
  }
}

function writeCursor(
  token: string,
  fields: readonly string[],
  unread: readonly string[] = [],
  last: Pick<Cursor, 'again' | 'left'> = { again: [], left: 0 },
): string {
  const again = unread.slice(0, MAX_AGAIN);
  const left = again.every((id) => last.again.includes(id)) ? last.left - 1 : POLLS_AGAIN;
  const isPlain = again.length === 0 || left <= 0;
  const rest = isPlain ? { again: [], left: 0 } : { again, left };
  if (fields.length > 0) return MORE_PREFIX + JSON.stringify({ token, ...rest, more: fields } satisfies Cursor);
  return isPlain ? CURSOR_PREFIX + token : AGAIN_PREFIX + JSON.stringify({ token, ...rest } satisfies Cursor);
}

const CHUNK = 500;
/** When more series than this came in parts, one full listing is cheaper than completing each. */
const MAX_COMPLETIONS = 50;

/** All items of one resource that came in one listing. */
interface Group {
  master: Item | null;
  readonly exceptions: Map<string, Item>;
}

/** Yields single events page by page, and series after the last page: their parts may be anywhere. */
async function* readEverything(calendar: GoogleCalendar, storedEvents: StoredEvents): AsyncGenerator<ChangePage> {
  // An event that was stored when the pair copied less has not changed since, and lacks the rest.
  const versions = calendar.moreFields.length > 0 ? new Map<string, string | null>() : await storedEvents.versions();
  const named = new Set<string>();
  const series = new Map<string, Group>();
  let end: { token: string; date: number | null } | null = null;
  for await (const { items, date, syncToken } of listPages(calendar, {})) {
    const singles: Series[] = [];
    for (const item of items) {
      const masterId = masterIdOf(item);
      if (masterId !== null || item.recurrence || series.has(item.id)) {
        addTo(series, item, masterId);
      } else if (!isCancelled(item) && !named.has(item.id)) {
        named.add(item.id);
        singles.push({ master: item, exceptions: {} });
      } else if (isCancelled(item)) {
        addTo(series, item, null);
      }
    }
    if (singles.length > 0) yield pageOf(calendar, singles, versions, date);
    if (syncToken !== null) end = { token: syncToken, date };
  }
  if (end === null) throw new SyncError('unreachable', 'Google sent a listing without a sync token');
  const whole = [...series.values()].flatMap(seriesOf).filter(({ master }) => !named.has(master.id));
  for (let at = 0; at < whole.length; at += CHUNK)
    yield pageOf(calendar, whole.slice(at, at + CHUNK), versions, end.date);
  yield {
    found: [],
    unchanged: [],
    removed: [],
    end: { cursor: writeCursor(end.token, calendar.moreFields), full: true },
  };
}

/**
 * The series of one resource in a complete listing: none of a cancelled master; exceptions without a master are
 * events.
 */
function seriesOf({ master, exceptions }: Group): Series[] {
  if (!master)
    return [...exceptions.values()]
      .filter((item) => !isCancelled(item))
      .map((item) => ({ master: item, exceptions: {} }));
  if (isCancelled(master)) return [];
  return [{ master, exceptions: master.recurrence ? Object.fromEntries(exceptions) : {} }];
}

function pageOf(
  calendar: GoogleCalendar,
  all: readonly Series[],
  versions: ReadonlyMap<string, string | null>,
  date: number | null,
): ChangePage {
  const found: Found[] = [];
  const unchanged: string[] = [];
  for (const series of all) {
    const { id } = series.master;
    if (versions.has(id) && versions.get(id) === versionOf(series)) unchanged.push(id);
    else found.push(foundOf(checkClock(series, date), calendar.setting));
  }
  return { found, unchanged, removed: [] };
}

/** Null when a full listing is needed. */
async function readIncrement(
  calendar: GoogleCalendar,
  last: Cursor,
  storedEvents: StoredEvents,
): Promise<ChangePage[] | null> {
  const groups = new Map<string, Group>();
  let end: { token: string; date: number | null } | null = null;
  try {
    for await (const page of listPages(calendar, { syncToken: last.token })) {
      for (const item of page.items) addTo(groups, item, masterIdOf(item));
      if (page.syncToken !== null) end = { token: page.syncToken, date: page.date };
    }
  } catch (error) {
    if (isTokenRefused(error)) return null;
    throw error;
  }
  if (end === null) throw new SyncError('unreachable', 'Google sent a listing without a sync token');
  const before = await storedSeriesOf(storedEvents, groups);
  const outcome: Outcome = { found: [], unchanged: [], removed: new Set(), completions: 0 };
  const unread: string[] = [];
  for (const [resource, group] of groups) {
    const isRead = await read(calendar, resource, outcome, () =>
      apply(calendar, resource, group, before, end!.date, outcome),
    );
    if (!isRead) unread.push(resource);
    if (outcome.completions > MAX_COMPLETIONS) return null;
  }
  for (const resource of last.again.filter((id) => !groups.has(id))) {
    const isRead = await read(calendar, resource, outcome, () => applyAlone(calendar, resource, outcome));
    if (!isRead) unread.push(resource);
  }
  const pages: ChangePage[] = [];
  for (let at = 0; at === 0 || at < outcome.found.length; at += CHUNK) {
    pages.push({
      found: outcome.found.slice(at, at + CHUNK),
      unchanged: at === 0 ? outcome.unchanged : [],
      removed: at === 0 ? [...outcome.removed] : [],
    });
  }
  const lastPage = pages.pop()!;
  return [
    ...pages,
    { ...lastPage, end: { cursor: writeCursor(end.token, calendar.moreFields, unread, last), full: false } },
  ];
}

/** False where the service fails for this one event, although the calendar answers: nothing is known of it now. */
async function read(
  calendar: GoogleCalendar,
  resource: string,
  outcome: Outcome,
  work: () => Promise<void>,
): Promise<boolean> {
  for (const waitMs of [0, LAG_MS]) {
    if (waitMs > 0) await pause(waitMs, calendar.signal);
    try {
      await work();
      return true;
    } catch (error) {
      if (!isServersFault(error)) throw error;
    }
  }
  await checkCalendar(calendar);
  outcome.found.push(unreadOf(resource));
  return false;
}

/** An event for which the service failed at an earlier poll. */
async function applyAlone(calendar: GoogleCalendar, resource: string, outcome: Outcome): Promise<void> {
  const series = await fetchMaster(calendar, resource);
  if (!series || isCancelled(series.master)) outcome.removed.add(resource);
  else report(calendar, series, undefined, null, outcome);
}

/** 410 `fullSyncRequired`, or 400 for a token that Google cannot read or no longer accepts with these parameters. */
function isTokenRefused(error: unknown): boolean {
  if (!(error instanceof SyncError)) return false;
  return error.status === 410 || (error.status === 400 && /sync ?token/i.test(error.reason ?? ''));
}

interface Outcome {
  readonly found: Found[];
  readonly unchanged: string[];
  readonly removed: Set<string>;
  /** How many series had to be fetched. */
  completions: number;
}

/** Reports the changes of one resource. */
async function apply(
  calendar: GoogleCalendar,
  resource: string,
  group: Group,
  storedSeries: ReadonlyMap<string, StoredSeries>,
  date: number | null,
  outcome: Outcome,
): Promise<void> {
  const before = storedSeries.get(resource);
  const master =
    group.master && before && isOlder(group.master, before.series.master)
      ? before.series.master
      : (group.master ?? before?.series.master ?? null);
  const orphans = [...group.exceptions.keys()].filter((id) => storedSeries.has(id));
  if (!master) return applyWithoutMaster(calendar, resource, group, storedSeries, date, outcome);
  for (const id of orphans) outcome.removed.add(id);
  if (isCancelled(master)) {
    if (before) outcome.removed.add(resource);
    return;
  }
  report(
    calendar,
    { master, exceptions: await exceptionsOf(calendar, master, group, before, outcome) },
    before,
    date,
    outcome,
  );
}

/** The exceptions that a series has now. Those of a new or moved series are fetched: no feed promises to list all. */
async function exceptionsOf(
  calendar: GoogleCalendar,
  master: Item,
  group: Group,
  before: StoredSeries | undefined,
  outcome: Outcome,
): Promise<Record<string, Item>> {
  if (!master.recurrence) return {};
  const exceptions: Record<string, Item> = { ...before?.series.exceptions };
  const was = before?.series.master;
  const isMoved = !sameValue([was?.start, was?.recurrence], [master.start, master.recurrence]);
  const hasOverride = Object.values(exceptions).some((item) => !isCancelled(item));
  // A single event that was a series before may still have cancelled occurrences of it.
  if (!was?.recurrence || (isMoved && hasOverride)) {
    outcome.completions += 1;
    const now = await fetchExceptions(calendar, master);
    // A cancelled occurrence stays cancelled as long as the series exists.
    for (const [id, item] of Object.entries(exceptions)) if (!now[id] && !isCancelled(item)) delete exceptions[id];
    Object.assign(exceptions, now);
  }
  for (const [id, item] of group.exceptions) {
    const present = exceptions[id];
    if (!present || !isOlder(item, present)) exceptions[id] = item;
  }
  return exceptions;
}

/**
 * Exceptions whose master is not stored: it came in an earlier listing that was lost, or this account cannot see it.
 */
async function applyWithoutMaster(
  calendar: GoogleCalendar,
  resource: string,
  group: Group,
  storedSeries: ReadonlyMap<string, StoredSeries>,
  date: number | null,
  outcome: Outcome,
): Promise<void> {
  const live = [...group.exceptions.values()].filter((item) => !isCancelled(item));
  for (const id of group.exceptions.keys())
    if (storedSeries.has(id) && isCancelled(group.exceptions.get(id)!)) outcome.removed.add(id);
  if (live.length === 0) return;
  outcome.completions += 1;
  const series = await fetchMaster(calendar, resource);
  if (!series) {
    for (const item of live)
      report(calendar, { master: item, exceptions: {} }, storedSeries.get(item.id), date, outcome);
    return;
  }
  for (const item of live) if (storedSeries.has(item.id)) outcome.removed.add(item.id);
  if (!isCancelled(series.master)) report(calendar, series, undefined, date, outcome);
}

function report(
  calendar: GoogleCalendar,
  series: Series,
  before: StoredSeries | undefined,
  date: number | null,
  outcome: Outcome,
): void {
  const { id } = series.master;
  if (before && before.stored.version === versionOf(series)) outcome.unchanged.push(id);
  else outcome.found.push(foundOf(checkClock(series, date), calendar.setting));
}

function addTo(groups: Map<string, Group>, item: Item, masterId: string | null): void {
  const resource = masterId ?? item.id;
  const group = groups.get(resource) ?? { master: null, exceptions: new Map<string, Item>() };
  groups.set(resource, group);
  if (masterId === null) {
    if (!group.master || !isOlder(item, group.master)) group.master = item;
  } else {
    const present = group.exceptions.get(item.id);
    if (!present || !isOlder(item, present)) group.exceptions.set(item.id, item);
  }
}

interface StoredSeries {
  readonly stored: Stored;
  readonly series: Series;
}

/** The stored series of all items in the groups; an exception may be stored as an event of its own. */
async function storedSeriesOf(
  storedEvents: StoredEvents,
  groups: ReadonlyMap<string, Group>,
): Promise<Map<string, StoredSeries>> {
  const resources = new Set<string>();
  for (const [resource, group] of groups) {
    resources.add(resource);
    for (const id of group.exceptions.keys()) resources.add(id);
  }
  const all = [...resources];
  const result = new Map<string, StoredSeries>();
  for (let at = 0; at < all.length; at += CHUNK) {
    for (const stored of await storedEvents.byResource(all.slice(at, at + CHUNK))) {
      const series = parseStored(stored);
      if (series) result.set(stored.resource, { stored, series });
    }
  }
  return result;
}

/** Null for data that cannot be read any more: the series is then fetched again. */
function parseStored(stored: Stored): Series | null {
  try {
    return parseSeries(stored.data);
  } catch {
    return null;
  }
}
