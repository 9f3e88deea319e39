/**
 * Notifications in simulation: late, lost, doubled, in storms, and through channels that have ended. For longer runs:
 * `npm run simulate -- --notifications --seeds N`.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { splitAtCode } from '../replace-code.mjs';
import { simulate } from '../run-main.ts';
import { search } from '../search.ts';
import { NOTIFICATION_MUTANTS } from './mutants.ts';

const SEEDS = 4;
const SEED = Number(process.env['TEST_CALPAIR_SEED'] ?? 1);

test(`${SEEDS} schedules from seed ${SEED} violate nothing`, async (context) => {
  const args = ['--notifications', '--seeds', `${SEEDS}`, '--seed', `${SEED}`, '--jobs', '2'];
  const { code, output } = await simulate(args);
  const last = output.trim().split('\n').at(-1) ?? '';
  context.diagnostic(last);
  assert.equal(code, 0, output);
  assert.match(last, new RegExp(`^${SEEDS} schedules .*: 0 violations$`));
});

test('every mutation has its place in the source, once', () => {
  for (const { name, file, from } of NOTIFICATION_MUTANTS) {
    const places = splitAtCode(readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8'), from).length - 1;
    assert.equal(places, 1, `${name}: its code occurs ${places} times in ${file}`);
  }
});

describe('the simulation finds', { concurrency: 2 }, () => {
  for (const mutant of NOTIFICATION_MUTANTS) {
    test(`${mutant.name}: ${mutant.description}`, async (context) => {
      const { invariant, message, seed, played } = await search(mutant, mutant.seed, 1, ['--notifications']);
      context.diagnostic(`${invariant} at seed ${seed}, after ${played}`);
      assert.notEqual(invariant, null, `not found in ${played} schedules from seed ${mutant.seed}`);
      assert.notEqual(invariant, 'N6', `the mutated code does not run: ${message}`);
    });
  }
});
