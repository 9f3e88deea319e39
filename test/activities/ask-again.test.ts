/**
 * Events that are fetched again because a write was refused, or because their deletion was confirmed too long ago:
 * together, since the calendar is listed for what is not found. Real PostgreSQL, calendars in memory.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../support/database.ts';
import type { FakeSide } from '../support/fake-side.ts';
import { closeAll, Harness } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const COUNT = 40;
const TITLES = Array.from({ length: COUNT }, (_, index) => `E${index}`);

async function synced(): Promise<Harness> {
  const harness = await Harness.open(url, { options: { holdDeletions: { moreThan: 1_000, percent: 100 } } });
  for (const title of TITLES) harness.cloud.person.insert({ title });
  await harness.settle();
  return harness;
}

/** The side can be listed, as CalDAV can. @returns how many times it was, and how many times events were fetched */
function counted(side: FakeSide, lists: (ref: string) => boolean): { listings: number; gets: number } {
  const count = { listings: 0, gets: 0 };
  const { get } = side;
  Object.assign(side, {
    listed: async (refs: readonly string[]) => {
      count.listings += 1;
      return new Set(refs.filter(lists));
    },
    get: (refs: readonly string[]) => {
      count.gets += 1;
      return get.call(side, refs);
    },
  });
  return count;
}

test('40 writes answered 404 for listed events cost one listing a round and delete nothing', async () => {
  const harness = await synced();
  const { caldav, cloud } = harness;
  for (const title of TITLES) cloud.person.edit(cloud.find(title), { location: 'here' });
  for (const ref of caldav.items.keys()) caldav.late.add(ref);
  caldav.failNext('update', 'gone', { times: Infinity });
  const count = counted(caldav, (ref) => caldav.items.has(ref));
  await harness.cycle();
  assert.ok(count.listings <= 6, `${count.listings} listings`);
  assert.ok(count.gets <= 6, `${count.gets} requests by name`);
  assert.equal(cloud.titles().length, COUNT);
  caldav.faults.length = 0;
  caldav.reveal();
  harness.advance(3_600);
  await harness.settle(8);
  assert.deepEqual(caldav.titles(), cloud.titles());
  assert.ok(caldav.events().every(({ location }) => location === 'here'));
});

test('40 writes that lose a race are read in one request, and merged', async () => {
  const harness = await synced();
  const { caldav, cloud } = harness;
  for (const title of TITLES) cloud.person.edit(cloud.find(title), { location: 'here' });
  const count = counted(caldav, (ref) => caldav.items.has(ref));
  let isEdited = false;
  caldav.hook = (call, when) => {
    if (call !== 'update' || when !== 'before' || isEdited) return;
    isEdited = true;
    for (const title of TITLES) caldav.person.edit(caldav.find(title), { description: 'mine' });
  };
  await harness.cycle();
  assert.ok(count.gets <= 2, `${count.gets} requests by name`);
  await harness.settle();
  for (const side of [caldav, cloud])
    assert.ok(side.events().every(({ location, description }) => location === 'here' && description === 'mine'));
});

/** Else the deletions are held: they would empty the calendar. */
const KEPT = ['E0', 'E1'];

/** Deletes the other events in CalDAV; the copies are deleted so many minutes after that was confirmed. */
async function deletedLater(harness: Harness, minutes: number, meanwhile: () => void): Promise<void> {
  const { caldav, deps } = harness;
  for (const title of TITLES.filter((one) => !KEPT.includes(one))) caldav.person.remove(caldav.find(title));
  const { resumeRun } = deps.store;
  deps.store.resumeRun = (runId) => {
    harness.advance(minutes * 60);
    meanwhile();
    return resumeRun(runId);
  };
  await harness.cycle();
  deps.store.resumeRun = resumeRun;
}

test('deletions that were confirmed too long ago are confirmed again together', async () => {
  const harness = await synced();
  const count = counted(harness.caldav, () => false);
  await deletedLater(harness, 6, () => Object.assign(count, { listings: 0, gets: 0 }));
  assert.deepEqual([count.gets, count.listings], [1, 1]);
  assert.deepEqual(harness.cloud.titles(), KEPT);
});

test('an event that came back meanwhile is not deleted, whatever becomes of the others', async () => {
  const harness = await synced();
  const ref = harness.caldav.find('E7');
  const { event } = harness.caldav.items.get(ref)!;
  counted(harness.caldav, (one) => harness.caldav.items.has(one));
  await deletedLater(harness, 6, () => harness.caldav.person.insert(event!, { ref }));
  await harness.settle();
  assert.deepEqual(
    [harness.caldav.titles(), harness.cloud.titles()],
    [
      [...KEPT, 'E7'],
      [...KEPT, 'E7'],
    ],
  );
});

test('deletions that the calendar contradicts when they are confirmed again are not made', async () => {
  const harness = await synced();
  let contradicts = false;
  const count = counted(harness.caldav, () => contradicts);
  await deletedLater(harness, 6, () => {
    contradicts = true;
    Object.assign(count, { listings: 0, gets: 0 });
  });
  assert.equal(harness.cloud.titles().length, COUNT);
  assert.ok(count.listings <= 6, `${count.listings} listings`);
  contradicts = false;
  harness.advance(3_600);
  await harness.settle(8);
  assert.deepEqual(harness.cloud.titles(), KEPT);
});
