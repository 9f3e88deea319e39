/** The OpenAPI document, generated from the routes' schemas. `api/console/docs.js` shows it as a page. */
import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { Api, ApiDeps } from '../deps.ts';
import { completeDocument } from '../openapi-document.ts';

const TAGS = [
  ['Health', 'Whether this installation works.'],
  ['Session', 'Browsers that are signed in to the console.'],
  ['API keys', 'Keys, and who changed what with them.'],
  ['Accounts', 'Calendar accounts, their calendars and the services that there are.'],
  ['Free and busy', 'Busy times of accounts, and the times when all of them are free.'],
  ['Connections', 'Two accounts whose calendars are paired.'],
  ['Pairs', 'Two calendars that are kept equal.'],
  ['Runs', 'What the syncs of a pair did.'],
  ['Events', 'Why an event is where it is, what the pair changed of it, and taking that back.'],
  ['Conflicts, problems, held changes', 'What of a pair a person may want to look at.'],
  ['Bookings', 'Times that are booked, and their events.'],
  ['Webhooks', 'For calendar services, which report changes here.'],
] as const;

/** Call before the routes are registered: collects their schemas. */
export async function collectDocs(app: Api, { config }: ApiDeps): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Calpair',
        version: config.version,
        description: 'Durable two-way calendar sync between CalDAV and cloud calendars.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'This installation.' }],
      tags: TAGS.map(([name, description]) => ({ name, description })),
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'An API key.' } } },
      security: [{ apiKey: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => completeDocument(jsonSchemaTransformObject(document)),
  });
}

export function docsRoutes(app: Api): void {
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    return reply
      .type('application/json')
      .serializer((document: unknown) => JSON.stringify(document))
      .send(app.swagger());
  });
}
