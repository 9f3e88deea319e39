/**
 * FA1: whatever a person makes of an event in the cloud, a real CalDAV server finds it at its new time, and a phone
 * shows it. The judge is Radicale's own time-range query, and the strict check.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { When } from '../../core/event.ts';
import { validateObject } from '../../core/ical/validate.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture } from '../support/fixture.ts';
import { object } from '../support/ics.ts';

const allDay = (start: string, end: string): When => ({ allDay: true, start, end });
const timed = (start: string, end: string, zone = 'Europe/Berlin'): When => ({
  allDay: false,
  start,
  startZone: zone,
  end,
  endZone: zone,
});

/** Forms in which clients store events. */
const FORMS: Readonly<Record<string, readonly string[]>> = {
  'an all-day event': ['DTSTART;VALUE=DATE:20270604', 'DTEND;VALUE=DATE:20270605'],
  'an all-day event of two days': ['DTSTART;VALUE=DATE:20270604', 'DTEND;VALUE=DATE:20270606'],
  'a date without an end': ['DTSTART;VALUE=DATE:20270604'],
  'a date with a duration': ['DTSTART;VALUE=DATE:20270604', 'DURATION:P2D'],
  'an all-day event of Outlook': [
    'DTSTART;TZID=Europe/Berlin:20270604T000000',
    'DTEND;TZID=Europe/Berlin:20270605T000000',
    'X-MICROSOFT-CDO-ALLDAYEVENT:TRUE',
  ],
  'a timed event': ['DTSTART;TZID=Europe/Berlin:20270604T090000', 'DTEND;TZID=Europe/Berlin:20270604T100000'],
  'a time with a duration': ['DTSTART:20270604T090000Z', 'DURATION:PT1H'],
  'a time without an end': ['DTSTART:20270604T090000Z'],
  'a floating time': ['DTSTART:20270604T090000', 'DTEND:20270604T100000'],
};

/** What a person makes of it, and a time that only the new event touches. */
const EDITS: Readonly<Record<string, readonly [When, string, string]>> = {
  'moved by a week, all day': [allDay('2027-06-11', '2027-06-12'), '20270611T060000Z', '20270611T070000Z'],
  'two days long': [allDay('2027-06-10', '2027-06-12'), '20270611T060000Z', '20270611T070000Z'],
  'moved to an hour': [timed('2027-06-11T14:00:00', '2027-06-11T15:00:00'), '20270611T121000Z', '20270611T122000Z'],
  'moved before its old start': [allDay('2027-05-31', '2027-06-01'), '20270531T060000Z', '20270531T070000Z'],
  'moved to another zone': [
    timed('2027-06-11T14:00:00', '2027-06-11T15:00:00', 'America/New_York'),
    '20270611T181000Z',
    '20270611T182000Z',
  ],
};

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}`, () => {
    const servers = fixture(kind);

    for (const [edit, [when, start, end]] of Object.entries(EDITS))
      it(`FA1: events ${edit} in the cloud are found by the CalDAV server`, async () => {
        // Radicale reads a floating time in UTC, and it stays one.
        const forms = Object.entries(FORMS).filter(([name]) => when.allDay || !name.includes('floating'));
        const { pair, person, owner } = await servers.open({
          caldav: Object.fromEntries(
            forms.map(([name, lines], index) => [
              `form-${index}`,
              object(`form-${index}`, [`SUMMARY:${name}`, ...lines]),
            ]),
          ),
        });
        for (const [name] of forms) owner.edit(owner.idOf(name), { when });
        await pair.settle();
        assert.deepEqual(
          await person.inTimeRange(start, end),
          forms.map((_, index) => `form-${index}.ics`),
        );
        for (const [name, text] of await person.all()) assert.deepEqual(validateObject(text), [], `${name}\n${text}`);
        assert.deepEqual(await pair.list('problems'), []);
      });

    it('FA1: occurrences of series that are moved in the cloud are found by the CalDAV server', async () => {
      const series = Object.entries(FORMS).filter(([name]) => !name.includes('floating'));
      const { pair, person, owner } = await servers.open({
        caldav: Object.fromEntries(
          series.map(([name, lines], index) => [
            `form-${index}`,
            object(`form-${index}`, [`SUMMARY:${name}`, ...lines, 'RRULE:FREQ=WEEKLY;COUNT=3']),
          ]),
        ),
      });
      for (const [name, lines] of series) {
        const isAllDay = /VALUE=DATE|ALLDAYEVENT/.test(lines.join());
        const time = /:20270604(T\d{6})/.exec(lines[0]!)?.[1];
        const id = isAllDay ? '20270611' : lines[0]!.endsWith('Z') ? `20270611${time}Z` : '20270611T070000Z';
        owner.editOccurrence(owner.idOf(name), id, {
          when: isAllDay ? allDay('2027-06-13', '2027-06-14') : timed('2027-06-13T14:00:00', '2027-06-13T15:00:00'),
        });
      }
      await pair.settle();
      const found = await person.inTimeRange('20270613T121000Z', '20270613T122000Z');
      assert.deepEqual(
        found,
        series.map((_, index) => `form-${index}.ics`),
      );
      // Of a series of dates Radicale finds the old day too, whoever wrote the exception.
      const isOfDates = (name: string): boolean => /VALUE=DATE/.test(series[Number(/\d+/.exec(name)![0])]![1].join());
      const old = await person.inTimeRange('20270611T000000Z', '20270611T235900Z');
      assert.deepEqual(
        old.filter((name) => !isOfDates(name)),
        [],
      );
      for (const [name, text] of await person.all()) assert.deepEqual(validateObject(text), [], `${name}\n${text}`);
    });
  });
