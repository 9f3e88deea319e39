/**
 * How many deletions are copied, which are held, and how holds end: counted in the calendars, at the limits, on both
 * kinds of calendars.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Json, until } from '../support/calpair.ts';
import { CLOUDS, can } from '../support/clouds.ts';
import { fixture, type Two } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike, writesOf } from '../support/pair.ts';

type SideName = 'caldav' | 'cloud';

const eventOf = (calendar: string, n: number): string =>
  object(`${calendar}-${n}@example.org`, [`SUMMARY:${titleOf(n)}`, ...at('20270113T090000')]);
const titleOf = (n: number): string => `Event ${String(n).padStart(2, '0')}`;
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);
const idOf = ({ owner }: Two, n: number): string => owner.idOf(titleOf(n));

/** A person deletes these events on one side while the pair is paused; then the pair syncs. */
async function lose(bench: Two, side: SideName, events: readonly number[]): Promise<void> {
  await bench.pair.post('pause');
  await remove(bench, side, events);
  await bench.pair.post('resume');
  await bench.pair.settle();
}

async function remove(bench: Two, side: SideName, events: readonly number[]): Promise<void> {
  for (const n of events) {
    if (side === 'cloud') bench.owner.remove(idOf(bench, n));
    else await bench.person.remove(await bench.person.nameOf(`SUMMARY:${titleOf(n)}`));
  }
}

/** How many events each side has, and how many deletions are held. */
async function state({ pair, person, owner }: Two): Promise<[caldav: number, cloud: number, held: number]> {
  const held = await pair.list('held-changes');
  const { status, statusReason, counts } = await pair.show();
  assert.equal(counts.heldChanges, held.length);
  assert.deepEqual([status, statusReason], held.length > 0 ? ['attention', 'held-changes'] : ['active', null]);
  return [(await person.list()).size, owner.list().length, held.length];
}

