/**
 * How long an edit on a polled CalDAV server takes until it is written in the cloud: the first one, and a second one
 * within two minutes, with a real Radicale and the Google fake. Several pairs are edited at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startServers } from '../support/fixture.ts';
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

/** @param pairs how many are edited at once @param rounds second edits of each pair */
export async function measureLatency(pairs: number, rounds: number): Promise<Latency[]> {
  const servers = await startServers(() => GOOGLE.start());
  try {
    const first: number[] = [];
    const second: number[] = [];
    const one = async (index: number): Promise<void> => {
      const uid = `latency-${index}@example.org`;
      const caldav = { event: object(uid, ['SUMMARY:Edit 0', ...at('20270113T090000')]) };
      const { person, owner } = await servers.open({ caldav, settings: { pollIntervalSeconds: 60 } });
      for (let round = 1; round <= rounds + 1; round += 1) {
        // A person edits again after up to 100 s.
        await sleep(1_000 + ((index * 37 + round * 29) % 100) * 1_000);
        const editedAt = performance.now();
        await person.edit('event.ics', (text) => text.replace(/SUMMARY:.*\r?\n/, `SUMMARY:Edit ${round}\r\n`));
        while (!JSON.stringify(owner.list()).includes(`Edit ${round}`)) {
          if (performance.now() - editedAt > GIVE_UP_MS) throw new Error('the edit did not arrive');
          await sleep(LOOK_EVERY_MS);
        }
        (round === 1 ? first : second).push(performance.now() - editedAt);
      }
    };
    await Promise.all(Array.from({ length: pairs }, (_, index) => one(index)));
    return [summary('first edit on polled CalDAV', first), summary('second edit within two minutes', second)];
  } finally {
    await servers.stop();
  }
}

function summary(what: string, samples: readonly number[]): Latency {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { what, samples: samples.length, medianMs: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
