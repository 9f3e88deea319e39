/**
 * Virtual time: what is to happen next, in order. Between two happenings everything runs until it waits again, so that
 * a schedule is the same each time it is played.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';

/** A process of a world; what a dead one waits for never happens. */
export class Owner {
  isDead = false;
}

interface Happening {
  readonly at: number;
  readonly number: number;
  readonly owner: Owner | null;
  readonly work: () => void;
}

/** More than any schedule has: an endless loop. */
const MOST_HAPPENINGS = 2_000_000;

export class Timeline {
  /** ms since the epoch. */
  now: number;
  count = 0;
  /** Called when everything waits. @returns whether something goes on at once */
  whenStill: () => boolean = () => false;
  /** In the order of their times. */
  private readonly coming: Happening[] = [];
  private numbers = 0;

  constructor(now: number) {
    this.now = now;
  }

  /** @returns a function that prevents it */
  after(ms: number, work: () => void, owner: Owner | null = null): () => void {
    this.numbers += 1;
    const one: Happening = { at: this.now + Math.max(0, ms), number: this.numbers, owner, work };
    let place = this.coming.length;
    while (place > 0 && this.coming[place - 1]!.at > one.at) place -= 1;
    this.coming.splice(place, 0, one);
    return () => {
      const found = this.coming.indexOf(one);
      if (found >= 0) this.coming.splice(found, 1);
    };
  }

  wait(ms: number, owner: Owner | null = null): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve, owner));
  }

  /** Rejects with the signal's reason when that aborts. */
  sleep(ms: number, signal: AbortSignal, owner: Owner | null): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const onAbort = (): void => {
        cancel();
        reject(signal.reason as Error);
      };
      const cancel = this.after(
        ms,
        () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
        owner,
      );
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  every(ms: number, work: () => void, owner: Owner | null): () => void {
    const bound = AsyncLocalStorage.bind(work);
    let cancel = (): void => {};
    const next = (): void => {
      cancel = this.after(
        ms,
        () => {
          next();
          bound();
        },
        owner,
      );
    };
    next();
    return () => cancel();
  }

  /** Lets everything happen until then. */
  async until(ms: number): Promise<void> {
    for (;;) {
      await this.settle();
      const [next] = this.coming;
      if (!next || next.at > ms) break;
      this.coming.shift();
      if (next.owner?.isDead) continue;
      this.now = Math.max(this.now, next.at);
      this.count += 1;
      if (this.count > MOST_HAPPENINGS) throw new Error('an endless loop');
      next.work();
    }
    this.now = Math.max(this.now, ms);
  }

  private async settle(): Promise<void> {
    do await setImmediate();
    while (this.whenStill());
  }
}
