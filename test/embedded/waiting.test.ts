/** A start of Calpair before its servers, as in containers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { ConfigError, readConfig } from '../../config.ts';
import { anyFreePort } from '../../embedded/ports.ts';
import { startEverything } from '../../main.ts';
import { environmentOf, until } from '../support/calpair.ts';
import { testDatabase } from '../support/database.ts';
import { databaseNamed } from '../support/servers.ts';
import { testTemporal } from '../support/temporal.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'calpair-waiting-'));
const sockets = new Set<Socket>();
const proxies: Server[] = [];
after(() => {
  for (const socket of sockets) socket.destroy();
  for (const proxy of proxies) proxy.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const [database, temporal] = [await testDatabase(), await testTemporal()];

test('waits for PostgreSQL and then for Temporal, prints this, and runs', { timeout: 180_000 }, async () => {
  const ports = { postgres: await anyFreePort(), temporal: await anyFreePort() };
  const url = new URL(database);
  const target = { host: url.hostname, port: Number(url.port) };
  url.host = `127.0.0.1:${ports.postgres}`;
  const { printed, started } = start({
    databaseUrl: url.href,
    temporal: { ...temporal, address: `127.0.0.1:${ports.temporal}` },
  });
  await until(
    'it waits for PostgreSQL',
    () => printed.filter((line) => /Waiting for PostgreSQL \(ECONNREFUSED\)/.test(line)).length > 1,
  );
  open(ports.postgres, target);
  await until('it waits for Temporal', () => printed.some((line) => line.startsWith('Waiting for Temporal')), 60_000);
  const [host, port] = temporal.address.split(':');
  open(ports.temporal, { host: host!, port: Number(port) });
  const running = await started;
  assert.equal((await fetch(`${running.apiUrl}/health/ready`)).status, 200);
  await running.stop();
  assert.ok(!printed.join('\n').includes(url.password), 'no password is printed');
});

test('a wrong password and an unknown database end the start at once with a clear error', {
  timeout: 60_000,
}, async () => {
  const wrong = new URL(database);
  wrong.password = 'wrong';
  for (const [databaseUrl, words] of [
    [wrong.href, /password authentication failed/],
    [databaseNamed(database, 'nowhere'), /"nowhere" does not exist/],
  ] as const) {
    const { printed, started } = start({ databaseUrl, temporal });
    await assert.rejects(
      started,
      (error) =>
        error instanceof ConfigError && /^PostgreSQL cannot be used: /.test(error.message) && words.test(error.message),
    );
    assert.deepEqual(
      printed.filter((line) => line.startsWith('Waiting')),
      [],
    );
  }
});

function start(servers: { databaseUrl: string; temporal: { address: string; namespace: string } }) {
  const printed: string[] = [];
  const config = readConfig({ ...environmentOf({ ...servers, dataDir }), PORT: '0' });
  const log = pino({ level: 'debug' }, { write: (line: string) => void printed.push(line) });
  const started = startEverything(config, {
    log,
    print: (line) => void printed.push(line),
    onLost: (error) => printed.push(String(error)),
  });
  started.catch(() => undefined);
  return { printed, started };
}

/** Opens the port and forwards to the target. */
function open(port: number, target: { host: string; port: number }): void {
  const proxy = createServer((socket) => {
    const other = connect(target);
    for (const one of [socket, other]) {
      sockets.add(one);
      one.on('error', () => undefined);
    }
    socket.pipe(other).pipe(socket);
  });
  proxies.push(proxy.listen(port, '127.0.0.1'));
}
