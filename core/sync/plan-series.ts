/** A series that the other side has as single events: its occurrences and their instances, decided together. */
import {
  type CalendarEvent,
  type Content,
  changedContent,
  type Exception,
  type OccurrenceId,
  otherSide,
  type SideName,
} from '../event.ts';
import type { EventProblem } from '../event-problem.ts';
import { shapedFor } from '../optional-fields.ts';
import { changedValues } from './changed-values.ts';
import type { FieldConflict } from './conflict.ts';
import type { LinkView, Op, SideProblem } from './decide.ts';
import type { EventLabel } from './event-label.ts';
import {
  contentOf,
  decideInstances,
  type Instance,
  movedNames,
  type SeriesDecision,
  TOO_DENSE,
} from './expanded-series.ts';
import { lastModifiedSide } from './merge.ts';
import type { InstanceToPlan, PlanInput } from './plan-input.ts';
import { labelOf } from './plan-link.ts';
import { isBusyOnly, projected, sourceOf } from './policy.ts';

export interface SeriesPlan {
  readonly linkId: string;
  readonly label: EventLabel | null;
  /** What is written for the instances. `linkId` null: the instance is new. */
  readonly ops: readonly { readonly linkId: string | null; readonly occurrence: OccurrenceId; readonly op: Op }[];
  /** The edits of instances, as exceptions of the series; null: there are none. */
  readonly update: Op | null;
  /** Instances that agree with the series, with what they agree on. */
  readonly settled: readonly { readonly linkId: string; readonly agreed: Content }[];
  /** Instances whose occurrences have other names since the series moved. */
  readonly renamed: readonly { readonly linkId: string; readonly occurrence: OccurrenceId }[];
  /** The series was decided about as it is now: its next move is recognised by this. */
  readonly isBase: boolean;
  /** Links of instances that are events of their own from now on, with the side that has them. */
  readonly released: readonly { readonly linkId: string; readonly side: SideName; readonly label: EventLabel | null }[];
  /** Links of instances that are gone for good. */
  readonly dropped: readonly string[];
  /** Links of instances about which nothing is decided before something changes, or a person decides. */
  readonly awaited: readonly string[];
  /** Beside those of the series itself. */
  readonly problems: readonly SideProblem[];
  readonly conflicts: readonly FieldConflict[];
  /** Why no decision could be made. */
  readonly error?: unknown;
}

export const NO_INSTANCES = {
  ops: [],
  update: null,
  settled: [],
  renamed: [],
  isBase: false,
  released: [],
  dropped: [],
  awaited: [],
  problems: [],
  conflicts: [],
} as const;

/** Null when the series cannot be read. @param stored all instances that are known, in order */
export function planSeries(
  linkId: string,
  view: LinkView,
  stored: readonly InstanceToPlan[],
  { direction, options, now, known }: Pick<PlanInput, 'direction' | 'options' | 'now' | 'known'>,
): SeriesPlan | null {
  const side: SideName = view.caldav?.now ? 'caldav' : 'cloud';
  const to = otherSide(side);
  const full = view[side]?.now;
  if (!full) return null;
  const series = shapedFor(projected(full, to, options), known.forms?.[to] ?? {});
  const names = movedNames(
    view[side]?.base ?? full,
    full,
    stored.map(({ occurrence }) => occurrence),
  );
  const instances = stored.map((one) => ({ ...one, occurrence: names.get(one.occurrence) ?? one.occurrence }));
  const decision = decideInstances({
    series,
    side,
    now,
    instances: instances.filter(({ sides }) => sides[to]).map((instance) => viewOf(instance, view, to)),
    isOneWay: sourceOf(direction) !== null || isBusyOnly(to, options),
    winner: side,
  });
  // The series lost these occurrences before their instances were created.
  const created = new Set(decision.create.map(({ occurrence }) => occurrence));
  const unmade = instances.filter(({ sides, occurrence }) => !sides[to] && !created.has(occurrence));
  const linkOf = new Map(instances.map((instance) => [instance.occurrence, instance.linkId]));
  const next = withExceptions(full, series, decision.exceptions);
  const changes = changedValues(full, next);
  return {
    linkId,
    label: labelOf(view),
    ops: opsOf(decision, linkOf, to),
    update: changes.length > 0 ? { side, action: 'update', next, changes, isCounted: false, hold: null } : null,
    settled: decision.settled.flatMap((occurrence) => {
      const settled = linkOf.get(occurrence);
      return settled ? [{ linkId: settled, agreed: contentOf(series, occurrence) }] : [];
    }),
    renamed: instances.flatMap(({ linkId: instance, occurrence }, index) =>
      stored[index]?.occurrence === occurrence ? [] : [{ linkId: instance, occurrence }],
    ),
    isBase: view[to] === null,
    released: instances
      .filter(({ occurrence }) => decision.released.includes(occurrence))
      .map(({ linkId: released, view: own }) => ({ linkId: released, side: to, label: own && labelOf(own) })),
    dropped: [
      ...decision.dropped.flatMap((occurrence) => linkOf.get(occurrence) ?? []),
      ...unmade.filter(({ mayHaveCopy }) => !mayHaveCopy).map((instance) => instance.linkId),
    ],
    awaited: unmade.filter(({ mayHaveCopy }) => mayHaveCopy).map((instance) => instance.linkId),
    problems: [...(decision.isTooDense ? [TOO_DENSE] : []), ...problemsOf(instances, to)].map((problem) => ({
      side: to,
      problem,
    })),
    conflicts: decision.conflicts,
  };
}

