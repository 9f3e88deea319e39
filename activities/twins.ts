/** Copies of one event by several Calpairs. */
import { hasForeignTwin } from '../db/links.ts';
import type { Deps } from './deps.ts';
import type { Loaded } from './link-view.ts';
import { seenOf } from './observe.ts';
import type { OpenPair } from './open-pair.ts';

/**
 * A second copy of an event that is on both sides already, made by a Calpair that knows nothing of this pair: another installation, or a pair that shares
 * one of the calendars. It is not carried: each would take the other's copies for new events, without end.
 */
export async function isForeignTwin({ db }: Pick<Deps, 'db'>, { pair, sides: readers }: OpenPair, sides: Loaded['sides']): Promise<boolean> {
  const row = sides.caldav ?? sides.cloud;
  if (!row || (sides.caldav && sides.cloud) || row.owned) return false;
  const stored = seenOf(db, row);
  const marker = stored && readers[row.side].read(stored).marker;
  return marker !== null && hasForeignTwin(db, pair.id, row, marker);
}
