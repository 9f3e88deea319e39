/**
 * Activities whose worker has died. The Temporal service would notice them by missing heartbeats, a poll only after
 * five minutes. Whether a worker lives is known sooner: it renews a lease every 10 s, and one of this machine is a
 * process. Fails the attempts of dead ones, so that they are retried now. Should one be alive after all, it can store
 * nothing once the next attempt has begun; see `epoch` and `poll_generation`.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Connection } from '@temporalio/client';
import type { Db } from '../db/connect.ts';
import { dropWorkers, workersByLease } from '../db/leases.ts';
import { forgetPollers, polledByOthers, unfinishedWork, type WorkInProgress } from '../db/work-in-progress.ts';
import { bookingWorkflowIdOf, WEBHOOK_WORKFLOW_ID, watchWorkflowIdOf } from '../workflows/booking-messages.ts';
import { workflowIdOf } from '../workflows/messages.ts';

/** Enough for thousands of pairs; the next round goes on. */
const WITHIN_MS = 10_000;
const AT_ONCE = 20;

/** The name of a process of this machine, never used before: a worker's name in Temporal, and of its lease. */
export function newWorkerIdentity(): string {
  return `${process.pid}@${hostname()}/${randomUUID().slice(0, 8)}`;
}

/** A client's connection to Temporal. */
type Service = Pick<Connection, 'workflowService' | 'withDeadline'>;

export interface Orphans {
  /** Dead workers, which have lost their lease or whose process is gone. */
  readonly workers: readonly string[];
  /** Failed attempts at an activity. */
  readonly activities: number;
}

/**
 * @param own the identity of this process
 * @param all also looks at unfinished runs and bookings, which Temporal notices by itself after 30 s
 */
export async function recoverOrphanedActivities(
  connection: Service,
  namespace: string,
  db: Db,
  { own, all }: { readonly own: string; readonly all: boolean },
): Promise<Orphans> {
  const { live, dead } = await workersByLease(db);
  for (const identity of live) if (isDeadProcess(identity, own)) dead.push(identity);
  for (const identity of dead) live.delete(identity);
  live.add(own);
  const polls = await polledByOthers(db, [...live]);
  const unfinished = all || dead.length > 0 ? await unfinishedWork(db) : null;
  const isOrphaned = (identity: string): boolean =>
    identity.includes('/') ? !live.has(identity) : isDeadProcess(identity, own);
  const seen = { count: 0, isComplete: true };
  const queue = [...new Set([...workflowsOf(polls), ...(unfinished === null ? [] : workflowsOf(unfinished))])];
  if (unfinished !== null) queue.push(WEBHOOK_WORKFLOW_ID);
  const end = Date.now() + WITHIN_MS;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let workflowId = queue.shift(); workflowId !== undefined; workflowId = queue.shift()) {
        if (Date.now() >= end) seen.isComplete = false;
        else
          await connection
            .withDeadline(end, () => failOrphans(connection, namespace, workflowId!, isOrphaned, own))
            .then(
              (count) => (seen.count += count),
              (error: unknown) => {
                if ((error as { code?: unknown }).code !== NOT_FOUND) seen.isComplete = false;
              },
            );
      }
    }),
  );
  // What could not be looked at is found again in the next round.
  if (seen.isComplete) {
    await forgetPollers(db, polls, [...live]);
    await dropWorkers(db, dead);
  }
  return { workers: dead, activities: seen.count };
}

/** google.rpc.Code: the workflow has ended, or the attempt has. */
const NOT_FOUND = 5;

function workflowsOf({ bookingIds, pairIds, bookedCalendarIds }: WorkInProgress): string[] {
  return [
    ...bookingIds.map(bookingWorkflowIdOf),
    ...pairIds.map(workflowIdOf),
    ...bookedCalendarIds.map(watchWorkflowIdOf),
  ];
}

async function failOrphans(
  { workflowService }: Service,
  namespace: string,
  workflowId: string,
  isOrphaned: (identity: string) => boolean,
  own: string,
): Promise<number> {
  const { pendingActivities } = await workflowService.describeWorkflowExecution({
    namespace,
    execution: { workflowId },
  });
  const orphans = (pendingActivities ?? []).filter(
    ({ state, lastWorkerIdentity }) => state === STARTED && isOrphaned(lastWorkerIdentity ?? ''),
  );
  for (const { activityId = null } of orphans) {
    const failure = {
      message: 'the worker was killed',
      applicationFailureInfo: { type: 'WorkerKilled', nextRetryDelay: SOON },
    };
    await workflowService.respondActivityTaskFailedById({ namespace, workflowId, activityId, failure, identity: own });
  }
  return orphans.length;
}

/** `PENDING_ACTIVITY_STATE_STARTED` of Temporal's `PendingActivityState`. */
const STARTED = 2;

/** Without it, each killed worker would double the delay of the retry policy. */
const SOON = { nanos: 100_000_000 };

/**
 * A process of this machine that does not run any more; of another machine nothing is known. Earlier versions had no
 * suffix. In containers every process may have the pid 1, also this one, whose name is its own.
 */
function isDeadProcess(identity: string, own: string): boolean {
  const [, pid, host] = /^(\d+)@([^/]*)/.exec(identity) ?? [];
  if (pid === undefined || host !== hostname() || identity === own) return false;
  if (Number(pid) === process.pid) return true;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
