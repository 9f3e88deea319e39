/**
 * Confirms writes by reading the events again, because servers rewrite what they store: the last known state is what
 * the side itself shows.
 */
import type { SideName } from '../../core/event.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { Found } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';
import { confirmRead, createAgain, later } from './observe.ts';
import type { OpenPair } from './open-pair.ts';
import { answerFor, fetchVerified } from './read-sides.ts';

const BATCH = 100;

/** Confirms all unconfirmed writes of the pair: those of this run, and of a run that crashed. */
export async function confirmWrites(deps: Deps, open: OpenPair, epoch: number): Promise<void> {
  for (const side of ['caldav', 'cloud'] as const) {
    const rows = await deps.store.unconfirmed(open.pair.id, side);
    for (let start = 0; start < rows.length; start += BATCH)
      await confirmBatch(deps, open, epoch, side, rows.slice(start, start + BATCH));
  }
}

async function confirmBatch(
  deps: Deps,
  open: OpenPair,
  epoch: number,
  side: SideName,
  rows: readonly SideRow[],
): Promise<void> {
  const answers = await fetchVerified(open, side, rows);
  for (const row of rows) {
    const answer = answerFor(row, answers);
    if (answer !== undefined) await confirm(deps, open, epoch, row, answer === 'gone' ? null : answer);
  }
}

async function confirm(
  deps: Deps,
  { pair, sides }: OpenPair,
  epoch: number,
  row: SideRow,
  found: Found | null,
): Promise<void> {
  await deps.store.underEpoch(pair.id, epoch, async (tx) => {
    if (found) {
      const isChanged = await confirmRead({ deps, side: row.side, reader: sides[row.side] }, tx, row, found, false);
      if (!isChanged) return;
      await tx.markDirty([row.linkId]);
      const isDoubted = found.version !== null && found.version === row.replacedVersion;
      if (isDoubted) await tx.updateLinks([row.linkId], { retryAt: later(deps) });
    } else if (row.listed) {
      await tx.updateSide(row.linkId, row.side, { gone: 'suspected', confirmed: true });
      await tx.markDirty([row.linkId]);
    } else {
      await createAgain(deps, tx, row);
    }
  });
}
