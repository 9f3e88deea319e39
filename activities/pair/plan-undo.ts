/**
 * Plans what people asked to take back: writes to the side that the pair wrote to, before anything else of the run is
 * decided about these events. What was taken back is then an edit of that side, which the run copies to the other one.
 */
import type { CalendarEvent, SideName } from '../../core/event.ts';
import { groupBy } from '../../core/group-by.ts';
import type { SideView } from '../../core/sync/decide.ts';
import { labelOfEvent } from '../../core/sync/event-label.ts';
import { type ChangeContent, labelOfChange } from '../../core/sync/history.ts';
import { removalFields } from '../../core/sync/journal.ts';
import type { Journal } from '../../core/sync/own-writes.ts';
import { sourceOf } from '../../core/sync/policy.ts';
import {
  EMPTY_UNDO_PLAN,
  isUntouched,
  type KeptReason,
  type UndoPlan,
  type UndoState,
  type UndoStep,
  undoStep,
  withoutOtherEdits,
} from '../../core/sync/undo.ts';
import type { ChangeRow } from '../../db/changes.ts';
import type { LeftoverFilter } from '../../db/history-schema.ts';
import type { Leftover } from '../../db/leftovers.ts';
import type { NewOp } from '../../db/ops.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { Store } from '../../db/store.ts';
import type { UndoRequestRow } from '../../db/undo-requests.ts';
import type { Deps } from '../deps.ts';
import { labelColumns } from './label-columns.ts';
import { type Loaded, sideKey, viewOf } from './link-view.ts';
import { uidHashOf } from './observe.ts';
import type { OpenPair } from './open-pair.ts';
import { journalOf } from './write-journal.ts';

/** Changes and copies that are looked at together. */
const CHUNK = 200;
const EVER = new Date(0);

interface Run {
  readonly id: string;
  readonly epoch: number;
}

/** Returns the links that the run writes to because people asked for it: nothing else is decided about them yet. */
export async function planUndo(deps: Deps, open: OpenPair, run: Run): Promise<ReadonlySet<string>> {
  const pairId = open.pair.id;
  if (!(await deps.store.hasUndoRequests(pairId, run.id))) return new Set();
  await deps.store.underEpoch(pairId, run.epoch, async (store) => {
    const undoing: Undoing = { deps: { ...deps, store }, open, runId: run.id, begun: new Set(), planned: new Set() };
    const requests: Requested[] = [];
    for (const request of await store.takeUndoRequests(pairId, run.id))
      requests.push({ request, before: await doneBefore(undoing, request) });
    // Together: two requests about the same event are one write.
    const all = await takeBack(
      undoing,
      unique(requests.flatMap(changesLeft), (id) => id)
        .sort()
        .reverse(),
    );
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

function fieldKey({ changeId, field }: { readonly changeId: string; readonly field: string }): string {
  return `${changeId} ${field}`;
}

function joined(before: UndoPlan, plan: UndoPlan): UndoPlan {
  return {
    undone: [...before.undone, ...plan.undone],
    kept: [...before.kept, ...plan.kept],
    removed: [...before.removed, ...plan.removed],
    keptCopies: plan.keptCopies,
  };
}

interface Undoing {
  readonly deps: Deps;
  readonly open: OpenPair;
  readonly runId: string;
  /** Fields of changes (`fieldKey`) that a run which broke off may have taken back already. */
  readonly begun: Set<string>;
  /** Links, and sides of links (`sideKey`), to which this run writes already because people asked for it. */
  readonly planned: Set<string>;
}

async function takeBack(undoing: Undoing, changeIds: readonly string[]): Promise<UndoPlan> {
  const { deps, open } = undoing;
  const { store } = deps;
  const plan: MutablePlan = { undone: [], kept: [], removed: [], keptCopies: [] };
  for (let start = 0; start < changeIds.length; start += CHUNK) {
    const rows = await store.changesById(open.pair.id, changeIds.slice(start, start + CHUNK));
    const links = new Map(
      (await store.loadLinks(unique(rows, ({ linkId }) => linkId))).map((one) => [one.link.id, one]),
    );
    const since = groupBy(await laterChanges(store, rows), ({ linkId }) => linkId);
    const written = await store.writtenSince([...links.keys()], EVER);
    const ops: NewOp[] = [];
    for (const [, ofSide] of groupBy(rows, sideKey)) {
      const first = ofSide[0]!;
      const loaded = links.get(first.linkId) ?? null;
      const isBack = loaded === null && (await isThereAgain(undoing, ofSide));
      const isOriginal = loaded !== null && isOriginalOfBoth(loaded, first.side, rows);
      // With several writes to a side the later ones would be lost races; of an event that is gone one side comes back.
      const isPlanned = undoing.planned.has(loaded === null ? first.linkId : sideKey(first));
      const about = { isBack, isOriginal, isPlanned, journal: journalOf(store, written, first.linkId) };
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

/** Both sides of an event were created by what is to be taken back, and this one is the event that stays. */
function isOriginalOfBoth({ link, sides }: Loaded, side: SideName, rows: readonly ChangeRow[]): boolean {
  const created = new Set(
    rows.filter((row) => row.linkId === link.id && row.action === 'create').map((row) => row.side),
  );
  return created.size === 2 && sides.caldav !== undefined && side === (sides.cloud?.owned ? 'caldav' : 'cloud');
}

type MutablePlan = { -readonly [Key in keyof UndoPlan]: UndoPlan[Key][number][] };

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
  const deletions = later.filter(({ id, action }) => action === 'delete' && !mine.has(id));
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
      isDeletedAgain: loaded !== null && deletions.some((one) => one.side === side && one.id > row.id),
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

function removeCopies(undoing: Undoing, side: SideName): Promise<UndoPlan> {
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
function removeLeftovers(undoing: Undoing, filter: LeftoverFilter): Promise<UndoPlan> {
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
  const plan: MutablePlan = { undone: [], kept: [], removed: [], keptCopies: [] };
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

async function laterChanges(store: Store, rows: readonly ChangeRow[]): Promise<ChangeRow[]> {
  const oldest = rows.at(-1);
  return oldest
    ? store.changesSince(
        unique(rows, ({ linkId }) => linkId),
        oldest.id,
      )
    : [];
}

function contentOf(store: Store, { id, content, pairId }: ChangeRow): ChangeContent | null {
  try {
    return JSON.parse(store.vault.open(content, pairCell(pairId, 'changes.content', id))) as ChangeContent;
  } catch {
    return null;
  }
}

function unique<T>(rows: readonly T[], of: (row: T) => string): string[] {
  return [...new Set(rows.map(of))];
}
