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
  const harness = await open(options);
  for (const title of titles) harness.caldav.person.insert({ title });
  await harness.settle();
  return harness;
}

/**
 * A person removes e000 and e001 on one side. The worker dies when it is about to write that to the cloud; until the
 * run goes on days later e000 has been restored.
 */
async function restoredWhileNobodyWorks(harness: Harness, side: SideName, write: Call): Promise<void> {
  const ref = harness[side].find('e000');
  const event = harness[side].shows('e000');
  // A worker that dies takes all its writes with it.
  harness.cloud.writesAtOnce = 1;
  for (const title of ['e000', 'e001']) harness[side].person.remove(harness[side].find(title));
  harness.cloud.hook = (call) => {
    if (call === write) throw new Error('the worker dies');
  };
  harness.onFailedAttempt = () => {
    harness.cloud.hook = null;
    harness.advance(3 * 86_400);
    harness[side].person.insert(event, { ref });
    return Promise.resolve();
  };
  await harness.run('signal', { attempts: 2 });
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `e${String(index).padStart(3, '0')}`);

describe('the initial matching', () => {
  test('carries what each side has to the other, and the second run writes nothing', async () => {
    const harness = await open();
    harness.caldav.person.insert({ title: 'A', description: 'from home' });
    harness.caldav.person.insert({
      ...aSeries(),
      uid: 'series',
      title: 'S',
      exceptions: { [occurrence(1)]: EXCLUDED },
    });
    harness.cloud.person.insert({ title: 'B', when: at(3) });
    await harness.settle();
    assert.deepEqual(harness.caldav.titles(), ['A', 'B', 'S']);
    assert.deepEqual(harness.cloud.titles(), ['A', 'B', 'S']);
    assert.deepEqual(harness.cloud.shows('S').exceptions, { [occurrence(1)]: EXCLUDED });
    const { writes } = harness;
    const summary = await harness.run('signal');
    assert.deepEqual([summary.result, summary.writes, harness.writes], ['ok', 0, writes]);
    await harness.run('resync', { full: true });
    assert.equal(harness.writes, writes, 'a resync writes nothing either');
  });

  test('links the same event by UID, then by title, start and rule, and copies neither (I10, B1)', async () => {
    const harness = await open();
    harness.caldav.person.insert({ title: 'Same UID', uid: 'one' });
    harness.cloud.person.insert({ title: 'Same UID', uid: 'one' });
    harness.caldav.person.insert({ title: 'Same title', uid: 'two', when: at(2) });
    harness.cloud.person.insert({ title: 'Same title', uid: 'three', when: at(2) });
    await harness.settle();
    assert.equal(harness.writes, 0);
    assert.equal((await harness.linkRows()).length, 2);
  });

  test('leaves alone what is not unique, and copies it', async () => {
    const harness = await open();
    harness.caldav.person.insert({ title: 'Duplicate', uid: '1' });
    harness.caldav.person.insert({ title: 'Duplicate', uid: '2' });
    harness.cloud.person.insert({ title: 'Duplicate', uid: '3' });
    await harness.settle();
    assert.equal(harness.caldav.events().length, 3);
    assert.equal(harness.cloud.events().length, 3);
  });

  test('merges what differs, and an empty value never wins', async () => {
    const harness = await open();
    harness.caldav.person.insert({ title: 'M', uid: 'm', location: 'Room 1', description: 'old' });
    harness.cloud.person.insert({ title: 'M', uid: 'm', description: 'new' });
    await harness.settle();
    for (const side of [harness.caldav, harness.cloud]) {
      assert.equal(side.shows('M').location, 'Room 1');
      assert.equal(side.shows('M').description, 'new');
    }
    assert.deepEqual(await harness.conflicts(), [
      { field: 'description', winner: 'cloud', keptValue: 'new', lostValue: 'old' },
    ]);
  });

  test('a UID that two events of one side share is never matched, and nothing is lost (B14)', async () => {
    const harness = await open();
    harness.caldav.person.insert({ title: 'X1', uid: 'shared' });
    harness.caldav.person.insert({ title: 'X2', uid: 'shared' });
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['X1', 'X2']);
    assert.deepEqual(harness.caldav.titles(), ['X1', 'X2']);
  });
});

