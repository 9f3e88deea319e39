/**
 * Section D of the known failures: a sync must never notify other people. The fakes fail every test here in which a
 * mail was sent.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Guest } from '../support/cloud.ts';
import { CLOUDS, can } from '../support/clouds.ts';
import { changedLines, unfolded } from '../support/dav-person.ts';
import { fixture, hourAt, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike, writesOf } from '../support/pair.ts';

const guests = (...names: string[]): Guest[] =>
  names.map((name) => ({ address: `${name}@people.example`, answer: 'needs-action' }));
const people = (organizer: string, ...names: string[]): string[] => [
  `ORGANIZER:mailto:${organizer}@people.example`,
  ...names.map((name) => `ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:${name}@people.example`),
];
const weekly = (title: string, start: string, ...more: string[]): string =>
  object(title, [`SUMMARY:${title}`, ...at(start), 'RRULE:FREQ=WEEKLY', ...more]);
/** A meeting created in the cloud. */
const ours = (title: string, ...names: string[]) => ({ title, when: hourAt('2027-01-14'), guests: guests(...names) });
const guestsOf = ({ owner }: PairSetup, title: string): unknown => owner.everythingOf(owner.idOf(title))['guests'];
const problemsOf = async ({ pair }: PairSetup): Promise<string[]> =>
  (await pair.list('problems')).map(({ code }) => code as string);
const edit = async ({ person }: PairSetup, title: string, change: (text: string) => string): Promise<void> =>
  person.edit(await person.nameOf(`SUMMARY:${title}`), change);

