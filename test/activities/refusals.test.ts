/** Writes that a service refuses, for one event or for all, and for how long that counts. Real PostgreSQL. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { decideHeldChanges } from '../../db/held-changes.ts';
import { changePairSettings, type PairSettings } from '../../db/pairs.ts';
import { testDatabase } from '../support/database.ts';
import { aSeries, EXCLUDED, occurrence } from '../support/fake-side.ts';
import { closeAll, Harness, type HarnessOptions } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const REFUSALS = ['forbidden', 'rejected', 'too-large', 'would-mail'] as const satisfies readonly SyncErrorKind[];
const DAY_S = 86_400;

/** A pair with these events on both sides, at rest. */
async function linked(titles: readonly string[], options: HarnessOptions = {}): Promise<Harness> {
  const harness = await Harness.open(url, options);
  for (const title of titles) harness.caldav.person.insert({ title });
  await harness.settle();
  return harness;
}

const heldOf = async (harness: Harness) => (await harness.held()).map(({ side, reason }) => ({ side, reason }));
const codesOf = async (harness: Harness) => (await harness.problems()).map(({ side, code }) => `${side} ${code}`);

for (const kind of REFUSALS) {
  test(`FB4: an edit that is listed as refused (${kind}) holds a later deletion`, async () => {
    const harness = await linked(['A', 'B', 'C', 'D']);
    harness.cloud.person.edit(harness.cloud.find('A'), { location: 'refused' });
    harness.caldav.failNext('update', kind, { times: 9, title: 'A' });
    await harness.settle();
    assert.equal((await codesOf(harness)).length, 1);
    harness.caldav.person.remove(harness.caldav.find('A'));
    await harness.settle();
    assert.deepEqual(await heldOf(harness), [{ side: 'cloud', reason: 'edit-refused' }]);
    assert.deepEqual(harness.cloud.titles(), ['A', 'B', 'C', 'D'], 'it is not carried');
    assert.deepEqual(harness.caldav.titles(), ['B', 'C', 'D'], 'it is not undone');
    assert.deepEqual(await harness.conflicts(), []);
    await harness.run('resync', { full: true });
    assert.deepEqual(harness.caldav.titles(), ['B', 'C', 'D'], 'a resync does not undo it either');
    await harness.decide('apply');
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['B', 'C', 'D']);
    assert.deepEqual([await heldOf(harness), await codesOf(harness)], [[], []]);
  });
}

test('FB4: an edit after the refusal still wins over a deletion; restoring brings all back', async () => {
  const harness = await linked(['A', 'B', 'C', 'D', 'E']);
  for (const title of ['A', 'B']) harness.cloud.person.edit(harness.cloud.find(title), { location: 'refused' });
  harness.caldav.failNext('update', 'rejected', { times: 2 });
  await harness.settle();
  harness.cloud.person.edit(harness.cloud.find('A'), { description: 'later' });
  for (const title of ['A', 'B']) harness.caldav.person.remove(harness.caldav.find(title));
  await harness.settle();
  assert.deepEqual([harness.caldav.shows('A').location, harness.caldav.shows('A').description], ['refused', 'later']);
  assert.deepEqual(await heldOf(harness), [{ side: 'cloud', reason: 'edit-refused' }]);
  await harness.decide('restore');
  await harness.settle();
  assert.equal(harness.caldav.shows('B').location, 'refused');
  assert.deepEqual(await codesOf(harness), []);
});

