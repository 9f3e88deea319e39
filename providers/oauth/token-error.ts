/** Why a service gave no access token for a refresh token (RFC 6749 section 5.2). */
import { SyncError } from '../../core/sync-error.ts';
import { kindOfStatus, retryAfter } from '../http-answer.ts';

/** `code` is the `error` of the answer, safe to log; `detail` is what the service says besides. */
export function tokenError(
  service: string,
  { status, headers }: { readonly status: number; readonly headers: Headers },
  code: string,
  detail = '',
): SyncError {
  const options = {
    status,
    reason: code === '' ? undefined : detail === '' ? code : `${code} (${detail})`,
    retryAfterMs: retryAfter(headers),
  };
  if (SIGN_IN_AGAIN.has(code)) return new SyncError('auth', `${service} refused the refresh token (${code})`, options);
  if (code === 'invalid_client' || code === 'unauthorized_client') {
    const advice = 'check its id and secret';
    return new SyncError('bug', `${service} refused this installation's OAuth client (${code}): ${advice}`, options);
  }
  const message = `${service} answered ${status} to a token request`;
  const kind = kindOfStatus(status, headers);
  if (kind === 'throttled') return new SyncError(kind, message, options);
  const isPassing = kind === 'unreachable' || status >= 500 || status < 400 || code === 'temporarily_unavailable';
  return isPassing
    ? new SyncError('unreachable', message, options)
    : new SyncError('bug', `${message}${code === '' ? '' : ` (${code})`}`, options);
}

/** Final: the person has to sign in again. */
const SIGN_IN_AGAIN = new Set(['invalid_grant', 'interaction_required', 'login_required', 'consent_required']);
