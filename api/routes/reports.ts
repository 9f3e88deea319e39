import { z } from 'zod';
import { listConflicts } from '../../db/conflicts.ts';
import { decideHeldChanges, listHeldChanges, undecideHeldChanges } from '../../db/held-changes.ts';
import type { PairRecord } from '../../db/pairs.ts';
import { listProblems } from '../../db/problems.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { listOf, pageAnswer, pageQuery, pageRequest, positionCursor, positionOf } from '../pagination.ts';
import { pairOf } from '../pair-of.ts';
import { signalPair } from '../temporal/pair-workflow.ts';
import { errorResponses, idParam, instant, instantOf, side } from '../validation.ts';

const tags = ['Conflicts, problems, held changes'];

const conflict = z
  .object({
    id: z.string(),
    at: instant,
    eventTitle: z.string().nullable(),
    field: z.string(),
    winner: side,
    keptValue: z.unknown(),
    lostValue: z.unknown(),
  })
  .meta({ id: 'Conflict' });

const problem = z
  .object({
    id: z.string(),
    code: z.string(),
    side,
    eventTitle: z.string().nullable(),
    detail: z.string(),
    since: instant,
  })
  .meta({ id: 'EventProblem', description: 'An event that cannot be synced, or not fully.' });

const heldChange = z
  .object({
    id: z.string(),
    side: side.describe('The side that still has the event and would lose it.'),
    action: z.literal('delete'),
    eventTitle: z.string().nullable(),
    eventStart: z.string().nullable(),
    reason: z.string(),
    since: instant,
  })
  .meta({ id: 'HeldChange' });

export function reportRoutes(app: Api, deps: ApiDeps): void {
  const { db } = deps;
  const common = { tags, params: idParam, querystring: z.strictObject(pageQuery(1000)) };

  app.get(
    '/v1/pairs/:id/conflicts',
    {
      schema: {
        ...common,
        summary: 'List conflicts, newest first',
        response: { 200: listOf(conflict), ...errorResponses },
      },
    },
    async (request) => {
      const { id } = await pairOf(deps, request.params.id);
      return pageAnswer(await listConflicts(db, id, pageRequest(request.query)), (item) => ({
        ...item,
        at: instantOf(item.at),
      }));
    },
  );

  app.get(
    '/v1/pairs/:id/problems',
    {
      schema: {
        ...common,
        summary: 'List events that cannot be synced',
        response: { 200: listOf(problem), ...errorResponses },
      },
    },
    async (request) => {
      const { id } = await pairOf(deps, request.params.id);
      return pageAnswer(await listProblems(db, id, pageRequest(request.query)), (item) => ({
        ...item,
        since: instantOf(item.since),
      }));
    },
  );

  app.get(
    '/v1/pairs/:id/held-changes',
    {
      schema: {
        ...common,
        summary: 'List deletions that wait for a decision, by start of the event',
        response: { 200: listOf(heldChange), ...errorResponses },
      },
    },
    async (request) => {
      const { id } = await pairOf(deps, request.params.id);
      const { limit, cursor } = request.query;
      const { items, next } = await listHeldChanges(db, id, { after: positionOf(cursor), limit });
      return {
        items: items.map((item) => ({ ...item, action: 'delete' as const, since: instantOf(item.since) })),
        nextCursor: positionCursor(next),
      };
    },
  );

  decisionRoute(app, deps, 'apply', 'Apply held deletions');
  decisionRoute(app, deps, 'restore', 'Restore held events');
}

function decisionRoute(app: Api, deps: ApiDeps, decision: 'apply' | 'restore', summary: string): void {
  app.post(
    `/v1/pairs/:id/held-changes/${decision}`,
    {
      schema: {
        tags,
        summary,
        description:
          'Stores the decision and begins a run that carries it out. With an id that is not held: 404, and nothing ' +
          'is decided.',
        params: idParam,
        body: z.strictObject({ ids: z.array(z.string()).max(100_000).optional().describe('Default: all.') }).nullish(),
        response: { 200: z.object({ decided: z.int() }), ...errorResponses },
      },
    },
    async (request) => {
      const pair = await pairOf(deps, request.params.id);
      return { decided: await decide(deps, pair, request.body?.ids ?? null, decision) };
    },
  );
}

/** The run of a paused pair begins after `resume`. Where the workflow cannot be signalled, nothing stays decided. */
async function decide(
  deps: ApiDeps,
  pair: PairRecord,
  ids: readonly string[] | null,
  decision: 'apply' | 'restore',
): Promise<number> {
  const decided = await decideHeldChanges(deps.db, pair.id, ids, decision);
  if (decided === null) throw notFound('held change');
  if (decided.length === 0 || pair.paused) return decided.length;
  try {
    await signalPair(deps, pair.id, (workflow) => workflow.syncNow(pair.id, { trigger: 'signal', full: false }));
  } catch (error) {
    await undecideHeldChanges(deps.db, decided);
    throw error;
  }
  return decided.length;
}
