import { z } from 'zod';
import { findRun, listRuns, type RunRecord } from '../../db/runs.ts';
import { undoOutcomeOfRun } from '../../db/undo-requests.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { listOf, pageAnswer, pageQuery, pageRequest } from '../pagination.ts';
import { pairOf } from '../pair-of.ts';
import { runUndo, runUndoOf } from '../undo-answer.ts';
import { errorResponses, idParam, instant, instantOf, side } from '../validation.ts';

const tags = ['Runs'];
const writes = z.object({ created: z.int(), updated: z.int(), deleted: z.int() });

export const run = z
  .object({
    id: z.string(),
    trigger: z.enum(['start', 'poll', 'signal', 'webhook', 'resync', 'undo']),
    startedAt: instant,
    finishedAt: instant.nullable(),
    result: z
      .enum(['running', 'ok', 'partial', 'failed'])
      .describe(
        '`ok`: the run did everything that it planned. `partial`: at least one write failed or waits. `failed`: a ' +
          'side could not be read.',
      ),
    read: z.object({ caldav: z.int(), cloud: z.int() }).describe('Events read.'),
    caldav: writes.describe('Writes that changed something on this side.'),
    cloud: writes.describe('Writes that changed something on this side.'),
    conflicts: z.int().describe('New in this run.'),
    held: z.int().describe('New in this run.'),
    problems: z.int().describe('New in this run.'),
    error: z.object({ code: z.string(), side: side.nullable(), detail: z.string() }).nullable(),
  })
  .meta({ id: 'Run' });

const runWithUndo = run.extend({
  undo: runUndo.nullable().describe('What an undo that this run carried out came to; null where it did none.'),
});

export function runRoutes(app: Api, deps: ApiDeps): void {
  const { db } = deps;

  app.get(
    '/v1/pairs/:id/runs',
    {
      schema: {
        tags,
        summary: 'List runs, newest first',
        params: idParam,
        querystring: z.strictObject(pageQuery()),
        response: { 200: listOf(run), ...errorResponses },
      },
    },
    async (request) => {
      const pair = await pairOf(deps, request.params.id);
      return pageAnswer(await listRuns(db, pair.id, pageRequest(request.query)), runJson);
    },
  );

  app.get(
    '/v1/pairs/:id/runs/:runId',
    {
      schema: {
        tags,
        summary: 'Get a run',
        params: idParam.extend({ runId: z.string() }),
        response: { 200: runWithUndo, ...errorResponses },
      },
    },
    async (request) => {
      const { id, runId } = request.params;
      const found = await findRun(db, id, runId);
      if (!found) throw notFound('run');
      const outcome = await undoOutcomeOfRun(db, id, runId);
      return { ...runJson(found), undo: outcome && (await runUndoOf(outcome, db, id)) };
    },
  );
}

export function runJson(record: RunRecord): z.infer<typeof run> {
  const { id, trigger, result, conflicts, held, problems: problemCount, error, writes: written } = record;
  return {
    id,
    trigger,
    result,
    conflicts,
    held,
    error,
    problems: problemCount,
    startedAt: instantOf(record.startedAt),
    finishedAt: instantOf(record.finishedAt),
    read: { caldav: record.readCaldav, cloud: record.readCloud },
    caldav: written.caldav,
    cloud: written.cloud,
  };
}
