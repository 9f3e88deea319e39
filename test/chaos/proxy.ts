/**
 * A small HTTP proxy in front of one calendar server. It injects faults at a given rate by a seeded choice, counts
 * them, and records every write that carries no condition.
 */

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as send } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** `etag-dropped` removes the ETag from the response to a write, as servers do that modify what they store. */
export const FAULTS = [
  'cut-before',
  'cut-after',
  'truncated',
  'slow',
  'disk-full-507',
  'unavailable-503',
  'error-500',
  'too-many-429',
  'refused-401',
  'lost-race-412',
  'etag-dropped',
] as const;
export type FaultKind = (typeof FAULTS)[number];

export interface Proxy {
  /** Replaces the server's own address. */
  readonly base: string;
  /** Percentage of requests with an injected fault; none at first. */
  faultsPerHundred: number;
  /** How many requests arrived so far, and how many of them were writes. */
  readonly seen: { requests: number; writes: number };
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** Method and service of writes without a condition. No names, because the list is printed. */
  readonly unconditional: readonly string[];
  /** Every write that reached the server, to explain a failure. */
  readonly writes: readonly WriteNote[];
  close(): Promise<void>;
}

interface WriteNote {
  readonly at: string;
  readonly path: string;
  readonly condition: string;
  readonly body: string;
  readonly status: number;
  readonly fault: FaultKind | null;
}

export interface ProxySetting {
  /** Ends with a slash. */
  readonly target: string;
  readonly service: 'caldav' | 'google' | 'microsoft';
  readonly random: (below: number) => number;
}

interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}
interface ProxiedResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export async function startProxy({ target, service, random }: ProxySetting): Promise<Proxy> {
  const agent = new Agent({ keepAlive: false });
  const faults = new Map<FaultKind, number>();
  const unconditional: string[] = [];
  const writes: WriteNote[] = [];
  const server = createServer((incoming, response) => {
    serve(incoming, response).catch(() => response.destroy());
  });
  const proxy = {
    base: '',
    faultsPerHundred: 0,
    seen: { requests: 0, writes: 0 },
    faults,
    unconditional,
    writes,
    close,
  };

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request: ProxiedRequest = {
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: incoming.headers,
      body: await readAll(incoming),
    };
    proxy.seen.requests += 1;
    if (isWrite(request)) proxy.seen.writes += 1;
    if (isWrite(request) && !hasCondition(request)) unconditional.push(`${request.method} (${service})`);
    const fault = pickFault(request);
    if (fault === 'cut-before') return void incoming.socket.destroy();
    const errorResponse = fault === null ? null : errorResponseOf(fault, service);
    if (errorResponse !== null) return respond(response, errorResponse);
    if (fault === 'slow') await sleep(200 + random(2_500));
    const upstream = rewriteLinks(await forward(new URL(request.path, target), request, agent));
    if (isWrite(request)) writes.push(noteOf(request, upstream.status, fault));
    if (fault === 'cut-after') return void incoming.socket.destroy();
    if (fault === 'truncated') return truncate(response, upstream);
    respond(
      response,
      fault === 'etag-dropped' ? { ...upstream, headers: { ...upstream.headers, etag: undefined } } : upstream,
    );
  }

  /** Microsoft's links to further pages and changes are absolute. */
  function rewriteLinks(upstream: ProxiedResponse): ProxiedResponse {
    return service === 'microsoft'
      ? { ...upstream, body: Buffer.from(upstream.body.toString().replaceAll(target, proxy.base)) }
      : upstream;
  }

  function pickFault(request: ProxiedRequest): FaultKind | null {
    // Both numbers are always drawn, so that the next request's choice does not depend on this one.
    const [chance, which] = [random(1000), random(1000)];
    if (chance >= proxy.faultsPerHundred * 10) return null;
    const possible = FAULTS.filter((kind) => isPossible(kind, request, service));
    const kind = possible[which % possible.length] ?? 'slow';
    faults.set(kind, (faults.get(kind) ?? 0) + 1);
    return kind;
  }

  async function close(): Promise<void> {
    agent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  proxy.base = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`;
  return proxy;
}

function isWrite({ method, path }: ProxiedRequest): boolean {
  return ['PUT', 'PATCH', 'DELETE', 'MOVE'].includes(method) || (method === 'POST' && path.includes('/events'));
}

function noteOf({ method, path, headers, body }: ProxiedRequest, status: number, fault: FaultKind | null): WriteNote {
  const condition = `${method} if-match ${headers['if-match'] ?? '-'} if-none-match ${headers['if-none-match'] ?? '-'}`;
  return { at: new Date().toISOString(), path, condition, body: body.toString(), status, fault };
}

/** A cloud event is created under an id chosen by the client, which the cloud accepts once only. */
function hasCondition({ method, headers, body }: ProxiedRequest): boolean {
  if (method === 'POST') return /"(id|transactionId)"\s*:\s*"/.test(body.toString());
  return headers['if-match'] !== undefined || (method === 'PUT' && headers['if-none-match'] === '*');
}

/** Only faults that a real server could show: a full disk affects writes, a lost race only writes with a version. */
function isPossible(kind: FaultKind, request: ProxiedRequest, service: ProxySetting['service']): boolean {
  switch (kind) {
    case 'disk-full-507':
      return isWrite(request) && request.method !== 'DELETE' && service === 'caldav';
    case 'lost-race-412':
      return isWrite(request) && request.headers['if-match'] !== undefined;
    case 'etag-dropped':
      return request.method === 'PUT';
    case 'refused-401':
      return !request.path.includes('/token');
    default:
      return true;
  }
}

const MICROSOFT_CODES: Readonly<Partial<Record<FaultKind, string>>> = {
  'unavailable-503': 'ErrorServerBusy',
  'too-many-429': 'ApplicationThrottled',
  'refused-401': 'InvalidAuthenticationToken',
  'lost-race-412': 'ErrorIrresolvableConflict',
};

function errorResponseOf(kind: FaultKind, service: ProxySetting['service']): ProxiedResponse | null {
  const status = {
    'disk-full-507': 507,
    'unavailable-503': 503,
    'error-500': 500,
    'too-many-429': 429,
    'refused-401': 401,
    'lost-race-412': 412,
  }[kind as string];
  if (status === undefined) return null;
  const more = {
    ...(status === 503 || status === 429 ? { 'retry-after': '1' } : {}),
    ...(status === 401 ? { 'www-authenticate': 'Basic realm="chaos"' } : {}),
  };
  const google = {
    error: {
      code: status,
      message: 'injected',
      errors: [{ reason: status === 429 ? 'rateLimitExceeded' : 'backendError' }],
    },
  };
  const microsoft = { error: { code: MICROSOFT_CODES[kind] ?? 'ErrorInternalServerError', message: 'injected' } };
  const [type, text] =
    service === 'caldav'
      ? ['text/plain', 'injected']
      : ['application/json', JSON.stringify(service === 'google' ? google : microsoft)];
  return { status, headers: { 'content-type': type, ...more }, body: Buffer.from(text) };
}

function respond(response: ServerResponse, { status, headers, body }: ProxiedResponse): void {
  response.writeHead(status, headersFor(headers, body.length)).end(body);
}

/** Sends all headers and half of the body, then closes the connection. */
function truncate(response: ServerResponse, { status, headers, body }: ProxiedResponse): void {
  if (body.length < 2) return void response.destroy();
  response
    .writeHead(status, headersFor(headers, body.length))
    .write(body.subarray(0, body.length / 2), () => response.destroy());
}

function headersFor(headers: IncomingHttpHeaders, length: number): Record<string, string | string[]> {
  const forwarded = Object.entries(headers).filter(
    ([name, value]) =>
      value !== undefined && !['connection', 'keep-alive', 'transfer-encoding', 'content-length'].includes(name),
  );
  return { ...Object.fromEntries(forwarded as [string, string | string[]][]), 'content-length': String(length) };
}

function forward(url: URL, { method, headers, body }: ProxiedRequest, agent: Agent): Promise<ProxiedResponse> {
  return new Promise((resolve, reject) => {
    const outgoing = send(
      url,
      { method, agent, headers: { ...headersFor(headers, body.length), host: url.host } },
      (incoming) => {
        readAll(incoming).then(
          (all) => resolve({ status: incoming.statusCode ?? 502, headers: incoming.headers, body: all }),
          reject,
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
