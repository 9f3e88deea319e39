/** Caches busy times for seconds: a person who looks for a slot requests the same ones several times. */
import type { Interval } from '../core/availability/interval.ts';

interface Entry {
  readonly requestedAt: number;
  readonly answer: Promise<readonly Interval[]>;
}

/**
 * The key contains the version of the account's calendars in PostgreSQL (`accounts.calendars_version`). Every process
 * that sees or makes a change increments it, which invalidates the entries of all processes. A change that no process
 * of Calpair has seen yet appears after `maxAgeMs`.
 */
export class FreeBusyCache {
  readonly #entries = new Map<string, Entry>();

  /** The entry of the key, also while it is being loaded; else what `load` returns. Failures are not cached. */
  get(key: string, maxAgeMs: number, load: () => Promise<readonly Interval[]>): Promise<readonly Interval[]> {
    const now = performance.now();
    const cached = this.#entries.get(key);
    if (cached !== undefined && now - cached.requestedAt <= maxAgeMs) return cached.answer;
    const answer = load();
    const entry = { requestedAt: now, answer };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const forget = (): void => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    };
    answer.then((busy) => {
      if (busy.length > MAX_INTERVALS) forget();
    }, forget);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ENTRIES) break;
      this.#entries.delete(oldest);
    }
    return answer;
  }
}

/** Both together: at most some tens of megabytes. */
const MAX_ENTRIES = 200;
const MAX_INTERVALS = 1_000;
