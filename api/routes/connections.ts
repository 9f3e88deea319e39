import { z } from 'zod';
import { findAccount } from '../../db/accounts.ts';
import {
  type ConnectionRecord,
  createConnection,
  deleteConnection,
  findConnection,
  listConnections,
  pairIdsOfConnection,
} from '../../db/connections.ts';
import { deletePair } from '../../db/pairs.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, invalid, notFound } from '../errors.ts';
import { listOf, pageAnswer, pageQuery, pageRequest } from '../pagination.ts';
import { errorResponses, idParam, instant, instantOf, nothing, text } from '../validation.ts';

const tags = ['Connections'];
const connection = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    caldavAccountId: z.string(),
    cloudAccountId: z.string(),
    pairCount: z.int(),
    pairAllowance: z.int(),
    createdAt: instant,
  })
  .meta({ id: 'Connection' });

export function connectionRoutes(app: Api, deps: ApiDeps): void {
  const { db, config } = deps;
  const toJson = (record: ConnectionRecord): z.infer<typeof connection> => ({
    ...record,
    pairAllowance: config.pairsPerConnection,
    createdAt: instantOf(record.createdAt),
  });

  app.post(
    '/v1/connections',
    {
      schema: {
        tags,
        summary: 'Connect two accounts',
        description:
          'A CalDAV account with any account. 409 `connection-allowance-reached` where this installation allows no ' +
          'more connections.',
        body: z.strictObject({ name: text(200).nullish(), caldavAccountId: z.string(), cloudAccountId: z.string() }),
        response: { 201: connection, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { name = null, caldavAccountId, cloudAccountId } = request.body;
      const caldav = await findAccount(db, caldavAccountId);
      const cloud = await findAccount(db, cloudAccountId);
      if (!caldav || !cloud) throw notFound(`account (${caldav ? 'cloudAccountId' : 'caldavAccountId'})`);
      if (caldav.provider !== 'caldav') throw invalid('caldavAccountId', 'must be a CalDAV account');
      const created = await createConnection(db, { name, caldavAccountId, cloudAccountId }, config.maxConnections);
      if (created === 'unknown-account') throw notFound('account');
      if (created === 'allowance')
        throw new ApiError(
          'connection-allowance-reached',
          `This installation allows ${config.maxConnections} connections.`,
        );
      return reply.code(201).send(toJson(created));
    },
  );

  app.get(
    '/v1/connections',
    {
      schema: {
        tags,
        summary: 'List connections',
        querystring: z.strictObject(pageQuery()),
        response: { 200: listOf(connection), ...errorResponses },
      },
    },
    async (request) => pageAnswer(await listConnections(db, pageRequest(request.query), request.tenant), toJson),
  );

  app.get(
    '/v1/connections/:id',
    {
      schema: { tags, summary: 'Get a connection', params: idParam, response: { 200: connection, ...errorResponses } },
    },
    async (request) => {
      const found = await findConnection(db, request.params.id);
      if (!found) throw notFound('connection');
      return toJson(found);
    },
  );

  app.delete(
    '/v1/connections/:id',
    {
      schema: {
        tags,
        summary: 'Delete a connection',
        description: 'Stops and deletes its pairs. Events stay in their calendars.',
        params: idParam,
        response: { 204: nothing, ...errorResponses },
      },
    },
    async (request, reply) => {
      if (!(await findConnection(db, request.params.id))) throw notFound('connection');
      await removeConnection(deps, request.params.id);
      return reply.code(204).send();
    },
  );
}

/**
 * Deletes pairs one by one, each after its workflow has ended, so that a call that fails half-way can be repeated.
 */
async function removeConnection({ db, control }: ApiDeps, id: string): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    for (const pairId of await pairIdsOfConnection(db, id)) {
      await control.stop(pairId);
      await deletePair(db, pairId);
    }
    // A pair was added meanwhile: try again.
    if ((await deleteConnection(db, id)) !== 'has-pairs') return;
  }
  throw new ApiError('temporarily-unavailable', 'Pairs are being added to this connection. Try again.');
}
