/** Reading calendar objects. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Content } from '../../../core/event.ts';
import { EXCLUDED } from '../../../core/event.ts';
import { patchObject, removePart } from '../../../core/ical/object.ts';
import { calendar, entries, MASTER, read, SETTING, timed, vevent } from './objects.ts';

function problems(...lines: string[]): string[] {
  return entries(calendar(...vevent(...lines))).flatMap((entry) =>
    entry.problems.map(({ code }) => `${code}${entry.event ? '' : ' (no event)'}`),
  );
}
describe('when', () => {
  const cases: [string, string[], Content['when']][] = [
    [
      'zoned',
      ['DTSTART;TZID=Europe/Berlin:20260105T090000', 'DTEND;TZID=Europe/Berlin:20260105T100000'],
      timed('2026-01-05T09:00:00', '2026-01-05T10:00:00'),
    ],
    [
      'UTC wins over TZID',
      ['DTSTART;TZID=Europe/Berlin:20260105T090000Z', 'DURATION:PT1H'],
      timed('2026-01-05T09:00:00', '2026-01-05T10:00:00', 'UTC'),
    ],
    ['floating', ['DTSTART:20260105T090000', 'DURATION:P1DT1H'], timed('2026-01-05T09:00:00', '2026-01-06T10:00:00')],
    [
      'a duration of a day across a change of offset',
      ['DTSTART:20260328T120000', 'DURATION:P1D'],
      timed('2026-03-28T12:00:00', '2026-03-29T12:00:00'),
    ],
    [
      'a duration of hours across a change of offset',
      ['DTSTART:20260328T120000', 'DURATION:PT24H'],
      timed('2026-03-28T12:00:00', '2026-03-29T13:00:00'),
    ],
    [
      'an end in the repeated hour',
      ['DTSTART:20261025T023000', 'DURATION:PT1H'],
      {
        allDay: false,
        start: '2026-10-25T02:30:00',
        startZone: 'Europe/Berlin',
        end: '2026-10-25T01:30:00',
        endZone: 'UTC',
      },
    ],
    ['no end', ['DTSTART:20260105T090000'], timed('2026-01-05T09:00:00', '2026-01-05T09:00:00')],
    ['an invalid end', ['DTSTART:20260105T090000', 'DTEND:None'], timed('2026-01-05T09:00:00', '2026-01-05T09:00:00')],
    [
      'end before start',
      ['DTSTART:20260105T090000', 'DTEND:20260105T080000'],
      timed('2026-01-05T09:00:00', '2026-01-05T09:00:00'),
    ],
    [
      'Windows zone',
      ['DTSTART;TZID=W. Europe Standard Time:20260105T090000', 'DURATION:PT1H'],
      timed('2026-01-05T09:00:00', '2026-01-05T10:00:00'),
    ],
    [
      'all-day',
      ['DTSTART;VALUE=DATE:20260105', 'DTEND;VALUE=DATE:20260107'],
      { allDay: true, start: '2026-01-05', end: '2026-01-07' },
    ],
    ['no VALUE=DATE, no end', ['DTSTART:20260105'], { allDay: true, start: '2026-01-05', end: '2026-01-06' }],
    [
      'end on the same day',
      ['DTSTART;VALUE=DATE:20260105', 'DTEND;VALUE=DATE:20260105'],
      { allDay: true, start: '2026-01-05', end: '2026-01-06' },
    ],
    [
      'date with a timed end',
      ['DTSTART;VALUE=DATE:20260105', 'DTEND:20260106T120000'],
      { allDay: true, start: '2026-01-05', end: '2026-01-07' },
    ],
    [
      'weeks',
      ['DTSTART;VALUE=DATE:20260105', 'DURATION:PT1W'],
      { allDay: true, start: '2026-01-05', end: '2026-01-12' },
    ],
    [
      'Outlook',
      ['DTSTART:20260105T000000', 'DTEND:20260107T000000', 'X-MICROSOFT-CDO-ALLDAYEVENT:TRUE'],
      { allDay: true, start: '2026-01-05', end: '2026-01-07' },
    ],
  ];
  for (const [name, lines, when] of cases) test(name, () => assert.deepEqual(read(...lines).when, when));

  test('an unknown zone', () => {
    assert.deepEqual(problems('DTSTART;TZID=Nowhere:20260105T090000'), ['zone-unknown']);
    const vtimezone = [
      'BEGIN:VTIMEZONE',
      'TZID:Odd',
      'BEGIN:STANDARD',
      'DTSTART:19700101T000000',
      'TZOFFSETFROM:+0123',
      'TZOFFSETTO:+0123',
      'END:STANDARD',
      'END:VTIMEZONE',
    ];
    const [entry] = entries(calendar(...vtimezone, ...vevent('DTSTART;TZID=Odd:20260105T090000')));
    assert.deepEqual(
      entry!.event!.when,
      timed('2026-01-05T07:37:00', '2026-01-05T07:37:00', 'UTC'),
      'the instant is right',
    );
    assert.deepEqual(
      entry!.problems.map(({ code }) => code),
      ['zone-unknown'],
    );
  });

  test('a VTIMEZONE with the rules of a known zone under another name', () => {
    const era = (name: string, from: string, to: string, start: string, rule: string): string[] => [
      `BEGIN:${name}`,
      `DTSTART:${start}`,
      `TZOFFSETFROM:${from}`,
      `TZOFFSETTO:${to}`,
      `RRULE:FREQ=YEARLY;${rule}`,
      `END:${name}`,
    ];
    const vtimezone = [
      'BEGIN:VTIMEZONE',
      'TZID:Customized Time Zone',
      ...era('STANDARD', '-0400', '-0500', '16011104T020000', 'BYDAY=1SU;BYMONTH=11'),
      ...era('DAYLIGHT', '-0500', '-0400', '16010311T020000', 'BYDAY=2SU;BYMONTH=3'),
      'END:VTIMEZONE',
    ];
    const [entry] = entries(calendar(...vtimezone, ...vevent('DTSTART;TZID=Customized Time Zone:20260105T090000')));
    assert.deepEqual(entry!.event!.when, timed('2026-01-05T09:00:00', '2026-01-05T09:00:00', 'America/New_York'));
    assert.deepEqual(entry!.problems, []);
  });
});

describe('text and envelope', () => {
  test('escapes, folds, control characters, line ends', () => {
    const event = read(
      'DTSTART:20260105',
      'SUMMARY;LANGUAGE=de:a\\, b\\; c\\\\ d\\ne \\x \u0007',
      'DESCRIPTION:one\r\n  two\r\n\tthree',
      'LOCATION:Caf\u00e9',
    );
    assert.equal(event.title, 'a, b; c\\ d\ne \\x ');
    assert.equal(event.description, 'one twothree');
    assert.equal(event.location, 'Café');
  });

  test('bytes: a fold within a character, a byte order mark, Windows-1252', () => {
    const text = (summary: Buffer): Uint8Array =>
      Buffer.concat([
        Buffer.from('\uFEFFBEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260105\nSUMMARY:'),
        summary,
        Buffer.from('\nEND:VEVENT\nEND:VCALENDAR\n'),
      ]);
    assert.equal(entries(text(Buffer.from([0xc3, 0x0d, 0x0a, 0x20, 0xbc])))[0]!.event!.title, 'ü');
    assert.equal(entries(text(Buffer.from([0xfc, 0x80])))[0]!.event!.title, 'ü€');
  });

  test('lower case, CR only, METHOD, a folded name, a value that continues without a fold', () => {
    const text =
      'begin:vcalendar\rmethod:REQUEST\rbegin:vevent\rUID\r ' +
      ':u\rdtstart:20260105\rsummary:one\rtwo three\rend:vevent\rend:vcalendar\r';
    const [entry] = entries(text);
    assert.equal(entry!.uid, 'u');
    assert.equal(entry!.event!.title, 'one\ntwo three');
  });

  test('text without an event, or too large or broken, is reported and never throws', () => {
    assert.deepEqual(entries(calendar('BEGIN:VTODO', 'UID:t', 'END:VTODO')), []);
    const code = (text: string): string | undefined => entries(text)[0]?.problems[0]?.code;
    assert.equal(code(''), 'unreadable');
    assert.equal(code('<html>'), 'unreadable');
    assert.equal(code(calendar('BEGIN:VEVENT', 'DTSTART:20260105')), 'unreadable', 'truncated');
    assert.equal(code(calendar(...vevent('SUMMARY:no start'))), 'unreadable');
    assert.equal(code(calendar(...vevent('DTSTART:20260105', `DESCRIPTION:${'x'.repeat(1_100_000)}`))), 'too-large');
    assert.equal(
      code(calendar(...vevent('DTSTART:20260105', `ATTACH;ENCODING=BASE64;VALUE=BINARY:${'A'.repeat(1_100_000)}`))),
      undefined,
    );
    assert.equal(code('BEGIN:X\n'.repeat(100)), 'too-large');
    assert.equal(code('BEGIN:X\nEND:X\n'.repeat(5_001)), 'too-large');
    assert.deepEqual(
      problems('DTSTART:20260105', 'RRULE:FREQ=DAILY', `EXDATE:${Array(2_001).fill('20260106').join(',')}`),
      ['too-large (no event)'],
    );
    assert.deepEqual(problems('DTSTART:20260105', 'RRULE:FREQ=DAILY;BYDAY=XX'), ['unreadable (no event)']);
    assert.deepEqual(problems('DTSTART:20261399'), ['unreadable (no event)']);
  });

  test('attendees, without scheduling parameters', () => {
    const event = read(
      'DTSTART:20260105',
      'ORGANIZER;CN="Doe, J":MAILTO:J@Example.com',
      'CLASS:X-SECRET',
      'ATTENDEE;PARTSTAT=ACCEPTED;ROLE=OPT-PARTICIPANT;CUTYPE=ROOM;RSVP=TRUE;SCHEDULE-STATUS=1.1:mailto:b@example.com',
      'ATTENDEE:mailto:A@example.com',
      'ATTENDEE;CN=again:mailto:a@example.com',
    );
    assert.deepEqual(event.organizer, { address: 'j@example.com', name: 'Doe, J' });
    assert.deepEqual(event.attendees, [
      { address: 'a@example.com', name: '', participation: 'needs-action', role: 'required', kind: 'individual' },
      { address: 'b@example.com', name: '', participation: 'accepted', role: 'optional', kind: 'room' },
    ]);
    assert.equal(event.visibility, 'private');
  });

  test('the latest LAST-MODIFIED counts, DTSTAMP does not', () => {
    assert.equal(entries(calendar(...vevent('DTSTART:20260105', 'DTSTAMP:20260101T000000Z')))[0]!.modifiedAt, null);
    assert.equal(
      entries(calendar(...vevent('DTSTART:20260105', 'LAST-MODIFIED:20260101T000000Z')))[0]!.modifiedAt,
      '2026-01-01T00:00:00Z',
    );
  });
});

describe('series', () => {
  test('every form of RECURRENCE-ID and EXDATE names the same occurrence', () => {
    for (const form of ['', ';TZID=Europe/Berlin', ';TZID=America/New_York', 'Z', 'DATE']) {
      const value =
        form === 'Z'
          ? ':20260107T080000Z'
          : form === 'DATE'
            ? ';VALUE=DATE:20260107'
            : form.includes('New_York')
              ? `${form}:20260107T030000`
              : `${form}:20260107T090000`;
      assert.deepEqual(read(...MASTER, `EXDATE${value}`).exceptions, { '20260107T080000Z': EXCLUDED }, value);
      const override = vevent(`RECURRENCE-ID${value}`, 'DTSTART:20260107T120000', 'SUMMARY:later');
      const { exceptions } = entries(calendar(...override, ...vevent(...MASTER)))[0]!.event!;
      assert.deepEqual(Object.keys(exceptions), ['20260107T080000Z']);
      const content = exceptions['20260107T080000Z'] as Content;
      assert.deepEqual(content.when, timed('2026-01-07T12:00:00', '2026-01-07T13:00:00'), 'the duration of the series');
    }
    assert.deepEqual(
      read('DTSTART;VALUE=DATE:20260105', 'RRULE:FREQ=DAILY', 'EXDATE:20260106T000000Z,20260107').exceptions,
      { '20260106': EXCLUDED, '20260107': EXCLUDED },
    );
  });

  test('EXDATE and a cancelled override exclude an occurrence; EXDATE wins over an override', () => {
    const override = (...lines: string[]): string[] =>
      vevent('RECURRENCE-ID:20260107T080000Z', 'DTSTART:20260107T120000', ...lines);
    for (const text of [
      calendar(...vevent(...MASTER), ...override('STATUS:CANCELLED')),
      calendar(...vevent(...MASTER, 'EXDATE:20260107T080000Z'), ...override()),
    ]) {
      assert.deepEqual(entries(text)[0]!.event!.exceptions, { '20260107T080000Z': EXCLUDED });
    }
  });

  test('UNTIL of an all-day series, written as the user’s midnight in UTC', () => {
    const rules = (...lines: string[]): unknown =>
      read(...lines, 'RRULE:FREQ=DAILY;UNTIL=20260709T220000Z').recurrence?.rules;
    assert.deepEqual(rules('DTSTART;VALUE=DATE:20260105'), ['RRULE:FREQ=DAILY;UNTIL=20260710']);
    const outlook = [
      'DTSTART;TZID=Europe/Rome:20260105T000000',
      'DTEND;TZID=Europe/Rome:20260106T000000',
      'X-MICROSOFT-CDO-ALLDAYEVENT:TRUE',
    ];
    assert.deepEqual(rules(...outlook), ['RRULE:FREQ=DAILY;UNTIL=20260710']);
  });

  test('dates and periods', () => {
    const event = read(
      'DTSTART:20260105T080000Z',
      'RDATE;VALUE=PERIOD:20260106T080000Z/PT90M,20260107T080000Z/20260107T100000Z',
      'RDATE;TZID=Europe/Berlin:20260108T090000',
    );
    assert.deepEqual(event.recurrence, {
      rules: [],
      dates: ['20260106T080000Z/PT1H30M', '20260107T080000Z/PT2H', '20260108T080000Z'],
    });
  });

  test('a period without a positive length is a date', () => {
    const zero = '20260106T080000Z/PT0S,20260107T080000Z/20260107T080000Z,20260108T080000Z/20260108T070000Z';
    const { recurrence } = read('DTSTART:20260105T080000Z', `RDATE;VALUE=PERIOD:${zero},20260109T080000Z/-PT1H`);
    assert.deepEqual(recurrence?.dates, [
      '20260106T080000Z',
      '20260107T080000Z',
      '20260108T080000Z',
      '20260109T080000Z',
    ]);
  });

  test('an override with RANGE=THISANDFUTURE is not supported', () => {
    const [entry] = entries(
      calendar(
        ...vevent(...MASTER),
        ...vevent('RECURRENCE-ID;RANGE=THISANDFUTURE:20260107T080000Z', 'DTSTART:20260107T120000'),
      ),
    );
    assert.equal(entry!.event, null);
    assert.equal(entry!.problems[0]!.code, 'unreadable');
  });

  test('several events in one object, overrides without a master, two masters with one UID', () => {
    const text = calendar(...vevent('DTSTART:20260105'), 'BEGIN:VEVENT', 'UID:v', 'DTSTART:20260106', 'END:VEVENT');
    assert.deepEqual(
      entries(text).map(({ part, uid }) => [part, uid]),
      [
        ['u', 'u'],
        ['v', 'v'],
      ],
    );
    const orphan = calendar(...vevent('RECURRENCE-ID:20260107T080000Z', 'DTSTART:20260107T120000', 'SUMMARY:x'));
    const [entry] = entries(orphan);
    assert.equal(entry!.part, 'u/20260107T080000Z');
    assert.equal(entry!.event!.recurrence, null);
    const patched = patchObject(orphan, entry!.part, { ...entry!.event!, title: 'y' }, SETTING);
    assert.ok(patched.includes('RECURRENCE-ID:20260107T080000Z\r\n') && patched.includes('SUMMARY:y'));
    const twice = entries(
      calendar(
        ...vevent('DTSTART:20260105', 'SUMMARY:old'),
        ...vevent('SEQUENCE:2', 'DTSTART:20260105', 'SUMMARY:new'),
      ),
    );
    assert.deepEqual(
      twice.map(({ part, event }) => [part, event?.title]),
      [
        ['u', 'new'],
        ['u#2', undefined],
      ],
    );
    assert.equal(removePart(text, 'u')!.includes('UID:v'), true);
    assert.equal(removePart(removePart(text, 'u')!, null), null);
    assert.notEqual(
      removePart(calendar('BEGIN:VTODO', 'END:VTODO', ...vevent('DTSTART:20260105')), null),
      null,
      'the task stays',
    );
  });
});
