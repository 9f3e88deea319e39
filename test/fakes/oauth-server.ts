/**
 * What OAuth services have in common: grants, codes with PKCE, access tokens that expire. Consent is given at once, for
 * the account of `login_hint` or the first one.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { ApiAnswer } from './api.ts';

const CODE_AGE_MS = 600_000;

export interface Grant {
  email: string;
  scopes: readonly string[];
  /** The service's number for why refreshing fails; null while it works. */
  dead: number | null;
}

interface Code {
  readonly grant: Grant;
  readonly redirectUri: string;
  readonly challenge: string | null;
  readonly withRefreshToken: boolean;
  readonly issuedMs: number;
}

export interface OAuthSettings<Behaviour> {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly now: () => number;
  readonly behaviour: Behaviour;
}

export type Refusal =
  | 'page-unknown-client'
  | 'page-other-redirect'
  | 'page-bad-request'
  | 'unknown-client'
  | 'wrong-secret'
  | 'unsupported-grant-type'
  | 'unknown-code'
  | 'expired-code'
  | 'other-redirect'
  | 'needless-verifier'
  | 'missing-verifier'
  | 'wrong-verifier';

/** Beginning and random bytes of the service's tokens. */
export interface TokenForm {
  readonly code: string;
  readonly access: string;
  readonly refresh: string;
  readonly bytes: number;
}

export abstract class OAuthServer<Behaviour extends { readonly accessTokenSeconds: number }> {
  /** What the person consents to; null: everything that was requested. An empty list: "Cancel". */
  consent: readonly string[] | null = null;
  /** Those that the client's owner has registered; null: every https and loopback address. */
  redirectUris: readonly string[] | null = null;
  /** The person decides on a page, with a tick for each scope; else consent is given at once. */
  asksPerson = false;
  readonly accounts: string[] = [];
  protected readonly settings: OAuthSettings<Behaviour>;
  protected readonly refreshTokens = new Map<string, { readonly grant: Grant; used: boolean }>();
  protected readonly accessTokens = new Map<string, { readonly grant: Grant; expiresMs: number }>();
  readonly #codes = new Map<string, Code>();

  constructor(settings: OAuthSettings<Behaviour>) {
    this.settings = settings;
  }

  protected abstract readonly tokenForm: TokenForm;
  /** How the service words a refusal; null where it does not refuse for this reason. */
  protected abstract refuse(refusal: Refusal): ApiAnswer | null;
  /** A scope in full. */
  protected abstract fullScope(scope: string): string;
  protected abstract refresh(form: URLSearchParams): ApiAnswer;
  protected abstract tokenBody(grant: Grant, accessToken: string): Record<string, unknown>;
  protected abstract idClaims(email: string): Record<string, unknown>;
  /** Whether the code of this request also yields a refresh token. */
  protected abstract givesRefreshToken(query: URLSearchParams, email: string, scopes: readonly string[]): boolean;
  protected abstract redirectParameters(scopes: readonly string[]): Record<string, string>;

  grant(email: string, scopes: readonly string[], refreshToken?: string): string {
    if (!this.accounts.includes(email)) this.accounts.push(email);
    const full = scopes.map((scope) => this.fullScope(scope));
    return this.newRefreshToken({ email, scopes: full, dead: null }, refreshToken);
  }

  /** Refreshing fails from now on, with this number where the service has one. */
  revoke(email: string, number = 0): void {
    for (const { grant } of this.refreshTokens.values()) if (grant.email === email) grant.dead = number;
    this.expireAccessTokens(email);
  }

  expireAccessTokens(email?: string): void {
    for (const token of this.accessTokens.values())
      if (email === undefined || token.grant.email === email) token.expiresMs = 0;
  }

  setScopes(email: string, scopes: readonly string[]): void {
    const full = scopes.map((scope) => this.fullScope(scope));
    for (const { grant } of [...this.refreshTokens.values(), ...this.accessTokens.values()])
      if (grant.email === email) grant.scopes = full;
  }

