import { z } from 'zod';
import { findPair } from '../../db/pairs.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, notFound } from '../errors.ts';
import { type PairPreview, preview } from '../pair-preview.ts';
import { errorResponses, idParam } from '../validation.ts';

/** For both calendars together; a client waits. */
const WITHIN_MS = 60_000;
/** Each holds a database connection while the calendars answer. */
const AT_ONCE = 3;

/** @param closing aborts when the server ends */
export function previewRoutes(app: Api, deps: ApiDeps, closing: AbortSignal): void {
  let underWay = 0;

  app.post(
    '/v1/pairs/:id/preview',
    {
      schema: {
        tags: ['Pairs'],
        summary: 'Preview a sync',
        description:
          'What a sync would do now, also for a paused pair. Writes nothing. 409 `preview-too-large` above 8,000 ' +
          'events; 503 after a minute.',
        params: idParam,
        body: z.strictObject({}).nullish(),
        response: { 200: preview, ...errorResponses },
      },
    },
    async (request) => {
      const pair = await findPair(deps.db, request.params.id);
      if (!pair) throw notFound('pair');
      if (underWay >= AT_ONCE)
        throw new ApiError('temporarily-unavailable', 'Too many other previews are running.', {
          retryAfterSeconds: 10,
        });
      underWay += 1;
      try {
        return await previewWithin(deps, pair.id, closing);
      } finally {
        underWay -= 1;
      }
    },
  );
}

async function previewWithin({ preview: run }: ApiDeps, pairId: string, closing: AbortSignal): Promise<PairPreview> {
  const signal = AbortSignal.any([AbortSignal.timeout(WITHIN_MS), closing]);
  let answer: Awaited<ReturnType<typeof run>>;
  try {
    answer = await run(pairId, signal);
  } catch (error) {
    if (signal.aborted)
      throw new ApiError('temporarily-unavailable', 'The calendars could not be read and compared within a minute.', {
        retryAfterSeconds: 60,
      });
    throw error;
  }
  if (answer === 'gone') throw notFound('pair');
  if (answer === 'too-large') throw new ApiError('preview-too-large');
  return answer;
}
