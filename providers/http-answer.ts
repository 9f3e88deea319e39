/** What the status and the headers of an HTTP answer mean: the same for every provider. */
import { SyncError, type SyncErrorKind } from '../core/sync-error.ts';

/** A provider's own words about a failure. */
export interface ServerWords {
  /** Who answered; `the server` when absent. */
  readonly server?: string;
  /** The service's error code, safe to log. */
  readonly code?: string;
  /** As `SyncError.reason`. */
  readonly reason?: string | undefined;
  /** As `SyncError.advice`. */
  readonly advice?: string | undefined;
  /** What the service's own code means, where it says more than the status. */
  readonly kind?: SyncErrorKind | undefined;
}

/** What a status means for a request about one item; null for success. */
export function kindOfStatus(status: number, headers: Headers): SyncErrorKind | null {
  if (status >= 200 && status < 300) return null;
  if (status === 503 && retryAfter(headers) !== undefined) return 'throttled';
  return KIND_OF_STATUS[status] ?? (status >= 400 && status < 500 ? 'rejected' : 'unreachable');
}

/** The error of an answer that is no success. */
export function statusError(status: number, headers: Headers, words: ServerWords = {}): SyncError {
  const { server = 'the server', code = '', reason, advice, kind = kindOfStatus(status, headers) } = words;
  return new SyncError(kind ?? 'unreachable', `${server} answered ${status}${code === '' ? '' : ` (${code})`}`, {
    status,
    reason,
    advice,
    retryAfterMs: retryAfter(headers),
  });
}

/**
 * `Retry-After` in milliseconds, at most an hour. It holds seconds, or a date, which counts by the server's own clock.
 * Undefined where absent or unreadable.
 */
export function retryAfter(headers: Headers, nowMs = serverTime(headers) ?? Date.now()): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? '';
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

/** The server's clock (`Date`) in milliseconds since the epoch; null where the answer has none. */
export function serverTime(headers: Headers): number | null {
  const ms = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(ms) ? null : ms;
}

const MAX_RETRY_AFTER_MS = 3_600_000;

/** All others: `rejected` for 4xx, else `unreachable`. */
const KIND_OF_STATUS: Readonly<Record<number, SyncErrorKind>> = {
  401: 'auth',
  403: 'forbidden',
  404: 'gone',
  408: 'unreachable',
  409: 'stale',
  410: 'gone',
  412: 'stale',
  413: 'too-large',
  // Locked by another write: as good as a lost race.
  423: 'stale',
  424: 'unreachable',
  425: 'unreachable',
  429: 'throttled',
  // Asking again does not help.
  501: 'rejected',
  507: 'quota',
  509: 'throttled',
};
