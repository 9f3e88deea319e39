/** Limits of deletions, and flapping. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { holdReason, isFlapping, sampleOf } from '../../../core/sync/deletion-guard.ts';
import { DEFAULT_OPTIONS } from '../../../core/sync/policy.ts';

const limit = DEFAULT_OPTIONS.holdDeletions;

describe('deletions in one run, and over many (I5)', () => {
  for (const linked of [1, 2, 3, 10, 11, 12, 49, 50, 51, 1000]) {
    // The largest number of deletions that the rule allows.
    const most = Math.max(10, Math.floor(linked / 5));
    for (const planned of [1, most - 1, most, most + 1, linked].filter((count) => count >= 1 && count <= linked)) {
      const emptied = linked >= 3 && planned >= linked;
      const expected = emptied ? 'would-empty' : planned > most ? 'too-many' : null;
      test(`${planned} of ${linked}: ${expected ?? 'done'}`, () => {
        assert.equal(holdReason({ planned, lastDay: 0, linked, present: linked }, limit), expected);
        if (planned < 2 || emptied) return;
        assert.equal(
          holdReason({ planned: 1, lastDay: planned - 1, linked, present: linked - planned + 1 }, limit),
          expected,
          'split over two runs',
        );
      });
    }
  }

  test('a run without deletions is never held', () =>
    assert.equal(holdReason({ planned: 0, lastDay: 500, linked: 600, present: 3 }, limit), null));
  test("a limit of the pair's own", () => {
    assert.equal(
      holdReason({ planned: 2, lastDay: 0, linked: 100, present: 100 }, { moreThan: 0, percent: 1 }),
      'too-many',
    );
    assert.equal(
      holdReason({ planned: 50, lastDay: 0, linked: 100, present: 100 }, { moreThan: 100, percent: 100 }),
      null,
    );
    assert.equal(
      holdReason({ planned: 100, lastDay: 0, linked: 100, present: 100 }, { moreThan: 1000, percent: 100 }),
      'would-empty',
    );
  });
});

describe('flapping', () => {
  const rows: readonly [earlier: string[], hash: string, expected: boolean][] = [
    [[], 'a', false],
    [['a', 'b', 'a'], 'b', false],
    [['a', 'b', 'a', 'b'], 'a', true],
    [['a', 'b', 'a', 'b'], 'c', false],
    [['a', 'b', 'c', 'd'], 'e', false],
    [['a', 'b', 'c', 'd', 'e'], 'a', true],
  ];
  for (const [earlier, hash, expected] of rows)
    test(`${earlier.join('') || 'nothing'}, then ${hash}: ${expected}`, () =>
      assert.equal(isFlapping(earlier, hash), expected));
});

test('a sample is spread over all, without repetition', () => {
  fc.assert(
    fc.property(fc.nat(500), fc.integer({ min: 1, max: 50 }), (length, size) => {
      const items = Array.from({ length }, (_, index) => index);
      const sample = sampleOf(items, size);
      assert.equal(new Set(sample).size, Math.min(length, size));
      if (length > size) assert.ok((sample.at(-1) ?? 0) >= length - Math.ceil(length / size) - 1);
    }),
  );
});
