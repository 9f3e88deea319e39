/** What a pair does, run by run: real PostgreSQL, calendars in memory. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { SideName } from '../../core/event.ts';
import { testDatabase } from '../support/database.ts';
import { aSeries, at, type Call, EXCLUDED, occurrence } from '../support/fake-side.ts';
import { closeAll, Harness, type HarnessOptions } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const open = (options: HarnessOptions = {}) => Harness.open(url, options);

/** A pair with these events on both sides, at rest. */
async function linked(titles: readonly string[], options: HarnessOptions = {}): Promise<Harness> {
  const rig = await open(options);
  for (const title of titles) rig.caldav.person.insert({ title });
  await rig.settle();
  return rig;
}

/**
 * A person removes e000 and e001 on one side. The worker dies when it is about to write that to the cloud; until the
 * run goes on days later e000 has been restored.
 */
async function restoredWhileNobodyWorks(rig: Harness, side: SideName, write: Call): Promise<void> {
  const ref = rig[side].find('e000');
  const event = rig[side].shows('e000');
  for (const title of ['e000', 'e001']) rig[side].person.remove(rig[side].find(title));
  rig.cloud.hook = (call) => {
    if (call === write) throw new Error('the worker dies');
  };
  rig.onFailedAttempt = () => {
    rig.cloud.hook = null;
    rig.advance(3 * 86_400);
    rig[side].person.insert(event, { ref });
    return Promise.resolve();
  };
  await rig.run('signal', { attempts: 2 });
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `e${String(index).padStart(3, '0')}`);

describe('a first meeting', () => {
  test('carries what each side has to the other, and the second run writes nothing', async () => {
    const rig = await open();
    rig.caldav.person.insert({ title: 'A', description: 'from home' });
    rig.caldav.person.insert({ ...aSeries(), uid: 'series', title: 'S', exceptions: { [occurrence(1)]: EXCLUDED } });
    rig.cloud.person.insert({ title: 'B', when: at(3) });
    await rig.settle();
    assert.deepEqual(rig.caldav.titles(), ['A', 'B', 'S']);
    assert.deepEqual(rig.cloud.titles(), ['A', 'B', 'S']);
    assert.deepEqual(rig.cloud.shows('S').exceptions, { [occurrence(1)]: EXCLUDED });
    const { writes } = rig;
    const summary = await rig.run('signal');
    assert.deepEqual([summary.result, summary.writes, rig.writes], ['ok', 0, writes]);
    await rig.run('resync', { full: true });
    assert.equal(rig.writes, writes, 'a resync writes nothing either');
  });

  test('links the same event by UID, then by title, start and rule, and copies neither (I10, B1)', async () => {
    const rig = await open();
    rig.caldav.person.insert({ title: 'Same UID', uid: 'one' });
    rig.cloud.person.insert({ title: 'Same UID', uid: 'one' });
    rig.caldav.person.insert({ title: 'Same title', uid: 'two', when: at(2) });
    rig.cloud.person.insert({ title: 'Same title', uid: 'three', when: at(2) });
    await rig.settle();
    assert.equal(rig.writes, 0);
    assert.equal((await rig.linkRows()).length, 2);
  });

  test('leaves alone what is not unique, and copies it', async () => {
    const rig = await open();
    rig.caldav.person.insert({ title: 'Twin', uid: '1' });
    rig.caldav.person.insert({ title: 'Twin', uid: '2' });
    rig.cloud.person.insert({ title: 'Twin', uid: '3' });
    await rig.settle();
    assert.equal(rig.caldav.events().length, 3);
    assert.equal(rig.cloud.events().length, 3);
  });

  test('merges what differs, and an empty value never wins', async () => {
    const rig = await open();
    rig.caldav.person.insert({ title: 'M', uid: 'm', location: 'Room 1', description: 'old' });
    rig.cloud.person.insert({ title: 'M', uid: 'm', description: 'new' });
    await rig.settle();
    for (const side of [rig.caldav, rig.cloud]) {
      assert.equal(side.shows('M').location, 'Room 1');
      assert.equal(side.shows('M').description, 'new');
    }
    assert.deepEqual(await rig.conflicts(), [
      { field: 'description', winner: 'cloud', keptValue: 'new', lostValue: 'old' },
    ]);
  });

  test('a UID that two events of one side share is never matched, and nothing is lost (B14)', async () => {
    const rig = await open();
    rig.caldav.person.insert({ title: 'X1', uid: 'shared' });
    rig.caldav.person.insert({ title: 'X2', uid: 'shared' });
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['X1', 'X2']);
    assert.deepEqual(rig.caldav.titles(), ['X1', 'X2']);
  });
});

