/**
 * The entry point: starts everything in order and ends it in the reverse order. All the wiring is here.
 *
 *     servers that the environment does not name  ->  schema, connections  ->  workers  ->  API
 */
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { SYSTEM_CLOCK } from './activities/deps.ts';
import type { Deps } from './activities/index.ts';
import { createActivities, createBookingActivities, createPushActivities } from './activities/index.ts';
import { limitFetch, POLL_REQUESTS } from './activities/limit-fetch.ts';
import { createPreviewPair } from './activities/pair/preview-pair.ts';
import { PollLoops } from './activities/poll-loop.ts';
import { announce } from './announce.ts';
import { buildMonitor } from './api/monitor.ts';
import { readiness } from './api/readiness.ts';
import { receiveNotifications } from './api/receive-notifications.ts';
import { buildServer } from './api/server.ts';
import { type BookingControl, createBookingControl } from './api/temporal/booking-control.ts';
import { notifyOverdueBookings } from './api/temporal/booking-outbox.ts';
import { createPairControl, type PairControl, registerSearchAttributes } from './api/temporal/pair-control.ts';
import { startPushChannels } from './api/temporal/push-control.ts';
import { type SupervisorDeps, supervise } from './api/temporal/supervisor.ts';
import { type Config, ConfigError, PROJECT_DIR, readConfig } from './config.ts';
import { hashKeyOf, temporalOptions, type WaitOptions, waitForService, within } from './connect-services.ts';
import { ensureFirstApiKey } from './db/api-keys.ts';
import { postgresChannels } from './db/channel-store.ts';
import { type Db, migrate } from './db/connect.ts';
import { newId } from './db/ids.ts';
import { closePools, openPools, type Pools } from './db/pools.ts';
import { postgresStore } from './db/postgres-store.ts';
import { pruneOld } from './db/retention.ts';
import { createVault } from './db/vault.ts';
import { announcePair } from './db/webhook-events.ts';
import { waitForOrphan } from './embedded/data-folder.ts';
import { anyFreePort, freePort } from './embedded/ports.ts';
import { onNpmKilled } from './embedded/processes.ts';
import { loadOrCreateSecrets, type Secrets } from './embedded/secrets.ts';
import type { Servers } from './embedded/servers.ts';
import { startServers } from './embedded/servers.ts';
import { createLogger } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createProviders, dailyRequests, kindOfHost } from './providers/entries.ts';
import { createFetch } from './providers/http.ts';
import { onKilledThread } from './providers/reading/reading.ts';
import { shareBudgets } from './share-budgets.ts';
import { startTracing, type Tracing } from './tracing.ts';
import { newWorkerIdentity, recoverOrphanedActivities } from './worker/recover-orphaned-activities.ts';
import { installRuntimeOnce } from './worker/runtime.ts';
import { keepWorkerLease } from './worker/worker-lease.ts';
import type { Workers } from './worker/workers.ts';
import { createWorkers } from './worker/workers.ts';
import { bundleWorkflowsOnce } from './worker/workflow-bundle.ts';
import { pairStateKey } from './workflows/messages.ts';

/** After a signal everything has to end within this time: supervisors usually wait 30 s. */
const END_WITHIN_MS = 28_000;
/** Of it, for running activities: `worker/workers.ts` cancels those that take longer than 10 s. */
const DRAIN_MS = 16_000;
const API_CLOSE_MS = 8_000;
/** For what ends at once unless a server does not answer. */
const CLOSE_MS = 2_000;
const NO_SEARCH_ATTRIBUTE =
  'the search attribute PairState (Keyword) could not be added to the Temporal namespace: add it by hand if missing';

