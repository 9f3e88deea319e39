/**
 * The entry point: brings up everything that runs, in order, and ends it in the reverse one. Reading this file shows
 * all the wiring.
 *
 *     servers that the environment does not name  ->  schema, connections  ->  workers  ->  API
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { SYSTEM_CLOCK } from './activities/deps.ts';
import type { Deps } from './activities/index.ts';
import { createActivities, createBookingActivities } from './activities/index.ts';
import { createPreviewPair } from './activities/pair/preview-pair.ts';
import { buildServer } from './api/server.ts';
import type { BookingControl } from './api/temporal/booking-control.ts';
import { createBookingControl } from './api/temporal/booking-control.ts';
import { notifyOverdueBookings } from './api/temporal/booking-outbox.ts';
import type { PairControl } from './api/temporal/pair-control.ts';
import { createPairControl, registerSearchAttributes } from './api/temporal/pair-control.ts';
import type { Config } from './config.ts';
import { ConfigError, PROJECT_DIR, readConfig } from './config.ts';
import { ensureFirstApiKey } from './db/api-keys.ts';
import type { Db } from './db/connect.ts';
import { connect, migrate } from './db/connect.ts';
import { newId } from './db/ids.ts';
import { workflowInputs } from './db/pairs.ts';
import { codeOf, isUnavailable, refusalBy } from './db/postgres-errors.ts';
import { postgresStore } from './db/store.ts';
import { createVault } from './db/vault.ts';
import { announcePair } from './db/webhook-events.ts';
import { outwaitOrphan } from './embedded/data-folder.ts';
import { freePort } from './embedded/ports.ts';
import { whenNpmIsKilled } from './embedded/processes.ts';
import type { Secrets } from './embedded/secrets.ts';
import { loadOrCreateSecrets } from './embedded/secrets.ts';
import type { Servers } from './embedded/servers.ts';
import { startServers } from './embedded/servers.ts';
import { createLogger } from './log.ts';
import { createProviders } from './providers/entries.ts';
import { createFetch } from './providers/http.ts';
import { recoverOrphanedActivities } from './worker/recover-orphaned-activities.ts';
import type { Workers } from './worker/workers.ts';
import { createWorkers, installRuntime } from './worker/workers.ts';
import { bundleWorkflows } from './worker/workflow-bundle.ts';
import { pairStateKey } from './workflows/messages.ts';

/** After a signal everything has this long to end; a supervisor's patience is taken to be 30 s. */
const END_WITHIN_MS = 28_000;
/** Of it, for work under way: `worker/workers.ts` cancels what runs longer than 10 s. */
const DRAIN_MS = 16_000;
const API_CLOSE_MS = 8_000;
const READY_WITHIN_MS = 3_000;
/** Between two looks at a service that is not there yet. */
const LONGEST_WAIT_S = 30;
/** What gRPC calls them. */
const [PERMISSION_DENIED, UNAUTHENTICATED] = [7, 16];
const NO_SEARCH_ATTRIBUTE =
  'the search attribute PairState (Keyword) could not be added to the Temporal namespace: ' +
  'add it by hand if it is missing';

/** `npm start`. Ends the process: 0 after a signal, 1 when something broke. */
export async function main(): Promise<void> {
  const asked = new AbortController();
  // A terminal and npm may both pass the same signal on, so a second one means nothing.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => asked.abort());
  whenNpmIsKilled(() => asked.abort());
  let exitCode = 0;
  let running: Running | undefined;
  try {
    const config = readConfig();
    const log = createLogger(config.logLevel);
    for (const variable of config.withoutEffect) log.warn({ variable }, 'this variable has no effect yet');
    let onLost!: (error: unknown) => void;
    const lost = new Promise<never>((_resolve, reject) => {
      onLost = reject;
    });
    lost.catch(() => undefined);
    process.on('uncaughtException', onLost).on('unhandledRejection', onLost);
    running = await startEverything(config, { log, say: (line) => console.log(line), signal: asked.signal, onLost });
    announce(running);
    const signalled = new Promise<void>((resolve) => {
      if (asked.signal.aborted) resolve();
      asked.signal.addEventListener('abort', () => resolve());
    });
    await Promise.race([signalled, lost]);
    console.log('Ending: what is under way is finished first ...');
  } catch (error) {
    if (!asked.signal.aborted) {
      console.error(error instanceof ConfigError ? `\n${error.message}` : error);
      exitCode = 1;
    }
  }
  setTimeout(() => process.exit(1), END_WITHIN_MS).unref();
  await running?.stop();
  process.exit(exitCode);
}

