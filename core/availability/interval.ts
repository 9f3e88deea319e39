/** Time spans between instants: merging, clipping and subtracting lists of them. */

/** From `start` (inclusive) to `end` (exclusive), as RFC 3339 instants in UTC. Not empty, unless noted. */
export interface Interval {
  readonly start: string;
  readonly end: string;
}

/** The same in milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** @throws RangeError for an invalid instant */
export function spanOf({ start, end }: Interval): Span {
  const span = { from: Date.parse(start), to: Date.parse(end) };
  if (Number.isNaN(span.from) || Number.isNaN(span.to)) throw new RangeError('not an instant');
  return span;
}

/** Instants as the API returns them, with milliseconds. @throws RangeError */
export function intervalOf({ from, to }: Span): Interval {
  return { start: new Date(from).toISOString(), end: new Date(to).toISOString() };
}

/** Sorts the spans, drops empty ones, and joins those that overlap or touch. */
export function mergeSpans(spans: Iterable<Span>): Span[] {
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of [...spans].filter((span) => span.from < span.to).sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}

/** The parts of the spans that lie within the range. */
export function clipSpans(spans: Iterable<Span>, range: Span): Span[] {
  return [...spans]
    .map(({ from, to }) => ({ from: Math.max(from, range.from), to: Math.min(to, range.to) }))
    .filter(({ from, to }) => from < to);
}

/** The parts of `spans` that are not in `taken`; sorted and merged. */
export function subtractSpans(spans: Iterable<Span>, taken: Iterable<Span>): Span[] {
  const holes = mergeSpans(taken);
  const left: Span[] = [];
  let next = 0;
  for (const { from, to } of mergeSpans(spans)) {
    let at = from;
    while (next < holes.length && holes[next]!.to <= from) next += 1;
    for (let index = next; index < holes.length && holes[index]!.from < to; index += 1) {
      if (holes[index]!.from > at) left.push({ from: at, to: holes[index]!.from });
      at = Math.max(at, holes[index]!.to);
    }
    if (at < to) left.push({ from: at, to });
  }
  return left;
}

/** Sorts the intervals, drops empty ones, and joins those that overlap or touch. */
export function merge(intervals: readonly Interval[]): Interval[] {
  return mergeSpans(intervals.map(spanOf)).map(intervalOf);
}

/** The parts of the intervals that lie within the range; merged. */
export function clip(intervals: readonly Interval[], range: Interval): Interval[] {
  return mergeSpans(clipSpans(intervals.map(spanOf), spanOf(range))).map(intervalOf);
}

/** The parts of `intervals` that are not in `taken`; merged. */
export function subtract(intervals: readonly Interval[], taken: readonly Interval[]): Interval[] {
  return subtractSpans(intervals.map(spanOf), taken.map(spanOf)).map(intervalOf);
}

/** Whether two intervals have time in common; intervals that only touch do not. */
export function overlaps(a: Interval, b: Interval): boolean {
  const [one, other] = [spanOf(a), spanOf(b)];
  return one.from < other.to && other.from < one.to;
}
