/**
 * Keeps one server process running next to ours: starts it, waits until it answers, starts it again when it dies, ends
 * it with us.
 */

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Program {
  /** As people call it. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Nothing else is passed on: no secret of ours reaches the server. */
  readonly env: Record<string, string>;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** What the server writes; it keeps writing there when we are killed, where a pipe would break. */
  readonly logFile: string;
  /** Run before every start, to clear away what a killed predecessor left. */
  readonly prepare: () => Promise<void>;
  readonly isReady: (child: ChildProcess) => Promise<boolean>;
  /** Asked politely first; then with force. */
  readonly stopSignals: readonly (readonly [NodeJS.Signals, number])[];
}

export interface Watch {
  /** Lines for the operator. */
  readonly say: (line: string) => void;
  /** Called when it cannot be kept running; the whole program should end. */
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
    watch.say(`${program.name} ended unexpectedly (${why}); starting it again. Its log: ${program.logFile}`);
    await sleep(Math.min(500 * 2 ** (recent - 1), 10_000), undefined, { signal });
    child = await startOnce(program, signal);
    onExit();
    watch.say(`${program.name} runs again.`);
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
  // A process group of its own: Ctrl-C in the terminal reaches only us, and we end the servers once the work is
  // drained.
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
      if (await program.isReady(child).catch(() => false)) return child;
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

/** What the program wrote since it was started, at most its last lines. */
function tail(logFile: string, from: number): string {
  const written = readFileSync(logFile).subarray(from).toString('utf8').trim().split('\n').slice(-15);
  return written[0] === '' ? '' : ` It wrote:\n  ${written.map((line) => line.slice(0, 500)).join('\n  ')}`;
}

function keepLogShort(logFile: string): void {
  if (existsSync(logFile) && statSync(logFile).size > MAX_LOG_BYTES) renameSync(logFile, `${logFile}.1`);
}
