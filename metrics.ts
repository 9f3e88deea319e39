/**
 * What Prometheus reads at `/metrics`: counts of this process, counts of what is stored, which every process reports
 * alike, Node's own, and those of Temporal's SDK. Labels hold codes and kinds, never ids, names or addresses.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Db } from './db/connect.ts';
import { countStored, poolUse, type StoredCounts } from './db/metrics.ts';
import type { PairActivities, RunSummary } from './workflows/messages.ts';

export interface Metrics {
  /** The text format of Prometheus. */
  text(): Promise<string>;
  /** Of an answer of the API. @param route the pattern of the path */
  request(request: { route: string; method: string; status: number; seconds: number }): void;
  /** Counts the requests of a `fetch`. @param providerOf the kind of the service at a host */
  measuredFetch(fetch: typeof globalThis.fetch, providerOf: (host: string) => string): typeof globalThis.fetch;
  /** Counts the runs that end. */
  measuredActivities<T extends PairActivities>(activities: T): T;
}

export interface MetricsOptions {
  readonly db: Db;
  /** By name: those whose use is shown. */
  readonly pools: Readonly<Record<string, Db>>;
  readonly version: string;
  /** Where Temporal's SDK serves its own, in the same format; null where it does not. */
  readonly temporalUrl: string | null;
  /** Daily budgets of requests, by the kind of the service. */
  readonly daily?: Readonly<Record<string, number>>;
}

/** Counts of what is stored are read again after this time. */
const STORED_FOR_MS = 10_000;
const TEMPORAL_WITHIN_MS = 2_000;
const SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];

export function createMetrics({ db, pools, version, temporalUrl, daily = {} }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `calpair_${name}`, help, labelNames, registers });
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `calpair_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: string[]) =>
    new Histogram({ name: `calpair_${name}`, help, labelNames, buckets: SECONDS, registers });

  gauge('build_info', 'The version of Calpair.', ['version']).set({ version }, 1);
  const stored = storedGauges(gauge);
  const storedUp = gauge('database_up', 'Whether the counts of what is stored could be read.');
  const pool = gauge('db_pool_connections', 'Connections of this process to PostgreSQL.', ['pool', 'state']);
  const http = histogram('http_request_seconds', 'Answers of the API.', ['method', 'route', 'status']);
  const calls = counter('provider_requests_total', 'Requests to calendar services.', ['provider', 'status']);
  const callSeconds = histogram('provider_request_seconds', 'Time until a calendar service answered.', ['provider']);
  const limits = gauge('request_budget', 'Requests a day that all processes may make to a service.', ['provider']);
  for (const [provider, limit] of Object.entries(daily)) limits.set({ provider }, limit);
  const runs = counter('runs_total', 'Runs that ended, by result.', ['result']);
  const writes = counter('writes_total', 'Events that runs created, changed or deleted.');
  const conflicts = counter('run_conflicts_total', 'Conflicts that runs found.');
  const problems = counter('run_problems_total', 'Problems of events that runs found.');
  for (const result of ['ok', 'partial', 'failed']) runs.inc({ result }, 0);

  const countRun = (run: RunSummary | null): void => {
    if (run === null || run.runId === '') return;
    runs.inc({ result: run.result });
    writes.inc(run.writes);
    conflicts.inc(run.conflicts);
    problems.inc(run.problems);
  };
  let readAt = Number.NEGATIVE_INFINITY;

  return {
    async text() {
      if (Date.now() - readAt > STORED_FOR_MS) {
        readAt = Date.now();
        await countStored(db).then(
          (counts) => (stored(counts), storedUp.set(1)),
          () => storedUp.set(0),
        );
      }
      for (const [name, one] of Object.entries(pools))
        for (const [state, value] of Object.entries(poolUse(one))) pool.set({ pool: name, state }, value);
      return `${await registry.metrics()}${await temporalText(temporalUrl)}`;
    },
    request: ({ route, method, status, seconds }) => http.observe({ method, route, status: String(status) }, seconds),
    measuredFetch: (fetch, providerOf) => async (input, init) => {
      const provider = providerOf(new URL(input instanceof Request ? input.url : input).host);
      const took = callSeconds.startTimer({ provider });
      try {
        const answer = await fetch(input, init);
        calls.inc({ provider, status: String(answer.status) });
        return answer;
      } catch (error) {
        calls.inc({ provider, status: kindOf(error) });
        throw error;
      } finally {
        took();
      }
    },
    measuredActivities: (activities) => ({
      ...activities,
      async diffPair(input) {
        const diffed = await activities.diffPair(input);
        countRun(diffed.ended);
        return diffed;
      },
      async applyPlan(input) {
        const run = await activities.applyPlan(input);
        countRun(run);
        return run;
      },
    }),
  };
}

type MakeGauge = (name: string, help: string, labelNames?: string[]) => Gauge;

/** The gauges of what is stored. @returns sets them all */
function storedGauges(gauge: MakeGauge): (counts: StoredCounts) => void {
  const pairs = gauge('pairs', 'Pairs, by status and reason for attention.', ['status', 'reason']);
  const accounts = gauge('accounts', 'Accounts, by service and status.', ['provider', 'status']);
  const lateness = gauge('poll_lateness_seconds', 'How long the poll that waits longest has been due.');
  const late = gauge('polls_late', 'Pairs whose poll has been due for more than a minute.');
  const problems = gauge('problems', 'Events that cannot be synced, by code.', ['code', 'side']);
  const held = gauge('held_changes', 'Deletions that wait for a decision.');
  const bookings = gauge('bookings', 'Bookings, by status and state of their event.', ['status', 'write_status']);
  const events = gauge('webhook_events', 'Events that wait to be delivered to the webhook.');
  const requests = gauge('requests_today', 'Requests that processes took from the daily budget of a service.', [
    'provider',
  ]);
  return (counts) => {
    for (const each of [pairs, accounts, problems, bookings, requests]) each.reset();
    for (const { status, reason, total } of counts.pairs) pairs.set({ status, reason }, total);
    for (const { provider, status, total } of counts.accounts) accounts.set({ provider, status }, total);
    for (const { code, side, total } of counts.problems) problems.set({ code, side }, total);
    for (const { status, writeStatus, total } of counts.bookings)
      bookings.set({ status, write_status: writeStatus }, total);
    for (const { provider, used } of counts.requests) requests.set({ provider }, used);
    lateness.set(counts.polls.mostSeconds);
    late.set(counts.polls.late);
    held.set(counts.heldChanges);
    events.set(counts.webhookEvents);
  };
}

/** The `kind` of a SyncError; any other failure has none that is a code. */
function kindOf(error: unknown): string {
  const { kind } = (error ?? {}) as { kind?: unknown };
  return typeof kind === 'string' ? kind : 'cancelled';
}

async function temporalText(url: string | null): Promise<string> {
  if (url === null) return '';
  try {
    return await (await fetch(url, { signal: AbortSignal.timeout(TEMPORAL_WITHIN_MS) })).text();
  } catch {
    return '';
  }
}
