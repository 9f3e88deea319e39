/**
 * Three-way merge of one event, field by field.
 *
 * Each side has its own base: what that side itself showed when both sides last agreed. So a change of a side is the
 * difference between what it shows now and what *it* showed then, and a server's own rewriting is never taken for an
 * edit of the other side's text.
 *
 * Example: base on both `{title: A, location: X}`; CalDAV now shows title B, the cloud now shows location Y. The title
 * goes to the cloud, the location to CalDAV, nothing else is written. Had both changed the title, the side modified
 * last would win it and the other value be kept as a conflict.
 */
import {
  type CalendarEvent,
  changedContent,
  changedPaths,
  type FieldPath,
  type OccurrenceId,
  otherSide,
  SIDES,
  type SideName,
  sameValue,
} from '../event.ts';
import {
  hasMatchingTypes,
  isValidSeries,
  occurrenceContent,
  type Timing,
  withDatesOfExceptions,
} from '../recurrence/series.ts';
import { conflictAt, type FieldConflict, winnerOf } from './conflict.ts';
import { withSameCutOff } from './cut-off.ts';
import {
  atNewTimes,
  type Based,
  copyBetweenSeries,
  followingSeries,
  lostOccurrences,
  type Since,
  sinceUnwritten,
  withLeftBehind,
} from './follow-series.ts';
import { type Merged, mergeFirst } from './initial-merge.ts';
import { withOrphanDates, withoutOrphanDates } from './orphan-dates.ts';
import { attendeeChanges, attendeesAt, copyPaths, pathKey, valueAt, withAttendees } from './paths.ts';
import { retimed, withoutDatesLeft } from './retime.ts';

/** What one side shows now, and showed when both sides last agreed (null: they never have). */
interface MergeSide {
  readonly now: CalendarEvent;
  readonly base: CalendarEvent | null;
  /** The base without what has been written to the side since; absent: nothing has. */
  readonly unwritten?: CalendarEvent;
}

export interface MergeInput {
  readonly caldav: MergeSide;
  readonly cloud: MergeSide;
  /** The side that wins a field which both changed to different values. */
  readonly winner: SideName;
}

/** When a side was modified, in ms since the epoch. */
export interface Modified {
  /** What the side itself says; null where it does not. */
  readonly modifiedAt: number | null;
  /** When the change was first seen here. */
  readonly seenAt: number;
}

/** Who wins a conflict: the side modified last, or CalDAV where the times are equal or unknown on both. */
export function lastModifiedSide(caldav: Modified, cloud: Modified): SideName {
  if (caldav.modifiedAt === null && cloud.modifiedAt === null) return 'caldav';
  return (cloud.modifiedAt ?? cloud.seenAt) > (caldav.modifiedAt ?? caldav.seenAt) ? 'cloud' : 'caldav';
}

