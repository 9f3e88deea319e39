/** Fetches objects of one calendar by name, in batches, and confirms those that do not exist. */
import { createHash } from 'node:crypto';
import { SyncError } from '../../core/sync-error.ts';
import { type Answer, type DavClient, errorOf, multistatusOf } from './client.ts';
import { contentLines } from './content-lines.ts';
import { canonicalPath, pathOf } from './hrefs.ts';
import { type Member, textOf, xmlText } from './xml.ts';

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
}
export type Fetched = FetchedObject | 'missing';

/** In one `calendar-multiget`. */
export const BATCH = 100;

/**
 * Objects by their hrefs, each as it is or `missing`. Missing objects are those with a 404 or 410; one that an answer
 * leaves out is fetched on its own. The caller makes sure that the calendar itself exists (`checkCalendar`).
 * @param resources at most `BATCH`
 */
export async function fetchObjects(
  collection: Collection,
  resources: readonly string[],
): Promise<Map<string, Fetched>> {
  const found = resources.length > 0 ? await multiget(collection, resources) : new Map<string, Fetched>();
  const left = resources.filter((resource) => !found.has(resource));
  for (let index = 0; index < left.length; index += 2) {
    const two = left.slice(index, index + 2);
    const objects = await Promise.all(two.map((resource) => fetchObject(collection, resource)));
    objects.forEach((object, at) => found.set(two[at] ?? '', object));
  }
  return found;
}

/**
 * One object by GET. If the server fails for it while the calendar answers, the object exists and cannot be read: one
 * bad event must not stop a pair.
 * @throws SyncError when the answer is neither the object nor its absence
 */
export async function fetchObject(collection: Collection, resource: string): Promise<Fetched> {
  const { client } = collection;
  const nothing = { resource, version: null, data: '', modifiedMs: null, serverMs: null };
  let answer;
  try {
    // Compressing web servers change the ETag (`-gzip`, `W/`).
    answer = await client.request('GET', objectUrl(collection, resource), {
      headers: { accept: 'text/calendar', 'accept-encoding': 'identity' },
    });
  } catch (error) {
    if (error instanceof SyncError && error.kind === 'too-large') return { ...nothing, withheld: 'too-large' };
    throw error;
  }
  const { status, headers, text } = answer;
  if (status === 404 || status === 410) return 'missing';
  if (status === 200 && !/html/i.test(headers.get('content-type') ?? '')) {
    return object(resource, headers.get('etag'), headers.get('last-modified'), text, dateMs(headers.get('date')));
  }
  if (status === 200 || !isOwnFault(answer))
    throw (
      errorOf(answer) ??
      new SyncError('unreachable', `GET of an object answered ${status} with something else`, { status })
    );
  await checkCalendar(collection);
  return { ...nothing, withheld: status === 403 ? 'forbidden' : 'unreadable' };
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
async function multiget({ client, url }: Collection, resources: readonly string[]): Promise<Map<string, Fetched>> {
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
  const serverMs = dateMs(answer.headers.get('date'));
  for (const member of multistatusOf(answer).members) {
    const path = pathOf(member.href, answer.url);
    const resource = path === null ? undefined : requested.get(canonicalPath(path));
    if (resource === undefined) continue;
    const data = member.props.get('c:calendar-data')?.text;
    if (member.status === 404 || member.status === 410) found.set(resource, 'missing');
    else if (data !== undefined)
      found.set(
        resource,
        object(resource, textOf(member.props, 'd:getetag'), textOf(member.props, 'd:getlastmodified'), data, serverMs),
      );
  }
  return found;
}

/**
 * Whether the calendar has an event with this UID (RFC 4791 section 7.8); false where the server does not support the
 * query.
 */
export async function hasEvent({ client, url }: Collection, uid: string): Promise<boolean> {
  const named = (name: string, inside: object) => ({ _attributes: { name }, ...inside });
  const match = { 'c:text-match': { _attributes: { collation: 'i;octet' }, _text: xmlText(uid) } };
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
  return multistatusOf(answer).members.some(({ props }) =>
    contentLines(props.get('c:calendar-data')?.text ?? '', 'UID').includes(`UID:${uid}`),
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
): FetchedObject {
  const isTooLarge = data.length > MAX_OBJECT_CHARS;
  return {
    resource,
    version: versionOf(etag, lastModified, data),
    data: isTooLarge ? '' : data,
    modifiedMs: dateMs(lastModified),
    serverMs,
    ...(isTooLarge ? { withheld: 'too-large' as const } : {}),
  };
}

function missing(status: number | undefined): SyncError {
  return new SyncError('calendar-missing', 'the calendar does not exist any more', { status });
}
