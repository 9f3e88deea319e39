/**
 * Shared by the workflow tests: a real Temporal development server, the project's workers, and functions as fake
 * calendars.
 */
import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { SYSTEM_CLOCK } from '../../activities/deps.ts';
import { HAND_OVER, PollLoops, pollLoop } from '../../activities/poll-loop.ts';
import type { BookingControl } from '../../api/temporal/booking-control.ts';
import { createBookingControl } from '../../api/temporal/booking-control.ts';
import type { PairControl } from '../../api/temporal/pair-control.ts';
import { createPairControl, registerSearchAttributes } from '../../api/temporal/pair-control.ts';
import type { Workers, WorkersOptions } from '../../worker/workers.ts';
import { createWorkers, installRuntime } from '../../worker/workers.ts';
import { bundleWorkflows } from '../../worker/workflow-bundle.ts';
import type { BookingActivities } from '../../workflows/booking-messages.ts';
import type { DiffResult, PairActivities, PairState, PollPause, RunSummary } from '../../workflows/messages.ts';
import { PAIRS_QUEUE, POLLS_QUEUE, workflowIdOf } from '../../workflows/messages.ts';
import type { PushActivities } from '../../workflows/push-messages.ts';

export interface Harness {
  readonly client: Client;
  readonly control: PairControl;
  readonly bookings: BookingControl;
  /** Fake activities of bookings; those left out do nothing for 10 minutes. */
  readonly bookingScript: Mutable<Partial<BookingActivities>>;
  /** The fake activity that keeps push channels. */
  readonly channels: { turns: number; isOver: boolean };
  readonly address: string;
  readonly namespace: string;
  /** What the workers logged. */
  readonly log: string[];
  /** A new pair whose calendars do not change. */
  pair(script?: Partial<PairActivities>): FakePair;
  startWorkers(): Promise<Workers>;
  /** Workers whose workflows take the paths of the version before the long polls. */
  startEarlierWorkers(): Promise<void>;
  stopWorkers(): Promise<void>;
  /** Event types of the pair's current run, or of the given run. */
  events(pairId: string, runId?: string): Promise<string[]>;
  close(): Promise<void>;
}

/** Both calendars of one pair as the workflow sees them, and a record of its calls. */
export class FakePair {
  readonly id: string = randomUUID();
  readonly script: Mutable<Partial<PairActivities>>;
  changed = false;
  ops = 1;
  state: PairState = 'active';
  result: RunSummary['result'] = 'ok';
  polls = 0;
  readonly diffs: Parameters<PairActivities['diffPair']>[0][] = [];
  readonly applied: string[] = [];

  constructor(script: Partial<PairActivities>) {
    this.script = script;
  }

  /** The delay is longer than any test; requests cut it short. */
  async poll(input: Parameters<PairActivities['pollPair']>[0]): ReturnType<PairActivities['pollPair']> {
    this.polls += 1;
    if (this.script.pollPair) return this.script.pollPair(input);
    if (this.state !== input.state)
      return { kind: 'state', state: this.state, reason: this.state === 'attention' ? 'credentials' : null };
    if (this.changed) return { kind: 'changed' };
    throw noChange('10 minutes');
  }

  async diff(input: Parameters<PairActivities['diffPair']>[0]): Promise<DiffResult> {
    this.diffs.push(input);
    if (this.script.diffPair) return this.script.diffPair(input);
    const runId = runIdOf(input.number);
    const ops = this.changed ? this.ops : 0;
    this.changed = false;
    return { runId, ops, ended: ops === 0 ? summaryOf(runId, this.result) : null };
  }

  async apply(input: Parameters<PairActivities['applyPlan']>[0]): Promise<RunSummary> {
    this.applied.push(input.runId);
    return this.script.applyPlan ? this.script.applyPlan(input) : summaryOf(input.runId, this.result);
  }
}

/** A single poll as the long activities do it, which fails where the poll does. */
async function asLoop<Result>(loops: PollLoops, key: string, poll: () => Promise<Result>): Promise<Result | PollPause> {
  const answer = await pollLoop<{ readonly answer: Result } | { readonly failure: unknown } | PollPause>(
    { clock: SYSTEM_CLOCK, random: Math.random, log: pino({ level: 'silent' }), loops },
    key,
    async () => {
      try {
        return { result: { answer: await poll() } };
      } catch (failure) {
        if (!(failure instanceof ApplicationFailure) || failure.type !== 'NoChange') return { result: { failure } };
        return { saw: 'no change', delaySeconds: failure.nextRetryDelay === '10 minutes' ? 600 : 0.05 };
      }
    },
  );
  if ('failure' in answer) throw answer.failure;
  return 'answer' in answer ? answer.answer : answer;
}

export function runIdOf(number: number): string {
  return `run-${number}`;
}

export function summaryOf(runId: string, result: RunSummary['result'] = 'ok'): RunSummary {
  return { runId, result, writes: 0, conflicts: 0, held: 0, problems: 0 };
}

export function noChange(nextRetryDelay: '10 minutes' | '50 milliseconds'): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'NoChange',
    message: 'OK, nothing changed',
    nextRetryDelay,
    category: ApplicationFailureCategory.BENIGN,
  });
}

