/**
 * Separates what Calpair wrote itself from what people edited: after a run that broke off a side shows values that both
 * sides have not agreed on, but that no person has made. Pure.
 */
import { type CalendarEvent, EXCLUDED, otherSide, type SideName } from '../event.ts';
import { type ChangedValue, changedValues, isSameField, withValues } from './changed-values.ts';

/** What runs have written to an event since both sides last agreed, or may have written. */
export interface Journal {
  /** True for a value that was written to that side, or may have been: it is no edit of that side. */
  readonly isOwnWrite: (side: SideName, value: ChangedValue) => boolean;
  /** True when some value was written to that field, or may have been. */
  readonly mayHaveWritten: (side: SideName, field: ChangedValue) => boolean;
  /**
   * True for the last value that was written to its field, if that write is known to be done: another value there is an
   * edit, even if it is the old value.
   */
  readonly hasArrived: (side: SideName, value: ChangedValue) => boolean;
  /** True when Calpair deleted the event there, or may have: its absence is no deletion by a person. */
  readonly isOwnDeletion: (side: SideName) => boolean;
  /** True when `wanted` was written there and the server stored `shown` instead. */
  readonly isNormalisedTo: (side: SideName, wanted: ChangedValue, shown: ChangedValue) => boolean;
}

/** What a side shows now, and what it showed when both sides last agreed. */
interface Shown {
  readonly now: CalendarEvent | null;
  readonly base: CalendarEvent | null;
}

/**
 * What both sides agreed on, including what has been copied from one to the other since: a run that broke off half-way
 * has not made a person's edit of it. Where the server has normalised what it was given, each side has agreed to what
 * it shows itself.
 */
export function agreedSince(
  sides: Readonly<Record<SideName, Shown>>,
  journal: Journal,
): Record<SideName, CalendarEvent | null> {
  const bases = { caldav: sides.caldav.base, cloud: sides.cloud.base };
  for (const side of ['caldav', 'cloud'] as const) {
    const { now, base } = sides[side];
    const other = bases[otherSide(side)];
    const original = sides[otherSide(side)].now;
    if (!now || !base || !other || !original) continue;
    const changes = changedValues(base, now);
    const copied = ownChanges(side, base, changes, journal);
    const open = changedValues(now, original);
    const normalised = open.filter((wanted) =>
      copied.some((shown) => isSameField(wanted, shown) && journal.isNormalisedTo(side, wanted, shown)),
    );
    const takenBack = open.filter(
      (value) => journal.hasArrived(side, value) && !changes.some((change) => isSameField(change, value)),
    );
    bases[side] = withValues(withValues(bases[side] ?? base, now, copied), original, takenBack);
    bases[otherSide(side)] = withValues(withValues(other, now, copied), original, [...normalised, ...takenBack]);
  }
  return bases;
}

/**
 * Those of a side's changes since its base that Calpair made. A service drops the exceptions of a series when its
 * start, rule or exclusions are rewritten: where a run broke off before it had written them again, no person removed
 * them.
 */
export function ownChanges(
  side: SideName,
  base: CalendarEvent,
  changes: readonly ChangedValue[],
  journal: Journal,
): ChangedValue[] {
  const isRewritten = changes.some((change) => {
    const { occurrence, field } = change.path;
    if (occurrence === null) return (field === 'when' || field === 'recurrence') && journal.isOwnWrite(side, change);
    return field === 'exception' && base.exceptions[occurrence] === EXCLUDED && journal.mayHaveWritten(side, change);
  });
  return changes.filter(
    (change) =>
      journal.isOwnWrite(side, change) ||
      (isRewritten && change.path.field === 'exception' && change.value === undefined),
  );
}
