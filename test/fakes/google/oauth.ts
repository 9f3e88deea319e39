/**
 * Google's OAuth endpoints: consent, tokens, revocation. Consent is given at once, by `login_hint` or the first
 * account.
 */
import { createHash, randomBytes } from 'node:crypto';
import { GoogleError } from './google-error.ts';

const SCOPE_ROOT = 'https://www.googleapis.com/auth/';
const CODE_AGE_MS = 600_000;

interface Grant {
  readonly email: string;
  scopes: readonly string[];
  revoked: boolean;
}
interface Code {
  readonly email: string;
  readonly scopes: readonly string[];
  readonly redirectUri: string;
  readonly challenge: string | null;
  readonly withRefreshToken: boolean;
  readonly issuedMs: number;
}

export interface OAuthSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly now: () => number;
  readonly behaviour: { readonly accessTokenSeconds: number; readonly rotateRefreshTokens: boolean };
}

export interface OAuthAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export class OAuth {
  readonly #settings: OAuthSettings;
  readonly #grants = new Map<string, Grant>();
  readonly #access = new Map<string, { grant: Grant; expiresMs: number }>();
  readonly #codes = new Map<string, Code>();
  /** What a person ticks on the consent page; null: everything asked for. An empty list: "Cancel". */
  consent: readonly string[] | null = null;
  readonly accounts: string[] = [];

  constructor(settings: OAuthSettings) {
    this.#settings = settings;
  }

  grant(
    email: string,
    scopes: readonly string[],
    refreshToken = `1//${randomBytes(24).toString('base64url')}`,
  ): string {
    if (!this.accounts.includes(email)) this.accounts.push(email);
    this.#grants.set(refreshToken, { email, scopes: scopes.map(fullScope), revoked: false });
    return refreshToken;
  }

