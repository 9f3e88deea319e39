/**
 * Records a real history for every branch of the pair workflow, and of the workflows in `booking-branches.ts`, as JSON
 * files in this folder; `test/workflows/replay.test.ts` replays them. Run it by hand when a branch is added: `node
 * --import tsx test/histories/record.ts [branch …]`. Histories of released versions keep their old names: they
 * represent the pairs of running installations. Those without the prefix of `FORM` are of the version that polled by
 * retried attempts.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { Connection } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { readConfig } from '../../config.ts';
import { anyFreePort } from '../../embedded/ports.ts';
import { findTemporalProgram } from '../../embedded/temporal-program.ts';
import type { RunSummary } from '../../workflows/messages.ts';
import { workflowIdOf } from '../../workflows/messages.ts';
import type { FakePair, Harness } from '../workflows/harness.ts';
import { createHarness, noChange, runIdOf, summaryOf, until } from '../workflows/harness.ts';
import { bookingBranches } from './booking-branches.ts';
import { toJson } from './json.ts';

const SIGNAL = { trigger: 'signal', full: false } as const;
const RESYNC = { trigger: 'resync', full: true } as const;
const WEBHOOK = { trigger: 'webhook', full: false } as const;
/** Makes continue-as-new happen without a thousand events. */
const SUGGEST_CONTINUE_AS_NEW = 60;
const NAMESPACE = 'recording';
/** The present form of the workflows, in the names of the files. */
const FORM = 'long-poll.';

/** Plays its branch with a new pair. Returns the run of the workflow to record, if it is not the newest. */
type Branch = (h: Harness, pair: FakePair) => Promise<string | void>;

