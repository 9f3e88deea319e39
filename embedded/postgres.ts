/** The embedded PostgreSQL, for a start without DATABASE_URL: on 127.0.0.1 only, with its data in the data folder. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../config.ts';
import { startOnPort } from './ports.ts';
import type { PostgresFiles } from './postgres-files.ts';
import { preparePostgresFiles } from './postgres-files.ts';
import type { Running } from './processes.ts';
import { endProcesses } from './processes.ts';
import { readOrMake } from './secrets.ts';
import type { Watch } from './supervise.ts';
import { supervise } from './supervise.ts';

export interface PostgresOptions {
  readonly dataDir: string;
  /** 0: any free one. */
  readonly port: number;
  /** For tests only: does not wait for the disk, so a power cut loses data. */
  readonly isThrowaway?: boolean;
}

/**
 * Starts the server, after ending one that a killed Calpair left running on this folder.
 * @returns the address of the database `calpair`, whose user may make further databases
 * @throws ConfigError when the port is taken or the folder cannot be used
 */
export async function startPostgres(
  options: PostgresOptions,
  watch: Watch,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const files = preparePostgresFiles(options.dataDir);
  const cluster = join(files.folder, 'cluster');
  if ((await endProcesses(isServerOf(cluster), FAST_SHUTDOWN)) > 0)
    watch.print('Ended a PostgreSQL that an earlier start left running.');
  const password = makePassword(files);
  if (!existsSync(cluster)) {
    watch.print('Creating the database (first start only) ...');
    await makeCluster(files, cluster, options.isThrowaway === true);
  }
  checkVersion(files, cluster);

  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'log_min_messages=warning',
    ...(options.isThrowaway === true ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : []),
  ];
  return startOnPort({ port: options.port, variable: 'CALPAIR_POSTGRES_PORT' }, async (port) => {
    const server = await supervise(
      {
        name: 'PostgreSQL',
        command: join(files.server, 'bin', 'postgres'),
        args: ['-D', cluster, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
        env: ENVIRONMENT,
        user: files.user,
        logFile: join(files.folder, 'log'),
        prepare: async () => {
          // Children of a killed server may still hold its memory, and its pid may belong to another program by now.
          await endProcesses(isServerOf(cluster), FAST_SHUTDOWN);
          rmSync(join(cluster, 'postmaster.pid'), { force: true });
        },
        isReady: async (child) => isReady(cluster, child.pid),
        stopSignals: FAST_SHUTDOWN,
      },
      watch,
    );
    return { url: `postgres://calpair:${password}@127.0.0.1:${port}/calpair`, stop: () => server.stop() };
  });
}

/** For PostgreSQL, SIGINT is a fast shutdown and SIGQUIT an immediate one, with recovery on the next start. */
const FAST_SHUTDOWN = [
  ['SIGINT', 8000],
  ['SIGQUIT', 3000],
  ['SIGKILL', 2000],
] as const;
const ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** The server has its folder in its command line; its children rename themselves but stay in the folder. */
function isServerOf(cluster: string): (running: Running) => boolean {
  return ({ command, folder }) =>
    (folder === cluster && command.startsWith('postgres:')) || command.includes(`postgres -D ${cluster} `);
}

/** Ready as for `pg_ctl`: by the last line of the server's pid file. */
function isReady(cluster: string, pid: number | undefined): boolean {
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return false;
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

function makePassword(files: PostgresFiles): string {
  const file = join(files.folder, 'password');
  const { text } = readOrMake(file, () => randomBytes(24).toString('hex'));
  if (files.user !== undefined) chownSync(file, files.user.uid, files.user.gid);
  return text;
}

/** Complete or not at all, so that the start after an interrupted one begins again. */
async function makeCluster(files: PostgresFiles, cluster: string, isThrowaway: boolean): Promise<void> {
  const unfinished = `${cluster}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  const how = { cwd: '/', env: ENVIRONMENT, ...files.user };
  const run = promisify(execFile);
  try {
    await run(
      join(files.server, 'bin', 'initdb'),
      [
        `--pgdata=${unfinished}`,
        '--username=calpair',
        `--pwfile=${join(files.folder, 'password')}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
        ...(isThrowaway ? ['--no-sync'] : []),
      ],
      how,
    );
    const single = run(join(files.server, 'bin', 'postgres'), ['--single', '-D', unfinished, 'postgres'], how);
    single.child.stdin?.end('CREATE DATABASE calpair;\n');
    await single;
  } catch (error) {
    const { message, stderr } = error as Error & { stderr?: string };
    throw new Error(`The embedded PostgreSQL cannot create its database: ${(stderr ?? message).trim().slice(-1000)}`);
  }
  renameSync(unfinished, cluster);
}

function checkVersion(files: PostgresFiles, cluster: string): void {
  const major = (file: string): string => readFileSync(file, 'utf8').trim();
  const made = major(join(cluster, 'PG_VERSION'));
  const [, ours] = /^(\d+)/.exec(readInstalledVersion(files)) ?? [];
  if (ours !== undefined && made !== ours) {
    throw new ConfigError(
      `The data in ${cluster} belongs to PostgreSQL ${made}, but ${ours} is installed. Go back to the earlier ` +
        'version of Calpair, dump the database, and load it into a new one.',
    );
  }
}

function readInstalledVersion(files: PostgresFiles): string {
  return readFileSync(join(files.server, 'share', 'postgresql', 'postgres.bki'), 'utf8')
    .replace(/^# PostgreSQL /, '')
    .slice(0, 8);
}
