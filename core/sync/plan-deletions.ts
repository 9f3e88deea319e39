/**
 * The deletions of a run, planned together once all are known: they are done, or the deletion guard holds all of a side
 * that count. Pure.
 */
import { SIDES, type SideName } from '../event.ts';
import { groupBy } from '../group-by.ts';
import {
  type DeletionHistory,
  type DeletionLimit,
  deletionsLastDay,
  type EventCounts,
  type HoldReason,
  holdReason,
} from './deletion-guard.ts';
import type { InstanceToPlan, PlanInput, SideStates } from './plan-input.ts';
import { isCountedDeletion, type LinkPlan } from './plan-link.ts';
import type { SeriesPlan } from './plan-series.ts';

/** What planned events mean for the deletions of their run. */
export interface DeletionFacts {
  /** Plans that are completed here, and stored last. */
  readonly waiting: readonly LinkPlan[];
  /** Links of events that the run creates or updates on a side. */
  readonly written: Readonly<Record<SideName, readonly string[]>>;
  /** Links whose sides agree. */
  readonly settled: readonly string[];
  /** Instances that may go. */
  readonly removals: readonly Removal[];
  /** What is stored of the links that may go. */
  readonly sides: ReadonlyMap<string, SideStates>;
}

export interface DeletionsPlan {
  /** Deletions that wait for a person. */
  readonly held: readonly HeldDeletion[];
  /** What becomes of the links; each part is stored as a whole. */
  readonly parts: readonly DeletionPart[];
}

