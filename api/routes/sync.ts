import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { requestMatching } from '../../db/pairs.ts';
import { findRun } from '../../db/runs.ts';
import type { RunRequest } from '../../workflows/messages.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError } from '../errors.ts';
import { pairOf } from '../pair-of.ts';
import { begun, requestRun, waitQuery } from '../request-run.ts';
import { errorResponses, idParam } from '../validation.ts';
import { run, runJson } from './runs.ts';

const tags = ['Pairs'];

/** @param closing aborts when the server ends: waiting requests are then answered */
export function syncRoutes(app: Api, deps: ApiDeps, closing: AbortSignal): void {
  const schema = {
    tags,
    params: idParam,
    body: z.strictObject({}).nullish(),
    querystring: waitQuery,
    response: { 200: run, 202: begun, ...errorResponses },
  };
  const description =
    'With `wait`: 200 with the run that began after the call, once it has ended. Without `wait`, or when the time is ' +
    'up: 202, and the run goes on. 409 `pair-paused`, `pair-stopped`.';

  app.post(
    '/v1/pairs/:id/sync',
    {
      schema: { ...schema, summary: 'Sync now', description: `Polls at once. ${description}` },
    },
    async (request, reply) => {
      return sync(deps, closing, request.params.id, { trigger: 'signal', full: false }, request.query.wait ?? 0, reply);
    },
  );

  app.post(
    '/v1/pairs/:id/resync',
    {
      schema: {
        ...schema,
        summary: 'Compare both calendars in full',
        description: `Drops the cursors, not the last known state, and compares both sides in full. ${description}`,
      },
    },
    async (request, reply) => {
      return sync(deps, closing, request.params.id, { trigger: 'resync', full: true }, request.query.wait ?? 0, reply);
    },
  );
}

async function sync(
  deps: ApiDeps,
  closing: AbortSignal,
  id: string,
  runRequest: RunRequest,
  waitSeconds: number,
  reply: FastifyReply,
) {
  const { db } = deps;
  const pair = await pairOf(deps, id);
  if (pair.paused) throw new ApiError('pair-paused');
  if (runRequest.full) await requestMatching(db, id);
  const { finished, runId } = await requestRun(deps, closing, id, runRequest, waitSeconds);
  const run = finished && runId !== null ? await findRun(db, id, runId) : null;
  return run ? reply.code(200).send(runJson(run)) : reply.code(202).send({ runId });
}