for (const saysWhetherWritable of [true, false]) {
  const name = saysWhetherWritable ? 'the service says so' : 'it does not say so';
  test(`FB5: a calendar that cannot be written to is a matter of the pair (${name})`, async () => {
    const harness = await linked(['A', 'B', 'C']);
    harness.cloud.isReadOnly = true;
    harness.cloud.saysWhetherWritable = saysWhetherWritable;
    for (const title of ['A', 'B', 'C']) harness.caldav.person.edit(harness.caldav.find(title), { location: 'new' });
    harness.caldav.person.insert({ title: 'New' });
    await harness.cycle();
    assert.equal((await harness.pair()).attention, 'calendar-missing');
    assert.match((await harness.pair()).statusDetail ?? '', /^cloud: The account may no longer write/);
    assert.ok((await codesOf(harness)).length <= 1, 'it is no problem of each event');
    harness.cloud.person.edit(harness.cloud.find('B'), { description: 'read all the same' });
    await harness.cycle();
    assert.equal(harness.caldav.shows('B').description, 'read all the same');
    assert.equal((await harness.pair()).attention, 'calendar-missing', 'a poll that succeeds does not hide it');
    harness.cloud.isReadOnly = false;
    await harness.run('signal');
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['A', 'B', 'C', 'New']);
    for (const title of ['A', 'B', 'C']) assert.equal(harness.cloud.shows(title).location, 'new');
    assert.deepEqual([(await harness.pair()).attention, (await harness.pair()).statusDetail], [null, null]);
    assert.deepEqual(await codesOf(harness), []);
  });
}

test('FB5: it heals by itself, without a request', async () => {
  const harness = await linked(['A']);
  harness.cloud.isReadOnly = true;
  harness.caldav.person.edit(harness.caldav.find('A'), { location: 'new' });
  for (let polls = 0; polls < 5; polls += 1) await harness.cycle();
  harness.cloud.isReadOnly = false;
  for (let polls = 0; polls < 61; polls += 1) await harness.cycle();
  assert.equal(harness.cloud.shows('A').location, 'new');
  assert.equal((await harness.pair()).attention, null);
});

for (const how of ['a day later', 'on a resync'] as const) {
  test(`FB5: a change of one event that is not allowed is tried again ${how}, and not before`, async () => {
    const harness = await linked(['A', 'B']);
    harness.caldav.person.edit(harness.caldav.find('A'), { location: 'new' });
    harness.cloud.failNext('update', 'forbidden');
    await harness.settle();
    assert.deepEqual(await codesOf(harness), ['cloud forbidden']);
    const calls = harness.cloud.calls.length;
    assert.equal((await harness.run('signal')).result, 'ok');
    assert.deepEqual(harness.cloud.calls.slice(calls), ['changes']);
    if (how === 'a day later') {
      harness.advance(DAY_S);
      await harness.settle();
    } else {
      await harness.run('resync', { full: true });
    }
    assert.equal(harness.cloud.shows('A').location, 'new');
    assert.deepEqual(await codesOf(harness), []);
  });
}

test('FB5: an event that alone is forbidden is not tried again whenever another one is written', async () => {
  const harness = await linked(['A', 'B', 'C']);
  harness.caldav.person.edit(harness.caldav.find('A'), { location: 'new' });
  harness.cloud.failNext('update', 'forbidden', { times: 99, title: 'A' });
  await harness.settle();
  for (const location of ['1', '2', '3', '4']) {
    harness.caldav.person.edit(harness.caldav.find('B'), { location });
    await harness.settle();
  }
  const tries = 99 - (harness.cloud.faults.find(({ title }) => title === 'A')?.times ?? 0);
  assert.equal(tries, 2, 'the first time, and once after another write');
  assert.equal((await harness.problems()).length, 1);
});

for (const kind of ['rejected', 'forbidden', 'gone', 'calendar-missing'] as const) {
  test(`FB7: one poll in four asks for everything when incremental reads fail (${kind})`, async () => {
    const harness = await linked(['A']);
    harness.caldav.person.edit(harness.caldav.find('A'), { location: 'new' });
    const { changes } = harness.caldav;
    harness.caldav.changes = function (cursor, stored) {
      if (cursor !== null) harness.caldav.failNext('changes', kind);
      return changes.call(this, cursor, stored);
    };
    for (let polls = 0; polls < 30; polls += 1) await harness.cycle();
    assert.equal(harness.cloud.shows('A').location, 'new');
    const [failing, full] = [(await harness.pair()).failures, (await harness.pair()).fullListingAt];
    assert.ok(failing < 4 && full !== null, `${failing}`);
  });
}

