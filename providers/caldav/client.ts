/**
 * Requests to one CalDAV account: credentials sent only where they may go; redirects followed; answers read.
 */
import { DAVNamespace, davRequest } from 'tsdav';
import { decodeBytes } from '../../core/ical/charset.ts';
import { SyncError } from '../../core/sync-error.ts';
import { followRedirects, mayCarryCredentials } from '../http.ts';
import { kindOfStatus, statusError } from '../http-answer.ts';
import type { Io } from '../provider.ts';
import { isLong } from '../reading/reading.ts';
import { readLongMultistatus } from './long-multistatus.ts';
import { adviceFor, type Login, learn, type Proof, proofFor } from './sign-in.ts';
import { UnconfirmedServer } from './unconfirmed-server.ts';
import { type Body, type Member, type Multistatus, readError, readMultistatus, WEBDAV_PUSH } from './xml.ts';

export interface DavClient {
  /** Any request; returns answers of every status but 401. */
  request(method: string, url: URL, options?: RequestOptions): Promise<Answer>;
  /**
   * A request with an XML body, written by tsdav; `body` has one element, with prefixed names (`NAMESPACES`).
   */
  xml(method: XmlMethod, url: URL, body: XmlBody, depth?: '0' | '1'): Promise<Answer>;
  /** PROPFIND for the named properties. @throws SyncError by the status when the answer is no multistatus */
  propfind(url: URL, depth: '0' | '1', props: readonly string[]): Promise<Answer & Multistatus>;
  /** The one member of a PROPFIND of depth 0; it has a `status` where the server answers 207 around a 404. */
  properties(url: URL, props: readonly string[]): Promise<Answer & { readonly member: Member }>;
  /** The first address that asked for the credentials and must not get them; null where none has. */
  elsewhere(): URL | null;
}

export interface RequestOptions {
  readonly headers?: Record<string, string>;
  readonly body?: string;
}
type XmlMethod = 'PROPFIND' | 'PROPPATCH' | 'REPORT' | 'MKCALENDAR' | 'POST';
export type XmlBody = Record<string, unknown>;

export interface Answer extends Body {
  readonly status: number;
  readonly headers: Headers;
  /** The address that answered, after redirects: relative hrefs are relative to it. */
  readonly url: URL;
  /** Of a 401: what a person can do. */
  readonly advice?: string | undefined;
}

/** For an account that may move to another host (`relocation.ts`). */
export interface Relocation {
  /** The current address for an address. */
  now(url: URL): URL;
  /**
   * Discovers the account again. True when it has moved.
   * @throws SyncError `auth` when the host that was typed refuses the credentials, too
   */
  check(): Promise<boolean>;
}

export function davClient(typed: URL, login: Login, io: Io, relocation?: Relocation): DavClient {
  const mayCarry = (url: URL): boolean => mayCarryCredentials(typed, url);
  let elsewhere: URL | null = null;

  async function send(method: string, url: URL, options: RequestOptions): Promise<Answer> {
    const { headers = {}, body } = options;
    const init = {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(io.signal ? { signal: io.signal } : {}),
    };
    for (let tries = 1; ; tries += 1) {
      let proof: Proof | undefined;
      const { response, url: answered } = await followRedirects(io.fetch, url, init, (at) => {
        proof = mayCarry(at) ? proofFor(login, method, at, body) : undefined;
        return proof?.header ?? null;
      });
      if (response.status !== 401) return readAnswer(response, answered);
      if (proof === undefined) throw new UnconfirmedServer((elsewhere ??= answered), 'unreachable', { status: 401 });
      if (tries < MAX_SIGN_INS && learn(login, answered, proof, response.headers, tries === 1)) continue;
      return { ...(await readAnswer(response, answered)), advice: adviceFor(login, proof, response.headers) };
    }
  }

  async function request(method: string, url: URL, options: RequestOptions = {}): Promise<Answer> {
    const target = relocation?.now(url) ?? url;
    const answer = await send(method, target, options);
    const isElsewhere = relocation !== undefined && target.origin !== typed.origin;
    if (isElsewhere && answer.url.origin !== target.origin) await relocation.check().catch(() => false);
    // A refusal by a host that only the server named proves nothing: the account may have moved away from there.
    if (isElsewhere && [401, 404, 410].includes(answer.status)) {
      const hasMoved = await relocation.check();
      if (!hasMoved && answer.status !== 401) return answer;
      const again = await send(method, relocation.now(url), options);
      if (again.status === 401)
        throw new SyncError('unreachable', 'a host of the account refuses credentials that its service accepts', {
          status: 401,
        });
      return again;
    }
    if (answer.status === 401)
      throw new SyncError('auth', 'the server refused the credentials', { status: 401, advice: answer.advice });
    return answer;
  }

  async function xml(method: XmlMethod, url: URL, body: XmlBody, depth?: '0' | '1'): Promise<Answer> {
    let answer: Answer | undefined;
    await davRequest({
      url: url.href,
      init: {
        method,
        body,
        attributes: NAMESPACES,
        headers: { 'content-type': 'application/xml; charset=utf-8', ...(depth === undefined ? {} : { depth }) },
      },
      parseOutgoing: false,
      // tsdav only writes the request. It would cut and convert the answer, so it gets an empty one.
      fetch: async (_url, init) => {
        answer = await request(method, url, {
          headers: init?.headers as Record<string, string>,
          body: String(init?.body),
        });
        return new Response(null, { status: 200 });
      },
    });
    if (answer === undefined) throw new SyncError('bug', 'tsdav made no request');
    return answer;
  }

  async function propfind(url: URL, depth: '0' | '1', props: readonly string[]): Promise<Answer & Multistatus> {
    const body = { 'd:propfind': { 'd:prop': Object.fromEntries(props.map((name) => [name, {}])) } };
    const answer = await xml('PROPFIND', url, body, depth);
    return { ...answer, ...(await multistatusOf(answer)) };
  }

  async function properties(url: URL, props: readonly string[]): Promise<Answer & { member: Member }> {
    const answer = await propfind(url, '0', props);
    const [member] = answer.members;
    if (member === undefined) throw new SyncError('unreachable', 'an empty multistatus', { status: 207 });
    return { ...answer, member };
  }

  return { request, xml, propfind, properties, elsewhere: () => elsewhere };
}

