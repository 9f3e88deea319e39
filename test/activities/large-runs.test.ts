/** Runs of many events: statements, and what a person does meanwhile. Real PostgreSQL, calendars in memory. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { createPreviewPair } from '../../activities/pair/preview-pair.ts';
import type { PreviewProgress } from '../../db/history-schema.ts';
import { changePairSettings, setPaused } from '../../db/pairs.ts';
import { testDatabase } from '../support/database.ts';
import { at } from '../support/fake-side.ts';
import { closeAll, Harness } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

async function harnessWith(count: number, eventsAtOnce?: number): Promise<Harness> {
  const harness = await Harness.open(url);
  if (eventsAtOnce) Object.assign(harness.deps, { eventsAtOnce });
  for (let index = 0; index < count; index += 1)
    harness.caldav.person.insert({ title: `Event ${index}`, when: at(1 + (index % 25)) });
  return harness;
}

/** How many statements `work` sends. */
async function statements(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (this: pg.Client, ...args: never[]) {
    count += 1;
    return (query as (...rest: never[]) => unknown).apply(this, args);
  } as typeof query;
  try {
    await work();
  } finally {
    pg.Client.prototype.query = query;
  }
  return count;
}

test('FC7: reading and planning take as many statements for 100 new events as for 10', async (context) => {
  const counts: number[] = [];
  for (const count of [10, 100]) {
    const harness = await harnessWith(count);
    Object.assign(harness.caldav.habits, { pageSize: 1_000 });
    await setPausedAtFirstWrite(harness);
    counts.push(await statements(() => assert.rejects(harness.run(), isPaused)));
  }
  context.diagnostic(`${counts.join(' and ')} statements`);
  assert.ok(counts[1]! <= counts[0]! + 5, `${counts.join(' and ')} statements`);
  assert.ok(counts[1]! <= 100, `${counts[1]} statements`);
});

/** A run ends before it writes anything. */
async function setPausedAtFirstWrite(harness: Harness): Promise<void> {
  const { store } = harness.deps;
  const { resumeRun } = store;
  store.resumeRun = async (runId) => {
    await setPaused(harness.db, harness.pairId, true);
    return resumeRun(runId);
  };
}

const isPaused = (error: unknown) => error instanceof ApplicationFailure && error.type === 'Paused';

/** Does something before the chunk with that number is planned. */
function beforeChunk(harness: Harness, number: number, work: () => Promise<unknown>): void {
  const { store } = harness.deps;
  const { pairNow } = store;
  let chunk = 0;
  let isPlanning = false;
  const { outlines } = store;
  store.outlines = (ids) => {
    isPlanning = true;
    return outlines(ids);
  };
  store.pairNow = async (pairId) => {
    if (isPlanning && (chunk += 1) === number) await work();
    return pairNow(pairId);
  };
}

test('FC5: a pause takes effect between two chunks of a plan, and what was planned is not planned twice', async () => {
  const harness = await harnessWith(30, 5);
  beforeChunk(harness, 3, () => setPaused(harness.db, harness.pairId, true));
  await assert.rejects(harness.run(), isPaused);
  assert.equal(harness.writes, 0);
  await setPaused(harness.db, harness.pairId, false);
  harness.runs -= 1;
  await harness.run();
  await harness.settle();
  assert.equal(harness.cloud.titles().length, 30);
  assert.equal(harness.cloud.writes.length, 30);
});

test('FC1: an option that changes between two chunks of a plan applies to all events', async () => {
  const harness = await harnessWith(30, 5);
  beforeChunk(harness, 3, () =>
    changePairSettings(harness.db, harness.pairId, (now) => ({
      ...now,
      options: { ...now.options, content: { toCloud: 'busy', toCaldav: 'full' } },
    })),
  );
  await harness.run();
  await harness.settle(6);
  assert.deepEqual([...new Set(harness.cloud.titles())], ['Busy']);
  assert.equal(harness.cloud.titles().length, 30);
});