export async function createHarness(
  { address, namespace }: { address: string; namespace: string },
  options: Partial<WorkersOptions> = {},
): Promise<Harness> {
  const log: string[] = [];
  installRuntime((level, message, fields) => log.push(`${level} ${message} ${JSON.stringify(fields)}`));
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  await registerSearchAttributes(client);
  const workflowBundle = await bundleWorkflows();
  const control = createPairControl(client, 'http://127.0.0.1:8233/');
  const pairs = new Map<string, FakePair>();
  const bookingScript: Mutable<Partial<BookingActivities>> = {};
  const found = (pairId: string): FakePair => {
    const pair = pairs.get(pairId);
    if (!pair) throw ApplicationFailure.nonRetryable('a pair of another test', 'Unknown');
    return pair;
  };
  let loops = new PollLoops();
  const channels: Harness['channels'] = { turns: 0, isOver: false };
  const activities: PairActivities & BookingActivities & PushActivities = {
    watchPair: (input) => asLoop(loops, input.pairId, () => found(input.pairId).poll(input)),
    pollPair: (input) => found(input.pairId).poll(input),
    diffPair: (input) => {
      loops.end(input.pairId);
      return found(input.pairId).diff(input);
    },
    applyPlan: (input) => found(input.pairId).apply(input),
    carryBooking: (input) => bookingScript.carryBooking?.(input) ?? Promise.reject(noChange('10 minutes')),
    watchBookedCalendar: (input) =>
      asLoop(
        loops,
        input.watchId,
        () => bookingScript.watchBookings?.(input) ?? Promise.reject(noChange('10 minutes')),
      ),
    watchOutbox: () =>
      asLoop(loops, 'webhook', async () => {
        await (bookingScript.deliverWebhooks?.({}) ?? Promise.reject(noChange('10 minutes')));
        return HAND_OVER;
      }),
    watchChannels: () =>
      asLoop(loops, 'channels', async () => {
        channels.turns += 1;
        return channels.isOver ? { kind: 'over' as const } : Promise.reject(noChange('50 milliseconds'));
      }),
    watchBookings: (input) => bookingScript.watchBookings?.(input) ?? Promise.reject(noChange('10 minutes')),
    deliverWebhooks: (input) => bookingScript.deliverWebhooks?.(input) ?? Promise.reject(noChange('10 minutes')),
  };
  let running: { workers: Workers; ended: Promise<void>; native: NativeConnection } | null = null;

  const stopWorkers = async (): Promise<void> => {
    running?.workers.shutdown();
    await running?.ended;
    await running?.native.close();
    running = null;
  };
  return {
    client,
    control,
    bookings: createBookingControl(client),
    bookingScript,
    channels,
    address,
    namespace,
    log,
    pair: (script = {}) => {
      const pair = new FakePair(script);
      pairs.set(pair.id, pair);
      return pair;
    },
    startWorkers: async () => {
      const native = await NativeConnection.connect({ address });
      loops = new PollLoops();
      const workers = await createWorkers({
        connection: native,
        namespace,
        activities,
        workflowBundle,
        handOver: () => loops.handOver(),
        ...options,
      });
      running = { workers, ended: workers.run(), native };
      return workers;
    },
    startEarlierWorkers: async () => {
      const native = await NativeConnection.connect({ address });
      const common = { connection: native, namespace, activities: { ...activities } };
      const all = await Promise.all([
        Worker.create({
          ...common,
          taskQueue: PAIRS_QUEUE,
          workflowBundle,
          patchActivationCallback: () => false,
          stickyQueueScheduleToStartTimeout: '1 second',
        }),
        Worker.create({ ...common, taskQueue: POLLS_QUEUE }),
      ]);
      const ended = Promise.all(all.map((worker) => worker.run())).then(() => undefined);
      const shutdown = (): void => all.forEach((worker) => worker.shutdown());
      running = { workers: { run: () => ended, shutdown, isPolling: () => true }, ended, native };
    },
    stopWorkers,
    events: async (pairId, runId) =>
      eventTypes(await client.workflow.getHandle(workflowIdOf(pairId), runId).fetchHistory()),
    close: async () => {
      await stopWorkers();
      await connection.close();
    },
  };
}

/** `EVENT_TYPE_WORKFLOW_TASK_STARTED` as the UI writes it: `WorkflowTaskStarted`. */
export function eventTypes(history: { events?: readonly { eventType?: unknown }[] | null }): string[] {
  return (history.events ?? []).map(({ eventType }) => eventNames[Number(eventType)] ?? String(eventType));
}
const eventNames: Record<number, string> = {
  1: 'WorkflowExecutionStarted',
  4: 'WorkflowExecutionTimedOut',
  5: 'WorkflowTaskScheduled',
  6: 'WorkflowTaskStarted',
  7: 'WorkflowTaskCompleted',
  8: 'WorkflowTaskTimedOut',
  9: 'WorkflowTaskFailed',
  10: 'ActivityTaskScheduled',
  11: 'ActivityTaskStarted',
  12: 'ActivityTaskCompleted',
  13: 'ActivityTaskFailed',
  14: 'ActivityTaskTimedOut',
  15: 'ActivityTaskCancelRequested',
  16: 'ActivityTaskCanceled',
  17: 'TimerStarted',
  18: 'TimerFired',
  19: 'TimerCanceled',
  21: 'WorkflowExecutionCanceled',
  20: 'WorkflowExecutionCancelRequested',
  25: 'MarkerRecorded',
  26: 'WorkflowExecutionSignaled',
  27: 'WorkflowExecutionTerminated',
  28: 'WorkflowExecutionContinuedAsNew',
  41: 'WorkflowExecutionUpdateAccepted',
  43: 'WorkflowExecutionUpdateCompleted',
  40: 'UpsertWorkflowSearchAttributes',
};

/** Checks every 20 ms; fails after 20 s with the name of the condition. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
