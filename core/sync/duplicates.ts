/**
 * Second appearances of an event that both sides have already, and copies that other installations made. They are left
 * alone: copied to the other side, each would be a duplicate there, too.
 */
import { otherSide } from '../event.ts';
import type { EventToPlan } from './plan-input.ts';

/** For this long after its original was lost, a copy that another installation makes on that side is not believed. */
const COPY_AGAIN_MS = 15 * 60_000;

/**
 * True for the event itself, if it arrives by its own way after the pair has copied it from the other side (an
 * invitation that reaches both calendars), and for a copy made by a Calpair that does not know this pair: another
 * installation, or a pair that shares one of the calendars. Each of the two would take the other's copies for new
 * events, without end.
 *
 * @param gone links that do not count any more
 */
export function isDuplicate({ view, duplicates }: EventToPlan, gone: ReadonlySet<string>): boolean {
  if (!view || (view.caldav && view.cloud)) return false;
  const one = view.caldav ?? view.cloud;
  if (!one || one.isOwned) return false;
  const isThere = (linkId: string) => !gone.has(linkId);
  if ((one.marker ?? null) === null) return duplicates.copies.some(isThere);
  // The installation that made it for an occurrence of the series removes it, too.
  if (duplicates.isByUnknown && duplicates.isOfKnownSeries) return true;
  const isByOthers = duplicates.markedLink === null || gone.has(duplicates.markedLink);
  return isByOthers && duplicates.alike.some(isThere);
}

/**
 * A copy that another installation made of an event which this pair has seen deleted. Taken for a new event it would
 * bring back what a person removed; and where both installations sync at the same moments, one would delete a copy
 * while the other makes the next, without end.
 *
 * - `leftover`: its original was on the other side. The installation that made it deletes it, or brings its original
 *   back, which is linked by its UID.
 * - `waits`: it is on the side that lost the event. The other installation may have taken such a copy for a new event
 *   before it knew of the deletion, and then deletes this one soon; later it is new.
 */
export function isCopyOfLost({ view, duplicates }: EventToPlan, now: number): 'leftover' | 'waits' | null {
  const side = view?.caldav ? 'caldav' : 'cloud';
  const one = view?.caldav && view.cloud ? null : view?.[side];
  const { lost, isByUnknown } = duplicates;
  if (!one?.marker || one.isOwned || !isByUnknown || !lost) return null;
  if (lost[otherSide(side)] !== undefined) return 'leftover';
  return (lost[side] ?? -Infinity) > now - COPY_AGAIN_MS ? 'waits' : null;
}
