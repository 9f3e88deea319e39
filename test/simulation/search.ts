/** Plays schedules with a mistake put into the engine until an invariant is broken. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants.ts';

/**
 * Plain JavaScript, room for the many short-lived objects of a schedule, and no traces for errors that are only
 * answers; a replay has them.
 */
export const PLAYER_FLAGS = [
  '--import',
  new URL('./load.mjs', import.meta.url).href,
  '--max-semi-space-size=64',
  '--stack-trace-limit=0',
];

/** What a process that plays tells the one that counts. */
export interface Report {
  readonly played: number;
  readonly steps: number;
  readonly failed: { readonly seed: number; readonly invariant: string; readonly message: string } | null;
}

export interface Caught {
  /** Null: nothing was noticed. */
  readonly invariant: string | null;
  readonly message: string;
  readonly seed: number;
  /** Schedules that were played. */
  readonly played: number;
}

/** The first violation that the mistake leads to, in at most `seeds` schedules. */
export function search({ file, from, to }: Mutant, seed: number, seeds: number): Promise<Caught> {
  return new Promise((resolve, reject) => {
    const child = fork(
      fileURLToPath(new URL('./main.ts', import.meta.url)),
      ['--child', '--jobs=1', `--seed=${seed}`, `--seeds=${seeds}`],
      {
        execArgv: PLAYER_FLAGS,
        env: { ...process.env, TEST_CALPAIR_MUTANT: JSON.stringify({ file, from, to }) },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      },
    );
    let played = 0;
    let trouble = '';
    child.stderr?.on('data', (text: Buffer) => {
      trouble += text.toString();
    });
    child.on('message', (report: Report) => {
      played += report.played;
      if (!report.failed) return;
      resolve({ ...report.failed, played });
      child.kill();
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 || played > 0 ? resolve({ invariant: null, message: '', seed, played }) : reject(new Error(trouble)),
    );
  });
}
