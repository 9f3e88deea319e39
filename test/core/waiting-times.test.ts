import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextPoll, pollDueMs } from '../../core/waiting-times.ts';

const NOW = new Date('2026-06-10T08:00:00.000Z');
const at = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);

describe('the next poll', () => {
  it('is an interval after a run', () => {
    assert.deepEqual(nextPoll(NOW, 60, { did: 'run' }), { at: at(60), delaySeconds: 60 });
  });

  it('is spread over 10 % of the interval after a poll', () => {
    const delays = [0, 0.5, 1].map((random) => nextPoll(NOW, 60, { did: 'poll', random }));
    assert.deepEqual(
      delays.map(({ delaySeconds }) => Math.round(delaySeconds * 1e6) / 1e6),
      [57, 60, 63],
    );
    assert.deepEqual(delays[1]?.at, at(60));
  });

  it('follows the backoff after a failure, or the Retry-After where that is longer', () => {
    const fail = { did: 'fail', kind: 'unreachable', failures: 2 } as const;
    assert.deepEqual(nextPoll(NOW, 60, { ...fail, retryAfterSeconds: 0 }), { at: at(40), delaySeconds: 40 });
    assert.deepEqual(nextPoll(NOW, 60, { ...fail, retryAfterSeconds: 300 }), { at: at(300), delaySeconds: 300 });
  });

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
