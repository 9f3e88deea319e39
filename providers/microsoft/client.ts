/**
 * One Microsoft account: sends Graph requests with a valid access token, and turns every failure into a SyncError. The
 * official client builds the requests; our own middleware replaces the whole chain, because the official one sends
 * tokens to https hosts only, follows redirects and repeats requests by itself.
 */
import { createHash } from 'node:crypto';
import {
  type Context,
  Client as GraphClient,
  type Middleware,
  type MiddlewareOptions,
  ResponseType,
} from '@microsoft/microsoft-graph-client';
import { withoutTrailingSlashes } from '../../core/addresses.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { serverTime } from '../http-answer.ts';
import { createTokenSource } from '../oauth/access-token.ts';
import type { SignInService } from '../oauth/sign-in.ts';
import type { Io, StoredToken, TokenStore } from '../provider.ts';
import { apiError, refreshError } from './errors.ts';

/** The OAuth client of the installation, and the addresses of Microsoft. */
export interface MicrosoftSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  /** `v1.0` follows it. */
  readonly baseUrl: string;
  readonly tokenUrl: string;
  /** Absent: for accounts of every tenant. */
  readonly authUrl?: string;
  /** What this installation may use a day. */
  readonly dailyRequests?: number;
}

export interface GraphRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** From `/me` on, encoded; or a link from an answer of Graph, used as it is. */
  readonly path: string;
  readonly body?: unknown;
  readonly ifMatch?: string | null;
  /** In addition to those of every request. */
  readonly prefer?: string;
  /** Descriptions as HTML, and not as plain text. */
  readonly asHtml?: true;
}

export interface Answer {
  readonly status: number;
  readonly data: unknown;
  /** The server's clock (`Date`), in milliseconds; null where it sent none. */
  readonly date: number | null;
}

export interface Client {
  /** @throws SyncError for every answer that is no success */
  send(request: GraphRequest): Promise<Answer>;
  /**
   * Many requests in few round trips. The answers are in the order of the requests; a failed one is a SyncError.
   * @throws SyncError where the whole batch failed, or the mailbox is throttled for too long
   */
  batch(requests: readonly GraphRequest[]): Promise<(Answer | SyncError)[]>;
}

/**
 * No request is made before the first call. Access tokens are refreshed within a minute of their end, or after one 401.
 */
