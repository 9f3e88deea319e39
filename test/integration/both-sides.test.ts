/**
 * Two people edit at once: both edits survive; if that is impossible, the later one wins and the other is listed as a
 * conflict. And one-way pairs.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../support/calpair.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture, type Two } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike } from '../support/pair.ts';

const idOf = ({ owner }: Two, title: string): string => owner.idOf(title);
const titles = ({ owner }: Two): string[] =>
  owner
    .list()
    .map(({ title }) => title)
    .sort();
const placeOf = ({ owner }: Two, title: string): string => owner.list().find((one) => one.title === title)!.location;
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
    const setUp = (
      titles: readonly string[],
      {
        own = [],
        more = [],
        settings = {},
      }: { own?: readonly string[]; more?: readonly string[]; settings?: Json } = {},
    ): Promise<Two> =>
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
        const bench = await setUp(['A']);
        await bench.person.edit('A.ics', (text) => text.replace('LOCATION:Room', 'LOCATION:Elsewhere'));
        bench.owner.edit(idOf(bench, 'A'), { title: 'A by the cloud' });
        await bench.pair.settle();
        const text = await bench.person.get('A.ics');
        assert.match(text, /SUMMARY:A by the cloud/);
        assert.match(text, /LOCATION:Elsewhere/);
        await assertAlike(bench.pair);
        assert.deepEqual(await bench.pair.list('conflicts'), []);
      });

      it('of the same field: the later one wins, and the other is listed', async () => {
        const bench = await setUp(['Early', 'Late']);
        await bench.person.edit('Early.ics', edited(/SUMMARY:.*/, 'SUMMARY:Early by CalDAV', inSeconds(-3600)));
        bench.owner.edit(idOf(bench, 'Early'), { title: 'Early by the cloud' });
        bench.owner.edit(idOf(bench, 'Late'), { title: 'Late by the cloud' });
        await bench.person.edit('Late.ics', edited(/SUMMARY:.*/, 'SUMMARY:Late by CalDAV', inSeconds(60)));
        await bench.pair.settle();
        assert.deepEqual(titles(bench), ['Early by the cloud', 'Late by CalDAV']);
        await assertAlike(bench.pair);
        const conflicts = (await bench.pair.list('conflicts')).map(({ field, winner, keptValue, lostValue }) => ({
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
        assert.equal((await bench.pair.show()).counts.conflicts, 2);
      });

      it('of the same field to the same value are no conflict', async () => {
        const bench = await setUp(['Same']);
        await bench.person.edit('Same.ics', (text) => text.replace('LOCATION:Room', 'LOCATION:Hall'));
        bench.owner.edit(idOf(bench, 'Same'), { location: 'Hall' });
        const writes = servers.cloud.standIn.writes.length;
        assert.deepEqual(await bench.pair.settle(), []);
        assert.equal(servers.cloud.standIn.writes.length, writes);
        assert.deepEqual(await bench.pair.list('conflicts'), []);
      });

      it('that exclude two occurrences exclude both', async () => {
        const bench = await setUp(['Series'], { more: ['RRULE:FREQ=WEEKLY;COUNT=6'] });
        await bench.person.edit('Series.ics', (text) =>
          text.replace(/BEGIN:VEVENT\r?\n/, 'BEGIN:VEVENT\r\nEXDATE;TZID=Europe/Berlin:20270120T090000\r\n'),
        );
        bench.owner.removeOccurrence(idOf(bench, 'Series'), '20270127T080000Z');
        await bench.pair.settle();
        for (const side of ['caldav', 'cloud'] as const) {
          const [event] = [...(await bench.pair.events(side)).values()];
          assert.deepEqual(event!.exceptions, { '20270120T080000Z': 'excluded', '20270127T080000Z': 'excluded' }, side);
        }
        assert.deepEqual(await bench.pair.list('conflicts'), []);
      });
    });

    describe('an edit on one side and a deletion on the other', () => {
      it('end with the edited event on both sides, and a conflict', async () => {
        const bench = await setUp(['Kept by CalDAV', 'Kept by the cloud', 'Bystander']);
        await bench.person.edit('Kept by CalDAV.ics', (text) => text.replace('LOCATION:Room', 'LOCATION:New room'));
        bench.owner.remove(idOf(bench, 'Kept by CalDAV'));
        bench.owner.edit(idOf(bench, 'Kept by the cloud'), { location: 'New hall' });
        await bench.person.remove('Kept by the cloud.ics');
        await bench.pair.settle();
        assert.equal((await assertAlike(bench.pair)).same, 3);
        const places = new Map(bench.owner.list().map(({ title, location }) => [title, location]));
        assert.deepEqual([places.get('Kept by CalDAV'), places.get('Kept by the cloud')], ['New room', 'New hall']);
        const conflicts = await bench.pair.list('conflicts');
        assert.deepEqual(conflicts.map(({ eventTitle, winner }) => `${eventTitle} ${winner}`).sort(), [
          'Kept by CalDAV caldav',
          'Kept by the cloud cloud',
        ]);
        assert.deepEqual(await bench.pair.list('held-changes'), []);
      });
    });

    describe('a pair with a direction', () => {
      it('caldav-to-cloud never writes to CalDAV, and reverts edits of its copies in the cloud', async () => {
        const bench = await setUp(['A', 'B', 'C', 'D'], {
          own: ['Of the cloud'],
          settings: { direction: 'caldav-to-cloud' },
        });
        const etags = await bench.person.list();
        const mine = idOf(bench, 'Of the cloud');
        bench.owner.edit(idOf(bench, 'A'), { title: 'A spoiled', location: 'Nowhere' });
        bench.owner.remove(idOf(bench, 'B'));
        bench.owner.edit(mine, { location: 'My own place' });
        await bench.pair.settle();
        assert.deepEqual(titles(bench), ['A', 'B', 'C', 'D', 'Of the cloud']);
        assert.equal(placeOf(bench, 'A'), 'Room');
        assert.deepEqual(await bench.person.list(), etags);
        await bench.person.edit('C.ics', (text) => text.replace('SUMMARY:C', 'SUMMARY:C2'));
        await bench.person.remove('D.ics');
        const after_ = await bench.person.list();
        await bench.pair.settle();
        assert.deepEqual(titles(bench), ['A', 'B', 'C2', 'Of the cloud']);
        assert.deepEqual(await bench.person.list(), after_);
        assert.equal(placeOf(bench, 'Of the cloud'), 'My own place');
      });

      it('cloud-to-caldav never writes to the cloud, and reverts edits of its copies in CalDAV', async () => {
        const bench = await setUp(['Mine'], { own: ['A', 'B', 'C', 'D'], settings: { direction: 'cloud-to-caldav' } });
        const writes = servers.cloud.standIn.writes.length;
        const nameOf = (title: string): Promise<string> => bench.person.nameOf(`SUMMARY:${title}`);
        await bench.person.edit(await nameOf('A'), (text) => text.replace('SUMMARY:A', 'SUMMARY:A spoiled'));
        await bench.person.remove(await nameOf('B'));
        bench.owner.edit(idOf(bench, 'C'), { title: 'C2' });
        bench.owner.remove(idOf(bench, 'D'));
        await bench.pair.settle();
        const events = [...(await bench.pair.events('caldav')).values()].map(({ title }) => title).sort();
        assert.deepEqual(events, ['A', 'B', 'C2', 'Mine']);
        assert.deepEqual(servers.cloud.standIn.writes.slice(writes), []);
        assert.deepEqual(await bench.pair.list('conflicts'), []);
      });

      it('deletes nothing when its direction changes', async () => {
        const bench = await setUp(['A'], { own: ['G'], settings: { direction: 'caldav-to-cloud' } });
        await bench.pair.patch({ direction: 'cloud-to-caldav' });
        await bench.pair.settle();
        await bench.pair.patch({ direction: 'bidirectional' });
        await bench.pair.settle();
        assert.deepEqual(titles(bench), ['A', 'G']);
        assert.equal((await assertAlike(bench.pair)).same, 2);
      });
    });

    it('no mail was sent', () => {
      assert.deepEqual(servers.cloud.harm(), []);
    });
  });
