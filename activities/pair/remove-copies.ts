/** Removes copies that a pair has made, and what other tools have left, because a person asked for it. */
import type { CalendarEvent, SideName } from '../../core/event.ts';
import type { SideView } from '../../core/sync/decide.ts';
import { labelOfEvent } from '../../core/sync/event-label.ts';
import { removalFields } from '../../core/sync/journal.ts';
import { isUntouched, type KeptReason, type UndoPlan } from '../../core/sync/undo.ts';
import type { LeftoverFilter } from '../../db/history-schema.ts';
import type { Leftover } from '../../db/leftovers.ts';
import type { NewOp } from '../../db/ops.ts';
import { sideKey, viewOf } from './link-view.ts';
import { CHUNK, emptyPlan, type Undoing } from './undoing.ts';

/** Removes what the pair has created on a side, but for copies that a person has changed. */
export function removeCopies(undoing: Undoing, side: SideName): Promise<UndoPlan> {
  const { deps, open } = undoing;
  return removeEach(
    undoing,
    async (after) => {
      const ids = await deps.store.ownedCopies(open.pair.id, side, after, CHUNK);
      return ids.map((linkId) => ({ linkId, side }));
    },
    (view) => (isUntouched(view) ? null : 'changed-since'),
  );
}

/** Never what has guests: a server could notify them. */
export function removeLeftovers(undoing: Undoing, filter: LeftoverFilter): Promise<UndoPlan> {
  const { deps, open } = undoing;
  return removeEach(
    undoing,
    (after) => deps.store.leftovers(open.pair.id, filter, after, CHUNK),
    ({ hasGuests }) => (hasGuests ? 'has-guests' : null),
    (event, side) => {
      const { title, start } = labelOfEvent(event);
      return { title, start, side };
    },
  );
}

/**
 * @param pageAfter at most `CHUNK` events, in the order of their links
 * @param reasonToKeep null: it is removed
 * @param about what the answer says of a removed one
 */
async function removeEach(
  undoing: Undoing,
  pageAfter: (after: string | null) => Promise<readonly Leftover[]>,
  reasonToKeep: (view: SideView) => KeptReason | null,
  about: (event: CalendarEvent, side: SideName) => Partial<UndoPlan['removed'][number]> = () => ({}),
): Promise<UndoPlan> {
  const { deps, open } = undoing;
  const { store } = deps;
  const plan = emptyPlan();
  for (let after: string | null = null; ; ) {
    const page = await pageAfter(after);
    const sides = new Map(page.map(({ linkId, side }) => [linkId, side]));
    const ops: NewOp[] = [];
    for (const loaded of await store.loadLinks([...sides.keys()])) {
      const { link } = loaded;
      const side = sides.get(link.id)!;
      const view = viewOf(store, loaded, open.sides, undefined)[side];
      const eventId = link.parentId ?? link.id;
      const isPlanned = undoing.planned.has(sideKey({ linkId: link.id, side }));
      const reason = isPlanned ? 'changed-since' : view?.now ? reasonToKeep(view) : 'unreadable';
      if (reason !== null) {
        plan.keptCopies.push({ eventId, title: view?.now?.title ?? view?.title ?? '', reason });
        continue;
      }
      const op = removal(undoing, link.id, side);
      plan.removed.push({ eventId, opId: op.id, ...about(view!.now!, side) });
      ops.push(op);
      undoing.planned.add(sideKey(op));
    }
    await store.insertOps(ops);
    if (page.length < CHUNK) return plan;
    after = page.at(-1)?.linkId ?? null;
  }
}

/** The op that removes an event on request. */
function removal({ deps, open, runId }: Undoing, linkId: string, side: SideName): NewOp & { readonly id: string } {
  return {
    id: deps.newId(),
    runId,
    pairId: open.pair.id,
    linkId,
    side,
    action: 'delete',
    counted: false,
    status: 'pending',
    fields: removalFields('removed'),
    byPerson: 'remove',
  };
}
