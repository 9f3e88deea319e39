/**
 * What changed in a Microsoft calendar.
 *
 * Graph has no change feed of a whole calendar, only one of a window of time (`calendarView/delta`). Its rows are
 * hints: occurrences come as skeletons, deleted ones not at all, `@removed` means "not in this view", and our own
 * properties are missing. So every event that a round names is fetched. Deleted occurrences and events outside of the
 * window are found by comparing all single events and masters, every six hours; then a new round with a new window
 * begins.
 */
import { sameValue } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { LAG_MS } from '../confirm-gone.ts';
import type { ChangePage, Found, StoredEvents } from '../provider.ts';
import { isDeadToken } from './errors.ts';
import { expectExceptions, type Fetched, fetchMany, fetchMasters, foundAll, UNREAD } from './fetch.ts';
import { unreadOf } from './from-graph.ts';
import { checkClock, fieldOf, isSeries, type Series, versionOf } from './item.ts';
import { calendarError, checkCalendar, type GraphCalendar, listEvents, listIds, listPages } from './listing.ts';
import { calendarPath } from './requests.ts';

/**
 * One request when nothing changed.
 * @throws SyncError `calendar-missing` when the calendar itself answers 404 or 403
 */
export async function* readChanges(
  calendar: GraphCalendar,
  cursor: string | null,
  storedEvents: StoredEvents,
): AsyncGenerator<ChangePage> {
  const last = readCursor(cursor);
  const isOfOtherFields = !sameValue(last?.more ?? [], calendar.moreFields);
  const isDue =
    !last || isOfOtherFields || Date.now() - last.comparedAt >= COMPARE_EVERY_MS || last.comparedAt > Date.now();
  const increment = isDue ? null : await readIncrement(calendar, last, storedEvents);
  if (increment) yield* increment;
  else yield* compareAll(calendar, storedEvents);
}

interface Cursor {
  /** Contains the window and the state of the round. */
  readonly link: string;
  /** When all events were compared last; ms. */
  readonly comparedAt: number;
  /** What is stored of every event beside the fields of every pair. */
  readonly more?: readonly string[];
  /** Events for which the service failed, and how many more polls fetch them again. */
  readonly again?: { readonly ids: readonly string[]; readonly left: number } | undefined;
}

const CURSOR_PREFIX = 'm1:';
const COMPARE_EVERY_MS = 6 * 3_600_000;
const DAY_MS = 86_400_000;
const BACK_DAYS = 30;
/** Tried in this order: with many endless series the service fails for a long window. */
const AHEAD_DAYS = [180, 60, 14];
const CHUNK = 200;
/** When more events than this were named, one listing of all is cheaper. */
const MAX_NAMED = 400;
/** Then the next comparison of all events has to do. */
const POLLS_AGAIN = 10;
const PREFER_PAGE = 'odata.maxpagesize=500';

function readCursor(text: string | null): Cursor | null {
  if (!text?.startsWith(CURSOR_PREFIX)) return null;
  try {
    const { link, comparedAt, more = [], again } = JSON.parse(text.slice(CURSOR_PREFIX.length)) as Partial<Cursor>;
    return typeof link === 'string' && typeof comparedAt === 'number' && URL.canParse(link)
      ? { link, comparedAt, more, again }
      : null;
  } catch {
    return null;
  }
}

function moreOf({ moreFields }: GraphCalendar): Pick<Cursor, 'more'> {
  return moreFields.length === 0 ? {} : { more: moreFields };
}

function writeCursor(cursor: Cursor): string {
  return CURSOR_PREFIX + JSON.stringify(cursor);
}

/** What the next polls fetch again. `last`: what this one did. */
function againAfter(unread: readonly string[], last: Cursor['again']): Pick<Cursor, 'again'> {
  const ids = unread.slice(0, MAX_NAMED / 4);
  const left = ids.every((id) => last?.ids.includes(id)) ? (last?.left ?? POLLS_AGAIN) - 1 : POLLS_AGAIN;
  return ids.length === 0 || left <= 0 ? {} : { again: { ids, left } };
}

/** What the rows of a round name. */
interface Round {
  /** Single events, and the masters of what comes in parts. */
  readonly named: Set<string>;
  readonly removed: Set<string>;
  readonly link: string;
}

