/** Everything of the outside world that the activities use; `main.ts` provides it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Latency } from '../core/poll-schedule.ts';
import type { AttentionReason } from '../db/schema.ts';
import type { Store } from '../db/store.ts';
import type { Provider } from '../providers/provider.ts';

/** Events in one transaction: a pause or a changed setting must not wait long. */
export const EVENTS_AT_ONCE = 200;

export interface Deps {
  readonly store: Store;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly fetch: typeof fetch;
  /** Marks what Calpair wrote, so that every pair of this installation recognises it. Lower-case hex. */
  readonly tag: (text: string) => string;
  /** How often a side is polled after a change. */
  readonly latency: Latency;
  /** How many times longer idle pairs wait at a service whose daily budget is nearly used; absent: never. */
  readonly slowdown?: (provider: string) => number;
  /** How long runs and their journals are kept. */
  readonly historyDays: number;
  /** Instead of `EVENTS_AT_ONCE`. */
  readonly eventsAtOnce?: number;
  readonly clock: Clock;
  /** Queues a webhook event that a pair needs attention, or no longer does; absent without a webhook. */
  readonly announcePair?: (pairId: string, reason: AttentionReason | null, at: Date) => Promise<void>;
  /** This process, as Temporal and the leases know it. */
  readonly worker: string;
  /** UUIDv7. */
  readonly newId: () => string;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly log: Logger;
}

/** Time, so that a simulation can have its own. */
export interface Clock {
  now(): Date;
  /** Rejects with the signal's reason when that aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `work` regularly. @returns a function that ends this */
  every(ms: number, work: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  every(ms, work) {
    const timer = setInterval(work, ms);
    return () => clearInterval(timer);
  },
};
