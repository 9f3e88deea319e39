/** Links the events that are the same on both sides. */
import type { Halves } from '../../db/link-matching.ts';
import { type Deps, EVENTS_AT_ONCE } from '../deps.ts';
import { linkToolCopies } from './link-tool-copies.ts';
import type { OpenPair } from './open-pair.ts';

/** Links that joined two events, one on each side. */
export type LinkedEvent = { readonly linkId: string; readonly by: 'uid' | 'content' };

/**
 * Follows renamed events, then links unlinked events that are on both sides: by UID, copies that other sync programs
 * made, and in the initial matching or a resync also by title, start and recurrence.
 */
export async function linkEvents(deps: Deps, open: OpenPair, epoch: number): Promise<LinkedEvent[]> {
  const { pair } = open;
  const size = deps.eventsAtOnce ?? EVENTS_AT_ONCE;
  /** What is found in a large pair takes a while, in which nothing may be locked. */
  const joinAll = async (find: () => Promise<Halves[]>): Promise<Halves[]> => {
    // A run that was replaced ends here.
    await deps.store.underEpoch(pair.id, epoch, async () => undefined);
    const halves = onceEach(await find());
    for (let start = 0; start < halves.length; start += size)
      await deps.store.underEpoch(pair.id, epoch, (tx) => tx.joinHalves(halves.slice(start, start + size)));
    return halves;
  };
  await joinAll(() => deps.store.renames(pair.id));
  const matched: LinkedEvent[] = [];
  const join = async (by: LinkedEvent['by']) => {
    const halves = await joinAll(() => deps.store.matchesBy(pair.id, by, pair.needsMatching ? 'all' : 'dirty'));
    matched.push(...halves.map(({ kept }) => ({ linkId: kept, by })));
  };
  await join('uid');
  // All events of a busy side look alike, so there only the UID counts.
  const { toCaldav, toCloud } = pair.options.content;
  if (toCaldav === 'busy' || toCloud === 'busy') return matched;
  const copies = await linkToolCopies(deps, open, epoch);
  matched.push(...copies.map(({ kept }) => ({ linkId: kept, by: 'content' as const })));
  if (pair.needsMatching) await join('content');
  return matched;
}

/** A link that two matches name joins the first of them. */
function onceEach(halves: readonly Halves[]): Halves[] {
  const named = new Set<string>();
  return halves.filter(({ kept, joined }) => {
    const isNew = !named.has(kept) && !named.has(joined);
    named.add(kept).add(joined);
    return isNew;
  });
}
