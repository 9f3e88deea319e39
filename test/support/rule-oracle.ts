/**
 * Expected occurrences of recurrence rules by an independent engine, dateutil. It runs in a Python environment of its
 * own, once for all rules of a test.
 */
import { runOracle } from './oracle.ts';

export interface OracleRule {
  /** What follows `RRULE:`, as it stands in an object: UNTIL in any of its forms. */
  readonly rule: string;
  /** Wall-clock time `YYYY-MM-DDTHH:MM:SS`, midnight in UTC for an all-day series. */
  readonly start: string;
  /** IANA name. */
  readonly zone: string;
  /** Occurrences this many days or more after the start are left out. */
  readonly days: number;
  /** The start is the first occurrence in any case. */
  readonly withStart?: boolean;
  readonly allDay?: boolean;
  /** Calendar days, and then seconds. */
  readonly duration?: readonly [number, number];
}

/** The occurrences in minutes since 1970: as wall-clock times, as instants, and the instants of their ends. */
export interface ExpectedOccurrences {
  readonly walls: readonly number[];
  readonly instants: readonly number[];
  readonly ends: readonly number[];
}

/** The results in the order of the rules. */
export function expectedOccurrences(rules: readonly OracleRule[]): Promise<ExpectedOccurrences[]> {
  return runOracle('./rule-oracle.py', ['python-dateutil==2.9.0.post0', 'tzdata==2026.6'], rules);
}
