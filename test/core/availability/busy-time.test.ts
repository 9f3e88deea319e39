import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { busySpans, type FreeBusyView, STEPS_PER_QUERY } from '../../../core/availability/busy-time.ts';
import { mergeSpans } from '../../../core/availability/interval.ts';
import { readBusySources, readFreeBusy } from '../../../core/ical/free-busy.ts';
import { at, object } from '../../support/ics.ts';

const view = (more: Partial<FreeBusyView> = {}): FreeBusyView => ({
  range: { from: Date.UTC(2027, 0, 1), to: Date.UTC(2027, 1, 1) },
  zone: 'Europe/Berlin',
  own: new Set(['me@example.com']),
  unanswered: 'busy',
  ...more,
});

/** Busy times like `13T08:00/13T09:00`: days and times in January 2027, in UTC. */
function busy(text: string, more: Partial<FreeBusyView> = {}): string[] {
  const query = view(more);
  const sources = readBusySources(text, { floatingZone: query.zone });
  const budget = { steps: STEPS_PER_QUERY };
  const short = (ms: number): string => new Date(ms).toISOString().slice(8, 16);
  return mergeSpans(sources.flatMap((source) => busySpans(source, query, budget))).map(
    ({ from, to }) => `${short(from)}/${short(to)}`,
  );
}
const event = (...lines: string[]): string => object('u1', lines);
const NINE = at('20270113T090000');
const MEETING = ['13T08:00/13T09:00'];

describe('one event', () => {
  it('takes time unless it is cancelled, transparent, or without a duration (H4)', () => {
    assert.deepEqual(busy(event(...NINE)), MEETING);
    for (const line of ['STATUS:TENTATIVE', 'STATUS:CONFIRMED', 'TRANSP:OPAQUE', 'CLASS:PRIVATE', 'STATUS:X-ODD'])
      assert.deepEqual(busy(event(...NINE, line)), MEETING, line);
    for (const line of ['STATUS:CANCELLED', 'TRANSP:TRANSPARENT', 'transp:transparent'])
      assert.deepEqual(busy(event(...NINE, line)), [], line);
    assert.deepEqual(busy(event('DTSTART:20270113T080000Z')), []);
    assert.deepEqual(busy(event('DTSTART:20270113T080000Z', 'DTEND:20270113T080000Z')), []);
    assert.deepEqual(busy(event('DTSTART:20270113T080000Z', 'DURATION:PT90M')), ['13T08:00/13T09:30']);
  });

  it("uses the calendar's zone if it is all-day or floating", () => {
    const day = event(...at('20270113'));
    assert.deepEqual(busy(day), ['12T23:00/13T23:00']);
    assert.deepEqual(busy(day, { zone: 'Asia/Tokyo' }), ['12T15:00/13T15:00']);
    assert.deepEqual(busy(day, { zone: 'America/New_York' }), ['13T05:00/14T05:00']);
    assert.deepEqual(busy(event('DTSTART:20270113T090000', 'DTEND:20270113T100000'), { zone: 'Asia/Tokyo' }), [
      '13T00:00/13T01:00',
    ]);
    const springs = { zone: 'Europe/Berlin', range: { from: Date.UTC(2027, 2, 27), to: Date.UTC(2027, 2, 30) } };
    assert.deepEqual(
      busy(event('DTSTART;VALUE=DATE:20270328', 'DTEND;VALUE=DATE:20270329'), springs),
      ['27T23:00/28T22:00'],
      'a day of 23 hours',
    );
  });

  it('is cut to the range', () => {
    const long = event('DTSTART:20261201T000000Z', 'DTEND:20270201T120000Z');
    assert.deepEqual(busy(long), ['01T00:00/01T00:00']);
    assert.deepEqual(
      busy(event(...NINE), { range: { from: Date.UTC(2027, 0, 13, 9), to: Date.UTC(2027, 0, 14) } }),
      [],
      'the end is exclusive',
    );
  });

  it('takes no time of a person who declined, or who has not answered if the query says so', () => {
    const invited = (participation: string, organizer = 'boss@example.com'): string =>
      event(
        ...NINE,
        `ORGANIZER:mailto:${organizer}`,
        `ATTENDEE;PARTSTAT=${participation}:mailto:Me@Example.com`,
        'ATTENDEE;PARTSTAT=DECLINED:mailto:other@example.com',
      );
    for (const [participation, expected] of [
      ['ACCEPTED', MEETING],
      ['TENTATIVE', MEETING],
      ['NEEDS-ACTION', MEETING],
      ['DECLINED', []],
      ['DELEGATED', []],
    ] as const) {
      assert.deepEqual(busy(invited(participation)), expected, participation);
    }
    const free = { unanswered: 'free' } as const;
    assert.deepEqual(busy(invited('NEEDS-ACTION'), free), []);
    assert.deepEqual(busy(invited('ACCEPTED'), free), MEETING);
    assert.deepEqual(busy(invited('TENTATIVE'), free), MEETING);
    assert.deepEqual(busy(invited('NEEDS-ACTION', 'me@example.com'), free), MEETING, 'the organizer');
    assert.deepEqual(busy(event(...NINE, 'ATTENDEE;PARTSTAT=DECLINED:mailto:other@example.com'), free), MEETING);
  });
});

