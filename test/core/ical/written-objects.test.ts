/**
 * What is written, judged by others than our own reader: the strict check, and ical.js with the object's own
 * VTIMEZONEs.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import ICAL from 'ical.js';
import type { CalendarEvent, When } from '../../../core/event.ts';
import { EXCLUDED } from '../../../core/event.ts';
import { createObject, patchObject, readObject } from '../../../core/ical/object.ts';
import { newViolations, validateObject } from '../../../core/ical/validate.ts';
import { instantOf, localOf } from '../../../core/zones.ts';
import { randomEvent, randomWhen } from './random-objects.ts';

const NOW = '2026-11-21T10:00:00Z';
const CREATE = { now: NOW, scheduleAgentNone: false };
const SETTING = { now: NOW, floatingZone: 'Europe/Berlin' };
const HOUR = 3_600_000;

function read(text: string): CalendarEvent {
  const { event, problems } = readObject(text, SETTING).events[0]!;
  assert.ok(event, JSON.stringify(problems) + text);
  return event;
}

function patch(text: string, change: (event: CalendarEvent) => Partial<CalendarEvent>): string {
  const event = read(text);
  const patched = patchObject(text, null, { ...event, ...change(event) }, SETTING);
  assert.deepEqual(newViolations(patched, text), [], patched);
  return patched;
}

function object(...lines: string[]): string {
  const event = ['BEGIN:VEVENT', 'UID:u', 'DTSTAMP:20260101T000000Z', ...lines, 'END:VEVENT'];
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//test//EN', ...event, 'END:VCALENDAR', ''].join('\r\n');
}

function lines(text: string): string[] {
  return text.replaceAll('\r\n ', '').split('\r\n');
}

function timed(start: string, end: string, startZone = 'UTC', endZone = startZone): When {
  return { allDay: false, start, startZone, end, endZone };
}

/** The VEVENTs of an object as ical.js reads them, with the VTIMEZONEs of the object and nothing else. */
function icalEvents(text: string): ICAL.Event[] {
  const calendar = new ICAL.Component(ICAL.parse(text));
  ICAL.TimezoneService.reset();
  for (const vtimezone of calendar.getAllSubcomponents('vtimezone'))
    ICAL.TimezoneService.register(new ICAL.Timezone(vtimezone));
  return calendar.getAllSubcomponents('vevent').map((vevent) => new ICAL.Event(vevent));
}

/** Start and end of the first VEVENT by ical.js: dates, or instants. */
function icalSpan(text: string): [string | number, string | number] {
  const [event] = icalEvents(text);
  const of = (time: ICAL.Time): string | number => (time.isDate ? time.toString() : time.toJSDate().getTime());
  return [of(event!.startDate), of(event!.endDate)];
}

/** Wall-clock times that a zone has twice: programs disagree about which one is meant. */
function isAmbiguous(when: When): boolean {
  const isTwice = (local: string, zone: string): boolean =>
    [HOUR / 2, HOUR].some((ms) => localOf(instantOf(local, zone) + ms, zone) === local);
  return !when.allDay && (isTwice(when.start, when.startZone) || isTwice(when.end, when.endZone));
}

function spanOf(when: When): [string | number, string | number] {
  return when.allDay
    ? [when.start, when.end]
    : [instantOf(when.start, when.startZone), instantOf(when.end, when.endZone)];
}

