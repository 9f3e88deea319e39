/**
 * Plans what people asked to take back: writes to the side that the pair wrote to, before anything else of the run is
 * decided about these events. What was taken back is then an edit of that side, which the run copies to the other one.
 */
import { EMPTY_UNDO_PLAN, type UndoPlan } from '../../core/sync/undo.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { UndoRequestRow } from '../../db/undo-requests.ts';
import type { Deps } from '../deps.ts';
import type { OpenPair } from './open-pair.ts';
import { removeCopies, removeLeftovers } from './remove-copies.ts';
import { fieldKey, takeBack } from './take-back.ts';
import type { Undoing } from './undoing.ts';

interface Run {
  readonly id: string;
  readonly epoch: number;
}

/** Returns the links that the run writes to because people asked for it: nothing else is decided about them yet. */
export async function planUndo(deps: Deps, open: OpenPair, run: Run): Promise<ReadonlySet<string>> {
  const pairId = open.pair.id;
  if (!(await deps.store.hasUndoRequests(pairId, run.id))) return new Set();
  await deps.store.underEpoch(pairId, run.epoch, async (store) => {
    // An earlier attempt of this run did not see what people have changed since.
    await store.dropUndoneOps(run.id, await store.linksWrittenByPerson(run.id));
    const undoing: Undoing = { deps: { ...deps, store }, open, runId: run.id, begun: new Set(), planned: new Set() };
    const requests: Requested[] = [];
    for (const request of await store.takeUndoRequests(pairId, run.id))
      requests.push({ request, before: await doneBefore(undoing, request) });
    // Together: two requests about the same event are one write.
    const changeIds = [...new Set(requests.flatMap(changesLeft))].sort().reverse();
    const all = await takeBack(undoing, changeIds);
    for (const { request, before } of requests) {
      const plan = request.leftovers
        ? await removeLeftovers(undoing, request.leftovers)
        : request.changeIds === null
          ? await removeCopies(undoing, request.side ?? 'cloud')
          : partOf(all, new Set(changesLeft({ request, before })));
      await store.setUndoPlan(request, joined(before, plan));
    }
  });
  return new Set(await deps.store.linksWrittenByPerson(run.id));
}

/** A request with what a run that broke off has done about it: the rest is planned again, as everything is now. */
interface Requested {
  readonly request: UndoRequestRow;
  readonly before: UndoPlan;
}

async function doneBefore(undoing: Undoing, { id, pairId, planned }: UndoRequestRow): Promise<UndoPlan> {
  if (planned === null) return EMPTY_UNDO_PLAN;
  const { store } = undoing.deps;
  const plan = JSON.parse(store.vault.open(planned, pairCell(pairId, 'undo_requests.planned', id))) as UndoPlan;
  const done = new Set(await store.doneOps([...plan.undone, ...plan.removed].map(({ opId }) => opId)));
  const begun = plan.undone.filter(({ opId }) => !done.has(opId));
  for (const one of begun) undoing.begun.add(fieldKey(one));
  const open = new Set(begun.map(({ changeId }) => changeId));
  return {
    undone: plan.undone.filter(({ opId }) => done.has(opId)),
    kept: plan.kept.filter(({ changeId }) => !open.has(changeId)),
    removed: plan.removed.filter(({ opId }) => done.has(opId)),
    keptCopies: [],
  };
}

/** The changes of a request that are still to be taken back. */
function changesLeft({ request, before: { undone, kept } }: Requested): string[] {
  const settled = new Set([...undone, ...kept].map(({ changeId }) => changeId));
  return (request.changeIds ?? []).filter((id) => !settled.has(id));
}

function partOf({ undone, kept }: UndoPlan, changeIds: ReadonlySet<string>): UndoPlan {
  return {
    ...EMPTY_UNDO_PLAN,
    undone: undone.filter(({ changeId }) => changeIds.has(changeId)),
    kept: kept.filter(({ changeId }) => changeIds.has(changeId)),
  };
}

function joined(before: UndoPlan, plan: UndoPlan): UndoPlan {
  return {
    undone: [...before.undone, ...plan.undone],
    kept: [...before.kept, ...plan.kept],
    removed: [...before.removed, ...plan.removed],
    keptCopies: plan.keptCopies,
  };
}
