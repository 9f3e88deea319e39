/** Several requests at once: how many, and what a failure or a refusal of one does to the others. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { startPace } from '../../core/sync/pace.ts';
import { SyncError } from '../../core/sync-error.ts';
import { inLanes, inPace } from '../../providers/concurrency.ts';

const ITEMS = Array.from({ length: 100 }, (_, index) => index);
const ROUND_MS = 20;

beforeEach(() => mock.timers.enable({ apis: ['Date', 'setTimeout'] }));
afterEach(() => mock.timers.reset());

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A server across a network, which refuses what is more than `most` at once. */
function server(most = Infinity) {
  const waiting: (() => void)[] = [];
  const seen = { peak: 0, rounds: 0, refused: 0, answered: [] as number[] };
  const request = async (item: number): Promise<void> => {
    const isRefused = waiting.length >= most;
    await new Promise<void>((resolve) => waiting.push(resolve));
    if (isRefused) {
      seen.refused += 1;
      throw new SyncError('throttled', 'too many', { status: 429, retryAfterMs: 100 });
    }
    seen.answered.push(item);
  };
  /** Time goes on until the work is done. */
  const serve = async (work: Promise<unknown>): Promise<void> => {
    let isOver = false;
    void work.catch(() => {}).finally(() => (isOver = true));
    while (!isOver) {
      seen.peak = Math.max(seen.peak, waiting.length);
      if (waiting.length > 0) seen.rounds += 1;
      mock.timers.tick(ROUND_MS);
      for (const answer of waiting.splice(0)) answer();
      for (let turn = 0; turn < 5; turn += 1) await settled();
    }
  };
  return { request, serve, seen };
}

test('across a network 100 requests take a tenth of the time that they take one after the other', async () => {
  const { request, serve, seen } = server();
  const work = inPace(ITEMS, startPace(16, Date.now(), 4), request);
  await serve(work);
  assert.equal((await work).atOnce, 16);
  assert.ok(seen.rounds <= 10, `${seen.rounds} rounds`);
  assert.deepEqual(
    [...seen.answered].sort((a, b) => a - b),
    ITEMS,
  );
});

test('a server that refuses more than five at once answers all of them in the end', async () => {
  const { request, serve, seen } = server(5);
  const work = inPace(ITEMS, startPace(16, Date.now(), 4), request);
  await serve(work);
  assert.deepEqual(
    [...seen.answered].sort((a, b) => a - b),
    ITEMS,
  );
  assert.ok(seen.refused > 0 && seen.refused <= 5, `${seen.refused} refusals`);
  assert.ok((await work).atOnce <= 5);
});

test('a refusal of a request that was alone is passed on, and so is a long Retry-After', async () => {
  const refuse = (retryAfterMs: number) => () =>
    Promise.reject(new SyncError('throttled', 'too many', { status: 429, retryAfterMs }));
  await assert.rejects(inPace([1], startPace(16, 0, 4), refuse(0)), /too many/);
  await assert.rejects(inPace(ITEMS, startPace(16, 0, 4), refuse(60_000)), /too many/);
});

test('after a failure none begins, those under way end, and it is thrown though others ended with it', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = async (item: number): Promise<void> => {
    begun.push(item);
    await settled();
    ended.push(item);
    if (item === 1) throw new Error('the second one fails');
  };
  await assert.rejects(
    inLanes(ITEMS, () => 2, work),
    /the second one fails/,
  );
  assert.ok(begun.length <= 4, `${begun.length} begun`);
  assert.deepEqual(ended, begun);
});
