/** When the persons of accounts are busy, and when they are free for a meeting. */
import { z } from 'zod';
import { clip, type Interval, intervalOf, merge, spanOf } from '../../core/availability/interval.ts';
import { ALWAYS, freeSlots, parseWorkingHours, type WorkingHours } from '../../core/availability/slots.ts';
import { SyncError } from '../../core/sync-error.ts';
import { canonicalZone } from '../../core/zones.ts';
import { findAccount } from '../../db/accounts.ts';
import type { Db } from '../../db/connect.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, apiErrorOf, invalid, notFound } from '../errors.ts';
import { FreeBusyCache } from '../free-busy-cache.ts';
import { callAccount } from '../provider-calls.ts';
import { errorResponses, idParam, instant } from '../validation.ts';

/** Long enough for the questions of one person who looks for a slot. */
const KEPT_MS = 5_000;
/** Calendars are asked for by one process at a time. */
const ACCOUNTS_AT_ONCE = 10;
const MAX_ACCOUNTS = 50;
const DAY_MS = 86_400_000;
/** Five years: further Graph does not go. */
const MAX_DAYS = 1_827;
const MAX_SLOT_DAYS = 366;
const MAX_STARTS = 50_000;

const caches = new WeakMap<Db, FreeBusyCache>();

/**
 * The busy times of an account within a range, over its `freeBusyCalendarIds` or all its calendars: merged, sorted,
 * clipped.
 * @param maxAgeMs how old an answer may be; one that was begun within this time is joined
 * @throws ApiProblem `not-found`, `free-busy-unknown`; SyncError where the calendars cannot be asked: then nothing is
 * known to be free
 */
export async function busyOf(
  deps: ApiDeps,
  accountId: string,
  range: Interval,
  { maxAgeMs = KEPT_MS }: { maxAgeMs?: number } = {},
): Promise<Interval[]> {
  const account = await findAccount(deps.db, accountId);
  if (!account) throw notFound('account');
  const { freeBusyCalendarIds, unansweredInvitations: unanswered, calendarsVersion } = account;
  const cache = caches.get(deps.db) ?? new FreeBusyCache();
  caches.set(deps.db, cache);
  const asked = intervalOf(spanOf(range));
  const key = JSON.stringify([account.id, calendarsVersion, freeBusyCalendarIds, unanswered, asked]);
  const busy = await cache.get(key, maxAgeMs, () =>
    callAccount(deps, account.id, (opened) => opened.freeBusy(freeBusyCalendarIds, asked, { unanswered })).catch(
      rethrow,
    ),
  );
  return clip(busy, asked);
}

const interval = z.object({ start: instant, end: instant });
const intervals = z.array(interval);
const moment = z.iso.datetime({ offset: true, error: 'must be an instant like 2026-11-23T09:00:00Z' });
const range = {
  start: moment.describe('RFC 3339.'),
  end: moment.describe('RFC 3339, after `start`.'),
};
const accountIds = z
  .union([z.string(), z.array(z.string())])
  .describe(`Ids of accounts, separated by commas; at most ${MAX_ACCOUNTS}.`);
const failure = z.object({ code: z.string(), detail: z.string() });

export function freeBusyRoutes(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/accounts/:id/free-busy',
    {
      schema: {
        tags: ['Free and busy'],
        summary: 'When the person of an account is busy',
        description:
          'Over `freeBusyCalendarIds`, or all calendars. Merged and sorted. 422 `free-busy-unknown` ' +
          'where an event repeats in a way that cannot be followed.',
        params: idParam,
        querystring: z.strictObject(range),
        response: { 200: z.object({ busy: intervals }), ...errorResponses },
      },
    },
    async (request) => ({ busy: await busyOf(deps, request.params.id, rangeOf(request.query, MAX_DAYS)) }),
  );

  app.get(
    '/v1/free-busy',
    {
      schema: {
        tags: ['Free and busy'],
        summary: 'When the persons of several accounts are busy',
        description:
          '`busy` is when any of them is. An account that cannot be asked has an `error`, its `busy` ' +
          'is null, and nothing is known of it in the whole.',
        querystring: z.strictObject({ accountIds, ...range }),
        response: {
          200: z.object({
            busy: intervals,
            byAccount: z.record(z.string(), z.object({ busy: intervals.nullable(), error: failure.nullable() })),
          }),
          ...errorResponses,
        },
      },
    },
    async (request) => {
      const { query } = request;
      const answers = await askAll(deps, idsOf(query.accountIds), rangeOf(query, MAX_DAYS));
      const byAccount = answers.map(
        ({ id, busy, error }) => [id, { busy, error: error && { code: error.code, detail: error.message } }] as const,
      );
      return { busy: merge(answers.flatMap(({ busy }) => busy ?? [])), byAccount: Object.fromEntries(byAccount) };
    },
  );

  app.get(
    '/v1/availability',
    {
      schema: {
        tags: ['Free and busy'],
        summary: 'Free slots',
        description:
          'Slots in which the persons of all these accounts are free. Within working hours a slot ' +
          'begins at the beginning of each window and every `stepMinutes` after it; ' +
          'without them, at midnight in `timeZone` and so on. Where one account cannot be asked there is no answer.',
        querystring: z.strictObject({
          accountIds,
          ...range,
          durationMinutes: minutes(5).describe('Of a slot.'),
          stepMinutes: minutes(5).optional().describe('How often a slot may begin; `durationMinutes` where left out.'),
          timeZone: z.string().max(100).optional().describe('IANA, of the working hours; UTC where left out.'),
          workingHours: z
            .string()
            .max(1000)
            .optional()
            .describe(
              'Like `mon-fri 09:00-17:00`, or `mon-thu 09:00-12:30, 13:30-18:00; fri 09:00-13:00`; every ' +
                'day where no days are named, always where left out.',
            ),
        }),
        response: { 200: z.object({ slots: intervals }), ...errorResponses },
      },
    },
    async (request) => {
      const { query } = request;
      const asked = rangeOf(query, MAX_SLOT_DAYS);
      const { durationMinutes, stepMinutes = durationMinutes } = query;
      const question = {
        range: spanOf(asked),
        durationMs: durationMinutes * 60_000,
        stepMs: stepMinutes * 60_000,
        hours: hoursOf(query.workingHours),
        zone: zoneOf(query.timeZone, query.workingHours),
      };
      if ((question.range.to - question.range.from) / question.stepMs > MAX_STARTS)
        throw invalid('end', 'is too far away for slots that begin this often');
      const answers = await askAll(deps, idsOf(query.accountIds), asked);
      for (const { id, error } of answers)
        if (error !== null) throw new ApiError(error.code, `Account ${id.slice(0, 50)}: ${error.message}`, error.extra);
      const busy = answers.flatMap((answer) => answer.busy ?? []).map(spanOf);
      return { slots: freeSlots({ ...question, busy }).map(intervalOf) };
    },
  );
}

