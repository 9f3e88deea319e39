/**
 * Second appearances of an event that is on both sides already. They are left alone: carried over, each would be a
 * duplicate on the other side, too.
 */
import type { LinkView } from '../../core/sync/decide.ts';
import type { Store } from '../../db/store.ts';
import type { Loaded } from './link-view.ts';

/**
 * True for the event itself, come by its own way after the pair had copied it from the other side (an invitation that
 * reaches both calendars), and for a copy made by a Calpair that knows nothing of this pair: another installation, or a
 * pair that shares one of the calendars. Each of the two would take the other's copies for new events, without end.
 */
export async function isDuplicate(store: Store, { sides }: Loaded, view: LinkView): Promise<boolean> {
  const row = sides.caldav ?? sides.cloud;
  if (!row?.current || (sides.caldav && sides.cloud) || row.owned) return false;
  const marker = view[row.side]?.marker ?? null;
  return marker === null ? store.hasCopyOfUid(row.pairId, row) : store.hasDuplicateByOthers(row.pairId, row, marker);
}
