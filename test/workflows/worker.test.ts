import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CancelledFailure, Context } from '@temporalio/activity';
import { workflowIdOf } from '../../workflows/messages.ts';
import { testTemporal } from '../support/temporal.ts';
import type { FakePair, Harness } from './harness.ts';
import { createHarness, noChange, runIdOf, summaryOf, until } from './harness.ts';

const SIGNAL = { trigger: 'signal', full: false } as const;

describe('workers', () => {
  let h: Harness;
  before(async () => {
    h = await createHarness(await testTemporal());
  });
  afterEach(() => h.stopWorkers());
  after(() => h.close());

  async function doomedWorker(hanging: FakePair): Promise<{ began: string[]; kill(): Promise<void> }> {
    const script = fileURLToPath(new URL('doomed-worker.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script, h.address, h.namespace, hanging.id], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const began: string[] = [];
    child.stdout.on('data', (chunk) => began.push(...String(chunk).trim().split('\n')));
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    return {
      began,
      kill: async () => {
        child.kill('SIGKILL');
        await ended;
      },
    };
  }

  it('take over from a killed worker', { timeout: 120_000 }, async () => {
    const [idle, comparing] = [h.pair(), h.pair()];
    const doomed = await doomedWorker(comparing);
    for (const { id } of [idle, comparing]) await h.control.start({ pairId: id, paused: false });
    await until(
      'the first one to work',
      () => doomed.began.includes(`poll ${idle.id}`) && doomed.began.includes(`diff ${comparing.id}`),
    );
    await doomed.kill();
    const killed = Date.now();
    await h.startWorkers();
    const answered = Date.now();
    assert.deepEqual(await h.control.syncAndWait(idle.id, SIGNAL, 20), { runId: runIdOf(2), finished: true });
    // The killed worker had cached the pair: its first task waits until the sticky queue times out, after one second
    // instead of ten.
    assert.ok(Date.now() - answered < 5_000, `${Date.now() - answered} ms`);
    await until('the run that was cut off', () => comparing.diffs.length === 1, 60_000);
    assert.ok(Date.now() - killed < 45_000, `${Date.now() - killed} ms`);
    assert.deepEqual(comparing.diffs[0], {
      pairId: comparing.id,
      number: 1,
      trigger: 'start',
      full: false,
      polled: false,
    });
  });

  it('drain when they are stopped, and leave a long run to the next worker', { timeout: 120_000 }, async () => {
    let cancelled = 0;
    const pair = h.pair({
      applyPlan: async ({ runId }) => {
        if (pair.applied.length > 1) return summaryOf(runId);
        try {
          return await Context.current().cancelled;
        } catch (err) {
          if (err instanceof CancelledFailure) cancelled += 1;
          throw err;
        }
      },
    });
    pair.changed = true;
    const workers = await h.startWorkers();
    assert.ok(workers.isPolling());
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the apply', () => pair.applied.length === 1);
    const startedAt = Date.now();
    workers.shutdown();
    workers.shutdown();
    assert.ok(!workers.isPolling());
    await h.stopWorkers();
    assert.ok(Date.now() - startedAt < 15_000, `${Date.now() - startedAt} ms`);
    assert.equal(cancelled, 1);
    await h.startWorkers();
    await until('the end of the run', () => pair.applied.length === 2);
    assert.deepEqual(pair.applied, [runIdOf(1), runIdOf(1)]);
    await until('the watch', () => pair.polls > 0);
    assert.equal((await h.control.status(pair.id)).lastRun?.runId, runIdOf(1));
  });

  it('hand their polls over when they are stopped, so that no attempt fails', { timeout: 60_000 }, async () => {
    const pair = h.pair();
    const workers = await h.startWorkers();
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the poll', () => pair.polls === 1);
    const startedAt = Date.now();
    workers.shutdown();
    await h.stopWorkers();
    assert.ok(Date.now() - startedAt < 5_000, `${Date.now() - startedAt} ms`);
    await h.startWorkers();
    await until('the next poll', () => pair.polls === 2);
    const { raw } = await h.client.workflow.getHandle(workflowIdOf(pair.id)).describe();
    assert.deepEqual(
      raw.pendingActivities?.map(({ activityType, attempt }) => [activityType?.name, attempt]),
      [['watchPair', 1]],
    );
  });

  it('poll many pairs again soon after a restart', { timeout: 120_000 }, async () => {
    const all = Array.from({ length: 60 }, () => h.pair());
    await h.startWorkers();
    for (let at = 0; at < all.length; at += 10)
      await Promise.all(all.slice(at, at + 10).map(({ id }) => h.control.start({ pairId: id, paused: false })));
    await until('all polls', () => all.every(({ polls }) => polls === 1), 60_000);
    const startedAt = Date.now();
    await h.stopWorkers();
    await h.startWorkers();
    await until('all polls', () => all.every(({ polls }) => polls === 2), 60_000);
    assert.ok(Date.now() - startedAt < 30_000, `${Date.now() - startedAt} ms`);
  });

  it('go on from an attempt that an earlier version scheduled', { timeout: 60_000 }, async () => {
    let isOver = false;
    const pair = h.pair({
      pollPair: () => (isOver ? Promise.resolve({ kind: 'hand-over' }) : Promise.reject(noChange('50 milliseconds'))),
    });
    await h.startEarlierWorkers();
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the poll', () => pair.polls === 1);
    const pending = async () =>
      (await h.client.workflow.getHandle(workflowIdOf(pair.id)).describe()).raw.pendingActivities?.map(
        ({ activityType }) => activityType?.name,
      );
    assert.deepEqual(await pending(), ['pollPair']);
    await h.stopWorkers();
    isOver = true;
    const { polls } = pair;
    await h.startWorkers();
    // The attempt of the earlier version polls once, and hands over.
    await until('the long poll', async () => {
      if (pair.polls > polls) isOver = false;
      return (await pending())?.[0] === 'watchPair';
    });
    assert.equal(pair.diffs.length, 1);
    await h.control.syncNow(pair.id, SIGNAL);
    await until('a run', () => pair.diffs.length === 2);
  });

  it('log problems only, and no line for a cancelled poll', async () => {
    await h.startWorkers();
    let answer = (): void => {};
    const pair = h.pair({
      pollPair: () => {
        if (pair.polls > 1) return Promise.reject(noChange('10 minutes'));
        return new Promise((resolve) => (answer = () => resolve({ kind: 'changed' })));
      },
    });
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the poll', () => pair.polls === 1);
    const had = h.log.length;
    await h.control.syncAndWait(pair.id, SIGNAL, 20);
    answer();
    pair.script.diffPair = ({ number }) =>
      pair.diffs.length < 4
        ? Promise.reject(new Error('for the moment'))
        : Promise.resolve({ runId: runIdOf(number), ops: 0, ended: summaryOf(runIdOf(number)) });
    await h.control.syncAndWait(pair.id, SIGNAL, 20);
    await h.stopWorkers();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const lines = h.log.slice(had);
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0] ?? '', /^warn Activity failed .*"activityType":"diffPair".*for the moment/);
    assert.doesNotMatch(lines[0] ?? '', /at .*\.ts:/);
  });
});