/** `npm start`. Ends the process: exit code 0 after a signal, 1 after an error. */
export async function main(): Promise<void> {
  const stopping = new AbortController();
  // A terminal and npm may both pass on the same signal, so a second one is ignored.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  onNpmKilled(() => stopping.abort());
  // From the signal on, also where it comes during the start.
  stopping.signal.addEventListener('abort', () => setTimeout(() => process.exit(1), END_WITHIN_MS).unref());
  let exitCode = 0;
  let running: Running | undefined;
  try {
    const config = readConfig();
    const log = createLogger(config.logLevel);
    onKilledThread((what) => log.warn(what, 'reading a text took too long; its thread was ended'));
    let onLost!: (error: unknown) => void;
    const lost = new Promise<never>((_resolve, reject) => {
      onLost = reject;
    });
    lost.catch(() => undefined);
    process.on('uncaughtException', onLost).on('unhandledRejection', onLost);
    running = await startEverything(config, {
      log,
      print: (line) => console.log(line),
      signal: stopping.signal,
      onLost,
    });
    announce(running);
    if (!stopping.signal.aborted) await Promise.race([once(stopping.signal, 'abort'), lost]);
    console.log('Stopping: running work is finished first ...');
  } catch (error) {
    if (!stopping.signal.aborted) {
      console.error(error instanceof ConfigError ? `\n${error.message}` : error);
      exitCode = 1;
    }
  }
  stopping.abort();
  await running?.stop();
  process.exit(exitCode);
}

export interface Running {
  /** Null without the role `api`. */
  readonly apiUrl: string | null;
  /** The key of `CALPAIR_API_KEY`, else the one made on first start; null where this process has neither. */
  readonly apiKey: string | null;
  readonly madeApiKey: Secrets['madeApiKey'];
  readonly secrets: Secrets;
  readonly temporalUiUrl: string | null;
  /** Drains and ends everything, in reverse order. */
  stop(): Promise<void>;
}

export interface StartOptions extends WaitOptions {
  /** Called after a failure that only a restart can mend. */
  readonly onLost: (error: Error) => void;
  /** For tests: embedded servers that need not survive a power cut. */
  readonly isThrowaway?: boolean;
  /** For tests: wraps the requests to calendar services. */
  readonly through?: (fetch: typeof globalThis.fetch) => typeof globalThis.fetch;
}

