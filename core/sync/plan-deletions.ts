/**
 * The deletions of a run, planned together once all are known: they are done, or the deletion guard holds all of a side
 * that count. Pure.
 */
import type { SideName } from '../event.ts';
import { deletionsLastDay, type EventCounts, type HoldReason, holdReason } from './deletion-guard.ts';
import type { InstanceToPlan, PlanInput } from './plan-input.ts';
import { isCountedDeletion, type LinkPlan } from './plan-link.ts';
import type { SeriesPlan } from './plan-series.ts';

export interface DeletionsPlan {
  /** The given ones; the ops of held deletions name the reason. */
  readonly links: readonly LinkPlan[];
  /** Deletions that wait for a person. */
  readonly held: readonly HeldDeletion[];
  /** Instances that go with their series, or because the other side can show the series now. */
  readonly instanceDeletions: readonly Deletion[];
  /** Links whose event is gone: open deletions of it count as done. */
  readonly forgotten: readonly string[];
  /** Other links that go. */
  readonly dropped: readonly string[];
}

interface Deletion {
  readonly linkId: string;
  readonly side: SideName;
}

interface HeldDeletion extends Deletion {
  readonly reason: HoldReason;
}

const SIDES = ['caldav', 'cloud'] as const;

export function planDeletions(
  links: readonly LinkPlan[],
  series: readonly SeriesPlan[],
  input: PlanInput,
): DeletionsPlan {
  const removals = removedInstances(links, input);
  const forgotten = idsIn('forgotten', links);
  const goneOnBoth = idsIn('gone-on-both', links);
  const dropped = [...removals.flatMap((one) => one.dropped), ...series.flatMap((one) => one.dropped)];

  const counts = countsWithout(new Set([...forgotten, ...dropped]), links, input);
  const holds = { caldav: hold('caldav'), cloud: hold('cloud') };
  function hold(side: SideName): HoldReason | null {
    const planned = [...idsCountedOn(side, links), ...goneOnBoth];
    const decided = new Set([...planned, ...idsWrittenOn(side, links, series), ...idsSettled(links)]);
    const lastDay = deletionsLastDay(input.deletions, side, { gone: new Set(forgotten), decided });
    const linked = counts.linked + lastDay;
    const present = counts[side] + goneOnBoth.length;
    return holdReason({ planned: planned.length, lastDay, linked, present }, input.options.holdDeletions);
  }

  const isHeld = ({ countedOn }: LinkPlan) => countedOn !== null && holds[countedOn] !== null;
  const holdsAny = SIDES.some((side) => holds[side] !== null);
  const goneSeries = idsIn(
    'series-gone',
    links.filter((plan) => !isHeld(plan)),
  );
  const keptSeries = new Set(idsIn('series-gone', links.filter(isHeld)));
  return {
    links: links.map((plan) => (isHeld(plan) ? withHolds(plan, holds) : plan)),
    held: [
      ...links.flatMap(({ linkId, ops }) =>
        ops.flatMap(({ side, hold: reason }) => (reason ? [{ linkId, side, reason }] : [])),
      ),
      ...SIDES.flatMap((side) => {
        const reason = holds[side];
        return reason ? idsCountedOn(side, links).map((linkId) => ({ linkId, side, reason })) : [];
      }),
      ...(holdsAny ? goneOnBoth.map((linkId) => ({ linkId, side: 'caldav', reason: 'lost-on-both' }) as const) : []),
    ],
    instanceDeletions: removals.filter(({ seriesId }) => !keptSeries.has(seriesId)).flatMap((one) => one.deletions),
    forgotten: holdsAny ? forgotten : [...forgotten, ...goneOnBoth],
    dropped: [...dropped, ...goneSeries],
  };
}

interface Removal {
  readonly seriesId: string;
  readonly deletions: readonly Deletion[];
  /** Links of instances that are gone already. */
  readonly dropped: readonly string[];
}

/** Of series that do not exist any more the copies go, but no event that only was linked to them. */
function removedInstances(links: readonly LinkPlan[], { events, instances }: PlanInput): Removal[] {
  const removal = (seriesId: string, onlyOwned: boolean): Removal => {
    const all = instances.get(seriesId) ?? [];
    const isThere = ({ sides }: InstanceToPlan) =>
      Object.values(sides).some(({ isGone, isOwned }) => !isGone && (isOwned || !onlyOwned));
    return {
      seriesId,
      deletions: all.filter(isThere).map(({ linkId, sides }) => ({ linkId, side: sides.cloud ? 'cloud' : 'caldav' })),
      dropped: all.filter((instance) => !isThere(instance)).map(({ linkId }) => linkId),
    };
  };
  const existing = new Set(events.map(({ linkId }) => linkId));
  return [
    ...links.filter(({ removesInstances }) => removesInstances).map(({ linkId }) => removal(linkId, false)),
    ...[...instances.keys()].filter((id) => !existing.has(id)).map((id) => removal(id, true)),
  ];
}

/** How many events are left without those of these links. */
function countsWithout(
  gone: ReadonlySet<string>,
  links: readonly LinkPlan[],
  { counts, events, instances }: PlanInput,
): EventCounts {
  const sides = [events, ...instances.values()].flatMap((some) =>
    some.filter(({ linkId }) => gone.has(linkId)).map((one) => one.sides),
  );
  const present = (side: SideName) => counts[side] - sides.filter((one) => one[side]?.isPresent).length;
  const unlinked = links.filter(({ droppedSides }) => droppedSides.length > 0).length;
  const linked = counts.linked - unlinked - sides.filter(({ caldav, cloud }) => caldav && cloud).length;
  return { caldav: present('caldav'), cloud: present('cloud'), linked };
}

function idsIn(state: LinkPlan['state'], links: readonly LinkPlan[]): string[] {
  return links.filter((plan) => plan.state === state).map(({ linkId }) => linkId);
}

function idsCountedOn(side: SideName, links: readonly LinkPlan[]): string[] {
  return links.filter(({ countedOn }) => countedOn === side).map(({ linkId }) => linkId);
}

function idsSettled(links: readonly LinkPlan[]): string[] {
  return links.filter(({ isSettled }) => isSettled).map(({ linkId }) => linkId);
}

/** Links of events that the run creates or updates on a side. */
function idsWrittenOn(side: SideName, links: readonly LinkPlan[], series: readonly SeriesPlan[]): string[] {
  const ops = [
    ...links.flatMap((plan) => plan.ops.map((op) => ({ linkId: plan.linkId, op }))),
    ...series.flatMap(({ linkId, update }) => (update ? [{ linkId, op: update }] : [])),
  ];
  return ops.filter(({ op }) => op.side === side && op.action !== 'delete').map(({ linkId }) => linkId);
}

function withHolds(plan: LinkPlan, holds: Readonly<Record<SideName, HoldReason | null>>): LinkPlan {
  return { ...plan, ops: plan.ops.map((op) => (isCountedDeletion(op) ? { ...op, hold: holds[op.side] } : op)) };
}
