/**
 * What the API does in the middle of a run: each statement of a run is a numbered place, and a call is played before
 * it, on a connection of its own. The call may wait for the run's transaction, but neither of them ever fails for the
 * other (a deadlock is an error of PostgreSQL), and in the end both calendars agree under the new settings.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import pg from 'pg';
import { pollOnce } from '../../activities/pair/poll-pair.ts';
import type { PairOptions } from '../../core/sync/policy.ts';
import { connect, type Db } from '../../db/connect.ts';
import { Superseded } from '../../db/epoch.ts';
import { decideHeldChanges } from '../../db/held-changes.ts';
import { includeEvent } from '../../db/links.ts';
import { changePairSettings, findPair, requestMatching, setPaused } from '../../db/pairs.ts';
import { postgresStore } from '../../db/postgres-store.ts';
import { requestUndo } from '../../db/undo-requests.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';
import { numberArgument } from '../support/number-argument.ts';
import { closeAll, Harness } from './harness.ts';

/** A quick run takes some of the places, other ones each time. All: `--every=1`. */
const EVERY = numberArgument('every', 12);
/** A call that takes longer waits for a lock of the run. */
const CALL_WITHIN_MS = 25;

let url: string;
let api: Db;
before(async () => {
  url = await testDatabase();
  const separate = new URL(url);
  separate.searchParams.set('application_name', 'api');
  api = connect(separate.href, createVault([randomBytes(32)], randomBytes(32)));
});
after(async () => {
  await api?.close();
  await closeAll();
});

/** Plays a call before the statement of a run with that number. */
class Places {
  count = 0;
  at = Infinity;
  call: Promise<unknown> | null = null;
  play: () => Promise<unknown> = () => Promise.resolve();

  async before(client: pg.Client): Promise<void> {
    if (
      (client as unknown as { connectionParameters: { application_name: string } }).connectionParameters
        .application_name === 'api'
    )
      return;
    this.count += 1;
    if (this.count !== this.at) return;
    this.call = this.play();
    // Whoever waits for it sees the error.
    this.call.catch(() => undefined);
    await Promise.race([this.call, new Promise((resolve) => setTimeout(resolve, CALL_WITHIN_MS))]);
  }
}

/** Runs `work` with a call played before the statement with that number. Returns how many statements there were. */
async function playing(at: number, play: () => Promise<unknown>, work: () => Promise<unknown>): Promise<number> {
  const places = new Places();
  Object.assign(places, { at, play });
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (this: pg.Client, ...args: never[]) {
    return places.before(this).then(() => (query as (...rest: never[]) => Promise<unknown>).apply(this, args));
  } as unknown as typeof query;
  try {
    await work();
    await places.call;
  } finally {
    pg.Client.prototype.query = query;
  }
  return places.count;
}

/** What a run may end with when it was overtaken; Temporal tries it again. */
function isExpected(error: unknown): boolean {
  return error instanceof Superseded || (error instanceof ApplicationFailure && error.type === 'Paused');
}

const HOLDS_NONE = { moreThan: 1_000, percent: 100 };
const NOTHING = () => Promise.resolve();
const TITLES = ['A', 'B', 'C', 'D'];

/** Edits on both sides, a deletion, and a new event. */
function edit(harness: Harness, round: number): void {
  const { caldav, cloud } = harness;
  caldav.person.edit(caldav.find('A'), { location: `room ${round}` });
  cloud.person.edit(cloud.find('B'), { location: `hall ${round}` });
  caldav.person.edit(caldav.find('C'), { location: `caldav ${round}` });
  cloud.person.edit(cloud.find('C'), { description: `cloud ${round}` });
  caldav.person.insert({ title: `new ${round}` });
  if (round > 1) cloud.person.remove(cloud.find(`new ${round - 1}`));
}

interface Call {
  readonly title: string;
  /** When deletions are held. */
  readonly holds?: PairOptions['holdDeletions'];
  play(harness: Harness, round: number): Promise<unknown>;
  /** What makes the pair run again as before. */
  afterwards?(harness: Harness): Promise<unknown>;
  check?(harness: Harness, round: number): Promise<void>;
}

const CALLS: readonly Call[] = [
  {
    title: 'PATCH of an option',
    play: ({ pairId }, round) =>
      changePairSettings(api, pairId, (now) => ({
        ...now,
        options: { ...now.options, holdDeletions: { moreThan: 1_000 + round, percent: 100 } },
      })),
    check: async ({ pairId }, round) =>
      assert.equal((await findPair(api, pairId))?.options.holdDeletions?.moreThan, 1_000 + round),
  },
  {
    title: 'pause',
    play: ({ pairId }) => setPaused(api, pairId, true),
    afterwards: ({ pairId }) => setPaused(api, pairId, false),
  },
  { title: 'resync', play: ({ pairId }) => requestMatching(api, pairId) },
  {
    title: 'decisions about all held changes',
    holds: { moreThan: 0, percent: 0 },
    play: ({ pairId }) => decideHeldChanges(api, pairId, null, 'apply'),
    afterwards: async (harness) => {
      await harness.run();
      await decideHeldChanges(api, harness.pairId, null, 'apply');
    },
  },
  {
    title: 'an event that is synced again by name',
    play: async (harness) => {
      for (const { id } of await harness.linkRows()) await includeEvent(api, harness.pairId, id);
    },
  },
  { title: 'undo of nothing', play: ({ pairId }) => requestUndo(api, pairId, { changeIds: [] }) },
  {
    title: 'a poll that was given up',
    play: async (harness) => {
      const deps = { ...harness.deps, store: postgresStore({ ...api, vault: harness.db.vault }) };
      await pollOnce(deps, { pairId: harness.pairId, state: harness.state }, new AbortController().signal).catch(
        (error: unknown) => {
          if (!isExpected(error)) throw error;
        },
      );
    },
  },
];

for (const call of CALLS)
  describe(`${call.title}, between any two statements of a run`, () => {
    it('waits or goes on, and nothing is lost', async (context) => {
      const harness = await Harness.open(url, { options: { holdDeletions: call.holds ?? HOLDS_NONE } });
      for (const title of TITLES) harness.caldav.person.insert({ title });
      await harness.settle();
      edit(harness, 1);
      const places = await playing(Infinity, NOTHING, () => harness.run());
      let played = 0;
      const first = 1 + Math.floor(Math.random() * EVERY);
      for (let at = first, round = 2; at < places; at += EVERY, round += 1) {
        edit(harness, round);
        await playing(
          at,
          () => call.play(harness, round),
          async () => {
            await harness.run().catch((error: unknown) => {
              if (!isExpected(error)) throw error;
            });
          },
        );
        played += 1;
        await call.check?.(harness, round);
        await call.afterwards?.(harness);
        // A run that was cut short is repeated by Temporal.
        await harness.run();
        await harness.settle(6);
        assert.deepEqual(harness.mistakes, [], `before statement ${at}`);
        const [caldav, cloud] = [harness.caldav, harness.cloud].map((side) =>
          side
            .events()
            .map(({ title, location, description }) => `${title} ${location} ${description}`)
            .sort(),
        );
        assert.deepEqual(caldav, cloud, `before statement ${at}`);
        assert.equal(cloud?.length, TITLES.length + 1, `before statement ${at}`);
        assert.ok(
          cloud?.some((line) => line.includes(`hall ${round}`)),
          `before statement ${at}`,
        );
        assert.ok(
          cloud?.some((line) => line === `C caldav ${round} cloud ${round}`),
          `before statement ${at}`,
        );
      }
      context.diagnostic(`${played} of ${places} places`);
      assert.ok(played > 5);
    });
  });
