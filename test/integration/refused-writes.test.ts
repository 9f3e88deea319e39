/** Writes that a real service refuses, for the whole calendar or for one occurrence. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CLOUDS } from '../support/clouds.ts';
import { fixture } from '../support/fixture.ts';
import { HIDDEN } from '../support/hidden-texts.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike, writesOf } from '../support/pair.ts';

const SERIES = [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=5', 'SUMMARY:Choir'];
const SECOND = '20270120T080000Z';
/** Those that hide private events. */
const LOWER_ROLES = {
  google: ['freeBusyReader', 'reader', 'writerWithoutPrivateAccess'],
  microsoft: ['reader', 'writer'],
} as const;

for (const kind of CLOUDS)
  describe(`a pair of CalDAV and ${kind.title}`, () => {
    const servers = fixture(kind);

    it('FB11: an occurrence that is deleted in the cloud and changed in CalDAV is listed once', async () => {
      const setup = await servers.open({ caldav: { Choir: object('choir@example.org', SERIES) } });
      setup.owner.removeOccurrence(setup.owner.idOf('Choir'), SECOND);
      await setup.person.edit('Choir.ics', (text) =>
        text.replace(
          /END:VCALENDAR/,
          [
            'BEGIN:VEVENT',
            'UID:choir@example.org',
            'DTSTAMP:20261101T100000Z',
            'RECURRENCE-ID;TZID=Europe/Berlin:20270120T090000',
            ...at('20270120T090000'),
            'SUMMARY:Concert',
            'END:VEVENT',
            'END:VCALENDAR',
          ].join('\r\n'),
        ),
      );
      for (let syncs = 0; syncs < 3; syncs += 1) await setup.pair.sync();
      const requests = servers.cloud.fake.requests.length;
      for (let syncs = 0; syncs < 3; syncs += 1) {
        const run = await setup.pair.sync();
        assert.deepEqual([run.result, writesOf(run), run.conflicts, run.problems], ['ok', 0, 0, 0]);
      }
      assert.ok(servers.cloud.fake.requests.length - requests <= 3 + 1, 'one request for each idle sync');
      assert.equal((await setup.pair.list('conflicts')).length, 1);
      assert.ok((await setup.pair.list('problems')).length <= 1);
    });

    it('FB12: content switched from busy to full shows everything again', async () => {
      const setup = await servers.open({
        caldav: { Choir: object('choir@example.org', [...SERIES, 'LOCATION:Hall']) },
        settings: { options: { content: { toCloud: 'busy' } } },
      });
      assert.deepEqual(
        setup.owner.list().map(({ title }) => title),
        ['Busy'],
      );
      await setup.pair.patch({ options: { content: { toCloud: 'full' } } });
      await setup.pair.settle();
      assert.deepEqual(
        setup.owner.list().map(({ title, location }) => [title, location]),
        [['Choir', 'Hall']],
      );
      await assertAlike(setup.pair);
    });

    it('FB5: what a CalDAV server hides was not emptied by anybody', async () => {
      const uid = 'choir@example.org';
      const full = object(uid, [...SERIES, 'LOCATION:Hall', 'DESCRIPTION:Bring sheets']);
      const setup = await servers.open({ caldav: { Choir: full } });
      const shown = () => setup.owner.list().map(({ title, location, description }) => [title, location, description]);
      await setup.person.put('Choir.ics', HIDDEN['Nextcloud']!(uid, '20270113T090000', '20270120T090000'));
      for (let syncs = 0; syncs < 2; syncs += 1) await setup.pair.sync();
      assert.deepEqual(shown(), [['Choir', 'Hall', 'Bring sheets']]);
      assert.deepEqual(
        (await setup.pair.list('problems')).map(({ code, side, eventTitle }) => [code, side, eventTitle]),
        [['unreadable', 'caldav', 'Choir']],
      );
      await setup.person.put('Choir.ics', full.replace('LOCATION:Hall', 'LOCATION:Church'));
      await setup.pair.settle();
      assert.deepEqual(shown(), [['Choir', 'Church', 'Bring sheets']]);
      assert.deepEqual(await setup.pair.list('problems'), []);
      await assertAlike(setup.pair);
    });

    const roleOf = ({ owner }: Awaited<ReturnType<typeof servers.open>>, role: string): void =>
      (owner.account as { setAccessRole(role: string, calendar: string): void }).setAccessRole(role, owner.calendarId);

    it('FB5: what a lower role hides was not emptied by anybody', async () => {
      const series = [...SERIES, 'LOCATION:Hall', 'DESCRIPTION:Bring sheets', 'CLASS:PRIVATE'];
      const setup = await servers.open({ caldav: { Choir: object('choir@example.org', series) } });
      const id = setup.owner.idOf('Choir');
      for (const [number, role] of LOWER_ROLES[kind.name].entries()) {
        const before = await setup.person.get('Choir.ics');
        // Somebody else changes the event while the account does not see it.
        setup.owner.edit(id, { location: `Hall ${number}` });
        roleOf(setup, role);
        for (let syncs = 0; syncs < 2; syncs += 1) await setup.pair.sync();
        assert.equal(await setup.person.get('Choir.ics'), before, role);
        assert.deepEqual(
          (await setup.pair.list('problems')).map(({ code, side, eventTitle }) => [code, side, eventTitle]),
          [['unreadable', 'cloud', 'Choir']],
        );
        roleOf(setup, 'owner');
        await setup.pair.post('resync?wait=120');
        await setup.pair.settle();
        assert.ok((await setup.person.linesOf('choir@example.org')).includes(`LOCATION:Hall ${number}`));
        assert.deepEqual(await setup.pair.list('problems'), []);
        await assertAlike(setup.pair);
      }
    });

    if (kind.name === 'google') {
      it('FB5: write access that is taken away and given back', async () => {
        const setup = await servers.open({ caldav: { Choir: object('choir@example.org', SERIES) } });
        roleOf(setup, 'reader');
        await setup.person.edit('Choir.ics', (text) => text.replace('SUMMARY:Choir', 'SUMMARY:Concert'));
        await setup.pair.sync();
        const { status, statusReason } = await setup.pair.show();
        assert.deepEqual([status, statusReason], ['attention', 'calendar-missing']);
        assert.deepEqual(await setup.pair.list('problems'), []);
        roleOf(setup, 'owner');
        await setup.pair.settle();
        assert.equal((await setup.pair.show()).status, 'active');
        assert.deepEqual(
          setup.owner.list().map(({ title }) => title),
          ['Concert'],
        );
      });
    }
  });
