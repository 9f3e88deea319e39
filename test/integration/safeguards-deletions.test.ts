/**
 * How many deletions are copied, which are held, and how holds end: counted in the calendars, at the limits, on both
 * kinds of calendars.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Json, until } from '../support/calpair.ts';
import { CLOUDS, can } from '../support/clouds.ts';
import { fixture, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike, writesOf } from '../support/pair.ts';

type SideName = 'caldav' | 'cloud';

const eventOf = (calendar: string, n: number): string =>
  object(`${calendar}-${n}@example.org`, [`SUMMARY:${titleOf(n)}`, ...at('20270113T090000')]);
const titleOf = (n: number): string => `Event ${String(n).padStart(2, '0')}`;
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);
const idOf = ({ owner }: PairSetup, n: number): string => owner.idOf(titleOf(n));

/** A person deletes these events on one side while the pair is paused; then the pair syncs. */
async function lose(setup: PairSetup, side: SideName, events: readonly number[]): Promise<void> {
  await setup.pair.post('pause');
  await remove(setup, side, events);
  await setup.pair.post('resume');
  await setup.pair.settle();
}

async function remove(setup: PairSetup, side: SideName, events: readonly number[]): Promise<void> {
  if (side === 'cloud') return events.forEach((n) => setup.owner.remove(idOf(setup, n)));
  const texts = await setup.person.all();
  for (const n of events) await setup.person.remove(await setup.person.nameOf(`SUMMARY:${titleOf(n)}`, texts));
}

/** How many events each side has, and how many deletions are held. */
async function state({ pair, person, owner }: PairSetup): Promise<[caldav: number, cloud: number, held: number]> {
  const held = await pair.list('held-changes');
  const { status, statusReason, counts } = await pair.show();
  assert.equal(counts.heldChanges, held.length);
  assert.deepEqual([status, statusReason], held.length > 0 ? ['attention', 'held-changes'] : ['active', null]);
  return [(await person.list()).size, owner.list().length, held.length];
}

