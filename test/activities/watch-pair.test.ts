/** The long poll of a pair with real PostgreSQL: what a turn costs, when it ends, and what a late one can still do. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { eq } from 'drizzle-orm';
import type { Deps } from '../../activities/deps.ts';
import { createActivities } from '../../activities/index.ts';
import { PollLoops } from '../../activities/poll-loop.ts';
import { SyncError } from '../../core/sync-error.ts';
import { accounts, pairs } from '../../db/schema.ts';
import type { PairState, PollResult } from '../../workflows/messages.ts';
import { testDatabase } from '../support/database.ts';
import { closeAll, Harness } from './harness.ts';

describe('watchPair', { timeout: 60_000 }, () => {
  let url: string;
  before(async () => {
    url = await testDatabase();
  });
  after(closeAll);

  /** A call of the activity; time passes only where it sleeps, and `onSleep` may do something first. */
  function call(
    harness: Harness,
    onSleep: (count: number, ms: number) => Promise<void> | void,
    { deps = harness.deps, loops = new PollLoops(), state = 'active' as PairState, random = 0.5 } = {},
  ): { ended: Promise<PollResult>; beats: unknown[] } {
    let count = 0;
    const clock: Deps['clock'] = {
      now: () => new Date(harness.clock.now),
      every: () => () => {},
      async sleep(ms, signal) {
        count += 1;
        await onSleep(count, ms);
        if (signal.aborted) throw signal.reason;
        harness.clock.now += ms;
      },
    };
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    const beats: unknown[] = [];
    environment.on('heartbeat', (details: unknown) => beats.push(details));
    const { watchPair } = createActivities({ ...deps, clock, random: () => random }, { loops });
    return { ended: environment.run(watchPair, { pairId: harness.pairId, state }), beats };
  }

  /** Counts how often each side is asked for its changes. */
  function readsOf(harness: Harness): { caldav: number; cloud: number } {
    const reads = { caldav: 0, cloud: 0 };
    for (const side of ['caldav', 'cloud'] as const)
      harness.side(side).hook = (call, when) => {
        if (call === 'changes' && when === 'before') reads[side] += 1;
      };
    return reads;
  }

  async function settled(): Promise<Harness> {
    const harness = await Harness.open(url);
    harness.caldav.person.insert({ title: 'A' });
    await harness.settle();
    return harness;
  }

  /** Counts the statements that are sent to PostgreSQL. */
  function counting(harness: Harness): { count: number; stop(): void } {
    const pool = harness.db.pool!;
    const counter = { count: 0, stop: () => void (pool.query = query) };
    const query = pool.query;
    pool.query = ((...rest: unknown[]) => {
      counter.count += 1;
      return (query as (...all: unknown[]) => unknown).apply(pool, rest);
    }) as typeof pool.query;
    return counter;
  }

  it('FC7: an idle turn costs two statements, and the call ends after about an hour', async () => {
    const harness = await settled();
    let counter: ReturnType<typeof counting> | undefined;
    const beganAt = harness.clock.now;
    const { ended, beats } = call(harness, (count) => {
      if (count === 2) counter = counting(harness);
      if (count === 12) {
        counter!.stop();
        assert.equal(counter!.count, 20);
      }
    });
    assert.deepEqual(await ended, { kind: 'hand-over' });
    const minutes = (harness.clock.now - beganAt) / 60_000;
    assert.ok(minutes >= 59 && minutes <= 62, `${minutes} minutes`);
    assert.deepEqual(Object.keys(beats[0] as object), ['at', 'result', 'nextPollAt']);
    const row = await harness.pair();
    assert.ok(row.nextPollAt!.getTime() > harness.clock.now);
  });

  it('returns when a side changed, and when the state of the pair changed', async () => {
    const harness = await settled();
    const changed = call(harness, (count) => void (count === 3 && harness.cloud.person.insert({ title: 'B' })));
    assert.deepEqual(await changed.ended, { kind: 'changed' });
    await harness.run('poll', { polled: true });
    const paused = call(harness, () => harness.set({ attention: 'quota' }));
    assert.deepEqual(await paused.ended, { kind: 'state', state: 'attention', reason: 'quota' });
  });

  it('rests on a timer of the workflow where nothing is due within ten minutes', async () => {
    const harness = await settled();
    await harness.set({ pollIntervalSeconds: 86_400 });
    const result = await call(harness, () => {}).ended;
    assert.ok(result.kind === 'rest' && result.restMs > 23 * 3_600_000);
    await harness.set({ pollIntervalSeconds: 60, notBefore: new Date(harness.clock.now + 3_600_000) });
    const waits = await call(harness, () => {}).ended;
    assert.ok(waits.kind === 'rest' && Math.abs(waits.restMs - 3_600_000) < 1_000);
  });

  it('polls the side that changed every 5 s, and the other one at the interval of the pair', async () => {
    const harness = await settled();
    const reads = readsOf(harness);
    const deps = { ...harness.deps, latency: 'seconds' as const };
    const idle = call(harness, (count) => void (count === 2 && harness.caldav.person.insert({ title: 'B' })), { deps });
    assert.deepEqual(await idle.ended, { kind: 'changed' });
    assert.deepEqual(reads, { caldav: 2, cloud: 2 });
    await harness.run('poll', { polled: true });
    const loops = new PollLoops();
    const beganAt = harness.clock.now;
    const eager = call(harness, () => void (harness.clock.now > beganAt + 110_000 && loops.handOver()), {
      deps,
      loops,
    });
    await eager.ended;
    assert.ok(reads.caldav >= 22 && reads.caldav <= 27, `${reads.caldav}`);
    assert.ok(reads.cloud >= 3 && reads.cloud <= 5, `${reads.cloud}`);
  });

  it('a change of what is on both sides is synced without asking the other side, and a new event with it', async () => {
    for (const [what, cloudReads] of [
      ['an edit', 0],
      ['a new event', 1],
    ] as const) {
      const harness = await settled();
      const { now } = harness.clock;
      await harness.set({
        caldavDueAt: new Date(now),
        cloudDueAt: new Date(now + 55_000),
        cloudPolls: { polledAt: new Date(now - 5_000).toISOString() },
      });
      const [ref] = harness.caldav.items.keys();
      if (what === 'an edit') harness.caldav.person.edit(ref!, { title: 'A2' });
      else harness.caldav.person.insert({ title: 'B' });
      const reads = readsOf(harness);
      assert.equal(await harness.poll(), 'changed');
      assert.deepEqual(reads, { caldav: 1, cloud: cloudReads }, what);
    }
  });

  it('a side that fails waits alone: the other is polled on, and what it has is synced once both answer', async () => {
    const harness = await settled();
    harness.caldav.failNext('changes', new SyncError('throttled', 'slowly', { retryAfterMs: 300_000 }));
    harness.advance(61);
    assert.equal(await harness.poll(), 'Waiting');
    harness.cloud.person.insert({ title: 'B' });
    harness.advance(61);
    assert.equal(await harness.poll(), 'Waiting');
    const row = await harness.pair();
    assert.equal(row.caldavPolls.failure?.count, 1, 'it was not asked again');
    assert.equal(row.cloudPolls.failure, undefined);
    assert.equal(row.cloudDueAt?.getTime(), row.nextPollAt?.getTime(), 'the earlier one');
    assert.ok(row.caldavDueAt! > row.cloudDueAt!);
    assert.equal(row.notBefore?.getTime(), Date.parse(row.caldavPolls.failure!.notBefore!));
    assert.equal((await harness.linkRows()).length, 2);
    harness.advance(300);
    assert.equal(await harness.poll(), 'changed');
    const healed = await harness.pair();
    assert.deepEqual([healed.failures, healed.notBefore, healed.caldavPolls.failure], [0, null, undefined]);
  });

  it('a sleeping loop is handed over at once when its worker stops, and the next one goes on', async () => {
    const harness = await settled();
    const loops = new PollLoops();
    const { ended } = call(harness, () => loops.handOver(), { loops });
    assert.deepEqual(await ended, { kind: 'hand-over' });
    assert.deepEqual(
      await call(harness, () => {}, { loops }).ended,
      { kind: 'hand-over' },
      'nor does it begin another',
    );
  });

  it('a later call, or a run, ends the loop of its pair in the same process at once', async () => {
    const harness = await settled();
    const loops = new PollLoops();
    let next: ReturnType<typeof call> | undefined;
    const first = call(
      harness,
      async () => {
        next = call(harness, () => loops.handOver(), { loops });
        await next.ended;
      },
      { loops },
    );
    assert.deepEqual(await first.ended, { kind: 'hand-over' });
    assert.deepEqual(await next!.ended, { kind: 'hand-over' });
  });

  it('an old loop of another process that wakes stores nothing, during a poll nor before one', async () => {
    for (const moment of ['before', 'during'] as const) {
      const harness = await settled();
      const takeOver = () => harness.deps.store.beginPoll(harness.pairId, 'another');
      let row: typeof pairs.$inferSelect | undefined;
      const store = Object.assign(Object.create(harness.deps.store) as typeof harness.deps.store, {
        async pollInput(...rest: Parameters<typeof harness.deps.store.pollInput>) {
          const input = await harness.deps.store.pollInput(...rest);
          if (moment === 'during' && isAwake) {
            await takeOver();
            row = await harness.pair();
          }
          return input;
        },
      });
      let isAwake = false;
      const { ended } = call(
        harness,
        async () => {
          isAwake = true;
          harness.caldav.person.insert({ title: 'new' });
          if (moment === 'before') {
            await takeOver();
            row = await harness.pair();
          }
        },
        { deps: { ...harness.deps, store } },
      );
      assert.deepEqual(await ended, { kind: 'hand-over' });
      assert.deepEqual(await harness.pair(), row, moment);
      assert.equal((await harness.linkRows()).length, 1);
    }
  });

  it('FC3: a provider that is not configured is attention with its reason, keeps trying, and heals', async () => {
    const harness = await settled();
    const providers = new Map(harness.deps.providers);
    const deps = { ...harness.deps, providers };
    const fake = providers.get('fake')!;
    providers.delete('fake');
    const broken = await call(harness, () => {}, { deps }).ended;
    assert.deepEqual(broken, { kind: 'state', state: 'attention', reason: 'error' });
    assert.match((await harness.pair()).statusDetail!, /not configured in this installation/);
    const healed = await call(harness, (count) => void (count === 2 && providers.set('fake', fake)), {
      deps,
      state: 'attention',
    }).ended;
    assert.deepEqual(healed, { kind: 'state', state: 'active', reason: null });
  });

  it('FC3: credentials that cannot be decrypted are attention, and heal with new ones', async () => {
    const harness = await settled();
    const all = await harness.db.sql.select().from(accounts);
    await harness.db.sql.update(accounts).set({ credentials: Buffer.from('not sealed with our key') });
    const broken = await call(harness, () => {}).ended;
    assert.deepEqual(broken, { kind: 'state', state: 'attention', reason: 'credentials' });
    const healed = await call(
      harness,
      async (count) => {
        if (count !== 2) return;
        for (const { id, credentials } of all)
          await harness.db.sql.update(accounts).set({ credentials }).where(eq(accounts.id, id));
      },
      { state: 'attention' },
    ).ended;
    assert.deepEqual(healed, { kind: 'state', state: 'active', reason: null });
  });

  it('FC3: an error of our own ends no poll: it is logged once, and the loop goes on', async () => {
    const harness = await settled();
    let failures = 0;
    const store = Object.assign(Object.create(harness.deps.store) as typeof harness.deps.store, {
      pollInput(...rest: Parameters<typeof harness.deps.store.pollInput>) {
        if ((failures += 1) <= 4) return Promise.reject(new Error('a mistake of ours'));
        return harness.deps.store.pollInput(...rest);
      },
    });
    const delays: number[] = [];
    const loops = new PollLoops();
    const { ended } = call(
      harness,
      (count, ms) => {
        delays.push(ms);
        if (count === 5) loops.handOver();
      },
      { deps: { ...harness.deps, store }, loops },
    );
    assert.deepEqual(await ended, { kind: 'hand-over' });
    assert.deepEqual(delays.slice(0, 4), [5_000, 10_000, 20_000, 40_000]);
    assert.equal(harness.mistakes.length, 1);
  });

  it('FC11: a run number that was used before its run was requested is another run', async () => {
    const harness = await settled();
    const { store } = harness.deps;
    const of = (requestedAt: number, number = 1) =>
      store.beginRun({
        pairId: harness.pairId,
        number,
        trigger: 'signal',
        now: new Date(harness.clock.now),
        requestedAt: new Date(requestedAt),
      });
    const [first] = await harness.runRows();
    assert.equal((await of(first!.startedAt.getTime()))!.run.id, first!.id, 'repeated: its answer was lost');
    const later = (await of(harness.clock.now + 1))!;
    assert.ok(later.run.id !== first!.id && later.run.number > first!.number && later.run.finishedAt === null);
  });
});
