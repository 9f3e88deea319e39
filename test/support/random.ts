/** Seeded randomness: print the seed, and the same test can be run again. */
export interface Random {
  /** From 0 to below 1. */
  next(): number;
  below(count: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

export function randomOf(seed: number): Random {
  const bits = mulberry32(seed);
  const next = (): number => bits() / 4_294_967_296;
  const below = (count: number): number => Math.floor(next() * count);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
  };
}

/** A whole number from 0 to below `below` at each call. */
export function randomFrom(seed: number): (below: number) => number {
  const bits = mulberry32(seed);
  return (below) => bits() % below;
}

/** 32 random bits at each call. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
