/** Busy times of accounts, and the times when all of them are free. */
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

/** Covers the requests of one person who looks for a slot. */
const CACHED_MS = 5_000;
const ACCOUNTS_AT_ONCE = 10;
const MAX_ACCOUNTS = 50;
const DAY_MS = 86_400_000;
/** Five years, the limit of Graph. */
const MAX_DAYS = 1_827;
const MAX_SLOT_DAYS = 366;
const MAX_STARTS = 50_000;

const caches = new WeakMap<Db, FreeBusyCache>();

/**
 * The busy times of an account within a range, over its `freeBusyCalendarIds` or all its calendars: merged, sorted,
 * clipped.
 * @param maxAgeMs how old a cached answer may be
 * @throws ApiError `not-found`, `free-busy-unknown`; SyncError where the calendars cannot be read, so that no time is
 * known to be free
 */
export async function busyOf(
  deps: ApiDeps,
  accountId: string,
  range: Interval,
  { maxAgeMs = CACHED_MS }: { maxAgeMs?: number } = {},
): Promise<Interval[]> {
  const account = await findAccount(deps.db, accountId);
  if (!account) throw notFound('account');
  const { freeBusyCalendarIds, unansweredInvitations: unanswered, calendarsVersion } = account;
  const cache = caches.get(deps.db) ?? new FreeBusyCache();
  caches.set(deps.db, cache);
  const inUtc = intervalOf(spanOf(range));
  const key = JSON.stringify([account.id, calendarsVersion, freeBusyCalendarIds, unanswered, inUtc]);
  const busy = await cache.get(key, maxAgeMs, () =>
    callAccount(deps, account.id, (opened) => opened.freeBusy(freeBusyCalendarIds, inUtc, { unanswered })).catch(
      rethrow,
    ),
  );
  return clip(busy, inUtc);
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
  .describe(`Comma-separated account ids; at most ${MAX_ACCOUNTS}.`);
const failure = z.object({ code: z.string(), detail: z.string() });

export function freeBusyRoutes(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/accounts/:id/free-busy',
    {
      schema: {
        tags: ['Free and busy'],
        summary: 'Busy times of an account',
        description:
          'Over `freeBusyCalendarIds`, or all calendars. Merged and sorted. 422 `free-busy-unknown` where a day ' +
          'has more events than can be read, or one that may not be read.',
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
        summary: 'Busy times of several accounts',
        description:
          '`busy` merges all accounts. An account that cannot be read has an `error` and a `busy` of null, and its ' +
          'times are missing in the merged list.',
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
      const answers = await busyOfAll(deps, idsOf(query.accountIds), rangeOf(query, MAX_DAYS));
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
          'Slots in which all accounts are free. Slots begin at the start of each window of working hours and every ' +
          '`stepMinutes` after it; without working hours, at midnight in `timeZone` and every `stepMinutes` after ' +
          'it. Fails where one account cannot be read.',
        querystring: z.strictObject({
          accountIds,
          ...range,
          durationMinutes: minutes(5).describe('Length of a slot.'),
          stepMinutes: minutes(5).optional().describe('Step between starts of slots. Default: `durationMinutes`.'),
          timeZone: z.string().max(100).optional().describe('IANA time zone of the working hours. Default: UTC.'),
          workingHours: z
            .string()
            .max(1000)
            .optional()
            .describe(
              'For example `mon-fri 09:00-17:00`, or `mon-thu 09:00-12:30, 13:30-18:00; fri 09:00-13:00`. Without ' +
                'days: every day. Default: always.',
            ),
        }),
        response: { 200: z.object({ slots: intervals }), ...errorResponses },
      },
    },
    async (request) => {
      const { query } = request;
      const requested = rangeOf(query, MAX_SLOT_DAYS);
      const { durationMinutes, stepMinutes = durationMinutes } = query;
      const search = {
        range: spanOf(requested),
        durationMs: durationMinutes * 60_000,
        stepMs: stepMinutes * 60_000,
        hours: hoursOf(query.workingHours),
        zone: zoneOf(query.timeZone, query.workingHours),
      };
      if ((search.range.to - search.range.from) / search.stepMs > MAX_STARTS)
        throw invalid('end', 'is too far from start for this step');
      const answers = await busyOfAll(deps, idsOf(query.accountIds), requested);
      for (const { id, error } of answers)
        if (error !== null) throw new ApiError(error.code, `Account ${id.slice(0, 50)}: ${error.message}`, error.extra);
      const busy = answers.flatMap((answer) => answer.busy ?? []).map(spanOf);
      return { slots: freeSlots({ ...search, busy }).map(intervalOf) };
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

/** In the order of the ids. An account that fails does not affect the others. */
async function busyOfAll(deps: ApiDeps, ids: readonly string[], range: Interval): Promise<Answered[]> {
  const answers: Answered[] = [];
  for (let at = 0; at < ids.length; at += ACCOUNTS_AT_ONCE) {
    answers.push(
      ...(await Promise.all(
        ids.slice(at, at + ACCOUNTS_AT_ONCE).map(async (id): Promise<Answered> => {
          try {
            return { id, busy: await busyOf(deps, id, range), error: null };
          } catch (error) {
            const problem = apiErrorOf(error);
            if (problem === null)
              deps.log.error(
                { accountId: id.slice(0, 50), err: error },
                'busy times could not be read because of an unexpected error',
              );
            return { id, busy: null, error: problem ?? new ApiError('internal') };
          }
        }),
      )),
    );
  }
  return answers;
}

/** Where there are more events than can be read, or one that may not be read, any time may be taken. */
function rethrow(error: unknown): never {
  if (!(error instanceof SyncError) || error.kind !== 'too-large') throw error;
  throw new ApiError('free-busy-unknown');
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
