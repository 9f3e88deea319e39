/**
 * The HTTP side: reads requests, meets faults, counts those of one mailbox that run at once, keeps the log, answers.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ControlHandler } from '../../support/control.ts';
import { Faults } from '../google/faults.ts';
import type { ApiAnswer, ApiRequest } from './api.ts';
import { runBatch } from './batch.ts';
import { injectedError, throttled } from './graph-error.ts';
import type { Backend } from './routes.ts';
import { answer } from './routes.ts';

/** One request as it was seen. Token requests are logged without their body. */
export interface LoggedRequest {
  readonly at: number;
  readonly method: string;
  /** Unescaped, below the root. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: { readonly ifMatch?: string; readonly prefer?: string; readonly userAgent?: string };
  readonly body: unknown;
  /** What the client saw; 0 where the connection was cut. */
  status: number;
  /** What really happened, where a fault hid it. */
  carriedOut: number | null;
}

const MOST_BYTES = 4_000_000;
const MOST_LOGGED = 100_000;

export class GraphServer {
  readonly log: LoggedRequest[] = [];
  readonly faults = new Faults(injectedError);
  /** How many requests were too many at once. */
  throttled = 0;
  readonly #backend: Backend;
  readonly #control: ControlHandler | null;
  readonly #server: Server;
  readonly #running = new Map<string, number>();

  constructor(backend: Backend, control: ControlHandler | null) {
    this.#backend = backend;
    this.#control = control;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        // A mistake of the stand-in itself: no status of Graph, so that no client takes it for one.
        console.error('graph stand-in:', error);
        if (!response.headersSent) response.writeHead(599).end();
      });
    });
  }

  async listen(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://127.0.0.1:${address.port}/`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://stand-in');
    const body = await readBody(incoming);
    if (body === null)
      return this.#send(response, { status: 413, body: injectedError(413, undefined, undefined).envelope() });
    const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
    const request: ApiRequest = {
      method: incoming.method ?? 'GET',
      path: url.pathname,
      search: url.searchParams,
      headers,
      body,
    };
    if (url.pathname.startsWith('/control/')) return this.#serveControl(request, response);
    const result = await this.#limited(request);
    if (result === null) incoming.socket.destroy();
    else this.#send(response, result);
  }

  /** A mailbox takes so many requests at once; a batch is one of them. */
  async #limited(request: ApiRequest): Promise<ApiAnswer | null> {
    const { parallelRequests, retryAfter, latencyMs } = this.#backend.world.behaviour;
    const token = request.path.startsWith('/v1.0/') ? (request.headers['authorization'] ?? '') : '';
    const mailbox = token === '' ? '' : this.#backend.oauth.holder(token);
    const running = this.#running.get(mailbox) ?? 0;
    if (mailbox !== '' && running >= parallelRequests) {
      const error = throttled(retryAfter);
      this.#note(request).status = error.status;
      this.throttled += 1;
      return { status: error.status, body: error.envelope(), headers: error.headers };
    }
    this.#running.set(mailbox, running + 1);
    try {
      if (mailbox !== '' && latencyMs > 0) await delay(latencyMs);
      return await this.#handle(request);
    } finally {
      this.#running.set(mailbox, this.#running.get(mailbox)! - 1);
    }
  }

  /** Null: the connection is cut. */
  async #handle(request: ApiRequest): Promise<ApiAnswer | null> {
    const logged = this.#note(request);
    const path = unescaped(request.path);
    const search = unescaped(request.search.toString());
    const verdict = this.faults.meet(`${request.method} ${path}${search === '' ? '' : `?${search}`}`);
    if (verdict !== null && verdict.slowMs > 0) await delay(verdict.slowMs);
    let result: ApiAnswer | null = null;
    if (verdict?.when !== 'before') {
      result = await this.#route(request);
      logged.carriedOut = result?.status ?? 0;
    }
    if (verdict !== null && verdict.when !== 'never') {
      const { error } = verdict;
      result = error === null ? null : { status: error.status, body: error.envelope(), headers: error.headers };
    }
    logged.status = result?.status ?? 0;
    return result;
  }

  /** Null: a fault has cut the connection inside a batch. */
  async #route(request: ApiRequest): Promise<ApiAnswer | null> {
    const { oauth } = this.#backend;
    if (isToken(request)) {
      const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '');
      if (request.method !== 'POST' || !isForm)
        return {
          status: 400,
          body: {
            error: 'invalid_request',
            error_description: 'AADSTS900561: The endpoint only accepts POST requests.',
          },
        };
      return oauth.token(new URLSearchParams(request.body));
    }
    if (/^\/[\w.-]+\/oauth2\/v2\.0\/authorize$/.test(request.path) && request.method === 'GET')
      return oauth.consentPage(request.search);
    if (request.path === '/v1.0/$batch' && request.method === 'POST')
      return runBatch(request, this.#backend.world.behaviour, (part) => this.#handle(part));
    return answer(this.#backend, request);
  }

  async #serveControl(request: ApiRequest, response: ServerResponse): Promise<void> {
    if (this.#control === null || request.method !== 'POST') return void response.writeHead(404).end();
    try {
      const body: unknown = request.body === '' ? {} : JSON.parse(request.body);
      const result = await this.#control(request.path.slice('/control/'.length), body);
      this.#send(response, { status: 200, body: { result: result ?? null } });
    } catch (error) {
      this.#send(response, { status: 400, body: { error: error instanceof Error ? error.message : 'failed' } });
    }
  }

  #note(request: ApiRequest): LoggedRequest {
    const { 'if-match': ifMatch, prefer, 'user-agent': userAgent } = request.headers;
    const query = [...new Set(request.search.keys())].map((name) => {
      const values = request.search.getAll(name);
      return [name, values.length > 1 ? values : values[0]!] as const;
    });
    const isSecret = isToken(request);
    const logged: LoggedRequest = {
      at: this.#backend.world.now(),
      method: request.method,
      path: unescaped(request.path),
      query: isSecret ? {} : Object.fromEntries(query),
      headers: {
        ...(ifMatch === undefined ? {} : { ifMatch }),
        ...(prefer === undefined ? {} : { prefer }),
        ...(userAgent === undefined ? {} : { userAgent }),
      },
      body: isSecret ? null : parsed(request.body),
      status: 0,
      carriedOut: null,
    };
    if (this.log.length < MOST_LOGGED) this.log.push(logged);
    return logged;
  }

  #send(response: ServerResponse, result: ApiAnswer): void {
    const isText = typeof result.body === 'string';
    response.writeHead(result.status, {
      Date: new Date(this.#backend.world.now()).toUTCString(),
      'request-id': randomUUID(),
      ...(result.body === undefined
        ? {}
        : {
            'Content-Type':
              'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
          }),
      ...result.headers,
    });
    response.end(
      result.body === undefined ? undefined : isText ? (result.body as string) : JSON.stringify(result.body),
    );
  }
}

function isToken({ path }: ApiRequest): boolean {
  return /^\/[\w.-]+\/oauth2\/v2\.0\/token$/.test(path);
}

async function readBody(incoming: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return text;
  }
}