describe('edits', () => {
  test(
    'of different fields on both sides both arrive; of one field the later wins and the other ' +
      'is kept as a conflict',
    async () => {
      const harness = await linked(['A', 'B']);
      harness.caldav.person.edit(harness.caldav.find('A'), { location: 'here' });
      harness.cloud.person.edit(harness.cloud.find('A'), { description: 'there' });
      harness.cloud.person.edit(harness.cloud.find('B'), { location: 'earlier' });
      harness.caldav.person.edit(harness.caldav.find('B'), { location: 'later' });
      await harness.settle();
      for (const side of [harness.caldav, harness.cloud]) {
        assert.equal(side.shows('A').location, 'here');
        assert.equal(side.shows('A').description, 'there');
        assert.equal(side.shows('B').location, 'later');
      }
      assert.deepEqual(await harness.conflicts(), [
        { field: 'location', winner: 'caldav', keptValue: 'later', lostValue: 'earlier' },
      ]);
    },
  );

  test('a change of the version alone writes nothing and starts no run', async () => {
    const harness = await linked(['A']);
    const { writes } = harness;
    harness.caldav.person.touch(harness.caldav.find('A'));
    harness.cloud.person.touch(harness.cloud.find('A'));
    assert.equal(await harness.cycle(), 'NoChange');
    assert.equal(harness.writes, writes);
  });

  test('against a deletion win, and the event comes back once, as a conflict', async () => {
    const harness = await linked(['A', 'B', 'C', 'D']);
    harness.cloud.person.remove(harness.cloud.find('A'));
    harness.caldav.person.edit(harness.caldav.find('A'), { location: 'edited' });
    await harness.settle();
    assert.equal(harness.cloud.shows('A').location, 'edited');
    assert.deepEqual(
      (await harness.conflicts()).map(({ field, winner }) => [field, winner]),
      [['event', 'caldav']],
    );
    await harness.settle();
    assert.equal(harness.cloud.events().length, 4);
  });

  test('between the plan and the write are not lost (412, G5)', async () => {
    const harness = await linked(['A']);
    harness.caldav.person.edit(harness.caldav.find('A'), { location: 'home' });
    harness.cloud.hook = (call, when) => {
      if (call !== 'update' || when !== 'before') return;
      harness.cloud.hook = null;
      harness.cloud.person.edit(harness.cloud.find('A'), { description: 'meanwhile' });
    };
    await harness.settle();
    for (const side of [harness.caldav, harness.cloud])
      assert.deepEqual([side.shows('A').location, side.shows('A').description], ['home', 'meanwhile']);
  });

  for (const answers of ['sent', 'sent-without-version'] as const) {
    test(`between a write and its reading back are not lost, and a rewriting is no edit (${answers})`, async () => {
      const harness = await linked(['A'], {
        caldav: {
          answers,
          rewrite: (event) => ({
            ...event,
            description: event.description && `${event.description.replace(/\n$/, '')}\n`,
          }),
        },
      });
      harness.cloud.person.edit(harness.cloud.find('A'), { description: 'text' });
      harness.caldav.hook = (call, when) => {
        if (call !== 'get' || when !== 'before') return;
        harness.caldav.hook = null;
        harness.advance(5);
        harness.caldav.person.edit(harness.caldav.find('A'), { location: 'in between' });
      };
      await harness.settle();
      assert.equal(harness.cloud.shows('A').location, 'in between');
      harness.cloud.person.edit(harness.cloud.find('A'), { description: 'second' });
      await harness.settle();
      assert.equal(harness.caldav.shows('A').description, 'second\n');
      assert.equal(harness.cloud.shows('A').description, 'second', 'the rewriting is never sent back');
      assert.equal(await harness.cycle(), 'NoChange');
    });
  }

  test('a value that the server rewrote is no edit, even where a poll sees it first (C6, C10)', async () => {
    const harness = await linked(['A'], {
      caldav: { rewrite: (event) => ({ ...event, description: event.description && `<p>${event.description}</p>` }) },
    });
    harness.cloud.person.edit(harness.cloud.find('A'), { description: 'text' });
    harness.caldav.failNext('get', 'unreachable');
    await harness.cycle();
    assert.equal(harness.caldav.shows('A').description, '<p>text</p>');
    harness.advance(3_600);
    await harness.settle();
    assert.equal(harness.cloud.shows('A').description, 'text');
  });

  for (const answers of ['stored', 'sent'] as const) {
    test(
      'a rewriting does not beat what a person has written over the original while the run went ' + `on (${answers})`,
      async () => {
        const harness = await linked(['A'], {
          caldav: {
            answers,
            rewrite: (event) => ({ ...event, description: event.description && `<p>${event.description}</p>` }),
          },
        });
        harness.cloud.person.edit(harness.cloud.find('A'), { description: 'first' });
        harness.caldav.person.edit(harness.caldav.find('A'), { location: 'home' });
        harness.cloud.hook = (call, when) => {
          if (call !== 'update' || when !== 'before') return;
          harness.cloud.hook = null;
          harness.cloud.person.edit(harness.cloud.find('A'), { description: 'second' });
          harness.advance(5);
        };
        await harness.settle();
        assert.deepEqual([harness.cloud.shows('A').description, harness.cloud.shows('A').location], ['second', 'home']);
        assert.equal(harness.caldav.shows('A').description, '<p>second</p>');
      },
    );
  }

  test('a feed that lags behind our write does not undo it; what a person puts back counts', async () => {
    const harness = await linked(['A'], { caldav: { answers: 'stored' } });
    harness.caldav.freeze();
    harness.cloud.person.edit(harness.cloud.find('A'), { description: 'new' });
    harness.caldav.person.touch(harness.caldav.find('A'));
    harness.caldav.thaw();
    await harness.settle();
    const ref = harness.caldav.find('A');
    const item = harness.caldav.items.get(ref)!;
    harness.cloud.person.edit(harness.cloud.find('A'), { description: 'newer' });
    await harness.run();
    const written = harness.caldav.items.get(ref)!;
    // The feed shows the item before the write once more.
    harness.caldav.items.set(ref, { ...item, at: written.at + 1 });
    harness.caldav.expireCursors();
    const hook = () => {
      harness.caldav.hook = null;
      harness.caldav.items.set(ref, { ...written, at: written.at + 2 });
    };
    harness.caldav.hook = (call, when) => {
      if (call === 'get' && when === 'before') hook();
    };
    await harness.settle(6);
    assert.equal(harness.cloud.shows('A').description, 'newer');
    assert.equal(harness.caldav.shows('A').description, 'newer');
    // A person puts the same bytes back (content hashes as ETags).
    harness.caldav.items.set(ref, { ...item, at: written.at + 3 });
    harness.caldav.expireCursors();
    harness.advance(60);
    await harness.settle(6);
    assert.equal(harness.cloud.shows('A').description, 'new');
  });

  test('flapping: the fifth write of a value that was there before is not done', async () => {
    const harness = await linked(['A'], {});
    // Another tool on the cloud side turns the title back whenever it is changed.
    for (let round = 0; round < 7; round += 1) {
      harness.caldav.person.edit(harness.caldav.find(round % 2 ? 'Y' : round === 0 ? 'A' : 'X'), {
        title: round % 2 ? 'X' : 'Y',
      });
      await harness.settle();
    }
    const updates = harness.cloud.writes.filter(({ action }) => action === 'update').length;
    assert.equal(updates, 4);
    assert.deepEqual(
      (await harness.problems()).map(({ code }) => code),
      ['flapping'],
    );
    harness.caldav.person.edit([...harness.caldav.items.keys()][0]!, { title: 'something new' });
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['something new']);
    assert.deepEqual(await harness.problems(), []);
  });
});

