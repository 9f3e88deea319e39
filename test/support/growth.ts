/** How the CPU time of a pure function grows with its input; robust where other programs share the machine. */
import assert from 'node:assert/strict';
import vm from 'node:vm';

interface Growth {
  /** The largest input that was tried, in characters. */
  readonly characters: number;
  /** CPU time of that input, and of one a quarter as long; ms. */
  readonly large: number;
  readonly small: number;
}

const FACTOR = 4;
/** Times below are noise. */
const FLOOR_MS = 8;
/** Enough to tell linear from quadratic growth. */
const ENOUGH_MS = 40;
/** More runs of a pair of inputs that seems to grow too fast. */
const REPEATS = 8;
const GIVE_UP_MS = 10_000;
/** 4 is linear, 16 is quadratic. */
const MAX_RATIO = 9;
const MAX_MS = 3_000;

/**
 * Feeds inputs of n, 4n, 16n ... units until one takes long enough to be measured, or has `most` characters. An input
 * that a budget refuses at once costs nothing, and so ends as linear growth.
 */
function growthOf(make: (n: number) => string, read: (text: string) => unknown, most = 600_000): Growth {
  let [small, large, characters] = [0, 0, 0];
  for (let n = 8; ; n *= FACTOR) {
    if (n > most) break;
    const text = make(n);
    if (text.length > most) break;
    small = large;
    characters = text.length;
    large = leastCpu(() => read(text));
    if (large > ENOUGH_MS) {
      // The smaller one may have been measured before the code was compiled.
      const less = make(n / FACTOR);
      small = leastCpu(() => read(less));
      // Garbage collection and compilation count, too, but not in each run. What really grows too fast stays so.
      for (let again = 0; again < REPEATS && large < GIVE_UP_MS && isTooFast(small, large); again += 1) {
        large = Math.min(
          large,
          cpuOf(() => read(text)),
        );
        small = Math.min(
          small,
          cpuOf(() => read(less)),
        );
      }
      break;
    }
  }
  return { characters, small, large };
}

function isTooFast(small: number, large: number): boolean {
  return large >= ENOUGH_MS && large / Math.max(small, FLOOR_MS) >= MAX_RATIO;
}

/** CPU time of the quickest of three runs; ms. */
function leastCpu(work: () => unknown): number {
  let least = Infinity;
  for (let run = 0; run < 3 && !(run > 0 && least < FLOOR_MS / 4); run += 1) least = Math.min(least, cpuOf(work));
  return least;
}

/** Synchronous code cannot be stopped from outside, but a script can: regular expressions, too. */
function cpuOf(work: () => unknown): number {
  (globalThis as { growthWork?: () => unknown }).growthWork = work;
  const before = process.cpuUsage();
  try {
    STEP.runInThisContext({ timeout: GIVE_UP_MS });
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return GIVE_UP_MS;
    throw error;
  }
  const { user } = process.cpuUsage(before);
  return user / 1000;
}

const STEP = new vm.Script('growthWork()');

/** Fails where four times the input takes much more than four times as long, or any input takes very long. */
export function isNearlyLinear(
  name: string,
  make: (n: number) => string,
  read: (text: string) => unknown,
  most?: number,
): void {
  const { large, small, characters } = growthOf(make, read, most);
  const times = `${Math.round(small)} ms, then ${Math.round(large)} ms for ${characters} characters`;
  assert.ok(!isTooFast(small, large) && large < MAX_MS, `${name}: ${times}`);
}
