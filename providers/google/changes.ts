/**
 * What changed in a Google calendar since a sync token.
 *
 * Google names items, not events: a master, and each exception of its own, in any order, sometimes one without the
 * other, sometimes with nothing but an id. Here they are put together to whole series again, with the help of what is
 * already known.
 */
import { sameValue } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { ChangePage, Found, Stored, StoredEvents } from '../provider.ts';
import { fetchExceptions, fetchMaster, type GoogleCalendar, listPages } from './fetch.ts';
import { foundOf } from './from-google.ts';
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
  place: GoogleCalendar,
  cursor: string | null,
  known: StoredEvents,
): AsyncGenerator<ChangePage> {
  const syncToken = cursor?.startsWith(CURSOR_PREFIX) ? cursor.slice(CURSOR_PREFIX.length) : null;
  const increment = syncToken === null ? null : await readIncrement(place, syncToken, known);
  if (increment) yield* increment;
  else yield* readEverything(place, known);
}

/** Changes with the parameters of the listing: a token is good for these only. */
const CURSOR_PREFIX = 'g1:';
const CHUNK = 500;
/** When more series than this came in parts, one full listing is cheaper than completing each. */
const MAX_COMPLETIONS = 50;

/** All items of one resource that came in one listing. */
interface Group {
  master: Item | null;
  readonly exceptions: Map<string, Item>;
}

/** Single events are handed on page by page; series are kept until the last page, for their parts may be anywhere. */
async function* readEverything(place: GoogleCalendar, known: StoredEvents): AsyncGenerator<ChangePage> {
  const versions = await known.versions();
  const named = new Set<string>();
  const series = new Map<string, Group>();
  let end: { token: string; date: number | null } | null = null;
  for await (const { items, date, syncToken } of listPages(place, {})) {
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
    if (singles.length > 0) yield pageOf(place, singles, versions, date);
    if (syncToken !== null) end = { token: syncToken, date };
  }
  if (end === null) throw new SyncError('unreachable', 'Google gave a listing without a sync token');
  const whole = [...series.values()].flatMap(seriesOf).filter(({ master }) => !named.has(master.id));
  for (let at = 0; at < whole.length; at += CHUNK) yield pageOf(place, whole.slice(at, at + CHUNK), versions, end.date);
  yield { found: [], unchanged: [], removed: [], end: { cursor: CURSOR_PREFIX + end.token, full: true } };
}

/**
 * What a complete listing says of one resource: nothing of a cancelled master; exceptions without a master stand alone.
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
  place: GoogleCalendar,
  all: readonly Series[],
  versions: ReadonlyMap<string, string | null>,
  date: number | null,
): ChangePage {
  const found: Found[] = [];
  const unchanged: string[] = [];
  for (const series of all) {
    const { id } = series.master;
    if (versions.has(id) && versions.get(id) === versionOf(series)) unchanged.push(id);
    else found.push(foundOf(checkClock(series, date), place.setting));
  }
  return { found, unchanged, removed: [] };
}

/** Null when only a full listing can tell. */
async function readIncrement(
  place: GoogleCalendar,
  syncToken: string,
  known: StoredEvents,
): Promise<ChangePage[] | null> {
  const groups = new Map<string, Group>();
  let end: { token: string; date: number | null } | null = null;
  try {
    for await (const page of listPages(place, { syncToken })) {
      for (const item of page.items) addTo(groups, item, masterIdOf(item));
      if (page.syncToken !== null) end = { token: page.syncToken, date: page.date };
    }
  } catch (error) {
    if (isTokenRefused(error)) return null;
    throw error;
  }
  if (end === null) throw new SyncError('unreachable', 'Google gave a listing without a sync token');
  const before = await knownOf(known, groups);
  const outcome: Outcome = { found: [], unchanged: [], removed: new Set(), completions: 0 };
  for (const [resource, group] of groups) {
    await apply(place, resource, group, before, end.date, outcome);
    if (outcome.completions > MAX_COMPLETIONS) return null;
  }
  const pages: ChangePage[] = [];
  for (let at = 0; at === 0 || at < outcome.found.length; at += CHUNK) {
    pages.push({
      found: outcome.found.slice(at, at + CHUNK),
      unchanged: at === 0 ? outcome.unchanged : [],
      removed: at === 0 ? [...outcome.removed] : [],
    });
  }
  const last = pages.pop()!;
  return [...pages, { ...last, end: { cursor: CURSOR_PREFIX + end.token, full: false } }];
}

/** 410 `fullSyncRequired`, or 400 for a token that Google cannot read or will not take with our parameters any more. */
function isTokenRefused(error: unknown): boolean {
  if (!(error instanceof SyncError)) return false;
  return error.status === 410 || (error.status === 400 && /sync ?token/i.test(error.reason ?? ''));
}

interface Outcome {
  readonly found: Found[];
  readonly unchanged: string[];
  readonly removed: Set<string>;
  /** How many series had to be asked for. */
  completions: number;
}

