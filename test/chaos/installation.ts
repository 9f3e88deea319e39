/**
 * A whole Calpair as an operator runs it, to be killed in parts: one process of `npm start` with its own PostgreSQL and
 * Temporal in a data folder, and a second worker beside it.
 */
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, readConfig } from '../../config.ts';
import { createVault } from '../../db/vault.ts';
import { endProcesses, listProcesses } from '../../embedded/processes.ts';
import { loadOrCreateSecrets } from '../../embedded/secrets.ts';
import { API_KEY, Api, environmentOf, until } from '../support/calpair.ts';
import { type Program, startProgram } from '../support/process.ts';

export type Part = 'main' | 'worker';
const READY_WITHIN_MS = 150_000;

export class Installation {
  readonly api: Api;
  readonly config: Config;
  /** Starts that the nemesis did not cause: a process that had ended by itself, with its last words. */
  readonly endedByItself: string[] = [];
  readonly #folder: string;
  readonly #environment: Readonly<Record<Part, () => Record<string, string>>>;
  readonly #running = new Map<Part, Program>();
  readonly #killed = new WeakSet<Program>();

  /** @param clouds what it is told of the clouds */
  constructor(
    clouds: Readonly<Record<string, string>>,
    ports: { readonly api: number; readonly postgres: number; readonly temporal: number; readonly temporalUi: number },
  ) {
    this.#folder = mkdtempSync(join(tmpdir(), 'calpair-chaos-'));
    const shared = { ...environmentOf({ dataDir: this.#folder }), ...clouds, CALPAIR_POLL_INTERVAL_SECONDS: '5' };
    const main = {
      ...shared,
      PORT: String(ports.api),
      CALPAIR_POSTGRES_PORT: String(ports.postgres),
      CALPAIR_TEMPORAL_PORT: String(ports.temporal),
      CALPAIR_TEMPORAL_UI_PORT: String(ports.temporalUi),
    };
    this.#environment = {
      main: () => main,
      worker: () => ({
        ...shared,
        CALPAIR_ROLES: 'worker',
        TEMPORAL_ADDRESS: `127.0.0.1:${ports.temporal}`,
        DATABASE_URL: `postgres://calpair:${readFileSync(join(this.#folder, 'postgres', 'password'), 'utf8').trim()}@127.0.0.1:${ports.postgres}/calpair`,
      }),
    };
    this.config = readConfig(main);
    this.api = new Api(`http://127.0.0.1:${ports.api}`, API_KEY);
  }

  /** The keyed hash of this installation; there is one once it has been started. */
  tag(text: string): string {
    const { encryptionKeys, hashKey } = loadOrCreateSecrets(this.config);
    return createVault(encryptionKeys, hashKey).hash(text);
  }

  /** Starts what does not run. */
  start(): void {
    for (const part of ['main', 'worker'] as const) {
      const before = this.#running.get(part);
      if (before !== undefined && !hasEnded(before)) continue;
      if (before !== undefined && !this.#killed.has(before)) this.endedByItself.push(`${part}: ${lastWords(before)}`);
      // Before the very first start of the main process there is nothing that a worker could use.
      if (part === 'main' || before !== undefined) this.#begin(part);
    }
  }

  /**
   * Starts what does not run, until the main process and its servers answer; the second worker may still be on its way.
   */
  async answers(): Promise<void> {
    await until(
      () => `the main process answers; it said:\n${this.output('main')}`,
      () => {
        this.start();
        return this.#answers();
      },
      READY_WITHIN_MS,
    );
  }

  /** The same, until all of it runs. */
  async ready(): Promise<void> {
    await this.answers();
    await until(
      () => `the worker runs; it said:\n${this.output('worker')}`,
      () => {
        this.start();
        return this.#hasBegun('worker');
      },
      READY_WITHIN_MS,
    );
  }

  async firstStart(): Promise<void> {
    this.start();
    await until(
      () => `the first start:\n${this.output('main')}`,
      () => this.#answers(),
      READY_WITHIN_MS,
    );
    this.#begin('worker');
    await this.ready();
  }

  /** The end of what it printed. */
  output(part: Part): string {
    return (this.#running.get(part)?.output() ?? '').slice(-3000);
  }

  /** False where it does not run at this moment. */
  async kill(part: Part): Promise<boolean> {
    const program = this.#running.get(part);
    if (program === undefined || hasEnded(program)) return false;
    this.#killed.add(program);
    await program.end('SIGKILL');
    return true;
  }

  /** SIGSTOP, and SIGCONT after a while: a worker that wakes up late and goes on with what others have long done. */
  freeze(part: Part, milliseconds: number): void {
    const program = this.#running.get(part);
    if (program === undefined || hasEnded(program)) return;
    program.child.kill('SIGSTOP');
    setTimeout(() => program.child.kill('SIGCONT'), milliseconds);
  }

  /** The postmaster or one of its children; null where it does not run at this moment. */
  pidOf(what: 'postgres' | 'postgres-backend' | 'temporal', random: (below: number) => number): number | null {
    const cluster = join(realpathSync(join(this.#folder, 'postgres')), 'cluster');
    const database = join(realpathSync(this.#folder), 'temporal', 'temporal.db');
    const fitting = listProcesses().filter(({ command, folder }) =>
      what === 'postgres'
        ? command.includes(`postgres -D ${cluster} `)
        : what === 'temporal'
          ? command.includes(` --db-filename ${database} `)
          : folder === cluster && command.startsWith('postgres: calpair '),
    );
    return fitting.length === 0 ? null : fitting[random(fitting.length)]!.pid;
  }

  async stop(): Promise<number | string> {
    const ends = await Promise.all(
      [...this.#running.values()].reverse().map((program) => {
        program.child.kill('SIGCONT');
        return program.end('SIGTERM');
      }),
    );
    await endProcesses(({ command }) => command.includes(`${this.#folder}/`), [['SIGKILL', 4000]]);
    rmSync(this.#folder, { recursive: true, force: true });
    return ends.at(-1) ?? 'nothing ran';
  }

  #begin(part: Part): void {
    this.#running.set(part, startProgram(['start.mjs'], this.#environment[part]()));
  }

  #hasBegun(part: Part): boolean {
    const program = this.#running.get(part);
    return program !== undefined && !hasEnded(program) && program.output().includes('Calpair runs');
  }

  async #answers(): Promise<boolean> {
    try {
      return (
        (await fetch(new URL('/health/ready', this.api.url), { signal: AbortSignal.timeout(4000) })).status === 200
      );
    } catch {
      return false;
    }
  }
}

/**
 * Ports below those that the system gives away: a part that is down has its port to itself until it is back.
 * @param random where to look first
 */
export async function fixedPorts(count: number, random: (below: number) => number): Promise<number[]> {
  const ports: number[] = [];
  for (let port = 20_000 + random(10_000); ports.length < count; port++) if (await isFree(port)) ports.push(port);
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function hasEnded({ child }: Program): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The line in which it said why. */
function lastWords(program: Program): string {
  const lines = program
    .output()
    .trim()
    .split('\n')
    .filter((line) => /^(\w*Error|Error:|[A-Z][\w ]* cannot)|ended \d+ times/.test(line));
  return (
    `exit ${program.child.exitCode ?? program.child.signalCode}: ` + `${(lines.at(-1) ?? 'nothing said').slice(0, 300)}`
  );
}
