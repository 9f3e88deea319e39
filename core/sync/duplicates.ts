/**
 * Second appearances of an event that both sides have already. They are left alone: copied to the other side, each
 * would be a duplicate there, too.
 */
import type { EventToPlan } from './plan-input.ts';

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
  const isByOthers = duplicates.markedLink === null || gone.has(duplicates.markedLink);
  return isByOthers && duplicates.alike.some(isThere);
}
