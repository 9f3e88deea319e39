/** A CalDAV server in memory with one calendar, answered in process; how it differs from others is in `dav-ways.ts`. */
import { randomUUID } from 'node:crypto';
import { rewritten, type Ways } from './dav-ways.ts';
import { lineOf, parseObject, valueOf } from './ics-text.ts';

export interface DavObject {
  readonly data: string;
  readonly version: number;
  readonly modified: number;
  /** Who wrote it last. */
  readonly by: 'person' | 'calpair';
}

export interface DavRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

export interface DavAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class DavServer {
  readonly origin: string;
  readonly host: string;
  readonly credentials: { readonly username: string; readonly password: string };
  readonly ways: Ways;
  /** By path. */
  readonly objects = new Map<string, DavObject>();
  /** Called with each object that a client stores or deletes (null), before it is rewritten. */
  onWrite: (path: string, text: string | null) => void = () => {};
  /** Called with each object that a person stores. */
  onPersonWrite: (text: string) => void = () => {};
  /** Objects that a listing names and a request by name answers with 404. */
  readonly hiddenByName = new Set<string>();
  /** Objects that were stored without an ETag in the answer, and not read since. */
  readonly unread = new Set<string>();
  /** Objects that no listing names. */
  readonly unlisted = new Set<string>();
  /** The path of every change; a sync token is a place in it. */
  #history: string[] = [];
  #epoch = 0;
  #modified = 0;
  #writes = 0;
  readonly #now: () => number;

  constructor(
    host: string,
    ways: Ways,
    now: () => number,
    origin = `https://${host}.example.org`,
    credentials = { username: 'owner', password: 'secret' },
  ) {
    this.origin = origin;
    this.host = host;
    this.credentials = credentials;
    this.ways = ways;
    this.#now = now;
  }

  get calendar(): string {
    return `${this.origin}${this.ways.path}`;
  }

  expireTokens(): void {
    this.#epoch += 1;
  }

  put(path: string, data: string, by: DavObject['by']): void {
    if (by === 'person') this.onPersonWrite(data);
    this.#modified = Math.max(this.#now(), this.#modified + 1000);
    this.objects.set(path, { data, by, version: this.#history.push(path), modified: this.#modified });
  }

  remove(path: string): void {
    this.objects.delete(path);
    this.#history.push(path);
  }

  /** Object store and change log, for a restore later. */
  newName(): string {
    return `${this.ways.path}${randomUUID()}.ics`;
  }

  answer(request: DavRequest): DavAnswer {
    const { method, url, headers, body } = request;
    const path = url.pathname;
    switch (method) {
      case 'OPTIONS':
        return { status: 200, headers: { dav: '1, calendar-access' } };
      case 'PROPFIND':
        return this.#propfind(path, headers.get('depth') === '1', body);
      case 'REPORT':
        if (path !== this.ways.path) return { status: 404 };
        if (body.includes('sync-collection')) return this.#sync(body);
        return body.includes('calendar-query') ? this.#query(body) : this.#multiget(body);
      case 'GET':
        return this.#get(path);
      case 'PUT':
      case 'DELETE':
        return this.#write(request);
      default:
        return { status: 405 };
    }
  }

  #get(path: string): DavAnswer {
    const object = this.#byName(path);
    this.unread.delete(path);
    if (!object) return { status: 404 };
    const etag = this.#etag(object);
    return {
      status: 200,
      headers: {
        'content-type': 'text/calendar; charset=utf-8',
        ...(etag === null ? {} : { etag }),
        ...(this.ways.lastModified ? { 'last-modified': new Date(object.modified).toUTCString() } : {}),
      },
      body: object.data,
    };
  }

  #write({ method, url, headers, body }: DavRequest): DavAnswer {
    const path = url.pathname;
    const { ways } = this;
    if (!path.startsWith(ways.path)) return { status: 403 };
    this.#writes += 1;
    if (ways.locks && this.#writes % 5 === 0) return { status: 423 };
    const object = this.#byName(path);
    const etag = object ? this.#etag(object) : null;
    const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')];
    if (ifNoneMatch === '*' && object) return { status: 412 };
    if (ifMatch !== null && (etag !== ifMatch || etag.startsWith('W/'))) return { status: 412 };
    if (method === 'DELETE') {
      if (!object) return { status: 404 };
      this.onWrite(path, null);
      this.remove(path);
      return { status: 204 };
    }
    const uid = uidOf(body);
    if (uid === null) return failure(403, 'c:valid-calendar-data');
    if ([...this.objects].some(([other, { data }]) => other !== path && uidOf(data) === uid)) return this.#uidTaken();
    this.onWrite(path, body);
    const stored = rewritten(body, ways, compactNow(this.#now()));
    this.put(path, stored, 'calpair');
    const fresh = this.#etag(this.objects.get(path)!);
    const tells = ways.etagOnPut === 'always' || (ways.etagOnPut === 'unless-rewritten' && stored === body);
    if (!tells || fresh === null) this.unread.add(path);
    return { status: object ? 204 : 201, ...(tells && fresh !== null ? { headers: { etag: fresh } } : {}) };
  }

  #uidTaken(): DavAnswer {
    const { uidTaken } = this.ways;
    if (uidTaken === '400 text')
      return {
        status: 400,
        headers: XML,
        body:
          '<?xml version="1.0"?><d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns">' +
          '<s:exception>Sabre\\DAV\\Exception\\BadRequest</s:exception><s:message>Calendar object with uid ' +
          'already exists in this calendar collection.</s:message></d:error>',
      };
    const status = Number(uidTaken.slice(0, 3));
    return uidTaken.endsWith('conflict') ? failure(status, 'c:no-uid-conflict') : { status };
  }

  #byName(path: string): DavObject | undefined {
    return this.hiddenByName.has(path) ? undefined : this.objects.get(path);
  }

  #etag({ version }: DavObject): string | null {
    const { etags } = this.ways;
    return etags === 'none' ? null : `${etags === 'weak' ? 'W/' : ''}"v${version}"`;
  }

