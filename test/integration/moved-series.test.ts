/**
 * A whole series changes on one side while one occurrence changes on the other, and exceptions that are like their
 * series. CalDAV is read by ical.js, the cloud as its own page shows it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import ICAL from 'ical.js';
import { CLOUDS } from '../support/clouds.ts';
import { fixture, hourAt, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';

const SERIES = [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=5', 'SUMMARY:Choir'];
const DAYS = [...at('20270113'), 'RRULE:FREQ=WEEKLY;COUNT=5', 'SUMMARY:Choir'];
const SECOND = '20270120T080000Z';
/** Like its series in all fields that are copied. */
const OWN_ALARM = [
  'RECURRENCE-ID;TZID=Europe/Berlin:20270120T090000',
  ...at('20270120T090000'),
  'SUMMARY:Choir',
  'ATTACH:https://files.example.org/score.pdf',
  'BEGIN:VALARM',
  'ACTION:DISPLAY',
  'DESCRIPTION:bring the score',
  'TRIGGER:-P1D',
  'END:VALARM',
];

/** `2027-01-20 Choir` for all-day events, else `2027-01-20T10:00 Choir` in Berlin. */
function shownByCaldav(text: string): string[] {
  const root = new ICAL.Component(ICAL.parse(text));
  const [zone] = root.getAllSubcomponents('vtimezone').map((one) => new ICAL.Timezone(one));
  const events = root.getAllSubcomponents('vevent').map((one) => new ICAL.Event(one));
  const series = events.find((one) => !one.isRecurrenceException())!;
  for (const one of events) if (one.isRecurrenceException()) series.relateException(one);
  const shown = [];
  const used = new Set<unknown>();
  const iterator = series.iterator();
  for (let next = iterator.next(); next && shown.length < 50; next = iterator.next()) {
    const { item, startDate } = series.getOccurrenceDetails(next);
    used.add(item);
    const local = zone && startDate.zone.tzid === 'UTC' ? startDate.convertToZone(zone) : startDate;
    shown.push(`${local.toString().slice(0, local.isDate ? 10 : 16)} ${item.summary}`);
  }
  for (const one of events)
    if (one.isRecurrenceException() && !used.has(one)) shown.push(`left: ${one.recurrenceId?.toString()}`);
  return shown.sort();
}

function shownByCloud({ owner }: PairSetup): string[] {
  return owner
    .occurrences()
    .map(({ title, start }) => {
      if (start.length === 10) return `${start} ${title}`;
      const local = new Date(start).toLocaleString('sv-SE', { timeZone: 'Europe/Berlin' });
      return `${local.slice(0, 16).replace(' ', 'T')} ${title}`;
    })
    .sort();
}

async function assertBothShow(setup: PairSetup, expected: readonly string[]): Promise<void> {
  const caldav = shownByCaldav(await setup.person.get('Choir.ics'));
  assert.deepEqual({ caldav, cloud: shownByCloud(setup) }, { caldav: [...expected], cloud: [...expected] });
}

const DATES = ['2027-01-13', '2027-01-20', '2027-01-27', '2027-02-03', '2027-02-10'];
const timed = (hour: string, title = 'Choir') => DATES.map((date) => `${date}T${hour}:00 ${title}`);

