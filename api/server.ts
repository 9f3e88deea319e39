/** The HTTP API: every group of routes, and everything that happens around each request. */

import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { limitAccess, READS } from './access.ts';
import { writeAuditLog } from './audit.ts';
import { type Authenticator, authenticator, requireApiKey } from './auth.ts';
import type { Api, ApiDeps } from './deps.ts';
import { ApiError, apiErrorOf, invalid } from './errors.ts';
import { collectPaths, type KnownPaths } from './methods.ts';
import { accountRoutes } from './routes/accounts.ts';
import { apiKeyRoutes } from './routes/api-keys.ts';
import { auditLogRoutes } from './routes/audit-log.ts';
import { bookingRoutes } from './routes/bookings.ts';
import { calendarRoutes } from './routes/calendars.ts';
import { connectionRoutes } from './routes/connections.ts';
import { consoleRoutes } from './routes/console.ts';
import { collectDocs, docsRoutes } from './routes/docs.ts';
import { freeBusyRoutes } from './routes/free-busy.ts';
import { healthRoutes } from './routes/health.ts';
import { nextcloudLoginRoutes } from './routes/nextcloud-login.ts';
import { oauthCallbackRoute, oauthStartRoute } from './routes/oauth.ts';
import { pairRoutes } from './routes/pairs.ts';
import { previewRoutes } from './routes/preview.ts';
import { providerRoutes } from './routes/providers.ts';
import { reportRoutes } from './routes/reports.ts';
import { runRoutes } from './routes/runs.ts';
import { sessionRoutes, signedInRoute } from './routes/session.ts';
import { syncRoutes } from './routes/sync.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { validatorCompiler } from './validation.ts';

/** Ready to `listen` or `inject`. `close` lets requests end, and answers those that wait for a run at once. */
export async function buildServer(deps: ApiDeps): Promise<Api> {
  const closing = new AbortController();
  // One listener for each request that waits.
  setMaxListeners(0, closing.signal);
  const app: Api = Fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    return503OnClosing: false,
    bodyLimit: 1024 * 1024,
    requestTimeout: 60_000,
    trustProxy: [...(deps.config.trustProxy ?? [])],
    genReqId: () => randomUUID(),
    frameworkErrors: (error, request, reply) => answerError(deps.log, error, request, reply as FastifyReply),
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler<FastifyError>((error, request, reply) => answerError(deps.log, error, request, reply));
  const paths = collectPaths(app);
  app.setNotFoundHandler(async (request) => paths.refuse(request));
  app.decorateRequest('principal', null);
  app.decorateRequest('createdId', null);
  app.decorateRequest('tenant', {
    getter() {
      return this.principal?.externalId ?? null;
    },
  });
  app.addHook('onRequest', async (_request, reply) => void reply.headers(HEADERS));
  app.addHook('onResponse', async (request, reply) => {
    deps.log.debug(
      {
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
  });
  app.addHook('preClose', async () => closing.abort());
  readJson(app);

  const auth = authenticator(deps);
  await collectDocs(app, deps);
  await app.register(async (open: Api) => {
    healthRoutes(open, deps);
    consoleRoutes(open, deps);
    oauthCallbackRoute(open, deps);
    sessionRoutes(open, deps, auth);
    await docsRoutes(open);
    await open.register((webhooks: Api) => webhookRoutes(webhooks, deps));
  });
  await app.register(async (v1: Api) => {
    v1.addHook('onRequest', requireApiKey(auth));
    limitAccess(v1, deps);
    writeAuditLog(v1, deps);
    signedInRoute(v1, auth);
    apiKeyRoutes(v1, deps);
    auditLogRoutes(v1, deps);
    providerRoutes(v1, deps);
    accountRoutes(v1, deps);
    oauthStartRoute(v1, deps);
    nextcloudLoginRoutes(v1, deps);
    calendarRoutes(v1, deps);
    freeBusyRoutes(v1, deps);
    connectionRoutes(v1, deps);
    pairRoutes(v1, deps);
    syncRoutes(v1, deps, closing.signal);
    previewRoutes(v1, deps, closing.signal);
    runRoutes(v1, deps);
    reportRoutes(v1, deps);
    bookingRoutes(v1, deps, closing.signal);
  });
  await app.register(async (unknown: Api) => refuseUnknown(unknown, auth, paths), { prefix: '/v1' });
  await app.ready();
  return app;
}

/** JSON only. An empty body counts as no body, also with a content type. */
function readJson(app: Api): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined);
    void parse(request, body as string, (error, value) =>
      error ? done(invalid('', 'The body is not valid JSON.')) : done(null, value),
    );
  });
}

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};

/** Under `/v1` an unknown path needs a key, too, unless it is only the method that a path without a key lacks. */
function refuseUnknown(app: Api, auth: Authenticator, paths: KnownPaths): void {
  const requireKey = requireApiKey(auth);
  app.addHook('onRequest', async (request, reply) => {
    if (paths.of(request)?.isOpen !== true) await requireKey(request, reply);
    paths.refuse(request);
  });
  app.setNotFoundHandler(async (request) => paths.refuse(request));
}

/** Of an unexpected error the client gets the request id only, and the log no message, which may quote content. */
function answerError(log: FastifyBaseLogger, error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const problem = apiErrorOf(error) ?? new ApiError('internal', `The log has the details under ${request.id}.`);
  const about = { requestId: request.id, method: request.method, route: request.routeOptions?.url };
  if (problem.code === 'internal') log.error({ ...about, err: error }, 'unexpected error');
  if (!READS.includes(request.method))
    log.info(
      { ...about, status: problem.status, code: problem.code },
      problem.status < 500 ? 'request refused' : 'request failed',
    );
  // A path that cannot be decoded comes here without passing any hook.
  reply.headers(HEADERS);
  if (problem.code === 'unauthorized') reply.header('www-authenticate', 'Bearer');
  if (problem.extra.allow !== undefined) reply.header('allow', problem.extra.allow.join(', '));
  if (problem.extra.retryAfterSeconds !== undefined) reply.header('retry-after', problem.extra.retryAfterSeconds);
  return reply
    .code(problem.status)
    .type('application/problem+json')
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problem.body());
}
