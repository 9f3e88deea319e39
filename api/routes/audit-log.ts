import { z } from 'zod';
import { type AuditEntry, listAuditLog } from '../../db/audit-log.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { listOf, pageAnswer, pageQuery, pageRequest } from '../pagination.ts';
import { errorResponses, instant, instantOf } from '../validation.ts';

const entry = z
  .object({
    id: z.string(),
    at: instant,
    keyId: z.string().nullable().describe('The API key that was used. Null: `CALPAIR_API_KEY`.'),
    action: z.string().describe('The `operationId` of the request.'),
    targets: z
      .record(z.string(), z.union([z.string(), z.array(z.string())]))
      .describe('Ids of what was changed, by kind: `accountId`, `connectionId`, `pairId` and so on.'),
  })
  .meta({ id: 'AuditEntry' });

export function auditLogRoutes(app: Api, { db }: ApiDeps): void {
  app.get(
    '/v1/audit-log',
    {
      schema: {
        tags: ['API keys'],
        summary: 'List changes, newest first',
        description:
          'Every request that changed something, for a year. Only for keys of scope `admin` without an external id.',
        querystring: z.strictObject(pageQuery()),
        response: { 200: listOf(entry), ...errorResponses },
      },
    },
    async (request) => pageAnswer(await listAuditLog(db, pageRequest(request.query)), toJson),
  );
}

function toJson({ at, ...entryRow }: AuditEntry): z.infer<typeof entry> {
  return { ...entryRow, at: instantOf(at) };
}
