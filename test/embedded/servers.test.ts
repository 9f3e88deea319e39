/** The servers of `npm start`, really started, killed, and started again. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import postgres from 'postgres';
import { ConfigError, readConfig } from '../../config.ts';
import { makeDataFolder } from '../../embedded/data-folder.ts';
import { anyFreePort } from '../../embedded/ports.ts';
import { startPostgres } from '../../embedded/postgres.ts';
import { listProcesses } from '../../embedded/processes.ts';
import { startTemporal } from '../../embedded/temporal.ts';

const folder = mkdtempSync(join(tmpdir(), 'calpair-servers-'));
// As `mktemp -d` makes it: PostgreSQL's own user may not pass through.
chmodSync(folder, 0o700);
const dataDir = join(folder, 'data');
makeDataFolder(dataDir);
const said: string[] = [];
const lost: Error[] = [];
const watch = { say: (line: string) => void said.push(line), onLost: (error: Error) => void lost.push(error) };
let outside: string | undefined;
after(() => {
  rmSync(folder, { recursive: true, force: true });
  if (outside !== undefined && outside.startsWith('/var/lib/calpair/')) rmSync(outside, { recursive: true, force: true });
});

const ask = async (url: string, statement: string): Promise<unknown> => {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  return sql.unsafe(statement).finally(() => sql.end({ timeout: 1 }));
};

test('PostgreSQL keeps its data over a stop, a kill, and a kill of whoever started it', { timeout: 120_000 }, async () => {
  const first = await startPostgres({ dataDir, port: 0 }, watch);
  outside = (await ask(first.url, 'show data_directory') as { data_directory: string }[])[0]?.data_directory.replace(/\/cluster$/, '');
  await ask(first.url, 'create table kept (value int)');
  await first.stop();
  await assert.rejects(ask(first.url, 'select 1'));

  const second = await startPostgres({ dataDir, port: 0 }, watch);
  const pid = Number(readFileSync(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);
  process.kill(pid, 'SIGKILL');
  await eventually(() => ask(second.url, 'insert into kept values (1)'));
  assert.ok(said.some((line) => line.includes('PostgreSQL runs again')));

  // Started without stopping the second: what a killed Calpair leaves behind.
  const third = await startPostgres({ dataDir, port: 0 }, { ...watch, say: (line) => void said.push(`third: ${line}`) });
  assert.ok(said.some((line) => line.startsWith('third: Ended a PostgreSQL')));
  assert.deepEqual([...await ask(third.url, 'select value from kept') as Iterable<unknown>], [{ value: 1 }]);
  await second.stop();
  await third.stop();
  await eventually(async () => assert.equal(listProcesses().filter(({ command }) => outside !== undefined && command.includes(`${outside}/`)).length, 0));
  assert.deepEqual(lost, []);
});

test('a wrong password is refused, and a taken port is one clear error', { timeout: 60_000 }, async () => {
  const server = await startPostgres({ dataDir, port: 0 }, watch);
  const wrong = new URL(server.url);
  wrong.password = 'wrong';
  await assert.rejects(ask(wrong.href, 'select 1'), /password/);
  await server.stop();
  await withTakenPort(async (port) => {
    await assert.rejects(startPostgres({ dataDir, port }, watch), (error) => error instanceof ConfigError && error.message.includes('CALPAIR_POSTGRES_PORT'));
  });
});

test('Temporal keeps its ports over a kill, and a taken port is one clear error', { timeout: 120_000 }, async () => {
  const options = {
    dataDir, cacheDir: readConfig().cacheDir, port: await anyFreePort(), uiPort: null, namespace: 'default', searchAttributes: { PairState: 'Keyword' },
  };
  const first = await startTemporal(options, watch);
  const second = await startTemporal(options, { ...watch, say: (line) => void said.push(`second: ${line}`) });
  assert.equal(second.address, first.address);
  assert.ok(said.some((line) => line.startsWith('second: Ended a Temporal server')));
  const connection = await Connection.connect({ address: second.address });
  await connection.workflowService.describeNamespace({ namespace: 'default' });
  await connection.close();
  await first.stop();
  await second.stop();
  await withTakenPort(async (port) => {
    await assert.rejects(startTemporal({ ...options, port }, watch), (error) => error instanceof ConfigError && error.message.includes('CALPAIR_TEMPORAL_PORT'));
  });
});

async function withTakenPort(work: (port: number) => Promise<void>): Promise<void> {
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
