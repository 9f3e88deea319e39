/**
 * What can go wrong between us and a calendar service: one class, a closed list of kinds. What each kind leads to is
 * decided in one place, `activities/error-policy.ts`.
 */
export type SyncErrorKind =
  /** 429, 503 with Retry-After, a rate limit: wait, then go on. */
  | 'throttled'
  /** Network, time-out, 5xx, an answer that is not of the protocol: try again with growing delay. */
  | 'unreachable'
  /** 412, a lost race: read again and merge again. */
  | 'stale'
  /** 404 or 410 on one item. */
  | 'gone'
  /** 404 or 403 on the calendar itself. */
  | 'calendar-missing'
  /** 401 after a refresh, `invalid_grant`: only new credentials help. */
  | 'auth'
  /** The credentials are taken, but they open another person's calendars. */
  | 'different-account'
  /** 403 on a write of one event: a missing right. */
  | 'forbidden'
  /** The server refuses the content of this one event for good. */
  | 'rejected'
  /** This one event is larger than the server or we accept. */
  | 'too-large'
  /** Writing this change would make a server mail people. */
  | 'would-mail'
  /** The id chosen for a create belongs to a deleted or foreign event: take the next generation. */
  | 'id-taken'
  /** The service says that it is full for long (hours). */
  | 'quota'
  /** HTTP answers, but no CalDAV service is there. */
  | 'not-a-caldav-server'
  /** The address is one that this installation does not connect to. */
  | 'address-not-allowed'
  /** A mistake of ours. */
  | 'bug';

export interface SyncErrorOptions {
  /** Wait this long before the next request, as the server asked. */
  readonly retryAfterMs?: number;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /**
   * The server's own reason: a DAV precondition or provider error code, or at most 200 characters of plain text without
   * markup.
   */
  readonly reason?: string;
  /** What the person who owns the account can do about it, in our own words. */
  readonly advice?: string | undefined;
  readonly cause?: unknown;
}

/**
 * `message` is safe to log and to store: it holds codes and statuses, never event content, addresses or credentials.
 * `reason` may be shown to the person who owns the account, and nowhere else.
 */
export class SyncError extends Error {
  readonly kind: SyncErrorKind;
  readonly retryAfterMs: number | undefined;
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly advice: string | undefined;

  constructor(kind: SyncErrorKind, message: string, options: SyncErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'SyncError';
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
    this.reason = options.reason;
    this.advice = options.advice;
  }
}
