/**
 * The role `worker`: three Temporal workers in one process, so that many polls never take the slots of a run that
 * writes, nor long runs those of a booking. Only `main.ts` and tests import this file.
 */
import type { NativeConnection, WorkerOptions, WorkflowBundle } from '@temporalio/worker';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { BookingActivities } from '../workflows/booking-messages.ts';
import { BOOKINGS_QUEUE } from '../workflows/booking-messages.ts';
import type { PairActivities } from '../workflows/messages.ts';
import { PAIRS_QUEUE, POLLS_QUEUE } from '../workflows/messages.ts';
import type { PushActivities } from '../workflows/push-messages.ts';
import { bundleWorkflows } from './workflow-bundle.ts';

export interface Workers {
  /** Resolves when all have drained after `shutdown`; rejects when one failed, after the others have drained. */
  run(): Promise<void>;
  /** Stops taking tasks; running activities are cancelled after 10 s and abandoned after 20 s. May be called twice. */
  shutdown(): void;
  /** For `/health/ready`: all take tasks. */
  isPolling(): boolean;
}

export interface WorkersOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly activities: PairActivities & BookingActivities & PushActivities;
  /** From `bundleWorkflows()`; bundled here when left out, which takes a second or two. */
  readonly workflowBundle?: WorkflowBundle;
  /** This process in Temporal, its lease and `pairs.polled_by`; the SDK's `pid@host` where it is left out. */
  readonly identity?: string;
  /** Called first when the workers stop: the polls end, and go on in other processes. */
  readonly handOver?: () => void;
  /** Turns Temporal's worker versioning on. */
  readonly deployment?: { readonly name: string; readonly buildId: string } | null;
  /** Defaults: 30 runs and 50 bookings at once; most of the time they wait for calendars. */
  readonly runsAtOnce?: number;
  readonly bookingsAtOnce?: number;
}

/** A poll takes a slot for as long as its pair is idle, and sleeps most of the time. */
const POLL_SLOTS = 10_000;

/** An idle pair needs no cached workflow; a busy one costs 0.2 to 0.3 MB while it is cached. */
const CACHED_WORKFLOWS = 500;

const ALL: Pick<WorkerOptions, 'shutdownGraceTime' | 'shutdownForceTime' | 'maxHeartbeatThrottleInterval'> = {
  shutdownGraceTime: '10 seconds',
  shutdownForceTime: '20 seconds',
  // Cancellation reaches an activity only with a heartbeat: a pause or a deletion takes effect within this time.
  maxHeartbeatThrottleInterval: '3 seconds',
};

export async function createWorkers(options: WorkersOptions): Promise<Workers> {
  const { connection, namespace } = options;
  const { watchPair, pollPair, diffPair, applyPlan, watchChannels } = options.activities;
  const { watchBookedCalendar, watchBookings, carryBooking, watchOutbox, deliverWebhooks } = options.activities;
  const common = { ...ALL, ...(options.identity === undefined ? {} : { identity: options.identity }) };
  const versioned = options.deployment ? { workerDeploymentOptions: deploymentOptions(options.deployment) } : {};
  const workflowBundle = options.workflowBundle ?? (await bundleWorkflows());
  const pairs = await Worker.create({
    ...common,
    ...versioned,
    connection,
    namespace,
    taskQueue: PAIRS_QUEUE,
    workflowBundle,
    activities: { diffPair, applyPlan },
    maxCachedWorkflows: CACHED_WORKFLOWS,
    maxConcurrentActivityTaskExecutions: options.runsAtOnce ?? 30,
    // How long a workflow cached by a killed worker waits before another worker gets it; the default is 10 s.
    stickyQueueScheduleToStartTimeout: '1 second',
  });
  const polls = await Worker.create({
    ...common,
    ...versioned,
    connection,
    namespace,
    taskQueue: POLLS_QUEUE,
    activities: { watchPair, watchBookedCalendar, watchOutbox, watchChannels, pollPair, watchBookings },
    maxConcurrentActivityTaskExecutions: POLL_SLOTS,
  });
  const bookings = await Worker.create({
    ...common,
    ...versioned,
    connection,
    namespace,
    taskQueue: BOOKINGS_QUEUE,
    activities: { carryBooking, deliverWebhooks },
    maxConcurrentActivityTaskExecutions: options.bookingsAtOnce ?? 50,
  });
  const all = [pairs, polls, bookings];
  const shutdown = (): void => {
    // The workers first: no workflow of this process may call a poll again here.
    all.filter(isRunning).forEach((worker) => worker.shutdown());
    options.handOver?.();
  };
  return {
    run: async () => {
      const ends = await Promise.allSettled(all.map((worker) => worker.run().finally(shutdown)));
      const broken = ends.find((end) => end.status === 'rejected');
      if (broken) throw broken.reason;
    },
    shutdown,
    isPolling: () => all.every(isRunning),
  };
}

/** A workflow moves on to the newest version with its next task. */
function deploymentOptions({ name, buildId }: { readonly name: string; readonly buildId: string }) {
  return {
    version: { deploymentName: name, buildId },
    useWorkerVersioning: true,
    defaultVersioningBehavior: 'AUTO_UPGRADE',
  } as const;
}

function isRunning(worker: Worker): boolean {
  return worker.getState() === 'RUNNING';
}

/** Receives warnings and errors only: a message and the fields that identify the pair. */
export type WriteLog = (level: 'warn' | 'error', message: string, fields: Record<string, unknown>) => void;

/**
 * Call once, before the first connection: sends Temporal's own log to `write` and leaves signals to the process.
 * Temporal logs failures that an activity marks as benign (`NoChange`) at debug level, so they do not appear.
 * @param metricsAddress `host:port` where the SDK serves its own metrics, for Prometheus
 */
export function installRuntime(write: WriteLog, metricsAddress?: string): void {
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      if (!isExpected(message)) write(level === 'ERROR' ? 'error' : 'warn', message, fieldsOf(meta ?? {}));
    }),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      ...(metricsAddress === undefined ? {} : { metrics: { prometheus: { bindAddress: metricsAddress } } }),
    },
  });
}

/** The first appears when a poll ends after its workflow gave it up; the second in activity-only workers. */
function isExpected(message: string): boolean {
  return message.startsWith('Activity not found on completion') || message.startsWith('No workflows registered');
}

/** Ids, names and the message: no stack traces and no arbitrary objects. */
function fieldsOf(meta: Record<string, unknown>): Record<string, unknown> {
  const { workflowId, runId, activityType, attempt, taskQueue, error } = meta;
  const cause = error instanceof Error ? error.message : error;
  return Object.fromEntries(
    Object.entries({ workflowId, runId, activityType, attempt, taskQueue, cause }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}
