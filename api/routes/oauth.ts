/** Signing in by browser at a service with OAuth. The flow itself is in `providers/oauth/sign-in.ts`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { findAccount } from '../../db/accounts.ts';
import { beginSignIn, newSecret, takeSignIn } from '../../db/sign-ins.ts';
import { ENTRIES } from '../../providers/entries.ts';
import { SignInError } from '../../providers/oauth/sign-in.ts';
import type { SignIn } from '../../providers/provider.ts';
import { addAccount, type NewAccountNames, renewCredentials } from '../account-credentials.ts';
import { auditChange } from '../audit.ts';
import { cookiesOf, setCookie } from '../cookies.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { apiErrorOf, invalid, notFound } from '../errors.ts';
import { localPath, withQuery } from '../local-path.ts';
import { callProvider, providerOf } from '../provider-calls.ts';
import { errorResponses } from '../validation.ts';
import { accountNames } from './accounts.ts';

const tags = ['Accounts'];
const VALID_SECONDS = 600;
const COOKIE_PATH = '/v1/oauth/';

/** What the second step needs, and no request may change. */
interface Begun extends NewAccountNames {
  readonly verifier: string;
  readonly redirectUri: string;
  readonly redirectPath: string;
  /** The account that signs in again; null for a new one. */
  readonly accountId: string | null;
  /** The API key that began, for the audit log; absent in sign-ins that an earlier version began. */
  readonly keyId?: string | null;
}

/** The first step, for callers with an API key. */
export function oauthStartRoute(app: Api, deps: ApiDeps): void {
  const { db } = deps;
  app.post(
    '/v1/oauth/:provider/start',
    {
      schema: {
        tags,
        summary: 'Begin a sign-in by browser',
        description:
          'Answers with the address at which the person consents; it can be used once, within 10 minutes. The ' +
          'browser comes back to `redirectPath`; where no account came of it, with `error=CODE` in its query.',
        params: providerParam,
        body: z
          .strictObject({
            redirectPath: z.string().max(2000).optional().describe('A path of this installation. Default: `/`.'),
            accountId: z.string().optional().describe('This account signs in again. Default: a new account.'),
            ...accountNames,
          })
          .nullish(),
        response: { 200: z.object({ url: z.url() }), ...errorResponses },
      },
    },
    async (request, reply) => {
      const { provider: kind } = request.params;
      const signIn = signInOf(deps, kind);
      const { redirectPath: given = '/', accountId = null, label = null, externalId = null } = request.body ?? {};
      const redirectPath = localPath(given);
      if (redirectPath === null) throw invalid('redirectPath', 'must be a path of this installation');
      const account = accountId === null ? null : await findAccount(db, accountId);
      if (accountId !== null && account === null) throw notFound('account');
      if (account !== null && account.provider !== kind) throw invalid('accountId', `is no account of ${kind}`);

      const state = newSecret();
      const redirectUri = `${deps.publicUrl()}/v1/oauth/${kind}/callback`;
      const { url, verifier } = await signIn.begin({ redirectUri, state, hint: account?.username ?? null });
      const cookie = request.headers.origin === undefined ? null : newSecret();
      const keyId = request.principal?.keyId ?? null;
      const data: Begun = { verifier, redirectUri, redirectPath, accountId, label, externalId, keyId };
      const expiresAt = new Date(Date.now() + VALID_SECONDS * 1000);
      await beginSignIn(db, { kind, secret: state, cookie, data, expiresAt });
      if (cookie !== null) reply.header('set-cookie', cookieFor(deps, state, cookie, VALID_SECONDS));
      return { url };
    },
  );
}

