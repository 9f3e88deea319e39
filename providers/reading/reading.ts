/**
 * Long texts of other people are read outside the thread that serves the API, the health checks and all pairs. Short
 * ones are read in place: the budgets of the readers bound them, and a thread would cost more than it saves.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createPool, type Pool, TookTooLong } from './pool.ts';

/** A thread was ended, because a text took too long. Without content of the text. */
export interface KilledThread {
  readonly task: string;
  /** In characters or bytes. */
  readonly size: number;
  readonly attempt: number;
  readonly limitMs: number;
}

/** How much time of a processor a text took; ms. */
export interface Took {
  readonly all: number;
  /** Other work gets its turn between the steps. */
  readonly longestStep: number;
}

/** For the log: called for each thread that was ended. */
export function onKilledThread(report: (what: KilledThread) => void): void {
  reportKilled = report;
}

/** Whether the body of an answer is too long to be read in place. */
export function isLong(answer: Uint8Array): boolean {
  return answer.length > LONG_ANSWER;
}

/** Whether an object, or what is to be written into one, is too long to be read or written in place; in characters. */
export function isLongObject(length: number): boolean {
  return length > LONG_OBJECT;
}

/**
 * The result of a task for a long text.
 * @param owner whose text it is: the texts of one calendar wait for each other, and for no other's
 * @param size of the input, for the log
 * @throws TookTooLong
 */
export function readApart(
  task: 'multistatus' | 'times' | 'compose',
  input: object,
  owner: string,
  size: number,
): Promise<unknown> {
  return threads().run(task, input, owner, size);
}

/**
 * Whether a text may be read in this thread, now and whenever it is stored. A short one may; a long one is tried in
 * another thread first.
 */
export async function mayRead(
  task: 'object',
  input: { readonly text: string; readonly floatingZone: string },
  owner: string,
): Promise<boolean> {
  if (!isLongObject(input.text.length)) return true;
  try {
    // Where other programs share the processor, the same work takes more of its time.
    for (let tries = 0; tries < TRIES; tries += 1) {
      const { all, longestStep } = (await threads().run(task, input, owner, input.text.length)) as Took;
      if (all <= MAX_CPU_MS && longestStep <= MAX_STEP_MS) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof TookTooLong) return false;
    throw error;
  }
}

/** Lets other work of the process go on between texts, where it has been waiting. */
export async function giveTurn(): Promise<void> {
  if (performance.now() - turnAt < TURN_MS) return;
  await nextTurn();
  turnAt = performance.now();
}

/** In bytes, and in characters: reading them takes some 30 ms. */
const LONG_ANSWER = 500_000;
const LONG_OBJECT = 32_000;
/** Of a processor, for everything that may be done with an object. */
const MAX_CPU_MS = 1_000;
const TRIES = 3;
/** Of it, in one go: all other requests wait meanwhile. Processors of other machines are slower, or shared. */
const MAX_STEP_MS = 400;
/** Twice with the patience that ordinary texts need, and once more: a loaded machine must not make a problem. */
const LIMITS_MS = [3_000, 3_000, 12_000];
const THREADS = 2;
/** More than any answer of 20 MB needs. */
const MEMORY_MB = 512;
const IDLE_MS = 30_000;
const TURN_MS = 20;

let pool: Pool | undefined;
let reportKilled: ((what: KilledThread) => void) | undefined;
let turnAt = 0;

function threads(): Pool {
  pool ??= createPool({
    tasks: new URL('./tasks.ts', import.meta.url),
    threads: THREADS,
    limitsMs: LIMITS_MS,
    memoryMb: MEMORY_MB,
    idleMs: IDLE_MS,
    onKilled: (what) => reportKilled?.(what),
  });
  return pool;
}
