import { z } from 'zod';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { API_ERRORS } from '../../core/texts.ts';
import type { CalendarInfo } from '../../providers/provider.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, withReason } from '../errors.ts';
import { listOf, pageQuery, slicePage } from '../pagination.ts';
import { calendarsOf, callAccount } from '../provider-calls.ts';
import { errorResponses, idParam, text } from '../validation.ts';

const tags = ['Accounts'];
const calendar = z
  .object({
    id: z.string().describe('Opaque and stable.'),
    name: z.string(),
    color: z.string().nullable(),
    timeZone: z.string().nullable(),
    readOnly: z.boolean(),
    isDefault: z.boolean(),
  })
  .meta({ id: 'Calendar' });

export function calendarRoutes(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/accounts/:id/calendars',
    {
      schema: {
        tags,
        summary: 'List the calendars of an account',
        description: 'Reads the list from the calendar service.',
        params: idParam,
        querystring: z.strictObject(pageQuery(1000)),
        response: { 200: listOf(calendar), ...errorResponses },
      },
    },
    async (request) => slicePage(await calendarsOf(deps, request.params.id), request.query),
  );

  app.post(
    '/v1/accounts/:id/calendars',
    {
      schema: {
        tags,
        summary: 'Create a calendar',
        description:
          '409 `calendar-creation-not-offered` where calendars of the service cannot be created from here; 422 ' +
          '`calendar-creation-rejected` where the server refuses.',
        params: idParam,
        body: z.strictObject({
          name: text(200),
          color: z
            .string()
            .regex(/^#[0-9a-fA-F]{6}$/, 'must look like #3366cc')
            .nullish(),
        }),
        response: { 201: calendar, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { name, color = null } = request.body;
      const created = await callAccount(deps, request.params.id, async (account): Promise<CalendarInfo> => {
        if (!account.canCreateCalendars) throw new ApiError('calendar-creation-not-offered');
        return account.createCalendar(name, color).catch(rethrowRefusal);
      });
      return reply.code(201).send(created);
    },
  );
}

const REFUSALS: readonly SyncErrorKind[] = [
  'rejected',
  'forbidden',
  'too-large',
  'id-taken',
  'gone',
  'calendar-missing',
  'stale',
  'quota',
];

function rethrowRefusal(error: unknown): never {
  if (!(error instanceof SyncError) || !REFUSALS.includes(error.kind)) throw error;
  throw new ApiError('calendar-creation-rejected', withReason(API_ERRORS['calendar-creation-rejected'].detail, error));
}
