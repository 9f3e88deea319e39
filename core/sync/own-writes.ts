/**
 * Separates what Calpair wrote itself from what people edited: after a run that broke off a side shows values that both
 * sides have not agreed on, but that no person has made. Pure.
 */
import {
  type CalendarEvent,
  type ContentField,
  changedContent,
  EXCLUDED,
  type FieldPath,
  type OccurrenceId,
  otherSide,
  type SideName,
  sameValue,
} from '../event.ts';
import { renamedOccurrences } from '../recurrence/renamed.ts';
import type { Timing } from '../recurrence/series.ts';
import { type ChangedValue, changedValues, isSameField, withValues } from './changed-values.ts';
import { withValueAt } from './paths.ts';
import { retimed } from './retime.ts';

/** Why a copy stays away: a person took its creation back, or had all copies removed. */
export type Removal = 'undone' | 'removed';

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
  /** Calpair removed the copy there on a person's word, or may have: then its absence is no deletion, either. */
  readonly requestedRemoval: (side: SideName) => Removal | null;
  /** True when `wanted` was written there and the server stored `shown` instead. */
  readonly isNormalisedTo: (side: SideName, wanted: ChangedValue, shown: ChangedValue) => boolean;
}

/** What a side shows now, and what it showed when both sides last agreed. */
interface Shown {
  readonly now: CalendarEvent | null;
  readonly base: CalendarEvent | null;
}
type Known = { readonly [Key in keyof Shown]: CalendarEvent };

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
  /** What Calpair wrote to each side. */
  const written: Record<SideName, readonly ChangedValue[]> = { caldav: [], cloud: [] };
  for (const side of ['caldav', 'cloud'] as const) {
    const { now, base } = sides[side];
    const other = bases[otherSide(side)];
    const original = sides[otherSide(side)].now;
    if (!now || !base || !other || !original) continue;
    const changes = changedValues(base, now);
    const copied = ownChanges(side, base, changes, journal);
    written[side] = copied;
    const open = changedValues(now, original);
    const normalised = open.filter((wanted) =>
      copied.some((shown) => isSameField(wanted, shown) && journal.isNormalisedTo(side, wanted, shown)),
    );
    const takenBack = open.filter(
      (value) => journal.hasArrived(side, value) && !changes.some((change) => isSameField(change, value)),
    );
    const followed = followedFields({ now, base }, { now: original, base: other }, copied);
    const renamed = renamedEdits(side, base, changes, journal);
    const agreed = (event: CalendarEvent): CalendarEvent => {
      const result = asSeriesWas(withValues(event, now, copied), event, followed);
      const before = renamed.length > 0 ? retimed(event, now).exceptions : {};
      return renamed.reduce(
        (some, occurrence) => withValueAt(some, { occurrence, field: 'exception' }, before[occurrence] ?? null),
        result,
      );
    };
    bases[side] = withValues(agreed(bases[side] ?? base), original, takenBack);
    bases[otherSide(side)] = withValues(agreed(other), original, [...normalised, ...takenBack]);
  }
  for (const side of ['caldav', 'cloud'] as const)
    for (const path of droppedAfterCopy(side, sides[side], written, journal))
      for (const one of ['caldav', 'cloud'] as const) bases[one] = bases[one] && withValueAt(bases[one], path, null);
  return bases;
}

/**
 * Exceptions that were copied from this side since both last agreed, and that it dropped when Calpair then wrote its
 * series: they are new on the other side, and are written here again.
 */
function droppedAfterCopy(
  side: SideName,
  { now, base }: Shown,
  written: Readonly<Record<SideName, readonly ChangedValue[]>>,
  journal: Journal,
): FieldPath[] {
  if (!now || !base || !isRewritten(side, base, written[side], journal)) return [];
  const isDropped = ({ path: { occurrence, field }, value }: ChangedValue): boolean =>
    field === 'exception' && value !== undefined && occurrence !== null && now.exceptions[occurrence] === undefined;
  return written[otherSide(side)].filter(isDropped).map(({ path }) => path);
}

/**
 * Fields of exceptions that were written only because the exception follows its series, whose new value the other side
 * has not got yet: there the exception is still like its series, and no person has given it the old value.
 */
function followedFields({ now, base }: Known, other: Known, copied: readonly ChangedValue[]): FieldPath[] {
  return copied.flatMap(({ path: { occurrence, field } }) => {
    const here = now.exceptions[occurrence ?? ''];
    const there = other.now.exceptions[occurrence ?? ''];
    if (typeof here !== 'object' || typeof there !== 'object') return [];
    const fields = field === 'exception' ? changedContent(here, there) : [field as ContentField];
    return fields
      .filter((one) => one !== 'when' && sameValue(here[one], now[one]) && !sameValue(now[one], base[one]))
      .filter((one) => [other.base, other.now].some((series) => sameValue(there[one], series[one])))
      .map((one) => ({ occurrence, field: one }));
  });
}

/** These fields of exceptions have the value that the series had. */
function asSeriesWas(event: CalendarEvent, series: CalendarEvent, paths: readonly FieldPath[]): CalendarEvent {
  return paths.reduce((result, path) => {
    return withValueAt(result, path, series[path.field as ContentField]);
  }, event);
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
  const dropsExceptions = isRewritten(side, base, changes, journal);
  const renamed = new Set(renamedEdits(side, base, changes, journal));
  return changes.filter(
    (change) =>
      (journal.isOwnWrite(side, change) && !renamed.has(change.path.occurrence ?? '')) ||
      (dropsExceptions && change.path.field === 'exception' && change.value === undefined),
  );
}

/** Whether Calpair wrote the start, the rule or an exclusion of the series, or may have. */
function isRewritten(side: SideName, base: CalendarEvent, changes: readonly ChangedValue[], journal: Journal): boolean {
  return changes.some((change) => {
    const { occurrence, field } = change.path;
    if (occurrence === null) return (field === 'when' || field === 'recurrence') && journal.isOwnWrite(side, change);
    return field === 'exception' && base.exceptions[occurrence] === EXCLUDED && journal.mayHaveWritten(side, change);
  });
}

/**
 * Exceptions that a side showed under another name when Calpair gave its series the times of the other side, and that
 * are not as they were when both last agreed: only their names are Calpair's.
 */
function renamedEdits(
  side: SideName,
  base: CalendarEvent,
  changes: readonly ChangedValue[],
  journal: Journal,
): OccurrenceId[] {
  const changed = (field: 'when' | 'recurrence') =>
    changes.find(({ path }) => path.occurrence === null && path.field === field);
  const [when, recurrence] = [changed('when'), changed('recurrence')];
  if (!when || !journal.isOwnWrite(side, when)) return [];
  const to = { when: when.value, recurrence: recurrence ? recurrence.value : base.recurrence } as Timing;
  const ids = changes.flatMap(({ path: { occurrence, field }, value }) =>
    field === 'exception' && occurrence !== null && value !== undefined ? [occurrence] : [],
  );
  if (ids.length === 0 || !base.recurrence || !to.recurrence) return [];
  const nameBefore = renamedOccurrences(to, base, ids);
  const known = retimed(base, to).exceptions;
  return ids.filter((id) => {
    const path = { occurrence: nameBefore(id), field: 'exception' } as const;
    const isRenamed = path.occurrence !== null && path.occurrence !== id;
    const { value } = changes.find((change) => change.path.occurrence === id)!;
    return (
      isRenamed && journal.isOwnWrite(side, { path, attendee: null, value: undefined }) && !sameValue(value, known[id])
    );
  });
}
