/**
 * One Calpair with two pairs (Radicale with the fake Google, Radicale with Xandikos) or three (also Radicale with the
 * fake Microsoft). People edit all of their calendars, proxies inject faults, and processes are killed. Then the faults
 * stop, the pairs settle, and the result is checked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createProviders } from '../../providers/entries.ts';
import { type FakeEndpoint, googleEnvironment, microsoftEnvironment } from '../support/calpair.ts';
import type { Cloud } from '../support/cloud.ts';
import { type DavServer, startRadicale, startXandikos } from '../support/dav.ts';
import { GOOGLE } from '../support/google-cloud.ts';
import { MICROSOFT } from '../support/graph-cloud.ts';
import { createPair } from '../support/pair.ts';
import { randomFrom } from '../support/random.ts';
import { type Actor, cloudActor, davActor, KINDS } from './actors.ts';
import { fixedPorts, Installation } from './installation.ts';
import { killRepeatedly, type Victim } from './nemesis.ts';
import { type FaultKind, type Proxy, startProxy } from './proxy.ts';
import { World } from './world.ts';

export interface CampaignSetting {
  readonly seed: number;
  readonly kills: number;
  /** Adds the third pair. */
  readonly microsoft?: boolean;
  readonly say: (line: string) => void;
}

export interface Outcome {
  readonly kills: Readonly<Record<Victim | 'frozen worker', number>>;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly edits: Readonly<Record<string, World['edits']>>;
  readonly requests: number;
  /**
   * Processes that exited without being killed, with the line that says why. The campaign restarts them, as a
   * supervisor would.
   */
  readonly unexpectedExits: readonly string[];
  /** Everything that violates an expectation. */
  readonly failures: readonly string[];
  readonly seconds: number;
}

const EVENTS_PER_SIDE = 20;
const FAULTS_PER_HUNDRED = 6;

export async function runCampaign(setting: CampaignSetting): Promise<Outcome> {
  const started = Date.now();
  const random = (stream: number) => randomFrom(setting.seed * 100 + stream);
  const [radicale, xandikos, google, microsoft] = await Promise.all([
    startRadicale(),
    startXandikos(),
    GOOGLE.start(),
    setting.microsoft ? MICROSOFT.start() : null,
  ]);
  const proxies = {
    radicaleToGoogle: await startProxy({ target: radicale.base, service: 'caldav', random: random(1) }),
    google: await startProxy({ target: google.fake.rootUrl, service: 'google', random: random(2) }),
    radicaleToXandikos: await startProxy({ target: radicale.base, service: 'caldav', random: random(3) }),
    xandikos: await startProxy({ target: xandikos.base, service: 'caldav', random: random(4) }),
    ...(microsoft
      ? {
          radicaleToMicrosoft: await startProxy({ target: radicale.base, service: 'caldav', random: random(7) }),
          microsoft: await startProxy({ target: microsoft.fake.rootUrl, service: 'microsoft', random: random(8) }),
        }
      : {}),
  };
  const all = Object.values(proxies);
  const [api, postgres, temporal, temporalUi] = (await fixedPorts(4, random(5))) as [number, number, number, number];
  const clouds = {
    ...googleEnvironment(endpointOf(google, proxies.google)),
    ...(microsoft ? microsoftEnvironment(endpointOf(microsoft, proxies.microsoft!)) : {}),
  };
  const installation = new Installation(clouds, { api, postgres, temporal, temporalUi });
  try {
    await installation.firstStart();
    setting.say(`everything is running after ${Math.round((Date.now() - started) / 1000)} s`);
    const worlds = await openWorlds({ installation, radicale, xandikos, google, microsoft, proxies, random });
    const kills = await injectFaults(worlds, installation, all, setting, random(6));
    const failures = [
      ...(await settleAndCheck(worlds, installation, setting.say)),
      ...[google, microsoft].flatMap(
        (cloud) => cloud?.fake.mailLedger.map(() => `${cloud.kind.title} sent a mail`) ?? [],
      ),
      ...all.flatMap(({ unconditional }) => unconditional),
    ];
    return {
      kills,
      failures,
      faults: sumOf(all),
      edits: Object.fromEntries(worlds.map(({ name, edits }) => [name, edits])),
      requests: requestsOf(all),
      unexpectedExits: installation.unexpectedExits,
      seconds: Math.round((Date.now() - started) / 1000),
    };
  } finally {
    await installation.stop();
    await Promise.all([
      ...all.map((proxy) => proxy.close()),
      radicale.stop(),
      xandikos.stop(),
      google.fake.close(),
      microsoft?.fake.close(),
    ]);
  }
}

/** The fake's address as Calpair sees it: behind the proxy. */
function endpointOf({ fake: { clientId, clientSecret, rootUrl, tokenUrl } }: Cloud, { base }: Proxy): FakeEndpoint {
  return { clientId, clientSecret, rootUrl: base, tokenUrl: tokenUrl.replace(rootUrl, base) };
}

