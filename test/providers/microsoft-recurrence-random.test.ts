/**
 * Random rules: each has the same occurrences in Graph as in dateutil, or the series is expanded. The fake's expander,
 * which is independent of the mapping, computes what Graph shows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { When } from '../../core/event.ts';
import { RecurrenceError } from '../../core/recurrence/rule.ts';
import { instantOf, localOf } from '../../core/zones.ts';
import { fromPatternedRecurrence, toPatternedRecurrence } from '../../providers/microsoft/recurrence.ts';
import {
  DAYS_OF_WEEK,
  INDEXES,
  type PatternedRecurrence,
  readPatternedRecurrence,
} from '../../providers/microsoft/recurrence-form.ts';
import { graphZone } from '../../providers/microsoft/zones.ts';
import { DEFAULT_BEHAVIOUR } from '../fakes/graph/behaviour.ts';
import { seriesDays } from '../fakes/graph/expand.ts';
import { readRecurrence, showRecurrence } from '../fakes/graph/recurrence.ts';
import { UTC } from '../fakes/graph/zones.ts';
import { Draw, type RandomSeries, randomSeries, seriesOf, ZONES } from '../support/random-rules.ts';
import { type ExpectedOccurrences, expectedOccurrences } from '../support/rule-oracle.ts';

const SEED = Number(process.env['TEST_CALPAIR_SEED'] ?? 1);
const RULES = 10_000;
const RECURRENCES = 2000;
const DAYS = 1826;
const DAY_MS = 86_400_000;

test('random rules have the same occurrences in Graph over five years, or are expanded', async (t) => {
  t.diagnostic(`seed ${SEED} (TEST_CALPAIR_SEED)`);
  const expressed: { given: RandomSeries; recurrence: PatternedRecurrence }[] = [];
  const reasons = new Map<string, number>();
  const rules = randomSeries(SEED);
  for (let at = 0; at < RULES; at++) {
    const given = rules.next().value as RandomSeries;
    const recurrence = toPatternedRecurrence(given.series);
    if (typeof recurrence === 'string') reasons.set(recurrence, (reasons.get(recurrence) ?? 0) + 1);
    else expressed.push({ given, recurrence });
  }
  const expected = await expectedOccurrences(
    expressed.map(
      ({
        given: {
          text,
          series: { when },
        },
      }) => ({ rule: text, ...clockOf(when), days: DAYS }),
    ),
  );
  const wrong = expressed.flatMap(
    (
      {
        given: {
          text,
          series: { when },
        },
        recurrence,
      },
      at,
    ) => {
      const difference = differenceOf(expand(recurrence, when), expected[at]!);
      return difference === null
        ? []
        : [`${text} from ${when.start} ${clockOf(when).zone}: ${difference}\n  ${JSON.stringify(recurrence)}`];
    },
  );
  const types = countBy(expressed.map(({ recurrence: { pattern, range } }) => `${pattern.type} ${range.type}`));
  t.diagnostic(
    `${RULES} rules: ${expressed.length} expressed, ${RULES - expressed.length} expanded, ` +
      `${wrong.length} mismatches`,
  );
  t.diagnostic(`expressed: ${format(types)}`);
  t.diagnostic(`expanded: ${format(reasons)}`);
  assert.deepEqual(wrong.slice(0, 10), [], `seed ${SEED}: ${wrong.length} mismatches`);
  assert.ok(expressed.length >= RULES / 4, `only ${expressed.length} rules were expressed`);
  assert.equal(types.size, 18, 'each of the six patterns with each of the three ranges');
});

test('a random recurrence of Graph becomes a rule with the same occurrences, and is written back', async (t) => {
  t.diagnostic(`seed ${SEED} (TEST_CALPAIR_SEED)`);
  const draw = new Draw(SEED);
  const read: { returned: PatternedRecurrence; text: string; when: When }[] = [];
  let [empty, moved] = [0, 0];
  for (let at = 0; at < RECURRENCES; at++) {
    const { recurrence, when } = randomRecurrence(draw);
    const returned = readPatternedRecurrence(showRecurrence(readRecurrence(recurrence, UTC, DEFAULT_BEHAVIOUR)));
    assert.deepEqual(returned, recurrence, 'what Graph fills in does not matter');
    try {
      const back = fromPatternedRecurrence(returned, when);
      const again = toPatternedRecurrence(seriesOf(back.when, back.recurrence));
      const startDate = back.when.start.slice(0, 10);
      if (startDate !== returned.range.startDate) moved++;
      // Seed 5: on the first day the clock skips that time.
      const expected = isLeftOut(back.when)
        ? 'start-in-clock-change'
        : { ...returned, range: { ...returned.range, startDate } };
      assert.deepEqual(again, expected, `seed ${SEED}: ${back.recurrence.rules[0]} from ${back.when.start}`);
      read.push({ returned, text: back.recurrence.rules[0]!.slice('RRULE:'.length), when: back.when });
    } catch (error) {
      if (!(error instanceof RecurrenceError)) throw error;
      assert.deepEqual(expand(returned, when).walls, [], JSON.stringify(returned));
      empty++;
    }
  }
  const expected = await expectedOccurrences(
    read.map(({ text, when }) => ({ rule: text, ...clockOf(when), days: DAYS })),
  );
  const wrong = read.flatMap(({ returned, text, when }, at) => {
    const difference = differenceOf(expand(returned, when), expected[at]!);
    return difference === null ? [] : [`${JSON.stringify(returned)}: ${text} from ${when.start}: ${difference}`];
  });
  t.diagnostic(
    `${read.length} recurrences read, ${moved} of them with a later first day than startDate; ` +
      `${empty} without an occurrence; ${wrong.length} mismatches`,
  );
  assert.deepEqual(wrong.slice(0, 10), [], `seed ${SEED}`);
  assert.ok(read.length > RECURRENCES * 0.8 && moved > RECURRENCES * 0.2);
});

type Occurrences = Pick<ExpectedOccurrences, 'walls' | 'instants'>;

/** The occurrences that Graph shows within five years of the series' start, all at its time of day. */
function expand(recurrence: PatternedRecurrence, when: When): Occurrences {
  const { start, zone } = clockOf(when);
  const end = Date.parse(`${start}Z`) + DAYS * DAY_MS;
  const graph = readRecurrence(recurrence, UTC, DEFAULT_BEHAVIOUR);
  assert.ok(when.allDay ? graph.zone.iana === 'UTC' : graph.zone.name === graphZone(zone, Number(start.slice(0, 4))));
  const walls = seriesDays(graph, end)
    .map((day) => day + Date.parse(`1970-01-01T${start.slice(11)}Z`))
    .filter((wall) => wall < end);
  const local = (wall: number): string => new Date(wall).toISOString().slice(0, 19);
  return {
    walls: walls.map((wall) => wall / 60_000),
    instants: walls.map((wall) => instantOf(local(wall), graph.zone.iana) / 60_000),
  };
}

