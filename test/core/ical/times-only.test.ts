import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { busySpans } from '../../../core/availability/busy-time.ts';
import { readBusySources } from '../../../core/ical/free-busy.ts';
import { TooLarge } from '../../../core/ical/text.ts';
import { timesOnly } from '../../../core/ical/times-only.ts';

const OWN = ['anna@example.com'];
const VIEW = {
  range: { from: Date.UTC(2027, 0, 1), to: Date.UTC(2028, 0, 1) },
  zone: 'Europe/Berlin',
  own: new Set(OWN),
  unanswered: 'busy',
} as const;
const VEVENT = (uid: string, ...lines: string[]) => ['BEGIN:VEVENT', `UID:${uid}`, ...lines, 'END:VEVENT'];
const START = 'DTSTART;TZID=Own/Zone:20270601T090000';
const MONTHS = Array.from({ length: 12 }, (_, at) => String(at + 1).padStart(2, '0'));
const LONG = `DESCRIPTION:${'x'.repeat(1_200_000)}`;
const ZONE = [
  ...['BEGIN:VTIMEZONE', 'TZID:Own/Zone', 'BEGIN:STANDARD', 'DTSTART:19700101T000000', 'TZOFFSETFROM:-0500'],
  ...['TZOFFSETTO:-0500', 'END:STANDARD', 'END:VTIMEZONE'],
];

function object(...lines: string[]): string {
  return ['BEGIN:VCALENDAR', ...ZONE, ...lines, 'END:VCALENDAR', ''].join('\r\n');
}

/** How many hours of the year are busy, and the first of them. */
function busy(texts: readonly string[]): [hours: number, first: string] {
  const spans = texts.flatMap((text) =>
    readBusySources(text, { floatingZone: 'UTC' }).flatMap((source) => busySpans(source, VIEW, { steps: 1_000_000 })),
  );
  const first = spans.map(({ from }) => from).sort((a, b) => a - b)[0];
  const hours = spans.reduce((sum, { from, to }) => sum + (to - from) / 3_600_000, 0);
  return [hours, first === undefined ? '' : new Date(first).toISOString().slice(0, 16)];
}

describe('FA11: the times of an object that is too large to be read', () => {
  const cases: Readonly<Record<string, readonly [lines: string[], hours: number]>> = {
    'a long text': [VEVENT('a', LONG, START, 'DURATION:PT1H'), 1],
    'a series with exceptions': [
      [
        ...VEVENT(
          'a',
          LONG,
          START,
          'DURATION:PT1H',
          'RRULE:FREQ=DAILY;COUNT=9',
          'EXDATE;TZID=Own/Zone:20270602T090000',
        ),
        ...VEVENT('a', 'RECURRENCE-ID;TZID=Own/Zone:20270603T090000', START, 'DURATION:PT3H'),
        ...VEVENT('a', 'RECURRENCE-ID;TZID=Own/Zone:20270604T090000', START, 'STATUS:CANCELLED'),
      ],
      9,
    ],
    'an event that is free': [VEVENT('a', START, 'DURATION:PT1H', 'TRANSP:TRANSPARENT', LONG), 0],
    'what the person declined': [
      VEVENT('a', START, LONG, 'DURATION:PT1H', 'ATTENDEE;CN="A;B";PARTSTAT=DECLINED:mailto:Anna@example.com'),
      0,
    ],
    'thousands of guests': [
      VEVENT('a', START, 'DURATION:PT1H', ...Array(60_000).fill('ATTENDEE:mailto:someone@example.org')),
      1,
    ],
    'hundreds of parameters': [
      VEVENT('a', `DTSTART${';A=B'.repeat(300)};TZID=Own/Zone:20270601T090000`, 'DURATION:PT1H'),
      1,
    ],
    'alarms with times of their own': [
      VEVENT('a', START, 'DURATION:PT1H', ...Array(6_000).fill('BEGIN:VALARM\r\nDURATION:PT9H\r\nEND:VALARM')),
      1,
    ],
    'thousands of events': [
      Array.from({ length: 6_000 }, (_, at) => VEVENT(`u${at}`, START, 'DURATION:PT1H')).flat(),
      6_000,
    ],
    'one line of many dates': [
      VEVENT(
        'a',
        ...['DTSTART:20270601T090000Z', 'DURATION:PT1H', LONG],
        `RDATE:${MONTHS.flatMap((month) => Array<string>(400).fill(`2027${month}02T100000Z`)).join()}`,
      ),
      13,
    ],
  };
  for (const [name, [lines, hours]] of Object.entries(cases)) {
    it(name, () => {
      const text = object(...lines);
      assert.throws(() => readBusySources(text, { floatingZone: 'UTC' }), TooLarge, 'the case is not too large');
      const parts = timesOnly(text, OWN);
      assert.ok(parts && parts.every((part) => part.length < 60_000));
      const [found, first] = busy(parts);
      if (name === 'one line of many dates') assert.ok(found >= hours && first === '2027-01-02T10:00');
      else assert.deepEqual([found, first], [hours, hours === 0 ? '' : '2027-06-01T14:00']);
    });
  }

  it('stay unknown where there are too many of them', () => {
    const events = Array.from({ length: 60_000 }, () => VEVENT('a', START).join('\r\n')).join('\r\n');
    assert.equal(timesOnly(object(events), OWN), null);
    assert.equal(
      timesOnly(object(...VEVENT('a', START, `RRULE:FREQ=DAILY;BYDAY=${'MO,'.repeat(9_000)}TU`)), OWN),
      null,
    );
  });
});
