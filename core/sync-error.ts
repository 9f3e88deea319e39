/**
 * What can go wrong when Calpair calls a calendar service: one class, a closed list of kinds. One table,
 * `activities/error-policy.ts`, says what each kind leads to.
 */
export type SyncErrorKind =
  /** 429, 503 with Retry-After, a rate limit: wait, then continue. */
  | 'throttled'
  /** Network, time-out, 5xx, a response that breaks the protocol: retry with growing delay. */
  | 'unreachable'
  /** 412, the event changed meanwhile: read again and merge again. */
  | 'stale'
  /** 404 or 410 on one item. */
  | 'gone'
  /** 404 or 403 on the calendar itself. */
  | 'calendar-missing'
  /** The account may read the calendar, but not write to it: its writes wait. */
  | 'calendar-read-only'
  /** 401 after a refresh, `invalid_grant`: only new credentials help. */
  | 'auth'
  /** The credentials are accepted, but they belong to another account. */
  | 'different-account'
  /** 403 on a write of one event: a missing permission. */
  | 'forbidden'
  /** The server refuses the content of this one event permanently. */
  | 'rejected'
  /** This one event is larger than the server or Calpair accepts. */
  | 'too-large'
  /** This write would make the server send mail to attendees. */
  | 'would-mail'
  /** Calpair would have sent a calendar object that breaks RFC 5545: nothing was sent. `reason` names the rules. */
  | 'invalid-object'
  /** The id chosen for a create belongs to a deleted or foreign event: use the next generation. */
  | 'id-taken'
  /** A long-term quota is exhausted (for hours). */
  | 'quota'
  /** An HTTP server answers, but it is not a CalDAV server. */
  | 'not-a-caldav-server'
  /** The network policy of this installation forbids the address. */
  | 'address-not-allowed'
  /** The account's provider is not set up in this installation, perhaps since a redeploy. */
  | 'provider-not-configured'
  /** The stored credentials cannot be decrypted with the keys of this installation. */
  | 'credentials-unreadable'
  /** A bug in Calpair. */
  | 'bug';

export interface SyncErrorOptions {
  /** The delay before the next request that the server asked for. */
  readonly retryAfterMs?: number | undefined;
  /** The HTTP status, if there was a response. */
  readonly status?: number | undefined;
  /** The server's own reason: a DAV precondition, a provider's error code, or its text; kept as `plainReason` of it. */
  readonly reason?: string | undefined;
  /** What the owner of the account can do about it, in Calpair's own words. */
  readonly advice?: string | undefined;
  readonly cause?: unknown;
}

/** Words of a server as at most 200 plain characters on one line, without markup; undefined where none are left. */
export function plainReason(text: string): string | undefined {
  const plain = text
    .slice(0, MAX_READ)
    .replace(/<[a-z/!?][^<>]*(?:>|$)/gi, ' ')
    .replace(/[<>]/g, ' ')
    // Control characters, line separators, and those that turn the direction of writing or cannot be seen.
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_REASON)
    .replace(/[\ud800-\udbff]$/, '');
  return plain === '' ? undefined : plain;
}
const MAX_REASON = 200;
/** In which a reason is looked for: more than any server writes before it. */
const MAX_READ = 2_000;

/** The same failure under another kind, as the caller sees it; status and reason stay. */
export function withKind(error: SyncError, kind: SyncErrorKind, message = error.message): SyncError {
  const { status, reason, advice } = error;
  return new SyncError(kind, message, { status, reason, advice });
}

/**
 * `message` is safe to log and to store: it holds codes and statuses, never event content, addresses or credentials.
 * `reason` may be shown to the owner of the account, and nowhere else.
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
    this.reason = plainReason(options.reason ?? '');
    this.advice = options.advice;
  }
}
