/**
 * What is to be done about one event of a pair: the decision table. Pure.
 *
 * | CalDAV | cloud | both ways | one way |
 * | --- | --- | --- | --- |
 * | there | never was | create the copy | create it, if this is the source |
 * | there | there | merge by field (merge.ts) | the source's changes; the copy's own are taken back |
 * | there, untouched | gone | delete | source gone: delete what the pair put there; copy gone: bring it back |
 * | there, edited | gone | the edit wins: bring it back, and say so | as above |
 * | there, the edit was refused | gone | hold the deletion for a person | as above |
 * | gone | gone | forget | forget |
 */

import { type CalendarEvent, mapContents, type OptionalField, otherSide, type SideName } from '../event.ts';
import type { EventProblem } from '../event-problem.ts';
import { inSharedFields, type OptionalForms, shapedFor } from '../optional-fields.ts';
import { type ChangedValue, changedValues } from './changed-values.ts';
import type { FieldConflict } from './conflict.ts';
import type { HoldReason } from './deletion-guard.ts';
import { isPast, mergedSides, mirrored, sharedFields } from './next-states.ts';
import { type Journal, ownChanges, type Removal } from './own-writes.ts';
import {
  DEFAULT_OPTIONS,
  type Direction,
  isBlanked,
  isBusyOnly,
  isInScope,
  type PairOptions,
  projected,
  sourceOf,
  withoutAttendees,
} from './policy.ts';
import type { RefusalsNow } from './refusal.ts';

/** One side of a link, as far as a decision needs it. */
export interface SideView {
  /** What it shows now; null when it is gone or cannot be read. */
  readonly now: CalendarEvent | null;
  /** The title of an event that cannot be read, where that much can. */
  readonly title?: string;
  /** What it showed when both sides last agreed; null before. */
  readonly base: CalendarEvent | null;
  /** Its deletion has been confirmed. */
  readonly isGone: boolean;
  /** A copy that was accepted and that the side does not know (yet). */
  readonly isAwaited?: boolean;
  /** The pair created it. */
  readonly isOwned: boolean;
  /** When it was last modified, ms since the epoch: what the side itself says; null where it does not. */
  readonly modifiedAt: number | null;
  /** When that change was first seen here, ms since the epoch. */
  readonly seenAt: number;
  readonly hasGuests: boolean;
  /** What Calpair left on a copy of its own. */
  readonly marker?: string | null;
  /** What Calpair left names no copy that this link made: another installation, or another pair, made the copy. */
  readonly isMadeByOthers?: boolean;
  /** The account's owner has declined the event. */
  readonly isDeclined?: boolean;
  /** What the side's reader had to say about the event as it is now. */
  readonly problems: readonly EventProblem[];
}

export interface LinkView {
  readonly caldav: SideView | null;
  readonly cloud: SideView | null;
  /** What a person decided about a held deletion of this link. */
  readonly decision: 'apply' | 'restore' | null;
  /** Writes that a side refused for good, by that side. */
  readonly refusals?: RefusalsNow;
  /** A person has taken its copy away: nothing is copied while one side has it. */
  readonly isExcluded?: boolean;
  /** The optional fields on which both sides have agreed since the pair copies them. */
  readonly agreedFields?: readonly OptionalField[];
  /** The pair copies attendees again since both sides last agreed. */
  readonly unitesAttendees?: boolean;
}

export interface Settings {
  readonly direction: Direction;
  readonly options: PairOptions;
  /** Milliseconds since the epoch: where a window of days is now. */
  readonly now: number;
  /** What a side cannot hold of an event; null: it can. */
  readonly unsupported: (side: SideName, event: CalendarEvent) => EventProblem | null;
  /** The optional fields that each side has; none where absent. */
  readonly forms?: Readonly<Record<SideName, OptionalForms>>;
  /** What runs did to this event without coming to an end with it. */
  readonly journal: Journal;
}

export interface Op {
  readonly side: SideName;
  readonly action: 'create' | 'update' | 'delete';
  /** How the event is to read on that side; null for a deletion. */
  readonly next: CalendarEvent | null;
  /** What an update changes; of an event that comes back, what is new since the side last showed it. */
  readonly changes: readonly ChangedValue[];
  /** A deletion that counts against the limit of the deletion guard. */
  readonly isCounted: boolean;
  /** Why this deletion waits for a person. */
  readonly hold: HoldReason | null;
}

