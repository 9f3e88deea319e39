import { z } from 'zod';
import { type Latency, pollSeconds, type SidePolls } from '../../core/poll-schedule.ts';
import { DEFAULT_OPTIONS } from '../../core/sync/policy.ts';
import { heldDeletions, STALLED_DETAIL } from '../../core/texts.ts';
import { PAIR_STATUSES } from '../../db/pair-status.ts';
import { changePairSettings, deletePair, listPairs, type PairRecord, setPaused } from '../../db/pairs.ts';
import { pushStateOf, type StoredPushState } from '../../db/push-state.ts';
import { workflowIdOf } from '../../workflows/messages.ts';
import { checkWritable, createPairFrom, direction, newPairBody } from '../create-pair.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { listOf, pageAnswer, pageQuery, pageRequest } from '../pagination.ts';
import { pairOf } from '../pair-of.ts';
import { mergeOptions, options, optionsPatch } from '../pair-options.ts';
import type { PairControl } from '../temporal/pair-control.ts';
import { signalPair } from '../temporal/pair-workflow.ts';
import { errorResponses, idParam, instant, instantOf, nothing, pollInterval } from '../validation.ts';

const tags = ['Pairs'];
const noticed = z
  .object({
    mode: z.enum(['push', 'poll']),
    pollSeconds: z.int().describe('Seconds between two polls of this side.'),
    pushExpiresAt: instant.nullable().describe('Until when the service calls us; null where it does not.'),
  })
  .meta({ id: 'ChangeDetection', description: 'How changes of one side are noticed.' });
const pair = z
  .object({
    id: z.string(),
    connectionId: z.string(),
    caldavCalendarId: z.string(),
    cloudCalendarId: z.string(),
    direction,
    pollIntervalSeconds: z.int(),
    options,
    status: z.enum(PAIR_STATUSES).describe('The first that applies, in this order.'),
    statusReason: z
      .enum(['stalled', 'credentials', 'calendar-missing', 'held-changes', 'quota', 'unreachable', 'error'])
      .nullable()
      .describe('With status `attention`: the reason.'),
    statusDetail: z.string().nullable(),
    lastSyncAt: instant.nullable(),
    nextPollAt: instant.nullable(),
    counts: z.object({
      events: z.int().describe('Events on both sides.'),
      conflicts: z.int(),
      heldChanges: z.int(),
      problems: z.int(),
    }),
    changeDetection: z.object({ caldav: noticed, cloud: noticed }),
    workflowId: z.string(),
    createdAt: instant,
  })
  .meta({ id: 'Pair' });
const answer = { 200: pair, ...errorResponses };

export function pairRoutes(app: Api, deps: ApiDeps): void {
  const { db } = deps;
  const toJson = (record: PairRecord) => pairJson(record, deps.config.latency);

  app.post(
    '/v1/connections/:id/pairs',
    {
      schema: {
        tags,
        summary: 'Pair two calendars',
        description:
          'Begins to sync at once, unless `paused`. 409 `pair-allowance-reached`, `calendar-already-paired`, ' +
          '`pair-would-loop`; 422 `calendar-not-found`, `calendar-read-only`.',
        params: idParam,
        body: newPairBody,
        response: { 201: pair, ...errorResponses },
      },
    },
    async (request, reply) => {
      const id = await createPairFrom(deps, request.params.id, request.body);
      return reply.code(201).send(toJson(await pairOf(deps, id)));
    },
  );

  app.get(
    '/v1/pairs',
    {
      schema: {
        tags,
        summary: 'List pairs',
        querystring: z.strictObject({
          ...pageQuery(),
          connectionId: z.string().optional(),
          status: z.enum(PAIR_STATUSES).optional(),
        }),
        response: { 200: listOf(pair), ...errorResponses },
      },
    },
    async (request) => {
      const { connectionId = null, status = null } = request.query;
      return pageAnswer(
        await listPairs(db, pageRequest(request.query), { connectionId, status, tenant: request.tenant }),
        toJson,
      );
    },
  );

  app.get(
    '/v1/pairs/:id',
    {
      schema: { tags, summary: 'Get a pair', params: idParam, response: answer },
    },
    async (request) => toJson(await pairOf(deps, request.params.id)),
  );

  app.patch(
    '/v1/pairs/:id',
    {
      schema: {
        tags,
        summary: 'Change a pair',
        description:
          'Changes only the given fields, also inside `options`; null restores the default of an option. Applies ' +
          'from the next run on and deletes nothing by itself.',
        params: idParam,
        body: z.strictObject({
          direction: direction.optional(),
          pollIntervalSeconds: pollInterval.optional(),
          options: optionsPatch.optional(),
        }),
        response: answer,
      },
    },
    async (request) => {
      const { id } = request.params;
      const patch = request.body;
      const before = await pairOf(deps, id);
      if (patch.direction !== undefined && patch.direction !== before.direction)
        await checkWritable(deps, before, patch.direction);
      await changePairSettings(db, id, (now) => ({
        direction: patch.direction ?? now.direction,
        pollIntervalSeconds: patch.pollIntervalSeconds ?? now.pollIntervalSeconds,
        options: mergeOptions(now.options, patch.options ?? {}),
      }));
      await signalPair(deps, id, (workflow) => workflow.settingsChanged(id));
      return toJson(await pairOf(deps, id));
    },
  );

  lifecycleRoutes(app, deps);
}