describe('deletions', () => {
  test('are copied once confirmed, both ways, and last', async () => {
    const harness = await linked(names(8));
    harness.caldav.person.remove(harness.caldav.find('e000'));
    harness.cloud.person.remove(harness.cloud.find('e001'));
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), names(8).slice(2));
    assert.deepEqual(harness.caldav.titles(), names(8).slice(2));
    harness.caldav.expireCursors();
    harness.cloud.expireCursors();
    await harness.run('resync', { full: true });
    await harness.settle();
    assert.deepEqual(harness.caldav.titles(), names(8).slice(2));
  });

  test('of a fresh copy, before any listing, are copied as well', async () => {
    const harness = await open();
    for (const title of ['A', 'B', 'C', 'D']) harness.caldav.person.insert({ title });
    await harness.run('start');
    harness.cloud.person.remove(harness.cloud.find('A'));
    await harness.settle();
    assert.deepEqual(harness.caldav.titles(), ['B', 'C', 'D']);
  });

  test('a calendar that suddenly lists nothing deletes nothing, shows it, and heals (A2, A5, I6)', async () => {
    const harness = await linked(['A', 'B', 'C']);
    for (const ref of harness.cloud.items.keys()) harness.cloud.hidden.add(ref);
    harness.cloud.expireCursors();
    await harness.cycle();
    assert.deepEqual([(await harness.pair()).attention, harness.state], ['calendar-missing', 'attention']);
    assert.deepEqual(harness.caldav.titles(), ['A', 'B', 'C']);
    harness.cloud.hidden.clear();
    harness.advance(3_600);
    await harness.cycle();
    assert.deepEqual([(await harness.pair()).attention, harness.state], [null, 'active']);
    const { writes } = harness;
    await harness.settle();
    assert.equal(harness.writes, writes);
  });

  test('a listing that misses some, which answer when asked, deletes nothing (A9, A11)', async () => {
    const harness = await linked(names(12));
    for (const ref of [...harness.cloud.items.keys()].slice(0, 5)) harness.cloud.hidden.add(ref);
    harness.cloud.expireCursors();
    const { writes } = harness;
    await harness.settle();
    assert.equal(harness.writes, writes);
    assert.equal(harness.caldav.events().length, 12);
  });

  for (const answering of [1, 45]) {
    test(
      `60 missing of which ${answering} answer: none is ` +
        `deleted${answering > 40 ? ', and the listing is not believed' : ''}`,
      async () => {
        const harness = await linked(names(70));
        const refs = [...harness.cloud.items.keys()].slice(0, 60);
        refs.slice(0, answering).forEach((ref) => harness.cloud.hidden.add(ref));
        refs.slice(answering).forEach((ref) => harness.cloud.person.remove(ref));
        harness.cloud.expireCursors();
        await harness.cycle();
        // 20 are asked, so at least one of 45 is among them.
        if (answering > 40) assert.equal((await harness.pair()).attention, 'calendar-missing');
        assert.equal(harness.caldav.events().length, 70);
      },
    );
  }

  test('60 missing that are all gone are held', async () => {
    const harness = await linked(names(70));
    [...harness.cloud.items.keys()].slice(0, 60).forEach((ref) => harness.cloud.person.remove(ref));
    harness.cloud.expireCursors();
    await harness.settle();
    assert.equal(harness.caldav.events().length, 70);
    assert.deepEqual(
      new Set((await harness.held()).map(({ side, reason }) => `${side} ${reason}`)),
      new Set(['caldav too-many']),
    );
    assert.equal((await harness.held()).length, 60);
    await harness.cycle();
    assert.equal(harness.state, 'attention');
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
      const harness = await linked(names(count));
      [...harness.cloud.items.keys()].slice(0, deleted).forEach((ref) => harness.cloud.person.remove(ref));
      await harness.settle();
      assert.equal(harness.caldav.events().length, isHeld ? count : count - deleted);
      assert.equal((await harness.held()).length, isHeld ? deleted : 0);
    });
  }

  test('the limit counts over 24 hours, and what a person applied does not count', async () => {
    const harness = await linked(names(40));
    const remove = (count: number) =>
      [...harness.cloud.items.keys()].slice(0, count).forEach((ref) => harness.cloud.person.remove(ref));
    remove(10);
    await harness.settle();
    assert.equal(harness.caldav.events().length, 30);
    remove(1);
    await harness.settle();
    assert.equal(harness.caldav.events().length, 30, 'the eleventh is held');
    await harness.decide('apply');
    await harness.settle();
    assert.equal(harness.caldav.events().length, 29);
    assert.deepEqual(await harness.held(), []);
    harness.advance(25 * 3_600);
    remove(5);
    await harness.settle();
    assert.equal(harness.caldav.events().length, 24, 'a day later deletions are free again');
  });

  test('held ones: other changes go on; restore brings the event back; one that comes back is released', async () => {
    const harness = await linked(['A', 'B', 'C']);
    const copies = new Map(['A', 'B', 'C'].map((title) => [title, harness.cloud.shows(title)]));
    for (const title of ['A', 'B', 'C']) harness.cloud.person.remove(harness.cloud.find(title));
    await harness.settle();
    assert.equal((await harness.held()).length, 3);
    harness.cloud.person.insert({ title: 'D' });
    harness.cloud.person.insert({ ...copies.get('A')!, title: 'A' });
    await harness.settle(6);
    assert.deepEqual(harness.caldav.titles(), ['A', 'B', 'C', 'D'], 'A is linked again, not doubled');
    assert.deepEqual(harness.cloud.titles(), ['A', 'D']);
    assert.equal((await harness.held()).length, 2);
    await harness.decide('restore');
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['A', 'B', 'C', 'D']);
    assert.deepEqual(await harness.held(), []);
  });

  test('lost on both sides: held, and restored from the last known state', async () => {
    const harness = await linked(['A', 'B', 'C']);
    for (const title of ['A', 'B', 'C']) {
      harness.cloud.person.remove(harness.cloud.find(title));
      harness.caldav.person.remove(harness.caldav.find(title));
    }
    await harness.settle();
    assert.deepEqual(
      (await harness.held()).map(({ reason }) => reason),
      ['lost-on-both', 'lost-on-both', 'lost-on-both'],
    );
    await harness.decide('restore');
    harness.cloud.failNext('create', 'unreachable', { times: 9 });
    harness.caldav.failNext('create', 'unreachable', { times: 9 });
    await harness.cycle();
    harness.cloud.faults.length = 0;
    harness.caldav.faults.length = 0;
    harness.advance(3_600);
    await harness.settle(6);
    assert.deepEqual(harness.cloud.titles(), ['A', 'B', 'C']);
    assert.deepEqual(harness.caldav.titles(), ['A', 'B', 'C']);
    assert.deepEqual(await harness.held(), []);
  });

  test('of a meeting with guests are held, whatever their number', async () => {
    const harness = await open();
    for (const title of names(6)) harness.cloud.person.insert({ title }, { hasGuests: title === 'e000' });
    await harness.settle();
    harness.caldav.person.remove(harness.caldav.find('e000'));
    harness.caldav.person.remove(harness.caldav.find('e001'));
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['e000', 'e002', 'e003', 'e004', 'e005']);
    assert.deepEqual(
      (await harness.held()).map(({ side, reason }) => [side, reason]),
      [['cloud', 'has-guests']],
    );
    await harness.decide('apply');
    await harness.settle();
    assert.equal(harness.cloud.events().length, 4);
  });

  test('that a worker left undone are done days later only where the event is still gone', async () => {
    const harness = await linked(names(8));
    await restoredWhileNobodyWorks(harness, 'caldav', 'remove');
    assert.deepEqual(
      harness.cloud.writes.filter(({ action }) => action !== 'create'),
      [{ action: 'remove', title: 'e001' }],
    );
    await harness.settle();
    assert.deepEqual(
      [harness.caldav.titles(), harness.cloud.titles()],
      [names(8).filter((title) => title !== 'e001'), names(8).filter((title) => title !== 'e001')],
    );
  });

  test('of copies that are to be made again: days later only those are made that have not been restored', async () => {
    const harness = await linked(names(8), { direction: 'caldav-to-cloud' });
    await restoredWhileNobodyWorks(harness, 'cloud', 'create');
    await harness.settle();
    assert.deepEqual([harness.cloud.titles(), harness.caldav.titles()], [names(8), names(8)]);
  });

  test('an event that moves to another name with its UID is neither deleted nor doubled (G15, A21)', async () => {
    const harness = await linked(names(6));
    const event = harness.caldav.shows('e000');
    harness.caldav.person.remove(harness.caldav.find('e000'));
    harness.caldav.person.insert({ ...event, location: 'moved' });
    const { writes } = harness;
    await harness.settle();
    assert.equal(harness.cloud.events().length, 6);
    assert.equal(harness.caldav.events().length, 6);
    assert.equal(harness.cloud.shows('e000').location, 'moved');
    assert.equal(harness.writes - writes, 1);
  });
});

