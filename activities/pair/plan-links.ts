/** Plans what a run does about links: loads what the plan depends on, decides (`planRun`), and stores the plan. */
import { planRun } from '../../core/sync/plan-run.ts';
import type { Deps } from '../deps.ts';
import { loadPlanInput } from './load-plan-input.ts';
import { type OpenPair, openPair } from './open-pair.ts';
import { type Planned, storePlan } from './store-plan.ts';

/** In one transaction. Drops what the run planned for these links before and has not done. */
export async function planLinks(
  deps: Deps,
  opened: OpenPair,
  run: { readonly id: string; readonly epoch: number },
  linkIds: readonly string[],
): Promise<Planned> {
  const pairId = opened.pair.id;
  const open = await withPresentSettings(deps, opened);
  const { settingsRevision } = open.pair;
  return deps.store.underEpoch(pairId, run.epoch, async (store, revision) => {
    const inTransaction = { ...deps, store };
    // Until the plan is stored no other pair plans for the same calendars.
    const shared = await store.lockShared(open.pair);
    await store.dropUndoneOps(run.id, linkIds);
    const { input, rows } = await loadPlanInput(inTransaction, open, shared, linkIds);
    const plan = planRun(input);
    for (const { linkId, error } of [...plan.links, ...plan.series])
      if (error !== undefined)
        deps.log.error({ pairId, linkId, err: error }, 'no decision could be made about an event');
    // The oldest settings of all plans of the run: what they do not fit is decided again.
    const planned = await store.getRun(run.id);
    if (planned?.settingsRevision === null) await store.updateRun(run.id, { settingsRevision });
    const isOutdated = revision !== settingsRevision;
    return storePlan({ deps: inTransaction, pairId, runId: run.id, now: new Date(input.now), isOutdated, rows }, plan);
  });
}

/** A person may have changed the settings while the calendars were read. */
async function withPresentSettings(deps: Deps, open: OpenPair): Promise<OpenPair> {
  const now = await deps.store.pairNow(open.pair.id);
  if (!now || now.settingsRevision === open.pair.settingsRevision) return open;
  return (await openPair(deps, open.pair.id)) ?? open;
}
