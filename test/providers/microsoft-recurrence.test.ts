import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { When } from '../../core/event.ts';
import { decodeBytes } from '../../core/ical/charset.ts';
import { splitFeed } from '../../core/ical/feed.ts';
import { readObject } from '../../core/ical/object.ts';
import { normaliseRecurrence } from '../../core/recurrence/normalise.ts';
import { RecurrenceError } from '../../core/recurrence/rule.ts';
import {
  fromPatternedRecurrence,
  type NotExpressible,
  toPatternedRecurrence,
} from '../../providers/microsoft/recurrence.ts';
import {
  type PatternedRecurrence,
  type Range,
  readPatternedRecurrence,
} from '../../providers/microsoft/recurrence-form.ts';
import { DEFAULT_BEHAVIOUR } from '../fakes/graph/behaviour.ts';
import { seriesDays } from '../fakes/graph/expand.ts';
import { readRecurrence } from '../fakes/graph/recurrence.ts';
import { UTC } from '../fakes/graph/zones.ts';
import { seriesOf } from '../support/random-rules.ts';

const WORK = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'];
const EVERY = [...WORK, 'saturday', 'sunday'];
const DAY_MS = 86_400_000;

/** One hour in Berlin, or one day. */
function at(start: string, zone = 'Europe/Berlin', minutes = 60): When {
  if (start.length === 10)
    return { allDay: true, start, end: new Date(Date.parse(start) + DAY_MS).toISOString().slice(0, 10) };
  return {
    allDay: false,
    start,
    startZone: zone,
    end: new Date(Date.parse(`${start}Z`) + minutes * 60_000).toISOString().slice(0, 19),
    endZone: zone,
  };
}

function write(rule: string, when: When, dates: readonly string[] = []): PatternedRecurrence | NotExpressible {
  return toPatternedRecurrence(
    seriesOf(
      when,
      normaliseRecurrence(
        { rules: rule.split(' ').map((part) => (part.includes(':') ? part : `RRULE:${part}`)), dates },
        when,
      ),
    ),
  );
}

function patternOf(rule: string, start: string): unknown {
  const written = write(rule, at(start));
  return typeof written === 'string' ? written : written.pattern;
}

function rangeOf(rule: string, when: When): Range | string {
  const written = write(rule, when);
  return typeof written === 'string' ? written : written.range;
}

test('each pattern', () => {
  // 2026-01-05 is a Monday.
  const start = '2026-01-05T09:00:00';
  assert.deepEqual(patternOf('FREQ=DAILY;INTERVAL=3', start), { type: 'daily', interval: 3 });
  assert.deepEqual(
    patternOf('FREQ=WEEKLY', start),
    { type: 'weekly', interval: 1, daysOfWeek: ['monday'], firstDayOfWeek: 'monday' },
    "no BYDAY: the start's",
  );
  assert.deepEqual(
    patternOf('FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU', start),
    { type: 'weekly', interval: 2, daysOfWeek: ['monday', 'sunday'], firstDayOfWeek: 'sunday' },
    'the first day of the week is given',
  );
  assert.deepEqual(patternOf('FREQ=MONTHLY', start), { type: 'absoluteMonthly', interval: 1, dayOfMonth: 5 });
  assert.deepEqual(patternOf('FREQ=MONTHLY;BYDAY=1MO', start), {
    type: 'relativeMonthly',
    interval: 1,
    daysOfWeek: ['monday'],
    index: 'first',
  });
  assert.deepEqual(patternOf('FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1', start), {
    type: 'relativeMonthly',
    interval: 1,
    daysOfWeek: ['monday'],
    index: 'first',
  });
  assert.deepEqual(patternOf('FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', '2026-01-30'), {
    type: 'relativeMonthly',
    interval: 1,
    daysOfWeek: WORK,
    index: 'last',
  });
  assert.deepEqual(patternOf('FREQ=YEARLY', start), { type: 'absoluteYearly', interval: 1, dayOfMonth: 5, month: 1 });
  assert.deepEqual(patternOf('FREQ=YEARLY;BYMONTH=1;BYDAY=-1FR', '2026-01-30'), {
    type: 'relativeYearly',
    interval: 1,
    daysOfWeek: ['friday'],
    index: 'last',
    month: 1,
  });
});

