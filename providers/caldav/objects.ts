/** Fetches objects of one calendar by name, in batches, and confirms those that do not exist. */
import { createHash } from 'node:crypto';
import { readObject } from '../../core/ical/object.ts';
import { titleIn } from '../../core/ical/title-in.ts';
import { type Pace, startPace } from '../../core/sync/pace.ts';
import { SyncError } from '../../core/sync-error.ts';
import { inPace, pause } from '../concurrency.ts';
import { LAG_MS } from '../confirm-gone.ts';
import { serverTime } from '../http-answer.ts';
import { mayRead } from '../reading/reading.ts';
import { type Answer, bodyText, type DavClient, errorOf, multistatusOf } from './client.ts';
import { canonicalPath, pathOf } from './hrefs.ts';
import { isWhole, type Member, type Multistatus, textOf, xmlText } from './xml.ts';

/** One calendar collection of an account. */
export interface Collection {
  readonly client: DavClient;
  /** With its trailing slash. */
  readonly url: URL;
}

/** An object as the server sent it. */
export interface FetchedObject {
  /** The href as requested. */
  readonly resource: string;
  /** ETag, or its replacement (`versionOf`). */
  readonly version: string | null;
  readonly data: string;
  /** `getlastmodified`, ms since the epoch. */
  readonly modifiedMs: number | null;
  /** The server's clock when it answered, ms since the epoch. */
  readonly serverMs: number | null;
  /** Why `data` is empty although the object exists. */
  readonly withheld?: 'too-large' | 'forbidden' | 'unreadable';
  /** Of an event whose text is withheld, where it is known. */
  readonly title?: string;
}
export type Fetched = FetchedObject | 'missing';

/** In one `calendar-multiget`. */
export const BATCH = 100;

/**
 * Objects by their hrefs, each as it is or `missing`. Missing objects are those with a 404 or 410, in a multiget and to
 * a GET: where the two disagree, the object cannot be read now. One that the multiget leaves out, or gives without its
 * text, is fetched on its own.
 * The caller makes sure that the calendar itself exists (`checkCalendar`).
 * @param resources at most `BATCH`
 */
export async function fetchObjects(
  collection: Collection,
  resources: readonly string[],
): Promise<Map<string, Fetched>> {
  const found = resources.length > 0 ? await multiget(collection, resources) : new Map<string, Fetched>();
  const left = resources.filter((resource) => (found.get(resource) ?? 'missing') === 'missing');
  if (left.length === 0) return found;
  const pace = PACES.get(collection) ?? startPace(GETS_AT_MOST, Date.now(), GETS_AT_FIRST);
  const next = await inPace(left, pace, async (resource) => {
    const object = await fetchObject(collection, resource);
    found.set(resource, object !== 'missing' && found.has(resource) ? unreadable(resource) : object);
  });
  PACES.set(collection, next);
  return found;
}

/** Requests for one object each, which are most of the work where many events were deleted. */
const GETS_AT_FIRST = 4;
const GETS_AT_MOST = 16;
/** How many GETs at once an open calendar stands. */
const PACES = new WeakMap<Collection, Pace>();

/**
 * Objects that a listing or a change feed names right now. One that is missing all the same is looked at again. If it
 * still is, and it is known, it cannot be read: a server that contradicts itself does not prove a deletion. Unknown
 * ones stay missing: iCloud lists objects for ever that it does not have.
 * @param resources at most `BATCH`
 */
export async function fetchListed(
  collection: Collection,
  resources: readonly string[],
  isKnown: (resource: string) => boolean,
): Promise<Map<string, Fetched>> {
  const found = await fetchObjects(collection, resources);
  const absent = resources.filter((resource) => found.get(resource) === 'missing' && isKnown(resource));
  if (absent.length === 0) return found;
  await checkCalendar(collection);
  await pause(LAG_MS, undefined);
  for (const [resource, object] of await fetchObjects(collection, absent))
    found.set(resource, object === 'missing' ? unreadable(resource) : object);
  return found;
}

/**
 * One object by GET. If the server fails for it, mostly three times, while the calendar answers, the object exists and
 * cannot be read: one bad event must not stop a pair.
 * @throws SyncError when the answer is neither the object nor its absence
 */