describe('edits', () => {
  test(
    'of different fields on both sides both arrive; of one field the later wins and the other ' +
      'is kept as a conflict',
    async () => {
      const rig = await linked(['A', 'B']);
      rig.caldav.person.edit(rig.caldav.find('A'), { location: 'here' });
      rig.cloud.person.edit(rig.cloud.find('A'), { description: 'there' });
      rig.cloud.person.edit(rig.cloud.find('B'), { location: 'earlier' });
      rig.caldav.person.edit(rig.caldav.find('B'), { location: 'later' });
      await rig.settle();
      for (const side of [rig.caldav, rig.cloud]) {
        assert.equal(side.shows('A').location, 'here');
        assert.equal(side.shows('A').description, 'there');
        assert.equal(side.shows('B').location, 'later');
      }
      assert.deepEqual(await rig.conflicts(), [
        { field: 'location', winner: 'caldav', keptValue: 'later', lostValue: 'earlier' },
      ]);
    },
  );

  test('a change of the version alone writes nothing and wakes nobody', async () => {
    const rig = await linked(['A']);
    const { writes } = rig;
    rig.caldav.person.touch(rig.caldav.find('A'));
    rig.cloud.person.touch(rig.cloud.find('A'));
    assert.equal(await rig.cycle(), 'NoChange');
    assert.equal(rig.writes, writes);
  });

  test('against a deletion win, and the event comes back once, as a conflict', async () => {
    const rig = await linked(['A', 'B', 'C', 'D']);
    rig.cloud.person.remove(rig.cloud.find('A'));
    rig.caldav.person.edit(rig.caldav.find('A'), { location: 'edited' });
    await rig.settle();
    assert.equal(rig.cloud.shows('A').location, 'edited');
    assert.deepEqual(
      (await rig.conflicts()).map(({ field, winner }) => [field, winner]),
      [['event', 'caldav']],
    );
    await rig.settle();
    assert.equal(rig.cloud.events().length, 4);
  });

  test('between the plan and the write are not lost (412, G5)', async () => {
    const rig = await linked(['A']);
    rig.caldav.person.edit(rig.caldav.find('A'), { location: 'home' });
    rig.cloud.hook = (call, when) => {
      if (call !== 'update' || when !== 'before') return;
      rig.cloud.hook = null;
      rig.cloud.person.edit(rig.cloud.find('A'), { description: 'meanwhile' });
    };
    await rig.settle();
    for (const side of [rig.caldav, rig.cloud])
      assert.deepEqual([side.shows('A').location, side.shows('A').description], ['home', 'meanwhile']);
  });

  for (const answers of ['sent', 'sent-without-version'] as const) {
    test(`between a write and its reading back are not lost, and a rewriting is no edit (${answers})`, async () => {
      const rig = await linked(['A'], {
        caldav: {
          answers,
          rewrite: (event) => ({
            ...event,
            description: event.description && `${event.description.replace(/\n$/, '')}\n`,
          }),
        },
      });
      rig.cloud.person.edit(rig.cloud.find('A'), { description: 'text' });
      rig.caldav.hook = (call, when) => {
        if (call !== 'get' || when !== 'before') return;
        rig.caldav.hook = null;
        rig.advance(5);
        rig.caldav.person.edit(rig.caldav.find('A'), { location: 'in between' });
      };
      await rig.settle();
      assert.equal(rig.cloud.shows('A').location, 'in between');
      rig.cloud.person.edit(rig.cloud.find('A'), { description: 'second' });
      await rig.settle();
      assert.equal(rig.caldav.shows('A').description, 'second\n');
      assert.equal(rig.cloud.shows('A').description, 'second', 'the rewriting is never sent back');
      assert.equal(await rig.cycle(), 'NoChange');
    });
  }

  test('a rewriting that a poll sees before it was read back is no edit either (C6, C10)', async () => {
    const rig = await linked(['A'], {
      caldav: { rewrite: (event) => ({ ...event, description: event.description && `<p>${event.description}</p>` }) },
    });
    rig.cloud.person.edit(rig.cloud.find('A'), { description: 'text' });
    rig.caldav.failNext('get', 'unreachable');
    await rig.cycle();
    assert.equal(rig.caldav.shows('A').description, '<p>text</p>');
    rig.advance(3_600);
    await rig.settle();
    assert.equal(rig.cloud.shows('A').description, 'text');
  });

  for (const answers of ['stored', 'sent'] as const) {
    test(
      'a rewriting does not beat what a person has written over the original while the run went ' + `on (${answers})`,
      async () => {
        const rig = await linked(['A'], {
          caldav: {
            answers,
            rewrite: (event) => ({ ...event, description: event.description && `<p>${event.description}</p>` }),
          },
        });
        rig.cloud.person.edit(rig.cloud.find('A'), { description: 'first' });
        rig.caldav.person.edit(rig.caldav.find('A'), { location: 'home' });
        rig.cloud.hook = (call, when) => {
          if (call !== 'update' || when !== 'before') return;
          rig.cloud.hook = null;
          rig.cloud.person.edit(rig.cloud.find('A'), { description: 'second' });
          rig.advance(5);
        };
        await rig.settle();
        assert.deepEqual([rig.cloud.shows('A').description, rig.cloud.shows('A').location], ['second', 'home']);
        assert.equal(rig.caldav.shows('A').description, '<p>second</p>');
      },
    );
  }

  test('a feed that lags behind our write does not undo it; what a person puts back counts', async () => {
    const rig = await linked(['A'], { caldav: { answers: 'stored' } });
    rig.caldav.freeze();
    rig.cloud.person.edit(rig.cloud.find('A'), { description: 'new' });
    rig.caldav.person.touch(rig.caldav.find('A'));
    rig.caldav.thaw();
    await rig.settle();
    const ref = rig.caldav.find('A');
    const item = rig.caldav.items.get(ref)!;
    rig.cloud.person.edit(rig.cloud.find('A'), { description: 'newer' });
    await rig.run();
    const written = rig.caldav.items.get(ref)!;
    // The feed shows the item before the write once more.
    rig.caldav.items.set(ref, { ...item, at: written.at + 1 });
    rig.caldav.expireCursors();
    const hook = () => {
      rig.caldav.hook = null;
      rig.caldav.items.set(ref, { ...written, at: written.at + 2 });
    };
    rig.caldav.hook = (call, when) => {
      if (call === 'get' && when === 'before') hook();
    };
    await rig.settle(6);
    assert.equal(rig.cloud.shows('A').description, 'newer');
    assert.equal(rig.caldav.shows('A').description, 'newer');
    // A person puts the same bytes back (content hashes as ETags).
    rig.caldav.items.set(ref, { ...item, at: written.at + 3 });
    rig.caldav.expireCursors();
    rig.advance(60);
    await rig.settle(6);
    assert.equal(rig.cloud.shows('A').description, 'new');
  });

  test('flapping: the fifth write of a value that was there before is not done', async () => {
    const rig = await linked(['A'], {});
    // Another tool on the cloud side turns the title back whenever it is changed.
    for (let round = 0; round < 7; round += 1) {
      rig.caldav.person.edit(rig.caldav.find(round % 2 ? 'Y' : round === 0 ? 'A' : 'X'), {
        title: round % 2 ? 'X' : 'Y',
      });
      await rig.settle();
    }
    const updates = rig.cloud.writes.filter(({ action }) => action === 'update').length;
    assert.equal(updates, 4);
    assert.deepEqual(
      (await rig.problems()).map(({ code }) => code),
      ['flapping'],
    );
    rig.caldav.person.edit([...rig.caldav.items.keys()][0]!, { title: 'something new' });
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['something new']);
    assert.deepEqual(await rig.problems(), []);
  });
});

