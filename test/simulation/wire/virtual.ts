/**
 * Time and randomness of a process that plays schedules over the wire: providers and fakes use `Date`, timers and
 * `node:crypto` themselves, so those are replaced, and the same seed plays the same schedule.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { type Random, randomOf } from '../../support/random.ts';

const SystemDate = Date;
const systemSetTimeout = globalThis.setTimeout;
const systemClearTimeout = globalThis.clearTimeout;

let now = (): number => SystemDate.now();
let advance: (ms: number) => void = () => {};
let random: Random = randomOf(1);
let timers = 0;
let calls = 0;

class VirtualDate extends SystemDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(now());
    else super(...(given as [number]));
  }

  static override now(): number {
    return now();
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return Object.prototype.toString.call(value) === '[object Date]';
  }
}

/** From now on the process has this clock and this randomness. */
export function useVirtual(clock: { now: number }, seed: number): void {
  now = () => clock.now;
  advance = (ms) => {
    clock.now += ms;
  };
  random = randomOf(seed);
  timers = 0;
  globalThis.Date = VirtualDate as DateConstructor;
  performance.now = () => now();
  // A wait takes no time, but the clock moves on.
  globalThis.setTimeout = ((work: (...rest: unknown[]) => void, ms = 0, ...rest: unknown[]) => {
    timers += 1;
    const timer = { isOver: false, ref: () => timer, unref: () => timer, [Symbol.dispose]: () => {} };
    setImmediate(() => {
      if (timer.isOver) return;
      timer.isOver = true;
      timers -= 1;
      advance(ms);
      work(...rest);
    });
    return timer;
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = ((timer: { isOver: boolean } | undefined) => {
    if (timer === undefined || timer.isOver) return;
    timer.isOver = true;
    timers -= 1;
  }) as unknown as typeof clearTimeout;
  const bytes = (size: number): Buffer => Buffer.from(Array.from({ length: size }, () => random.below(256)));
  const patched = crypto as unknown as Record<string, unknown>;
  patched['randomBytes'] = bytes;
  patched['randomUUID'] = () => {
    const hex = bytes(16).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  };
  syncBuiltinESMExports();
}

/** Gives the process its own clock back, for servers that are started or stopped. */
export function useSystem(): void {
  globalThis.Date = SystemDate;
  globalThis.setTimeout = systemSetTimeout;
  globalThis.clearTimeout = systemClearTimeout;
}

/** Work that waits for something outside of the process: nobody else's turn comes before it is done. */
export function outside<T>(work: Promise<T>): Promise<T> {
  calls += 1;
  return work.finally(() => {
    calls -= 1;
  });
}

/** Resolves when all work that waits for nothing is done, and what waits for something outside has got it. */
export async function workDone(): Promise<void> {
  do {
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    if (calls > 0) await realTick();
  } while (timers > 0 || calls > 0);
}

/** Real time: for work that loads a module. */
export function realTick(): Promise<void> {
  return new Promise((resolve) => systemSetTimeout(resolve, 1));
}
