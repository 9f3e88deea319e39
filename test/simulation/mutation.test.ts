/**
 * A check that finds nothing proves nothing: each mistake of `mutants.ts` is put into the engine, and the simulation
 * has to notice it. Here from the seed that is known to show it; `npm run simulate -- --mutants` looks for all of them
 * anew.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { MUTANTS } from './mutants.ts';
import { splitAtCode } from './replace-code.mjs';
import { search } from './search.ts';

/** Found where its seed says; a change of the engine or of the simulation may need more. */
const SEEDS = 3_000;

test('every mistake has its place in the source, once', () => {
  for (const { name, file, from } of MUTANTS) {
    const places = splitAtCode(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'), from).length - 1;
    assert.equal(places, 1, `${name}: its piece of ${file} occurs ${places} times`);
  }
  assert.ok(MUTANTS.length >= 30);
});

describe('the simulation notices', { concurrency: 2 }, () => {
  for (const mutant of MUTANTS) {
    test(`${mutant.name}: ${mutant.mistake}`, async (context) => {
      const { invariant, message, seed, played } = await search(mutant, mutant.seed, SEEDS);
      context.diagnostic(`${invariant} at seed ${seed}, after ${played}`);
      assert.notEqual(invariant, null, `nothing was noticed in ${played} schedules from seed ${mutant.seed} on`);
      assert.doesNotMatch(message, /^an activity failed/, 'a mistake that does not even run shows nothing');
    });
  }
});
