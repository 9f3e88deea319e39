/** Reads both sides and stores what they show, each with its new cursor. */
import { otherSide, SIDES, type SideName } from '../../core/event.ts';
import { MAX_UNSAMPLED_ABSENCES, SAMPLED_ABSENCES, sampleOf } from '../../core/sync/deletion-guard.ts';
import { SyncError } from '../../core/sync-error.ts';
import { Superseded } from '../../db/epoch.ts';
import type { SideRow } from '../../db/link-sides.ts';
import { isUnavailable } from '../../db/postgres-errors.ts';
import type { Store } from '../../db/store.ts';
import { fetchUncontradicted } from '../../providers/confirm-gone.ts';
import type { Found, Side, StoredEvents } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';
import { createAgain, currentOf, type Observer, observe } from './observe.ts';
import type { OpenPair } from './open-pair.ts';
import { readVerified, verifyAccount } from './verify-account.ts';

/** No real calendar has this many pages. */
const MAX_PAGES = 2_000;

export interface ReadSetting {
  readonly epoch: number;
  /** Ignore the cursor and compare everything. */
  readonly full: boolean;
}

/** What reading a side came to. */
export interface SideRead {
  /** New or changed events, also those that Calpair has just written. */
  readonly read: number;
  /** Changes by anybody else. */
  readonly changes: number;
  readonly tookMs: number;
  readonly isFull: boolean;
}

/** Of the sides that were asked. */
export type SideOutcomes = Partial<Readonly<Record<SideName, SideRead | SideFailed>>>;

/** A side could not be read. */
export class SideFailed extends Error {
  readonly side: SideName;
  readonly error: SyncError;

  constructor(side: SideName, error: SyncError) {
    super(`${side}: ${error.message}`, { cause: error });
    this.name = 'SideFailed';
    this.side = side;
    this.error = error;
  }
}

/** Calls a side; a failure says which side it was. @throws SideFailed */
export async function callSide<T>(side: SideName, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof SyncError ? new SideFailed(side, error) : error;
  }
}

/** What a side answers for one event that was fetched by name; undefined if it cannot be read now. */
export type Answer = Found | 'gone' | undefined;

/**
 * If the answer has only other events of the same resource, this one is gone. A resource that cannot be read as a whole
 * says nothing about one of its events.
 */
export function answerFor(
  { resource, ref }: Pick<SideRow, 'resource' | 'ref'>,
  answers: ReadonlyMap<string, readonly Found[] | 'gone'>,
): Answer {
  const answer = answers.get(resource);
  if (answer === undefined || answer === 'gone') return answer;
  const isUnread = answer.some((found) => found.ref === resource && found.event === null);
  return answer.find((found) => found.ref === ref) ?? (isUnread ? undefined : 'gone');
}

/**
 * Reads the sides that `settings` names, at once; one that fails does not keep the other from being read. `error`: what
 * is no failure of a side, that is Superseded, or a database that does not answer.
 */
export async function readSides(
  deps: Deps,
  open: OpenPair,
  settings: Partial<Readonly<Record<SideName, ReadSetting>>>,
): Promise<{ readonly outcomes: SideOutcomes; readonly error: Error | undefined }> {
  const outcomes: { [side in SideName]?: SideRead | SideFailed } = {};
  const errors: Error[] = [];
  const read = async (side: SideName): Promise<void> => {
    const setting = settings[side];
    if (!setting) return;
    try {
      outcomes[side] = await readSide(deps, open, side, setting);
    } catch (error) {
      if (error instanceof Error && (error instanceof Superseded || isUnavailable(error))) errors.push(error);
      else outcomes[side] = asSideFailure(error, side);
    }
  };
  await Promise.all(SIDES.map(read));
  return { outcomes, error: errors[0] };
}

/** Any error while reading, as a side's failure. Errors that do not come from a service are bugs. */
export function asSideFailure(error: unknown, side: SideName = 'caldav'): SideFailed {
  if (error instanceof SideFailed) return error;
  return new SideFailed(
    side,
    error instanceof SyncError
      ? error
      : new SyncError('bug', `unexpected ${error instanceof Error ? error.name : 'error'}`, { cause: error }),
  );
}

