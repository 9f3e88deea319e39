/**
 * What a request may reach, decided for all routes in this one place:
 *
 * - a key of scope `read` only reads;
 * - a key with an external id reaches the paths listed here, and under them only what belongs to that external id:
 *   every other id is 404, in the path, the query and the body alike. Lists are limited by `request.tenant`;
 * - calls that are expensive for us or for a calendar service have a limit for each key.
 *
 * A new path is closed to keys with an external id until it is listed here.
 */
import type { FastifyRequest } from 'fastify';
import { isOwned, type Owned } from '../db/owners.ts';
import type { Principal } from './auth.ts';
import type { Api, ApiDeps } from './deps.ts';
import { ApiError, notFound } from './errors.ts';
import { type Rate, RateLimit, tooMany } from './rate-limit.ts';

/** Adds the hooks to a scope whose routes need a key; call it after the hook that finds the key. */
export function limitAccess(app: Api, deps: Pick<ApiDeps, 'db'>): void {
  const limits = new Map(Object.entries(EXPENSIVE).map(([route, rate]) => [route, new RateLimit(rate)]));

  app.addHook('onRequest', async (request) => {
    const principal = request.principal!;
    if (principal.scope === 'read' && !READS.includes(request.method))
      throw new ApiError('forbidden', 'This API key may only read.');
    if (principal.scope === 'read' && ADMIN_ONLY.includes(pathOf(request))) throw new ApiError('forbidden');
    if (principal.externalId !== null) await checkPath(deps, request, principal.externalId);
    takeFromLimit(limits, request, principal);
  });

  app.addHook('preHandler', async (request) => {
    const tenant = request.principal!.externalId;
    if (tenant === null) return;
    await checkReferences(deps, [request.query, request.body], tenant);
    keepExternalId(request, tenant);
  });
}

/** Methods that change nothing. */
export const READS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** Closed to keys of scope `read`. */
const ADMIN_ONLY: readonly string[] = ['/v1/audit-log'];

/** Paths with the id of something that has an owner; all paths below have the same. */
const OWNED_PATHS: readonly (readonly [string, Owned])[] = [
  ['/v1/accounts/:id', 'account'],
  ['/v1/connections/:id', 'connection'],
  ['/v1/pairs/:id', 'pair'],
  ['/v1/bookings/:id', 'booking'],
];
/** Other paths for keys with an external id: lists limited by `request.tenant`, and what refers to accounts. */
const TENANT_PATHS: readonly string[] = [
  '/v1/providers',
  '/v1/session',
  '/v1/accounts',
  '/v1/accounts/nextcloud-login',
  '/v1/accounts/nextcloud-login/:pollId',
  '/v1/oauth/:provider/start',
  '/v1/connections',
  '/v1/pairs',
  '/v1/bookings',
  '/v1/free-busy',
  '/v1/availability',
];

const PROVIDER_CALL: Rate = { burst: 120, perMinute: 120 };
const BUSY_TIMES: Rate = { burst: 600, perMinute: 600 };
/** By route, for each API key. */
export const EXPENSIVE: Readonly<Record<string, Rate>> = {
  'POST /v1/accounts': PROVIDER_CALL,
  'POST /v1/accounts/nextcloud-login': PROVIDER_CALL,
  'PUT /v1/accounts/:id/credentials': PROVIDER_CALL,
  'POST /v1/accounts/:id/calendars': PROVIDER_CALL,
  'POST /v1/pairs/:id/resync': PROVIDER_CALL,
  'POST /v1/pairs/:id/preview': PROVIDER_CALL,
  'GET /v1/accounts/:id/free-busy': BUSY_TIMES,
  'GET /v1/free-busy': BUSY_TIMES,
  'GET /v1/availability': BUSY_TIMES,
};

function pathOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? '';
}

async function checkPath({ db }: Pick<ApiDeps, 'db'>, request: FastifyRequest, tenant: string): Promise<void> {
  const path = pathOf(request);
  if (TENANT_PATHS.includes(path)) return;
  const [, kind] = OWNED_PATHS.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`)) ?? [];
  if (kind === undefined) throw new ApiError('forbidden', 'An API key with an external id does not reach this.');
  const { id } = request.params as { id: string };
  if (!(await isOwned(db, kind, [id], tenant))) throw notFound(kind);
}

/** Names of fields and parameters that hold ids of something that has an owner. */
const REFERENCE = /(account|connection|pair|booking)Ids?$/i;

/** Every such id in a query or body has to be the tenant's own. */
async function checkReferences(
  { db }: Pick<ApiDeps, 'db'>,
  sources: readonly unknown[],
  tenant: string,
): Promise<void> {
  for (const [name, value] of sources.flatMap((source) => Object.entries(source ?? {}))) {
    const kind = REFERENCE.exec(name)?.[1]?.toLowerCase() as Owned | undefined;
    if (kind === undefined || value === undefined || value === null) continue;
    const ids = [value].flat().flatMap((part) => String(part).split(','));
    const given = ids.map((id) => id.trim()).filter((id) => id !== '');
    if (!(await isOwned(db, kind, given, tenant))) throw notFound(`${kind} (${name})`);
  }
}

/** Accounts are made with the tenant's external id, and never leave it. */
function keepExternalId(request: FastifyRequest, tenant: string): void {
  if (READS.includes(request.method)) return;
  const body = (request.body ?? {}) as { externalId?: string | null };
  const isNew = request.method === 'POST';
  if (body.externalId !== undefined && body.externalId !== tenant && !(isNew && body.externalId === null))
    throw new ApiError('forbidden', 'This API key may only use its own external id.');
  if (isNew && MAKES_ACCOUNTS.includes(pathOf(request))) request.body = { ...body, externalId: tenant };
}
const MAKES_ACCOUNTS: readonly string[] = ['/v1/accounts', '/v1/accounts/nextcloud-login', '/v1/oauth/:provider/start'];

function takeFromLimit(limits: ReadonlyMap<string, RateLimit>, request: FastifyRequest, principal: Principal): void {
  const limit = limits.get(`${request.method} ${pathOf(request)}`);
  const waitSeconds = limit?.take(principal.keyId ?? '') ?? 0;
  if (waitSeconds > 0) throw tooMany(waitSeconds);
}
