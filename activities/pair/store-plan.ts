/** Stores a plan: its ops, conflicts, problems and held deletions, and what becomes of the links. */
import type { CalendarEvent, OccurrenceId, SideName } from '../../core/event.ts';
import { groupBy } from '../../core/group-by.ts';
import type { FieldConflict } from '../../core/sync/conflict.ts';
import type { Op } from '../../core/sync/decide.ts';
import { distanceOf, FARTHEST } from '../../core/sync/distance.ts';
import type { EventLabel } from '../../core/sync/event-label.ts';
import { DELETED } from '../../core/sync/journal.ts';
import { pathKey } from '../../core/sync/paths.ts';
import type { ChunkPlan } from '../../core/sync/plan-chunk.ts';
import type { DeletionPart } from '../../core/sync/plan-deletions.ts';
import type { LinkPlan, LinkState } from '../../core/sync/plan-link.ts';
import type { SeriesPlan } from '../../core/sync/plan-series.ts';
import type { NewConflict } from '../../db/conflicts.ts';
import type { SideChange } from '../../db/link-sides.ts';
import type { LinkRow, LinkUpdate } from '../../db/links.ts';
import type { NewOp } from '../../db/ops.ts';
import type { LinkProblems } from '../../db/problems.ts';
import { movedTo, pairCell } from '../../db/sealed-cells.ts';
import type { Deps } from '../deps.ts';
import { DONE } from './failed-op.ts';
import { labelColumns } from './label-columns.ts';
import { later } from './observe.ts';
import { fieldsOf, hashOf } from './write-journal.ts';

/** A link, as it was stored when it was planned. */
export interface PlannedLink {
  readonly link: Pick<LinkRow, 'failedTries' | 'label' | 'lastChangeAt'>;
}

/** What is stored together; without what only `planDeletions` decides, if that comes later. */
type Plan = Pick<ChunkPlan, 'links' | 'series' | 'held'> & Partial<Omit<DeletionPart, 'link'>>;

interface Storing {
  readonly deps: Deps;
  readonly pairId: string;
  readonly runId: string;
  readonly now: Date;
  /** The pair has other settings than these plans were made with: all is decided again. */
  readonly isOutdated: boolean;
  /** The planned links, as they are stored. */
  readonly rows: ReadonlyMap<string, PlannedLink>;
}

/**
 * With a fixed number of statements, however large the plan is.
 * @returns how many ops it has; how many conflicts, problems and held deletions are new
 */
export async function storePlan(
  storing: Storing,
  plan: Plan,
): Promise<Record<'ops' | 'conflicts' | 'held' | 'problems', number>> {
  const { pairId, now, isOutdated } = storing;
  const { store } = storing.deps;
  const { instanceDeletions = [], forgotten = [], dropped = [] } = plan;
  // What failed before comes last: it must not put off the others.
  const triesOf = ({ linkId }: LinkPlan) => storing.rows.get(linkId)?.link.failedTries ?? 0;
  const links = [...plan.links].sort((a, b) => triesOf(a) - triesOf(b));
  const problems = await store.setProblems(pairId, problemsOf(plan), now);
  const conflicts = await store.insertConflicts(
    [...links, ...plan.series].flatMap((one) => conflictRows(storing, one)),
  );
  const ops = links.flatMap((link) =>
    link.ops.filter(({ hold }) => hold === null).map((op) => opRow(storing, link.linkId, op)),
  );
  const changes: Changes = { links: new Map(), sides: [] };
  await storeLinks(storing, links, changes);
  ops.push(...(await storeSeries(storing, plan.series, changes)));
  for (const { linkId, side } of instanceDeletions) ops.push(opRow(storing, linkId, { ...DELETION, side }));
  for (const { linkId } of plan.held) change(changes, linkId, { dirty: isOutdated });
  await store.updateEachLink([...changes.links].map(([id, set]) => ({ id, set })));
  await store.updateSides(changes.sides);
  await store.insertOps(ops);
  const held = await store.hold(plan.held.map((one) => ({ pairId, since: now, ...one })));
  await store.finishDeletions(forgotten, now);
  await store.deleteLinks([...forgotten, ...dropped]);
  return { ops: ops.length, conflicts, held, problems };
}

