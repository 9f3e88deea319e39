/**
 * What a run is to do. Each link is decided about by itself (`planLink`), then the instances of series (`planSeries`),
 * then all deletions together (`planDeletions`). Pure: the activity loads the input and stores the plan.
 */
import type { OccurrenceId, SideName } from '../event.ts';
import { type DeletionsPlan, planDeletions } from './plan-deletions.ts';
import type { EventToPlan, InstanceToPlan, PlanInput } from './plan-input.ts';
import { decideEvent, type EventLabel, isExpanded, labelOf, planLink, UNDECIDED } from './plan-link.ts';
import { NO_INSTANCES, planSeries, type SeriesPlan } from './plan-series.ts';
import { isOrphan, type RelinkedInstance, relinkInstances } from './relink-instances.ts';

export interface RunPlan extends DeletionsPlan {
  /** Expanded series, beside the plans of their links. */
  readonly series: readonly SeriesPlan[];
  readonly relinked: readonly RelinkedLink[];
  /** A copy may exist that no change feed reports. */
  readonly needsFullListing: boolean;
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

export function planRun(input: PlanInput): RunPlan {
  const decided = input.events.map((event) => decideEvent(event, input));
  const expanded = decided.filter(isExpanded).map(({ event }) => event);
  const orphans = decided.filter(({ event, decision }) => input.needsMatching && decision && isOrphan(event));
  const relinked = relinkInstances(
    orphans.map(({ event }) => event),
    expanded,
    input,
  );

  // An orphan that is no instance is an event like any other.
  const [orphaned, instances] = [new Set(orphans), new Set(relinked.map(({ orphan }) => orphan))];
  const events = [
    ...decided.filter((one) => !orphaned.has(one)),
    ...orphans.filter(({ event }) => !instances.has(event)),
  ];
  const forgotten = new Set<string>();
  const links = events.map((one) => {
    const plan = planLink(one, input, forgotten);
    if (plan.state === 'forgotten') forgotten.add(plan.linkId);
    return plan;
  });
  const series = expanded.flatMap((event) => planInstances(event, relinked, input));

  return {
    series,
    relinked: relinked.map(({ orphan, ...found }) => ({
      linkId: orphan.linkId,
      label: orphan.view && labelOf(orphan.view),
      ...found,
    })),
    needsFullListing: input.events.some(({ linkId, mayHaveCopy }) => mayHaveCopy && forgotten.has(linkId)),
    ...planDeletions(links, series, input),
  };
}

/** What becomes of the instances of an expanded series. */
function planInstances(
  { linkId, view }: EventToPlan,
  relinked: readonly RelinkedInstance[],
  input: PlanInput,
): SeriesPlan[] {
  if (!view) return [];
  const found = relinked.filter(({ seriesId }) => seriesId === linkId);
  const instances = [
    ...(input.instances.get(linkId) ?? []),
    ...found.map(({ orphan, occurrence }): InstanceToPlan => ({ ...orphan, occurrence, agreed: null })),
  ].sort((a, b) => (a.occurrence < b.occurrence ? -1 : 1));
  try {
    const plan = planSeries(linkId, view, instances, input);
    return plan ? [plan] : [];
  } catch (error) {
    const side = view.caldav ? 'caldav' : 'cloud';
    return [{ ...NO_INSTANCES, linkId, label: null, problems: [{ side, problem: UNDECIDED }], error }];
  }
}
