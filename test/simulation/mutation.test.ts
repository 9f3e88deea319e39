/**
 * Shows that the simulation finds bugs: each mutation of `mutants.ts` is put into the engine and must be found. The
 * search starts at a seed that is known to find it; `npm run simulate -- --mutants` searches from any seed.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { MUTANTS } from './mutants.ts';
import { splitAtCode } from './replace-code.mjs';
import { search } from './search.ts';

/** A mutation is found at its seed, unless the engine or the simulation changed since. */
const SEEDS = 3_000;

test('every mutation has its place in the source, once', () => {
  for (const { name, file, from } of MUTANTS) {
    const places = splitAtCode(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'), from).length - 1;
    assert.equal(places, 1, `${name}: its code occurs ${places} times in ${file}`);
  }
  assert.ok(MUTANTS.length >= 30);
});

describe('the simulation finds', { concurrency: 2 }, () => {
  for (const mutant of MUTANTS) {
    test(`${mutant.name}: ${mutant.description}`, async (context) => {
      const { invariant, message, seed, played } = await search(
        mutant,
        mutant.seed,
        SEEDS,
        mutant.undo ? ['--undo'] : [],
      );
      context.diagnostic(`${invariant} at seed ${seed}, after ${played}`);
      assert.notEqual(invariant, null, `not found in ${played} schedules from seed ${mutant.seed}`);
      assert.doesNotMatch(message, /^an activity failed/, `the mutated code does not run: ${message}`);
    });
  }
});
