/**
 * An event can reach a calendar through two pairs. What the other pair created there is fetched by name, because a
 * change feed may report it late or never.
 */

import type { Deps } from '../deps.ts';
import { observe } from './observe.ts';
import type { OpenPair } from './open-pair.ts';
import { callSide } from './read-sides.ts';

/**
 * Stores the copies that other pairs created in the calendars of this pair, so that they are found and not created
 * twice.
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
