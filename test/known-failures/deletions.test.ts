/** Section A of docs/known-failures.md: "It deleted everything". */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { When } from '../../core/event.ts';
import { closeAll, Harness } from '../activities/harness.ts';
import { testDatabase } from '../support/database.ts';
import { at } from '../support/fake-side.ts';
import { assertBoth, bothShow, linked, names, staysQuiet } from './linked.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const GUEST = { name: '', address: '', participation: 'needs-action', role: 'required', kind: 'individual' } as const;

describe('a side that is read only in part', () => {
  for (const side of ['caldav', 'cloud'] as const) {
    test(`A1: a worker that dies in mid-sync deletes nothing on either side (${side})`, async () => {
      const harness = await linked(url, names(12), { [side]: { pageSize: 3 } });
      harness.side(side).expireCursors();
      // It dies after three of four pages, and so does the next one.
      harness.side(side).failNext('changes', new Error('killed'), { when: 'after', times: 2 });
      const { writes } = harness;
      await harness.cycle().catch(() => undefined);
      await harness.run().catch(() => undefined);
      assert.deepEqual(
        harness.side(side).faults.map(({ times }) => times),
        [0],
      );
      harness.advance(3_600);
      await harness.settle(6);
      assert.equal(harness.writes, writes);
      await bothShow(harness, names(12));
    });
  }

  test('A1: events restored after a loss are not lost again in the next run', async () => {
    const harness = await linked(url, names(12));
    const lost = [...harness.cloud.items.values()];
    lost.forEach(({ ref }) => harness.cloud.person.remove(ref));
    await harness.settle();
    assert.equal(harness.caldav.events().length, 12, 'held');
    // The backup has names and contents, but the service gives half of the events new names.
    lost.forEach(({ ref, event }, index) => harness.cloud.person.insert(event!, index % 2 ? { ref } : {}));
    await bothShow(harness, names(12));
    assert.deepEqual(await harness.held(), []);
  });

  test('A7, A9: a change feed that reports everything as removed is verified', async () => {
    const harness = await linked(url, names(30));
    const { writes } = harness;
    const there = new Map(harness.cloud.items);
    harness.cloud.hook = (call, when) => {
      if (call !== 'changes') return;
      if (when === 'before') [...there.keys()].slice(0, 19).forEach((ref) => harness.cloud.person.remove(ref));
    };
    // Every event is there unchanged when it is fetched by name.
    const get = harness.cloud.get.bind(harness.cloud);
    harness.cloud.get = (resources) => {
      there.forEach((item, ref) => harness.cloud.items.set(ref, item));
      return get(resources);
    };
    await harness.cycle();
    harness.cloud.hook = null;
    assert.ok(harness.cloud.calls.includes('get'), 'they were fetched by name');
    await harness.settle();
    assert.equal(harness.writes, writes);
    assert.deepEqual(await harness.held(), []);
    await bothShow(harness, names(30));
  });
});

describe('several programs on the same calendars', () => {
  test('A3, C11: two installations on the same calendars lose nothing and stop copying', async () => {
    const one = await linked(url, names(6));
    const two = await Harness.open(url, { sharing: one });
    await two.settle();
    one.caldav.person.insert({ title: 'new' });
    one.cloud.person.insert({ title: 'also new', when: at(3) });
    one.caldav.person.remove(one.caldav.find('e000'));
    one.advance(61);
    // Both have read the calendars before either has written.
    await Promise.all([one.poll(), two.poll()]);
    await Promise.all([one.run(), two.run()]);
    for (let round = 0; round < 6; round += 1) {
      await one.cycle();
      await two.cycle();
    }
    const counts = [one.caldav.events().length, one.cloud.events().length];
    assert.ok(
      counts.every((count) => count <= 9),
      `each may have created one copy: ${counts.join(', ')}`,
    );
    const { writes } = one;
    for (let round = 0; round < 4; round += 1) {
      await one.settle();
      await two.settle();
    }
    assert.equal(one.writes, writes);
    for (const side of [one.caldav, one.cloud])
      assert.deepEqual([...new Set(side.titles())], ['also new', ...names(6).slice(1), 'new']);
  });
});