async function readAnswer(response: Response, url: URL): Promise<Answer> {
  const { status, headers } = response;
  const charset = /;\s*charset="?([\w.:-]+)/i.exec(headers.get('content-type') ?? '')?.[1];
  return { status, headers, bytes: new Uint8Array(await response.arrayBuffer()), charset, url };
}

/** Basic, Digest, and Digest with a new nonce. */
const MAX_SIGN_INS = 3;

/**
 * The multistatus of an answer.
 * @throws SyncError for any other answer: `gone`, `forbidden`, `throttled`, else `unreachable`, because refusing a read
 * violates the protocol
 */
export async function multistatusOf(answer: Answer): Promise<Multistatus> {
  if (answer.status === 207)
    return isLong(answer.bytes) ? readLongMultistatus(answer, answer.url.href) : readMultistatus(answer);
  const error = errorOf(answer);
  if (error !== null && ['gone', 'forbidden', 'throttled'].includes(error.kind)) throw error;
  throw new SyncError('unreachable', `the server answered ${answer.status} instead of a multistatus`, {
    status: answer.status,
  });
}

/** The error of an answer, with the server's own reason; null for success. */
export function errorOf(answer: Answer): SyncError | null {
  const { status, headers } = answer;
  if (kindOfStatus(status, headers) === null) return null;
  // WebDAV says with 409 that a collection is missing (RFC 4918 section 9.7.1): that is no lost race.
  return statusError(status, headers, { reason: reasonOf(answer), kind: status === 409 ? 'rejected' : undefined });
}

/** A body that is not XML. */
export function bodyText({ bytes, charset }: Body): string {
  return decodeBytes(bytes, charset);
}

/** Why the server refused: its precondition and message, or plain text; empty where it gives no readable reason. */
export function reasonOf(answer: Answer): string {
  const type = answer.headers.get('content-type')?.toLowerCase() ?? '';
  if (type.startsWith('text/plain')) return bodyText(answer);
  const { conditions, message } = readError(answer);
  const code = conditions.map((name) => name.replace(/^.*:/, '')).join(', ');
  return [code, message].filter((part) => part !== '').join(': ');
}

/** Whether the error body of an answer names a precondition, by its local name. */
export function hasCondition(answer: Answer, ...names: readonly string[]): boolean {
  const { conditions } = readError(answer);
  return conditions.some((name) => names.includes(name.replace(/^.*:/, '')));
}

/** Attributes that declare our prefixes on the one element of a body. */
const NAMESPACES = {
  'xmlns:d': DAVNamespace.DAV,
  'xmlns:c': DAVNamespace.CALDAV,
  'xmlns:cs': DAVNamespace.CALENDAR_SERVER,
  'xmlns:a': DAVNamespace.CALDAV_APPLE,
  'xmlns:p': WEBDAV_PUSH,
};