function lifecycleRoutes(app: Api, deps: ApiDeps): void {
  const { db, control } = deps;

  app.delete(
    '/v1/pairs/:id',
    {
      schema: {
        tags,
        summary: 'Delete a pair',
        description: 'Stops it and deletes what Calpair stored of its events. Events stay on both sides.',
        params: idParam,
        response: { 204: nothing, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { id } = await pairOf(deps, request.params.id);
      await control.stop(id);
      await deletePair(db, id);
      return reply.code(204).send();
    },
  );

  const switchPair = async (id: string, paused: boolean, signal: (workflow: PairControl) => Promise<void>) => {
    await pairOf(deps, id);
    await setPaused(db, id, paused);
    await signalPair(deps, id, signal);
    return pairJson(await pairOf(deps, id), deps.config.latency);
  };
  const schema = { tags, params: idParam, body: z.strictObject({}).nullish(), response: answer };

  app.post(
    '/v1/pairs/:id/pause',
    {
      schema: { ...schema, summary: 'Pause a pair', description: 'Takes effect before the next write.' },
    },
    ({ params: { id } }) => switchPair(id, true, (workflow) => workflow.pause(id)),
  );

  app.post(
    '/v1/pairs/:id/resume',
    {
      schema: { ...schema, summary: 'Resume a pair', description: 'Polls at once.' },
    },
    ({ params: { id } }) => switchPair(id, false, (workflow) => workflow.resume(id)),
  );
}

function noticedOf(
  polls: SidePolls,
  push: StoredPushState | null,
  intervalSeconds: number,
  latency: Latency,
): z.infer<typeof noticed> {
  const state = pushStateOf(push);
  const until = state.reliableUntil ?? (push?.awaitedUntil ? new Date(push.awaitedUntil) : null);
  const seconds = pollSeconds(polls, { intervalSeconds, latency, push: state }, Date.now());
  return {
    mode: until === null ? 'poll' : 'push',
    pollSeconds: Math.round(seconds),
    pushExpiresAt: instantOf(until),
  };
}

function pairJson(record: PairRecord, latency: Latency): z.infer<typeof pair> {
  const { attentionReason, events, conflicts, heldChanges, problems: problemCount, statusDetail, ...others } = record;
  const { caldavPolls, cloudPolls, caldavPush, cloudPush, ...rest } = others;
  const statusReason = record.status === 'attention' ? attentionReason : null;
  return {
    ...rest,
    options: { ...DEFAULT_OPTIONS, ...mergeOptions(record.options, {}) } as z.infer<typeof options>,
    statusReason,
    statusDetail:
      statusReason === 'held-changes'
        ? heldDeletions(heldChanges)
        : statusReason === 'stalled'
          ? STALLED_DETAIL
          : statusDetail,
    lastSyncAt: instantOf(record.lastSyncAt),
    nextPollAt: record.paused ? null : instantOf(record.nextPollAt),
    counts: { events, conflicts, heldChanges, problems: problemCount },
    changeDetection: {
      caldav: noticedOf(caldavPolls, caldavPush, record.pollIntervalSeconds, latency),
      cloud: noticedOf(cloudPolls, cloudPush, record.pollIntervalSeconds, latency),
    },
    workflowId: workflowIdOf(record.id),
    createdAt: instantOf(record.createdAt),
  };
}
