/**
 * The engine with the real providers, over the wire: the same schedules each time; with `TEST_CALPAIR_SEED` others. For
 * longer runs: `npm run simulate -- --wire --cloud google --seeds N`.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { splitAtCode } from '../replace-code.mjs';
import { simulate } from '../run-main.ts';
import { WIRE_MUTANTS } from './mutants.ts';
import { playWire } from './play.ts';
import { REGRESSIONS } from './regressions.ts';
import { scheduleOf } from './steps.ts';

/** About a minute for each cloud on a slow machine. */
const SEEDS = { google: 40, graph: 25, caldav: 40 } as const;
const SEED = Number(process.env['TEST_CALPAIR_SEED'] ?? 1);

for (const cloud of ['google', 'graph', 'caldav'] as const) {
  test(`${SEEDS[cloud]} schedules over the wire from seed ${SEED}: CalDAV and ${cloud}`, async (context) => {
    const { code, output } = await play(cloud, SEEDS[cloud]);
    const last = output.trim().split('\n').at(-1) ?? '';
    context.diagnostic(last);
    assert.equal(code, 0, output);
    assert.match(last, new RegExp(`^${SEEDS[cloud]} schedules .*: 0 violations$`));
  });
}

test('a schedule over the wire plays the same after another one', async () => {
  const first = await playWire(scheduleOf(7, 'graph'));
  await playWire(scheduleOf(8, 'graph'));
  const again = await playWire(scheduleOf(7, 'graph'));
  assert.deepEqual([again.story, again.steps, again.requests], [first.story, first.steps, first.requests]);
});

for (const { title, schedule } of REGRESSIONS)
  test(`over the wire: ${title}`, async () => {
    const { violation, story } = await playWire(schedule);
    assert.equal(violation, null, story.join('\n'));
  });

test('every mistake in provider code has its place in the source, once', () => {
  for (const { name, file, from } of WIRE_MUTANTS) {
    const places = splitAtCode(readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8'), from).length - 1;
    assert.equal(places, 1, `${name}: its code occurs ${places} times in ${file}`);
  }
  assert.ok(WIRE_MUTANTS.length >= 30);
});

function play(cloud: string, seeds: number): ReturnType<typeof simulate> {
  return simulate(['--wire', '--cloud', cloud, '--seeds', `${seeds}`, '--seed', `${SEED}`, '--jobs', '2']);
}
