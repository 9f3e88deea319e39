/**
 * `npm run demo`: Calpair with a real Radicale and stand-ins for Google and Microsoft 365, all filled, kept in sync
 * before your eyes. `--once` ends when both pairs are quiescent, with exit code 0 only if the calendars of each then
 * hold the same, and nobody was mailed.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, readConfig } from '../config.ts';
import { createVault } from '../db/vault.ts';
import { loadOrCreateSecrets } from '../embedded/secrets.ts';
import { createLogger } from '../log.ts';
import { type Running, startEverything } from '../main.ts';
import { createProviders } from '../providers/registry.ts';
import { type DavServer, startRadicale } from '../test/support/dav.ts';
import { Calpair } from './calpair.ts';
import { type Cloud, startGoogleCloud, startMicrosoftCloud } from './clouds.ts';
import { fillCaldav } from './fill.ts';
import { freeOr } from './free-port.ts';
import { PairOnShow, type Places } from './pair-on-show.ts';
import { editAsPeopleWould } from './people.ts';
import { tableOf, verdictOf } from './report.ts';

const API_KEY = 'calpair-demo-key';

interface Scene {
  readonly radicale: DavServer;
  readonly places: readonly Places[];
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
    const clouds: Cloud[] = [];
    for (const start of [startGoogleCloud, startMicrosoftCloud]) {
      const cloud = await start();
      steps.push(() => cloud.close());
      clouds.push(cloud);
    }
    const places = await fill(radicale, clouds);
    const config = await demoConfig(clouds);
    rmSync(config.dataDir, { recursive: true, force: true });
    const running = await startEverything(config, {
      log: createLogger(config.logLevel),
      say: (line) => console.log(line),
      signal,
      isThrowaway: true,
      onLost: (error) => {
        console.error(error);
        process.exit(1);
      },
    });
    steps.push(() => running.stop());
    if (!running.apiUrl) throw new Error('the demo needs the role api');
    return { radicale, places, config, running, calpair: new Calpair(running.apiUrl, running.apiKey ?? API_KEY), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A calendar in Radicale for each cloud, with the same files in it, and a few events in the cloud. */
async function fill(radicale: DavServer, clouds: readonly Cloud[]): Promise<Places[]> {
  // A deletion in Microsoft 365 is seen at once only in the months around today.
  const soon = new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10);
  const places: Places[] = [];
  for (const cloud of clouds) {
    const calendarUrl = await radicale.createCalendar(`demo-${cloud.provider}`);
    const { files, stored, refused } = await fillCaldav(radicale, calendarUrl);
    console.log(
      `${cloud.name} holds ${cloud.fill(soon)} events; its calendar in Radicale ${stored} ` +
        `objects from ${files} files (${refused} refused).`,
    );
    places.push({ radicale, cloud, calendarUrl });
  }
  return places;
}

/**
 * What the environment says, with the stand-ins and a data folder of the demo's own; taken ports are replaced by free
 * ones.
 */
async function demoConfig(clouds: readonly Cloud[]): Promise<Config> {
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
    ...(Object.assign({}, ...clouds.map(({ environment: settings }) => settings)) as Record<string, string>),
    LOG_LEVEL: config.logLevel === 'info' ? 'warn' : config.logLevel,
  });
}

/** The parts of the operator's environment that the demo keeps. */
function environment(config: Config): NodeJS.ProcessEnv {
  return {
    HOST: config.host,
    ...(config.databaseUrl ? { DATABASE_URL: config.databaseUrl } : {}),
    ...(config.temporal.address
      ? { TEMPORAL_ADDRESS: config.temporal.address, TEMPORAL_NAMESPACE: config.temporal.namespace }
      : {}),
  };
}

/** True when the calendars of both pairs hold the same in the end. */
async function play(scene: Scene, isOnce: boolean, signal: AbortSignal): Promise<boolean> {
  const { calpair, radicale, places } = scene;
  const caldav = await calpair.post<{ id: string }>('/v1/accounts', {
    provider: 'caldav',
    preset: 'radicale',
    serverUrl: radicale.base,
    username: radicale.username,
    password: radicale.password,
  });
  const pairs = await Promise.all(places.map((place) => PairOnShow.create(calpair, place, caldav.id)));
  console.log('\nThree accounts, two connections, a pair in each. The first runs have begun.\n');
  await Promise.all(pairs.map((pair) => pair.settle(true)));
  console.log('\nNow people make changes in all four calendars:');
  console.log('  in Radicale  the call with Kraków gets another title, the stand-up moves to another room');
  console.log(
    '  in the cloud the same call gets a location, a paper-bin day is removed, the others get ' +
      'a location, the dentist is deleted',
  );
  await Promise.all(pairs.map((pair) => editAsPeopleWould(pair.places)));
  await Promise.all(pairs.map((pair) => pair.settle(false)));
  const isGood = await report(scene, pairs);
  if (isOnce || signal.aborted) return isGood;
  console.log('\nStill running: change something in a calendar and look. Ctrl-C ends it.');
  while (!signal.aborted) {
    // Somebody may have deleted a pair in the console.
    for (const pair of pairs) await pair.showRuns().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return true;
}

async function report({ config, radicale, running }: Scene, pairs: readonly PairOnShow[]): Promise<boolean> {
  const secrets = loadOrCreateSecrets(config);
  const vault = createVault(secrets.encryptionKeys, secrets.hashKey);
  const providers = createProviders(config);
  const outcomes = await Promise.all(pairs.map((pair) => pair.outcome(providers, (text) => vault.hash(text))));
  console.log(tableOf(outcomes));
  console.log(`
  Console        ${running.apiUrl ?? ''}/
  API docs       ${running.apiUrl ?? ''}/docs
  Health         ${running.apiUrl ?? ''}/health/ready
  API key        ${API_KEY}`);
  for (const {
    places: { cloud, calendarUrl },
    pair,
  } of pairs) {
    console.log(`
  ${cloud.name.padEnd(13)}  ${cloud.rootUrl} (stand-in)
  with Radicale  ${calendarUrl} (${radicale.username} / ${radicale.password})
  Workflow       ${running.temporalUiUrl ?? ''}/namespaces/${config.temporal.namespace}/workflows/${encodeURIComponent(pair.workflowId)}`);
  }
  const verdicts = outcomes.map(verdictOf);
  console.log(`\n${verdicts.map(({ sentence }) => sentence).join('\n')}`);
  return verdicts.every(({ isGood }) => isGood);
}
