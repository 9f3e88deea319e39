import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { ControlError, createPairControl, registerSearchAttributes } from '../../api/temporal/pair-control.ts';
import type { RunSummary } from '../../workflows/messages.ts';
import { workflowIdOf } from '../../workflows/messages.ts';
import { testTemporal } from '../support/temporal.ts';
import type { FakePair, Harness } from './harness.ts';
import { createHarness, runIdOf, until } from './harness.ts';

const SIGNAL = { trigger: 'signal', full: false } as const;

describe('PairControl', () => {
  let h: Harness;
  before(async () => {
    h = await createHarness(await testTemporal());
    await h.startWorkers();
  });
  after(() => h.close());

  async function started(pair: FakePair): Promise<FakePair> {
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the first run', () => pair.diffs.length > 0);
    return pair;
  }

  async function statusName(pair: FakePair): Promise<string> {
    return (await h.client.workflow.getHandle(workflowIdOf(pair.id)).describe()).status.name;
  }

  it('starts a pair once, also for repeated calls', async () => {
    const pair = h.pair();
    const input = { pairId: pair.id, paused: false };
    await Promise.all([h.control.start(input), h.control.start(input), h.control.start(input)]);
    await until('the first poll', () => pair.polls > 0);
    await h.control.start(input);
    assert.deepEqual(await h.control.syncAndWait(pair.id, SIGNAL, 20), { runId: runIdOf(2), finished: true });
    assert.equal(pair.diffs.length, 2);
  });

  it('registers the search attribute a second time without an error', async () => {
    await registerSearchAttributes(h.client);
  });

  it('continues from the number of the last run in PostgreSQL', async () => {
    const pair = h.pair();
    await h.control.start({ pairId: pair.id, paused: false, begun: 41, state: 'attention' });
    await until('the run', () => pair.diffs.length === 1);
    assert.equal(pair.diffs[0]?.number, 42);
  });

  it('lists the workflows that run, and ends one', async () => {
    const pair = await started(h.pair());
    const id = workflowIdOf(pair.id);
    await until('visibility', async () => (await h.control.runningIds()).has(id));
    await h.control.end(id, 'not needed any more');
    await h.control.end(id, 'twice');
    assert.equal(await statusName(pair), 'TERMINATED');
    await until('visibility', async () => !(await h.control.runningIds()).has(id));
  });

  it('stops a pair and its activities in the middle of writing', async () => {
    let ended = false;
    const pair = h.pair({ applyPlan: () => writeForEver().finally(() => (ended = true)) });
    pair.changed = true;
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the apply', () => pair.applied.length === 1);
    const startedAt = Date.now();
    await h.control.stop(pair.id);
    assert.ok(Date.now() - startedAt < 10_000);
    assert.equal(await statusName(pair), 'CANCELLED');
    assert.ok(ended);
    await h.control.stop(pair.id);
    await h.control.stop(randomUUID());
  });

  it('reports that a pair is missing', async () => {
    const missing = randomUUID();
    const isMissing = isControlError('missing');
    await assert.rejects(h.control.syncNow(missing, SIGNAL), isMissing);
    await assert.rejects(h.control.syncAndWait(missing, SIGNAL, 5), isMissing);
    await assert.rejects(h.control.pause(missing), isMissing);
    const pair = await started(h.pair());
    await h.control.stop(pair.id);
    await assert.rejects(h.control.syncAndWait(pair.id, SIGNAL, 5), isMissing);
    await h.control.start({ pairId: pair.id, paused: false, begun: 1 });
    await until('the restart', () => pair.diffs.at(-1)?.number === 2);
  });

  it('fails for callers that wait for a run when the pair is stopped', async () => {
    const pair = h.pair({ applyPlan: writeForEver });
    pair.changed = true;
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the apply', () => pair.applied.length === 1);
    const waiting = h.control.syncAndWait(pair.id, SIGNAL, 30);
    const rejected = assert.rejects(waiting, isControlError('missing'));
    await until('the wait', async () => (await h.events(pair.id)).includes('WorkflowExecutionUpdateAccepted'));
    await h.control.stop(pair.id);
    await rejected;
  });

  it('stops waiting in time while the run goes on', async () => {
    const pair = await started(h.pair());
    let finish = (): void => {};
    pair.script.applyPlan = ({ runId }) =>
      new Promise(
        (resolve) => (finish = () => resolve({ runId, result: 'ok', writes: 1, conflicts: 0, held: 0, problems: 0 })),
      );
    pair.changed = true;
    const startedAt = Date.now();
    assert.deepEqual(await h.control.syncAndWait(pair.id, SIGNAL, 1), { runId: null, finished: false });
    assert.ok(Date.now() - startedAt < 1_500, `${Date.now() - startedAt} ms`);
    finish();
    await until('the end', async () => (await h.control.status(pair.id)).runsFinished === 2);
    assert.equal(pair.diffs.length, 2, 'an accepted request is not repeated');
  });

  it('returns the page of a pair in the Temporal UI', () => {
    assert.equal(
      h.control.workflowUrl('a/b'),
      `http://127.0.0.1:8233/namespaces/${h.namespace}/workflows/pair%3Aa%2Fb`,
    );
    assert.equal(createPairControl(h.client).workflowUrl('a'), null);
  });

  it('answers in time without a worker, loses no request, and can stop a pair', {
    timeout: 60_000,
  }, async () => {
    const [pair, doomed] = [await started(h.pair()), await started(h.pair())];
    await h.stopWorkers();
    const startedAt = Date.now();
    assert.deepEqual(await h.control.syncAndWait(pair.id, { trigger: 'resync', full: true }, 1), {
      runId: null,
      finished: false,
    });
    assert.ok(Date.now() - startedAt < 1_500, `${Date.now() - startedAt} ms`);
    const stopping = Date.now();
    await h.control.stop(doomed.id);
    assert.ok(Date.now() - stopping < 10_000, `${Date.now() - stopping} ms`);
    assert.equal(await statusName(doomed), 'TERMINATED');
    const workers = await h.startWorkers();
    assert.ok(workers.isPolling());
    await until('the run', () => pair.diffs.length > 1);
    assert.deepEqual(pair.diffs[1], { pairId: pair.id, number: 2, trigger: 'resync', full: true, polled: false });
  });

  it('reports in time that Temporal is down', { timeout: 60_000 }, async () => {
    const away = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }), namespace: 'away' });
    const control = createPairControl(away);
    const startedAt = Date.now();
    const unavailable = isControlError('unavailable');
    await Promise.all([
      assert.rejects(control.syncNow('a', SIGNAL), unavailable),
      assert.rejects(control.start({ pairId: 'a', paused: false }), unavailable),
      assert.rejects(control.syncAndWait('a', SIGNAL, 1), unavailable),
      assert.rejects(control.stop('a'), unavailable),
    ]);
    assert.ok(Date.now() - startedAt < 11_000, `${Date.now() - startedAt} ms`);
  });
});

function isControlError(kind: ControlError['kind']): (err: unknown) => boolean {
  return (err) => err instanceof ControlError && err.kind === kind;
}

/** An apply that goes on until it is cancelled. */
async function writeForEver(): Promise<RunSummary> {
  for (;;) {
    Context.current().heartbeat({ done: 0, of: 1 });
    await Context.current().sleep(100);
  }
}
