/** The budgets of requests that all processes of the installation share. */
import { within } from './connect-services.ts';
import type { Db } from './db/connect.ts';
import { countRequests, leaseRequests } from './db/request-counts.ts';
import { budgetedFetch, RequestBudgets } from './providers/request-budgets.ts';

const REPORT_EVERY_MS = 10 * 60_000;
/** Of the last report, when the process ends. */
const REPORT_WITHIN_MS = 2_000;

interface SharedBudgets {
  /** A fetch whose requests are taken from the budgets. @param kindOf the kind of the service at a host */
  fetch(fetch: typeof globalThis.fetch, kindOf: (host: string) => string): typeof globalThis.fetch;
  /** How many times longer idle pairs wait at a service. */
  readonly slowdown: (kind: string) => number;
}

/**
 * @param daily the daily budgets, by the kind of the service
 * @param steps gets what ends the process in order: it reports what is not reported yet
 */
export function shareBudgets(
  db: Db,
  daily: Readonly<Record<string, number>>,
  steps: (() => Promise<unknown>)[],
): SharedBudgets {
  const budgets = new RequestBudgets(
    { lease: (budget, amount) => leaseRequests(db, budget, amount), count: (requests) => countRequests(db, requests) },
    daily,
  );
  const timer = setInterval(() => void budgets.report(), REPORT_EVERY_MS);
  steps.push(() => {
    clearInterval(timer);
    return within(REPORT_WITHIN_MS, budgets.report(), 'the report of requests');
  });
  return {
    fetch: (fetch, kindOf) => budgetedFetch(fetch, budgets, kindOf),
    slowdown: (kind) => budgets.slowdown(kind),
  };
}
