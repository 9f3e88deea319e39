import { z } from 'zod';
import {
  type AccountPatch,
  type AccountRecord,
  deleteAccount,
  findAccount,
  listAccounts,
  patchAccount,
} from '../../db/accounts.ts';
import { ENTRIES } from '../../providers/entries.ts';
import type { CredentialSchema, ProviderEntry } from '../../providers/provider-entry.ts';
import { addAccount, renewCredentials } from '../account-credentials.ts';
import { closingChannelsOf } from '../close-channels.ts';
import type { Api, ApiConfig, ApiDeps } from '../deps.ts';
import { ApiError, notFound } from '../errors.ts';
import { listOf, pageAnswer, pageQuery, pageRequest } from '../pagination.ts';
import { calendarsOf, providerOf } from '../provider-calls.ts';
import { check, errorResponses, idParam, instant, instantOf, nothing, text } from '../validation.ts';

const tags = ['Accounts'];

export const account = z
  .object({
    id: z.string(),
    provider: z.string(),
    preset: z.string().nullable(),
    label: z.string().nullable(),
    externalId: z.string().nullable(),
    username: z.string(),
    server: z.string().nullable().describe('The host of its server; null where the service has only one.'),
    status: z.enum(['ok', 'attention']),
    statusReason: z.string().nullable(),
    capabilities: z.object({ createCalendar: z.boolean() }),
    writeCalendarId: z.string().nullable().describe('Where bookings are written.'),
    freeBusyCalendarIds: z.array(z.string()).nullable().describe('Null: all calendars.'),
    unansweredInvitations: z
      .enum(['busy', 'free'])
      .describe('Whether invitations that the person has not answered count as busy.'),
    requests: z
      .object({
        today: z.int().describe('Made for this account; reported every few minutes.'),
        limit: z.int().nullable().describe('Daily budget of all accounts of this service; null: none.'),
        limitUsed: z.int().describe('Taken from that budget by all accounts.'),
      })
      .describe('Requests to the service since midnight UTC.'),
    createdAt: instant,
  })
  .meta({ id: 'Account' });

export const accountNames = { label: text(200).nullish(), externalId: text(200).nullish() };