export interface SideProblem {
  readonly side: SideName;
  readonly problem: EventProblem;
}

export interface Decision {
  readonly ops: readonly Op[];
  readonly conflicts: readonly FieldConflict[];
  readonly problems: readonly SideProblem[];
  /**
   * What becomes of the link apart from the ops: `settle`: both sides agree, what they show is the new base; `keep`:
   * nothing is known to have been agreed; `forget`: nothing is left of it; `unlink`: the sides named in `drop` go, the
   * rest stays as an event of its own.
   */
  readonly link: 'settle' | 'keep' | 'forget' | 'unlink';
  readonly drop?: readonly SideName[];
  /** `unlink`: the rest stays without a copy from now on. */
  readonly excluded?: Removal;
  /** `settle`: the optional fields on which the sides agree. */
  readonly agreedFields?: readonly OptionalField[];
}

const NOTHING: Decision = { ops: [], conflicts: [], problems: [], link: 'keep' };

/** Decides about one link. A link with two sides but no base has just been matched. */
export function decide(link: LinkView, settings: Settings): Decision {
  const [caldav, cloud] = [link.caldav, link.cloud].map((view) => (view?.isAwaited ? null : view)) as [
    SideView | null,
    SideView | null,
  ];
  if ((link.caldav?.isAwaited && cloud?.isGone) || (link.cloud?.isAwaited && caldav?.isGone)) return NOTHING;
  const problems = problemsOf(link);
  if (problems.some(({ problem, side }) => isUnreadable(link[side], problem))) return { ...NOTHING, problems };
  const decision = decideReadable(caldav, cloud, link, settings);
  return { ...decision, problems: [...problems, ...decision.problems] };
}

function decideReadable(caldav: SideView | null, cloud: SideView | null, link: LinkView, settings: Settings): Decision {
  if (caldav && cloud) return decideBoth({ caldav, cloud }, link, settings);
  const only = caldav ?? cloud;
  if (!only || (link.isExcluded && only.isGone)) return { ...NOTHING, link: 'forget' };
  return link.isExcluded ? NOTHING : decideOne(only === caldav ? 'caldav' : 'cloud', only, settings);
}

/** An event that only one side has, or ever had. */
function decideOne(side: SideName, view: SideView, settings: Settings): Decision {
  const source = sourceOf(settings.direction);
  if (view.isGone) return { ...NOTHING, link: 'forget' };
  if (
    !view.now ||
    (source !== null && source !== side) ||
    !isInScope(view.now, settings.options, settings.now, view.isDeclined)
  )
    return NOTHING;
  if (view.isOwned && isBusyOnly(side, settings.options)) return NOTHING;
  const { now } = view;
  const isOver = now.reminders !== undefined && isPast(now, settings.now);
  const event = isOver ? mapContents(now, (content) => ({ ...content, reminders: [] })) : now;
  return creation(otherSide(side), event, settings, []);
}

/** `last`: what the side showed before it lost the event. */
function creation(
  to: SideName,
  event: CalendarEvent,
  settings: Settings,
  conflicts: readonly FieldConflict[],
  last: CalendarEvent | null = null,
): Decision {
  const next = shapedFor(projected(event, to, settings.options), formsOf(settings)[to]);
  const refusal = settings.unsupported(to, next);
  if (refusal) return { ...NOTHING, problems: [{ side: to, problem: refusal }] };
  return {
    ...NOTHING,
    conflicts,
    ops: [
      {
        side: to,
        action: 'create',
        next,
        changes: last ? changedValues(last, next) : [],
        isCounted: false,
        hold: null,
      },
    ],
  };
}

const NO_FORMS = { caldav: {}, cloud: {} };

function formsOf(settings: Settings): Readonly<Record<SideName, OptionalForms>> {
  return settings.forms ?? NO_FORMS;
}

type Both = Record<SideName, SideView>;