export interface DeletionPart {
  /** The completed plan; the ops of held deletions name the reason. */
  readonly link: LinkPlan | null;
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

export interface HeldDeletion extends Deletion {
  readonly reason: HoldReason;
}

interface Removal {
  readonly seriesId: string;
  readonly deletions: readonly Deletion[];
  /** Links of instances that are gone already. */
  readonly dropped: readonly string[];
}

/** True for a plan that the deletion guard may hold, or that deletes a link or one of its sides. */
export function waitsForDeletions({ state, countedOn, droppedSides }: LinkPlan): boolean {
  return countedOn !== null || droppedSides.length > 0 || GONE.has(state);
}

const GONE: ReadonlySet<LinkPlan['state']> = new Set(['forgotten', 'gone-on-both', 'series-gone']);

/** @param links all of some events @param series those of expanded series among them */
export function factsOf(
  links: readonly LinkPlan[],
  series: readonly SeriesPlan[],
  input: Pick<PlanInput, 'events' | 'instances'>,
): DeletionFacts {
  const waiting = links.filter(waitsForDeletions);
  const removals = [
    ...removedInstances(links, input),
    ...series.flatMap(({ linkId, dropped }) =>
      dropped.length > 0 ? [{ seriesId: linkId, deletions: [], dropped }] : [],
    ),
  ];
  const mayGo = new Set([...idsIn('forgotten', waiting), ...removals.flatMap(({ dropped }) => dropped)]);
  return {
    waiting,
    written: { caldav: idsWrittenOn('caldav', links, series), cloud: idsWrittenOn('cloud', links, series) },
    settled: links.filter(({ isSettled }) => isSettled).map(({ linkId }) => linkId),
    removals,
    sides: new Map(
      [input.events, ...input.instances.values()].flatMap((some) =>
        some.filter(({ linkId }) => mayGo.has(linkId)).map(({ linkId, sides }) => [linkId, sides] as const),
      ),
    ),
  };
}

/** How many events there are, and what was deleted lately, before any of the plan is stored. */
export interface DeletionInput {
  readonly counts: EventCounts;
  readonly deletions: DeletionHistory;
  readonly limit: DeletionLimit;
}

/** False: nothing is held because of its number, whatever the counts are. */
export function mayBeHeld(facts: readonly DeletionFacts[]): boolean {
  return facts.some(({ waiting }) => waiting.some((plan) => plan.countedOn !== null || plan.state === 'gone-on-both'));
}

/** @param facts of all events of the run */
export function planDeletions(facts: readonly DeletionFacts[], input: DeletionInput): DeletionsPlan {
  const links = facts.flatMap(({ waiting }) => waiting);
  const removals = facts.flatMap((one) => one.removals);
  const forgotten = new Set(idsIn('forgotten', links));
  const goneOnBoth = idsIn('gone-on-both', links);

  const counts = countsWithout(new Set([...forgotten, ...removals.flatMap(({ dropped }) => dropped)]), facts, input);
  const settled = facts.flatMap((one) => one.settled);
  const holds = { caldav: hold('caldav'), cloud: hold('cloud') };
  function hold(side: SideName): HoldReason | null {
    const planned = [...idsCountedOn(side, links), ...goneOnBoth];
    if (planned.length === 0) return null;
    const decided = new Set([...planned, ...facts.flatMap(({ written }) => written[side]), ...settled]);
    const lastDay = deletionsLastDay(input.deletions, side, { gone: forgotten, decided });
    const linked = counts.linked + lastDay;
    const present = counts[side] + goneOnBoth.length;
    return holdReason({ planned: planned.length, lastDay, linked, present }, input.limit);
  }

  const isHeld = ({ countedOn }: LinkPlan) => countedOn !== null && holds[countedOn] !== null;
  const holdsAny = SIDES.some((side) => holds[side] !== null);
  const goneSeries = new Set(
    idsIn(
      'series-gone',
      links.filter((plan) => !isHeld(plan)),
    ),
  );
  const keptSeries = new Set(idsIn('series-gone', links.filter(isHeld)));
  const isForgotten = ({ state }: LinkPlan) => state === 'forgotten' || (state === 'gone-on-both' && !holdsAny);
  const waiting = new Set(links.map(({ linkId }) => linkId));
  const bySeries = groupBy(removals, ({ seriesId }) => seriesId);
  const removed = (seriesId: string) => bySeries.get(seriesId) ?? [];
  const part = (linkId: string, link: LinkPlan | null): DeletionPart => ({
    link: link && (isHeld(link) ? withHolds(link, holds) : link),
    instanceDeletions: keptSeries.has(linkId) ? [] : removed(linkId).flatMap(({ deletions }) => deletions),
    forgotten: link && isForgotten(link) ? [linkId] : [],
    dropped: [...removed(linkId).flatMap(({ dropped }) => dropped), ...(goneSeries.has(linkId) ? [linkId] : [])],
  });
  const others = new Set(removals.map(({ seriesId }) => seriesId).filter((id) => !waiting.has(id)));
  return {
    held: [
      ...SIDES.flatMap((side) => {
        const reason = holds[side];
        return reason ? idsCountedOn(side, links).map((linkId) => ({ linkId, side, reason })) : [];
      }),
      ...(holdsAny ? goneOnBoth.map((linkId) => ({ linkId, side: 'caldav', reason: 'lost-on-both' }) as const) : []),
    ],
    parts: [...links.map((link) => part(link.linkId, link)), ...[...others].map((seriesId) => part(seriesId, null))],
  };
}

/** Of series that do not exist any more the copies go, but no event that only was linked to them. */
function removedInstances(
  links: readonly LinkPlan[],
  { events, instances }: Pick<PlanInput, 'events' | 'instances'>,
): Removal[] {
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
  facts: readonly DeletionFacts[],
  { counts }: DeletionInput,
): EventCounts {
  const sides = facts.flatMap((one) =>
    [...one.sides].flatMap(([linkId, states]) => (gone.has(linkId) ? [states] : [])),
  );
  const present = (side: SideName) => counts[side] - sides.filter((one) => one[side]?.isPresent).length;
  const unlinked = facts.flatMap(({ waiting }) => waiting.filter(({ droppedSides }) => droppedSides.length > 0)).length;
  const linked = counts.linked - unlinked - sides.filter(({ caldav, cloud }) => caldav && cloud).length;
  return { caldav: present('caldav'), cloud: present('cloud'), linked };
}

function idsIn(state: LinkPlan['state'], links: readonly LinkPlan[]): string[] {
  return links.filter((plan) => plan.state === state).map(({ linkId }) => linkId);
}

function idsCountedOn(side: SideName, links: readonly LinkPlan[]): string[] {
  return links.filter(({ countedOn }) => countedOn === side).map(({ linkId }) => linkId);
}

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
