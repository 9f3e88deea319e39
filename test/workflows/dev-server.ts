/** A Temporal dev server for the workflow tests, and a fresh namespace on it. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface TestTemporal {
  readonly address: string;
  readonly namespace: string;
  stop(): Promise<void>;
}

export async function startTemporal(): Promise<TestTemporal> {
  const port = await freePort();
  const namespace = `test-${randomUUID()}`;
  const binary = join(homedir(), '.cache/calpair/bin/temporal');
  const server = spawn(
    binary,
    ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port), '--namespace', namespace, '--log-level', 'error'],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  process.once('exit', () => server.kill('SIGKILL'));
  return {
    address: `127.0.0.1:${port}`,
    namespace,
    stop: async () => {
      server.kill('SIGTERM');
      await ended;
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
