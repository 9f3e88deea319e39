/** Why an event is where it is, what the pair did to it, and taking that back. */
import { z } from 'zod';
import { shownFields } from '../../core/sync/history.ts';
import { sourceOf } from '../../core/sync/policy.ts';
import { EVENT_PROBLEMS, EVENT_REASONS } from '../../core/texts.ts';
import { type ChangeRecord, changeIdsOfRun, changesById, listChanges } from '../../db/changes.ts';
import { EVENT_STATES, type EventRecord, findEvent, listEvents } from '../../db/events.ts';
import { isId } from '../../db/ids.ts';
import { includeEvent } from '../../db/links.ts';
import type { PairRecord } from '../../db/pairs.ts';
import { findRun } from '../../db/runs.ts';
import { requestUndo } from '../../db/undo-requests.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { listOf, pageQuery, positionCursor, positionOf } from '../pagination.ts';
import { pairOf } from '../pair-of.ts';
import { begun, requestRun, waitQuery } from '../request-run.ts';
import { answerUndo, removalAnswer, removalAnswerOf, undoAnswer, undoAnswerOf } from '../undo-answer.ts';
import { errorResponses, idParam, instant, instantOf, side } from '../validation.ts';

const tags = ['Events'];
const action = z.enum(['create', 'update', 'delete']);

const event = z
  .object({
    id: z.string(),
    title: z.string().nullable(),
    start: z.string().nullable().describe('An instant in UTC, or a date for an all-day event.'),
    state: z.enum(EVENT_STATES),
    reason: z
      .object({ code: z.string(), sentence: z.string() })
      .describe('Why the event is, or is not, on the other side.'),
    lastChange: z.object({ at: instant, side, action }).nullable().describe('What the pair did last.'),
  })
  .meta({ id: 'Event' });

const change = z
  .object({
    id: z.string(),
    runId: z.string(),
    at: instant,
    side,
    action,
    fields: z.array(z.object({ field: z.string(), before: z.unknown(), after: z.unknown() })),
    undoes: z.string().nullable().describe('The change that it took back.'),
  })
  .meta({ id: 'Change', description: 'What the pair wrote.' });

const eventParams = idParam.extend({ eventId: z.string() });

