/**
 * Graph's failures as SyncErrors: what counts is the status and the error's `code`; its message only where it
 * says that a `transactionId` was used before, since no documentation names the code of that.
 */
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { kindOfStatus, statusError } from '../http-answer.ts';
import { adviceFor } from '../oauth/advice.ts';
import { tokenError } from '../oauth/token-error.ts';

/** Codes that say more than the status. In lower case: the service spells them in several ways. */
const KIND_OF_CODE: Readonly<Record<string, SyncErrorKind>> = {
  applicationthrottled: 'throttled',
  toomanyrequests: 'throttled',
  activitylimitreached: 'throttled',
  errorserverbusy: 'throttled',
  errormailboxstoreunavailable: 'unreachable',
  errormailboxmoveinprogress: 'unreachable',
  erroraccessdenied: 'forbidden',
  errorquotaexceeded: 'quota',
  errormessagesizeexceeded: 'too-large',
  errorirresolvableconflict: 'stale',
  erroritemnotfound: 'gone',
  // The series has no such occurrence, or not any more.
  errorcalendaroccurrenceindexisoutofrecurrencerange: 'gone',
  errorcalendaroccurrenceisdeletedfromrecurrence: 'gone',
};
/** A delta token that has expired: 410 by the documentation, seen with other statuses, too. */
const DEAD_TOKEN = /^(?:syncstatenotfound|syncstateinvalid|resyncrequired|resync.*)$/i;

/** A new event whose `transactionId` was used before. */
const DUPLICATE = /^ErrorDuplicateTransactionId$/i;
const SAYS_DUPLICATE = /\btransaction ?id\b.*\b(?:already|used|exists)\b/i;
/** Codes that also count where the service hides them in an `innerError`. */
const PRECISE = [DEAD_TOKEN, DUPLICATE];

/** A failed request of the API. The error's code is its `reason`. */
export function apiError(status: number, headers: Headers, body: unknown): SyncError {
  const code = codeOf(body);
  // A challenge of conditional access needs the person, whatever the status.
  const isChallenge = status === 403 && /\bclaims=/.test(headers.get('www-authenticate') ?? '');
  const advice = adviceFor(isChallenge ? 'interaction_required' : code);
  const mustWait = kindOfStatus(status, headers) === 'throttled';
  return statusError(status, headers, {
    server: 'Microsoft Graph',
    code,
    reason: code || undefined,
    advice: mustWait ? undefined : advice,
    kind: mustWait ? 'throttled' : advice === undefined ? KIND_OF_CODE[code.toLowerCase()] : 'auth',
  });
}

/** Whether the answer means that a delta link has expired and a new round is needed. */
export function isDeadToken(error: unknown): boolean {
  return (
    error instanceof SyncError &&
    error.status !== undefined &&
    error.status >= 400 &&
    error.status < 500 &&
    (error.status === 410 || DEAD_TOKEN.test(error.reason ?? ''))
  );
}

/** Whether the answer to a create says that its `transactionId` was used before. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof SyncError && DUPLICATE.test(error.reason ?? '');
}

/** A failed refresh of the access token. */
export function refreshError(answer: Pick<Response, 'status' | 'headers'>, body: unknown): SyncError {
  const { error, error_description: description } = (body ?? {}) as { error?: unknown; error_description?: unknown };
  // `AADSTS700082: …` tells an operator more than the code does.
  const detail = /^AADSTS\d{1,9}/.exec(typeof description === 'string' ? description : '')?.[0];
  return tokenError('Microsoft', answer, plainCode(error), detail);
}

/** The outermost code. Of the more precise ones in `innerError`, only a few count. */
function codeOf(body: unknown): string {
  let outer = '';
  let error = typeof body === 'object' && body !== null ? (body as { error?: unknown }).error : undefined;
  for (let depth = 0; depth < 5 && typeof error === 'object' && error !== null; depth += 1) {
    const { code, message, innerError, innererror } = error as Record<string, unknown>;
    if (typeof message === 'string' && SAYS_DUPLICATE.test(message.slice(0, 1_000)))
      return 'ErrorDuplicateTransactionId';
    const named = plainCode(code);
    if (outer === '' || PRECISE.some((code) => code.test(named))) outer = named || outer;
    error = innerError ?? innererror;
  }
  return outer;
}

function plainCode(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z0-9_.-]{1,80}$/.test(value) ? value : '';
}
