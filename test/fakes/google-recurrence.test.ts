import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { occurrences } from './google/expand.ts';
import { GoogleError } from './google/google-error.ts';
import { parseRecurrence } from './google/recurrence-lines.ts';
import { instantOf, parseCompact } from './time.ts';

interface Case {
  readonly id: string;
  readonly dtstart: string;
  readonly rrule: string;
  readonly expected: readonly string[];
  readonly tier: string;
  readonly complete: boolean;
  readonly dtstart_is_first: boolean;
  readonly start_at?: string;
}

const corpus = new URL('../../../shared/corpus/recurrence/rrule-expansions.json', import.meta.url);

test('expands as two other engines do', { skip: existsSync(corpus) ? false : 'the corpus is not here' }, () => {
  const { cases } = JSON.parse(readFileSync(corpus, 'utf8')) as { cases: Case[] };
  let compared = 0;
  for (const one of cases) {
    if (
      one.tier !== 'agreed' ||
      !one.dtstart_is_first ||
      one.start_at !== undefined ||
      /SECONDLY|MINUTELY|HOURLY|RSCALE/.test(one.rrule)
    )
      continue;
    const allDay = one.dtstart.length === 8;
    const kind = { allDay, zone: 'UTC', strict: false };
    const last = parseCompact(one.expected.at(-1)!.replace('Z', ''))!;
    const horizon = one.complete ? last + 400 * 86_400_000 : last;
    const found = occurrences(
      { allDay, zone: 'UTC', wall: parseCompact(one.dtstart.replace('Z', ''))! },
      parseRecurrence([`RRULE:${one.rrule}`], kind),
      horizon,
    );
    const keys = found.map(({ key }) => key.replace('Z', ''));
    assert.deepEqual(
      one.complete ? keys : keys.slice(0, one.expected.length),
      one.expected.map((text) => text.replace('Z', '')),
      `${one.id} ${one.rrule}`,
    );
    compared += 1;
  }
  assert.ok(compared > 100, `only ${compared} rules compared`);
});

test('keeps the wall clock across a change of the offset', () => {
  const recurrence = parseRecurrence(['RRULE:FREQ=DAILY;COUNT=3'], {
    allDay: false,
    zone: 'Europe/Berlin',
    strict: true,
  });
  const found = occurrences(
    { allDay: false, zone: 'Europe/Berlin', wall: Date.UTC(2026, 2, 28, 9) },
    recurrence,
    Infinity,
  );
  assert.deepEqual(
    found.map(({ key }) => key),
    ['20260328T080000Z', '20260329T070000Z', '20260330T070000Z'],
  );
});

test('moves a time in a gap forward, and takes the first of two', () => {
  assert.equal(
    new Date(instantOf(Date.UTC(2026, 2, 29, 2, 30), 'Europe/Berlin')).toISOString(),
    '2026-03-29T01:30:00.000Z',
  );
  assert.equal(
    new Date(instantOf(Date.UTC(2026, 9, 25, 2, 30), 'Europe/Berlin')).toISOString(),
    '2026-10-25T00:30:00.000Z',
  );
});

test('excludes dates of the same type only', () => {
  const kind = { allDay: false, zone: 'Europe/Berlin', strict: true };
  const start = { allDay: false, zone: 'Europe/Berlin', wall: Date.UTC(2026, 0, 5, 9) };
  const keys = (line: string) =>
    occurrences(start, parseRecurrence(['RRULE:FREQ=DAILY;COUNT=2', line], kind), Infinity).map(({ key }) => key);
  assert.deepEqual(keys('EXDATE;TZID=Europe/Berlin:20260106T090000'), ['20260105T080000Z']);
  assert.deepEqual(keys('EXDATE:20260105T080000Z'), ['20260106T080000Z']);
  assert.deepEqual(keys('EXDATE;VALUE=DATE:20260105'), ['20260105T080000Z', '20260106T080000Z']);
  assert.deepEqual(keys('RDATE:20260110T080000Z'), ['20260105T080000Z', '20260106T080000Z', '20260110T080000Z']);
});

const REFUSED_TIMED = [
  'RRULE:FREQ=HOURLY',
  'RRULE:FREQ=MINUTELY',
  'RRULE:FREQ=SECONDLY',
  'RRULE:COUNT=3',
  'RRULE:FREQ=DAILY;COUNT=3;UNTIL=20260110T000000Z',
  'RRULE:FREQ=DAILY;UNTIL=20260110T000000',
  'RRULE:FREQ=DAILY;UNTIL=20260110',
  'RRULE:FREQ=DAILY;UNTIL=20260230T000000Z',
  'RRULE:FREQ=DAILY;COUNT=0',
  'RRULE:FREQ=DAILY;INTERVAL=0',
  'RRULE:FREQ=DAILY;BYDAY=1MO',
  'RRULE:FREQ=WEEKLY;BYDAY=XX',
  'RRULE:FREQ=WEEKLY;BYMONTHDAY=3',
  'RRULE:FREQ=MONTHLY;BYWEEKNO=3',
  'RRULE:FREQ=MONTHLY;BYSETPOS=1',
  'RRULE:FREQ=DAILY;FREQ=DAILY',
  'RRULE:FREQ=DAILY;',
  'RRULE:FREQ=DAILY;X-A=1',
  'rrule:FREQ=DAILY',
  'FREQ=DAILY',
  'DTSTART:20260105T090000Z',
  'RRULE:FREQ=DAILY\nEXDATE:20260105T080000Z',
  'EXDATE:20260105T080000Z',
  'RDATE;VALUE=PERIOD:20260105T080000Z/PT1H',
  'RDATE:20260105T080000',
  'RDATE;VALUE=DATE:20260105',
  'RDATE;TZID=Mars/Base:20260105T080000',
];
for (const line of REFUSED_TIMED) {
  test(`refuses ${JSON.stringify(line)} for a timed series`, () => {
    assert.throws(
      () => parseRecurrence([line], { allDay: false, zone: 'UTC', strict: true }),
      (error) => error instanceof GoogleError && error.code === 400,
    );
  });
}

test('refuses times in an all-day series', () => {
  for (const line of [
    'RRULE:FREQ=DAILY;UNTIL=20260110T000000Z',
    'RRULE:FREQ=DAILY;BYHOUR=3',
    'RDATE:20260105T080000Z',
  ]) {
    assert.throws(() => parseRecurrence([line], { allDay: true, zone: 'UTC', strict: true }), GoogleError, line);
  }
  parseRecurrence(['RRULE:FREQ=DAILY;UNTIL=20260110', 'EXDATE;VALUE=DATE:20260106'], {
    allDay: true,
    zone: 'UTC',
    strict: true,
  });
});
