/** Readiness of this process for `/health/ready`. */
import type { Connection } from '@temporalio/client';
import type { Db } from '../db/connect.ts';
import { untilAborted } from './until-aborted.ts';

/** A part that does not answer within this time is not ready. */
const READY_WITHIN_MS = 3_000;

/** By part: whether it works. @param isWorkerPolling null without the role `worker` */
export async function readiness(
  db: Db,
  temporal: Connection,
  namespace: string,
  isWorkerPolling: boolean | null,
): Promise<Record<string, boolean>> {
  const [postgres, service] = await Promise.all([
    answers(db.ping()),
    answers(
      temporal.withDeadline(Date.now() + READY_WITHIN_MS, () =>
        temporal.workflowService.describeNamespace({ namespace }),
      ),
    ),
  ]);
  return { postgres, temporal: service, ...(isWorkerPolling === null ? {} : { worker: isWorkerPolling }) };
}

function answers(call: Promise<unknown>): Promise<boolean> {
  return untilAborted(
    call.then(() => true),
    AbortSignal.timeout(READY_WITHIN_MS),
  ).then(
    (isDone) => isDone === true,
    () => false,
  );
}
