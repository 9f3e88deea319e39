/** The data folder: what Calpair keeps beside the database, and the proof that only one Calpair uses it. */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../config.ts';
import { type Known, npmAbove, processIdentity } from './processes.ts';

/** As long as a Calpair may take to end. */
const ORPHAN_ENDS_WITHIN_MS = 30_000;

interface Lock extends Known {
  /** The npm that started it, if one did. */
  readonly npm: Known | null;
}

/**
 * Makes the folder. As root others may pass through it, since PostgreSQL runs as a user of its own; every file in it is
 * closed to them.
 * @throws ConfigError when it cannot be made
 */
export function makeDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, process.getuid?.() === 0 ? 0o711 : 0o700);
  } catch (error) {
    throw new ConfigError(
      `The data folder ${folder} cannot be used (${(error as NodeJS.ErrnoException).code}). Set ` +
        'CALPAIR_DATA_DIR to a folder that can be written.',
    );
  }
}

/**
 * Takes the folder for this process until `release` is called. What a killed process held is free again.
 * @throws ConfigError when another Calpair runs on it
 */
export function claimDataFolder(folder: string): { release: () => void } {
  const file = join(folder, 'lock');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = openSync(file, 'wx', 0o600);
      writeSync(handle, JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid), npm: npmAbove() }));
      closeSync(handle);
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = lockHolder(folder);
      if (holder !== null) {
        throw new ConfigError(
          `Calpair already runs on the data folder ${folder} (pid ${holder}). Stop it first, or set ` +
            'CALPAIR_DATA_DIR to another folder.',
        );
      }
      rmSync(file, { force: true });
    }
  }
  throw new ConfigError(`Another Calpair is just starting on the data folder ${folder}.`);
}

/** The pid of the running process that holds the folder, or null. */
export function lockHolder(folder: string): number | null {
  return readLock(folder)?.pid ?? null;
}

/**
 * Waits for the end of a Calpair that still holds the folder, and its ports, although the npm above it was killed: it
 * ends by itself.
 */
export async function outwaitOrphan(folder: string, say: (line: string) => void): Promise<void> {
  const isOrphan = (): boolean => {
    const npm = readLock(folder)?.npm;
    return npm !== undefined && npm !== null && processIdentity(npm.pid) !== npm.identity;
  };
  if (!isOrphan()) return;
  say('Waiting for the end of a Calpair whose npm was killed ...');
  for (const from = Date.now(); isOrphan() && Date.now() - from < ORPHAN_ENDS_WITHIN_MS; ) await sleep(100);
}

/** Null where nobody holds the folder: the process that wrote the file is gone. */
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
