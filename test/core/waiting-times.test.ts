import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { isFullComparisonDue, pollDueMs } from '../../core/waiting-times.ts';

const NOW = new Date('2026-06-10T08:00:00.000Z');
const at = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);

describe('the next poll of a calendar with bookings', () => {
  it('is due at the stored time, or earlier where the interval was shortened since', () => {
    const pair = { nextPollAt: at(60), lastSyncAt: NOW, failures: 0 };
    assert.equal(pollDueMs({ ...pair, pollIntervalSeconds: 90 }, NOW.getTime()), at(60).getTime());
    assert.equal(pollDueMs({ ...pair, pollIntervalSeconds: 5 }, NOW.getTime()), at(5).getTime());
    const fresh = { nextPollAt: null, lastSyncAt: null, pollIntervalSeconds: 60, failures: 0 };
    assert.equal(pollDueMs(fresh, NOW.getTime()), 0);
  });

  it('FC3: is due now where the stored time is further ahead than any rule allows: the clock was set back', () => {
    const now = NOW.getTime();
    for (const [intervalSeconds, failures, aheadSeconds, isDue] of [
      [60, 0, 63, false],
      [60, 0, 70, true],
      [60, 0, 7_200, true],
      [86_400, 0, 86_400, false],
      [86_400, 0, 100_000, true],
      [60, 3, 21_600, false],
      [60, 3, 200_000, true],
    ] as const) {
      const pair = { nextPollAt: at(aheadSeconds), lastSyncAt: at(aheadSeconds), pollIntervalSeconds: intervalSeconds };
      assert.equal(pollDueMs({ ...pair, failures }, now) === now, isDue, `${intervalSeconds} ${aheadSeconds}`);
    }
  });
});

test('FC3: a full comparison is due after a day, and where the clock was set back since the last one', () => {
  for (const [seconds, isDue] of [
    [-86_300, false],
    [-86_500, true],
    [0, false],
    [30, false],
    [90, true],
    [365 * 86_400, true],
  ] as const)
    assert.equal(isFullComparisonDue(at(seconds), NOW.getTime()), isDue, String(seconds));
  assert.ok(isFullComparisonDue(null, NOW.getTime()));
});