describe('one bad event', () => {
  test('that cannot be read stops no other, is never deleted, and is tried again when it changes', async () => {
    const harness = await linked(['A', 'B', 'C']);
    const ref = harness.caldav.find('A');
    const event = harness.caldav.shows('A');
    harness.caldav.person.spoil(ref);
    harness.cloud.person.remove(harness.cloud.find('A'));
    harness.caldav.person.edit(harness.caldav.find('B'), { location: 'x' });
    await harness.settle();
    assert.equal(harness.cloud.shows('B').location, 'x');
    assert.deepEqual(
      (await harness.problems()).map(({ code, side }) => [code, side]),
      [['unreadable', 'caldav']],
    );
    assert.ok(harness.caldav.items.has(ref));
    harness.caldav.items.set(ref, {
      ...harness.caldav.items.get(ref)!,
      event: { ...event, title: 'A2' },
      version: '"x"',
      at: 10_000,
    });
    harness.caldav.expireCursors();
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['A2', 'B', 'C'], 'the edit wins');
    assert.deepEqual(await harness.problems(), []);
  });

  test('that was never readable is kept in mind until it is', async () => {
    const harness = await open();
    const ref = harness.caldav.person.insert({ title: 'bad' });
    harness.caldav.person.spoil(ref);
    await harness.settle();
    assert.deepEqual(
      (await harness.problems()).map(({ code }) => code),
      ['unreadable'],
    );
    assert.equal((await harness.linkRows()).length, 1);
  });

  test('that a server refuses stops no other and is tried again when it changes, on either side', async () => {
    const harness = await linked(['A', 'B']);
    harness.cloud.failNext('update', 'rejected', { title: 'A', times: 1 });
    harness.caldav.person.edit(harness.caldav.find('A'), { location: 'no' });
    harness.caldav.person.edit(harness.caldav.find('B'), { location: 'yes' });
    await harness.settle();
    assert.deepEqual([harness.cloud.shows('A').location, harness.cloud.shows('B').location], ['', 'yes']);
    assert.deepEqual(
      (await harness.problems()).map(({ code, side }) => [code, side]),
      [['rejected-by-server', 'cloud']],
    );
    assert.equal((await harness.runRows()).at(-1)?.result, 'partial');
    harness.cloud.person.edit(harness.cloud.find('A'), { description: 'try again' });
    await harness.settle();
    assert.deepEqual([harness.cloud.shows('A').location, harness.caldav.shows('A').description], ['no', 'try again']);
    assert.deepEqual(await harness.problems(), []);
  });

  test('a server that answers 412 for ever does not keep the pair busy (C16, C17)', async () => {
    const harness = await linked(['A', 'B']);
    harness.cloud.failNext('update', 'stale', { title: 'A', times: 10_000 });
    harness.caldav.person.edit(harness.caldav.find('A'), { location: 'x' });
    harness.advance(61);
    assert.equal(await harness.poll(), 'changed');
    await harness.run('poll', { polled: true });
    assert.ok(harness.cloud.calls.filter((call) => call === 'update').length <= 6);
    assert.equal(await harness.poll(), 'NoChange');
  });
});

