/** Executes one op: one write to one calendar. What it comes to is stored by store-results.ts, or by failed-op.ts. */
import { ApplicationFailure } from '@temporalio/common';
import type { SideName } from '../../core/event.ts';
import { afterRefusal } from '../../core/sync/pace.ts';
import { SyncError, withKind } from '../../core/sync-error.ts';
import { WRITE_WAITS } from '../../core/waiting-times.ts';
import { Superseded } from '../../db/epoch.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { LinkRow } from '../../db/links.ts';
import type { OpRow } from '../../db/ops.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { Store } from '../../db/store.ts';
import type { Stored } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';
import { opConsequence } from '../error-policy.ts';
import type { Applying, OpResult, Outcome } from './applying.ts';
import { askFor, isDoubted, isJustProved, nextOf, outdated, reliesOn } from './ask-again.ts';
import { fails, isOfEvent, isReadOnly, setAside, stops, waits } from './failed-op.ts';
import type { Loaded } from './link-view.ts';
import { currentOf } from './observe.ts';
import { type Answer, SideFailed } from './read-sides.ts';
import { confirmedByVersion } from './stores-as-sent.ts';

type Sides = Partial<Record<SideName, SideRow>>;

/** Immediate retries after a transient failure. */
const MAX_TRIES = 3;

/**
 * Executes one op; what a write that has taken effect changes is added to `applying.commits`.
 * @param known the link as it was loaded; null: it does not exist any more
 * @param tries 1 for the first try in this attempt of the run
 */
export async function executeOp(applying: Applying, op: OpRow, known: Loaded | null, tries: number): Promise<Outcome> {
  // An earlier try may have given the copy another name.
  const loaded = tries === 1 ? known : ((await applying.deps.store.loadLinks([op.linkId]))[0] ?? null);
  try {
    const isDecided = op.action === 'update' || op.byPerson !== null;
    const outcome = loaded && !isDecided ? await lookAgain(applying, op, loaded.sides) : null;
    if (outcome) return outcome;
    // Checked after the state was read: a worker that was suspended in between must not write an old merge over what
    // a later run found.
    await applying.mayWrite();
    return loaded ? await tryOp(applying, op, loaded, tries) : { kind: 'waits' };
  } catch (error) {
    if (!(error instanceof SideFailed)) throw error;
    const restMs = loaded && (await waits(applying, op, loaded.link, error.error));
    return { kind: 'stops', side: error.side, error: error.error, ...(restMs ? { restMs } : {}) };
  }
}

/**
 * A pause or a later run takes effect before the next write: resolves once the pair's row, read after the call, says
 * that it may. Calls that come while one is answered share the next answer.
 */
export function mayWriteTo(deps: Deps, pairId: string, epoch: number, signal: AbortSignal): () => Promise<void> {
  return shareAnswers(async () => {
    if (signal.aborted) throw signal.reason;
    const pair = await deps.store.pairNow(pairId);
    if (!pair || pair.epoch !== epoch) throw new Superseded();
    if (pair.paused) throw ApplicationFailure.retryable('the pair is paused', 'Paused');
  });
}

/** The answer that a call gets was asked for after the call. */
function shareAnswers(ask: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  const start = (): Promise<void> => {
    const answer = ask().finally(() => {
      if (current === answer) current = null;
    });
    current = answer;
    return answer;
  };
  return () => {
    if (current === null) return start();
    next ??= current
      .catch(() => undefined)
      .then(() => {
        next = null;
        return start();
      });
    return next;
  };
}

/**
 * Fetches the original before a copy is deleted or created again, because a listing may lag behind. If the original
 * exists (cancelled, or recurring in a way that cannot be copied), it must show what the decision was based on; if it
 * is gone, that must have been confirmed just now. Returns null if the decision still holds. @throws SideFailed
 */
async function lookAgain(applying: Applying, op: OpRow, sides: Sides): Promise<Outcome | null> {
  const { deps, stopped } = applying;
  const row = reliesOn(op, sides);
  const isGone = row?.gone === 'confirmed';
  if (!row || isJustProved(applying, row) || (!isGone && !row.current)) return null;
  const stop = stopped.get(row.side);
  if (stop) throw new SideFailed(row.side, stop.error);
  const [answer] = isDoubted(applying, row) ? [undefined] : await askFor(applying, row.side, [row]);
  const isAsDecided = isGone ? answer === 'gone' : isAsKnown(deps.store, row, answer);
  if (isAsDecided) return null;
  await outdated(applying, [op], row.side, [{ row, answer }]);
  return { kind: 'again' };
}

/**
 * A right that is missing may be given; a later version of Calpair may write a valid object; a server that fails (501),
 * or names no reason, may do so for one that has nothing to do with the event.
 */
function mayPass({ kind, status = 0, reason }: SyncError): boolean {
  if (kind === 'forbidden' || kind === 'invalid-object') return true;
  return kind === 'rejected' && status > 0 && (status >= 500 || !reason);
}

