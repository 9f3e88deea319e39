/**
 * What is to be done about one event of a pair: the decision table. Pure; the plan is data, carried out elsewhere.
 *
 * | CalDAV | cloud | both ways | one way |
 * | --- | --- | --- | --- |
 * | there | never was | create the copy | create it, if this is the source |
 * | there | there | merge by field (merge.ts) | the source's changes; the copy's own are taken back |
 * | there, untouched | gone | delete | source gone: delete what the pair put there; copy gone: bring it back |
 * | there, edited | gone | the edit wins: bring it back, and say so | as above |
 * | gone | gone | forget | forget |
 */
import {
  changedPaths, otherSide, type CalendarEvent, type FieldPath, type SideName,
} from './event.ts';
import { applyChanges, merge, pathKey, valueAt, type FieldConflict } from './merge.ts';
import { DEFAULT_OPTIONS, isCarried, projected, sourceOf, type Direction, type PairOptions } from './policy.ts';
import type { EventProblem } from './problem.ts';

/** One side of a link, as far as a decision needs it. */
export interface SideView {
  /** What it shows now; null when it is gone or cannot be read. */
  readonly now: CalendarEvent | null;
  /** What it showed when both sides last agreed; null before. */
  readonly base: CalendarEvent | null;
  /** Its deletion has been proved. */
  readonly isGone: boolean;
  /** The pair created it. */
  readonly isOwned: boolean;
  /** When it was last modified, ms since the epoch: what the side itself says; null where it does not. */
  readonly modifiedAt: number | null;
  /** When that change was first seen here, ms since the epoch. */
  readonly seenAt: number;
  readonly hasGuests: boolean;
  /** What the side's reader had to say about the event as it is now. */
  readonly problems: readonly EventProblem[];
}

export interface LinkView {
  readonly caldav: SideView | null;
  readonly cloud: SideView | null;
  /** What a person decided about a held deletion of this link. */
  readonly decision: 'apply' | 'restore' | null;
}

export interface Settings {
  readonly direction: Direction;
  readonly options: PairOptions;
  /** Milliseconds since the epoch: where a window of days is now. */
  readonly now: number;
  /** What a side cannot hold of an event; null: it can. */
  readonly cannotHold: (side: SideName, event: CalendarEvent) => EventProblem | null;
}

export interface Op {
  readonly side: SideName;
  readonly action: 'create' | 'update' | 'delete';
  /** How the event is to read on that side; null for a deletion. */
  readonly next: CalendarEvent | null;
  /** What an update changes. */
  readonly paths: readonly FieldPath[];
  /** A deletion that counts against the limit of `guard.ts`. */
  readonly isCounted: boolean;
  /** Set when this deletion is never done without a person. */
  readonly hold: 'has-guests' | null;
}

export interface Decision {
  readonly ops: readonly Op[];
  readonly conflicts: readonly FieldConflict[];
  readonly problems: readonly { readonly side: SideName; readonly problem: EventProblem }[];
  /**
   * What becomes of the link apart from the ops: `settle`: both sides agree, what they show is the new base; `keep`: nothing is known to have been agreed;
   * `forget`: nothing is left of it; `unlink`: the sides named in `drop` go, the rest stays as an event of its own.
   */
  readonly link: 'settle' | 'keep' | 'forget' | 'unlink';
  readonly drop?: readonly SideName[];
}

const NOTHING: Decision = { ops: [], conflicts: [], problems: [], link: 'keep' };

/** Decides about one link. A link with two sides but no base has just been matched. */
export function decide(link: LinkView, settings: Settings): Decision {
  const { caldav, cloud } = link;
  const told = problemsOf(link);
  if (told.some(({ problem, side }) => isUnreadable(link[side], problem))) return { ...NOTHING, problems: told };
  let decision: Decision;
  if (caldav && cloud) decision = decideBoth({ caldav, cloud }, link.decision, settings);
  else if (caldav) decision = decideOne('caldav', caldav, settings);
  else if (cloud) decision = decideOne('cloud', cloud, settings);
  else return { ...NOTHING, link: 'forget' };
  return { ...decision, problems: [...told, ...decision.problems] };
}

