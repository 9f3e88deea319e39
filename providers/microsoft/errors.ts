/** Graph's failures as SyncErrors: what counts is the status and the error's `code`, never its message. */
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { retryAfter } from '../http.ts';

/** Where the code says more than the status. In lower case: the service spells them in several ways. */
const KIND_OF_CODE: Readonly<Record<string, SyncErrorKind>> = {
  applicationthrottled: 'throttled',
  toomanyrequests: 'throttled',
  activitylimitreached: 'throttled',
  errorserverbusy: 'throttled',
  errormailboxstoreunavailable: 'unreachable',
  errormailboxmoveinprogress: 'unreachable',
  errorquotaexceeded: 'quota',
  errormessagesizeexceeded: 'too-large',
  errorirresolvableconflict: 'stale',
  erroritemnotfound: 'gone',
  // Addressing an occurrence that the series has not, or not any more.
  errorcalendaroccurrenceindexisoutofrecurrencerange: 'gone',
  errorcalendaroccurrenceisdeletedfromrecurrence: 'gone',
  // The person has no calendars at this service, or not any more.
  mailboxnotenabledforrestapi: 'auth',
  mailboxnotsupportedforrestapi: 'auth',
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
  423: 'stale',
  424: 'unreachable',
  425: 'unreachable',
  429: 'throttled',
  501: 'rejected',
  507: 'quota',
  509: 'throttled',
};
/** A delta token that is not good any more: 410 by the documents, seen with other statuses, too. */
const DEAD_TOKEN = /^(?:syncstatenotfound|syncstateinvalid|resyncrequired|resync.*)$/i;

/** A failed request of the API. The error's code is its `reason`, else some plain text of the answer. */
export function apiError(status: number, headers: Headers, body: unknown): SyncError {
  const code = codeOf(body);
  const wait = retryAfter(headers);
  let kind =
    KIND_OF_CODE[code.toLowerCase()] ??
    KIND_OF_STATUS[status] ??
    (status >= 400 && status < 500 ? 'rejected' : 'unreachable');
  if (status === 503 && wait !== undefined) kind = 'throttled';
  // A challenge of conditional access needs the person, whatever the status.
  if (status === 403 && /\bclaims=/.test(headers.get('www-authenticate') ?? '')) kind = 'auth';
  return new SyncError(kind, `Microsoft Graph answered ${status}${code === '' ? '' : ` (${code})`}`, {
    status,
    ...(code === '' ? {} : { reason: code }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

/** Whether the answer means that a delta link is of no use any more, and only a new round helps. */
export function isDeadToken(error: unknown): boolean {
  return (
    error instanceof SyncError &&
    error.status !== undefined &&
    error.status >= 400 &&
    error.status < 500 &&
    (error.status === 410 || DEAD_TOKEN.test(error.reason ?? ''))
  );
}

/**
 * A failed refresh of the access token. `invalid_grant` and `interaction_required` are final: only a new sign-in helps.
 */
export function tokenError(status: number, headers: Headers, body: unknown): SyncError {
  const { error, error_description: description } = (typeof body === 'object' && body !== null ? body : {}) as {
    error?: unknown;
    error_description?: unknown;
  };
  const code = plainCode(error);
  // `AADSTS700082: …` tells an operator more than the code does.
  const detail = /^AADSTS\d{1,9}/.exec(typeof description === 'string' ? description : '')?.[0] ?? '';
  const wait = retryAfter(headers);
  const options = {
    status,
    ...(code === '' ? {} : { reason: detail === '' ? code : `${code} (${detail})` }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
  if (SIGN_IN_AGAIN.has(code)) return new SyncError('auth', `Microsoft refused the refresh token (${code})`, options);
  if (code === 'invalid_client' || code === 'unauthorized_client') {
    return new SyncError(
      'bug',
      `Microsoft refused this installation's OAuth client (${code}): check its id and secret`,
      options,
    );
  }
  if (status === 429 || (status === 503 && wait !== undefined))
    return new SyncError('throttled', `Microsoft answered ${status} to a token request`, options);
  if (status >= 500 || status < 400 || code === 'temporarily_unavailable')
    return new SyncError('unreachable', `Microsoft answered ${status} to a token request`, options);
  return new SyncError(
    'bug',
    `Microsoft answered ${status} to a token request${code === '' ? '' : ` (${code})`}`,
    options,
  );
}

const SIGN_IN_AGAIN = new Set(['invalid_grant', 'interaction_required', 'login_required', 'consent_required']);

/** The outermost code; `innerError` may nest more precise ones, of which only those about delta tokens are of use. */
function codeOf(body: unknown): string {
  let outer = '';
  let error = typeof body === 'object' && body !== null ? (body as { error?: unknown }).error : undefined;
  for (let depth = 0; depth < 5 && typeof error === 'object' && error !== null; depth += 1) {
    const { code, innerError, innererror } = error as { code?: unknown; innerError?: unknown; innererror?: unknown };
    const named = plainCode(code);
    if (outer === '' || DEAD_TOKEN.test(named)) outer = named || outer;
    error = innerError ?? innererror;
  }
  return outer;
}

function plainCode(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z0-9_.-]{1,80}$/.test(value) ? value : '';
}
