import { z } from 'zod';
import type { ApiErrorCode } from '../../core/texts.ts';
import type { PreviewProgress } from '../../db/history-schema.ts';
import { beginPreview, endPreview, findPreview, notePreviewProgress } from '../../db/previews.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, apiErrorOf, notFound } from '../errors.ts';
import { pairOf } from '../pair-of.ts';
import { type PairPreview, preview } from '../pair-preview.ts';
import { waitQuery } from '../request-run.ts';
import { untilAborted } from '../until-aborted.ts';
import { errorResponses, idParam, instant, instantOf } from '../validation.ts';

/** For both calendars together. */
const WITHIN_MS = 10 * 60_000;
/** Each holds a database connection while the calendars answer. */
const AT_ONCE = 3;

const tags = ['Pairs'];
const progress = z
  .object({
    phase: z.enum(['reading', 'comparing']),
    done: z.int().describe('Events that were read or compared.'),
    total: z.int().nullable().describe('Null while the calendars are read: they do not say how many events they have.'),
  })
  .nullable();
const underWayAnswer = z.object({ startedAt: instant, progress }).meta({ id: 'PreviewUnderWay' });
const response = { 200: preview, 202: underWayAnswer, ...errorResponses };

/** @param closing aborts when the server ends */
export function previewRoutes(app: Api, deps: ApiDeps, closing: AbortSignal): void {
  const { db } = deps;
  const underWay = new Map<string, Job>();

  app.post(
    '/v1/pairs/:id/preview',
    {
      schema: {
        tags,
        summary: 'Preview a sync',
        description:
          'What a sync would do now, also for a paused pair. Writes nothing. With `wait`: 200 with the answer as ' +
          'soon as it is there. Without, or when the time is up: 202, and `GET` has the answer later. Calls while a ' +
          'preview of the pair is under way share it.',
        params: idParam,
        body: z.strictObject({}).nullish(),
        querystring: waitQuery,
        response,
      },
    },
    async (request, reply) => {
      const pair = await pairOf(deps, request.params.id);
      const job = underWay.get(pair.id) ?? (await begin(pair.id));
      const timeUp = AbortSignal.timeout((request.query.wait ?? 0) * 1000);
      const answer = await untilAborted(job.answer, AbortSignal.any([timeUp, closing]));
      if (answer) return reply.code(200).send(answer);
      return reply.code(202).send({ startedAt: instantOf(job.startedAt), progress: job.progress });
    },
  );

  app.get(
    '/v1/pairs/:id/preview',
    {
      schema: {
        tags,
        summary: 'Get the last preview',
        description: '202 while it is under way; 404 where none was requested.',
        params: idParam,
        response,
      },
    },
    async (request, reply) => {
      const pair = await pairOf(deps, request.params.id);
      const last = await findPreview<PairPreview, ApiErrorCode>(db, pair.id);
      if (!last) throw notFound('preview');
      if (last.error) throw new ApiError(last.error.code, last.error.detail);
      // One that an earlier version made has no more.
      if (last.result) return reply.code(200).send({ ...last.result, recognized: last.result.recognized ?? [] });
      if (isAbandoned(last.startedAt))
        throw new ApiError('temporarily-unavailable', 'The preview was interrupted. Request it again.');
      return reply.code(202).send({ startedAt: instantOf(last.startedAt), progress: last.progress });
    },
  );

  async function begin(pairId: string): Promise<Job> {
    if (underWay.size >= AT_ONCE)
      throw new ApiError('temporarily-unavailable', 'Too many other previews are running.', {
        retryAfterSeconds: 10,
      });
    const startedAt = new Date();
    const job: Job = { startedAt, progress: null, answer: Promise.resolve(null) };
    job.answer = run(pairId, job).finally(() => underWay.delete(pairId));
    underWay.set(pairId, job);
    // Perhaps no caller waits for it.
    job.answer.catch(() => undefined);
    return job;
  }

  async function run(pairId: string, job: Job): Promise<PairPreview> {
    await beginPreview(db, pairId, job.startedAt);
    const report = async (progress: PreviewProgress): Promise<void> => {
      job.progress = progress;
      await notePreviewProgress(db, pairId, progress);
    };
    try {
      const result = await previewWithin(deps, pairId, closing, report);
      await endPreview(db, pairId, new Date(), { result });
      return result;
    } catch (error) {
      const { code, message: detail } = apiErrorOf(error) ?? new ApiError('internal');
      await endPreview(db, pairId, new Date(), { error: { code, detail } }).catch(() => undefined);
      throw error;
    }
  }
}

interface Job {
  readonly startedAt: Date;
  progress: PreviewProgress | null;
  answer: Promise<PairPreview | null>;
}

/** Its process has ended. */
function isAbandoned(startedAt: Date): boolean {
  return Date.now() - startedAt.getTime() > WITHIN_MS + 60_000;
}

async function previewWithin(
  { preview: run }: ApiDeps,
  pairId: string,
  closing: AbortSignal,
  report: Parameters<ApiDeps['preview']>[2],
): Promise<PairPreview> {
  const signal = AbortSignal.any([AbortSignal.timeout(WITHIN_MS), closing]);
  let answer: Awaited<ReturnType<typeof run>>;
  try {
    answer = await run(pairId, signal, report);
  } catch (error) {
    if (signal.aborted)
      throw new ApiError('temporarily-unavailable', 'The calendars could not be read and compared in time.', {
        retryAfterSeconds: 60,
      });
    throw error;
  }
  if (answer === 'gone') throw notFound('pair');
  if (answer === 'too-large') throw new ApiError('preview-too-large');
  return answer;
}