describe('a service that fails', () => {
  test('for want of credentials: attention, no write, and it heals', async () => {
    const harness = await linked(['A']);
    harness.cloud.failNext('changes', 'auth', { times: 2 });
    harness.caldav.person.edit(harness.caldav.find('A'), { location: 'x' });
    await harness.cycle();
    assert.deepEqual([(await harness.pair()).attention, harness.state], ['credentials', 'attention']);
    harness.advance(3_600);
    await harness.settle(5);
    assert.deepEqual([(await harness.pair()).attention, harness.state], [null, 'active']);
    assert.equal(harness.cloud.shows('A').location, 'x');
  });

  test('a run that cannot read a side fails, says so, and writes nothing to the other (A12)', async () => {
    const harness = await linked(['A']);
    harness.caldav.person.edit(harness.caldav.find('A'), { location: 'x' });
    harness.caldav.failNext('changes', 'unreachable');
    const { writes } = harness;
    const summary = await harness.run();
    assert.equal(summary.result, 'failed');
    assert.equal(harness.writes, writes);
    assert.equal((await harness.runRows()).at(-1)?.error?.code, 'unreachable');
  });

  test('that is down for writes: the rest waits, the run is partial, and it is written later', async () => {
    const harness = await linked(['A', 'B', 'C']);
    for (const title of ['A', 'B', 'C']) harness.caldav.person.edit(harness.caldav.find(title), { location: 'x' });
    harness.cloud.failNext('update', 'unreachable', { times: 1_000 });
    harness.advance(61);
    assert.equal(await harness.poll(), 'changed');
    assert.equal((await harness.run('poll', { polled: true })).result, 'partial');
    assert.notEqual(await harness.poll(), 'changed', 'it is not tried again at once');
    harness.cloud.faults.length = 0;
    harness.advance(3_600);
    await harness.settle(5);
    for (const event of harness.cloud.events()) assert.equal(event.location, 'x');
  });

  for (const side of ['caldav', 'cloud'] as const) {
    for (const when of ['before', 'after'] as const) {
      test(
        `a lost answer ${when} create, update and delete on ${side}: nothing double, nothing lost ` + '(I8)',
        async () => {
          const harness = await linked(['A', 'B', 'C', 'D', 'E']);
          const from = harness.side(side === 'caldav' ? 'cloud' : 'caldav');
          for (const on of ['create', 'update', 'remove'] as const)
            harness.side(side).failNext(on, 'unreachable', { when, times: 2 });
          from.person.insert({ title: 'new' });
          from.person.edit(from.find('A'), { location: 'x' });
          from.person.remove(from.find('B'));
          await harness.cycle();
          harness.advance(3_600);
          await harness.settle(5);
          for (const one of [harness.caldav, harness.cloud]) {
            assert.deepEqual(one.titles(), ['A', 'C', 'D', 'E', 'new']);
            assert.equal(one.shows('A').location, 'x');
          }
          assert.deepEqual(await harness.conflicts(), []);
        },
      );
    }
  }

  test('an edit of a copy whose create was never answered is not lost', async () => {
    for (const way of ['retry', 'poll', 'crash'] as const) {
      const harness = await open();
      harness.caldav.person.insert({ title: 'A' });
      harness.cloud.failNext('create', way === 'crash' ? new Error('crash') : 'unreachable', {
        when: 'after',
        times: way === 'poll' ? 1 : 1,
      });
      let edits = 0;
      harness.cloud.hook = (call, when) => {
        if (call !== 'create' || when !== 'after' || edits > 0) return;
        edits += 1;
        harness.advance(10);
        harness.cloud.person.edit(harness.cloud.find('A'), { location: 'quick' });
      };
      await harness.cycle(2);
      harness.advance(3_600);
      await harness.settle(5, 2);
      assert.equal(harness.caldav.shows('A').location, 'quick', way);
      assert.equal(harness.cloud.shows('A').location, 'quick', way);
    }
  });
});