describe('deletions', () => {
  test('are carried over with proof, both ways, and stay', async () => {
    const rig = await linked(names(8));
    rig.caldav.person.remove(rig.caldav.find('e000'));
    rig.cloud.person.remove(rig.cloud.find('e001'));
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), names(8).slice(2));
    assert.deepEqual(rig.caldav.titles(), names(8).slice(2));
    rig.caldav.expireCursors();
    rig.cloud.expireCursors();
    await rig.run('resync', { full: true });
    await rig.settle();
    assert.deepEqual(rig.caldav.titles(), names(8).slice(2));
  });

  test('of a copy soon after it was made, before any listing, are carried over, too', async () => {
    const rig = await open();
    for (const title of ['A', 'B', 'C', 'D']) rig.caldav.person.insert({ title });
    await rig.run('start');
    rig.cloud.person.remove(rig.cloud.find('A'));
    await rig.settle();
    assert.deepEqual(rig.caldav.titles(), ['B', 'C', 'D']);
  });

  test('a calendar that suddenly lists nothing deletes nothing, shows it, and heals (A2, A5, I6)', async () => {
    const rig = await linked(['A', 'B', 'C']);
    for (const ref of rig.cloud.items.keys()) rig.cloud.hidden.add(ref);
    rig.cloud.expireCursors();
    await rig.cycle();
    assert.deepEqual([(await rig.pair()).attention, rig.state], ['calendar-missing', 'attention']);
    assert.deepEqual(rig.caldav.titles(), ['A', 'B', 'C']);
    rig.cloud.hidden.clear();
    rig.advance(3_600);
    await rig.cycle();
    assert.deepEqual([(await rig.pair()).attention, rig.state], [null, 'active']);
    const { writes } = rig;
    await rig.settle();
    assert.equal(rig.writes, writes);
  });

  test('a listing that misses some, which answer when asked, deletes nothing (A9, A11)', async () => {
    const rig = await linked(names(12));
    for (const ref of [...rig.cloud.items.keys()].slice(0, 5)) rig.cloud.hidden.add(ref);
    rig.cloud.expireCursors();
    const { writes } = rig;
    await rig.settle();
    assert.equal(rig.writes, writes);
    assert.equal(rig.caldav.events().length, 12);
  });

  for (const answering of [1, 45]) {
    test(
      `60 missing of which ${answering} answer: none is ` +
        `deleted${answering > 40 ? ', and the listing is not believed' : ''}`,
      async () => {
        const rig = await linked(names(70));
        const refs = [...rig.cloud.items.keys()].slice(0, 60);
        refs.slice(0, answering).forEach((ref) => rig.cloud.hidden.add(ref));
        refs.slice(answering).forEach((ref) => rig.cloud.person.remove(ref));
        rig.cloud.expireCursors();
        await rig.cycle();
        // 20 are asked, so at least one of 45 is among them.
        if (answering > 40) assert.equal((await rig.pair()).attention, 'calendar-missing');
        assert.equal(rig.caldav.events().length, 70);
      },
    );
  }

  test('60 missing that are all gone are held', async () => {
    const rig = await linked(names(70));
    [...rig.cloud.items.keys()].slice(0, 60).forEach((ref) => rig.cloud.person.remove(ref));
    rig.cloud.expireCursors();
    await rig.settle();
    assert.equal(rig.caldav.events().length, 70);
    assert.deepEqual(
      new Set((await rig.held()).map(({ side, reason }) => `${side} ${reason}`)),
      new Set(['caldav too-many']),
    );
    assert.equal((await rig.held()).length, 60);
    await rig.cycle();
    assert.equal(rig.state, 'attention');
  });

  for (const [count, deleted, isHeld] of [
    [1, 1, false],
    [2, 2, false],
    [3, 2, false],
    [3, 3, true],
    [10, 9, false],
    [11, 10, false],
    [12, 11, true],
    [49, 10, false],
    [50, 10, false],
    [50, 11, true],
    [60, 12, false],
    [60, 13, true],
  ] as const) {
    test(`${deleted} of ${count} at once: ${isHeld ? 'held' : 'done'} (I5)`, async () => {
      const rig = await linked(names(count));
      [...rig.cloud.items.keys()].slice(0, deleted).forEach((ref) => rig.cloud.person.remove(ref));
      await rig.settle();
      assert.equal(rig.caldav.events().length, isHeld ? count : count - deleted);
      assert.equal((await rig.held()).length, isHeld ? deleted : 0);
    });
  }

  test('the limit counts over 24 hours, and what a person applied does not count', async () => {
    const rig = await linked(names(40));
    const remove = (count: number) =>
      [...rig.cloud.items.keys()].slice(0, count).forEach((ref) => rig.cloud.person.remove(ref));
    remove(10);
    await rig.settle();
    assert.equal(rig.caldav.events().length, 30);
    remove(1);
    await rig.settle();
    assert.equal(rig.caldav.events().length, 30, 'the eleventh is held');
    await rig.decide('apply');
    await rig.settle();
    assert.equal(rig.caldav.events().length, 29);
    assert.deepEqual(await rig.held(), []);
    rig.advance(25 * 3_600);
    remove(5);
    await rig.settle();
    assert.equal(rig.caldav.events().length, 24, 'a day later deletions are free again');
  });

  test('held ones: other changes go on; restore brings the event back; one that comes back is released', async () => {
    const rig = await linked(['A', 'B', 'C']);
    const copies = new Map(['A', 'B', 'C'].map((title) => [title, rig.cloud.shows(title)]));
    for (const title of ['A', 'B', 'C']) rig.cloud.person.remove(rig.cloud.find(title));
    await rig.settle();
    assert.equal((await rig.held()).length, 3);
    rig.cloud.person.insert({ title: 'D' });
    rig.cloud.person.insert({ ...copies.get('A')!, title: 'A' });
    await rig.settle(6);
    assert.deepEqual(rig.caldav.titles(), ['A', 'B', 'C', 'D'], 'A is linked again, not doubled');
    assert.deepEqual(rig.cloud.titles(), ['A', 'D']);
    assert.equal((await rig.held()).length, 2);
    await rig.decide('restore');
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['A', 'B', 'C', 'D']);
    assert.deepEqual(await rig.held(), []);
  });

  test('lost on both sides: held, and restored from the last known state', async () => {
    const rig = await linked(['A', 'B', 'C']);
    for (const title of ['A', 'B', 'C']) {
      rig.cloud.person.remove(rig.cloud.find(title));
      rig.caldav.person.remove(rig.caldav.find(title));
    }
    await rig.settle();
    assert.deepEqual(
      (await rig.held()).map(({ reason }) => reason),
      ['lost-on-both', 'lost-on-both', 'lost-on-both'],
    );
    await rig.decide('restore');
    rig.cloud.failNext('create', 'unreachable', { times: 9 });
    rig.caldav.failNext('create', 'unreachable', { times: 9 });
    await rig.cycle();
    rig.cloud.faults.length = 0;
    rig.caldav.faults.length = 0;
    rig.advance(3_600);
    await rig.settle(6);
    assert.deepEqual(rig.cloud.titles(), ['A', 'B', 'C']);
    assert.deepEqual(rig.caldav.titles(), ['A', 'B', 'C']);
    assert.deepEqual(await rig.held(), []);
  });

  test('of a meeting with guests are held, whatever their number', async () => {
    const rig = await open();
    for (const title of names(6)) rig.cloud.person.insert({ title }, { hasGuests: title === 'e000' });
    await rig.settle();
    rig.caldav.person.remove(rig.caldav.find('e000'));
    rig.caldav.person.remove(rig.caldav.find('e001'));
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['e000', 'e002', 'e003', 'e004', 'e005']);
    assert.deepEqual(
      (await rig.held()).map(({ side, reason }) => [side, reason]),
      [['cloud', 'has-guests']],
    );
    await rig.decide('apply');
    await rig.settle();
    assert.equal(rig.cloud.events().length, 4);
  });

  test('that a worker left undone are done days later only where the event is still gone', async () => {
    const rig = await linked(names(8));
    await restoredWhileNobodyWorks(rig, 'caldav', 'remove');
    assert.deepEqual(
      rig.cloud.writes.filter(({ action }) => action !== 'create'),
      [{ action: 'remove', title: 'e001' }],
    );
    await rig.settle();
    assert.deepEqual(
      [rig.caldav.titles(), rig.cloud.titles()],
      [names(8).filter((title) => title !== 'e001'), names(8).filter((title) => title !== 'e001')],
    );
  });

  test('of copies that are to be made again: days later only those are made that have not been restored', async () => {
    const rig = await linked(names(8), { direction: 'caldav-to-cloud' });
    await restoredWhileNobodyWorks(rig, 'cloud', 'create');
    await rig.settle();
    assert.deepEqual([rig.cloud.titles(), rig.caldav.titles()], [names(8), names(8)]);
  });

  test('an event that moves to another name with its UID is neither deleted nor doubled (G15, A21)', async () => {
    const rig = await linked(names(6));
    const event = rig.caldav.shows('e000');
    rig.caldav.person.remove(rig.caldav.find('e000'));
    rig.caldav.person.insert({ ...event, location: 'moved' });
    const { writes } = rig;
    await rig.settle();
    assert.equal(rig.cloud.events().length, 6);
    assert.equal(rig.caldav.events().length, 6);
    assert.equal(rig.cloud.shows('e000').location, 'moved');
    assert.equal(rig.writes - writes, 1);
  });
});

