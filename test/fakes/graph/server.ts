/** The HTTP side; counts the requests of one mailbox that run at once. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ControlHandler } from '../../support/control.ts';
import type { ApiAnswer, ApiRequest } from '../api.ts';
import { FakeServer } from '../fake-server.ts';
import { runBatch } from './batch.ts';
import { errorAnswer, injectedError, throttled } from './graph-error.ts';
import type { Backend } from './routes.ts';
import { answer } from './routes.ts';

const JSON_TYPE = 'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8';

export class GraphServer extends FakeServer {
  /** How many requests exceeded the limit of concurrent ones. */
  throttled = 0;
  readonly #backend: Backend;
  readonly #running = new Map<string, number>();

  constructor(backend: Backend, control: ControlHandler | null) {
    super({
      name: 'Graph',
      now: backend.world.now,
      control,
      mostBytes: 4_000_000,
      failureOf: (...fault) => errorAnswer(injectedError(...fault)),
    });
    this.#backend = backend;
  }

  /** A mailbox accepts a limited number of concurrent requests; a batch counts as one. */
  protected override async receive(request: ApiRequest): Promise<ApiAnswer | null> {
    const { parallelRequests, retryAfter, latencyMs } = this.#backend.world.behaviour;
    const token = request.path.startsWith('/v1.0/') ? (request.headers['authorization'] ?? '') : '';
    const mailbox = token === '' ? '' : this.#backend.oauth.holder(token);
    const running = this.#running.get(mailbox) ?? 0;
    if (mailbox !== '' && running >= parallelRequests) {
      const error = throttled(retryAfter);
      this.note(request).status = error.status;
      this.throttled += 1;
      return errorAnswer(error);
    }
    this.#running.set(mailbox, running + 1);
    try {
      if (mailbox !== '' && latencyMs > 0) await delay(latencyMs);
      return await this.handle(request);
    } finally {
      this.#running.set(mailbox, this.#running.get(mailbox)! - 1);
    }
  }

  /** Null: a fault has cut the connection inside a batch. */
  protected async route(request: ApiRequest): Promise<ApiAnswer | null> {
    const { oauth, world } = this.#backend;
    const { method, path, search, headers, body } = request;
    if (this.isSecret(request)) {
      const isForm = /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
      const description = 'AADSTS900561: The endpoint only accepts POST requests.';
      if (method !== 'POST' || !isForm)
        return { status: 400, body: { error: 'invalid_request', error_description: description } };
      return oauth.tokenFor(new URLSearchParams(body));
    }
    if (/^\/[\w.-]+\/oauth2\/v2\.0\/authorize$/.test(path) && method === 'GET') return oauth.consentPage(search);
    if (path === '/v1.0/$batch' && method === 'POST')
      return runBatch(request, world.behaviour, (part) => this.handle(part));
    return answer(this.#backend, request);
  }

  protected isSecret({ path }: ApiRequest): boolean {
    return /^\/[\w.-]+\/oauth2\/v2\.0\/token$/.test(path);
  }

  protected answerHeaders({ body }: ApiAnswer): Record<string, string> {
    return { 'request-id': randomUUID(), ...(body === undefined ? {} : { 'Content-Type': JSON_TYPE }) };
  }

  protected override tooLarge(): ApiAnswer {
    return { status: 413, body: injectedError(413, undefined, undefined).envelope() };
  }
}