export interface Running {
  /** Null without the role `api`. */
  readonly apiUrl: string | null;
  /** The key of `CALPAIR_API_KEY`, else the one that was made on first start; null where neither is known here. */
  readonly apiKey: string | null;
  readonly madeApiKey: Secrets['madeApiKey'];
  readonly secrets: Secrets;
  readonly temporalUiUrl: string | null;
  /** Drains and ends everything, in the reverse order. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly log: Logger;
  /** Lines for the person who starts it. */
  readonly say: (line: string) => void;
  /** Called when something broke that cannot be mended while running. */
  readonly onLost: (error: Error) => void;
  readonly signal?: AbortSignal;
  /** For tests: servers of ours that need not survive a power cut. */
  readonly isThrowaway?: boolean;
  /** For tests: what stands between us and the calendar services. */
  readonly through?: (fetch: typeof globalThis.fetch) => typeof globalThis.fetch;
}

/** Everything that `npm start` runs. When it fails, what had been started has been ended again. */
export async function startEverything(config: Config, options: StartOptions): Promise<Running> {
  const { log, say } = options;
  const steps: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of steps.splice(0).reverse())
      await end().catch((error: Error) => log.warn({ reason: error.message }, 'did not end cleanly'));
  };
  try {
    await outwaitOrphan(config.dataDir, say);
    if (config.roles.includes('api')) await freePort(config.port, config.host, 'PORT');
    say('Starting Calpair ...');
    if (config.roles.includes('worker')) installRuntimeOnce(log);
    // Made while the servers start, as both take a second or more.
    const bundle = config.roles.includes('worker') ? bundleWorkflows() : undefined;
    bundle?.catch(() => undefined);
    const servers = await startServers(config, options, {
      searchAttributes: { [pairStateKey.name]: 'Keyword' },
      isThrowaway: options.isThrowaway === true,
    });
    steps.push(() => servers.stop());
    const secrets = loadOrCreateSecrets(config);

    await patiently('PostgreSQL', () => migrate(servers.databaseUrl), options);
    const db = connect(servers.databaseUrl, createVault(secrets.encryptionKeys, secrets.hashKey), {
      hasWebhook: config.webhook !== null,
    });
    steps.push(() => db.close());
    const temporal = await patiently('Temporal', () => Connection.connect(temporalOptions(config, servers)), options);
    steps.push(() => temporal.close());
    const client = new Client({ connection: temporal, namespace: config.temporal.namespace });
    if (config.temporal.address !== null)
      await registerSearchAttributes(client).catch(() => log.warn(NO_SEARCH_ATTRIBUTE));

    const madeApiKey = await storeFirstApiKey(db, secrets);
    const { through = (fetch) => fetch } = options;
    const parts: Parts = {
      config,
      options,
      servers,
      db,
      temporal,
      control: createPairControl(client, servers.temporalUiUrl),
      bookings: createBookingControl(client),
      steps,
      shared: {
        store: postgresStore(db),
        fetch: through(createFetch(config)),
        providers: await createProviders(config.providers),
        log,
        historyDays: config.historyDays,
        tag: (text) => db.vault.hash(text),
        clock: SYSTEM_CLOCK,
        newId,
        random: Math.random,
        ...(db.hasWebhook ? { announcePair: (pairId, reason, at) => announcePair(db, pairId, reason, at) } : {}),
      },
    };
    const workers = bundle === undefined ? undefined : await startWorkers(parts, await bundle);
    const apiUrl = config.roles.includes('api') ? await startApi(parts, workers) : null;
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
  readonly db: Db;
  readonly temporal: Connection;
  readonly control: PairControl;
  readonly bookings: BookingControl;
  /** What the API and the activities both need of the world. */
  readonly shared: Deps;
  /** How to end what has been started; the last comes first. */
  readonly steps: (() => Promise<unknown>)[];
}