/** The link of a single event that is an instance of a series. */
interface RelinkedLink {
  readonly linkId: string;
  readonly seriesId: string;
  readonly occurrence: OccurrenceId;
  /** The side that has the instance. */
  readonly side: SideName;
  readonly label: EventLabel | null;
}

export async function storeRelinked(deps: Deps, pairId: string, relinked: readonly RelinkedLink[]): Promise<void> {
  const { store } = deps;
  await store.updateEachLink(
    relinked.map(({ linkId, seriesId, occurrence, label }) => ({
      id: linkId,
      set: { parentId: seriesId, occurrence, ...labelColumns(store, pairId, linkId, label) },
    })),
  );
  await store.updateSides(relinked.map(({ linkId, side }) => ({ linkId, side, set: { owned: true } })));
}

/** What changes about rows, each of which is changed once. */
interface Changes {
  readonly links: Map<string, LinkUpdate>;
  readonly sides: SideChange[];
}

function change({ links }: Changes, linkId: string, set: LinkUpdate): void {
  links.set(linkId, { ...links.get(linkId), ...set });
}

async function storeLinks(storing: Storing, links: readonly LinkPlan[], changes: Changes): Promise<void> {
  const { store } = storing.deps;
  await store.release(links.filter(({ isReleased }) => isReleased).map(({ linkId }) => linkId));
  for (const side of ['caldav', 'cloud'] as const) {
    const dropped = links.filter(({ droppedSides }) => droppedSides.includes(side)).map(({ linkId }) => linkId);
    await store.dropSides(dropped, side);
  }
  await store.settleLinks(links.filter(({ isSettled }) => isSettled).map(({ linkId }) => linkId));
  for (const plan of links) {
    const label = plan.label === undefined ? {} : labelColumns(store, storing.pairId, plan.linkId, plan.label);
    const { agreedFields, excluded } = plan;
    // With other settings the sides may have to agree anew.
    const agreed =
      plan.isSettled && !storing.isOutdated
        ? { unitesAttendees: false, ...(agreedFields ? { agreedFields: [...agreedFields] } : {}) }
        : {};
    change(changes, plan.linkId, {
      ...label,
      ...agreed,
      ...(excluded ? { excluded } : {}),
      ...stateColumns(storing, plan.state),
    });
  }
}

function stateColumns(
  { deps, isOutdated }: Pick<Storing, 'deps' | 'isOutdated'>,
  state: LinkState,
): Pick<LinkUpdate, 'dirty' | 'retryAt' | 'attempts' | 'failedTries' | 'refusals' | 'excluded'> {
  switch (state) {
    case 'again':
      return { dirty: true };
    case 'left-alone':
      return { dirty: isOutdated };
    case 'finished':
      return { dirty: isOutdated, retryAt: null, attempts: 0, failedTries: 0, refusals: null };
    case 'leftover':
      return { ...stateColumns({ deps, isOutdated }, 'finished'), excluded: 'leftover' };
    case 'waits':
      return { dirty: true, retryAt: later(deps) };
    case 'unconfirmed':
      return { dirty: true, retryAt: later(deps), attempts: 0, failedTries: 0 };
    case 'open':
    case 'forgotten':
    case 'gone-on-both':
    case 'series-gone':
      return {};
  }
}

