/**
 * Budgets of requests, which hold across processes: each process leases some hundred at a time from the database, so
 * that counting costs no statement per request. A request without a budget left fails before it is sent.
 */
import { hash } from 'node:crypto';
import { SyncError } from '../core/sync-error.ts';

export interface Budget {
  readonly name: string;
  /** Requests in a window. */
  readonly limit: number;
  readonly windowSeconds: number;
}

interface Lease {
  /** 0: the budget is exhausted. */
  readonly granted: number;
  /** By all processes in the present window. */
  readonly used: number;
  readonly secondsLeft: number;
}

/** Where processes share their budgets and counts (`db/request-counts.ts`). */
export interface RequestLedger {
  lease(budget: Budget, amount: number): Promise<Lease>;
  /** Adds to today's counts, by name. */
  count(requests: ReadonlyMap<string, number>): Promise<void>;
}

/** How many requests a process leases at a time, at most; a small budget is leased in twenty parts. */
const LEASED_AT_ONCE = 500;
const PARTS = 20;
const DAY_SECONDS = 86_400;
/** From this share of a daily budget on, idle pairs are polled more rarely. */
const SCARCE_FROM = 0.8;
const MOST_SLOWDOWN = 10;
/** A longer wait than this is asked for in parts: the budget may have been raised. */
const LONGEST_WAIT_MS = 3_600_000;

/**
 * What a service allows for one user or mailbox: Google 600 requests a minute, here counted over ten minutes, so that
 * it is Google that slows down a burst (its limit may have been raised); Graph 10,000 in ten minutes. A process leases
 * only once it has used its free part, so that an idle account costs no statement.
 */
const OF_ACCOUNT: Readonly<Record<string, { readonly limit: number; readonly windowSeconds: number }>> = {
  google: { limit: 6_000, windowSeconds: 600 },
  microsoft: { limit: 10_000, windowSeconds: 600 },
};

/**
 * For one host, whatever its accounts: 200 requests a second over ten minutes, far above what pairs need, so that many
 * processes together do not overrun a server. Services with a budget for each user have none.
 */
const OF_HOST: Readonly<Record<string, { readonly limit: number; readonly windowSeconds: number }>> = {
  caldav: { limit: 120_000, windowSeconds: 600 },
};

interface Window {
  readonly endMs: number;
  left: number;
  used: number;
  pending: Promise<void> | null;
}

export class RequestBudgets {
  private readonly windows = new Map<string, Window>();
  private counts = new Map<string, number>();
  private readonly names = new Map<string, string>();
  private readonly ledger: RequestLedger;
  private readonly daily: Readonly<Record<string, number>>;
  private readonly nowMs: () => number;

  /** @param daily the daily budget of a service for this whole installation, by kind */
  constructor(ledger: RequestLedger, daily: Readonly<Record<string, number>>, nowMs: () => number = Date.now) {
    this.ledger = ledger;
    this.daily = daily;
    this.nowMs = nowMs;
  }

  /** How many times longer an idle pair waits for its next poll at this service; 1 while there is enough. */
  slowdown(kind: string): number {
    const limit = this.daily[kind];
    const window = this.windows.get(kind);
    if (limit === undefined || !window || window.endMs <= this.nowMs()) return 1;
    const rest = Math.max(0, 1 - window.used / limit);
    return Math.min(MOST_SLOWDOWN, Math.max(1, (1 - SCARCE_FROM) / Math.max(rest, 0.001)));
  }

  /** @throws SyncError `quota` for a daily budget, `throttled` for that of an account or a host */
  async take(kind: string, accountId: string | null, host: string): Promise<void> {
    const limit = this.daily[kind];
    if (limit !== undefined) await this.takeOf({ name: kind, limit, windowSeconds: DAY_SECONDS }, 0);
    const own = OF_ACCOUNT[kind];
    if (accountId !== null && own !== undefined)
      await this.takeOf({ name: `${kind}:${accountId}`, ...own }, Math.floor(own.limit / PARTS));
    const shared = OF_HOST[kind];
    if (shared !== undefined)
      await this.takeOf({ name: `${kind}:${this.nameOf(host)}`, ...shared }, Math.floor(shared.limit / PARTS));
    if (accountId !== null) this.counts.set(accountId, (this.counts.get(accountId) ?? 0) + 1);
  }

  /** Reports what accounts have used since the last call; what cannot be stored is kept for the next one. */
  async report(): Promise<void> {
    const { counts } = this;
    if (counts.size === 0) return;
    this.counts = new Map();
    try {
      await this.ledger.count(counts);
    } catch {
      for (const [name, count] of counts) this.counts.set(name, (this.counts.get(name) ?? 0) + count);
    }
    for (const [name, { endMs }] of this.windows) if (endMs <= this.nowMs()) this.windows.delete(name);
  }

  /** Not the host itself: names of budgets are stored in the clear. */
  private nameOf(host: string): string {
    const name = this.names.get(host) ?? hash('sha256', host);
    this.names.set(host, name);
    return name;
  }

  private async takeOf(budget: Budget, free: number): Promise<void> {
    const windowMs = budget.windowSeconds * 1000;
    for (;;) {
      const now = this.nowMs();
      let window = this.windows.get(budget.name);
      if (!window || window.endMs <= now) {
        window = { endMs: (Math.floor(now / windowMs) + 1) * windowMs, left: free, used: 0, pending: null };
        this.windows.set(budget.name, window);
      }
      if (window.left > 0) {
        window.left -= 1;
        return;
      }
      window.pending ??= this.lease(budget, window);
      await window.pending;
    }
  }

  /** One at a time for each budget. @throws SyncError where nothing is left */
  private async lease(budget: Budget, window: Window): Promise<void> {
    const amount = Math.max(1, Math.min(LEASED_AT_ONCE, Math.floor(budget.limit / PARTS)));
    try {
      // A database that does not answer is no reason to stop: the caller needs it anyway.
      const { granted, used, secondsLeft } = await this.ledger
        .lease(budget, amount)
        .catch(() => ({ granted: amount, used: window.used, secondsLeft: 0 }));
      window.used = used;
      window.left += granted;
      if (granted === 0) throw exhausted(budget, secondsLeft * 1000);
    } finally {
      window.pending = null;
    }
  }
}

function exhausted({ name, windowSeconds }: Budget, restMs: number): SyncError {
  const isDaily = windowSeconds === DAY_SECONDS;
  return new SyncError(
    isDaily ? 'quota' : 'throttled',
    isDaily ? `the daily budget of requests to ${name} is used` : 'its budget of requests is used for now',
    { retryAfterMs: Math.min(LONGEST_WAIT_MS, Math.max(1_000, restMs)) },
  );
}

/** The account that a request is made for, as one of its options. */
const ACCOUNT = Symbol('account');
type Options = RequestInit & { [ACCOUNT]?: string };

/** A fetch whose requests count for an account. */
export function fetchFor(fetch: typeof globalThis.fetch, accountId: string): typeof globalThis.fetch {
  return (input, init) => fetch(input, { ...init, [ACCOUNT]: accountId } as Options);
}

/** Takes every request from its budgets. @param kindOf the kind of the service at a host */
export function budgetedFetch(
  fetch: typeof globalThis.fetch,
  budgets: RequestBudgets,
  kindOf: (host: string) => string,
): typeof globalThis.fetch {
  return async (input, init) => {
    const { host } = new URL(input instanceof Request ? input.url : input);
    await budgets.take(kindOf(host), (init as Options | undefined)?.[ACCOUNT] ?? null, host);
    return fetch(input, init);
  };
}
