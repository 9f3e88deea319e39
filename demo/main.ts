/**
 * `npm run demo`: Calpair with a real Radicale and fakes of Google and Microsoft 365, all with events, kept in sync.
 * `--once` stops when both pairs are at rest, with exit code 0 only if both calendars of each pair hold the same events
 * and nobody was mailed.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, readConfig } from '../config.ts';
import { createVault } from '../db/vault.ts';
import { loadOrCreateSecrets } from '../embedded/secrets.ts';
import { createLogger } from '../log.ts';
import { type Running, startEverything } from '../main.ts';
import { createProviders } from '../providers/entries.ts';
import { type DavServer, startRadicale } from '../test/support/dav.ts';
import { availablePort } from './available-port.ts';
import { Calpair } from './calpair.ts';
import { type Cloud, startGoogleCloud, startMicrosoftCloud } from './clouds.ts';
import { DemoPair, type PairCalendars } from './demo-pair.ts';
import { fillCaldav } from './fill-caldav.ts';
import { editCalendars } from './people.ts';
import { tableOf, verdictOf } from './report.ts';

const API_KEY = 'calpair-demo-key-do-not-use-elsewhere';

interface Demo {
  readonly radicale: DavServer;
  readonly calendars: readonly PairCalendars[];
  readonly config: Config;
  readonly running: Running;
  readonly calpair: Calpair;
  readonly stop: () => Promise<void>;
}

export async function main(): Promise<void> {
  const isOnce = process.argv.includes('--once');
  const stopRequested = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stopRequested.abort());
  let exitCode = 0;
  let demo: Demo | undefined;
  try {
    demo = await setUp(stopRequested.signal);
    exitCode = (await play(demo, isOnce, stopRequested.signal)) ? 0 : 1;
  } catch (error) {
    if (!stopRequested.signal.aborted) {
      console.error(error);
      exitCode = 1;
    }
  }
  console.log('Stopping ...');
  await demo?.stop();
  process.exit(exitCode);
}

async function setUp(signal: AbortSignal): Promise<Demo> {
  const steps: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of steps.splice(0).reverse()) await step().catch((error: unknown) => console.error(error));
  };
  try {
    console.log('Starting Radicale (the first start installs it with pip) ...');
    const radicale = await startRadicale();
    steps.push(() => radicale.stop());
    const clouds: Cloud[] = [];
    for (const start of [startGoogleCloud, startMicrosoftCloud]) {
      const cloud = await start();
      steps.push(() => cloud.close());
      clouds.push(cloud);
    }
    const calendars = await fill(radicale, clouds);
    const config = await demoConfig(clouds);
    rmSync(config.dataDir, { recursive: true, force: true });
    const running = await startEverything(config, {
      log: createLogger(config.logLevel),
      print: (line) => console.log(line),
      signal,
      isThrowaway: true,
      onLost: (error) => {
        console.error(error);
        process.exit(1);
      },
    });
    steps.push(() => running.stop());
    if (!running.apiUrl) throw new Error('The demo needs the role api.');
    return {
      radicale,
      calendars,
      config,
      running,
      calpair: new Calpair(running.apiUrl, running.apiKey ?? API_KEY),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Creates a calendar in Radicale for each cloud, with events from files, and a few events in the cloud. */
async function fill(radicale: DavServer, clouds: readonly Cloud[]): Promise<PairCalendars[]> {
  // Microsoft 365 reports a deletion at once only in the months around today.
  const soon = new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10);
  const calendars: PairCalendars[] = [];
  for (const cloud of clouds) {
    const calendarUrl = await radicale.createCalendar(`demo-${cloud.provider}`);
    const { files, stored, refused } = await fillCaldav(radicale, calendarUrl);
    console.log(
      `${cloud.name} has ${cloud.fill(soon)} events, its calendar in Radicale ${stored} ` +
        `from ${files} files (${refused} refused).`,
    );
    calendars.push({ radicale, cloud, calendarUrl });
  }
  return calendars;
}

/** The operator's configuration, with the fakes, a data folder of its own, and free ports where they are in use. */
async function demoConfig(clouds: readonly Cloud[]): Promise<Config> {
  const config = readConfig();
  return readConfig({
    ...environment(config),
    CALPAIR_DATA_DIR: join(config.dataDir, 'demo'),
    CALPAIR_API_KEY: API_KEY,
    PORT: String(await availablePort(config.port)),
    CALPAIR_TEMPORAL_PORT: String(await availablePort(config.temporal.port)),
    CALPAIR_TEMPORAL_UI_PORT: String(await availablePort(config.temporal.uiPort)),
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

/** True when both calendars of each pair hold the same events at the end. */
async function play(demo: Demo, isOnce: boolean, signal: AbortSignal): Promise<boolean> {
  const { calpair, radicale, calendars } = demo;
  const caldav = await calpair.post<{ id: string }>('/v1/accounts', {
    provider: 'caldav',
    preset: 'radicale',
    serverUrl: radicale.base,
    username: radicale.username,
    password: radicale.password,
  });
  const pairs = await Promise.all(calendars.map((both) => DemoPair.create(calpair, both, caldav.id)));
  console.log('\nThree accounts, two connections with one pair each. The first runs have begun.\n');
  await Promise.all(pairs.map((pair) => pair.settle(true)));
  console.log('\nNow people make changes in all four calendars:');
  console.log('  in Radicale   the call with Kraków gets another title, the stand-up another room');
  console.log(
    '  in the cloud  the same call gets a location, one paper-bin day is deleted, the others get a location, ' +
      'the dentist is deleted',
  );
  await Promise.all(pairs.map((pair) => editCalendars(pair.calendars)));
  await Promise.all(pairs.map((pair) => pair.settle(false)));
  const isGood = await report(demo, pairs);
  if (isOnce || signal.aborted) return isGood;
  console.log('\nStill running: change something in a calendar and watch it sync. Ctrl-C stops it.');
  while (!signal.aborted) {
    // A person may have deleted a pair in the console.
    for (const pair of pairs) await pair.printRuns().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return true;
}

async function report({ config, radicale, running }: Demo, pairs: readonly DemoPair[]): Promise<boolean> {
  const secrets = loadOrCreateSecrets(config);
  const vault = createVault(secrets.encryptionKeys, secrets.hashKey);
  const providers = await createProviders(config.providers);
  const outcomes = await Promise.all(pairs.map((pair) => pair.outcome(providers, (text) => vault.hash(text))));
  console.log(tableOf(outcomes));
  console.log(`
  Console        ${running.apiUrl ?? ''}/
  API docs       ${running.apiUrl ?? ''}/docs
  Health         ${running.apiUrl ?? ''}/health/ready
  API key        ${API_KEY}`);
  for (const {
    calendars: { cloud, calendarUrl },
    pair,
  } of pairs) {
    const workflow = `namespaces/${config.temporal.namespace}/workflows/${encodeURIComponent(pair.workflowId)}`;
    console.log(`
  ${cloud.name.padEnd(13)}  ${cloud.rootUrl} (fake)
  with Radicale  ${calendarUrl} (${radicale.username} / ${radicale.password})
  Workflow       ${running.temporalUiUrl ?? ''}/${workflow}`);
  }
  const verdicts = outcomes.map(verdictOf);
  console.log(`\n${verdicts.map(({ sentence }) => sentence).join('\n')}`);
  return verdicts.every(({ isGood }) => isGood);
}