/** @param closing aborts when the server ends: waiting requests are then answered */
export function eventRoutes(app: Api, deps: ApiDeps, closing: AbortSignal): void {
  const { db } = deps;

  app.get(
    '/v1/pairs/:id/events',
    {
      schema: {
        tags,
        summary: 'List events, sorted by start',
        description:
          'Each event of the pair, and those that were deleted within `CALPAIR_HISTORY_DAYS`. A search may answer ' +
          'a page with few or no items and a `nextCursor`: it goes on there.',
        params: idParam,
        querystring: z.strictObject({
          ...pageQuery(),
          query: z.string().max(200).optional().describe('Part of the title.'),
          state: z.enum(EVENT_STATES).optional(),
        }),
        response: { 200: listOf(event), ...errorResponses },
      },
    },
    async (request) => {
      const pair = await pairOf(deps, request.params.id);
      const { limit, cursor, query, state } = request.query;
      const { items, next } = await listEvents(db, pair.id, {
        after: positionOf(cursor),
        limit,
        state: state ?? null,
        title: query?.trim() ? query.trim().toLowerCase() : null,
      });
      return {
        items: items.map((item) => eventJson(item, pair)),
        nextCursor: positionCursor(next),
      };
    },
  );

  app.get(
    '/v1/pairs/:id/events/:eventId',
    {
      schema: {
        tags,
        summary: 'Get an event with what the pair did to it',
        params: eventParams,
        response: { 200: event.extend({ history: z.array(change).describe('Newest first.') }), ...errorResponses },
      },
    },
    async (request) => {
      const { pair, found } = await eventOf(deps, request.params);
      const { items } = await listChanges(db, pair.id, found.id, { limit: 1000, after: null });
      return { ...eventJson(found, pair), history: items.map(changeJson) };
    },
  );

  app.post(
    '/v1/pairs/:id/events/:eventId/undo',
    {
      schema: {
        tags,
        summary: 'Take back one change',
        description:
          'On the side where the pair wrote it, unless the field was changed since. What is taken back crosses to ' +
          'the other side like an edit by a person.',
        params: eventParams,
        body: z.strictObject({ changeId: z.string() }),
        querystring: waitQuery,
        response: { 200: undoAnswer, 202: begun, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { pair, found } = await eventOf(deps, request.params);
      const { changeId } = request.body;
      const [row] = isId(changeId) ? await changesById(db, pair.id, [changeId]) : [];
      if (!row || (row.eventId !== found.id && row.linkId !== found.id)) throw notFound('change');
      const requestId = await requestUndo(db, pair.id, { changeIds: [row.id] });
      return answerUndo(deps, closing, pair.id, requestId, request.query.wait ?? 0, reply, undoAnswerOf);
    },
  );

  app.post(
    '/v1/pairs/:id/runs/:runId/undo',
    {
      schema: {
        tags,
        summary: 'Take back a whole run',
        description: 'Everything that the run wrote, as far as nothing has changed it since.',
        params: idParam.extend({ runId: z.string() }),
        body: z.strictObject({}).nullish(),
        querystring: waitQuery,
        response: { 200: undoAnswer, 202: begun, ...errorResponses },
      },
    },
    async (request, reply) => {
      const pair = await pairOf(deps, request.params.id);
      if (!(await findRun(db, pair.id, request.params.runId))) throw notFound('run');
      const changeIds = await changeIdsOfRun(db, pair.id, request.params.runId);
      const requestId = await requestUndo(db, pair.id, { changeIds });
      return answerUndo(deps, closing, pair.id, requestId, request.query.wait ?? 0, reply, undoAnswerOf);
    },
  );

  app.post(
    '/v1/pairs/:id/events/:eventId/sync',
    {
      schema: {
        tags,
        summary: 'Sync an excluded event again',
        params: eventParams,
        body: z.strictObject({}).nullish(),
        querystring: waitQuery,
        response: { 200: event, 202: begun, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { pair, found } = await eventOf(deps, request.params);
      await includeEvent(db, pair.id, found.id);
      const run = { trigger: 'signal', full: false } as const;
      const wait = request.query.wait ?? 0;
      const { finished, runId } = await requestRun(deps, closing, pair.id, run, wait);
      const now = finished ? await findEvent(db, pair.id, found.id) : null;
      return now ? reply.code(200).send(eventJson(now, pair)) : reply.code(202).send({ runId });
    },
  );

  app.post(
    '/v1/pairs/:id/remove-copies',
    {
      schema: {
        tags,
        summary: 'Remove the copies that the pair created on one side',
        description: 'Never what was there before, nor copies that a person has edited since.',
        params: idParam,
        body: z.strictObject({ side }),
        querystring: waitQuery,
        response: { 200: removalAnswer, 202: begun, ...errorResponses },
      },
    },
    async (request, reply) => {
      const pair = await pairOf(deps, request.params.id);
      const requestId = await requestUndo(db, pair.id, { side: request.body.side });
      return answerUndo(deps, closing, pair.id, requestId, request.query.wait ?? 0, reply, removalAnswerOf);
    },
  );
}

async function eventOf(deps: ApiDeps, { id, eventId }: { id: string; eventId: string }) {
  const pair = await pairOf(deps, id);
  const found = await findEvent(deps.db, pair.id, eventId);
  if (!found) throw notFound('event');
  return { pair, found };
}

function eventJson(record: EventRecord, pair: PairRecord): z.infer<typeof event> {
  const { id, title, start, state, lastChange } = record;
  return {
    id,
    title,
    start,
    state,
    reason: reasonOf(record, pair),
    lastChange: lastChange && {
      at: instantOf(lastChange.at),
      side: lastChange.side,
      action: lastChange.action as z.infer<typeof action>,
    },
  };
}

function reasonOf({ state, code, detail, sides }: EventRecord, pair: PairRecord): { code: string; sentence: string } {
  if (state === 'problem' && code !== null)
    return { code, sentence: detail ?? EVENT_PROBLEMS[code as keyof typeof EVENT_PROBLEMS]?.detail ?? code };
  const own = code !== null && code in EVENT_REASONS ? (code as keyof typeof EVENT_REASONS) : null;
  const reason = own ?? (state === 'excluded' ? whyAlone(sides, pair) : state);
  return { code: reason, sentence: EVENT_REASONS[reason] };
}

/** Why nothing is copied of an event that only one side has. */
function whyAlone(sides: EventRecord['sides'], { direction, options }: PairRecord): keyof typeof EVENT_REASONS {
  const source = sourceOf(direction);
  if (source !== null && !sides.includes(source)) return 'one-way';
  return options.window !== null || Object.keys(options.filter).length > 0 ? 'out-of-scope' : 'not-copied';
}

function changeJson({ id, runId, at, side, action, undoes, content }: ChangeRecord): z.infer<typeof change> {
  return { id, runId, at: instantOf(at), side, action, undoes, fields: content === null ? [] : shownFields(content) };
}
