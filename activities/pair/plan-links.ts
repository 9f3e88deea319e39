/**
 * Plans what a run does about links, some at a time: each chunk is loaded, decided about (`planChunk`) and stored in a
 * transaction of its own, so that a pause or a changed setting never waits long. What depends on all deletions of the
 * run (`planDeletions`) comes last. A run that broke off half-way plans again what has not been done.
 */
import { ApplicationFailure } from '@temporalio/common';
import { type ChunkPlan, planChunk } from '../../core/sync/plan-chunk.ts';
import {
  type DeletionFacts,
  type DeletionPart,
  type DeletionsPlan,
  mayBeHeld,
  planDeletions,
} from '../../core/sync/plan-deletions.ts';
import type { EventToPlan, InstanceToPlan } from '../../core/sync/plan-input.ts';
import { labelOf } from '../../core/sync/plan-link.ts';
import { chunksOf } from '../../core/sync/plan-order.ts';
import { isOrphan, type RelinkedInstance, relinkInstances } from '../../core/sync/relink-instances.ts';
import { Superseded } from '../../db/epoch.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { Store } from '../../db/store.ts';
import { type Deps, EVENTS_AT_ONCE } from '../deps.ts';
import { loadPlanInput } from './load-plan-input.ts';
import { type OpenPair, openPair } from './open-pair.ts';
import { type PlannedLink, storePlan, storeRelinked } from './store-plan.ts';

/** How much a plan has brought. */
export interface Planned {
  /** Ops to be carried out. */
  readonly ops: number;
  /** New ones only, like the next two. */
  readonly conflicts: number;
  readonly held: number;
  readonly problems: number;
  /** Links or sides of links may go. */
  readonly losesEvents: boolean;
  /** Series whose instances an earlier pair had created. */
  readonly relinkedSeries: ReadonlySet<string>;
}

interface Run {
  readonly id: string;
  readonly epoch: number;
  /** A preview, which writes nothing, is made of a paused pair, too. */
  readonly evenIfPaused?: boolean;
  /** Called after each chunk with the number of links planned so far. */
  readonly hasPlanned?: (links: number) => Promise<void>;
}

const DAY_MS = 86_400_000;

/**
 * Drops what the run planned for these links before and has not done. The run's counts are kept with each chunk.
 * @throws ApplicationFailure `Paused`
 */
export async function planLinks(deps: Deps, opened: OpenPair, run: Run, linkIds: readonly string[]): Promise<Planned> {
  const planning = new Planning(deps, opened, run);
  const deferred: string[] = [];
  let done = 0;
  for (const ids of await planning.chunks(linkIds)) {
    deferred.push(...(await planning.plan(ids, true)));
    done += ids.length;
    await run.hasPlanned?.(done);
  }
  if (deferred.length > 0) {
    await planning.relink(deferred);
    for (const ids of await planning.chunks(deferred)) await planning.plan(ids, false);
  }
  await planning.planDeletions();
  return planning.planned();
}

class Planning {
  private readonly deps: Deps;
  private readonly run: Run;
  private readonly pairId: string;
  private readonly size: number;
  /** With the settings of the chunk before. */
  private open: OpenPair;
  private readonly facts: DeletionFacts[] = [];
  /** What is stored of the links of plans that wait for `planDeletions`. */
  private readonly waiting = new Map<string, PlannedLink>();
  private readonly gone = new Set<string>();
  /** The settings that the facts were found with; null: with several. */
  private revision: number | null | undefined;
  private needsFullListing = false;
  private readonly total = { ops: 0, conflicts: 0, held: 0, problems: 0 };
  private readonly relinkedSeries = new Set<string>();

  constructor(deps: Deps, open: OpenPair, run: Run) {
    this.deps = deps;
    this.open = open;
    this.run = run;
    this.pairId = open.pair.id;
    this.size = deps.eventsAtOnce ?? EVENTS_AT_ONCE;
  }

  planned(): Planned {
    return { ...this.total, losesEvents: this.facts.some(losesEvents), relinkedSeries: this.relinkedSeries };
  }

