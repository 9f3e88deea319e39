/**
 * What a sync of a pair would do now: the code of a run on temporary copies of the pair's tables (`db/scratch.ts`),
 * up to the first write.
 */
import type { CalendarEvent, SideName } from '../../core/event.ts';
import { labelOfEvent } from '../../core/sync/event-label.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { Db } from '../../db/connect.ts';
import type { PreviewProgress } from '../../db/history-schema.ts';
import type { Recognized } from '../../db/leftovers.ts';
import type { OpRow } from '../../db/ops.ts';
import { openSealedJson } from '../../db/pairs.ts';
import { postgresStore } from '../../db/postgres-store.ts';
import type { OpAction } from '../../db/schema.ts';
import { analyzeScratch, onScratch } from '../../db/scratch.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { Store } from '../../db/store.ts';
import type { Deps } from '../deps.ts';
import { confirmWrites } from './confirm-writes.ts';
import { type LinkedEvent, linkEvents } from './link-events.ts';
import { type OpenPair, openPair } from './open-pair.ts';
import { type Planned, planLinks } from './plan-links.ts';
import { proveDeletions, readSide, SideFailed } from './read-sides.ts';

interface Writes {
  create: number;
  update: number;
  delete: number;
}

/** An event as a person knows it. */
interface EventSummary {
  readonly title: string;
  readonly start: string;
}

interface Preview {
  readonly caldav: Writes;
  readonly cloud: Writes;
  readonly conflicts: number;
  readonly held: number;
  readonly matched: number;
  readonly changes: (EventSummary & { readonly side: SideName; readonly action: OpAction })[];
  readonly matches: (EventSummary & { readonly by: LinkedEvent['by'] })[];
  readonly recognized: Recognized[];
}

/** At most this many changes and matches are listed. */
const MAX_LISTED = 200;
/** Events whose labels are loaded together. */
const CHUNK = 500;
/** Of both sides together, before they are linked. */
const MAX_EVENTS = 120_000;
/** For one statement. */
const MAX_SECONDS = 60;
/** Progress is reported at most this often. */
const PROGRESS_MS = 1_000;

export type PreviewPair = (
  pairId: string,
  signal: AbortSignal,
  report: (progress: PreviewProgress) => Promise<void>,
) => Promise<Preview | 'gone' | 'too-large'>;

/**
 * Writes nothing, neither to a calendar nor to the database, and blocks nothing.
 * @throws SyncError when a side cannot be read
 */
export function createPreviewPair(deps: Deps, db: Db): PreviewPair {
  return async (pairId, signal, report) => {
    // Opened on the real database: an access token that is renewed meanwhile is kept.
    const open = await openPair(deps, pairId, signal);
    if (!open) return 'gone';
    const restMs = (open.pair.notBefore?.getTime() ?? 0) - deps.clock.now().getTime();
    if (restMs > 0) throw new SyncError('throttled', 'the server asked to wait', { retryAfterMs: restMs });
    if ((await deps.store.countLinks(pairId)) > MAX_EVENTS) return 'too-large';
    try {
      return await onScratch(db, pairId, MAX_SECONDS, (scratch) =>
        preview({ ...deps, store: postgresStore(scratch) }, open, {
          signal,
          report: atMostEvery(PROGRESS_MS, report),
          hasRead: () => analyzeScratch(scratch),
        }),
      );
    } catch (error) {
      throw error instanceof SideFailed ? error.error : error;
    }
  };
}

interface Caller {
  readonly signal: AbortSignal;
  readonly report: (progress: PreviewProgress) => Promise<void>;
  /** Both sides are stored in the copy. */
  readonly hasRead: () => Promise<void>;
}