export async function fetchObject(collection: Collection, resource: string): Promise<Fetched> {
  for (let tries = 1; ; tries += 1) {
    const object = await tryObject(collection, resource);
    if (object !== 'failed') return object;
    await checkCalendar(collection);
    const failed = FAILED.get(collection) ?? 0;
    if (tries === TRIES || failed >= MOST_TRIED_AGAIN) {
      FAILED.set(collection, failed + 1);
      return unreadable(resource);
    }
    await pause(LAG_MS, undefined);
  }
}

/** A server that fails once may just have been restarted. */
const TRIES = 3;
/** How many objects a server could not give since the calendar was opened: where it is many, waiting does not help. */
const FAILED = new WeakMap<Collection, number>();
const MOST_TRIED_AGAIN = 20;

async function tryObject(collection: Collection, resource: string): Promise<Fetched | 'failed'> {
  const { client } = collection;
  let answer;
  try {
    // Compressing web servers change the ETag (`-gzip`, `W/`).
    answer = await client.request('GET', objectUrl(collection, resource), {
      headers: { accept: 'text/calendar', 'accept-encoding': 'identity' },
    });
  } catch (error) {
    if (error instanceof SyncError && error.kind === 'too-large')
      return { ...unreadable(resource), withheld: 'too-large' };
    throw error;
  }
  const { status, headers } = answer;
  if (status === 404 || status === 410) return 'missing';
  if (status === 200 && !/html/i.test(headers.get('content-type') ?? '')) {
    return tried(
      collection,
      object(resource, headers.get('etag'), headers.get('last-modified'), bodyText(answer), serverTime(headers)),
    );
  }
  if (status === 200 || !isOwnFault(answer))
    throw (
      errorOf(answer) ??
      new SyncError('unreachable', `GET of an object answered ${status} with something else`, { status })
    );
  if (status >= 500) return 'failed';
  await checkCalendar(collection);
  return { ...unreadable(resource), withheld: status === 403 ? 'forbidden' : 'unreadable' };
}

/**
 * The properties of the calendar, which proves that it exists and answers.
 * @throws SyncError `calendar-missing`
 */
export async function checkCalendar({ client, url }: Collection): Promise<Member['props']> {
  let member: Member;
  try {
    ({ member } = await client.properties(url, ['d:resourcetype', 'd:supported-report-set', 'cs:getctag']));
  } catch (error) {
    const isMissing = error instanceof SyncError && (error.kind === 'gone' || error.kind === 'forbidden');
    throw isMissing ? missing(error.status) : error;
  }
  if (member.status === 404 || member.status === 403 || member.status === 410) throw missing(member.status);
  if ((member.status ?? 200) >= 300)
    throw new SyncError('unreachable', 'the calendar does not answer', { status: member.status ?? 207 });
  const types = member.props.get('d:resourcetype')?.children.map(({ name }) => name) ?? [];
  if (!types.includes('c:calendar')) throw missing(207);
  return member.props;
}

/** The address of an object. A path that begins with `//` stays a path on the calendar's host. */
export function objectUrl({ url }: Collection, resource: string): URL {
  const address = new URL(url);
  address.pathname = resource;
  return address;
}

/** Distinguishes two states of an object: its ETag, else its time, else its content. Preconditions need an ETag. */
export function versionOf(etag: string | null, lastModified: string | null, data: string | null): string | null {
  const tag = etag?.trim() ?? '';
  if (tag !== '') return tag;
  if (lastModified !== null && dateMs(lastModified) !== null) return `${NO_ETAG}modified:${lastModified.trim()}`;
  return data === null ? null : `${NO_ETAG}content:${createHash('sha256').update(data).digest('hex')}`;
}

export function isEtag(version: string | null): version is string {
  return version !== null && !version.startsWith(NO_ETAG);
}

function dateMs(text: string | null): number | null {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? null : ms;
}

const NO_ETAG = 'no-etag:';
/** Larger objects are not read; base64 attachments of megabytes are normal. */
const MAX_OBJECT_CHARS = 10_000_000;