  #href(path: string): string {
    const { hrefs } = this.ways;
    if (hrefs === 'absolute') return escapeXml(`${this.origin}${path}`);
    return escapeXml(hrefs === 'decoded' ? decodeURIComponent(path) : path);
  }

  #member(path: string, parts: { readonly data?: boolean; readonly times?: boolean }): string {
    const object = this.objects.get(path)!;
    const etag = this.#etag(object);
    const { lastModified, xmlLines } = this.ways;
    const data = xmlLines === 'lf' ? object.data.replaceAll('\r\n', '\n') : object.data;
    const props = [
      etag === null ? '' : `<d:getetag>${escapeXml(etag)}</d:getetag>`,
      lastModified && (parts.times ?? parts.data)
        ? `<d:getlastmodified>${new Date(object.modified).toUTCString()}</d:getlastmodified>`
        : '',
      parts.data ? `<c:calendar-data>${escapeXml(data).replaceAll('\r', '&#13;')}</c:calendar-data>` : '',
    ].join('');
    return response(this.#href(path), `<d:propstat><d:prop>${props}</d:prop>${OK}</d:propstat>`);
  }

  get #listed(): string[] {
    return [...this.objects.keys()].filter((path) => !this.unlisted.has(path));
  }

  #propfind(path: string, withMembers: boolean, body: string): DavAnswer {
    const { ways } = this;
    const home = ways.path.replace(/[^/]+\/$/, '');
    const principal = `<d:href>/principals/owner/</d:href>`;
    const prop = (own: string): string => `<d:propstat><d:prop>${own}</d:prop>${OK}</d:propstat>`;
    const collection = '<d:resourcetype><d:collection/></d:resourcetype>';
    if (path === '/principals/owner/')
      return multistatus(
        response(
          path,
          prop(
            `<d:current-user-principal>${principal}</d:current-user-principal>` +
              `<c:calendar-home-set><d:href>${home}</d:href></c:calendar-home-set>` +
              '<c:calendar-user-address-set><d:href>mailto:owner@example.org</d:href></c:calendar-user-address-set>' +
              '<d:resourcetype><d:principal/></d:resourcetype>',
          ),
        ),
      );
    if (path === '/' || path === home)
      return multistatus(
        response(path, prop(`<d:current-user-principal>${principal}</d:current-user-principal>${collection}`)),
      );
    if (path !== ways.path) return { status: 404 };
    const reports =
      ways.changes === 'sync'
        ? '<d:supported-report-set><d:supported-report><d:report><d:sync-collection/></d:report>' +
          '</d:supported-report></d:supported-report-set>'
        : '';
    const ctag =
      ways.changes === 'etags' || !body.includes('getctag')
        ? ''
        : `<cs:getctag>${this.#epoch}-${this.#history.length}</cs:getctag>`;
    const own = response(
      this.#href(path),
      prop(`<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>${reports}${ctag}`),
    );
    const members = withMembers ? this.#listed.map((one) => this.#member(one, { times: true })) : [];
    return multistatus(own + members.join(''));
  }

  #sync(body: string): DavAnswer {
    const { ways } = this;
    if (ways.changes !== 'sync') return { status: 501 };
    const token = /<d:sync-token>([^<]*)</.exec(body)?.[1]?.trim() ?? '';
    const [, epoch, place] = /^data:,(\d+)-(\d+)$/.exec(token) ?? [];
    const isFirst = token === '';
    const since = isFirst ? 0 : Number(place);
    if (!isFirst && (Number(epoch) !== this.#epoch || !(since <= this.#history.length)))
      return failure(403, 'd:valid-sync-token');
    if (isFirst && ways.emptyFirstSync) return multistatus(`<d:sync-token>data:,${this.#epoch}-0</d:sync-token>`);
    const until = Math.min(this.#history.length, since + ways.syncPage);
    const lines = [...new Set(this.#history.slice(since, until))].map((path) => {
      if (this.unlisted.has(path)) return '';
      if (this.objects.has(path)) return this.#member(path, {});
      if (ways.forgetsRemovals) return '';
      return response(this.#href(path), NOT_FOUND);
    });
    const cut =
      until < this.#history.length
        ? response(
            this.#href(ways.path),
            '<d:status>HTTP/1.1 507 Insufficient Storage</d:status>' +
              '<d:error><d:number-of-matches-within-limits/></d:error>',
          )
        : '';
    return multistatus(`${lines.join('')}${cut}<d:sync-token>data:,${this.#epoch}-${until}</d:sync-token>`);
  }

  #multiget(body: string): DavAnswer {
    const { ways } = this;
    const asked = [...body.matchAll(/<d:href>([^<]*)</g)].map(([, href = '']) => href.replaceAll('&amp;', '&'));
    if (ways.missing === 'whole report 404' && asked.some((path) => !this.#byName(path))) return { status: 404 };
    const lines = asked.map((path, index) => {
      if (ways.multigetForgets && index % 3 === 2) return '';
      if (this.#byName(path)) return this.#member(path, { data: true });
      return ways.missing === 'left out' ? '' : response(this.#href(path), NOT_FOUND);
    });
    return multistatus(lines.join(''));
  }

  /** Only for a UID. */
  #query(body: string): DavAnswer {
    const uid = /<c:text-match[^>]*>([^<]*)</.exec(body)?.[1] ?? '';
    return multistatus(
      [...this.objects]
        .filter(([, { data }]) => (uidOf(data) ?? '').includes(uid.replaceAll('&amp;', '&')))
        .map(([path]) => this.#member(path, { data: true }))
        .join(''),
    );
  }
}

const OK = '<d:status>HTTP/1.1 200 OK</d:status>';
const NOT_FOUND = '<d:status>HTTP/1.1 404 Not Found</d:status>';

function uidOf(text: string): string | null {
  try {
    const root = parseObject(text);
    const event = root.components.find(({ name }) => name === 'VEVENT');
    const line = event ? lineOf(event, 'UID') : null;
    return line === null ? null : valueOf(line);
  } catch {
    return null;
  }
}

function compactNow(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

function response(href: string, content: string): string {
  return `<d:response><d:href>${href}</d:href>${content}</d:response>`;
}

function multistatus(content: string): DavAnswer {
  return {
    status: 207,
    headers: XML,
    body:
      '<?xml version="1.0" encoding="utf-8"?><d:multistatus xmlns:d="DAV:" ' +
      'xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/">' +
      `${content}</d:multistatus>`,
  };
}

function failure(status: number, condition: string): DavAnswer {
  return {
    status,
    headers: XML,
    body:
      '<?xml version="1.0"?><d:error xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">' +
      `<${condition}/></d:error>`,
  };
}

const XML = { 'content-type': 'application/xml; charset=utf-8' };

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
