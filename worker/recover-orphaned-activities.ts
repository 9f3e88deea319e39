/**
 * Activities that a killed process of this machine left behind. The Temporal service would notice them by missing
 * heartbeats (30 s for a run, 60 s for a poll); this process knows at once: a worker is named `pid@host`, and that
 * process does not run. Fails their attempts, so that they are retried now. Should one be alive after all (another
 * container of the same name), it can store nothing once the next attempt has begun; see `epoch`.
 */
import { hostname } from 'node:os';
import type { NativeConnection } from '@temporalio/worker';
import type { Db } from '../db/connect.ts';
import { workInProgress } from '../db/work-in-progress.ts';
import { bookingWorkflowIdOf, WEBHOOK_WORKFLOW_ID, watchWorkflowIdOf } from '../workflows/booking-messages.ts';
import { workflowIdOf } from '../workflows/messages.ts';

/** Enough for thousands of pairs; heartbeats decide about the rest. */
const WITHIN_MS = 10_000;
const AT_ONCE = 20;

/** Call before the workers of this process start. @returns the number of failed attempts */
export async function recoverOrphanedActivities(
  connection: NativeConnection,
  namespace: string,
  db: Db,
): Promise<number> {
  const queue = await workflowsWithWork(db);
  const end = Date.now() + WITHIN_MS;
  let count = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let workflowId = queue.shift(); workflowId !== undefined && Date.now() < end; workflowId = queue.shift()) {
        count += await connection
          .withDeadline(end, () => failOrphans(connection, namespace, workflowId!))
          .catch(() => 0);
      }
    }),
  );
  return count;
}

async function workflowsWithWork(db: Db): Promise<string[]> {
  const { bookingIds, pairIds, bookedCalendarIds } = await workInProgress(db, new Date());
  return [
    ...bookingIds.map(bookingWorkflowIdOf),
    WEBHOOK_WORKFLOW_ID,
    ...pairIds.map(workflowIdOf),
    ...bookedCalendarIds.map(watchWorkflowIdOf),
  ];
}

async function failOrphans(
  { workflowService }: NativeConnection,
  namespace: string,
  workflowId: string,
): Promise<number> {
  const { pendingActivities } = await workflowService.describeWorkflowExecution({
    namespace,
    execution: { workflowId },
  });
  const orphans = (pendingActivities ?? []).filter(
    ({ state, lastWorkerIdentity }) => state === STARTED && isDead(lastWorkerIdentity ?? ''),
  );
  for (const { activityId = null } of orphans) {
    const failure = {
      message: 'the worker was killed',
      applicationFailureInfo: { type: 'WorkerKilled', nextRetryDelay: SOON },
    };
    await workflowService.respondActivityTaskFailedById({
      namespace,
      workflowId,
      activityId,
      failure,
      identity: identityOf(process.pid),
    });
  }
  return orphans.length;
}

/** `PENDING_ACTIVITY_STATE_STARTED` of Temporal's `PendingActivityState`. */
const STARTED = 2;

/** Without it, each killed worker would double the delay of the retry policy. */
const SOON = { nanos: 100_000_000 };

/** A worker's name by Temporal's SDK. */
const identityOf = (pid: number): string => `${pid}@${hostname()}`;

/** In containers every process may have the pid 1, also this one, which has not begun any work yet. */
function isDead(identity: string): boolean {
  const pid = Number(/^\d+(?=@)/.exec(identity)?.[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0 || identity !== identityOf(pid)) return false;
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