describe('settings', () => {
  test('A6, A18, B11: a change of direction, filter or window deletes nothing, nor does undoing it', async () => {
    const harness = await linked(url, names(12));
    const usual = await harness.pair();
    for (const settings of [
      { direction: 'caldav-to-cloud' },
      { direction: 'cloud-to-caldav' },
      { options: { ...usual.options, filter: { titleMatches: 'no event has this title' } } },
      { options: { ...usual.options, window: { pastDays: 0, futureDays: 0 } } },
      { pollIntervalSeconds: 300 },
    ] as const) {
      await harness.set(settings);
      await harness.run('resync', { full: true });
      await bothShow(harness, names(12));
      await harness.set({
        direction: usual.direction,
        options: usual.options,
        pollIntervalSeconds: usual.pollIntervalSeconds,
      });
      await bothShow(harness, names(12));
    }
    assert.equal(harness.caldav.writes.length, 0);
    assert.equal(harness.cloud.writes.length, 12);
  });

  test('A20: the window moves over events of all zones, and each is copied once and never removed', async () => {
    const harness = await Harness.open(url, { options: { window: { pastDays: 3, futureDays: 5 } } });
    const zones = ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kolkata', 'Europe/Berlin', 'America/New_York'];
    const when = (day: number, zone: string | null): When =>
      zone === null
        ? { allDay: true, start: `2026-06-${day}`, end: `2026-06-${day + 1}` }
        : {
            allDay: false,
            start: `2026-06-${day}T00:00:00`,
            startZone: zone,
            end: `2026-06-${day}T23:59:00`,
            endZone: zone,
          };
    const titles: string[] = [];
    for (let day = 10; day < 25; day += 1) {
      for (const [index, zone] of [...zones, null].entries()) {
        const title = `${day} ${zone}`;
        titles.push(title);
        (index % 2 ? harness.caldav : harness.cloud).person.insert({ title, when: when(day, zone) });
      }
    }
    for (let day = 0; day < 20; day += 1) {
      await harness.settle();
      harness.advance(86_400);
    }
    await bothShow(harness, titles);
    assert.deepEqual(
      new Set([...harness.caldav.writes, ...harness.cloud.writes].map(({ action }) => action)),
      new Set(['create']),
    );
    assert.equal(harness.writes, titles.length);
  });

  test('A20: an edit outside the window is copied once the window reaches the event', async () => {
    const harness = await linked(url, ['A'], { options: { window: { futureDays: 5 } } });
    harness.caldav.person.edit(harness.caldav.find('A'), { when: at(25) });
    await harness.settle();
    assert.deepEqual(harness.cloud.shows('A').when, at(1));
    for (let day = 0; day < 11; day += 1) {
      harness.advance(86_400);
      await harness.settle();
    }
    assertBoth(harness, 'A', { when: at(25) });
  });
});

