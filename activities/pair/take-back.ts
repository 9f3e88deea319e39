/** Takes changes of a pair back: the write to each side of an event that they amount to. */
import { type CalendarEvent, otherSide, type SideName } from '../../core/event.ts';
import { groupBy } from '../../core/group-by.ts';
import { type ChangeContent, labelOfChange } from '../../core/sync/history.ts';
import { removalFields } from '../../core/sync/journal.ts';
import type { Journal } from '../../core/sync/own-writes.ts';
import { sourceOf } from '../../core/sync/policy.ts';
import {
  type KeptReason,
  type UndoPlan,
  type UndoState,
  type UndoStep,
  undoStep,
  withoutOtherEdits,
} from '../../core/sync/undo.ts';
import type { ChangeRow } from '../../db/changes.ts';
import type { NewOp } from '../../db/ops.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { Store } from '../../db/store.ts';
import { labelColumns } from './label-columns.ts';
import { type Loaded, sideKey, viewOf } from './link-view.ts';
import { uidHashOf } from './observe.ts';
import { CHUNK, emptyPlan, type Undoing } from './undoing.ts';
import { journalOf } from './write-journal.ts';

const EVER = new Date(0);

/** The key of one field of a change among those that `Undoing` has as begun. */
export function fieldKey({ changeId, field }: { readonly changeId: string; readonly field: string }): string {
  return `${changeId} ${field}`;
}

/** @param changeIds newest first */
export async function takeBack(undoing: Undoing, changeIds: readonly string[]): Promise<UndoPlan> {
  const { deps, open } = undoing;
  const { store } = deps;
  const plan = emptyPlan();
  for (let start = 0; start < changeIds.length; start += CHUNK) {
    const rows = await store.changesById(open.pair.id, changeIds.slice(start, start + CHUNK));
    const linkIds = [...new Set(rows.map(({ linkId }) => linkId))];
    const links = new Map((await store.loadLinks(linkIds)).map((one) => [one.link.id, one]));
    const oldest = rows.at(-1);
    const since = groupBy(oldest ? await store.changesSince(linkIds, oldest.id) : [], ({ linkId }) => linkId);
    const written = await store.writtenSince([...links.keys()], EVER);
    const ops: NewOp[] = [];
    for (const [, ofSide] of groupBy(rows, sideKey)) {
      const first = ofSide[0]!;
      const loaded = links.get(first.linkId) ?? null;
      const isBack = loaded === null && (await isThereAgain(undoing, ofSide));
      // With several writes to a side the later ones would be lost races; of an event that is gone one side comes back.
      const isPlanned = undoing.planned.has(loaded === null ? first.linkId : sideKey(first));
      const about = {
        isBack,
        isOriginal: loaded !== null && isOriginal(loaded, first.side, rows),
        isPlanned,
        journal: journalOf(store, written, first.linkId),
      };
      const { steps, write } = stepsOf(undoing, ofSide, loaded, about, since.get(first.linkId) ?? []);
      const op = write && (await opOf(undoing, write, loaded));
      if (op) {
        ops.push(op);
        undoing.planned.add(op.linkId).add(sideKey(op));
      }
      for (const { row, step } of steps) {
        const where = { changeId: row.id, side: row.side };
        for (const field of step.undone) if (op) plan.undone.push({ ...where, field, opId: op.id });
        for (const { field, reason } of step.kept) plan.kept.push({ ...where, field, reason });
      }
    }
    await store.insertOps(ops);
  }
  return plan;
}

/** The event that stays where its creation is taken back: no other is left, or the other one goes by the same word. */
function isOriginal({ link, sides }: Loaded, side: SideName, rows: readonly ChangeRow[]): boolean {
  const other = sides[otherSide(side)];
  if (!other?.current || other.gone === 'confirmed') return true;
  const created = new Set(
    rows.filter((row) => row.linkId === link.id && row.action === 'create').map((row) => row.side),
  );
  return created.size === 2 && sides.caldav !== undefined && side === (sides.cloud?.owned ? 'caldav' : 'cloud');
}

interface Step {
  readonly row: ChangeRow;
  readonly step: UndoStep;
}

interface About {
  readonly isBack: boolean;
  readonly isOriginal: boolean;
  readonly isPlanned: boolean;
  readonly journal: Journal;
}

/**
 * The steps for the changes of one side of a link, newest first, and the write that they amount to.
 * @param later what the pair has written to either side of the link since the oldest of them
 */
