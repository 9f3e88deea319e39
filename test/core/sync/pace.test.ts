/** Writes at once adapt to what a server does. The servers are models: a number of writes at a time, and a network. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterRefusal, afterWrite, type Pace, resumePace, startPace } from '../../../core/sync/pace.ts';

interface Server {
  /** A write takes this long on the server, which does `parallel` of them at a time. */
  readonly workMs: number;
  readonly parallel: number;
  readonly networkMs: number;
  /** More at once are refused. */
  readonly refusesOver?: number;
}

/** Plays writes as `apply-plan.ts` does: a new one as soon as one ends. */
function play(server: Server, most: number, writes: number): { pace: Pace; ms: number; refusals: number } {
  let [now, left, refusals] = [0, writes, 0];
  let pace = startPace(most, now);
  const free = Array.from({ length: server.parallel }, () => 0);
  const underWay: { end: number; isRefused: boolean }[] = [];
  while (left > 0 || underWay.length > 0) {
    while (left > 0 && underWay.length < pace.atOnce) {
      const isRefused = underWay.length + 1 > (server.refusesOver ?? Infinity);
      free.sort((a, b) => a - b);
      const begin = Math.max(now + server.networkMs / 2, free[0] ?? 0);
      free[0] = begin + server.workMs;
      underWay.push({ end: begin + server.workMs + server.networkMs / 2, isRefused });
      left -= 1;
    }
    underWay.sort((a, b) => b.end - a.end);
    const ended = underWay.pop()!;
    now = ended.end;
    if (ended.isRefused) [left, refusals] = [left + 1, refusals + 1];
    pace = ended.isRefused ? afterRefusal(pace, now) : afterWrite(pace, now);
  }
  return { pace, ms: now, refusals };
}

test('a server that writes one event at a time gets one', () => {
  for (const workMs of [1, 10, 57, 460])
    assert.equal(play({ workMs, parallel: 1, networkMs: 0 }, 8, 150).pace.atOnce, 1, `${workMs} ms`);
});

test('across a network there are as many as help, up to the limit of the side', () => {
  for (const networkMs of [10, 20, 100, 400]) {
    const { pace, ms } = play({ workMs: 1, parallel: 8, networkMs }, 8, 1_000);
    assert.equal(pace.atOnce, 8);
    assert.ok(ms < (1_000 / 8) * (networkMs + 1) * 1.15, `${ms} ms over ${networkMs} ms of network`);
  }
  assert.equal(play({ workMs: 1, parallel: 8, networkMs: 20 }, 4, 300).pace.atOnce, 4);
  assert.equal(play({ workMs: 20, parallel: 2, networkMs: 1 }, 8, 180).pace.atOnce, 2);
});

test('a side whose limit is one never gets two', () => {
  for (let writes = 1; writes < 500; writes += 50)
    assert.equal(play({ workMs: 1, parallel: 8, networkMs: 20 }, 1, writes).pace.atOnce, 1);
});

test('a server that refuses more is asked for more only seldom', () => {
  const { refusals, ms } = play({ workMs: 1, parallel: 8, networkMs: 20, refusesOver: 4 }, 8, 2_000);
  assert.ok(refusals <= 40, `${refusals} refusals`);
  assert.ok(ms < (2_000 / 2) * 21, `${ms} ms`);
});

test('refusals lead to one at once, and never to none', () => {
  let pace = startPace(8, 0);
  for (let count = 0; count < 20; count += 1) pace = afterRefusal(pace, count);
  assert.equal(pace.atOnce, 1);
});

test('a pause between writes is not measured, and a clock that stands still decides nothing', () => {
  let pace = startPace(8, 0);
  for (let count = 0; count < 100; count += 1) pace = afterWrite(pace, 0);
  assert.equal(pace.atOnce, 2);
  pace = resumePace(pace, 1_000_000);
  for (let count = 1; count <= 8; count += 1) pace = afterWrite(pace, 1_000_000 + count);
  assert.deepEqual([pace.atOnce, pace.before?.rate], [4, 1000]);
});
