/** Executes one op: one write to one calendar, and what is stored about it. */
import { ApplicationFailure } from '@temporalio/common';
import { type CalendarEvent, changedPaths, contentOnly, otherSide, type SideName } from '../../core/event.ts';
import { SyncError, type SyncErrorKind, withKind } from '../../core/sync-error.ts';
import { WRITE_WAITS } from '../../core/waiting-times.ts';
import { Superseded } from '../../db/epoch.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { LinkRow } from '../../db/links.ts';
import type { OpRow } from '../../db/ops.ts';
import { pairContext } from '../../db/pairs.ts';
import type { Store } from '../../db/store.ts';
import type { Stored, Written } from '../../providers/provider.ts';
import { opConsequence } from '../error-policy.ts';
import type { Applying, Outcome } from './applying.ts';
import { DONE, fails, isOfEvent, isReadOnly, setAside, stops, waits } from './failed-op.ts';
import type { Loaded } from './link-view.ts';
import { baseOf, currentColumns, currentOf, observe } from './observe.ts';
import { type Answer, answerFor, callSide, SideFailed } from './read-sides.ts';
import { withoutRefusal } from './refusals.ts';
import { noteNormalised } from './write-journal.ts';

type Sides = Partial<Record<SideName, SideRow>>;

/** Immediate retries after a transient failure. */
const MAX_TRIES = 3;

/** @param tries 1 for the first try in this attempt of the run */
export async function executeOp(applying: Applying, op: OpRow, tries: number): Promise<Outcome> {
  const [loaded] = await applying.deps.store.loadLinks([op.linkId]);
  try {
    const outcome = loaded && op.action !== 'update' ? await lookAgain(applying, op, loaded.sides) : null;
    if (outcome) return outcome;
    // Checked after the state was read: a worker that was suspended in between must not write an old merge over what
    // a later run found.
    await mayWrite(applying);
    return loaded ? await tryOp(applying, op, loaded, tries) : { kind: 'waits' };
  } catch (error) {
    if (!(error instanceof SideFailed)) throw error;
    const restMs = loaded && (await waits(applying, op, loaded.link, error.error));
    return { kind: 'stops', side: error.side, error: error.error, ...(restMs ? { restMs } : {}) };
  }
}

/** A pause or a later run takes effect before the next write. */
async function mayWrite({ deps, open, epoch, signal }: Applying): Promise<void> {
  if (signal.aborted) throw signal.reason;
  const pair = await deps.store.pairNow(open.pair.id);
  if (!pair || pair.epoch !== epoch) throw new Superseded();
  if (pair.paused) throw ApplicationFailure.retryable('the pair is paused', 'Paused');
}

/**
 * A confirmed deletion is trusted for this long: the event may be restored before the write is executed.
 */
const PROOF_MS = 5 * 60_000;

/**
 * Fetches the original before a copy is deleted or created again, because a listing may lag behind. If the original
 * exists (cancelled, or recurring in a way that cannot be copied), it must show what the decision was based on; if it
 * is gone, that must have been confirmed just now. Returns null if the decision still holds. @throws SideFailed
 */
async function lookAgain(applying: Applying, op: OpRow, sides: Sides): Promise<Outcome | null> {
  const { deps, stopped } = applying;
  const row = sides[op.action === 'delete' ? otherSide(op.side) : op.side];
  const isGone = row?.gone === 'confirmed';
  const isFresh = isGone && deps.clock.now().getTime() - row.changedAt.getTime() < PROOF_MS;
  if (!row || isFresh || (!isGone && !row.current)) return null;
  const stop = stopped.get(row.side);
  if (stop) throw new SideFailed(row.side, stop.error);
  const answer = await askFor(applying, row);
  const isAsDecided = isGone ? answer === 'gone' : isAsKnown(deps.store, row, answer);
  return isAsDecided ? null : outdated(applying, op, row, answer);
}

/** A right that is missing may be given; a later version of Calpair may write a valid object. */
const MAY_PASS: ReadonlySet<SyncErrorKind> = new Set(['forbidden', 'invalid-object']);