/** What the instances' side says about them, each problem once. */
function problemsOf(instances: readonly InstanceToPlan[], side: SideName): EventProblem[] {
  const all = instances.flatMap(({ view }) => view?.[side]?.problems ?? []);
  return [...new Map(all.map((problem) => [problem.code, problem])).values()];
}

function viewOf({ occurrence, view, agreed }: InstanceToPlan, series: LinkView, side: SideName): Instance {
  if (!view) throw new Error('an instance could not be read');
  const instance = view[side];
  const { caldav, cloud }: LinkView = { ...series, [side]: instance };
  // A text that was cut to fit a side must not win over the whole one.
  const isCut = instance?.problems.some(({ code }) => code === 'text-too-long');
  return {
    occurrence,
    now: instance?.now ?? null,
    base: instance?.base ?? null,
    agreed,
    later: caldav && cloud && !isCut ? lastModifiedSide(caldav, cloud) : otherSide(side),
  };
}

function opsOf(
  { create, update, remove }: SeriesDecision,
  linkOf: ReadonlyMap<OccurrenceId, string>,
  side: SideName,
): SeriesPlan['ops'] {
  const op = { side, isCounted: false, hold: null };
  const creates = create.map(({ occurrence, next }) => ({
    linkId: linkOf.get(occurrence) ?? null,
    occurrence,
    op: { ...op, action: 'create' as const, next, changes: [] },
  }));
  const updates = update.flatMap(({ occurrence, next, fields }) => {
    const linkId = linkOf.get(occurrence);
    const changes = fields.map((field) => ({ path: { occurrence: null, field }, attendee: null, value: next[field] }));
    return linkId ? [{ linkId, occurrence, op: { ...op, action: 'update' as const, next, changes } }] : [];
  });
  const deletes = remove.flatMap((occurrence) => {
    const linkId = linkOf.get(occurrence);
    return linkId ? [{ linkId, occurrence, op: { ...op, action: 'delete' as const, next: null, changes: [] } }] : [];
  });
  return [...creates, ...updates, ...deletes];
}

/**
 * Only what differs from what the copies may show becomes an exception: an option that leaves attendees out must not
 * remove them from the series.
 */
function withExceptions(
  full: CalendarEvent,
  series: CalendarEvent,
  exceptions: Readonly<Record<OccurrenceId, Exception>>,
): CalendarEvent {
  const next: Record<OccurrenceId, Exception> = { ...full.exceptions };
  for (const [occurrence, exception] of Object.entries(exceptions)) {
    if (typeof exception !== 'object') {
      next[occurrence] = exception;
      continue;
    }
    const fields = changedContent(contentOf(series, occurrence), exception).filter(
      (field) => exception[field] !== undefined,
    );
    next[occurrence] = {
      ...contentOf(full, occurrence),
      ...Object.fromEntries(fields.map((field) => [field, exception[field]])),
    };
  }
  return { ...full, exceptions: next };
}
