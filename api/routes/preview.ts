import { z } from 'zod';
import { findPair } from '../../db/pairs.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, notFound } from '../errors.ts';
import { type PairPreview, preview } from '../pair-preview.ts';
import { errorResponses, idParam } from '../validation.ts';

/** For both calendars together; a person waits. */
const WITHIN_MS = 60_000;
/** Each holds a connection to the database while the calendars answer. */
const AT_ONCE = 3;

/** `closing` aborts when the server is told to end. */
export function previewRoutes(app: Api, deps: ApiDeps, closing: AbortSignal): void {
  let underWay = 0;

  app.post(
    '/v1/pairs/:id/preview',
    {
      schema: {
        tags: ['Pairs'],
        summary: 'See what a sync would do now',
        description:
          'Reads both calendars, also of a paused pair, and writes nothing anywhere. 409 ' +
          '`preview-too-large` above 8,000 events; 503 where it takes longer than a minute.',
        params: idParam,
        body: z.strictObject({}).nullish(),
        response: { 200: preview, ...errorResponses },
      },
    },
    async (request) => {
      const pair = await findPair(deps.db, request.params.id);
      if (!pair) throw notFound('pair');
      if (underWay >= AT_ONCE)
        throw new ApiError('temporarily-unavailable', 'Other previews are under way.', { retryAfterSeconds: 10 });
      underWay += 1;
      try {
        return await lookAhead(deps, pair.id, closing);
      } finally {
        underWay -= 1;
      }
    },
  );
}

async function lookAhead({ preview: ask }: ApiDeps, pairId: string, closing: AbortSignal): Promise<PairPreview> {
  const signal = AbortSignal.any([AbortSignal.timeout(WITHIN_MS), closing]);
  let answer: Awaited<ReturnType<typeof ask>>;
  try {
    answer = await ask(pairId, signal);
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
