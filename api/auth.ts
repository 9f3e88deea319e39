/**
 * Who calls: `Authorization: Bearer <api key>` on everything under `/v1`, or the cookie of a browser that is signed in
 * to the console and stands for the key that it signed in with.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ApiKeyRecord, type ApiKeyScope, findApiKey, findApiKeyById } from '../db/api-keys.ts';
import type { Tenant } from '../db/owners.ts';
import { findSession } from '../db/sessions.ts';
import { cookiesOf } from './cookies.ts';
import type { ApiDeps } from './deps.ts';
import { ApiError } from './errors.ts';
import { RateLimit, tooMany } from './rate-limit.ts';

/** What a request may do. What it may reach is decided in `access.ts`. */
export interface Principal {
  /** Null: `CALPAIR_API_KEY`. */
  readonly keyId: string | null;
  readonly scope: ApiKeyScope;
  /** The only external id whose accounts, and what hangs on them, it reaches; null: all. */
  readonly externalId: Tenant;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null before the key was checked, and on paths that need none. */
    principal: Principal | null;
    /** `principal.externalId`: what lists are limited to. */
    readonly tenant: Tenant;
  }
}

export interface Authenticator {
  /** @throws ApiError `unauthorized`; `too-many-requests` after too many wrong keys from one address */
  ofKey(key: string, ip: string): Promise<Principal>;
  /** Null without a valid session, or where another site's page may have asked. */
  ofSession(request: FastifyRequest): Promise<{ readonly principal: Principal; readonly expiresAt: Date } | null>;
}

const WRONG_KEYS = { burst: 150, perMinute: 60 };
const MOST_KNOWN = 1_000;
const OPERATOR: Principal = { keyId: null, scope: 'admin', externalId: null };

export function authenticator(deps: Pick<ApiDeps, 'db' | 'config' | 'publicUrl'>): Authenticator {
  const { db, config } = deps;
  const configured = config.apiKey === null ? null : digest(config.apiKey);
  const wrongKeys = new RateLimit(WRONG_KEYS);
  /** Digests of keys that were valid a while ago: their clients do not suffer from a neighbour's wrong ones. */
  const known = new Set<string>();

  async function ofKey(key: string, ip: string): Promise<Principal> {
    const hash = digest(key);
    if (configured !== null && timingSafeEqual(hash, configured)) return OPERATOR;
    const name = hash.toString('hex');
    const waitSeconds = known.has(name) ? 0 : wrongKeys.waitSeconds(ip);
    if (waitSeconds > 0) throw tooMany(waitSeconds);
    const found = await findApiKey(db, key);
    if (found === null) {
      known.delete(name);
      wrongKeys.take(ip);
      throw new ApiError('unauthorized', 'Unknown API key.');
    }
    if (known.size >= MOST_KNOWN) known.clear();
    known.add(name);
    return principalOf(found);
  }

  async function ofSession(request: FastifyRequest) {
    if (!isOwnPage(deps, request)) return null;
    for (const secret of sessionCookies(request)) {
      const session = await findSession(db, secret);
      if (session === null) continue;
      const { apiKeyId, environmentKey, expiresAt } = session;
      const key = apiKeyId === null ? null : await findApiKeyById(db, apiKeyId);
      if (key !== null) return { principal: principalOf(key), expiresAt };
      const isOperators = config.apiKey !== null && environmentKey === db.vault.hash(config.apiKey);
      if (apiKeyId === null && isOperators) return { principal: OPERATOR, expiresAt };
    }
    return null;
  }

  return { ofKey, ofSession };
}

/** An `onRequest` hook: runs before the body is read, also for unknown paths under its prefix. */
export function requireApiKey({ ofKey, ofSession }: Authenticator) {
  return async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    const header = request.headers.authorization;
    const session = header === undefined ? await ofSession(request) : null;
    const key = /^Bearer +([^\s]{1,512})$/i.exec(header ?? '')?.[1];
    if (session === null && key === undefined) throw new ApiError('unauthorized');
    request.principal = session?.principal ?? (await ofKey(key ?? '', request.ip));
  };
}

export const SESSION_COOKIE = 'calpair_session';
/** Over https: browsers take it only from this very host. */
export const SECURE_SESSION_COOKIE = `__Host-${SESSION_COOKIE}`;

export function sessionCookies(request: FastifyRequest): string[] {
  return [SECURE_SESSION_COOKIE, SESSION_COOKIE].flatMap((name) => cookiesOf(request, name)).slice(0, 4);
}

/**
 * Whether a page of this installation asks, as far as browsers tell. They send `Origin` with everything that changes
 * something; a page of its own origin may read without.
 */
export function isOwnPage({ publicUrl }: Pick<ApiDeps, 'publicUrl'>, { headers, method }: FastifyRequest): boolean {
  const { origin, host = '', 'sec-fetch-site': site } = headers;
  if (origin !== undefined)
    return origin === new URL(publicUrl()).origin || origin === `https://${host}` || origin === `http://${host}`;
  const isReading = method === 'GET' || method === 'HEAD';
  return isReading && (site === undefined || site === 'same-origin' || site === 'none');
}

function principalOf({ id, scope, externalId }: ApiKeyRecord): Principal {
  return { keyId: id, scope, externalId };
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