/** Merges what both sides changed. Where there is no base on both sides, nothing is removed: see initial-merge.ts. */
export function merge(input: MergeInput): Merged {
  const { winner } = input;
  const [ofCaldav, ofCloud] = [basedSide(input.caldav), basedSide(input.cloud)];
  if (!ofCaldav || !ofCloud) return mergeFirst(input.caldav.now, input.cloud.now, winner);
  const plain = { caldav: withoutDatesOf(ofCaldav, ofCloud), cloud: withoutDatesOf(ofCloud, ofCaldav) };
  const given: Record<SideName, Since> = {
    caldav: { ...plain.caldav, now: withoutDatesLeft(plain.caldav.now, plain.caldav.base) },
    cloud: { ...plain.cloud, now: withoutDatesLeft(plain.cloud.now, plain.cloud.base) },
  };
  const { conflicts, ...timing } = mergeTiming(given, winner);
  // From here on both sides speak of the series at its new times.
  const movedSide = (side: SideName) => sinceUnwritten(given[side], given[side].unwritten, timing[side]);
  const moved = withSameCutOff({ caldav: movedSide('caldav'), cloud: movedSide('cloud') }, given, timing);
  const { caldav, cloud } = nameExceptionsAlike(moved.caldav, moved.cloud);
  const changed = {
    caldav: indexPaths(changedPaths(caldav.base, caldav.now)),
    cloud: indexPaths(changedPaths(cloud.base, cloud.now)),
  };
  const now = { caldav: caldav.now, cloud: cloud.now };
  for (const side of ['caldav', 'cloud'] as const)
    for (const occurrence of lostOccurrences(given[side], timing[side])) {
      const lost = given[side].now.exceptions[occurrence];
      conflicts.push({ path: { occurrence, field: 'exception' }, winner: otherSide(side), kept: undefined, lost });
    }
  /** Paths to copy, by the side that they are copied to. */
  const copy: Record<SideName, FieldPath[]> = { caldav: [], cloud: [] };
  for (const [key, path] of new Map([...changed.caldav, ...changed.cloud])) {
    const both = changed.caldav.has(key) && changed.cloud.has(key);
    if (!both) {
      copy[changed.caldav.has(key) ? 'cloud' : 'caldav'].push(path);
    } else if (path.field === 'attendees') {
      continue;
    } else if (!sameValue(valueAt(now.caldav, path), valueAt(now.cloud, path))) {
      const wins = winnerOf(path, now, winner);
      conflicts.push(conflictAt(path, now, wins));
      copy[otherSide(wins)].push(path);
    }
  }
  const result = {
    caldav: withNewExceptions(copyBetweenSeries(now.caldav, now.cloud, copy.caldav), null, cloud),
    cloud: withNewExceptions(copyBetweenSeries(now.cloud, now.caldav, copy.cloud), null, caldav),
  };
  const merged = mergeAttendees({ caldav, cloud, winner }, result, changed, conflicts);
  for (const side of ['caldav', 'cloud'] as const)
    if (given[side].now.recurrence) conflicts.push(...lostWithSeries(side, now[side], merged[side], changed[side]));
  const next = (side: SideName): CalendarEvent => {
    const followed = followingSeries(merged[side], [moved[side], moved[otherSide(side)]]);
    return withOrphanDates(withDatesOfOrphans(followed, given), input[side].now, plain[side].now);
  };
  return { caldav: next('caldav'), cloud: next('cloud'), conflicts };
}

/** Null before both sides have agreed. */
function basedSide({ now, base, unwritten }: MergeSide): Since | null {
  return base && { now, base, unwritten: unwritten ?? base };
}

function withoutDatesOf({ now, base, unwritten }: Since, other: Since): Since {
  const bare = (event: CalendarEvent): CalendarEvent => withoutOrphanDates(event, [other.now, other.base]);
  return { now: bare(now), base: bare(base), unwritten: bare(unwritten) };
}

/**
 * One side's new rule does not have an occurrence that the other side changed: it becomes a date of its own at once,
 * because some services drop the exception together with its occurrence.
 */
function withDatesOfOrphans(merged: CalendarEvent, given: Record<SideName, Based>): CalendarEvent {
  const dated = withDatesOfExceptions(merged);
  const isShownAsItIs = ({ now }: Based): boolean => withDatesOfExceptions(now) !== now;
  return dated === merged || isShownAsItIs(given.caldav) || isShownAsItIs(given.cloud) ? merged : dated;
}

/** When the series takes place on each side afterwards. */
function mergeTiming(
  { caldav, cloud }: Record<SideName, Based>,
  winner: SideName,
): Record<SideName, Timing> & { readonly conflicts: FieldConflict[] } {
  const now = { caldav: caldav.now, cloud: cloud.now };
  const base = { caldav: caldav.base, cloud: cloud.base };
  const conflicts: FieldConflict[] = [];
  const copy: Record<SideName, FieldPath[]> = { caldav: [], cloud: [] };
  for (const field of ['when', 'recurrence'] as const) {
    const path = { occurrence: null, field };
    const changed = (['caldav', 'cloud'] as const).filter((side) => !sameValue(base[side][field], now[side][field]));
    const [only] = changed;
    if (changed.length === 1 && only) copy[otherSide(only)].push(path);
    if (changed.length < 2 || sameValue(now.caldav[field], now.cloud[field])) continue;
    conflicts.push(conflictAt(path, now, winner));
    copy[otherSide(winner)].push(path);
  }
  decideTimingTogether(now, base, winner, copy, conflicts);
  const timingOf = (side: SideName): Timing => copyPaths(now[side], now[otherSide(side)], copy[side]);
  return { caldav: timingOf('caldav'), cloud: timingOf('cloud'), conflicts };
}