/** Everything that `npm start` runs. When it fails, it ends what it has started. */
export async function startEverything(config: Config, options: StartOptions): Promise<Running> {
  const { log, print } = options;
  const steps: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of steps.splice(0).reverse())
      await end().catch((error: Error) => log.warn({ reason: error.message }, 'did not end cleanly'));
  };
  try {
    await waitForOrphan(config.dataDir, print);
    if (config.roles.includes('api')) await freePort(config.port, config.host, 'PORT');
    else if (config.workerPort !== null) await freePort(config.workerPort, config.host, 'CALPAIR_WORKER_PORT');
    print('Starting Calpair ...');
    const temporalMetrics = config.roles.includes('worker') ? await installRuntimeOnce(log, anyFreePort) : null;
    // Bundled while the servers start: both take a second or more.
    const bundle = config.roles.includes('worker')
      ? bundleWorkflowsOnce(join(config.dataDir, 'cache', 'workflow-bundle.js'))
      : undefined;
    bundle?.catch(() => undefined);
    const servers = await startServers(config, options, {
      searchAttributes: { [pairStateKey.name]: 'Keyword' },
      isThrowaway: options.isThrowaway === true,
    });
    steps.push(() => servers.stop());
    const secrets = loadOrCreateSecrets(config);

    const prepare = () => migrate(servers.databaseUrl).then(() => hashKeyOf(servers.databaseUrl, secrets));
    const vault = createVault(secrets.encryptionKeys, await waitForService('PostgreSQL', prepare, options));
    const pools = openPools(servers.databaseUrl, vault, config.webhook !== null);
    const db = pools.api;
    steps.push(() => closePools(pools));
    const temporal = await waitForService(
      'Temporal',
      () => Connection.connect(temporalOptions(config.temporal, servers.temporalAddress)),
      options,
    );
    steps.push(() => within(CLOSE_MS, temporal.close(), 'the connection to Temporal'));
    const client = new Client({ connection: temporal, namespace: config.temporal.namespace });
    if (config.temporal.address !== null)
      await registerSearchAttributes(client).catch(() => log.warn(NO_SEARCH_ATTRIBUTE));

    const tracing = await startTracing(config.tracesUrl, { version: version(), log, steps });
    const daily = dailyRequests(config.providers);
    const metrics = createMetrics({ db, pools, version: version(), temporalUrl: temporalMetrics, daily });
    const madeApiKey = await storeFirstApiKey(db, secrets);
    const { through = (fetch) => fetch } = options;
    const kindOf = kindOfHost(config.providers);
    const budgets = shareBudgets(db, daily, steps);
    const measured = metrics.measuredFetch(through(createFetch(config)), kindOf);
    const parts: Parts = {
      config,
      options,
      servers,
      pools,
      temporal,
      control: tracing.control(createPairControl(client, servers.temporalUiUrl)),
      bookings: createBookingControl(client),
      publicUrl: config.publicUrl,
      push: { isOn: config.push, start: () => startPushChannels(client) },
      steps,
      metrics,
      tracing,
      shared: {
        store: postgresStore(db),
        fetch: budgets.fetch(tracing.fetch(measured, kindOf), kindOf),
        slowdown: budgets.slowdown,
        providers: await createProviders(config.providers),
        log,
        latency: config.latency,
        historyDays: config.historyDays,
        worker: newWorkerIdentity(),
        tag: (text) => db.vault.hash(text),
        clock: SYSTEM_CLOCK,
        newId,
        random: Math.random,
        ...(db.hasWebhook ? { announcePair: (pairId, reason, at) => announcePair(db, pairId, reason, at) } : {}),
      },
    };
    const workers = bundle === undefined ? undefined : await startWorkers(parts, await bundle);
    const apiUrl = config.roles.includes('api') ? await startApi(parts, workers) : null;
    if (apiUrl === null && config.workerPort !== null) await startMonitor(parts, workers, config.workerPort);
    startSupervisor(parts);
    return {
      apiUrl,
      apiKey: config.apiKey ?? madeApiKey?.key ?? null,
      madeApiKey,
      secrets,
      temporalUiUrl: servers.temporalUiUrl,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Parts {
  readonly config: Config;
  readonly options: StartOptions;
  readonly servers: Servers;
  readonly pools: Pools;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly temporal: Connection;
  readonly control: PairControl;
  readonly bookings: BookingControl;
  /** How browsers and calendar services reach the API; its port is known once it listens. */
  publicUrl: string;
  readonly push: SupervisorDeps['push'];
  /** What both the API and the activities use. */
  readonly shared: Deps;
  /** Ends what has been started, the last first. */
  readonly steps: (() => Promise<unknown>)[];
}

/** The role `worker`: three Temporal workers. */
async function startWorkers(
  parts: Parts,
  workflowBundle: Awaited<ReturnType<typeof bundleWorkflowsOnce>>,
): Promise<Workers> {
  const { config, options, servers, pools, shared, steps } = parts;
  const address = temporalOptions(config.temporal, servers.temporalAddress);
  const connection = await waitForService(
    'Temporal',
    () => within(API_CLOSE_MS, NativeConnection.connect(address), 'connecting the workers'),
    options,
  );
  steps.push(() => within(CLOSE_MS, connection.close(), 'the connection of the workers'));
  const lease = await keepWorkerLease(pools.leases, shared.worker, shared.log);
  steps.push(() => within(CLOSE_MS, lease.stop(), 'the lease of the workers'));
  const loops = new PollLoops();
  const runs: Deps = { ...shared, store: postgresStore(pools.runs) };
  const polling: Deps = {
    ...shared,
    store: postgresStore(pools.polls),
    fetch: limitFetch(shared.fetch, POLL_REQUESTS),
  };
  const { pollIntervalSeconds, webhook } = config;
  const activities = {
    ...parts.tracing.activities(parts.metrics.measuredActivities(createActivities(runs, { polling, loops }))),
    ...createBookingActivities(
      { ...shared, db: pools.runs, pollIntervalSeconds, webhook },
      { polling: { ...polling, db: pools.polls, pollIntervalSeconds, webhook }, loops },
    ),
    ...createPushActivities(
      {
        ...polling,
        channels: postgresChannels(pools.polls),
        push: { isOn: parts.push.isOn, address: (path) => `${parts.publicUrl}/v1/webhooks/${path}` },
      },
      loops,
    ),
  };
  const { namespace, deploymentName } = config.temporal;
  const workers = await createWorkers({
    connection,
    namespace,
    activities,
    workflowBundle,
    identity: shared.worker,
    handOver: () => loops.handOver(),
    deployment: deploymentName === null ? null : { name: deploymentName, buildId: version() },
  });
  await recoverOrphans(parts, true);
  const ended = workers.run().catch((error: Error) => options.onLost(error));
  steps.push(() => {
    workers.shutdown();
    return within(DRAIN_MS, ended, 'the workers');
  });
  return workers;
}

async function recoverOrphans({ config, pools, temporal, shared }: Parts, all: boolean): Promise<void> {
  const own = shared.worker;
  const { workers, activities } = await recoverOrphanedActivities(temporal, config.temporal.namespace, pools.leases, {
    own,
    all,
  });
  if (workers.length + activities > 0)
    shared.log.warn({ workers, count: activities }, 'activities of a killed process are retried');
}

/** In every process; one at a time holds the lease. */
function startSupervisor(parts: Parts): void {
  const { config, pools, control, bookings, push, shared, steps } = parts;
  const supervisor = supervise({
    db: pools.leases,
    control,
    bookings,
    push,
    log: shared.log,
    holder: shared.worker,
    recoverOrphans: () => recoverOrphans(parts, false),
    prune: () => pruneOld(pools.runs, config.historyDays),
  });
  steps.push(() => within(API_CLOSE_MS, supervisor.stop(), 'the supervisor'));
}

/** The role `api`. @returns its URL */
async function startApi(parts: Parts, workers: Workers | undefined): Promise<string> {
  const { config, pools, control, bookings, shared, steps, metrics } = parts;
  const db = pools.api;
  const own = { ...shared, channels: postgresChannels(db), control, bookings, publicUrl: () => parts.publicUrl };
  const receiver = parts.push.isOn ? receiveNotifications(own, parts.push.start) : null;
  if (receiver) steps.push(() => within(API_CLOSE_MS, receiver.stop(), 'notifications'));
  const api = await buildServer({
    ...shared,
    publicUrl: () => parts.publicUrl,
    ...(receiver ? { push: receiver } : {}),
    traceRequests: parts.tracing.requests,
    db,
    control,
    bookings,
    preview: createPreviewPair(shared, pools.previews),
    metrics,
    ready: readyOf(parts, workers),
    config: { ...config, version: version(), dailyRequests: dailyRequests(config.providers) },
  });
  steps.push(() => {
    // Both at once: requests may wait for a run that a worker has to end.
    workers?.shutdown();
    return within(API_CLOSE_MS, api.close(), 'the API');
  });
  await api.listen({ host: config.host, port: config.port });
  const outbox = notifyOverdueBookings({ db, bookings, log: shared.log });
  steps.push(() => within(API_CLOSE_MS, outbox.stop(), 'the outbox of bookings'));
  const address = api.server.address();
  const url = urlOf(config.host, typeof address === 'object' && address !== null ? address.port : config.port);
  if (!config.publicUrlIsSet) parts.publicUrl = url;
  return url;
}

/** Health and metrics where this process has no API. */
async function startMonitor(parts: Parts, workers: Workers | undefined, port: number): Promise<void> {
  const { config, pools, metrics, shared, steps } = parts;
  const monitor = buildMonitor({
    db: pools.api,
    metrics,
    log: shared.log,
    publicUrl: () => config.publicUrl,
    ready: readyOf(parts, workers),
    config: { ...config, version: version() },
  });
  steps.push(() => within(API_CLOSE_MS, monitor.close(), 'health and metrics'));
  await monitor.listen({ host: config.host, port });
}

function readyOf({ config, pools, temporal }: Parts, workers: Workers | undefined) {
  return () => {
    const isPolling = config.roles.includes('worker') ? workers?.isPolling() === true : null;
    return readiness(pools.api, temporal, config.temporal.namespace, isPolling);
  };
}

/** Stores the key of the file where the database has none. Deletes a new file where the database already has keys. */
async function storeFirstApiKey(db: Db, { madeApiKey }: Secrets): Promise<Secrets['madeApiKey']> {
  if (madeApiKey === null) return null;
  const stored = await ensureFirstApiKey(db, 'first start', madeApiKey.key);
  if (stored !== null || !madeApiKey.isNew) return madeApiKey;
  rmSync(madeApiKey.file);
  return null;
}

function urlOf(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function version(): string {
  return (JSON.parse(readFileSync(join(PROJECT_DIR, 'package.json'), 'utf8')) as { version: string }).version;
}
