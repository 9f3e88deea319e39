/** How both sides of an event that both have are to read, before anything that stops a write is considered. Pure. */
import { type CalendarEvent, OPTIONAL_FIELDS, type OptionalField, otherSide, type SideName } from '../event.ts';
import type { EventProblem } from '../event-problem.ts';
import { fitted, type OptionalForms, SET_FIELDS, withFieldsOf, withoutFields } from '../optional-fields.ts';
import { boundsOf } from '../recurrence/series.ts';
import type { FieldConflict } from './conflict.ts';
import { completeTexts, uncut } from './cut-texts.ts';
import { withShownLinks } from './join-links.ts';
import { applyChanges, lastModifiedSide, type MergeInput, merge } from './merge.ts';
import { completeSets, uniteSets } from './optional-sets.ts';
import { agreedSince, type Journal } from './own-writes.ts';
import {
  type Direction,
  isBlanked,
  isBusyOnly,
  type PairOptions,
  projected,
  sourceOf,
  withAttendeesOf,
  withoutAttendees,
} from './policy.ts';

/** One side, as far as it matters here: see `SideView`. */
interface Side {
  readonly now: CalendarEvent | null;
  readonly base: CalendarEvent | null;
  readonly isOwned: boolean;
  readonly marker?: string | null;
  readonly isMadeByOthers?: boolean;
  readonly modifiedAt: number | null;
  readonly seenAt: number;
  readonly problems: readonly EventProblem[];
}
type Sides = Readonly<Record<SideName, Side>>;

interface Rules {
  readonly direction: Direction;
  readonly options: PairOptions;
  readonly now: number;
  readonly journal: Journal;
  readonly forms: Readonly<Record<SideName, OptionalForms>>;
  /** The optional fields on which both sides of this event have agreed before. */
  readonly agreedFields: readonly OptionalField[];
}

/** How the sides are to read; a side that is never written to is missing. */
interface NextStates extends Partial<Record<SideName, CalendarEvent>> {
  readonly conflicts: readonly FieldConflict[];
}

/**
 * How the target of the side that decides is to read: the source's changes, put on what the target showed when both
 * last agreed, so that its own edits are taken back. Null: one of them cannot be read.
 */
export function mirrored(sides: Sides, source: SideName, rules: Rules): NextStates | null {
  const { options } = rules;
  const target = otherSide(source);
  const from = sides[source];
  const to = sides[target];
  if (!from.now || !to.now) return null;
  const fields = fieldsToMerge(sides, rules);
  const bare = (event: CalendarEvent): CalendarEvent => withoutFields(event, fields.others);
  const shown = bare(to.now);
  const next = mirroredFields(
    { ...from, now: bare(from.now), base: from.base && bare(from.base) },
    { ...to, now: shown, base: to.base && bare(to.base) },
    target,
    rules,
  );
  const whole = withFieldsOf(next, to.now, fields.others);
  const seen = { now: projected(from.now, target, options), base: from.base && projected(from.base, target, options) };
  const unagreed = SET_FIELDS.filter((field) => fields.unagreed.includes(field));
  const result = fitted(to.isOwned ? withFieldsOf(whole, seen.now, unagreed) : whole, rules.forms[target]);
  const isOld = !to.isOwned || !fields.unagreed.includes('conference');
  return { [target]: withShownLinks(result, { now: to.now, base: to.base }, seen, isOld), conflicts: [] };
}

type Shown = Side & { readonly now: CalendarEvent };

function mirroredFields(from: Shown, to: Shown, target: SideName, { options, direction }: Rules): CalendarEvent {
  const isRestored = isBlanked(to, from) && !isBusyOnly(target, options);
  const now = projected(from.now, target, options);
  const base = from.base && projected(from.base, target, options);
  const equal = { ...now, uid: to.now.uid };
  // Just matched: an event that the pair put there (its create was repeated) is made equal, any other event is only
  // linked.
  if (!base || !to.base) return to.isOwned || (isRestored && sourceOf(direction) === null) ? equal : to.now;
  if (isRestored) return equal;
  const next = applyChanges(to.isOwned ? to.base : to.now, base, now);
  // A copy made before the pair showed only "Busy" loses what it showed until then.
  return to.isOwned ? projected(next, target, options) : next;
}