function stepsOf(
  { deps, open, begun }: Undoing,
  rows: readonly ChangeRow[],
  loaded: Loaded | null,
  { isBack, isOriginal, isPlanned, journal }: About,
  later: readonly ChangeRow[],
): { readonly steps: readonly Step[]; readonly write: Step | null } {
  const { store } = deps;
  const side = rows[0]!.side;
  const view = loaded && viewOf(store, loaded, open.sides, undefined)[side];
  const mine = new Set(rows.map(({ id }) => id));
  const others = later.filter(({ id, action }) => action !== 'update' && !mine.has(id));
  let now = view?.now ?? null;
  let write: Step | null = null;
  const steps = rows.map((row): Step => {
    const content = contentOf(store, row);
    const kept = (reason: KeptReason): Step => ({
      row,
      step: { write: null, undone: [], kept: [{ field: 'event', reason }] },
    });
    if (content === null || (loaded?.sides[side]?.current && !view?.now)) return kept('unreadable');
    if (isBack) return kept('exists');
    if (isPlanned) return kept('changed-since');
    const state: UndoState = {
      side,
      now: content.action === 'create' ? (view?.now ?? null) : now,
      base: view?.base ?? null,
      isInstance: (loaded?.link.parentId ?? null) !== null,
      isOriginal,
      hasReturned: loaded !== null && others.some((one) => one.side === side && one.id > row.id),
      isNormalisedTo: (wanted, shown) => journal.isNormalisedTo(side, wanted, shown),
      isBegun: (field) => begun.has(fieldKey({ changeId: row.id, field })),
    };
    const step = undoStep(content, state, open.pair.direction);
    const taken = { row, step };
    if (step.write !== null) write = taken;
    if (step.write === 'update' || step.write === 'create') now = step.next;
    return taken;
  });
  const isTarget = sourceOf(open.pair.direction) !== null && loaded?.sides[side]?.owned === true;
  const undone = steps.flatMap(({ step }) => step.undone);
  return { steps, write: isTarget && write && view?.base ? withoutOthers(write, view.base, undone) : write };
}

function withoutOthers({ row, step }: Step, base: CalendarEvent, undone: readonly string[]): Step {
  return step.write === 'update'
    ? { row, step: { ...step, next: withoutOtherEdits(step.next, base, undone) } }
    : { row, step };
}

/** The op that does it. An event whose link is gone gets the link again, so that its history goes on. */
async function opOf({ deps, open, runId }: Undoing, { row, step }: Step, loaded: Loaded | null): Promise<NewOp | null> {
  if (step.write === null) return null;
  const { store } = deps;
  const pairId = open.pair.id;
  const id = deps.newId();
  const seal = (text: string, column: 'ops.next' | 'ops.original') =>
    store.vault.seal(text, pairCell(pairId, column, id));
  const { linkId } = row;
  if (loaded === null) {
    const content = contentOf(store, row);
    const label = labelColumns(store, pairId, linkId, content && labelOfChange(content));
    // No copy of it ever had this generation, however often it was created.
    const generation = Math.floor(deps.clock.now().getTime() / 60_000);
    const generations = { caldavGeneration: generation, cloudGeneration: generation };
    await store.insertLinks([{ id: linkId, pairId, dirty: false, ...label, ...generations }]);
  }
  return {
    id,
    runId,
    pairId,
    linkId,
    side: row.side,
    action: step.write,
    counted: false,
    status: 'pending',
    next: step.write === 'delete' ? null : seal(JSON.stringify(step.next), 'ops.next'),
    original: step.write === 'create' ? seal(step.data, 'ops.original') : null,
    // No write of the pair's own: it is copied to the other side as what a person did.
    fields: step.write === 'delete' ? removalFields('undone') : {},
    byPerson: 'undo',
    undoes: row.id,
  };
}

/** Another event with its UID is on either side: somebody brought it back, and a sync copies it to the other. */
async function isThereAgain({ deps, open }: Undoing, rows: readonly ChangeRow[]): Promise<boolean> {
  const deleted = rows.flatMap((row) => {
    const content = contentOf(deps.store, row);
    return content?.action === 'delete' && content.before.uid ? [content.before.uid] : [];
  });
  const hashes = deleted.map((uid) => uidHashOf(deps.store, uid));
  const similar = hashes.length === 0 ? [] : await deps.store.similarSides(open.pair.id, hashes, []);
  return similar.some(({ gone }) => gone !== 'confirmed');
}

function contentOf(store: Store, { id, content, pairId }: ChangeRow): ChangeContent | null {
  try {
    return JSON.parse(store.vault.open(content, pairCell(pairId, 'changes.content', id))) as ChangeContent;
  } catch {
    return null;
  }
}
