/**
 * What all workflows need that live long: work that something else may cut short, and a history that does not grow
 * without end.
 */
import { CancellationScope, condition, isCancellation, workflowInfo } from '@temporalio/workflow';

/** A worker that has not got a workflow in its cache replays its history at about 0.4 ms an event. */
export const LONG_HISTORY = 1000;

/** Whether it is time to go on in a new run. */
export function isLong(): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > LONG_HISTORY;
}

/**
 * Does the work until it ends or `enough` turns true; then the work is cancelled, its end awaited as its cancellation
 * type says, and null returned. A cancelled workflow cancels the work, too, and that is thrown.
 */
export async function workUntil<T>(enough: () => boolean, work: () => Promise<T>): Promise<T | null> {
  const scope = new CancellationScope();
  const bell = new CancellationScope(); // without it every wait would leave a dead condition behind
  let rang = false;
  bell
    .run(() => condition(enough))
    .then(
      () => {
        rang = true;
        scope.cancel();
      },
      () => {}, // the work ended first
    );
  try {
    return await scope.run(work);
  } catch (err) {
    if (rang && isCancellation(err)) return null;
    throw err;
  } finally {
    bell.cancel();
  }
}
