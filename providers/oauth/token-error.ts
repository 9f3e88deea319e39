/** Why a service gave no access token for a refresh token (RFC 6749 section 5.2). */
import { SyncError } from '../../core/sync-error.ts';
import { kindOfStatus, retryAfter } from '../http-answer.ts';
import { adviceFor } from './advice.ts';

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
  const advice = adviceFor(code, detail);
  if (advice !== undefined)
    return new SyncError('auth', `${service} gave no access token (${options.reason})`, { ...options, advice });
  const message = `${service} answered ${status} to a token request`;
  const kind = kindOfStatus(status, headers);
  if (kind === 'throttled' || LIMIT.test(code)) return new SyncError('throttled', message, options);
  // Without a code it is not the service that answered.
  const isPassing = code === '' || kind === 'unreachable' || status >= 500 || status < 400 || PASSING.has(code);
  if (isPassing) return new SyncError('unreachable', message, options);
  const named = `${message} (${code})`;
  // Only a request that is wrong in itself is Calpair's fault; every other refusal is about the sign-in. Microsoft says
  // what is wrong with it, and that is then the client's set-up.
  if (OUR_FAULT.has(code) && detail === '') return new SyncError('bug', named, options);
  return new SyncError('auth', named, {
    ...options,
    advice: OUR_FAULT.has(code) ? adviceFor('invalid_client') : OTHER,
  });
}

const LIMIT = /limit|quota|slow_?down|throttl/i;

const PASSING = new Set(['temporarily_unavailable', 'server_error']);
const OUR_FAULT = new Set(['invalid_request', 'unsupported_grant_type']);
const OTHER = 'Sign in again; if that does not help, the administrator of the organisation may have to allow this app.';
