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

const NOBODY = { name: '', address: '', participation: 'needs-action', role: 'required', kind: 'individual' } as const;

describe('a side that is read only in part', () => {
  for (const side of ['caldav', 'cloud'] as const) {
    test(`A1: a worker that dies in mid-sync deletes nothing on either side (${side})`, async () => {
      const rig = await linked(url, names(12), { [side]: { pageSize: 3 } });
      rig.side(side).expireCursors();
      // It dies after three of four pages, and so does the next one.
      rig.side(side).failNext('changes', new Error('killed'), { when: 'after', times: 2 });
      const { writes } = rig;
      await rig.cycle().catch(() => undefined);
      await rig.run().catch(() => undefined);
      assert.deepEqual(
        rig.side(side).faults.map(({ times }) => times),
        [0],
      );
      rig.advance(3_600);
      await rig.settle(6);
      assert.equal(rig.writes, writes);
      await bothShow(rig, names(12));
    });
  }

  test('A1: events restored after a loss are not lost again in the next run', async () => {
    const rig = await linked(url, names(12));
    const lost = [...rig.cloud.items.values()];
    lost.forEach(({ ref }) => rig.cloud.person.remove(ref));
    await rig.settle();
    assert.equal(rig.caldav.events().length, 12, 'held');
    // The backup has names and contents, but the service gives half of the events new names.
    lost.forEach(({ ref, event }, index) => rig.cloud.person.insert(event!, index % 2 ? { ref } : {}));
    await bothShow(rig, names(12));
    assert.deepEqual(await rig.held(), []);
  });

  test('A7, A9: a change feed that reports everything as removed is verified', async () => {
    const rig = await linked(url, names(30));
    const { writes } = rig;
    const there = new Map(rig.cloud.items);
    rig.cloud.hook = (call, when) => {
      if (call !== 'changes') return;
      if (when === 'before') [...there.keys()].slice(0, 19).forEach((ref) => rig.cloud.person.remove(ref));
    };
    // Every event is there unchanged when it is fetched by name.
    const get = rig.cloud.get.bind(rig.cloud);
    rig.cloud.get = (resources) => {
      there.forEach((item, ref) => rig.cloud.items.set(ref, item));
      return get(resources);
    };
    await rig.cycle();
    rig.cloud.hook = null;
    assert.ok(rig.cloud.calls.includes('get'), 'they were asked for');
    await rig.settle();
    assert.equal(rig.writes, writes);
    assert.deepEqual(await rig.held(), []);
    await bothShow(rig, names(30));
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
      `each may have made one copy: ${counts.join(', ')}`,
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
    const rig = await linked(url, names(12));
    const usual = await rig.pair();
    for (const settings of [
      { direction: 'caldav-to-cloud' },
      { direction: 'cloud-to-caldav' },
      { options: { ...usual.options, filter: { titleMatches: 'nothing is called so' } } },
      { options: { ...usual.options, window: { pastDays: 0, futureDays: 0 } } },
      { pollIntervalSeconds: 300 },
    ] as const) {
      await rig.set(settings);
      await rig.run('resync', { full: true });
      await bothShow(rig, names(12));
      await rig.set({
        direction: usual.direction,
        options: usual.options,
        pollIntervalSeconds: usual.pollIntervalSeconds,
      });
      await bothShow(rig, names(12));
    }
    assert.equal(rig.caldav.writes.length, 0);
    assert.equal(rig.cloud.writes.length, 12);
  });

  test('A20: the window moves over events of all zones, and each is copied once and never removed', async () => {
    const rig = await Harness.open(url, { options: { window: { pastDays: 3, futureDays: 5 } } });
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
        (index % 2 ? rig.caldav : rig.cloud).person.insert({ title, when: when(day, zone) });
      }
    }
    for (let day = 0; day < 20; day += 1) {
      await rig.settle();
      rig.advance(86_400);
    }
    await bothShow(rig, titles);
    assert.deepEqual(
      new Set([...rig.caldav.writes, ...rig.cloud.writes].map(({ action }) => action)),
      new Set(['create']),
    );
    assert.equal(rig.writes, titles.length);
  });

  test('A20: an edit outside the window is copied once the window reaches the event', async () => {
    const rig = await linked(url, ['A'], { options: { window: { futureDays: 5 } } });
    rig.caldav.person.edit(rig.caldav.find('A'), { when: at(25) });
    await rig.settle();
    assert.deepEqual(rig.cloud.shows('A').when, at(1));
    for (let day = 0; day < 11; day += 1) {
      rig.advance(86_400);
      await rig.settle();
    }
    assertBoth(rig, 'A', { when: at(25) });
  });
});

