/** A series means the same occurrences to the sync, to free/busy, to the services and to independent engines. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { busySpans, STEPS_PER_QUERY } from '../../../core/availability/busy-time.ts';
import type { CalendarEvent } from '../../../core/event.ts';
import { readBusySources } from '../../../core/ical/free-busy.ts';
import { createObject, patchObject, readObject } from '../../../core/ical/object.ts';
import { expandOccurrences } from '../../../core/recurrence/expand.ts';
import { contentOf } from '../../../core/sync/expanded-series.ts';
import { instantOf } from '../../../core/zones.ts';
import { unsupported as unsupportedOfGoogle } from '../../../providers/google/capabilities.ts';
import { unsupported as unsupportedOfGraph } from '../../../providers/microsoft/capabilities.ts';
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
