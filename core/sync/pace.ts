/**
 * How many writes, or reads by name, a side gets at once: more as long as that makes the whole faster, fewer where the
 * server says so.
 * Servers differ: Radicale writes one event at a time, across a network eight at once are five times as fast as one.
 * Pure; times are milliseconds.
 */
export interface Pace {
  /** Writes under way at once, now. */
  readonly atOnce: number;
  /** Never more than this. */
  readonly most: number;
  readonly state: 'growing' | 'trying-fewer' | 'settled';
  /** What the next lower number came to, in writes per second; null before it was measured. */
  readonly before: { readonly atOnce: number; readonly rate: number } | null;
  /** The writes that are being measured. */
  readonly since: number;
  readonly done: number;
  /** Refusals that may still come of writes that began before the last one. */
  readonly expected: number;
  /** So many writes are made before more at once are tried again. */
  readonly rest: number;
}

const START = 2;
/** Writes of a measurement, for each that is under way, and at least. */
const PER_LANE = 2;
const AT_LEAST = 8;
/** `Pace.rest` at first; each refusal makes it so many times longer. */
const REST = 200;
const LONGER = 4;
/** Twice as many at once have to be so much faster; one alone may be so much slower. */
const GAIN = 1.2;
const LOSS = 0.9;

/**
 * @param most the side's own limit, at least 1
 * @param first how many at first
 */
export function startPace(most: number, now: number, first = START): Pace {
  return {
    atOnce: Math.min(first, most),
    most,
    state: 'growing',
    before: null,
    since: now,
    done: 0,
    expected: 0,
    rest: REST,
  };
}

/** Writes begin after a pause, which is not to be measured. */
export function resumePace(pace: Pace, now: number): Pace {
  return { ...pace, since: now, done: 0 };
}

/** A write was accepted. */
export function afterWrite(pace: Pace, now: number): Pace {
  const { atOnce, most, state, before } = pace;
  const done = pace.done + 1;
  const elapsed = now - pace.since;
  const isMeasured = done >= (state === 'settled' ? pace.rest : Math.max(AT_LEAST, PER_LANE * atOnce));
  if (!isMeasured || elapsed <= 0) return { ...pace, done };
  const rate = (done * 1000) / elapsed;
  const next = { ...pace, since: now, done: 0 };
  if (state === 'trying-fewer')
    return { ...next, state: 'settled', atOnce: before && rate < before.rate * LOSS ? before.atOnce : atOnce };
  const isFaster = state === 'settled' || before === null || rate >= before.rate * GAIN;
  if (isFaster && atOnce < most)
    return { ...next, state: 'growing', before: { atOnce, rate }, atOnce: Math.min(2 * atOnce, most) };
  if (isFaster || before === null) return { ...next, state: 'settled' };
  return before.atOnce === START
    ? { ...next, state: 'trying-fewer', atOnce: 1 }
    : { ...next, state: 'settled', atOnce: before.atOnce };
}

/** The server asked for less: 429, 503, or the calendar was locked. */
export function afterRefusal(pace: Pace, now: number): Pace {
  if (pace.expected > 0) return { ...pace, expected: pace.expected - 1 };
  const atOnce = Math.max(1, Math.floor(pace.atOnce / 2));
  const rest = pace.rest * LONGER;
  return { ...pace, atOnce, state: 'settled', since: now, done: 0, expected: pace.atOnce - 1, rest };
}