async function decide(bench: Two, decision: 'apply' | 'restore', ids?: readonly string[]): Promise<void> {
  await bench.pair.post(`held-changes/${decision}`, ids ? { ids } : undefined);
  await bench.pair.settle();
}

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}:`, () => {
    const servers = fixture(kind);
    let benches = 0;
    const setUp = (count: number, settings: Json = {}): Promise<Two> => {
      benches += 1;
      return servers.open({
        caldav: Object.fromEntries(numbers(0, count).map((n) => [`e-${n}`, eventOf(`calendar-${benches}`, n)])),
        settings,
      });
    };

    describe('the limit of more than 10 and more than 20 %', () => {
      // A fifth of 51 is just over 10, so 11 deletions are too many, as they are for fewer events; for 60 they are not.
      for (const [count, side] of [
        [20, 'caldav'],
        [50, 'cloud'],
        [51, 'caldav'],
      ] as const) {
        it(`of ${count} events: 12 and 11 are held, 10 are copied, and one more the same day is held`, async () => {
          const bench = await setUp(count);
          const other = side === 'caldav' ? 'cloud' : 'caldav';
          for (const lost of [12, 11]) {
            await lose(bench, side, numbers(0, lost));
            assert.deepEqual(
              await state(bench),
              side === 'caldav' ? [count - lost, count, lost] : [count, count - lost, lost],
            );
            assert.ok(
              (await bench.pair.list('held-changes')).every(
                (held) => held.side === other && held.reason === 'too-many',
              ),
            );
            await decide(bench, 'restore');
            assert.deepEqual(await state(bench), [count, count, 0]);
          }
          await lose(bench, side, numbers(0, 4));
          await lose(bench, side, numbers(4, 10));
          assert.deepEqual(await state(bench), [count - 10, count - 10, 0]);
          await lose(bench, side, [10]);
          assert.equal((await state(bench))[2], 1, 'the eleventh of that day');
          await decide(bench, 'apply');
          assert.deepEqual(await state(bench), [count - 11, count - 11, 0]);
          await lose(bench, side, [11]);
          assert.equal((await state(bench))[2], 1, 'what a person applied does not count, the ten before do');
        });
      }

      it('of 60 events: 12 are copied, in one run or several, and the thirteenth is held', async () => {
        const bench = await setUp(60);
        await lose(bench, 'cloud', numbers(0, 11));
        await lose(bench, 'cloud', [11]);
        assert.deepEqual(await state(bench), [48, 48, 0]);
        await lose(bench, 'cloud', [12]);
        assert.deepEqual(await state(bench), [48, 47, 1]);
        const fresh = await setUp(60);
        await lose(fresh, 'caldav', numbers(0, 12));
        assert.deepEqual(await state(fresh), [48, 48, 0]);
        const tooMany = await setUp(60);
        await lose(tooMany, 'caldav', numbers(0, 13));
        assert.deepEqual(await state(tooMany), [47, 60, 13]);
      });

      it('is counted for each side separately', async () => {
        const bench = await setUp(20);
        await bench.pair.post('pause');
        await remove(bench, 'caldav', numbers(0, 7));
        await remove(bench, 'cloud', numbers(7, 14));
        await bench.pair.post('resume');
        await bench.pair.settle();
        assert.deepEqual(await state(bench), [6, 6, 0]);
      });

      it('counts what both sides lost on both, and holds it with the rest', async () => {
        const bench = await setUp(20);
        await bench.pair.post('pause');
        for (const side of ['caldav', 'cloud'] as const) await remove(bench, side, numbers(0, 6));
        await remove(bench, 'caldav', numbers(6, 11));
        await bench.pair.post('resume');
        await bench.pair.settle();
        assert.deepEqual(await state(bench), [9, 14, 11]);
        await decide(bench, 'restore');
        assert.deepEqual(await state(bench), [20, 20, 0]);
        await assertAlike(bench.pair);
      });
    });

    describe('a side that would be left without events', () => {
      for (const side of ['caldav', 'cloud'] as const) {
        it(`is not emptied of 3 at once, but of 2, and of 3 down to 1: ${side}`, async () => {
          const three = await setUp(3);
          await lose(three, side, [0, 1, 2]);
          assert.deepEqual(await state(three), side === 'caldav' ? [0, 3, 3] : [3, 0, 3]);
          assert.ok((await three.pair.list('held-changes')).every(({ reason }) => reason === 'would-empty'));
          await decide(three, 'restore');
          await lose(three, side, [0, 2]);
          assert.deepEqual(await state(three), [1, 1, 0]);
          const two = await setUp(2);
          await lose(two, side, [0, 1]);
          assert.deepEqual(await state(two), [0, 0, 0]);
        });
      }

      it('is restored on both sides when both lost everything to an older backup', async () => {
        const bench = await setUp(4);
        await bench.pair.post('pause');
        for (const side of ['caldav', 'cloud'] as const) await remove(bench, side, numbers(0, 4));
        await bench.pair.post('resume');
        await bench.pair.settle();
        assert.deepEqual(await state(bench), [0, 0, 4]);
        const held = await bench.pair.list('held-changes');
        assert.deepEqual(
          held.map(({ eventTitle, eventStart }) => `${eventTitle} ${eventStart}`).sort(),
          numbers(0, 4).map((n) => `${titleOf(n)} 2027-01-13T09:00:00`),
        );
        await decide(bench, 'restore', [held.find(({ eventTitle }) => eventTitle === 'Event 02')!.id]);
        assert.deepEqual(await state(bench), [1, 1, 3]);
        await decide(bench, 'apply', [held.find(({ eventTitle }) => eventTitle === 'Event 00')!.id]);
        assert.deepEqual(await state(bench), [1, 1, 2]);
        await decide(bench, 'restore');
        assert.deepEqual(await state(bench), [3, 3, 0]);
        assert.equal((await assertAlike(bench.pair)).same, 3);
        assert.deepEqual(await bench.pair.settle(), []);
      });
    });

    describe('a hold', () => {
      it('is decided one by one or all together; an unknown id decides nothing', async () => {
        const bench = await setUp(12);
        await lose(bench, 'caldav', numbers(0, 11));
        const held = new Map(
          (await bench.pair.list('held-changes')).map(({ id, eventTitle }) => [eventTitle as string, id as string]),
        );
        const refused = await servers.calpair.api.try('POST', `/v1/pairs/${bench.pair.id}/held-changes/apply`, {
          ids: [held.get('Event 00'), 'unknown'],
        });
        assert.equal(refused.status, 404);
        assert.deepEqual(await state(bench), [1, 12, 11]);
        await decide(bench, 'apply', [held.get('Event 00')!]);
        assert.deepEqual(await state(bench), [1, 11, 10]);
        await decide(bench, 'restore', [held.get('Event 01')!]);
        assert.deepEqual(await state(bench), [2, 11, 9]);
        assert.equal(
          (
            await servers.calpair.api.try('POST', `/v1/pairs/${bench.pair.id}/held-changes/restore`, {
              ids: [held.get('Event 00')],
            })
          ).status,
          404,
          'it was decided before',
        );
        await decide(bench, 'apply');
        assert.deepEqual(await state(bench), [2, 2, 0]);
        assert.equal((await assertAlike(bench.pair)).same, 2);
      });

      it('ends when the event returns, or is edited where it still exists', async () => {
        const bench = await setUp(12);
        await lose(bench, 'caldav', numbers(0, 11));
        const writes = servers.cloud.standIn.writes.length;
        await bench.person.put('back.ics', eventOf(bench.calendar, 3));
        await bench.pair.settle();
        assert.deepEqual(await state(bench), [2, 12, 10]);
        assert.equal(servers.cloud.standIn.writes.length, writes, 'nothing is written for it');
        bench.owner.edit(idOf(bench, 4), { location: 'Edited while held' });
        await bench.pair.settle();
        assert.deepEqual(await state(bench), [3, 12, 9]);
        assert.deepEqual(
          (await bench.pair.list('conflicts')).map(({ eventTitle, winner }) => `${eventTitle} ${winner}`),
          ['Event 04 cloud'],
        );
        for (const n of [0, 1, 2, ...numbers(5, 11)])
          await bench.person.put(`back-${n}.ics`, eventOf(bench.calendar, n));
        await bench.pair.settle();
        assert.deepEqual(await state(bench), [12, 12, 0]);
        assert.equal((await assertAlike(bench.pair)).same, 12);
      });

      it("follows the pair's own limit", async () => {
        const bench = await setUp(10, { options: { holdDeletions: { moreThan: 1, percent: 0 } } });
        await lose(bench, 'cloud', [0]);
        assert.deepEqual(await state(bench), [9, 9, 0]);
        await lose(bench, 'cloud', [1]);
        assert.deepEqual(await state(bench), [9, 8, 1]);
      });

      it('stays while the pair is paused, and is applied afterwards', async () => {
        const bench = await setUp(3);
        await lose(bench, 'cloud', [0, 1, 2]);
        await bench.pair.post('pause');
        assert.deepEqual(await bench.pair.post('held-changes/restore'), { decided: 3 });
        assert.equal(bench.owner.list().length, 0);
        await bench.pair.post('resume');
        await bench.pair.settle();
        assert.deepEqual(await state(bench), [3, 3, 0]);
      });
    });

    describe('a calendar that has changed', () => {
      it('recreated empty at the same address: its deletions are held, and restored into it', async () => {
        const bench = await setUp(5);
        await bench.person.dropCalendar();
        await servers.radicale.createCalendar(bench.calendar);
        await bench.pair.settle();
        assert.deepEqual(await state(bench), [0, 5, 5]);
        await decide(bench, 'restore');
        assert.deepEqual(await state(bench), [5, 5, 0]);
        assert.equal((await assertAlike(bench.pair)).same, 5);
      });

      it('recreated with some of its events under other names: nothing is deleted or duplicated', async () => {
        const bench = await setUp(5);
        await bench.person.dropCalendar();
        await servers.radicale.createCalendar(bench.calendar);
        for (const n of numbers(0, 5)) await bench.person.put(`restored-${n}.ics`, eventOf(bench.calendar, n));
        await bench.pair.settle();
        assert.deepEqual(await state(bench), [5, 5, 0]);
        assert.equal((await assertAlike(bench.pair)).same, 5);
      });

      for (const role of can(kind, 'show only whether somebody is free') ? ['reader', 'freeBusyReader'] : ['reader']) {
        it(`with its access reduced to ${role}: nothing is deleted or blanked, and the pair recovers`, async () => {
          const bench = await setUp(5);
          const texts = await bench.person.all();
          bench.owner.account.setAccessRole(role as 'reader', bench.owner.calendarId);
          await bench.person.edit('e-0.ics', (text) => text.replace('SUMMARY:Event 00', 'SUMMARY:Event 00 edited'));
          await bench.pair.sync();
          await bench.pair.sync();
          texts.set('e-0.ics', await bench.person.get('e-0.ics'));
          assert.deepEqual(await bench.person.all(), texts);
          assert.match(texts.get('e-0.ics')!, /Event 00 edited/);
          const [problems, { status }] = [await bench.pair.list('problems'), await bench.pair.show()];
          assert.ok(status === 'attention' || problems.length === 1, JSON.stringify([status, problems]));
          bench.owner.account.setAccessRole('owner', bench.owner.calendarId);
          await bench.person.edit('e-0.ics', (text) => text.replace('Event 00 edited', 'Event 00 edited again'));
          await bench.pair.settle();
          assert.deepEqual(await state(bench), [5, 5, 0]);
          assert.ok(bench.owner.list().some(({ title }) => title === 'Event 00 edited again'));
          assert.deepEqual(await bench.pair.list('problems'), []);
        });
      }
    });

    describe('an event that is edited back and forth', () => {
      it('is set aside the fifth time, and continues with the next new value', async () => {
        const bench = await setUp(3);
        const toggle = (from: string, to: string) =>
          bench.person.edit('e-0.ics', (text) => text.replace(`SUMMARY:${from}`, `SUMMARY:${to}`));
        for (let round = 0; round < 4; round++) {
          if (round % 2 === 0) await toggle('Event 00', 'Other');
          else await toggle('Other', 'Event 00');
          assert.equal((await bench.pair.sync()).cloud.updated, 1, `round ${round}`);
        }
        await toggle('Event 00', 'Other');
        assert.equal(writesOf(await bench.pair.sync()), 0);
        assert.deepEqual(
          (await bench.pair.list('problems')).map(({ code, eventTitle }) => `${code} ${eventTitle}`),
          ['flapping Other'],
        );
        assert.equal((await bench.pair.show()).status, 'active');
        await toggle('Other', 'Settled');
        await bench.pair.settle();
        assert.ok(bench.owner.list().some(({ title }) => title === 'Settled'));
        await until('the problem is gone', async () => (await bench.pair.list('problems')).length === 0);
      });
    });

    it('no mail was sent', () => {
      assert.deepEqual(servers.cloud.harm(), []);
    });
  });
