import { z } from 'zod';
import { createApiKey, deleteApiKey, listApiKeys } from '../../db/api-keys.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, notFound } from '../errors.ts';
import { listOf, pageAnswer, pageQuery, pageRequest } from '../pagination.ts';
import { errorResponses, idParam, instant, instantOf, nothing, text } from '../validation.ts';

const tags = ['API keys'];
const apiKey = z.object({ id: z.string(), name: z.string(), createdAt: instant }).meta({ id: 'ApiKey' });

export function apiKeyRoutes(app: Api, { db }: ApiDeps): void {
  app.post(
    '/v1/api-keys',
    {
      schema: {
        tags,
        summary: 'Create an API key',
        description: 'Only this answer contains the key; Calpair stores its hash.',
        body: z.strictObject({ name: text(100) }),
        response: { 201: z.object({ id: z.string(), name: z.string(), key: z.string() }), ...errorResponses },
      },
    },
    async (request, reply) => reply.code(201).send(await createApiKey(db, request.body.name)),
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
    async (request) => {
      const page = await listApiKeys(db, pageRequest(request.query));
      return pageAnswer(page, (key) => ({ ...key, createdAt: instantOf(key.createdAt) }));
    },
  );

  app.delete(
    '/v1/api-keys/:id',
    {
      schema: {
        tags,
        summary: 'Delete an API key',
        description: '409 `last-api-key`: the last key cannot be deleted.',
        params: idParam,
        response: { 204: nothing, ...errorResponses },
      },
    },
    async (request, reply) => {
      const outcome = await deleteApiKey(db, request.params.id);
      if (outcome === 'unknown') throw notFound('API key');
      if (outcome === 'last') throw new ApiError('last-api-key');
      return reply.code(204).send();
    },
  );
}