describe('a series', () => {
  const DAILY = [...at('20270111T090000'), 'RRULE:FREQ=DAILY;COUNT=4'];

  it('takes the time of its occurrences, without excluded, moved, cancelled and declined ones (H2)', () => {
    const text = object(
      'u1',
      [...DAILY, 'EXDATE;TZID=Europe/Berlin:20270112T090000', 'RDATE;TZID=Europe/Berlin:20270120T180000'],
      [
        [
          'RECURRENCE-ID;TZID=Europe/Berlin:20270113T090000',
          'DTSTART;TZID=Europe/Berlin:20270113T140000',
          'DTEND;TZID=Europe/Berlin:20270113T143000',
        ],
        ['RECURRENCE-ID;TZID=Europe/Berlin:20270114T090000', ...at('20270114T090000'), 'STATUS:CANCELLED'],
      ],
    );
    assert.deepEqual(busy(text), ['11T08:00/11T09:00', '13T13:00/13T13:30', '20T17:00/20T18:00']);
    const declined = object('u1', DAILY, [
      [
        'RECURRENCE-ID;TZID=Europe/Berlin:20270112T090000',
        ...at('20270112T090000'),
        'ATTENDEE;PARTSTAT=DECLINED:mailto:me@example.com',
      ],
    ]);
    assert.deepEqual(busy(declined), ['11T08:00/11T09:00', '13T08:00/13T09:00', '14T08:00/14T09:00']);
  });

  it('includes an occurrence that was moved into the range, and one that lasts into it', () => {
    const moved = object(
      'u1',
      [...at('20260105T090000'), 'RRULE:FREQ=MONTHLY;COUNT=3'],
      [['RECURRENCE-ID;TZID=Europe/Berlin:20260205T090000', ...at('20270113T090000')]],
    );
    assert.deepEqual(busy(moved), MEETING);
    assert.deepEqual(busy(event('DTSTART:20261220T000000Z', 'DTEND:20270101T060000Z', 'RRULE:FREQ=YEARLY')), [
      '01T00:00/01T06:00',
    ]);
    const periods = event(
      'DTSTART:20260101T000000Z',
      'DTEND:20260101T010000Z',
      'RDATE;VALUE=PERIOD:20261231T230000Z/PT3H,20270113T080000Z/20270113T120000Z',
    );
    assert.deepEqual(busy(periods), ['01T00:00/01T02:00', '13T08:00/13T12:00']);
  });

  it('may have busy occurrences although the series itself is free', () => {
    const text = object(
      'u1',
      [...DAILY, 'TRANSP:TRANSPARENT'],
      [['RECURRENCE-ID;TZID=Europe/Berlin:20270113T090000', ...at('20270113T090000')]],
    );
    assert.deepEqual(busy(text), MEETING);
  });

  it("keeps its wall-clock time, and the days of the calendar's zone, across changes of offset", () => {
    const range = { from: Date.UTC(2027, 2, 26), to: Date.UTC(2027, 2, 31) };
    assert.deepEqual(busy(event(...at('20270101T090000'), 'RRULE:FREQ=WEEKLY;BYDAY=SA,MO'), { range }), [
      '27T08:00/27T09:00',
      '29T07:00/29T08:00',
    ]);
    assert.deepEqual(
      busy(event(...at('20270101'), 'RRULE:FREQ=WEEKLY;BYDAY=SU'), { range, zone: 'Australia/Lord_Howe' }),
      ['27T13:00/28T13:00'],
    );
  });

  it('has days of the zone, not of UTC', () => {
    const daily = event(...at('20270101'), 'RRULE:FREQ=DAILY');
    const hour = (from: string) => ({ range: { from: Date.parse(from), to: Date.parse(from) + 3_600_000 } });
    assert.deepEqual(busy(daily, { ...hour('2026-12-31T16:00:00Z'), zone: 'Asia/Tokyo' }), ['31T16:00/31T17:00']);
    assert.deepEqual(busy(daily, { ...hour('2026-12-31T14:00:00Z'), zone: 'Asia/Tokyo' }), []);
    assert.deepEqual(
      busy(event(...at('20270101'), 'RRULE:FREQ=DAILY;COUNT=1'), {
        ...hour('2027-01-02T09:00:00Z'),
        zone: 'Pacific/Honolulu',
      }),
      ['02T09:00/02T10:00'],
    );
  });

  it('includes its start, also if its rule does not match it', () => {
    assert.deepEqual(busy(event(...NINE, 'RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2')), [
      '13T08:00/13T09:00',
      '18T08:00/18T09:00',
    ]);
    assert.deepEqual(
      busy(event(...NINE, 'RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20261201T000000Z')),
      [],
      'but not if UNTIL is before the start',
    );
    assert.deepEqual(
      busy(event(...NINE, 'RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2', 'EXDATE;TZID=Europe/Berlin:20270113T090000')),
      ['18T08:00/18T09:00'],
    );
  });

  it('follows an override with RANGE=THISANDFUTURE', () => {
    const text = object(
      'u1',
      [...DAILY, 'EXDATE;TZID=Europe/Berlin:20270113T090000'],
      [
        [
          'RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20270112T090000',
          'DTSTART;TZID=Europe/Berlin:20270112T140000',
          'DTEND;TZID=Europe/Berlin:20270112T160000',
        ],
      ],
    );
    assert.deepEqual(busy(text), ['11T08:00/11T09:00', '12T13:00/12T15:00', '14T13:00/14T15:00']);
    const days = object(
      'u1',
      [...at('20270111'), 'RRULE:FREQ=DAILY;COUNT=3'],
      [['RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20270112', ...at('20270122')]],
    );
    assert.deepEqual(busy(days), ['10T23:00/11T23:00', '21T23:00/23T23:00']);
    const ended = object('u1', DAILY, [
      ['RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20270113T090000', ...NINE, 'STATUS:CANCELLED'],
    ]);
    assert.deepEqual(busy(ended), ['11T08:00/11T09:00', '12T08:00/12T09:00']);
  });
});

