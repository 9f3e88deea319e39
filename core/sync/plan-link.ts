/** What becomes of one link of a run. Pure. */
import { type CalendarEvent, changedContent, type OptionalField, otherSide, type SideName } from '../event.ts';
import { type EventProblem, eventProblem } from '../event-problem.ts';
import type { FieldConflict } from './conflict.ts';
import { type Decision, decide, type LinkView, type Op, type SideProblem } from './decide.ts';
import { isFlapping } from './deletion-guard.ts';
import { isCopyOfLost, isDuplicate } from './duplicates.ts';
import { type EventLabel, labelOfEvent } from './event-label.ts';
import type { Removal } from './own-writes.ts';
import type { EventToPlan, PlanInput } from './plan-input.ts';
import { isBusyOnly, sourceOf } from './policy.ts';

export interface LinkPlan {
  readonly linkId: string;
  readonly state: LinkState;
  /** All problems that the link has from now on. */
  readonly problems: readonly SideProblem[];
  /** How lists show the event; undefined: as before. */
  readonly label?: EventLabel | null;
  readonly conflicts: readonly FieldConflict[];
  /** Its held change is obsolete. */
  readonly isReleased: boolean;
  /** Sides that are forgotten while the link stays. */
  readonly droppedSides: readonly SideName[];
  /** The copy stays away from now on. */
  readonly excluded?: Removal;
  /** Both sides agree: what they show now is their new base. */
  readonly isSettled: boolean;
  /** Then also on these fields, which only some pairs copy. */
  readonly agreedFields?: readonly OptionalField[];
  /** Those with a reason to hold are not carried out. */
  readonly ops: readonly Op[];
  /** The instances of the series go: it is gone itself, or the other side can show it now. */
  readonly removesInstances: boolean;
  /** The side of a deletion that counts against the limit of the deletion guard. */
  readonly countedOn: SideName | null;
  /** Why no decision could be made. */
  readonly error?: unknown;
}

/**
 * When the link is decided about again:
 *
 * - `open`: when its ops are done, or a person has decided
 * - `again`: in the next run
 * - `left-alone`: once something changes
 * - `finished`: likewise; earlier failures are over
 * - `leftover`: only by name, or once both sides have it
 * - `waits`: soon
 * - `unconfirmed`: soon; earlier failures are over
 *
 * Never again, if the deletions of the run are not held (`planDeletions`): `forgotten` (at once), `gone-on-both`, and
 * `series-gone`, a series with its instances.
 */
export type LinkState =
  | 'open'
  | 'again'
  | 'left-alone'
  | 'finished'
  | 'leftover'
  | 'waits'
  | 'unconfirmed'
  | 'forgotten'
  | 'gone-on-both'
  | 'series-gone';

/** A link with the decision about it alone; null: none could be made. */
export interface Decided {
  readonly event: EventToPlan;
  readonly decision: Decision | null;
  readonly flapping: SideName | null;
  readonly error?: unknown;
}

/** One event that cannot be handled must not stop the others. */
export function decideEvent(event: EventToPlan, input: PlanInput): Decided {
  const { direction, options, now, known } = input;
  if (!event.view) return { event, decision: null, flapping: null };
  try {
    const journal = known.journalOf(event.linkId);
    const { unsupported, forms } = known;
    const decision = decide(event.view, { direction, options, now, unsupported, ...(forms ? { forms } : {}), journal });
    return { event, decision, flapping: flappingSide(event.linkId, decision.ops, input) };
  } catch (error) {
    return { event, decision: null, flapping: null, error };
  }
}

function flappingSide(linkId: string, ops: readonly Op[], { known }: PlanInput): SideName | null {
  const isFlappingOp = ({ side, changes }: Op) =>
    changes.some((change) => {
      const { earlier, hash } = known.writesLastDay(linkId, side, change);
      return isFlapping(earlier, hash);
    });
  return ops.find(isFlappingOp)?.side ?? null;
}

/** True for a series that the other side has, or is to have, as single events. */
export function isExpanded({ decision, flapping }: Decided): boolean {
  return !flapping && !!decision?.problems.some(({ problem }) => problem.code === 'recurrence-written-out');
}