/** @throws SideFailed if the side cannot be read */
async function tryOp(applying: Applying, op: OpRow, { link, sides }: Loaded, tries: number): Promise<Outcome> {
  const { deps } = applying;
  const isLastTry = tries >= MAX_TRIES;
  try {
    if (op.action === 'create') await createCopy(applying, op, link, sides);
    else if (op.action === 'update') await updateEvent(applying, op, sides);
    else await removeEvent(applying, op, sides);
    applying.accepted.add(op.side);
    applying.failedInRow.set(op.side, 0);
    return { kind: 'done' };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    const consequence = opConsequence(error);
    switch (consequence.then) {
      case 'decide-again': {
        const row = sides[op.side];
        return await outdated(applying, op, row, row && (await askFor(applying, row)));
      }
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
        await setAside(applying, op, consequence, MAY_PASS.has(error.kind));
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

/**
 * The name was used before, so the copy gets another one. A copy that was awaited under the old name is forgotten;
 * otherwise its confirmed deletion would lead to a third name while the response to the second create may have been
 * lost.
 */
async function nextName({ deps, open, epoch }: Applying, op: OpRow, awaited: SideRow | undefined): Promise<void> {
  await deps.store.underEpoch(open.pair.id, epoch, async (tx) => {
    await tx.nextGeneration([op.linkId], op.side);
    if (awaited && awaited.gone !== 'confirmed') await tx.forgetSide(op.linkId, op.side);
  });
}

async function createCopy(applying: Applying, op: OpRow, link: LinkRow, sides: Sides): Promise<void> {
  const { deps, open, epoch } = applying;
  const { pair } = open;
  // A copy that replaces a deleted one gets an id that no event ever had; one that may have been lost is created
  // under its own id.
  const next = nextOf(deps.store, op);
  const generation = op.side === 'caldav' ? link.caldavGeneration : link.cloudGeneration;
  const last = sides[op.side];
  const isLost = last?.gone !== 'confirmed';
  const written = await open.sides[op.side].create(next, link.id, isLost ? generation : generation + 1);
  await deps.store.underEpoch(pair.id, epoch, async (tx, revision) => {
    await tx.lockLink(link.id);
    if (last && isLost) await tx.forgetSide(link.id, op.side);
    else if (last) await tx.dropSide(link.id, op.side);
    // The poll before this run may have stored the copy as a new event.
    const others = await tx.sidesByRef(pair.id, op.side, [written.ref]);
    await tx.deleteLinks(others.filter((row) => row.linkId !== link.id).map((row) => row.linkId));
    await tx.insertSides([
      {
        linkId: link.id,
        pairId: pair.id,
        side: op.side,
        owned: true,
        listed: false,
        changedAt: deps.clock.now(),
        confirmed: written.confirmed,
        ...currentColumns(tx, pair.id, written),
      },
    ]);
    if (written.existed && isOther(next, written.event)) await matchAnew(tx, applying, op);
    else await finish(tx, applying, op, revision, written);
  });
}

/**
 * The copy of an earlier attempt, which a person may have edited since: both current states are merged as in the
 * initial matching.
 */
async function matchAnew(tx: Store, { deps }: Applying, op: OpRow): Promise<void> {
  await tx.setOp(op.id, 'done', null, deps.clock.now());
  for (const side of ['caldav', 'cloud'] as const)
    await tx.updateSide(op.linkId, side, { base: null, baseVersion: null });
  await tx.markDirty([op.linkId]);
}

async function updateEvent(applying: Applying, op: OpRow, sides: Sides): Promise<void> {
  const { deps, open, epoch } = applying;
  const stored = storedOf(deps.store, sides[op.side]);
  const next = nextOf(deps.store, op);
  const written = await open.sides[op.side].update(stored, next);
  await deps.store.underEpoch(open.pair.id, epoch, async (tx, revision) => {
    await tx.lockLink(op.linkId);
    const replaced = written.version === stored.version ? {} : { replacedVersion: stored.version };
    await tx.updateSide(op.linkId, op.side, {
      ...currentColumns(tx, open.pair.id, written),
      ...replaced,
      confirmed: written.confirmed,
      // Only what is there can be updated: if it is absent later, a person has deleted it.
      ...(sides[op.side]?.confirmed ? { listed: true } : {}),
      changedAt: deps.clock.now(),
    });
    const base = baseOf(tx, sides[op.side] as SideRow);
    await finish(tx, applying, op, revision, written, isSame(stored, written) ? 'nothing-written' : null);
    if (written.confirmed && base && isOther(next, written.event))
      await noteNormalised(tx, op.linkId, op.side, open.sides[op.side].read(base).event, written.event);
  });
}

async function removeEvent(applying: Applying, op: OpRow, sides: Sides): Promise<void> {
  const { deps, open, epoch } = applying;
  await open.sides[op.side].remove(storedOf(deps.store, sides[op.side]));
  await deps.store.underEpoch(open.pair.id, epoch, async (tx, revision) => {
    await tx.lockLink(op.linkId);
    await tx.setOp(op.id, 'done', null, deps.clock.now());
    const other = sides[otherSide(op.side)];
    if (!other || other.gone === 'confirmed') return tx.deleteLinks([op.linkId]);
    // Only the copy was deleted (a cancelled event that this side cannot show); the original stays.
    await tx.dropSide(op.linkId, op.side);
    await tx.settleSides({ [other.side]: other });
    await tx.release([op.linkId]);
    await tx.updateLinks([op.linkId], { ...DONE, refusals: null, dirty: revision !== applying.settingsRevision });
  });
}

/** Marks the op as done. With the last op of a link, the current states become the bases. */
async function finish(
  tx: Store,
  applying: Applying,
  op: OpRow,
  revision: number,
  written: Written,
  code: string | null = null,
): Promise<void> {
  const { deps, open } = applying;
  const now = deps.clock.now();
  // Settings or a decision that the plan did not know of: the next run decides again.
  const isOutdated = revision !== applying.settingsRevision;
  const done = { ...DONE, dirty: isOutdated, lastChangeAt: now };
  await tx.setOp(op.id, 'done', code, now);
  const [loaded] = await tx.loadLinks([op.linkId]);
  if (!loaded) return;
  await reportProblems(tx, op, loaded.link.parentId, written.problems, now);
  const refusals = withoutRefusal(tx, open, loaded, op.side);
  const siblings = await tx.openSiblings(op);
  if (siblings.length > 0) {
    const isAtRest = siblings.every((status) => status === 'failed');
    return tx.updateLinks([op.linkId], { refusals, ...(isAtRest ? done : {}) });
  }
  const [held] = await tx.heldOf([op.linkId]);
  // A held op is part of the same decision: until a person decides, the two sides have not agreed.
  if (held && (held.decision === null || isOutdated)) return tx.updateLinks([op.linkId], { ...done, refusals });
  await tx.settleSides(loaded.sides);
  await tx.release([op.linkId]);
  if (loaded.link.parentId)
    await tx.updateLinks([op.linkId], {
      agreed: tx.vault.seal(JSON.stringify(contentOnly(nextOf(tx, op))), pairContext(op.pairId)),
    });
  await tx.updateLinks([op.linkId], { ...done, refusals: null });
}

/** What only the written event shows (a text that the service cut); of an instance it is a problem of its series. */
async function reportProblems(
  tx: Store,
  { pairId, linkId, side, runId }: OpRow,
  seriesId: string | null,
  problems: Written['problems'],
  at: Date,
): Promise<void> {
  let fresh = 0;
  if (seriesId === null) fresh = await tx.setSideProblems(pairId, linkId, side, problems, at);
  else
    for (const problem of problems)
      fresh += (await tx.addProblem(pairId, { linkId: seriesId, side, ...problem }, at)) ? 1 : 0;
  for (let count = 0; count < fresh; count += 1) await tx.countProblem(runId);
}

/** @throws SideFailed */
async function askFor({ open }: Applying, row: SideRow): Promise<Answer> {
  return answerFor(row, await callSide(row.side, () => open.sides[row.side].get([row.resource])));
}

function isAsKnown(store: Store, row: SideRow, answer: Answer): boolean {
  if (answer === undefined || answer === 'gone') return false;
  return (answer.version !== null && answer.version === row.version) || answer.data === currentOf(store, row)?.data;
}

/**
 * The event changed on one of the sides: the op is dropped before that is stored, so that after a crash it is not
 * applied to the newer event.
 */
async function outdated(
  { deps, open, epoch }: Applying,
  op: OpRow,
  row: SideRow | undefined,
  answer: Answer,
): Promise<Outcome> {
  await deps.store.underEpoch(open.pair.id, epoch, (tx) => tx.setOp(op.id, 'stale', null, null));
  if (!row || !answer) return { kind: 'again' };
  if (answer === 'gone')
    await deps.store.underEpoch(open.pair.id, epoch, (tx) =>
      tx.updateSide(row.linkId, row.side, { gone: 'suspected' }),
    );
  else
    await observe(
      { deps, pairId: open.pair.id, epoch, side: row.side, reader: open.sides[row.side], isAnswer: true },
      { found: [answer], unchanged: [], removed: [] },
    );
  return { kind: 'again' };
}

function nextOf(store: Store, op: OpRow): CalendarEvent {
  if (!op.next) throw new SyncError('bug', 'the op has no event to write');
  return JSON.parse(store.vault.open(op.next, pairContext(op.pairId))) as CalendarEvent;
}

function storedOf(store: Store, row: SideRow | undefined): Stored {
  const stored = row ? currentOf(store, row) : null;
  if (!stored) throw new SyncError('gone', 'the event is not there any more');
  return stored;
}

/** The side shows something other than what was sent. */
function isOther(sent: CalendarEvent, shown: CalendarEvent | null): boolean {
  return shown !== null && changedPaths(sent, shown).length > 0;
}

function isSame(before: Stored, after: Written): boolean {
  return before.version !== null && before.version === after.version && before.data === after.data;
}