describe('FA11: a series that cannot be read as a whole', () => {
  const FIRST = at('20270113T090000');
  const ALL_MONTH = ['13T08:00/01T00:00'];

  it('takes the time of what can be read of it, and never that of other events', () => {
    for (const rule of ['FREQ=NEVER', 'FREQ=DAILY;BYEASTER=1', 'FREQ=DAILY;COUNT=0', 'RSCALE=CHINESE;FREQ=YEARLY', '?'])
      assert.deepEqual(busy(event(...FIRST, `RRULE:${rule}`)), MEETING, rule);
    assert.deepEqual(busy(event(...FIRST, 'RRULE:FREQ=NEVER', 'RRULE:FREQ=DAILY;COUNT=2')), [
      '13T08:00/13T09:00',
      '14T08:00/14T09:00',
    ]);
    assert.deepEqual(
      busy(
        object(
          'u1',
          [...FIRST, 'RRULE:FREQ=DAILY;COUNT=4', 'EXDATE:20270114T080000Z,never', 'RDATE:20270120T080000Z,20271399'],
          [
            ['RECURRENCE-ID:20270115T080000Z', ...at('20270115T140000')],
            ['RECURRENCE-ID:soon', ...at('20270125T140000')],
            ['RECURRENCE-ID:20270116T080000Z', 'DTSTART:someday'],
          ],
        ),
      ),
      ['13T08:00/13T09:00', '15T13:00/15T14:00', '16T08:00/16T09:00', '20T08:00/20T09:00'],
    );
    const many = Array.from({ length: 2_500 }, (_, n) =>
      new Date(Date.UTC(2027, 0, 1) + n * 1_200_000).toISOString().replace(/[-:]|\.000/g, ''),
    );
    assert.equal(busy(event('DTSTART:20270101T000000Z', 'DURATION:PT5M', `RDATE:${many.join(',')}`)).length, 2_232);
  });

  it('is busy from where it was left, if it has too many occurrences', () => {
    assert.deepEqual(busy(event(...FIRST, 'RRULE:FREQ=SECONDLY')), ALL_MONTH);
    assert.deepEqual(busy(event(...FIRST, 'RRULE:FREQ=SECONDLY;UNTIL=20270113T090000Z')), ['13T08:00/13T10:00']);
    assert.deepEqual(busy(event('DTSTART:20200113T080000Z', 'DURATION:PT1S', 'RRULE:FREQ=SECONDLY;COUNT=10000000')), [
      '01T00:00/01T00:00',
    ]);
    const late = busy(event(...FIRST, 'RRULE:FREQ=SECONDLY;UNTIL=20270120T080000Z'));
    assert.deepEqual(late.length, 1);
    assert.match(late[0]!, /^13T08:00\/2[0-3]T/);
    assert.deepEqual(busy(event('DTSTART:20270113T080000Z', 'RRULE:FREQ=SECONDLY')), [], 'it has no length');
    assert.deepEqual(busy(event(...FIRST, 'RRULE:FREQ=SECONDLY', 'TRANSP:TRANSPARENT')), []);
    assert.deepEqual(busy(event(...at('20280113T090000'), 'RRULE:FREQ=SECONDLY')), [], 'it begins after the range');
  });

  it('ends within the steps of one series, and so do rules without occurrences', () => {
    const years = view({ range: { from: Date.UTC(2027, 0, 1), to: Date.UTC(2031, 11, 31) } });
    for (const [rule, spans] of [
      ['FREQ=SECONDLY', 1],
      ['FREQ=SECONDLY;COUNT=10000000', 1],
      ['FREQ=MINUTELY', 1],
      ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 0],
      ['FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=31', 0],
    ] as const) {
      const budget = { steps: STEPS_PER_QUERY };
      const [source] = readBusySources(event(...at('20200113T090000'), `RRULE:${rule}`), { floatingZone: 'UTC' });
      assert.equal(busySpans(source!, years, budget).length, spans, rule);
      assert.ok(STEPS_PER_QUERY - budget.steps <= 200_000, `${rule}: ${STEPS_PER_QUERY - budget.steps}`);
    }
  });

  it('does not use up the steps of other events', () => {
    const budget = { steps: 300_000 };
    const rule = 'RRULE:FREQ=SECONDLY;COUNT=10000000';
    const [source] = readBusySources(event(...at('20200113T090000'), rule), { floatingZone: 'UTC' });
    busySpans(source!, view(), budget);
    assert.ok(budget.steps > 90_000 && budget.steps < 110_000, String(budget.steps));
  });

  it('is not an event without a start', () => {
    assert.deepEqual(busy(event('SUMMARY:without a start')), []);
    assert.deepEqual(busy('<html>no calendar</html>'), []);
  });

  it('may turn from timed to all-day with RANGE=THISANDFUTURE, and back', () => {
    const daily = 'RRULE:FREQ=DAILY;COUNT=3';
    const ranged = 'RECURRENCE-ID;RANGE=THISANDFUTURE';
    assert.deepEqual(
      busy(object('u1', [...FIRST, daily], [[`${ranged};TZID=Europe/Berlin:20270114T090000`, ...at('20270114')]])),
      ['13T08:00/13T09:00', '13T23:00/15T23:00'],
    );
    assert.deepEqual(
      busy(object('u1', [...at('20270113'), daily], [[`${ranged};VALUE=DATE:20270114`, ...at('20270115T090000')]])),
      ['12T23:00/13T23:00', '15T08:00/15T09:00', '16T08:00/16T09:00'],
    );
  });
});

