/**
 * Confirms writes by reading the events again, because servers rewrite what they store: the last known state is what
 * the side itself shows.
 */
import type { SideName } from '../../core/event.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { Deps } from '../deps.ts';
import { confirmRead, createAgain, later, storeSeen } from './observe.ts';
import type { OpenPair } from './open-pair.ts';
import { answerFor, fetchVerified } from './read-sides.ts';
import { learn, type StoresAsSent } from './stores-as-sent.ts';

const BATCH = 100;

/**
 * Confirms all unconfirmed writes of the pair: those of this run, and of a run that crashed.
 * @param known learns from what is read
 */
export async function confirmWrites(
  deps: Deps,
  open: OpenPair,
  epoch: number,
  known: StoresAsSent = {},
): Promise<void> {
  for (const side of ['caldav', 'cloud'] as const) {
    const rows = await deps.store.unconfirmed(open.pair.id, side);
    for (let start = 0; start < rows.length; start += BATCH)
      await confirmBatch(deps, open, epoch, side, rows.slice(start, start + BATCH), known);
  }
}

async function confirmBatch(
  deps: Deps,
  open: OpenPair,
  epoch: number,
  side: SideName,
  rows: readonly SideRow[],
  known: StoresAsSent,
): Promise<void> {
  const { pair, sides } = open;
  const fetched = await fetchVerified(open, side, rows, false);
  const answers = rows.map((row) => ({ row, answer: answerFor(row, fetched) }));
  const found = answers.flatMap(({ row, answer }) => (answer && answer !== 'gone' ? [{ row, answer }] : []));
  const gone = answers.filter(({ answer }) => answer === 'gone').map(({ row }) => row);
  learn(known, deps.store, side, found);
  await deps.store.underEpoch(pair.id, epoch, async (tx) => {
    const reading = { deps, reader: sides[side] };
    const seen = found.map(({ row, answer }) => ({ row, answer, ...confirmRead(reading, tx, row, answer, false) }));
    await storeSeen(tx, { pairId: pair.id, side, now: deps.clock.now() }, seen);
    const isDoubted = ({ row, answer: { version }, isChanged }: (typeof seen)[number]) =>
      isChanged && version !== null && version === row.replacedVersion;
    const doubted = seen.filter(isDoubted).map(({ row }) => row.linkId);
    await tx.updateLinks(doubted, { retryAt: later(deps) });

    const suspected = gone.filter(({ listed }) => listed).map(({ linkId }) => linkId);
    const set = { gone: 'suspected', confirmed: true } as const;
    await tx.updateSides(suspected.map((linkId) => ({ linkId, side, set })));
    await tx.markDirty(suspected);
    const unlisted = gone.filter(({ listed }) => !listed);
    await createAgain(deps, tx, side, unlisted);
  });
}