/** @throws SideFailed if the side cannot be read */
async function tryOp(applying: Applying, op: OpRow, { link, sides }: Loaded, tries: number): Promise<Outcome> {
  const { deps } = applying;
  const isLastTry = tries >= MAX_TRIES;
  try {
    const result = await write(applying, op, link, sides);
    applying.commits.add(result);
    applying.accepted.add(op.side);
    applying.failedInRow.set(op.side, 0);
    return { kind: 'done' };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    noteRefusal(applying, op.side, error);
    const consequence = opConsequence(error);
    switch (consequence.then) {
      case 'decide-again':
        applying.lost.push({ op, row: sides[op.side] });
        return { kind: 'lost' };
      case 'next-generation':
        await nextName(applying, op, sides[op.side]);
        return isLastTry ? fails(applying, op, link, error) : { kind: 'retry', delayMs: 0 };
      case 'problem':
        if (error.kind === 'forbidden' && (await isReadOnly(applying, op.side, error)))
          return stops(applying, op, link, withKind(error, 'calendar-read-only'));
        if (error.kind === 'invalid-object')
          deps.log.error(
            { pairId: op.pairId, runId: op.runId, linkId: op.linkId, side: op.side, rules: error.reason },
            'an object was not sent because it would be invalid',
          );
        await setAside(applying, op, consequence, mayPass(error));
        return { kind: 'problem' };
      case 'wait': {
        const isPassing = error.kind === 'throttled' || error.kind === 'unreachable';
        if (isPassing && !isLastTry && (error.retryAfterMs ?? 0) <= 20_000)
          return {
            kind: 'retry',
            delayMs:
              error.retryAfterMs ?? (error.kind === 'throttled' ? WRITE_WAITS.throttledMs : WRITE_WAITS.failedMs),
          };
        if (error.kind === 'bug')
          deps.log.error(
            { pairId: op.pairId, runId: op.runId, linkId: op.linkId, err: error },
            'a write failed unexpectedly',
          );
        return isOfEvent(applying, op.side, error)
          ? fails(applying, op, link, error)
          : stops(applying, op, link, error);
      }
    }
  }
}

/** A server that asks for less gets fewer writes at once. */
function noteRefusal({ deps, pace }: Applying, side: SideName, { kind, status }: SyncError): void {
  const before = pace.get(side);
  if (before && (kind === 'throttled' || status === 503 || status === 423))
    pace.set(side, afterRefusal(before, deps.clock.now().getTime()));
}

/**
 * The name was used before, so the copy gets another one. A copy that was awaited under the old name is forgotten;
 * otherwise its confirmed deletion would lead to a third name while the response to the second create may have been
 * lost.
 */
async function nextName({ deps, open, epoch }: Applying, op: OpRow, awaited: SideRow | undefined): Promise<void> {
  await deps.store.underEpoch(open.pair.id, epoch, async (tx) => {
    await tx.nextGeneration([op.linkId], op.side);
    if (awaited && awaited.gone !== 'confirmed') await tx.forgetSides([op.linkId], op.side);
  });
}

/** @throws SyncError */
async function write(
  { deps, open, storesAsSent }: Applying,
  op: OpRow,
  link: LinkRow,
  sides: Sides,
): Promise<OpResult> {
  const side = open.sides[op.side];
  if (op.action === 'delete') {
    await side.remove(storedOf(deps.store, sides[op.side]));
    return { op, action: 'delete' };
  }
  if (op.action === 'update') {
    const stored = storedOf(deps.store, sides[op.side]);
    const next = nextOf(deps.store, op);
    const written = await side.update(stored, next);
    return { op, action: 'update', next, written: confirmedByVersion(storesAsSent, op.side, written), stored };
  }
  // A copy that replaces a deleted one gets an id that no event ever had; one that may have been lost is created
  // under its own id.
  const next = nextOf(deps.store, op);
  const generation = op.side === 'caldav' ? link.caldavGeneration : link.cloudGeneration;
  const last = sides[op.side];
  const isLost = last?.gone !== 'confirmed';
  const original = op.original && deps.store.vault.open(op.original, pairCell(op.pairId, 'ops.original', op.id));
  const written = await side.create(next, link.id, isLost ? generation : generation + 1, original ?? undefined);
  return { op, action: 'create', next, written: confirmedByVersion(storesAsSent, op.side, written) };
}

function isAsKnown(store: Store, row: SideRow, answer: Answer): boolean {
  if (answer === undefined || answer === 'gone') return false;
  return (answer.version !== null && answer.version === row.version) || answer.data === currentOf(store, row)?.data;
}

function storedOf(store: Store, row: SideRow | undefined): Stored {
  const stored = row ? currentOf(store, row) : null;
  if (!stored) throw new SyncError('gone', 'the event is not there any more');
  return stored;
}
