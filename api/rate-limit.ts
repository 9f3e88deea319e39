/** How often a client may do what is expensive: a bucket of tokens for each, in the memory of this process. */
import { ApiError } from './errors.ts';

export interface Rate {
  /** How many at once. */
  readonly burst: number;
  readonly perMinute: number;
}

const MOST_CLIENTS = 10_000;

export class RateLimit {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(rate: Rate, now: () => number = Date.now) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Until the client has a token; 0: now. */
  waitSeconds(client: string): number {
    const { tokens } = this.#filled(client);
    return tokens >= 1 ? 0 : Math.max(1, Math.ceil(((1 - tokens) * 60) / this.#rate.perMinute));
  }

  /** Takes a token, where the client has one. @returns as `waitSeconds` before that */
  take(client: string): number {
    const waitSeconds = this.waitSeconds(client);
    if (waitSeconds > 0) return waitSeconds;
    const { tokens, at } = this.#filled(client);
    // Inserted again: the first of the map is the one that was idle for the longest time.
    this.#buckets.delete(client);
    this.#buckets.set(client, { tokens: tokens - 1, at });
    const [idle] = this.#buckets.keys();
    if (this.#buckets.size > MOST_CLIENTS && idle !== undefined) this.#buckets.delete(idle);
    return 0;
  }

  #filled(client: string): { tokens: number; at: number } {
    const at = this.#now();
    const bucket = this.#buckets.get(client);
    if (bucket === undefined) return { tokens: this.#rate.burst, at };
    const added = (Math.max(0, at - bucket.at) / 60_000) * this.#rate.perMinute;
    return { tokens: Math.min(this.#rate.burst, bucket.tokens + added), at };
  }
}

export function tooMany(waitSeconds: number): ApiError {
  return new ApiError('too-many-requests', `Try again in ${waitSeconds} s.`, { retryAfterSeconds: waitSeconds });
}