describe('the response to a free-busy-query', () => {
  const answer = (...lines: string[]): string =>
    ['BEGIN:VCALENDAR', 'BEGIN:VFREEBUSY', ...lines, 'END:VFREEBUSY', 'END:VCALENDAR', ''].join('\r\n');
  const times = (text: string): string[] | null =>
    readFreeBusy(text)?.map(
      ({ from, to }) => `${new Date(from).toISOString().slice(11, 16)}-${new Date(to).toISOString().slice(11, 16)}`,
    ) ?? null;

  it('has busy times of several types and forms', () => {
    assert.deepEqual(
      times(
        answer(
          'FREEBUSY;FBTYPE=BUSY:20270113T080000Z/20270113T090000Z,20270113T100000Z/PT30M',
          'FREEBUSY:20270113T11',
          ' 0000Z/20270113T113000Z',
          'FREEBUSY;FBTYPE=FREE:20270113T120000Z/PT1H',
          'FREEBUSY;VALUE=PERIOD;FBTYPE="BUSY-TENTATIVE":20270113T130000Z/PT1H',
          'FREEBUSY;FBTYPE=X-AWAY:20270113T140000Z/PT1H',
          'FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20270113T150000Z/P0DT1H',
        ),
      ),
      ['08:00-09:00', '10:00-10:30', '11:00-11:30', '13:00-14:00', '14:00-15:00', '15:00-16:00'],
    );
    assert.deepEqual(times(answer('DTSTART:20270101T000000Z')), []);
  });

  it('is rejected without a VFREEBUSY, or with invalid times', () => {
    assert.equal(times('<html>hello</html>'), null);
    assert.equal(times(answer('FREEBUSY:soon/later')), null);
    assert.equal(times(answer('FREEBUSY:20270113T080000Z')), null);
  });
});
