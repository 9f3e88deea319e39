/**
 * Writes the audit log: one entry for each request that changed something, with the key that made it and the ids of
 * what it was about. In one place for all routes, so that a new one is in it, too.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { addAuditEntry } from '../db/audit-log.ts';
import { isId } from '../db/ids.ts';
import { READS } from './access.ts';
import type { Api, ApiDeps } from './deps.ts';
import { operationIdOf } from './operation-id.ts';

/** Requests that change no setting and no calendar by themselves, and may come every minute. */
const NOT_AUDITED: readonly string[] = ['POST /v1/pairs/:id/sync', 'POST /v1/pairs/:id/preview'];
const MOST_IDS = 100;

declare module 'fastify' {
  interface FastifyRequest {
    /** The id in the answer, where the request made something. */
    createdId: string | null;
  }
}

export function writeAuditLog(app: Api, { db, log }: Pick<ApiDeps, 'db' | 'log'>): void {
  app.addHook('preSerialization', async (request, reply, payload) => {
    const { id } = (payload ?? {}) as { id?: unknown };
    if (reply.statusCode === 201 && typeof id === 'string') request.createdId = id;
    return payload;
  });
  app.addHook('onSend', async (request, reply) => {
    if (!isChange(request, reply)) return;
    const targets = targetsOf(request, request.routeOptions.url ?? '');
    await auditChange({ db, log }, request, { keyId: request.principal?.keyId ?? null, targets });
  });
}

/** One entry about a request; a failure to write it is logged. */
export async function auditChange(
  { db, log }: Pick<ApiDeps, 'db' | 'log'>,
  { id, method, routeOptions }: FastifyRequest,
  { keyId, targets }: { readonly keyId: string | null; readonly targets: Record<string, string | string[]> },
): Promise<void> {
  const url = routeOptions.url ?? '';
  try {
    await addAuditEntry(db, { keyId, action: operationIdOf(method, url), targets });
  } catch {
    log.error({ requestId: id, route: url }, 'a change could not be written to the audit log');
  }
}

function isChange(request: FastifyRequest, reply: FastifyReply): boolean {
  const route = `${request.method} ${request.routeOptions.url}`;
  return !READS.includes(request.method) && reply.statusCode < 400 && !request.is404 && !NOT_AUDITED.includes(route);
}

const NAME_OF_COLLECTION: Readonly<Record<string, string>> = {
  accounts: 'accountId',
  'api-keys': 'apiKeyId',
  bookings: 'bookingId',
  connections: 'connectionId',
  pairs: 'pairId',
};

/** By kind: the ids in the path, those that the body refers to, and that of what was made. Never any other value. */
function targetsOf(request: FastifyRequest, url: string): Record<string, string | string[]> {
  const [, , collection = '', second = ''] = url.split('/');
  const targets: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries({ ...(request.body as object), ...(request.params as object) })) {
    const kind = name === 'id' ? NAME_OF_COLLECTION[collection] : name;
    if (kind === undefined || !/Id$|^ids$/.test(kind)) continue;
    if (typeof value === 'string' && isId(value)) targets[kind] = value;
    else if (Array.isArray(value)) targets[kind] = value.filter((id) => isId(String(id))).slice(0, MOST_IDS);
  }
  const made = NAME_OF_COLLECTION[url.split('/').at(-1) ?? ''];
  if (request.createdId !== null && made !== undefined && second !== 'calendars') targets[made] = request.createdId;
  return targets;
}
