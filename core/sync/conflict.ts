/** The fields that both sides changed to different values, and who wins them. Pure. */
import { type CalendarEvent, type FieldPath, otherSide, type SideName } from '../event.ts';
import { valueAt } from './paths.ts';

/** A field that both sides changed to different values; the loser's value is kept for people. */
export interface FieldConflict {
  readonly path: FieldPath;
  readonly winner: SideName;
  readonly kept: unknown;
  readonly lost: unknown;
}

/** An edit of an occurrence beats its exclusion, as an edit of an event beats its deletion. */
export function winnerOf(path: FieldPath, now: Record<SideName, CalendarEvent>, winner: SideName): SideName {
  if (path.field !== 'exception' || path.occurrence === null) return winner;
  const isEdit = (side: SideName) => typeof now[side].exceptions[path.occurrence ?? ''] === 'object';
  if (isEdit('caldav') === isEdit('cloud')) return winner;
  return isEdit('caldav') ? 'caldav' : 'cloud';
}

export function conflictAt(path: FieldPath, now: Record<SideName, CalendarEvent>, winner: SideName): FieldConflict {
  return { path, winner, kept: valueAt(now[winner], path), lost: valueAt(now[otherSide(winner)], path) };
}
