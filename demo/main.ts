/**
 * `npm run demo`: Calpair with a real Radicale and a stand-in Google, both filled, kept in sync before your eyes. `--once` ends when the pair is
 * quiescent, with exit code 0 only if both calendars then hold the same.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig, type Config } from '../config.ts';
import { loadOrCreateSecrets } from '../embedded/secrets.ts';
import { createVault } from '../db/vault.ts';
import { createLogger } from '../log.ts';
import { startEverything, type Running } from '../main.ts';
import { createFetch } from '../providers/http.ts';
import { createProviders } from '../providers/registry.ts';
import type { Account } from '../providers/provider.ts';
import { startRadicale, type DavServer } from '../test/support/dav.ts';
import { startGoogle, type GoogleStandIn } from '../test/support/google/start.ts';
import { compareSides } from './agree.ts';
import { Calpair, type Pair, type Run } from './calpair.ts';
import { freeOr } from './free-port.ts';
import { fillCaldav, fillGoogle } from './fill.ts';
import { showRun, tableOf, verdictOf } from './report.ts';
import { editAsPeopleWould } from './people.ts';

const EMAIL = 'demo@example.com';
const API_KEY = 'calpair-demo-key';

interface Scene {
  readonly radicale: DavServer;
  readonly google: GoogleStandIn;
  readonly calendarUrl: string;
  readonly config: Config;
  readonly running: Running;
  readonly calpair: Calpair;
  readonly stop: () => Promise<void>;
}

export async function main(): Promise<void> {
  const isOnce = process.argv.includes('--once');
  const asked = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => asked.abort());
  let exitCode = 0;
  let scene: Scene | undefined;
  try {
    scene = await setUp(asked.signal);
    exitCode = (await play(scene, isOnce, asked.signal)) ? 0 : 1;
  } catch (error) {
    if (!asked.signal.aborted) {
      console.error(error);
      exitCode = 1;
    }
  }
  console.log('Ending ...');
  await scene?.stop();
  process.exit(exitCode);
}

async function setUp(signal: AbortSignal): Promise<Scene> {
  const steps: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of steps.splice(0).reverse()) await step().catch((error: unknown) => console.error(error));
  };
  try {
    console.log('Starting Radicale (its first start installs it from PyPI) ...');
    const radicale = await startRadicale();
    steps.push(() => radicale.stop());
    const google = await startGoogle();
    steps.push(() => google.close());
    const account = google.addAccount({ email: EMAIL, timeZone: 'Europe/Berlin' });
    const calendarUrl = await radicale.createCalendar('demo');
    const filled = await fillCaldav(radicale, calendarUrl);
    const made = fillGoogle(account);
    console.log(`Radicale holds ${filled.stored} objects from ${filled.files} files (it refused ${filled.refused}); Google holds ${made} events.`);
    const config = await demoConfig(google);
    rmSync(config.dataDir, { recursive: true, force: true });
    const running = await startEverything(config, {
      log: createLogger(config.logLevel), say: (line) => console.log(line), signal, isThrowaway: true,
      onLost: (error) => { console.error(error); process.exit(1); },
    });
    steps.push(() => running.stop());
    if (!running.apiUrl) throw new Error('the demo needs the role api');
    return { radicale, google, calendarUrl, config, running, calpair: new Calpair(running.apiUrl, running.apiKey ?? API_KEY), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What the environment says, with the stand-in Google and a data folder of the demo's own; taken ports are replaced by free ones. */
async function demoConfig(google: GoogleStandIn): Promise<Config> {
  const config = readConfig();
  return readConfig({
    ...environment(config),
    CALPAIR_DATA_DIR: join(config.dataDir, 'demo'),
    CALPAIR_API_KEY: API_KEY,
    PORT: String(await freeOr(config.port)),
    CALPAIR_TEMPORAL_PORT: String(await freeOr(config.temporal.port)),
    CALPAIR_TEMPORAL_UI_PORT: String(await freeOr(config.temporal.uiPort)),
    CALPAIR_ALLOW_PRIVATE_NETWORKS: 'true',
    CALPAIR_POLL_INTERVAL_SECONDS: '5',
    GOOGLE_CLIENT_ID: google.clientId,
    GOOGLE_CLIENT_SECRET: google.clientSecret,
    GOOGLE_API_ROOT_URL: google.rootUrl,
    GOOGLE_OAUTH_TOKEN_URL: google.tokenUrl,
    LOG_LEVEL: config.logLevel === 'info' ? 'warn' : config.logLevel,
  });
}

/** The parts of the operator's environment that the demo keeps. */
function environment(config: Config): NodeJS.ProcessEnv {
  return {
    HOST: config.host,
    ...(config.databaseUrl ? { DATABASE_URL: config.databaseUrl } : {}),
    ...(config.temporal.address ? { TEMPORAL_ADDRESS: config.temporal.address, TEMPORAL_NAMESPACE: config.temporal.namespace } : {}),
  };
}

