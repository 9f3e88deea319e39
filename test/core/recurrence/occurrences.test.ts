/** A series means the same occurrences to the sync, to free/busy, to the services and to independent engines. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { busySpans, STEPS_PER_QUERY } from '../../../core/availability/busy-time.ts';
import { type CalendarEvent, EXCLUDED } from '../../../core/event.ts';
import { readBusySources } from '../../../core/ical/free-busy.ts';
import { createObject, patchObject, readObject } from '../../../core/ical/object.ts';
import { validateObject } from '../../../core/ical/validate.ts';
import { expandOccurrences } from '../../../core/recurrence/expand.ts';
import { contentOf } from '../../../core/sync/expanded-series.ts';
import { instantOf } from '../../../core/zones.ts';
import { unsupported as unsupportedOfGoogle } from '../../../providers/google/capabilities.ts';
import { insertBody } from '../../../providers/google/to-google.ts';
import { unsupported as unsupportedOfGraph } from '../../../providers/microsoft/capabilities.ts';
import type { SideSetting } from '../../../providers/provider.ts';
import { Draw, randomSeries } from '../../support/random-rules.ts';
import { expectedOccurrences, type OracleRule } from '../../support/rule-oracle.ts';

const FROM = Date.UTC(2000, 0, 1);
const TO = Date.UTC(2040, 0, 1);
const MINUTE = 60_000;
const DAY = 86_400_000;

const field = (name: string): string =>
  readFileSync(new URL(`../../../../shared/field/ics/${name}`, import.meta.url), 'utf8');

function object(...lines: string[]): string {
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//case//EN',
    'BEGIN:VEVENT',
    'UID:case@example.org',
    'DTSTAMP:20261101T080000Z',
    'SUMMARY:case',
    ...lines,
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');
}

function read(text: string, floatingZone = 'UTC'): CalendarEvent {
  const [entry] = readObject(text, { floatingZone }).events;
  assert.ok(entry?.event, JSON.stringify(entry?.problems));
  return entry.event;
}

type Spans = (readonly [number, number])[];

/** Start and end of each occurrence in ms, as the sync shows them in a calendar of the zone. */
function syncSpans(text: string, zone: string, to = TO): Spans {
  return readObject(text, { floatingZone: zone })
    .events.flatMap(({ event }) => {
      if (event === null) return [];
      const whens = event.recurrence
        ? expandOccurrences(event, FROM, to, 100_000, 10_000_000).ids.map((id) => contentOf(event, id).when)
        : [event.when];
      return whens.map((when) =>
        when.allDay
          ? ([instantOf(`${when.start}T00:00:00`, zone), instantOf(`${when.end}T00:00:00`, zone)] as const)
          : ([instantOf(when.start, when.startZone), instantOf(when.end, when.endZone)] as const),
      );
    })
    .sort(inOrder);
}

/** The same as free/busy has it; occurrences without a length take no time. */
function freeBusySpans(text: string, zone: string, to = TO, from = FROM): Spans {
  const view = { range: { from, to: to + 100 * DAY }, zone, own: new Set<string>(), unanswered: 'busy' as const };
  return readBusySources(text, { floatingZone: zone })
    .flatMap((source) => busySpans(source, view, { steps: STEPS_PER_QUERY }))
    .filter((span) => span.from < to)
    .map((span) => [span.from, span.to] as const)
    .sort(inOrder);
}

const inOrder = (a: readonly [number, number], b: readonly [number, number]): number => a[0] - b[0] || a[1] - b[1];
const shown = (spans: Spans): string[] =>
  spans.map(([from, to]) => `${new Date(from).toISOString().slice(0, 16)}/${new Date(to).toISOString().slice(0, 16)}`);

/** What the sync and free/busy both say. */
function occurrencesOf(text: string, zone = 'UTC'): string[] {
  const sync = shown(syncSpans(text, zone));
  assert.deepEqual(shown(freeBusySpans(text, zone)), sync, 'free/busy');
  return sync;
}