function clockOf(when: When): { start: string; zone: string } {
  return when.allDay ? { start: `${when.start}T00:00:00`, zone: 'UTC' } : { start: when.start, zone: when.startZone };
}

function isLeftOut(when: When): boolean {
  const { start, zone } = clockOf(when);
  return localOf(instantOf(start, zone), zone) !== start;
}

/** Null when both have the same times, and at least one. */
function differenceOf(graph: Occurrences, expected: Occurrences): string | null {
  for (const key of ['walls', 'instants'] as const) {
    const at = expected[key].findIndex((time, index) => graph[key][index] !== time);
    if (at >= 0 || graph[key].length !== expected[key].length) {
      const show = (time: number | undefined): string =>
        time === undefined ? 'none' : new Date(time * 60_000).toISOString().slice(0, 16);
      const first = at >= 0 ? at : expected[key].length;
      return (
        `${key}[${first}] is ${show(graph[key][first])} in Graph, ${show(expected[key][first])} by ` +
        `the oracle (${graph[key].length} and ${expected[key].length})`
      );
    }
  }
  return expected.walls.length > 0 ? null : 'no occurrence';
}

/** A recurrence of Outlook or another client: its first day need not match the pattern. */
function randomRecurrence(draw: Draw): { recurrence: PatternedRecurrence; when: When } {
  const startDate = draw.date();
  const zone = draw.chance(25) ? null : draw.of(ZONES);
  const time = draw.of(['09:00:00', '02:30:00', '00:00:00', '23:45:00']);
  const when: When =
    zone === null
      ? { allDay: true, start: startDate, end: new Date(Date.parse(startDate) + DAY_MS).toISOString().slice(0, 10) }
      : {
          allDay: false,
          start: `${startDate}T${time}`,
          startZone: zone,
          end: `${startDate}T${time.slice(0, 4)}9:00`,
          endZone: zone,
        };
  const chosen = new Set(draw.chance(20) ? DAYS_OF_WEEK : draw.some(DAYS_OF_WEEK, 5));
  const [interval, daysOfWeek] = [
    draw.chance(60) ? 1 : 1 + draw.below(12),
    DAYS_OF_WEEK.filter((day) => chosen.has(day)),
  ];
  const [index] = [draw.of(INDEXES)[1]];
  const [dayOfMonth, month] = [draw.chance(40) ? 28 + draw.below(4) : 1 + draw.below(31), 1 + draw.below(12)];
  const pattern = draw.of([
    { type: 'daily', interval },
    { type: 'weekly', interval, daysOfWeek, firstDayOfWeek: draw.of(DAYS_OF_WEEK) },
    { type: 'absoluteMonthly', interval, dayOfMonth },
    { type: 'relativeMonthly', interval, daysOfWeek, index },
    { type: 'absoluteYearly', interval, dayOfMonth, month },
    { type: 'relativeYearly', interval, daysOfWeek, index, month },
  ] as const);
  const start = {
    startDate,
    recurrenceTimeZone: zone === null ? 'UTC' : graphZone(zone, Number(startDate.slice(0, 4))),
  };
  const range = draw.of([
    { type: 'noEnd', ...start },
    { type: 'numbered', ...start, numberOfOccurrences: 1 + draw.below(60) },
    {
      type: 'endDate',
      ...start,
      endDate: new Date(Date.parse(startDate) + draw.below(3000) * DAY_MS).toISOString().slice(0, 10),
    },
  ] as const);
  return { recurrence: { pattern, range }, when };
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function format(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
