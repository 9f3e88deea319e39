/** The data folder: files that Calpair keeps beside the database, and the lock that only one Calpair holds. */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../config.ts';
import { type ProcessId, parentNpm, processIdentity } from './processes.ts';

/** The longest time that Calpair takes to end. */
const ORPHAN_ENDS_WITHIN_MS = 30_000;

interface Lock extends ProcessId {
  /** The npm that started it, if one did. */
  readonly npm: ProcessId | null;
}

/**
 * Creates the folder. For root it is open to pass through, since PostgreSQL runs as another user; the files in it are
 * not.
 * @throws ConfigError when it cannot be made
 */
export function makeDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, process.getuid?.() === 0 ? 0o711 : 0o700);
  } catch (error) {
    throw new ConfigError(
      `The data folder ${folder} cannot be used (${(error as NodeJS.ErrnoException).code}). Set CALPAIR_DATA_DIR to ` +
        'a writable folder.',
    );
  }
}

/**
 * Locks the folder for this process until `release` is called. The lock of a killed process is ignored.
 * @throws ConfigError when another Calpair runs on it
 */
export function claimDataFolder(folder: string): { release: () => void } {
  const file = join(folder, 'lock');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = openSync(file, 'wx', 0o600);
      writeSync(handle, JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid), npm: parentNpm() }));
      closeSync(handle);
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = lockHolder(folder);
      if (holder !== null) {
        throw new ConfigError(
          `Calpair already uses the data folder ${folder} (pid ${holder}). Stop it first, or set CALPAIR_DATA_DIR to ` +
            'another folder.',
        );
      }
      rmSync(file, { force: true });
    }
  }
  throw new ConfigError(`Another Calpair is starting with the data folder ${folder}.`);
}

/** The pid of the running process that holds the folder, or null. */
export function lockHolder(folder: string): number | null {
  return readLock(folder)?.pid ?? null;
}

/** Waits for a Calpair that still holds the folder and its ports after its npm was killed: it ends by itself. */
export async function waitForOrphan(folder: string, print: (line: string) => void): Promise<void> {
  const isOrphan = (): boolean => {
    const npm = readLock(folder)?.npm;
    return npm !== undefined && npm !== null && processIdentity(npm.pid) !== npm.identity;
  };
  if (!isOrphan()) return;
  print('Waiting until a Calpair ends whose npm was killed ...');
  for (const from = Date.now(); isOrphan() && Date.now() - from < ORPHAN_ENDS_WITHIN_MS; ) await sleep(100);
}

/** Null where no running process holds the folder. */
function readLock(folder: string): Lock | null {
  const file = join(folder, 'lock');
  if (!existsSync(file)) return null;
  try {
    const lock = JSON.parse(readFileSync(file, 'utf8')) as Lock;
    return Number.isInteger(lock.pid) && processIdentity(lock.pid) === lock.identity ? lock : null;
  } catch {
    return null;
  }
}