describe('FA23: a start that its rule does not match is the first occurrence', () => {
  const starts = (text: string, zone = 'UTC'): string[] => occurrencesOf(text, zone).map((span) => span.slice(0, 10));

  test('in the cases from the field', () => {
    assert.deepEqual(starts(field('start-not-on-rule.ics')), ['2027-05-31', '2027-06-02', '2027-06-09']);
    assert.deepEqual(occurrencesOf(field('confluence-119.ics')), ['2027-01-03T00:00/2027-01-11T00:00']);
    assert.equal(unsupportedOfGoogle(read(field('start-not-on-rule.ics'))), null);
    // Graph would begin with a later day.
    assert.equal(unsupportedOfGraph(read(field('start-not-on-rule.ics')))?.code, 'recurrence-written-out');
  });

  test('and counts for COUNT, may be excluded, and is none where UNTIL is before it', () => {
    const friday = ['DTSTART:20270101T090000Z', 'DTEND:20270101T100000Z'];
    const rule = 'RRULE:FREQ=WEEKLY;BYDAY=MO';
    assert.deepEqual(starts(object(...friday, `${rule};COUNT=1`)), ['2027-01-01']);
    assert.deepEqual(starts(object(...friday, `${rule};COUNT=2`)), ['2027-01-01', '2027-01-04']);
    assert.deepEqual(starts(object(...friday, `${rule};COUNT=3`, 'EXDATE:20270101T090000Z')), [
      '2027-01-04',
      '2027-01-11',
    ]);
    assert.deepEqual(starts(object(...friday, `${rule};UNTIL=20270101T090000Z`)), ['2027-01-01']);
    assert.deepEqual(starts(object(...friday, `${rule};UNTIL=20261231T090000Z`)), []);
    assert.deepEqual(starts(object(...friday, `${rule};UNTIL=20270104T090000Z`, 'EXRULE:FREQ=WEEKLY;BYDAY=FR')), [
      '2027-01-04',
    ]);
    // One of several rules matches the start: the others count only what they match.
    assert.deepEqual(starts(object(...friday, 'RRULE:FREQ=DAILY;COUNT=2', `${rule};COUNT=2`)), [
      '2027-01-01',
      '2027-01-02',
      '2027-01-04',
      '2027-01-11',
    ]);
  });

  test('for random rules, as dateutil expands them, in the sync and in free/busy alike', async () => {
    const draw = new Draw(23);
    const cases: { text: string; zone: string; oracle: OracleRule }[] = [];
    for (const { text: rule, series } of randomSeries(23)) {
      if (cases.length === 150) break;
      const { when, recurrence } = series;
      if (
        /SECONDLY|MINUTELY|HOURLY|BYSECOND/.test(rule) ||
        recurrence!.rules.length > 1 ||
        recurrence!.dates.length > 0
      )
        continue;
      // dateutil takes only days that are both a given weekday and a given nth weekday.
      const weekdays = /BYDAY=([^;]*)/.exec(rule)?.[1]?.split(',') ?? [];
      if (weekdays.some((day) => day.length > 2) && weekdays.some((day) => day.length === 2)) continue;
      const days = draw.below(3);
      const seconds = when.allDay ? 0 : draw.of([3600, 1800, 93_600]);
      const length = `DURATION:P${days + (when.allDay ? 1 : 0)}D${seconds > 0 ? `T${seconds / 60}M` : ''}`;
      const basic = when.start.replace(/[-:]/g, '');
      const start = when.allDay ? `DTSTART;VALUE=DATE:${basic}` : `DTSTART;TZID=${when.startZone}:${basic}`;
      cases.push({
        text: object(start, length, `RRULE:${rule}`),
        zone: when.allDay ? 'UTC' : when.startZone,
        oracle: {
          rule,
          start: when.allDay ? `${when.start}T00:00:00` : when.start,
          zone: when.allDay ? 'UTC' : when.startZone,
          days: 800,
          withStart: true,
          allDay: when.allDay,
          duration: [days + (when.allDay ? 1 : 0), seconds],
        },
      });
    }
    const expected = await expectedOccurrences(cases.map(({ oracle }) => oracle));
    let count = 0;
    for (const [at, { text, zone, oracle }] of cases.entries()) {
      const end = Date.parse(`${oracle.start}Z`) + 790 * DAY;
      const wanted = expected[at]!.instants.map(
        (from, index) => [from * MINUTE, expected[at]!.ends[index]! * MINUTE] as const,
      ).filter(([from]) => from < end);
      count += wanted.length;
      assert.deepEqual(shown(syncSpans(text, zone, end)), shown(wanted), `sync\n${text}`);
      assert.deepEqual(shown(freeBusySpans(text, zone, end, end - 795 * DAY)), shown(wanted), `free/busy\n${text}`);
    }
    assert.ok(count > 4_000, String(count));
  });
});

