/**
 * Stores what a side shows. Observations are states, not deltas: storing one twice, or without its cursor, does no
 * harm. A new version with unchanged content is stored but starts no run.
 */
import { type CalendarEvent, changedPaths, otherSide, type SideName, sameValue } from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import { groupBy } from '../../core/group-by.ts';
import { labelOfEvent } from '../../core/sync/event-label.ts';
import type { JournalFields } from '../../core/sync/journal.ts';
import { matchText } from '../../core/sync/match-text.ts';
import { isId } from '../../db/ids.ts';
import type { NewSide, SideRow } from '../../db/link-sides.ts';
import type { NewLink } from '../../db/links.ts';
import { openSealedJson } from '../../db/pairs.ts';
import { pairCell, sideCell } from '../../db/sealed-cells.ts';
import type { Store } from '../../db/store.ts';
import type { ChangePage, Found, Side, Stored } from '../../providers/provider.ts';
import { type Deps, EVENTS_AT_ONCE } from '../deps.ts';
import { labelColumns } from './label-columns.ts';
import { changedFields } from './write-journal.ts';

export interface Observer {
  readonly deps: Deps;
  readonly pairId: string;
  readonly epoch: number;
  readonly side: SideName;
  readonly reader: Side;
  /** The events were fetched by name; a listing or a change feed may lag behind. */
  readonly isAnswer?: boolean;
}

/**
 * Stores one page, with a fixed number of statements. `inSameTransaction` may store more under the same epoch, once all
 * of the page is stored: the cursor. @returns how many events anybody else has created, changed or perhaps deleted
 */
export async function observe(
  observer: Observer,
  page: ChangePage,
  inSameTransaction?: (tx: Store) => Promise<void>,
): Promise<number> {
  const { deps, pairId, epoch, side } = observer;
  // A page may name an event twice; the later one is newer.
  const found = [...new Map(page.found.map((one) => [one.ref, one])).values()];
  const size = deps.eventsAtOnce ?? EVENTS_AT_ONCE;
  const rest = found.splice(Math.max(0, Math.ceil(found.length / size) - 1) * size);
  let changes = 0;
  for (let start = 0; start < found.length; start += size)
    changes += await deps.store.underEpoch(pairId, epoch, (tx) =>
      observeFound(observer, tx, found.slice(start, start + size)),
    );
  changes += await deps.store.underEpoch(
    pairId,
    epoch,
    async (tx) => {
      let changed = await observeFound(observer, tx, rest);
      if (page.unchanged.length > 0) await tx.markListed(pairId, side, page.unchanged);
      const refs = page.found.map(({ ref }) => ref);
      if (page.removed.length > 0) changed += await observeRemoved(observer, tx, page.removed, refs);
      await inSameTransaction?.(tx);
      return changed;
    },
    inSameTransaction ? 'update' : 'share',
  );
  return changes;
}

/** Only a suspicion. A feed that reports a copy as removed must have listed it. */
async function observeRemoved(
  { pairId, side }: Observer,
  tx: Store,
  resources: readonly string[],
  refs: readonly string[],
): Promise<number> {
  const gone = await tx.suspectGone(pairId, side, resources, { isListed: true, except: refs });
  await tx.markDirty(gone);
  return gone.length;
}

/** Stored data of a side's row, for `Side.read`; null where the side shows nothing. */
export function currentOf(store: Store, row: SideRow): Stored | null {
  return (
    row.current && {
      ref: row.ref,
      resource: row.resource,
      version: row.version,
      data: store.vault.open(row.current, sideCell(row)),
    }
  );
}

/** The same for what the side showed when both sides last agreed. */
export function baseOf(store: Store, row: SideRow): Stored | null {
  return (
    row.base && {
      ref: row.ref,
      resource: row.resource,
      version: row.baseVersion,
      data: store.vault.open(row.base, sideCell(row)),
    }
  );
}

/** The columns that follow from what a side shows of an event. */
export function currentColumns(store: Store, where: Parameters<typeof sideCell>[0], found: Found) {
  return {
    ref: found.ref,
    resource: found.resource,
    version: found.version,
    current: store.vault.seal(found.data, sideCell(where)),
    uidHash: found.event?.uid ? uidHashOf(store, found.event.uid) : null,
    matchHash: found.event ? store.vault.hash(matchText(found.event)) : null,
    modifiedAt: found.modifiedAt ? new Date(found.modifiedAt) : null,
    syncedBy: found.syncedBy?.tool ?? null,
  };
}

export function uidHashOf(store: Store, uid: string): string {
  return store.vault.hash(`uid:${uid}`);
}

