/**
 * A series that is written out on the other side: its occurrences and their single events, decided together
 * (`core/sync/expanded-series.ts`).
 */

import {
  type CalendarEvent,
  type Content,
  changedContent,
  type Exception,
  type OccurrenceId,
  otherSide,
  type SideName,
} from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import { changedValues } from '../../core/sync/changed-values.ts';
import type { LinkView, Op } from '../../core/sync/decide.ts';
import {
  contentOf,
  decideInstances,
  type Instance,
  type SeriesDecision,
  TOO_DENSE,
} from '../../core/sync/expanded-series.ts';
import { type FieldConflict, lastModifiedSide } from '../../core/sync/merge.ts';
import { projected, sourceOf } from '../../core/sync/policy.ts';
import { pairContext } from '../../db/pairs.ts';
import type { links } from '../../db/schema.ts';
import type { Store } from '../../db/store.ts';
import { type Loaded, viewOf } from './link-view.ts';
import type { OpenPair } from './open-pair.ts';

export interface PlannedSeries {
  readonly newLinks: (typeof links.$inferInsert)[];
  readonly ops: { readonly linkId: string; readonly op: Op }[];
  /** Singles that agree with the series, with what they agree on. */
  readonly settled: { readonly rows: Loaded; readonly agreed: Buffer }[];
  /** Links of singles that are gone for good. */
  readonly dropped: string[];
  readonly problems: readonly (EventProblem & { readonly side: SideName })[];
  readonly conflicts: readonly FieldConflict[];
}

/** Null when the series is not there to be read. */
export function planSeries(
  { open, store, now, newId }: { open: OpenPair; store: Store; now: Date; newId: () => string },
  parent: Loaded,
  view: LinkView,
  singles: readonly Loaded[],
): PlannedSeries | null {
  const { pair } = open;
  const side: SideName = view.caldav?.now ? 'caldav' : 'cloud';
  const to = otherSide(side);
  const full = view[side]?.now;
  if (!full) return null;
  const series = projected(full, to, pair.options);
  const content = to === 'cloud' ? pair.options.content.toCloud : pair.options.content.toCaldav;
  const there = singles.filter(({ sides }) => sides[to]);
  const decision = decideInstances({
    series,
    side,
    now: now.getTime(),
    instances: there.map((single) => viewOfSingle(store, open, single, view, to)),
    isOneWay: sourceOf(pair.direction) !== null || content === 'busy',
    winner: side,
  });
  const byOccurrence = new Map(singles.map((single) => [single.link.occurrence ?? '', single]));
  const seal = (value: Content) => store.vault.seal(JSON.stringify(value), pairContext(pair.id));
  const settled = decision.settled.flatMap((occurrence) => {
    const rows = byOccurrence.get(occurrence);
    return rows ? [{ rows, agreed: seal(contentOf(series, occurrence)) }] : [];
  });
  const { newLinks, ops } = opsOf(decision, parent, byOccurrence, to, newId);
  const next = withExceptions(full, series, decision.exceptions);
  const changes = changedValues(full, next);
  if (changes.length > 0)
    ops.push({ linkId: parent.link.id, op: { side, action: 'update', next, changes, isCounted: false, hold: null } });
  return {
    newLinks,
    ops,
    settled,
    dropped: decision.dropped.flatMap((occurrence) => byOccurrence.get(occurrence)?.link.id ?? []),
    problems: decision.isTooDense ? [{ side: to, ...TOO_DENSE }] : [],
    conflicts: decision.conflicts,
  };
}

function opsOf(
  decision: SeriesDecision,
  { link: parent }: Loaded,
  byOccurrence: ReadonlyMap<string, Loaded>,
  side: SideName,
  newId: () => string,
) {
  const newLinks: (typeof links.$inferInsert)[] = [];
  const ops: { linkId: string; op: Op }[] = [];
  for (const { occurrence, next } of decision.create) {
    const known = byOccurrence.get(occurrence)?.link.id;
    const linkId = known ?? newId();
    if (!known)
      newLinks.push({
        id: linkId,
        pairId: parent.pairId,
        dirty: true,
        parentId: parent.id,
        occurrence,
        label: parent.label,
      });
    ops.push({ linkId, op: { side, action: 'create', next, changes: [], isCounted: false, hold: null } });
  }
  for (const { occurrence, next, fields } of decision.update) {
    const linkId = byOccurrence.get(occurrence)?.link.id;
    const changes = fields.map((field) => ({ path: { occurrence: null, field }, attendee: null, value: next[field] }));
    if (linkId) ops.push({ linkId, op: { side, action: 'update', next, changes, isCounted: false, hold: null } });
  }
  for (const occurrence of decision.remove) {
    const linkId = byOccurrence.get(occurrence)?.link.id;
    if (linkId)
      ops.push({ linkId, op: { side, action: 'delete', next: null, changes: [], isCounted: false, hold: null } });
  }
  return { newLinks, ops };
}

function viewOfSingle(store: Store, open: OpenPair, loaded: Loaded, series: LinkView, side: SideName): Instance {
  const { link } = loaded;
  const single = viewOf(store, loaded, open.sides, undefined)[side];
  const { caldav, cloud }: LinkView = { ...series, [side]: single };
  // A text that was cut to fit a side must not win over the whole one.
  const isCut = single?.problems.some(({ code }) => code === 'text-too-long');
  return {
    occurrence: link.occurrence ?? '',
    now: single?.now ?? null,
    base: single?.base ?? null,
    agreed: link.agreed && (JSON.parse(store.vault.open(link.agreed, pairContext(link.pairId))) as Content),
    later: caldav && cloud && !isCut ? lastModifiedSide(caldav, cloud) : otherSide(side),
  };
}

/**
 * Only what differs from what the copies may see is taken over: an option that leaves people out must not remove them
 * from the series.
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
    const fields = changedContent(contentOf(series, occurrence), exception);
    next[occurrence] = {
      ...contentOf(full, occurrence),
      ...Object.fromEntries(fields.map((field) => [field, exception[field]])),
    };
  }
  return { ...full, exceptions: next };
}