  revoke(email: string): void {
    for (const grant of this.#grants.values()) if (grant.email === email) grant.revoked = true;
    this.expireAccessTokens(email);
  }

  expireAccessTokens(email?: string): void {
    for (const token of this.#access.values())
      if (email === undefined || token.grant.email === email) token.expiresMs = 0;
  }

  setScopes(email: string, scopes: readonly string[]): void {
    for (const grant of this.#grants.values()) if (grant.email === email) grant.scopes = scopes.map(fullScope);
  }

  /**
   * Who calls, and may that be done with the token's scopes?
   * @throws GoogleError 401, or 403 `insufficientPermissions`
   */
  authorize(header: string | undefined, accepted: readonly string[]): string {
    if (header === undefined) {
      throw new GoogleError(401, 'required', 'Login Required.', {
        locationType: 'header',
        location: 'Authorization',
        status: 'UNAUTHENTICATED',
      });
    }
    const token = /^Bearer (\S+)$/.exec(header)?.[1];
    const known = token === undefined ? undefined : this.#access.get(token);
    if (known === undefined || known.expiresMs <= this.#settings.now() || known.grant.revoked) {
      throw new GoogleError(401, 'authError', 'Invalid Credentials', {
        locationType: 'header',
        location: 'Authorization',
        status: 'UNAUTHENTICATED',
      });
    }
    if (!accepted.some((scope) => known.grant.scopes.includes(fullScope(scope)))) {
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
    return known.grant.email;
  }

  /** `GET /o/oauth2/v2/auth`: checks the request and sends the browser back with a code. */
  consentPage(query: URLSearchParams): OAuthAnswer {
    const redirectUri = query.get('redirect_uri') ?? '';
    if (query.get('client_id') !== this.#settings.clientId) return page(401, 'Error 401: invalid_client');
    if (!/^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1|\[::1\])([:/]|$))/.test(redirectUri))
      return page(400, 'Error 400: redirect_uri_mismatch');
    const scopes = (query.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
    const challenge = query.get('code_challenge');
    const fits = query.get('response_type') === 'code' && scopes.length > 0;
    if (!fits || (challenge !== null && query.get('code_challenge_method') !== 'S256'))
      return page(400, 'Error 400: invalid_request');
    const back = new URL(redirectUri);
    const state = query.get('state');
    if (state !== null) back.searchParams.set('state', state);
    const hint = query.get('login_hint');
    const email = hint !== null && this.accounts.includes(hint) ? hint : this.accounts[0];
    const granted =
      this.consent === null
        ? scopes
        : scopes.filter((scope) => this.consent!.map(fullScope).includes(fullScope(scope)));
    if (email === undefined || granted.length === 0) back.searchParams.set('error', 'access_denied');
    else {
      const code = `4/${randomBytes(24).toString('base64url')}`;
      const isFirst = ![...this.#grants.values()].some((grant) => grant.email === email && !grant.revoked);
      const withRefreshToken =
        query.get('access_type') === 'offline' &&
        (isFirst || (query.get('prompt') ?? '').split(' ').includes('consent'));
      this.#codes.set(code, {
        email,
        scopes: granted,
        redirectUri,
        challenge,
        withRefreshToken,
        issuedMs: this.#settings.now(),
      });
      back.searchParams.set('code', code);
      back.searchParams.set('scope', granted.join(' '));
    }
    return { status: 302, headers: { Location: back.href }, body: '' };
  }

  /** `POST /token` */
  token(form: URLSearchParams, authorization: string | undefined): OAuthAnswer {
    const basic = /^Basic (\S+)$/.exec(authorization ?? '')?.[1];
    const [basicId, basicSecret] = basic === undefined ? [] : Buffer.from(basic, 'base64').toString().split(':');
    const id = form.get('client_id') ?? basicId;
    const secret = form.get('client_secret') ?? basicSecret;
    if (id !== this.#settings.clientId) return failure(401, 'invalid_client', 'The OAuth client was not found.');
    if (secret !== this.#settings.clientSecret) return failure(401, 'invalid_client', 'Unauthorized');
    const type = form.get('grant_type');
    if (type === 'refresh_token') return this.#refresh(form.get('refresh_token'));
    if (type === 'authorization_code') return this.#exchange(form);
    return failure(400, 'unsupported_grant_type', `Invalid grant_type: ${(type ?? '').slice(0, 40)}`);
  }

  /** `POST /revoke?token=`: takes refresh and access tokens. */
  revokeToken(token: string | null): OAuthAnswer {
    const grant = this.#grants.get(token ?? '') ?? this.#access.get(token ?? '')?.grant;
    if (grant === undefined || grant.revoked) return failure(400, 'invalid_token', 'Token expired or revoked');
    grant.revoked = true;
    return { status: 200, body: {} };
  }

  #refresh(refreshToken: string | null): OAuthAnswer {
    if (refreshToken === null || refreshToken === '')
      return failure(400, 'invalid_request', 'Missing required parameter: refresh_token');
    const grant = this.#grants.get(refreshToken);
    if (grant === undefined) return failure(400, 'invalid_grant', 'Bad Request');
    if (grant.revoked) return failure(400, 'invalid_grant', 'Token has been expired or revoked.');
    if (!this.#settings.behaviour.rotateRefreshTokens) return this.#issue(grant);
    grant.revoked = true;
    return this.#issue(...this.#newGrant(grant.email, grant.scopes));
  }

  #exchange(form: URLSearchParams): OAuthAnswer {
    const text = form.get('code') ?? '';
    const code = this.#codes.get(text);
    this.#codes.delete(text);
    if (code === undefined || this.#settings.now() - code.issuedMs > CODE_AGE_MS)
      return failure(400, 'invalid_grant', 'Malformed auth code.');
    if (form.get('redirect_uri') !== code.redirectUri) return failure(400, 'redirect_uri_mismatch', 'Bad Request');
    const verifier = form.get('code_verifier');
    if (code.challenge === null && verifier !== null)
      return failure(400, 'invalid_grant', 'code_verifier or verifier is not needed.');
    if (code.challenge !== null) {
      if (verifier === null) return failure(400, 'invalid_grant', 'Missing code verifier.');
      const fits =
        /^[A-Za-z0-9._~-]{43,128}$/.test(verifier) &&
        createHash('sha256').update(verifier).digest('base64url') === code.challenge;
      if (!fits) return failure(400, 'invalid_grant', 'Invalid code verifier.');
    }
    if (code.withRefreshToken) return this.#issue(...this.#newGrant(code.email, code.scopes));
    return this.#issue({ email: code.email, scopes: code.scopes, revoked: false });
  }

  #newGrant(email: string, scopes: readonly string[]): [Grant, string] {
    const refreshToken = this.grant(email, scopes);
    return [this.#grants.get(refreshToken)!, refreshToken];
  }

  #issue(grant: Grant, refreshToken?: string): OAuthAnswer {
    const accessToken = `ya29.${randomBytes(24).toString('base64url')}`;
    const seconds = this.#settings.behaviour.accessTokenSeconds;
    this.#access.set(accessToken, { grant, expiresMs: this.#settings.now() + seconds * 1000 });
    return {
      status: 200,
      body: {
        access_token: accessToken,
        expires_in: seconds,
        scope: grant.scopes.join(' '),
        token_type: 'Bearer',
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
        ...(grant.scopes.includes('openid')
          ? { id_token: idToken(grant.email, this.#settings.clientId, this.#settings.now()) }
          : {}),
      },
    };
  }
}

/** `calendar.events` is short for the whole address. */
function fullScope(scope: string): string {
  return /^(openid|email|profile)$|^https:/.test(scope) ? scope : SCOPE_ROOT + scope;
}

function failure(status: number, error: string, description: string): OAuthAnswer {
  return { status, body: { error, error_description: description } };
}

function page(status: number, text: string): OAuthAnswer {
  return {
    status,
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
    body: `<!doctype html><title>${text}</title><p>${text}`,
  };
}

/** Not signed: nobody should look at more than the address in it. */
function idToken(email: string, audience: string, nowMs: number): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const sub = createHash('sha256').update(email).digest('hex').slice(0, 20);
  const times = { iat: Math.floor(nowMs / 1000), exp: Math.floor(nowMs / 1000) + 3600 };
  return `${part({ alg: 'none' })}.${part({ iss: 'https://accounts.google.com', aud: audience, sub, email, email_verified: true, ...times })}.`;
}
