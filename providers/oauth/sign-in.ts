/**
 * Signing in by browser: the authorization code flow with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 9700). What the
 * caller keeps between the two steps is for one use, and for the browser that began.
 */
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrantRequest,
  ClientSecretPost,
  calculatePKCECodeChallenge,
  customFetch,
  generateRandomCodeVerifier,
  processAuthorizationCodeResponse,
  ResponseBodyError,
  type TokenEndpointResponse,
  validateAuthResponse,
} from 'oauth4webapi';
import { SyncError } from '../../core/sync-error.ts';
import type { SignInErrorCode } from '../../core/texts.ts';
import { kindOfStatus, retryAfter } from '../http-answer.ts';
import type { Io, SignIn, SignInStart } from '../provider.ts';
import type { OAuthCredentials } from './credentials.ts';
import { tokenError } from './token-error.ts';

/** What differs between services. */
export interface SignInService {
  readonly label: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly authUrl: string;
  readonly tokenUrl: string;
  /** Requested; each has to be granted, unless it only asks for a refresh token. */
  readonly scopes: readonly string[];
  /** A scope that includes all others. */
  readonly fullScope?: string;
  /** Further parameters of the request for consent. @param hint the account that signs in again */
  readonly parameters: (hint: string | null) => Readonly<Record<string, string>>;
  /** The service's number for an error, out of its description; empty where there is none. */
  readonly numberOf?: (description: string) => string;
}

/** Why a sign-in gave no account, for the person who signed in. Its message is safe to log. */
export class SignInError extends Error {
  override readonly name = 'SignInError';
  readonly code: SignInErrorCode;
  /** With `scope-missing`: which ones, without the address in front. */
  readonly scopes: readonly string[];

  constructor(code: SignInErrorCode, message: string, scopes: readonly string[] = []) {
    super(message);
    this.code = code;
    this.scopes = scopes;
  }
}

export function createSignIn(service: SignInService): SignIn<OAuthCredentials> {
  return {
    async begin({ redirectUri, state, hint }: SignInStart) {
      const verifier = generateRandomCodeVerifier();
      const url = new URL(service.authUrl);
      const parameters = {
        client_id: service.clientId,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: service.scopes.join(' '),
        state,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...service.parameters(hint),
      };
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      return { url: url.href, verifier };
    },

    async finish({ redirectUri, state, verifier, answer }, io) {
      const token = await exchange(service, { redirectUri, state, verifier, answer }, io);
      const missing = missingScopes(service, token.scope);
      if (missing.length > 0)
        throw new SignInError('scope-missing', `${service.label} was not allowed everything`, missing);
      if (token.refresh_token === undefined || token.refresh_token === '')
        throw new SignInError('refresh-token-missing', `${service.label} sent no refresh token`);
      return { refreshToken: token.refresh_token };
    },
  };
}

interface Exchange {
  readonly redirectUri: string;
  readonly state: string;
  readonly verifier: string;
  readonly answer: URLSearchParams;
}

/** @throws SignInError, SyncError */
async function exchange(service: SignInService, given: Exchange, io: Io): Promise<TokenEndpointResponse> {
  const server = { issuer: new URL(service.authUrl).origin, token_endpoint: service.tokenUrl };
  const client = { client_id: service.clientId };
  let response: Response | undefined;
  try {
    const code = validateAuthResponse(server, client, ofThisService(given.answer), given.state);
    response = await authorizationCodeGrantRequest(
      server,
      client,
      ClientSecretPost(service.clientSecret),
      code,
      given.redirectUri,
      given.verifier,
      {
        // Addresses other than https are the operator's own choice.
        [allowInsecureRequests]: true,
        [customFetch]: (url, init) => io.fetch(url, { ...init, body: String(init.body), signal: io.signal ?? null }),
      },
    );
    return await processAuthorizationCodeResponse(server, client, await withoutIdToken(response));
  } catch (error) {
    throw failure(service, error, response);
  }
}

/** `iss` is left out: each service has a redirect URI of its own, which is the other defence (RFC 9700 section 2.1). */
function ofThisService(answer: URLSearchParams): URLSearchParams {
  const own = new URLSearchParams(answer);
  own.delete('iss');
  return own;
}

/** An ID token is not requested. One that comes all the same says nothing that is used, so it is not checked either. */
async function withoutIdToken(response: Response): Promise<Response> {
  if (!response.ok) return response;
  const text = await response.text();
  const same = { status: response.status, headers: response.headers };
  try {
    const { id_token: _idToken, ...rest } = JSON.parse(text) as Record<string, unknown>;
    return new Response(JSON.stringify(rest), same);
  } catch {
    return new Response(text, same);
  }
}

/** Errors of the library hold answers, tokens included: none of them becomes a cause. */
function failure(service: SignInService, error: unknown, response: Response | undefined): Error {
  if (error instanceof SyncError) return error;
  const numberIn = (description: unknown): string => service.numberOf?.(String(description ?? '')) ?? '';
  if (error instanceof AuthorizationResponseError)
    return refusedConsent(service.label, codeOf(error.error), numberIn(error.error_description));
  if (error instanceof ResponseBodyError)
    return tokenError(service.label, error.response, codeOf(error.error), numberIn(error.error_description));
  const message = `${service.label} answered ${response?.status ?? 'nothing'} to a code`;
  if (response === undefined) return new SignInError('sign-in-failed', message);
  const kind = kindOfStatus(response.status, response.headers) === 'throttled' ? 'throttled' : 'unreachable';
  return new SyncError(kind, message, { status: response.status, retryAfterMs: retryAfter(response.headers) });
}

/** RFC 6749 section 4.1.2.1, and OpenID Connect. `number`: AADSTS… of Microsoft. */
function refusedConsent(label: string, code: string, number: string): Error {
  const message = `${label} gave no consent (${[code, number].filter((part) => part !== '').join(' ')})`;
  if (ADMIN_NUMBERS.has(number)) return new SignInError('admin-consent-required', message);
  if (DENIED.has(code)) return new SignInError('consent-denied', message);
  if (code === 'temporarily_unavailable' || code === 'server_error') return new SyncError('unreachable', message);
  return new SignInError(CLIENT_REFUSED.has(code) ? 'oauth-client-refused' : 'sign-in-failed', message);
}

const DENIED = new Set(['access_denied', 'consent_required', 'interaction_required', 'login_required']);
const CLIENT_REFUSED = new Set([
  'unauthorized_client',
  'invalid_client',
  'invalid_scope',
  'invalid_request',
  'invalid_resource',
  'unsupported_response_type',
]);
/** The organisation lets only an administrator consent (AADSTS90093, 90094), or has blocked the app for the person. */
const ADMIN_NUMBERS = new Set(['AADSTS90093', 'AADSTS90094', 'AADSTS90095', 'AADSTS50105', 'AADSTS7000112']);

/** Google lets people untick scopes. An answer without `scope` grants what was requested (RFC 6749 section 5.1). */
function missingScopes({ scopes, fullScope }: SignInService, granted: string | undefined): string[] {
  if (granted === undefined) return [];
  const names = new Set(granted.split(/\s+/).map((scope) => shortName(scope).toLowerCase()));
  if (fullScope !== undefined && names.has(fullScope.toLowerCase())) return [];
  return scopes.map(shortName).filter((name) => name !== 'offline_access' && !names.has(name.toLowerCase()));
}

/** Services answer with the full or with the short name of one scope. */
function shortName(scope: string): string {
  return scope.slice(scope.lastIndexOf('/') + 1);
}

function codeOf(error: unknown): string {
  return typeof error === 'string' && /^[\w.-]{1,60}$/.test(error) ? error : '';
}
