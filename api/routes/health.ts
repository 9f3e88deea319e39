import { z } from 'zod';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError } from '../errors.ts';
import { errorResponses } from '../validation.ts';

const tags = ['Health'];

/** For load balancers and supervisors. Needs no API key. */
export function healthRoutes(app: Api, { ready }: Pick<ApiDeps, 'ready'>): void {
  app.get(
    '/health/live',
    {
      schema: {
        tags,
        summary: 'Whether the process runs',
        security: [],
        response: { 200: z.object({ status: z.literal('live') }) },
      },
    },
    async () => ({ status: 'live' as const }),
  );

  app.get(
    '/health/ready',
    {
      schema: {
        tags,
        summary: 'Whether everything that this process needs works',
        security: [],
        response: {
          200: z.object({ status: z.literal('ready'), parts: z.record(z.string(), z.literal(true)) }),
          ...errorResponses,
        },
      },
    },
    async () => {
      const parts = await ready();
      const failing = Object.keys(parts).filter((part) => parts[part] !== true);
      if (failing.length > 0)
        throw new ApiError('temporarily-unavailable', `Not ready: ${failing.join(', ')}.`, { parts });
      return { status: 'ready' as const, parts: parts as Record<string, true> };
    },
  );
}