const branches: Record<string, Branch> = {
  'first-run-then-idle': async (h, pair) => {
    pair.script.pollPair = () => Promise.reject(noChange('50 milliseconds'));
    await start(h, pair);
    await until('polls', () => pair.polls > 2);
  },
  'handed-over': async (h, pair) => {
    pair.script.pollPair = () =>
      pair.polls < 3 ? Promise.resolve({ kind: 'hand-over' }) : Promise.reject(noChange('10 minutes'));
    await start(h, pair);
    await until('polls', () => pair.polls > 2);
    await idle(h, pair);
  },
  'change-after-notifications': async (h, pair) => {
    let isReported = false;
    pair.script.pollPair = () => {
      if (!isReported) return Promise.reject(noChange('10 minutes'));
      isReported = false;
      return Promise.resolve({ kind: 'changed', trigger: 'webhook' });
    };
    await start(h, pair);
    await until('a poll', () => pair.polls > 0);
    await h.control.calendarChanged(pair.id);
    await until('another poll', () => pair.polls > 1);
    isReported = true;
    await h.control.calendarChanged(pair.id);
    await until('the run', () => pair.diffs.length === 2);
    await idle(h, pair);
  },
  'rest-until-due': async (h, pair) => {
    const rest = (seconds: number) =>
      ({
        kind: 'rest',
        nextPollAt: new Date(Date.now() + seconds * 1000).toISOString(),
        restMs: seconds * 1000,
      }) as const;
    pair.script.pollPair = () => Promise.resolve(rest(pair.polls < 3 ? 1 : 3_600));
    await start(h, pair);
    await until('polls', () => pair.polls > 2);
    await h.control.syncNow(pair.id, WEBHOOK);
    await until('the run', () => pair.diffs.length === 2);
    await idle(h, pair);
  },
  'pair-gone': async (h, pair) => {
    pair.script.pollPair = () => Promise.resolve({ kind: 'gone' });
    await start(h, pair);
    await h.client.workflow.getHandle(workflowIdOf(pair.id)).result();
  },
  'held-changes': async (h, pair) => {
    pair.script.pollPair = ({ state }) =>
      state === 'attention'
        ? Promise.reject(noChange('10 minutes'))
        : Promise.resolve({ kind: 'state', state: 'attention', reason: 'held-changes', held: 3 });
    await start(h, pair);
    await until('attention', async () => (await h.control.status(pair.id)).state === 'attention');
    await idle(h, pair);
  },
  change: async (h, pair) => {
    pair.script.pollPair = () =>
      pair.changed ? Promise.resolve({ kind: 'changed' }) : Promise.reject(noChange('50 milliseconds'));
    await start(h, pair);
    await idle(h, pair);
    pair.changed = true;
    await until('the run', async () => (await h.control.status(pair.id)).runsFinished === 2);
    await idle(h, pair);
  },
  'wish-while-idle': async (h, pair) => {
    await start(h, pair);
    await idle(h, pair);
    await h.control.syncNow(pair.id, WEBHOOK);
    await until('the run', () => pair.diffs.length === 2);
    await idle(h, pair);
  },
  'wait-while-idle': async (h, pair) => {
    await start(h, pair);
    await idle(h, pair);
    pair.changed = true;
    await h.control.syncAndWait(pair.id, SIGNAL, 20);
    await idle(h, pair);
  },
  'wishes-during-a-run': async (h, pair) => {
    await startWriting(h, pair, async ({ runId }) => {
      if (runId === runIdOf(1)) await sleep(1_000);
      return summaryOf(runId);
    });
    await h.control.syncNow(pair.id, WEBHOOK);
    await Promise.all([h.control.syncAndWait(pair.id, SIGNAL, 20), h.control.syncAndWait(pair.id, RESYNC, 20)]);
    await idle(h, pair);
  },
  'settings-while-idle': async (h, pair) => {
    await start(h, pair);
    await idle(h, pair);
    const polls = pair.polls;
    await h.control.settingsChanged(pair.id);
    await until('a poll', () => pair.polls > polls);
    await idle(h, pair);
  },
  'pause-while-idle': async (h, pair) => {
    await start(h, pair);
    await idle(h, pair);
    await pauseAndResume(h, pair);
  },
  'started-paused': async (h, pair) => {
    await h.control.start({ pairId: pair.id, paused: true });
    await h.control.syncNow(pair.id, WEBHOOK);
    await h.control.resume(pair.id);
    await until('the run', () => pair.diffs.length === 1);
    await idle(h, pair);
  },
  'pause-while-writing': async (h, pair) => {
    await startWriting(h, pair, ({ runId }) =>
      runId === runIdOf(1) ? writeForever() : Promise.resolve(summaryOf(runId)),
    );
    const waiting = h.control.syncAndWait(pair.id, SIGNAL, 20).catch(() => null);
    await until('the wait', async () => (await h.events(pair.id)).includes('WorkflowExecutionUpdateAccepted'));
    await pauseAndResume(h, pair);
    await waiting;
  },
  'pause-while-comparing': async (h, pair) => {
    pair.script.diffPair = async ({ number }) => {
      if (number === 1) await writeForever();
      return { runId: runIdOf(number), ops: 0, ended: summaryOf(runIdOf(number)) };
    };
    await start(h, pair);
    await until('the diff', () => pair.diffs.length === 1);
    await pauseAndResume(h, pair);
  },
  'pause-too-late': async (h, pair) => {
    await startWriting(h, pair, async ({ runId }) => {
      await sleep(500);
      return summaryOf(runId);
    });
    await pauseAndResume(h, pair);
  },
  'attention-and-back': async (h, pair) => {
    await start(h, pair);
    await idle(h, pair);
    for (const state of ['attention', 'active'] as const) {
      pair.state = state;
      await h.control.settingsChanged(pair.id);
      await until(state, async () => (await h.control.status(pair.id)).state === state);
    }
    await idle(h, pair);
  },
  'pause-in-attention': async (h, pair) => {
    await start(h, pair);
    pair.state = 'attention';
    await idle(h, pair);
    await h.control.settingsChanged(pair.id);
    await until('attention', async () => (await h.control.status(pair.id)).state === 'attention');
    await pauseAndResume(h, pair);
  },
  'failed-run-rests': async (h, pair) => {
    pair.script.diffPair = () => Promise.reject(permanentFailure());
    await start(h, pair);
    await waitingToRetry(h, pair, 10);
    delete pair.script.diffPair;
    await until('the end of the wait', () => pair.polls > 0);
    await idle(h, pair);
  },
  'failed-run-woken': async (h, pair) => {
    pair.script.diffPair = () => Promise.reject(permanentFailure());
    await start(h, pair);
    await waitingToRetry(h, pair, 10);
    await h.control.syncAndWait(pair.id, SIGNAL, 20);
    await waitingToRetry(h, pair, 20);
    delete pair.script.diffPair;
    await h.control.syncAndWait(pair.id, RESYNC, 20);
    await idle(h, pair);
  },
  'failed-apply': async (h, pair) => {
    await startWriting(h, pair, () => Promise.reject(permanentFailure()));
    await waitingToRetry(h, pair, 10);
    await pauseAndResume(h, pair);
  },
  'side-not-read': async (h, pair) => {
    pair.result = 'failed';
    await start(h, pair);
    await waitingToRetry(h, pair, 10);
    await h.control.settingsChanged(pair.id);
    await idle(h, pair);
  },
  'failed-watch': async (h, pair) => {
    pair.script.pollPair = () => Promise.reject(permanentFailure());
    await start(h, pair);
    await waitingToRetry(h, pair, 10);
    delete pair.script.pollPair;
    await h.control.settingsChanged(pair.id);
    await idle(h, pair);
  },
  'repeated-diff': async (h, pair) => {
    pair.script.diffPair = ({ number }) =>
      pair.diffs.length < 2
        ? Promise.reject(new Error('for the moment'))
        : Promise.resolve({ runId: runIdOf(number), ops: 2, ended: null });
    await start(h, pair);
    await until('the run', () => pair.applied.length === 1);
    await idle(h, pair);
  },
  'continued-as-new': async (h, pair) => {
    const first = await startOf(h, pair);
    await untilRenewed(h, pair, first, () => h.control.syncAndWait(pair.id, SIGNAL, 20));
    return first;
  },
  'continued-as-new-under-callers': async (h, pair) => {
    const first = await startOf(h, pair);
    const caller = (): Promise<void> => untilRenewed(h, pair, first, () => h.control.syncAndWait(pair.id, SIGNAL, 20));
    await Promise.all([caller(), caller(), caller()]);
    return first;
  },
  'continued-as-new-while-paused': async (h, pair) => {
    const first = await startOf(h, pair);
    await h.control.pause(pair.id);
    await untilRenewed(h, pair, first, () => h.control.syncNow(pair.id, RESYNC));
    return first;
  },
  'went-on-paused-after-continue-as-new': async (h, pair) => {
    const first = await startOf(h, pair);
    await h.control.pause(pair.id);
    await untilRenewed(h, pair, first, () => h.control.syncNow(pair.id, RESYNC));
    await h.control.resume(pair.id);
    await until('the run', () => pair.diffs.length === 2);
    await idle(h, pair);
  },
  'went-on-after-continue-as-new': async (h, pair) => {
    const first = await startOf(h, pair);
    await untilRenewed(h, pair, first, () => h.control.syncAndWait(pair.id, SIGNAL, 20));
    pair.changed = true;
    await h.control.settingsChanged(pair.id);
    await until('the run', () => pair.applied.length > 0);
    await idle(h, pair);
  },
  'cancelled-while-idle': async (h, pair) => {
    await start(h, pair);
    await idle(h, pair);
    await h.control.stop(pair.id);
  },
  'cancelled-while-paused': async (h, pair) => {
    await h.control.start({ pairId: pair.id, paused: true });
    await h.control.status(pair.id);
    await h.control.stop(pair.id);
  },
  'cancelled-while-writing': async (h, pair) => {
    await startWriting(h, pair, () => writeForever());
    const waiting = h.control.syncAndWait(pair.id, SIGNAL, 20).catch(() => null);
    await until('the wait', async () => (await h.events(pair.id)).includes('WorkflowExecutionUpdateAccepted'));
    await h.control.stop(pair.id);
    await waiting;
  },
  'cancelled-while-resting': async (h, pair) => {
    pair.script.diffPair = () => Promise.reject(permanentFailure());
    await start(h, pair);
    await waitingToRetry(h, pair, 10);
    await h.control.stop(pair.id);
  },
};

