import { z } from 'zod';
import { type Authenticator, requireApiKey } from '../auth.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError } from '../errors.ts';
import { errorResponses } from '../validation.ts';

/** For Prometheus. Open only to this machine: a request from elsewhere, or through a proxy, needs a key. */
export function metricsRoute(app: Api, { metrics, config }: Pick<ApiDeps, 'metrics' | 'config'>, auth: Authenticator) {
  const requireKey = requireApiKey(auth);
  app.get(
    '/metrics',
    {
      onRequest: async (request, reply) => {
        const { authorization, forwarded, 'x-forwarded-for': forwardedFor } = request.headers;
        const isLocal = config.isLoopback !== false && forwarded === undefined && forwardedFor === undefined;
        if (isLocal && authorization === undefined) return;
        await requireKey(request, reply);
        if (request.tenant !== null) throw new ApiError('forbidden');
      },
      schema: {
        tags: ['Health'],
        security: [{ apiKey: [] }, {}],
        operationId: 'getMetrics',
        summary: 'Metrics for Prometheus',
        description:
          'Needs an API key, without an external id, where `HOST` is not a loopback address or the request came ' +
          'through a proxy.',
        response: {
          200: {
            description: "Prometheus' text format.",
            content: { 'text/plain': { schema: z.string() } },
          },
          ...errorResponses,
        },
      },
    },
    async (_request, reply) =>
      reply
        .type('text/plain; version=0.0.4; charset=utf-8')
        .serializer((text: unknown) => String(text))
        .send((await metrics?.text()) as never),
  );
}