test('equivalent rules', () => {
  const weekdays = { type: 'weekly', interval: 1, daysOfWeek: WORK, firstDayOfWeek: 'monday' };
  for (const frequency of ['DAILY', 'MONTHLY', 'YEARLY'])
    assert.deepEqual(patternOf(`FREQ=${frequency};BYDAY=MO,TU,WE,TH,FR`, '2026-01-05'), weekdays);
  const quarterly = { type: 'absoluteMonthly', interval: 3, dayOfMonth: 5 };
  for (const rule of [
    'FREQ=YEARLY;BYMONTH=1,4,7,10',
    'FREQ=MONTHLY;BYMONTH=1,4,7,10',
    'FREQ=DAILY;BYMONTH=1,4,7,10;BYMONTHDAY=5',
    'FREQ=MONTHLY;INTERVAL=3;BYMONTH=1,4,7,10',
  ]) {
    assert.deepEqual(patternOf(rule, '2026-01-05'), quarterly, rule);
  }
  assert.deepEqual(patternOf('FREQ=YEARLY;BYMONTHDAY=5', '2026-01-05'), {
    type: 'absoluteMonthly',
    interval: 1,
    dayOfMonth: 5,
  });
  assert.deepEqual(patternOf('FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=-1,1;WKST=WE', '2026-01-05'), {
    type: 'weekly',
    interval: 1,
    daysOfWeek: ['monday', 'wednesday'],
    firstDayOfWeek: 'wednesday',
  });
  assert.deepEqual(patternOf('FREQ=YEARLY;BYDAY=1MO', '2026-01-05'), {
    type: 'relativeYearly',
    interval: 1,
    daysOfWeek: ['monday'],
    index: 'first',
    month: 1,
  });
  assert.deepEqual(patternOf('FREQ=YEARLY;BYDAY=-1FR', '2026-12-25'), {
    type: 'relativeYearly',
    interval: 1,
    daysOfWeek: ['friday'],
    index: 'last',
    month: 12,
  });
  assert.deepEqual(patternOf('FREQ=MONTHLY;BYMONTHDAY=-1', '2026-01-31'), {
    type: 'relativeMonthly',
    interval: 1,
    daysOfWeek: EVERY,
    index: 'last',
  });
  assert.deepEqual(patternOf('FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0', '2026-01-05T09:00:00'), {
    type: 'daily',
    interval: 1,
  });
  assert.deepEqual(patternOf('FREQ=DAILY;BYSETPOS=-1;BYDAY=SA,SU', '2026-01-10'), {
    type: 'weekly',
    interval: 1,
    daysOfWeek: ['saturday', 'sunday'],
    firstDayOfWeek: 'monday',
  });
});

test('a day that Exchange would move to the end of a shorter month is not approximated', () => {
  for (const [rule, start] of [
    ['FREQ=MONTHLY', '2026-01-29'],
    ['FREQ=MONTHLY;BYMONTHDAY=31', '2026-01-31'],
    ['FREQ=YEARLY', '2024-02-29'],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', '2024-02-29'],
  ] as const) {
    assert.equal(patternOf(rule, start), 'month-end', rule);
  }
  assert.deepEqual(
    patternOf('FREQ=YEARLY', '2026-12-31'),
    { type: 'absoluteYearly', interval: 1, dayOfMonth: 31, month: 12 },
    'every December has 31 days',
  );
  assert.deepEqual(patternOf('FREQ=YEARLY', '2026-02-28'), {
    type: 'absoluteYearly',
    interval: 1,
    dayOfMonth: 28,
    month: 2,
  });
  assert.deepEqual(
    patternOf('FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1', '2026-02-28'),
    { type: 'absoluteMonthly', interval: 1, dayOfMonth: 30 },
    'exactly what Exchange does',
  );
  assert.equal(patternOf('FREQ=MONTHLY;BYMONTHDAY=27,28,29,30;BYSETPOS=-1', '2026-01-30'), 'several-dates');
});