/** Reads one side. @throws SideFailed */
export async function readSide(deps: Deps, open: OpenPair, side: SideName, setting: ReadSetting): Promise<SideRead> {
  const observer = { deps, pairId: open.pair.id, epoch: setting.epoch, side, reader: open.sides[side] };
  const startedAt = deps.clock.now().getTime();
  const seen = await callSide(side, () => readVerified(open, side, () => readPages(observer, open, setting)));
  return { ...seen, tookMs: deps.clock.now().getTime() - startedAt };
}

async function readPages(observer: Observer, open: OpenPair, setting: ReadSetting): Promise<Omit<SideRead, 'tookMs'>> {
  const { pair } = open;
  const { deps, pairId, side, reader } = observer;
  const stored = side === 'caldav' ? pair.caldavCursor : pair.cloudCursor;
  const cursor = setting.full ? null : stored;
  const listed = new Set<string>();
  let [read, changes, pages] = [0, 0, 0];
  for await (const page of reader.changes(cursor, knownOf(deps, open, side))) {
    pages += 1;
    if (pages > MAX_PAGES) throw new SyncError('unreachable', 'the listing has no end');
    read += page.found.length;
    for (const { resource } of page.found) listed.add(resource);
    for (const resource of page.unchanged) listed.add(resource);
    const { end } = page;
    if (end?.full) await believeAbsences(observer, listed);
    const isIdle =
      end && end.cursor === stored && page.found.length + page.removed.length + page.unchanged.length === 0;
    if (isIdle) continue;
    changes += await observe(
      observer,
      page,
      end &&
        (async (tx) => {
          await tx.updatePair(pairId, side === 'caldav' ? { caldavCursor: end.cursor } : { cloudCursor: end.cursor });
        }),
    );
  }
  // What a first listing finds was not changed just now.
  return { read, changes: stored === null ? 0 : changes, isFull: cursor === null };
}

function knownOf(deps: Deps, open: OpenPair, side: SideName): StoredEvents {
  const pairId = open.pair.id;
  return {
    byResource: async (resources) => {
      const rows = await deps.store.sidesByResource(pairId, side, resources);
      return rows.flatMap((row) => (row.gone === 'no' ? (currentOf(deps.store, row) ?? []) : []));
    },
    versions: async () => {
      // Checked before the first page of a full listing: nothing of another person's calendar may be stored or matched.
      await verifyAccount(open, side);
      return deps.store.versionsOf(pairId, side);
    },
  };
}

/**
 * Events that a full listing does not have are suspected to be gone. If many or all are missing, a sample is fetched
 * first; if any of it exists, the listing is not trusted and the calendar counts as missing.
 */
async function believeAbsences(
  { deps, pairId, epoch, side, reader }: Observer,
  listed: ReadonlySet<string>,
): Promise<void> {
  const known = await deps.store.listedResources(pairId, side);
  const missed = known.filter((resource) => !listed.has(resource));
  const isAll = missed.length > 0 && missed.length === known.length;
  if (missed.length > MAX_UNSAMPLED_ABSENCES || isAll) await verifySample(reader, sampleOf(missed, SAMPLED_ABSENCES));
  // Together with the copies that were never listed, which are only fetched.
  const absent = [...(await deps.store.versionsOf(pairId, side)).keys()].filter((resource) => !listed.has(resource));
  for (let start = 0; start < absent.length; start += 500) {
    const batch = absent.slice(start, start + 500);
    await deps.store.underEpoch(pairId, epoch, async (tx) => {
      const gone = await tx.suspectGone(pairId, side, batch, { isListed: false, except: [] });
      await tx.markDirty(gone);
    });
  }
}

async function verifySample(reader: Side, sample: readonly string[]): Promise<void> {
  const answers = await reader.get(sample);
  if (sample.some((resource) => answers.get(resource) !== 'gone')) {
    throw new SyncError('calendar-missing', 'the calendar does not list events that still answer');
  }
}

/**
 * Fetches every event that is suspected to be gone, because only the server's answer for that event confirms a
 * deletion. What exists is stored as it is now.
 */