for (const kind of CLOUDS)
  describe(`people between CalDAV and ${kind.title}`, () => {
    const servers = fixture(kind);
    const canChangeSilently = can(kind, 'change a meeting without mailing its guests');
    const writes = (): string[] => servers.cloud.fake.writes.map(({ method }) => method);
    afterEach(() => {
      const harm = servers.cloud.harm();
      servers.cloud.fake.reset();
      assert.deepEqual(harm, []);
    });

    it('D1: a weekly series with guests and changed occurrences sends no mail, and is one event', async () => {
      const setup = await servers.open({
        caldav: { jour: weekly('Jour fixe', '20270113T090000', ...people('mara', 'bea', 'jonas')) },
      });
      await setup.person.edit('jour.ics', (text) => text.replace('SUMMARY:Jour fixe', 'SUMMARY:Jour'));
      await setup.person.edit('jour.ics', (text) =>
        text.replace(/BEGIN:VEVENT\r?\n/, 'BEGIN:VEVENT\r\nEXDATE;TZID=Europe/Berlin:20270120T090000\r\n'),
      );
      await setup.pair.settle();
      assert.deepEqual(
        setup.owner.list().map(({ title, guests }) => [title, guests]),
        [['Jour', []]],
      );
      assert.equal(setup.owner.family(setup.owner.idOf('Jour')).length, 1);
      assert.deepEqual(
        servers.cloud.fake.reach.filter(({ by }) => by === 'api'),
        [],
      );
    });

    it('D3: a one-way sync of meetings invites no guests on the target, and never changes the source', async () => {
      for (const direction of ['caldav-to-cloud', 'cloud-to-caldav']) {
        const setup = await servers.open({
          settings: { direction },
          caldav: { review: weekly('Review', '20270113T090000', ...people('mara', 'bea')) },
          cloud: [ours('Ours', 'bea')],
        });
        await setup.person.edit('review.ics', (text) => text.replace('SUMMARY:Review', 'SUMMARY:Review 2'));
        setup.owner.edit(setup.owner.idOf('Ours'), { location: 'Hall' });
        const [review, writesBefore] = [await setup.person.get('review.ics'), writes().length];
        await setup.pair.settle();
        assert.equal(await setup.person.get('review.ics'), review);
        if (direction === 'caldav-to-cloud')
          assert.deepEqual(setup.owner.list().find(({ title }) => title === 'Review 2')!.guests, []);
        else {
          const lines = await setup.person.linesOf('SUMMARY:Ours');
          assert.ok(lines.some((line) => line.startsWith('ATTENDEE')));
          assert.deepEqual(
            lines.filter((line) => /^(ATTENDEE|ORGANIZER)/.test(line) && !line.includes('SCHEDULE-AGENT=NONE')),
            [],
          );
          assert.equal(writes().length, writesBefore);
        }
      }
    });

    it('D4, D8: edits, answers and deletions on CalDAV send no mail; deleting an own meeting is held', async () => {
      const setup = await servers.open({
        cloud: ['edited', 'answered', 'deleted'].map((title) => ({
          ...ours(title),
          guests: [...guests('bea'), { address: 'someone@calendars.example', answer: 'needs-action' }],
        })),
      });
      await edit(setup, 'edited', (text) => text.replace(/^DTSTART;.*/m, 'DTSTART;TZID=Europe/Berlin:20270114T080000'));
      await edit(setup, 'answered', (text) =>
        unfolded(text)
          .join('\r\n')
          .concat('\r\n')
          .replace(/^(ATTENDEE.*?)(:mailto:bea)/m, '$1;PARTSTAT=ACCEPTED$2'),
      );
      await setup.person.remove(await setup.person.nameOf('SUMMARY:deleted'));
      const writesBefore = writes().length;
      await setup.pair.settle();
      assert.deepEqual(writes().slice(writesBefore), canChangeSilently ? ['PATCH'] : []);
      assert.deepEqual(
        setup.owner.list().find(({ title }) => title === 'edited')!.when.start,
        canChangeSilently ? '2027-01-14T08:00:00' : '2027-01-14T09:00:00',
      );
      assert.deepEqual(await problemsOf(setup), canChangeSilently ? [] : ['would-mail-attendees']);
      assert.deepEqual(
        (await setup.pair.list('held-changes')).map(({ eventTitle, reason }) => [eventTitle, reason]),
        [['deleted', 'has-guests']],
      );
    });

    it('D4: copies lose their attendees at the next change after attendees are switched off', async () => {
      const setup = await servers.open({
        caldav: { a: weekly('A', '20270113T090000', 'DESCRIPTION:Text', ...people('mara', 'bea')) },
        cloud: [ours('Ours', 'bea')],
      });
      const descriptionOf = (title: string): string =>
        setup.owner.list().find((one) => one.title === title)!.description;
      assert.match(descriptionOf('A'), /bea@/);
      const own = await setup.person.get('a.ics');
      await setup.pair.patch({ options: { attendees: 'none' } });
      await setup.pair.settle();
      await setup.person.edit('a.ics', (text) => text.replace('SUMMARY:A', 'SUMMARY:A2'));
      const was = guestsOf(setup, 'Ours');
      setup.owner.edit(setup.owner.idOf('Ours'), { location: 'Hall' });
      await setup.pair.settle();
      const { gone, come } = changedLines(own, await setup.person.get('a.ics'));
      assert.deepEqual(
        [...gone, ...come].filter((line) => !/^SUMMARY/.test(line)),
        [],
      );
      assert.deepEqual(guestsOf(setup, 'Ours'), was);
      assert.equal(descriptionOf('A2'), 'Text');
    });

    it('FB12: attendees that are switched on are copied both ways by the next run, and nobody is mailed', async () => {
      const series = weekly('A', '20270113T090000', 'DESCRIPTION:Text', ...people('mara', 'bea'));
      const setup = await servers.open({
        caldav: { a: series },
        cloud: [ours('Ours', 'bea')],
        settings: { options: { attendees: 'none' } },
      });
      const descriptionOf = (title: string): string =>
        setup.owner.list().find((one) => one.title === title)!.description;
      const copyOfOurs = async () => await setup.person.get(await setup.person.nameOf('SUMMARY:Ours'));
      assert.equal(descriptionOf('A'), 'Text');
      assert.doesNotMatch(await copyOfOurs(), /bea@/);
      const [own, guestsWere] = [await setup.person.get('a.ics'), guestsOf(setup, 'Ours')];
      await setup.pair.patch({ options: { attendees: 'copy' } });
      await setup.pair.settle();
      assert.match(descriptionOf('A'), /^Text[\s\S]*bea@/);
      assert.match(await copyOfOurs(), /bea@/);
      assert.deepEqual([await setup.person.get('a.ics'), guestsOf(setup, 'Ours')], [own, guestsWere]);
      assert.deepEqual([await setup.pair.list('problems'), await setup.pair.list('conflicts')], [[], []]);
      await assertAlike(setup.pair);
      assert.equal(writesOf(await setup.pair.sync()), 0);
      // From now on a person who is taken out stays out.
      await setup.person.edit('a.ics', (text) => text.replace(/^ATTENDEE[^\n]*bea@(?:\r?\n |[^\n])*\r?\n/m, ''));
      await setup.pair.settle();
      assert.doesNotMatch(descriptionOf('A'), /bea@/);
    });

    it('D5, D8: two-way edits of a meeting leave the addresses of its guests unchanged', async () => {
      const room: Guest = { address: 'room@resource.calendar.example', answer: 'needs-action', isRoom: true };
      const setup = await servers.open({
        cloud: [{ ...ours('Ours'), guests: [...guests('Bea.Muster', 'jonas'), room] }],
      });
      const id = setup.owner.idOf('Ours');
      const was = guestsOf(setup, 'Ours');
      for (const place of ['Hall', 'Garden']) {
        await edit(setup, 'Ours', (text) =>
          text
            .replace(/^SUMMARY:.*/m, `SUMMARY:Ours in the ${place}`)
            .replace(/bea\.muster@people\.example/i, `bea@${place}.example`),
        );
        await setup.pair.settle();
        setup.owner.edit(id, { location: place });
        await setup.pair.settle();
        assert.ok((await setup.person.linesOf('SUMMARY:Ours')).includes(`LOCATION:${place}`));
      }
      assert.deepEqual([setup.owner.everythingOf(id)['guests'], setup.owner.list()[0]!.guests.length], [was, 3]);
      assert.equal(setup.owner.idOf(canChangeSilently ? 'Ours in the Garden' : 'Ours'), id);
      assert.deepEqual(await problemsOf(setup), canChangeSilently ? [] : ['would-mail-attendees']);
    });

    it("D6: an edit of another organizer's meeting is a problem, and all else continues", async () => {
      const owner = servers.cloud.addOwner('invited@calendars.example');
      const theirs = owner.receive('theirs@people.example', {
        ...ours('Theirs', 'boss', 'bea'),
        organizer: 'boss@people.example',
      });
      const setup = await servers.open({ owner, cloud: [{ title: 'Mine', when: hourAt('2027-01-15') }] });
      const [was, versions] = [owner.account.getEvent(theirs), owner.everythingOf(theirs)];
      await edit(setup, 'Theirs', (text) =>
        text.replace(/^SUMMARY:.*/m, 'SUMMARY:Theirs, as I see it').replace(/mailto:bea@/, 'mailto:other@'),
      );
      await edit(setup, 'Mine', (text) => text.replace(/^SUMMARY:.*/m, 'SUMMARY:Mine 2'));
      await setup.pair.settle();
      assert.deepEqual([owner.account.getEvent(theirs), owner.everythingOf(theirs)], [was, versions]);
      assert.equal((await problemsOf(setup)).length, 1);
      owner.idOf('Mine 2');
    });

    it('D7: an initial sync of years of meetings and a full comparison send no mail', async () => {
      const caldav = Object.fromEntries(
        Array.from({ length: 12 }, (_, n) => [
          `old-${n}`,
          weekly(`Old ${n}`, `20${10 + n}0113T090000`, ...people('mara', 'bea', 'jonas', 'pia')),
        ]),
      );
      const setup = await servers.open({
        caldav,
        cloud: [{ ...ours('Ours', 'bea'), when: hourAt('2019-01-14'), rule: 'RRULE:FREQ=DAILY;COUNT=300' }],
      });
      const again = await setup.pair.post('resync?wait=120');
      assert.equal(again.result, 'ok');
      assert.deepEqual([setup.owner.list().length, (await setup.person.list()).size], [13, 13]);
      assert.deepEqual(servers.cloud.fake.mailLedger, []);
    });

    it('D9: a CalDAV copy of a meeting has its UID, its zone, and SCHEDULE-AGENT=NONE on all attendees', async () => {
      const owner = servers.cloud.addOwner('organizer@calendars.example');
      const id = owner.receive('meeting-1@people.example', {
        ...ours('Ours', 'bea', 'jonas'),
        rule: 'RRULE:FREQ=WEEKLY;COUNT=4',
      });
      const setup = await servers.open({ owner });
      owner.editOccurrence(id, '20270121T080000Z', { title: 'Ours later', when: hourAt('2027-01-21T11:00:00') });
      await setup.pair.settle();
      const lines = await setup.person.linesOf('SUMMARY:Ours later');
      const attendees = lines.filter((line) => /^(ATTENDEE|ORGANIZER)/.test(line));
      assert.deepEqual(
        [lines.filter((line) => line === 'UID:meeting-1@people.example').length, attendees.length],
        [2, 6],
      );
      assert.deepEqual(
        attendees.filter((line) => !line.includes(';SCHEDULE-AGENT=NONE')),
        [],
      );
      assert.deepEqual(
        lines.filter((line) => /^DTSTART/.test(line) && /2027/.test(line)),
        ['DTSTART;TZID=Europe/Berlin:20270114T090000', 'DTSTART;TZID=Europe/Berlin:20270121T110000'],
      );
    });

    it('D10: an answer is an update in place on either side', async () => {
      const owner = servers.cloud.addOwner('answers@calendars.example');
      const theirs = owner.receive('theirs@people.example', {
        ...ours('Theirs', 'boss', 'bea'),
        organizer: 'boss@people.example',
      });
      const setup = await servers.open({
        owner,
        caldav: { mine: weekly('Mine', '20270113T090000', ...people('mara', 'bea')) },
      });
      const ids = (): string[] => owner.list().map(({ id }) => id);
      const [names, was, writesBefore] = [[...(await setup.person.list()).keys()], ids(), writes().length];
      owner.answer(theirs, 'bea@people.example', 'accepted');
      await setup.person.edit('mine.ics', (text) => text.replace('PARTSTAT=NEEDS-ACTION', 'PARTSTAT=ACCEPTED'));
      await setup.pair.settle();
      assert.deepEqual([[...(await setup.person.list()).keys()], ids()], [names, was]);
      assert.deepEqual(writes().slice(writesBefore), ['PATCH']);
      assert.ok(
        (await setup.person.linesOf('SUMMARY:Theirs')).some((line) => /^ATTENDEE.*PARTSTAT=ACCEPTED.*bea@/.test(line)),
      );
    });

    it('D11: a meeting cancelled on CalDAV leaves the cloud without mail, and returns when confirmed', async () => {
      const setup = await servers.open({
        caldav: {
          mine: object('mine', ['SUMMARY:Mine', ...at('20270113T090000'), ...people('mara', 'bea')]),
          other: object('other', ['SUMMARY:Other', ...at('20270113T090000')]),
        },
      });
      await setup.person.edit('mine.ics', (text) =>
        text.replace(/BEGIN:VEVENT\r?\n/, 'BEGIN:VEVENT\r\nSTATUS:CANCELLED\r\n'),
      );
      await setup.pair.settle();
      assert.deepEqual(
        setup.owner.list().map(({ title }) => title),
        ['Other'],
      );
      assert.match(await setup.person.get('mine.ics'), /STATUS:CANCELLED/);
      await setup.person.edit('mine.ics', (text) => text.replace('STATUS:CANCELLED', 'STATUS:CONFIRMED'));
      await setup.pair.settle();
      assert.deepEqual(
        setup.owner
          .list()
          .map(({ title }) => title)
          .sort(),
        ['Mine', 'Other'],
      );
    });
  });
