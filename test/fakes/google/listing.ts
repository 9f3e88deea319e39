/** `events.list` and `events.instances`: full listings, increments by sync token, pages. */

import type { Json } from '../json.ts';
import { parseInstant } from '../time.ts';
import type { AccessRole, Calendar, Item } from './calendar.ts';
import { fullSyncRequired, GoogleError, invalid, notImplemented, timeRangeEmpty } from './google-error.ts';
import { locate } from './locate.ts';
import type { Query } from './query.ts';
import { showItem } from './render.ts';
import { instancesOf, keyOfOriginal, spanOf } from './series.ts';
import { digest, openToken, sealToken } from './tokens.ts';
import type { Actor, World } from './world.ts';
import { openCalendar } from './world.ts';

/** Parameters that a sync token excludes. */
const FORBIDDEN = [
  'iCalUID',
  'orderBy',
  'privateExtendedProperty',
  'q',
  'sharedExtendedProperty',
  'timeMin',
  'timeMax',
  'updatedMin',
];
/** Those of them that prevent a new sync token: all but the window of a first listing. */
const WITHOUT_TOKEN = FORBIDDEN.filter((name) => name !== 'timeMin' && name !== 'timeMax');
/** What may change between requests: the form of the answer. */
const FREE = ['pageToken', 'syncToken', 'fields', 'prettyPrint', 'quotaUser', 'alt', 'key', 'timeMin', 'timeMax'];
const UPDATED_MIN_DAYS = 30;
const EXPANSION_MS = 2 * 366 * 86_400_000;

export function listEvents(world: World, actor: Actor, calendarId: string, query: Query): Json {
  const { calendar, entry } = openCalendar(world, actor.account, calendarId, 'freeBusyReader');
  checkQuery(world, query);
  const since = sinceVersion(world, calendar, query);
  const isFirstPage = query.text('pageToken') === undefined;
  if (isFirstPage) revealLagging(calendar);
  const singleEvents = query.flag('singleEvents');
  const all = [...calendar.items.values()]
    .filter((item) => isListed(calendar, item, since, query))
    .flatMap((item) => (singleEvents ? expanded(world, calendar, item, query) : [item]))
    .filter((item) => matches(calendar, item, query));
  const sorted =
    query.text('orderBy') === 'startTime'
      ? sortedBy(all, (item) => startKey(calendar, item))
      : query.text('orderBy') === 'updated'
        ? sortedBy(all, (item) => `${String(item.updatedMs).padStart(16, '0')}${item.order}`)
        : sortedBy(all, (item) => item.order);
  const page = paged(world, calendar, sorted, query, 250);
  const givesToken = !singleEvents && WITHOUT_TOKEN.every((name) => query.text(name) === undefined);
  const answer = head(calendar, entry.accessRole, query);
  answer['defaultReminders'] = entry.own['defaultReminders'];
  if (page.next !== undefined) answer['nextPageToken'] = page.next;
  else if (givesToken) answer['nextSyncToken'] = syncToken(world, calendar, query, page.version);
  answer['items'] = page.items.map((item) => show(world, calendar, item, { actor, role: entry.accessRole, query }));
  return answer;
}

export function listInstances(world: World, actor: Actor, calendarId: string, id: string, query: Query): Json {
  const { calendar, entry } = openCalendar(world, actor.account, calendarId, 'freeBusyReader');
  const { item: master } = locate(calendar, id, actor);
  if (master.deleted || master.fields.recurrence === undefined) throw invalid('The event is not recurring.');
  const [timeMin, timeMax] = [query.instant('timeMin'), query.instant('timeMax')];
  if (timeMin !== undefined && timeMax !== undefined && timeMax <= timeMin) throw timeRangeEmpty();
  const original = query.text('originalStart');
  const allDay = master.fields.start.kind === 'date';
  const key = original === undefined ? undefined : keyOfOriginal(original, parseInstant(original), allDay);
  if (key === null) throw invalid('Invalid value for: originalStart', 'originalStart');
  const originalMs = original === undefined ? 0 : (parseInstant(original) ?? Date.parse(original));
  const horizon = Math.max(timeMax ?? world.now() + EXPANSION_MS, originalMs);
  const instances = instancesOf(calendar, master, horizon)
    .filter((item) => (query.flag('showDeleted') || !item.deleted) && item.hiddenListings === 0)
    .filter((item) => key === undefined || item.occurrence === key)
    .filter((item) => isInWindow(calendar, item, timeMin, timeMax));
  const page = paged(
    world,
    calendar,
    sortedBy(instances, (item) => startKey(calendar, item)),
    query,
    250,
  );
  const answer = head(calendar, entry.accessRole, query);
  if (page.next !== undefined) answer['nextPageToken'] = page.next;
  answer['items'] = page.items.map((item) => show(world, calendar, item, { actor, role: entry.accessRole, query }));
  return answer;
}

