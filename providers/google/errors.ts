/**
 * Google's failures as SyncErrors: what counts is the `reason`, not the status alone (rate limits come as 403 and as
 * 429).
 */
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { statusError } from '../http-answer.ts';
import { adviceFor } from '../oauth/advice.ts';
import { tokenError } from '../oauth/token-error.ts';

const KIND_OF_REASON: Readonly<Record<string, SyncErrorKind>> = {
  rateLimitExceeded: 'throttled',
  userRateLimitExceeded: 'throttled',
  quotaExceeded: 'quota',
  dailyLimitExceeded: 'quota',
  dailyLimitExceededUnreg: 'quota',
};

/** A failed API request. Not always a SyncError: the caller's own abort reason passes through. */
export function apiError(error: unknown, signal: AbortSignal | undefined): unknown {
  const passed = ofTransport(error, signal);
  if (passed !== undefined) return passed;
  const answer = answerOf(error);
  if (!answer) return noAnswer(error);
  const { reason, message, isLimit } = bodyOf(answer.data);
  const advice = answer.status === 401 || answer.status === 403 ? adviceFor(reason) : undefined;
  return statusError(answer.status, answer.headers, {
    server: 'Google',
    code: reason,
    reason: message || reason,
    advice,
    kind: advice === undefined ? kindOf(answer.status, reason, message, isLimit) : 'auth',
  });
}

/** A failed refresh of the access token. */
export function refreshError(error: unknown, signal: AbortSignal | undefined): unknown {
  const passed = ofTransport(error, signal);
  if (passed !== undefined) return passed;
  const answer = answerOf(error);
  if (!answer) return new SyncError('unreachable', 'Google gave no usable answer to a token request');
  const { error: code, error_subtype: subtype } = (answer.data ?? {}) as { error?: unknown; error_subtype?: unknown };
  return tokenError('Google', answer, codeOf(code), codeOf(subtype));
}

/** What the body says; undefined where the status says it all. */
function kindOf(status: number, reason: string, message: string, isLimit: boolean): SyncErrorKind | undefined {
  if (status === 403 || status === 429) return KIND_OF_REASON[reason] ?? (isLimit ? limitOf(reason) : undefined);
  // A sequence below the server's: another client wrote in between.
  return status === 400 && message.startsWith('Invalid sequence value') ? 'stale' : undefined;
}

/** Google has changed the names of its limits more than once: none of them is ever a right that is missing. */
function limitOf(reason: string): SyncErrorKind {
  return /daily|quota|term/i.test(reason) ? 'quota' : 'throttled';
}

/** The library wraps what the transport throws; a SyncError and an abort pass through unchanged. */
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
  readonly headers: Headers;
}

function answerOf(error: unknown): FailedAnswer | null {
  const { response } = (error ?? {}) as { response?: { status?: unknown; data?: unknown; headers?: unknown } };
  if (typeof response?.status !== 'number') return null;
  return { status: response.status, data: response.data, headers: headersOf(response.headers) };
}

/** The library gives headers as a plain object, or as the transport's own Headers. */
export function headersOf(headers: unknown): Headers {
  return new Headers((headers ?? {}) as Record<string, string>);
}

/** The library's errors hold the whole request, tokens included, so none of them becomes a cause. */
function noAnswer(error: unknown): SyncError {
  if (error instanceof Error && 'config' in error) return new SyncError('unreachable', 'no answer from Google');
  const name = error instanceof Error ? error.name : typeof error;
  return new SyncError('bug', `a request to Google failed before it was sent (${name})`);
}

/**
 * `{error: {errors: [{reason}], message, details: [{reason}]}}`; the envelope of the front end has the reason in
 * `details`, too.
 */
function bodyOf(data: unknown): { reason: string; message: string; isLimit: boolean } {
  const error = typeof data === 'object' && data !== null ? (data as { error?: unknown }).error : undefined;
  if (typeof error !== 'object' || error === null) return { reason: '', message: '', isLimit: false };
  const { errors, details, message, status } = error as Readonly<Record<string, unknown>>;
  const all = (list: unknown, key: 'reason' | 'domain'): string[] =>
    (Array.isArray(list) ? list : []).map((one: Record<string, unknown> | null) => codeOf(one?.[key])).filter(Boolean);
  const reasons = [...all(errors, 'reason'), ...all(details, 'reason')];
  const isLimit =
    all(errors, 'domain')[0] === 'usageLimits' ||
    status === 'RESOURCE_EXHAUSTED' ||
    reasons.includes('RATE_LIMIT_EXCEEDED');
  return {
    // `forbidden` says nothing where the other list names a disabled API.
    reason: reasons.find((one) => adviceFor(one) !== undefined) ?? reasons[0] ?? '',
    message: typeof message === 'string' ? message : '',
    isLimit,
  };
}

function codeOf(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z0-9_.-]{1,60}$/.test(value) ? value : '';
}
