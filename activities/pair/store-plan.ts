/** Stores a plan: its ops, conflicts, problems and held deletions, and what becomes of the links. */
import type { Op, SideProblem } from '../../core/sync/decide.ts';
import { DELETED } from '../../core/sync/journal.ts';
import { type FieldConflict } from '../../core/sync/merge.ts';
import { pathKey } from '../../core/sync/paths.ts';
import type { EventLabel, LinkPlan, LinkState } from '../../core/sync/plan-link.ts';
import type { RunPlan } from '../../core/sync/plan-run.ts';
import type { SeriesPlan } from '../../core/sync/plan-series.ts';
import type { LinkRow } from '../../db/links.ts';
import type { NewOp } from '../../db/ops.ts';
import { pairContext } from '../../db/pairs.ts';
import type { NewProblem } from '../../db/problems.ts';
import type { Deps } from '../deps.ts';
import type { Loaded } from './link-view.ts';
import { later } from './observe.ts';
import { fieldsOf, hashOf } from './write-journal.ts';

/** How much a plan has brought. */
export interface Planned {
  /** Ops to be carried out. */
  readonly ops: number;
  /** New ones only, like the next two. */
  readonly conflicts: number;
  readonly held: number;
  readonly problems: number;
  /** Series whose instances an earlier pair had created. */
  readonly relinkedSeries: ReadonlySet<string>;
}

interface Storing {
  readonly deps: Deps;
  readonly pairId: string;
  readonly runId: string;
  readonly now: Date;
  /** The pair has other settings than these plans were made with: all is decided again. */
  readonly isOutdated: boolean;
  /** The planned links, as they are stored. */
  readonly rows: ReadonlyMap<string, Loaded>;
}

export async function storePlan(storing: Storing, plan: RunPlan): Promise<Planned> {
  const { pairId, now } = storing;
  const { store } = storing.deps;
  const ops: NewOp[] = [];
  let [conflicts, problems] = [0, 0];
  // What failed before comes last: it must not put off the others.
  const attemptsOf = ({ linkId }: LinkPlan) => storing.rows.get(linkId)?.link.attempts ?? 0;
  for (const link of [...plan.links].sort((a, b) => attemptsOf(a) - attemptsOf(b))) {
    problems += await store.setProblems(pairId, link.linkId, problemRows(link), now);
    conflicts += await storeConflicts(storing, link);
    await storeLink(storing, link);
    for (const op of link.ops) {
      const row = opRow(storing, link.linkId, op);
      if (op.hold === null) ops.push(row);
    }
  }
  for (const { linkId, seriesId, occurrence, side, label } of plan.relinked) {
    await store.updateLinks([linkId], { parentId: seriesId, occurrence, label: seal(storing, label) });
    await store.updateSide(linkId, side, { owned: true });
  }
  for (const series of plan.series) {
    ops.push(...(await storeSeries(storing, series)));
    for (const row of problemRows(series)) problems += (await store.addProblem(pairId, row, now)) ? 1 : 0;
    conflicts += await storeConflicts(storing, series);
  }
  for (const { linkId, side } of plan.instanceDeletions) ops.push(opRow(storing, linkId, { ...DELETION, side }));

  await store.insertOps(ops);
  await store.finishDeletions(plan.forgotten, now);
  await store.deleteLinks([...plan.forgotten, ...plan.dropped]);
  const held = await store.hold(plan.held.map((one) => ({ pairId, since: now, ...one })));
  const heldIds = plan.held.map(({ linkId }) => linkId);
  await store.updateLinks(heldIds, { dirty: storing.isOutdated });
  if (plan.needsFullListing) await store.updatePair(pairId, { fullListingAt: new Date(0) });
  const relinkedSeries = new Set(plan.relinked.map(({ seriesId }) => seriesId));
  return { ops: ops.length, conflicts, held, problems, relinkedSeries };
}

async function storeLink(storing: Storing, plan: LinkPlan): Promise<void> {
  const { store } = storing.deps;
  const { linkId } = plan;
  if (plan.isReleased) await store.release([linkId]);
  for (const side of plan.droppedSides) await store.dropSide(linkId, side);
  if (plan.isSettled) await store.settleSides(storing.rows.get(linkId)?.sides ?? {});
  const label = plan.label === undefined ? {} : { label: seal(storing, plan.label) };
  const columns = { ...label, ...stateColumns(storing, plan.state) };
  if (Object.keys(columns).length > 0) await store.updateLinks([linkId], columns);
}

