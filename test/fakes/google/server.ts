/** The HTTP side; batches are split here. */
import type { ControlHandler } from '../../support/control.ts';
import type { ApiAnswer, ApiRequest } from '../api.ts';
import { FakeServer } from '../fake-server.ts';
import { parseBatch, showBatch } from './batch.ts';
import { errorAnswer, injectedError } from './google-error.ts';
import type { Backend } from './routes.ts';
import { answer } from './routes.ts';

export class GoogleServer extends FakeServer {
  readonly #backend: Backend;

  constructor(backend: Backend, control: ControlHandler | null) {
    super({
      name: 'Google',
      now: backend.world.now,
      control,
      mostBytes: 10_000_000,
      failureOf: (...fault) => errorAnswer(injectedError(...fault)),
    });
    this.#backend = backend;
  }

  protected override async receive(request: ApiRequest): Promise<ApiAnswer | null> {
    const isBatch = request.path === '/batch/calendar/v3' && request.method === 'POST';
    const parts = isBatch ? parseBatch(request) : null;
    if (parts === null) return this.handle(request);
    const answers = [];
    for (const part of parts) answers.push({ part, answer: (await this.handle(part.request)) ?? { status: 503 } });
    return showBatch(answers);
  }

  protected route(request: ApiRequest): ApiAnswer {
    const { oauth } = this.#backend;
    const { method, path, search, headers, body } = request;
    if (path === '/token') {
      const isForm = /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
      if (method !== 'POST' || !isForm)
        return { status: 400, body: { error: 'invalid_request', error_description: 'Bad Request' } };
      return oauth.tokenFor(new URLSearchParams(body), headers['authorization']);
    }
    if (path === '/revoke' && method === 'POST')
      return oauth.revokeToken(search.get('token') ?? new URLSearchParams(body).get('token'));
    if (path === '/o/oauth2/v2/auth' && method === 'GET') return oauth.consentPage(search);
    return answer(this.#backend, request);
  }

  protected isSecret({ path }: ApiRequest): boolean {
    return path === '/token' || path === '/revoke';
  }

  protected answerHeaders({ body }: ApiAnswer): Record<string, string> {
    return body === undefined ? {} : { 'Content-Type': 'application/json; charset=UTF-8' };
  }

  protected override showJson(body: unknown): string {
    return `${JSON.stringify(body, null, 1)}\n`;
  }
}