test('rules without a pattern', () => {
  const cases: [NotExpressible, string, string?][] = [
    ['several-times-a-day', 'FREQ=HOURLY;INTERVAL=24'],
    ['time-of-day', 'FREQ=DAILY;BYHOUR=9,17'],
    ['time-of-day', 'FREQ=DAILY;BYHOUR=10'],
    ['week-number', 'FREQ=YEARLY;BYWEEKNO=2'],
    ['day-of-year', 'FREQ=YEARLY;BYYEARDAY=5'],
    ['months', 'FREQ=WEEKLY;BYMONTH=1'],
    ['months', 'FREQ=DAILY;BYMONTH=1'],
    ['months', 'FREQ=YEARLY;BYMONTH=1,2;BYMONTHDAY=5'],
    ['months', 'FREQ=YEARLY;INTERVAL=2;BYMONTH=1,7'],
    ['months', 'FREQ=MONTHLY;INTERVAL=2;BYMONTH=1,4,7,10'],
    ['day-from-month-end', 'FREQ=MONTHLY;BYMONTHDAY=-27'],
    ['several-dates', 'FREQ=MONTHLY;BYMONTHDAY=5,20'],
    ['weekday-and-date', 'FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=5'],
    ['ordinal', 'FREQ=MONTHLY;BYDAY=1MO,3MO'],
    ['ordinal', 'FREQ=MONTHLY;BYDAY=5MO', '2026-03-30'],
    ['ordinal', 'FREQ=MONTHLY;BYDAY=-2MO', '2026-01-19'],
    ['position', 'FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1,2'],
    ['position', 'FREQ=YEARLY;BYMONTH=1;BYDAY=MO'],
    ['position', 'FREQ=MONTHLY;BYDAY=MO;BYSETPOS=5', '2026-03-30'],
    ['position', 'FREQ=YEARLY;BYMONTH=1,7;BYDAY=MO;BYSETPOS=1'],
    ['interval', 'FREQ=DAILY;INTERVAL=2;BYDAY=MO'],
    ['interval', 'FREQ=WEEKLY;INTERVAL=100'],
    ['interval', 'FREQ=DAILY;INTERVAL=1000'],
    ['count', 'FREQ=DAILY;COUNT=1000'],
    ['not-one-rule', 'FREQ=DAILY FREQ=YEARLY'],
    ['not-one-rule', 'FREQ=DAILY EXRULE:FREQ=WEEKLY'],
    ['not-one-rule', 'EXRULE:FREQ=WEEKLY'],
    ['other-calendar', 'FREQ=YEARLY;RSCALE=HEBREW'],
    ['other-calendar', 'FREQ=MONTHLY;SKIP=BACKWARD', '2026-01-31'],
  ];
  for (const [reason, rule, date = '2026-01-05'] of cases)
    assert.equal(write(rule, at(`${date}T09:00:00`)), reason, rule);
  assert.equal(write('FREQ=DAILY', at('2026-01-05'), ['20260301']), 'extra-dates');
});

test('rules with a pattern whose series Graph still cannot hold', () => {
  const monday = '2026-01-05T09:00:00';
  for (const rule of [
    'FREQ=WEEKLY;BYDAY=TU',
    'FREQ=MONTHLY;BYMONTHDAY=6',
    'FREQ=DAILY;UNTIL=20260104',
    'FREQ=DAILY;UNTIL=20260105T075959Z',
    'FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=30',
    'FREQ=MONTHLY;BYDAY=2MO',
  ]) {
    assert.equal(write(rule, at(monday)), 'start-not-on-rule', rule);
  }
  // Seed 1 of the random rules: BYMONTH and the interval together leave no month.
  assert.equal(
    write('FREQ=MONTHLY;INTERVAL=2;BYMONTH=1,3,5,7,9,11;BYMONTHDAY=2', at('2016-10-02T23:45:00')),
    'start-not-on-rule',
  );
  assert.equal(write('FREQ=DAILY', at('2026-01-05T09:00:30')), 'seconds');
  assert.equal(write('FREQ=DAILY', { ...at(monday), end: '2026-01-05T10:00:30' } as When), 'seconds');
  assert.equal(write('FREQ=DAILY', at(monday, 'Antarctica/Troll')), 'zone');
  assert.equal(write('FREQ=DAILY', at('2026-03-29T02:30:00')), 'start-in-clock-change');
  assert.equal(write('FREQ=DAILY', at(monday, 'UTC', 1441)), 'overlapping');
  assert.notEqual(write('FREQ=DAILY', at(monday, 'UTC', 1440)), 'overlapping');
  assert.equal(
    write('FREQ=WEEKLY;BYDAY=MO,SU;WKST=MO', at(monday, 'UTC', 1500)),
    'overlapping',
    'from Sunday to Monday',
  );
  const untilOfOtherType = {
    ...seriesOf(at('2026-01-05'), { rules: ['RRULE:FREQ=DAILY;UNTIL=20260301T000000Z'], dates: [] }),
  };
  assert.equal(toPatternedRecurrence(untilOfOtherType), 'start-not-on-rule');
});

