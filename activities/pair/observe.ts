/**
 * Stores what a side shows. Observations are states, not deltas: storing one twice, or without its cursor, does no
 * harm. A new version with unchanged content is stored but starts no run.
 */
import { changedPaths, otherSide, type SideName, sameValue } from '../../core/event.ts';
import { matchText } from '../../core/sync/match-text.ts';
import type { SideRow } from '../../db/link-sides.ts';
import { pairContext } from '../../db/pairs.ts';
import type { Store } from '../../db/store.ts';
import type { ChangePage, Found, Side, Stored } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';
import { noteNormalised } from './write-journal.ts';

export interface Observer {
  readonly deps: Deps;
  readonly pairId: string;
  readonly epoch: number;
  readonly side: SideName;
  readonly reader: Side;
  /** The events were fetched by name; a listing or a change feed may lag behind. */
  readonly isAnswer?: boolean;
}

/** Stores one page. `inSameTransaction` may store more under the same epoch: the cursor. */
export async function observe(
  observer: Observer,
  page: ChangePage,
  inSameTransaction?: (tx: Store) => Promise<void>,
): Promise<void> {
  await observer.deps.store.underEpoch(
    observer.pairId,
    observer.epoch,
    async (tx) => {
      await observeFound(observer, tx, page.found);
      await observeUnchanged(observer, tx, page.unchanged);
      await observeRemoved(observer, tx, page.removed, page.found);
      await inSameTransaction?.(tx);
    },
    inSameTransaction ? 'update' : 'share',
  );
}

/** Stored data of a side's row, for `Side.read`; null where the side shows nothing. */
export function currentOf(store: Store, row: SideRow): Stored | null {
  return (
    row.current && {
      ref: row.ref,
      resource: row.resource,
      version: row.version,
      data: store.vault.open(row.current, pairContext(row.pairId)),
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
      data: store.vault.open(row.base, pairContext(row.pairId)),
    }
  );
}

/** The columns that follow from what a side shows of an event. */
export function currentColumns(store: Store, pairId: string, found: Found) {
  return {
    ref: found.ref,
    resource: found.resource,
    version: found.version,
    current: store.vault.seal(found.data, pairContext(pairId)),
    uidHash: found.event?.uid ? uidHashOf(store, found.event.uid) : null,
    matchHash: found.event ? store.vault.hash(matchText(found.event)) : null,
    modifiedAt: found.modifiedAt ? new Date(found.modifiedAt) : null,
  };
}

export function uidHashOf(store: Store, uid: string): string {
  return store.vault.hash(`uid:${uid}`);
}

async function observeFound(observer: Observer, tx: Store, page: readonly Found[]): Promise<void> {
  const { pairId, side } = observer;
  // A page may name an event twice; the later one is newer.
  const found = [...new Map(page.map((one) => [one.ref, one])).values()];
  const known = new Map(
    (
      await tx.sidesByRef(
        pairId,
        side,
        found.map(({ ref }) => ref),
      )
    ).map((row) => [row.ref, row]),
  );
  const markers = found
    .filter(({ ref, marker }) => !known.has(ref) && marker !== null)
    .map(({ marker }) => marker as string)
    .filter(isUuid);
  const free = new Set(await tx.linksWithout(pairId, side, markers));
  const taken = observer.isAnswer
    ? new Set()
    : await linksOf(
        tx,
        pairId,
        markers.filter((marker) => !free.has(marker)),
      );
  const dirty: string[] = [];
  const newLinks = [];
  const newSides = [];
  // Soon after a deletion a listing that lags behind may show the event again as if it were new, so the run fetches
  // it by name. The same holds for a copy that another copy has replaced.
  const mayBeStale = observer.isAnswer !== true && found.length > known.size && (await hasJustLost(observer, tx));
  for (const one of found) {
    const row = known.get(one.ref);
    if (row) {
      if (await observeKnown(observer, tx, row, one)) dirty.push(row.linkId);
      continue;
    }
    // A copy whose create was never answered carries the link's id; the link table decides whether that side is free.
    const isOurs = one.marker !== null && free.delete(one.marker);
    const linkId = isOurs ? (one.marker as string) : observer.deps.newId();
    if (isOurs) dirty.push(linkId);
    const columns = currentColumns(tx, pairId, one);
    const agreed = isOurs ? await agreedUnderOldName(tx, linkId, side, columns.uidHash) : {};
    if (isOurs) await tx.dropGoneSides([linkId], side);
    else newLinks.push({ id: linkId, pairId, dirty: true });
    newSides.push({
      linkId,
      pairId,
      side,
      owned: isOurs,
      listed: true,
      gone: (mayBeStale || taken.has(one.marker) ? 'suspected' : 'no') as SideRow['gone'],
      changedAt: observer.deps.clock.now(),
      ...columns,
      ...agreed,
    });
  }
  await tx.insertLinks(newLinks);
  await tx.insertSides(newSides);
  await tx.markDirty(dirty);
}

/** The markers among these that name a link of the pair. */
export async function linksOf(tx: Store, pairId: string, markers: readonly string[]): Promise<Set<string | null>> {
  const loaded = await tx.loadLinks(markers.filter(isUuid));
  return new Set(loaded.filter(({ link }) => link.pairId === pairId).map(({ link }) => link.id));
}

/**
 * Some programs store an edited event under a new name: the base of the old name is still what both sides last agreed
 * on.
 */
