/**
 * A complete Calpair as an operator runs it, whose parts can be killed: one process of `npm start` with its own
 * PostgreSQL and Temporal in a data folder, and a second worker.
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
  /** Exits that the nemesis did not cause, each with its last output. */
  readonly unexpectedExits: string[] = [];
  readonly #folder: string;
  readonly #environment: Readonly<Record<Part, () => Record<string, string>>>;
  readonly #running = new Map<Part, Program>();
  readonly #killed = new WeakSet<Program>();

  /** @param clouds environment variables that point Calpair at the fake clouds */
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
    const password = (): string => readFileSync(join(this.#folder, 'postgres', 'password'), 'utf8').trim();
    this.#environment = {
      main: () => main,
      worker: () => ({
        ...shared,
        CALPAIR_ROLES: 'worker',
        TEMPORAL_ADDRESS: `127.0.0.1:${ports.temporal}`,
        DATABASE_URL: `postgres://calpair:${password()}@127.0.0.1:${ports.postgres}/calpair`,
      }),
    };
    this.config = readConfig(main);
    this.api = new Api(`http://127.0.0.1:${ports.api}`, API_KEY);
  }

  /** The keyed hash of this installation; it exists after the first start. */
  tag(text: string): string {
    const { encryptionKeys, hashKey } = loadOrCreateSecrets(this.config);
    return createVault(encryptionKeys, hashKey).hash(text);
  }

  /** Starts every part that is not running. */
  start(): void {
    for (const part of ['main', 'worker'] as const) {
      const before = this.#running.get(part);
      if (before !== undefined && !hasEnded(before)) continue;
      if (before !== undefined && !this.#killed.has(before)) this.unexpectedExits.push(`${part}: ${lastError(before)}`);
      // Before the very first start of the main process, a worker would find no database.
      if (part === 'main' || before !== undefined) this.#startPart(part);
    }
  }

  /**
   * Starts every part that is not running and waits until the main process and its servers answer. The second worker
   * may still be starting.
   */
  async untilAnswering(): Promise<void> {
    await until(
      () => `the main process answers; its output:\n${this.output('main')}`,
      () => {
        this.start();
        return this.#answers();
      },
      READY_WITHIN_MS,
    );
  }

  /** The same, and waits for the second worker too. */
  async untilReady(): Promise<void> {
    await this.untilAnswering();
    await until(
      () => `the worker runs; its output:\n${this.output('worker')}`,
      () => {
        this.start();
        return this.#hasStarted('worker');
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
    this.#startPart('worker');
    await this.untilReady();
  }

  /** The end of its output. */
  output(part: Part): string {
    return (this.#running.get(part)?.output() ?? '').slice(-3000);
  }

  /** False if the part is not running. */
  async kill(part: Part): Promise<boolean> {
    const program = this.#running.get(part);
    if (program === undefined || hasEnded(program)) return false;
    this.#killed.add(program);
    await program.end('SIGKILL');
    return true;
  }

  /** SIGSTOP, then SIGCONT: a worker that wakes up late and resumes work that another worker has finished. */
  freeze(part: Part, milliseconds: number): void {
    const program = this.#running.get(part);
    if (program === undefined || hasEnded(program)) return;
    program.child.kill('SIGSTOP');
    setTimeout(() => program.child.kill('SIGCONT'), milliseconds);
  }

  /** The postmaster or one of its children; null if it is not running. */
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

  #startPart(part: Part): void {
    this.#running.set(part, startProgram(['start.mjs'], this.#environment[part]()));
  }

  #hasStarted(part: Part): boolean {
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
 * Ports below the ephemeral range: no other process takes the port of a part that is down.
 * @param random chooses where the search starts
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

/** The last line of output that names an error. */
function lastError(program: Program): string {
  const lines = program
    .output()
    .trim()
    .split('\n')
    .filter((line) => /^(\w*Error|Error:|[A-Z][\w ]* cannot)|ended \d+ times/.test(line));
  return (
    `exit ${program.child.exitCode ?? program.child.signalCode}: ` +
    `${(lines.at(-1) ?? 'no error line').slice(0, 300)}`
  );
}
