/**
 * A crash at every step, simulated: what both calendars show in the end is what they show without a crash, and every
 * invariant holds on the way. All single crashes are played, of three kinds, and pairs of crashes by sample: `node
 * --import tsx test/simulation/crash.test.ts --long` plays ten times as many of these.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { randomOf } from '../support/random.ts';
import { SCENARIOS, type Scenario, scheduleWith } from './crash-scenarios.ts';
import { untidied } from './ledger.ts';
import { type Outcome, play } from './play.ts';
import type { During, ProcessStep, Schedule, Step } from './steps.ts';

const SEED = Number(process.env['TEST_CALPAIR_SEED'] ?? 1);
const DOUBLES = process.argv.includes('--long') ? 20_000 : 2_000;
/** Every order of steps among processes has a seed; pairs of crashes are played in so many. */
const ORDERS = 4;
/** A frozen process wakes beside the run that has taken its place. */
const WAKES: readonly Step[] = [{ do: 'thaw' }, { do: 'sync', pairs: [0], during: [] }];

const counts = { scenarios: 0, steps: 0, crash: 0, 'lose-workflow': 0, 'stand-still': 0, doubles: 0 };
const started = Date.now();

describe('a crash at any step', () => {
  after(() =>
    console.log(`crashes: ${JSON.stringify(counts)} in ${Math.round((Date.now() - started) / 1000)} s (seed ${SEED})`),
  );
  for (const scenario of SCENARIOS) test(scenario.name, () => crashEverywhere(scenario));
});

async function crashEverywhere(scenario: Scenario): Promise<void> {
  const calm = await Promise.all(
    Array.from({ length: ORDERS }, (_, order) => play(scheduleWith(scenario, SEED + order))),
  );
  const expected = calm.map(endOf);
  counts.scenarios += 1;
  const differences: string[] = [];
  const check = async (order: number, befalling: readonly During[], afterwards: readonly Step[]): Promise<Outcome> => {
    const crashed = scheduleWith(scenario, SEED + order, befalling, afterwards);
    const outcome = await play(crashed);
    if (differences.length < 5 && endOf(outcome) !== expected[order])
      differences.push(told(crashed, calm[order] as Outcome, outcome));
    return outcome;
  };
  let last = 0;
  for (let at = 1, isOver = false; !isOver; at += 1) {
    isOver = true;
    for (const what of ['crash', 'lose-workflow', 'stand-still'] as const) {
      const { story } = await check(0, [befalls(at, what)], what === 'stand-still' && at % 2 === 0 ? WAKES : []);
      if (!story.some((line) => line.includes(`[${what}:`))) continue;
      counts[what] += 1;
      isOver = false;
    }
    if (!isOver) last = at;
  }
  counts.steps += last;
  const random = randomOf(SEED ^ last);
  for (let count = 0; count < DOUBLES / SCENARIOS.length; count += 1) {
    const first = 1 + random.below(last);
    // The second one comes while the first one's damage is mended, at times in the next run or at its very start.
    const second = first + 1 + random.below(random.pick([4, 20, last]));
    const kinds = [first, second].map((at) =>
      befalls(at, random.pick(['crash', 'crash', 'lose-workflow', 'stand-still'])),
    );
    await check(random.below(ORDERS), kinds, random.chance(0.5) ? WAKES : []);
    counts.doubles += 1;
  }
  assert.ok(last > 5, `the last sync took ${last} steps`);
  assert.equal(differences.length, 0, `\n${differences.join('\n\n')}`);
}

function befalls(at: number, what: ProcessStep['do']): During {
  return { at, what: { do: what } };
}

/**
 * What people see in the end: the events of each calendar and the conflicts, without ids and versions. And what broke,
 * if anything did.
 */
function endOf({ world, violation }: Outcome): string {
  const calendars = world.calendars.map((calendar) =>
    calendar
      .events()
      .map((event) => inOrder({ ...event, uid: null, location: untidied(event.location) }))
      .sort(),
  );
  const conflicts = [...world.database.conflicts.values()].map(({ field, winner, content }) => ({
    field,
    winner,
    ...(JSON.parse(content.toString()) as Sides),
  }));
  // Where a write was done and not heard of, what the server made of it reads as its own edit.
  const ofPeople = conflicts
    .filter(({ keptValue, lostValue }) => tidy(keptValue) !== tidy(lostValue))
    .map((conflict) => JSON.stringify(conflict))
    .sort();
  return JSON.stringify({ calendars, conflicts: ofPeople, broken: violation?.message ?? null }, null, 1);
}

function inOrder(event: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1))));
}

interface Sides {
  readonly keptValue: unknown;
  readonly lostValue: unknown;
}

function tidy(value: unknown): string {
  return typeof value === 'string' ? untidied(value) : JSON.stringify(value);
}

function told(schedule: Schedule, calm: Outcome, outcome: Outcome): string {
  const [before, now] = [endOf(calm).split('\n'), endOf(outcome).split('\n')];
  return [
    JSON.stringify(schedule),
    ...outcome.story.slice(-40),
    ...before.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ].join('\n');
}