function checkQuery(world: World, query: Query): void {
  const orderBy = query.text('orderBy');
  if (orderBy === 'startTime' && !query.flag('singleEvents')) {
    throw new GoogleError(400, 'badRequest', 'The requested ordering is not available for the particular query.', {
      locationType: 'parameter',
      location: 'orderBy',
    });
  }
  const [timeMin, timeMax, updatedMin] = [
    query.instant('timeMin'),
    query.instant('timeMax'),
    query.instant('updatedMin'),
  ];
  if (timeMin !== undefined && timeMax !== undefined && timeMax <= timeMin) throw timeRangeEmpty();
  if (updatedMin !== undefined && updatedMin < world.now() - UPDATED_MIN_DAYS * 86_400_000) {
    throw new GoogleError(
      410,
      'updatedMinTooLongAgo',
      'The requested minimum modification time lies too far in the past.',
      {
        domain: 'calendar',
        locationType: 'parameter',
        location: 'updatedMin',
      },
    );
  }
  if (query.text('syncToken') === undefined) return;
  if (query.flag('singleEvents')) throw notImplemented('syncToken with singleEvents=true');
  for (const name of FORBIDDEN) {
    if (query.text(name) === undefined) continue;
    const what = name === 'orderBy' ? 'non-default ordering' : 'other request restrictions';
    throw invalid(`Sync token cannot be used with ${what}.`, name);
  }
  if (query.text('showDeleted') === 'false')
    throw invalid('Sync token cannot be used with other request restrictions.', 'showDeleted');
}

/** The version after which changes are requested; null for a full listing. */
function sinceVersion(world: World, calendar: Calendar, query: Query): number | null {
  const text = query.text('syncToken');
  if (text === undefined) return null;
  const token = openToken('sync', text);
  if (token.calendar !== calendar.id) throw invalid('Invalid sync token value.', 'syncToken');
  if (world.behaviour.syncParameters === 'bound' && token.parameters !== digest(query.without(FREE))) {
    throw invalid(
      'Sync token cannot be used with parameters other than those of the listing that gave it.',
      'syncToken',
    );
  }
  if (token.epoch !== calendar.epoch || world.now() - token.issuedMs > world.behaviour.tokenMaxAgeMs)
    throw fullSyncRequired();
  return token.version;
}

function syncToken(world: World, calendar: Calendar, query: Query, version: number): string {
  const parameters = digest(query.without(FREE));
  return sealToken({
    kind: 'sync',
    calendar: calendar.id,
    parameters,
    version,
    epoch: calendar.epoch,
    issuedMs: world.now(),
  });
}

/** A new event that listings do not include yet counts down, and is a change once it appears. */
function revealLagging(calendar: Calendar): void {
  for (const item of calendar.items.values()) {
    if (item.hiddenListings === 0) continue;
    item.hiddenListings -= 1;
    if (item.hiddenListings > 0) continue;
    calendar.version += 1;
    item.version = calendar.version;
  }
}

function isListed(calendar: Calendar, item: Item, since: number | null, query: Query): boolean {
  if (item.unlisted || item.forgotten || item.hiddenListings > 0) return false;
  if (since !== null) return item.version > since;
  const updatedMin = query.instant('updatedMin');
  if (updatedMin !== undefined) return item.updatedMs >= updatedMin;
  if (!item.deleted || query.flag('showDeleted')) return true;
  return (
    item.seriesId !== null &&
    !item.lost &&
    !query.flag('singleEvents') &&
    calendar.items.get(item.seriesId)?.deleted === false
  );
}

function expanded(world: World, calendar: Calendar, item: Item, query: Query): Item[] {
  if (item.seriesId !== null) return [];
  if (item.deleted) return query.flag('showDeleted') && item.fields.recurrence === undefined ? [item] : [];
  if (item.fields.recurrence === undefined) return [item];
  const horizon = query.instant('timeMax') ?? world.now() + EXPANSION_MS;
  return instancesOf(calendar, item, horizon).filter((instance) => !instance.deleted || query.flag('showDeleted'));
}

