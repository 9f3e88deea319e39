/**
 * Google's failures as SyncErrors: what counts is the `reason`, not the status alone (rate limits come as 403 and as
 * 429).
 */
import { SyncError, type SyncErrorKind, type SyncErrorOptions } from '../../core/sync-error.ts';

const KIND_OF_REASON: Readonly<Record<string, SyncErrorKind>> = {
  rateLimitExceeded: 'throttled',
  userRateLimitExceeded: 'throttled',
  quotaExceeded: 'quota',
  dailyLimitExceeded: 'quota',
  dailyLimitExceededUnreg: 'quota',
  accessNotConfigured: 'bug',
  SERVICE_DISABLED: 'bug',
};
const KIND_OF_STATUS: Readonly<Record<number, SyncErrorKind>> = {
  400: 'rejected',
  401: 'auth',
  403: 'forbidden',
  404: 'gone',
  408: 'unreachable',
  409: 'stale',
  410: 'gone',
  412: 'stale',
  413: 'too-large',
  429: 'throttled',
};
const MAX_WAIT_MS = 24 * 3_600_000;

/** A failed API request; not always a SyncError: the caller's own abort reason is handed on. */
export function apiError(error: unknown, signal: AbortSignal | undefined): unknown {
  const known = ofTransport(error, signal);
  if (known !== undefined) return known;
  const answer = answerOf(error);
  if (!answer) return noAnswer(error);
  const { status, data, headers } = answer;
  const { reason, message, isLimit } = bodyOf(data);
  const kind = kindOf(status, reason, message, isLimit, headers);
  return new SyncError(
    kind,
    `Google answered ${status}${reason === '' ? '' : ` (${reason})`}`,
    optionsOf(status, message || reason, waitOf(headers)),
  );
}

/** A failed refresh of the access token. `invalid_grant` is final: only a new sign-in helps. */
export function tokenError(error: unknown, signal: AbortSignal | undefined): unknown {
  const known = ofTransport(error, signal);
  if (known !== undefined) return known;
  const answer = answerOf(error);
  if (!answer) return new SyncError('unreachable', 'Google gave no usable answer to a token request');
  const { status, data, headers } = answer;
  const code = codeOf(
    typeof data === 'object' && data !== null ? (data as Record<string, unknown>)['error'] : undefined,
  );
  const options = optionsOf(status, code, waitOf(headers));
  if (code === 'invalid_grant')
    return new SyncError('auth', 'Google refused the refresh token (invalid_grant)', options);
  if (code === 'invalid_client' || code === 'unauthorized_client') {
    return new SyncError(
      'bug',
      `Google refused this installation's OAuth client (${code}): check its id and secret`,
      options,
    );
  }
  if (status === 429) return new SyncError('throttled', 'Google answered 429 to a token request', options);
  if (status >= 500 || status < 400)
    return new SyncError('unreachable', `Google answered ${status} to a token request`, options);
  return new SyncError(
    'bug',
    `Google answered ${status} to a token request${code === '' ? '' : ` (${code})`}`,
    options,
  );
}

/**
 * One header of an answer, `name` in lower case: the library gives plain objects, failures have the transport's own
 * Headers.
 */
export function headerOf(headers: unknown, name: string): string | null {
  if (typeof headers !== 'object' || headers === null) return null;
  const value: unknown =
    typeof (headers as Headers).get === 'function'
      ? (headers as Headers).get(name)
      : (headers as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : null;
}

function kindOf(status: number, reason: string, message: string, isLimit: boolean, headers: unknown): SyncErrorKind {
  if (status === 403 || status === 429)
    return KIND_OF_REASON[reason] ?? (isLimit ? limitOf(reason) : KIND_OF_STATUS[status]!);
  if (status === 503 && headerOf(headers, 'retry-after') !== null) return 'throttled';
  // A sequence below the server's: somebody else wrote in between.
  if (status === 400 && message.startsWith('Invalid sequence value')) return 'stale';
  return KIND_OF_STATUS[status] ?? (status >= 400 && status < 500 ? 'rejected' : 'unreachable');
}

/** Google has changed the names of its limits more than once: none of them is ever a right that is missing. */
function limitOf(reason: string): SyncErrorKind {
  return /daily|quota|term/i.test(reason) ? 'quota' : 'throttled';
}

/** The library wraps what the transport throws; a SyncError and an abort go through unchanged. */
function ofTransport(error: unknown, signal: AbortSignal | undefined): unknown {
  let cause: unknown = error;
  for (let depth = 0; depth < 5 && cause instanceof Error; depth++) {
    if (cause instanceof SyncError) return cause;
    cause = cause.cause;
  }
  return signal?.aborted ? signal.reason : undefined;
}

interface FailedAnswer {
  readonly status: number;
  readonly data: unknown;
  readonly headers: unknown;
}

function answerOf(error: unknown): FailedAnswer | null {
  const response = (error as { response?: { status?: unknown; data?: unknown; headers?: unknown } } | null)?.response;
  if (typeof response?.status !== 'number') return null;
  return { status: response.status, data: response.data, headers: response.headers };
}

/** The library's errors hold the whole request, tokens and all, so none of them becomes a cause. */
function noAnswer(error: unknown): SyncError {
  if (error instanceof Error && 'config' in error) return new SyncError('unreachable', 'no answer from Google');
  return new SyncError(
    'bug',
    `a request to Google failed before it was sent (${error instanceof Error ? error.name : typeof error})`,
  );
}

function optionsOf(status: number, reason: string, retryAfterMs: number | undefined): SyncErrorOptions {
  return {
    status,
    ...(reason === '' ? {} : { reason: plain(reason) }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/**
 * `{error: {errors: [{reason}], message, details: [{reason}]}}`; the envelope of the front end has the reason in
 * `details`, too.
 */
function bodyOf(data: unknown): { reason: string; message: string; isLimit: boolean } {
  const error = typeof data === 'object' && data !== null ? (data as { error?: unknown }).error : undefined;
  if (typeof error !== 'object' || error === null) return { reason: '', message: '', isLimit: false };
  const { errors, details, message, status } = error as {
    errors?: unknown;
    details?: unknown;
    message?: unknown;
    status?: unknown;
  };
  const first = (list: unknown, key: 'reason' | 'domain'): string =>
    codeOf(Array.isArray(list) ? (list[0] as Record<string, unknown> | null | undefined)?.[key] : undefined);
  const isLimit =
    first(errors, 'domain') === 'usageLimits' ||
    status === 'RESOURCE_EXHAUSTED' ||
    first(details, 'reason') === 'RATE_LIMIT_EXCEEDED';
  return {
    reason: first(errors, 'reason') || first(details, 'reason'),
    message: typeof message === 'string' ? message : '',
    isLimit,
  };
}

function codeOf(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z0-9_.-]{1,60}$/.test(value) ? value : '';
}

function plain(text: string): string {
  return text
    .slice(0, 1000)
    .replace(/<[^<>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
}

/** Seconds, or an HTTP date against the server's own clock. */
function waitOf(headers: unknown): number | undefined {
  const text = headerOf(headers, 'retry-after');
  if (text === null) return undefined;
  const server = Date.parse(headerOf(headers, 'date') ?? '');
  const ms = /^\d{1,9}$/.test(text.trim())
    ? Number(text) * 1000
    : Date.parse(text) - (Number.isNaN(server) ? Date.now() : server);
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_WAIT_MS);
}
