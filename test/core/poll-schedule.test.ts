/** When each side of a pair is polled next. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  afterAnswer,
  afterFailure,
  dueMs,
  NO_PUSH,
  nextDue,
  nextTurnMs,
  type PollPolicy,
  type PushState,
  pollSeconds,
  type ScheduledSide,
  type SidePolls,
  sidesToPoll,
} from '../../core/poll-schedule.ts';
import type { SyncErrorKind } from '../../core/sync-error.ts';

const NOW = new Date('2026-06-10T08:00:00.000Z');
const NOW_MS = NOW.getTime();
const at = (seconds: number): Date => new Date(NOW_MS + seconds * 1000);
const POLICY: PollPolicy = { intervalSeconds: 60, latency: 'seconds', push: NO_PUSH };

const PUSHED: PushState = { notifiedAt: null, reliableUntil: at(86_400) };

function side(dueIn: number, polls: SidePolls = {}, policy: Partial<PollPolicy> = {}): ScheduledSide {
  const polledAt = at(Math.min(dueIn - 60, 0)).toISOString();
  return { dueAt: at(dueIn), polls: { polledAt, ...polls }, policy: { ...POLICY, ...policy } };
}

function failing(kind: SyncErrorKind, times: number, retryAfterSeconds = 0): SidePolls {
  let polls: SidePolls = {};
  for (let n = 0; n < times; n += 1)
    polls = afterFailure(polls, NOW, { kind, attention: null, detail: 'x', retryAfterSeconds });
  return polls;
}

/** Whole seconds from now. */
const secondsUntil = (ms: number): number => Math.round((ms - NOW_MS) / 1000);

describe('the interval of a side', () => {
  it('is 5 s after a change, and grows back to that of the pair within ten minutes', () => {
    const seconds = (ago: number, policy = POLICY): number =>
      Math.round(pollSeconds({ changedAt: at(-ago).toISOString() }, policy, NOW_MS) * 10) / 10;
    assert.deepEqual(
      [0, 60, 120].map((ago) => seconds(ago)),
      [5, 5, 5],
      'a second edit within two minutes',
    );
    assert.deepEqual(
      [240, 360, 480].map((ago) => seconds(ago)),
      [9.3, 17.3, 32.2],
    );
    assert.deepEqual(
      [600, 3_600].map((ago) => seconds(ago)),
      [60, 60],
    );
    assert.equal(seconds(0, { ...POLICY, latency: 'interval' }), 60);
    assert.equal(seconds(0, { ...POLICY, intervalSeconds: 5 }), 5);
    assert.equal(seconds(-7_200), 60, 'the clock was set back');
    for (const intervalSeconds of [5, 6, 60, 3_600, 86_400])
      for (let ago = 0; ago <= 700; ago += 10) {
        const now = seconds(ago, { ...POLICY, intervalSeconds });
        assert.ok(now >= 5 && now <= intervalSeconds && now <= seconds(ago + 10, { ...POLICY, intervalSeconds }));
      }
  });

  it('takes at most 5 % of the time of a server whose answers take long', () => {
    const seconds = (tookMs: number, policy = POLICY) =>
      pollSeconds({ tookMs, changedAt: NOW.toISOString() }, policy, NOW_MS);
    assert.deepEqual(
      [0, 250, 1_700, 10_000].map((took) => seconds(took)),
      [5, 5, 34, 200],
    );
    assert.equal(seconds(1_700, { ...POLICY, latency: 'interval' }), 60);
  });

  it('is an hour while the service notifies Calpair, also after a change', () => {
    const pushed = { ...POLICY, push: PUSHED };
    assert.equal(pollSeconds({ changedAt: NOW.toISOString() }, pushed, NOW_MS), 3_600);
    assert.equal(pollSeconds({}, { ...pushed, intervalSeconds: 86_400 }, NOW_MS), 86_400);
    const ending = (seconds: number): PollPolicy => ({ ...POLICY, push: { ...PUSHED, reliableUntil: at(seconds) } });
    assert.deepEqual(
      [600, 30, 0, -5].map((seconds) => pollSeconds({}, ending(seconds), NOW_MS)),
      [600, 60, 60, 60],
      'not for longer than push is sure to go on',
    );
  });

  it('a reported change is due at once and alone, once, and by the backoff while the side fails', () => {
    const push = { ...PUSHED, notifiedAt: at(-1) };
    const reported = side(3_000, {}, { push });
    assert.equal(dueMs(reported, NOW_MS), NOW_MS);
    assert.deepEqual(sidesToPoll({ caldav: side(10), cloud: reported }, NOW_MS), ['cloud']);
    const answer = { at: NOW, tookMs: 1, isFull: false, hasChanged: true, push };
    const heard: ScheduledSide = { ...reported, polls: afterAnswer(reported.polls, answer) };
    assert.equal(secondsUntil(dueMs(heard, NOW_MS)), 3_000);
    const again: ScheduledSide = { ...heard, policy: { ...POLICY, push: { ...push, notifiedAt: at(1) } } };
    assert.equal(dueMs(again, NOW_MS), NOW_MS, 'reported while the side was read');
    const failed: ScheduledSide = { ...reported, dueAt: at(40), polls: failing('unreachable', 3) };
    assert.equal(secondsUntil(dueMs(failed, NOW_MS)), 40);
  });

  it('grows while the daily budget is nearly used, but not where something has just changed', () => {
    const seconds = (ago: number) => pollSeconds({ changedAt: at(-ago).toISOString(), slowdown: 4 }, POLICY, NOW_MS);
    assert.deepEqual([0, 600, 86_400].map(seconds), [5, 240, 240]);
  });

  it('a full listing says nothing about how long a poll takes, and one that fetched changes little', () => {
    const took = (tookMs: number, isFull: boolean, hasChanged: boolean): number | undefined =>
      afterAnswer({ tookMs: 100 }, { at: NOW, tookMs, isFull, hasChanged, push: NO_PUSH }).tookMs;
    assert.deepEqual(
      [took(60_000, true, true), took(60_000, false, true), took(60_000, false, false)],
      [100, 3_000, 60_000],
    );
    assert.equal(took(-5, false, false), 0, 'the clock was set back');
  });
});