/** Links of new instances, and what becomes of the others. Returns the ops of all. */
async function storeSeries(storing: Storing, all: readonly SeriesPlan[], changes: Changes): Promise<NewOp[]> {
  const { deps, pairId, rows, isOutdated } = storing;
  const { store } = deps;
  const instances = all.flatMap(({ linkId: parentId, ops }) =>
    ops.map((one) => ({ ...one, parentId, id: one.linkId ?? deps.newId(), isNew: one.linkId === null })),
  );
  const labelCell = (linkId: string) => pairCell(pairId, 'links.label', linkId);
  /** An instance is listed as its series is. */
  const labelFrom = (parentId: string, linkId: string) => {
    const label = rows.get(parentId)?.link.label ?? null;
    return label && movedTo(store.vault, label, labelCell(parentId), labelCell(linkId));
  };
  await store.insertLinks(
    instances
      .filter(({ isNew }) => isNew)
      .map(({ id, parentId, occurrence }) => ({
        id,
        pairId,
        dirty: true,
        parentId,
        occurrence,
        label: labelFrom(parentId, id),
      })),
  );
  for (const { linkId, side, label } of all.flatMap(({ released }) => released)) {
    change(changes, linkId, {
      parentId: null,
      occurrence: null,
      agreed: null,
      ...labelColumns(store, pairId, linkId, label),
      dirty: true,
    });
    changes.sides.push({ linkId, side, set: { owned: false, base: null, baseVersion: null } });
  }
  for (const { linkId, occurrence } of all.flatMap(({ renamed }) => renamed)) change(changes, linkId, { occurrence });
  const updates = all.flatMap(({ linkId, update }) => (update ? [{ linkId, update }] : []));
  for (const { linkId } of updates) change(changes, linkId, { dirty: true });
  for (const linkId of all.flatMap(({ awaited }) => awaited)) change(changes, linkId, { ...DONE, dirty: isOutdated });
  const settled = all.flatMap((one) => one.settled);
  const bases = all.filter(({ isBase }) => isBase);
  await store.settleLinks([...settled, ...bases].map(({ linkId }) => linkId));
  for (const { linkId, agreed } of settled)
    change(changes, linkId, { dirty: isOutdated, agreed: seal(storing, agreed, 'links.agreed', linkId) });
  return [
    ...instances.map(({ id, op }) => opRow(storing, id, op)),
    ...updates.map(({ linkId, update }) => opRow(storing, linkId, update)),
  ];
}

function opRow(storing: Storing, linkId: string, { side, action, isCounted, next, changes }: Op): NewOp {
  const { deps, pairId, runId } = storing;
  const id = deps.newId();
  return {
    id,
    runId,
    pairId,
    linkId,
    side,
    action,
    counted: isCounted,
    status: 'pending',
    next: seal(storing, next, 'ops.next', id),
    distance: orderOf(storing, linkId, next),
    fields: action === 'delete' ? { [DELETED]: '' } : fieldsOf(deps.store, changes),
  };
}

/** What failed before comes last: it must not put off the others. */
function orderOf({ rows, now }: Storing, linkId: string, next: CalendarEvent | null): number {
  if ((rows.get(linkId)?.link.failedTries ?? 0) > 0) return FARTHEST;
  return next ? distanceOf(next, now.getTime()) : 0;
}

const DELETION = { action: 'delete', next: null, changes: [], isCounted: false, hold: null } as const;

/** Those of a link, and of the instances of a series. */
function problemsOf({ links, series }: Plan): LinkProblems[] {
  const ofInstances = groupBy(series, ({ linkId }) => linkId);
  return links.map(({ linkId, problems }) => {
    const all = [...problems, ...(ofInstances.get(linkId) ?? []).flatMap((one) => one.problems)];
    return { linkId, side: null, problems: all.map(({ side, problem }) => ({ side, ...problem })) };
  });
}

function conflictRows(
  storing: Storing,
  { linkId, label, conflicts }: { linkId: string; label?: EventLabel | null; conflicts: readonly FieldConflict[] },
): NewConflict[] {
  const { deps, pairId, runId, now, rows } = storing;
  const { store } = deps;
  const agreedAt = rows.get(linkId)?.link.lastChangeAt?.getTime() ?? null;
  return conflicts.map(({ path, winner, kept, lost }) => {
    const field = path.field === 'exception' && path.occurrence === null ? 'event' : pathKey(path);
    const content = { eventTitle: label?.title ?? '', keptValue: kept ?? null, lostValue: lost ?? null };
    // The same conflict is listed once, however often it is decided before both sides agree.
    const identity = [field, winner, content.keptValue, content.lostValue, agreedAt];
    const id = deps.newId();
    return {
      id,
      pairId,
      linkId,
      runId,
      at: now,
      field,
      winner,
      content: store.vault.seal(JSON.stringify(content), pairCell(pairId, 'conflicts.content', id)),
      digest: hashOf(store, identity),
    };
  });
}

function seal(
  { deps, pairId }: Storing,
  value: object | null,
  ...cell: ['links.agreed' | 'ops.next', string]
): Buffer | null {
  return value && deps.store.vault.seal(JSON.stringify(value), pairCell(pairId, ...cell));
}