describe('FA9: a DURATION in days is nominal', () => {
  test('in the case from the field, which neither service can express', () => {
    const text = field('dur-dst.ics');
    assert.deepEqual(occurrencesOf(text), [
      '2027-03-27T11:00/2027-03-28T11:00',
      '2027-03-28T10:00/2027-03-29T11:00',
      '2027-03-29T10:00/2027-03-30T11:00',
    ]);
    assert.equal(unsupportedOfGoogle(read(text))?.code, 'recurrence-written-out');
    assert.equal(unsupportedOfGraph(read(text))?.code, 'recurrence-written-out');
  });

  const series = (zone: string, duration: string, rule: string, start = '20270327T120000'): CalendarEvent =>
    read(object(`DTSTART;TZID=${zone}:${start}`, `DURATION:${duration}`, `RRULE:${rule}`));

  test('and expanded only where the service would show another end', () => {
    const rows: [zone: string, duration: string, rule: string, google: boolean, graph: boolean][] = [
      ['Europe/Vienna', 'P1D', 'FREQ=WEEKLY;BYDAY=SA;COUNT=60', false, true],
      ['Europe/Vienna', 'P1W', 'FREQ=MONTHLY;BYMONTHDAY=27', false, true],
      ['Asia/Kolkata', 'P1DT1H', 'FREQ=WEEKLY;BYDAY=SA', true, true],
      ['Asia/Kolkata', 'P1DT1H', 'FREQ=DAILY', true, false],
      ['Europe/Vienna', 'PT25H', 'FREQ=WEEKLY;BYDAY=SA', true, true],
      ['UTC', 'P1D', 'FREQ=DAILY', true, true],
    ];
    for (const [zone, duration, rule, google, graph] of rows) {
      const event = series(zone, duration, rule);
      assert.equal(unsupportedOfGoogle(event) === null, google, `Google ${zone} ${duration} ${rule}`);
      assert.equal(unsupportedOfGraph(event) === null, graph, `Graph ${zone} ${duration} ${rule}`);
    }
    // From Monday to Tuesday no clock changes.
    assert.equal(unsupportedOfGoogle(series('Europe/Vienna', 'P1D', 'FREQ=WEEKLY', '20270329T120000')), null);
    // 24 hours exactly, but 25 by the clock that Exchange goes by.
    const exact = object(
      'DTSTART;TZID=Europe/Vienna:20270327T120000',
      'DTEND;TZID=Europe/Vienna:20270328T130000',
      'RRULE:FREQ=DAILY;COUNT=3',
    );
    assert.equal(unsupportedOfGraph(read(exact))?.code, 'recurrence-written-out');
  });

  test('for overrides without an end of their own, and for periods', () => {
    const text = object(
      'DTSTART;TZID=Europe/Vienna:20270327T120000',
      'DURATION:P1DT1H',
      'RRULE:FREQ=WEEKLY;COUNT=3',
      'RDATE;VALUE=PERIOD;TZID=Europe/Vienna:20271030T120000/P1D',
    ).replace(
      'END:VCALENDAR',
      [
        'BEGIN:VEVENT',
        'UID:case@example.org',
        'DTSTAMP:20261101T080000Z',
        'RECURRENCE-ID;TZID=Europe/Vienna:20270403T120000',
        'DTSTART;TZID=Europe/Vienna:20270403T130000',
        'END:VEVENT',
        'END:VCALENDAR',
      ].join('\r\n'),
    );
    assert.deepEqual(occurrencesOf(text), [
      '2027-03-27T11:00/2027-03-28T11:00',
      '2027-04-03T11:00/2027-04-04T12:00',
      '2027-04-10T10:00/2027-04-11T11:00',
      '2027-10-30T10:00/2027-10-31T11:00',
    ]);
  });

  test('when it is written: the days of a DURATION stay, in a copy as well', () => {
    const text = object('DTSTART;TZID=Europe/Vienna:20270327T120000', 'DURATION:P1DT1H', 'RRULE:FREQ=DAILY;COUNT=3');
    const event = read(text);
    const moved = {
      ...event,
      when: { ...event.when, start: '2027-03-27T14:00:00', end: '2027-03-28T16:00:00' },
    } as CalendarEvent;
    const setting = { now: '2026-11-29T12:00:00Z', floatingZone: 'UTC' };
    const patched = patchObject(text, null, moved, setting);
    assert.match(patched, /\r\nDURATION:P1DT2H\r\n/);
    assert.deepEqual(occurrencesOf(patched).slice(1), [
      '2027-03-28T12:00/2027-03-29T14:00',
      '2027-03-29T12:00/2027-03-30T14:00',
    ]);
    const copy = createObject(event, 'copy', { now: setting.now, scheduleAgentNone: false });
    assert.match(copy, /\r\nDURATION:P1DT1H\r\n/);
    assert.ok(!copy.includes('DTEND'));
    assert.deepEqual(occurrencesOf(copy), occurrencesOf(text));
    const shorter = { ...event, when: { ...event.when, end: '2027-03-27T15:00:00' } } as CalendarEvent;
    assert.match(patchObject(text, null, shorter, setting), /\r\nDURATION:PT3H\r\n/);
  });
});