function matches(calendar: Calendar, item: Item, query: Query): boolean {
  if (!isInWindow(calendar, item, query.instant('timeMin'), query.instant('timeMax'))) return false;
  const uid = query.text('iCalUID');
  if (uid !== undefined && item.iCalUID !== uid) return false;
  const types = query.list('eventTypes');
  if (types.length > 0 && !types.includes(item.fields.eventType)) return false;
  for (const kind of ['private', 'shared'] as const) {
    for (const wanted of query.list(`${kind}ExtendedProperty`)) {
      const equals = wanted.indexOf('=');
      if (equals < 1) throw invalid('Invalid extended property constraint.', `${kind}ExtendedProperty`);
      if (item.fields.extendedProperties?.[kind]?.[wanted.slice(0, equals)] !== wanted.slice(equals + 1)) return false;
    }
  }
  const words = query.text('q')?.toLowerCase();
  if (words === undefined) return true;
  const { summary, description, location } = item.fields.plain;
  return [summary, description, location].some(
    (text) => typeof text === 'string' && text.toLowerCase().includes(words),
  );
}

/** `timeMin` looks at the end, `timeMax` at the start, both exclusive; a series counts with any of its occurrences. */
function isInWindow(calendar: Calendar, item: Item, timeMin: number | undefined, timeMax: number | undefined): boolean {
  if (timeMin === undefined && timeMax === undefined) return true;
  const fits = (one: Item): boolean => {
    const span = spanOf(calendar, one);
    return (
      span !== null && (timeMin === undefined || span.to > timeMin) && (timeMax === undefined || span.from < timeMax)
    );
  };
  if (item.fields.recurrence === undefined || item.seriesId !== null) return fits(item);
  const horizon = timeMax ?? Math.max(timeMin ?? 0, item.updatedMs) + EXPANSION_MS;
  return instancesOf(calendar, item, horizon).some(fits);
}

function sortedBy(items: Item[], keyOfItem: (item: Item) => string): { item: Item; key: string }[] {
  return items
    .map((item) => ({ item, key: keyOfItem(item) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function startKey(calendar: Calendar, item: Item): string {
  const from = spanOf(calendar, item)?.from ?? 0;
  return `${String(Math.floor(from / 1000) + 1e11).padStart(14, '0')}${item.id}`;
}

/** One page of the sorted items. A page may be empty although more follow. */
function paged(
  world: World,
  calendar: Calendar,
  sorted: { item: Item; key: string }[],
  query: Query,
  usual: number,
): { items: Item[]; next: string | undefined; version: number } {
  const parameters = digest(query.without(['pageToken']));
  const text = query.text('pageToken');
  const token = text === undefined ? null : openToken('page', text);
  if (token !== null && (token.calendar !== calendar.id || token.parameters !== parameters)) {
    throw invalid('Invalid page token value.', 'pageToken');
  }
  const { emptyPages: wanted, maxPageSize } = world.behaviour;
  const version = token?.version ?? calendar.version;
  const made = token?.emptyPages ?? 0;
  const after = token?.after ?? '';
  const pageToken = (place: string, emptyPages: number): string =>
    sealToken({ kind: 'page', calendar: calendar.id, parameters, after: place, version, emptyPages });
  if (made < wanted) return { items: [], next: pageToken(after, made + 1), version };
  const size = Math.min(query.number('maxResults') ?? usual, maxPageSize);
  const rest = sorted.filter(({ key }) => key > after);
  const items = rest.slice(0, size);
  const next = rest.length > size ? pageToken(items.at(-1)!.key, 0) : undefined;
  return { items: items.map(({ item }) => item), next, version };
}

function head(calendar: Calendar, accessRole: AccessRole, query: Query): Json {
  return {
    kind: 'calendar#events',
    etag: calendar.etag,
    summary: calendar.about.summary,
    description: calendar.about.description ?? '',
    updated: new Date(calendar.updatedMs).toISOString(),
    timeZone: query.text('timeZone') ?? calendar.timeZone,
    accessRole,
  };
}

function show(
  world: World,
  calendar: Calendar,
  item: Item,
  how: { actor: Actor; role: AccessRole; query: Query },
): Json {
  const maxAttendees = how.query.number('maxAttendees');
  return showItem(calendar, item, {
    behaviour: world.behaviour,
    viewer: how.actor.account.email,
    role: how.role,
    zone: how.query.text('timeZone') ?? calendar.timeZone,
    ...(maxAttendees === undefined ? {} : { maxAttendees }),
  });
}
