/**
 * Work that a killed process of this machine left behind. The Temporal service would notice it by missing heartbeats
 * (30 s for a run, 60 s for a watch); the next process knows at once: a worker is named `pid@host`, and that process is
 * not there any more. Its attempts are given up, so that they are tried again now. Should one be alive after all
 * (another container of the same name), it may store nothing more once the next attempt has begun; see `epoch`.
 */
import { hostname } from 'node:os';
import type { NativeConnection } from '@temporalio/worker';
import type { Db } from '../db/connect.ts';
import { workInProgress } from '../db/work-in-progress.ts';
import { bookingWorkflowIdOf, WEBHOOK_WORKFLOW_ID, watchWorkflowIdOf } from '../workflows/booking-messages.ts';
import { workflowIdOf } from '../workflows/messages.ts';

/** Thousands of pairs are asked for within this time; for those left over the heartbeats decide. */
const WITHIN_MS = 10_000;
const AT_ONCE = 20;

/** To be called before the workers of this process begin. Answers how many attempts were given up. */
export async function recoverOrphanedActivities(
  connection: NativeConnection,
  namespace: string,
  db: Db,
): Promise<number> {
  const queue = await workflowsAtWork(db);
  const end = Date.now() + WITHIN_MS;
  let count = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let workflowId = queue.shift(); workflowId !== undefined && Date.now() < end; workflowId = queue.shift()) {
        count += await connection.withDeadline(end, () => giveUp(connection, namespace, workflowId!)).catch(() => 0);
      }
    }),
  );
  return count;
}

async function workflowsAtWork(db: Db): Promise<string[]> {
  const { bookingIds, pairIds, bookedCalendarIds } = await workInProgress(db, new Date());
  return [
    ...bookingIds.map(bookingWorkflowIdOf),
    WEBHOOK_WORKFLOW_ID,
    ...pairIds.map(workflowIdOf),
    ...bookedCalendarIds.map(watchWorkflowIdOf),
  ];
}

async function giveUp({ workflowService }: NativeConnection, namespace: string, workflowId: string): Promise<number> {
  const { pendingActivities } = await workflowService.describeWorkflowExecution({
    namespace,
    execution: { workflowId },
  });
  const lost = (pendingActivities ?? []).filter(
    ({ state, lastWorkerIdentity }) => state === STARTED && isDead(lastWorkerIdentity ?? ''),
  );
  for (const { activityId = null } of lost) {
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
  return lost.length;
}

/** `PENDING_ACTIVITY_STATE_STARTED` of Temporal's `PendingActivityState`. */
const STARTED = 2;

/** Without it the retry policy of the workflow would let each death double the wait. */
const SOON = { nanos: 100_000_000 };

/** The name that Temporal's SDK gives a worker. */
const identityOf = (pid: number): string => `${pid}@${hostname()}`;

/** In a container every process may be number 1, this one too, which has not begun any work yet. */
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
