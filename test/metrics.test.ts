import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { buildMonitor } from '../api/monitor.ts';
import { PROJECT_DIR } from '../config.ts';
import { SyncError } from '../core/sync-error.ts';
import { pairs } from '../db/schema.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import type { PairActivities } from '../workflows/messages.ts';
import { connected, ENV_KEY, startApi, type TestApi } from './api/harness.ts';

/** Of Temporal's SDK: what the dashboard uses of it, as a worker serves it. */
const TEMPORAL_NAMES = [
  'temporal_activity_schedule_to_start_latency_bucket',
  'temporal_request_failure',
  'temporal_worker_task_slots_available',
];

describe('metrics', () => {
  let api: TestApi;
  let metrics: Metrics;
  const temporal = createServer((_request, answer) => void answer.end('temporal_long_request 7\n'));

  before(async () => {
    await new Promise<void>((resolve) => temporal.listen(0, '127.0.0.1', () => resolve()));
    const { port } = temporal.address() as { port: number };
    api = await startApi({}, undefined, {
      metrics: { text: () => metrics.text(), request: (request) => metrics.request(request) },
    });
    metrics = createMetrics({
      db: api.db,
      pools: { api: api.db },
      version: '1.2.3',
      temporalUrl: `http://127.0.0.1:${port}/metrics`,
    });
  });
  after(async () => {
    await api.close();
    temporal.close();
  });

  const valueOf = (text: string, sample: string): number | undefined => {
    const line = text.split('\n').find((one) => one.startsWith(`${sample} `));
    return line === undefined ? undefined : Number(line.slice(sample.length + 1));
  };

  it('count pairs, late polls, runs, writes, requests and answers, and hold no id, name or address', async () => {
    const { connectionId, caldavId } = await connected(api);
    const made = await api.call('POST', `/v1/connections/${connectionId}/pairs`, {
      caldavCalendarId: 'a1',
      cloudCalendarId: 'b1',
    });
    await api.db.sql.update(pairs).set({ nextPollAt: new Date(Date.now() - 120_000) });
    const fetched = metrics.measuredFetch(
      async (input) => {
        if (String(input).includes('down')) throw new SyncError('unreachable', 'no');
        return new Response(null, { status: 207 });
      },
      (host) => (host === 'google.example' ? 'google' : 'caldav'),
    );
    await fetched('https://google.example/secret-path');
    await fetched(new URL('https://dav.example/secret-path'));
    await assert.rejects(fetched('https://dav.example/down'));
    const run = { runId: 'r', result: 'partial', writes: 3, conflicts: 1, held: 0, problems: 2 } as const;
    const activities = metrics.measuredActivities({
      diffPair: async () => ({ ended: null }),
      applyPlan: async () => run,
    } as unknown as PairActivities);
    await activities.diffPair({} as never);
    assert.equal(await activities.applyPlan({} as never), run);

    const answer = await api.app.inject('/metrics');
    assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    const text = answer.body;
    for (const [sample, value] of Object.entries({
      'calpair_pairs{status="starting",reason=""}': 1,
      'calpair_accounts{provider="google",status="ok"}': 1,
      calpair_polls_late: 1,
      'calpair_runs_total{result="partial"}': 1,
      'calpair_runs_total{result="failed"}': 0,
      calpair_writes_total: 3,
      calpair_run_problems_total: 2,
      'calpair_provider_requests_total{provider="google",status="207"}': 1,
      'calpair_provider_requests_total{provider="caldav",status="unreachable"}': 1,
      'calpair_http_request_seconds_count{method="POST",route="/v1/connections/:id/pairs",status="201"}': 1,
      calpair_database_up: 1,
      'calpair_build_info{version="1.2.3"}': 1,
      temporal_long_request: 7,
    }))
      assert.equal(valueOf(text, sample), value, `${sample}\n${text.slice(0, 3000)}`);
    assert.ok((valueOf(text, 'calpair_poll_lateness_seconds') ?? 0) >= 119);
    assert.ok(valueOf(text, 'nodejs_eventloop_lag_p99_seconds') !== undefined);
    for (const secret of [made.body.id, caldavId, 'anna', 'bea', 'secret-path', 'dav.example'])
      assert.ok(!text.includes(secret), secret);
  });

  it('need a key, and not one of a tenant, unless they are asked for on this machine', async () => {
    const keyOf = async (more: object) => (await api.call('POST', '/v1/api-keys', { name: 'x', ...more })).body.key;
    const [tenant, reads] = [await keyOf({ externalId: 't' }), await keyOf({ scope: 'read' })];
    const remote = await startApi({ isLoopback: false }, api.databaseUrl, { metrics });
    const status = async (of: TestApi, headers: Record<string, string>) =>
      (await of.app.inject({ url: '/metrics', headers })).statusCode;
    const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
    assert.deepEqual(
      [await status(remote, {}), await status(remote, bearer(ENV_KEY)), await status(remote, bearer(reads))],
      [401, 200, 200],
    );
    for (const of of [remote, api])
      assert.deepEqual([await status(of, bearer('wrong')), await status(of, bearer(tenant))], [401, 403]);
    // Through a reverse proxy on this machine it could be anybody.
    assert.equal(await status(api, { 'x-forwarded-for': '203.0.113.9' }), 401);
    await remote.close();
  });

  it('and health are served by processes without the API', async () => {
    const monitor = buildMonitor({ ...api.deps, metrics });
    const get = (url: string) => monitor.inject({ url });
    assert.deepEqual([(await get('/health/live')).statusCode, (await get('/health/ready')).statusCode], [200, 200]);
    assert.match((await get('/metrics')).body, /^calpair_pairs\{/m);
    const [unknown, wrong] = [await get('/v1/pairs'), await monitor.inject({ method: 'POST', url: '/metrics' })];
    assert.deepEqual([unknown.statusCode, wrong.statusCode, wrong.headers['allow']], [404, 405, 'GET, HEAD']);
    await monitor.close();
  });

  it('are named in the dashboard and in the alert rules as they are served', async () => {
    const served = new Set(TEMPORAL_NAMES);
    for (const [, name = '', type] of (await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm))
      for (const suffix of type === 'histogram' ? ['_bucket', '_count', '_sum'] : ['']) served.add(name + suffix);
    const dashboard = JSON.parse(readFileSync(`${PROJECT_DIR}/ops/grafana-dashboard.json`, 'utf8'));
    const rules = parse(readFileSync(`${PROJECT_DIR}/ops/prometheus-alerts.yml`, 'utf8'));
    const expressions: string[] = [
      ...dashboard.panels.flatMap(({ targets }: { targets: { expr: string }[] }) => targets.map(({ expr }) => expr)),
      ...rules.groups.flatMap((group: { rules: { expr: string }[] }) => group.rules.map(({ expr }) => expr)),
    ];
    assert.ok(expressions.length > 30);
    const names = expressions.flatMap((expr) => expr.match(/\b(?:calpair|nodejs|process|temporal)_\w+/g) ?? []);
    assert.deepEqual(
      [...new Set(names)].filter((name) => !served.has(name)),
      [],
    );
    // And the other way round: what is stored is worth a panel.
    const own = [...served].filter((name) => name.startsWith('calpair_') && !/_(?:sum|count|bucket)$/.test(name));
    assert.deepEqual(
      own.filter((name) => !names.includes(name) && name !== 'calpair_build_info'),
      [],
    );
  });
});