describe('an event that is not found', () => {
  for (const on of ['create', 'update', 'remove'] as const) {
    test(`A8: a server without rights that answers ${on} with 404 loses no event`, async () => {
      const rig = await linked(url, names(4));
      rig.caldav.failNext(on, 'gone', { times: 1_000 });
      if (on === 'create') rig.cloud.person.insert({ title: 'new' });
      if (on === 'update') rig.cloud.person.edit(rig.cloud.find('e000'), { location: 'x' });
      if (on === 'remove') rig.cloud.person.remove(rig.cloud.find('e000'));
      for (let poll = 0; poll < 5; poll += 1) await rig.cycle();
      assert.deepEqual(
        rig.cloud.titles(),
        on === 'create' ? [...names(4), 'new'] : on === 'remove' ? names(4).slice(1) : names(4),
      );
      assert.deepEqual(rig.caldav.titles(), names(4));
      rig.caldav.faults.length = 0;
      rig.advance(7_200);
      await rig.settle(6);
      assert.deepEqual(rig.caldav.titles(), rig.cloud.titles());
      if (on === 'update') assertBoth(rig, 'e000', { location: 'x' });
    });
  }

  for (const way of ['no listing shows it', 'nothing shows it', 'it stands under another name'] as const) {
    test(`A10, G15: a copy that the server accepted is no deletion while ${way}`, async () => {
      const rig = await linked(url, names(4), { caldav: { answers: 'sent-without-version' } });
      let kept: { ref: string } | undefined;
      rig.caldav.hook = (call, when) => {
        if (call !== 'create' || when !== 'after' || kept) return;
        const item = rig.caldav.items.get(rig.caldav.find('new'))!;
        kept = item;
        if (way === 'no listing shows it') return void rig.caldav.hidden.add(item.ref);
        rig.caldav.items.delete(item.ref);
        if (way === 'it stands under another name') rig.caldav.items.set('renamed', { ...item, ref: 'renamed' });
      };
      rig.cloud.person.insert({ title: 'new' });
      await rig.cycle();
      rig.caldav.expireCursors();
      await rig.cycle();
      assert.ok(rig.cloud.titles().includes('new'));
      rig.caldav.hidden.clear();
      if (way === 'nothing shows it')
        rig.caldav.items.set(kept!.ref, { ...rig.caldav.items.get(kept!.ref), ...kept } as never);
      rig.caldav.expireCursors();
      rig.advance(3_600);
      await rig.settle(6);
      await bothShow(rig, [...names(4), 'new']);
    });
  }

  for (const count of [0, 40]) {
    test(`A15: an initial sync of ${count} events into an empty calendar raises no alarm`, async () => {
      const rig = await linked(url, names(count));
      await bothShow(rig, names(count));
      for (const title of names(Math.min(count, 5))) rig.cloud.person.remove(rig.cloud.find(title));
      await rig.settle();
      assert.deepEqual(
        [(await rig.pair()).attention, rig.state, await rig.held(), await rig.problems()],
        [null, 'active', [], []],
      );
    });
  }

  test('A15: emptying a calendar on purpose needs one confirmation', async () => {
    const rig = await linked(url, names(5));
    [...rig.cloud.items.keys()].forEach((ref) => rig.cloud.person.remove(ref));
    rig.cloud.expireCursors();
    await rig.settle();
    assert.equal((await rig.held()).length, 5);
    await rig.decide('apply');
    await rig.cycle();
    await bothShow(rig, []);
    assert.deepEqual([(await rig.pair()).attention, rig.state], [null, 'active']);
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
        const rig = await linked(url, names(6), { cloud: { answers: 'sent' } });
        for (const one of [rig.caldav, rig.cloud]) one.person.insert({ title: `by ${one.name}`, when: at(2) });
        rig.caldav.person.remove(rig.caldav.find('e000'));
        rig.cloud.person.remove(rig.cloud.find('e001'));
        rig.caldav.expireCursors();
        rig.side(side).hook = (asked, moment) => {
          if (asked !== call || moment !== when) return;
          rig.side(side).hook = null;
          for (const one of [rig.caldav, rig.cloud])
            one.person.insert({ title: `meanwhile by ${one.name}`, when: at(4) });
        };
        await rig.settle(6);
        assert.equal(rig.side(side).hook, null);
        await bothShow(rig, [
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
    const person = { ...NOBODY, address: 'me@example.org' };
    const rig = await linked(url, ['A', 'B', 'C'], { options: { filter: { skipDeclined: true } } });
    rig.caldav.person.edit(rig.caldav.find('A'), {
      organizer: { name: '', address: 'boss@example.org' },
      attendees: [{ ...person, participation: 'accepted' }],
    });
    await rig.settle();
    rig.caldav.person.edit(rig.caldav.find('A'), { when: at(9), attendees: [person] });
    await bothShow(rig, ['A', 'B', 'C']);
    assertBoth(rig, 'A', { when: at(9), attendees: [person] });
  });

  test('A21, C2, C3: an edit is one update of the existing event, on either side', async () => {
    const rig = await linked(url, names(4));
    const { length: before } = rig.caldav.writes;
    const { length: created } = rig.cloud.writes;
    const refs = new Map([rig.caldav, rig.cloud].map((side) => [side, [...side.items.keys()]]));
    rig.caldav.person.edit(rig.caldav.find('e000'), {
      title: 'E',
      when: at(7),
      location: 'x',
      recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=3'], dates: [] },
    });
    rig.cloud.person.edit(rig.cloud.find('e001'), { when: { allDay: true, start: '2026-06-08', end: '2026-06-09' } });
    await staysQuiet(rig);
    assert.deepEqual(rig.cloud.writes.slice(created), [{ action: 'update', title: 'E' }]);
    assert.deepEqual(rig.caldav.writes.slice(before), [{ action: 'update', title: 'e001' }]);
    for (const [side, known] of refs) assert.deepEqual([...side.items.keys()], known);
  });

  for (const way of [
    'under its old name',
    'under a new name',
    'before the deletion has crossed',
    'while the other side is away',
  ] as const) {
    test(`A22: an event that is imported again ${way} stays`, async () => {
      const rig = await linked(url, names(6));
      const ref = rig.caldav.find('e000');
      const event = rig.caldav.shows('e000');
      for (let time = 0; time < 3; time += 1) {
        rig.caldav.person.remove(rig.caldav.find('e000'));
        if (way === 'while the other side is away') rig.cloud.failNext('remove', 'unreachable', { times: 3 });
        if (way !== 'before the deletion has crossed') await rig.cycle();
        rig.caldav.person.insert(event, way === 'under its old name' ? { ref } : { ref: `again-${time}` });
        rig.advance(3_600);
        await bothShow(rig, names(6));
      }
    });
  }

  test('A23: a deleted copy does not come back', async () => {
    const rig = await linked(url, names(6));
    rig.cloud.person.remove(rig.cloud.find('e000'));
    await rig.settle();
    rig.cloud.expireCursors();
    rig.caldav.expireCursors();
    await bothShow(rig, names(6).slice(1));
  });

  for (const deleter of ['caldav', 'cloud'] as const) {
    for (const late of ['caldav', 'cloud'] as const) {
      test(`A23: an event deleted in ${deleter} does not come back when ${late} lists it once more`, async () => {
        const rig = await linked(url, names(6));
        rig.side(late).freeze();
        const frozen = new Map(rig.side(late).items);
        rig.side(deleter).person.remove(rig.side(deleter).find('e000'));
        if (deleter === late) rig.side(late).thaw();
        await rig.cycle();
        const { length: before } = rig.caldav.writes;
        const { length: created } = rig.cloud.writes;
        assert.deepEqual([rig.caldav.titles(), rig.cloud.titles()], [names(6).slice(1), names(6).slice(1)]);
        // A full listing by a replica that does not know of the deletion yet.
        const now = new Map(rig.side(late).items);
        rig.side(late).hook = (call, when) => {
          if (call !== 'changes') return;
          rig.side(late).items.clear();
          (when === 'before' ? frozen : now).forEach((item, ref) => rig.side(late).items.set(ref, item));
        };
        rig.side(late).thaw();
        rig.side(late).expireCursors();
        await rig.cycle();
        rig.side(late).hook = null;
        await rig.settle(6);
        assert.deepEqual([rig.caldav.writes.slice(before), rig.cloud.writes.slice(created)], [[], []]);
        await bothShow(rig, names(6).slice(1));
      });
    }
  }
});
