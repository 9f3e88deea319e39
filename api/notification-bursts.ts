/**
 * Joins notifications that come close together. A service sends several for one change, and thousands while a calendar
 * is filled: the first of a burst acts at once, the others together a second later, and in a storm ten.
 */
import { SYSTEM_TIMERS, type Timers } from './timers.ts';

const SPACING_MS = 1_000;
const STORM_SPACING_MS = 10_000;
/** More than this many at once, or than that many a second for long, are a storm. */
const STORM = 20;
const USUAL_PER_SECOND = 2;

interface Burst {
  /** Rises with every notification, and falls with time. */
  level: number;
  levelAt: number;
  actedAt: number;
  /** The highest value that has not been acted on; null: none. */
  pending: number | null;
  cancel: () => void;
}

export class NotificationBursts {
  readonly #bursts = new Map<string, Burst>();
  readonly #act: (key: string, value: number) => Promise<void>;
  readonly #timers: Pick<Timers, 'now' | 'after'>;

  /** @param act for all notifications of a burst so far, with the highest of their values; repeated when it failed */
  constructor(
    act: (key: string, value: number) => Promise<void>,
    timers: Pick<Timers, 'now' | 'after'> = SYSTEM_TIMERS,
  ) {
    this.#act = act;
    this.#timers = timers;
  }

  /** Resolves when the first of a burst has been acted on, and rejects when that failed; the others are, later. */
  async add(key: string, value: number): Promise<void> {
    const now = this.#timers.now();
    const running = this.#bursts.get(key);
    const burst = running ?? { level: 0, levelAt: now, actedAt: now, pending: null, cancel: () => {} };
    burst.level = Math.min(this.#levelOf(burst, now) + 1, 2 * STORM);
    burst.levelAt = now;
    if (running) {
      running.pending = Math.max(running.pending ?? 0, value);
      return;
    }
    this.#bursts.set(key, burst);
    await this.#run(key, burst, value);
  }

  /** Acts on everything that waits. */
  async flush(): Promise<void> {
    const all = [...this.#bursts];
    this.#bursts.clear();
    for (const [, { cancel }] of all) cancel();
    const waiting = all.flatMap(([key, { pending }]) => (pending === null ? [] : this.#act(key, pending)));
    await Promise.allSettled(waiting);
  }

  #run(key: string, burst: Burst, value: number): Promise<void> {
    burst.actedAt = this.#timers.now();
    burst.pending = null;
    burst.cancel = this.#timers.after(SPACING_MS, () => this.#tick(key, burst));
    return this.#act(key, value);
  }

  #runAgain(key: string, burst: Burst, value: number): void {
    this.#run(key, burst, value).catch(() => {
      burst.pending = Math.max(burst.pending ?? 0, value);
    });
  }

  #tick(key: string, burst: Burst): void {
    const now = this.#timers.now();
    const restMs = burst.actedAt + STORM_SPACING_MS - now;
    if (this.#levelOf(burst, now) > STORM && restMs > 0)
      burst.cancel = this.#timers.after(restMs, () => this.#tick(key, burst));
    else if (burst.pending === null) this.#bursts.delete(key);
    else this.#runAgain(key, burst, burst.pending);
  }

  #levelOf({ level, levelAt }: Burst, now: number): number {
    return Math.max(0, level - ((now - levelAt) / 1000) * USUAL_PER_SECOND);
  }
}