/** True when both calendars hold the same in the end. */
async function play(scene: Scene, isOnce: boolean, signal: AbortSignal): Promise<boolean> {
  const { calpair, google, radicale } = scene;
  const refreshToken = google.account(EMAIL).refreshToken;
  const caldav = await calpair.post<{ id: string }>('/v1/accounts', {
    provider: 'caldav', preset: 'radicale', serverUrl: radicale.base, username: radicale.username, password: radicale.password,
  });
  const cloud = await calpair.post<{ id: string }>('/v1/accounts', { provider: 'google', refreshToken });
  const connection = await calpair.post<{ id: string }>('/v1/connections', { name: 'Demo', caldavAccountId: caldav.id, cloudAccountId: cloud.id });
  const [here, there] = await Promise.all([caldav, cloud].map(({ id }) => calpair.get<{ items: { id: string; name: string }[] }>(`/v1/accounts/${id}/calendars`)));
  const pair = await calpair.post<Pair>(`/v1/connections/${connection.id}/pairs`, {
    caldavCalendarId: here?.items.find(({ name }) => name === 'demo')?.id, cloudCalendarId: there?.items[0]?.id,
  });
  console.log('\nTwo accounts, one connection, one pair. The first run has begun.\n');
  const shown = new Set<string>();
  await whileShowing(scene, pair.id, calpair.settle(pair.id));
  await showRuns(scene, pair.id, shown);
  console.log('\nNow two people make changes, one in each calendar:');
  await editAsPeopleWould({ radicale, account: google.account(EMAIL), calendarUrl: scene.calendarUrl });
  await calpair.settle(pair.id);
  await showRuns(scene, pair.id, shown);
  const agreed = await report(scene, pair.id);
  if (isOnce || signal.aborted) return agreed;
  console.log('\nStill running: change something in either calendar and look. Ctrl-C ends it.');
  await watch(scene, pair.id, shown, signal);
  return true;
}

async function report(scene: Scene, pairId: string): Promise<boolean> {
  const { calpair, config, google, radicale, running, calendarUrl } = scene;
  const io = { fetch: createFetch({ allowPrivateNetworks: true }) };
  const providers = createProviders(config);
  const open = (kind: string, credentials: unknown): Account => {
    const provider = providers.get(kind);
    if (!provider) throw new Error(`no provider ${kind}`);
    return provider.open({ credentials, discovered: {}, tokens: { load: () => Promise.resolve(null), save: () => Promise.resolve() } }, io);
  };
  const secrets = loadOrCreateSecrets(config);
  const vault = createVault(secrets.encryptionKeys, secrets.hashKey);
  const setting = { floatingZone: 'Europe/Berlin', attendees: 'copy', reminders: 'keep', tag: (text: string) => vault.hash(text) } as const;
  const caldav = open('caldav', { preset: 'radicale', serverUrl: radicale.base, username: radicale.username, password: radicale.password }).side(calendarUrl, setting);
  const cloud = open('google', { refreshToken: google.account(EMAIL).refreshToken }).side(EMAIL, setting);
  const agreement = await compareSides(caldav, cloud);
  const [pair, problems] = await Promise.all([
    calpair.get<Pair>(`/v1/pairs/${pairId}`),
    calpair.get<{ items: { code: string; side: string; eventTitle: string; detail: string }[] }>(`/v1/pairs/${pairId}/problems`),
  ]);
  console.log(tableOf(agreement, problems.items));
  console.log(`
  Console       ${running.apiUrl ?? ''}/
  API docs      ${running.apiUrl ?? ''}/docs
  Health        ${running.apiUrl ?? ''}/health/ready
  Workflow      ${running.temporalUiUrl ?? ''}/namespaces/${config.temporal.namespace}/workflows/${encodeURIComponent(pair.workflowId)}
  API key       ${API_KEY}
  Radicale      ${calendarUrl} (${radicale.username} / ${radicale.password})
  Google        ${google.rootUrl} (stand-in)`);
  const verdict = verdictOf(agreement, problems.items, google.mailLedger.length);
  console.log(`\n${verdict.sentence}`);
  return verdict.isAgreed;
}

/** Every run that has ended and was not shown yet, oldest first. */
async function showRuns({ calpair }: Scene, pairId: string, shown: Set<string>): Promise<void> {
  const { items } = await calpair.get<{ items: Run[] }>(`/v1/pairs/${pairId}/runs`);
  for (const run of items.reverse().filter(({ id, result }) => result !== 'running' && !shown.has(id))) {
    showRun(run);
    shown.add(run.id);
  }
}

/** Says every few seconds how far the run is that is under way. */
async function whileShowing({ calpair }: Scene, pairId: string, work: Promise<unknown>): Promise<void> {
  const timer = setInterval(() => {
    void calpair.get<{ items: Run[] }>(`/v1/pairs/${pairId}/runs?limit=1`).then(({ items }) => items[0]?.result === 'running' && showRun(items[0])).catch(() => undefined);
  }, 3_000);
  await work.finally(() => clearInterval(timer));
}

async function watch(scene: Scene, pairId: string, shown: Set<string>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // Somebody may have deleted the pair in the console.
    await showRuns(scene, pairId, shown).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