describe('control', () => {
  test('a late worker stores and writes nothing more (G23)', async () => {
    const harness = await linked(['A', 'B']);
    harness.caldav.person.edit(harness.caldav.find('A'), { location: 'x' });
    harness.cloud.hook = async (call, when) => {
      if (call !== 'update' || when !== 'after') return;
      harness.cloud.hook = null;
      await harness.set({ epoch: 1_000 });
    };
    await assert.rejects(harness.run());
    const row = (await harness.sideRows()).find(({ side, ref }) => side === 'cloud' && ref === harness.cloud.find('A'));
    assert.equal(row?.version, row?.baseVersion, 'nothing was noted');
    await harness.settle();
    assert.equal(harness.cloud.shows('A').location, 'x');
    assert.deepEqual(await harness.conflicts(), []);
  });

  test('a pause takes effect before the next write, and resume loses nothing', async () => {
    const harness = await linked(names(6));
    harness.cloud.writesAtOnce = 1;
    for (const title of names(6)) harness.caldav.person.edit(harness.caldav.find(title), { location: 'x' });
    const { writes } = harness;
    harness.cloud.hook = async (call, when) => {
      if (call === 'update' && when === 'after') await harness.set({ paused: true });
    };
    await assert.rejects(harness.run(), /paused/);
    assert.equal(harness.writes - writes, 1);
    assert.equal(await harness.poll(), 'NoChange');
    harness.cloud.hook = null;
    await harness.set({ paused: false });
    await harness.run();
    assert.deepEqual(
      harness.cloud.events().map(({ location }) => location),
      names(6).map(() => 'x'),
    );
    assert.equal(harness.writes - writes, 6);
  });
});