  async chunks(linkIds: readonly string[]): Promise<string[][]> {
    const { store, clock } = this.deps;
    const outlines = (await store.outlines(linkIds)).map(({ label, ...outline }) => ({
      ...outline,
      start: label && startOf(store, label, pairCell(this.pairId, 'links.label', outline.id)),
    }));
    return chunksOf(outlines, this.size, clock.now().getTime());
  }

  /** Returns the events that are to be planned with others (`ChunkPlan.deferred`). */
  async plan(linkIds: readonly string[], mayDefer: boolean): Promise<readonly string[]> {
    return this.inTransaction(async (deps, isOutdated) => {
      const { store } = deps;
      const { open, run } = this;
      // Until the plan is stored no other pair plans for the same calendars.
      const shared = await store.lockShared(open.pair);
      await store.dropUndoneOps(run.id, linkIds);
      const { input, rows } = await loadPlanInput(deps, open, shared, linkIds);
      const plan = planChunk({ ...input, defersInstances: mayDefer }, this.gone);
      this.logFailures(plan);
      this.note(plan, rows, open.pair.settingsRevision);
      await this.store(deps, rows, isOutdated, plan);
      return plan.deferred;
    });
  }

  /** Finds out which of these events are instances of which series of the pair, and stores it. */
  async relink(linkIds: readonly string[]): Promise<void> {
    const [orphans, series]: [EventToPlan[], EventToPlan[]] = [[], []];
    const instances = new Map<string, readonly InstanceToPlan[]>();
    const load = async (some: readonly string[]): Promise<void> => {
      for (const ids of await this.chunks(some)) {
        await this.inTransaction(async (deps) => {
          const { input } = await loadPlanInput(deps, this.open, {}, ids);
          for (const event of input.events) (isOrphan(event) ? orphans : series).push(event);
          for (const [id, known] of input.instances) instances.set(id, known);
        });
      }
    };
    await load(linkIds);
    if (orphans.length === 0) return;
    // Of a series that is expanded already only some instances may be unknown.
    const expanded = await this.deps.store.expandedSeries(this.pairId);
    await load(expanded.filter((id) => !linkIds.includes(id)));
    const found = relinkInstances(orphans, series, { instances, options: this.open.pair.options });
    for (let start = 0; start < found.length; start += this.size) {
      const some = found.slice(start, start + this.size);
      await this.inTransaction((deps) => storeRelinked(deps, this.pairId, some.map(withLabel)));
      for (const { seriesId } of some) this.relinkedSeries.add(seriesId);
    }
  }

  /**
   * All deletions of a side are held, or none: what is held is stored first, and together. If the settings have changed
   * since the events were decided about, the next run decides.
   */
  async planDeletions(): Promise<void> {
    const { deps, facts, pairId } = this;
    if (this.needsFullListing) await deps.store.updatePair(pairId, { fullListingAt: new Date(0) });
    const since = new Date(deps.clock.now().getTime() - DAY_MS);
    const isCounted = mayBeHeld(facts);
    const plan = planDeletions(facts, {
      counts: isCounted ? await deps.store.countEvents(pairId) : NO_COUNTS,
      deletions: isCounted ? await deps.store.deletionsSince(pairId, since, [...this.gone]) : NO_DELETIONS,
      limit: this.open.pair.options.holdDeletions,
    });
    if (plan.held.length > 0) await this.storeParts([], plan.held);
    for (const parts of inParts(plan.parts, this.size)) await this.storeParts(parts, []);
  }

  private storeParts(parts: readonly DeletionPart[], held: DeletionsPlan['held']): Promise<void> {
    return this.inTransaction(async (deps, isOutdated, revision) => {
      if (revision !== this.revision) return;
      await this.store(deps, this.waiting, isOutdated, {
        links: parts.flatMap(({ link }) => link ?? []),
        series: [],
        held,
        instanceDeletions: parts.flatMap(({ instanceDeletions }) => instanceDeletions),
        forgotten: parts.flatMap(({ forgotten }) => forgotten),
        dropped: parts.flatMap(({ dropped }) => dropped),
      });
    });
  }

