/** Section B of docs/known-failures.md: duplicates. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { closeAll, Harness } from '../activities/harness.ts';
import { testDatabase } from '../support/database.ts';
import { aSeries, at, EXCLUDED, FakeSide, occurrence } from '../support/fake-side.ts';
import { assertBoth, bothShow, linked, names, staysQuiet } from './linked.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

describe('a side that lists nothing, too little, or other events than before', () => {
  for (const side of ['caldav', 'cloud'] as const) {
    test(`B2: a listing of ${side} without events for a while creates no new set`, async () => {
      const harness = await linked(url, names(8));
      const { writes } = harness;
      for (const ref of harness.side(side).items.keys()) harness.side(side).hidden.add(ref);
      for (let round = 0; round < 4; round += 1) {
        harness.side(side).expireCursors();
        harness
          .side(side === 'caldav' ? 'cloud' : 'caldav')
          .person.touch([...harness.side(side === 'caldav' ? 'cloud' : 'caldav').items.keys()][round]!);
        harness.advance(3_600);
        await harness.cycle();
        await harness.run();
      }
      assert.equal(harness.writes, writes);
      harness.side(side).hidden.clear();
      harness.advance(3_600 * 24);
      await bothShow(harness, names(8));
      assert.equal(harness.writes, writes);
    });
  }

  test('B5: a server that changes UIDs with every poll causes no duplicates', async () => {
    const harness = await linked(url, names(3));
    const { writes } = harness;
    for (let poll = 0; poll < 5; poll += 1) {
      for (const ref of harness.caldav.items.keys()) harness.caldav.person.edit(ref, { uid: `poll-${poll}-${ref}` });
      if (poll % 2) harness.caldav.expireCursors();
      await harness.cycle();
    }
    assert.equal(harness.writes, writes);
    harness.caldav.person.edit(harness.caldav.find('e000'), { uid: 'another', location: 'x' });
    await bothShow(harness, names(3));
    assertBoth(harness, 'e000', { location: 'x' });
  });

  test('B15: a new version that reads the same data differently writes nothing', async () => {
    const harness = await linked(url, names(4));
    harness.caldav.person.edit(harness.caldav.find('e000'), { description: 'text' });
    await harness.settle();
    const { writes } = harness;
    for (const side of [harness.caldav, harness.cloud]) {
      const read = side.read.bind(side);
      side.read = (stored) => {
        const found = read(stored);
        return {
          ...found,
          event: found.event && {
            ...found.event,
            title: found.event.title.toUpperCase(),
            description: `${found.event.description} (v2)`,
          },
        };
      };
    }
    await staysQuiet(harness);
    assert.equal(harness.writes, writes);
  });
});

describe('a run that breaks off', () => {
  for (const error of ['throttled', 'quota', 'unreachable'] as const) {
    test(`B6: after ${error} in the middle of an initial run, the next runs continue it`, async () => {
      const harness = await Harness.open(url);
      for (const title of names(9)) harness.caldav.person.insert({ title });
      harness.cloud.writesAtOnce = 1;
      let created = 0;
      harness.cloud.hook = (call, when) => {
        if (call !== 'create' || when !== 'before') return;
        created += 1;
        if (created % 4 === 0)
          harness.cloud.failNext('create', error, { when: created % 8 ? 'before' : 'after', times: 3 });
      };
      for (let round = 0; round < 8; round += 1) {
        await harness.cycle();
        harness.cloud.faults.length = 0;
        harness.advance(7 * 3_600);
      }
      harness.cloud.hook = null;
      await bothShow(harness, names(9));
      assert.equal(harness.cloud.writes.length, 9);
      assert.equal(harness.caldav.writes.length, 0);
    });
  }

  for (const error of ['rejected', 'forbidden', 'bug', 'stale', 'gone', 'id-taken'] as const) {
    test(`B9: a create that took effect despite the answer ${error} is not repeated without end`, async () => {
      const harness = await linked(url, names(3));
      harness.cloud.failNext('create', error, { when: 'after', times: 1 });
      harness.caldav.person.insert({ title: 'new' });
      for (let round = 0; round < 6; round += 1) {
        await harness.cycle();
        harness.advance(3_600);
      }
      // A service that reports the name of our own new copy as taken gets another copy under a new name.
      const most = error === 'id-taken' ? 2 : 1;
      assert.ok(harness.cloud.titles().filter((title) => title === 'new').length <= most);
      const { writes } = harness;
      await staysQuiet(harness);
      assert.equal(harness.writes, writes);
    });
  }

  test('B16: repeated manual runs cause no duplicates', async () => {
    const harness = await Harness.open(url);
    for (const title of names(3)) harness.caldav.person.insert({ title });
    harness.cloud.person.insert({ ...aSeries(), uid: 'series', title: 'S', exceptions: { [occurrence(1)]: EXCLUDED } });
    for (let run = 0; run < 5; run += 1) {
      if (run === 2) harness.caldav.person.edit(harness.caldav.find('e001'), { location: 'x' });
      await harness.run('signal');
    }
    assert.deepEqual(
      [harness.caldav.titles(), harness.cloud.titles()],
      [
        ['S', ...names(3)],
        ['S', ...names(3)],
      ],
    );
    assert.equal(harness.writes, 5);
  });
});

describe('an event that reaches both sides independently', () => {
  test('B10: an invitation that both services add is linked, also long after the initial matching', async () => {
    const harness = await linked(url, names(3));
    const { writes } = harness;
    for (const side of [harness.caldav, harness.cloud])
      side.person.insert({ title: 'Invitation', uid: 'invitation@example.org', when: at(4) });
    await bothShow(harness, [...names(3), 'Invitation']);
    assert.equal(harness.writes, writes);
  });

  for (const late of ['caldav', 'cloud'] as const) {
    test(`B10: an invitation that reaches ${late} after its copy takes over when that is deleted`, async () => {
      const harness = await linked(url, names(3));
      const [early, other] = late === 'cloud' ? [harness.caldav, harness.cloud] : [harness.cloud, harness.caldav];
      const invitation = { title: 'Invitation', uid: 'invitation@example.org', when: at(4) };
      early.person.insert(invitation);
      await harness.settle();
      const copy = other.find('Invitation');
      other.person.insert(invitation, { ref: 'by-itself' });
      await staysQuiet(harness);
      assert.deepEqual([early.titles().length, other.titles().length], [4, 5]);
      other.person.remove(copy);
      await bothShow(harness, [...names(3), 'Invitation']);
      other.person.edit('by-itself', { location: 'Room 1' });
      await harness.settle();
      assertBoth(harness, 'Invitation', { location: 'Room 1' });
    });
  }

  test('B10: an invitation may reach the other side just before the run copies it', async () => {
    const harness = await linked(url, names(3));
    harness.caldav.person.insert({ title: 'Invitation', uid: 'invitation@example.org', when: at(4) });
    harness.cloud.hook = (call, when) => {
      if (call !== 'changes' || when !== 'before') return;
      harness.cloud.hook = null;
      harness.cloud.person.insert({ title: 'Invitation', uid: 'invitation@example.org', when: at(4) });
    };
    await bothShow(harness, [...names(3), 'Invitation']);
  });
});

describe('several pairs', () => {
  test('B13: a calendar in two pairs is copied to both, and every edit reaches all three calendars', async () => {
    const one = await linked(url, names(3));
    const two = await Harness.open(url, { sharing: { caldav: one.caldav, clock: one.clock } });
    const round = async (): Promise<void> => {
      for (let time = 0; time < 3; time += 1) {
        await one.settle(6);
        await two.settle(6);
      }
    };
    await round();
    two.cloud.person.edit(two.cloud.find('e000'), { location: 'from the second' });
    one.cloud.person.edit(one.cloud.find('e001'), { location: 'from the first' });
    one.cloud.person.insert({ title: 'new', when: at(6) });
    two.cloud.person.remove(two.cloud.find('e002'));
    await round();
    for (const side of [one.caldav, one.cloud, two.cloud]) {
      assert.deepEqual(side.titles(), ['e000', 'e001', 'new'], side.name);
      assert.deepEqual(
        [side.shows('e000').location, side.shows('e001').location],
        ['from the second', 'from the first'],
      );
    }
    const writes = one.writes + two.cloud.writes.length;
    await round();
    assert.equal(one.writes + two.cloud.writes.length, writes);
  });

  test('C11: four calendars paired in a cycle hold each event at most twice, and settle', async () => {
    // a - p, a - q, b - p, b - q; every pair sees the new event's first copies before it sees another pair's.
    const ap = await linked(url, ['A']);
    const { clock } = ap;
    const aq = await Harness.open(url, { sharing: { caldav: ap.caldav, clock } });
    const b = new FakeSide('b', clock, { answers: 'sent' });
    const bp = await Harness.open(url, { sharing: { caldav: b, cloud: ap.cloud, clock } });
    const bq = await Harness.open(url, { sharing: { caldav: b, cloud: aq.cloud, clock } });
    const pairs = [ap, aq, bp, bq];
    const sides = [ap.caldav, b, ap.cloud, aq.cloud];
    for (let round = 0; round < 3; round += 1) for (const pair of pairs) await pair.cycle();
    ap.caldav.person.insert({ title: 'new' });
    b.person.insert({ title: 'other', when: at(5) });
    for (let round = 0; round < 12; round += 1) {
      clock.now += 61_000;
      const polled = await Promise.all(pairs.map((pair) => pair.poll()));
      await Promise.all(
        pairs.filter((_, index) => polled[index] === 'changed').map((pair) => pair.run('poll', { polled: true })),
      );
    }
    const counts = sides.map((side) => side.events().length);
    assert.ok(
      counts.every((count) => count <= 6),
      counts.join(', '),
    );
    for (const side of sides) assert.deepEqual([...new Set(side.titles())], ['A', 'new', 'other']);
    const writes = sides.reduce((sum, side) => sum + side.writes.length, 0);
    for (const pair of pairs) await pair.settle();
    assert.equal(
      sides.reduce((sum, side) => sum + side.writes.length, 0),
      writes,
    );
  });
});
