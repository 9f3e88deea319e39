/** Section H of the known failures: reminders, and settings of one side only. Free/busy (H2, H4) is not covered yet. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { closeAll, Harness } from '../activities/harness.ts';
import type { Typed } from '../support/cloud.ts';
import { CLOUDS } from '../support/clouds.ts';
import { testDatabase } from '../support/database.ts';
import { unfolded } from '../support/dav-person.ts';
import { fixture, hourAt } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';

after(() => closeAll());

const ALARMS = [
  'BEGIN:VALARM',
  'ACTION:EMAIL',
  'ATTENDEE:mailto:me@people.example',
  'SUMMARY:Soon',
  'DESCRIPTION:Soon',
  'TRIGGER:-PT30M',
  'END:VALARM',
  'BEGIN:VALARM',
  'ACTION:DISPLAY',
  'DESCRIPTION:Past',
  'TRIGGER;VALUE=DATE-TIME:20200101T080000Z',
  'ACKNOWLEDGED:20200101T080100Z',
  'END:VALARM',
];
const alarms = (lines: readonly string[]): string[] =>
  lines
    .slice(lines.indexOf('BEGIN:VALARM'))
    .filter((line) => /^(BEGIN:VALARM|END:VALARM|ACTION|TRIGGER|ACKNOWLEDGED|ATTENDEE)/.test(line))
    .sort();

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}`, () => {
    const servers = fixture(kind);
    const writes = (): string[] => servers.cloud.fake.writes.map(({ method }) => method);

    it('H1: a sync creates and changes no reminders: not for past events, nor from e-mail alarms', async () => {
      const owner = servers.cloud.addOwner('reminded@calendars.example');
      const ours = owner.insert({ title: 'Ours', when: hourAt('2020-01-14') });
      owner.remind(ours, 30);
      const { pair, person } = await servers.open({
        owner,
        caldav: { mine: object('mine', ['SUMMARY:Mine', ...at('20200113T090000'), ...ALARMS]) },
      });
      const reminder = owner.everythingOf(ours)['reminder'];
      const mine = owner.idOf('Mine');
      assert.deepEqual([owner.isReminded(mine), owner.isReminded(ours)], [false, true]);
      assert.ok(!(await person.linesOf('SUMMARY:Ours')).includes('BEGIN:VALARM'));
      const lines = await person.linesOf('SUMMARY:Mine');
      owner.edit(mine, { title: 'Mine 2' });
      owner.remind(mine, 5);
      await person.edit(await person.nameOf('SUMMARY:Ours'), (text) =>
        text
          .replace('SUMMARY:Ours', 'SUMMARY:Ours 2')
          .replace(
            'END:VEVENT',
            'BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Mine\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT',
          ),
      );
      await pair.settle();
      assert.deepEqual(alarms(await person.linesOf('SUMMARY:Mine 2')), alarms(lines));
      assert.deepEqual([owner.idOf('Ours 2'), owner.everythingOf(ours)['reminder']], [ours, reminder]);
      const writesBefore = writes().length;
      owner.remind(mine, 10);
      assert.deepEqual(await pair.settle(), []);
      assert.equal(writes().length, writesBefore);
    });

    it('H5: an edit keeps the name, UID and id of an event', async () => {
      const { pair, person, owner } = await servers.open({
        caldav: { a: object('a', ['SUMMARY:A', ...at('20270113T090000')]) },
        cloud: [{ title: 'B', when: hourAt('2027-01-14') }],
      });
      const identities = async (): Promise<unknown> => [
        [...(await person.all())].map(([name, text]) => [name, unfolded(text).find((line) => line.startsWith('UID:'))]),
        owner.list().map(({ id }) => id),
      ];
      const [was, writesBefore, id] = [await identities(), writes().length, owner.idOf('B')];
      const edits: readonly [(text: string) => string, Typed][] = [
        [(text) => text.replace('SUMMARY:A', 'SUMMARY:A2'), { title: 'B2' }],
        [
          (text) =>
            text
              .replace(/DTSTART;.*/g, 'DTSTART;VALUE=DATE:20270113')
              .replace(/DTEND;.*/g, 'DTEND;VALUE=DATE:20270114'),
          { when: { allDay: true, start: '2027-01-14', end: '2027-01-15' } },
        ],
        [
          (text) => text.replace(/(SUMMARY:.*\r?\n)/, '$1RRULE:FREQ=DAILY;COUNT=3\r\n'),
          { rule: 'RRULE:FREQ=DAILY;COUNT=3' },
        ],
        [(text) => text.replace(/^RRULE:FREQ=DAILY.*\r?\n/m, ''), { rule: null }],
      ];
      for (const [inCaldav, inCloud] of edits) {
        await person.edit('a.ics', inCaldav);
        owner.edit(id, inCloud);
        await pair.settle();
      }
      assert.deepEqual(await identities(), was);
      assert.deepEqual([...new Set(writes().slice(writesBefore))], ['PATCH']);
    });

    it('H7: settings of one side are not copied back: colours, reminders, the "Busy" of a projection', async () => {
      const { pair, person, owner } = await servers.open({
        settings: { options: { content: { toCloud: 'busy' } } },
        caldav: { a: object('a', ['SUMMARY:A', 'LOCATION:Room', 'COLOR:red', ...at('20270113T090000')]) },
      });
      const mine = await person.get('a.ics');
      const id = owner.idOf('Busy');
      owner.paint(id);
      owner.remind(id, 10);
      const was = owner.everythingOf(id);
      owner.edit(id, { title: 'Not to be seen', visibility: 'private', transparency: 'transparent' });
      await pair.settle();
      assert.equal(await person.get('a.ics'), mine);
      assert.deepEqual(owner.everythingOf(id), was);
      assert.equal(owner.list()[0]!.location, '');
      assert.deepEqual(await pair.list('conflicts'), []);
    });
  });

it('H6: deletions on either side are copied by the next poll without a request', async () => {
  const harness = await Harness.open(await testDatabase());
  const ref = harness.caldav.person.insert({ title: 'A' });
  harness.caldav.person.insert({ title: 'B' });
  harness.cloud.person.insert({ title: 'C' });
  harness.cloud.person.insert({ title: 'D' });
  await harness.run('start');
  await harness.settle();
  harness.caldav.person.remove(ref);
  await harness.cycle();
  await harness.settle();
  assert.deepEqual([harness.caldav.titles().length, harness.cloud.titles().length], [3, 3]);
});
