/** The session of a browser that is signed in to the console. */
import { z } from 'zod';
import { createSession, deleteSession } from '../../db/sessions.ts';
import { type Authenticator, isOwnPage, SECURE_SESSION_COOKIE, SESSION_COOKIE, sessionCookies } from '../auth.ts';
import { type Cookie, setCookie } from '../cookies.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, notFound } from '../errors.ts';
import { errorResponses, instant, instantOf, nothing } from '../validation.ts';
import { reach } from './api-keys.ts';

const tags = ['Session'];
const VALID_MS = 7 * 24 * 3600 * 1000;

/** Begin and end: without the check of an API key, which they make themselves. */
export function sessionRoutes(app: Api, deps: ApiDeps, auth: Authenticator): void {
  const { db } = deps;

  app.post(
    '/v1/session',
    {
      schema: {
        tags,
        summary: 'Sign a browser in to the console',
        description:
          'Checks the key and sets a cookie, which stands for the key in requests of pages of this installation. It ' +
          'ends with the browser, after 7 days, or with the key.',
        security: [],
        body: z.strictObject({ apiKey: z.string().min(1).max(512) }),
        response: { 201: z.object({ expiresAt: instant }), ...errorResponses },
      },
    },
    async (request, reply) => {
      const { origin } = request.headers;
      if (origin !== undefined && !isOwnPage(deps, request))
        throw new ApiError('unauthorized', 'Only pages of this installation can sign in.');
      const { apiKey } = request.body;
      const { keyId } = await auth.ofKey(apiKey, request.ip);
      const key = { apiKeyId: keyId, environmentKey: keyId === null ? db.vault.hash(apiKey) : null };
      const expiresAt = new Date(Date.now() + VALID_MS);
      const isSecure = (origin ?? deps.publicUrl()).startsWith('https:');
      const value = await createSession(db, key, expiresAt);
      reply.header('set-cookie', sessionCookie(isSecure, value, null));
      return reply.code(201).send({ expiresAt: instantOf(expiresAt) });
    },
  );

  app.delete(
    '/v1/session',
    {
      schema: {
        tags,
        summary: 'Sign a browser out',
        security: [],
        response: { 204: nothing, ...errorResponses },
      },
    },
    async (request, reply) => {
      if (!isOwnPage(deps, request))
        throw new ApiError('unauthorized', 'Only pages of this installation can sign out.');
      let ended = false;
      for (const secret of sessionCookies(request)) ended = (await deleteSession(db, secret)) || ended;
      if (!ended) throw notFound('session');
      reply.header('set-cookie', [sessionCookie(true, '', 0), sessionCookie(false, '', 0)]);
      return reply.code(204).send();
    },
  );
}

export function signedInRoute(app: Api, auth: Authenticator): void {
  app.get(
    '/v1/session',
    {
      schema: {
        tags,
        summary: 'Whether this browser is signed in, and what its key may do',
        response: { 200: z.object({ expiresAt: instant, ...reach }), ...errorResponses },
      },
    },
    async (request) => {
      const session = await auth.ofSession(request);
      if (session === null) throw new ApiError('not-found', 'There is no session.');
      const { scope, externalId } = session.principal;
      return { expiresAt: instantOf(session.expiresAt), scope, externalId };
    },
  );
}

function sessionCookie(isSecure: boolean, value: string, maxAgeSeconds: Cookie['maxAgeSeconds']): string {
  return setCookie({
    name: isSecure ? SECURE_SESSION_COOKIE : SESSION_COOKIE,
    value,
    path: '/',
    sameSite: 'Strict',
    secure: isSecure,
    maxAgeSeconds,
  });
}