export function accountRoutes(app: Api, deps: ApiDeps): void {
  const { db } = deps;
  const json = (record: AccountRecord) => accountJson(record, deps.config);

  app.post(
    '/v1/accounts',
    {
      schema: {
        tags,
        summary: 'Add an account',
        description:
          'Checks the credentials with the server before they are stored, encrypted. ' +
          `${credentialsText(({ credentials }) => credentials)}. \`GET /v1/providers\` says more about each.`,
        body: newAccountBody(deps),
        response: { 201: account, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { provider: kind, label = null, externalId = null, ...rest } = request.body;
      const { entry } = providerOf(deps, kind);
      const credentials = check(entry.credentials, rest);
      return reply.code(201).send(json(await addAccount(deps, kind, { credentials, label, externalId })));
    },
  );

  app.get(
    '/v1/accounts',
    {
      schema: {
        tags,
        summary: 'List accounts',
        querystring: z.strictObject({ ...pageQuery(), externalId: text(200).optional() }),
        response: { 200: listOf(account), ...errorResponses },
      },
    },
    async (request) =>
      pageAnswer(
        await listAccounts(db, pageRequest(request.query), request.query.externalId ?? null, request.tenant),
        json,
      ),
  );

  app.get(
    '/v1/accounts/:id',
    {
      schema: { tags, summary: 'Get an account', params: idParam, response: { 200: account, ...errorResponses } },
    },
    async (request) => json(found(await findAccount(db, request.params.id))),
  );

  app.patch(
    '/v1/accounts/:id',
    {
      schema: {
        tags,
        summary: 'Change an account',
        description: 'Changes only the keys that are named.',
        params: idParam,
        body: z.strictObject({
          ...accountNames,
          writeCalendarId: z.string().max(4096).nullish(),
          freeBusyCalendarIds: z.array(z.string().max(4096)).max(1000).nullish(),
          unansweredInvitations: z.enum(['busy', 'free']).optional(),
        }),
        response: { 200: account, ...errorResponses },
      },
    },
    async (request) => {
      found(await findAccount(db, request.params.id));
      await checkCalendars(deps, request.params.id, request.body);
      return json(found(await patchAccount(db, request.params.id, request.body)));
    },
  );

  app.put(
    '/v1/accounts/:id/credentials',
    {
      schema: {
        tags,
        summary: 'Replace the credentials',
        description:
          `${credentialsText(({ newCredentials }) => newCredentials)}. ` +
          'They are checked with the server first; every pair that waits for them continues. ' +
          "409 `different-account` when they open another person's calendars.",
        params: idParam,
        body: z.looseObject({}),
        response: { 200: account, ...errorResponses },
      },
    },
    async (request) => {
      return json(await renewCredentials(deps, request.params.id, request.body));
    },
  );

  app.delete(
    '/v1/accounts/:id',
    {
      schema: {
        tags,
        summary: 'Delete an account',
        description: '409 `account-in-use` while a connection uses it.',
        params: idParam,
        response: { 204: nothing, ...errorResponses },
      },
    },
    async (request, reply) => {
      const closeChannels = await closingChannelsOf(deps, request.params.id);
      const outcome = await deleteAccount(db, request.params.id);
      if (outcome === 'unknown') throw notFound('account');
      if (outcome === 'in-use') throw new ApiError('account-in-use');
      await closeChannels();
      return reply.code(204).send();
    },
  );
}

/** The calendars that a patch names must exist, and the one for bookings must be writable. */
async function checkCalendars(deps: ApiDeps, id: string, patch: AccountPatch): Promise<void> {
  const named = [patch.writeCalendarId, ...(patch.freeBusyCalendarIds ?? [])].filter(
    (calendar) => typeof calendar === 'string',
  );
  if (named.length === 0) return;
  const calendars = new Map((await calendarsOf(deps, id)).map((calendar) => [calendar.id, calendar]));
  if (named.some((calendar) => !calendars.has(calendar))) throw new ApiError('calendar-not-found');
  if (calendars.get(patch.writeCalendarId ?? '')?.readOnly) throw new ApiError('calendar-read-only');
}

/** What each provider takes, for a description. */
function credentialsText(schemaOf: (entry: ProviderEntry) => CredentialSchema): string {
  return ENTRIES.map((entry) => {
    const fields = Object.entries(schemaOf(entry).shape);
    const names = fields.map(([name, form]) => `\`${name}\`${form.isOptional() ? ' (optional)' : ''}`);
    return `${entry.label}: ${names.join(', ')}`;
  }).join('; ');
}

interface NewAccountBody {
  readonly provider: string;
  readonly label?: string | null | undefined;
  readonly externalId?: string | null | undefined;
  readonly [credential: string]: unknown;
}

/** One alternative for each provider. Credentials of one that is not set up are not checked: the answer is 501. */
function newAccountBody({ providers }: ApiDeps): z.ZodType<NewAccountBody> {
  const [first, ...others] = ENTRIES.map(({ kind, credentials }) => {
    const about = { provider: z.literal(kind), ...accountNames };
    return providers.has(kind) ? credentials.safeExtend(about).strict() : z.looseObject(about);
  });
  return z.discriminatedUnion('provider', [first!, ...others], {
    error: `must be one of ${ENTRIES.map(({ kind }) => kind).join(', ')}`,
  }) as unknown as z.ZodType<NewAccountBody>;
}

function found(record: AccountRecord | null): AccountRecord {
  if (!record) throw notFound('account');
  return record;
}

export function accountJson(
  record: AccountRecord,
  { dailyRequests }: Pick<ApiConfig, 'dailyRequests'>,
): z.infer<typeof account> {
  const { canCreateCalendars, createdAt, requestsToday, serviceRequestsToday, ...rest } = record;
  const limit = dailyRequests?.[rest.provider] ?? null;
  const entry = ENTRIES.find(({ kind }) => kind === rest.provider);
  return {
    ...rest,
    server: entry?.serverOf?.(rest.discovered) ?? null,
    capabilities: { createCalendar: canCreateCalendars },
    requests: { today: requestsToday, limit, limitUsed: Math.min(serviceRequestsToday, limit ?? Infinity) },
    createdAt: instantOf(createdAt),
  };
}
