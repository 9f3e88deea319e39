/**
 * Results of writes are stored in groups: how many statements that takes, and what becomes of a group when something
 * goes wrong in the middle. Real PostgreSQL, calendars in memory. Crashes at every statement: crash.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eq } from 'drizzle-orm';
import { Client } from 'pg';
import { ops } from '../../db/schema.ts';
import { testDatabase } from '../support/database.ts';
import { closeAll, Harness } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

test('a new event costs at most 8 SQL statements in a batch of 100, a changed or deleted one, too', async (context) => {
  const harness = await Harness.open(url, { caldav: { answers: 'sent' }, options: { holdDeletions: NO_LIMIT } });
  const titles = Array.from({ length: 100 }, (_, index) => `E${index}`);
  const phases = {
    new: () => titles.forEach((title) => harness.caldav.person.insert({ title })),
    changed: () =>
      titles.forEach((title) => harness.cloud.person.edit(harness.cloud.find(title), { location: 'here' })),
    deleted: () => titles.slice(0, 90).forEach((title) => harness.caldav.person.remove(harness.caldav.find(title))),
  };
  for (const [name, edit] of Object.entries(phases)) {
    edit();
    harness.advance(61);
    const calls = harness.caldav.calls.length + harness.cloud.calls.length;
    const [poll, run] = [
      await statementsOf(() => harness.poll()),
      await statementsOf(() => harness.run('poll', { polled: true })),
    ];
    const requests = harness.caldav.calls.length + harness.cloud.calls.length - calls;
    context.diagnostic(
      `100 ${name}: ${poll} statements in the poll, ${run} in the run, ${requests} calls of the sides`,
    );
    assert.ok((poll + run) / 90 <= 8, `${poll + run} statements`);
    assert.ok(requests <= 110, `${requests} calls`);
  }
  assert.deepEqual(harness.caldav.titles(), harness.cloud.titles());
  assert.equal(harness.cloud.titles().length, 10);
});

test('a pause while 8 writes are under way: none begins after it, and what those 8 did is stored', async () => {
  const harness = await withEvents(120);
  let [underWay, peak] = [0, 0];
  let isPaused = false;
  let afterPause = 0;
  harness.cloud.hook = async (call, when) => {
    if (call !== 'create') return;
    if (when === 'after') {
      // More at once are faster. (The calendar in memory adds a second itself.)
      harness.clock.now += 100 / peak - 1000;
      underWay -= 1;
      return;
    }
    underWay += 1;
    peak = Math.max(peak, underWay);
    if (isPaused) afterPause += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (underWay === 8 && !isPaused) {
      await harness.set({ paused: true });
      isPaused = true;
    }
  };
  await assert.rejects(harness.run('signal'), /paused/);
  assert.ok(isPaused, 'eight writes were under way at once');
  assert.equal(afterPause, 0);
  assert.equal(underWay, 0, 'the attempt ends after its writes');
  assert.equal(await countDone(harness), harness.cloud.writes.length);
  await harness.set({ paused: false });
  await harness.settle();
  assert.deepEqual(harness.cloud.titles(), harness.caldav.titles());
});

test('one result that cannot be stored does not fail the others of its group', async () => {
  const harness = await withEvents(8);
  const { create } = harness.cloud;
  // PostgreSQL cannot store a NUL character.
  harness.cloud.create = async (event, ...rest) => {
    const written = await create.call(harness.cloud, event, ...rest);
    return event.title === 'E3' ? { ...written, version: '\u0000' } : written;
  };
  await assert.rejects(harness.run('signal'));
  assert.equal(harness.cloud.writes.length, 8);
  assert.equal(await countDone(harness), 7);
  harness.cloud.create = create;
  await harness.settle();
  assert.deepEqual(harness.cloud.titles(), harness.caldav.titles());
});

test('a run that was superseded before its group is stored stores nothing of it, and nothing is doubled', async () => {
  const harness = await withEvents(6);
  let isSuperseded: Promise<unknown> | null = null;
  harness.cloud.hook = async (call, when) => {
    if (call !== 'create' || when !== 'after') return;
    isSuperseded ??= harness.pair().then(({ epoch }) => harness.set({ epoch: epoch + 1 }));
    await isSuperseded;
  };
  await assert.rejects(harness.run('signal'), /Superseded/);
  assert.equal(await countDone(harness), 0);
  // The second one may come too late.
  assert.ok([1, 2].includes(harness.cloud.writes.length), 'no write begins after that');
  harness.cloud.hook = null;
  await harness.settle();
  assert.deepEqual(harness.cloud.titles(), harness.caldav.titles());
});

test('what is nearest to today is written first, and deletions last', async () => {
  const harness = await Harness.open(url, { options: { holdDeletions: NO_LIMIT } });
  harness.cloud.writesAtOnce = 1;
  for (const title of ['old', 'gone']) harness.caldav.person.insert({ title });
  await harness.settle();
  harness.caldav.person.remove(harness.caldav.find('gone'));
  const on = (day: string) => ({ allDay: true, start: day, end: `${day.slice(0, 9)}9` }) as const;
  for (const [title, day] of [
    ['in a year', '2027-06-10'],
    ['a year ago', '2025-06-10'],
    ['this week', '2026-06-12'],
    ['in autumn', '2026-10-01'],
  ] as const)
    harness.caldav.person.insert({ title, when: on(day) });
  harness.caldav.person.insert({
    title: 'since years',
    when: on('2019-01-07'),
    recurrence: { rules: ['RRULE:FREQ=WEEKLY'], dates: [] },
  });
  harness.cloud.writes.length = 0;
  await harness.run('signal');
  const written = harness.cloud.writes.map(({ title }) => title);
  assert.deepEqual(new Set(written.slice(0, 2)), new Set(['this week', 'since years']));
  assert.deepEqual(written.slice(2), ['in autumn', 'in a year', 'a year ago', 'gone']);
});

test('what failed before is written last, however near it is', async () => {
  const harness = await Harness.open(url, {});
  harness.cloud.writesAtOnce = 1;
  harness.caldav.person.insert({ title: 'failing', when: { allDay: true, start: '2026-06-12', end: '2026-06-13' } });
  harness.cloud.failNext('create', 'unreachable', { times: 9 });
  assert.equal((await harness.run('signal')).result, 'partial');
  harness.cloud.faults.length = 0;
  harness.caldav.person.insert({ title: 'far', when: { allDay: true, start: '2031-06-12', end: '2031-06-13' } });
  harness.caldav.person.insert({ title: 'near', when: { allDay: true, start: '2026-06-14', end: '2026-06-15' } });
  await harness.run('signal');
  assert.deepEqual(
    harness.cloud.writes.map(({ title }) => title),
    ['near', 'far', 'failing'],
  );
});

const NO_LIMIT = { moreThan: 1_000, percent: 100 };

async function withEvents(count: number): Promise<Harness> {
  const harness = await Harness.open(url, {});
  for (let index = 0; index < count; index += 1) harness.caldav.person.insert({ title: `E${index}` });
  harness.cloud.writesAtOnce = 8;
  return harness;
}

async function countDone({ db, pairId }: Harness): Promise<number> {
  const rows = await db.sql.select({ status: ops.status }).from(ops).where(eq(ops.pairId, pairId));
  return rows.filter(({ status }) => status === 'done').length;
}

/** The statements that `work` sends to PostgreSQL, with those that begin and end transactions. */
async function statementsOf(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const { query } = Client.prototype;
  Client.prototype.query = function (this: Client, ...args: unknown[]): never {
    count += 1;
    return (query as (...rest: unknown[]) => unknown).apply(this, args) as never;
  } as never;
  try {
    await work();
  } finally {
    Client.prototype.query = query;
  }
  return count;
}