/** The exceptions that a side edited while the other one made a single event of the series. */
function lostWithSeries(
  side: SideName,
  now: CalendarEvent,
  merged: CalendarEvent,
  changed: Map<string, FieldPath>,
): FieldConflict[] {
  if (merged.recurrence) return [];
  return [...changed.values()]
    .filter((path) => path.occurrence !== null && typeof now.exceptions[path.occurrence] === 'object')
    .map((path) => ({ path, winner: otherSide(side), kept: undefined, lost: valueAt(now, path) }));
}

/**
 * What the target shows, with the changes that the other side made since its base, and nothing else: what a one-way
 * pair writes. An exception that only the target has follows its series; of a new one at the source only what makes it
 * an exception is written.
 */
export function applyChanges(shown: CalendarEvent, base: CalendarEvent, now: CalendarEvent): CalendarEvent {
  const target = withoutOrphanDates(shown, [base, now]);
  const isTiming = ({ occurrence, field }: FieldPath) =>
    occurrence === null && (field === 'when' || field === 'recurrence');
  const changed = copyPaths(target, now, changedPaths(base, now).filter(isTiming));
  // The source decides: a rule that the target changed itself does not fit every new start.
  const timing: Timing = hasMatchingTypes(changed) ? changed : now;
  const moved = retimed(target, timing);
  const source = atNewTimes({ now, base }, timing);
  const paths = changedPaths(source.base, source.now);
  const isOfTarget = (id: OccurrenceId) => source.now.exceptions[id] === undefined;
  const copied = withNewExceptions(copyPaths(moved, source.now, paths), moved, source);
  const next = followingSeries(copied, [{ base: moved, now: moved, unwritten: moved }], isOfTarget);
  return withOrphanDates(withLeftBehind(next, source), shown, target);
}

/**
 * Where the source has made an exception, the fields in which it differs from the source's series are written, and the
 * others are those of the target: its server may spell them otherwise, its alarms may be its own, and in a one-way pair
 * it may be another event that was matched, or show less.
 * @param before what the target shows, where its own exceptions stay
 */
function withNewExceptions(next: CalendarEvent, before: CalendarEvent | null, source: Based): CalendarEvent {
  const exceptions = Object.entries(next.exceptions).map(([id, exception]) => {
    const isNew = typeof source.base.exceptions[id] !== 'object' && typeof source.now.exceptions[id] === 'object';
    if (typeof exception !== 'object' || !isNew) return [id, exception] as const;
    const own = before?.exceptions[id];
    const usual = typeof own === 'object' ? own : occurrenceContent(next, id);
    const fields = changedContent(occurrenceContent(source.now, id), exception);
    return [id, { ...usual, ...Object.fromEntries(fields.map((field) => [field, exception[field]])) }] as const;
  });
  return { ...next, exceptions: Object.fromEntries(exceptions) };
}

/** Attendees that both sides changed are merged person by person. */
function mergeAttendees(
  input: MergeInput,
  result: Record<SideName, CalendarEvent>,
  changed: Record<SideName, Map<string, FieldPath>>,
  conflicts: FieldConflict[],
): Record<SideName, CalendarEvent> {
  const both = [...changed.caldav].filter(([key, path]) => path.field === 'attendees' && changed.cloud.has(key));
  for (const [, path] of both) {
    const { occurrence } = path;
    const at = (event: CalendarEvent | null) => attendeesAt(event, occurrence);
    const sides = {
      caldav: attendeeChanges(at(input.caldav.base), at(input.caldav.now)),
      cloud: attendeeChanges(at(input.cloud.base), at(input.cloud.now)),
    };
    const loser = sides[otherSide(input.winner)];
    for (const [address, kept] of sides[input.winner]) {
      const lost = loser.get(address);
      if (lost !== undefined && !sameValue(kept, lost)) conflicts.push({ path, winner: input.winner, kept, lost });
    }
    for (const side of ['caldav', 'cloud'] as const) {
      const other = otherSide(side);
      const people = new Map(at(input[side].now).map((attendee) => [attendee.address, attendee]));
      for (const [address, attendee] of sides[other]) {
        if (sides[side].has(address) && input.winner === side) continue;
        if (attendee) people.set(address, attendee);
        else people.delete(address);
      }
      result[side] = withAttendees(result[side], occurrence, [...people.values()]);
    }
  }
  return result;
}