describe('FA11: rules that break RFC 5545 in a way that everybody understands', () => {
  test('COUNT with UNTIL ends at the earlier, and services get one of them', () => {
    const text = field('count-until.ics');
    assert.deepEqual(occurrencesOf(text), ['2027-04-13T08:00/2027-04-13T08:30', '2027-04-14T08:00/2027-04-14T08:30']);
    assert.deepEqual(read(text).recurrence!.rules, ['RRULE:FREQ=DAILY;UNTIL=20270415T000000Z']);
    for (const [end, expected] of [
      ['COUNT=3;UNTIL=20270401T090000Z', 'COUNT=3'],
      ['UNTIL=20270105T085959Z;COUNT=5', 'UNTIL=20270105T085959Z'],
      ['COUNT=5;UNTIL=20270105T090000Z', 'COUNT=5'],
      ['COUNT=1;UNTIL=20200101', 'UNTIL=20200101T235959Z'],
    ] as const) {
      const event = read(object('DTSTART:20270101T090000Z', 'DTEND:20270101T100000Z', `RRULE:FREQ=DAILY;${end}`));
      assert.deepEqual(event.recurrence!.rules, [`RRULE:FREQ=DAILY;${expected}`], end);
    }
  });

  test('for random rules, as dateutil expands them', async () => {
    const draw = new Draw(11);
    const cases = Array.from({ length: 80 }, () => {
      const day = Date.parse('2027-01-01T09:00:00Z') + draw.below(60) * DAY;
      const until = new Date(day + draw.below(60) * DAY + draw.of([-1, 0, 1]) * 1000).toISOString();
      const basic = until.replace(/[-:]|\.000/g, '');
      const start = new Date(day).toISOString().slice(0, 19);
      const rule = draw.of([
        'FREQ=DAILY',
        'FREQ=WEEKLY;BYDAY=MO,WE',
        'FREQ=MONTHLY;BYMONTHDAY=5',
        'FREQ=DAILY;INTERVAL=3',
      ]);
      return { start, rule: `${rule};COUNT=${1 + draw.below(20)};UNTIL=${basic}` };
    });
    const oracle = cases.map((one) => ({ ...one, zone: 'UTC', days: 400, withStart: true }));
    const expected = await expectedOccurrences(oracle);
    for (const [at, { start, rule }] of cases.entries()) {
      const text = object(`DTSTART:${start.replace(/[-:]/g, '')}Z`, 'DURATION:PT1H', `RRULE:${rule}`);
      const wanted = expected[at]!.instants.map((from) => [from * MINUTE, from * MINUTE + 60 * MINUTE] as const);
      assert.deepEqual(occurrencesOf(text), shown(wanted), rule);
      const event = read(text);
      if (wanted.length === 0) continue;
      assert.ok(!/COUNT=.*UNTIL=/.test(event.recurrence!.rules.join()), rule);
      assert.equal(unsupportedOfGoogle(event), null, rule);
    }
  });

  test('a table of lax rules', () => {
    const rows: [rule: string, expected: string | null][] = [
      ['FREQ=DAILY;INTERVAL=0;COUNT=2', 'FREQ=DAILY;COUNT=2'],
      ['freq=daily;count=2', 'FREQ=DAILY;COUNT=2'],
      ['FREQ=DAILY;COUNT=2;', 'FREQ=DAILY;COUNT=2'],
      [';;FREQ=DAILY;;COUNT=2;;', 'FREQ=DAILY;COUNT=2'],
      [' FREQ = DAILY ; COUNT = 2 ', 'FREQ=DAILY;COUNT=2'],
      ['FREQ=DAILY;FREQ=DAILY;COUNT=2;COUNT=2', 'FREQ=DAILY;COUNT=2'],
      ['FREQ=WEEKLY;BYDAY=MO,,TU,;COUNT=2', 'FREQ=WEEKLY;COUNT=2;BYDAY=MO,TU'],
      ['FREQ=WEEKLY;BYDAY=;COUNT=2', 'FREQ=WEEKLY;COUNT=2'],
      ['FREQ=DAILY;X-THEIRS=1;COUNT=2', 'FREQ=DAILY;COUNT=2'],
      ['FREQ=DAILY;UNTIL=2027-01-05T09:00:00Z', 'FREQ=DAILY;UNTIL=20270105T090000Z'],
      ['FREQ=DAILY;UNTIL=20270105T0900Z', 'FREQ=DAILY;UNTIL=20270105T090000Z'],
      ['FREQ=DAILY;UNTIL=20270105Z', 'FREQ=DAILY;UNTIL=20270105T235959Z'],
      ['FREQ=DAILY;COUNT=0', null],
      ['FREQ=DAILY;COUNT=2;COUNT=3', null],
      ['FREQ=DAILY;INTERVAL=-1', null],
      ['COUNT=2', null],
      ['FREQ=DAILY;BYEASTER=1', null],
      ['FREQ=WEEKLY;BYDAY=XX', null],
    ];
    for (const [rule, expected] of rows) {
      const text = object('DTSTART:20270101T090000Z', 'DTEND:20270101T100000Z', `RRULE:${rule}`);
      const [entry] = readObject(text, { floatingZone: 'UTC' }).events;
      assert.deepEqual(entry!.event?.recurrence?.rules[0] ?? null, expected && `RRULE:${expected}`, rule);
      if (expected === null) assert.equal(entry!.problems[0]?.code, 'unreadable', rule);
      assert.equal(shown(freeBusySpans(text, 'UTC'))[0], '2027-01-01T09:00/2027-01-01T10:00', rule);
    }
  });
});

