/** Answers about busy times, kept for seconds: a person who looks for a slot asks the same several times. */
import type { Interval } from '../core/availability/interval.ts';

interface Entry {
  readonly askedAt: number;
  readonly answer: Promise<readonly Interval[]>;
}

/**
 * What holds: the key names the version of the account's calendars in PostgreSQL (`accounts.calendars_version`), which
 * every process raises that sees or makes a change, so what was kept before is not found any more, in no process. A
 * change that nobody of Calpair has seen yet shows after `maxAgeMs`.
 */
export class FreeBusyCache {
  readonly #entries = new Map<string, Entry>();

  /**
   * What is known under the key, also if it is only just being asked; else what `ask` answers. What failed is asked
   * again.
   */
  get(key: string, maxAgeMs: number, ask: () => Promise<readonly Interval[]>): Promise<readonly Interval[]> {
    const now = performance.now();
    const known = this.#entries.get(key);
    if (known !== undefined && now - known.askedAt <= maxAgeMs) return known.answer;
    const answer = ask();
    const entry = { askedAt: now, answer };
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

/** Together at most some tens of megabytes. */
const MAX_ENTRIES = 200;
const MAX_INTERVALS = 1_000;
