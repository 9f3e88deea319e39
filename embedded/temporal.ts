/** The embedded Temporal server, for a start without TEMPORAL_ADDRESS: on 127.0.0.1 only, data in the data folder. */
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { anyFreePort, freePort, startOnPort } from './ports.ts';
import type { Running } from './processes.ts';
import { endProcesses } from './processes.ts';
import type { Watch } from './supervise.ts';
import { supervise } from './supervise.ts';
import { findTemporalProgram } from './temporal-program.ts';
import { openTemporalUi } from './temporal-ui.ts';

export interface TemporalOptions {
  readonly dataDir: string;
  /** For a server program that has to be downloaded or built. */
  readonly cacheDir: string;
  /** 0: any free one. */
  readonly port: number;
  /** 0: any free one; null: no Web UI. */
  readonly uiPort: number | null;
  readonly namespace: string;
  readonly moreNamespaces?: readonly string[];
  /** By name, with their Temporal type. */
  readonly searchAttributes: Readonly<Record<string, string>>;
  /** For tests only: does not wait for the disk, so a power cut loses data. */
  readonly isThrowaway?: boolean;
}

/**
 * Starts the server, after ending one that a killed Calpair left running on this folder.
 * @throws ConfigError when a port is taken or no server program can be installed
 */
export async function startTemporal(
  options: TemporalOptions,
  watch: Watch,
): Promise<{ address: string; uiUrl: string | null; stop: () => Promise<void> }> {
  const folder = join(realpathSync(options.dataDir), 'temporal');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'temporal.db');
  if ((await endProcesses(isServerOf(file), STOP)) > 0)
    watch.print('Ended a Temporal server that an earlier start left running.');
  return startOnPort({ port: options.port, variable: 'CALPAIR_TEMPORAL_PORT' }, async (port) => {
    const uiPort =
      options.uiPort === null ? null : await freePort(options.uiPort, '127.0.0.1', 'CALPAIR_TEMPORAL_UI_PORT');
    const uiBehind = uiPort === null ? null : await anyFreePort();
    const command = await findTemporalProgram(options.cacheDir, watch.print, watch.signal);
    const address = `127.0.0.1:${port}`;
    const ui = uiPort === null || uiBehind === null ? null : await openTemporalUi(uiPort, uiBehind);
    const server = await supervise(
      {
        name: 'Temporal',
        command,
        args: [
          'server',
          'start-dev',
          '--db-filename',
          file,
          '--ip',
          '127.0.0.1',
          '--port',
          String(port),
          ...(uiBehind === null ? ['--headless'] : ['--ui-port', String(uiBehind)]),
          // The HTTP API, like the UI, is not for pages of other names.
          '--dynamic-config-value',
          `frontend.httpAllowedHosts=${JSON.stringify(['127.0.0.1:*', 'localhost:*'])}`,
          ...[options.namespace, ...(options.moreNamespaces ?? [])].flatMap((name) => ['--namespace', name]),
          ...Object.entries(options.searchAttributes).flatMap(([name, type]) => [
            '--search-attribute',
            `${name}=${type}`,
          ]),
          ...(options.isThrowaway === true ? ['--sqlite-pragma', 'synchronous=OFF'] : []),
          '--log-level',
          'error',
          '--log-format',
          'json',
        ],
        env: { PATH: '/usr/bin:/bin', HOME: folder, TZ: 'UTC' },
        logFile: join(folder, 'log'),
        prepare: async () => {
          await endProcesses(isServerOf(file), STOP);
        },
        isReady: async (_child, written) => isListening(port, written()) && (await isReady(address, options)),
        stopSignals: STOP,
      },
      watch,
    ).catch(async (error: unknown) => {
      await ui?.close();
      throw error;
    });
    return {
      address,
      uiUrl: uiPort === null ? null : `http://127.0.0.1:${uiPort}`,
      stop: () => Promise.all([ui?.close(), server.stop()]).then(() => undefined),
    };
  });
}

const STOP = [
  ['SIGTERM', 6000],
  ['SIGKILL', 2000],
] as const;

const ANSWER_WITHIN_MS = 5_000;

function isServerOf(file: string): (running: Running) => boolean {
  return ({ command }) => command.includes(` server start-dev --db-filename ${file} `);
}

/** By the address that it prints: another Temporal server may have taken the port meanwhile, and would answer. */
function isListening(port: number, written: string): boolean {
  return new RegExp(`(?:localhost|127\\.0\\.0\\.1):${port}\\b`).test(written) && !/already in use/i.test(written);
}

/** Ready once it has the namespaces and their search attributes: both are created after the port opens. */
async function isReady(address: string, options: TemporalOptions): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: '1s' });
  try {
    for (const namespace of [options.namespace, ...(options.moreNamespaces ?? [])]) {
      // A server that takes requests and answers none is not ready.
      const { customAttributes } = await connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, async () => {
        await connection.workflowService.describeNamespace({ namespace });
        return connection.operatorService.listSearchAttributes({ namespace });
      });
      if (Object.keys(options.searchAttributes).some((name) => !(name in (customAttributes ?? {})))) return false;
    }
    return true;
  } finally {
    await connection.close();
  }
}