test('each range', () => {
  const berlin = { startDate: '2026-01-05', recurrenceTimeZone: 'W. Europe Standard Time' };
  const when = at('2026-01-05T09:00:00');
  assert.deepEqual(rangeOf('FREQ=DAILY', when), { type: 'noEnd', ...berlin });
  assert.deepEqual(rangeOf('FREQ=DAILY;COUNT=999', when), { type: 'numbered', ...berlin, numberOfOccurrences: 999 });
  const endDate = (until: string, of: When = when): string => {
    const range = rangeOf(`FREQ=DAILY;UNTIL=${until}`, of);
    return typeof range === 'object' && range.type === 'endDate' ? range.endDate : JSON.stringify(range);
  };
  assert.equal(endDate('20260301'), '2026-03-01', 'a date means the whole day');
  assert.equal(endDate('20260301T080000Z'), '2026-03-01');
  assert.equal(endDate('20260301T075959Z'), '2026-02-28', "before that day's occurrence");
  assert.equal(endDate('20260301T090000'), '2026-03-01', 'local time');
  const tokyo = at('2026-01-05T07:00:00', 'Asia/Tokyo');
  assert.equal(endDate('20260228T220000Z', tokyo), '2026-03-01', 'the date in the zone of the series');
  const late = at('2026-01-05T22:00:00', 'America/Los_Angeles');
  assert.equal(endDate('20260302T060000Z', late), '2026-03-01');
  // On the day without 02:30 the occurrence is at 03:30.
  assert.equal(endDate('20260329T013000Z', at('2026-01-05T02:30:00')), '2026-03-29');
  assert.equal(endDate('20260329T012959Z', at('2026-01-05T02:30:00')), '2026-03-28');
  assert.equal(endDate('20260105T080000Z'), '2026-01-05', 'one occurrence');
  assert.equal(endDate('20260301', at('2026-01-05')), '2026-03-01');
  assert.deepEqual(
    rangeOf('FREQ=DAILY;UNTIL=99991231T235959Z', when),
    { type: 'noEnd', ...berlin },
    'later than Exchange counts',
  );
  assert.deepEqual(
    rangeOf('FREQ=DAILY', at('2026-01-05')),
    { type: 'noEnd', startDate: '2026-01-05', recurrenceTimeZone: 'UTC' },
    'all-day: dates',
  );
});

