/**
 * Fetches events by name, for many ops at once: where an event is not found, the whole calendar is listed, too, which
 * would be too much for each op of a large run.
 */
import { type CalendarEvent, changedPaths, otherSide, type SideName } from '../../core/event.ts';
import { groupBy } from '../../core/group-by.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { OpRow } from '../../db/ops.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { Store } from '../../db/store.ts';
import { fetchUncontradicted } from '../../providers/confirm-gone.ts';
import type { Applying } from './applying.ts';
import { postpone } from './failed-op.ts';
import { type Loaded, sideKey } from './link-view.ts';
import { currentOf, observe } from './observe.ts';
import { type Answer, answerFor, callSide, SideFailed } from './read-sides.ts';

/** A confirmed deletion is trusted for this long: the event may be restored before the write is executed. */
const PROOF_MS = 5 * 60_000;

/** What each event shows now. @throws SideFailed */
export async function askFor({ open }: Applying, side: SideName, rows: readonly SideRow[]): Promise<Answer[]> {
  const resources = [...new Set(rows.map(({ resource }) => resource))];
  const answers = await callSide(side, () => fetchUncontradicted(open.sides[side], resources));
  return rows.map((row) => answerFor(row, answers));
}

/** The event that an op relies on: a copy is deleted, or created, because of what its original shows. */
export function reliesOn(op: OpRow, sides: Loaded['sides']): SideRow | undefined {
  return sides[op.action === 'delete' ? otherSide(op.side) : op.side];
}

/** Whether its deletion was confirmed just now, or `proveAgain` has confirmed it. */
export function isJustProved({ deps, proofs }: Applying, row: SideRow): boolean {
  const proof = proofs.get(sideKey(row));
  const provedAt = Math.max(row.changedAt.getTime(), proof?.isGone ? proof.at : 0);
  return row.gone === 'confirmed' && deps.clock.now().getTime() - provedAt < PROOF_MS;
}

/** `proveAgain` had no clear answer: the event cannot be read, or the calendar still lists what is not found. */
export function isDoubted({ proofs }: Applying, row: SideRow): boolean {
  return proofs.get(sideKey(row))?.isGone === false;
}

/**
 * Confirms the deletions again that these ops rely on, as far as that was too long ago. An event that is there is left
 * to its op.
 */
export async function proveAgain(
  applying: Applying,
  ops: readonly OpRow[],
  links: ReadonlyMap<string, Loaded>,
): Promise<void> {
  const { deps, proofs, stopped } = applying;
  const old = ops.flatMap((op) => {
    const row =
      op.action === 'update' || op.byPerson !== null ? undefined : reliesOn(op, links.get(op.linkId)?.sides ?? {});
    return row?.gone === 'confirmed' && !isJustProved(applying, row) ? [row] : [];
  });
  for (const row of old) proofs.delete(sideKey(row));
  for (const [side, rows] of groupBy(old, (row) => row.side)) {
    if (rows.length < 2 || stopped.has(side)) continue;
    try {
      const at = deps.clock.now().getTime();
      const answers = await askFor(applying, side, rows);
      for (const [index, row] of rows.entries()) {
        const answer = answers[index];
        if (answer === 'gone' || answer === undefined) proofs.set(sideKey(row), { isGone: answer === 'gone', at });
      }
    } catch (error) {
      if (!(error instanceof SideFailed)) throw error;
      stopped.set(side, { error: error.error });
    }
  }
}

/** Fetches events that changed before they were written, and stores what they show; their links are decided again. */
export async function askForLost(applying: Applying, again: Map<string, OpRow>): Promise<void> {
  const { lost, stopped } = applying;
  for (const [side, some] of groupBy(lost.splice(0), ({ op }) => op.side)) {
    const rows = some.flatMap(({ row }) => row ?? []);
    try {
      const stop = stopped.get(side);
      if (stop) throw new SideFailed(side, stop.error);
      const answers = rows.length > 0 ? await askFor(applying, side, rows) : [];
      const answerTo = new Map(rows.map((row, index) => [row, answers[index]]));
      const isDone = (one: Lost) => noteWritten(applying, one, one.row && answerTo.get(one.row));
      const left = some.filter((one) => !isDone(one));
      await applying.commits.all();
      if (left.length > 0)
        await outdated(
          applying,
          left.map(({ op }) => op),
          side,
          left.flatMap(({ row }) => (row ? [{ row, answer: answerTo.get(row) }] : [])),
        );
      for (const { op } of some) again.set(op.linkId, op);
    } catch (error) {
      if (!(error instanceof SideFailed)) throw error;
      if (!stopped.has(side)) stopped.set(side, { error: error.error });
      for (const { op } of some) await postpone(applying, op, { error: error.error });
    }
  }
}

type Lost = Applying['lost'][number];

/**
 * What a person takes back may be written already: an earlier try did it, and its answer was lost. (What else was
 * written is distinguished from edits by the journal.) True if it is.
 */
function noteWritten({ deps: { store }, commits }: Applying, { op, row }: Lost, answer: Answer): boolean {
  if (op.byPerson !== 'undo' || op.action !== 'update' || typeof answer !== 'object' || !answer.event) return false;
  const [next, stored] = [nextOf(store, op), row && currentOf(store, row)];
  if (!stored || changedPaths(next, answer.event).length > 0) return false;
  commits.add({ op, action: 'update', next, written: { ...answer, confirmed: true }, stored });
  return true;
}

/** How the event is to read. @throws SyncError if the op does not say it */
export function nextOf(store: Store, op: OpRow): CalendarEvent {
  if (!op.next) throw new SyncError('bug', 'the op has no event to write');
  return JSON.parse(store.vault.open(op.next, pairCell(op.pairId, 'ops.next', op.id))) as CalendarEvent;
}

/**
 * The events changed on one of the sides: the ops are dropped before that is stored, so that after a crash they are not
 * applied to the newer events.
 */
export async function outdated(
  { deps, open, epoch }: Applying,
  ops: readonly OpRow[],
  side: SideName,
  events: readonly { readonly row: SideRow; readonly answer: Answer }[],
): Promise<void> {
  await deps.store.underEpoch(open.pair.id, epoch, async (tx) => {
    for (const op of ops) await tx.setOp(op.id, 'stale', null, null);
  });
  const gone = events.filter(({ answer }) => answer === 'gone').map(({ row }) => row);
  if (gone.length > 0)
    await deps.store.underEpoch(open.pair.id, epoch, (tx) =>
      tx.updateSides(gone.map(({ linkId }) => ({ linkId, side, set: { gone: 'suspected' } }))),
    );
  const found = events.flatMap(({ answer }) => (answer && answer !== 'gone' ? [answer] : []));
  if (found.length > 0)
    await observe(
      { deps, pairId: open.pair.id, epoch, side, reader: open.sides[side], isAnswer: true },
      { found, unchanged: [], removed: [] },
    );
}