  private async store(
    deps: Deps,
    rows: ReadonlyMap<string, PlannedLink>,
    isOutdated: boolean,
    plan: Parameters<typeof storePlan>[1],
  ): Promise<void> {
    const { pairId, run, total } = this;
    const stored = await storePlan({ deps, pairId, runId: run.id, now: deps.clock.now(), isOutdated, rows }, plan);
    if (stored.conflicts + stored.held + stored.problems > 0) await deps.store.addToRun(run.id, stored);
    for (const key of ['ops', 'conflicts', 'held', 'problems'] as const) total[key] += stored[key];
  }

  private note(plan: ChunkPlan, rows: ReadonlyMap<string, PlannedLink>, revision: number): void {
    this.facts.push(plan.facts);
    for (const { linkId, state } of plan.facts.waiting) {
      const row = rows.get(linkId);
      // What the sides show is not needed any more: many events may be waiting.
      if (row) this.waiting.set(linkId, { link: row.link });
      if (state === 'forgotten') this.gone.add(linkId);
    }
    this.revision = this.revision === undefined || this.revision === revision ? revision : null;
    this.needsFullListing ||= plan.needsFullListing;
  }

  private logFailures({ links, series, facts: { waiting } }: ChunkPlan): void {
    for (const { linkId, error } of [...links, ...waiting, ...series])
      if (error !== undefined)
        this.deps.log.error({ pairId: this.pairId, linkId, err: error }, 'no decision could be made about an event');
  }

  private async inTransaction<T>(work: (deps: Deps, isOutdated: boolean, revision: number) => Promise<T>): Promise<T> {
    const { deps, run, pairId } = this;
    const now = await deps.store.pairNow(pairId);
    if (!now || now.epoch !== run.epoch) throw new Superseded();
    if (now.paused && !run.evenIfPaused) throw ApplicationFailure.retryable('the pair is paused', 'Paused');
    // A person may have changed the settings meanwhile.
    if (now.settingsRevision !== this.open.pair.settingsRevision)
      this.open = (await openPair(deps, pairId)) ?? this.open;
    const { settingsRevision } = this.open.pair;
    return deps.store.underEpoch(pairId, run.epoch, async (store, revision) => {
      await this.noteSettings(store, settingsRevision);
      return work({ ...deps, store }, revision !== settingsRevision, revision);
    });
  }

  /** The oldest settings of all plans of the run: what they do not fit is decided again. */
  private async noteSettings(store: Store, settingsRevision: number): Promise<void> {
    if (this.hasNotedSettings) return;
    const planned = await store.getRun(this.run.id);
    if (planned?.settingsRevision === null) await store.updateRun(this.run.id, { settingsRevision });
    this.hasNotedSettings = true;
  }

  private hasNotedSettings = false;
}

const NO_COUNTS = { caldav: 0, cloud: 0, linked: 0 };
const NO_DELETIONS = { done: { caldav: 0, cloud: 0 }, open: [] };

function losesEvents({ waiting, removals }: DeletionFacts): boolean {
  return waiting.length + removals.length > 0;
}

function startOf(store: Store, label: Buffer, cell: string): string | null {
  const opened = JSON.parse(store.vault.open(label, cell)) as {
    start?: string;
    repeats?: boolean;
  } | null;
  return !opened?.start || opened.repeats ? null : opened.start;
}

function withLabel({ orphan, ...found }: RelinkedInstance) {
  return { linkId: orphan.linkId, label: orphan.view && labelOf(orphan.view), ...found };
}

/** About as many links in each as in a chunk. */
function* inParts(parts: readonly DeletionPart[], most: number): Generator<DeletionPart[]> {
  let some: DeletionPart[] = [];
  let size = 0;
  for (const part of parts) {
    const links = 1 + part.instanceDeletions.length + part.dropped.length;
    if (size > 0 && size + links > most) {
      yield some;
      [some, size] = [[], 0];
    }
    some.push(part);
    size += links;
  }
  if (some.length > 0) yield some;
}