async function decide(setup: PairSetup, decision: 'apply' | 'restore', ids?: readonly string[]): Promise<void> {
  await setup.pair.post(`held-changes/${decision}`, ids ? { ids } : undefined);
  await setup.pair.settle();
}

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}:`, () => {
    const servers = fixture(kind);
    let setups = 0;
    const setUpPair = (count: number, settings: Json = {}): Promise<PairSetup> => {
      setups += 1;
      return servers.open({
        caldav: Object.fromEntries(numbers(0, count).map((n) => [`e-${n}`, eventOf(`calendar-${setups}`, n)])),
        settings,
      });
    };

    describe('the limit of more than 10 and more than 20 %', () => {
      // A fifth of 51 is just over 10, so 11 deletions are too many, as they are for fewer events; for 60 they are not.
      // All other numbers: test/core/sync/deletion-guard.test.ts.
      for (const [count, side] of [
        [50, 'cloud'],
        [51, 'caldav'],
      ] as const) {
        it(`of ${count} events: 12 and 11 are held, 10 are copied, and one more the same day is held`, async () => {
          const setup = await setUpPair(count);
          const other = side === 'caldav' ? 'cloud' : 'caldav';
          for (const lost of [12, 11]) {
            await lose(setup, side, numbers(0, lost));
            assert.deepEqual(
              await state(setup),
              side === 'caldav' ? [count - lost, count, lost] : [count, count - lost, lost],
            );
            assert.ok(
              (await setup.pair.list('held-changes')).every(
                (held) => held.side === other && held.reason === 'too-many',
              ),
            );
            await decide(setup, 'restore');
            assert.deepEqual(await state(setup), [count, count, 0]);
          }
          await lose(setup, side, numbers(0, 4));
          await lose(setup, side, numbers(4, 10));
          assert.deepEqual(await state(setup), [count - 10, count - 10, 0]);
          await lose(setup, side, [10]);
          assert.equal((await state(setup))[2], 1, 'the eleventh of that day');
          await decide(setup, 'apply');
          assert.deepEqual(await state(setup), [count - 11, count - 11, 0]);
          await lose(setup, side, [11]);
          assert.equal((await state(setup))[2], 1, 'what a person applied does not count, the ten before do');
        });
      }

      it('of 60 events: 12 are copied, in one run or several, and the thirteenth is held', async () => {
        const setup = await setUpPair(60);
        await lose(setup, 'cloud', numbers(0, 11));
        await lose(setup, 'cloud', [11]);
        assert.deepEqual(await state(setup), [48, 48, 0]);
        await lose(setup, 'cloud', [12]);
        assert.deepEqual(await state(setup), [48, 47, 1]);
        const fresh = await setUpPair(60);
        await lose(fresh, 'caldav', numbers(0, 12));
        assert.deepEqual(await state(fresh), [48, 48, 0]);
        const tooMany = await setUpPair(60);
        await lose(tooMany, 'caldav', numbers(0, 13));
        assert.deepEqual(await state(tooMany), [47, 60, 13]);
      });

      it('is counted for each side separately', async () => {
        const setup = await setUpPair(20);
        await setup.pair.post('pause');
        await remove(setup, 'caldav', numbers(0, 7));
        await remove(setup, 'cloud', numbers(7, 14));
        await setup.pair.post('resume');
        await setup.pair.settle();
        assert.deepEqual(await state(setup), [6, 6, 0]);
      });

      it('counts what both sides lost on both, and holds it with the rest', async () => {
        const setup = await setUpPair(20);
        await setup.pair.post('pause');
        for (const side of ['caldav', 'cloud'] as const) await remove(setup, side, numbers(0, 6));
        await remove(setup, 'caldav', numbers(6, 11));
        await setup.pair.post('resume');
        await setup.pair.settle();
        assert.deepEqual(await state(setup), [9, 14, 11]);
        await decide(setup, 'restore');
        assert.deepEqual(await state(setup), [20, 20, 0]);
        await assertAlike(setup.pair);
      });
    });

    describe('a side that would be left without events', () => {
      for (const side of ['caldav', 'cloud'] as const) {
        it(`is not emptied of 3 at once, but of 2, and of 3 down to 1: ${side}`, async () => {
          const three = await setUpPair(3);
          await lose(three, side, [0, 1, 2]);
          assert.deepEqual(await state(three), side === 'caldav' ? [0, 3, 3] : [3, 0, 3]);
          assert.ok((await three.pair.list('held-changes')).every(({ reason }) => reason === 'would-empty'));
          await decide(three, 'restore');
          await lose(three, side, [0, 2]);
          assert.deepEqual(await state(three), [1, 1, 0]);
          const two = await setUpPair(2);
          await lose(two, side, [0, 1]);
          assert.deepEqual(await state(two), [0, 0, 0]);
        });
      }

      it('is restored on both sides when both lost everything to an older backup', async () => {
        const setup = await setUpPair(4);
        await setup.pair.post('pause');
        for (const side of ['caldav', 'cloud'] as const) await remove(setup, side, numbers(0, 4));
        await setup.pair.post('resume');
        await setup.pair.settle();
        assert.deepEqual(await state(setup), [0, 0, 4]);
        const held = await setup.pair.list('held-changes');
        assert.deepEqual(
          held.map(({ eventTitle, eventStart }) => `${eventTitle} ${eventStart}`).sort(),
          numbers(0, 4).map((n) => `${titleOf(n)} 2027-01-13T08:00:00Z`),
        );
        await decide(setup, 'restore', [held.find(({ eventTitle }) => eventTitle === 'Event 02')!.id]);
        assert.deepEqual(await state(setup), [1, 1, 3]);
        await decide(setup, 'apply', [held.find(({ eventTitle }) => eventTitle === 'Event 00')!.id]);
        assert.deepEqual(await state(setup), [1, 1, 2]);
        await decide(setup, 'restore');
        assert.deepEqual(await state(setup), [3, 3, 0]);
        assert.equal((await assertAlike(setup.pair)).same, 3);
        assert.deepEqual(await setup.pair.settle(), []);
      });
    });

    describe('a hold', () => {
      it('is decided one by one or all together; an unknown id decides nothing', async () => {
        const setup = await setUpPair(12);
        await lose(setup, 'caldav', numbers(0, 11));
        const held = new Map(
          (await setup.pair.list('held-changes')).map(({ id, eventTitle }) => [eventTitle as string, id as string]),
        );
        const refused = await servers.calpair.api.try('POST', `/v1/pairs/${setup.pair.id}/held-changes/apply`, {
          ids: [held.get('Event 00'), 'unknown'],
        });
        assert.equal(refused.status, 404);
        assert.deepEqual(await state(setup), [1, 12, 11]);
        await decide(setup, 'apply', [held.get('Event 00')!]);
        assert.deepEqual(await state(setup), [1, 11, 10]);
        await decide(setup, 'restore', [held.get('Event 01')!]);
        assert.deepEqual(await state(setup), [2, 11, 9]);
        assert.equal(
          (
            await servers.calpair.api.try('POST', `/v1/pairs/${setup.pair.id}/held-changes/restore`, {
              ids: [held.get('Event 00')],
            })
          ).status,
          404,
          'it was decided before',
        );
        await decide(setup, 'apply');
        assert.deepEqual(await state(setup), [2, 2, 0]);
        assert.equal((await assertAlike(setup.pair)).same, 2);
      });

      it('ends when the event returns, or is edited where it still exists', async () => {
        const setup = await setUpPair(12);
        await lose(setup, 'caldav', numbers(0, 11));
        const writes = servers.cloud.fake.writes.length;
        await setup.person.put('back.ics', eventOf(setup.calendar, 3));
        await setup.pair.settle();
        assert.deepEqual(await state(setup), [2, 12, 10]);
        assert.equal(servers.cloud.fake.writes.length, writes, 'nothing is written for it');
        setup.owner.edit(idOf(setup, 4), { location: 'Edited while held' });
        await setup.pair.settle();
        assert.deepEqual(await state(setup), [3, 12, 9]);
        assert.deepEqual(
          (await setup.pair.list('conflicts')).map(({ eventTitle, winner }) => `${eventTitle} ${winner}`),
          ['Event 04 cloud'],
        );
        for (const n of [0, 1, 2, ...numbers(5, 11)])
          await setup.person.put(`back-${n}.ics`, eventOf(setup.calendar, n));
        await setup.pair.settle();
        assert.deepEqual(await state(setup), [12, 12, 0]);
        assert.equal((await assertAlike(setup.pair)).same, 12);
      });

      it("follows the pair's own limit", async () => {
        const setup = await setUpPair(10, { options: { holdDeletions: { moreThan: 1, percent: 0 } } });
        await lose(setup, 'cloud', [0]);
        assert.deepEqual(await state(setup), [9, 9, 0]);
        await lose(setup, 'cloud', [1]);
        assert.deepEqual(await state(setup), [9, 8, 1]);
      });

      it('stays while the pair is paused, and is applied afterwards', async () => {
        const setup = await setUpPair(3);
        await lose(setup, 'cloud', [0, 1, 2]);
        await setup.pair.post('pause');
        assert.deepEqual(await setup.pair.post('held-changes/restore'), { decided: 3 });
        assert.equal(setup.owner.list().length, 0);
        await setup.pair.post('resume');
        await setup.pair.settle();
        assert.deepEqual(await state(setup), [3, 3, 0]);
      });
    });

    describe('a calendar that has changed', () => {
      it('recreated empty at the same address: its deletions are held, and restored into it', async () => {
        const setup = await setUpPair(5);
        await setup.person.dropCalendar();
        await servers.radicale.createCalendar(setup.calendar);
        await setup.pair.settle();
        assert.deepEqual(await state(setup), [0, 5, 5]);
        await decide(setup, 'restore');
        assert.deepEqual(await state(setup), [5, 5, 0]);
        assert.equal((await assertAlike(setup.pair)).same, 5);
      });

      it('recreated with some of its events under other names: nothing is deleted or duplicated', async () => {
        const setup = await setUpPair(5);
        await setup.person.dropCalendar();
        await servers.radicale.createCalendar(setup.calendar);
        for (const n of numbers(0, 5)) await setup.person.put(`restored-${n}.ics`, eventOf(setup.calendar, n));
        await setup.pair.settle();
        assert.deepEqual(await state(setup), [5, 5, 0]);
        assert.equal((await assertAlike(setup.pair)).same, 5);
      });

      for (const role of can(kind, 'share free/busy only') ? ['reader', 'freeBusyReader'] : ['reader']) {
        it(`with its access reduced to ${role}: nothing is deleted or blanked, and the pair recovers`, async () => {
          const setup = await setUpPair(5);
          const texts = await setup.person.all();
          setup.owner.account.setAccessRole(role as 'reader', setup.owner.calendarId);
          await setup.person.edit('e-0.ics', (text) => text.replace('SUMMARY:Event 00', 'SUMMARY:Event 00 edited'));
          await setup.pair.sync();
          await setup.pair.sync();
          texts.set('e-0.ics', await setup.person.get('e-0.ics'));
          assert.deepEqual(await setup.person.all(), texts);
          assert.match(texts.get('e-0.ics')!, /Event 00 edited/);
          const [problems, { status }] = [await setup.pair.list('problems'), await setup.pair.show()];
          assert.ok(status === 'attention' || problems.length === 1, JSON.stringify([status, problems]));
          setup.owner.account.setAccessRole('owner', setup.owner.calendarId);
          await setup.person.edit('e-0.ics', (text) => text.replace('Event 00 edited', 'Event 00 edited again'));
          await setup.pair.settle();
          assert.deepEqual(await state(setup), [5, 5, 0]);
          assert.ok(setup.owner.list().some(({ title }) => title === 'Event 00 edited again'));
          assert.deepEqual(await setup.pair.list('problems'), []);
        });
      }
    });

    describe('an event that is edited back and forth', () => {
      it('is set aside the fifth time, and continues with the next new value', async () => {
        const setup = await setUpPair(3);
        const toggle = (from: string, to: string) =>
          setup.person.edit('e-0.ics', (text) => text.replace(`SUMMARY:${from}`, `SUMMARY:${to}`));
        for (let round = 0; round < 4; round++) {
          if (round % 2 === 0) await toggle('Event 00', 'Other');
          else await toggle('Other', 'Event 00');
          assert.equal((await setup.pair.sync()).cloud.updated, 1, `round ${round}`);
        }
        await toggle('Event 00', 'Other');
        assert.equal(writesOf(await setup.pair.sync()), 0);
        assert.deepEqual(
          (await setup.pair.list('problems')).map(({ code, eventTitle }) => `${code} ${eventTitle}`),
          ['flapping Other'],
        );
        assert.equal((await setup.pair.show()).status, 'active');
        await toggle('Other', 'Settled');
        await setup.pair.settle();
        assert.ok(setup.owner.list().some(({ title }) => title === 'Settled'));
        await until('the problem is gone', async () => (await setup.pair.list('problems')).length === 0);
      });
    });

    it('no mail was sent', () => {
      assert.deepEqual(servers.cloud.harm(), []);
    });
  });