async function preview(
  deps: Deps,
  real: OpenPair,
  { signal, report, hasRead }: Caller,
): Promise<Preview | 'gone' | 'too-large'> {
  const { store } = deps;
  const { id } = real.pair;
  const begun = await store.beginRun({
    pairId: id,
    number: (await store.lastRunNumber(id)) + 1,
    trigger: 'signal',
    now: deps.clock.now(),
  });
  const pair = (await store.pairWithAccounts(id))?.pair;
  if (!begun || !pair) return 'gone';
  const { run, epoch } = begun;
  const open = { ...real, pair };
  let read = 0;
  // One after the other: both write to the same session.
  for (const side of ['caldav', 'cloud'] as const) {
    await report({ phase: 'reading', done: read, total: null });
    read += (await readSide(deps, open, side, { epoch, full: pair.fullListingAt === null })).read;
  }
  signal.throwIfAborted();
  if ((await store.countLinks(id)) > MAX_EVENTS) return 'too-large';
  await hasRead();
  await proveDeletions(deps, open, epoch);
  await confirmWrites(deps, open, epoch);
  const linked = await linkEvents(deps, open, epoch);
  const dirty = await store.dirtyLinks(id, deps.clock.now(), true);
  signal.throwIfAborted();
  const hasPlanned = async (done: number): Promise<void> => {
    signal.throwIfAborted();
    await report({ phase: 'comparing', done, total: dirty.length });
  };
  const planned = await planLinks(deps, open, { id: run.id, epoch, evenIfPaused: true, hasPlanned }, dirty);
  const matched = [...linked, ...[...planned.relinkedSeries].map((linkId) => ({ linkId, by: 'content' as const }))];
  return summary(deps, open, planned, { runId: run.id, matched });
}

async function summary(
  { store }: Deps,
  { pair }: OpenPair,
  { conflicts, held }: Planned,
  { runId, matched }: { readonly runId: string; readonly matched: readonly LinkedEvent[] },
): Promise<Preview> {
  const writes: Record<SideName, Writes> = { caldav: noWrites(), cloud: noWrites() };
  let changes: Preview['changes'] = [];
  for await (const ops of plannedOps(store, runId)) {
    for (const { side, action } of ops) writes[side][action] += 1;
    const labels = await labelsOf(store, pair.id, ops);
    changes = firstByStart([
      ...changes,
      ...ops.map((op) => ({ side: op.side, action: op.action, ...(written(store, op) ?? labels(op.linkId)) })),
    ]);
  }
  let matches: Preview['matches'] = [];
  for (let start = 0; start < matched.length; start += CHUNK) {
    const some = matched.slice(start, start + CHUNK);
    const labels = await labelsOf(store, pair.id, some);
    matches = firstByStart([...matches, ...some.map(({ linkId, by }) => ({ by, ...labels(linkId) }))]);
  }
  const recognized = await store.recognizedTools(pair.id);
  return { ...writes, conflicts, held, matched: matched.length, changes, matches, recognized };
}

function noWrites(): Writes {
  return { create: 0, update: 0, delete: 0 };
}

/** What the run would write, some at a time. */
async function* plannedOps(store: Store, runId: string): AsyncGenerator<OpRow[]> {
  for (const which of ['writes', 'deletions'] as const) {
    let last: OpRow | undefined;
    do {
      const ops = await store.opsToExecute(runId, which, last ?? null, CHUNK);
      last = ops.length === CHUNK ? ops.at(-1) : undefined;
      if (ops.length > 0) yield ops;
    } while (last);
  }
}

/** Finds how the events of these links are listed. */
async function labelsOf(
  store: Store,
  pairId: string,
  of: readonly { readonly linkId: string }[],
): Promise<(linkId: string) => EventSummary> {
  const outlines = await store.outlines([...new Set(of.map(({ linkId }) => linkId))]);
  const labels = new Map(outlines.map(({ id, label }) => [id, label]));
  return (linkId) => {
    const label = labels.get(linkId);
    if (!label) return { title: '', start: '' };
    const { title, start } = openSealedJson<EventSummary>(store, label, pairCell(pairId, 'links.label', linkId))!;
    return { title, start };
  };
}

/** Of those that begin at the same time, the most important first. */
const RANK: Readonly<Record<OpAction, number>> = { delete: 0, create: 1, update: 2 };

function rankOf({ action }: { readonly action?: OpAction }): number {
  return action === undefined ? 0 : RANK[action];
}

function firstByStart<T extends EventSummary & { readonly action?: OpAction }>(events: readonly T[]): T[] {
  const keyed = events.map((event) => ({ event, key: `${event.start} ${rankOf(event)} ${JSON.stringify(event)}` }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.slice(0, MAX_LISTED).map(({ event }) => event);
}

/** How the event is to read; null for a deletion. */
function written(store: Store, { id, next, pairId }: OpRow): EventSummary | null {
  if (!next) return null;
  const { title, start } = labelOfEvent(openSealedJson<CalendarEvent>(store, next, pairCell(pairId, 'ops.next', id))!);
  return { title, start };
}

/** Drops calls that come too soon after the last one. */
function atMostEvery<T>(intervalMs: number, work: (value: T) => Promise<void>): (value: T) => Promise<void> {
  let next = 0;
  return async (value) => {
    if (performance.now() < next) return;
    next = performance.now() + intervalMs;
    await work(value);
  };
}
