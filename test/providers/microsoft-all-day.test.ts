/**
 * All-day series in Outlook: their occurrences are named by dates, while `originalStart` is midnight in the zone of the
 * mailbox, which may be another day in UTC.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type CalendarEvent, EXCLUDED } from '../../core/event.ts';
import { occurrenceContent } from '../../core/recurrence/series.ts';
import type { Found } from '../../providers/provider.ts';
import { event } from '../support/contract.ts';
import { type GraphSetup, openGraph } from '../support/contract-graph.ts';

type Json = Record<string, unknown>;

/** From -12:00 to +14:00, with and without daylight time, and with half hours. */
const ZONES = [
  'Dateline Standard Time',
  'UTC-11',
  'Hawaiian Standard Time',
  'Alaskan Standard Time',
  'Pacific Standard Time',
  'Newfoundland Standard Time',
  'E. South America Standard Time',
  'Azores Standard Time',
  'UTC',
  'GMT Standard Time',
  'W. Europe Standard Time',
  'FLE Standard Time',
  'India Standard Time',
  'Nepal Standard Time',
  'Tokyo Standard Time',
  'AUS Eastern Standard Time',
  'Lord Howe Standard Time',
  'New Zealand Standard Time',
  'Chatham Islands Standard Time',
  'Tonga Standard Time',
  'Line Islands Standard Time',
];

const DAILY = event('Daily', {
  when: { allDay: true, start: '2027-06-05', end: '2027-06-06' },
  recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=10'], dates: [] },
});
/** Two days at a time, across the changes of the clock in spring and autumn. */
const WEEKLY = event('Weekly', {
  when: { allDay: true, start: '2027-03-07', end: '2027-03-09' },
  recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=36'], dates: [] },
});

function writer(zone: string, how: 'mailbox' | 'utc'): (date: string) => Json {
  return (date) => ({ dateTime: `${date}T00:00:00`, timeZone: how === 'utc' ? 'UTC' : zone });
}

for (const how of ['mailbox', 'utc'] as const) {
  for (const occurrenceNames of ['selectable', 'refused'] as const) {
    describe(`all-day series of an Outlook mailbox, written in ${how} time, names ${occurrenceNames}`, () => {
      let setup: GraphSetup;
      const exceptionLists = occurrenceNames === 'refused' ? 'absent' : 'full';
      before(async () => {
        setup = await openGraph({ occurrenceNames, latencyMs: 0, exceptionLists });
      });
      after(() => setup.close());

      const create = (series: CalendarEvent, point: (date: string) => Json): string => {
        const { start, end } = series.when;
        const days = Number(series.recurrence!.rules[0]!.split('COUNT=')[1]);
        const daysOfWeek = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
        const pattern =
          series.title === 'Daily'
            ? { type: 'daily', interval: 1 }
            : {
                type: 'weekly',
                interval: 1,
                firstDayOfWeek: 'monday',
                daysOfWeek: [daysOfWeek[new Date(start).getUTCDay()]],
              };
        const range = { type: 'numbered', startDate: start, numberOfOccurrences: days };
        const times = { isAllDay: true, start: point(start), end: point(end) };
        const { owner, calendarId } = setup;
        return String(
          owner.insertEvent({ subject: series.title, ...times, recurrence: { pattern, range } }, calendarId)['id'],
        );
      };
      const getOne = async (id: string): Promise<Found> => {
        const answer = (await setup.side.get([id])).get(id);
        assert.ok(answer !== undefined && answer !== 'gone');
        return answer[0]!;
      };
      const named = (id: string, date: string): string => `OID.${id}.${date}`;
      const dates = (id: string): string[] =>
        setup.owner.instances(id, setup.calendarId).map((one) => String(one['occurrenceId']).slice(-10));

      for (const zone of ZONES) {
        it(`FA24: reads and writes the occurrence of the same date: ${zone}`, async () => {
          setup.owner.setTimeZone(zone);
          const id = create(DAILY, writer(zone, how));
          setup.owner.patchEvent(named(id, '2027-06-09'), { subject: 'Changed' });
          setup.owner.deleteEvent(named(id, '2027-06-12'));
          const found = await getOne(id);
          assert.equal(JSON.stringify(found.event?.when), JSON.stringify(DAILY.when));
          assert.deepEqual(
            Object.entries(found.event!.exceptions).map(([one, is]) => [one, is === EXCLUDED ? is : is.title]),
            [
              ['20270609', 'Changed'],
              ['20270612', EXCLUDED],
            ],
          );
          // Taking out the 8th leaves the 9th.
          const changed = { ...occurrenceContent({ ...found.event!, exceptions: {} }, '20270607'), title: 'Ours' };
          const next = {
            ...found.event!,
            exceptions: { ...found.event!.exceptions, '20270608': EXCLUDED, '20270607': changed },
          } as CalendarEvent;
          const written = await setup.side.update(found, next);
          assert.deepEqual(written.event!.exceptions, next.exceptions);
          assert.deepEqual(
            dates(id),
            [5, 6, 7, 9, 10, 11, 13, 14].map((day) => `2027-06-${String(day).padStart(2, '0')}`),
          );
          assert.equal(setup.owner.getEvent(named(id, '2027-06-07'))['subject'], 'Ours');
          assert.equal(setup.owner.getEvent(named(id, '2027-06-09'))['subject'], 'Changed');
        });

        it(`FA24: the same in summer and winter, and for one that was moved: ${zone}`, async () => {
          setup.owner.setTimeZone(zone);
          const point = writer(zone, how);
          const id = create(WEEKLY, point);
          for (const date of ['2027-03-14', '2027-03-28', '2027-06-06', '2027-10-31', '2027-11-07'])
            setup.owner.patchEvent(named(id, date), { subject: `On ${date}` });
          setup.owner.patchEvent(named(id, '2027-07-11'), { start: point('2027-07-13'), end: point('2027-07-15') });
          const { exceptions } = (await getOne(id)).event!;
          const expected = ['20270314', '20270328', '20270606', '20270711', '20271031', '20271107'];
          // Without the name of a moved occurrence, nothing tells the two sides of the date line apart.
          const isTold = occurrenceNames === 'selectable' || !FAR.includes(zone);
          assert.deepEqual(
            Object.keys(exceptions)
              .sort()
              .filter((one) => isTold || !one.startsWith('202707')),
            expected.filter((one) => isTold || one !== '20270711'),
          );
          for (const [one, is] of Object.entries(exceptions))
            if (is !== EXCLUDED && is.title !== 'Weekly') assert.equal(is.title.replace(/\D/g, ''), one);
        });
      }
    });
  }
}

const FAR = ['Dateline Standard Time', 'UTC-11', 'Line Islands Standard Time', 'Chatham Islands Standard Time'];
