/**
 * Expected free/busy of whole calendars by an independent engine, recurring-ical-events. It runs in a Python
 * environment of its own, once for all calendars of a test.
 */
import { runOracle } from './oracle.ts';

export interface OracleCalendar {
  readonly text: string;
  /** First day, and the day after the last one, in UTC. */
  readonly windows: readonly (readonly [string, string])[];
  /** IANA names; each in turn is the calendar's zone. */
  readonly zones: readonly string[];
}

/** For each window, by zone: busy times, merged, in ms since the epoch. Or the engine's error. */
export type ExpectedFreeBusy = readonly Record<string, [number, number][]>[] | { readonly error: string };

/** The results in the order of the calendars. */
export function expectedFreeBusy(calendars: readonly OracleCalendar[]): Promise<ExpectedFreeBusy[]> {
  return runOracle(
    './free-busy-oracle.py',
    [
      'recurring-ical-events==3.8.2',
      'icalendar==7.3.0',
      'x-wr-timezone==2.0.1',
      'python-dateutil==2.9.0.post0',
      'tzdata==2026.6',
    ],
    calendars,
  );
}