describe('an event that is not found', () => {
  for (const on of ['create', 'update', 'remove'] as const) {
    test(`A8: a server without rights that answers ${on} with 404 loses no event`, async () => {
      const harness = await linked(url, names(4));
      harness.caldav.failNext(on, 'gone', { times: 1_000 });
      if (on === 'create') harness.cloud.person.insert({ title: 'new' });
      if (on === 'update') harness.cloud.person.edit(harness.cloud.find('e000'), { location: 'x' });
      if (on === 'remove') harness.cloud.person.remove(harness.cloud.find('e000'));
      for (let poll = 0; poll < 5; poll += 1) await harness.cycle();
      assert.deepEqual(
        harness.cloud.titles(),
        on === 'create' ? [...names(4), 'new'] : on === 'remove' ? names(4).slice(1) : names(4),
      );
      assert.deepEqual(harness.caldav.titles(), names(4));
      harness.caldav.faults.length = 0;
      harness.advance(7_200);
      await harness.settle(6);
      assert.deepEqual(harness.caldav.titles(), harness.cloud.titles());
      if (on === 'update') assertBoth(harness, 'e000', { location: 'x' });
    });
  }

  for (const way of ['no listing has it', 'not even a fetch finds it', 'it has another name'] as const) {
    test(`A10, G15: a copy that the server accepted is no deletion while ${way}`, async () => {
      const harness = await linked(url, names(4), { caldav: { answers: 'sent-without-version' } });
      let copy: { ref: string } | undefined;
      harness.caldav.hook = (call, when) => {
        if (call !== 'create' || when !== 'after' || copy) return;
        const item = harness.caldav.items.get(harness.caldav.find('new'))!;
        copy = item;
        if (way === 'no listing has it') return void harness.caldav.hidden.add(item.ref);
        harness.caldav.items.delete(item.ref);
        if (way === 'it has another name') harness.caldav.items.set('renamed', { ...item, ref: 'renamed' });
      };
      harness.cloud.person.insert({ title: 'new' });
      await harness.cycle();
      harness.caldav.expireCursors();
      await harness.cycle();
      assert.ok(harness.cloud.titles().includes('new'));
      harness.caldav.hidden.clear();
      if (way === 'not even a fetch finds it')
        harness.caldav.items.set(copy!.ref, { ...harness.caldav.items.get(copy!.ref), ...copy } as never);
      harness.caldav.expireCursors();
      harness.advance(3_600);
      await harness.settle(6);
      await bothShow(harness, [...names(4), 'new']);
    });
  }

  for (const count of [0, 40]) {
    test(`A15: an initial sync of ${count} events into an empty calendar raises no alarm`, async () => {
      const harness = await linked(url, names(count));
      await bothShow(harness, names(count));
      for (const title of names(Math.min(count, 5))) harness.cloud.person.remove(harness.cloud.find(title));
      await harness.settle();
      assert.deepEqual(
        [(await harness.pair()).attention, harness.state, await harness.held(), await harness.problems()],
        [null, 'active', [], []],
      );
    });
  }

  test('A15: emptying a calendar on purpose needs one confirmation', async () => {
    const harness = await linked(url, names(5));
    [...harness.cloud.items.keys()].forEach((ref) => harness.cloud.person.remove(ref));
    harness.cloud.expireCursors();
    await harness.settle();
    assert.equal((await harness.held()).length, 5);
    await harness.decide('apply');
    await harness.cycle();
    await bothShow(harness, []);
    assert.deepEqual([(await harness.pair()).attention, harness.state], [null, 'active']);
  });
});

describe('in the middle of a run', () => {
  for (const side of ['caldav', 'cloud'] as const) {
    for (const [call, when] of [
      ['changes', 'before'],
      ['changes', 'after'],
      ['get', 'before'],
      ['create', 'before'],
      ['create', 'after'],
      ['remove', 'before'],
    ] as const) {
      test(`A16: an event created ${when} ${side}'s ${call} stays, and is copied once`, async () => {
        const harness = await linked(url, names(6), { cloud: { answers: 'sent' } });
        for (const one of [harness.caldav, harness.cloud]) one.person.insert({ title: `by ${one.name}`, when: at(2) });
        harness.caldav.person.remove(harness.caldav.find('e000'));
        harness.cloud.person.remove(harness.cloud.find('e001'));
        harness.caldav.expireCursors();
        harness.side(side).hook = (current, moment) => {
          if (current !== call || moment !== when) return;
          harness.side(side).hook = null;
          for (const one of [harness.caldav, harness.cloud])
            one.person.insert({ title: `meanwhile by ${one.name}`, when: at(4) });
        };
        await harness.settle(6);
        assert.equal(harness.side(side).hook, null);
        await bothShow(harness, [
          ...names(6).slice(2),
          'by caldav',
          'by cloud',
          'meanwhile by caldav',
          'meanwhile by cloud',
        ]);
      });
    }
  }
});