describe('FA16: times of day in the rule of an all-day series are ignored', () => {
  test('in the case from the field', () => {
    const text = field('byhour-allday.ics');
    assert.deepEqual(
      occurrencesOf(text).map((span) => span.slice(0, 10)),
      ['2027-06-07', '2027-06-08', '2027-06-09', '2027-06-10'],
    );
    assert.deepEqual(read(text).recurrence!.rules, ['RRULE:FREQ=DAILY;COUNT=4']);
    assert.equal(unsupportedOfGoogle(read(text)), null);
    assert.equal(unsupportedOfGraph(read(text)), null);
  });

  test('in any frequency, and the line stays as it is', () => {
    for (const frequency of ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY']) {
      for (const parts of ['BYHOUR=0', 'BYHOUR=9,17;BYMINUTE=0,30', 'BYSECOND=0', 'BYMINUTE=15;BYSECOND=1,2,3']) {
        const text = object('DTSTART;VALUE=DATE:20270607', `RRULE:FREQ=${frequency};${parts};COUNT=4`);
        assert.deepEqual(read(text).recurrence!.rules, [`RRULE:FREQ=${frequency};COUNT=4`]);
        assert.equal(occurrencesOf(text).length, 4);
        const renamed = { ...read(text), title: 'renamed' };
        const patched = patchObject(text, null, renamed, { now: '2026-11-29T12:00:00Z', floatingZone: 'UTC' });
        assert.ok(patched.includes(`\r\nRRULE:FREQ=${frequency};${parts};COUNT=4\r\n`));
      }
    }
  });
});