function decideBoth(sides: Both, link: LinkView, settings: Settings): Decision {
  const { decision, refusals = {} } = link;
  const gone = (['caldav', 'cloud'] as const).filter((side) => sides[side].isGone);
  if (gone.length === 2) return decideBothGone(sides, decision, settings);
  const [lost] = gone;
  const excluded = lost ? settings.journal.requestedRemoval(lost) : null;
  // The answer to the removal was lost: it is no deletion of the original.
  if (lost && excluded !== null) return { ...NOTHING, link: 'unlink', drop: [lost], excluded };
  const source = masterSide(sides, settings);
  // Where one side decides, what the other shows (a "Busy", an edit that is to be taken back) takes nothing out of the
  // filter.
  const inScope = (['caldav', 'cloud'] as const).every((side) => {
    const event = sides[side].now;
    return (
      !event ||
      (source !== null && side !== source) ||
      isInScope(event, settings.options, settings.now, sides[side].isDeclined)
    );
  });
  if (!inScope) return NOTHING;
  if (lost)
    return source
      ? goneOneWay(sides, lost, source, decision, settings)
      : goneBothWays(sides, lost, decision, settings, refusals[lost]?.isOfThisEdit === true);
  const rules = { ...settings, forms: formsOf(settings), agreedFields: link.agreedFields ?? [] };
  const agreed = link.unitesAttendees && rules.options.attendees === 'copy' ? withoutAgreedAttendees(sides) : sides;
  const next = source ? mirrored(agreed, source, rules) : mergedSides(agreed, rules);
  return next ? written(next, sides, decision, settings, next.conflicts) : NOTHING;
}

/** All attendees of each side are new to the other, so that they are added there. */
function withoutAgreedAttendees({ caldav, cloud }: Both): Both {
  const asNew = (side: SideView): SideView => ({ ...side, base: side.base && withoutAttendees(side.base) });
  return { caldav: asNew(caldav), cloud: asNew(cloud) };
}

/** Lost on both sides: nothing to write, unless a person wants it back. */
function decideBothGone(sides: Both, decision: LinkView['decision'], settings: Settings): Decision {
  if (decision !== 'restore') return { ...NOTHING, link: 'forget' };
  const source = sourceOf(settings.direction);
  if (source) {
    // The source is never written to: the target's copy comes back as an event of its own.
    const { base } = sides[otherSide(source)];
    return base
      ? { ...creation(otherSide(source), base, withFullContent(settings), []), link: 'unlink', drop: [source] }
      : { ...NOTHING, link: 'forget' };
  }
  const asItWas = withFullContent(settings);
  const ops = (['caldav', 'cloud'] as const).flatMap((side) => {
    const own = sides[side].base;
    const event = own ?? sides[otherSide(side)].base;
    return event ? creation(side, event, own ? asItWas : settings, []).ops : [];
  });
  return { ...NOTHING, ops };
}

/**
 * The side that decides alone: the source of a one-way pair, or the side whose event the other one only sees as "Busy".
 * Also for an event that was matched there, because only its time may be shown.
 */
function masterSide(sides: Both, settings: Settings): SideName | null {
  const source = sourceOf(settings.direction);
  if (source) return source;
  for (const copy of ['caldav', 'cloud'] as const) {
    const isOriginal = sides[otherSide(copy)].isOwned && !sides[copy].isOwned;
    if (isBusyOnly(copy, settings.options) && !isOriginal) return otherSide(copy);
    // Until it shows everything again, it is still a copy of which neither edits nor the deletion count.
    if (isBlanked(sides[copy], sides[otherSide(copy)])) return otherSide(copy);
  }
  return null;
}

/** For what a side showed itself. */
function withFullContent(settings: Settings): Settings {
  return { ...settings, options: { ...settings.options, content: DEFAULT_OPTIONS.content } };
}