describe('reading', () => {
  const read = (
    pattern: object,
    range: object,
    when: When,
  ): { rule: string | undefined; start: string; end: string } => {
    const filled = { month: 0, dayOfMonth: 0, daysOfWeek: [], firstDayOfWeek: 'sunday', index: 'first', ...pattern };
    const back = fromPatternedRecurrence(
      readPatternedRecurrence({
        pattern: filled,
        range: { endDate: '0001-01-01', numberOfOccurrences: 0, recurrenceTimeZone: 'UTC', ...range },
      }),
      when,
    );
    return { rule: back.recurrence.rules[0], start: back.when.start, end: back.when.end };
  };
  const rule = (pattern: object, startDate: string, range: object = { type: 'noEnd' }): string | undefined =>
    read({ interval: 1, ...pattern }, { startDate, ...range }, at(startDate)).rule;

  test('each pattern and range, with what Graph fills in', () => {
    assert.equal(rule({ type: 'daily', interval: 2 }, '2026-01-05'), 'RRULE:FREQ=DAILY;INTERVAL=2');
    assert.equal(
      rule({ type: 'weekly', daysOfWeek: ['wednesday', 'monday'] }, '2026-01-05'),
      'RRULE:FREQ=WEEKLY;BYDAY=MO,WE;WKST=SU',
      'Graph begins weeks on Sunday',
    );
    assert.equal(
      rule({ type: 'weekly', daysOfWeek: ['monday'], firstDayOfWeek: undefined }, '2026-01-05'),
      'RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=SU',
    );
    assert.equal(
      rule({ type: 'absoluteMonthly', dayOfMonth: 5 }, '2026-01-05', { type: 'numbered', numberOfOccurrences: 3 }),
      'RRULE:FREQ=MONTHLY;COUNT=3;BYMONTHDAY=5',
    );
    assert.equal(
      rule({ type: 'relativeMonthly', daysOfWeek: ['monday'], index: 'first' }, '2026-01-05', {
        type: 'endDate',
        endDate: '2026-07-01',
      }),
      'RRULE:FREQ=MONTHLY;UNTIL=20260701;BYDAY=1MO',
    );
    assert.equal(
      rule({ type: 'relativeMonthly', daysOfWeek: WORK, index: 'last' }, '2026-01-30'),
      'RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1',
    );
    assert.equal(
      rule({ type: 'relativeMonthly', daysOfWeek: EVERY, index: 'last' }, '2026-01-31'),
      'RRULE:FREQ=MONTHLY;BYMONTHDAY=-1',
    );
    assert.equal(
      rule({ type: 'absoluteYearly', dayOfMonth: 31, month: 12 }, '2026-12-31'),
      'RRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31',
    );
    assert.equal(
      rule({ type: 'relativeYearly', daysOfWeek: ['friday'], index: 'last', month: 11 }, '2026-11-27'),
      'RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=-1FR',
    );
    assert.equal(
      read(
        { type: 'daily', interval: 1 },
        { type: 'endDate', startDate: '2026-01-05', endDate: '2026-03-01' },
        at('2026-01-05T09:00:00'),
      ).rule,
      'RRULE:FREQ=DAILY;UNTIL=20260301T225959Z',
      'the whole last day',
    );
  });

  test('a day that Exchange moves to the end of shorter months is reported', () => {
    assert.equal(
      rule({ type: 'absoluteMonthly', dayOfMonth: 30 }, '2026-01-30'),
      'RRULE:FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1',
    );
    assert.equal(
      rule({ type: 'absoluteYearly', dayOfMonth: 29, month: 2 }, '2024-02-29'),
      'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1',
    );
    assert.equal(
      rule({ type: 'absoluteYearly', dayOfMonth: 31, month: 4 }, '2026-04-30'),
      'RRULE:FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=28,29,30,31;BYSETPOS=-1',
    );
  });

  test('the start moves to the first matching day', () => {
    const weekly = { type: 'weekly', interval: 2, daysOfWeek: ['monday'], firstDayOfWeek: 'monday' };
    const moved = read(weekly, { type: 'noEnd', startDate: '2026-03-25' }, at('2026-03-25T09:00:00'));
    assert.deepEqual(
      moved,
      { rule: 'RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO', start: '2026-04-06T09:00:00', end: '2026-04-06T10:00:00' },
      'not to the week between',
    );
    assert.equal(
      read(
        { type: 'absoluteMonthly', interval: 1, dayOfMonth: 31 },
        { type: 'noEnd', startDate: '2026-04-05' },
        at('2026-04-05'),
      ).start,
      '2026-04-30',
    );
    const sunday = { type: 'weekly', interval: 1, daysOfWeek: ['sunday'], firstDayOfWeek: 'monday' };
    const leftOut = read(sunday, { type: 'noEnd', startDate: '2026-03-25' }, at('2026-03-25T02:30:00'));
    assert.equal(
      leftOut.start,
      '2026-03-29T02:30:00',
      'also to one on which the clock skips the time: seed 5 of the random recurrences',
    );
    const late = (): unknown =>
      read(weekly, { type: 'endDate', startDate: '2026-03-25', endDate: '2026-04-05' }, at('2026-03-25'));
    assert.throws(late, RecurrenceError, 'no day fits');
  });

  test('an invalid recurrence is refused', () => {
    const [pattern, range] = [
      { type: 'daily', interval: 1 },
      { type: 'noEnd', startDate: '2026-01-05' },
    ];
    const weekly = { type: 'weekly', interval: 1, firstDayOfWeek: 'monday' };
    const bad: unknown[] = [
      null,
      [],
      {},
      'daily',
      { pattern },
      { range },
      { pattern: { type: 'hourly', interval: 1 }, range },
      { pattern: { type: 'daily', interval: 0 }, range },
      { pattern: { type: 'daily', interval: 1.5 }, range },
      { pattern: { type: 'daily', interval: 1e9 }, range },
      { pattern: weekly, range },
      { pattern: { ...weekly, daysOfWeek: [] }, range },
      { pattern: { ...weekly, daysOfWeek: ['someday'] }, range },
      { pattern: { ...weekly, daysOfWeek: new Array(1000).fill('monday') }, range },
      { pattern: { type: 'absoluteMonthly', interval: 1, dayOfMonth: 0 }, range },
      { pattern: { type: 'absoluteYearly', interval: 1, dayOfMonth: 1, month: 13 }, range },
      { pattern: { type: 'relativeMonthly', interval: 1, daysOfWeek: ['monday'], index: 'fifth' }, range },
      { pattern, range: { type: 'noEnd', startDate: '2026-02-30' } },
      { pattern, range: { type: 'endDate', startDate: '2026-01-05', endDate: '0001-01-01' } },
      { pattern, range: { type: 'numbered', startDate: '2026-01-05', numberOfOccurrences: 0 } },
      { pattern, range: { type: 'forever', startDate: '2026-01-05' } },
    ];
    for (const json of bad) assert.throws(() => readPatternedRecurrence(json), RecurrenceError, JSON.stringify(json));
  });
});