export async function proveDeletions(deps: Deps, open: OpenPair, epoch: number): Promise<void> {
  for (const side of ['caldav', 'cloud'] as const) {
    const rows = await deps.store.suspectedGone(open.pair.id, side);
    const observer = { deps, pairId: open.pair.id, epoch, side, reader: open.sides[side] };
    const size = observer.reader.getsAtOnce ?? PROVED_AT_ONCE;
    for (let start = 0; start < rows.length; start += size)
      await proveSome(observer, open, rows.slice(start, start + size));
  }
}

/**
 * Fetches the resources of these rows. Where one is gone, the account of the credentials is checked after the answer
 * (they may have changed since the run began), because another person's calendar proves nothing.
 * @param isReported a feed or listing has reported them as removed
 * @throws SideFailed
 */
export async function fetchVerified(
  open: OpenPair,
  side: SideName,
  rows: readonly SideRow[],
  isReported: boolean,
): Promise<Map<string, readonly Found[] | 'gone'>> {
  return callSide(side, async () => {
    const resources = [...new Set(rows.map((row) => row.resource))];
    const reader = open.sides[side];
    const answers = await (isReported ? reader.get(resources) : fetchUncontradicted(reader, resources));
    if ([...answers.values()].includes('gone')) await verifyAccount(open, side);
    return answers;
  });
}

/** A copy that was read back, or came in the service's own answer: then it was there, and its absence is a deletion. */
function wasConfirmed({ confirmed, current }: SideRow): boolean {
  return confirmed && current !== null;
}

async function proveSome(observer: Observer, open: OpenPair, rows: readonly SideRow[]): Promise<void> {
  const { deps, pairId, side } = observer;
  const answers = await fetchVerified(open, side, rows, true);
  if ([...answers.values()].includes('gone')) await deps.store.updatePair(pairId, { lastGoneAt: deps.clock.now() });
  for (let start = 0; start < rows.length; start += PROVED_AT_ONCE)
    await storeAnswers(observer, rows.slice(start, start + PROVED_AT_ONCE), answers);
}

/** In one transaction, and in one `get` unless a side can answer for more. */
const PROVED_AT_ONCE = 100;

async function storeAnswers(
  observer: Observer,
  rows: readonly SideRow[],
  answers: Awaited<ReturnType<Side['get']>>,
): Promise<void> {
  const { deps, pairId, epoch } = observer;
  const answered = rows.map((row) => ({ row, answer: answerFor(row, answers) }));
  const found = answered.flatMap(({ answer }) => (answer && answer !== 'gone' ? [answer] : []));
  if (found.length > 0) await observe({ ...observer, isAnswer: true }, { found, unchanged: [], removed: [] });
  const gone = answered.filter(({ answer }) => answer === 'gone').map(({ row }) => row);
  if (gone.length > 0) await deps.store.underEpoch(pairId, epoch, (tx) => storeGone(observer, tx, gone));
}

/** Stores that the server has answered, for these very events, that they are gone. */
async function storeGone({ deps, pairId, side }: Observer, tx: Store, rows: readonly SideRow[]): Promise<void> {
  const isUnconfirmed = (row: SideRow) => !row.listed && !wasConfirmed(row);
  await createAgain(deps, tx, side, rows.filter(isUnconfirmed));
  const known = rows.filter((row) => !isUnconfirmed(row));
  const ids = known.map(({ linkId }) => linkId);
  const now = deps.clock.now();
  const sides = new Map((await tx.loadLinks(ids)).map((loaded) => [loaded.link.id, loaded.sides]));
  // The sides never agreed on it: a lagging listing showed it, or it was deleted before both were compared. Its
  // deletion says nothing about the event on the other side, unless that is an untouched copy of it.
  const isUnknown = ({ linkId, base }: SideRow) => {
    const other = sides.get(linkId)?.[otherSide(side)];
    return base === null && other !== undefined && !(other.owned && other.base !== null);
  };
  await tx.noteLost(pairId, known, now);
  await tx.dropSides(
    known.filter(isUnknown).map(({ linkId }) => linkId),
    side,
  );
  const gone = known.filter((row) => !isUnknown(row));
  const set = { gone: 'confirmed', current: null, version: null, changedAt: now, confirmed: true } as const;
  await tx.updateSides(gone.map(({ linkId }) => ({ linkId, side, set })));
  await tx.markDirty([...ids, ...(await tx.duplicatesOf(gone))]);
}
