/** The HTTP API: every group of routes, and everything that happens around each request. */

import { setMaxListeners } from 'node:events';
import { limitAccess } from './access.ts';
import { createApp } from './app.ts';
import { writeAuditLog } from './audit.ts';
import { type Authenticator, authenticator, requireApiKey } from './auth.ts';
import type { Api, ApiDeps } from './deps.ts';
import { collectPaths, type KnownPaths } from './methods.ts';
import { accountRoutes } from './routes/accounts.ts';
import { apiKeyRoutes } from './routes/api-keys.ts';
import { auditLogRoutes } from './routes/audit-log.ts';
import { bookingRoutes } from './routes/bookings.ts';
import { calendarRoutes } from './routes/calendars.ts';
import { connectionRoutes } from './routes/connections.ts';
import { consoleRoutes } from './routes/console.ts';
import { collectDocs, docsRoutes } from './routes/docs.ts';
import { eventRoutes } from './routes/events.ts';
import { freeBusyRoutes } from './routes/free-busy.ts';
import { healthRoutes } from './routes/health.ts';
import { leftoverRoutes } from './routes/leftovers.ts';
import { metricsRoute } from './routes/metrics.ts';
import { nextcloudLoginRoutes } from './routes/nextcloud-login.ts';
import { oauthCallbackRoute, oauthStartRoute } from './routes/oauth.ts';
import { pairRoutes } from './routes/pairs.ts';
import { previewRoutes } from './routes/preview.ts';
import { providerRoutes } from './routes/providers.ts';
import { reportRoutes } from './routes/reports.ts';
import { runRoutes } from './routes/runs.ts';
import { sessionRoutes, signedInRoute } from './routes/session.ts';
import { syncRoutes } from './routes/sync.ts';
import { webhookRoutes } from './routes/webhooks.ts';

/** Ready to `listen` or `inject`. `close` lets requests end, and answers those that wait for a run at once. */
export async function buildServer(deps: ApiDeps): Promise<Api> {
  const closing = new AbortController();
  // One listener for each request that waits.
  setMaxListeners(0, closing.signal);
  const app = createApp(deps);
  deps.traceRequests?.(app);
  const paths = collectPaths(app);
  app.setNotFoundHandler(async (request) => paths.refuse(request));
  app.addHook('preClose', async () => closing.abort());

  const auth = authenticator(deps);
  await collectDocs(app, deps);
  await app.register(async (open: Api) => {
    healthRoutes(open, deps);
    metricsRoute(open, deps, auth);
    consoleRoutes(open, deps);
    oauthCallbackRoute(open, deps);
    sessionRoutes(open, deps, auth);
    docsRoutes(open);
    await open.register((webhooks: Api) => webhookRoutes(webhooks, deps));
  });
  await app.register(async (v1: Api) => {
    v1.addHook('onRequest', requireApiKey(auth));
    v1.addHook('onRequest', async (request) => paths.check(request));
    limitAccess(v1, deps);
    writeAuditLog(v1, deps);
    signedInRoute(v1, auth);
    apiKeyRoutes(v1, deps);
    auditLogRoutes(v1, deps);
    providerRoutes(v1, deps);
    accountRoutes(v1, deps);
    oauthStartRoute(v1, deps);
    nextcloudLoginRoutes(v1, deps);
    calendarRoutes(v1, deps);
    freeBusyRoutes(v1, deps);
    connectionRoutes(v1, deps);
    pairRoutes(v1, deps);
    syncRoutes(v1, deps, closing.signal);
    eventRoutes(v1, deps, closing.signal);
    leftoverRoutes(v1, deps, closing.signal);
    previewRoutes(v1, deps, closing.signal);
    runRoutes(v1, deps);
    reportRoutes(v1, deps);
    bookingRoutes(v1, deps, closing.signal);
  });
  await app.register(async (unknown: Api) => refuseUnknown(unknown, auth, paths), { prefix: '/v1' });
  await app.ready();
  return app;
}

/** Under `/v1` an unknown path needs a key, too, unless it is only the method that a path without a key lacks. */
function refuseUnknown(app: Api, auth: Authenticator, paths: KnownPaths): void {
  const requireKey = requireApiKey(auth);
  app.addHook('onRequest', async (request, reply) => {
    if (paths.of(request)?.isOpen !== true) await requireKey(request, reply);
    paths.refuse(request);
  });
  app.setNotFoundHandler(async (request) => paths.refuse(request));
}