describe('FA15: an UNTIL in UTC of an all-day series is the date that its author meant', () => {
  const days = (text: string, zone: string): string[] => {
    const event = read(text, zone);
    return expandOccurrences(event, FROM, TO, 100, 100_000).ids;
  };

  test('in the case from the field, whatever the zone of the calendar', () => {
    const text = field('until-node-ical-543.ics');
    for (const zone of ['UTC', 'Europe/Vienna', 'America/New_York', 'Asia/Tokyo', 'Pacific/Auckland'])
      assert.deepEqual(days(text, zone), ['20271020'], zone);
  });

  const ZONES = [
    'Pacific/Pago_Pago',
    'Pacific/Honolulu',
    'America/Anchorage',
    'America/Los_Angeles',
    'America/New_York',
    'America/St_Johns',
    'America/Sao_Paulo',
    'Atlantic/Azores',
    'UTC',
    'Europe/London',
    'Europe/Vienna',
    'Asia/Tehran',
    'Asia/Kolkata',
    'Asia/Kathmandu',
    'Asia/Tokyo',
    'Australia/Lord_Howe',
    'Pacific/Auckland',
    'Pacific/Chatham',
    'Pacific/Apia',
    'Pacific/Kiritimati',
  ];
  const utcOf = (local: string, zone: string): string =>
    new Date(instantOf(local, zone)).toISOString().replace(/[-:]|\.000/g, '');
  const cases = ZONES.flatMap((author) =>
    ['2027-01-10', '2027-07-10'].flatMap((date) =>
      ['T00:00:00', 'T23:59:59', 'T23:59:00'].map((time) => ({ author, date, until: utcOf(date + time, author) })),
    ),
  );

  test('from the zones of its object, or from that of the calendar', () => {
    for (const { author, date, until } of cases) {
      const start = new Date(Date.parse(date) - 3 * DAY).toISOString().slice(0, 10).replaceAll('-', '');
      const event = (more: string): string =>
        object(`DTSTART;VALUE=DATE${more}:${start}`, `RRULE:FREQ=DAILY;UNTIL=${until}`);
      const expected = Array.from({ length: 4 }, (_, n) =>
        new Date(Date.parse(date) + (n - 3) * DAY).toISOString().slice(0, 10).replaceAll('-', ''),
      );
      assert.deepEqual(days(event(''), author), expected, `calendar in ${author}, ${until}`);
      const named = event('').replace('BEGIN:VEVENT', `X-WR-TIMEZONE:${author}\r\nBEGIN:VEVENT`);
      assert.deepEqual(days(named, 'Africa/Cairo'), expected, `X-WR-TIMEZONE ${author}, ${until}`);
      assert.deepEqual(days(event(`;TZID=${author}`), 'Africa/Cairo'), expected, `TZID ${author}, ${until}`);
      // Without a zone the time of day tells it, but for the far ends of the world.
      if (!/Pago_Pago|Kiritimati/.test(author))
        assert.deepEqual(days(event(''), 'Africa/Cairo'), expected, `no zone, author in ${author}, ${until}`);
    }
  });

  test('and so are an EXDATE and a RECURRENCE-ID', () => {
    for (const { author, date, until } of cases.filter(({ until }) => !until.endsWith('59Z'))) {
      if (/Pago_Pago|Kiritimati/.test(author) || until.endsWith('5900Z')) continue;
      const start = new Date(Date.parse(date) - DAY).toISOString().slice(0, 10).replaceAll('-', '');
      const text = object(`DTSTART;VALUE=DATE:${start}`, 'RRULE:FREQ=DAILY;COUNT=2', `EXDATE:${until}`);
      assert.deepEqual(days(text, 'Africa/Cairo'), [start], `${author} ${until}`);
    }
  });
});