test('FB7: one requested run in four asks for everything, also where the calendar seems to be missing', async () => {
  const harness = await linked(['A']);
  harness.caldav.person.edit(harness.caldav.find('A'), { location: 'new' });
  const { changes } = harness.caldav;
  harness.caldav.changes = function (cursor, stored) {
    if (cursor !== null) harness.caldav.failNext('changes', 'calendar-missing');
    return changes.call(this, cursor, stored);
  };
  const results = [];
  for (let runs = 0; runs < 4; runs += 1) results.push((await harness.run('signal')).result);
  assert.deepEqual(results, ['failed', 'failed', 'failed', 'ok']);
  assert.equal(harness.cloud.shows('A').location, 'new');
});

for (const kind of ['unreachable', 'bug', 'stale'] as const) {
  test(`FB8: a write that always fails (${kind}) puts off no other, and is a problem after eight tries`, async () => {
    const harness = await linked(['A', 'B', 'C', 'D']);
    for (const title of ['A', 'B', 'C', 'D']) harness.caldav.person.edit(harness.caldav.find(title), { location: 'x' });
    harness.cloud.failNext('update', kind, { times: 9_999, title: 'B' });
    harness.cloud.writesAtOnce = 1;
    const start = harness.clock.now;
    await harness.cycle();
    assert.deepEqual(
      ['A', 'C', 'D'].map((title) => harness.cloud.shows(title).location),
      ['x', 'x', 'x'],
    );
    assert.deepEqual(await codesOf(harness), []);
    while ((await harness.problems()).length === 0 && harness.clock.now < start + DAY_S * 1000) await harness.cycle();
    assert.deepEqual(await codesOf(harness), ['cloud rejected-by-server']);
    const minutes = (harness.clock.now - start) / 60_000;
    assert.ok(minutes > 90 && minutes < 160, `after ${minutes} minutes`);
    const { length } = harness.cloud.calls;
    assert.equal((await harness.run('signal')).result, 'ok');
    assert.equal(harness.cloud.calls.slice(length).filter((call) => call === 'update').length, 0, 'it is at rest');
    harness.cloud.faults.length = 0;
    harness.advance(DAY_S);
    await harness.settle();
    assert.equal(harness.cloud.shows('B').location, 'x', 'it is tried every day');
    assert.deepEqual(await codesOf(harness), []);
  });
}

for (const kind of ['throttled', 'quota'] as const) {
  test(`FB8: a limit (${kind}) that one event always meets is a problem of that event`, async () => {
    const harness = await linked(['A', 'B', 'C', 'D']);
    for (const title of ['A', 'B', 'C', 'D']) harness.caldav.person.edit(harness.caldav.find(title), { location: 'x' });
    harness.cloud.failNext('update', kind, { times: 9_999, title: 'A' });
    harness.cloud.writesAtOnce = 1;
    await harness.cycle();
    harness.advance(3_700);
    await harness.run('signal');
    assert.deepEqual(
      ['B', 'C', 'D'].map((title) => harness.cloud.shows(title).location),
      ['x', 'x', 'x'],
      'the next run begins with the others',
    );
    const start = harness.clock.now;
    while ((await harness.problems()).length === 0 && harness.clock.now < start + DAY_S * 1000) await harness.cycle();
    assert.deepEqual(await codesOf(harness), ['cloud rejected-by-server']);
    const { length } = harness.cloud.calls;
    harness.advance(DAY_S);
    await harness.settle();
    const tries = harness.cloud.calls.slice(length).filter((call) => call === 'update').length;
    assert.ok(tries >= 1 && tries <= 3, `one try a day, perhaps repeated on the spot: ${tries}`);
    assert.deepEqual(await codesOf(harness), ['cloud rejected-by-server']);
    harness.cloud.faults.length = 0;
    harness.advance(DAY_S);
    await harness.settle();
    assert.equal(harness.cloud.shows('A').location, 'x');
    assert.deepEqual(await codesOf(harness), []);
  });
}