/** @param isRefused what the remaining side shows was refused by the other one, before it lost the event */
function goneBothWays(
  sides: Both,
  lost: SideName,
  decision: LinkView['decision'],
  settings: Settings,
  isRefused: boolean,
): Decision {
  const left = otherSide(lost);
  const { now, base } = sides[left];
  if (!now) return NOTHING;
  const known = base && inSharedFields(base, now);
  const changes = known ? changedValues(known.before, known.after) : [];
  const isEdited = base !== null && ownChanges(left, base, changes, settings.journal).length < changes.length;
  if (decision === 'restore' || settings.journal.isOwnDeletion(lost)) return creation(lost, now, settings, []);
  if (isEdited && isRefused) return deletion(left, sides[left], decision === 'apply', 'edit-refused');
  if (isEdited || base === null) {
    const path = { occurrence: null, field: 'exception' } as const;
    const conflicts = isEdited ? [{ path, winner: left, kept: 'edited', lost: 'deleted' }] : [];
    return creation(lost, now, settings, conflicts, sides[lost].base);
  }
  return deletion(left, sides[left], decision === 'apply');
}

function goneOneWay(
  sides: Both,
  lost: SideName,
  source: SideName,
  decision: LinkView['decision'],
  settings: Settings,
): Decision {
  const target = otherSide(source);
  if (lost === source) {
    const { base } = sides[source];
    const isWritable = sourceOf(settings.direction) === null;
    if (decision === 'restore' && isWritable && base) return creation(source, base, withFullContent(settings), []);
    if (!sides[target].isOwned || decision === 'restore') return { ...NOTHING, link: 'unlink', drop: [source] };
    return deletion(target, sides[target], decision === 'apply');
  }
  const event = sides[source].now;
  return event ? creation(target, event, settings, []) : NOTHING;
}

function deletion(side: SideName, view: SideView, isApplied: boolean, reason: HoldReason | null = null): Decision {
  const hold = isApplied ? null : view.hasGuests && side === 'cloud' ? 'has-guests' : reason;
  return { ...NOTHING, ops: [{ side, action: 'delete', next: null, changes: [], isCounted: !isApplied, hold }] };
}

function written(
  next: Partial<Record<SideName, CalendarEvent>>,
  sides: Both,
  decision: LinkView['decision'],
  settings: Settings,
  conflicts: readonly FieldConflict[],
): Decision {
  const ops: Op[] = [];
  const problems: Decision['problems'][number][] = [];
  for (const side of ['caldav', 'cloud'] as const) {
    const event = next[side];
    const now = sides[side].now;
    if (!event || !now) continue;
    const changes = changedValues(now, event);
    if (changes.length === 0) continue;
    const refusal = settings.unsupported(side, event);
    if (refusal?.code === 'cancelled-not-carried' || refusal?.code === 'recurrence-written-out') {
      problems.push({ side, problem: refusal });
      if (mayGo(sides[side], decision, settings)) ops.push(removalOfCopy(side, sides[side], decision));
    } else if (refusal) {
      return { ...NOTHING, problems: [{ side, problem: refusal }] };
    } else {
      ops.push({ side, action: 'update', next: event, changes, isCounted: false, hold: null });
    }
  }
  const { caldav, cloud } = sides;
  const agreedFields = caldav.now && cloud.now ? sharedFields(caldav.now, cloud.now, settings.now) : [];
  return { ...NOTHING, ops, conflicts, problems, link: problems.length > 0 ? 'keep' : 'settle', agreedFields };
}

/**
 * A side that cannot show what became of the event (cancelled, or repeating in its own way) loses its copy; that is no
 * deletion, and is never copied back.
 */
function removalOfCopy(side: SideName, view: SideView, decision: LinkView['decision']): Op {
  const hold = view.hasGuests && decision !== 'apply' ? 'has-guests' : null;
  return { side, action: 'delete', next: null, changes: [], isCounted: false, hold };
}

/** Not an event that the pair did not create on the target of a one-way pair, and not what a person wants to keep. */
function mayGo(view: SideView, decision: LinkView['decision'], settings: Settings): boolean {
  return decision !== 'restore' && (view.isOwned || sourceOf(settings.direction) === null);
}

function problemsOf(link: LinkView): { side: SideName; problem: EventProblem }[] {
  return (['caldav', 'cloud'] as const).flatMap((side) =>
    (link[side]?.problems ?? []).map((problem) => ({ side, problem })),
  );
}

function isUnreadable(view: SideView | null, problem: EventProblem): boolean {
  return (
    view !== null &&
    view.now === null &&
    !view.isGone &&
    (problem.code === 'unreadable' || problem.code === 'too-large')
  );
}