/** An event that only one side has, or ever had. */
function decideOne(side: SideName, view: SideView, settings: Settings): Decision {
  const source = sourceOf(settings.direction);
  if (view.isGone || !view.now) return { ...NOTHING, link: 'forget' };
  if ((source !== null && source !== side) || !isCarried(view.now, settings.options, settings.now)) return NOTHING;
  return creation(otherSide(side), view.now, settings, []);
}

function creation(to: SideName, event: CalendarEvent, settings: Settings, conflicts: readonly FieldConflict[]): Decision {
  const next = projected(event, to, settings.options);
  const refusal = settings.cannotHold(to, next);
  if (refusal) return { ...NOTHING, problems: [{ side: to, problem: refusal }] };
  return { ...NOTHING, conflicts, ops: [{ side: to, action: 'create', next, paths: [], isCounted: false, hold: null }] };
}

type Both = Record<SideName, SideView>;

function decideBoth(sides: Both, decision: LinkView['decision'], settings: Settings): Decision {
  const gone = (['caldav', 'cloud'] as const).filter((side) => sides[side].isGone);
  if (gone.length === 2) return decideBothGone(sides, decision, settings);
  const [lost] = gone;
  const inScope = (['caldav', 'cloud'] as const).every((side) => {
    const event = sides[side].now;
    return !event || isCarried(event, settings.options, settings.now);
  });
  if (!inScope) return NOTHING;
  const source = masterSide(sides, settings);
  if (lost) return source ? goneOneWay(sides, lost, source, decision, settings) : goneBothWays(sides, lost, decision, settings);
  return source ? mirror(sides, source, settings) : mergeBoth(sides, settings);
}

/** Lost on both sides: nothing to write, unless a person wants it back. */
function decideBothGone(sides: Both, decision: LinkView['decision'], settings: Settings): Decision {
  if (decision !== 'restore') return { ...NOTHING, link: 'forget' };
  const asItWas = { ...settings, options: { ...settings.options, content: DEFAULT_OPTIONS.content } };
  const ops = (['caldav', 'cloud'] as const).flatMap((side) => {
    const own = sides[side].base;
    const event = own ?? sides[otherSide(side)].base;
    return event ? creation(side, event, own ? asItWas : settings, []).ops : [];
  });
  return { ...NOTHING, ops };
}

/**
 * The side that decides alone: the source of a one-way pair, or the side whose event the other one only sees as "Busy".
 */
function masterSide(sides: Both, settings: Settings): SideName | null {
  const source = sourceOf(settings.direction);
  if (source) return source;
  for (const copy of ['caldav', 'cloud'] as const) {
    const content = copy === 'cloud' ? settings.options.content.toCloud : settings.options.content.toCaldav;
    if (content === 'busy' && sides[copy].isOwned) return otherSide(copy);
  }
  return null;
}

function goneBothWays(sides: Both, lost: SideName, decision: LinkView['decision'], settings: Settings): Decision {
  const left = otherSide(lost);
  const { now, base } = sides[left];
  if (!now) return NOTHING;
  const isEdited = base !== null && changedPaths(base, now).length > 0;
  if (decision === 'restore') return creation(lost, now, settings, []);
  if (isEdited || base === null) {
    const path = { occurrence: null, field: 'exception' } as const;
    const conflicts = isEdited ? [{ path, winner: left, kept: 'edited', lost: 'deleted' }] : [];
    return creation(lost, now, settings, conflicts);
  }
  return deletion(left, sides[left], decision === 'apply');
}

function goneOneWay(sides: Both, lost: SideName, source: SideName, decision: LinkView['decision'], settings: Settings): Decision {
  const target = otherSide(source);
  if (lost === source) {
    if (!sides[target].isOwned || decision === 'restore') return { ...NOTHING, link: 'unlink', drop: [source] };
    return deletion(target, sides[target], decision === 'apply');
  }
  const event = sides[source].now;
  return event ? creation(target, event, settings, []) : NOTHING;
}

