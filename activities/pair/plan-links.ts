/** Plans what a run does about links: loads what the plan depends on, decides (`planRun`), and stores the plan. */
import { planRun } from '../../core/sync/plan-run.ts';
import type { Deps } from '../deps.ts';
import { loadPlanInput } from './load-plan-input.ts';
import type { OpenPair } from './open-pair.ts';
import { type Planned, storePlan } from './store-plan.ts';

/** In one transaction. Drops what the run planned for these links before and has not done. */
export function planLinks(
  deps: Deps,
  open: OpenPair,
  run: { readonly id: string; readonly epoch: number },
  linkIds: readonly string[],
): Promise<Planned> {
  const pairId = open.pair.id;
  return deps.store.underEpoch(pairId, run.epoch, async (store) => {
    const inTransaction = { ...deps, store };
    // Until the plan is stored no other pair plans for the same calendars.
    const shared = await store.lockShared(open.pair);
    await store.dropUndoneOps(run.id, linkIds);
    const { input, rows } = await loadPlanInput(inTransaction, open, shared, linkIds);
    const plan = planRun(input);
    for (const { linkId, error } of [...plan.links, ...plan.series])
      if (error !== undefined)
        deps.log.error({ pairId, linkId, err: error }, 'no decision could be made about an event');
    return storePlan({ deps: inTransaction, pairId, runId: run.id, now: new Date(input.now), rows }, plan);
  });
}
