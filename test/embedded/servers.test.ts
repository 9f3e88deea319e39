/** The embedded servers: started, killed and started again. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { ConfigError, PROJECT_DIR, readConfig } from '../../config.ts';
import { makeDataFolder } from '../../embedded/data-folder.ts';
import { anyFreePort } from '../../embedded/ports.ts';
import { startPostgres } from '../../embedded/postgres.ts';
import { listProcesses } from '../../embedded/processes.ts';
import { startTemporal } from '../../embedded/temporal.ts';
import { onServer } from '../support/servers.ts';

const folder = mkdtempSync(join(tmpdir(), 'calpair-servers-'));
// As `mktemp -d` creates it: PostgreSQL's user may not pass through.
chmodSync(folder, 0o700);
const dataDir = join(folder, 'data');
makeDataFolder(dataDir);
const printed: string[] = [];
const lost: Error[] = [];
const watch = { print: (line: string) => void printed.push(line), onLost: (error: Error) => void lost.push(error) };
let outside: string | undefined;
const running: { stop: () => Promise<void> }[] = [];
after(async () => {
  await Promise.all(running.map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
  if (outside !== undefined && outside.startsWith('/var/lib/calpair/'))
    rmSync(outside, { recursive: true, force: true });
});

const startedPostgres = async (port = 0) => kept(await startPostgres({ dataDir, port }, watch));
const startedTemporal = async (port: number) => kept(await startTemporal(temporalOptions(port), watch));

test('PostgreSQL keeps its data after a stop, a kill, and a kill of the process that started it', {
  timeout: 120_000,
}, async () => {
  const first = await startedPostgres();
  outside = String((await onServer(first.url, 'show data_directory'))[0]?.['data_directory']).replace(/\/cluster$/, '');
  await onServer(first.url, 'create table kept (value int)');
  await first.stop();
  await assert.rejects(onServer(first.url, 'select 1'));

  const second = await startedPostgres();
  const pid = Number(readFileSync(join(outside ?? '', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);
  process.kill(pid, 'SIGKILL');
  await eventually(() => onServer(second.url, 'insert into kept values (1)'));
  await second.stop();

  await startAndKill(`startPostgres(${JSON.stringify({ dataDir, port: 0 })}, watch)`);
  const third = await startedPostgres();
  assert.ok(printed.some((line) => line.startsWith('Ended a PostgreSQL')));
  assert.deepEqual(await onServer(third.url, 'select value from kept'), [{ value: 1 }]);
  await third.stop();
  assert.equal(listProcesses().filter(({ command }) => command.includes(`${outside}/`)).length, 0);
  assert.deepEqual(lost, []);
});

test('a wrong password is refused, and a taken port is one clear error', { timeout: 60_000 }, async () => {
  const server = await startedPostgres();
  const wrong = new URL(server.url);
  wrong.password = 'wrong';
  await assert.rejects(onServer(wrong.href, 'select 1'), /password/);
  await server.stop();
  await withTakenPort((port) =>
    assert.rejects(
      startedPostgres(port),
      (error) => error instanceof ConfigError && error.message.includes('CALPAIR_POSTGRES_PORT'),
    ),
  );
});

test('Temporal gets its port back from an orphan, and a taken port is one clear error', {
  timeout: 120_000,
}, async () => {
  const port = await anyFreePort();
  await startAndKill(`startTemporal(${JSON.stringify(temporalOptions(port))}, watch)`);
  const server = await startedTemporal(port);
  assert.ok(printed.some((line) => line.startsWith('Ended a Temporal server')));
  const connection = await Connection.connect({ address: server.address });
  await connection.workflowService.describeNamespace({ namespace: 'default' });
  await connection.close();
  await server.stop();
  await withTakenPort((taken) =>
    assert.rejects(
      startedTemporal(taken),
      (error) => error instanceof ConfigError && error.message.includes('CALPAIR_TEMPORAL_PORT'),
    ),
  );
});

function temporalOptions(port: number) {
  return {
    dataDir,
    cacheDir: readConfig().cacheDir,
    port,
    uiPort: null,
    namespace: 'default',
    searchAttributes: { PairState: 'Keyword' },
  };
}

function kept<T extends { stop: () => Promise<void> }>(server: T): T {
  running.push(server);
  return server;
}

/** Another process starts the server and is killed at once, so that the server is orphaned. */
async function startAndKill(start: string): Promise<void> {
  const script = `
    import { startPostgres } from './embedded/postgres.ts';
    import { startTemporal } from './embedded/temporal.ts';
    const watch = { print: () => {}, onLost: () => {} };
    await ${start};
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    cwd: PROJECT_DIR,
    stdio: 'inherit',
  });
  const signal = await new Promise((resolve) => child.once('exit', (_code, killedBy) => resolve(killedBy)));
  assert.equal(signal, 'SIGKILL');
}

async function withTakenPort(work: (port: number) => Promise<unknown>): Promise<void> {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()));
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  await work(address.port).finally(() => other.close());
}

async function eventually(attempt: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (tries === 60) throw error;
      await sleep(250);
    }
  }
}