async function observeFound(observer: Observer, tx: Store, found: readonly Found[]): Promise<number> {
  if (found.length === 0) return 0;
  const { deps, pairId, side } = observer;
  const rows = await tx.sidesByRef(
    pairId,
    side,
    found.map(({ ref }) => ref),
  );
  const known = new Map(rows.map((row) => [row.ref, row]));
  const markers = found
    .filter(({ ref, marker }) => !known.has(ref) && marker !== null)
    .map(({ marker }) => marker as string)
    .filter(isId);
  const free = new Set(markers.length > 0 ? await tx.linksWithout(pairId, side, markers) : []);
  for (const { linkId } of rows) free.delete(linkId);
  const freed = new Map((await tx.loadLinks([...free])).map(({ link, sides }) => [link.id, sides]));
  const written = await openCreatesOf(observer, tx, [...free]);
  const taken = observer.isAnswer
    ? new Map<string | null, string>()
    : await markedLinks(
        tx,
        markers.filter((marker) => !free.has(marker)),
      );
  // Soon after a deletion a listing that lags behind may show the event again as if it were new, so the run fetches
  // it by name. The same holds for a copy that another copy has replaced.
  const mayBeStale = observer.isAnswer !== true && found.length > known.size && (await hasJustLost(observer, tx));
  const seen: SeenEvent[] = [];
  const ours: string[] = [];
  const newLinks: NewLink[] = [];
  const newSides: NewSide[] = [];
  for (const one of found) {
    const row = known.get(one.ref);
    if (row) {
      seen.push({ row, ...observeKnown(observer, tx, row, asSeen(observer, tx, row, one)) });
      continue;
    }
    // A copy whose create was never answered carries the link's id; the link table decides whether that side is free.
    const isOurs = one.marker !== null && free.delete(one.marker);
    const linkId = isOurs ? (one.marker as string) : deps.newId();
    const where = { pairId, linkId, side };
    const columns = currentColumns(tx, where, one);
    if (isOurs) ours.push(linkId);
    else {
      // The run that plans it writes what is nearest first.
      const label = one.event && labelOfEvent(one.event);
      const excluded = one.syncedBy?.isCopy === true ? ({ excluded: 'leftover' } as const) : {};
      newLinks.push({ id: linkId, pairId, dirty: true, ...labelColumns(tx, pairId, linkId, label), ...excluded });
    }
    newSides.push({
      ...where,
      owned: isOurs,
      listed: true,
      gone: (mayBeStale || taken.get(one.marker) === pairId ? 'suspected' : 'no') as SideRow['gone'],
      changedAt: deps.clock.now(),
      ...columns,
      ...(isOurs ? agreedUnderOldName(freed.get(linkId)?.[side], columns.uidHash) : {}),
      // Otherwise its original, if it is deleted now, would be created anew from it.
      ...(isOurs && isAsWritten(one, written.get(linkId)) ? { base: columns.current, baseVersion: one.version } : {}),
    });
  }
  await tx.dropGoneSides(ours, side);
  await tx.insertLinks(newLinks);
  await tx.insertSides(newSides);
  await storeSeen(tx, { pairId, side, now: deps.clock.now() }, seen);
  await tx.markDirty(ours);
  return newLinks.length + seen.filter(({ isChanged }) => isChanged).length;
}

/** Of an event of which the account could see more once, nothing is known now: nobody has emptied it. */
function asSeen({ reader }: Observer, tx: Store, row: SideRow, found: Found): Found {
  const before = found.hidesDetails ? currentOf(tx, row) : null;
  if (before === null || reader.read(before).hidesDetails) return found;
  return reader.read({ ref: found.ref, resource: found.resource, version: null, data: '' });
}

/** The markers among these that name a link of the installation, with its pair. */
export async function markedLinks(tx: Store, markers: readonly string[]): Promise<Map<string | null, string>> {
  const loaded = await tx.loadLinks(markers.filter(isId));
  return new Map(loaded.map(({ link }) => [link.id, link.pairId]));
}

/** What each create that was never answered may have written, by link. */
async function openCreatesOf(
  { pairId, side }: Observer,
  tx: Store,
  linkIds: readonly string[],
): Promise<Map<string, (CalendarEvent | null)[]>> {
  const creates = linkIds.length === 0 ? [] : await tx.openCreates(linkIds, side);
  const read = ({ id, next }: { readonly id: string; readonly next: Buffer }) =>
    openSealedJson<CalendarEvent>(tx, next, pairCell(pairId, 'ops.next', id));
  return new Map([...groupBy(creates, ({ linkId }) => linkId)].map(([linkId, some]) => [linkId, some.map(read)]));
}