/** @throws SyncError `calendar-missing`; what `isDeadToken` recognises, on any page */
async function readRound(calendar: GraphCalendar, path: string): Promise<Round> {
  const round = { named: new Set<string>(), removed: new Set<string>() };
  let link: string | null = null;
  const asError = (error: unknown): unknown => (isDeadToken(error) ? error : calendarError(error));
  for await (const { rows, deltaLink } of listPages(calendar, { path, prefer: PREFER_PAGE }, asError)) {
    for (const row of rows) {
      const [id, masterId] = [fieldOf(row, 'id'), fieldOf(row, 'seriesMasterId')];
      if (typeof id !== 'string' || id === '') continue;
      if (fieldOf(row, '@removed') !== undefined) {
        round.removed.add(id);
        continue;
      }
      // An event may be named both as removed and as present, in either order: then it is fetched.
      const isPart = typeof masterId === 'string' && masterId !== '' && masterId !== id;
      round.named.add(isPart ? masterId : id);
      if (isPart && fieldOf(row, 'type') === 'exception') calendar.withExceptions.add(masterId);
    }
    link = deltaLink ?? link;
  }
  if (link === null) throw new SyncError('unreachable', 'Graph ended a round of changes without a delta link');
  return { ...round, link };
}

async function readFirstRound(calendar: GraphCalendar): Promise<Round> {
  for (let attempt = 0; ; attempt += 1) {
    const now = Date.now();
    const [start, end] = [-BACK_DAYS, AHEAD_DAYS[attempt]!].map((days) => new Date(now + days * DAY_MS).toISOString());
    const bounds = `startDateTime=${start}&endDateTime=${end}`;
    try {
      return await readRound(calendar, `${calendarPath(calendar.calendarId)}/calendarView/delta?${bounds}`);
    } catch (error) {
      const isWorthTrying = isDeadToken(error) || (error instanceof SyncError && error.status === 504);
      if (!isWorthTrying || attempt === AHEAD_DAYS.length - 1)
        throw isDeadToken(error) ? new SyncError('unreachable', 'Graph ends every round of changes early') : error;
    }
  }
}

/** The round comes first: changes during the listing belong to the next one. */
async function* compareAll(calendar: GraphCalendar, storedEvents: StoredEvents): AsyncGenerator<ChangePage> {
  const comparedAt = Date.now();
  const round = await readFirstRound(calendar);
  const versions = await storedEvents.versions();
  const named = new Set<string>();
  const unread: string[] = [];
  let masters: string[] = [];
  for await (const { items, date } of listEvents(calendar)) {
    const unchanged: string[] = [];
    const singles: Series[] = [];
    for (const item of items.filter(({ id }) => !named.has(id))) {
      named.add(item.id);
      if (storedEvents.isAll && !versions.has(item.id)) continue;
      // A master does not change with an occurrence, and no round names an occurrence outside of its window.
      if (isSeries(item)) masters.push(item.id);
      // An event that was stored when the pair copied less has not changed since, and lacks the rest.
      else if (calendar.moreFields.length === 0 && item.etag !== undefined && versions.get(item.id) === item.etag)
        unchanged.push(item.id);
      else singles.push(checkClock({ master: item, exceptions: {}, cancelled: [] }, date));
    }
    yield { found: await foundAll(calendar, singles), unchanged, removed: [] };
    while (masters.length >= CHUNK) yield await seriesPage(calendar, masters.splice(0, CHUNK), storedEvents, unread);
  }
  masters = [...new Set(masters)];
  if (masters.length > 0) yield await seriesPage(calendar, masters, storedEvents, unread);
  yield {
    found: [],
    unchanged: [],
    removed: [],
    end: {
      cursor: writeCursor({ link: round.link, comparedAt, ...moreOf(calendar), ...againAfter(unread, undefined) }),
      full: true,
    },
  };
}

async function seriesPage(
  calendar: GraphCalendar,
  ids: readonly string[],
  storedEvents: StoredEvents,
  unread: string[],
): Promise<ChangePage> {
  const stored = await storedEvents.byResource(ids);
  expectExceptions(calendar, ids, stored);
  const series = await fetchMasters(calendar, ids);
  const known = new Set(stored.map(({ resource }) => resource));
  const found = await readNamed(calendar, series, (id) => known.has(id));
  unread.push(...found.filter(({ event, version }) => event === null && version === null).map(({ ref }) => ref));
  return { found, unchanged: [], removed: [] };
}