/** @param forgotten links of this run that are gone */
export function planLink(decided: Decided, input: PlanInput, forgotten: ReadonlySet<string>): LinkPlan {
  const { event, decision, flapping, error } = decided;
  const { linkId, view } = event;
  if (!view || !decision) {
    const problem = { side: event.sides.caldav ? 'caldav' : 'cloud', problem: UNDECIDED } as const;
    return { ...UNCHANGED, linkId, problems: [problem], error };
  }
  const { conflicts } = decision;
  const refusals = refusalsOf(decision, view);
  const problems = [...decision.problems, ...refusals.map(({ side, problem }) => ({ side, problem }))];
  const plan: LinkPlan = { ...UNCHANGED, linkId, problems, label: labelOf(view, decision.ops) };
  if (flapping) return { ...plan, problems: [...problems, { side: flapping, problem: FLAPPING }] };
  // What was refused, and would be refused again, is left alone until something changes.
  if (refusals.length > 0 && refusals.length === decision.ops.length && refusals.every(({ stands }) => stands))
    return plan;
  const hasInstances = input.instances.has(linkId) && !isExpanded(decided);
  if (hasInstances && decision.link === 'forget')
    return { ...plan, conflicts, ...seriesGone(event, view, input, forgotten) };
  const { ops } = decision;
  const replacesInstances = ops.some(({ action }) => action === 'create');
  const removesInstances = hasInstances && (replacesInstances || (isOnBoth(view) && ops.every(isUpdate)));
  return { ...plan, conflicts, removesInstances, ...outcome(event, view, decision, input, forgotten) };
}

/** Of a series that was expanded: its instances were replaced, and their deletions were not noted. */
export function isOnBoth({ caldav, cloud }: LinkView): boolean {
  return !!caldav?.now && !!cloud?.now;
}

function isUpdate({ action }: Op): boolean {
  return action === 'update';
}

function outcome(
  event: EventToPlan,
  view: LinkView,
  decision: Decision,
  input: PlanInput,
  forgotten: ReadonlySet<string>,
): Partial<LinkPlan> {
  const { isHeld, linkId } = event;
  const { ops, link } = decision;
  const hasBothSides = view.caldav !== null && view.cloud !== null;
  const deletes = ops.some(({ action }) => action === 'delete');
  const awaitsPerson = isHeld && view.decision === null;
  if (awaitsPerson && (deletes || (link === 'forget' && hasBothSides))) return { state: 'left-alone' };
  if (link === 'forget') return { state: hasBothSides && !isHeld ? 'gone-on-both' : 'forgotten' };
  const plan = {
    isReleased: link === 'unlink' || (isHeld && !deletes && (ops.length === 0 || awaitsPerson)),
    droppedSides: link === 'unlink' ? (decision.drop ?? []) : [],
    ...(decision.excluded ? { excluded: decision.excluded } : {}),
  };
  if (ops.length === 0) {
    const isConfirmed = Object.values(event.sides).every((side) => side.isConfirmed);
    const isSettled = link === 'settle';
    const { agreedFields = [] } = decision;
    return {
      ...plan,
      isSettled,
      ...(isSettled && agreedFields.length > 0 ? { agreedFields } : {}),
      state: isConfirmed ? 'finished' : 'unconfirmed',
    };
  }
  if (isDuplicate(event, forgotten)) return { ...plan, state: 'finished' };
  const copyOfLost = isCopyOfLost(event, input.now);
  if (copyOfLost) return { ...plan, state: copyOfLost };
  if (ops.some((op) => isCreatedByOtherPair(op, input, forgotten))) return { ...plan, state: 'waits' };
  const counted = ops.find(isCountedDeletion);
  return {
    ...plan,
    state: 'open',
    ops: ops.map((op) => withFreeUid(linkId, op, input, forgotten)),
    countedOn: counted?.side ?? null,
  };
}

/** Ops that were refused before; where a person has decided meanwhile, they are new. */
function refusalsOf({ ops }: Decision, { refusals = {}, decision }: LinkView) {
  if (decision !== null) return [];
  return ops.flatMap(({ side, hold }) => {
    const refusal = hold === null ? refusals[side] : undefined;
    return refusal ? [{ side, ...refusal }] : [];
  });
}

