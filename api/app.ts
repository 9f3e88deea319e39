/** Fastify as every server of ours has it: schemas, headers, and errors as problem details. */
import { randomUUID } from 'node:crypto';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { READS } from './access.ts';
import type { Api, ApiDeps } from './deps.ts';
import { ApiError, apiErrorOf, invalid } from './errors.ts';
import { validatorCompiler } from './validation.ts';

export function createApp(deps: Pick<ApiDeps, 'log' | 'config' | 'metrics'>): Api {
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
  app.decorateRequest('principal', null);
  app.decorateRequest('createdId', null);
  app.decorateRequest('tenant', {
    getter() {
      return this.principal?.externalId ?? null;
    },
  });
  app.addHook('onRequest', async (_request, reply) => void reply.headers(HEADERS));
  app.addHook('onResponse', async (request, reply) => {
    const { method } = request;
    const [route, status, ms] = [request.routeOptions.url, reply.statusCode, reply.elapsedTime];
    deps.log.debug({ method, route, status, ms: Math.round(ms) }, 'request');
    deps.metrics?.request({ method, route: route ?? 'unknown', status, seconds: ms / 1000 });
  });
  readJson(app);
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
