/**
 * Microsoft's identity platform, as far as a client with a secret needs it. Consent is given at once, by `login_hint`
 * or the first account.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { accessDenied, GraphError } from './graph-error.ts';

const CODE_AGE_MS = 600_000;
const PLAIN_SCOPES = ['openid', 'profile', 'email', 'offline_access'];

interface Grant {
  email: string;
  scopes: readonly string[];
  /** The `AADSTS` number that refreshing answers. */
  dead: number | null;
}
interface Code {
  readonly grant: Grant;
  readonly redirectUri: string;
  readonly challenge: string | null;
  readonly issuedMs: number;
}

export interface OAuthSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly now: () => number;
  readonly behaviour: { readonly accessTokenSeconds: number; readonly usedRefreshTokens: 'work' | 'refused' };
}

export interface OAuthAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export class OAuth {
  readonly #settings: OAuthSettings;
  readonly #refresh = new Map<string, { readonly grant: Grant; used: boolean }>();
  readonly #access = new Map<string, { readonly grant: Grant; expiresMs: number }>();
  readonly #codes = new Map<string, Code>();
  /** What a person or an administrator consents to; null: everything asked for. An empty list: "Cancel". */
  consent: readonly string[] | null = null;
  readonly accounts: string[] = [];

  constructor(settings: OAuthSettings) {
    this.#settings = settings;
  }

  grant(email: string, scopes: readonly string[], refreshToken?: string): string {
    if (!this.accounts.includes(email)) this.accounts.push(email);
    return this.#newRefreshToken({ email, scopes, dead: null }, refreshToken);
  }

