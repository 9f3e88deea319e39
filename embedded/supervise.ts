/** Keeps a server process running: starts it, waits until it is ready, restarts it when it dies, and ends it. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Program {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment, so that no secret of Calpair reaches the server. */
  readonly env: Record<string, string>;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** A file, since the server writes on after Calpair is killed, which a pipe would not allow. */
  readonly logFile: string;
  /** Runs before every start, to remove what a killed server left. */
  readonly prepare: () => Promise<void>;
  /** @param written what it has written to its log since this start */
  readonly isReady: (child: ChildProcess, written: () => string) => Promise<boolean>;
  /** Sent in this order, each with the milliseconds to wait after it. */
  readonly stopSignals: readonly (readonly [NodeJS.Signals, number])[];
}

export interface Watch {
  /** Lines for the operator. */
  readonly print: (line: string) => void;
  /** Called when the server cannot be kept running, and Calpair has to end. */
  readonly onLost: (error: Error) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Supervised {
  readonly pid: () => number | undefined;
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 60_000;
const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 10 * 60_000;
const MAX_LOG_BYTES = 10 * 1024 * 1024;

/** @throws Error with the last lines of its log when it does not become ready */
export async function supervise(program: Program, watch: Watch): Promise<Supervised> {
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, ...(watch.signal ? [watch.signal] : [])]);
  let child = await startOnce(program, signal);
  let restarting: Promise<void> = Promise.resolve();
  const restarts: number[] = [];

  const restart = async (why: string): Promise<void> => {
    const now = Date.now();
    restarts.push(now);
    const recent = restarts.filter((at) => at > now - RESTART_WINDOW_MS).length;
    if (recent > MAX_RESTARTS)
      throw new Error(`${program.name} ended ${recent} times within 10 minutes; see ${program.logFile}`);
    watch.print(`${program.name} ended unexpectedly (${why}); restarting it. Its log: ${program.logFile}`);
    await sleep(Math.min(500 * 2 ** (recent - 1), 10_000), undefined, { signal });
    try {
      child = await startOnce(program, signal);
    } catch (error) {
      signal.throwIfAborted();
      return restart((error as Error).message);
    }
    onExit();
    watch.print(`${program.name} runs again.`);
  };
  const onExit = (): void => {
    const ended = (code: number | null, killedBy: NodeJS.Signals | null): void => {
      if (stopping.signal.aborted) return;
      restarting = restart(killedBy ?? `exit code ${code}`).catch((error: unknown) => {
        if (!stopping.signal.aborted) watch.onLost(error instanceof Error ? error : new Error(String(error)));
      });
    };
    if (hasEnded(child)) ended(child.exitCode, child.signalCode);
    else child.once('exit', ended);
  };
  onExit();

  return {
    pid: () => child.pid,
    async stop() {
      stopping.abort();
      await restarting;
      await endChild(child, program.stopSignals);
    },
  };
}

async function startOnce(program: Program, signal: AbortSignal): Promise<ChildProcess> {
  await program.prepare();
  signal.throwIfAborted();
  keepLogShort(program.logFile);
  const log = openSync(program.logFile, 'a', 0o600);
  const logStart = statSync(program.logFile).size;
  // A process group of its own: Ctrl-C in the terminal reaches only Calpair, which ends its servers after the work.
  const child = spawn(program.command, program.args, {
    detached: true,
    cwd: '/',
    env: program.env,
    stdio: ['ignore', log, log],
    ...program.user,
  });
  closeSync(log);
  const failure = new Promise<Error>((resolve) => child.on('error', resolve));
  const giveUpAt = Date.now() + READY_WITHIN_MS;
  try {
    for (;;) {
      if (await program.isReady(child, () => writtenSince(program.logFile, logStart)).catch(() => false)) return child;
      signal.throwIfAborted();
      const cannotStart = await Promise.race([failure, sleep(50)]);
      if (cannotStart instanceof Error) throw new Error(`${program.name} cannot be started: ${cannotStart.message}`);
      if (hasEnded(child)) throw new Error(`${program.name} ended while it started.${tail(program.logFile, logStart)}`);
      if (Date.now() > giveUpAt)
        throw new Error(
          `${program.name} was not ready within ${READY_WITHIN_MS / 1000} s.${tail(program.logFile, logStart)}`,
        );
    }
  } catch (error) {
    if (child.pid !== undefined) await endChild(child, program.stopSignals);
    throw error;
  }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function endChild(child: ChildProcess, signals: Program['stopSignals']): Promise<void> {
  for (const [signal, milliseconds] of signals) {
    if (hasEnded(child)) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const giveUp = new AbortController();
    await Promise.race([ended, sleep(milliseconds, undefined, { signal: giveUp.signal }).catch(() => undefined)]);
    giveUp.abort();
  }
}

/** The last lines that the program wrote since its start. */
function tail(logFile: string, from: number): string {
  const written = writtenSince(logFile, from).trim().split('\n').slice(-15);
  return written[0] === '' ? '' : ` It wrote:\n  ${written.map((line) => line.slice(0, 500)).join('\n  ')}`;
}

function writtenSince(logFile: string, from: number): string {
  return readFileSync(logFile).subarray(from).toString('utf8');
}

function keepLogShort(logFile: string): void {
  if (existsSync(logFile) && statSync(logFile).size > MAX_LOG_BYTES) renameSync(logFile, `${logFile}.1`);
}
