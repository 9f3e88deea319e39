/** Copies that a person deletes before any listing has shown them. Real PostgreSQL, calendars in memory. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SideName } from '../../core/event.ts';
import { testDatabase } from '../support/database.ts';
import { closeAll, Harness } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const other = (side: SideName): SideName => (side === 'caldav' ? 'cloud' : 'caldav');

for (const answers of ['stored', 'sent', 'sent-without-version'] as const)
  for (const copySide of ['caldav', 'cloud'] as const)
    for (const how of ['the daily comparison', 'a resync'] as const)
      for (const isEdited of [false, true]) {
        const what = isEdited ? 'an updated copy' : 'a copy';
        const where = `${copySide}, ${answers}`;
        test(`FB3: ${what} (${where}) that came and went between two polls is found gone by ${how}`, async () => {
          const harness = await Harness.open(url, { caldav: { answers }, cloud: { answers, keepsIds: true } });
          const [copies, originals] = [harness[copySide], harness[other(copySide)]];
          for (const title of ['A', 'B', 'C']) originals.person.insert({ title });
          await harness.run('signal');
          if (isEdited) {
            originals.person.edit(originals.find('A'), { location: 'moved' });
            await harness.run('signal');
          }
          const ref = copies.find('A');
          copies.person.remove(ref);
          neverNames(copies, ref);
          await harness.settle();
          assert.deepEqual(originals.titles(), ['A', 'B', 'C'], 'nothing has told of it yet');
          if (how === 'a resync') await harness.run('resync', { full: true });
          else harness.advance(86_401);
          await harness.settle();
          assert.deepEqual(
            [originals.titles(), copies.titles()],
            [
              ['B', 'C'],
              ['B', 'C'],
            ],
          );
          assert.deepEqual(await harness.conflicts(), []);
        });
      }

test('FB3: a copy that was never confirmed is still created again', async () => {
  const { harness, ref } = await lostUnconfirmed();
  neverNames(harness.caldav, ref);
  harness.advance(86_401);
  await harness.settle();
  assert.deepEqual([harness.caldav.titles(), harness.cloud.titles()], [['A'], ['A']]);
});

test('FB3: also where each poll lists the whole calendar', async () => {
  const { harness } = await lostUnconfirmed();
  const { changes } = harness.caldav;
  harness.caldav.changes = function (_, stored) {
    return changes.call(this, null, stored);
  };
  await harness.settle();
  assert.deepEqual([harness.caldav.titles(), harness.cloud.titles()], [['A'], ['A']]);
});

/** A copy on CalDAV that was deleted before it could be read back. */
async function lostUnconfirmed(): Promise<{ harness: Harness; ref: string }> {
  const harness = await Harness.open(url, { caldav: { answers: 'sent' } });
  harness.cloud.person.insert({ title: 'A' });
  harness.caldav.failNext('get', 'unreachable', { times: 2 });
  await harness.run('signal');
  const ref = harness.caldav.find('A');
  harness.caldav.person.remove(ref);
  return { harness, ref };
}

/** A feed that does not name what came and went between two tokens. */
function neverNames(side: Harness['caldav'], ref: string): void {
  const { changes } = side;
  side.changes = async function* (cursor, stored) {
    for await (const page of changes.call(this, cursor, stored))
      yield { ...page, removed: page.removed.filter((name) => name !== ref) };
  };
}

for (const [times, then] of [[1], [3], [5], [1, 'auth'], [2, 'quota'], [1, 'throttled'], [1, 'bug']] as const)
  test(`an event deleted before the create of its copy is answered stays deleted (${times}, ${then})`, async () => {
    const harness = await Harness.open(url);
    harness.caldav.person.insert({ title: 'other' });
    await harness.settle();
    harness.caldav.person.insert({ title: 'A' });
    harness.cloud.failNext('create', 'unreachable', { when: 'after', times });
    if (then) harness.cloud.onWrite = () => harness.cloud.failNext('create', then, { times: 5 });
    await harness.cycle();
    assert.deepEqual(harness.cloud.titles(), ['A', 'other'], 'the server has carried it out');
    harness.caldav.person.remove(harness.caldav.find('A'));
    await harness.settle();
    assert.deepEqual([harness.caldav.titles(), harness.cloud.titles()], [['other'], ['other']]);
  });

for (const again of ['fails', 'loses its answer, too'] as const)
  test(`so it does if it was edited, and another create ${again}, before the copy is listed`, async () => {
    const harness = await Harness.open(url);
    const { caldav, cloud } = harness;
    caldav.person.insert({ title: 'other' });
    await harness.settle();
    caldav.person.insert({ title: 'A' });
    cloud.onWrite = ({ ref }) => void cloud.late.add(ref);
    cloud.failNext('create', 'unreachable', { when: 'after', times: 5 });
    await harness.cycle();
    caldav.person.edit(caldav.find('A'), { location: 'moved' });
    cloud.failNext('create', 'unreachable', { when: again === 'fails' ? 'before' : 'after', times: 5 });
    harness.advance(600);
    await harness.cycle();
    caldav.person.remove(caldav.find('A'));
    cloud.reveal();
    harness.advance(600);
    await harness.settle();
    assert.deepEqual([caldav.titles(), cloud.titles()], [['other'], ['other']]);
  });

test('a copy that a person edited while its create was without an answer outlives the deletion', async () => {
  const harness = await Harness.open(url);
  harness.caldav.person.insert({ title: 'other' });
  await harness.settle();
  harness.caldav.person.insert({ title: 'A' });
  harness.cloud.failNext('create', 'unreachable', { when: 'after', times: 5 });
  await harness.cycle();
  harness.cloud.person.edit(harness.cloud.find('A'), { location: 'edited' });
  harness.caldav.person.remove(harness.caldav.find('A'));
  await harness.settle();
  assert.deepEqual(
    [harness.caldav.titles(), harness.cloud.titles()],
    [
      ['A', 'other'],
      ['A', 'other'],
    ],
  );
});

for (const side of ['caldav', 'cloud'] as const)
  test(`a copy that its server hides for an hour is created again under its own name (${side})`, async () => {
    const harness = await Harness.open(url, { [side]: { answers: 'sent' } });
    const [copies, originals] = [harness[side], harness[other(side)]];
    originals.person.insert({ title: 'A' });
    copies.onWrite = ({ ref }) => void copies.late.add(ref);
    for (let minutes = 0; minutes < 60; minutes += 20) {
      await harness.settle();
      harness.advance(1_200);
    }
    copies.reveal();
    await harness.settle();
    assert.deepEqual([copies.titles(), originals.titles()], [['A'], ['A']]);
    assert.equal(copies.writes.filter(({ action }) => action === 'create').length, 1);
  });
