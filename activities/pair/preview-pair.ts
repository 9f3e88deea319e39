/**
 * What a sync of a pair would do now: the code of a run on temporary copies of the pair's tables (`db/scratch.ts`),
 * up to the first write.
 */
import type { CalendarEvent, SideName } from '../../core/event.ts';
import { labelOfEvent } from '../../core/sync/event-label.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { Db } from '../../db/connect.ts';
import type { OpRow } from '../../db/ops.ts';
import { pairContext } from '../../db/pairs.ts';
import { postgresStore } from '../../db/postgres-store.ts';
import type { OpAction } from '../../db/schema.ts';
import { analyzeScratch, onScratch } from '../../db/scratch.ts';
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
}

/** At most this many changes and matches are listed. */
const MAX_LISTED = 200;
/** Events whose labels are loaded together. */
const CHUNK = 500;
/**
 * Of both sides together. A person waits for the answer, and a small busy machine takes 50 s for this many.
 */
const MAX_EVENTS = 8_000;
/** For one statement. */
const MAX_SECONDS = 60;

export type PreviewPair = (pairId: string, signal: AbortSignal) => Promise<Preview | 'gone' | 'too-large'>;

/**
 * Writes nothing, neither to a calendar nor to the database, and blocks nothing.
 * @throws SyncError when a side cannot be read
 */
export function createPreviewPair(deps: Deps, db: Db): PreviewPair {
  return async (pairId, signal) => {
    // Opened on the real database: an access token that is renewed meanwhile is kept.
    const open = await openPair(deps, pairId, signal);
    if (!open) return 'gone';
    const restMs = (open.pair.notBefore?.getTime() ?? 0) - deps.clock.now().getTime();
    if (restMs > 0) throw new SyncError('throttled', 'the server asked to wait', { retryAfterMs: restMs });
    if ((await deps.store.countLinks(pairId)) > MAX_EVENTS) return 'too-large';
    try {
      return await onScratch(db, pairId, MAX_SECONDS, (tx) =>
        preview({ ...deps, store: postgresStore(tx) }, open, signal, () => analyzeScratch(tx)),
      );
    } catch (error) {
      throw error instanceof SideFailed ? error.error : error;
    }
  };
}

async function preview(
  deps: Deps,
  real: OpenPair,
  signal: AbortSignal,
  hasRead: () => Promise<void>,
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
  // One after the other: both write to the same transaction.
  for (const side of ['caldav', 'cloud'] as const)
    await readSide(deps, open, side, { epoch, full: pair.fullListingAt === null });
  signal.throwIfAborted();
  if ((await store.countLinks(id)) > MAX_EVENTS) return 'too-large';
  await hasRead();
  await proveDeletions(deps, open, epoch);
  await confirmWrites(deps, open, epoch);
  const linked = await linkEvents(deps, open, epoch);
  const dirty = await store.dirtyLinks(id, deps.clock.now(), true);
  signal.throwIfAborted();
  const planned = await planLinks(deps, open, { id: run.id, epoch, evenIfPaused: true }, dirty);
  const matched = [...linked, ...[...planned.relinkedSeries].map((linkId) => ({ linkId, by: 'content' as const }))];
  return summary(deps, open, planned, { ops: await store.pendingOps(run.id), matched });
}

async function summary(
  deps: Deps,
  open: OpenPair,
  { conflicts, held }: Planned,
  { ops, matched }: { ops: readonly OpRow[]; matched: readonly LinkedEvent[] },
): Promise<Preview> {
  const count = (side: SideName): Writes => {
    const of = (action: OpAction) => ops.filter((op) => op.side === side && op.action === action).length;
    return { create: of('create'), update: of('update'), delete: of('delete') };
  };
  const labels = await labelsOf(deps, [...new Set([...ops, ...matched].map(({ linkId }) => linkId))]);
  const summaryOf = (linkId: string): EventSummary => {
    const label = labels.get(linkId);
    if (!label) return { title: '', start: '' };
    const { title, start } = JSON.parse(deps.store.vault.open(label, pairContext(open.pair.id))) as EventSummary;
    return { title, start };
  };
  return {
    caldav: count('caldav'),
    cloud: count('cloud'),
    conflicts,
    held,
    matched: matched.length,
    changes: firstByStart(
      ops.map((op) => ({ side: op.side, action: op.action, ...(written(deps, op) ?? summaryOf(op.linkId)) })),
    ),
    matches: firstByStart(matched.map(({ linkId, by }) => ({ by, ...summaryOf(linkId) }))),
  };
}

async function labelsOf({ store }: Deps, linkIds: readonly string[]): Promise<Map<string, Buffer | null>> {
  const labels = new Map<string, Buffer | null>();
  for (let start = 0; start < linkIds.length; start += CHUNK)
    for (const { link } of await store.loadLinks(linkIds.slice(start, start + CHUNK))) labels.set(link.id, link.label);
  return labels;
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
function written({ store }: Deps, { next, pairId }: OpRow): EventSummary | null {
  if (!next) return null;
  const event = JSON.parse(store.vault.open(next, pairContext(pairId))) as CalendarEvent;
  const { title, start } = labelOfEvent(event);
  return { title, start };
}
