/**
 * What changed in a calendar since a cursor: `sync-collection` (RFC 6578) where the server supports it, else its ctag
 * and the etags of all members. No answer proves a deletion: servers silently cut listings and forget removals, so
 * `removed` is a hint, and the caller confirms an absence.
 */
import { z } from 'zod';
import { SyncError } from '../../core/sync-error.ts';
import type { ChangePage, Found, Stored, StoredEvents } from '../provider.ts';
import { giveTurn } from '../reading/reading.ts';
import { errorOf, multistatusOf } from './client.ts';
import { canonicalPath, pathOf, spellings } from './hrefs.ts';
import { BATCH, type Collection, checkCalendar, type FetchedObject, fetchListed, versionOf } from './objects.ts';
import { isSogoEtag } from './presets.ts';
import { type Element, type Member, textOf, xmlText } from './xml.ts';

const Cursor = z.object({ mode: z.enum(['sync', 'ctag', 'etags']), token: z.string() });
type Cursor = z.infer<typeof Cursor>;

/** @param read turns an object into the events in it */
export async function* readChanges(
  collection: Collection,
  cursor: string | null,
  storedEvents: StoredEvents,
  read: (object: FetchedObject) => Found[],
): AsyncGenerator<ChangePage> {
  const since = parseCursor(cursor);
  if (since?.mode === 'sync') {
    const listing = await syncCollection(collection, since.token);
    if (listing !== null) return yield* deltaPages(collection, listing, storedEvents, read);
  }
  if (since?.mode === 'ctag') {
    const ctag = textOf(await checkCalendar(collection), 'cs:getctag');
    if (ctag === since.token) return yield { ...NOTHING, end: { cursor: JSON.stringify(since), full: false } };
  }
  const listing = since?.mode === 'etags' ? await listMembers(collection, since) : await listAll(collection);
  yield* fullPages(collection, listing, storedEvents, read);
}

/** Those of the resources that the calendar lists right now; none where it refuses to be listed. */
export async function stillListed(collection: Collection, resources: readonly string[]): Promise<Set<string>> {
  try {
    const { members } = await listMembers(collection, { mode: 'etags', token: '' });
    return new Set(resources.filter((resource) => members.has(canonicalPath(resource))));
  } catch (error) {
    if (error instanceof SyncError && error.status !== undefined && isRefusal(error)) return new Set();
    throw error;
  }
}

/** Members of the calendar by canonical path, and the next cursor. */
interface Listing {
  readonly members: Map<string, ListedMember>;
  readonly cursor: Cursor;
}
interface ListedMember {
  /** As the server spelled it. */
  readonly resource: string;
  /** Null: the server gave none. */
  readonly version: string | null;
  readonly isRemoved: boolean;
  /** The server gives a 404 for each property, and no status: it may mean a removed member (see `isDoubtful`). */
  readonly isDoubtful: boolean;
}

const NOTHING: ChangePage = { found: [], unchanged: [], removed: [] };
const MAX_SYNC_PAGES = 500;
/** Asked for only after everything at once was too much. */
const MAX_MEMBERS_PER_PAGE = 5000;
const MAX_UNCHANGED_PER_PAGE = 5000;

async function listAll(collection: Collection): Promise<Listing> {
  const props = await checkCalendar(collection);
  if (hasSyncCollection(props)) {
    const listing = await syncCollection(collection, '').catch((error: unknown) => {
      if (isTooMuch(error, '')) return null;
      throw error;
    });
    if (listing !== null) return completed(collection, listing);
  }
  // The ctag from before the listing: changes in between are then listed again.
  const ctag = textOf(props, 'cs:getctag');
  return listMembers(collection, ctag === null ? { mode: 'etags', token: '' } : { mode: 'ctag', token: ctag });
}

/**
 * A first `sync-collection` with the members that it leaves out: some servers answer it with nothing, or with what
 * their list of changes still holds. One that cannot be listed in any other way, such as a very large one, has to do.
 */
async function completed(collection: Collection, { members, cursor }: Listing): Promise<Listing> {
  try {
    const listed = await listMembers(collection, cursor);
    return { members: new Map([...listed.members, ...[...members].filter(([, one]) => !one.isRemoved)]), cursor };
  } catch (error) {
    if (members.size > 0 && error instanceof SyncError && isRefusal(error)) return { members, cursor };
    throw error;
  }
}

function isRefusal({ kind }: SyncError): boolean {
  return ['too-large', 'forbidden', 'unreachable'].includes(kind);
}

/**
 * What changed since a token, in parts if that is too much for one answer; null where the server refuses the token or
 * the report while the calendar itself answers.
 * @throws SyncError `calendar-missing`
 */