describe('the next poll of a side', () => {
  it('is spread over 10 % of its interval', () => {
    const dues = [0, 0.5, 1].map((random) => nextDue({}, POLICY, NOW, random));
    assert.deepEqual(
      dues.map(({ dueAt }) => secondsUntil(dueAt.getTime())),
      [57, 60, 63],
    );
  });

  it('follows the backoff after failures, or the Retry-After where that is longer', () => {
    const due = (polls: SidePolls): number => secondsUntil(nextDue(polls, POLICY, NOW, 0).dueAt.getTime());
    assert.deepEqual(
      [1, 2, 3].map((times) => due(failing('unreachable', times))),
      [10, 20, 40],
    );
    for (const kind of ['provider-not-configured', 'credentials-unreadable'] as const)
      assert.equal(due(failing(kind, 9)), 60, 'FC3: within a minute after it was mended');
    assert.equal(due(failing('throttled', 1, 300)), 300);
    assert.equal(
      due(afterAnswer(failing('quota', 3), { at: NOW, tookMs: 1, isFull: false, hasChanged: false, push: NO_PUSH })),
      57,
    );
  });

  it('is earlier where the interval became shorter since, and now where the clock was set back', () => {
    for (const [stored, polledAgo, intervalSeconds, expected] of [
      [60, 0, 90, 60],
      [60, 0, 5, 5],
      [60, 30, 5, -25],
      [7_200, -7_140, 60, 0],
      [86_400, 0, 86_400, 86_400],
      [200_000, -113_600, 86_400, 0],
    ] as const) {
      const polls = { polledAt: at(-polledAgo).toISOString() };
      const due = dueMs({ dueAt: at(stored), polls, policy: { ...POLICY, intervalSeconds } }, NOW_MS);
      assert.equal(Math.round((due - NOW_MS) / 5_000) * 5, Math.max(0, expected), `${stored} ${intervalSeconds}`);
    }
  });

  it('of a failing side: a Retry-After always counts, a backoff not in the first turn of a call', () => {
    const polls = { ...failing('quota', 1), polledAt: at(-100).toISOString() };
    const waits: ScheduledSide = { dueAt: at(3_500), polls, policy: POLICY };
    assert.equal(secondsUntil(dueMs(waits, NOW_MS)), 3_500);
    assert.ok(dueMs(waits, NOW_MS, true) <= NOW_MS);
    assert.ok(dueMs({ ...waits, policy: { ...POLICY, push: PUSHED } }, NOW_MS, true) <= NOW_MS, 'FC3: with push, too');
    const asked: ScheduledSide = { ...waits, polls: { ...failing('throttled', 1, 900), polledAt: polls.polledAt } };
    assert.equal(secondsUntil(dueMs(asked, NOW_MS, true)), 900);
    const farAhead = { ...waits, dueAt: at(200_000) };
    assert.equal(dueMs(farAhead, NOW_MS), NOW_MS, 'the clock was set back');
  });

  it('FC3: of a failing side is now where the clock was set back since it was asked, also after a Retry-After', () => {
    for (const [kind, retryAfterSeconds] of [
      ['unreachable', 0],
      ['quota', 0],
      ['throttled', 900],
    ] as const)
      for (const [backSeconds, isNow] of [
        [30, false],
        [90, true],
        [6 * 3_600, true],
      ] as const) {
        const polls = failing(kind, 4, retryAfterSeconds);
        const failed: ScheduledSide = { ...nextDue(polls, POLICY, NOW, 0), polls, policy: POLICY };
        const nowMs = NOW_MS - backSeconds * 1000;
        assert.equal(dueMs(failed, nowMs) === nowMs, isNow, `${kind} ${backSeconds}`);
      }
  });
});

