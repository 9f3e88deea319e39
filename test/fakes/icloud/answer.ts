/** Requests with their account, and answers in WebDAV's form. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Calendar, IcloudAccount } from './account.ts';
import type { Behaviour } from './behaviour.ts';
import { CALDAV, DAV, element, escaped, href, type XmlElement } from './xml.ts';

export interface DavRequest {
  readonly method: string;
  /** The requested host name, without a port. */
  readonly host: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request with valid credentials. */
export interface AccountRequest extends DavRequest {
  readonly account: IcloudAccount;
  readonly behaviour: Behaviour;
  /**
   * Of the account's partition, `https://p42-caldav.icloud.com:443`; empty for a request to the address of the
   * fake itself.
   */
  readonly partitionOrigin: string;
  /** Of the host that all accounts have in common. */
  readonly commonOrigin: string;
  readonly mailed: (mails: readonly string[]) => void;
}

export interface DavAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

/** Found properties by `namespace name`, as whole elements. */
export type Properties = ReadonlyMap<string, string>;

export function multistatus(responses: readonly string[], token?: string): DavAnswer {
  const end = token === undefined ? '' : `<sync-token>${escaped(token)}</sync-token>`;
  return {
    status: 207,
    headers: { 'content-type': 'text/xml; charset=UTF-8' },
    body: `<?xml version="1.0" encoding="UTF-8"?><multistatus xmlns="${DAV}">${responses.join('')}${end}</multistatus>`,
  };
}

/** One resource with its requested properties: first the present ones, then a second propstat with the missing ones. */
export function resource(
  request: AccountRequest,
  path: string,
  wanted: readonly XmlElement[],
  has: Properties,
): string {
  const found = wanted.flatMap(({ namespace, name }) => has.get(`${namespace} ${name}`) ?? []);
  const missing = wanted.filter(({ namespace, name }) => !has.has(`${namespace} ${name}`));
  const { emptyStatus } = request.behaviour;
  const second =
    missing.length === 0
      ? ''
      : propstat(
          (emptyStatus ? wanted : missing).map(({ namespace, name }) => element(namespace, name)).join(''),
          emptyStatus ? '' : 'HTTP/1.1 404 Not Found',
        );
  return `<response>${address(request, path)}${propstat(found.join(''), 'HTTP/1.1 200 OK')}${second}</response>`;
}

/** A member that is gone. */
export function absent(request: AccountRequest, path: string): string {
  return `<response>${address(request, path)}<status>HTTP/1.1 404 Not Found</status></response>`;
}

export function failure(status: number, namespace: string, condition: string): DavAnswer {
  return {
    status,
    headers: { 'content-type': 'text/xml; charset=UTF-8' },
    body: `<?xml version="1.0" encoding="UTF-8"?><error xmlns="${DAV}">${element(namespace, condition)}</error>`,
  };
}

/**
 * The calendar, and the name of an object in it (empty: the calendar itself), that a path names; null for all other
 * paths.
 */
export function locate({
  account,
  path,
}: Pick<AccountRequest, 'account' | 'path'>): { calendar: Calendar; name: string } | null {
  if (!path.startsWith(account.home)) return null;
  const [id = '', name = '', ...more] = path.slice(account.home.length).split('/');
  const calendar = account.calendars.get(decoded(id));
  return calendar === undefined || more.length > 0 ? null : { calendar, name: decoded(name) };
}

export function pathOf({ account }: Pick<AccountRequest, 'account'>, calendar: Calendar, name = ''): string {
  return `${account.home}${encodeURIComponent(calendar.id)}/${encodeURIComponent(name)}`;
}

export function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const VALID_SYNC_TOKEN = failure(403, DAV, 'valid-sync-token');
export const NO_SUCH_REPORT = failure(403, CALDAV, 'supported-filter');

function address({ behaviour, commonOrigin }: AccountRequest, path: string): string {
  return href(behaviour.commonHrefs ? `${commonOrigin}${path}` : path);
}

function propstat(props: string, status: string): string {
  return `<propstat><prop>${props}</prop><status>${status}</status></propstat>`;
}