/** The role `worker`: three Temporal workers. */
async function startWorkers(
  parts: Parts,
  workflowBundle: Awaited<ReturnType<typeof bundleWorkflows>>,
): Promise<Workers> {
  const { config, options, servers, db, shared, steps } = parts;
  const connection = await patiently(
    'Temporal',
    () => NativeConnection.connect(temporalOptions(config, servers)),
    options,
  );
  steps.push(() => connection.close());
  const activities = {
    ...createActivities(shared),
    ...createBookingActivities({
      ...shared,
      db,
      pollIntervalSeconds: config.pollIntervalSeconds,
      webhook: config.webhook,
    }),
  };
  const workers = await createWorkers({ connection, namespace: config.temporal.namespace, activities, workflowBundle });
  const lost = await recoverOrphanedActivities(connection, config.temporal.namespace, db);
  if (lost > 0) options.log.warn({ count: lost }, 'work that a killed process left behind is taken up again');
  const ended = workers.run().catch((error: Error) => options.onLost(error));
  steps.push(() => {
    workers.shutdown();
    return within(DRAIN_MS, ended, 'the workers');
  });
  return workers;
}

/** The role `api`. Answers where it listens. */
async function startApi(parts: Parts, workers: Workers | undefined): Promise<string> {
  const { config, options, db, temporal, control, bookings, shared, steps } = parts;
  const api = await buildServer({
    ...shared,
    db,
    control,
    bookings,
    preview: createPreviewPair(shared, db),
    ready: () => readiness(db, temporal, config, workers),
    config: { ...config, version: version() },
  });
  steps.push(() => {
    // Both at once, as requests may wait for a run that a worker has to end.
    workers?.shutdown();
    return within(API_CLOSE_MS, api.close(), 'the API');
  });
  await api.listen({ host: config.host, port: config.port });
  workflowInputs(db)
    .then((pairs) => control.restartMissing(pairs))
    .then((count) => (count > 0 ? options.log.info({ count }, 'workflows started that were missing') : undefined))
    .catch((error: Error) => options.log.warn({ reason: error.message }, 'missing workflows could not be started'));
  const forgotten = notifyOverdueBookings({ db, bookings, log: shared.log });
  steps.push(() => within(API_CLOSE_MS, forgotten.stop(), 'the look for forgotten bookings'));
  const address = api.server.address();
  return urlOf(config.host, typeof address === 'object' && address !== null ? address.port : config.port);
}

/** What `/health/ready` tells: a part that does not answer within 3 s does not work. */
async function readiness(
  db: Db,
  temporal: Connection,
  config: Config,
  workers: Workers | undefined,
): Promise<Record<string, boolean | string>> {
  const works = (answer: Promise<unknown>) =>
    within(READY_WITHIN_MS, answer, 'it').then(
      () => true,
      () => false,
    );
  const { namespace } = config.temporal;
  const [postgres, service] = await Promise.all([
    works(db.ping()),
    works(
      temporal.withDeadline(Date.now() + READY_WITHIN_MS, () =>
        temporal.workflowService.describeNamespace({ namespace }),
      ),
    ),
  ]);
  return {
    postgres,
    temporal: service,
    ...(config.roles.includes('worker') ? { worker: workers?.isPolling() === true } : {}),
  };
}

/**
 * The key in the file becomes valid where the database has none yet; a file that a database with keys does not know is
 * of no use.
 */
