/** HTTP for the providers: every request is checked and limited in time and size, and no redirect is followed. */
import { isIP, type LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, type ZlibOptions } from 'node:zlib';
import { getDomain } from 'tldts';
import { Agent, type Dispatcher } from 'undici';
import { SyncError } from '../core/sync-error.ts';
import { AddressNotAllowed, checkedLookup, mayConnectTo, maySendPlain, type NetworkPolicy } from './network-policy.ts';

export interface FetchSetting extends NetworkPolicy {
  /** `host` or `host:port` of addresses that the operator set in the environment: not restricted. */
  readonly operatorHosts?: readonly string[];
  /** For a whole request, with the body of the answer. Nextcloud's brute-force protection delays up to 25 s. */
  readonly deadlineMs?: number;
  /** Of an answer's body, after decompression. */
  readonly maxBodyBytes?: number;
}

const DEADLINE_MS = 35_000;
const MAX_BODY_BYTES = 20 * 1024 * 1024;
/** At most 16 for polls (activities/limit-fetch.ts), and as many as writes may be under way at once. */
const CONNECTIONS_PER_ORIGIN = 24;
const MAX_REDIRECTS = 5;

/**
 * A `fetch` that connects to allowed addresses only and reads the whole body. Redirects are returned as they are.
 * @throws SyncError `unreachable` for every network failure and time-out, `address-not-allowed`, `too-large`; the
 * reason of the given signal
 */
export function createFetch(setting: FetchSetting): typeof fetch {
  const { operatorHosts = [], deadlineMs = DEADLINE_MS, maxBodyBytes = MAX_BODY_BYTES } = setting;
  const shared = {
    connections: CONNECTIONS_PER_ORIGIN,
    pipelining: 1,
    keepAliveTimeout: 10_000,
    headersTimeout: deadlineMs,
    bodyTimeout: deadlineMs,
  };
  const agentWith = (connect: { lookup?: LookupFunction }) =>
    new Agent({ ...shared, connect: { timeout: 10_000, ...connect } });
  const checked = agentWith({ lookup: checkedLookup(setting, false) });
  const checkedPlain = agentWith({ lookup: checkedLookup(setting, true) });
  const unchecked = agentWith({});

  return async (input, init) => {
    // Without the signal: a Request listens to it until garbage collection, and one signal lives for a whole run.
    const request = new Request(input, { ...init, redirect: 'manual', signal: null });
    const url = new URL(request.url);
    const isOperators = operatorHosts.includes(url.host) || operatorHosts.includes(url.hostname);
    if (!isOperators) checkUrl(url, setting);
    const deadline = AbortSignal.timeout(deadlineMs);
    const exchange: Exchange = {
      agent: isOperators ? unchecked : url.protocol === 'http:' ? checkedPlain : checked,
      url,
      method: request.method,
      headers: Object.fromEntries(request.headers),
      body: request.body === null ? null : Buffer.from(await request.arrayBuffer()),
      signal: init?.signal ? AbortSignal.any([init.signal, deadline]) : deadline,
      maxBodyBytes,
    };
    try {
      return await send(exchange);
    } catch (error) {
      if (init?.signal?.aborted === true) throw init.signal.reason;
      throw asSyncError(error, deadline.aborted ? deadlineMs : null);
    }
  };
}

/**
 * Whether credentials typed for one address may be sent to another: the same host, or over https a host of its
 * registrable domain.
 */
export function mayCarryCredentials(typed: URL, target: URL): boolean {
  if (target.protocol !== 'https:') return target.host === typed.host && target.protocol === typed.protocol;
  if (target.hostname === typed.hostname) return true;
  const domain = getDomain(typed.hostname, { allowPrivateDomains: true });
  return domain !== null && domain === getDomain(target.hostname, { allowPrivateDomains: true });
}

/** An answer, perhaps after redirects. */
export interface Redirected {
  readonly response: Response;
  /** The address that answered: relative addresses are relative to it. */
  readonly url: URL;
}

/**
 * Follows redirects with the same method and body, as WebDAV needs; a 303 for reading requests only.
 * @param authorizationFor the `Authorization` for an address; null where none may be sent
 * @throws SyncError `unreachable` after too many redirects
 */
export async function followRedirects(
  fetch: typeof globalThis.fetch,
  start: URL,
  init: RequestInit & { headers: Record<string, string> },
  authorizationFor: (url: URL) => string | null,
): Promise<Redirected> {
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const authorization = authorizationFor(url);
    const headers = { ...init.headers, ...(authorization === null ? {} : { authorization }) };
    const response = await fetch(url, { ...init, headers });
    const target = redirectTarget(response, url, init.method ?? 'GET');
    if (target === null) return { response, url };
    url = target;
  }
  throw new SyncError('unreachable', `more than ${MAX_REDIRECTS} redirects`, { status: 302 });
}

