/** Repairs, once for a pair, the events that earlier versions of Calpair wrote wrong. */
import type { SideName } from '../../core/event.ts';
import { sourceOf } from '../../core/sync/policy.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { Deps } from '../deps.ts';
import { currentOf } from './observe.ts';
import type { OpenPair } from './open-pair.ts';

const BATCH = 500;

/**
 * After both sides were compared in full. Only events that the pair wrote are looked at, and none of the source of a
 * one-way pair. Their meaning stays the same, so a repair is no change: nothing is counted or held, and no run follows.
 * What cannot be written now is left to the next full comparison.
 */
export async function repairObjects(deps: Deps, open: OpenPair): Promise<void> {
  const { pair } = open;
  if (pair.objectsRepairedAt !== null) return;
  const sides = (['caldav', 'cloud'] as const).filter((side) => side !== sourceOf(pair.direction));
  const outcomes = await Promise.all(sides.map((side) => repairSide(deps, open, side)));
  const total = { checked: 0, repaired: 0, failed: 0 };
  for (const outcome of outcomes) for (const key of KEYS) total[key] += outcome[key];
  if (total.repaired + total.failed > 0)
    deps.log.info({ pairId: pair.id, ...total }, 'events that an earlier version wrote wrong are repaired');
  // A pair that has written nothing yet is looked at again, in case its state was restored from an older backup.
  if (total.checked > 0 && total.failed === 0)
    await deps.store.updatePair(pair.id, { objectsRepairedAt: deps.clock.now() });
}

const KEYS = ['checked', 'repaired', 'failed'] as const;

async function repairSide(deps: Deps, open: OpenPair, side: SideName): Promise<Record<(typeof KEYS)[number], number>> {
  const { pair } = open;
  const reader = open.sides[side];
  const outcome = { checked: 0, repaired: 0, failed: 0 };
  if (!reader.repair) return outcome;
  const resources = await deps.store.listedResources(pair.id, side);
  for (let start = 0; start < resources.length; start += BATCH) {
    const rows = await deps.store.sidesByResource(pair.id, side, resources.slice(start, start + BATCH));
    for (const row of rows.filter(({ gone, owned, replacedVersion }) => gone === 'no' && (owned || replacedVersion))) {
      const stored = currentOf(deps.store, row);
      if (!stored) continue;
      outcome.checked += 1;
      try {
        if (await reader.repair(stored)) outcome.repaired += 1;
      } catch (error) {
        if (!(error instanceof SyncError)) throw error;
        // A repair that would mail people is not made; a person's next edit repairs the event.
        if (error.kind !== 'would-mail') outcome.failed += 1;
      }
    }
  }
  return outcome;
}