async function syncCollection(collection: Collection, since: string): Promise<Listing | null> {
  try {
    return await readSyncPages(collection, since, {});
  } catch (error) {
    if (!isTooMuch(error, since)) throw error;
    return readSyncPages(collection, since, { 'd:limit': { 'd:nresults': { _text: MAX_MEMBERS_PER_PAGE } } });
  }
}

/** A first listing also if there was no answer in time: the calendar itself has just answered. */
function isTooMuch(error: unknown, since: string): boolean {
  if (!(error instanceof SyncError)) return false;
  return error.kind === 'too-large' || (since === '' && error.kind === 'unreachable' && error.status === undefined);
}

/**
 * Servers refuse invalid tokens with 403, 409, 412, some with 400, 410, 415 or 500.
 * @param limit RFC 6578 section 3.7; a server may ignore it
 */
async function readSyncPages(collection: Collection, since: string, limit: object): Promise<Listing | null> {
  const members = new Map<string, ListedMember>();
  let token = since;
  for (let page = 0; page < MAX_SYNC_PAGES; page += 1) {
    const body = {
      'd:sync-collection': {
        'd:sync-token': { _text: xmlText(token) },
        'd:sync-level': { _text: '1' },
        ...limit,
        'd:prop': { 'd:getetag': {} },
      },
    };
    const answer = await collection.client.xml('REPORT', collection.url, body, '0');
    if (answer.status !== 207) {
      const error = errorOf(answer);
      if (error?.kind === 'throttled') throw error;
      await checkCalendar(collection);
      return null;
    }
    const { members: answered, syncToken } = await multistatusOf(answer);
    const isCut = addMembers(members, answered, answer.url, collection.url);
    if (syncToken === null || syncToken === '') {
      await checkCalendar(collection);
      return null;
    }
    if (!isCut) return { members, cursor: { mode: 'sync', token: syncToken } };
    if (syncToken === token) break;
    token = syncToken;
  }
  throw new SyncError('unreachable', 'the server sent a list of changes that does not end', { status: 207 });
}

/** True when the server says that there is more (507 for the collection itself, RFC 6578 section 3.6). */
function addMembers(
  members: Map<string, ListedMember>,
  answered: readonly Member[],
  base: URL,
  calendar: URL,
): boolean {
  let isCut = false;
  for (const { href, status, props, propStatuses } of answered) {
    const path = pathOf(href, base);
    if (status === 507) isCut = true;
    if (path === null || status === 507 || !isMember(path, props, calendar)) continue;
    const isRemoved = status === 404 || status === 410;
    const key = canonicalPath(path);
    // A name that was removed and used again may be listed as both: it exists.
    if (isRemoved && members.get(key)?.isRemoved === false) continue;
    members.set(key, {
      resource: path,
      version: versionOf(textOf(props, 'd:getetag'), textOf(props, 'd:getlastmodified'), null),
      isRemoved,
      isDoubtful: status === null && isDoubtful(propStatuses),
    });
  }
  return isCut;
}

/**
 * RFC 6578 section 3.5.2 wants a status and no propstat for a removed member. Some servers answer a propstat with 404
 * all the same, as they do for one that has no etag. Such a member is fetched: what the server then does not have is
 * no contradiction, but reported as removed.
 */
function isDoubtful(propStatuses: readonly number[]): boolean {
  return propStatuses.length > 0 && propStatuses.every((status) => status === 404 || status === 410);
}

/** All members with their etags. */
async function listMembers({ client, url }: Collection, cursor: Cursor): Promise<Listing> {
  const members = new Map<string, ListedMember>();
  try {
    const answer = await client.propfind(url, '1', ['d:resourcetype', 'd:getetag', 'd:getlastmodified']);
    addMembers(
      members,
      answer.members.filter(({ status }) => (status ?? 200) < 300),
      answer.url,
      url,
    );
  } catch (error) {
    if (!(error instanceof SyncError) || (error.kind !== 'gone' && error.kind !== 'forbidden')) throw error;
    await checkCalendar({ client, url });
    // Synology answers 404 for the members of an empty calendar that exists.
    if (error.kind === 'forbidden') throw error;
    return { members, cursor };
  }
  // An empty listing may be a calendar that was deleted (207 around a 404).
  if (members.size === 0) await checkCalendar({ client, url });
  return { members, cursor };
}

