/** What a start waits for: ports that others take meanwhile, servers that end again, services that do not answer. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pino } from 'pino';
import { ConfigError } from '../../config.ts';
import { waitForService } from '../../connect-services.ts';
import { startOnPort } from '../../embedded/ports.ts';
import { supervise } from '../../embedded/supervise.ts';

const folder = mkdtempSync(join(tmpdir(), 'calpair-starting-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const TAKEN = new Error('it ended while it started. It wrote:\n  listen tcp 127.0.0.1:7: bind: address already in use');

describe('a program whose port was taken meanwhile', () => {
  const start = (port: number, ...failures: Error[]) => {
    const ports: number[] = [];
    const started = startOnPort({ port, variable: 'THE_PORT' }, async (chosen) => {
      ports.push(chosen);
      const failure = failures.shift();
      if (failure) throw failure;
      return 'runs';
    });
    return { ports, started };
  };

  it('is started again, on another port where any will do', async () => {
    const { ports, started } = start(0, TAKEN, TAKEN);
    assert.equal(await started, 'runs');
    assert.equal(ports.length, 3);
  });

  it('is given up after three tries, and at once after any other failure', async () => {
    const often = start(0, TAKEN, TAKEN, TAKEN, TAKEN);
    await assert.rejects(often.started, TAKEN);
    assert.equal(often.ports.length, 3);
    const other = start(0, new Error('no space left on device'));
    await assert.rejects(other.started, /no space/);
    assert.equal(other.ports.length, 1);
  });

  it('is not started on a port that is taken before', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as { port: number };
    const { ports, started } = start(port);
    await assert.rejects(started, (error) => error instanceof ConfigError && error.message.includes('THE_PORT'));
    assert.deepEqual(ports, []);
    holder.close();
  });
});

describe('a supervised server', () => {
  it('that dies, and then ends while it is started again, is started once more', async () => {
    let starts = 0;
    const lost: Error[] = [];
    const seen: string[] = [];
    let onSettled!: () => void;
    const settled = new Promise<void>((resolve) => (onSettled = resolve));
    const server = await supervise(
      {
        name: 'A server',
        command: process.execPath,
        args: ['--eval', 'console.log("pid " + process.pid); setInterval(() => {}, 1000)'],
        env: {},
        logFile: join(folder, 'log'),
        prepare: async () => void (starts += 1),
        isReady: async (child, written) => {
          seen.push(written());
          if (starts === 2) child.kill('SIGKILL');
          return starts !== 2 && written() === `pid ${child.pid}\n`;
        },
        stopSignals: [['SIGKILL', 2000]],
      },
      {
        print: (line) => (line === 'A server runs again.' ? onSettled() : undefined),
        onLost: (error) => {
          lost.push(error);
          onSettled();
        },
      },
    );
    process.kill(server.pid()!, 'SIGKILL');
    await settled;
    await server.stop();
    assert.deepEqual([starts, lost], [3, []]);
    assert.ok(
      seen.every((text) => text.split('\n').length <= 2),
      'a start sees only what it wrote itself',
    );
  });
});

describe('a service that takes connections and does not answer', () => {
  const log = pino({ level: 'silent' });
  const never = new Promise<never>(() => undefined);

  it('is named while it is waited for, and the signal ends the wait', async (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const [printed, stopping] = [[] as string[], new AbortController()];
    const print = (line: string): void => void printed.push(line);
    const waiting = waitForService('PostgreSQL', () => never, { log, print, signal: stopping.signal });
    context.mock.timers.tick(61_000);
    assert.match(printed.join('\n'), /^(Still waiting for PostgreSQL, .*\n?){2}$/);
    stopping.abort(new Error('stopped'));
    await assert.rejects(waiting, /stopped/);
    context.mock.timers.tick(61_000);
    assert.equal(printed.length, 2);
  });

  it('ends the start at once where nothing but a person can help', async () => {
    const refuse = () => Promise.reject(new ConfigError('The encryption key is another one.'));
    await assert.rejects(waitForService('PostgreSQL', refuse, { log, print: assert.fail }), ConfigError);
  });
});