/**
 * The events of which a listing or a round of changes says that they are there. One that is not found by its name all
 * the same is fetched again. If it still is not, and it is known, it cannot be read: a service that contradicts itself
 * does not prove a deletion. Unknown ones come again, if they exist.
 */
async function readNamed(
  calendar: GraphCalendar,
  series: ReadonlyMap<string, Fetched>,
  isKnown: (id: string) => boolean,
): Promise<Found[]> {
  const all = new Map(series);
  const missing = [...all].flatMap(([id, one]) => (one === null && isKnown(id) ? [id] : []));
  if (missing.length > 0) {
    await checkCalendar(calendar);
    await pause(LAG_MS, calendar.signal);
    for (const [id, one] of await fetchMany(calendar, missing)) all.set(id, one ?? UNREAD);
  }
  const shown = [...all.values()].filter((one) => one !== null && one !== UNREAD);
  const unread = [...all].flatMap(([id, one]) => (one === UNREAD ? [unreadOf(id)] : []));
  return [...(await foundAll(calendar, shown)), ...unread];
}

/** Null when everything has to be compared. */
async function readIncrement(
  calendar: GraphCalendar,
  cursor: Cursor,
  storedEvents: StoredEvents,
): Promise<ChangePage[] | null> {
  let round: Round;
  try {
    round = await readRound(calendar, cursor.link);
  } catch (error) {
    if (isDeadToken(error) || isForeignLink(error)) return null;
    throw error;
  }
  const { link } = round;
  const { comparedAt, again } = cursor;
  const more = moreOf(calendar);
  const named = [...new Set([...round.named, ...round.removed, ...(again?.ids ?? [])])];
  const all = storedEvents.isAll ? await storedEvents.versions() : null;
  const names = all === null ? named : named.filter((id) => all.has(id));
  if (names.length === 0)
    return [
      {
        found: [],
        unchanged: [],
        removed: [],
        end: { cursor: writeCursor({ link, comparedAt, ...more }), full: false },
      },
    ];
  if (names.length > MAX_NAMED) return null;
  const before = new Map((await storedEvents.byResource(names)).map((stored) => [stored.resource, stored]));
  expectExceptions(calendar, names, [...before.values()]);
  const series = await fetchMany(calendar, names);
  // Series of which only an occurrence was named.
  const others = [...series.keys()].filter((id) => !before.has(id));
  for (const stored of await storedEvents.byResource(others)) before.set(stored.resource, stored);
  // The rounds after the one that named it say nothing of an event that could not be read.
  const isDoubtful = again?.ids.some((id) => series.get(id) === null && !round.removed.has(id)) ?? false;
  const present = new Set([...round.named, ...(isDoubtful ? await listIds(calendar) : [])]);
  const unchanged: string[] = [];
  const removed = new Set<string>();
  const changed = new Map<string, Fetched>();
  for (const [id, one] of series) {
    const version = one === null || one === UNREAD ? null : versionOf(one);
    if (version !== null && before.get(id)?.version === version) unchanged.push(id);
    else if (one !== null || (present.has(id) && !round.removed.has(id))) changed.set(id, one);
    else if (before.has(id)) removed.add(id);
  }
  const found = await readNamed(calendar, changed, (id) => before.has(id));
  // Ids that are neither stored nor in the calendar: perhaps occurrences of a series that was deleted.
  const hasUnknown = [...series].some(([id, one]) => one === null && !before.has(id));
  if (hasUnknown) for (const id of await missingOf(calendar, storedEvents)) removed.add(id);
  const unread = found.filter(({ event, version }) => event === null && version === null).map(({ ref }) => ref);
  const next = writeCursor({ link, comparedAt, ...more, ...againAfter(unread, again) });
  return [{ found, unchanged, removed: [...removed], end: { cursor: next, full: false } }];
}

/** Stored events that are not in the calendar's listing; a hint, as every absence. */
async function missingOf(calendar: GraphCalendar, storedEvents: StoredEvents): Promise<string[]> {
  const listed = await listIds(calendar);
  return [...(await storedEvents.versions()).keys()].filter((id) => !listed.has(id));
}

/** The installation's address of Graph was changed since. */
function isForeignLink(error: unknown): boolean {
  return error instanceof SyncError && error.status === undefined && /leads elsewhere/.test(error.message);
}
