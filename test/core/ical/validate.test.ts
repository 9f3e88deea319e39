/** The strict check of calendar objects: a valid object, and one change for each rule that it breaks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newViolations, validateObject } from '../../../core/ical/validate.ts';
import { vtimezoneLines } from '../../../core/ical/vtimezone.ts';

const BERLIN = vtimezoneLines('Europe/Berlin', 'Europe/Berlin', Date.parse('2026-01-01'), Infinity);
const VALID = object([
  'UID:1',
  'DTSTAMP:20260101T000000Z',
  'DTSTART;TZID=Europe/Berlin:20260602T100000',
  'DTEND;TZID=Europe/Berlin:20260602T110000',
  'RRULE:FREQ=WEEKLY;UNTIL=20270101T000000Z',
  'EXDATE;TZID=Europe/Berlin:20260609T100000',
  'SUMMARY:Tea\\, with milk',
]);
const ALL_DAY = object([
  'UID:1',
  'DTSTAMP:20260101T000000Z',
  'DTSTART;VALUE=DATE:20260604',
  'DTEND;VALUE=DATE:20260605',
]);
const EXCEPTION = [
  'END:VEVENT',
  'BEGIN:VEVENT',
  'UID:1',
  'DTSTAMP:20260101T000000Z',
  'RECURRENCE-ID;TZID=Europe/Berlin:20260616T100000',
  'DTSTART;TZID=Europe/Berlin:20260616T120000',
];

/** What is replaced, by what, and the rules that the result breaks. */
const CASES: readonly [name: string, from: string, to: string, rules: readonly string[]][] = [
  ['a bare line feed', 'UID:1\r\n', 'UID:1\n', ['line-end-not-crlf']],
  ['a line of 76 octets', 'UID:1\r\n', `UID:${'ä'.repeat(36)}\r\n`, ['line-too-long']],
  ['a control character', 'SUMMARY:', 'SUMMARY:\u0008', ['control-character']],
  ['half a surrogate pair', 'SUMMARY:', 'SUMMARY:\ud800', ['not-utf-8']],
  ['a line without a colon', 'UID:1\r\n', 'UID:1\r\nX\r\n', ['not-a-content-line']],
  ['a component that does not end', 'END:VEVENT\r\n', '', ['end-without-begin', 'component-not-ended']],
  ['a missing UID', 'UID:1\r\n', '', ['property-missing']],
  ['two summaries', 'SUMMARY:', 'SUMMARY:a\r\nSUMMARY:', ['property-twice']],
  ['an end before the start', '20260602T110000', '20260602T090000', ['end-not-after-start']],
  [
    'an end of another type',
    'DTEND;TZID=Europe/Berlin:20260602T110000',
    'DTEND;VALUE=DATE:20260603',
    ['end-of-another-type'],
  ],
  ['an end and a duration', 'SUMMARY:', 'DURATION:PT1H\r\nSUMMARY:', ['end-and-duration']],
  ['a day that does not exist', '20260602T110000', '20260631T110000', ['invalid-value']],
  ['UNTIL without a zone', 'UNTIL=20270101T000000Z', 'UNTIL=20270101', ['invalid-value']],
  ['COUNT with UNTIL', 'FREQ=WEEKLY', 'FREQ=WEEKLY;COUNT=3', ['invalid-value']],
  ['a month day of a weekly rule', 'FREQ=WEEKLY', 'FREQ=WEEKLY;BYMONTHDAY=2', ['invalid-value']],
  ['an unescaped comma', 'Tea\\, with', 'Tea, with', ['invalid-value']],
  [
    'an EXDATE of another type',
    'EXDATE;TZID=Europe/Berlin:20260609T100000',
    'EXDATE;VALUE=DATE:20260609',
    ['date-of-another-type'],
  ],
  ['a METHOD', 'VERSION:2.0', 'VERSION:2.0\r\nMETHOD:REQUEST', ['method-not-allowed']],
  ['a zone without its VTIMEZONE', 'TZID:Europe/Berlin', 'TZID:Europe/Paris', ['zone-without-vtimezone']],
  ['a VTIMEZONE of another hour', 'TZOFFSETTO:+0200', 'TZOFFSETTO:+0300', ['vtimezone-of-other-instants']],
  ['an exception of no occurrence', 'END:VEVENT', withException('20260617T100000'), ['recurrence-id-not-in-set']],
  [
    'an exception of another type',
    'END:VEVENT',
    withException('20260616', ';VALUE=DATE'),
    ['recurrence-id-of-another-type'],
  ],
];

