import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { findPair, requestMatching } from '../../db/pairs.ts';
import { findRun, lastRunNumber, runIdAfter } from '../../db/runs.ts';
import type { RunRequest } from '../../workflows/messages.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, notFound } from '../errors.ts';
import { signalPair } from '../temporal/pair-workflow.ts';
import { untilAborted } from '../until-aborted.ts';
import { errorResponses, idParam } from '../validation.ts';
import { run, runJson } from './runs.ts';

const tags = ['Pairs'];
const begun = z.object({ runId: z.string().nullable().describe('Null where it is not known yet.') });

/** @param closing aborts when the server ends: waiting requests are then answered */
export function syncRoutes(app: Api, deps: ApiDeps, closing: AbortSignal): void {
  const schema = {
    tags,
    params: idParam,
    body: z.strictObject({}).nullish(),
    querystring: z.strictObject({
      wait: z.coerce.number().int().min(0).max(120).optional().describe('Seconds to wait for the end of the run.'),
    }),
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
  const pair = await findPair(db, id);
  if (!pair) throw notFound('pair');
  if (pair.paused) throw new ApiError('pair-paused');
  if (runRequest.full) await requestMatching(db, id);
  const before = await lastRunNumber(db, id);
  const runId = await begin(deps, closing, id, runRequest, waitSeconds);
  const finished = runId === null ? null : await findRun(db, id, runId);
  if (finished) return reply.code(200).send(runJson(finished));
  return reply.code(202).send({ runId: waitSeconds === 0 ? null : await runIdAfter(db, id, before) });
}

/** The run's id once it has ended; null without a wait, or when it took longer. */
async function begin(
  deps: ApiDeps,
  closing: AbortSignal,
  id: string,
  runRequest: RunRequest,
  waitSeconds: number,
): Promise<string | null> {
  if (waitSeconds === 0) {
    await signalPair(deps, id, (workflow) => workflow.syncNow(id, runRequest));
    return null;
  }
  const answer = signalPair(deps, id, (workflow) => workflow.syncAndWait(id, runRequest, waitSeconds));
  return (await untilAborted(answer, closing))?.runId ?? null;
}