describe('one bad event', () => {
  test('that cannot be read stops no other, is never deleted, and is tried again when it changes', async () => {
    const rig = await linked(['A', 'B', 'C']);
    const ref = rig.caldav.find('A');
    const event = rig.caldav.shows('A');
    rig.caldav.person.spoil(ref);
    rig.cloud.person.remove(rig.cloud.find('A'));
    rig.caldav.person.edit(rig.caldav.find('B'), { location: 'x' });
    await rig.settle();
    assert.equal(rig.cloud.shows('B').location, 'x');
    assert.deepEqual(
      (await rig.problems()).map(({ code, side }) => [code, side]),
      [['unreadable', 'caldav']],
    );
    assert.ok(rig.caldav.items.has(ref));
    rig.caldav.items.set(ref, {
      ...rig.caldav.items.get(ref)!,
      event: { ...event, title: 'A2' },
      version: '"x"',
      at: 10_000,
    });
    rig.caldav.expireCursors();
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['A2', 'B', 'C'], 'the edit wins');
    assert.deepEqual(await rig.problems(), []);
  });

  test('that was never readable is kept in mind until it is', async () => {
    const rig = await open();
    const ref = rig.caldav.person.insert({ title: 'bad' });
    rig.caldav.person.spoil(ref);
    await rig.settle();
    assert.deepEqual(
      (await rig.problems()).map(({ code }) => code),
      ['unreadable'],
    );
    assert.equal((await rig.linkRows()).length, 1);
  });

  test('that a server refuses stops no other and is tried again when it changes, on either side', async () => {
    const rig = await linked(['A', 'B']);
    rig.cloud.failNext('update', 'rejected', { title: 'A', times: 1 });
    rig.caldav.person.edit(rig.caldav.find('A'), { location: 'no' });
    rig.caldav.person.edit(rig.caldav.find('B'), { location: 'yes' });
    await rig.settle();
    assert.deepEqual([rig.cloud.shows('A').location, rig.cloud.shows('B').location], ['', 'yes']);
    assert.deepEqual(
      (await rig.problems()).map(({ code, side }) => [code, side]),
      [['rejected-by-server', 'cloud']],
    );
    assert.equal((await rig.runRows()).at(-1)?.result, 'partial');
    rig.cloud.person.edit(rig.cloud.find('A'), { description: 'try again' });
    await rig.settle();
    assert.deepEqual([rig.cloud.shows('A').location, rig.caldav.shows('A').description], ['no', 'try again']);
    assert.deepEqual(await rig.problems(), []);
  });

  test('a server that answers 412 for ever does not keep the pair busy (C16, C17)', async () => {
    const rig = await linked(['A', 'B']);
    rig.cloud.failNext('update', 'stale', { title: 'A', times: 10_000 });
    rig.caldav.person.edit(rig.caldav.find('A'), { location: 'x' });
    rig.advance(61);
    assert.equal(await rig.poll(), 'changed');
    await rig.run('poll', { polled: true });
    assert.ok(rig.cloud.calls.filter((call) => call === 'update').length <= 6);
    assert.equal(await rig.poll(), 'NoChange');
  });
});

