/**
 * A CalDAV server with the oddities of servers that the tests cannot run. It has one calendar, `/cal/`; the test
 * decides everything else.
 */
import { createServer, type IncomingHttpHeaders } from 'node:http';

export interface FakeDav {
  readonly base: string;
  readonly calendar: string;
  /** Body and version by path; `raw` where the body is not in UTF-8. */
  readonly objects: Map<string, { data: string; raw?: Buffer; version: number; modified?: Date }>;
  /** `METHOD path`, in order. */
  readonly log: string[];
  /** The headers of the last request. */
  headers: IncomingHttpHeaders;
  oddities: Oddities;
  put(path: string, data: string | Buffer): void;
  remove(path: string): void;
  close(): Promise<void>;
}

export interface Oddities {
  /** No sync-collection. */
  noSync?: boolean;
  noCtag?: boolean;
  /** Status and body for a REPORT with a token that is not the current one. */
  refuseToken?: { status: number; body: string };
  /** Changes per page, with 507 for the rest. */
  pageSize?: number;
  /** Heeds the limit that a client asks for. */
  heedsLimit?: boolean;
  etags?: 'strong' | 'weak' | 'none';
  /** A PUT returns no ETag, as on servers that modify what they store. */
  noEtagOnPut?: boolean;
  noLastModified?: boolean;
  /** What multiget does for missing members. */
  missing?: '404' | 'left out' | 'whole report 404';
  /** How hrefs are spelled in answers. */
  spell?: (path: string, where: 'sync' | 'multiget' | 'propfind') => string;
  /** Handles the request instead of the server when it returns something. */
  answer?: (method: string, path: string, body: string, headers: IncomingHttpHeaders) => FakeAnswer | undefined;
  /** Changes the server's own answer. */
  change?: (method: string, path: string, body: string, answer: FakeAnswer) => FakeAnswer;
}
export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

