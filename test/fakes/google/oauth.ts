/** Google's OAuth endpoints: consent, tokens, revocation. */
import { createHash } from 'node:crypto';
import type { ApiAnswer } from '../api.ts';
import { type Grant, OAuthServer, page, type Refusal, words } from '../oauth-server.ts';
import { GoogleError } from './google-error.ts';

const SCOPE_ROOT = 'https://www.googleapis.com/auth/';
const HEADER = { locationType: 'header', location: 'Authorization', status: 'UNAUTHENTICATED' } as const;

const REFUSALS: Readonly<Record<Refusal, ApiAnswer>> = {
  'page-unknown-client': errorPage(401, 'invalid_client'),
  'page-other-redirect': errorPage(400, 'redirect_uri_mismatch'),
  'page-bad-request': errorPage(400, 'invalid_request'),
  'unknown-client': failure(401, 'invalid_client', 'The OAuth client was not found.'),
  'wrong-secret': failure(401, 'invalid_client', 'Unauthorized'),
  'unsupported-grant-type': failure(400, 'unsupported_grant_type', 'Invalid grant_type.'),
  'unknown-code': failure(400, 'invalid_grant', 'Malformed auth code.'),
  'expired-code': failure(400, 'invalid_grant', 'Malformed auth code.'),
  'other-redirect': failure(400, 'redirect_uri_mismatch', 'Bad Request'),
  'needless-verifier': failure(400, 'invalid_grant', 'code_verifier or verifier is not needed.'),
  'missing-verifier': failure(400, 'invalid_grant', 'Missing code verifier.'),
  'wrong-verifier': failure(400, 'invalid_grant', 'Invalid code verifier.'),
};

export class OAuth extends OAuthServer<{
  readonly accessTokenSeconds: number;
  readonly rotateRefreshTokens: boolean;
}> {
  protected readonly tokenForm = { code: '4/', access: 'ya29.', refresh: '1//', bytes: 24 };

  /**
   * The caller, if the token's scopes allow the request.
   * @throws GoogleError 401, or 403 `insufficientPermissions`
   */
  authorize(header: string | undefined, accepted: readonly string[]): string {
    if (header === undefined) throw new GoogleError(401, 'required', 'Login Required.', HEADER);
    const token = /^Bearer (\S+)$/.exec(header)?.[1];
    const issued = token === undefined ? undefined : this.accessTokens.get(token);
    if (issued === undefined || issued.expiresMs <= this.settings.now() || issued.grant.dead !== null)
      throw new GoogleError(401, 'authError', 'Invalid Credentials', HEADER);
    if (accepted.some((scope) => issued.grant.scopes.includes(this.fullScope(scope)))) return issued.grant.email;
    throw new GoogleError(403, 'insufficientPermissions', 'Request had insufficient authentication scopes.', {
      status: 'PERMISSION_DENIED',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
          domain: 'googleapis.com',
        },
      ],
    });
  }

  /** `POST /token`, with the client in the form or in the header. */
  tokenFor(form: URLSearchParams, authorization: string | undefined): ApiAnswer {
    const basic = /^Basic (\S+)$/.exec(authorization ?? '')?.[1];
    const [id, secret] = basic === undefined ? [] : Buffer.from(basic, 'base64').toString().split(':');
    return this.token(form, { id: form.get('client_id') ?? id, secret: form.get('client_secret') ?? secret });
  }

  /** `POST /revoke?token=`: takes refresh and access tokens. */
  revokeToken(token: string | null): ApiAnswer {
    const grant = (this.refreshTokens.get(token ?? '') ?? this.accessTokens.get(token ?? ''))?.grant;
    if (grant === undefined || grant.dead !== null) return failure(400, 'invalid_token', 'Token expired or revoked');
    grant.dead = 0;
    return { status: 200, body: {} };
  }

  protected refuse(refusal: Refusal): ApiAnswer {
    return REFUSALS[refusal];
  }

  protected refresh(form: URLSearchParams): ApiAnswer {
    const refreshToken = form.get('refresh_token') ?? '';
    if (refreshToken === '') return failure(400, 'invalid_request', 'Missing required parameter: refresh_token');
    const grant = this.refreshTokens.get(refreshToken)?.grant;
    if (grant === undefined) return failure(400, 'invalid_grant', 'Bad Request');
    if (grant.dead !== null) return failure(400, 'invalid_grant', 'Token has been expired or revoked.');
    if (!this.settings.behaviour.rotateRefreshTokens) return this.issue(grant);
    grant.dead = 0;
    const next: Grant = { ...grant, dead: null };
    return this.issue(next, this.newRefreshToken(next));
  }

  protected tokenBody(grant: Grant, accessToken: string): Record<string, unknown> {
    return {
      access_token: accessToken,
      expires_in: this.settings.behaviour.accessTokenSeconds,
      scope: grant.scopes.join(' '),
      token_type: 'Bearer',
    };
  }

  protected idClaims(email: string): Record<string, unknown> {
    const sub = createHash('sha256').update(email).digest('hex').slice(0, 20);
    return { iss: 'https://accounts.google.com', sub, email, email_verified: true };
  }

  /** With `access_type=offline`: the first time, and where consent is requested again. */
  protected givesRefreshToken(query: URLSearchParams, email: string): boolean {
    const isFirst = ![...this.refreshTokens.values()].some(({ grant }) => grant.email === email && grant.dead === null);
    return query.get('access_type') === 'offline' && (isFirst || words(query.get('prompt')).includes('consent'));
  }

  protected redirectParameters(scopes: readonly string[]): Record<string, string> {
    return scopes.length === 0 ? {} : { scope: scopes.join(' ') };
  }

  /** `calendar.events` is short for the whole address. */
  protected fullScope(scope: string): string {
    return /^(openid|email|profile)$|^https:/.test(scope) ? scope : SCOPE_ROOT + scope;
  }
}

function errorPage(status: number, code: string): ApiAnswer {
  return page(status, `Error ${status}: ${code}`, `Error ${status}: ${code}`);
}

function failure(status: number, error: string, description: string): ApiAnswer {
  return { status, body: { error, error_description: description } };
}