async function storeFirstApiKey(db: Db, { madeApiKey }: Secrets): Promise<Secrets['madeApiKey']> {
  if (madeApiKey === null) return null;
  const stored = await ensureFirstApiKey(db, 'first start', madeApiKey.key);
  if (stored !== null || !madeApiKey.isNew) return madeApiKey;
  rmSync(madeApiKey.file);
  return null;
}

/**
 * Waits for a service that starts later than we do, or not before somebody mends it.
 * @throws ConfigError when the service answers, and what it says is no matter of time
 */
async function patiently<T>(name: string, reach: () => Promise<T>, { log, say, signal }: StartOptions): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await reach();
    } catch (error) {
      signal?.throwIfAborted();
      const refusal = refusalOf(error);
      if (refusal !== null) throw new ConfigError(`${name} cannot be used: ${refusal}`);
      const seconds = Math.min(2 ** attempt, LONGEST_WAIT_S);
      // A code, since messages of the database's library may name what was asked.
      const reason = codeOf(error) || (error as Error).message;
      say(`Waiting for ${name} (${reason}); next try in ${seconds} s ...`);
      log.warn({ service: name, reason, seconds }, 'waiting for a service');
      await sleep(seconds * 1000, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** In its own words, why a service that is there does not let us in; null: it may do so later. */
function refusalOf(error: unknown): string | null {
  const refusal = refusalBy(error);
  if (refusal !== null) return isUnavailable(error) ? null : refusal;
  const { code, details, message } = error as { code?: unknown; details?: unknown; message?: unknown };
  return code === UNAUTHENTICATED || code === PERMISSION_DENIED ? String(details || message) : null;
}

let isRuntimeInstalled = false;

/** Temporal's runtime is one for the whole process, so its log goes to who came first. */
function installRuntimeOnce(log: Logger): void {
  if (!isRuntimeInstalled) installRuntime((level, message, fields) => log[level](fields, message));
  isRuntimeInstalled = true;
}

function temporalOptions({ temporal: { apiKey, tls } }: Config, { temporalAddress: address }: Servers) {
  const bytes = (part: { data: string } | { path: string }) =>
    'data' in part ? Buffer.from(part.data) : readFileSync(part.path);
  return {
    address,
    ...(apiKey === null ? {} : { apiKey }),
    tls:
      tls === null
        ? null
        : {
            ...(tls.serverName === null ? {} : { serverNameOverride: tls.serverName }),
            ...(tls.serverCa === null ? {} : { serverRootCACertificate: bytes(tls.serverCa) }),
            ...(tls.clientCertificate === null || tls.clientKey === null
              ? {}
              : { clientCertPair: { crt: bytes(tls.clientCertificate), key: bytes(tls.clientKey) } }),
          },
  };
}

function announce({ apiUrl, madeApiKey, temporalUiUrl }: Running): void {
  const key =
    madeApiKey?.isNew === true && process.stdout.isTTY === true
      ? `${madeApiKey.key}  (shown once; kept in ${madeApiKey.file})`
      : madeApiKey === null
        ? null
        : `in ${madeApiKey.file}`;
  const lines: [string, string | null][] = [
    ['API and console', apiUrl],
    ['API description', apiUrl === null ? null : `${apiUrl}/docs`],
    ['API key', key],
    ['Temporal', temporalUiUrl],
  ];
  console.log(
    [
      '',
      'Calpair runs. Ctrl-C ends it.',
      ...lines.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(17)}${value}`])),
      '',
    ].join('\n'),
  );
}

function urlOf(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function version(): string {
  return (JSON.parse(readFileSync(join(PROJECT_DIR, 'package.json'), 'utf8')) as { version: string }).version;
}

async function within<T>(milliseconds: number, work: Promise<T>, what: string): Promise<T> {
  const done = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: done.signal }).then(() => {
    throw new Error(`${what} did not end within ${milliseconds / 1000} s`);
  });
  late.catch(() => undefined);
  return Promise.race([work, late]).finally(() => done.abort());
}