  /**
   * `number`: why refreshing fails from now on, for example 700082 (not used for too long), 50173 (password changed),
   * 65001 (consent gone).
   */
  revoke(email: string, number = 50173): void {
    for (const { grant } of this.#refresh.values()) if (grant.email === email) grant.dead = number;
    this.expireAccessTokens(email);
  }

  /** Whoever had tokens of the one account finds himself in the other. */
  handOver(email: string, other: string): void {
    this.expireAccessTokens(email);
    for (const { grant } of this.#refresh.values()) if (grant.email === email) grant.email = other;
  }

  expireAccessTokens(email?: string): void {
    for (const token of this.#access.values())
      if (email === undefined || token.grant.email === email) token.expiresMs = 0;
  }

  setScopes(email: string, scopes: readonly string[]): void {
    for (const { grant } of [...this.#refresh.values(), ...this.#access.values()])
      if (grant.email === email) grant.scopes = scopes;
  }

  /** Who calls. @throws GraphError 401 */
  authenticate(header: string | undefined): { readonly email: string; readonly scopes: readonly string[] } {
    const token = /^Bearer (\S+)$/i.exec(header ?? '')?.[1];
    const known = token === undefined ? undefined : this.#access.get(token);
    if (known !== undefined && known.expiresMs > this.#settings.now()) return known.grant;
    const message = token === undefined ? 'Access token is empty.' : 'Access token has expired or is not yet valid.';
    throw new GraphError(401, 'InvalidAuthenticationToken', message, {
      'WWW-Authenticate': 'Bearer realm="", authorization_uri="https://login.example.com/common/oauth2/authorize"',
    });
  }

  /** Whose token an `Authorization` header carries, expired or not; empty for nobody's. */
  holder(header: string): string {
    return this.#access.get(header.replace(/^Bearer /i, ''))?.grant.email ?? '';
  }

  /** `GET /{tenant}/oauth2/v2.0/authorize`: checks the request and sends the browser back with a code. */
  consentPage(query: URLSearchParams): OAuthAnswer {
    const redirectUri = query.get('redirect_uri') ?? '';
    if (query.get('client_id') !== this.#settings.clientId)
      return page(400, 'AADSTS700016: Application was not found in the directory.');
    if (!/^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1|\[::1\])([:/]|$))/.test(redirectUri))
      return page(400, 'AADSTS50011: The redirect URI does not match.');
    const scopes = words(query.get('scope'));
    const challenge = query.get('code_challenge');
    const fits =
      query.get('response_type') === 'code' &&
      scopes.length > 0 &&
      ['query', null].includes(query.get('response_mode'));
    if (!fits || (challenge !== null && query.get('code_challenge_method') !== 'S256'))
      return page(400, 'AADSTS900144: The request is not valid.');
    const back = new URL(redirectUri);
    const state = query.get('state');
    if (state !== null) back.searchParams.set('state', state);
    const hint = query.get('login_hint');
    const email = hint !== null && this.accounts.includes(hint) ? hint : this.accounts[0];
    const granted = scopes.filter((scope) => this.consent === null || this.consent.includes(scope));
    if (email === undefined || granted.length === 0) {
      back.searchParams.set('error', 'access_denied');
      back.searchParams.set('error_description', 'AADSTS65004: User declined to consent to access the app.');
    } else {
      const code = `M.C5${randomBytes(24).toString('base64url')}`;
      this.#codes.set(code, {
        grant: { email, scopes: granted, dead: null },
        redirectUri,
        challenge,
        issuedMs: this.#settings.now(),
      });
      back.searchParams.set('code', code);
    }
    return { status: 302, headers: { Location: back.href }, body: '' };
  }

  /** `POST /{tenant}/oauth2/v2.0/token` */
  token(form: URLSearchParams): OAuthAnswer {
    if (form.get('client_id') !== this.#settings.clientId)
      return failure(400, 'unauthorized_client', 700016, 'Application was not found in the directory.');
    if (form.get('client_secret') !== this.#settings.clientSecret)
      return failure(401, 'invalid_client', 7000215, 'Invalid client secret provided.');
    const type = form.get('grant_type');
    if (type === 'refresh_token') return this.#refreshed(form);
    if (type === 'authorization_code') return this.#exchanged(form);
    return failure(400, 'unsupported_grant_type', 70003, 'The app requested an unsupported grant type.');
  }

  /** Every refresh gives a new refresh token, with the same rights; fewer may be asked for, not more. */
  #refreshed(form: URLSearchParams): OAuthAnswer {
    const token = form.get('refresh_token');
    if (token === null || token === '')
      return failure(
        400,
        'invalid_request',
        900144,
        "The request body must contain the following parameter: 'refresh_token'.",
      );
    const known = this.#refresh.get(token);
    if (known === undefined)
      return failure(400, 'invalid_grant', 9002313, 'Invalid request. Request is malformed or invalid.');
    if (known.grant.dead !== null)
      return failure(400, 'invalid_grant', known.grant.dead, 'The provided grant has expired or was revoked.');
    if (known.used && this.#settings.behaviour.usedRefreshTokens === 'refused')
      return failure(400, 'invalid_grant', 70000, 'The refresh token was used before.');
    const asked = words(form.get('scope')).filter(
      (scope) => !PLAIN_SCOPES.includes(scope) && !/\.default$/.test(scope),
    );
    if (asked.some((scope) => !covers(known.grant.scopes, scope)))
      return failure(
        400,
        'invalid_grant',
        65001,
        'The user or administrator has not consented to use the application.',
      );
    known.used = true;
    return this.#issue(known.grant, this.#newRefreshToken(known.grant));
  }

  #exchanged(form: URLSearchParams): OAuthAnswer {
    const text = form.get('code') ?? '';
    const code = this.#codes.get(text);
    this.#codes.delete(text);
    if (code === undefined)
      return failure(400, 'invalid_grant', 54005, 'OAuth2 Authorization code was already redeemed.');
    if (this.#settings.now() - code.issuedMs > CODE_AGE_MS)
      return failure(400, 'invalid_grant', 70008, 'The provided authorization code has expired.');
    if (form.get('redirect_uri') !== code.redirectUri)
      return failure(400, 'invalid_grant', 50011, 'The redirect URI does not match.');
    const verifier = form.get('code_verifier') ?? '';
    const fits =
      code.challenge === null ||
      (/^[A-Za-z0-9._~-]{43,128}$/.test(verifier) &&
        createHash('sha256').update(verifier).digest('base64url') === code.challenge);
    if (!fits) return failure(400, 'invalid_grant', 501481, 'The Code_Verifier does not match the code_challenge.');
    const isOffline = code.grant.scopes.includes('offline_access');
    return this.#issue(code.grant, isOffline ? this.#newRefreshToken(code.grant) : undefined);
  }

  #newRefreshToken(grant: Grant, token = `1.AX${randomBytes(40).toString('base64url')}`): string {
    this.#refresh.set(token, { grant, used: false });
    return token;
  }

  #issue(grant: Grant, refreshToken?: string): OAuthAnswer {
    const accessToken = `EwB${randomBytes(40).toString('base64url')}`;
    const seconds = this.#settings.behaviour.accessTokenSeconds;
    this.#access.set(accessToken, { grant, expiresMs: this.#settings.now() + seconds * 1000 });
    return {
      status: 200,
      body: {
        token_type: 'Bearer',
        // Graph's own scopes come back with their names alone; those that are none of its are left out.
        scope: grant.scopes.filter((scope) => scope !== 'offline_access').join(' '),
        expires_in: seconds,
        ext_expires_in: seconds,
        access_token: accessToken,
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
        ...(grant.scopes.includes('openid')
          ? { id_token: idToken(grant.email, this.#settings.clientId, this.#settings.now()) }
          : {}),
      },
    };
  }
}

/** @throws GraphError 403 */
export function demandScope(held: readonly string[], wanted: string): void {
  if (!covers(held, wanted)) throw accessDenied();
}

/** `Calendars.ReadWrite.Shared` can do what `Calendars.Read` can. Scopes may carry Graph's address. */
function covers(held: readonly string[], wanted: string): boolean {
  const scopes = held.map(shortScope);
  const [resource, action, ...rest] = shortScope(wanted).split('.');
  const isShared = rest.includes('Shared');
  const actions = action === 'Read' ? ['Read', 'ReadWrite'] : [action];
  return (
    scopes.includes(shortScope(wanted)) ||
    actions.some((one) =>
      [...(isShared ? [] : ['']), '.Shared'].some((tail) => scopes.includes(`${resource}.${one}${tail}`)),
    )
  );
}

function shortScope(scope: string): string {
  return scope.replace(/^https:\/\/graph\.microsoft\.com\//, '');
}

function words(text: string | null): string[] {
  return (text ?? '').split(' ').filter((word) => word !== '');
}

function failure(status: number, error: string, number: number, description: string): OAuthAnswer {
  const ids = { trace_id: randomUUID(), correlation_id: randomUUID() };
  return {
    status,
    body: {
      error,
      error_description: `AADSTS${number}: ${description}`,
      error_codes: [number],
      timestamp: '2026-01-05 09:00:00Z',
      ...ids,
    },
  };
}

function page(status: number, text: string): OAuthAnswer {
  return {
    status,
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
    body: `<!doctype html><title>Sign in</title><p>${text}`,
  };
}

/** Not signed: nobody should look at more than the address in it. */
function idToken(email: string, audience: string, nowMs: number): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const oid = createHash('sha256').update(email).digest('hex').slice(0, 32);
  const times = { iat: Math.floor(nowMs / 1000), exp: Math.floor(nowMs / 1000) + 3600 };
  return `${part({ alg: 'none' })}.${part({ aud: audience, oid, sub: oid, preferred_username: email, email, ...times })}.`;
}
