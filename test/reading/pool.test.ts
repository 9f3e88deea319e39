/** Whatever a function on foreign text does, it costs only its own thread. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createPool, type PoolSettings, TookTooLong } from '../../providers/reading/pool.ts';

const tasks = new URL('./slow-tasks.ts', import.meta.url);
const opened: { close(): Promise<void> }[] = [];
const open = (settings: Partial<PoolSettings> = {}) => {
  const pool = createPool({
    tasks,
    threads: 2,
    limitsMs: [300, 300, 3_000],
    memoryMb: 64,
    idleMs: 60_000,
    ...settings,
  });
  opened.push(pool);
  return pool;
};

describe('threads that read foreign text', () => {
  after(async () => void (await Promise.all(opened.map((pool) => pool.close()))));

  test('FD: a call gives its result, or fails without the content of its text', async () => {
    const pool = open();
    assert.equal(await pool.run('length', { text: 'abc' }, 'a', 6), 3);
    await assert.rejects(pool.run('throws', { text: 'secret' }, 'a', 6), { message: 'throws: RangeError' });
    assert.equal(await pool.run('length', { text: 'abcd' }, 'a', 6), 4);
  });

  test('FD: a function that never ends is tried three times, and blocks neither the process nor others', async () => {
    const killed: unknown[] = [];
    const pool = open({ limitsMs: [200, 200, 400], onKilled: (what) => killed.push(what) });
    await pool.run('length', { text: '' }, 'warm', 6);
    let [ticks, lag, last] = [0, 0, performance.now()];
    const timer = setInterval(() => {
      ticks += 1;
      lag = Math.max(lag, performance.now() - last);
      last = performance.now();
    }, 20);
    const stuck = assert.rejects(pool.run('forever', { text: 'secret' }, 'hostile', 6), TookTooLong);
    const also = assert.rejects(pool.run('forever', { text: 'secret' }, 'hostile', 6), TookTooLong);
    assert.equal(await pool.run('length', { text: 'abc' }, 'other', 6), 3);
    assert.equal(killed.length < 6, true, 'the other owner did not wait');
    await Promise.all([stuck, also]);
    clearInterval(timer);
    assert.ok(ticks > 10 && lag < 1_000, `${ticks} ticks, the longest pause was ${Math.round(lag)} ms`);
    assert.equal(killed.length, 6);
    assert.deepEqual(killed[0], { task: 'forever', size: 6, attempt: 1, limitMs: 200 });
    assert.equal(await pool.run('length', { text: 'abc' }, 'hostile', 6), 3);
  });

  test('FD: what a loaded machine made slow is read at the last attempt', async () => {
    const killed: number[] = [];
    const pool = open({ limitsMs: [100, 100, 20_000], onKilled: ({ attempt }) => killed.push(attempt) });
    assert.equal(await pool.run('busy', { text: '400' }, 'a', 6), '400');
    assert.deepEqual(killed, [1, 2]);
  });

  test('a thread without work is ended after a while, and the next call gets a new one', async () => {
    const pool = open({ limitsMs: [20_000], idleMs: 500 });
    const call = () => pool.run('thread', { text: '' }, 'a', 6);
    const first = await call();
    assert.equal(await call(), first);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    assert.notEqual(await call(), first);
    assert.equal(await pool.run('busy', { text: '1500' }, 'a', 6), '1500', 'a call is not idle');
  });

  test('FD: a function that takes all memory ends its thread only', async () => {
    const pool = open({ limitsMs: [60_000] });
    await assert.rejects(pool.run('memory', { text: '' }, 'a', 6), TookTooLong);
    assert.equal(await pool.run('length', { text: 'abc' }, 'a', 6), 3);
  });
});