describe('one way', () => {
  const oneWay = { direction: 'caldav-to-cloud' } as const;

  test('edits of the copy are taken back, deletions brought back, and the source is never written', async () => {
    const harness = await linked(['A', 'B', 'C', 'D', 'E'], oneWay);
    harness.cloud.person.edit(harness.cloud.find('A'), { title: 'mine' });
    harness.cloud.person.remove(harness.cloud.find('B'));
    harness.cloud.person.insert({ title: 'own' });
    harness.caldav.person.remove(harness.caldav.find('C'));
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['A', 'B', 'D', 'E', 'own']);
    assert.equal(harness.caldav.writes.length, 0);
    assert.deepEqual(await harness.conflicts(), []);
  });

  test('a matched event of the target is changed only where the source changes, and never deleted', async () => {
    const harness = await open(oneWay);
    harness.caldav.person.insert({ title: 'M', uid: 'm' });
    harness.cloud.person.insert({ title: 'M', uid: 'm', description: 'mine' });
    await harness.settle();
    harness.cloud.person.edit(harness.cloud.find('M'), { description: 'still mine' });
    harness.caldav.person.edit(harness.caldav.find('M'), { location: 'there' });
    await harness.settle();
    assert.deepEqual(
      [harness.cloud.shows('M').description, harness.cloud.shows('M').location],
      ['still mine', 'there'],
    );
    harness.caldav.person.remove(harness.caldav.find('M'));
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['M']);
    assert.equal(harness.caldav.writes.length, 0);
  });

  test(
    'restore of a held deletion keeps the copy and unlinks it; of what both lost, brings back ' + 'the copy alone',
    async () => {
      const harness = await linked(['A', 'B', 'C'], oneWay);
      for (const title of ['A', 'B', 'C']) harness.caldav.person.remove(harness.caldav.find(title));
      harness.cloud.person.remove(harness.cloud.find('C'));
      await harness.settle();
      assert.equal((await harness.held()).length, 3);
      await harness.decide('restore');
      await harness.settle();
      assert.deepEqual(harness.cloud.titles(), ['A', 'B', 'C']);
      assert.deepEqual(harness.caldav.titles(), []);
      harness.cloud.person.edit(harness.cloud.find('A'), { location: 'x' });
      await harness.settle();
      assert.deepEqual(harness.cloud.titles(), ['A', 'B', 'C']);
      assert.equal(harness.caldav.writes.length, 0);
      assert.deepEqual(await harness.held(), []);
    },
  );
});

