/**
 * Limits the requests of all polls of a process, to one host and in all, so that thousands of pairs that are due at
 * once neither overrun a server nor this machine. A host that hangs keeps the others waiting only with its own share.
 */

export interface RequestLimits {
  readonly atOnce: number;
  readonly perHost: number;
}

/** A provider opens at most 20 connections to a host (providers/http.ts); some are left for runs and people. */
export const POLL_REQUESTS: RequestLimits = { atOnce: 128, perHost: 16 };

export function limitFetch(
  fetch: typeof globalThis.fetch,
  { atOnce, perHost }: RequestLimits,
): typeof globalThis.fetch {
  const all = new Slots(atOnce);
  const hosts = new Map<string, Slots>();
  return async (input, init) => {
    const host = new URL(input instanceof Request ? input.url : input).host;
    const own = hosts.get(host) ?? new Slots(perHost);
    hosts.set(host, own);
    // First the host's: a request that waits for its own host takes no slot of the others.
    await own.take(init?.signal);
    try {
      await all.take(init?.signal);
      try {
        return await fetch(input, init);
      } finally {
        all.release();
      }
    } finally {
      own.release();
      if (own.isUnused) hosts.delete(host);
    }
  };
}

class Slots {
  private free: number;
  private readonly size: number;
  private readonly waiting = new Set<() => void>();

  constructor(size: number) {
    this.size = size;
    this.free = size;
  }

  get isUnused(): boolean {
    return this.free === this.size && this.waiting.size === 0;
  }

  /** @throws the signal's reason */
  async take(signal: AbortSignal | null | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.free > 0) this.free -= 1;
    else await this.wait(signal ?? null);
  }

  release(): void {
    const [next] = this.waiting;
    if (next === undefined) this.free += 1;
    else next();
  }

  /** A released slot goes to the first that waits. */
  private wait(signal: AbortSignal | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const proceed = (): void => {
        this.waiting.delete(proceed);
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        this.waiting.delete(proceed);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.waiting.add(proceed);
    });
  }
}
