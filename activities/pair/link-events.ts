/** Links the events that are the same on both sides. */
import type { Deps } from '../deps.ts';
import type { OpenPair } from './open-pair.ts';

/** Links that joined two events, one on each side. */
export type LinkedEvent = { readonly linkId: string; readonly by: 'uid' | 'content' };

/**
 * Follows renamed events, then links unlinked events that are on both sides: by UID, and in the initial matching or a
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
    // All events of a busy side look alike, so there only the UID counts.
    const { toCaldav, toCloud } = pair.options.content;
    if (pair.needsMatching && toCaldav !== 'busy' && toCloud !== 'busy') await join('content');
    return matched;
  });
}