const corpus = new URL('../../../shared/corpus/', import.meta.url);
const skip = existsSync(corpus) ? false : 'the corpus is not here';

test('rules of the corpus: which ones Graph can hold, and why not', { skip }, (t) => {
  const table = new Map<string, number>();
  const count = (outcome: string): void => void table.set(outcome, (table.get(outcome) ?? 0) + 1);
  const wrong: string[] = [];
  let compared = 0;
  const { cases } = JSON.parse(readFileSync(new URL('recurrence/rrule-expansions.json', corpus), 'utf8')) as {
    cases: RuleCase[];
  };
  for (const one of cases.filter(({ tier }) => tier !== 'reject')) {
    const written = written5545(one);
    count(typeof written === 'string' ? written : written.pattern.type);
    if (typeof written === 'string' || one.tier !== 'agreed' || one.start_at !== undefined) continue;
    compared++;
    const last = Date.parse(one.complete ? '9999-12-31' : isoDate(one.expected.at(-1)!));
    const days = seriesDays(readRecurrence(written, UTC, DEFAULT_BEHAVIOUR), last).map((day) =>
      new Date(day).toISOString().slice(0, 10),
    );
    if (days.join() !== one.expected.map(isoDate).join())
      wrong.push(`${one.dtstart} ${one.rrule}\n${days.slice(0, 20).join()}\n${one.expected.join()}`);
  }
  t.diagnostic(`${cases.length} rules of the table: ${format(table)}`);
  table.clear();
  for (const kind of ['valid/', 'broken/']) {
    const folder = new URL(`ics/${kind}`, corpus);
    const texts = readdirSync(folder)
      .flatMap((name) => splitFeed(decodeBytes(readFileSync(new URL(name, folder)))))
      .map(({ text }) => text);
    for (const { event } of texts.flatMap((text) => readObject(text, { floatingZone: 'Europe/Berlin' }).events)) {
      if (!event?.recurrence) continue;
      const written = toPatternedRecurrence(event);
      count(typeof written === 'string' ? written : written.pattern.type);
    }
  }
  t.diagnostic(`series of the files: ${format(table)}`);
  t.diagnostic(`${compared} compared with what two engines agree on`);
  assert.deepEqual(wrong, []);
  assert.ok(compared > 50, `${compared}`);
});

interface RuleCase {
  readonly tier: string;
  readonly dtstart: string;
  readonly rrule: string;
  readonly expected: readonly string[];
  readonly complete: boolean;
  readonly start_at?: string;
}

function written5545({ dtstart, rrule }: RuleCase): PatternedRecurrence | string {
  const when = at(
    dtstart.length === 8
      ? isoDate(dtstart)
      : `${isoDate(dtstart)}T${dtstart.slice(9, 11)}:${dtstart.slice(11, 13)}:${dtstart.slice(13, 15)}`,
    'UTC',
    0,
  );
  try {
    return write(rrule, when);
  } catch (error) {
    if (error instanceof RecurrenceError) return 'no rule of RFC 5545';
    throw error;
  }
}

function isoDate(text: string): string {
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)}`;
}

function format(table: ReadonlyMap<string, number>): string {
  return [...table]
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${outcome} ${count}`)
    .join(', ');
}
