/**
 * A series that the other side cannot express is expanded there: each occurrence in a rolling window becomes a single
 * event, an instance. An edited instance is an override of the series, a deleted one an excluded occurrence. Pure.
 */
import {
  type CalendarEvent,
  type Content,
  type ContentField,
  changedContent,
  contentOnly,
  EXCLUDED,
  type Exception,
  type OccurrenceId,
  type OptionalField,
  otherSide,
  type SideName,
  sameValue,
} from '../event.ts';
import { eventProblem } from '../event-problem.ts';
import { contentWithout, onlyFields, optionalFieldsOf, unsharedFields } from '../optional-fields.ts';
import { expandOccurrences } from '../recurrence/expand.ts';
import { instantOfId, occurrenceId, occurrenceStart } from '../recurrence/occurrence.ts';
import { renamedOccurrences } from '../recurrence/renamed.ts';
import { occurrenceContent } from '../recurrence/series.ts';
import type { FieldConflict } from './conflict.ts';
import { instanceUid } from './instance-uid.ts';
import { merge } from './merge.ts';

const DAY_MS = 86_400_000;
const LINK: OptionalField = 'conference';
const WINDOW_BACK_DAYS = 30;
const WINDOW_AHEAD_DAYS = 400;
const MAX_INSTANCES = 750;
/** Enough for every rule of the corpus; a rule that needs more stops early and is `recurrence-too-dense`. */
const BUDGET_STEPS = 200_000;

/** One single event that stands for an occurrence. */
export interface Instance {
  readonly occurrence: OccurrenceId;
  /** What the instance shows now; null when it is gone. */
  readonly now: CalendarEvent | null;
  /** What it showed when it and the series last agreed; null before. */
  readonly base: CalendarEvent | null;
  /** What the series said of the occurrence then; null before. */
  readonly agreed: Content | null;
  /** The side modified last, of the series' and the instance's: it wins where nothing was agreed before. */
  readonly later: SideName;
}