describe('a service that fails', () => {
  test('for want of credentials: attention, no write, and it heals', async () => {
    const rig = await linked(['A']);
    rig.cloud.failNext('changes', 'auth', { times: 2 });
    rig.caldav.person.edit(rig.caldav.find('A'), { location: 'x' });
    await rig.cycle();
    assert.deepEqual([(await rig.pair()).attention, rig.state], ['credentials', 'attention']);
    rig.advance(3_600);
    await rig.settle(5);
    assert.deepEqual([(await rig.pair()).attention, rig.state], [null, 'active']);
    assert.equal(rig.cloud.shows('A').location, 'x');
  });

  test('a run that cannot read a side fails, says so, and writes nothing to the other (A12)', async () => {
    const rig = await linked(['A']);
    rig.caldav.person.edit(rig.caldav.find('A'), { location: 'x' });
    rig.caldav.failNext('changes', 'unreachable');
    const { writes } = rig;
    const summary = await rig.run();
    assert.equal(summary.result, 'failed');
    assert.equal(rig.writes, writes);
    assert.equal((await rig.runRows()).at(-1)?.error?.code, 'unreachable');
  });

  test('that is down for writes: the rest waits, is told as partial, and is written later', async () => {
    const rig = await linked(['A', 'B', 'C']);
    for (const title of ['A', 'B', 'C']) rig.caldav.person.edit(rig.caldav.find(title), { location: 'x' });
    rig.cloud.failNext('update', 'unreachable', { times: 1_000 });
    rig.advance(61);
    assert.equal(await rig.poll(), 'changed');
    assert.equal((await rig.run('poll', { polled: true })).result, 'partial');
    assert.notEqual(await rig.poll(), 'changed', 'it is not tried again at once');
    rig.cloud.faults.length = 0;
    rig.advance(3_600);
    await rig.settle(5);
    for (const event of rig.cloud.events()) assert.equal(event.location, 'x');
  });

  for (const side of ['caldav', 'cloud'] as const) {
    for (const when of ['before', 'after'] as const) {
      test(
        `a lost answer ${when} create, update and delete on ${side}: nothing double, nothing lost ` + '(I8)',
        async () => {
          const rig = await linked(['A', 'B', 'C', 'D', 'E']);
          const from = rig.side(side === 'caldav' ? 'cloud' : 'caldav');
          for (const on of ['create', 'update', 'remove'] as const)
            rig.side(side).failNext(on, 'unreachable', { when, times: 2 });
          from.person.insert({ title: 'new' });
          from.person.edit(from.find('A'), { location: 'x' });
          from.person.remove(from.find('B'));
          await rig.cycle();
          rig.advance(3_600);
          await rig.settle(5);
          for (const one of [rig.caldav, rig.cloud]) {
            assert.deepEqual(one.titles(), ['A', 'C', 'D', 'E', 'new']);
            assert.equal(one.shows('A').location, 'x');
          }
          assert.deepEqual(await rig.conflicts(), []);
        },
      );
    }
  }

  test('an edit of a copy whose create was never answered is not lost', async () => {
    for (const way of ['retry', 'poll', 'crash'] as const) {
      const rig = await open();
      rig.caldav.person.insert({ title: 'A' });
      rig.cloud.failNext('create', way === 'crash' ? new Error('crash') : 'unreachable', {
        when: 'after',
        times: way === 'poll' ? 1 : 1,
      });
      let edits = 0;
      rig.cloud.hook = (call, when) => {
        if (call !== 'create' || when !== 'after' || edits > 0) return;
        edits += 1;
        rig.advance(10);
        rig.cloud.person.edit(rig.cloud.find('A'), { location: 'quick' });
      };
      await rig.cycle(2);
      rig.advance(3_600);
      await rig.settle(5, 2);
      assert.equal(rig.caldav.shows('A').location, 'quick', way);
      assert.equal(rig.cloud.shows('A').location, 'quick', way);
    }
  });
});