export async function fakeDav(oddities: Oddities = {}): Promise<FakeDav> {
  /** The path of every change, in order: a token is a position in this list. */
  const history: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const [method, path, body] = [request.method ?? '', request.url ?? '', Buffer.concat(chunks).toString()];
        dav.log.push(`${method} ${path}`);
        dav.headers = request.headers;
        const given =
          dav.oddities.answer?.(method, path, body, request.headers) ?? handle(method, path, body, request.headers);
        const answer = dav.oddities.change?.(method, path, body, given) ?? given;
        response
          .writeHead(answer.status, { 'content-type': 'application/xml; charset=utf-8', ...answer.headers })
          .end(answer.body);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
  const dav: FakeDav = {
    base,
    calendar: `${base}cal/`,
    objects: new Map(),
    log: [],
    headers: {},
    oddities,
    put(path, data) {
      dav.objects.set(path, {
        ...(typeof data === 'string' ? { data } : { data: '', raw: data }),
        version: history.push(path),
        modified: new Date(1_700_000_000_000 + history.length * 1000),
      });
    },
    remove(path) {
      dav.objects.delete(path);
      history.push(path);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };

  const etagOf = (path: string): string | null => {
    const { etags = 'strong' } = dav.oddities;
    const version = dav.objects.get(path)?.version;
    return etags === 'none' || version === undefined ? null : `${etags === 'weak' ? 'W/' : ''}"v${version}"`;
  };
  const spelled = (path: string, where: 'sync' | 'multiget' | 'propfind'): string =>
    escape(dav.oddities.spell?.(path, where) ?? path);
  const member = (path: string, where: 'sync' | 'multiget' | 'propfind', withData: boolean): string => {
    const object = dav.objects.get(path);
    const etag = etagOf(path);
    const props = [
      etag === null ? '' : `<d:getetag>${escape(etag)}</d:getetag>`,
      object?.modified === undefined || dav.oddities.noLastModified || where === 'sync'
        ? ''
        : `<d:getlastmodified>${object.modified.toUTCString()}</d:getlastmodified>`,
      withData ? `<c:calendar-data>${object?.raw ? rawOf(path) : escape(object?.data ?? '')}</c:calendar-data>` : '',
    ];
    return (
      `<d:response><d:href>${spelled(path, where)}</d:href><d:propstat>` +
      `<d:prop>${props.join('')}</d:prop><d:status>HTTP/1.1 ` +
      '200 OK</d:status></d:propstat></d:response>'
    );
  };

  function handle(method: string, path: string, body: string, headers: IncomingHttpHeaders): FakeAnswer {
    if (method === 'OPTIONS') return { status: 200, headers: { dav: '1, calendar-access' } };
    if (method === 'PROPFIND') return path === '/cal/' ? propfind(headers['depth'] === '1') : { status: 404 };
    if (method === 'REPORT') return body.includes('sync-collection') ? sync(body) : multiget(body);
    const etag = etagOf(path);
    if (method === 'GET')
      return dav.objects.has(path)
        ? {
            status: 200,
            headers: { 'content-type': 'text/calendar', ...(etag === null ? {} : { etag }) },
            body: dav.objects.get(path)?.raw ?? dav.objects.get(path)?.data ?? '',
          }
        : { status: 404 };
    // Strong comparison: a weak ETag never matches.
    if (headers['if-none-match'] === '*' && dav.objects.has(path)) return { status: 412 };
    if (headers['if-match'] !== undefined && (headers['if-match'] !== etag || etag.startsWith('W/')))
      return { status: 412 };
    if (method === 'PUT') {
      dav.put(path, body);
      return {
        status: 201,
        ...(etagOf(path) === null || dav.oddities.noEtagOnPut ? {} : { headers: { etag: etagOf(path)! } }),
      };
    }
    if (method === 'DELETE' && dav.objects.has(path)) {
      dav.remove(path);
      return { status: 204 };
    }
    return { status: method === 'DELETE' ? 404 : 405 };
  }

  function propfind(withMembers: boolean): FakeAnswer {
    const reports = dav.oddities.noSync
      ? ''
      : '<d:supported-report-set><d:supported-report><d:report><d:sync-collection/></d:report>' +
        '</d:supported-report></d:supported-report-set>';
    const ctag = dav.oddities.noCtag ? '' : `<cs:getctag>${history.length}</cs:getctag>`;
    const own =
      '<d:response><d:href>/cal/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/>' +
      `<c:calendar/></d:resourcetype>${reports}${ctag}</d:prop><d:status>HTTP/1.1 ` +
      '200 OK</d:status></d:propstat></d:response>';
    return multistatus(
      own + (withMembers ? [...dav.objects.keys()].map((path) => member(path, 'propfind', false)).join('') : ''),
    );
  }

  function sync(body: string): FakeAnswer {
    if (dav.oddities.noSync) return { status: 501 };
    const token = /<d:sync-token>([^<]*)</.exec(body)?.[1]?.trim() ?? '';
    const since = token === '' ? 0 : Number(token);
    if (!Number.isInteger(since) || since > history.length)
      return (
        dav.oddities.refuseToken ?? { status: 403, body: '<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>' }
      );
    const limit = dav.oddities.heedsLimit ? Number(/<d:nresults>(\d+)</.exec(body)?.[1] ?? Infinity) : Infinity;
    const until = Math.min(history.length, since + Math.min(dav.oddities.pageSize ?? Infinity, limit));
    const changed = [...new Set(history.slice(since, until))];
    const lines = changed.map((path) =>
      dav.objects.has(path)
        ? member(path, 'sync', false)
        : `<d:response><d:href>${spelled(path, 'sync')}</d:href><d:status>HTTP/1.1 404 Not ` +
          'Found</d:status></d:response>',
    );
    const itself =
      '<d:response><d:href>/cal/</d:href><d:propstat><d:prop><d:getetag>"self"</d:getetag></d:prop>' +
      '<d:status>HTTP/1.1 ' +
      '200 OK</d:status></d:propstat></d:response>';
    const cut =
      until < history.length
        ? '<d:response><d:href>/cal/</d:href><d:status>HTTP/1.1 507 Insufficient ' +
          'Storage</d:status><d:error><d:number-of-matches-within-limits/></d:error></d:response>'
        : '';
    return multistatus(`${itself}${lines.join('')}${cut}<d:sync-token>${until}</d:sync-token>`);
  }

  function multiget(body: string): FakeAnswer {
    const { missing = '404' } = dav.oddities;
    const paths = [...body.matchAll(/<d:href>([^<]*)</g)].map(([, href = '']) => href.replaceAll('&amp;', '&'));
    if (missing === 'whole report 404' && paths.some((path) => !dav.objects.has(path))) return { status: 404 };
    const lines = paths.map((path) => {
      if (dav.objects.has(path)) return member(path, 'multiget', true);
      return missing === 'left out'
        ? ''
        : `<d:response><d:href>${spelled(path, 'multiget')}</d:href><d:status>HTTP/1.1 404 Not ` +
            'Found</d:status></d:response>';
    });
    return withBytes(multistatus(lines.join('')), dav.objects);
  }

  return dav;
}

/** A place in an answer for the bytes of an object. */
function rawOf(path: string): string {
  return `\u{f0000}${path}\u{f0000}`;
}

function withBytes(answer: FakeAnswer, objects: FakeDav['objects']): FakeAnswer {
  const parts = String(answer.body).split('\u{f0000}');
  const body = Buffer.concat(
    parts.map((part, at) => Buffer.from(at % 2 === 0 ? part : (objects.get(part)?.raw ?? ''))),
  );
  return { ...answer, body };
}

/** One member of a multistatus, with properties that were found. */
export function response(href: string, props: string): string {
  return (
    `<d:response><d:href>${href}</d:href><d:propstat><d:prop>${props}</d:prop>` +
    '<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>'
  );
}

export function multistatus(content: string): FakeAnswer {
  return {
    status: 207,
    body:
      '<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" ' +
      'xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/" ' +
      `xmlns:a="http://apple.com/ns/ical/">${content}</d:multistatus>`,
  };
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