const selected = process.argv.slice(2);
const server = await startServer();
try {
  await record(await createHarness(server));
} finally {
  server.stop();
}

async function record(h: Harness): Promise<void> {
  await h.startWorkers();
  for (const [name, branch] of Object.entries(branches)) {
    if (selected.length > 0 && !selected.includes(name)) continue;
    const pair = h.pair();
    const runId = await branch(h, pair);
    const history = await h.client.workflow.getHandle(workflowIdOf(pair.id), runId ?? undefined).fetchHistory();
    writeFileSync(
      new URL(`${FORM}${name}.json`, import.meta.url),
      `${JSON.stringify(withoutTraces(toJson(history)), null, 1)}\n`,
    );
    console.log(name);
  }
  await recordBookings(h);
  await h.close();
}

async function recordBookings(h: Harness): Promise<void> {
  for (const [name, branch] of Object.entries(bookingBranches)) {
    if (selected.length > 0 && !selected.includes(name)) continue;
    const { workflowId, runId } = await branch(h);
    const history = await h.client.workflow.getHandle(workflowId, runId).fetchHistory();
    writeFileSync(
      new URL(`${FORM}${name}.json`, import.meta.url),
      `${JSON.stringify(withoutTraces(toJson(history)), null, 1)}\n`,
    );
    console.log(name);
  }
}

