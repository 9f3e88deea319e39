/** Commits what was done at about the same time together: one transaction for several results. */
import type { Clock } from '../deps.ts';

/** The first item of a group waits at most this long for others. */
const GROUP_MS = 10;

export interface Commits<Item> {
  /** Takes an item and returns at once. */
  add(item: Item): void;
  /** Resolves when everything that was added is committed. @throws what the first commit that failed failed with */
  all(): Promise<void>;
}

/**
 * Items are committed in the order in which they were added, in one group at a time: those that were added within
 * `GROUP_MS` of the first, or while the group before was being committed. A commit that fails does not keep later items
 * from being committed. Nothing has to be called for an item to be committed, and no rejection is left unhandled.
 * @param commit all or nothing
 */
export function commitGroups<Item>(
  clock: Clock,
  signal: AbortSignal,
  commit: (group: readonly Item[]) => Promise<void>,
): Commits<Item> {
  let waiting: Item[] = [];
  let committing: Promise<void> | null = null;
  let failure: { readonly error: unknown } | null = null;

  async function commitAll(): Promise<void> {
    while (waiting.length > 0) {
      // Given up: what is done is stored all the same.
      await clock.sleep(GROUP_MS, signal).catch(() => undefined);
      const group = waiting;
      waiting = [];
      try {
        await commit(group);
      } catch (error) {
        failure ??= { error };
      }
    }
    // In the same turn as the check: what is added from now on begins anew.
    committing = null;
  }

  return {
    add(item) {
      waiting.push(item);
      committing ??= commitAll();
    },
    async all() {
      while (committing !== null) await committing;
      if (failure) throw failure.error;
    },
  };
}
