/** Known failures that need the real protocol: real Radicale, fake clouds, a complete Calpair. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startCalpair } from '../support/calpair.ts';
import type { CloudPerson } from '../support/cloud.ts';
import { CLOUDS } from '../support/clouds.ts';
import { basicAuthorization } from '../support/dav.ts';
import { DavPerson, unfolded } from '../support/dav-person.ts';
import { fixture, hourAt, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike, createPair } from '../support/pair.ts';

type WireSetup = Pick<PairSetup, 'pair' | 'person' | 'owner'>;
const titles = ({ owner }: WireSetup): string[] =>
  owner
    .list()
    .map(({ title }) => title)
    .sort();

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}:`, () => {
    const servers = fixture(kind);
    /** A pair with a new account, or with the given calendar. */
    const setUpPair = (files: Readonly<Record<string, string>>, owner?: CloudPerson): Promise<PairSetup> =>
      servers.open({
        caldav: Object.fromEntries(Object.entries(files).map(([name, text]) => [name.replace('.ics', ''), text])),
        owner,
      });

    /** Neither runs nor full comparisons write anything. */
    async function staysQuiet({ pair, person }: WireSetup): Promise<void> {
      await pair.settle();
      const [etags, { length }] = [await person.list(), servers.cloud.fake.writes];
      for (let run = 0; run < 3; run += 1) await pair.sync();
      await pair.post('resync');
      await pair.sync();
      assert.deepEqual(await person.list(), etags);
      assert.equal(servers.cloud.fake.writes.length, length);
    }

    describe('texts, times and people that services rewrite', () => {
      it('C4, C5, C7, C8, C13: are copied with their meaning, and the pair settles', async () => {
        const me = 'me@calendars.example';
        const setup = await setUpPair(
          {
            'html.ics': object('html@example.org', [
              'SUMMARY:R&amp\\;D 🎉  ',
              'DESCRIPTION:<b>Plan</b> &amp\\; more &lt\\;3\\n\\n',
              ...at('20270113T090000'),
            ]),
            'dst.ics': object('dst@example.org', [
              'SUMMARY:Night',
              'DTSTART;TZID=Europe/Berlin:20270328T013000',
              'DTEND;TZID=Europe/Berlin:20270328T033000',
            ]),
            'utc.ics': object('utc@example.org', [
              'SUMMARY:Everywhere',
              'DTSTART:20271031T003000Z',
              'DTEND:20271031T013000Z',
            ]),
            'midnight.ics': object('midnight@example.org', [
              'SUMMARY:Midnight',
              'DTSTART;TZID=Europe/Berlin:20270113T000000',
              'DTEND;TZID=Europe/Berlin:20270114T000000',
            ]),
            'day.ics': object('day@example.org', ['SUMMARY:Day', ...at('20270114')]),
            'self.ics': object('self@example.org', [
              'SUMMARY:By myself',
              ...at('20270115T090000'),
              `ORGANIZER:mailto:${me}`,
              `ATTENDEE;PARTSTAT=ACCEPTED:mailto:${me}`,
            ]),
          },
          servers.cloud.addOwner(me),
        );
        const { owner, person, pair } = setup;
        const meeting = owner.insertOnline({ title: 'Meet', when: hourAt('2027-01-16') });
        owner.insert({ title: 'Own guest', when: hourAt('2027-01-17'), guests: [{ address: me, answer: 'accepted' }] });
        const night = {
          allDay: false,
          start: '2027-02-20T23:30:00',
          startZone: 'America/Santiago',
          end: '2027-02-21T00:30:00',
          endZone: 'America/Santiago',
        } as const;
        owner.insert({ title: 'Far', when: night, rule: 'RRULE:FREQ=WEEKLY;COUNT=12' });
        await staysQuiet(setup);
        await assertAlike(pair);
        const far = await person.get(await person.nameOf('SUMMARY:Far'));
        assert.match(far, /BEGIN:VTIMEZONE[\s\S]*TZID:America\/Santiago/);
        assert.match(far, /DTSTART;TZID=America\/Santiago:20270220T233000/);
        // An edit of each, on the other side than before.
        for (const name of ['Night', 'Midnight', 'Day', 'By myself'])
          owner.edit(setup.owner.idOf(name), { location: `${name}, room 1 & 2` });
        for (const name of ['Meet', 'Own guest', 'Far'])
          await person.edit(await person.nameOf(`SUMMARY:${name}`), (text) =>
            text.replace(/^LOCATION:.*\r?\n/m, '').replace(/SUMMARY:.*/, '$&\r\nLOCATION:Room 3'),
          );
        await staysQuiet(setup);
        await assertAlike(pair);
        const html = unfolded(await person.get('html.ics'));
        assert.ok(
          html.includes('SUMMARY:R&amp\\;D 🎉  ') &&
            html.includes('DESCRIPTION:<b>Plan</b> &amp\\; more &lt\\;3\\n\\n'),
          html.join('\n'),
        );
        assert.ok(owner.isOnline(meeting));
        assert.deepEqual(servers.cloud.harm(), []);
      });
    });

    describe('names that a service never releases', () => {
      it('G7: do not block an event that returns, any number of times', async () => {
        const setup = await setUpPair({ 'a.ics': object('g7@example.org', ['SUMMARY:A', ...at('20270113T090000')]) });
        const { owner, person, pair } = setup;
        const ids = new Set<string>();
        for (let round = 0; round < 3; round += 1) {
          ids.add(setup.owner.idOf('A'));
          owner.remove(setup.owner.idOf('A'));
          await person.edit('a.ics', (text) =>
            text.replace(/(LOCATION:.*\r\n)?SUMMARY:A/, `LOCATION:Room ${round}\r\nSUMMARY:A`),
          );
          await staysQuiet(setup);
          assert.deepEqual(titles(setup), ['A']);
          await assertAlike(pair);
        }
        assert.equal(ids.size, 3);
        await person.remove('a.ics');
        await staysQuiet(setup);
        assert.deepEqual(titles(setup), []);
        await person.put('a.ics', object('g7@example.org', ['SUMMARY:A', ...at('20270120T090000')]));
        await staysQuiet(setup);
        assert.deepEqual(titles(setup), ['A'], 'imported once more under its old UID');
      });
    });

    describe('an invitation that reaches both calendars', () => {
      it('B10: is not copied back if it arrives after its copy, and replaces a deleted copy', async () => {
        const setup = await setUpPair({
          'invited.ics': object('b10@example.org', ['SUMMARY:Invited', ...at('20270113T090000')]),
        });
        const { owner, person, pair } = setup;
        const copy = setup.owner.idOf('Invited');
        const byItself = owner.receive('b10@example.org', { title: 'Invited', when: hourAt('2027-01-13') });
        await staysQuiet(setup);
        assert.deepEqual([(await person.list()).size, titles(setup).length], [1, 2]);
        owner.remove(copy);
        await staysQuiet(setup);
        owner.edit(byItself, { location: 'Room 1' });
        await staysQuiet(setup);
        await assertAlike(pair);
        assert.match(await person.get('invited.ics'), /LOCATION:Room 1/);
      });
    });

    describe('several calendars', () => {
      it('G18: an event moved to another calendar leaves no stale copy, and appears in the other pair', async () => {
        const first = await setUpPair(
          Object.fromEntries(
            ['a', 'b', 'c'].map((name, n) => [
              `${name}.ics`,
              object(`g18-${name}@example.org`, [`SUMMARY:${name}`, ...at(`2027011${n + 1}T090000`)]),
            ]),
          ),
        );
        const second = await setUpPair({}, first.owner.addCalendar('Second'));
        const { radicale } = servers;
        const authorization = basicAuthorization(radicale.username, radicale.password);
        const moved = await fetch(new URL('a.ics', first.person.url), {
          method: 'MOVE',
          headers: { authorization, destination: new URL('a.ics', second.person.url).href },
        });
        assert.ok(moved.ok, String(moved.status));
        for (const setup of [second, first, second]) await staysQuiet(setup);
        assert.deepEqual([titles(first), titles(second)], [['b', 'c'], ['a']]);
        for (const { pair } of [first, second]) await assertAlike(pair);
        // And back, by copying and deleting, with the private properties of the event, as Google's web page does
        // between accounts.
        second.owner.copyTo(first.owner, second.owner.idOf('a'));
        second.owner.remove(second.owner.idOf('a'));
        for (const setup of [first, second, first]) await staysQuiet(setup);
        assert.deepEqual([titles(first), titles(second)], [['a', 'b', 'c'], []]);
        for (const { pair } of [first, second]) await assertAlike(pair);
        assert.deepEqual([(await first.person.list()).size, (await second.person.list()).size], [3, 0]);
      });
    });

    describe('two installations', () => {
      it('A3, C11: that start on the same calendars at the same moment settle and lose no event', async () => {
        const other = await startCalpair(servers.cloud.environment);
        try {
          const { radicale, cloud } = servers;
          const owner = cloud.addOwner('two@calendars.example');
          const person = new DavPerson(radicale, await radicale.createCalendar('two'));
          const all = ['a', 'b', 'c', 'd', 'e', 'f'];
          for (const name of all.slice(0, 3))
            await person.put(
              `${name}.ics`,
              object(`two-${name}@example.org`, [`SUMMARY:${name}`, ...at('20270113T090000')]),
            );
          for (const name of all.slice(3)) owner.insert({ title: name, when: hourAt('2027-01-14') });
          const calendars = [{ server: radicale, url: person.url }, owner.calendar] as const;
          const pairs = await Promise.all([servers.calpair, other].map((one) => createPair(one, ...calendars)));
          await Promise.all(pairs.map((pair) => pair.sync()));
          for (let round = 0; round < 3; round += 1) for (const pair of pairs) await pair.settle();
          const setup = { pair: pairs[0]!, person, owner };
          const counts = [(await person.list()).size, titles(setup).length];
          assert.ok(
            counts.every((count) => count >= 6 && count <= 12),
            counts.join(', '),
          );
          assert.deepEqual([...new Set(titles(setup))], all);
          for (const pair of pairs) await staysQuiet({ ...setup, pair });
          owner.edit(setup.owner.idOf('d'), { location: 'Room 4' });
          for (let round = 0; round < 2; round += 1) for (const pair of pairs) await pair.settle();
          assert.deepEqual([(await person.list()).size, titles(setup).length], counts);
        } finally {
          await other.stop();
        }
      });
    });
  });