describe('a calendar object', () => {
  it('is valid, timed, all-day and with an exception', () => {
    assert.deepEqual(validateObject(VALID), []);
    assert.deepEqual(validateObject(ALL_DAY), []);
    assert.deepEqual(validateObject(VALID.replace('END:VEVENT', withException('20260616T100000'))), []);
  });

  for (const [name, from, to, rules] of CASES) {
    it(`is invalid with ${name}`, () => {
      assert.ok(VALID.includes(from));
      const found = new Set(validateObject(VALID.replace(from, () => to)).map(({ rule }) => rule));
      for (const rule of rules) assert.ok(found.has(rule), `${[...found].join(', ')} instead of ${rule}`);
    });
  }

  it('is invalid with an all-day event that ends before it starts (FA1)', () => {
    const [violation] = validateObject(ALL_DAY.replace('DATE:20260604', 'DATE:20260611'));
    assert.deepEqual(violation, { rule: 'end-not-after-start', component: 'VEVENT', property: 'DTEND' });
  });

  it('is compared with the one that it replaces: only new violations count', () => {
    const before = VALID.replace('Tea\\, with', 'Tea, with');
    assert.deepEqual(newViolations(before, before), []);
    assert.equal(newViolations(before, VALID).length, 1);
    assert.equal(newViolations(before, null).length, 1);
  });

  it('may hold a broken line of its series again, but no broken time', () => {
    const brokenLine = VALID.replace('SUMMARY:', 'GEO:here\r\nSUMMARY:');
    const again = brokenLine.replace('END:VEVENT', [...EXCEPTION, 'GEO:here', 'END:VEVENT'].join('\r\n'));
    assert.deepEqual(newViolations(again, brokenLine), []);
    const brokenEnd = VALID.replace('20260602T110000', '20260602T090000');
    const exception = [...EXCEPTION, 'DTEND;TZID=Europe/Berlin:20260616T110000', 'END:VEVENT'];
    assert.deepEqual(
      newViolations(brokenEnd.replace('END:VEVENT', exception.join('\r\n')), brokenEnd).map(({ rule }) => rule),
      ['end-not-after-start'],
    );
  });

  it('may use the calendars of RFC 7529, and people named by paths', () => {
    for (const lines of [
      'RRULE:RSCALE=CHINESE;FREQ=YEARLY',
      'RRULE:RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L;BYMONTHDAY=8;SKIP=FORWARD',
      'ATTENDEE;CN=x:/aNzk/principal/',
    ])
      assert.deepEqual(validateObject(ALL_DAY.replace('DTSTART', `${lines}\r\nDTSTART`)), [], lines);
    for (const rule of ['FREQ=YEARLY;BYMONTH=5L', 'RSCALE=;FREQ=YEARLY', 'RSCALE=CHINESE;FREQ=YEARLY;SKIP=LATER'])
      assert.ok(validateObject(ALL_DAY.replace('DTSTART', `RRULE:${rule}\r\nDTSTART`)).length > 0, rule);
  });

  it('never throws, whatever the text', () => {
    for (const text of ['', 'BEGIN:VCALENDAR', '\r\n\r\n', ':', 'A;B="', 'BEGIN:VEVENT\r\n'.repeat(1_000)])
      assert.ok(validateObject(text).length > 0);
  });
});

function object(lines: readonly string[]): string {
  const isZoned = lines.some((line) => line.includes('TZID='));
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Example//EN',
    ...(isZoned ? BERLIN : []),
    'BEGIN:VEVENT',
    ...lines,
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');
}

function withException(id: string, parameter = ';TZID=Europe/Berlin'): string {
  return [...EXCEPTION, 'END:VEVENT']
    .map((line) => (line.startsWith('RECURRENCE-ID') ? `RECURRENCE-ID${parameter}:${id}` : line))
    .join('\r\n');
}