for (const kind of CLOUDS)
  describe(`a series between CalDAV and ${kind.title}`, () => {
    const servers = fixture(kind);
    const open = (lines: readonly string[], overrides: readonly (readonly string[])[] = [], settings = {}) =>
      servers.open({ caldav: { Choir: object('choir@example.org', lines, overrides) }, settings });
    const id = ({ owner }: PairSetup) => owner.idOf('Choir');

    it('FB14: moved in CalDAV, one occurrence excluded in the cloud', async () => {
      const setup = await open(SERIES);
      await setup.person.edit('Choir.ics', moveMaster);
      setup.owner.removeOccurrence(id(setup), SECOND);
      await setup.pair.settle();
      await assertBothShow(
        setup,
        timed('10').filter((one) => !one.startsWith('2027-01-20')),
      );
      assert.deepEqual(await setup.pair.list('conflicts'), []);
    });

    it('FB14: moved in CalDAV, one occurrence renamed in the cloud', async () => {
      const setup = await open(SERIES);
      await setup.person.edit('Choir.ics', moveMaster);
      setup.owner.editOccurrence(id(setup), SECOND, { title: 'Concert' });
      await setup.pair.settle();
      await assertBothShow(
        setup,
        timed('10').map((one) => one.replace('20T10:00 Choir', '20T10:00 Concert')),
      );
    });

    it('FB14: moved in the cloud, one occurrence excluded and one moved in CalDAV', async () => {
      const setup = await open(SERIES);
      setup.owner.edit(id(setup), { when: hourAt('2027-01-13T10:00:00') });
      await setup.person.edit('Choir.ics', (text) =>
        text
          .replace(/BEGIN:VEVENT\r?\n/, 'BEGIN:VEVENT\r\nEXDATE;TZID=Europe/Berlin:20270120T090000\r\n')
          .replace(
            /END:VCALENDAR/,
            [
              'BEGIN:VEVENT',
              'UID:choir@example.org',
              'DTSTAMP:20261101T100000Z',
              'RECURRENCE-ID;TZID=Europe/Berlin:20270127T090000',
              ...at('20270128T180000'),
              'SUMMARY:Choir',
              'END:VEVENT',
              'END:VCALENDAR',
            ].join('\r\n'),
          ),
      );
      await setup.pair.settle();
      const expected = timed('10').filter((one) => !one.startsWith('2027-01-20') && !one.startsWith('2027-01-27'));
      await assertBothShow(setup, [...expected, '2027-01-28T18:00 Choir'].sort());
    });

    it('FB14: turned to all-day in CalDAV, one occurrence excluded in the cloud', async () => {
      const setup = await open(SERIES);
      await setup.person.edit('Choir.ics', (text) =>
        text
          .replace(/DTSTART;TZID=Europe\/Berlin:20270113T090000/, 'DTSTART;VALUE=DATE:20270113')
          .replace(/DTEND;TZID=Europe\/Berlin:20270113T100000/, 'DTEND;VALUE=DATE:20270114'),
      );
      setup.owner.removeOccurrence(id(setup), SECOND);
      await setup.pair.settle();
      await assertBothShow(
        setup,
        DATES.filter((date) => date !== '2027-01-20').map((date) => `${date} Choir`),
      );
    });

    it('FB14: an all-day series moved by a day in the cloud, one occurrence excluded in CalDAV', async () => {
      const setup = await open(DAYS);
      // Outlook states the days of a series beside its start.
      const rule = kind.name === 'microsoft' ? { rule: 'RRULE:FREQ=WEEKLY;COUNT=5' } : {};
      setup.owner.edit(id(setup), { when: { allDay: true, start: '2027-01-14', end: '2027-01-15' }, ...rule });
      await setup.person.edit('Choir.ics', (text) =>
        text.replace(/BEGIN:VEVENT\r?\n/, 'BEGIN:VEVENT\r\nEXDATE;VALUE=DATE:20270120\r\n'),
      );
      await setup.pair.settle();
      await assertBothShow(
        setup,
        ['2027-01-14', '2027-01-28', '2027-02-04', '2027-02-11'].map((day) => `${day} Choir`),
      );
    });

    for (const where of ['the cloud', 'CalDAV'] as const) {
      it(`FA4: renamed in ${where}, an exception that is like its series follows on both sides`, async () => {
        const setup = await open(SERIES, [OWN_ALARM]);
        if (where === 'the cloud') setup.owner.edit(id(setup), { title: 'Orchestra' });
        else await setup.person.edit('Choir.ics', (text) => text.replace('SUMMARY:Choir', 'SUMMARY:Orchestra'));
        await setup.pair.settle();
        await assertBothShow(setup, timed('09', 'Orchestra'));
        assert.match(await setup.person.get('Choir.ics'), /TRIGGER:-P1D/);
      });

      it(`FA4: moved in ${where}, an exception that is like its series follows on both sides`, async () => {
        const setup = await open(SERIES, [OWN_ALARM]);
        if (where === 'the cloud') setup.owner.edit(id(setup), { when: hourAt('2027-01-13T10:00:00') });
        else await setup.person.edit('Choir.ics', moveMaster);
        await setup.pair.settle();
        await assertBothShow(setup, timed('10'));
        assert.match(await setup.person.get('Choir.ics'), /TRIGGER:-P1D/);
      });
    }

    it('FA4: a one-way source is never written to', async () => {
      const setup = await open(SERIES, [OWN_ALARM], { direction: 'caldav-to-cloud' });
      await setup.person.edit('Choir.ics', (text) => text.replace('SUMMARY:Choir', 'SUMMARY:Orchestra'));
      const before = await setup.person.get('Choir.ics');
      await setup.pair.settle();
      assert.equal(await setup.person.get('Choir.ics'), before);
      assert.deepEqual(shownByCloud(setup), shownByCaldav(before));
    });

    function moveMaster(text: string): string {
      return text
        .replace('DTSTART;TZID=Europe/Berlin:20270113T090000', 'DTSTART;TZID=Europe/Berlin:20270113T100000')
        .replace('DTEND;TZID=Europe/Berlin:20270113T100000', 'DTEND;TZID=Europe/Berlin:20270113T110000');
    }
  });
