/**
 * Edited occurrences that one side cut off its series and shows all the same, while the other side moved the series: no
 * rule has both of their names, which are made equal here. Pure.
 */
import {
  type CalendarEvent,
  type Exception,
  type OccurrenceId,
  otherSide,
  SIDES,
  type SideName,
  sameValue,
} from '../event.ts';
import { renamedOccurrences } from '../recurrence/renamed.ts';
import { occurrencesAmong, type Timing } from '../recurrence/series.ts';
import type { Based, Since } from './follow-series.ts';
import { followed } from './retime.ts';

/**
 * Both sides at the new times of their series, with the same names for what one of them cut off.
 * @param timed the sides at these times
 * @param given the sides before that
 */
export function withSameCutOff(
  timed: Record<SideName, Since>,
  given: Record<SideName, Since>,
  timing: Record<SideName, Timing>,
): Record<SideName, Since> {
  for (const side of SIDES) {
    const moving = given[side];
    const names = cutOffNames(given[otherSide(side)], moving, timing[side]);
    if (names.size === 0) continue;
    return {
      caldav: withCutOffNames(timed.caldav, given.caldav, names, moving),
      cloud: withCutOffNames(timed.cloud, given.cloud, names, moving),
    };
  }
  return timed;
}

/** Names of occurrences on the side that moved the series, with the names that the other side still shows. */
type CutOff = ReadonlyMap<OccurrenceId, OccurrenceId>;

/**
 * The occurrences in question; a service that drops what is cut off shows none.
 * @param timing when the series takes place afterwards
 */
function cutOffNames(cut: Based, moving: Based, timing: Timing): CutOff {
  const isMovedAlone = sameValue(cut.base.when, cut.now.when) && !sameValue(moving.base.when, moving.now.when);
  if (!isMovedAlone || !timing.recurrence || sameValue(cut.base.recurrence, cut.now.recurrence)) return new Map();
  const edited = Object.keys(cut.now.exceptions).filter((id) => typeof cut.now.exceptions[id] === 'object');
  const after = occurrencesAmong(cut.now, edited);
  const orphans = edited.filter((id) => !after.has(id) && moving.now.exceptions[id] === undefined);
  if (orphans.length === 0) return new Map();
  // One that was cut off before has the date of its exception on the side that names it so.
  const nameOf = renamedOccurrences(withDatesOf(moving.base, orphans), moving.now, orphans);
  const names = orphans.flatMap((id) => {
    const name = nameOf(id);
    return name === null || name === id ? [] : [[name, id] as const];
  });
  const present = occurrencesAmong(timing, names.flat());
  return new Map(names.filter(([name, id]) => !present.has(name) && !present.has(id)));
}

/** A side at its new times, with the names of `cutOffNames` for these occurrences. */
function withCutOffNames(timed: Since, given: Since, names: CutOff, moving: Based): Since {
  if (names.size === 0) return timed;
  const renamed = (event: CalendarEvent, before: CalendarEvent): CalendarEvent => {
    const exceptions: Record<OccurrenceId, Exception> = { ...event.exceptions };
    for (const [name, id] of names) {
      const exception = before === moving.now ? event.exceptions[name] : before.exceptions[id];
      delete exceptions[name];
      delete exceptions[id];
      if (exception === undefined) continue;
      exceptions[id] = before === moving.now ? exception : followed(exception, before, id, moving.now, name);
    }
    return { ...event, exceptions };
  };
  return {
    now: renamed(timed.now, given.now),
    base: renamed(timed.base, given.base),
    unwritten: renamed(timed.unwritten, given.unwritten),
  };
}

function withDatesOf({ when, recurrence }: Timing, ids: readonly OccurrenceId[]): Timing {
  if (!recurrence) return { when, recurrence };
  const present = occurrencesAmong({ when, recurrence }, ids);
  const added = ids.filter((id) => !present.has(id));
  if (added.length === 0) return { when, recurrence };
  return { when, recurrence: { ...recurrence, dates: [...recurrence.dates, ...added].sort() } };
}