async function agreedUnderOldName(tx: Store, linkId: string, side: SideName, uidHash: string | null) {
  const old = (await tx.loadLinks([linkId]))[0]?.sides[side];
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

/** True if a run has to decide about the event. */
async function observeKnown(
  { deps, pairId, side, reader, isAnswer }: Observer,
  tx: Store,
  row: SideRow,
  found: Found,
): Promise<boolean> {
  const seen = currentOf(tx, row);
  if (seen && row.gone === 'no' && !row.confirmed) return confirmRead({ deps, side, reader }, tx, row, found, true);
  if (seen && row.gone === 'suspected' && !isAnswer) {
    await tx.updateSide(row.linkId, side, { listed: true });
    return true;
  }
  if (row.gone === 'confirmed' && !isAnswer) {
    // Either restored, or shown again by a listing that lags behind: the run fetches it by name.
    await tx.updateSide(row.linkId, side, {
      ...currentColumns(tx, pairId, found),
      listed: true,
      gone: 'suspected',
      changedAt: deps.clock.now(),
    });
    return true;
  }
  const isBack = row.gone !== 'no' || !seen;
  const isSameData = seen?.data === found.data;
  if (!isBack && isSameData && row.version === found.version) {
    if (!row.listed) await tx.updateSide(row.linkId, side, { listed: true });
    return false;
  }
  if (!isBack && isOlder(row, found)) {
    // Either this answer lags behind, or a person restored the older state: the run fetches the event.
    await tx.updateSide(row.linkId, side, { listed: true, confirmed: false });
    return true;
  }
  const columns = { ...currentColumns(tx, pairId, found), listed: true, gone: 'no' as const };
  const base = baseOf(tx, row);
  if (!isBack && base && isSameContent(reader.read(base), found) && isSameContent(reader.read(seen), found)) {
    await tx.updateSide(row.linkId, side, {
      ...columns,
      base: columns.current,
      baseVersion: found.version,
      confirmed: true,
    });
    return false;
  }
  await tx.updateSide(row.linkId, side, {
    ...columns,
    confirmed: true,
    ...(isSameData ? {} : { changedAt: deps.clock.now() }),
  });
  return true;
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
 * the modification time. Returns true if a run has to decide about the event.
 */
export async function confirmRead(
  { deps, side, reader }: Pick<Observer, 'deps' | 'side' | 'reader'>,
  tx: Store,
  row: SideRow,
  found: Found,
  isListed: boolean,
): Promise<boolean> {
  const listed = isListed ? { listed: true } : {};
  const isReplaced = found.version !== null && found.version === row.replacedVersion;
  if (isListed ? isOlder(row, found) : isReplaced && deps.clock.now().getTime() - row.changedAt.getTime() < LAG_MS) {
    await tx.updateSide(row.linkId, side, listed);
    return true;
  }
  const columns = { ...currentColumns(tx, row.pairId, found), ...listed, confirmed: true };
  const seen = currentOf(tx, row);
  const base = baseOf(tx, row);
  if (seen && isOurWrite(reader.read(seen), row, found)) {
    // The base moves only if it was this write, and not an older state that still has to be copied.
    const isBase = base?.data === seen.data;
    if (base && !isBase && found.data !== seen.data)
      await noteNormalised(tx, row.linkId, side, reader.read(base).event, found.event);
    await tx.updateSide(row.linkId, side, {
      ...columns,
      ...(isBase ? { base: columns.current, baseVersion: found.version } : {}),
    });
    if (!sameValue(reader.read(seen).problems, found.problems))
      await tx.setSideProblems(row.pairId, row.linkId, side, found.problems, deps.clock.now());
    return false;
  }
  await tx.updateSide(row.linkId, side, { ...columns, changedAt: deps.clock.now() });
  return true;
}

/** A copy that was not listed for this long is lost. */
const AWAITED_MS = 15 * 60_000;

/**
 * Handles a copy that the server accepted, but that was never listed and cannot be fetched: it may be lost, or the
 * server lags behind. If its original exists, it is created again after a while, under the same name so that there is
 * no duplicate. Otherwise it is awaited, so that it is recognised when it appears.
 */
export async function createAgain(deps: Deps, tx: Store, row: SideRow): Promise<void> {
  const other = (await tx.loadLinks([row.linkId]))[0]?.sides[otherSide(row.side)];
  const isLost =
    (!other || other.gone === 'confirmed') && deps.clock.now().getTime() - row.changedAt.getTime() > AWAITED_MS;
  if (isLost) await tx.forgetSide(row.linkId, row.side);
  else await tx.updateSide(row.linkId, row.side, { current: null, version: null, gone: 'no', confirmed: true });
  await tx.markDirty([row.linkId]);
  await tx.updateLinks([row.linkId], { retryAt: later(deps) });
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

/** Events that are reported as gone are fetched first: the listing may lag behind. */
async function observeUnchanged({ pairId, side }: Observer, tx: Store, resources: readonly string[]): Promise<void> {
  const rows = await tx.sidesByResource(pairId, side, resources);
  for (const row of rows.filter(({ listed }) => !listed)) await tx.updateSide(row.linkId, side, { listed: true });
}

/** Only a suspicion. A feed that reports a copy as removed must have listed it. */
async function observeRemoved(
  { pairId, side }: Observer,
  tx: Store,
  resources: readonly string[],
  found: readonly Found[],
): Promise<void> {
  const refs = new Set(found.map(({ ref }) => ref));
  const rows = (await tx.sidesByResource(pairId, side, resources)).filter(
    (row) => row.gone === 'no' && !refs.has(row.ref),
  );
  for (const row of rows) await tx.updateSide(row.linkId, side, { gone: 'suspected', listed: true });
  await tx.markDirty(rows.map((row) => row.linkId));
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}