test('FB8: a refusal that may have nothing to do with the event is tried again every day', async () => {
  const titles = ['A', 'B', 'C'];
  const harness = await linked(titles);
  for (const title of titles) harness.caldav.person.edit(harness.caldav.find(title), { location: 'x' });
  const refused = (status: number, reason?: string) => new SyncError('rejected', 'refused', { status, reason });
  harness.cloud.failNext('update', refused(409), { title: 'A' });
  harness.cloud.failNext('update', refused(409, 'bad-title'), { title: 'B' });
  harness.cloud.failNext('update', refused(501, 'Not Implemented'), { title: 'C' });
  await harness.settle();
  assert.equal((await harness.problems()).length, 3);
  harness.advance(DAY_S);
  await harness.settle();
  assert.deepEqual(
    titles.map((title) => harness.cloud.shows(title).location),
    ['x', '', 'x'],
  );
  assert.equal((await harness.problems()).length, 1);
});

test('FB8: several events whose writes always fail put off no other', async () => {
  const harness = await linked(['A', 'B', 'C', 'D']);
  for (const title of ['A', 'B', 'C', 'D']) harness.caldav.person.edit(harness.caldav.find(title), { location: 'x' });
  for (const title of ['A', 'B']) harness.cloud.failNext('update', 'unreachable', { times: 9_999, title });
  harness.cloud.writesAtOnce = 1;
  for (let runs = 0; runs < 2; runs += 1) {
    await harness.run('signal');
    harness.advance(60);
  }
  assert.deepEqual(
    ['C', 'D'].map((title) => harness.cloud.shows(title).location),
    ['x', 'x'],
  );
  const start = harness.clock.now;
  while ((await harness.problems()).length < 2 && harness.clock.now < start + DAY_S * 1000) await harness.cycle();
  assert.ok((harness.clock.now - start) / 60_000 < 160, 'both are problems after about two hours');
});

test('FB8: a server that fails for every event is asked for few of them, and no event becomes a problem', async () => {
  const harness = await linked(['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']);
  for (const title of 'ABCDEFGH') harness.caldav.person.edit(harness.caldav.find(title), { location: 'x' });
  harness.cloud.writesAtOnce = 1;
  harness.cloud.failNext('update', 'unreachable', { times: 9_999 });
  const { length } = harness.cloud.calls;
  await harness.cycle();
  assert.equal(harness.cloud.calls.slice(length).filter((call) => call === 'update').length, 6);
  harness.cloud.faults.length = 0;
  harness.advance(3_600);
  await harness.settle();
  for (const title of 'ABCDEFGH') assert.equal(harness.cloud.shows(title).location, 'x');
});

for (const kind of REFUSALS) {
  test(`FB11: a conflict whose winner is refused (${kind}) is listed once, then the pair rests`, async () => {
    const harness = await linked(['A', 'B']);
    const ref = harness.caldav.person.insert({ ...aSeries(), title: 'S' });
    await harness.settle();
    harness.cloud.person.edit(harness.cloud.find('S'), { exceptions: { [occurrence(2)]: EXCLUDED } });
    harness.caldav.person.edit(ref, {
      exceptions: { [occurrence(2)]: { ...harness.caldav.shows('S'), title: 'changed' } as never },
    });
    harness.cloud.failNext('update', kind, { times: 9_999, title: 'S' });
    await harness.settle();
    const calls = [harness.caldav.calls.length, harness.cloud.calls.length];
    for (let syncs = 0; syncs < 3; syncs += 1) {
      const run = await harness.run('signal');
      assert.deepEqual([run.result, run.writes, run.conflicts, run.problems], ['ok', 0, 0, 0]);
    }
    for (const [index, side] of [harness.caldav, harness.cloud].entries())
      assert.deepEqual(side.calls.slice(calls[index]), ['changes', 'changes', 'changes']);
    assert.equal((await harness.conflicts()).length, 1);
    assert.equal((await harness.problems()).length, 1);
    // Another change of the event is tried, and lists nothing twice.
    harness.caldav.person.edit(ref, { location: 'elsewhere' });
    await harness.settle();
    assert.equal((await harness.conflicts()).length, 1);
    assert.equal((await harness.problems()).length, 1);
  });
}