async function start(h: Harness, pair: FakePair): Promise<void> {
  await h.control.start({ pairId: pair.id, paused: false });
}

async function startOf(h: Harness, pair: FakePair): Promise<string> {
  await start(h, pair);
  await idle(h, pair);
  return currentRun(h, pair);
}

async function startWriting(
  h: Harness,
  pair: FakePair,
  apply: NonNullable<FakePair['script']['applyPlan']>,
): Promise<void> {
  pair.changed = true;
  pair.script.applyPlan = apply;
  await start(h, pair);
  await until('the apply', () => pair.applied.length === 1);
}

async function pauseAndResume(h: Harness, pair: FakePair): Promise<void> {
  await h.control.pause(pair.id);
  await until('the pause', async () => (await h.control.status(pair.id)).waitsFor.startsWith('paused'));
  const { runsBegun } = await h.control.status(pair.id);
  await h.control.resume(pair.id);
  await until('the run', async () => (await h.control.status(pair.id)).runsBegun > runsBegun);
  if (pair.script.applyPlan === undefined || pair.applied.length > 1) await idle(h, pair).catch(() => undefined);
}

async function untilRenewed(h: Harness, pair: FakePair, first: string, message: () => Promise<unknown>): Promise<void> {
  await until('the renewal', async () => {
    await message();
    return (await currentRun(h, pair)) !== first;
  });
}

async function currentRun(h: Harness, pair: FakePair): Promise<string> {
  return (await h.client.workflow.getHandle(workflowIdOf(pair.id)).describe()).runId;
}

async function idle(h: Harness, pair: FakePair): Promise<void> {
  await until('an idle pair', async () => {
    const { waitsFor, runsBegun, runsFinished } = await h.control.status(pair.id);
    return waitsFor.startsWith('idle') && runsBegun === runsFinished;
  });
  await sleep(300);
}

async function waitingToRetry(h: Harness, pair: FakePair, seconds: number): Promise<void> {
  await until('the wait', async () => (await h.control.status(pair.id)).waitsFor.includes(`continues in ${seconds} s`));
}

async function writeForever(): Promise<RunSummary> {
  for (;;) {
    Context.current().heartbeat({ done: 0, of: 1 });
    await Context.current().sleep(100);
  }
}

function permanentFailure(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('a bug of Calpair', 'bug');
}

/** A replay needs neither machine names nor stack traces. */
function withoutTraces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTraces);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([key]) => key !== 'stackTrace');
  return Object.fromEntries(entries.map(([key, inner]) => [key, isMachine(inner) ? 'recorded' : withoutTraces(inner)]));
}

/** `1234@host`, possibly with a suffix: the identity of a client or of a sticky queue. */
function isMachine(value: unknown): boolean {
  return typeof value === 'string' && /^\d+@/.test(value);
}

async function startServer(): Promise<{ address: string; namespace: string; stop: () => void }> {
  const program = await findTemporalProgram(readConfig().cacheDir, console.log);
  const port = await anyFreePort();
  const address = `127.0.0.1:${port}`;
  const server = spawn(
    program,
    [
      'server',
      'start-dev',
      '--headless',
      '--ip',
      '127.0.0.1',
      '--port',
      String(port),
      '--namespace',
      NAMESPACE,
      '--log-level',
      'error',
    ].concat('--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${SUGGEST_CONTINUE_AS_NEW}`),
    { stdio: 'ignore' },
  );
  await until('the server', async () => {
    try {
      const connection = await Connection.connect({ address });
      await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
      await connection.close();
      return true;
    } catch {
      return false;
    }
  });
  return { address, namespace: NAMESPACE, stop: () => void server.kill() };
}
