import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CancelledFailure, Context } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { ControlError } from '../../api/temporal/pair-control.ts';
import type { RunSummary } from '../../workflows/messages.ts';
import { pairStateKey, workflowIdOf } from '../../workflows/messages.ts';
import { testTemporal } from '../support/temporal.ts';
import type { FakePair, Harness } from './harness.ts';
import { createHarness, noChange, runIdOf, summaryOf, until } from './harness.ts';

const SIGNAL = { trigger: 'signal', full: false } as const;
const RESYNC = { trigger: 'resync', full: true } as const;
const WEBHOOK = { trigger: 'webhook', full: false } as const;

const workflowTask = ['WorkflowTaskScheduled', 'WorkflowTaskStarted', 'WorkflowTaskCompleted'];
const activityEnds = ['ActivityTaskStarted', 'ActivityTaskCompleted', ...workflowTask];

describe('syncPair', { concurrency: 4 }, () => {
  let h: Harness;
  before(async () => {
    h = await createHarness(await testTemporal());
    await h.startWorkers();
  });
  after(() => h.close());

  /** Starts the pair and waits until its first run has ended and it polls. */
  async function polling(pair: FakePair): Promise<FakePair> {
    await h.control.start({ pairId: pair.id, paused: false });
    await quiet(pair);
    return pair;
  }

  /** The workflow polls and does nothing else. */
  async function quiet(pair: FakePair): Promise<void> {
    await until('an idle pair', async () => {
      const { waitsFor, runsBegun, runsFinished } = await h.control.status(pair.id);
      return waitsFor.startsWith('idle') && runsBegun === runsFinished;
    });
    // A cancelled poll leaves its canceled event, and a task, a moment later.
    let had = -1;
    await until('the last task', async () => {
      const events = await h.events(pair.id);
      const before = had;
      had = events.length;
      if (before !== had) await new Promise((resolve) => setTimeout(resolve, 60));
      return before === had && count(events, 'WorkflowTaskScheduled') === count(events, 'WorkflowTaskCompleted');
    });
  }

  async function added(pair: FakePair, had: number): Promise<string[]> {
    return (await h.events(pair.id)).slice(had);
  }

  async function stateInVisibility(pair: FakePair): Promise<unknown> {
    const described = await h.client.workflow.getHandle(workflowIdOf(pair.id)).describe();
    return described.typedSearchAttributes.get(pairStateKey);
  }

  it('begins with a run, then polls', async () => {
    const pair = await polling(h.pair());
    assert.deepEqual(pair.diffs, [{ pairId: pair.id, number: 1, trigger: 'start', full: false, polled: false }]);
    assert.deepEqual(await h.events(pair.id), [
      'WorkflowExecutionStarted',
      ...workflowTask,
      'ActivityTaskScheduled',
      ...activityEnds,
      'MarkerRecorded',
      'UpsertWorkflowSearchAttributes',
      'ActivityTaskScheduled',
    ]);
    assert.equal(await stateInVisibility(pair), 'active');
  });

  it('adds nothing for idle polls', async () => {
    const pair = await polling(h.pair({ pollPair: () => Promise.reject(noChange('50 milliseconds')) }));
    const had = (await h.events(pair.id)).length;
    const polls = pair.polls;
    await until('three more polls', () => pair.polls >= polls + 3);
    assert.deepEqual(await added(pair, had), []);
  });

  it('adds six events when its poll is handed over: once an hour, and when a worker stops', async () => {
    let isOver = false;
    const pair = h.pair({
      pollPair: () => {
        if (!isOver) return Promise.reject(noChange('50 milliseconds'));
        isOver = false;
        return Promise.resolve({ kind: 'hand-over' });
      },
    });
    await polling(pair);
    const had = (await h.events(pair.id)).length;
    isOver = true;
    await until('the hand-over', async () => (await added(pair, had)).length >= 6);
    await quiet(pair);
    assert.deepEqual(await added(pair, had), [...activityEnds, 'ActivityTaskScheduled']);
    assert.equal(pair.diffs.length, 1);
  });

  it('waits on a timer while nothing is due for long, and a message cuts it short', async () => {
    let rests = 0;
    const pair = h.pair({
      pollPair: () => {
        rests += 1;
        const seconds = rests === 1 ? 1 : 3_600;
        if (rests > 2) return Promise.reject(noChange('10 minutes'));
        return Promise.resolve({
          kind: 'rest',
          nextPollAt: new Date(Date.now() + seconds * 1000).toISOString(),
          restMs: seconds * 1000,
        });
      },
    });
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the second rest', () => rests === 2);
    // The status can say "idle" before the server has written the timer of that workflow task.
    await until('the second timer', async () => count(await h.events(pair.id), 'TimerStarted') === 2);
    assert.match((await h.control.status(pair.id)).waitsFor, /^idle, polls both/);
    assert.equal(count(await h.events(pair.id), 'TimerFired'), 1);
    await h.control.settingsChanged(pair.id);
    await until('a poll', () => rests === 3);
    assert.equal(pair.diffs.length, 1);
  });

  it('FC11: ends when its pair is not in the database any more', async () => {
    const pair = await polling(h.pair());
    pair.script.pollPair = () => Promise.resolve({ kind: 'gone' });
    await h.control.settingsChanged(pair.id);
    const handle = h.client.workflow.getHandle(workflowIdOf(pair.id));
    await handle.result();
    assert.equal((await handle.describe()).status.name, 'COMPLETED');
  });

  it('adds 18 events for a change', async () => {
    const pair = h.pair();
    let hasChange = false;
    pair.script.pollPair = () => {
      if (!hasChange) return Promise.reject(noChange('50 milliseconds'));
      hasChange = false;
      return Promise.resolve({ kind: 'changed' });
    };
    await polling(pair);
    const had = (await h.events(pair.id)).length;
    pair.changed = true;
    hasChange = true;
    await until('the run', async () => (await h.control.status(pair.id)).runsFinished === 2);
    await quiet(pair);
    assert.deepEqual(pair.diffs[1], { pairId: pair.id, number: 2, trigger: 'poll', full: false, polled: true });
    assert.deepEqual(pair.applied, [runIdOf(2)]);
    const events = await added(pair, had);
    assert.deepEqual(events, [
      ...activityEnds,
      'ActivityTaskScheduled',
      ...activityEnds,
      'ActivityTaskScheduled',
      ...activityEnds,
      'ActivityTaskScheduled',
    ]);
    assert.equal(events.length, 18);
  });

  it('runs at once for a signal, and costs at most 17 events when there is nothing to write', async () => {
    const pair = await polling(h.pair());
    const had = (await h.events(pair.id)).length;
    await h.control.syncNow(pair.id, WEBHOOK);
    await until('the run', async () => (await h.control.status(pair.id)).runsFinished === 2);
    await quiet(pair);
    assert.deepEqual(pair.diffs[1], { pairId: pair.id, number: 2, trigger: 'webhook', full: false, polled: false });
    const events = await added(pair, had);
    // The end of the poll that was cut short comes with the run, or is a task of its own.
    assert.ok(events.length <= 17, events.join(' '));
  });

  it('joins all requests during a run into one following run (G22)', async () => {
    const gate = gateOf();
    const pair = h.pair();
    pair.script.applyPlan = async ({ runId }) => {
      if (runId === runIdOf(1)) await gate.opened;
      return summaryOf(runId);
    };
    pair.changed = true;
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the apply', () => pair.applied.length === 1);
    await h.control.syncNow(pair.id, WEBHOOK);
    const waiting = h.control.syncAndWait(pair.id, SIGNAL, 20);
    await h.control.syncNow(pair.id, RESYNC);
    await until('all requests', async () => count(await h.events(pair.id), 'WorkflowExecutionUpdateAccepted') === 1);
    assert.equal(pair.diffs.length, 1);
    gate.open();
    assert.deepEqual(await waiting, { runId: runIdOf(2), finished: true });
    await quiet(pair);
    assert.deepEqual(pair.diffs.slice(1), [
      { pairId: pair.id, number: 2, trigger: 'resync', full: true, polled: false },
    ]);
  });

  it('answers with the run that began after the call', async () => {
    const pair = await polling(h.pair());
    assert.deepEqual(await h.control.syncAndWait(pair.id, SIGNAL, 20), { runId: runIdOf(2), finished: true });
    assert.deepEqual(await h.control.syncAndWait(pair.id, SIGNAL, 20), { runId: runIdOf(3), finished: true });
  });

  it('does not miss a request that comes with the result of the poll', async () => {
    const pair = await polling(h.pair());
    pair.changed = true;
    await Promise.all([
      h.control.settingsChanged(pair.id),
      h.control.syncNow(pair.id, SIGNAL),
      h.control.settingsChanged(pair.id),
    ]);
    await until('a run', () => pair.applied.length === 1);
    await quiet(pair);
    assert.ok(pair.diffs.length <= 3);
    assert.ok(pair.diffs.some(({ trigger }) => trigger === 'signal'));
  });

  it('polls at once when settings change, without a run', async () => {
    const pair = await polling(h.pair());
    const had = (await h.events(pair.id)).length;
    const polls = pair.polls;
    await h.control.settingsChanged(pair.id);
    await until('a poll', () => pair.polls > polls);
    await quiet(pair);
    assert.equal(pair.diffs.length, 1);
    assert.ok((await added(pair, had)).length <= 11, (await added(pair, had)).join(' '));
  });

  it('stops polling while paused and runs after resume', async () => {
    const pair = await polling(h.pair());
    const had = (await h.events(pair.id)).length;
    await h.control.pause(pair.id);
    await h.control.pause(pair.id);
    await until('the pause', async () => (await stateInVisibility(pair)) === 'paused');
    // The poll itself learns it with its next heartbeat, and stores nothing until then: the pair's row is paused.
    assert.ok((await h.events(pair.id)).includes('ActivityTaskCancelRequested'));
    assert.equal((await h.control.status(pair.id)).state, 'paused');
    // signal, task, cancel, state; a second pause that comes on its own is a signal and a task
    await until('the last task', async () => {
      const events = await h.events(pair.id);
      return count(events, 'WorkflowTaskScheduled') === count(events, 'WorkflowTaskCompleted');
    });
    assert.ok((await added(pair, had)).length <= 14, (await added(pair, had)).join(' '));
    const polls = pair.polls;
    await h.control.syncNow(pair.id, WEBHOOK);
    await h.control.settingsChanged(pair.id);
    await until('the messages', async () => count(await added(pair, had), 'WorkflowExecutionSignaled') === 4);
    assert.equal(pair.polls, polls);
    assert.equal(pair.diffs.length, 1);
    await h.control.resume(pair.id);
    await h.control.resume(pair.id);
    await until('the run', async () => (await h.control.status(pair.id)).runsFinished === 2);
    await quiet(pair);
    assert.equal(pair.diffs.length, 2);
    assert.equal(pair.diffs[1]?.trigger, 'signal');
    assert.equal(await stateInVisibility(pair), 'active');
  });

  it('reads nothing when it starts paused, and has its first run after resume', async () => {
    const pair = h.pair();
    await h.control.start({ pairId: pair.id, paused: true });
    await until('the start', async () => (await h.control.status(pair.id)).waitsFor.startsWith('paused'));
    assert.equal(await stateInVisibility(pair), 'paused');
    assert.equal((await h.events(pair.id)).length, 4);
    assert.equal(pair.polls + pair.diffs.length, 0);
    await h.control.resume(pair.id);
    await until('the run', () => pair.diffs.length === 1);
    assert.equal(pair.diffs[0]?.trigger, 'start');
  });

  it('cancels a writing run when the pair is paused, and continues it after resume', async () => {
    const pair = h.pair();
    let cancelled = 0;
    pair.script.applyPlan = async ({ runId }) => {
      if (runId !== runIdOf(1)) return summaryOf(runId);
      try {
        return await heartbeatForEver();
      } catch (err) {
        if (err instanceof CancelledFailure) cancelled += 1;
        throw err;
      }
    };
    pair.changed = true;
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the apply', () => pair.applied.length === 1);
    await h.control.syncNow(pair.id, RESYNC);
    const startedAt = Date.now();
    await h.control.pause(pair.id);
    await until('the end of the apply', () => cancelled === 1);
    assert.ok(Date.now() - startedAt < 6_000, `${Date.now() - startedAt} ms`);
    await until('the pause', async () => (await h.control.status(pair.id)).waitsFor.startsWith('paused'));
    assert.equal(pair.diffs.length, 1);
    await h.control.resume(pair.id);
    await until('the next run', async () => (await h.control.status(pair.id)).runsFinished === 2);
    await quiet(pair);
    assert.deepEqual(pair.diffs.slice(1), [
      { pairId: pair.id, number: 2, trigger: 'resync', full: true, polled: false },
    ]);
  });

  it('refuses to wait for a paused pair, without history, and fails for callers that wait already', async () => {
    const pair = h.pair();
    pair.script.applyPlan = () => heartbeatForEver();
    pair.changed = true;
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the apply', () => pair.applied.length === 1);
    const waiting = h.control.syncAndWait(pair.id, SIGNAL, 20);
    await until('the wait', async () => (await h.events(pair.id)).includes('WorkflowExecutionUpdateAccepted'));
    await h.control.pause(pair.id);
    await assert.rejects(waiting, isControlError('paused'));
    await until('the pause', async () => (await h.control.status(pair.id)).waitsFor.startsWith('paused'));
    const had = (await h.events(pair.id)).length;
    await assert.rejects(h.control.syncAndWait(pair.id, SIGNAL, 20), isControlError('paused'));
    assert.deepEqual(await added(pair, had), []);
  });

  it('shows attention with its reason, and clears it', async () => {
    const pair = await polling(h.pair());
    pair.state = 'attention';
    await h.control.settingsChanged(pair.id);
    await until('attention', async () => (await stateInVisibility(pair)) === 'attention');
    await until('the watch', async () => (await h.control.status(pair.id)).state === 'attention');
    assert.match(await currentDetails(pair), /Needs attention:\*\* credentials\. Calpair keeps trying\./);
    const handle = h.client.workflow.getHandle(workflowIdOf(pair.id));
    await until('visibility', async () => {
      for await (const found of h.client.workflow.list({
        query: `PairState = 'attention' AND WorkflowId = '${handle.workflowId}'`,
      })) {
        return found.workflowId === handle.workflowId;
      }
      return false;
    });
    pair.state = 'active';
    await h.control.settingsChanged(pair.id);
    await until('health', async () => (await stateInVisibility(pair)) === 'active');
    assert.equal(pair.diffs.length, 1);
  });

  it('says that held deletions wait for a person, which does not heal by itself', async () => {
    const pair = await polling(h.pair());
    pair.script.pollPair = ({ state }) =>
      state === 'attention'
        ? Promise.reject(noChange('10 minutes'))
        : Promise.resolve({ kind: 'state', state: 'attention', reason: 'held-changes', held: 14 });
    await h.control.settingsChanged(pair.id);
    await until('attention', async () => (await h.control.status(pair.id)).state === 'attention');
    const details = await currentDetails(pair);
    assert.match(details, /Needs attention:\*\* 14 deletions wait for a decision: apply or restore them/);
    assert.doesNotMatch(details, /keeps trying/);
  });

  it('survives a run that fails for good, rests, and runs at once on request', async () => {
    const pair = await polling(h.pair());
    pair.script.diffPair = () => Promise.reject(ApplicationFailure.nonRetryable('a mistake of ours', 'bug'));
    assert.deepEqual(await h.control.syncAndWait(pair.id, SIGNAL, 20), { runId: null, finished: false });
    await until('the rest', async () => (await h.control.status(pair.id)).waitsFor.includes('continues in 10 s'));
    assert.deepEqual(await h.control.syncAndWait(pair.id, SIGNAL, 20), { runId: null, finished: false });
    await until('a longer rest', async () => (await h.control.status(pair.id)).waitsFor.includes('continues in 20 s'));
    delete pair.script.diffPair;
    assert.deepEqual(await h.control.syncAndWait(pair.id, SIGNAL, 20), { runId: runIdOf(4), finished: true });
    await quiet(pair);
    assert.doesNotMatch(await currentDetails(pair), /Failed runs/);
  });

  it('rests after a run that could not read a side, and after a poll that failed for good', async () => {
    const pair = h.pair();
    pair.result = 'failed';
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the rest', async () => (await h.control.status(pair.id)).waitsFor.includes('continues in 10 s'));
    pair.script.pollPair = () => Promise.reject(ApplicationFailure.nonRetryable('a mistake of ours', 'bug'));
    await h.control.settingsChanged(pair.id);
    await until('the next rest', async () => (await h.control.status(pair.id)).waitsFor.includes('continues in 20 s'));
    delete pair.script.pollPair;
    await h.control.settingsChanged(pair.id);
    await quiet(pair);
  });

  it('repeats a diff after a temporary failure', async () => {
    const pair = h.pair();
    pair.script.diffPair = ({ number }) =>
      pair.diffs.length < 2
        ? Promise.reject(new Error('the database is away'))
        : Promise.resolve({ runId: runIdOf(number), ops: 1, ended: null });
    await polling(pair);
    assert.deepEqual(
      pair.diffs.map(({ number }) => number),
      [1, 1],
    );
    assert.deepEqual(pair.applied, [runIdOf(1)]);
  });

  it('continues as new under many callers without losing or mixing up a run', { timeout: 90_000 }, async () => {
    const pair = await polling(h.pair());
    const handle = h.client.workflow.getHandle(workflowIdOf(pair.id));
    const first = (await handle.describe()).runId;
    const answers: number[] = [];
    const deadline = Date.now() + 60_000;
    let renewed = 0;
    const caller = async (): Promise<void> => {
      while (renewed < 30 && Date.now() < deadline) {
        const begun = pair.diffs.length;
        const answer = await h.control.syncAndWait(pair.id, SIGNAL, 30);
        assert.ok(answer.finished);
        const number = Number(answer.runId.slice('run-'.length));
        assert.ok(number > begun, `${number} began before the call`);
        answers.push(number);
        if ((await handle.describe()).runId !== first) renewed += 1;
      }
    };
    await Promise.all([caller(), caller(), caller(), caller(), caller()]);
    assert.ok(renewed >= 30, `${answers.length} answers, no renewal`);
    await quiet(pair);
    const numbers = pair.diffs.map(({ number }) => number);
    assert.deepEqual(
      numbers,
      numbers.map((_number, at) => at + 1),
    );
    const old = await h.events(pair.id, first);
    assert.equal(old.at(-1), 'WorkflowExecutionContinuedAsNew');
    assert.ok(old.length < 4_000, `${old.length} events`);
    assert.equal(await stateInVisibility(pair), 'active');
    assert.match(await currentDetails(pair), /Last run:\*\* number \d+, ok/);
  });

  it('ends when it is cancelled, also in the middle of writing', async () => {
    const pair = h.pair();
    pair.script.applyPlan = () => heartbeatForEver();
    pair.changed = true;
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the apply', () => pair.applied.length === 1);
    const handle = h.client.workflow.getHandle(workflowIdOf(pair.id));
    await handle.cancel();
    await assert.rejects(handle.result(), WorkflowFailedError);
    assert.equal((await handle.describe()).status.name, 'CANCELLED');
  });

  it('shows in the Temporal UI what it is doing', async () => {
    const pair = h.pair();
    pair.changed = true;
    pair.ops = 3;
    await polling(pair);
    const { events } = await h.client.workflow.getHandle(workflowIdOf(pair.id)).fetchHistory();
    const summaries = (events ?? []).flatMap(({ userMetadata }) => {
      const data = userMetadata?.summary?.data;
      return data ? [String(JSON.parse(Buffer.from(data).toString()))] : [];
    });
    assert.deepEqual(summaries, ['Keeps two calendars in sync', 'run 1: start', '3 ops', 'until a calendar changes']);
    assert.match(await currentDetails(pair), /idle, polls both calendars[\s\S]*last heartbeat/);
  });

  async function currentDetails(pair: FakePair): Promise<string> {
    const metadata = await h.client.workflow
      .getHandle(workflowIdOf(pair.id))
      .query<{ currentDetails?: string }>('__temporal_workflow_metadata');
    return metadata.currentDetails ?? '';
  }
});

function count(events: readonly string[], type: string): number {
  return events.filter((one) => one === type).length;
}

function isControlError(kind: ControlError['kind']): (err: unknown) => boolean {
  return (err) => err instanceof ControlError && err.kind === kind;
}

/** An apply that goes on until it is cancelled. */
async function heartbeatForEver(): Promise<RunSummary> {
  for (;;) {
    Context.current().heartbeat({ done: 0, of: 1 });
    await Context.current().sleep(100);
  }
}

function gateOf(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = withResolvers();
  return { opened: promise, open: resolve };
}

/** Promise.withResolvers came with Node 22. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