/** The whole calendar; each resource is named once. */
async function* fullPages(
  collection: Collection,
  { members, cursor }: Listing,
  storedEvents: StoredEvents,
  read: (object: FetchedObject) => Found[],
): AsyncGenerator<ChangePage> {
  const versions = await storedEvents.versions();
  const spelling = new Map([...versions.keys()].map((resource) => [canonicalPath(resource), resource]));
  const unchanged: string[] = [];
  const changed: string[] = [];
  for (const [key, member] of members) {
    if (member.isRemoved) continue;
    const resource = spelling.get(key) ?? member.resource;
    if (storedEvents.isAll && !versions.has(resource)) continue;
    (member.version !== null && versions.get(resource) === member.version ? unchanged : changed).push(resource);
  }
  for (const some of batches(unchanged, MAX_UNCHANGED_PER_PAGE)) yield { ...NOTHING, unchanged: some };
  for (const batch of batches(changed, BATCH)) {
    const objects = (await fetchListed(collection, batch, (resource) => versions.has(resource))).values();
    const fetched = [...objects].filter((object) => object !== 'missing');
    const withheld = fetched.filter((object) => object.withheld !== undefined).map(({ resource }) => resource);
    const storedAs = byPath(withheld.length === 0 ? [] : await storedEvents.byResource(withheld));
    const found: Found[] = [];
    for (const object of fetched) {
      await giveTurn();
      found.push(...eventsIn(object, storedAs, read));
    }
    yield { ...NOTHING, found };
  }
  yield { ...NOTHING, end: { cursor: JSON.stringify(cursor), full: true } };
}

/** The changes. A resource from which a stored event has disappeared is named in `removed`, too. */
async function* deltaPages(
  collection: Collection,
  { members, cursor }: Listing,
  storedEvents: StoredEvents,
  read: (object: FetchedObject) => Found[],
): AsyncGenerator<ChangePage> {
  for (const batch of batches([...members], BATCH)) {
    // A server may spell a name differently from the first time.
    const stored = await storedEvents.byResource([
      ...new Set(batch.flatMap(([, { resource }]) => spellings(resource))),
    ]);
    const storedAs = byPath(stored);
    const page = { found: [] as Found[], unchanged: [] as string[], removed: [] as string[] };
    const changed: string[] = [];
    const doubtful = new Set<string>();
    for (const [key, { resource, version, isRemoved, isDoubtful }] of batch) {
      const before = storedAs.get(key) ?? [];
      const name = before[0]?.resource ?? resource;
      if (storedEvents.isAll && before.length === 0) continue;
      if (isRemoved) page.removed.push(name);
      else if (isSame(before, version)) page.unchanged.push(name);
      else changed.push(name);
      if (isDoubtful && before.length > 0) doubtful.add(name);
    }
    const isKnown = (resource: string): boolean => storedAs.has(canonicalPath(resource)) && !doubtful.has(resource);
    const objects = changed.length === 0 ? [] : await fetchListed(collection, changed, isKnown);
    for (const [resource, object] of objects) {
      if (object === 'missing') {
        if (doubtful.has(resource)) page.removed.push(resource);
        continue;
      }
      await giveTurn();
      const found = eventsIn(object, storedAs, read);
      page.found.push(...found);
      const before = storedAs.get(canonicalPath(resource)) ?? [];
      if (before.some(({ ref }) => !found.some((event) => event.ref === ref))) page.removed.push(resource);
    }
    yield page;
  }
  yield { ...NOTHING, end: { cursor: JSON.stringify(cursor), full: false } };
}

/** The events in an object. All events that are known of an object that cannot be read are still there. */
function eventsIn(
  object: FetchedObject,
  storedAs: ReadonlyMap<string, readonly Stored[]>,
  read: (object: FetchedObject) => Found[],
): Found[] {
  const found = read(object);
  const before = object.withheld === undefined ? [] : (storedAs.get(canonicalPath(object.resource)) ?? []);
  return before.length === 0 ? found : found.flatMap((one) => before.map(({ ref }) => ({ ...one, ref })));
}

function byPath(stored: readonly Stored[]): Map<string, Stored[]> {
  const groups = new Map<string, Stored[]>();
  for (const one of stored) {
    const key = canonicalPath(one.resource);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return groups;
}

/** SOGo counts etags from zero when a name is used again, so an equal etag in its change reports proves nothing. */
function isSame(before: readonly Stored[], version: string | null): boolean {
  return (
    before.length > 0 &&
    version !== null &&
    !isSogoEtag(version) &&
    before.every((stored) => stored.version === version)
  );
}

/** Whether a path is a member: not the collection itself, and no collection inside. */
function isMember(path: string, props: Member['props'], calendar: URL): boolean {
  const isCollection =
    props.get('d:resourcetype')?.children.some(({ name }: Element) => name === 'd:collection') ?? false;
  return !path.endsWith('/') && !isCollection && canonicalPath(`${path}/`) !== canonicalPath(calendar.pathname);
}

function hasSyncCollection(props: Member['props']): boolean {
  const contains = (element: Element): boolean =>
    element.name === 'd:sync-collection' || element.children.some(contains);
  const reports = props.get('d:supported-report-set');
  return reports !== undefined && contains(reports);
}

function parseCursor(text: string | null): Cursor | null {
  if (text === null) return null;
  try {
    return Cursor.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function batches<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