describe('what people do', () => {
  test('A19: an accepted invitation that is open again after a move stays', async () => {
    const person = { ...GUEST, address: 'me@example.org' };
    const harness = await linked(url, ['A', 'B', 'C'], { options: { filter: { skipDeclined: true } } });
    harness.caldav.person.edit(harness.caldav.find('A'), {
      organizer: { name: '', address: 'boss@example.org' },
      attendees: [{ ...person, participation: 'accepted' }],
    });
    await harness.settle();
    harness.caldav.person.edit(harness.caldav.find('A'), { when: at(9), attendees: [person] });
    await bothShow(harness, ['A', 'B', 'C']);
    assertBoth(harness, 'A', { when: at(9), attendees: [person] });
  });

  test('A21, C2, C3: an edit is one update of the existing event, on either side', async () => {
    const harness = await linked(url, names(4));
    const { length: before } = harness.caldav.writes;
    const { length: created } = harness.cloud.writes;
    const refs = new Map([harness.caldav, harness.cloud].map((side) => [side, [...side.items.keys()]]));
    harness.caldav.person.edit(harness.caldav.find('e000'), {
      title: 'E',
      when: at(7),
      location: 'x',
      recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=3'], dates: [] },
    });
    harness.cloud.person.edit(harness.cloud.find('e001'), {
      when: { allDay: true, start: '2026-06-08', end: '2026-06-09' },
    });
    await staysQuiet(harness);
    assert.deepEqual(harness.cloud.writes.slice(created), [{ action: 'update', title: 'E' }]);
    assert.deepEqual(harness.caldav.writes.slice(before), [{ action: 'update', title: 'e001' }]);
    for (const [side, known] of refs) assert.deepEqual([...side.items.keys()], known);
  });

  for (const way of [
    'under its old name',
    'under a new name',
    'before the deletion is copied',
    'while the other side is unreachable',
  ] as const) {
    test(`A22: an event that is imported again ${way} stays`, async () => {
      const harness = await linked(url, names(6));
      const ref = harness.caldav.find('e000');
      const event = harness.caldav.shows('e000');
      for (let time = 0; time < 3; time += 1) {
        harness.caldav.person.remove(harness.caldav.find('e000'));
        if (way === 'while the other side is unreachable')
          harness.cloud.failNext('remove', 'unreachable', { times: 3 });
        if (way !== 'before the deletion is copied') await harness.cycle();
        harness.caldav.person.insert(event, way === 'under its old name' ? { ref } : { ref: `again-${time}` });
        harness.advance(3_600);
        await bothShow(harness, names(6));
      }
    });
  }

  test('A23: a deleted copy does not come back', async () => {
    const harness = await linked(url, names(6));
    harness.cloud.person.remove(harness.cloud.find('e000'));
    await harness.settle();
    harness.cloud.expireCursors();
    harness.caldav.expireCursors();
    await bothShow(harness, names(6).slice(1));
  });

  for (const deleter of ['caldav', 'cloud'] as const) {
    for (const late of ['caldav', 'cloud'] as const) {
      test(`A23: an event deleted in ${deleter} does not come back when ${late} lists it once more`, async () => {
        const harness = await linked(url, names(6));
        harness.side(late).freeze();
        const frozen = new Map(harness.side(late).items);
        harness.side(deleter).person.remove(harness.side(deleter).find('e000'));
        if (deleter === late) harness.side(late).thaw();
        await harness.cycle();
        const { length: before } = harness.caldav.writes;
        const { length: created } = harness.cloud.writes;
        assert.deepEqual([harness.caldav.titles(), harness.cloud.titles()], [names(6).slice(1), names(6).slice(1)]);
        // A full listing by a replica that does not know of the deletion yet.
        const now = new Map(harness.side(late).items);
        harness.side(late).hook = (call, when) => {
          if (call !== 'changes') return;
          harness.side(late).items.clear();
          (when === 'before' ? frozen : now).forEach((item, ref) => harness.side(late).items.set(ref, item));
        };
        harness.side(late).thaw();
        harness.side(late).expireCursors();
        await harness.cycle();
        harness.side(late).hook = null;
        await harness.settle(6);
        assert.deepEqual([harness.caldav.writes.slice(before), harness.cloud.writes.slice(created)], [[], []]);
        await bothShow(harness, names(6).slice(1));
      });
    }
  }
});