/** No person has changed the copy since Calpair created it, with the original as it was at any of its tries. */
function isAsWritten({ event }: Found, written: readonly (CalendarEvent | null)[] = []): boolean {
  return event !== null && written.some((one) => one !== null && changedPaths(one, event).length === 0);
}

/**
 * Some programs store an edited event under a new name: the base of the old name is still what both sides last agreed
 * on.
 */
function agreedUnderOldName(old: SideRow | undefined, uidHash: string | null) {
  return old?.base && uidHash !== null && old.uidHash === uidHash
    ? { base: old.base, baseVersion: old.baseVersion }
    : {};
}

/** For this long after a deletion an event that looks new may be the deleted one. */
const STALE_LISTINGS_MS = 15 * 60_000;

async function hasJustLost({ deps, pairId }: Observer, tx: Store): Promise<boolean> {
  const lastGoneAt = (await tx.pairNow(pairId))?.lastGoneAt ?? null;
  return lastGoneAt !== null && deps.clock.now().getTime() - lastGoneAt.getTime() < STALE_LISTINGS_MS;
}

/** What follows from what a side shows of a known event. */
export interface Seen {
  readonly set: Partial<NewSide>;
  /** A run has to decide about the event. */
  readonly isChanged: boolean;
  /** What the server made of the values that were last written. */
  readonly normalised?: JournalFields;
  /** The problems of the event on this side, where they are others than before. */
  readonly problems?: readonly EventProblem[];
}

export interface SeenEvent extends Seen {
  readonly row: SideRow;
}

/** Stores what follows for events of one side, each of which is named once. */
export async function storeSeen(
  tx: Store,
  { pairId, side, now }: { readonly pairId: string; readonly side: SideName; readonly now: Date },
  events: readonly SeenEvent[],
): Promise<void> {
  await tx.updateSides(events.map(({ row: { linkId }, set }) => ({ linkId, side, set })));
  await tx.noteNormalised(
    events.flatMap(({ row: { linkId }, normalised }) => (normalised ? [{ linkId, side, shown: normalised }] : [])),
  );
  const problems = events.flatMap(({ row: { linkId }, problems: some }) =>
    some ? [{ linkId, side, problems: some.map((problem) => ({ side, ...problem })) }] : [],
  );
  if (problems.length > 0) await tx.setProblems(pairId, problems, now);
  await tx.markDirty(events.filter(({ isChanged }) => isChanged).map(({ row }) => row.linkId));
}

function observeKnown({ deps, reader, isAnswer }: Observer, tx: Store, row: SideRow, found: Found): Seen {
  const seen = currentOf(tx, row);
  if (seen && row.gone === 'no' && !row.confirmed) return confirmRead({ deps, reader }, tx, row, found, true);
  if (seen && row.gone === 'suspected' && !isAnswer) return { set: { listed: true }, isChanged: true };
  if (row.gone === 'confirmed' && !isAnswer) {
    // Either restored, or shown again by a listing that lags behind: the run fetches it by name.
    const columns = currentColumns(tx, row, found);
    return {
      set: { ...columns, listed: true, gone: 'suspected', changedAt: deps.clock.now() },
      isChanged: true,
    };
  }
  const isBack = row.gone !== 'no' || !seen;
  const isSameData = seen?.data === found.data;
  if (!isBack && isSameData && row.version === found.version)
    return { set: row.listed ? {} : { listed: true }, isChanged: false };
  if (!isBack && isOlder(row, found)) {
    // Either this answer lags behind, or a person restored the older state: the run fetches the event.
    return { set: { listed: true, confirmed: false }, isChanged: true };
  }
  const columns = { ...currentColumns(tx, row, found), listed: true, gone: 'no' as const };
  const shown = seen && !isBack ? reader.read(seen) : null;
  const agreed = shown && readBase(tx, row, reader, shown);
  if (shown && agreed && isSameContent(agreed, found) && isSameContent(shown, found)) {
    return {
      set: { ...columns, base: columns.current, baseVersion: found.version, confirmed: true },
      isChanged: false,
    };
  }
  return {
    set: { ...columns, confirmed: true, ...(isSameData ? {} : { changedAt: deps.clock.now() }) },
    isChanged: true,
  };
}

/** What the side showed when both last agreed; null before. @param shown what it shows now, which mostly is the same */
function readBase(store: Store, row: SideRow, reader: Side, shown: Found): Found | null {
  if (row.base && row.current?.equals(row.base)) return shown;
  const base = baseOf(store, row);
  return base && reader.read(base);
}