describe('copies', () => {
  test('that a person makes are new events with a UID of their own', async () => {
    const harness = await linked(['A']);
    harness.cloud.person.copy(harness.cloud.find('A'));
    await harness.settle();
    assert.equal(harness.caldav.events().length, 2);
    assert.equal(harness.cloud.events().length, 2);
    assert.equal(new Set(harness.caldav.events().map((event) => event.uid)).size, 2);
  });

  const unsupported = (event: { status: string }) =>
    event.status === 'cancelled' ? { code: 'cancelled-not-carried' as const, detail: 'It cannot show it.' } : null;

  test('a cancelled event that the cloud cannot show loses its copy only; an edit made there is kept', async () => {
    const harness = await linked(['A', 'B'], { cloud: { unsupported, keepsIds: true } });
    harness.caldav.person.edit(harness.caldav.find('A'), { status: 'cancelled' });
    harness.cloud.person.edit(harness.cloud.find('A'), { description: 'noted there' });
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['B']);
    assert.deepEqual(
      [harness.caldav.shows('A').status, harness.caldav.shows('A').description],
      ['cancelled', 'noted there'],
    );
    assert.deepEqual(
      (await harness.problems()).map(({ code }) => code),
      ['cancelled-not-carried'],
    );
    await harness.settle();
    assert.deepEqual(harness.caldav.titles(), ['A', 'B']);
    harness.caldav.person.edit(harness.caldav.find('A'), { status: 'confirmed' });
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['A', 'B']);
    assert.deepEqual(await harness.problems(), []);
  });

  test(
    'of a cancelled event that takes place after all stay, though no listing has shown that; ' +
      'and while its server does not answer',
    async () => {
      const harness = await linked(['A', 'B'], { cloud: { unsupported, keepsIds: true } });
      const ref = harness.caldav.find('A');
      harness.caldav.person.edit(ref, { status: 'cancelled' });
      harness.cloud.failNext('remove', 'throttled', { times: 3 });
      await harness.cycle();
      harness.caldav.person.edit(ref, { status: 'tentative' });
      harness.caldav.hidden.add(ref);
      harness.caldav.failNext('get', 'unreachable');
      await harness.settle();
      harness.advance(120);
      await harness.settle();
      assert.deepEqual(harness.cloud.titles(), ['A', 'B']);
      assert.equal(harness.cloud.shows('A').status, 'tentative');
      assert.deepEqual(
        harness.cloud.writes.filter(({ action }) => action !== 'create'),
        [{ action: 'update', title: 'A' }],
      );
    },
  );
});

describe('busy', () => {
  const busy = { options: { content: { toCloud: 'busy', toCaldav: 'full' } } } as const;

  test('the cloud sees when, and nothing else; what is done to that copy is taken back', async () => {
    const harness = await linked(['Secret', 'Other', 'More', 'Last'], {
      options: { ...busy.options, filter: { titleExcludes: 'busy' } },
    });
    assert.deepEqual(new Set(harness.cloud.titles()), new Set(['Busy']));
    const [ref, second] = [...harness.cloud.items.keys()];
    harness.cloud.person.edit(ref!, { title: 'mine', when: at(20) });
    harness.cloud.person.remove(second!);
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['Busy', 'Busy', 'Busy', 'Busy']);
    assert.equal(harness.caldav.writes.length, 0);
    harness.caldav.person.edit(harness.caldav.find('Secret'), { when: at(9) });
    await harness.settle();
    assert.equal(
      harness.cloud.events().filter((event) => JSON.stringify(event.when) === JSON.stringify(at(9))).length,
      1,
    );
  });

  test('events of the busy side are linked by UID only, never blanked, and never written', async () => {
    const harness = await open(busy);
    harness.caldav.person.insert({ title: 'M', uid: 'm', description: 'secret' });
    harness.cloud.person.insert({ title: 'M', uid: 'm', location: 'there' });
    harness.caldav.person.insert({ title: 'N', uid: 'n1', when: at(5) });
    harness.cloud.person.insert({ title: 'N', uid: 'n2', when: at(5) });
    await harness.settle();
    assert.deepEqual(harness.cloud.titles(), ['Busy', 'M', 'N']);
    assert.equal(harness.cloud.shows('M').description, '');
    harness.caldav.person.edit(harness.caldav.find('M'), { description: 'more secret', when: at(6) });
    await harness.settle();
    assert.equal(harness.cloud.shows('M').description, '');
    assert.deepEqual(harness.cloud.shows('M').when, at(6));
  });
});

describe('filters and windows', () => {
  test('what leaves them stays where it is (A18)', async () => {
    const harness = await linked(['keep A', 'keep B', 'keep C'], { options: { filter: { titleMatches: 'KEEP' } } });
    harness.caldav.person.insert({ title: 'private' });
    harness.caldav.person.edit(harness.caldav.find('keep A'), { title: 'left' });
    harness.cloud.person.remove(harness.cloud.find('keep A'));
    await harness.settle();
    assert.deepEqual(harness.caldav.titles(), ['keep B', 'keep C', 'left', 'private']);
    assert.deepEqual(harness.cloud.titles(), ['keep B', 'keep C']);
  });
});