test('FB12: content switched from busy to full shows everything again with the next run', async () => {
  const harness = await linked(['Secret', 'Other'], {
    options: { content: { toCloud: 'busy', toCaldav: 'full' } },
  });
  const own = harness.cloud.person.insert({ title: 'Busy', description: 'of the cloud itself' });
  harness.caldav.person.insert({ ...aSeries(), title: 'Series', exceptions: { [occurrence(1)]: EXCLUDED } });
  await harness.settle();
  assert.deepEqual(harness.cloud.titles(), ['Busy', 'Busy', 'Busy', 'Busy']);
  await patch(harness, { content: { toCloud: 'full', toCaldav: 'full' } });
  await harness.run('signal');
  assert.deepEqual(harness.cloud.titles(), ['Busy', 'Other', 'Secret', 'Series']);
  assert.equal(harness.cloud.items.get(own)?.event?.description, 'of the cloud itself');
  await harness.settle();
  assert.deepEqual(await harness.conflicts(), []);
  harness.cloud.person.edit(harness.cloud.find('Other'), { location: 'edited' });
  await harness.settle();
  assert.equal(harness.caldav.shows('Other').location, 'edited', 'from then on edits come back');
  await patch(harness, { content: { toCloud: 'busy', toCaldav: 'full' } });
  await harness.run('signal');
  assert.deepEqual(harness.cloud.titles(), ['Busy', 'Busy', 'Busy', 'Busy'], 'and back');
});

test('FC1: options that change while a run writes are applied to what it is just writing', async () => {
  const harness = await linked([]);
  for (const title of ['A', 'B', 'C']) harness.caldav.person.insert({ title });
  harness.cloud.writesAtOnce = 1;
  harness.cloud.hook = async (call, when) => {
    if (call !== 'create' || when !== 'before') return;
    harness.cloud.hook = null;
    await patch(harness, { content: { toCloud: 'busy', toCaldav: 'full' } });
  };
  await harness.settle();
  assert.deepEqual(harness.cloud.titles(), ['Busy', 'Busy', 'Busy']);
});

test('FC1: options that change while the calendars are read are applied in that run', async () => {
  const harness = await linked([]);
  for (const title of ['A', 'B', 'C']) harness.caldav.person.insert({ title });
  harness.cloud.hook = async (call) => {
    if (call !== 'changes') return;
    harness.cloud.hook = null;
    await patch(harness, { content: { toCloud: 'busy', toCaldav: 'full' } });
  };
  await harness.run('signal');
  assert.deepEqual(harness.cloud.titles(), ['Busy', 'Busy', 'Busy']);
});

test('FC1: a direction that changes between the plan and the writes is decided with in the next run', async () => {
  const harness = await linked(['A']);
  harness.cloud.person.edit(harness.cloud.find('A'), { location: 'cloud' });
  harness.caldav.hook = async (call, when) => {
    if (call !== 'update' || when !== 'after') return;
    harness.caldav.hook = null;
    await patch(harness, {}, 'caldav-to-cloud');
  };
  await harness.cycle();
  assert.equal((await harness.linkRows())[0]?.dirty, true);
  await harness.settle();
});

test('FC2: a decision about held deletions that is made while a run works is carried out', async () => {
  const harness = await linked(['A', 'B', 'C', 'D'], { options: { holdDeletions: { moreThan: 0, percent: 0 } } });
  harness.caldav.person.remove(harness.caldav.find('A'));
  await harness.settle();
  assert.equal((await harness.held()).length, 1);
  harness.caldav.person.edit(harness.caldav.find('B'), { location: 'x' });
  harness.cloud.hook = async (call, when) => {
    if (call !== 'update' || when !== 'before') return;
    harness.cloud.hook = null;
    assert.equal((await decideHeldChanges(harness.db, harness.pairId, null, 'apply'))?.length, 1);
  };
  await harness.settle();
  assert.deepEqual(harness.cloud.titles(), ['B', 'C', 'D']);
  assert.equal((await harness.held()).length, 0);
});

async function patch(
  harness: Harness,
  options: Partial<PairSettings['options']>,
  direction?: PairSettings['direction'],
) {
  await changePairSettings(harness.db, harness.pairId, (now) => ({
    ...now,
    direction: direction ?? now.direction,
    options: { ...now.options, ...options },
  }));
}