export function createClient(settings: MicrosoftSettings, refreshToken: string, tokens: TokenStore, io: Io): Client {
  const base = `${withoutTrailingSlashes(settings.baseUrl)}/`;
  const graph = GraphClient.initWithMiddleware({
    baseUrl: base,
    defaultVersion: VERSION,
    middleware: new Transport(io),
  });
  const source = createTokenSource(refreshToken, tokens, (token) => refresh(settings, token, io));
  let batchSize = BATCH;
  const mailbox = createHash('sha256').update(`${base}\n${refreshToken}`).digest('hex');

  async function exchange(request: GraphRequest, accessToken: string): Promise<Answer> {
    const { method = 'GET', path, body } = request;
    const sending = new Sending(path.startsWith('/') ? null : checkedLink(path, base), accessToken);
    const built = graph
      .api(sending.link === null ? path : '')
      .headers(headersOf(request))
      .responseType(ResponseType.RAW)
      .middlewareOptions([sending]);
    let response: Response;
    try {
      response = (await (method === 'GET'
        ? built.get()
        : method === 'POST'
          ? built.post(body)
          : method === 'PATCH'
            ? built.patch(body)
            : built.delete())) as Response;
    } catch (error) {
      // The client wraps what its middleware throws.
      if (sending.failure !== null) throw sending.failure as Error;
      throw new SyncError(
        'bug',
        `a request to Graph failed before it was sent (${error instanceof Error ? error.name : typeof error})`,
      );
    }
    const data = await jsonOf(response);
    if (!response.ok) throw apiError(response.status, response.headers, data);
    return { status: response.status, data, date: serverTime(response.headers) };
  }

  /** In a slot of the mailbox; once more where the access token was refused. */
  async function send(request: GraphRequest, weight = 1): Promise<Answer> {
    const accessToken = await source.token(null);
    return inSlots(mailbox, weight, async () => {
      io.signal?.throwIfAborted();
      try {
        return await exchange(request, accessToken);
      } catch (error) {
        if (!(error instanceof SyncError) || error.status !== 401) throw error;
      }
      return exchange(request, await source.token(accessToken));
    });
  }

  async function sendBatch(requests: readonly GraphRequest[]): Promise<(Answer | SyncError)[]> {
    const body = {
      requests: requests.map((request, at) => ({
        id: String(at),
        method: request.method ?? 'GET',
        url: request.path,
        headers: {
          ...headersOf(request),
          ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(request.body === undefined ? {} : { body: request.body }),
      })),
    };
    // The service runs the requests of a batch four at a time.
    const { data, date, status: own } = await send({ method: 'POST', path: '/$batch', body }, AT_ONCE);
    const answers = new Map<string, Answer | SyncError>();
    const responses = (data as { responses?: unknown } | null)?.responses;
    for (const one of Array.isArray(responses) ? (responses as Record<string, unknown>[]) : []) {
      const status = Number(one?.['status']);
      if (!Number.isInteger(status)) continue;
      const isSuccess = status >= 200 && status < 300;
      answers.set(
        String(one['id']),
        isSuccess ? { status, data: one['body'], date } : apiError(status, innerHeaders(one['headers']), one['body']),
      );
    }
    return requests.map(
      (_, at) =>
        answers.get(String(at)) ??
        new SyncError('unreachable', 'Graph did not answer a request of a batch', { status: own }),
    );
  }

  return {
    send,
    async batch(requests) {
      if (requests.length === 1) return [await send(requests[0]!).catch(asAnswer)];
      const results: (Answer | SyncError)[] = [];
      let open = requests.map((_, at) => at);
      for (let failedRounds = 0; open.length > 0; ) {
        const before = open.length;
        const again: number[] = [];
        while (open.length > 0) {
          const part = open.splice(0, batchSize);
          const answers = await sendBatch(part.map((index) => requests[index]!));
          for (const [at, index] of part.entries()) results[index] = answers[at]!;
          const refused = part.filter((index) => isThrottled(results[index]!));
          // Graph may run all of a batch at once, against its own limit.
          if (refused.length > 0 && refused.length < part.length)
            batchSize = Math.max(AT_ONCE, part.length - refused.length);
          again.push(...refused);
        }
        open = again;
        if (open.length === 0) break;
        failedRounds = open.length < before ? 0 : failedRounds + 1;
        const waitMs = Math.max(
          ...open.map((index) => (results[index] as SyncError).retryAfterMs ?? 1000 * (failedRounds + 1)),
        );
        if (failedRounds === MAX_FAILED_ROUNDS || waitMs > MAX_WAIT_MS) {
          const limited = open.map((index) => results[index] as SyncError).find(isLimit);
          if (limited) throw limited;
          break;
        }
        await pause(waitMs, io.signal);
      }
      return results;
    },
  };
}

const VERSION = 'v1.0';
/** Requests of one app to one mailbox, at a time. */
const AT_ONCE = 4;
const BATCH = 20;
const MAX_FAILED_ROUNDS = 3;
const MAX_WAIT_MS = 10_000;
/** Answers in UTC, texts as plain text, and ids that survive a move to another folder. */
const PREFER = 'IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text"';
const MAX_LINK = 16_384;

function headersOf({ ifMatch, prefer, asHtml }: GraphRequest): Record<string, string> {
  const usual = asHtml ? PREFER.replace('"text"', '"html"') : PREFER;
  return {
    Prefer: prefer === undefined ? usual : `${usual}, ${prefer}`,
    ...(typeof ifMatch === 'string' ? { 'If-Match': ifMatch } : {}),
  };
}

/** A link from an answer must lead to Graph: it gets the access token. */
function checkedLink(link: string, base: string): string {
  const root = new URL(base);
  const url = link.length <= MAX_LINK && URL.canParse(link) ? new URL(link) : null;
  if (!url || url.origin !== root.origin || !url.pathname.startsWith(root.pathname))
    throw new SyncError('unreachable', 'Graph sent a link that leads elsewhere');
  return link;
}

/** What the middleware needs to know about one request. */
class Sending implements MiddlewareOptions {
  readonly link: string | null;
  readonly accessToken: string;
  failure: unknown = null;

  constructor(link: string | null, accessToken: string) {
    this.link = link;
    this.accessToken = accessToken;
  }
}

/** The whole middleware chain: authentication and transport. */
class Transport implements Middleware {
  readonly #io: Io;

  constructor(io: Io) {
    this.#io = io;
  }

  async execute(context: Context): Promise<void> {
    const sending = context.middlewareControl!.getMiddlewareOptions(Sending) as Sending;
    const { method = 'GET', headers, body } = context.options ?? {};
    const sent = new Headers(headers as Record<string, string>);
    sent.set('authorization', `Bearer ${sending.accessToken}`);
    try {
      context.response = await this.#io.fetch(sending.link ?? String(context.request), {
        method,
        headers: sent,
        redirect: 'manual',
        ...(body === undefined || body === null ? {} : { body: body as string }),
        ...(this.#io.signal === undefined ? {} : { signal: this.#io.signal }),
      });
    } catch (error) {
      sending.failure = this.#io.signal?.aborted
        ? this.#io.signal.reason
        : error instanceof SyncError
          ? error
          : new SyncError('unreachable', 'no answer from Graph');
      throw sending.failure;
    }
  }
}

