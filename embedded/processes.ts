/** Finds, identifies and ends processes of this machine. Linux and macOS. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { IS_STARTED_BY_NPM } from '../config.ts';

export interface Running {
  readonly pid: number;
  /** The whole command line, arguments joined by spaces. Empty for a zombie. */
  readonly command: string;
  /** Working folder; null where it is unknown (another user's process, macOS). */
  readonly folder: string | null;
}

/** A process; `identity` distinguishes it from a later one with the same pid. */
export interface ProcessId {
  readonly pid: number;
  readonly identity: string;
}

/** The npm that runs this process as `npm start`, or null. */
export function parentNpm(): ProcessId | null {
  if (!IS_STARTED_BY_NPM) return null;
  const identity = processIdentity(process.ppid);
  return identity === null ? null : { pid: process.ppid, identity };
}

/** npm passes on signals, but not its own SIGKILL: without this, Calpair would go on after npm was killed. */
export function onNpmKilled(then: () => void): void {
  const npm = parentNpm();
  if (npm === null) return;
  const timer = setInterval(() => {
    if (process.ppid === npm.pid) return;
    clearInterval(timer);
    then();
  }, 500);
  timer.unref();
}

/** All processes that may be read. */
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
 * Distinguishes a process from a later one with the same pid: its start time within this boot. Null where it does not
 * run.
 */
export function processIdentity(pid: number): string | null {
  return readOrNull(() => {
    if (!existsSync('/proc/self/stat'))
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22. The name in field 2 may contain spaces and brackets, so counting begins after its last bracket.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${rest[18]}`;
  });
}

/**
 * Ends the processes that match: sends each signal in turn and waits its milliseconds, until none is left.
 * @returns how many there were
 * @throws Error when some are left
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
    `A process of an earlier start does not end (pid ${left.map(({ pid }) => pid).join(', ')}): kill it by hand`,
  );
}

function listByPs(): Running[] {
  const lines = execFileSync('ps', ['-axww', '-o', 'pid=,command='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const [, pid, command] = /^\s*(\d+)\s(.*)$/.exec(line) ?? [];
    return pid === undefined || command === undefined
      ? []
      : [{ pid: Number(pid), command: command.trimStart(), folder: null }];
  });
}

/** Processes come and go while they are read, and some may not be read. */
function readOrNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