export interface SeriesInput {
  /** The series as the copies' side is to see it. */
  readonly series: CalendarEvent;
  readonly instances: readonly Instance[];
  /** The series' side; the instances are on the other. */
  readonly side: SideName;
  /** True where edits of the instances do not count: one-way pairs, and copies that show "Busy" only. */
  readonly isOneWay: boolean;
  /** Who wins a field that both changed. */
  readonly winner: SideName;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface SeriesDecision {
  readonly create: readonly { readonly occurrence: OccurrenceId; readonly next: CalendarEvent }[];
  readonly update: readonly {
    readonly occurrence: OccurrenceId;
    readonly next: CalendarEvent;
    readonly fields: readonly (ContentField | 'recurrence')[];
  }[];
  /** Instances of occurrences that the series no longer has. */
  readonly remove: readonly OccurrenceId[];
  /** Instances that a person made a series of, and whose occurrences the series no longer has: events of their own. */
  readonly released: readonly OccurrenceId[];
  /** Instances that agree with the series. */
  readonly settled: readonly OccurrenceId[];
  /** Instances that are gone, and whose occurrences the series no longer has. */
  readonly dropped: readonly OccurrenceId[];
  /**
   * What people did to the instances, as exceptions of the series. Such instances are decided again once the series has
   * them.
   */
  readonly exceptions: Readonly<Record<OccurrenceId, Exception>>;
  readonly conflicts: readonly FieldConflict[];
  readonly isTooDense: boolean;
}

export function decideInstances(input: SeriesInput): SeriesDecision {
  const { series, instances } = input;
  const { wanted, isTooDense } = wantedOccurrences(input);
  const decision = {
    create: [] as { occurrence: OccurrenceId; next: CalendarEvent }[],
    update: [] as { occurrence: OccurrenceId; next: CalendarEvent; fields: (ContentField | 'recurrence')[] }[],
    remove: [] as OccurrenceId[],
    released: [] as OccurrenceId[],
    settled: [] as OccurrenceId[],
    dropped: [] as OccurrenceId[],
    exceptions: {} as Record<OccurrenceId, Exception>,
    conflicts: [] as FieldConflict[],
    isTooDense,
  };
  const known = new Set(instances.map(({ occurrence }) => occurrence));
  for (const occurrence of wanted) {
    if (known.has(occurrence)) continue;
    const next = instanceOf(series, occurrence);
    const isOver = next.reminders !== undefined && instantOfId(occurrence) + DAY_MS < input.now;
    decision.create.push({ occurrence, next: isOver ? { ...next, reminders: [] } : next });
  }
  for (const instance of instances) decideInstance(input, instance, isStillMeant(input, instance, wanted), decision);
  return decision;
}

type Open = {
  -readonly [Key in keyof SeriesDecision]: SeriesDecision[Key] extends readonly (infer Item)[]
    ? Item[]
    : SeriesDecision[Key];
};

/** Whether the series has no exception there: what it shows of the occurrence changes with the whole series only. */
function isOrdinary({ exceptions }: CalendarEvent, occurrence: OccurrenceId): boolean {
  return typeof exceptions[occurrence] !== 'object';
}

/** The occurrence's id in a series that may have become timed or all-day since. */
function nameIn({ when }: CalendarEvent, occurrence: OccurrenceId): OccurrenceId {
  return occurrenceId(occurrenceStart(occurrence, when), when.allDay ? null : when.startZone);
}

function decideInstance(input: SeriesInput, instance: Instance, isMeant: boolean, decision: Open): void {
  const { occurrence } = instance;
  const whole = isMeant ? contentOf(input.series, occurrence) : null;
  // A field that the pair copies only since the two last agreed, or that one of them does not have.
  // A link is shown, never merged.
  const late = [...unsharedFields([whole, instance.now, instance.base, instance.agreed]), LINK].filter(
    (field, at, all) => all.indexOf(field) === at,
  );
  const [now, base] = [
    instance.now && contentWithout(instance.now, late),
    instance.base && contentWithout(instance.base, late),
  ];
  const [content, agreed] = [
    whole && contentWithout(whole, late),
    instance.agreed && contentWithout(instance.agreed, late),
  ];
  const hasEdit = now !== null && base !== null && changedContent(base, now).length > 0;
  const seriesMoved = agreed !== null && content !== null && changedContent(agreed, content).length > 0;
  if (now === null) {
    if (content === null) decision.dropped.push(occurrence);
    else if (input.isOneWay || (seriesMoved && !isOrdinary(input.series, occurrence)))
      decision.create.push({ occurrence, next: instanceOf(input.series, occurrence) });
    else decision.exceptions = { ...decision.exceptions, [occurrence]: EXCLUDED };
  } else if (now.recurrence !== null && !input.isOneWay) {
    // First the series loses the occurrence: otherwise it would get a new instance.
    if (content === null) decision.released.push(occurrence);
    else decision.exceptions = { ...decision.exceptions, [occurrence]: EXCLUDED };
  } else if (now.recurrence !== null && content !== null) {
    const next = { ...asSingle(content), uid: now.uid };
    decision.update.push({ occurrence, next, fields: [...changedContent(now, next), 'recurrence'] });
  } else if (content === null) {
    const name = nameIn(input.series, occurrence);
    const isApplied = sameValue(input.series.exceptions[name], contentOnly(now));
    if (!hasEdit || isApplied || input.isOneWay) decision.remove.push(occurrence);
    else decision.exceptions = { ...decision.exceptions, [name]: contentOnly(now) };
  } else {
    const shown = instance.now ? optionalFieldsOf(instance.now) : [];
    // As for whole events, nothing is written about reminders of the past.
    const isOver = instantOfId(occurrence) + DAY_MS < input.now;
    const fields = late.filter((field) => shown.includes(field) && !(field === 'reminders' && isOver));
    const added = onlyFields(
      { ...content, ...whole, ...linkOf(instance, whole) },
      fields.filter((field) => field !== LINK || linkOf(instance, whole).conference !== undefined),
    );
    mergeInstance(input, { ...instance, now: instance.now, base, agreed }, { now, content, added }, decision);
  }
}

/** The link that an instance shows: another one only once the series has another one. */
function linkOf({ now, agreed }: Instance, series: Content | null): Pick<Content, 'conference'> {
  const shown = now?.conference;
  if (!shown || !series?.conference) return {};
  const isNew = shown.own === '' && !sameValue(agreed?.conference, series.conference);
  return { conference: { own: shown.own, shown: isNew ? series.conference.shown : shown.shown } };
}

function mergeInstance(
  input: SeriesInput,
  { occurrence, now: shown, base, agreed, later }: Instance,
  { now, content, added }: { now: CalendarEvent; content: Content; added: Partial<Content> },
  decision: Open,
): void {
  const from = asSingle(content);
  const fromBase = agreed && asSingle(agreed);
  const next = { series: from, instance: now };
  if (input.isOneWay) {
    next.instance = base && fromBase ? withChanges(base, fromBase, from) : from;
  } else {
    const isCaldav = input.side === 'caldav';
    const [series, instance] = [
      { now: from, base: fromBase },
      { now, base },
    ];
    // An edit of one occurrence contradicts no change of the whole series.
    const isOwn = fromBase !== null && base !== null && isOrdinary(input.series, occurrence);
    const agreedWinner = isOwn ? otherSide(input.side) : input.winner;
    const merged = merge({
      caldav: isCaldav ? series : instance,
      cloud: isCaldav ? instance : series,
      winner: base && agreed ? agreedWinner : later,
    });
    next.series = isCaldav ? merged.caldav : merged.cloud;
    next.instance = isCaldav ? merged.cloud : merged.caldav;
    const conflicts = isOwn ? [] : merged.conflicts;
    decision.conflicts.push(...conflicts.map((conflict) => ({ ...conflict, path: { ...conflict.path, occurrence } })));
  }
  next.instance = { ...next.instance, ...added };
  const fields = changedContent(
    { ...now, ...onlyFields(shown ?? now, optionalFieldsOf(next.instance)) },
    next.instance,
  );
  if (changedContent(content, next.series).length > 0)
    decision.exceptions = { ...decision.exceptions, [occurrence]: contentOnly(next.series) };
  else if (fields.length === 0) decision.settled.push(occurrence);
  if (fields.length > 0) decision.update.push({ occurrence, next: { ...next.instance, uid: now.uid }, fields });
}

function withChanges(target: CalendarEvent, before: CalendarEvent, after: CalendarEvent): CalendarEvent {
  return { ...target, ...Object.fromEntries(changedContent(before, after).map((field) => [field, after[field]])) };
}

function wantedOccurrences({ series, instances, now }: SeriesInput): {
  wanted: Set<OccurrenceId>;
  isTooDense: boolean;
} {
  const from = now - WINDOW_BACK_DAYS * DAY_MS;
  const { ids, complete } = expandOccurrences(
    series,
    from,
    now + WINDOW_AHEAD_DAYS * DAY_MS,
    MAX_INSTANCES,
    BUDGET_STEPS,
  );
  const known = new Set(instances.map(({ occurrence }) => occurrence));
  const room = Math.max(0, MAX_INSTANCES - instances.length);
  const fresh = ids.filter((id) => !known.has(id)).slice(0, room);
  const wanted = new Set([...ids.filter((id) => known.has(id)), ...fresh]);
  return { wanted, isTooDense: !complete || wanted.size < ids.length };
}

/** Occurrences that leave the window stay; within it, one that the series no longer has goes. */
function isStillMeant(
  { series, now }: SeriesInput,
  { occurrence }: Instance,
  wanted: ReadonlySet<OccurrenceId>,
): boolean {
  if (wanted.has(occurrence)) return true;
  if (series.exceptions[occurrence] === EXCLUDED) return false;
  const at = instantOfId(occurrence);
  return (
    expandOccurrences(series, at, at + 1, 1, BUDGET_STEPS).ids.includes(occurrence) ||
    at < now - WINDOW_BACK_DAYS * DAY_MS
  );
}

/**
 * The names that the occurrences of instances have once their series has moved, by their former ones; empty where two
 * would have the same. @param before the series when its instances were last decided about
 */
export function movedNames(
  before: CalendarEvent,
  now: CalendarEvent,
  occurrences: readonly OccurrenceId[],
): ReadonlyMap<OccurrenceId, OccurrenceId> {
  if (!before.recurrence || !now.recurrence) return new Map();
  const nameOf = renamedOccurrences(before, now, occurrences);
  const names = occurrences.map((id) => [id, nameOf(id) ?? id] as const);
  const isUnique = new Set(names.map(([, name]) => name)).size === names.length;
  return new Map(isUnique ? names.filter(([id, name]) => id !== name) : []);
}

/** What a series shows of an occurrence, its exception or the ordinary content. */
export function contentOf(series: CalendarEvent, occurrence: OccurrenceId): Content {
  const exception = series.exceptions[occurrence];
  return typeof exception === 'object' ? exception : occurrenceContent(series, occurrence);
}

/** The single event that stands for an occurrence. */
export function instanceOf(series: CalendarEvent, occurrence: OccurrenceId): CalendarEvent {
  return { ...asSingle(contentOf(series, occurrence)), uid: instanceUid(series, occurrence) };
}

/**
 * Those occurrences of a series that are meant to start at one of these times, and all overrides: they may have been
 * moved there.
 */
export function occurrencesMeant(series: CalendarEvent, starts: ReadonlySet<OccurrenceId>): OccurrenceId[] {
  const isMeant = (id: OccurrenceId) => starts.has(id) || typeof series.exceptions[id] === 'object';
  const at = [...starts, ...Object.keys(series.exceptions)].map(instantOfId);
  const [from, to] = [at.reduce((a, b) => Math.min(a, b), Infinity), at.reduce((a, b) => Math.max(a, b), -Infinity)];
  return expandOccurrences(series, from, to + 1, Infinity, BUDGET_STEPS).ids.filter(isMeant);
}

/** An instance does not have the UID of the series: it would be taken for the series. */
function asSingle(content: Content): CalendarEvent {
  return { ...content, uid: null, recurrence: null, exceptions: {} };
}

export const TOO_DENSE = eventProblem('recurrence-too-dense');