/** How both sides are to read where both decide. Null: one of them cannot be read. */
export function mergedSides(sides: Sides, rules: Rules): NextStates | null {
  const { caldav, cloud } = sides;
  if (!caldav.now || !cloud.now) return null;
  const { forms } = rules;
  const winner = lastModifiedSide(caldav, cloud);
  const fields = fieldsToMerge(sides, rules);
  const hasPeople = rules.options.attendees !== 'none';
  const shown = (event: CalendarEvent): CalendarEvent =>
    withoutFields(hasPeople ? event : withoutAttendees(event), fields.others);
  const isFirst = caldav.base === null || cloud.base === null;
  const bases = agreedSince(sides, rules.journal);
  const stateOf = (side: SideName, now: CalendarEvent): MergeInput[SideName] => {
    const { base } = sides[side];
    const agreed = bases[side];
    return { now: shown(now), base: agreed && shown(agreed), ...(base ? { unwritten: shown(base) } : {}) };
  };
  const texts = completeTexts({
    caldav: stateOf('caldav', isFirst ? uncut(caldav, cloud.now) : caldav.now),
    cloud: stateOf('cloud', isFirst ? uncut(cloud, caldav.now) : cloud.now),
  });
  const sets = completeSets(texts, forms);
  const whole = merge({ caldav: sets.caldav, cloud: sets.cloud, winner });
  const now = { caldav: caldav.now, cloud: cloud.now };
  const next = (side: SideName): CalendarEvent => {
    const merged = texts.cutAgain(side, sets.cutAgain(side, whole[side]));
    return withFieldsOf(hasPeople ? merged : withAttendeesOf(now[side], merged), now[side], fields.others);
  };
  let result: Record<SideName, CalendarEvent> = { caldav: next('caldav'), cloud: next('cloud') };
  const conflicts = [...whole.conflicts, ...texts.conflicts];
  for (const field of SET_FIELDS.filter((one) => fields.unagreed.includes(one))) {
    const united = uniteSets(result, now, field, winner, forms);
    conflicts.push(...united.conflicts);
    result = { caldav: fitted(united.caldav, forms.caldav), cloud: fitted(united.cloud, forms.cloud) };
  }
  const isOld = !fields.unagreed.includes('conference');
  const [of, by] = [
    { now: caldav.now, base: caldav.base },
    { now: cloud.now, base: cloud.base },
  ];
  return {
    caldav: withShownLinks(result.caldav, of, by, isOld),
    cloud: withShownLinks(result.cloud, by, of, isOld),
    conflicts,
  };
}

/** The optional fields of an event that both sides have. */
interface FieldsToMerge {
  /** Not merged like all fields: one side does not have them, or the two have not agreed on them yet. */
  readonly others: readonly OptionalField[];
  /** Those of them that both sides have and that are to be made equal now. */
  readonly unagreed: readonly OptionalField[];
}

function fieldsToMerge({ caldav, cloud }: Sides, rules: Rules): FieldsToMerge {
  const events = [caldav.now, cloud.now, caldav.base, cloud.base];
  const isAgreed = (field: OptionalField): boolean =>
    rules.agreedFields.includes(field) && events.every((event) => event?.[field] !== undefined);
  // Links are shown, never merged.
  const others = OPTIONAL_FIELDS.filter((field) => field === 'conference' || !isAgreed(field));
  const shared = caldav.now && cloud.now ? sharedFields(caldav.now, cloud.now, rules.now) : [];
  return { others, unagreed: others.filter((field) => shared.includes(field) && !isAgreed(field)) };
}

/** The optional fields that both sides have, and on which they agree once they read as decided. */
export function sharedFields(caldav: CalendarEvent, cloud: CalendarEvent, now: number): OptionalField[] {
  const isOver = isPast(caldav, now) && isPast(cloud, now);
  return OPTIONAL_FIELDS.filter(
    (field) => caldav[field] !== undefined && cloud[field] !== undefined && !(field === 'reminders' && isOver),
  );
}

/** Ended before today: no reminder of it is written for the first time, because programs would still show it. */
export function isPast(event: CalendarEvent, now: number): boolean {
  return boundsOf(event).end <= Math.floor(now / DAY_MS) * DAY_MS;
}

const DAY_MS = 86_400_000;