  /** Checks the request of a browser and sends it back with a code. */
  consentPage(query: URLSearchParams): ApiAnswer {
    const redirectUri = query.get('redirect_uri') ?? '';
    if (query.get('client_id') !== this.settings.clientId) return this.refuse('page-unknown-client')!;
    const isRegistered = this.redirectUris?.includes(redirectUri) ?? true;
    if (!isRegistered || !/^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1|\[::1\])([:/]|$))/.test(redirectUri))
      return this.refuse('page-other-redirect')!;
    const scopes = words(query.get('scope'));
    const challenge = query.get('code_challenge');
    const isRight =
      query.get('response_type') === 'code' &&
      scopes.length > 0 &&
      ['query', null].includes(query.get('response_mode')) &&
      (challenge === null || query.get('code_challenge_method') === 'S256');
    if (!isRight) return this.refuse('page-bad-request')!;
    const isDecided = query.has('decision');
    if (this.asksPerson && !isDecided) return this.#decisionPage(query, scopes);
    const back = new URL(redirectUri);
    const state = query.get('state');
    if (state !== null) back.searchParams.set('state', state);
    const hint = query.get('account') ?? query.get('login_hint');
    const email = hint !== null && this.accounts.includes(hint) ? hint : this.accounts[0];
    const ticked = query.get('decision') === 'allow' ? query.getAll('tick') : [];
    const consented = (isDecided ? ticked : this.consent)?.map((scope) => this.fullScope(scope));
    const granted = scopes.filter((scope) => consented === undefined || consented.includes(this.fullScope(scope)));
    if (email === undefined || granted.length === 0) {
      back.searchParams.set('error', 'access_denied');
    } else {
      const code = `${this.tokenForm.code}${randomBytes(24).toString('base64url')}`;
      this.#codes.set(code, {
        grant: { email, scopes: granted.map((scope) => this.fullScope(scope)), dead: null },
        redirectUri,
        challenge,
        withRefreshToken: this.givesRefreshToken(query, email, granted),
        issuedMs: this.settings.now(),
      });
      back.searchParams.set('code', code);
    }
    for (const [name, value] of Object.entries(this.redirectParameters(email === undefined ? [] : granted)))
      back.searchParams.set(name, value);
    return { status: 302, headers: { Location: back.href }, body: '' };
  }

  /** A request to the token endpoint, by a client that has been named. */
  token(
    form: URLSearchParams,
    client: { readonly id: string | undefined; readonly secret: string | undefined },
  ): ApiAnswer {
    if (client.id !== this.settings.clientId) return this.refuse('unknown-client')!;
    if (client.secret !== this.settings.clientSecret) return this.refuse('wrong-secret')!;
    const type = form.get('grant_type');
    if (type === 'refresh_token') return this.refresh(form);
    return type === 'authorization_code' ? this.#exchange(form) : this.refuse('unsupported-grant-type')!;
  }

  protected newRefreshToken(grant: Grant, token = this.#random(this.tokenForm.refresh)): string {
    this.refreshTokens.set(token, { grant, used: false });
    return token;
  }

  /** A new access token. */
  protected issue(grant: Grant, refreshToken?: string): ApiAnswer {
    const accessToken = this.#random(this.tokenForm.access);
    const { now, behaviour, clientId } = this.settings;
    this.accessTokens.set(accessToken, { grant, expiresMs: now() + behaviour.accessTokenSeconds * 1000 });
    const idToken = (): string => unsignedToken({ aud: clientId, ...this.idClaims(grant.email) }, now());
    return {
      status: 200,
      body: {
        ...this.tokenBody(grant, accessToken),
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
        ...(grant.scopes.includes('openid') ? { id_token: idToken() } : {}),
      },
    };
  }

  /** A form that comes back to the same address with the person's decision. */
  #decisionPage(query: URLSearchParams, scopes: readonly string[]): ApiAnswer {
    const input = (type: string, name: string, value: string, more = ''): string =>
      `<input type="${type}" name="${escaped(name)}" value="${escaped(value)}"${more}>`;
    const label = (inner: string, text: string): string => `<p><label>${inner} ${escaped(text)}</label>`;
    const parts = [
      ...[...query].map(([name, value]) => input('hidden', name, value)),
      ...this.accounts.map((email, at) => label(input('radio', 'account', email, at === 0 ? ' checked' : ''), email)),
      ...scopes.map((scope) => label(input('checkbox', 'tick', scope), scope)),
      '<p><button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Cancel</button>',
    ];
    return page(200, 'Consent', `Calpair wants to use your calendars.</p><form>${parts.join('\n')}</form>`);
  }

  #exchange(form: URLSearchParams): ApiAnswer {
    const text = form.get('code') ?? '';
    const code = this.#codes.get(text);
    this.#codes.delete(text);
    if (code === undefined) return this.refuse('unknown-code')!;
    if (this.settings.now() - code.issuedMs > CODE_AGE_MS) return this.refuse('expired-code')!;
    if (form.get('redirect_uri') !== code.redirectUri) return this.refuse('other-redirect')!;
    const refusal = refusalOfVerifier(form.get('code_verifier'), code.challenge);
    const refused = refusal === null ? null : this.refuse(refusal);
    if (refused !== null) return refused;
    return this.issue(code.grant, code.withRefreshToken ? this.newRefreshToken(code.grant) : undefined);
  }

  #random(prefix: string): string {
    return `${prefix}${randomBytes(this.tokenForm.bytes).toString('base64url')}`;
  }
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

export function words(text: string | null): string[] {
  return (text ?? '').split(' ').filter((word) => word !== '');
}

/** A page for the person, not for the client. */
export function page(status: number, title: string, text: string): ApiAnswer {
  return {
    status,
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
    body: `<!doctype html><title>${title}</title><p>${text}`,
  };
}

/** RFC 7636 */
function refusalOfVerifier(verifier: string | null, challenge: string | null): Refusal | null {
  if (challenge === null) return verifier === null ? null : 'needless-verifier';
  if (verifier === null) return 'missing-verifier';
  const isRight =
    /^[A-Za-z0-9._~-]{43,128}$/.test(verifier) &&
    createHash('sha256').update(verifier).digest('base64url') === challenge;
  return isRight ? null : 'wrong-verifier';
}

/** Not signed: a client should read only the address in it. */
function unsignedToken(claims: Record<string, unknown>, nowMs: number): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const iat = Math.floor(nowMs / 1000);
  return `${part({ alg: 'none' })}.${part({ ...claims, iat, exp: iat + 3600 })}.`;
}