describe('control', () => {
  test('a late worker stores and writes nothing more (G23)', async () => {
    const rig = await linked(['A', 'B']);
    rig.caldav.person.edit(rig.caldav.find('A'), { location: 'x' });
    rig.cloud.hook = async (call, when) => {
      if (call !== 'update' || when !== 'after') return;
      rig.cloud.hook = null;
      await rig.set({ epoch: 1_000 });
    };
    await assert.rejects(rig.run());
    const row = (await rig.sideRows()).find(({ side, ref }) => side === 'cloud' && ref === rig.cloud.find('A'));
    assert.equal(row?.version, row?.baseVersion, 'nothing was noted');
    await rig.settle();
    assert.equal(rig.cloud.shows('A').location, 'x');
    assert.deepEqual(await rig.conflicts(), []);
  });

  test('a pause takes effect before the next write, and resume loses nothing', async () => {
    const rig = await linked(names(6));
    rig.cloud.writesAtOnce = 1;
    for (const title of names(6)) rig.caldav.person.edit(rig.caldav.find(title), { location: 'x' });
    const { writes } = rig;
    rig.cloud.hook = async (call, when) => {
      if (call === 'update' && when === 'after') await rig.set({ paused: true });
    };
    await assert.rejects(rig.run(), /paused/);
    assert.equal(rig.writes - writes, 1);
    assert.equal(await rig.poll(), 'NoChange');
    rig.cloud.hook = null;
    await rig.set({ paused: false });
    await rig.run();
    assert.deepEqual(
      rig.cloud.events().map(({ location }) => location),
      names(6).map(() => 'x'),
    );
    assert.equal(rig.writes - writes, 6);
  });
});