describe('a turn', () => {
  it('polls the sides that are due, and together with one the other where that is due soon', () => {
    const failed = { ...failing('unreachable', 3), polledAt: at(-10).toISOString() };
    for (const [caldav, cloud, expected] of [
      [side(0), side(0), ['caldav', 'cloud']],
      [side(0), side(29), ['caldav', 'cloud']],
      [side(0), side(40), ['caldav']],
      [side(0, { changedAt: at(-5).toISOString() }), side(4), ['caldav']],
      [side(0), side(3_000, {}, { push: PUSHED }), ['caldav']],
      [side(30), side(0, {}, { push: PUSHED }), ['caldav', 'cloud']],
      [side(0), side(20, failed), ['caldav']],
      [side(20), side(0, failed), ['caldav', 'cloud']],
      [side(3), side(40), []],
      [side(0.9), side(40), ['caldav']],
    ] as const)
      assert.deepEqual(sidesToPoll({ caldav, cloud }, NOW_MS), expected);
    assert.equal(secondsUntil(nextTurnMs({ caldav: side(40), cloud: side(20) }, NOW_MS)), 20);
  });

  it('two sides that were out of step take one turn again', () => {
    let sides = { caldav: side(0), cloud: side(20) };
    let turns = 0;
    for (let nowMs = NOW_MS; turns < 10; nowMs = nextTurnMs(sides, nowMs), turns += 1) {
      for (const name of sidesToPoll(sides, nowMs)) {
        const now = new Date(nowMs);
        const polls = afterAnswer(sides[name].polls, {
          at: now,
          tookMs: 1,
          isFull: false,
          hasChanged: false,
          push: NO_PUSH,
        });
        sides = { ...sides, [name]: { ...sides[name], polls, dueAt: nextDue(polls, POLICY, now, 0.5).dueAt } };
      }
    }
    assert.equal(sides.caldav.dueAt?.getTime(), sides.cloud.dueAt?.getTime());
  });
});