/** @throws SyncError `unreachable` for a success without JSON */
async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    if (!response.ok) return null;
    throw new SyncError('unreachable', 'Graph sent an answer that is no JSON', { status: response.status });
  }
}

function innerHeaders(headers: unknown): Headers {
  const result = new Headers();
  if (typeof headers !== 'object' || headers === null) return result;
  for (const [name, value] of Object.entries(headers)) {
    if (/^[A-Za-z0-9-]{1,100}$/.test(name) && typeof value === 'string' && /^[\x20-\x7e]*$/.test(value))
      result.set(name, value);
  }
  return result;
}

/** A failure of this one request, as a batch would have it. @throws all other failures */
function asAnswer(error: unknown): SyncError {
  const { kind, status = 0 } = error instanceof SyncError ? error : { kind: 'bug' as const };
  if (error instanceof SyncError && status >= 200 && kind !== 'auth' && !isLimit(error)) return error;
  throw error;
}

function isThrottled(answer: Answer | SyncError): boolean {
  return answer instanceof SyncError && answer.kind === 'throttled';
}

/** The mailbox's own limit, and not a service that is busy with one request. */
function isLimit({ kind, status = 0 }: SyncError): boolean {
  return kind === 'throttled' && status < 500;
}

interface Mailbox {
  free: number;
  readonly queue: { readonly weight: number; readonly start: () => void }[];
}

/** Mailboxes with running requests, over all accounts of this process. */
const mailboxes = new Map<string, Mailbox>();

/** Runs `work` when as many slots of the mailbox as it needs are free; first come, first served. */
async function inSlots<T>(name: string, weight: number, work: () => Promise<T>): Promise<T> {
  const mailbox = mailboxes.get(name) ?? { free: AT_ONCE, queue: [] };
  mailboxes.set(name, mailbox);
  if (mailbox.queue.length > 0 || mailbox.free < weight)
    await new Promise<void>((start) => mailbox.queue.push({ weight, start }));
  else mailbox.free -= weight;
  try {
    return await work();
  } finally {
    mailbox.free += weight;
    while (mailbox.queue.length > 0 && mailbox.queue[0]!.weight <= mailbox.free) {
      const next = mailbox.queue.shift()!;
      mailbox.free -= next.weight;
      next.start();
    }
    if (mailbox.free === AT_ONCE) mailboxes.delete(name);
  }
}

/** For an answer without `expires_in`; Microsoft's own values are 3600 to 5400 seconds. */
const UNKNOWN_LIFETIME_S = 300;
const SCOPES = ['offline_access', 'https://graph.microsoft.com/Calendars.ReadWrite'];

export function signInService({ clientId, clientSecret, authUrl, tokenUrl }: MicrosoftSettings): SignInService {
  return {
    label: 'Microsoft',
    clientId,
    clientSecret,
    authUrl: authUrl ?? 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
    tokenUrl,
    scopes: SCOPES,
    parameters: (hint) => ({
      response_mode: 'query',
      // Without it a browser that is signed in takes its only account, unseen.
      ...(hint === null ? { prompt: 'select_account' } : { login_hint: hint }),
    }),
    numberOf: (description) => /^AADSTS\d{1,9}/.exec(description)?.[0] ?? '',
  };
}

/**
 * Every refresh gives a new refresh token, too.
 * @throws SyncError `auth` when the refresh token is not valid any more
 */
async function refresh(settings: MicrosoftSettings, refreshToken: string, io: Io): Promise<StoredToken> {
  const form = new URLSearchParams({
    client_id: settings.clientId,
    client_secret: settings.clientSecret,
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    scope: SCOPES.join(' '),
  });
  const response = await io.fetch(settings.tokenUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
    redirect: 'manual',
    ...(io.signal === undefined ? {} : { signal: io.signal }),
  });
  const data = await jsonOf(response);
  if (!response.ok) throw refreshError(response, data);
  const {
    access_token: accessToken,
    expires_in: seconds,
    refresh_token: rotated,
  } = (data ?? {}) as Record<string, unknown>;
  if (typeof accessToken !== 'string' || accessToken === '')
    throw new SyncError('unreachable', 'Microsoft sent no access token');
  const lifetime = Number(seconds) > 0 ? Number(seconds) : UNKNOWN_LIFETIME_S;
  return {
    accessToken,
    expiresAt: Date.now() + lifetime * 1000,
    ...(typeof rotated !== 'string' || rotated === '' || rotated === refreshToken ? {} : { refreshToken: rotated }),
  };
}