describe('one way', () => {
  const oneWay = { direction: 'caldav-to-cloud' } as const;

  test('edits of the copy are taken back, deletions brought back, and the source is never written', async () => {
    const rig = await linked(['A', 'B', 'C', 'D', 'E'], oneWay);
    rig.cloud.person.edit(rig.cloud.find('A'), { title: 'mine' });
    rig.cloud.person.remove(rig.cloud.find('B'));
    rig.cloud.person.insert({ title: 'own' });
    rig.caldav.person.remove(rig.caldav.find('C'));
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['A', 'B', 'D', 'E', 'own']);
    assert.equal(rig.caldav.writes.length, 0);
    assert.deepEqual(await rig.conflicts(), []);
  });

  test('a matched event of the target is changed only where the source changes, and never deleted', async () => {
    const rig = await open(oneWay);
    rig.caldav.person.insert({ title: 'M', uid: 'm' });
    rig.cloud.person.insert({ title: 'M', uid: 'm', description: 'mine' });
    await rig.settle();
    rig.cloud.person.edit(rig.cloud.find('M'), { description: 'still mine' });
    rig.caldav.person.edit(rig.caldav.find('M'), { location: 'there' });
    await rig.settle();
    assert.deepEqual([rig.cloud.shows('M').description, rig.cloud.shows('M').location], ['still mine', 'there']);
    rig.caldav.person.remove(rig.caldav.find('M'));
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['M']);
    assert.equal(rig.caldav.writes.length, 0);
  });

  test(
    'restore of a held deletion keeps the copy and unlinks it; of what both lost, brings back ' + 'the copy alone',
    async () => {
      const rig = await linked(['A', 'B', 'C'], oneWay);
      for (const title of ['A', 'B', 'C']) rig.caldav.person.remove(rig.caldav.find(title));
      rig.cloud.person.remove(rig.cloud.find('C'));
      await rig.settle();
      assert.equal((await rig.held()).length, 3);
      await rig.decide('restore');
      await rig.settle();
      assert.deepEqual(rig.cloud.titles(), ['A', 'B', 'C']);
      assert.deepEqual(rig.caldav.titles(), []);
      rig.cloud.person.edit(rig.cloud.find('A'), { location: 'x' });
      await rig.settle();
      assert.deepEqual(rig.cloud.titles(), ['A', 'B', 'C']);
      assert.equal(rig.caldav.writes.length, 0);
      assert.deepEqual(await rig.held(), []);
    },
  );
});