describe('FA1: a written start and end are right for everybody', () => {
  test('FA1: random events that change are strictly valid, and mean the same to ical.js', () => {
    fc.assert(
      fc.property(randomWhen, randomWhen, randomWhen, (first, second, third) => {
        fc.pre(![first, second, third].some(isAmbiguous));
        const event = { ...read(object('DTSTART:20260105T090000Z')), when: first };
        let text = createObject(event, 'u', CREATE);
        assert.deepEqual(validateObject(text), [], text);
        assert.deepEqual(icalSpan(text), spanOf(first), text);
        for (const when of [second, third]) {
          text = patch(text, () => ({ when }));
          assert.deepEqual(validateObject(text), [], text);
          assert.deepEqual(icalSpan(text), spanOf(when), text);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('FA1: random series with exceptions are strictly valid when created and after every change', () => {
    fc.assert(
      fc.property(randomEvent, randomEvent, (first, next) => {
        const text = createObject(first, 'u', CREATE);
        const isValid = (one: string) => validateObject(one).filter(({ rule }) => rule !== 'recurrence-id-not-in-set');
        assert.deepEqual(isValid(text), [], text);
        const patched = patchObject(text, null, next, SETTING);
        assert.deepEqual(isValid(patched), [], patched);
      }),
      { numRuns: 300 },
    );
  });

  const ALL_DAY: Record<string, string[]> = {
    'a date and an end': ['DTSTART;VALUE=DATE:20270604', 'DTEND;VALUE=DATE:20270605'],
    'a date alone': ['DTSTART;VALUE=DATE:20270604'],
    'a date and days': ['DTSTART;VALUE=DATE:20270604', 'DURATION:P1D'],
    'a date and hours': ['DTSTART;VALUE=DATE:20270604', 'DURATION:PT24H'],
    'an end before the start': ['DTSTART;VALUE=DATE:20270604', 'DTEND;VALUE=DATE:20270601'],
    'an end on the start': ['DTSTART;VALUE=DATE:20270604', 'DTEND;VALUE=DATE:20270604'],
    'an end that is a time': ['DTSTART;VALUE=DATE:20270604', 'DTEND:20270605T000000Z'],
    'a missing VALUE=DATE': ['DTSTART:20270604', 'DTEND:20270605'],
    'the flag of Outlook': ['DTSTART:20270604T000000', 'DTEND:20270605T000000', 'X-MICROSOFT-CDO-ALLDAYEVENT:TRUE'],
    'the flag of Outlook, in UTC': [
      'DTSTART:20270604T000000Z',
      'DTEND:20270605T000000Z',
      'X-MICROSOFT-CDO-ALLDAYEVENT:TRUE',
    ],
  };
  for (const [name, form] of Object.entries(ALL_DAY)) {
    test(`FA1: an all-day event with ${name}`, () => {
      const moves: When[] = [
        { allDay: true, start: '2027-06-11', end: '2027-06-12' },
        { allDay: true, start: '2027-06-01', end: '2027-06-04' },
        timed('2027-06-04T00:00:00', '2027-06-05T00:00:00'),
        timed('2027-06-04T09:00:00', '2027-06-04T09:30:00', 'America/New_York'),
      ];
      for (const when of moves) {
        const text = patch(object(...form), () => ({ when }));
        assert.deepEqual(validateObject(text), [], text);
        assert.deepEqual(read(text).when, when);
        const flagged = text.includes('ALLDAYEVENT:TRUE');
        if (!flagged) assert.deepEqual(icalSpan(text), spanOf(when), text);
        assert.ok(when.allDay || !flagged);
      }
    });

    test(`FA1: an all-day series with ${name} and an override`, () => {
      const isTimed = /\d{8}T/.test(form[0]!);
      const [type, at] = isTimed ? ['', form[0]!.slice(form[0]!.indexOf('T0'))] : [';VALUE=DATE', ''];
      const series = object(...form, 'RRULE:FREQ=DAILY;COUNT=5', `EXDATE${type}:20270605${at}`);
      const changed = patch(series, (event) => ({
        exceptions: {
          ...event.exceptions,
          '20270606': { ...contentOf(event), when: { allDay: true, start: '2027-06-20', end: '2027-06-22' } },
        },
      }));
      assert.deepEqual(read(changed).exceptions['20270605'], EXCLUDED);
      const again = patch(changed, (event) => ({
        exceptions: {
          ...event.exceptions,
          '20270606': { ...contentOf(event), when: { allDay: true, start: '2027-06-21', end: '2027-06-22' } },
        },
      }));
      const override = read(again).exceptions['20270606'];
      assert.deepEqual(override !== EXCLUDED && override?.when, {
        allDay: true,
        start: '2027-06-21',
        end: '2027-06-22',
      });
    });
  }

  test('FA1: an event without a length stays without one, also as an exception', () => {
    const text = patch(object('DTSTART:20270503T090000Z', 'DTEND:20270503T100000Z'), () => ({
      when: timed('2027-05-03T12:00:00', '2027-05-03T12:00:00'),
    }));
    assert.deepEqual(validateObject(text), []);
    assert.equal(icalSpan(text)[0], icalSpan(text)[1]);
    const series = object('DTSTART:20270503T090000Z', 'DTEND:20270503T100000Z', 'RRULE:FREQ=DAILY;COUNT=3');
    const when = timed('2027-05-04T12:00:00', '2027-05-04T12:00:00');
    const changed = patch(series, (event) => ({ exceptions: { '20270504T090000Z': { ...contentOf(event), when } } }));
    assert.deepEqual(validateObject(changed), []);
    const override = read(changed).exceptions['20270504T090000Z'];
    assert.deepEqual(override !== EXCLUDED && override?.when, when);
  });

  test('FA1: a series that changes between floating, zoned, UTC and all-day keeps its exceptions and its UNTIL', () => {
    const starts = {
      floating: ['DTSTART:20270503T090000', 'DTEND:20270503T100000', 'UNTIL=20270520T090000', ':20270505T090000'],
      utc: ['DTSTART:20270503T070000Z', 'DTEND:20270503T080000Z', 'UNTIL=20270520T070000Z', ':20270505T070000Z'],
      date: ['DTSTART;VALUE=DATE:20270503', 'DTEND;VALUE=DATE:20270504', 'UNTIL=20270520', ';VALUE=DATE:20270505'],
    };
    for (const [name, [start, end, until, date]] of Object.entries(starts)) {
      const text = object(
        start!,
        end!,
        `RRULE:FREQ=DAILY;${until}`,
        `EXDATE${date}`,
        `RDATE${date!.replace('05T', '25T')}`,
      );
      for (const when of [
        { allDay: true, start: '2027-05-03', end: '2027-05-05' } as const,
        timed('2027-05-03T09:00:00', '2027-05-03T11:00:00', 'America/New_York'),
        timed('2027-05-03T09:00:00', '2027-05-03T11:00:00', 'Europe/Berlin'),
        timed('2027-05-03T09:00:00', '2027-05-03T11:00:00', 'UTC'),
      ]) {
        const id = when.allDay
          ? '20270505'
          : `20270505T${localOf(spanOf(when)[0] as number, 'UTC')
              .slice(11)
              .replaceAll(':', '')}Z`;
        const rule = when.allDay ? 'RRULE:FREQ=DAILY;UNTIL=20270520' : `RRULE:FREQ=DAILY;UNTIL=20270520${id.slice(8)}`;
        const patched = patch(text, () => ({
          when,
          recurrence: { rules: [rule], dates: [] },
          exceptions: { [id]: EXCLUDED },
        }));
        assert.deepEqual(validateObject(patched), [], `${name} ${patched}`);
        const event = read(patched);
        assert.deepEqual(event.when, when);
        assert.deepEqual(event.recurrence, { rules: [rule], dates: [] });
        assert.deepEqual(event.exceptions, { [id]: EXCLUDED });
      }
    }
  });
});

function contentOf(event: CalendarEvent) {
  const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = event;
  return content;
}

describe('FA3: a new exception takes over what its series has', () => {
  const CARRIED = [
    'CATEGORIES:WORK,TEAM',
    'URL:https://example.org/agenda',
    'COLOR:turquoise',
    'CONFERENCE;VALUE=URI;FEATURE=VIDEO:https://meet.example.org/abc',
    'ATTACH:https://example.org/file.pdf',
    'X-GOOGLE-CONFERENCE:https://meet.example.org/abc',
    'PRIORITY:3',
    'CONTACT:Jim',
    'IMAGE;VALUE=URI;DISPLAY=BADGE:https://example.org/i.png',
  ];
  const LEFT = ['X-MOZ-LASTACK:20260101T000000Z', 'X-MOZ-SNOOZE-TIME:20260101T000000Z', 'EXDATE:20270504T090000Z'];
  const ALARM = ['BEGIN:VALARM', 'ACTION:DISPLAY', 'DESCRIPTION:Reminder', 'TRIGGER:-PT15M', 'END:VALARM'];
  const SEEN = [
    'BEGIN:VALARM',
    'ACTION:DISPLAY',
    'DESCRIPTION:Seen',
    'TRIGGER:-PT5M',
    'ACKNOWLEDGED:20260101T000000Z',
    'END:VALARM',
  ];
  const ABSOLUTE = [
    'BEGIN:VALARM',
    'ACTION:DISPLAY',
    'DESCRIPTION:Fixed',
    'TRIGGER;VALUE=DATE-TIME:20270503T080000Z',
    'END:VALARM',
  ];
  /** RFC 9073. */
  const PARTS = [
    ['BEGIN:VLOCATION', 'UID:room-1', 'NAME:Room 1', 'END:VLOCATION'],
    ['BEGIN:PARTICIPANT', 'UID:speaker-1', 'PARTICIPANT-TYPE:SPEAKER', 'END:PARTICIPANT'],
    ['BEGIN:VRESOURCE', 'UID:beamer-1', 'NAME:Beamer', 'END:VRESOURCE'],
  ].flat();
  const UNIQUE = ['BEGIN:VALARM', 'UID:alarm-1', 'ACTION:AUDIO', 'TRIGGER:-PT1M', 'END:VALARM'];

  test('FA3: alarms, categories, links, colours, attachments and components, but nothing that was acknowledged', () => {
    const series = object(
      'DTSTART:20270503T090000Z',
      'DTEND:20270503T100000Z',
      'RRULE:FREQ=WEEKLY;COUNT=6',
      'SUMMARY:Standup',
      ...CARRIED,
      ...LEFT,
      ...ALARM,
      ...SEEN,
      ...ABSOLUTE,
      ...UNIQUE,
      ...PARTS,
    );
    const when = timed('2027-05-11T09:00:00', '2027-05-11T10:00:00');
    const text = patch(series, (event) => ({
      exceptions: { ...event.exceptions, '20270510T090000Z': { ...contentOf(event), when } },
    }));
    const override = lines(text).slice(lines(text).lastIndexOf('BEGIN:VEVENT'));
    for (const line of [...CARRIED, ...PARTS]) assert.ok(override.includes(line), line);
    for (const line of LEFT) assert.ok(!override.includes(line), line);
    const alarms = override.filter((line) => line.startsWith('TRIGGER'));
    assert.deepEqual(alarms, ['TRIGGER:-PT15M', 'TRIGGER:-PT1M']);
    assert.ok(!override.includes('UID:alarm-1'));
    assert.deepEqual(
      override.filter((line) => /^(RRULE|RDATE|EXDATE)/.test(line)),
      [],
    );
    assert.equal(lines(text).filter((line) => line === 'X-MOZ-LASTACK:20260101T000000Z').length, 1);
  });
});

describe('FA7: a written VTIMEZONE gives the right instants of every occurrence, past ones too', () => {
  const ZONES = [
    'America/New_York',
    'America/Sao_Paulo',
    'Europe/Moscow',
    'Europe/Istanbul',
    'Asia/Pyongyang',
    'Asia/Tehran',
    'Africa/Cairo',
    'Africa/Casablanca',
    'Pacific/Apia',
    'America/Vancouver',
    'America/Edmonton',
    'Asia/Amman',
    'America/Caracas',
    'Asia/Almaty',
    'Australia/Lord_Howe',
    'America/Mexico_City',
    'Asia/Gaza',
    'Europe/London',
  ];

  test('FA5, FA7: single events of 1990 to 2045', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.integer({ min: Date.UTC(1990, 0, 1) / HOUR, max: Date.UTC(2045, 0, 1) / HOUR }),
        fc.integer({ min: 1, max: 60 }),
        (zone, hour, length) => {
          const [start, end] = [hour * HOUR, (hour + length) * HOUR].map((ms) => localOf(ms, zone)) as [string, string];
          const when = timed(start, end, zone);
          fc.pre(instantOf(start, zone) === hour * HOUR && instantOf(end, zone) === (hour + length) * HOUR);
          const text = createObject({ ...read(object('DTSTART:20260105T090000Z')), when }, 'u', CREATE);
          assert.deepEqual(icalSpan(text), spanOf(when), text);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('FA7: weekly series across changes of law, and a stored VTIMEZONE without the old law', () => {
    for (const zone of ZONES) {
      for (const year of [1996, 2006, 2014, 2026]) {
        const when = timed(`${year}-02-03T09:00:00`, `${year}-02-03T10:00:00`, zone);
        const event = {
          ...read(object('DTSTART:20260105T090000Z')),
          when,
          recurrence: { rules: ['RRULE:FREQ=WEEKLY'], dates: [] },
        };
        const created = createObject(event, 'u', CREATE);
        // Moved there from a year whose law the VTIMEZONE has.
        const today = createObject(
          { ...event, when: timed('2026-06-02T09:00:00', '2026-06-02T10:00:00', zone), recurrence: null },
          'u',
          CREATE,
        );
        const moved = patchObject(today, null, event, SETTING);
        for (const text of [created, moved]) {
          const iterator = icalEvents(text)[0]!.iterator();
          for (let count = 0; count < 1_000; count++) {
            const next: ICAL.Time = iterator.next();
            const local = next.toString().slice(0, 19);
            // Samoa had no 30 December 2011.
            if (localOf(instantOf(local, zone), zone) !== local) continue;
            assert.equal(next.toJSDate().getTime(), instantOf(local, zone), `${zone} ${local}`);
          }
        }
      }
    }
  });
});

describe('zones of objects', () => {
  const observance = (name: string, ...properties: string[]): string[] => [
    `BEGIN:${name}`,
    ...properties,
    `END:${name}`,
  ];
  const withZone = (tzid: string, start: string, observances: string[][]): string =>
    [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//test//EN',
      ...(observances.length > 0 ? ['BEGIN:VTIMEZONE', `TZID:${tzid}`, ...observances.flat(), 'END:VTIMEZONE'] : []),
      'BEGIN:VEVENT',
      'UID:u',
      'DTSTAMP:20260101T000000Z',
      `DTSTART;TZID=${tzid}:${start}`,
      'END:VEVENT',
      'END:VCALENDAR',
      '',
    ].join('\r\n');
  const startOf = (text: string): string => {
    const { when } = read(text);
    return new Date(spanOf(when)[0]).toISOString().slice(0, 16);
  };
  const AMERICAN = [
    observance(
      'STANDARD',
      'DTSTART:16011104T020000',
      'RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11',
      'TZOFFSETFROM:-0400',
      'TZOFFSETTO:-0500',
    ),
    observance(
      'DAYLIGHT',
      'DTSTART:16010311T020000',
      'RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3',
      'TZOFFSETFROM:-0500',
      'TZOFFSETTO:-0400',
    ),
  ];
  const fixed = (offset: string): string[][] => [
    observance('STANDARD', 'DTSTART:19700101T000000', `TZOFFSETFROM:${offset}`, `TZOFFSETTO:${offset}`),
  ];

  test('FA5: offsets come from the database that ships with Calpair', () => {
    assert.equal(startOf(withZone('America/Vancouver', '20270115T100000', [])), '2027-01-15T17:00');
    assert.equal(startOf(withZone('America/Edmonton', '20270115T100000', [])), '2027-01-15T16:00');
    assert.equal(startOf(withZone('America/Vancouver', '20260115T100000', [])), '2026-01-15T18:00');
  });

  for (const [tzid, vtimezone, expected] of [
    ['EST', AMERICAN, '2027-07-12T13:00'],
    ['EST5EDT', fixed('-0500'), '2027-07-12T14:00'],
    ['CET', fixed('+0100'), '2027-07-12T08:00'],
    ['UTC', fixed('+0200'), '2027-07-12T07:00'],
    ['GMT', fixed('+0100'), '2027-07-12T08:00'],
    ['GMT+0100', fixed('+0200'), '2027-07-12T07:00'],
    ['Etc/GMT+5', fixed('+0500'), '2027-07-12T04:00'],
    ['UTC+5', fixed('+0530'), '2027-07-12T03:30'],
    ['/example.org/Etc/UTC', AMERICAN, '2027-07-12T13:00'],
    ['EST', [], '2027-07-12T14:00'],
    ['GMT+0100', [], '2027-07-12T08:00'],
    ['Etc/GMT-2', [], '2027-07-12T07:00'],
    ['Europe/Berlin', AMERICAN, '2027-07-12T07:00'],
    ['W. Europe Standard Time', AMERICAN, '2027-07-12T07:00'],
    ['Japan', AMERICAN, '2027-07-12T00:00'],
  ] as const) {
    const kind = vtimezone.length === 0 ? 'without a VTIMEZONE' : 'with a VTIMEZONE that says otherwise';
    test(`FA6: TZID=${tzid} ${kind}`, () => {
      assert.equal(
        startOf(
          withZone(
            tzid,
            '20270712T090000',
            vtimezone.map((one) => [...one]),
          ),
        ),
        expected,
      );
    });
  }

  test('FA6: a zone whose name the object uses for something else gets another TZID', () => {
    const text = withZone('EST', '20270712T090000', AMERICAN);
    const when = timed('2027-07-12T09:00:00', '2027-07-12T10:00:00', 'EST');
    const patched = patch(text, () => ({ when }));
    assert.equal(startOf(patched), '2027-07-12T14:00');
    assert.deepEqual(validateObject(patched), []);
  });

  const DAYLIGHT = observance(
    'DAYLIGHT',
    'DTSTART:19810329T020000',
    'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3',
    'TZOFFSETFROM:+0100',
    'TZOFFSETTO:+0200',
  );
  const STANDARD = observance(
    'STANDARD',
    'DTSTART:19961027T030000',
    'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10',
    'TZOFFSETFROM:+0200',
    'TZOFFSETTO:+0100',
  );
  const BROKEN: Record<string, string[]> = {
    'COUNT beside UNTIL': [
      'DTSTART:19800928T030000',
      'RRULE:FREQ=YEARLY;UNTIL=19951001T030000;COUNT=16;BYDAY=-1SU;BYMONTH=9',
      'TZOFFSETFROM:+0200',
      'TZOFFSETTO:+0100',
    ],
    'a rule of nonsense': [
      'DTSTART:19800928T030000',
      'RRULE:FREQ=NEVER;BYDAY=XX',
      'TZOFFSETFROM:+0200',
      'TZOFFSETTO:+0100',
    ],
    'no offset': ['DTSTART:19800928T030000'],
    'a wrong offset': ['DTSTART:19800928T030000', 'TZOFFSETFROM:xx', 'TZOFFSETTO:+9:99:00'],
    'no start': ['TZOFFSETFROM:+0200', 'TZOFFSETTO:+0100'],
    'a start that is a date': ['DTSTART:19800928', 'TZOFFSETFROM:+0200', 'TZOFFSETTO:+0100'],
    'an impossible single date': [
      'DTSTART:19800928T030000',
      'RDATE:nonsense',
      'TZOFFSETFROM:+0200',
      'TZOFFSETTO:+0100',
    ],
    'lax offsets': ['DTSTART:19800928T030000', 'TZOFFSETFROM:+2:00', 'TZOFFSETTO:0100'],
  };
  for (const [name, properties] of Object.entries(BROKEN)) {
    test(`FA8: an era with ${name} takes nothing from the others`, () => {
      const zone = [DAYLIGHT, observance('STANDARD', ...properties), STANDARD];
      assert.equal(startOf(withZone('Westeuropa', '20270712T090000', zone)), '2027-07-12T07:00');
      assert.equal(startOf(withZone('Westeuropa', '20270112T090000', zone)), '2027-01-12T08:00');
    });
  }

  test('FA8: the era of today with a missing offset or a rule that contradicts itself', () => {
    const eras = [
      ['DTSTART:19961027T030000', 'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10', 'TZOFFSETFROM:+0200'],
      ['DTSTART:19961027T030000', 'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10', 'TZOFFSETTO:+0100'],
      [
        'DTSTART:19961027T030000',
        'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10;X-A=1',
        'TZOFFSETFROM:+0200',
        'TZOFFSETTO:+0100',
      ],
    ];
    for (const properties of eras) {
      const zone = [DAYLIGHT, observance('STANDARD', ...properties)];
      assert.equal(startOf(withZone('Westeuropa', '20270712T090000', zone)), '2027-07-12T07:00');
      assert.equal(startOf(withZone('Westeuropa', '20270112T090000', zone)), '2027-01-12T08:00');
    }
  });
});

describe('FA17: second spellings of a replaced value go', () => {
  const PLACE = [
    'LOCATION;ALTREP="https://example.org/cafe":Old Cafe',
    'X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-RADIUS=70;X-TITLE=Old Cafe:geo:52.5,13.4',
    'STRUCTURED-LOCATION;VALUE=URI:geo:52.5,13.4',
    'GEO:52.5;13.4',
    'X-MICROSOFT-LOCATIONS:[{"DisplayName":"Old Cafe"}]',
    'X-MICROSOFT-LOCATIONDISPLAYNAME:Old Cafe',
    'X-MICROSOFT-LATITUDE:52.5',
  ];
  const TEXT = [
    'DESCRIPTION;ALTREP="data:text/html,%3Cb%3Eold%3C%2Fb%3E":plain old',
    'X-ALT-DESC;FMTTYPE=text/html:<b>plain old</b>',
    'STYLED-DESCRIPTION;VALUE=TEXT;FMTTYPE=text/html:<b>plain old</b>',
  ];
  const BUSY = ['TRANSP:OPAQUE', 'X-MICROSOFT-CDO-BUSYSTATUS:BUSY', 'X-MICROSOFT-CDO-INTENDEDSTATUS:BUSY'];
  const CLASS = ['CLASS:PUBLIC', 'X-CALENDARSERVER-ACCESS:PUBLIC'];
  const VLOCATION = ['BEGIN:VLOCATION', 'UID:l', 'NAME:Old Cafe', 'END:VLOCATION'];
  const text = object(
    'DTSTART:20270503T090000Z',
    'DTEND:20270503T100000Z',
    'SUMMARY:Lunch',
    ...PLACE,
    ...TEXT,
    ...BUSY,
    ...CLASS,
    ...VLOCATION,
  );
  const kept = (patched: string, before: readonly string[]): string[] =>
    before.filter((line) => lines(patched).includes(line));

  for (const [change, gone] of [
    [{ location: 'New Cafe' }, [...PLACE, ...VLOCATION.slice(0, 1)]],
    [{ location: '' }, [...PLACE, ...VLOCATION.slice(0, 1)]],
    [{ description: 'new' }, TEXT],
    [{ description: '' }, TEXT],
    [{ transparency: 'transparent' }, BUSY],
    [{ status: 'tentative' }, BUSY.slice(1)],
    [{ visibility: 'private' }, CLASS],
    [{ title: 'Dinner' }, []],
  ] as const) {
    test(`FA17: a change of ${JSON.stringify(change)}`, () => {
      const patched = patch(text, () => change);
      assert.deepEqual(kept(patched, gone), []);
      const others = [...PLACE, ...TEXT, ...BUSY, ...CLASS].filter(
        (line) => !(gone as readonly string[]).includes(line),
      );
      assert.deepEqual(kept(patched, others), others);
      for (const [field, value] of Object.entries(change)) assert.equal(read(patched)[field as 'title'], value);
    });
  }

  test('FA17: a status does not take away what only says that the event is not at the desk', () => {
    const away = 'X-MICROSOFT-CDO-BUSYSTATUS:OOF';
    const patched = patch(text.replace(BUSY[1]!, away), () => ({ status: 'tentative' }));
    assert.deepEqual(kept(patched, [away, BUSY[2]!]), [away]);
  });

  test('FA17: an event that gets a time says nowhere that it is all-day', () => {
    const flags = ['X-MICROSOFT-CDO-ALLDAYEVENT:TRUE', 'X-FUNAMBOL-ALLDAY:1', 'EVENT-ALLDAY:true'];
    const day = object('DTSTART;VALUE=DATE:20270503', 'DTEND;VALUE=DATE:20270504', 'SUMMARY:Leave', ...flags);
    const timedText = patch(day, () => ({ when: timed('2027-05-03T09:00:00', '2027-05-03T10:00:00') }));
    assert.deepEqual(
      lines(timedText).filter((line) => line.includes('ALLDAY')),
      ['X-MICROSOFT-CDO-ALLDAYEVENT:FALSE', 'X-FUNAMBOL-ALLDAY:0', 'EVENT-ALLDAY:false'],
    );
    const again = patch(timedText, () => ({ when: { allDay: true, start: '2027-05-03', end: '2027-05-04' } }));
    assert.deepEqual(
      lines(again).filter((line) => line.includes('ALLDAY')),
      flags,
    );
  });

  test('FA17: an exception loses the spellings too, those of its series stay', () => {
    const series = text.replace('SUMMARY', 'RRULE:FREQ=DAILY;COUNT=3\r\nSUMMARY');
    const patched = patch(series, (event) => ({
      exceptions: {
        '20270504T090000Z': {
          ...contentOf(event),
          when: timed('2027-05-04T09:00:00', '2027-05-04T10:00:00'),
          location: 'New Cafe',
        },
      },
    }));
    const all = lines(patched);
    assert.equal(all.filter((line) => line.startsWith('X-APPLE-STRUCTURED-LOCATION')).length, 1);
    assert.equal(all.filter((line) => line.startsWith('X-ALT-DESC')).length, 2);
  });
});

test('FA1: a new length of hours and seconds names the minutes, as RFC 5545 3.3.6 wants it', () => {
  const text = object('DTSTART:20270503T090000Z', 'DURATION:PT30M');
  const longer = patch(text, () => ({
    when: { allDay: false, start: '2027-05-03T09:00:00', startZone: 'UTC', end: '2027-05-03T11:00:05', endZone: 'UTC' },
  }));
  assert.ok(lines(longer).includes('DURATION:PT2H0M5S'), longer);
  assert.deepEqual(validateObject(longer), []);
});

describe('FA21: a floating time beside one with a zone', () => {
  for (const [start, end, when] of [
    [
      'DTSTART:20270503T090000',
      'DTEND;TZID=America/New_York:20270503T100000',
      timed('2027-05-03T09:00:00', '2027-05-03T10:00:00', 'America/New_York'),
    ],
    ['DTSTART:20270503T090000', 'DTEND:20270503T100000Z', timed('2027-05-03T09:00:00', '2027-05-03T10:00:00')],
    [
      'DTSTART;TZID=Asia/Tokyo:20270503T090000',
      'DTEND:20270503T100000',
      timed('2027-05-03T09:00:00', '2027-05-03T10:00:00', 'Asia/Tokyo'),
    ],
    ['DTSTART:20270503T090000Z', 'DTEND:20270503T100000', timed('2027-05-03T09:00:00', '2027-05-03T10:00:00')],
    [
      'DTSTART;TZID=Asia/Tokyo:20270503T090000',
      'DTEND;TZID=:20270503T100000',
      timed('2027-05-03T09:00:00', '2027-05-03T10:00:00', 'Asia/Tokyo'),
    ],
  ] as const) {
    test(`FA21: ${start} ${end} lasts an hour, and is written with one zone`, () => {
      const text = object(start, end, 'RRULE:FREQ=DAILY;COUNT=3', 'EXDATE:20270504T090000');
      assert.deepEqual(read(text).when, when);
      const zone = when.allDay ? '' : when.startZone;
      assert.deepEqual(Object.keys(read(text).exceptions), [
        `${new Date(instantOf('2027-05-04T09:00:00', zone)).toISOString().slice(0, 16).replace(/[-:]/g, '')}00Z`,
      ]);
      const patched = patch(text, () => ({
        when: timed('2027-05-03T11:00:00', '2027-05-03T12:00:00', zone),
        exceptions: {},
      }));
      assert.deepEqual(validateObject(patched), [], patched);
    });
  }
});
