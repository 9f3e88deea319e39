/** Health and metrics of a process without the API (`CALPAIR_WORKER_PORT`). */
import { createApp } from './app.ts';
import { authenticator } from './auth.ts';
import type { Api, ApiDeps } from './deps.ts';
import { collectPaths } from './methods.ts';
import { healthRoutes } from './routes/health.ts';
import { metricsRoute } from './routes/metrics.ts';

export function buildMonitor(deps: Pick<ApiDeps, 'db' | 'config' | 'publicUrl' | 'log' | 'ready' | 'metrics'>): Api {
  const app = createApp(deps);
  const paths = collectPaths(app);
  app.setNotFoundHandler(async (request) => paths.refuse(request));
  healthRoutes(app, deps);
  metricsRoute(app, deps, authenticator(deps));
  return app;
}