describe('copies', () => {
  test('that a person makes are new events with a UID of their own', async () => {
    const rig = await linked(['A']);
    rig.cloud.person.copy(rig.cloud.find('A'));
    await rig.settle();
    assert.equal(rig.caldav.events().length, 2);
    assert.equal(rig.cloud.events().length, 2);
    assert.equal(new Set(rig.caldav.events().map((event) => event.uid)).size, 2);
  });

  const unsupported = (event: { status: string }) =>
    event.status === 'cancelled' ? { code: 'cancelled-not-carried' as const, detail: 'It cannot show it.' } : null;

  test('a cancelled event that the cloud cannot show loses its copy only; an edit made there is kept', async () => {
    const rig = await linked(['A', 'B'], { cloud: { unsupported, keepsIds: true } });
    rig.caldav.person.edit(rig.caldav.find('A'), { status: 'cancelled' });
    rig.cloud.person.edit(rig.cloud.find('A'), { description: 'noted there' });
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['B']);
    assert.deepEqual([rig.caldav.shows('A').status, rig.caldav.shows('A').description], ['cancelled', 'noted there']);
    assert.deepEqual(
      (await rig.problems()).map(({ code }) => code),
      ['cancelled-not-carried'],
    );
    await rig.settle();
    assert.deepEqual(rig.caldav.titles(), ['A', 'B']);
    rig.caldav.person.edit(rig.caldav.find('A'), { status: 'confirmed' });
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['A', 'B']);
    assert.deepEqual(await rig.problems(), []);
  });

  test(
    'of a cancelled event that takes place after all stay, though no listing has told of that; ' +
      'and while its server does not answer',
    async () => {
      const rig = await linked(['A', 'B'], { cloud: { unsupported, keepsIds: true } });
      const ref = rig.caldav.find('A');
      rig.caldav.person.edit(ref, { status: 'cancelled' });
      rig.cloud.failNext('remove', 'throttled', { times: 3 });
      await rig.cycle();
      rig.caldav.person.edit(ref, { status: 'tentative' });
      rig.caldav.hidden.add(ref);
      rig.caldav.failNext('get', 'unreachable');
      await rig.settle();
      assert.deepEqual(rig.cloud.titles(), ['A', 'B']);
      assert.equal(rig.cloud.shows('A').status, 'tentative');
      assert.deepEqual(
        rig.cloud.writes.filter(({ action }) => action !== 'create'),
        [{ action: 'update', title: 'A' }],
      );
    },
  );
});

describe('busy', () => {
  const busy = { options: { content: { toCloud: 'busy', toCaldav: 'full' } } } as const;

  test('the cloud sees when, and nothing else; what is done to that copy is taken back', async () => {
    const rig = await linked(['Secret', 'Other', 'More', 'Last'], {
      options: { ...busy.options, filter: { titleExcludes: 'busy' } },
    });
    assert.deepEqual(new Set(rig.cloud.titles()), new Set(['Busy']));
    const [ref, second] = [...rig.cloud.items.keys()];
    rig.cloud.person.edit(ref!, { title: 'mine', when: at(20) });
    rig.cloud.person.remove(second!);
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['Busy', 'Busy', 'Busy', 'Busy']);
    assert.equal(rig.caldav.writes.length, 0);
    rig.caldav.person.edit(rig.caldav.find('Secret'), { when: at(9) });
    await rig.settle();
    assert.equal(rig.cloud.events().filter((event) => JSON.stringify(event.when) === JSON.stringify(at(9))).length, 1);
  });

  test('events of the busy side are linked by UID only, never blanked, and told nothing', async () => {
    const rig = await open(busy);
    rig.caldav.person.insert({ title: 'M', uid: 'm', description: 'secret' });
    rig.cloud.person.insert({ title: 'M', uid: 'm', location: 'there' });
    rig.caldav.person.insert({ title: 'N', uid: 'n1', when: at(5) });
    rig.cloud.person.insert({ title: 'N', uid: 'n2', when: at(5) });
    await rig.settle();
    assert.deepEqual(rig.cloud.titles(), ['Busy', 'M', 'N']);
    assert.equal(rig.cloud.shows('M').description, '');
    rig.caldav.person.edit(rig.caldav.find('M'), { description: 'more secret', when: at(6) });
    await rig.settle();
    assert.equal(rig.cloud.shows('M').description, '');
    assert.deepEqual(rig.cloud.shows('M').when, at(6));
  });
});

describe('filters and windows', () => {
  test('what leaves them stays where it is (A18)', async () => {
    const rig = await linked(['keep A', 'keep B', 'keep C'], { options: { filter: { titleMatches: 'KEEP' } } });
    rig.caldav.person.insert({ title: 'private' });
    rig.caldav.person.edit(rig.caldav.find('keep A'), { title: 'left' });
    rig.cloud.person.remove(rig.cloud.find('keep A'));
    await rig.settle();
    assert.deepEqual(rig.caldav.titles(), ['keep B', 'keep C', 'left', 'private']);
    assert.deepEqual(rig.cloud.titles(), ['keep B', 'keep C']);
  });
});