/** It shows what the last write replaced, or its modification time is before that of the stored state. */
function isOlder(row: SideRow, { version, modifiedAt }: Found): boolean {
  if (version !== null && version === row.replacedVersion) return true;
  return modifiedAt !== null && row.modifiedAt !== null && Date.parse(modifiedAt) < row.modifiedAt.getTime();
}

/** For this long after a write an answer with the state before it counts as lagging behind. */
const LAG_MS = 15_000;

/**
 * Stores what a side shows of an event whose last write is not confirmed yet. What the server made of the write
 * becomes the last known state. An edit by a person in between is recognised by the version or, without versions, by
 * the modification time.
 */
export function confirmRead(
  { deps, reader }: Pick<Observer, 'deps' | 'reader'>,
  store: Store,
  row: SideRow,
  found: Found,
  isListed: boolean,
): Seen {
  const listed = isListed ? { listed: true } : {};
  const isReplaced = found.version !== null && found.version === row.replacedVersion;
  if (isListed ? isOlder(row, found) : isReplaced && deps.clock.now().getTime() - row.changedAt.getTime() < LAG_MS)
    return { set: listed, isChanged: true };
  const columns = { ...currentColumns(store, row, found), ...listed, confirmed: true };
  const seen = currentOf(store, row);
  const sent = seen && reader.read(seen);
  if (!sent || !isOurWrite(sent, row, found))
    return { set: { ...columns, changedAt: deps.clock.now() }, isChanged: true };
  // The base moves only if it was this write, and not an older state that still has to be copied.
  const base = baseOf(store, row);
  const isBase = base?.data === seen.data;
  const isNormalised = base && !isBase && found.data !== seen.data;
  const normalised = isNormalised ? changedFields(store, reader.read(base).event, found.event) : null;
  return {
    set: { ...columns, ...(isBase ? { base: columns.current, baseVersion: found.version } : {}) },
    isChanged: false,
    ...(normalised ? { normalised } : {}),
    ...(sameValue(sent.problems, found.problems) ? {} : { problems: found.problems }),
  };
}

/** A copy that was not listed for this long is lost. */
const AWAITED_MS = 15 * 60_000;

/**
 * Handles copies of one side that the server accepted, but that were never listed and cannot be fetched: they may be
 * lost, or the server lags behind. If its original exists, a copy is created again after a while, under the same name
 * so that there is no duplicate. Otherwise it is awaited, so that it is recognised when it appears.
 */
export async function createAgain(deps: Deps, tx: Store, side: SideName, rows: readonly SideRow[]): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map(({ linkId }) => linkId);
  const others = new Map((await tx.loadLinks(ids)).map(({ link, sides }) => [link.id, sides[otherSide(side)]]));
  const isLost = ({ linkId, changedAt }: SideRow) =>
    (others.get(linkId)?.gone ?? 'confirmed') === 'confirmed' &&
    deps.clock.now().getTime() - changedAt.getTime() > AWAITED_MS;
  await tx.forgetSides(
    rows.filter(isLost).map(({ linkId }) => linkId),
    side,
  );
  const awaited = { current: null, version: null, gone: 'no', confirmed: true } as const;
  await tx.updateSides(rows.filter((row) => !isLost(row)).map(({ linkId }) => ({ linkId, side, set: awaited })));
  // Where each poll lists everything and asks anew, a copy that is missing still must not put its create off for ever.
  const isDue = ({ linkId, current }: SideRow) => current === null && others.get(linkId)?.gone === 'no';
  const waiting = rows.filter((row) => !isDue(row)).map(({ linkId }) => linkId);
  await tx.markDirty(waiting);
  await tx.updateLinks(waiting, { retryAt: later(deps) });
}

/** When an answer that may lag behind is requested again. */
export function later(deps: Deps): Date {
  return new Date(deps.clock.now().getTime() + 20_000);
}

function isOurWrite(sent: Found, row: SideRow, found: Found): boolean {
  if (isSameContent(sent, found)) return true;
  if (row.version !== null) return found.version === row.version;
  if (found.modifiedAt === null) return true;
  return row.modifiedAt !== null && Math.abs(Date.parse(found.modifiedAt) - row.modifiedAt.getTime()) < 1000;
}

function isSameContent(before: Found, after: Found): boolean {
  if (!before.event || !after.event) return false;
  return changedPaths(before.event, after.event).length === 0 && sameValue(before.problems, after.problems);
}
