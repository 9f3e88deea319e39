/** Plays schedules with a mutation of the engine until an invariant is violated. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants.ts';

/** For speed: plain JavaScript, memory for many short-lived objects, and no stack traces (a replay has them). */
export const PLAYER_FLAGS = [
  '--import',
  new URL('./load.mjs', import.meta.url).href,
  '--max-semi-space-size=64',
  '--stack-trace-limit=0',
];

/** The message of a playing process to the main process. */
export interface Report {
  readonly played: number;
  readonly steps: number;
  /** Requests that were sent, and events that a listed problem took out of the comparison (over the wire). */
  readonly requests: number;
  readonly explained: number;
  readonly failed: { readonly seed: number; readonly invariant: string; readonly message: string } | null;
}

export interface SearchResult {
  /** Null: no violation was found. */
  readonly invariant: string | null;
  readonly message: string;
  readonly seed: number;
  /** The number of schedules that were played. */
  readonly played: number;
}

/**
 * The first violation that the mutation causes, in at most `seeds` schedules.
 * @param game options of `main.ts` that say which simulation is played
 */
export function search(
  { file, from, to }: Pick<Mutant, 'file' | 'from' | 'to'>,
  seed: number,
  seeds: number,
  game: readonly string[] = [],
): Promise<SearchResult> {
  return new Promise((resolve, reject) => {
    const child = fork(
      fileURLToPath(new URL('./main.ts', import.meta.url)),
      ['--child', '--jobs=1', `--seed=${seed}`, `--seeds=${seeds}`, ...game],
      {
        execArgv: PLAYER_FLAGS,
        env: { ...process.env, TEST_CALPAIR_MUTANT: JSON.stringify({ file, from, to }) },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      },
    );
    let played = 0;
    let errors = '';
    child.stderr?.on('data', (text: Buffer) => {
      errors += text.toString();
    });
    child.on('message', (report: Report) => {
      played += report.played;
      if (!report.failed) return;
      resolve({ ...report.failed, played });
      child.kill();
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 || played > 0 ? resolve({ invariant: null, message: '', seed, played }) : reject(new Error(errors)),
    );
  });
}
