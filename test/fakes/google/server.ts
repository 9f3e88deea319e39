/** The HTTP side: reads requests, meets faults, keeps the log, answers; batches are taken apart here. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ControlHandler } from '../../support/control.ts';
import { parseBatch, showBatch } from './batch.ts';
import { Faults } from './faults.ts';
import { injectedError } from './google-error.ts';
import type { ApiAnswer, ApiRequest, Backend } from './routes.ts';
import { answer } from './routes.ts';

/** One request as it was seen. Token requests are logged without their body. */
export interface LoggedRequest {
  readonly at: number;
  readonly method: string;
  /** Unescaped, below the root. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: { readonly ifMatch?: string; readonly ifNoneMatch?: string; readonly userAgent?: string };
  readonly body: unknown;
  /** What the client saw; 0 where the connection was cut. */
  status: number;
  /** What really happened, where a fault hid it. */
  carriedOut: number | null;
}

const MOST_BYTES = 10_000_000;
const MOST_LOGGED = 100_000;

export class GoogleServer {
  readonly log: LoggedRequest[] = [];
  readonly faults = new Faults(injectedError);
  readonly #backend: Backend;
  readonly #control: ControlHandler | null;
  readonly #server: Server;

  constructor(backend: Backend, control: ControlHandler | null) {
    this.#backend = backend;
    this.#control = control;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        // A mistake of the stand-in itself: no Google status, so that no client takes it for one.
        console.error('google stand-in:', error);
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
    if (body === null) return void incoming.destroy();
    const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
    const request: ApiRequest = {
      method: incoming.method ?? 'GET',
      path: url.pathname,
      search: url.searchParams,
      headers,
      body,
    };
    if (url.pathname.startsWith('/control/')) return this.#serveControl(request, response);
    if (url.pathname === '/batch/calendar/v3' && request.method === 'POST') {
      const parts = parseBatch(request);
      if (parts !== null) {
        const answers = [];
        for (const part of parts) answers.push({ part, answer: (await this.#handle(part.request)) ?? { status: 503 } });
        return this.#send(response, showBatch(answers));
      }
    }
    const result = await this.#handle(request);
    if (result === null) incoming.socket.destroy();
    else this.#send(response, result);
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
      result = this.#route(request);
      logged.carriedOut = result.status;
    }
    if (verdict !== null && verdict.when !== 'never') {
      const { error } = verdict;
      result =
        error === null ? null : { status: error.code, body: error.envelope(), headers: error.detail.headers ?? {} };
    }
    logged.status = result?.status ?? 0;
    return result;
  }

  #route(request: ApiRequest): ApiAnswer {
    const { oauth } = this.#backend;
    if (request.path === '/token') {
      const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '');
      if (request.method !== 'POST' || !isForm)
        return { status: 400, body: { error: 'invalid_request', error_description: 'Bad Request' } };
      return oauth.token(new URLSearchParams(request.body), request.headers['authorization']);
    }
    if (request.path === '/revoke' && request.method === 'POST') {
      return oauth.revokeToken(request.search.get('token') ?? new URLSearchParams(request.body).get('token'));
    }
    if (request.path === '/o/oauth2/v2/auth' && request.method === 'GET') return oauth.consentPage(request.search);
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
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch, 'user-agent': userAgent } = request.headers;
    const query = [...new Set(request.search.keys())].map((name) => {
      const values = request.search.getAll(name);
      return [name, values.length > 1 ? values : values[0]!] as const;
    });
    const isSecret = request.path === '/token' || request.path === '/revoke';
    const logged: LoggedRequest = {
      at: this.#backend.world.now(),
      method: request.method,
      path: unescaped(request.path),
      query: isSecret ? {} : Object.fromEntries(query),
      headers: {
        ...(ifMatch === undefined ? {} : { ifMatch }),
        ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
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
      ...(result.body === undefined ? {} : { 'Content-Type': 'application/json; charset=UTF-8' }),
      ...result.headers,
    });
    response.end(
      result.body === undefined
        ? undefined
        : isText
          ? (result.body as string)
          : `${JSON.stringify(result.body, null, 1)}\n`,
    );
  }
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