/** The second step: a person's browser, without an API key. */
export function oauthCallbackRoute(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/oauth/:provider/callback',
    {
      // A program that checks links must not use up the state.
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: 'Finish a sign-in by browser',
        description:
          'The redirect URI of the OAuth client. Its query is what the service answered; a `state` is accepted once, ' +
          'within 10 minutes, and only from the browser that began. Any other gets a page that says so.',
        security: [],
        params: providerParam,
        response: {
          302: z.undefined().describe('To the `redirectPath` of the sign-in.'),
          400: {
            description: 'The sign-in has expired, was used, or was begun in another browser.',
            content: { 'text/html': { schema: z.string() }, ...errorResponses['4xx'].content },
          },
          ...errorResponses,
        },
      },
    },
    async (request, reply) => {
      const { provider: kind } = request.params;
      const answer = new URL(request.url, 'http://here').searchParams;
      const state = answer.get('state') ?? '';
      const begun = await begunBy(deps, request, kind, state);
      if (begun === null) return invalidState(reply);
      reply.header('set-cookie', cookieFor(deps, state, '', 0));
      const failure = await finish(deps, kind, { ...begun, state, answer }).then(
        async (accountId) => {
          // The browser has no key: the change is that of the key which began.
          await auditChange(deps, request, { keyId: begun.keyId ?? null, targets: { accountId } });
          return {};
        },
        (error: unknown) => failureOf(deps, kind, error),
      );
      return reply.redirect(withQuery(begun.redirectPath, failure));
    },
  );
}

const providerParam = z.object({ provider: z.string() });

/** @throws ApiError `not-found` for a service without a sign-in by browser; `provider-not-configured` */
function signInOf(deps: ApiDeps, kind: string): SignIn {
  if (!ENTRIES.some((entry) => entry.kind === kind)) throw notFound('provider');
  const { signIn } = providerOf(deps, kind).provider;
  if (signIn === undefined) throw notFound('sign-in by browser');
  return signIn;
}

async function begunBy(deps: ApiDeps, request: FastifyRequest, kind: string, state: string): Promise<Begun | null> {
  if (!/^[\w-]{43}$/.test(state)) return null;
  return (await takeSignIn(deps.db, kind, state, cookiesOf(request, cookieName(state)))) as Begun | null;
}

/** @returns the id of the account that was made or changed */
async function finish(
  deps: ApiDeps,
  kind: string,
  { accountId, label, externalId, ...begun }: Begun & { state: string; answer: URLSearchParams },
): Promise<string> {
  const signIn = signInOf(deps, kind);
  const credentials = (await callProvider(deps, (io) => signIn.finish(begun, io))) as Record<string, unknown>;
  if (accountId === null) return (await addAccount(deps, kind, { credentials, label, externalId })).id;
  await renewCredentials(deps, accountId, credentials);
  return accountId;
}

/** What the browser gets: a code, and the scopes that are missing. Never what the service sent. */
function failureOf({ log }: ApiDeps, provider: string, error: unknown): Record<string, string> {
  if (error instanceof SignInError) {
    log.info({ provider, code: error.code, reason: error.message }, 'sign-in failed');
    return { error: error.code, ...(error.scopes.length === 0 ? {} : { error_scope: error.scopes.join(' ') }) };
  }
  const code = apiErrorOf(error)?.code ?? 'internal';
  if (code === 'internal') log.error({ provider, err: error }, 'unexpected error');
  else log.info({ provider, code }, 'sign-in failed');
  return { error: code };
}

/** One for each sign-in, so that several can be under way in one browser. The state itself is not in its name. */
function cookieName(state: string): string {
  return `calpair_sign_in_${state.slice(0, 8)}`;
}

function cookieFor({ publicUrl }: ApiDeps, state: string, value: string, maxAgeSeconds: number): string {
  return setCookie({
    name: cookieName(state),
    value,
    path: COOKIE_PATH,
    // Lax: the service's redirect has to bring it along.
    sameSite: 'Lax',
    secure: publicUrl().startsWith('https:'),
    maxAgeSeconds,
  });
}

function invalidState(reply: FastifyReply): FastifyReply {
  return reply
    .code(400)
    .header('content-security-policy', PAGE_CSP)
    .type('text/html; charset=utf-8')
    .serializer((page: string) => page)
    .send(INVALID_STATE_PAGE);
}

const PAGE_CSP =
  "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INVALID_STATE_PAGE = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Sign-in expired – Calpair</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/console/console.css">
</head>
<body>
  <main>
    <h1>This sign-in cannot be finished</h1>
    <p>It has expired, was already used, or was begun in another browser. Nothing was changed.</p>
    <p><a href="/">Begin again in Calpair</a></p>
  </main>
</body>
</html>
`;
