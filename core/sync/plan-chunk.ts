/**
 * What a run is to do, some events at a time. Each link is decided about by itself (`planLink`), then the instances of
 * series (`planSeries`). What depends on all deletions of the run waits for `planDeletions`. Pure: the activity loads
 * the input and stores the plan.
 */
import { changedContent, contentOnly, otherSide, type SideName } from '../event.ts';
import type { FieldConflict } from './conflict.ts';
import { type DeletionFacts, factsOf, type HeldDeletion, waitsForDeletions } from './plan-deletions.ts';
import type { EventToPlan, PlanInput } from './plan-input.ts';
import {
  type Decided,
  decideEvent,
  isExpanded,
  isOnBoth,
  type LinkPlan,
  labelOf,
  planLink,
  UNDECIDED,
} from './plan-link.ts';
import { NO_INSTANCES, planSeries, type SeriesPlan } from './plan-series.ts';
import { sourceOf } from './policy.ts';
import { isOrphan } from './relink-instances.ts';

export interface ChunkPlan {
  /** Those that can be stored at once. */
  readonly links: readonly LinkPlan[];
  /** Expanded series, beside the plans of their links. */
  readonly series: readonly SeriesPlan[];
  /** Deletions that wait for a person, however many the run has. */
  readonly held: readonly HeldDeletion[];
  /** What the deletions of the run are planned by. */
  readonly facts: DeletionFacts;
  /**
   * Series whose instances may be there already, and events that may be these (`relinkInstances`). They are planned
   * when all of them are known.
   */
  readonly deferred: readonly string[];
  /** A copy may exist that no change feed reports. */
  readonly needsFullListing: boolean;
}

/**
 * A series and all its instances are in one chunk. @param gone links that earlier chunks of the run have found to be
 * gone: these come first, since nothing is a duplicate of them
 */
export function planChunk(input: PlanInput, gone: ReadonlySet<string> = new Set()): ChunkPlan {
  const all = input.events.map((event) => decideEvent(event, input));
  const deferred = input.defersInstances
    ? all.filter((one) => one.decision && (isExpanded(one) || mayBeInstance(one.event, input)))
    : [];
  const decided = all.filter((one) => !deferred.includes(one));
  const forgotten = new Set(gone);
  const series = decided.filter(isExpanded).flatMap((one) => planInstances(asWritten(one), input));
  const links = decided.map((one) => {
    const plan = planLink(one, input, forgotten);
    if (plan.state === 'forgotten') forgotten.add(plan.linkId);
    if (one.decision?.link === 'forget' && ['open', 'left-alone'].includes(plan.state))
      series.push(atRest(plan, input));
    if (!plan.removesInstances || !['open', 'finished'].includes(plan.state)) return plan;
    const released = releasedWithoutSeries(one.event, input);
    if (released.length > 0) {
      series.push({ ...NO_INSTANCES, linkId: plan.linkId, label: plan.label ?? null, released });
      return waitingForEdits(plan);
    }
    const lost = editsWithoutSeries(one.event, input);
    if (lost.length > 0) return { ...plan, conflicts: [...plan.conflicts, ...lost] };
    const edits = planInstances(one.event, input).filter(({ update, released }) => update ?? released.length > 0);
    if (edits.length === 0) return plan;
    series.push(...edits.map(onlyEdits));
    return waitingForEdits(plan);
  });
  const atOnce = links.filter((plan) => !waitsForDeletions(plan));
  return {
    links: atOnce,
    series,
    held: atOnce.flatMap(({ linkId, ops }) =>
      ops.flatMap(({ side, hold: reason }) => (reason ? [{ linkId, side, reason }] : [])),
    ),
    facts: factsOf(links, series, input),
    deferred: deferred.map(({ event }) => event.linkId),
    needsFullListing: input.events.some(({ linkId, mayHaveCopy }) => mayHaveCopy && forgotten.has(linkId)),
  };
}

/** Once both calendars have been compared, only what none of this installation's pairs has made. */
function mayBeInstance(event: EventToPlan, { needsMatching }: PlanInput): boolean {
  return isOrphan(event) && (needsMatching || event.duplicates.isByUnknown === true);
}

/**
 * The other side can show a series now whose instances people have edited there since: the series gets these edits
 * first, and replaces its instances in the next run.
 */
function waitingForEdits(plan: LinkPlan): LinkPlan {
  return { ...plan, state: 'again', ops: [], conflicts: [], removesInstances: false };
}

function onlyEdits({ linkId, label, update, renamed, isBase, released, conflicts }: SeriesPlan): SeriesPlan {
  return { ...NO_INSTANCES, linkId, label, update, renamed, isBase, released, conflicts };
}

/** Nothing is decided about the instances of a series whose deletion waits for a person. */
function atRest({ linkId }: LinkPlan, { instances }: PlanInput): SeriesPlan {
  const awaited = (instances.get(linkId) ?? []).map((instance) => instance.linkId);
  return { ...NO_INSTANCES, linkId, label: null, awaited };
}

/** The event with what this run writes to it: its instances are made of that. */
function asWritten({ event, decision }: Decided): EventToPlan {
  const { view } = event;
  if (!view) return event;
  const sides = Object.fromEntries(
    (decision?.ops ?? []).flatMap(({ side, action, next }) => {
      const shown = view[side];
      return action === 'update' && shown ? [[side, { ...shown, now: next }]] : [];
    }),
  );
  return { ...event, view: { ...view, ...sides } };
}

/** The series has become a single event, and people have made series of instances of it: those are their own. */
function releasedWithoutSeries({ linkId, view }: EventToPlan, input: PlanInput): SeriesPlan['released'] {
  const side: SideName = view?.caldav?.now ? 'caldav' : 'cloud';
  const to = otherSide(side);
  if (view?.[side]?.now?.recurrence || sourceOf(input.direction) !== null) return [];
  return (input.instances.get(linkId) ?? []).flatMap(({ linkId: released, view: instance }) =>
    instance?.[to]?.now?.recurrence ? [{ linkId: released, side: to, label: labelOf(instance) }] : [],
  );
}

/** The series has become a single event, and people have edited instances of it on the other side since. */
function editsWithoutSeries({ linkId, view }: EventToPlan, input: PlanInput): FieldConflict[] {
  const side: SideName = view?.caldav?.now ? 'caldav' : 'cloud';
  if (view?.[side]?.now?.recurrence || sourceOf(input.direction) !== null) return [];
  return (input.instances.get(linkId) ?? []).flatMap(({ occurrence, view: instance }) => {
    const { now, base } = instance?.[otherSide(side)] ?? {};
    if (!now || !base || changedContent(base, now).length === 0) return [];
    const path = { occurrence, field: 'exception' } as const;
    return [{ path, winner: side, kept: undefined, lost: contentOnly(now) }];
  });
}

/** What becomes of the instances of an expanded series. */
function planInstances({ linkId, view }: EventToPlan, input: PlanInput): SeriesPlan[] {
  if (!view) return [];
  try {
    const all = input.instances.get(linkId) ?? [];
    // Beside a series that both sides show, an instance that is gone was replaced by it, and not deleted by a person.
    const instances = isOnBoth(view) ? all.filter(({ sides }) => Object.values(sides).some((one) => !one.isGone)) : all;
    const plan = planSeries(linkId, view, instances, input);
    return plan ? [plan] : [];
  } catch (error) {
    const side = view.caldav ? 'caldav' : 'cloud';
    return [{ ...NO_INSTANCES, linkId, label: null, problems: [{ side, problem: UNDECIDED }], error }];
  }
}