/** The objects that a multiget answered; without those that it left out or answered in an unclear way. */
async function multiget(collection: Collection, resources: readonly string[]): Promise<Map<string, Fetched>> {
  const { client, url } = collection;
  const found = new Map<string, Fetched>();
  const requested = new Map(resources.map((resource) => [canonicalPath(resource), resource]));
  const hrefs = resources.map((resource) => ({ _text: xmlText(resource) }));
  const props = { 'd:getetag': {}, 'd:getlastmodified': {}, 'c:calendar-data': {} };
  let answer;
  try {
    answer = await client.xml('REPORT', url, { 'c:calendar-multiget': { 'd:prop': props, 'd:href': hrefs } }, '1');
  } catch (error) {
    if (error instanceof SyncError && error.kind === 'too-large') return found;
    throw error;
  }
  // Some servers fail the whole report because of one missing or broken member, or refuse so many: then each is fetched
  // on its own.
  if (isOwnFault(answer)) return found;
  for (const member of await membersOf(answer)) {
    const path = pathOf(member.href, answer.url);
    const resource = path === null ? undefined : requested.get(canonicalPath(path));
    if (resource === undefined) continue;
    const { status, props } = member;
    const data = props.get('c:calendar-data');
    if (status === 404 || status === 410) found.set(resource, 'missing');
    else if (data !== undefined && data.text.trim() !== '') {
      const [etag, modified] = [textOf(props, 'd:getetag'), textOf(props, 'd:getlastmodified')];
      const given = object(resource, etag, modified, data.text, serverTime(answer.headers), data.isBroken);
      found.set(resource, await tried(collection, given));
    }
  }
  return found;
}

/** None where the XML is not well-formed although it is whole: one of the objects may have broken it. */
async function membersOf(answer: Answer): Promise<Multistatus['members']> {
  try {
    return (await multistatusOf(answer)).members;
  } catch (error) {
    if (answer.status === 207 && isWhole(answer)) return [];
    throw error;
  }
}

/**
 * Whether the calendar has an event with this UID (RFC 4791 section 7.8); false where the server does not support the
 * query. Servers compare with the UID as it is written or as it is meant, so it is found by a part without escapes.
 */
export async function hasEvent({ client, url }: Collection, uid: string): Promise<boolean> {
  const [part = ''] = uid.split(/[\\,;\s]/).sort((a, b) => b.length - a.length);
  const named = (name: string, inside: object) => ({ _attributes: { name }, ...inside });
  const match = part === '' ? {} : { 'c:text-match': { _attributes: { collation: 'i;octet' }, _text: xmlText(part) } };
  const filter = {
    'c:comp-filter': named('VCALENDAR', { 'c:comp-filter': named('VEVENT', { 'c:prop-filter': named('UID', match) }) }),
  };
  const answer = await client.xml(
    'REPORT',
    url,
    { 'c:calendar-query': { 'd:prop': { 'd:getetag': {}, 'c:calendar-data': {} }, 'c:filter': filter } },
    '1',
  );
  if (answer.status !== 207) return false;
  // The filter matches parts of a UID, and some servers ignore it.
  return (await multistatusOf(answer)).members.some(({ props }) =>
    readObject(props.get('c:calendar-data')?.text ?? '', { floatingZone: 'UTC' }).events.some((one) => one.uid === uid),
  );
}

/** A refusal or failure that concerns the requested objects, and not the server as a whole. */
function isOwnFault(answer: Answer): boolean {
  const isOverall = errorOf(answer)?.kind === 'throttled' || [408, 425, 429, 502, 503, 504].includes(answer.status);
  return answer.status >= 400 && !isOverall;
}

function object(
  resource: string,
  etag: string | null,
  lastModified: string | null,
  data: string,
  serverMs: number | null,
  isBroken = /\p{Surrogate}/u.test(data),
): FetchedObject {
  const withheld = data.length > MAX_OBJECT_CHARS ? 'too-large' : isBroken ? 'unreadable' : null;
  return {
    resource,
    version: versionOf(etag, lastModified, data),
    data: withheld === null ? data : '',
    modifiedMs: dateMs(lastModified),
    serverMs,
    ...(withheld === null ? {} : { withheld, title: titleIn(data) }),
  };
}

/** A long object is tried in another thread before anything here reads it. */
async function tried({ url }: Collection, found: FetchedObject): Promise<FetchedObject> {
  const mayBeRead = await mayRead('object', { text: found.data, floatingZone: 'UTC' }, url.href);
  return mayBeRead ? found : { ...found, data: '', withheld: 'too-large', title: titleIn(found.data) };
}

function unreadable(resource: string): FetchedObject {
  return { resource, version: null, data: '', modifiedMs: null, serverMs: null, withheld: 'unreadable' };
}

function missing(status: number | undefined): SyncError {
  return new SyncError('calendar-missing', 'the calendar does not exist any more', { status });
}