interface CampaignParts {
  readonly installation: Installation;
  readonly radicale: DavServer;
  readonly xandikos: DavServer;
  readonly google: Cloud;
  readonly microsoft: Cloud | null;
  readonly proxies: Readonly<
    Record<'radicaleToGoogle' | 'google' | 'radicaleToXandikos' | 'xandikos', Proxy> &
      Partial<Record<'radicaleToMicrosoft' | 'microsoft', Proxy>>
  >;
  readonly random: (stream: number) => (below: number) => number;
}

/**
 * Pairs know the proxies' addresses only, people the servers'. The initial syncs are under way when the faults start.
 */
async function openWorlds({
  installation,
  radicale,
  xandikos,
  google,
  microsoft,
  proxies,
  random,
}: CampaignParts): Promise<World[]> {
  const calpair = {
    api: installation.api,
    providers: await createProviders(installation.config.providers),
    tag: (text: string) => installation.tag(text),
  };
  const settings = { options: { holdDeletions: { moreThan: 1000, percent: 100 } } };
  const dav = async (server: DavServer, name: string, proxy: Proxy) => {
    const url = await server.createCalendar(name);
    return {
      actor: davActor(server, url),
      calendar: { server: { ...server, base: proxy.base }, url: new URL(new URL(url).pathname, proxy.base).href },
    };
  };
  const sides = [
    await dav(radicale, 'with-google', proxies.radicaleToGoogle),
    await dav(radicale, 'with-xandikos', proxies.radicaleToXandikos),
    await dav(xandikos, 'with-radicale', proxies.xandikos),
  ] as const;
  const worlds: World[] = [];
  const open = async (
    name: string,
    first: (typeof sides)[0],
    second: { actor: Actor; calendar: Parameters<typeof createPair>[2] },
    between: readonly Proxy[],
  ) => {
    const number = 1_000_000 * (worlds.length + 1);
    const pair = await createPair(calpair, first.calendar, second.calendar, { ...settings, paused: true });
    const world = new World(
      name,
      pair,
      { caldav: first.actor, cloud: second.actor },
      between,
      random(10 + worlds.length),
      number,
    );
    for (let index = 0; index < 2 * EVENTS_PER_SIDE; index++)
      await world.create(index % 2 === 0 ? 'caldav' : 'cloud', KINDS[index % KINDS.length]!);
    worlds.push(world);
  };
  const ofCloud = (cloud: Cloud) => {
    const owner = cloud.addOwner('owner@calendars.example');
    return { actor: cloudActor(owner), calendar: owner.calendar };
  };
  await open('Radicale - Google', sides[0], ofCloud(google), [proxies.radicaleToGoogle, proxies.google]);
  await open('Radicale - Xandikos', sides[1], sides[2], [proxies.radicaleToXandikos, proxies.xandikos]);
  if (microsoft) {
    const between = [proxies.radicaleToMicrosoft!, proxies.microsoft!] as const;
    await open('Radicale - Microsoft', await dav(radicale, 'with-microsoft', between[0]), ofCloud(microsoft), between);
  }
  for (const { pair } of worlds) await pair.post('resume');
  return worlds;
}

async function injectFaults(
  worlds: readonly World[],
  installation: Installation,
  proxies: readonly Proxy[],
  { kills, say }: CampaignSetting,
  random: (below: number) => number,
) {
  for (const proxy of proxies) proxy.faultsPerHundred = FAULTS_PER_HUNDRED;
  const stop = new AbortController();
  const people = worlds.map((world) => keepEditing(world, stop.signal));
  // Awaited below, once the killing is over.
  for (const person of people) person.catch(() => undefined);
  try {
    return await killRepeatedly(kills, { installation, random, requests: () => requestsOf(proxies), say });
  } finally {
    stop.abort();
    await Promise.all(people);
    for (const proxy of proxies) proxy.faultsPerHundred = 0;
  }
}

/** People keep editing whatever happens to Calpair, and request a sync from time to time. */
async function keepEditing(world: World, stop: AbortSignal): Promise<void> {
  let pending: Promise<void> | null = null;
  for (let count = 0; !stop.aborted; count++) {
    await world.act();
    if (pending === null && count % 4 === 3)
      pending = world.requestSync().finally(() => {
        pending = null;
      });
    await sleep(world.pauseMs());
  }
  await pending;
}

async function settleAndCheck(
  worlds: readonly World[],
  installation: Installation,
  say: (line: string) => void,
): Promise<string[]> {
  await installation.untilReady();
  say('the faults have stopped');
  const failures: string[] = [];
  for (const world of worlds) {
    const found = [...(await world.settle()), ...(await world.findFailures())];
    say(`${world.name}: ${found.length === 0 ? 'correct' : `${found.length} failures`}`);
    failures.push(...found.map((line) => `${world.name}: ${line}`));
  }
  return failures;
}

function requestsOf(proxies: readonly Proxy[]): number {
  return proxies.reduce((sum, { seen }) => sum + seen.requests, 0);
}

function sumOf(proxies: readonly Proxy[]): Map<FaultKind, number> {
  const sum = new Map<FaultKind, number>();
  for (const { faults } of proxies) for (const [kind, count] of faults) sum.set(kind, (sum.get(kind) ?? 0) + count);
  return sum;
}
