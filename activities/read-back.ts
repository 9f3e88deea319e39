/**
 * Reads back what was written, so that the last known state is what the side itself shows: servers rewrite what they store. A person's edit
 * that came between the write and this look is told from a rewriting by the version, or where the server gave none, by the time of modification.
 */
import type { SideName } from '../core/event.ts';
import { SyncError } from '../core/sync-error.ts';
import { markDirty, unconfirmed, underEpoch, updateSide, type SideRow } from '../db/links.ts';
import { forgetCopy } from './plan-run.ts';
import type { Found } from '../providers/provider.ts';
import type { Deps } from './deps.ts';
import { seenColumns } from './observe.ts';
import type { OpenPair } from './open-pair.ts';
import { SideFailed } from './read-sides.ts';

const BATCH = 100;

/** Confirms all writes of the pair that have not been read back yet: this run's, or a crashed one's. */
export async function confirmWrites(deps: Deps, open: OpenPair, epoch: number): Promise<void> {
  for (const side of ['caldav', 'cloud'] as const) {
    const rows = await unconfirmed(deps.db, open.pair.id, side);
    for (let start = 0; start < rows.length; start += BATCH) await confirmBatch(deps, open, epoch, side, rows.slice(start, start + BATCH));
  }
}

async function confirmBatch(deps: Deps, open: OpenPair, epoch: number, side: SideName, rows: readonly SideRow[]): Promise<void> {
  let answers;
  try {
    answers = await open.sides[side].get([...new Set(rows.map((row) => row.resource))]);
  } catch (error) {
    throw error instanceof SyncError ? new SideFailed(side, error) : error;
  }
  for (const row of rows) {
    const answer = answers.get(row.resource);
    if (answer === undefined) continue;
    const found = answer === 'gone' ? null : answer.find(({ ref }) => ref === row.ref) ?? null;
    await confirm(deps, open, epoch, row, found);
  }
}

async function confirm(deps: Deps, { pair }: OpenPair, epoch: number, row: SideRow, found: Found | null): Promise<void> {
  await underEpoch(deps.db, pair.id, epoch, async (tx) => {
    if (!found) {
      // Accepted, yet not there: either it never was stored, or somebody was quick. A copy that nothing has shown is created anew.
      if (row.owned && !row.shown) await forgetCopy(tx, row.linkId, row.side);
      else await updateSide(tx, row.linkId, row.side, { gone: 'hinted', confirmed: true });
      return markDirty(tx, [row.linkId]);
    }
    const columns = seenColumns(tx, pair.id, found);
    const isOurs = row.version === null ? found.modifiedAt === null || sameInstant(found.modifiedAt, row.modifiedAt) : found.version === row.version;
    if (isOurs) {
      // The base moves along only if it was this write (and not an older state that still waits for the other side).
      const base = row.baseVersion === row.version && row.base ? { base: columns.seen, baseVersion: found.version } : {};
      return updateSide(tx, row.linkId, row.side, { ...columns, ...base, confirmed: true });
    }
    await updateSide(tx, row.linkId, row.side, { ...columns, changedAt: deps.now(), confirmed: true });
    await markDirty(tx, [row.linkId]);
  });
}

function sameInstant(text: string, date: Date | null): boolean {
  return date !== null && Math.abs(Date.parse(text) - date.getTime()) < 1000;
}
