/** Work that something else may cut short. */
import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';

/**
 * Does the work until it ends or `enough` turns true; then the work is cancelled, its end awaited as its cancellation type says, and null returned.
 * A cancelled workflow cancels the work, too, and that is thrown.
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
