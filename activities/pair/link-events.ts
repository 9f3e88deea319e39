/** Finds out which events of the two sides are one. */
import type { Deps } from '../deps.ts';
import type { OpenPair } from './open-pair.ts';

/** Links of events that were on both sides, each by itself. */
export type LinkedEvent = { readonly linkId: string; readonly by: 'uid' | 'content' };

/**
 * Follows events to their new names, then links unlinked events that are on both sides: by UID, at a first meeting or
 * resync also by title, start and recurrence.
 */
export function linkEvents(deps: Deps, { pair }: OpenPair, epoch: number): Promise<LinkedEvent[]> {
  return deps.store.underEpoch(pair.id, epoch, async (tx) => {
    for (const halves of await tx.renames(pair.id)) await tx.joinHalves(halves);
    const matched: LinkedEvent[] = [];
    const join = async (by: LinkedEvent['by']) => {
      for (const halves of await tx.matchesBy(pair.id, by)) {
        await tx.joinHalves(halves);
        matched.push({ linkId: halves.kept, by });
      }
    };
    await join('uid');
    // What a busy side shows is all alike, so there only the UID tells.
    const { toCaldav, toCloud } = pair.options.content;
    if (pair.needsMatching && toCaldav !== 'busy' && toCloud !== 'busy') await join('content');
    return matched;
  });
}
