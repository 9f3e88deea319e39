/** Attendees of an event are copied in both directions, and none of them is notified: real Radicale, fake clouds. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { CloudPerson, ListedEvent } from '../support/cloud.ts';
import { CLOUDS } from '../support/clouds.ts';
import { changedLines, type DavPerson } from '../support/dav-person.ts';
import { fixture, hourAt } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import type { Pair } from '../support/pair.ts';

const UID = 'people@example.org';
const MINE = object(
  UID,
  [
    'SUMMARY:Review',
    'DESCRIPTION:Bring numbers',
    ...at('20270113T090000'),
    'ORGANIZER;CN=Mara:mailto:mara@example.org',
    'ATTENDEE;CN=Jonas;PARTSTAT=ACCEPTED;X-SEAT=4:mailto:jonas@example.org',
    'ATTENDEE;CN=Aiko;PARTSTAT=NEEDS-ACTION:mailto:aiko@example.org',
  ],
  [],
);

for (const kind of CLOUDS)
  describe(`attendees between CalDAV and ${kind.title}`, () => {
    const servers = fixture(kind);
    let owner: CloudPerson;
    let person: DavPerson;
    let pair: Pair;
    const titled = (title: string): ListedEvent => owner.list().find((one) => one.title === title)!;
    const answers = async (side: 'caldav' | 'cloud', uid: string) =>
      Object.fromEntries(
        (await pair.events(side))
          .get(uid)!
          .attendees.map(({ address, participation }) => [address.split('@')[0], participation]),
      );

    before(async () => {
      const guests = [
        { address: 'owner@calendars.example', answer: 'accepted' },
        { address: 'bea@example.org', answer: 'needs-action' },
      ] as const;
      ({ owner, person, pair } = await servers.open({
        owner: servers.cloud.addOwner('owner@calendars.example'),
        caldav: { mine: MINE },
        cloud: [{ title: 'Theirs', when: hourAt('2027-01-14'), guests }],
      }));
    });

    it('of a CalDAV event appear in the cloud as text, not as guests', async () => {
      const copy = titled('Review');
      assert.deepEqual(copy.guests, []);
      assert.match(copy.description, /^Bring numbers/);
      assert.match(copy.description, /Aiko[\s\S]*Jonas/);
      assert.deepEqual(await answers('cloud', UID), { aiko: 'needs-action', jonas: 'accepted' });
    });

    it('of a CalDAV event follow an answer and a new guest, and the description stays', async () => {
      await person.edit('mine.ics', (text) =>
        text
          .replace('PARTSTAT=NEEDS-ACTION', 'PARTSTAT=DECLINED')
          .replace(/(ORGANIZER.*\r?\n)/, '$1ATTENDEE;CN=Pia;PARTSTAT=TENTATIVE:mailto:pia@example.org\r\n'),
      );
      await pair.settle();
      assert.deepEqual(await answers('cloud', UID), { aiko: 'declined', jonas: 'accepted', pia: 'tentative' });
      const copy = titled('Review');
      assert.deepEqual(copy.guests, []);
      assert.match(copy.description, /^Bring numbers/);
      assert.match(copy.description, /Pia/);
    });

    it('of a CalDAV event stay when the cloud changes the description', async () => {
      const was = await person.get('mine.ics');
      const { id, description } = titled('Review');
      owner.edit(id, { description: description.replace('Bring numbers', 'Bring cake') });
      await pair.settle();
      const { gone, come } = changedLines(was, await person.get('mine.ics'));
      assert.deepEqual(
        [...gone, ...come].filter((line) => !/^DESCRIPTION/.test(line)),
        [],
      );
      assert.match(come.join('\n'), /^DESCRIPTION:Bring cake$/m);
    });

    it('of a CalDAV event follow an answer below a text that a person writes in the cloud meanwhile', async () => {
      const { id, description } = titled('Review');
      // Outlook stores HTML anyway.
      const bold = kind.name === 'google' ? '<b>tea</b>' : 'tea';
      owner.edit(id, { description: description.replace('cake', bold) });
      await person.edit('mine.ics', (text) => text.replace('PARTSTAT=DECLINED', 'PARTSTAT=ACCEPTED'));
      await pair.settle();
      const copy = titled('Review');
      assert.ok(copy.description.startsWith(`Bring ${bold}`), copy.description);
      assert.deepEqual(copy.description.match(/— People —|Aiko[^\n]*: \w+/g), [
        '— People —',
        'Aiko (aiko@example.org): accepted',
      ]);
      assert.match(await person.get('mine.ics'), /^DESCRIPTION:Bring tea\r?$/m);
    });

    it('of a cloud meeting appear on the CalDAV copy with SCHEDULE-AGENT=NONE', async () => {
      const text = await person.get(await person.nameOf('SUMMARY:Theirs'));
      const lines = text
        .replace(/\r?\n /g, '')
        .split(/\r?\n/)
        .filter((line) => line.startsWith('ATTENDEE'));
      assert.equal(lines.filter((line) => line.endsWith(':mailto:bea@example.org')).length, 1);
      for (const line of lines) assert.match(line, /SCHEDULE-AGENT=NONE/);
    });

    it('of a cloud meeting follow an answer given in the cloud, and nothing else changes', async () => {
      const name = await person.nameOf('SUMMARY:Theirs');
      const was = await person.get(name);
      const { id } = titled('Theirs');
      owner.answer(id, 'bea@example.org', 'declined');
      await pair.settle();
      const { gone, come } = changedLines(was, await person.get(name));
      assert.deepEqual(
        [...gone, ...come].filter((line) => !/^ATTENDEE.*bea@example\.org/.test(line)),
        [],
      );
      assert.match(come.join('\n'), /PARTSTAT=DECLINED/);
    });

    it('of a cloud meeting are never changed by CalDAV', async () => {
      const { guests } = titled('Theirs');
      await person.edit(await person.nameOf('SUMMARY:Theirs'), (text) =>
        text.replace(/\r?\n /g, '').replace('PARTSTAT=DECLINED', 'PARTSTAT=ACCEPTED'),
      );
      await pair.settle();
      assert.deepEqual(titled('Theirs').guests, guests);
    });

    it('cause no mail, and the pair settles', async () => {
      const writes = servers.cloud.fake.writes.length;
      assert.deepEqual(await pair.settle(), []);
      assert.equal(servers.cloud.fake.writes.length, writes);
      assert.deepEqual(servers.cloud.harm(), []);
    });
  });
