/** For workflows that run long: work that a message may cut short, and a history that does not grow without end. */
import { CancellationScope, condition, isCancellation, sleep, workflowInfo } from '@temporalio/workflow';
import { LONGEST_TIMER_MS } from '../core/waiting-times.ts';
import type { PollPause } from './messages.ts';

/** A worker without the workflow in its cache replays its history at about 0.4 ms per event. */
export const LONG_HISTORY = 1000;

/** Whether continue-as-new is due. */
export function isLong(): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > LONG_HISTORY;
}

/**
 * Does the work until it ends or `isEnough` returns true; then cancels it, awaits its end as its cancellation type
 * says, and returns null. A cancelled workflow cancels the work, too, which throws.
 */
export async function workUntil<T>(isEnough: () => boolean, work: () => Promise<T>): Promise<T | null> {
  const scope = new CancellationScope();
  const watcher = new CancellationScope(); // without it every call would leave a condition behind
  let isCutShort = false;
  watcher
    .run(() => condition(isEnough))
    .then(
      () => {
        isCutShort = true;
        scope.cancel();
      },
      () => {}, // the work ended first
    );
  try {
    return await scope.run(work);
  } catch (err) {
    if (isCutShort && isCancellation(err)) return null;
    throw err;
  } finally {
    watcher.cancel();
  }
}

/** Until a poll is due that is some way off: a long interval, or a server that asked for patience. */
export async function restUntilPoll({ restMs }: Extract<PollPause, { kind: 'rest' }>): Promise<void> {
  await sleep(Math.min(Math.max(restMs, 1_000), LONGEST_TIMER_MS), { summary: 'until the next poll' });
}