function minutes(least: number) {
  return z.coerce.number().int().min(least).max(1440);
}

type Answered = { readonly id: string } & (
  | { readonly busy: Interval[]; readonly error: null }
  | { readonly busy: null; readonly error: ApiError }
);

/** In the order of the ids. One that fails does not hide the others. */
async function askAll(deps: ApiDeps, ids: readonly string[], asked: Interval): Promise<Answered[]> {
  const answers: Answered[] = [];
  for (let at = 0; at < ids.length; at += ACCOUNTS_AT_ONCE) {
    answers.push(
      ...(await Promise.all(
        ids.slice(at, at + ACCOUNTS_AT_ONCE).map(async (id): Promise<Answered> => {
          try {
            return { id, busy: await busyOf(deps, id, asked), error: null };
          } catch (error) {
            const problem = apiErrorOf(error);
            if (problem === null)
              deps.log.error(
                { accountId: id.slice(0, 50), err: error },
                'a question about busy times failed unexpectedly',
              );
            return { id, busy: null, error: problem ?? new ApiError('internal') };
          }
        }),
      )),
    );
  }
  return answers;
}

/** An event that cannot be followed, or more of them than can be read, may be at any time. */
function rethrow(error: unknown): never {
  if (!(error instanceof SyncError) || error.kind !== 'too-large') throw error;
  throw new ApiError(
    'free-busy-unknown',
    'An event repeats in a way that cannot be followed, or is too large to be read, so nothing is known to be free.',
  );
}

function rangeOf(query: { start: string; end: string }, maxDays: number): Interval {
  const { from, to } = spanOf(query);
  for (const [field, ms] of [
    ['start', from],
    ['end', to],
  ] as const)
    if (ms < EARLIEST || ms > LATEST) throw invalid(field, 'must be in the years 1970 to 2199');
  if (to <= from) throw invalid('end', 'must be after start');
  if (to - from > maxDays * DAY_MS) throw invalid('end', `must be at most ${maxDays} days after start`);
  return intervalOf({ from, to });
}
const EARLIEST = Date.UTC(1970, 0, 1);
const LATEST = Date.UTC(2200, 0, 1) - 1;

function idsOf(given: string | readonly string[]): string[] {
  const ids = [
    ...new Set(
      [given]
        .flat()
        .flatMap((part) => part.split(','))
        .map((id) => id.trim())
        .filter((id) => id !== ''),
    ),
  ];
  if (ids.length === 0) throw invalid('accountIds', 'must name an account');
  if (ids.length > MAX_ACCOUNTS) throw invalid('accountIds', `must name at most ${MAX_ACCOUNTS} accounts`);
  return ids;
}

function zoneOf(given: string | undefined, hours: string | undefined): string {
  if (given === undefined && hours !== undefined) throw invalid('timeZone', 'is required with workingHours');
  const zone = canonicalZone(given ?? 'UTC');
  if (zone === null) throw invalid('timeZone', 'must be a time zone like Europe/Berlin');
  return zone;
}

function hoursOf(given: string | undefined): WorkingHours {
  if (given === undefined) return ALWAYS;
  try {
    return parseWorkingHours(given);
  } catch (error) {
    if (error instanceof RangeError) throw invalid('workingHours', error.message);
    throw error;
  }
}
