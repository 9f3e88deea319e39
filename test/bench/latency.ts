/**
 * How long an edit takes until it is on the other side, with a real Radicale and the Google and Microsoft fakes.
 * Several pairs are edited at once, alone or beside others in which people edit all the time.
 *
 * `cloud-push`: an edit in a cloud that reports its changes. `polled`: an edit on CalDAV that is polled, the first one
 * and a second one within two minutes. `webdav-push`: an edit on a CalDAV server that reports its changes.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPushingServer } from '../fakes/webdav-push/server.ts';
import type { Cloud, CloudKind } from '../support/cloud.ts';
import { DavPerson } from '../support/dav-person.ts';
import { type Fixture, hourAt, type PairSetup, startServers } from '../support/fixture.ts';
import { GOOGLE } from '../support/google-cloud.ts';
import { MICROSOFT } from '../support/graph-cloud.ts';
import { at, object } from '../support/ics.ts';

const LOOK_EVERY_MS = 50;
const GIVE_UP_MS = 120_000;
/** How often each busy pair is edited. */
const BUSY_EVERY_MS = 30_000;
const PUSHED = { CALPAIR_WEBHOOKS: 'always' };
const pushedPauseMs = (index: number): number => 3_000 + ((index * 37) % 100) * 50;

interface Latency {
  readonly what: string;
  readonly samples: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** An event of a pair, and whether the other side shows its title. */
interface Edited {
  edit(title: string): unknown;
  shows(title: string): boolean | Promise<boolean>;
}

/**
 * @param part one of those above; empty: all
 * @param pairs how many are measured at once
 * @param busy how many others are edited meanwhile
 */
export async function measureLatency(part: string, pairs: number, busy: number): Promise<Latency[]> {
  const isAsked = (name: string): boolean => part === '' || part === name;
  return [
    ...(isAsked('cloud-push') ? [await cloudPush(GOOGLE, pairs, busy), await cloudPush(MICROSOFT, pairs, busy)] : []),
    ...(isAsked('polled') ? await polled(pairs, busy) : []),
    ...(isAsked('webdav-push') ? [await webdavPush(pairs, busy)] : []),
  ];
}

async function cloudPush<C extends Cloud>(kind: CloudKind<C>, pairs: number, busy: number): Promise<Latency> {
  const dataDir = mkdtempSync(join(tmpdir(), 'calpair-bench-radicale-'));
  const servers = await startServers<Cloud>(() => kind.start(), { dataDir }, PUSHED);
  const open = async (): Promise<Edited> => {
    const setup = await servers.open({
      cloud: [{ title: 'Edit 0', when: hourAt('2027-01-13') }],
      settings: { pollIntervalSeconds: 3_600 },
    });
    while ((await setup.pair.show())['changeDetection'].cloud.mode !== 'push') await sleep(LOOK_EVERY_MS);
    return inCloud(setup, join(dataDir, 'collections/collection-root/alice', setup.calendar));
  };
  const stop = async (): Promise<void> => {
    await servers.stop();
    rmSync(dataDir, { recursive: true });
  };
  return summary(
    `edit in ${kind.title} with push until it is on CalDAV`,
    await measured(servers, { open, pauseMs: pushedPauseMs, pairs, busy, rounds: 10 }, stop),
  );
}

async function polled(pairs: number, busy: number): Promise<Latency[]> {
  const servers = await startServers(() => GOOGLE.start());
  const open = async (index: number): Promise<Edited> =>
    onCaldav(servers, await servers.open({ caldav: eventOf(index), settings: { pollIntervalSeconds: 60 } }));
  // A person edits again after up to 100 s.
  const pauseMs = (index: number, round: number) => 1_000 + ((index * 37 + round * 29) % 100) * 1_000;
  const took = await measured(servers, { open, pauseMs, pairs, busy, rounds: 3 }, () => servers.stop());
  return [
    summary('first edit on polled CalDAV', [took[0] ?? []]),
    summary('second edit within two minutes', took.slice(1)),
  ];
}

async function webdavPush(pairs: number, busy: number): Promise<Latency> {
  const servers = await startServers(() => GOOGLE.start(), {}, PUSHED);
  const server = await startPushingServer(servers.radicale.base);
  const open = async (index: number): Promise<Edited> => {
    const through = (url: string) => server.through(url);
    const settings = { pollIntervalSeconds: 3_600 };
    const setup = await servers.open({ caldav: eventOf(index), settings, through });
    const { url } = through(setup.person.url);
    while (server.push.of(new URL(url).pathname).length === 0) await sleep(LOOK_EVERY_MS);
    return onCaldav(servers, setup, url);
  };
  const stop = async (): Promise<void> => {
    await server.stop();
    await servers.stop();
  };
  return summary(
    'edit on CalDAV with WebDAV-Push until it is in the cloud',
    await measured(servers, { open, pauseMs: pushedPauseMs, pairs, busy, rounds: 11 }, stop),
  );
}

const eventOf = (index: number): Record<string, string> => ({
  event: object(`latency-${index}@example.org`, ['SUMMARY:Edit 0', ...at('20270113T090000')]),
});

/** @param folder in which Radicale keeps the calendar: to look at it must not cost the server anything */
function inCloud({ owner }: PairSetup, folder: string): Edited {
  const id = owner.idOf('Edit 0');
  return {
    edit: (title) => owner.edit(id, { title }),
    shows: (title) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.ics'))
        .some((name) => readFileSync(join(folder, name), 'utf8').includes(`SUMMARY:${title}\r`)),
  };
}

function onCaldav({ radicale }: Fixture, { owner, person }: PairSetup, url = person.url): Edited {
  const client = new DavPerson(radicale, url);
  return {
    edit: (title) => client.edit('event.ics', (text) => text.replace(/SUMMARY:.*\r?\n/, `SUMMARY:${title}\r\n`)),
    shows: (title) => owner.list().some((one) => one.title === title),
  };
}

interface Measurement {
  readonly open: (index: number) => Promise<Edited>;
  readonly pauseMs: (index: number, round: number) => number;
  readonly pairs: number;
  readonly busy: number;
  readonly rounds: number;
}

/** @returns the times of each round; ms */
async function measured(
  { calpair }: Fixture,
  { open, pauseMs, pairs, busy, rounds }: Measurement,
  stop: () => Promise<void>,
): Promise<number[][]> {
  const took: number[][] = Array.from({ length: rounds }, () => []);
  let isOver = false;
  try {
    const edited: Edited[] = [];
    for (let index = 0; index < pairs + busy; index += 1) edited.push(await open(index));
    const others = edited.slice(pairs).map(async (one, index) => {
      await sleep((index * BUSY_EVERY_MS) / busy);
      for (let round = 1; !isOver; round += 1) {
        await one.edit(`Busy ${round}`);
        await sleep(BUSY_EVERY_MS);
      }
    });
    const ends = edited.slice(0, pairs).map(async (one, index) => {
      for (let round = 1; round <= rounds; round += 1) {
        await sleep(pauseMs(index, round));
        const editedAt = performance.now();
        await one.edit(`Edit ${round}`);
        while (!(await one.shows(`Edit ${round}`))) {
          if (performance.now() - editedAt > GIVE_UP_MS) throw new Error(`an edit did not arrive: ${calpair.api.url}`);
          await sleep(LOOK_EVERY_MS);
        }
        took[round - 1]!.push(performance.now() - editedAt);
      }
    });
    await Promise.all(ends).finally(() => (isOver = true));
    await Promise.all(others);
  } finally {
    await stop();
  }
  return took;
}

function summary(what: string, rounds: readonly (readonly number[])[]): Latency {
  const sorted = rounds.flat().sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { what, samples: sorted.length, medianMs: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
