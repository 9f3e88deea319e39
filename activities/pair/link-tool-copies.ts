/** Links the copies that other sync programs made to their originals, as copies of the pair's own. */
import type { SideName } from '../../core/event.ts';
import { type LoneEvent, originalsOf } from '../../core/sync/other-tools.ts';
import type { PossibleOriginals } from '../../db/leftovers.ts';
import type { Halves } from '../../db/link-matching.ts';
import type { Store } from '../../db/store.ts';
import { type Deps, EVENTS_AT_ONCE } from '../deps.ts';
import type { Loaded } from './link-view.ts';
import { currentOf } from './observe.ts';
import type { OpenPair } from './open-pair.ts';

/**
 * A copy counts as older than its original, so that the original decides where the two differ (a copy may show no more
 * than "Busy").
 */
export async function linkToolCopies(deps: Deps, { pair, sides }: OpenPair, epoch: number): Promise<Halves[]> {
  const read = (loaded: Loaded, store: Store): LoneEvent[] => {
    const [row] = Object.values(loaded.sides);
    const current = row && currentOf(store, row);
    const event = row && current ? sides[row.side].read(current).event : null;
    return event ? [{ linkId: loaded.link.id, event }] : [];
  };
  const linked: Halves[] = [];
  const groups = await deps.store.possibleOriginals(pair.id);
  for (const some of inChunks(groups, deps.eventsAtOnce ?? EVENTS_AT_ONCE))
    await deps.store.underEpoch(pair.id, epoch, async (tx) => {
      const loaded = new Map((await tx.loadLinks([...new Set(some.flatMap(idsOf))])).map((one) => [one.link.id, one]));
      const load = (ids: readonly string[]) => ids.flatMap((id) => loaded.get(id) ?? []);
      const found = some.flatMap(({ copies, originals }) =>
        originalsOf(
          load(copies).flatMap((one) => read(one, tx)),
          load(originals).flatMap((one) => read(one, tx)),
        ),
      );
      const halves = found.map(
        ({ copy, original }): Halves => ({ kept: original, joined: copy, side: sideOf(loaded.get(copy)!) }),
      );
      await tx.joinHalves(halves);
      await tx.updateSides(
        halves.map(({ kept: linkId, side }) => ({ linkId, side, set: { owned: true, modifiedAt: new Date(0) } })),
      );
      linked.push(...halves);
    });
  return linked;
}

function sideOf({ sides }: Loaded): SideName {
  return sides.caldav ? 'caldav' : 'cloud';
}

function idsOf({ copies, originals }: PossibleOriginals): string[] {
  return [...copies, ...originals];
}

/** All that begins at one time is in one chunk. */
function* inChunks(groups: readonly PossibleOriginals[], size: number): Generator<PossibleOriginals[]> {
  let some: PossibleOriginals[] = [];
  let ids = 0;
  for (const group of groups) {
    some.push(group);
    ids += idsOf(group).length;
    if (ids < size) continue;
    yield some;
    [some, ids] = [[], 0];
  }
  if (some.length > 0) yield some;
}