/** A series of which only instances are left: for the deletion guard one event. */
function seriesGone(
  event: EventToPlan,
  view: LinkView,
  input: PlanInput,
  forgotten: ReadonlySet<string>,
): Partial<LinkPlan> {
  const side = view.caldav ? 'caldav' : 'cloud';
  const back = bringBack(event, view, side, input, forgotten);
  if (view.decision === null && back && hasEditedInstances(event, otherSide(side), input)) {
    const path = { occurrence: null, field: 'exception' } as const;
    const conflicts = [{ path, winner: otherSide(side), kept: 'edited', lost: 'deleted' }];
    if (!view.refusals?.[side]) return { state: 'again', ops: [back], conflicts, isReleased: event.isHeld };
    if (!event.isHeld) return { state: 'open', ops: [heldAsRefused(otherSide(side))] };
  }
  if (!event.isHeld || view.decision === 'apply')
    return {
      state: 'series-gone',
      removesInstances: true,
      countedOn: event.isHeld ? null : otherSide(side),
    };
  if (view.decision === null) return { state: 'left-alone' };
  return { state: 'again', ops: back ? [back] : [] };
}

/** The series as it was when its instances were last decided about. */
function bringBack(
  { linkId }: EventToPlan,
  view: LinkView,
  side: SideName,
  input: PlanInput,
  forgotten: ReadonlySet<string>,
): Op | null {
  const next = view[side]?.base;
  if (!next) return null;
  return withFreeUid(linkId, { ...OF_SERIES, side, action: 'create', next }, input, forgotten);
}

/** People have edited instances since: as with any event, that is an edit of the series. */
function hasEditedInstances({ linkId }: EventToPlan, side: SideName, { instances, direction, options }: PlanInput) {
  if (sourceOf(direction) !== null || isBusyOnly(side, options)) return false;
  return (instances.get(linkId) ?? []).some(({ view }) => {
    const { now, base } = view?.[side] ?? {};
    return !!now && !!base && (now.recurrence !== null || changedContent(base, now).length > 0);
  });
}

const OF_SERIES = { changes: [], isCounted: false, hold: null } as const;

function heldAsRefused(side: SideName): Op {
  return { ...OF_SERIES, side, action: 'delete', next: null, hold: 'edit-refused' };
}

/** A deletion that the deletion guard counts, and may hold. */
export function isCountedDeletion({ action, isCounted, hold }: Op): boolean {
  return action === 'delete' && isCounted && !hold;
}

/**
 * Two pairs that create one event in one calendar at the same time would create it twice: the second one waits until it
 * finds the copy of the first.
 */
function isCreatedByOtherPair({ side, action, next }: Op, { known }: PlanInput, gone: ReadonlySet<string>): boolean {
  if (action !== 'create' || !next?.uid) return false;
  return known.copiesByOtherPairs(side, next.uid).some(({ knownBy }) => knownBy === null || gone.has(knownBy));
}

/** A copy gets a UID of its own where another event of that side has it. */
function withFreeUid(linkId: string, op: Op, { known }: PlanInput, gone: ReadonlySet<string>): Op {
  const { action, next, side } = op;
  if (action !== 'create' || !next?.uid) return op;
  const isTaken = known.linksWithUid(side, next.uid).some((other) => other !== linkId && !gone.has(other));
  return isTaken ? { ...op, next: { ...next, uid: null } } : op;
}

/** @param ops what is about to be written: lists name the event as it is then */
export function labelOf(view: LinkView, ops: readonly Op[] = []): EventLabel | null {
  const written = ops.find(({ side, action }) => side === 'caldav' && action === 'update')?.next;
  const event = written ?? eventOf(view);
  if (event) return labelOfEvent(event);
  const title = view.caldav?.title ?? view.cloud?.title;
  return title ? { title, start: '' } : null;
}

/** The event to speak of: what a side shows, else what it showed. */
function eventOf({ caldav, cloud }: LinkView): CalendarEvent | null {
  return caldav?.now ?? cloud?.now ?? caldav?.base ?? cloud?.base ?? null;
}

const UNCHANGED = {
  state: 'left-alone',
  problems: [],
  conflicts: [],
  isReleased: false,
  droppedSides: [],
  isSettled: false,
  ops: [],
  removesInstances: false,
  countedOn: null,
} as const satisfies Partial<LinkPlan>;

export const UNDECIDED: EventProblem = {
  code: 'unreadable',
  detail: 'Calpair could not work out what to do with this event. It is left alone on both sides until it changes.',
};

const FLAPPING = eventProblem('flapping');
