/** The OpenAPI document, generated from the routes' schemas, and its page. Nothing is loaded from other hosts. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { Api, ApiDeps } from '../deps.ts';

/** Call before the routes are registered: collects their schemas. */
export async function collectDocs(app: Api, { config }: ApiDeps): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Calpair',
        version: config.version,
        description: 'Durable two-way calendar sync between CalDAV and cloud calendars.',
      },
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
      security: [{ apiKey: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
}

export async function docsRoutes(app: Api): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    return reply
      .type('application/json')
      .serializer((document: unknown) => JSON.stringify(document))
      .send(app.swagger());
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_CSP, theme: { title: 'Calpair API' } });
}

/** The page needs inline styles; everything is loaded from this server. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
