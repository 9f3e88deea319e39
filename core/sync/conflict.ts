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

/** Whether a run wrote `value` to this side, or may have, and a person has since put what it shows in its place. */
export type IsReplaced = (side: SideName, path: FieldPath, value: unknown, shown: unknown) => boolean;

/**
 * The side whose value of the field is the newer one: `winner`, the side that was modified last, unless one side shows
 * what a person has put in place of the other side's value. Then nothing else that was edited there since counts.
 */
export function laterSide(
  path: FieldPath,
  now: Record<SideName, CalendarEvent>,
  winner: SideName,
  isReplaced: IsReplaced = () => false,
): SideName {
  // A new exception was written as a whole.
  const paths = path.occurrence === null ? [path] : [path, { ...path, field: 'exception' } as const];
  const isLater = (side: SideName) =>
    paths.some((one) => isReplaced(side, one, valueAt(now[otherSide(side)], one), valueAt(now[side], one)));
  const loser = otherSide(winner);
  return isLater(loser) && !isLater(winner) ? loser : winner;
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
