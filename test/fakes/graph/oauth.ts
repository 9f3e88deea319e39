/** Microsoft's identity platform, as far as a client with a secret needs it. */
import { createHash, randomUUID } from 'node:crypto';
import type { ApiAnswer } from '../api.ts';
import { type Grant, OAuthServer, page, type Refusal, words } from '../oauth-server.ts';
import { accessDenied, GraphError } from './graph-error.ts';

const PLAIN_SCOPES = ['openid', 'profile', 'email', 'offline_access'];
const REFUSED_VERIFIER = ['invalid_grant', 501481, 'The Code_Verifier does not match the code_challenge.'] as const;

const PAGES: Readonly<Record<string, string>> = {
  'page-unknown-client': 'AADSTS700016: Application was not found in the directory.',
  'page-other-redirect': 'AADSTS50011: The redirect URI does not match.',
  'page-bad-request': 'AADSTS900144: The request is not valid.',
};
const REFUSALS: Readonly<Record<string, readonly [error: string, number: number, description: string]>> = {
  'unknown-client': ['unauthorized_client', 700016, 'Application was not found in the directory.'],
  'wrong-secret': ['invalid_client', 7000215, 'Invalid client secret provided.'],
  'unsupported-grant-type': ['unsupported_grant_type', 70003, 'The app requested an unsupported grant type.'],
  'unknown-code': ['invalid_grant', 54005, 'OAuth2 Authorization code was already redeemed.'],
  'expired-code': ['invalid_grant', 70008, 'The provided authorization code has expired.'],
  'other-redirect': ['invalid_grant', 50011, 'The redirect URI does not match.'],
  'missing-verifier': REFUSED_VERIFIER,
  'wrong-verifier': REFUSED_VERIFIER,
};

export class OAuth extends OAuthServer<{
  readonly accessTokenSeconds: number;
  readonly usedRefreshTokens: 'work' | 'refused';
}> {
  protected readonly tokenForm = { code: 'M.C5', access: 'EwB', refresh: '1.AX', bytes: 40 };

  /**
   * `number`: why refreshing fails from now on, for example 700082 (not used for too long), 50173 (password changed),
   * 65001 (consent gone).
   */
  override revoke(email: string, number = 50173): void {
    super.revoke(email, number);
  }

  /** Tokens of the first account open the second one from now on. */
  handOver(email: string, other: string): void {
    this.expireAccessTokens(email);
    for (const { grant } of this.refreshTokens.values()) if (grant.email === email) grant.email = other;
  }

  /** The grant of the caller. @throws GraphError 401 */
  authenticate(header: string | undefined): { readonly email: string; readonly scopes: readonly string[] } {
    const token = /^Bearer (\S+)$/i.exec(header ?? '')?.[1];
    const issued = token === undefined ? undefined : this.accessTokens.get(token);
    if (issued !== undefined && issued.expiresMs > this.settings.now()) return issued.grant;
    const message = token === undefined ? 'Access token is empty.' : 'Access token has expired or is not yet valid.';
    throw new GraphError(401, 'InvalidAuthenticationToken', message, {
      'WWW-Authenticate': 'Bearer realm="", authorization_uri="https://login.example.com/common/oauth2/authorize"',
    });
  }

  /** The owner of the token in an `Authorization` header, expired or not; empty for an unknown token. */
  holder(header: string): string {
    return this.accessTokens.get(header.replace(/^Bearer /i, ''))?.grant.email ?? '';
  }

  /** `POST /{tenant}/oauth2/v2.0/token` */
  tokenFor(form: URLSearchParams): ApiAnswer {
    return this.token(form, {
      id: form.get('client_id') ?? undefined,
      secret: form.get('client_secret') ?? undefined,
    });
  }

  protected refuse(refusal: Refusal): ApiAnswer | null {
    const text = PAGES[refusal];
    if (text !== undefined) return page(400, 'Sign in', text);
    const refused = REFUSALS[refusal];
    if (refused === undefined) return null;
    return failure(refusal === 'wrong-secret' ? 401 : 400, ...refused);
  }

  /** Every refresh gives a new refresh token with the same rights. A client may request fewer scopes, but not more. */
  protected refresh(form: URLSearchParams): ApiAnswer {
    const token = form.get('refresh_token') ?? '';
    const missing = "The request body must contain the following parameter: 'refresh_token'.";
    if (token === '') return failure(400, 'invalid_request', 900144, missing);
    const issued = this.refreshTokens.get(token);
    if (issued === undefined)
      return failure(400, 'invalid_grant', 9002313, 'Invalid request. Request is malformed or invalid.');
    if (issued.grant.dead !== null)
      return failure(400, 'invalid_grant', issued.grant.dead, 'The provided grant has expired or was revoked.');
    if (issued.used && this.settings.behaviour.usedRefreshTokens === 'refused')
      return failure(400, 'invalid_grant', 70000, 'The refresh token was used before.');
    const requested = words(form.get('scope')).filter(
      (scope) => !PLAIN_SCOPES.includes(scope) && !/\.default$/.test(scope),
    );
    const unconsented = 'The user or administrator has not consented to use the application.';
    if (requested.some((scope) => !covers(issued.grant.scopes, scope)))
      return failure(400, 'invalid_grant', 65001, unconsented);
    issued.used = true;
    return this.issue(issued.grant, this.newRefreshToken(issued.grant));
  }

  protected tokenBody(grant: Grant, accessToken: string): Record<string, unknown> {
    const seconds = this.settings.behaviour.accessTokenSeconds;
    return {
      token_type: 'Bearer',
      scope: grant.scopes.filter((scope) => scope !== 'offline_access').join(' '),
      expires_in: seconds,
      ext_expires_in: seconds,
      access_token: accessToken,
    };
  }

  protected idClaims(email: string): Record<string, unknown> {
    const oid = createHash('sha256').update(email).digest('hex').slice(0, 32);
    return { oid, sub: oid, preferred_username: email, email };
  }

  protected givesRefreshToken(_query: URLSearchParams, _email: string, scopes: readonly string[]): boolean {
    return scopes.includes('offline_access');
  }

  protected redirectParameters(scopes: readonly string[]): Record<string, string> {
    return scopes.length === 0 ? { error_description: 'AADSTS65004: User declined to consent to access the app.' } : {};
  }

  protected fullScope(scope: string): string {
    return scope;
  }
}

/** @throws GraphError 403 */
export function demandScope(granted: readonly string[], required: string): void {
  if (!covers(granted, required)) throw accessDenied();
}

/** `Calendars.ReadWrite.Shared` includes `Calendars.Read`. Scopes may include Graph's address. */
function covers(granted: readonly string[], required: string): boolean {
  const scopes = granted.map(shortScope);
  const [resource, action, ...rest] = shortScope(required).split('.');
  const isShared = rest.includes('Shared');
  const actions = action === 'Read' ? ['Read', 'ReadWrite'] : [action];
  return (
    scopes.includes(shortScope(required)) ||
    actions.some((one) =>
      [...(isShared ? [] : ['']), '.Shared'].some((tail) => scopes.includes(`${resource}.${one}${tail}`)),
    )
  );
}

function shortScope(scope: string): string {
  return scope.replace(/^https:\/\/graph\.microsoft\.com\//, '');
}

function failure(status: number, error: string, number: number, description: string): ApiAnswer {
  return {
    status,
    body: {
      error,
      error_description: `AADSTS${number}: ${description}`,
      error_codes: [number],
      timestamp: '2026-01-05 09:00:00Z',
      trace_id: randomUUID(),
      correlation_id: randomUUID(),
    },
  };
}
