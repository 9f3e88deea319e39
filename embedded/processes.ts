/** Looking at the processes of this machine: which one is ours, does it still run, make it end. Linux and macOS. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { IS_STARTED_BY_NPM } from '../config.ts';

export interface Running {
  readonly pid: number;
  /**
   * The whole command line, arguments joined by spaces. Empty for a process that has ended but was not collected yet.
   */
  readonly command: string;
  /** Null where it cannot be told (another user's process, macOS). */
  readonly folder: string | null;
}

/** A process, told from a later one with the same number. */
export interface Known {
  readonly pid: number;
  readonly identity: string;
}

/** The npm that runs this process as `npm start`, or null. */
export function npmAbove(): Known | null {
  if (!IS_STARTED_BY_NPM) return null;
  const identity = processIdentity(process.ppid);
  return identity === null ? null : { pid: process.ppid, identity };
}

/**
 * npm passes signals on, but cannot pass on its own SIGKILL: whoever killed it would be left with a process that nobody
 * knows of.
 */
export function whenNpmIsKilled(then: () => void): void {
  const npm = npmAbove();
  if (npm === null) return;
  const watch = setInterval(() => {
    if (process.ppid === npm.pid) return;
    clearInterval(watch);
    then();
  }, 500);
  watch.unref();
}

/** Everything that runs and may be looked at. */
export function listProcesses(): Running[] {
  if (!existsSync('/proc/self/cmdline')) return listByPs();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const command = readOrNull(() => readFileSync(`/proc/${name}/cmdline`, 'utf8'));
      if (command === null) return [];
      const folder = readOrNull(() => readlinkSync(`/proc/${name}/cwd`));
      return [{ pid: Number(name), command: command.replaceAll('\0', ' ').trim(), folder }];
    });
}

/**
 * What tells a process from a later one with the same number: its start, by the kernel's clock of this boot.
 * Null where no such process runs.
 */
export function processIdentity(pid: number): string | null {
  return readOrNull(() => {
    if (!existsSync('/proc/self/stat'))
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the name in field 2 may hold spaces and brackets, so the count begins after its last bracket.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${rest[18]}`;
  });
}

/**
 * Ends the processes that match: each signal in turn, with the time it is given in milliseconds, until none is left.
 * Says how many there were.
 * @throws Error when some are left in the end
 */
export async function endProcesses(
  matches: (running: Running) => boolean,
  signals: readonly (readonly [NodeJS.Signals, number])[],
): Promise<number> {
  const first = listProcesses().filter((running) => running.pid !== process.pid && matches(running));
  let left = first;
  for (const [signal, milliseconds] of signals) {
    for (const { pid } of left) readOrNull(() => process.kill(pid, signal));
    for (let waited = 0; waited < milliseconds && left.length > 0; waited += 50) {
      await sleep(50);
      left = listProcesses().filter((running) => running.pid !== process.pid && matches(running));
    }
    if (left.length === 0) return first.length;
  }
  throw new Error(
    `A process of an earlier start does not end (pid ${left.map(({ pid }) => pid).join(', ')}): end it by hand`,
  );
}

function listByPs(): Running[] {
  const lines = execFileSync('ps', ['-axww', '-o', 'pid=,command='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const [, pid, command] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined || command === undefined ? [] : [{ pid: Number(pid), command, folder: null }];
  });
}

/** Processes come and go while they are looked at, and some may not be looked at. */
function readOrNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
