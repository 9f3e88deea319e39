/** What becomes of an op that failed: it waits, with its side or alone, or becomes a problem of its event. */
import type { SideName } from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import { keepsFailing, TRIES_BEFORE_PROBLEM } from '../../core/sync/refusal.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { backoff, WRITE_WAITS } from '../../core/waiting-times.ts';
import type { LinkRow } from '../../db/links.ts';
import type { OpRow } from '../../db/ops.ts';
import type { Applying, Outcome, Stopped } from './applying.ts';
import { withRefusal } from './refusals.ts';

/** The columns of a link whose earlier failures are over. */
export const DONE = { retryAt: null, attempts: 0, failedTries: 0 } as const;

/** The failure of one write says nothing about the others, until a second event fails right after the first. */
export function isOfEvent({ failedInRow }: Applying, side: SideName, { kind }: SyncError): boolean {
  if (kind !== 'unreachable') return kind === 'bug';
  const inRow = (failedInRow.get(side) ?? 0) + 1;
  failedInRow.set(side, inRow);
  return inRow === 1;
}

/**
 * A calendar that cannot be written to at all is a matter of the pair, not of its events. Where the service does not
 * say, two refusals in a row decide.
 */
export async function isReadOnly({ open, writable, failedInRow }: Applying, side: SideName, error: SyncError) {
  if (error.status === undefined) return false;
  if (!writable.has(side)) {
    const answer = await open.sides[side].isWritable?.().catch((failure: unknown) => {
      if (failure instanceof SyncError) return null;
      throw failure;
    });
    writable.set(side, answer ?? null);
  }
  const isWritable = writable.get(side) ?? null;
  const inRow = (failedInRow.get(side) ?? 0) + 1;
  failedInRow.set(side, inRow);
  return isWritable === null ? inRow > 1 || open.pair.readOnlySide === side : !isWritable;
}

/** What one event alone may be the reason of, although it looks like a failure of the whole side. */
const MAY_BE_OF_EVENT: ReadonlySet<SyncErrorKind> = new Set(['throttled', 'unreachable', 'quota']);

/** Nothing else is written to the side in this run. */
export async function stops(applying: Applying, op: OpRow, link: LinkRow, error: SyncError): Promise<Outcome> {
  if (error.kind === 'calendar-read-only') await applying.deps.store.updatePair(op.pairId, { readOnlySide: op.side });
  const restMs = MAY_BE_OF_EVENT.has(error.kind)
    ? await countFailure(applying, op, link, error)
    : await waits(applying, op, link, error);
  return { kind: 'stops', side: op.side, error, ...(restMs === null ? {} : { restMs }) };
}

/** One write failed; the others go on. */
export async function fails(applying: Applying, op: OpRow, link: LinkRow, error: SyncError): Promise<Outcome> {
  return { kind: (await countFailure(applying, op, link, error)) === null ? 'problem' : 'waits' };
}

/** A write that keeps failing is a problem of its event; until then it rests, for as long as is returned. */
async function countFailure(applying: Applying, op: OpRow, link: LinkRow, error: SyncError): Promise<number | null> {
  const failedTries = link.failedTries + 1;
  if (failedTries < TRIES_BEFORE_PROBLEM) return waits(applying, op, link, error, failedTries);
  await setAside(applying, op, keepsFailing(), true);
  return null;
}

/** An event that lost every round of this run. A server that refuses every precondition must not keep a pair busy. */
export async function restAfterLostRaces(applying: Applying, op: OpRow): Promise<void> {
  const { deps } = applying;
  const [loaded] = await deps.store.loadLinks([op.linkId]);
  if (!loaded) return;
  const { attempts, failedTries } = loaded.link;
  if (failedTries + 1 >= TRIES_BEFORE_PROBLEM) return setAside(applying, op, keepsFailing(), true);
  const restMs = backoff(attempts, WRITE_WAITS.firstRestAfterLostRacesMs, WRITE_WAITS.longestRestMs);
  await deps.store.updateLinks([op.linkId], {
    retryAt: new Date(deps.clock.now().getTime() + restMs),
    attempts: attempts + 1,
    failedTries: failedTries + 1,
  });
}

/** Leaves an op to a later run, because its side is not written again in this one. */
export async function postpone(applying: Applying, op: OpRow, { error, restMs }: Stopped): Promise<void> {
  const [loaded] = await applying.deps.store.loadLinks([op.linkId]);
  if (loaded) await waits(applying, op, loaded.link, error, loaded.link.failedTries, restMs);
}

/** One problem, and nothing more until a side changes the event; what may pass (`mayPass`) is tried again every day. */
export async function setAside(applying: Applying, op: OpRow, { code, detail }: EventProblem, mayPass: boolean) {
  const { deps, open, epoch, settingsRevision } = applying;
  const problem = { code, detail };
  await deps.store.underEpoch(open.pair.id, epoch, async (tx, revision) => {
    const at = deps.clock.now();
    await tx.lockLinks([op.linkId]);
    await tx.setOp(op.id, 'failed', code, null);
    const isNew = await tx.addProblem(open.pair.id, { linkId: op.linkId, side: op.side, ...problem }, at);
    if (isNew) await tx.countProblem(op.runId);
    const [loaded] = await tx.loadLinks([op.linkId]);
    if (!loaded) return;
    const refusals = withRefusal(tx, open, loaded, op.side, problem, { at, mayPass });
    const [facts] = await tx.linkFacts(op.runId, [op.linkId]);
    const isLast = facts?.open.every(({ status }) => status === 'failed');
    await tx.updateLinks(
      [op.linkId],
      isLast ? { ...DONE, dirty: revision !== settingsRevision, refusals } : { refusals },
    );
  });
}

/** The link is decided about again after a rest, whose length is returned. */
export async function waits(
  { deps, open, epoch }: Applying,
  op: OpRow,
  link: LinkRow,
  error: SyncError,
  failedTries = link.failedTries,
  leastMs = 0,
): Promise<number> {
  const backoffMs = backoff(link.attempts, WRITE_WAITS.firstRestMs, WRITE_WAITS.longestRestMs);
  const restMs = Math.max(error.retryAfterMs ?? 0, backoffMs, leastMs);
  const retryAt = new Date(deps.clock.now().getTime() + restMs);
  await deps.store.underEpoch(open.pair.id, epoch, async (tx) => {
    await tx.setOp(op.id, 'waiting', error.kind, null);
    await tx.updateLinks([op.linkId], { dirty: true, retryAt, attempts: link.attempts + 1, failedTries });
  });
  return restMs;
}
