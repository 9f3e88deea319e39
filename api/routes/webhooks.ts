/**
 * Where calendar services report changes. There is no API key here: the receiver verifies each notification, and one
 * that it does not know is answered like an unknown path.
 */
import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Api, ApiDeps } from '../deps.ts';
import { ApiError, invalid } from '../errors.ts';
import { errorResponses } from '../validation.ts';

const MAX_BODY_BYTES = 64 * 1024;
const MAX_TOKEN_BYTES = 1024;
const tags = ['Webhooks'];
const accepted = z.undefined().describe('The notification was accepted.');

export async function webhookRoutes(app: Api, { push }: ApiDeps): Promise<void> {
  // Google sends no body, Graph plain text or JSON, a CalDAV server bytes: the receiver reads them.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const common = { tags, security: [] };
  const bytes = (body: unknown): Buffer => (Buffer.isBuffer(body) ? body : Buffer.alloc(0));
  const answer = async (reply: FastifyReply, status: 201 | 202 | 204, isGenuine: boolean | undefined) => {
    if (isGenuine !== true) throw new ApiError('not-found', 'Unknown path.');
    return reply.code(status).send();
  };

  app.post(
    '/v1/webhooks/google',
    {
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        ...common,
        operationId: 'receiveGoogleNotification',
        summary: 'Receive a notification of Google',
        description: 'For Google only. A notification of an unknown channel, or with a wrong token, is 404.',
        response: { 204: accepted, ...errorResponses },
      },
    },
    async (request, reply) => answer(reply, 204, await push?.google(request.headers)),
  );

  app.post(
    '/v1/webhooks/microsoft',
    {
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        ...common,
        operationId: 'receiveMicrosoftNotification',
        summary: 'Receive a notification of Microsoft Graph',
        description:
          'For Microsoft Graph only. A notification of an unknown subscription, or with a wrong `clientState`, is ' +
          '404. With `validationToken`: 200 with the token as plain text, which is how Graph checks the address.',
        querystring: z.object({
          validationToken: z.string().optional().describe('Sent by Graph when a subscription is made; at most 1 KB.'),
        }),
        response: {
          200: {
            description: 'The validation token.',
            content: { 'text/plain': { schema: z.string() } },
          },
          202: accepted,
          ...errorResponses,
        },
      },
    },
    async (request, reply) => {
      const { validationToken: token } = request.query;
      if (token === undefined) return answer(reply, 202, await push?.microsoft(bytes(request.body)));
      if (Buffer.byteLength(token) > MAX_TOKEN_BYTES) throw invalid('validationToken', 'must have at most 1 KB');
      return reply
        .code(200)
        .type('text/plain; charset=utf-8')
        .serializer((text: unknown) => String(text))
        .send(token as never);
    },
  );

  app.post(
    '/v1/webhooks/webdav-push/:token',
    {
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        ...common,
        operationId: 'receiveWebdavNotification',
        summary: 'Receive a push message of a CalDAV server',
        description:
          'A push resource (RFC 8030) that Calpair registered (WebDAV-Push). An unknown token is 404, as is a ' +
          'message that was not encrypted for it; one without the signature of the server (RFC 8292) is 403.',
        params: z.object({ token: z.string().describe('The secret part of the address.') }),
        response: { 201: accepted, ...errorResponses },
      },
    },
    async (request, reply) => {
      const isGenuine = await push?.webdav(request.params.token, request.headers, bytes(request.body));
      if (isGenuine === 'unsigned') throw new ApiError('forbidden', 'The server has not signed this.');
      // The message has arrived: no server keeps it.
      if (isGenuine === true) reply.header('ttl', '0').header('location', `${request.url}/${randomUUID()}`);
      return answer(reply, 201, isGenuine);
    },
  );
}