test('a mass deletion is held as a whole, though its events are planned in chunks', async () => {
  const harness = await harnessWith(30, 5);
  await harness.settle();
  for (let index = 0; index < 20; index += 1) harness.cloud.person.remove(harness.cloud.find(`Event ${index}`));
  await harness.settle();
  assert.equal((await harness.held()).length, 20);
  assert.equal(harness.caldav.titles().length, 30);
});

test('FC6: only runs in which an event comes or goes count the events, and the count is right', async () => {
  const harness = await harnessWith(6);
  const { store } = harness.deps;
  const { noteEventCount } = store;
  let counts = 0;
  store.noteEventCount = (pairId) => {
    counts += 1;
    return noteEventCount(pairId);
  };
  const ran = async (change: () => void, events: number, counted: boolean): Promise<void> => {
    change();
    counts = 0;
    await harness.settle();
    assert.equal((await harness.pair()).eventCount, events);
    assert.equal(counts > 0, counted);
  };
  const { person } = harness.cloud;
  await ran(() => {}, 6, true);
  await harness.run();
  await ran(() => person.edit(harness.cloud.find('Event 1'), { title: 'Edited' }), 6, false);
  await ran(() => person.insert({ title: 'New' }), 7, true);
  await ran(() => person.remove(harness.cloud.find('Event 2')), 6, true);
  const both = { title: 'Both', uid: 'both' };
  await ran(() => void [person, harness.caldav.person].map((one) => one.insert(both)), 7, true);
  const everywhere = [harness.cloud, harness.caldav];
  await ran(() => everywhere.forEach((side) => side.person.remove(side.find('Both'))), 6, true);
});

test('FC12: a mass deletion is proved in as few requests as the side allows, and stored in parts', async () => {
  for (const [getsAtOnce, gets] of [
    [100, 3],
    [10_000, 1],
  ] as const) {
    const harness = await harnessWith(250);
    Object.assign(harness.cloud, { getsAtOnce });
    await harness.settle();
    for (const { ref } of [...harness.cloud.items.values()]) harness.cloud.person.remove(ref);
    harness.cloud.calls.length = 0;
    const { underEpoch } = harness.deps.store;
    let most = 0;
    harness.deps.store.underEpoch = (pairId, epoch, work) =>
      underEpoch(pairId, epoch, (tx, revision) => {
        const { updateSides } = tx;
        tx.updateSides = (changes) => {
          most = Math.max(most, changes.length);
          return updateSides(changes);
        };
        return work(tx, revision);
      });
    await harness.settle();
    assert.equal(harness.cloud.calls.filter((call) => call === 'get').length, gets);
    assert.equal(most, 100, 'rows in a transaction');
    assert.equal((await harness.held()).length, 250);
  }
});

test('a preview of a paused pair shows what a sync would do, with progress, outside any transaction', async () => {
  const harness = await harnessWith(450, 40);
  await setPaused(harness.db, harness.pairId, true);
  let openTransactions = -1;
  const { changes } = harness.caldav;
  harness.caldav.changes = async function* (...args) {
    openTransactions = await idleInTransaction(harness);
    yield* changes.apply(harness.caldav, args);
  };
  const reports: PreviewProgress[] = [];
  const report = async (progress: PreviewProgress) => void reports.push(progress);
  const { signal } = new AbortController();
  const answer = await createPreviewPair(harness.deps, harness.db)(harness.pairId, signal, report);
  assert.ok(typeof answer === 'object');
  assert.equal(answer.cloud.create, 450);
  assert.equal(answer.changes.length, 200);
  const starts = answer.changes.map(({ start }) => start);
  assert.deepEqual(starts, [...starts].sort());
  assert.deepEqual(reports[0], { phase: 'reading', done: 0, total: null });
  assert.equal(openTransactions, 0);
});

/** Sessions of the database that hold a transaction open while no statement runs. */
async function idleInTransaction({ db }: Harness): Promise<number> {
  const { rows } = await db.sql.execute<{ count: number }>(
    sql`select count(*)::int as count from pg_stat_activity
      where datname = current_database() and state like 'idle in transaction%'`,
  );
  return rows[0]!.count;
}