interface Exchange {
  readonly agent: Dispatcher;
  readonly url: URL;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | null;
  readonly signal: AbortSignal;
  readonly maxBodyBytes: number;
}

/** Requests that may be sent again after a reset: they change nothing. */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT']);

async function send(exchange: Exchange): Promise<Response> {
  try {
    return await sendOnce(exchange);
  } catch (error) {
    // PHP servers close idle connections: the next request on one is reset.
    if (!isReset(error) || !REPEATABLE.has(exchange.method)) throw error;
    return sendOnce(exchange);
  }
}

async function sendOnce({ agent, url, method, headers, body, signal, maxBodyBytes }: Exchange): Promise<Response> {
  const answer = await agent.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: method as Dispatcher.HttpMethod,
    headers: { 'accept-encoding': 'gzip', 'user-agent': 'Calpair', ...headers },
    body,
    signal,
  });
  const answered = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) answered.append(name, one);
  }
  const sent = await readBody(answer.body, maxBodyBytes);
  const bytes = await decoded(sent, answered.get('content-encoding') ?? '', maxBodyBytes);
  answered.delete('content-encoding');
  answered.delete('content-length');
  const hasNoBody =
    bytes.length === 0 || answer.statusCode === 204 || answer.statusCode === 205 || answer.statusCode === 304;
  const response = new Response(hasNoBody ? null : bytes, { status: answer.statusCode, headers: answered });
  Object.defineProperty(response, 'url', { value: url.href });
  return response;
}

async function readBody(body: Readable, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += (chunk as Buffer).length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/**
 * A body without its encodings; only gzip is asked for, but some servers send others. One that is empty has none,
 * whatever its header says.
 */
async function decoded(bytes: Buffer<ArrayBuffer>, encodings: string, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  let plain = bytes;
  for (const name of encodings.toLowerCase().split(',').reverse()) {
    const decode = DECODERS[name.trim()];
    if (decode === undefined || plain.length === 0) continue;
    try {
      plain = await decode(plain, { maxOutputLength: maxBytes });
    } catch (error) {
      throw (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(maxBytes) : error;
    }
  }
  return plain;
}

type Decode = (bytes: Buffer, options: ZlibOptions) => Promise<Buffer<ArrayBuffer>>;

const unzip: Decode = promisify(gunzip);
const inflateWrapped: Decode = promisify(inflate);
const inflatePlain: Decode = promisify(inflateRaw);

const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: unzip,
  'x-gzip': unzip,
  // Some servers leave out the header of zlib that RFC 9110 section 8.4.1.2 wants.
  deflate: (bytes, options) => (isZlib(bytes) ? inflateWrapped : inflatePlain)(bytes, options),
  br: promisify(brotliDecompress),
};

/** The two octets that begin the zlib format (RFC 1950 section 2.2). */
function isZlib(bytes: Buffer): boolean {
  return bytes.length > 1 && (bytes[0]! & 15) === 8 && bytes.readUInt16BE(0) % 31 === 0;
}

function tooLarge(maxBytes: number): SyncError {
  return new SyncError('too-large', `the server's answer is larger than ${maxBytes} bytes`);
}

function checkUrl(url: URL, policy: NetworkPolicy): void {
  const isPlain = url.protocol === 'http:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // DNS does not check a literal address. URL has already turned decimal, hexadecimal and short forms into four
  // numbers.
  const isRefused = isIP(host) !== 0 ? !mayConnectTo(host, policy, isPlain) : isPlain && !maySendPlain(policy);
  if (isRefused || !(isPlain || url.protocol === 'https:'))
    throw new SyncError('address-not-allowed', 'this address may not be connected to');
}

function redirectTarget(response: Response, from: URL, method: string): URL | null {
  const { status } = response;
  const isRedirect =
    status === 301 || status === 302 || status === 307 || status === 308 || (status === 303 && method === 'GET');
  const location = isRedirect ? response.headers.get('location') : null;
  if (location === null) return null;
  if (!URL.canParse(location, from.href))
    throw new SyncError('unreachable', 'a redirect to an invalid address', { status });
  const target = new URL(location, from);
  target.username = '';
  target.password = '';
  return target;
}

function isReset(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

function asSyncError(error: unknown, expiredMs: number | null): SyncError {
  if (error instanceof SyncError) return error;
  if (error instanceof AddressNotAllowed)
    return new SyncError('address-not-allowed', 'this address may not be connected to');
  if (expiredMs !== null) return new SyncError('unreachable', `no complete answer within ${expiredMs} ms`);
  // The code only: messages of network errors contain addresses.
  const code = (error as { code?: unknown }).code;
  return new SyncError('unreachable', typeof code === 'string' ? `no answer: ${code}` : 'no answer');
}
