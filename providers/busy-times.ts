/** The busy times of several calendars as one list. */
import { clipSpans, type Interval, intervalOf, mergeSpans, type Span, spanOf } from '../core/availability/interval.ts';
import { inParallel } from './concurrency.ts';

/** @param read gives the busy times of one calendar; they may reach beyond the range */
export async function busyTimesOf<Calendar>(
  calendars: readonly Calendar[],
  range: Interval,
  read: (calendar: Calendar, range: Span) => Promise<readonly Span[]>,
): Promise<Interval[]> {
  const whole = spanOf(range);
  const found: (readonly Span[])[] = [];
  await inParallel(calendars, async (calendar) => void found.push(await read(calendar, whole)));
  return busyTimes(found.flat(), whole);
}

/** Merged, sorted, within the range. */
export function busyTimes(spans: readonly Span[], range: Span): Interval[] {
  return mergeSpans(clipSpans(spans, range)).map(intervalOf);
}
