/**
 * How long an edit on a CalDAV server takes until it is written in the cloud, with a real Radicale and the Google fake:
 * the first one and a second one within two minutes where it is polled, and any where it reports its changes
 * (WebDAV-Push). Several pairs are edited at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startPushingServer } from '../fakes/webdav-push/server.ts';
import { DavPerson } from '../support/dav-person.ts';
import { type Fixture, startServers } from '../support/fixture.ts';
import { GOOGLE } from '../support/google-cloud.ts';
import { at, object } from '../support/ics.ts';

const LOOK_EVERY_MS = 50;
const GIVE_UP_MS = 120_000;

interface Latency {
  readonly what: string;
  readonly samples: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/**
 * @param pairs how many are edited at once @param rounds second edits of each pair @param part `polled` or
 * `webdav-push`; empty: both
 */
export async function measureLatency(pairs: number, rounds: number, part: string): Promise<Latency[]> {
  return [
    ...('polled'.includes(part) ? await measurePolled(pairs, rounds) : []),
    ...('webdav-push'.includes(part) ? await measurePush(pairs, rounds * 5) : []),
  ];
}

async function measurePolled(pairs: number, rounds: number): Promise<Latency[]> {
  const polled = await startServers(() => GOOGLE.start());
  const first: number[] = [];
  const second: number[] = [];
  try {
    // A person edits again after up to 100 s.
    const pauseMs = (index: number, round: number) => 1_000 + ((index * 37 + round * 29) % 100) * 1_000;
    await editAll(polled, { pairs, rounds, pauseMs, pollIntervalSeconds: 60 }, (round, ms) =>
      (round === 1 ? first : second).push(ms),
    );
  } finally {
    await polled.stop();
  }
  return [summary('first edit on polled CalDAV', first), summary('second edit within two minutes', second)];
}

async function measurePush(pairs: number, rounds: number): Promise<Latency[]> {
  const servers = await startServers(() => GOOGLE.start(), {}, { CALPAIR_WEBHOOKS: 'always' });
  const server = await startPushingServer(servers.radicale.base);
  const took: number[] = [];
  try {
    const through = (url: string) => server.through(url);
    const isReady = (url: string) => server.push.of(new URL(url).pathname).length > 0;
    const pauseMs = (index: number) => 3_000 + ((index * 37) % 100) * 50;
    const edits = { pairs, rounds, pauseMs, pollIntervalSeconds: 3_600, through, isReady };
    await editAll(servers, edits, (_round, ms) => took.push(ms));
  } finally {
    await server.stop();
    await servers.stop();
  }
  return [summary('edit with WebDAV-Push, polled once an hour', took)];
}

interface Edits {
  readonly pairs: number;
  readonly rounds: number;
  readonly pauseMs: (index: number, round: number) => number;
  readonly pollIntervalSeconds: number;
  /** The address of the server between Radicale and everybody else. */
  readonly through?: (url: string) => { readonly base: string; readonly url: string };
  /** Before the first edit of a calendar. */
  readonly isReady?: (url: string) => boolean;
}

async function editAll(servers: Fixture, edits: Edits, arrived: (round: number, ms: number) => unknown): Promise<void> {
  const { pairs, rounds, pauseMs, pollIntervalSeconds, isReady = () => true } = edits;
  const { through = (url) => ({ base: servers.radicale.base, url }) } = edits;
  const one = async (index: number): Promise<void> => {
    const uid = `latency-${index}@example.org`;
    const caldav = { event: object(uid, ['SUMMARY:Edit 0', ...at('20270113T090000')]) };
    const { person, owner } = await servers.open({ caldav, settings: { pollIntervalSeconds }, through });
    const client = new DavPerson(servers.radicale, through(person.url).url);
    while (!isReady(client.url)) await sleep(LOOK_EVERY_MS);
    for (let round = 1; round <= rounds + 1; round += 1) {
      await sleep(pauseMs(index, round));
      const editedAt = performance.now();
      await client.edit('event.ics', (text) => text.replace(/SUMMARY:.*\r?\n/, `SUMMARY:Edit ${round}\r\n`));
      while (!JSON.stringify(owner.list()).includes(`Edit ${round}"`)) {
        if (performance.now() - editedAt > GIVE_UP_MS) throw new Error('the edit did not arrive');
        await sleep(LOOK_EVERY_MS);
      }
      arrived(round, performance.now() - editedAt);
    }
  };
  await Promise.all(Array.from({ length: pairs }, (_, index) => one(index)));
}

function summary(what: string, samples: readonly number[]): Latency {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { what, samples: samples.length, medianMs: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
