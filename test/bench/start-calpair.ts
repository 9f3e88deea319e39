/**
 * Starts Calpair for a benchmark (`adapters/calpair.sh setup`): the whole of `npm start` in a data folder of its own,
 * with two CalDAV accounts and a paused pair of the calendars that the environment names (PERF_…).
 */
import { spawn } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { anyFreePort } from '../../embedded/ports.ts';
import { Api, until } from '../support/calpair.ts';

const { env } = process;
const project = process.argv[2]!;
const work = env['PERF_WORK']!;
const key = env['BENCH_KEY']!;

const [port, temporalPort, counterPort] = [await anyFreePort(), await anyFreePort(), await anyFreePort()];
const log = openSync(join(work, 'calpair.log'), 'a');
const child = spawn(
  process.execPath,
  ['--import', join(project, 'test/bench/count-statements.mjs'), join(project, 'start.mjs')],
  {
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      ...env,
      PORT: String(port),
      CALPAIR_TEMPORAL_PORT: String(temporalPort),
      CALPAIR_TEMPORAL_UI_PORT: String(await anyFreePort()),
      CALPAIR_DATA_DIR: join(work, 'data'),
      CALPAIR_API_KEY: key,
      CALPAIR_ALLOW_PRIVATE_NETWORKS: 'true',
      BENCH_COUNTER_PORT: String(counterPort),
    },
  },
);
child.unref();
const api = new Api(`http://127.0.0.1:${port}`, key);
const isReady = () =>
  fetch(`${api.url}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
await until('Calpair is ready', isReady, 60_000);

const accountOf = async (side: 'A' | 'B') => {
  const account = await api.call('POST', '/v1/accounts', {
    provider: 'caldav',
    preset: 'generic',
    serverUrl: env[`PERF_${side}_BASE`],
    username: env['PERF_USER'],
    password: env['PERF_PASS'],
  });
  const calendars = await api.call('GET', `/v1/accounts/${account.id}/calendars`);
  return { id: account.id as string, calendarId: calendars.items[0].id as string };
};
const [a, b] = [await accountOf('A'), await accountOf('B')];
const connection = await api.call('POST', '/v1/connections', { caldavAccountId: a.id, cloudAccountId: b.id });
const pair = await api.call('POST', `/v1/connections/${connection.id}/pairs`, {
  caldavCalendarId: a.calendarId,
  cloudCalendarId: b.calendarId,
  pollIntervalSeconds: 86_400,
  paused: true,
});
const variables = { pid: child.pid, api: api.url, pair: pair.id, counter: counterPort };
writeFileSync(
  join(work, 'calpair.env'),
  Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\n`)
    .join(''),
);
process.exit(0);
