/**
 * An event that comes to a calendar through two pairs: what the other one has made there is asked for by its name,
 * because a change feed may be slow to tell, or silent.
 */

import type { Deps } from '../deps.ts';
import { observe } from './observe.ts';
import type { OpenPair } from './open-pair.ts';
import { callSide } from './read-sides.ts';

/**
 * Stores what other pairs have put into the calendars of this pair, so that it is found there and not made again.
 * @throws SideFailed
 */
export async function findCopiesByOtherPairs(deps: Deps, { pair, sides }: OpenPair, epoch: number): Promise<void> {
  const copies = await deps.store.copiesByOtherPairs(pair, deps.clock.now());
  for (const side of ['caldav', 'cloud'] as const) {
    const resources = [...new Set(copies[side])];
    if (resources.length === 0) continue;
    const answers = await callSide(side, () => sides[side].get(resources));
    const found = [...answers.values()].flatMap((answer) => (answer === 'gone' ? [] : answer));
    const removed = resources.filter((resource) => answers.get(resource) === 'gone');
    await observe(
      { deps, pairId: pair.id, epoch, side, reader: sides[side], isAnswer: true },
      { found, unchanged: [], removed },
    );
  }
}