function deletion(side: SideName, view: SideView, isApplied: boolean): Decision {
  const hold = view.hasGuests && side === 'cloud' && !isApplied ? 'has-guests' : null;
  return { ...NOTHING, ops: [{ side, action: 'delete', next: null, paths: [], isCounted: !isApplied, hold }] };
}

/** The source's changes, put on what the target showed when both last agreed: so its own edits are taken back. */
function mirror(sides: Both, source: SideName, settings: Settings): Decision {
  const target = otherSide(source);
  const from = sides[source];
  const to = sides[target];
  if (!from.now || !to.now) return NOTHING;
  const now = projected(from.now, target, settings.options);
  const base = from.base && projected(from.base, target, settings.options);
  if (!base || !to.base) {
    // Just matched: an event that the pair put there (its create was repeated) is made equal, a stranger's is only linked.
    const next = to.isOwned ? { ...now, uid: to.now.uid } : to.now;
    return written({ [target]: next }, sides, settings, []);
  }
  const next = applyChanges(to.isOwned ? to.base : to.now, base, now);
  return written({ [target]: next }, sides, settings, []);
}

function mergeBoth(sides: Both, settings: Settings): Decision {
  const { caldav, cloud } = sides;
  if (!caldav.now || !cloud.now) return NOTHING;
  const merged = merge({
    caldav: { now: caldav.now, base: caldav.base },
    cloud: { now: cloud.now, base: cloud.base },
    winner: laterSide(caldav, cloud),
  });
  return written(merged, sides, settings, merged.conflicts);
}

function written(
  next: Partial<Record<SideName, CalendarEvent>>, sides: Both, settings: Settings, conflicts: readonly FieldConflict[],
): Decision {
  const ops: Op[] = [];
  for (const side of ['caldav', 'cloud'] as const) {
    const event = next[side];
    const now = sides[side].now;
    if (!event || !now) continue;
    const paths = changedPaths(now, event);
    if (paths.length === 0) continue;
    const refusal = settings.cannotHold(side, event);
    if (refusal?.code === 'cancelled-not-carried') return cancelledThere(side, sides[side], refusal);
    if (refusal) return { ...NOTHING, problems: [{ side, problem: refusal }] };
    ops.push({ side, action: 'update', next: event, paths, isCounted: false, hold: null });
  }
  return { ...NOTHING, ops, conflicts, link: 'settle' };
}

/** A side that cannot show a cancelled event loses its copy; that is no deletion, and is never carried back. */
function cancelledThere(side: SideName, view: SideView, problem: EventProblem): Decision {
  const hold = view.hasGuests ? 'has-guests' : null;
  const op: Op = { side, action: 'delete', next: null, paths: [], isCounted: false, hold };
  return { ...NOTHING, ops: [op], problems: [{ side, problem }] };
}

/** The side modified last; the CalDAV side where the times are equal or unknown on both. */
function laterSide(caldav: SideView, cloud: SideView): SideName {
  if (caldav.modifiedAt === null && cloud.modifiedAt === null) return 'caldav';
  return (cloud.modifiedAt ?? cloud.seenAt) > (caldav.modifiedAt ?? caldav.seenAt) ? 'cloud' : 'caldav';
}

function problemsOf(link: LinkView): { side: SideName; problem: EventProblem }[] {
  return (['caldav', 'cloud'] as const).flatMap((side) => (link[side]?.problems ?? []).map((problem) => ({ side, problem })));
}

function isUnreadable(view: SideView | null, problem: EventProblem): boolean {
  return view !== null && view.now === null && !view.isGone && (problem.code === 'unreadable' || problem.code === 'too-large');
}

/** The fields an op writes, with their new values: what flapping is told by. */
export function writtenFields(op: Op): [key: string, value: unknown][] {
  if (!op.next) return [];
  const { next } = op;
  return op.paths.map((path) => [pathKey(path), valueAt(next, path)]);
}
