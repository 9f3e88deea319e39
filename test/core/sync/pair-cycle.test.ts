import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closesCycle } from '../../../core/sync/pair-cycle.ts';

const pairs = (text: string): [string, string][] =>
  text
    .split(' ')
    .filter(Boolean)
    .map((pair) => [pair[0]!, pair[1]!]);

describe('a sync cycle', () => {
  for (const [existing, pair] of [
    ['AB BC', 'CA'],
    ['BA BC', 'AC'],
    ['AB', 'BA'],
    ['', 'AA'],
    ['AB BC CD DE', 'EA'],
    ['AB XY BC YZ', 'ZX'],
  ] as const) {
    it(`is closed by ${pair} beside ${existing || 'nothing'}`, () =>
      assert.equal(closesCycle(pairs(existing), [pair[0]!, pair[1]!]), true));
  }

  for (const [existing, pair] of [
    ['', 'AB'],
    ['AB', 'BC'],
    ['AC', 'BC'],
    ['AB AC', 'AD'],
    ['AB BC', 'XY'],
    ['AB XY', 'BX'],
  ] as const) {
    it(`is not closed by ${pair} beside ${existing || 'nothing'}`, () =>
      assert.equal(closesCycle(pairs(existing), [pair[0]!, pair[1]!]), false));
  }
});
