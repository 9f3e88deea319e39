/** Fuzzes one reader: inputs that reach new code are kept and changed again. The same seed does the same work. */
import { randomOf } from '../support/random.ts';
import type { Coverage } from './coverage.ts';
import { mutate } from './mutate.ts';
import type { Target } from './targets.ts';

/** Longer inputs are the work of `test/reading`. */
const LONGEST = 3_000;
/** So many are executed before the coverage is asked for; where it is new, each of them is again. */
const GROUP = 8;
const MOST_FAILURES = 5;
/** Of an input of `LONGEST` bytes; ordinary ones take a few milliseconds. */
const SLOW_MS = 2_000;

export interface Failure {
  readonly input: string;
  readonly message: string;
}

export interface Result {
  readonly executions: number;
  /** Inputs that reached code that no earlier one had reached. */
  readonly corpus: readonly string[];
  /** Of different kinds, as far as their first lines show. */
  readonly failures: readonly Failure[];
}

/**
 * @param corpus inputs of an earlier run
 * @param goOn asked before each execution, with the number of those before
 */
export function fuzz(
  target: Target,
  corpus: readonly string[],
  coverage: Coverage,
  seed: number,
  goOn: (executions: number) => boolean,
): Result {
  const random = randomOf(seed);
  const kept: string[] = [];
  const failures = new Map<string, Failure>();
  let executions = 0;

  /** @returns whether everything held */
  const execute = (input: string): boolean => {
    executions += 1;
    const failure = failureOf(target, input);
    if (failure === null) return true;
    const kind = kindOf(failure);
    const known = failures.get(kind);
    if (!known || input.length < known.input.length) failures.set(kind, { input, message: failure });
    return false;
  };

  for (const input of [...corpus, ...target.seeds]) if (execute(input) && coverage.isNew()) kept.push(input);
  while (failures.size < MOST_FAILURES && goOn(executions)) {
    const group = Array.from({ length: GROUP }, () => {
      // What was found last is the newest way into the code.
      const from = random.chance(0.3) ? kept.slice(-20) : kept;
      return from.length === 0 ? '' : mutate(random.pick(from), random.pick(kept), target.words, random, LONGEST);
    }).filter(execute);
    if (coverage.isNew(false)) kept.push(...group.filter((input) => execute(input) && coverage.isNew()));
  }
  return { executions, corpus: kept, failures: [...failures.values()] };
}

function failureOf(target: Target, input: string): string | null {
  // The first time, code may have to be compiled and zones read.
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const started = process.cpuUsage().user;
    try {
      target.run(input);
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    if ((process.cpuUsage().user - started) / 1000 < SLOW_MS) return null;
  }
  return `it takes more than ${SLOW_MS} ms`;
}

/** Where it was thrown: the first line of the project in the stack. */
function kindOf(failure: string): string {
  const lines = failure.split('\n').filter((line) => /^\s+at .*\/(core|providers|fuzz|ical\.js)/.test(line));
  return lines.slice(0, 2).join('') || failure.slice(0, 200);
}

/** Removes pieces as long as the target still fails in the same place. */
export function shorten(target: Target, { input, message }: Failure): string {
  const failsAlike = (candidate: string): boolean => {
    try {
      target.run(candidate);
      return false;
    } catch (error) {
      return error instanceof Error && kindOf(error.stack ?? error.message) === kindOf(message);
    }
  };
  if (!failsAlike(input)) return input;
  let shortest = input;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0)
    for (let at = 0; at < shortest.length; ) {
      const candidate = shortest.slice(0, at) + shortest.slice(at + size);
      if (failsAlike(candidate)) shortest = candidate;
      else at += size;
    }
  return shortest;
}
