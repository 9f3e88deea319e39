/** The supervisor with real PostgreSQL and a Temporal in memory. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { pino } from 'pino';
import { ControlError, type PairControl } from '../../api/temporal/pair-control.ts';
import { compare, type SupervisorDeps, supervise } from '../../api/temporal/supervisor.ts';
import { connect, type Db } from '../../db/connect.ts';
import { holdLease, releaseLeases, workerLease, workersByLease } from '../../db/leases.ts';
import { findPair, setPaused } from '../../db/pairs.ts';
import { createVault } from '../../db/vault.ts';
import { storedPair } from '../db/stored-pair.ts';
import { testDatabase } from '../support/database.ts';

describe('the supervisor', () => {
  let db: Db;
  let pairId: string;
  const running = new Set<string>();
  const calls: string[] = [];
  let isTemporalDown = false;
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void logged.push(JSON.parse(line) as (typeof logged)[0]) });
  const start = (id: string): Promise<void> => {
    calls.push(`start ${id}`);
    running.add(id);
    return Promise.resolve();
  };
  const control = {
    runningIds: () =>
      isTemporalDown ? Promise.reject(new ControlError('unavailable')) : Promise.resolve(new Set(running)),
    start: (pair) => start(`pair:${pair.pairId} from ${pair.begun}`),
    end: (id) => {
      calls.push(`end ${id}`);
      running.delete(id);
      return Promise.resolve();
    },
    resume: () => Promise.resolve(),
    settingsChanged: (id) => Promise.resolve(void calls.push(`poll ${id}`)),
  } as Partial<PairControl> as PairControl;
  const deps = (holder: string, more: Partial<SupervisorDeps> = {}): SupervisorDeps => ({
    db,
    control,
    bookings: {
      bookingChanged: (id) => start(`booking:${id}`),
      watch: (id) => start(`booked-calendar:${id}`),
      startWebhook: () => start('webhook'),
    },
    push: { isOn: false, start: () => start('push-channels') },
    log,
    holder,
    recoverOrphans: () => Promise.resolve(),
    prune: () => Promise.resolve({}),
    ...more,
  });
  const set = (what: string): Promise<unknown> => db.sql.execute(sql.raw(`update pairs set ${what}`));

  before(async () => {
    db = connect(await testDatabase(), createVault([randomBytes(32)], randomBytes(32)), { poolSize: 3 });
    pairId = await storedPair(db);
  });
  after(() => db.close());
  beforeEach(async () => {
    running.clear();
    for (const list of [calls, logged]) list.length = 0;
    isTemporalDown = false;
    await set(`paused = false, failures = 0, next_poll_at = now() + interval '1 minute', not_before = null`);
  });

  it('FC3: starts a workflow that is missing, terminated or cancelled, from its last run, and no other', async () => {
    await db.sql.execute(sql`insert into runs (id, pair_id, number, trigger, started_at, result)
      values (${randomUUID()}, ${pairId}, 7, 'poll', now(), 'ok')`);
    assert.deepEqual(await compare(deps('a')), {
      started: 1,
      ended: 0,
      polledAgain: 0,
      restarted: 0,
      dueTimesReset: 0,
    });
    assert.deepEqual(calls, [`start pair:${pairId} from 7`]);
    running.add(`pair:${pairId}`);
    calls.length = 0;
    assert.deepEqual(await compare(deps('a')), {
      started: 0,
      ended: 0,
      polledAgain: 0,
      restarted: 0,
      dueTimesReset: 0,
    });
    assert.deepEqual(calls, []);
  });

  it('FC11: ends workflows whose row is gone, and no others', async () => {
    const gone = [`pair:${randomUUID()}`, `booking:${randomUUID()}`, `booked-calendar:${randomUUID()}`];
    for (const id of [...gone, `pair:${pairId}`, 'webhook', 'pair:of-somebody-else', 'theirs']) running.add(id);
    assert.equal((await compare(deps('a'))).ended, 3);
    assert.deepEqual(calls.sort(), gone.map((id) => `end ${id}`).sort());
  });

  it('FC3: logs a pair that nobody polls, and polls it again, but not in every round', async () => {
    running.add(`pair:${pairId}`);
    await set(`next_poll_at = now() - interval '6 minutes'`);
    const again: Parameters<typeof compare>[1] = new Map();
    assert.equal((await compare(deps('a'), again)).polledAgain, 1);
    assert.equal((await compare(deps('a'), again)).polledAgain, 0);
    assert.deepEqual(calls, [`poll ${pairId}`]);
    assert.equal(logged[0]?.['pairId'], pairId);
    await set(`next_poll_at = now() - interval '4 minutes'`);
    assert.equal((await compare(deps('a'))).polledAgain, 0);
    await set(`next_poll_at = now() - interval '6 minutes', paused = true`);
    assert.equal((await compare(deps('a'))).polledAgain, 0);
  });

  it('FC3: starts a workflow anew that runs and does not poll, seldom, and only where there are workers', async () => {
    const id = `pair:${pairId}`;
    await set(`next_poll_at = now() - interval '6 minutes'`);
    const again: Parameters<typeof compare>[1] = new Map();
    const MINUTE_MS = 60_000;
    const restarts: number[] = [];
    for (let minute = 0; minute < 33; minute += 1) {
      running.add(id);
      if (minute === 2) await holdLease(db, workerLease('1@a/x'), '1@a/x');
      if ((await compare(deps('a'), again, minute * MINUTE_MS)).restarted > 0) restarts.push(minute);
    }
    assert.deepEqual(restarts, [2, 19]);
    const begins = calls.findIndex((call) => call.startsWith('end'));
    assert.deepEqual(
      calls.slice(begins, begins + 2).map((call) => call.replace(/ from .*/, '')),
      [`end ${id}`, `start ${id}`],
    );
    await releaseLeases(db, '1@a/x');
  });

  it('FC3: resets a due time that is further ahead than the interval allows: the clock was set back', async () => {
    running.add(`pair:${pairId}`);
    for (const [ahead, failures, isReset] of [
      ['1 minute', 0, false],
      ['3 minutes', 0, true],
      ['6 hours', 3, false],
      ['26 hours', 3, true],
    ] as const) {
      calls.length = 0;
      await set(`next_poll_at = now() + interval '${ahead}', failures = ${failures}`);
      assert.equal((await compare(deps('a'))).dueTimesReset, isReset ? 1 : 0, ahead);
      assert.deepEqual(calls, isReset ? [`poll ${pairId}`] : []);
      if (isReset) assert.ok((await findPair(db, pairId))!.nextPollAt! <= new Date(Date.now() + 1_000));
    }
  });

  it('FC3: polls a pair now that was polled in the future, and forgets what it was to wait for', async () => {
    running.add(`pair:${pairId}`);
    for (const [ahead, isReset] of [
      ['30 seconds', false],
      ['10 hours', true],
    ] as const) {
      await set(`failures = 3, not_before = now() + interval '10 hours',
        cloud_polls = jsonb_build_object('polledAt', now() + interval '${ahead}')`);
      assert.equal((await compare(deps('a'))).dueTimesReset, isReset ? 1 : 0, ahead);
      const { rows } = await db.sql.execute(sql`select not_before is null as is_free from pairs`);
      assert.deepEqual(rows, [{ is_free: isReset }]);
    }
    await set(`cloud_polls = '{}'`);
  });

  it('a stalled pair says so when it is read, without a supervisor, and not while it is paused', async () => {
    const status = async () => {
      const pair = (await findPair(db, pairId))!;
      return [pair.status, pair.attentionReason];
    };
    await set(`first_run_at = now()`);
    for (const [interval, late, isStalled] of [
      [5, '110 seconds', false],
      [5, '130 seconds', true],
      [60, '290 seconds', false],
      [60, '310 seconds', true],
      [3_600, '890 seconds', false],
      [3_600, '910 seconds', true],
    ] as const) {
      await set(`poll_interval_seconds = ${interval}, next_poll_at = now() - interval '${late}'`);
      assert.deepEqual(await status(), isStalled ? ['attention', 'stalled'] : ['active', null], `${interval} ${late}`);
    }
    await setPaused(db, pairId, true);
    assert.equal((await status())[0], 'paused');
    await setPaused(db, pairId, false);
    assert.deepEqual(await status(), ['active', null], 'a pair that is resumed is due now');
    await set(`poll_interval_seconds = 60`);
  });

  it('is one process at a time; another takes over when its lease has run out', async () => {
    let rounds = 0;
    const recoverOrphans = (): Promise<void> => Promise.resolve(void (rounds += 1));
    const first = supervise(deps('a'));
    while (!(await db.sql.execute(sql`select 1 from leases where holder = 'a'`)).rows.length) await sleep(10);
    const second = supervise(deps('b', { recoverOrphans }));
    await sleep(200);
    await Promise.all([first.stop(), second.stop()]);
    assert.equal(rounds, 0);
    await db.sql.execute(sql`update leases set until = now() - interval '1 second'`);
    const third = supervise(deps('b', { recoverOrphans }));
    await third.stop();
    assert.equal(rounds, 1);
    await db.sql.execute(sql`update leases set until = now() + interval '10 hours'`);
    const fourth = supervise(deps('a', { recoverOrphans }));
    await fourth.stop();
    assert.equal(rounds, 2, 'the clock of the database was set back');
    await releaseLeases(db, 'a');
  });

  it('goes on after a round in which Temporal did not answer', async () => {
    isTemporalDown = true;
    await supervise(deps('a')).stop();
    assert.equal(logged[0]?.['reason'], 'unavailable');
    await releaseLeases(db, 'a');
  });

  it('knows workers that live by their leases', async () => {
    for (const worker of ['1@a/x', '2@b/y']) assert.ok(await holdLease(db, workerLease(worker), worker));
    await db.sql.execute(sql`update leases set until = now() - interval '1 second' where holder = '1@a/x'`);
    const { live, dead } = await workersByLease(db);
    assert.deepEqual([[...live], dead], [['2@b/y'], ['1@a/x']]);
  });
});
