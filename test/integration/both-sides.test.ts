/**
 * Two people edit at once: both edits survive; if that is impossible, the later one wins and the other is listed as a
 * conflict. And one-way pairs.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../support/calpair.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike } from '../support/pair.ts';

const titles = ({ owner }: PairSetup): string[] =>
  owner
    .list()
    .map(({ title }) => title)
    .sort();
const placeOf = ({ owner }: PairSetup, title: string): string =>
  owner.list().find((one) => one.title === title)!.location;
/** An edit by a CalDAV client, with its time. */
const edited =
  (from: RegExp, to: string, at: Date) =>
  (text: string): string =>
    text
      .replace(from, to)
      .replace(/^LAST-MODIFIED.*\r?\n/gm, '')
      .replace(
        /BEGIN:VEVENT\r?\n/,
        `BEGIN:VEVENT\r\nLAST-MODIFIED:${at.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z\r\n`,
      );
const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000);

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}:`, () => {
    const servers = fixture(kind);
    /** @param own titles of events that are already in the cloud */
    const setUpPair = (
      titles: readonly string[],
      {
        own = [],
        more = [],
        settings = {},
      }: { own?: readonly string[]; more?: readonly string[]; settings?: Json } = {},
    ): Promise<PairSetup> =>
      servers.open({
        caldav: Object.fromEntries(
          titles.map((title) => [
            title,
            object(`${title}@example.org`, [`SUMMARY:${title}`, 'LOCATION:Room', ...at('20270113T090000'), ...more]),
          ]),
        ),
        cloud: own.map((title) => ({
          title,
          location: 'Room',
          when: { allDay: true, start: '2027-02-03', end: '2027-02-04' },
        })),
        settings,
      });

    describe('edits on both sides at once', () => {
      it('of different fields both survive', async () => {
        const setup = await setUpPair(['A']);
        await setup.person.edit('A.ics', (text) => text.replace('LOCATION:Room', 'LOCATION:Elsewhere'));
        setup.owner.edit(setup.owner.idOf('A'), { title: 'A by the cloud' });
        await setup.pair.settle();
        const text = await setup.person.get('A.ics');
        assert.match(text, /SUMMARY:A by the cloud/);
        assert.match(text, /LOCATION:Elsewhere/);
        await assertAlike(setup.pair);
        assert.deepEqual(await setup.pair.list('conflicts'), []);
      });

      it('of the same field: the later one wins, and the other is listed', async () => {
        const setup = await setUpPair(['Early', 'Late']);
        await setup.person.edit('Early.ics', edited(/SUMMARY:.*/, 'SUMMARY:Early by CalDAV', inSeconds(-3600)));
        setup.owner.edit(setup.owner.idOf('Early'), { title: 'Early by the cloud' });
        setup.owner.edit(setup.owner.idOf('Late'), { title: 'Late by the cloud' });
        await setup.person.edit('Late.ics', edited(/SUMMARY:.*/, 'SUMMARY:Late by CalDAV', inSeconds(60)));
        await setup.pair.settle();
        assert.deepEqual(titles(setup), ['Early by the cloud', 'Late by CalDAV']);
        await assertAlike(setup.pair);
        const conflicts = (await setup.pair.list('conflicts')).map(({ field, winner, keptValue, lostValue }) => ({
          field,
          winner,
          keptValue,
          lostValue,
        }));
        assert.deepEqual(
          conflicts.sort((a, b) => String(a.winner).localeCompare(b.winner)),
          [
            { field: 'title', winner: 'caldav', keptValue: 'Late by CalDAV', lostValue: 'Late by the cloud' },
            { field: 'title', winner: 'cloud', keptValue: 'Early by the cloud', lostValue: 'Early by CalDAV' },
          ],
        );
        assert.equal((await setup.pair.show()).counts.conflicts, 2);
      });

      it('of the same field to the same value are no conflict', async () => {
        const setup = await setUpPair(['Same']);
        await setup.person.edit('Same.ics', (text) => text.replace('LOCATION:Room', 'LOCATION:Hall'));
        setup.owner.edit(setup.owner.idOf('Same'), { location: 'Hall' });
        const writes = servers.cloud.fake.writes.length;
        assert.deepEqual(await setup.pair.settle(), []);
        assert.equal(servers.cloud.fake.writes.length, writes);
        assert.deepEqual(await setup.pair.list('conflicts'), []);
      });

      it('that exclude two occurrences exclude both', async () => {
        const setup = await setUpPair(['Series'], { more: ['RRULE:FREQ=WEEKLY;COUNT=6'] });
        await setup.person.edit('Series.ics', (text) =>
          text.replace(/BEGIN:VEVENT\r?\n/, 'BEGIN:VEVENT\r\nEXDATE;TZID=Europe/Berlin:20270120T090000\r\n'),
        );
        setup.owner.removeOccurrence(setup.owner.idOf('Series'), '20270127T080000Z');
        await setup.pair.settle();
        for (const side of ['caldav', 'cloud'] as const) {
          const [event] = [...(await setup.pair.events(side)).values()];
          assert.deepEqual(event!.exceptions, { '20270120T080000Z': 'excluded', '20270127T080000Z': 'excluded' }, side);
        }
        assert.deepEqual(await setup.pair.list('conflicts'), []);
      });
    });

    describe('an edit on one side and a deletion on the other', () => {
      it('end with the edited event on both sides, and a conflict', async () => {
        const setup = await setUpPair(['Edited in CalDAV', 'Edited in the cloud', 'Bystander']);
        await setup.person.edit('Edited in CalDAV.ics', (text) => text.replace('LOCATION:Room', 'LOCATION:New room'));
        setup.owner.remove(setup.owner.idOf('Edited in CalDAV'));
        setup.owner.edit(setup.owner.idOf('Edited in the cloud'), { location: 'New hall' });
        await setup.person.remove('Edited in the cloud.ics');
        await setup.pair.settle();
        assert.equal((await assertAlike(setup.pair)).same, 3);
        const places = new Map(setup.owner.list().map(({ title, location }) => [title, location]));
        assert.deepEqual([places.get('Edited in CalDAV'), places.get('Edited in the cloud')], ['New room', 'New hall']);
        const conflicts = await setup.pair.list('conflicts');
        assert.deepEqual(conflicts.map(({ eventTitle, winner }) => `${eventTitle} ${winner}`).sort(), [
          'Edited in CalDAV caldav',
          'Edited in the cloud cloud',
        ]);
        assert.deepEqual(await setup.pair.list('held-changes'), []);
      });
    });

    describe('a pair with a direction', () => {
      it('caldav-to-cloud never writes to CalDAV, and reverts edits of its copies in the cloud', async () => {
        const setup = await setUpPair(['A', 'B', 'C', 'D'], {
          own: ['Of the cloud'],
          settings: { direction: 'caldav-to-cloud' },
        });
        const etags = await setup.person.list();
        const mine = setup.owner.idOf('Of the cloud');
        setup.owner.edit(setup.owner.idOf('A'), { title: 'A overwritten', location: 'Nowhere' });
        setup.owner.remove(setup.owner.idOf('B'));
        setup.owner.edit(mine, { location: 'My own place' });
        await setup.pair.settle();
        assert.deepEqual(titles(setup), ['A', 'B', 'C', 'D', 'Of the cloud']);
        assert.equal(placeOf(setup, 'A'), 'Room');
        assert.deepEqual(await setup.person.list(), etags);
        await setup.person.edit('C.ics', (text) => text.replace('SUMMARY:C', 'SUMMARY:C2'));
        await setup.person.remove('D.ics');
        const after_ = await setup.person.list();
        await setup.pair.settle();
        assert.deepEqual(titles(setup), ['A', 'B', 'C2', 'Of the cloud']);
        assert.deepEqual(await setup.person.list(), after_);
        assert.equal(placeOf(setup, 'Of the cloud'), 'My own place');
      });

      it('cloud-to-caldav never writes to the cloud, and reverts edits of its copies in CalDAV', async () => {
        const setup = await setUpPair(['Mine'], {
          own: ['A', 'B', 'C', 'D'],
          settings: { direction: 'cloud-to-caldav' },
        });
        const writes = servers.cloud.fake.writes.length;
        const nameOf = (title: string): Promise<string> => setup.person.nameOf(`SUMMARY:${title}`);
        await setup.person.edit(await nameOf('A'), (text) => text.replace('SUMMARY:A', 'SUMMARY:A overwritten'));
        await setup.person.remove(await nameOf('B'));
        setup.owner.edit(setup.owner.idOf('C'), { title: 'C2' });
        setup.owner.remove(setup.owner.idOf('D'));
        await setup.pair.settle();
        const events = [...(await setup.pair.events('caldav')).values()].map(({ title }) => title).sort();
        assert.deepEqual(events, ['A', 'B', 'C2', 'Mine']);
        assert.deepEqual(servers.cloud.fake.writes.slice(writes), []);
        assert.deepEqual(await setup.pair.list('conflicts'), []);
      });

      it('deletes nothing when its direction changes', async () => {
        const setup = await setUpPair(['A'], { own: ['G'], settings: { direction: 'caldav-to-cloud' } });
        await setup.pair.patch({ direction: 'cloud-to-caldav' });
        await setup.pair.settle();
        await setup.pair.patch({ direction: 'bidirectional' });
        await setup.pair.settle();
        assert.deepEqual(titles(setup), ['A', 'G']);
        assert.equal((await assertAlike(setup.pair)).same, 2);
      });
    });

    it('no mail was sent', () => {
      assert.deepEqual(servers.cloud.harm(), []);
    });
  });