function stateColumns(
  { deps, isOutdated }: Storing,
  state: LinkState,
): Partial<Pick<LinkRow, 'dirty' | 'retryAt' | 'attempts' | 'failedTries' | 'refusals'>> {
  switch (state) {
    case 'again':
      return { dirty: true };
    case 'left-alone':
      return { dirty: isOutdated };
    case 'finished':
      return { dirty: isOutdated, retryAt: null, attempts: 0, failedTries: 0, refusals: null };
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

/** Links of new instances, and the ops of all. */
async function storeSeries(storing: Storing, { linkId, ops, update, settled, released }: SeriesPlan): Promise<NewOp[]> {
  const { deps, pairId, rows } = storing;
  const { store } = deps;
  const instances = ops.map((one) => ({ ...one, id: one.linkId ?? deps.newId(), isNew: one.linkId === null }));
  const label = rows.get(linkId)?.link.label ?? null;
  await store.insertLinks(
    instances
      .filter(({ isNew }) => isNew)
      .map(({ id, occurrence }) => ({ id, pairId, dirty: true, parentId: linkId, occurrence, label })),
  );
  for (const { linkId: id, side, label: own } of released) {
    const link = { parentId: null, occurrence: null, agreed: null, label: seal(storing, own), dirty: true };
    await store.updateLinks([id], link);
    await store.updateSide(id, side, { owned: false, base: null, baseVersion: null });
  }
  if (update) await store.updateLinks([linkId], { dirty: true });
  for (const one of settled) {
    await store.settleSides(rows.get(one.linkId)?.sides ?? {});
    await store.updateLinks([one.linkId], { dirty: storing.isOutdated, agreed: seal(storing, one.agreed) });
  }
  return [
    ...instances.map(({ id, op }) => opRow(storing, id, op)),
    ...(update ? [opRow(storing, linkId, update)] : []),
  ];
}

function opRow(storing: Storing, linkId: string, { side, action, isCounted, next, changes }: Op): NewOp {
  const { deps, pairId, runId } = storing;
  return {
    id: deps.newId(),
    runId,
    pairId,
    linkId,
    side,
    action,
    counted: isCounted,
    status: 'pending',
    next: seal(storing, next),
    fields: action === 'delete' ? { [DELETED]: '' } : fieldsOf(deps.store, changes),
  };
}

const DELETION = { action: 'delete', next: null, changes: [], isCounted: false, hold: null } as const;

function problemRows(plan: { readonly linkId: string; readonly problems: readonly SideProblem[] }): NewProblem[] {
  return plan.problems.map(({ side, problem }) => ({ linkId: plan.linkId, side, ...problem }));
}

/** Answers how many are new. */
async function storeConflicts(
  storing: Storing,
  { linkId, label, conflicts }: { linkId: string; label?: EventLabel | null; conflicts: readonly FieldConflict[] },
): Promise<number> {
  const { deps, pairId, runId, now, rows } = storing;
  const { store } = deps;
  const agreedAt = rows.get(linkId)?.link.lastChangeAt?.getTime() ?? null;
  return store.insertConflicts(
    conflicts.map(({ path, winner, kept, lost }) => {
      const field = path.field === 'exception' && path.occurrence === null ? 'event' : pathKey(path);
      const content = { eventTitle: label?.title ?? '', keptValue: kept ?? null, lostValue: lost ?? null };
      // The same conflict is listed once, however often it is decided before both sides agree.
      const identity = [field, winner, content.keptValue, content.lostValue, agreedAt];
      return {
        id: deps.newId(),
        pairId,
        linkId,
        runId,
        at: now,
        field,
        winner,
        content: store.vault.seal(JSON.stringify(content), pairContext(pairId)),
        digest: hashOf(store, identity),
      };
    }),
  );
}

function seal({ deps, pairId }: Storing, value: object | null): Buffer | null {
  return value && deps.store.vault.seal(JSON.stringify(value), pairContext(pairId));
}
