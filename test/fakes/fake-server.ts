/** The HTTP side of a fake: reads requests, applies faults, keeps the log, answers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ControlHandler } from '../support/control.ts';
import type { ApiAnswer, ApiRequest } from './api.ts';
import { type FailureOf, Faults } from './faults.ts';

/** One request as it was received. Requests with secrets are logged without query and body. */
export interface LoggedRequest {
  readonly at: number;
  readonly method: string;
  /** Unescaped, below the root. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: {
    readonly ifMatch?: string;
    readonly ifNoneMatch?: string;
    readonly prefer?: string;
    readonly userAgent?: string;
  };
  readonly body: unknown;
  /** What the client received; 0 where the connection was cut. */
  status: number;
  /** The status of the execution; null where a fault prevented it. */
  carriedOut: number | null;
}

/** An answer as the network has it. */
export interface SentAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string | undefined;
}

export interface FakeServerSettings {
  readonly name: string;
  readonly now: () => number;
  readonly control: ControlHandler | null;
  readonly mostBytes: number;
  /** The service's answer for a fault. */
  readonly failureOf: FailureOf;
}

const MOST_LOGGED = 100_000;

export abstract class FakeServer {
  readonly log: LoggedRequest[] = [];
  readonly faults: Faults;
  readonly #settings: FakeServerSettings;
  readonly #server: Server;

  constructor(settings: FakeServerSettings) {
    this.#settings = settings;
    this.faults = new Faults(settings.failureOf);
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        // A bug of the fake itself: not a status of the service, so that clients do not confuse them.
        console.error(`fake ${settings.name}:`, error);
        if (!response.headersSent) response.writeHead(599).end();
      });
    });
  }

  /** Executes one request. Null: the connection is cut. */
  protected abstract route(request: ApiRequest): ApiAnswer | null | Promise<ApiAnswer | null>;

  /** Whether the request holds credentials. */
  protected abstract isSecret(request: ApiRequest): boolean;

  /** Headers of every answer. */
  protected abstract answerHeaders(answer: ApiAnswer): Record<string, string>;

  /** Answers in JSON as the service spells it. */
  protected showJson(body: unknown): string {
    return JSON.stringify(body);
  }

  /** The answer to a body that is too large. Null: the connection is cut. */
  protected tooLarge(): ApiAnswer | null {
    return null;
  }

  /** A request as it comes from the network; a batch is one of them. Null: the connection is cut. */
  protected receive(request: ApiRequest): Promise<ApiAnswer | null> {
    return this.handle(request);
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

  /** One request, with its faults. Null: the connection is cut. */
  protected async handle(request: ApiRequest): Promise<ApiAnswer | null> {
    const logged = this.note(request);
    const search = unescaped(request.search.toString());
    const verdict = this.faults.meet(`${request.method} ${logged.path}${search === '' ? '' : `?${search}`}`);
    if (verdict !== null && verdict.slowMs > 0) await delay(verdict.slowMs);
    let result: ApiAnswer | null = null;
    if (verdict?.when !== 'before') {
      result = await this.route(request);
      logged.carriedOut = result?.status ?? 0;
    }
    if (verdict !== null && verdict.when !== 'never') result = verdict.answer;
    logged.status = result?.status ?? 0;
    return result;
  }

  protected note(request: ApiRequest): LoggedRequest {
    const isSecret = this.isSecret(request);
    const query = [...new Set(request.search.keys())].map((name) => {
      const values = request.search.getAll(name);
      return [name, values.length > 1 ? values : values[0]!] as const;
    });
    const logged: LoggedRequest = {
      at: this.#settings.now(),
      method: request.method,
      path: unescaped(request.path),
      query: isSecret ? {} : Object.fromEntries(query),
      headers: loggedHeaders(request.headers),
      body: isSecret ? null : parsed(request.body),
      status: 0,
      carriedOut: null,
    };
    if (this.log.length < MOST_LOGGED) this.log.push(logged);
    return logged;
  }

  /** A request of this process, without a network. Null: the connection is cut. */
  async answer(request: ApiRequest): Promise<SentAnswer | null> {
    const result = await this.receive(request);
    return result === null ? null : this.#shown(result);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://fake');
    const body = await readBody(incoming, this.#settings.mostBytes);
    const isTooLarge = body === null;
    const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
    const request: ApiRequest = {
      method: incoming.method ?? 'GET',
      path: url.pathname,
      search: url.searchParams,
      headers,
      body: body ?? '',
    };
    if (!isTooLarge && url.pathname.startsWith('/control/')) return this.#serveControl(request, response);
    const result = isTooLarge ? this.tooLarge() : await this.receive(request);
    if (result === null) incoming.socket.destroy();
    else this.#send(response, result);
  }

  async #serveControl(request: ApiRequest, response: ServerResponse): Promise<void> {
    const { control } = this.#settings;
    if (control === null || request.method !== 'POST') return void response.writeHead(404).end();
    try {
      const body: unknown = request.body === '' ? {} : JSON.parse(request.body);
      const result = await control(request.path.slice('/control/'.length), body);
      this.#send(response, { status: 200, body: { result: result ?? null } });
    } catch (error) {
      this.#send(response, { status: 400, body: { error: error instanceof Error ? error.message : 'failed' } });
    }
  }

  #send(response: ServerResponse, result: ApiAnswer): void {
    const { status, headers, text } = this.#shown(result);
    response.writeHead(status, headers);
    response.end(text);
  }

  #shown(result: ApiAnswer): SentAnswer {
    const { status, body, headers } = result;
    const date = new Date(this.#settings.now()).toUTCString();
    return {
      status,
      headers: { Date: date, ...this.answerHeaders(result), ...headers },
      text: body === undefined || typeof body === 'string' ? body : this.showJson(body),
    };
  }
}

function loggedHeaders(headers: ApiRequest['headers']): LoggedRequest['headers'] {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch, prefer, 'user-agent': userAgent } = headers;
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    ...(prefer === undefined ? {} : { prefer }),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

/** Null for a body that is too large. */
async function readBody(incoming: IncomingMessage, mostBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBytes) return null;
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
