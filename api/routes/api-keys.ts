import { z } from 'zod';
import { type ApiKeyRecord, createApiKey, deleteApiKey, listApiKeys } from '../../db/api-keys.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, invalid, notFound } from '../errors.ts';
import { listOf, pageAnswer, pageQuery, pageRequest } from '../pagination.ts';
import { errorResponses, idParam, instant, instantOf, nothing, text } from '../validation.ts';

const tags = ['API keys'];
/** What a key may do and reach. */
export const reach = {
  scope: z.enum(['admin', 'read']).describe('`read`: every request that changes something is refused with 403.'),
  externalId: z
    .string()
    .nullable()
    .describe('The key sees and makes only accounts with this `externalId`, and what hangs on them. Null: everything.'),
};
const about = {
  id: z.string(),
  name: z.string(),
  ...reach,
  expiresAt: instant.nullable().describe('From then on the key is refused. Null: never.'),
};
const apiKey = z.object({ ...about, createdAt: instant }).meta({ id: 'ApiKey' });
const newApiKey = z
  .object({ ...about, key: z.string().describe('The key itself: shown once.') })
  .meta({ id: 'NewApiKey' });

export function apiKeyRoutes(app: Api, { db, config }: ApiDeps): void {
  app.post(
    '/v1/api-keys',
    {
      schema: {
        tags,
        summary: 'Create an API key',
        description: 'Only this answer contains the key; Calpair stores its hash.',
        body: z.strictObject({
          name: text(100).describe('For people: who or what uses the key.'),
          scope: about.scope.optional().describe('Default: `admin`.'),
          externalId: text(200).nullish().describe('Default: null, everything.'),
          expiresAt: z.iso
            .datetime({ offset: true, error: 'must be an instant like 2026-12-31T00:00:00Z' })
            .nullish()
            .describe('RFC 3339, in the future. Default: never.'),
        }),
        response: { 201: newApiKey, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { name, scope = 'admin', externalId = null, expiresAt = null } = request.body;
      const end = expiresAt === null ? null : new Date(expiresAt);
      if (end !== null && end.getTime() <= Date.now()) throw invalid('expiresAt', 'must be in the future');
      const { key, ...made } = await createApiKey(db, { name, scope, externalId, expiresAt: end });
      const { createdAt: _createdAt, ...shown } = toJson(made);
      return reply.code(201).send({ ...shown, key });
    },
  );

  app.get(
    '/v1/api-keys',
    {
      schema: {
        tags,
        summary: 'List API keys',
        querystring: z.strictObject(pageQuery()),
        response: { 200: listOf(apiKey), ...errorResponses },
      },
    },
    async (request) => pageAnswer(await listApiKeys(db, pageRequest(request.query)), toJson),
  );

  app.delete(
    '/v1/api-keys/:id',
    {
      schema: {
        tags,
        summary: 'Delete an API key',
        description:
          '409 `last-api-key`: the last key cannot be deleted, nor the last one that can create others where ' +
          '`CALPAIR_API_KEY` is not set.',
        params: idParam,
        response: { 204: nothing, ...errorResponses },
      },
    },
    async (request, reply) => {
      const outcome = await deleteApiKey(db, request.params.id, config.apiKey !== null);
      if (outcome === 'unknown') throw notFound('API key');
      if (outcome === 'last') throw new ApiError('last-api-key');
      return reply.code(204).send();
    },
  );
}

function toJson({ createdAt, expiresAt, ...key }: ApiKeyRecord): z.infer<typeof apiKey> {
  return { ...key, expiresAt: instantOf(expiresAt), createdAt: instantOf(createdAt) };
}