/** Turns what came of one resource into what is to be reported of it. */
async function apply(
  place: GoogleCalendar,
  resource: string,
  group: Group,
  known: ReadonlyMap<string, KnownSeries>,
  date: number | null,
  outcome: Outcome,
): Promise<void> {
  const before = known.get(resource);
  const master =
    group.master && before && isOlder(group.master, before.series.master)
      ? before.series.master
      : (group.master ?? before?.series.master ?? null);
  const orphans = [...group.exceptions.keys()].filter((id) => known.has(id));
  if (!master) return applyWithoutMaster(place, resource, group, known, date, outcome);
  for (const id of orphans) outcome.removed.add(id);
  if (isCancelled(master)) {
    if (before) outcome.removed.add(resource);
    return;
  }
  report(
    place,
    { master, exceptions: await exceptionsOf(place, master, group, before, outcome) },
    before,
    date,
    outcome,
  );
}

/**
 * The exceptions that a series has now. Those of a series that is new or was moved are asked for: no feed promises to
 * name them all.
 */
async function exceptionsOf(
  place: GoogleCalendar,
  master: Item,
  group: Group,
  before: KnownSeries | undefined,
  outcome: Outcome,
): Promise<Record<string, Item>> {
  if (!master.recurrence) return {};
  const exceptions: Record<string, Item> = { ...before?.series.exceptions };
  const isMoved =
    before !== undefined &&
    !sameValue([before.series.master.start, before.series.master.recurrence], [master.start, master.recurrence]);
  const hasOverride = Object.values(exceptions).some((item) => !isCancelled(item));
  if (!before || (isMoved && hasOverride)) {
    outcome.completions += 1;
    const now = await fetchExceptions(place, master);
    // What is cancelled stays cancelled as long as the series lives.
    for (const [id, item] of Object.entries(exceptions)) if (!now[id] && !isCancelled(item)) delete exceptions[id];
    Object.assign(exceptions, now);
  }
  for (const [id, item] of group.exceptions) {
    const known = exceptions[id];
    if (!known || !isOlder(item, known)) exceptions[id] = item;
  }
  return exceptions;
}

/**
 * Exceptions whose master is not known: it may have come in an earlier part that was never stored, or is not visible to
 * this account.
 */
async function applyWithoutMaster(
  place: GoogleCalendar,
  resource: string,
  group: Group,
  known: ReadonlyMap<string, KnownSeries>,
  date: number | null,
  outcome: Outcome,
): Promise<void> {
  const live = [...group.exceptions.values()].filter((item) => !isCancelled(item));
  for (const id of group.exceptions.keys())
    if (known.has(id) && isCancelled(group.exceptions.get(id)!)) outcome.removed.add(id);
  if (live.length === 0) return;
  outcome.completions += 1;
  const series = await fetchMaster(place, resource);
  if (!series) {
    for (const item of live) report(place, { master: item, exceptions: {} }, known.get(item.id), date, outcome);
    return;
  }
  for (const item of live) if (known.has(item.id)) outcome.removed.add(item.id);
  if (!isCancelled(series.master)) report(place, series, undefined, date, outcome);
}

function report(
  place: GoogleCalendar,
  series: Series,
  before: KnownSeries | undefined,
  date: number | null,
  outcome: Outcome,
): void {
  const { id } = series.master;
  if (before && before.stored.version === versionOf(series)) outcome.unchanged.push(id);
  else outcome.found.push(foundOf(checkClock(series, date), place.setting));
}

function addTo(groups: Map<string, Group>, item: Item, masterId: string | null): void {
  const resource = masterId ?? item.id;
  const group = groups.get(resource) ?? { master: null, exceptions: new Map<string, Item>() };
  groups.set(resource, group);
  if (masterId === null) {
    if (!group.master || !isOlder(item, group.master)) group.master = item;
  } else {
    const known = group.exceptions.get(item.id);
    if (!known || !isOlder(item, known)) group.exceptions.set(item.id, item);
  }
}

interface KnownSeries {
  readonly stored: Stored;
  readonly series: Series;
}

/** What is known of everything that the groups may be about; an exception may be known as an event of its own. */
async function knownOf(known: StoredEvents, groups: ReadonlyMap<string, Group>): Promise<Map<string, KnownSeries>> {
  const resources = new Set<string>();
  for (const [resource, group] of groups) {
    resources.add(resource);
    for (const id of group.exceptions.keys()) resources.add(id);
  }
  const all = [...resources];
  const result = new Map<string, KnownSeries>();
  for (let at = 0; at < all.length; at += CHUNK) {
    for (const stored of await known.byResource(all.slice(at, at + CHUNK))) {
      const series = parseKnown(stored);
      if (series) result.set(stored.resource, { stored, series });
    }
  }
  return result;
}

/** What cannot be read any more counts as unknown, and is asked for again. */
function parseKnown(stored: Stored): Series | null {
  try {
    return parseSeries(stored.data);
  } catch {
    return null;
  }
}