describe('FA14: an exception whose occurrence the rule does not have is one more occurrence', () => {
  const setting = { now: '2026-11-29T12:00:00Z', floatingZone: 'UTC' };
  const google = { floatingZone: 'UTC', tag: () => '', attendees: 'none' } as unknown as SideSetting;
  const ORPHAN = '20270105T170000Z';

  test('in the case from the field', () => {
    const text = field('orphan-recid.ics');
    const expected = [
      '2027-01-05T20:00/2027-01-05T20:30',
      '2027-01-07T18:00/2027-01-07T19:00',
      '2027-01-12T20:00/2027-01-12T20:30',
      '2027-01-26T20:00/2027-01-26T20:30',
      '2027-02-02T20:00/2027-02-02T20:30',
      '2027-02-09T20:00/2027-02-09T20:30',
    ];
    assert.deepEqual(occurrencesOf(text), expected);
    const event = read(text);
    assert.deepEqual(event.recurrence!.dates, [ORPHAN]);
    // Google gets a date, which the exception then replaces; Graph knows no dates.
    assert.equal(unsupportedOfGoogle(event), null);
    assert.deepEqual(insertBody(event, 'id', 'key', google).recurrence, [
      'RRULE:FREQ=WEEKLY;COUNT=6',
      `RDATE:${ORPHAN}`,
      'EXDATE:20270119T200000Z',
    ]);
    assert.equal(unsupportedOfGraph(event)?.code, 'recurrence-written-out');
    const copy = createObject(event, 'copy', { now: setting.now, scheduleAgentNone: false });
    assert.deepEqual(validateObject(copy), []);
    assert.deepEqual(occurrencesOf(copy), expected);
  });

  test('which a write leaves as it is, removes or excludes', () => {
    const text = field('orphan-recid.ics').replace(/\r?\n/g, '\r\n');
    const event = read(text);
    const renamed = patchObject(text, null, { ...event, title: 'renamed' }, setting);
    assert.ok(!renamed.includes('RDATE') && renamed.includes('SUMMARY:renamed'));
    assert.deepEqual(read(renamed), { ...event, title: 'renamed' });
    const { [ORPHAN]: _, ...rest } = event.exceptions;
    const without = { ...event, recurrence: { ...event.recurrence!, dates: [] }, exceptions: rest };
    const removed = patchObject(text, null, without, setting);
    assert.deepEqual(read(removed), without);
    assert.ok(!removed.includes('RECURRENCE-ID') && !removed.includes('RDATE'));
    const excluded: CalendarEvent = { ...event, exceptions: { ...event.exceptions, [ORPHAN]: EXCLUDED } };
    const taken = patchObject(text, null, excluded, setting);
    assert.deepEqual(read(taken), excluded);
    assert.deepEqual(occurrencesOf(taken), occurrencesOf(removed));
  });

  test('for random series, in every form of a RECURRENCE-ID', () => {
    const draw = new Draw(14);
    for (let round = 0; round < 150; round += 1) {
      const rule = draw.of(['FREQ=WEEKLY;BYDAY=MO,WE', 'FREQ=DAILY;INTERVAL=3', 'FREQ=MONTHLY;BYMONTHDAY=4']);
      const allDay = draw.chance(40);
      const start = allDay ? 'DTSTART;VALUE=DATE:20270104' : 'DTSTART:20270104T090000Z';
      const series = [start, allDay ? 'DURATION:P1D' : 'DURATION:PT1H', `RRULE:${rule};COUNT=${2 + draw.below(9)}`];
      const usual = occurrencesOf(object(...series));
      const days = draw
        .some(
          Array.from({ length: 60 }, (_, day) => day),
          4,
        )
        .sort((a, b) => a - b);
      const ids = days.map((day) => {
        const date = new Date(Date.UTC(2027, 0, 4) + day * DAY).toISOString().slice(0, 10).replaceAll('-', '');
        const time = draw.of(['T070000', 'T090000', 'T233000']);
        return allDay ? `;VALUE=DATE:${date}` : draw.of([`:${date}${time}Z`, `;VALUE=DATE:${date}`]);
      });
      const overrides = ids.map((id, at) => [
        'BEGIN:VEVENT',
        'UID:case@example.org',
        'DTSTAMP:20261101T080000Z',
        `RECURRENCE-ID${id}`,
        `DTSTART:203001${String(at + 10)}T100000Z`,
        'DURATION:PT1H',
        'END:VEVENT',
      ]);
      const text = object(...series).replace('END:VCALENDAR', [...overrides.flat(), 'END:VCALENDAR'].join('\r\n'));
      const moved = occurrencesOf(text).filter((span) => span.startsWith('2030'));
      assert.equal(moved.length, ids.length, text);
      const replaced = ids.filter((id) => {
        const [, date, time] = /(\d{8})(?:T(\d{6})Z)?$/.exec(id)!;
        const clock = time ? `${time.slice(0, 2)}:${time.slice(2, 4)}` : allDay ? '00:00' : '09:00';
        const at = `${date!.slice(0, 4)}-${date!.slice(4, 6)}-${date!.slice(6)}T${clock}`;
        return usual.some((span) => span.startsWith(at));
      });
      assert.equal(occurrencesOf(text).length, usual.length - replaced.length + ids.length, text);
    }
  });

  test('of a series that is not in the object: each is an event, the newest where two name one occurrence', () => {
    const override = (id: string, start: string, sequence: number): string[] => [
      'BEGIN:VEVENT',
      'UID:case@example.org',
      'DTSTAMP:20261101T080000Z',
      `SEQUENCE:${sequence}`,
      `RECURRENCE-ID:${id}`,
      `DTSTART:${start}`,
      'DURATION:PT1H',
      'END:VEVENT',
    ];
    const text = [
      'BEGIN:VCALENDAR',
      ...override('20270105T090000Z', '20270106T100000Z', 1),
      ...override('20270105T090000Z', '20270107T100000Z', 2),
      ...override('20270112T090000Z', '20270113T100000Z', 1),
      'END:VCALENDAR',
    ].join('\r\n');
    assert.deepEqual(occurrencesOf(text), ['2027-01-07T10:00/2027-01-07T11:00', '2027-01-13T10:00/2027-01-13T11:00']);
  });
});