/**
 * `when` and `recurrence` changed on different sides (or in conflict) are combined only if the result is a valid
 * series; otherwise the winner decides both as one field.
 */
function decideTimingTogether(
  now: Record<SideName, CalendarEvent>,
  base: Record<SideName, CalendarEvent>,
  winner: SideName,
  copy: Record<SideName, FieldPath[]>,
  conflicts: FieldConflict[],
): void {
  const timing = (path: FieldPath) =>
    path.occurrence === null && (path.field === 'when' || path.field === 'recurrence');
  const combined = copyPaths(now.cloud, now.caldav, copy.cloud.filter(timing));
  const isMixed = copy.caldav.some(timing) && copy.cloud.some(timing);
  if (!isMixed || isValidSeries(combined) || !isValidSeries(now[winner])) return;
  const loser = otherSide(winner);
  copy[winner] = copy[winner].filter((path) => !timing(path));
  for (const field of ['when', 'recurrence'] as const) {
    const path = { occurrence: null, field };
    if (!copy[loser].some((other) => timing(other) && other.field === field)) copy[loser].push(path);
    const lostEdit =
      !sameValue(base[loser][field], now[loser][field]) && !sameValue(now[winner][field], now[loser][field]);
    const isKnown = conflicts.some((conflict) => timing(conflict.path) && conflict.path.field === field);
    if (lostEdit && !isKnown) conflicts.push(conflictAt(path, now, winner));
  }
}

/**
 * Makes both sides speak of one occurrence in the same words. Where both gave it content of its own since the base, the
 * base gets the ordinary occurrence, so that the two are merged field by field; where one removed or excluded it, the
 * other's base loses it, so that the occurrence is decided as a whole. An exception that only followed its series was
 * not changed.
 */
function nameExceptionsAlike(caldav: Based, cloud: Based): Record<SideName, Based> {
  const bases = { caldav: { ...caldav.base.exceptions }, cloud: { ...cloud.base.exceptions } };
  const sides = { caldav, cloud };
  for (const id of new Set([
    ...Object.keys(bases.caldav),
    ...Object.keys(bases.cloud),
    ...Object.keys(caldav.now.exceptions),
    ...Object.keys(cloud.now.exceptions),
  ])) {
    const hasChanged = (side: SideName) => !sameValue(sides[side].base.exceptions[id], sides[side].now.exceptions[id]);
    if (!hasChanged('caldav') || !hasChanged('cloud')) continue;
    const haveContent = typeof caldav.now.exceptions[id] === 'object' && typeof cloud.now.exceptions[id] === 'object';
    const follower = haveContent ? undefined : SIDES.find((side) => onlyFollowed(sides[side], id));
    if (follower) {
      bases[follower][id] = sides[follower].now.exceptions[id]!;
      continue;
    }
    for (const side of ['caldav', 'cloud'] as const) {
      if (haveContent && typeof bases[side][id] !== 'object') bases[side][id] = occurrenceContent(sides[side].base, id);
      if (!haveContent) delete bases[side][id];
    }
  }
  return {
    caldav: { now: caldav.now, base: { ...caldav.base, exceptions: bases.caldav } },
    cloud: { now: cloud.now, base: { ...cloud.base, exceptions: bases.cloud } },
  };
}

/** All that changed about an exception is what its series changed, too, and had in common with it before. */
function onlyFollowed({ now, base }: Based, id: OccurrenceId): boolean {
  const [is, was] = [now.exceptions[id], base.exceptions[id]];
  if (typeof is !== 'object' || typeof was !== 'object') return false;
  return changedContent(was, is).every(
    (field) => field !== 'when' && sameValue(was[field], base[field]) && sameValue(is[field], now[field]),
  );
}

function indexPaths(paths: readonly FieldPath[]): Map<string, FieldPath> {
  return new Map(paths.map((path) => [pathKey(path), path]));
}
