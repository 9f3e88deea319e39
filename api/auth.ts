/**
 * Who calls: `Authorization: Bearer <api key>` on everything under `/v1`, or the cookie of a browser that is signed in
 * to the console.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { apiKeyId } from '../db/api-keys.ts';
import { findSession, type SessionKey } from '../db/sessions.ts';
import { cookiesOf } from './cookies.ts';
import type { ApiDeps } from './deps.ts';
import { ApiError } from './errors.ts';

/** An `onRequest` hook: runs before the body is read, also for unknown paths under its prefix. */
export function requireApiKey(deps: ApiDeps) {
  return async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    const header = request.headers.authorization;
    if (header === undefined && (await keyOfSession(deps, request)) !== null) return;
    const key = /^Bearer +([^\s]{1,512})$/i.exec(header ?? '')?.[1];
    if (key === undefined) throw new ApiError('unauthorized');
    if ((await keyOf(deps, key)) === null) throw new ApiError('unauthorized', 'Unknown API key.');
  };
}

/** What stands for an API key in a session; null for an unknown key. */
export async function keyOf({ db, config }: ApiDeps, key: string): Promise<SessionKey | null> {
  if (config.apiKey !== null && timingSafeEqual(digest(key), digest(config.apiKey)))
    return { apiKeyId: null, environmentKey: db.vault.hash(key) };
  const id = await apiKeyId(db, key);
  return id === null ? null : { apiKeyId: id, environmentKey: null };
}

/** The key of the browser's session; null without a valid one, or where another site's page may have asked. */
export async function keyOfSession(deps: ApiDeps, request: FastifyRequest) {
  if (!isOwnPage(deps, request)) return null;
  const { db, config } = deps;
  for (const secret of sessionCookies(request)) {
    const session = await findSession(db, secret);
    if (session === null) continue;
    if (session.apiKeyId !== null) return session;
    if (config.apiKey !== null && session.environmentKey === db.vault.hash(config.apiKey)) return session;
  }
  return null;
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
export function isOwnPage({ publicUrl }: ApiDeps, { headers, method }: FastifyRequest): boolean {
  const { origin, host = '', 'sec-fetch-site': site } = headers;
  if (origin !== undefined)
    return origin === new URL(publicUrl()).origin || origin === `https://${host}` || origin === `http://${host}`;
  const isReading = method === 'GET' || method === 'HEAD';
  return isReading && (site === undefined || site === 'same-origin' || site === 'none');
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
