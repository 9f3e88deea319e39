/** Which writes are read back. Real PostgreSQL, calendars in memory. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../support/database.ts';
import { closeAll, Harness } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

/** A pair whose CalDAV server names the version of what was sent. */
async function withEtags(rewrites: boolean): Promise<Harness> {
  return Harness.open(url, {
    caldav: {
      answers: 'sent',
      namesVersion: true,
      ...(rewrites ? { rewrite: (event) => ({ ...event, location: `${event.location}.` }) } : {}),
    },
  });
}

/** Calls of `get` that one run makes for so many new events. */
async function readsOf(harness: Harness, events: number, name: string): Promise<number> {
  const { calls } = harness.caldav;
  for (let index = 0; index < events; index += 1) harness.cloud.person.insert({ title: `${name} ${index}` });
  calls.length = 0;
  assert.equal((await harness.run('signal')).result, 'ok');
  return calls.filter((call) => call === 'get').length;
}

test('an ETag confirms a write once the server was seen to store what was sent', async () => {
  const harness = await withEtags(false);
  assert.equal(await readsOf(harness, 3, 'first'), 1, 'nothing is known yet');
  assert.equal(await readsOf(harness, 3, 'then'), 0);
  assert.ok((await harness.sideRows()).every(({ confirmed }) => confirmed));
  assert.equal((await harness.pair()).storesAsSent.caldav, 3, 'also by the next run, in another process');
  await harness.settle();
  assert.equal((await harness.runRows()).length, 2, 'what was written is no edit');
});

test('every 50th write is still read back', async () => {
  const harness = await withEtags(false);
  await readsOf(harness, 1, 'first');
  const reads = [];
  for (let round = 0; round < 5; round += 1) reads.push(await readsOf(harness, 30, `round ${round}`));
  assert.deepEqual(reads, [0, 1, 0, 1, 1]);
});

test('a server that stores something else is always read, also if its ETag says otherwise', async () => {
  const harness = await withEtags(true);
  for (const name of ['a', 'b', 'c']) assert.equal(await readsOf(harness, 2, name), 1);
  assert.equal((await harness.pair()).storesAsSent.caldav, undefined);
});

test('a sample that differs ends the trust', async () => {
  const harness = await withEtags(false);
  await readsOf(harness, 1, 'first');
  Object.assign(harness.caldav.habits, { rewrite: (event: object) => ({ ...event, location: 'elsewhere' }) });
  await readsOf(harness, 60, 'more');
  assert.equal((await harness.pair()).storesAsSent.caldav, undefined);
  assert.equal(await readsOf(harness, 1, 'last'), 1);
});

test('FB3: a copy that only its ETag confirmed counts as seen: its deletion is carried over', async () => {
  const harness = await withEtags(false);
  await readsOf(harness, 3, 'first');
  await readsOf(harness, 1, 'then');
  const ref = harness.caldav.find('then 0');
  harness.caldav.person.remove(ref);
  harness.caldav.hidden.add(ref);
  await harness.run('resync', { full: true });
  await harness.settle();
  assert.deepEqual(harness.cloud.titles(), ['first 0', 'first 1', 'first 2']);
});
