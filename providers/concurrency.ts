/** Pauses, and several tasks at once. */
import { afterRefusal, afterWrite, type Pace, resumePace } from '../core/sync/pace.ts';
import { SyncError } from '../core/sync-error.ts';

/** @throws the signal's reason */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

const AT_ONCE = 4;

/** Runs `work` for each item, four at once; stops at the first failure. */
export function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  return inLanes(items, () => AT_ONCE, work);
}

/**
 * Runs `work` for each item, in order, `atOnce()` at a time. After a failure none begins, and those under way end.
 * @throws what the first one that failed failed with
 */
export async function inLanes<T>(
  items: readonly T[],
  atOnce: () => number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for (const item of items) {
    while (underWay.size >= atOnce()) await Promise.race(underWay);
    if (failures.length > 0) break;
    const one: Promise<void> = work(item)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => underWay.delete(one));
    underWay.add(one);
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
}

/** A longer Retry-After is the caller's matter. */
const LONGEST_REFUSAL_MS = 5_000;
const REFUSED_MS = 1_000;
const MOST_TRIES = 3;

/**
 * Runs `work` for each item, as many at once as make the whole faster; stops at the first failure. What the server
 * refuses while it has others to answer is tried again, with fewer at once.
 * @param pace to begin with
 * @returns the pace to go on with
 */
export async function inPace<T>(items: readonly T[], pace: Pace, work: (item: T) => Promise<void>): Promise<Pace> {
  let current = resumePace(pace, Date.now());
  let underWay = 0;
  const tryIt = async (item: T): Promise<void> => {
    for (let tries = 1; ; tries += 1) {
      underWay += 1;
      const isAlone = underWay === 1;
      try {
        await work(item);
        current = afterWrite(current, Date.now());
        return;
      } catch (error) {
        if (!(error instanceof SyncError) || !asksForLess(error) || isAlone || tries === MOST_TRIES) throw error;
        current = afterRefusal(current, Date.now());
        await pause(error.retryAfterMs ?? REFUSED_MS, undefined);
      } finally {
        underWay -= 1;
      }
    }
  };
  await inLanes(items, () => current.atOnce, tryIt);
  return current;
}

/** A refusal for now, which fewer requests at once may avoid. */
function asksForLess({ kind, status, retryAfterMs = 0 }: SyncError): boolean {
  return (kind === 'throttled' || status === 503) && retryAfterMs <= LONGEST_REFUSAL_MS;
}
