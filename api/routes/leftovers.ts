/** Copies of other sync programs whose original is not on the other side, and removing them. */
import { z } from 'zod';
import type { LeftoverFilter } from '../../db/history-schema.ts';
import { countLeftovers, listLeftovers } from '../../db/leftovers.ts';
import { requestUndo } from '../../db/undo-requests.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { listOf, pageQuery, positionCursor, positionOf } from '../pagination.ts';
import { pairOf } from '../pair-of.ts';
import { tool } from '../pair-preview.ts';
import { begun, waitQuery } from '../request-run.ts';
import { answerUndo, leftoverRemoval, leftoverRemovalOf, MAX_NAMED } from '../undo-answer.ts';
import { errorResponses, idParam, side } from '../validation.ts';

const tags = ['Events'];

const leftover = z
  .object({
    id: z.string().describe('The event, as in `GET /v1/pairs/{id}/events`.'),
    side,
    tool: tool.nullable(),
    title: z.string().nullable(),
    start: z.string().nullable().describe('An instant in UTC, or a date for an all-day event.'),
  })
  .meta({ id: 'Leftover' });

const ALL: LeftoverFilter = { side: null, ids: null };

/** @param closing aborts when the server ends: waiting requests are then answered */
export function leftoverRoutes(app: Api, deps: ApiDeps, closing: AbortSignal): void {
  const { db } = deps;

  app.get(
    '/v1/pairs/:id/leftovers',
    {
      schema: {
        tags,
        summary: 'List copies of other sync programs, sorted by start',
        description:
          'Those whose original is not on the other side. They are not synced, until `POST ' +
          '/v1/pairs/{id}/events/{eventId}/sync` does it or they are removed.',
        params: idParam,
        querystring: z.strictObject(pageQuery()),
        response: { 200: listOf(leftover), ...errorResponses },
      },
    },
    async (request) => {
      const { id } = await pairOf(deps, request.params.id);
      const { limit, cursor } = request.query;
      const { items, next } = await listLeftovers(db, id, ALL, { after: positionOf(cursor), limit });
      return { items, nextCursor: positionCursor(next) };
    },
  );

  app.post(
    '/v1/pairs/:id/remove-leftovers',
    {
      schema: {
        tags,
        summary: 'Remove copies of other sync programs',
        description:
          'Deletes those that `GET /v1/pairs/{id}/leftovers` lists, on one side or by id where the body says so. ' +
          'Those with guests are kept, since a server could notify them. With `preview`: only says which. With an id ' +
          'that is no leftover: 404, and nothing is removed.',
        params: idParam,
        body: z
          .strictObject({
            side: side.optional().describe('Default: both.'),
            ids: z.array(z.string()).max(100_000).optional().describe('Default: all.'),
            preview: z.boolean().optional(),
          })
          .nullish(),
        querystring: waitQuery,
        response: { 200: leftoverRemoval, 202: begun, ...errorResponses },
      },
    },
    async (request, reply) => {
      const pair = await pairOf(deps, request.params.id);
      const { side, ids, preview = false } = request.body ?? {};
      const filter: LeftoverFilter = { side: side ?? null, ids: ids ? [...new Set(ids)] : null };
      const count = await countLeftovers(db, pair.id, filter);
      if (filter.ids && count < filter.ids.length) throw notFound('leftover');
      if (preview) {
        const { items } = await listLeftovers(db, pair.id, filter, { after: null, limit: MAX_NAMED });
        const events = items.map(({ tool: _, ...event }) => event);
        return reply.code(200).send({ preview: true, removed: count, kept: [], events });
      }
      const requestId = await requestUndo(db, pair.id, { leftovers: filter });
      return answerUndo(deps, closing, pair.id, requestId, request.query.wait ?? 0, reply, leftoverRemovalOf);
    },
  );
}
