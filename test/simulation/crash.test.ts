/**
 * Simulates a crash at every step: in the end, both calendars are the same as without a crash, and every invariant
 * holds all the time. All single crashes of three kinds are played, and a sample of pairs of crashes:
 * `node --import tsx test/simulation/crash.test.ts --long` plays 25 times as many pairs.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { randomOf } from '../support/random.ts';
import { SCENARIOS, type Scenario, scheduleWith } from './crash-scenarios.ts';
import { originalLocation } from './ledger.ts';
import { type Outcome, play } from './play.ts';
import type { Interruption, ProcessStep, Schedule, Step } from './steps.ts';

const SEED = Number(process.env['TEST_CALPAIR_SEED'] ?? 1);
const DOUBLES = process.argv.includes('--long') ? 20_000 : 800;
/** The seed sets the order of steps among processes; pairs of crashes are played in several orders. */
const ORDERS = 4;
/** A stalled process wakes while the run that replaced it is active. */
const WAKE: readonly Step[] = [{ do: 'wake' }, { do: 'sync', pairs: [0], during: [] }];

const counts = { scenarios: 0, steps: 0, crash: 0, 'lose-workflow': 0, stall: 0, doubles: 0 };
const started = Date.now();

describe('a crash at any step', () => {
  after(() =>
    console.log(`crashes: ${JSON.stringify(counts)} in ${Math.round((Date.now() - started) / 1000)} s (seed ${SEED})`),
  );
  for (const scenario of SCENARIOS) test(scenario.name, () => crashEverywhere(scenario));
});

async function crashEverywhere(scenario: Scenario): Promise<void> {
  const undisturbed = await Promise.all(
    Array.from({ length: ORDERS }, (_, order) => play(scheduleWith(scenario, SEED + order))),
  );
  const expected = undisturbed.map(endOf);
  counts.scenarios += 1;
  const differences: string[] = [];
  const check = async (
    order: number,
    interruptions: readonly Interruption[],
    afterwards: readonly Step[],
  ): Promise<Outcome> => {
    const crashed = scheduleWith(scenario, SEED + order, interruptions, afterwards);
    const outcome = await play(crashed);
    if (differences.length < 5 && endOf(outcome) !== expected[order])
      differences.push(describeDifference(crashed, undisturbed[order] as Outcome, outcome));
    return outcome;
  };
  let last = 0;
  for (let at = 1, isOver = false; !isOver; at += 1) {
    isOver = true;
    for (const what of ['crash', 'lose-workflow', 'stall'] as const) {
      const { story } = await check(0, [interruption(at, what)], what === 'stall' && at % 2 === 0 ? WAKE : []);
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
    // The second crash comes while the engine recovers from the first one, sometimes in the next run or at its start.
    const second = first + 1 + random.below(random.pick([4, 20, last]));
    const kinds = [first, second].map((at) =>
      interruption(at, random.pick(['crash', 'crash', 'lose-workflow', 'stall'])),
    );
    await check(random.below(ORDERS), kinds, random.chance(0.5) ? WAKE : []);
    counts.doubles += 1;
  }
  assert.ok(last > 5, `the last sync took ${last} steps`);
  assert.equal(differences.length, 0, `\n${differences.join('\n\n')}`);
}

function interruption(at: number, kind: ProcessStep['do']): Interruption {
  return { at, step: { do: kind } };
}

/** The final events of each calendar and the conflicts, without ids and versions, and the violation, if any. */
function endOf({ world, violation }: Outcome): string {
  const calendars = world.calendars.map((calendar) =>
    calendar
      .events()
      .map((event) => inOrder({ ...event, uid: null, location: originalLocation(event.location) }))
      .sort(),
  );
  const conflicts = [...world.database.conflicts.values()].map(({ field, winner, content }) => ({
    field,
    winner,
    ...(JSON.parse(content.toString()) as ConflictValues),
  }));
  // If the response to a write was lost, a location that the server rewrote counts as an edit of that side.
  const ofPeople = conflicts
    .filter(({ keptValue, lostValue }) => comparable(keptValue) !== comparable(lostValue))
    .map((conflict) => JSON.stringify(conflict))
    .sort();
  return JSON.stringify({ calendars, conflicts: ofPeople, broken: violation?.message ?? null }, null, 1);
}

function inOrder(event: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1))));
}

interface ConflictValues {
  readonly keptValue: unknown;
  readonly lostValue: unknown;
}

function comparable(value: unknown): string {
  return typeof value === 'string' ? originalLocation(value) : JSON.stringify(value);
}

function describeDifference(schedule: Schedule, undisturbed: Outcome, outcome: Outcome): string {
  const [before, now] = [endOf(undisturbed).split('\n'), endOf(outcome).split('\n')];
  return [
    JSON.stringify(schedule),
    ...outcome.story.slice(-40),
    ...before.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ].join('\n');
}
