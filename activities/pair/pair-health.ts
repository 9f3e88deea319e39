/** Stores in the pair's row whether its sides answer: what the API shows as status, and when to poll next. */
import type { SideName } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { nextPoll, POLLS_PER_FRESH_LISTING } from '../../core/waiting-times.ts';
import type { PairRow } from '../../db/pairs.ts';
import type { PairState } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { pairConsequence } from '../error-policy.ts';
import type { OpenPair } from './open-pair.ts';
import { SideFailed } from './read-sides.ts';

/** A side that has not answered for this long needs a person's attention. */
const UNREACHABLE_AFTER_MS = 30 * 60_000;
/** So do this many other errors in a row. */
const ERRORS_BEFORE_ATTENTION = 5;

/** Both sides answered. */
export async function noteSuccess(deps: Deps, open: OpenPair): Promise<void> {
  const { pair, accountIds } = open;
  if (pair.attention === null && pair.failures === 0 && pair.statusDetail === null && pair.notBefore === null) return;
  // That a calendar can be read does not say that it can be written to: the next write shows that.
  const stillWaits =
    pair.readOnlySide !== null && (await deps.store.dirtyLinks(pair.id, deps.clock.now(), true)).length > 0;
  await deps.store.updatePair(pair.id, {
    failures: 0,
    failingSince: null,
    notBefore: null,
    ...(stillWaits ? {} : { attention: null, statusDetail: null, readOnlySide: null }),
  });
  if (pair.attention === 'credentials') {
    for (const accountId of Object.values(accountIds)) await deps.store.setAccountStatus(accountId, 'ok', null);
  }
}

/** Sides have accepted writes, and all others were refused one by one: these calendars can be written to. */
export async function noteAccepted(deps: Deps, { pair }: OpenPair, sides: ReadonlySet<SideName>): Promise<void> {
  if (pair.readOnlySide === null || !sides.has(pair.readOnlySide)) return;
  await deps.store.updatePair(pair.id, { readOnlySide: null, attention: null, statusDetail: null });
}

/** A side failed. @returns seconds until the next poll */
export async function noteFailure(deps: Deps, open: OpenPair, failed: SideFailed): Promise<number> {
  const { pair } = open;
  const { error, side } = failed;
  const now = deps.clock.now();
  const consequence = pairConsequence(error.kind);
  const failures = pair.failures + 1;
  const failingSince = pair.failingSince ?? now;
  const retryAfterSeconds = failed.waitMs / 1000;
  const { at: nextPollAt, delaySeconds } = nextPoll(now, pair.pollIntervalSeconds, {
    did: 'fail',
    kind: error.kind,
    failures: pair.failures,
    retryAfterSeconds,
  });
  await deps.store.updatePair(pair.id, {
    failures,
    failingSince,
    attention: consequence.attention ?? lastingAttention(error, failures, now.getTime() - failingSince.getTime()),
    statusDetail: `${side}: ${consequence.detail}${error.advice === undefined ? '' : ` ${error.advice}`}`,
    notBefore: retryAfterSeconds > 0 ? new Date(now.getTime() + retryAfterSeconds * 1000) : null,
    nextPollAt,
  });
  if (consequence.attention === 'credentials')
    await deps.store.setAccountStatus(open.accountIds[side], 'attention', 'credentials');
  deps.log.warn(
    { pairId: pair.id, side, kind: error.kind, status: error.status, failures, delaySeconds },
    'a side of the pair failed',
  );
  return delaySeconds;
}

function lastingAttention(error: SyncError, failures: number, failingMs: number): PairRow['attention'] {
  if (error.kind === 'unreachable' || error.kind === 'throttled' || error.kind === 'not-a-caldav-server') {
    return failingMs >= UNREACHABLE_AFTER_MS ? 'unreachable' : null;
  }
  return failures >= ERRORS_BEFORE_ATTENTION ? 'error' : null;
}

/**
 * After repeated failures one poll asks for everything anew: a service may fail to say what changed, and still list.
 * Not where a person or the service has to act first.
 */
export function needsFreshListing({ failures, attention, notBefore }: PairRow): boolean {
  const mayHelp = attention === null || attention === 'unreachable' || attention === 'error';
  return mayHelp && notBefore === null && failures % POLLS_PER_FRESH_LISTING === POLLS_PER_FRESH_LISTING - 1;
}

/** The pair's state for the workflow, and the reason of `attention`. */
export interface Health {
  readonly state: PairState;
  readonly reason: string | null;
}

/** The health of a pair after its row has changed. */
export async function stateOf(deps: Deps, pairId: string): Promise<Health> {
  const row = await deps.store.pairNow(pairId);
  if (!row) return { state: 'active', reason: null };
  return healthOf(deps, { ...row, id: pairId }, row.attention === null && (await deps.store.countHeld(pairId)) > 0);
}

/** @param isHeld deletions are held */
export async function healthOf(
  deps: Deps,
  { id, paused, attention, announced }: Pick<PairRow, 'id' | 'paused' | 'attention' | 'announced'>,
  isHeld: boolean,
): Promise<Health> {
  if (paused) return { state: 'paused', reason: null };
  const reason = attention ?? (isHeld ? 'held-changes' : null);
  if (announced !== reason) await deps.announcePair?.(id, reason, deps.clock.now());
  return { state: reason ? 'attention' : 'active', reason };
}

/** Any error while reading, as a side's failure. Errors that do not come from a service are bugs. */
export function asSideFailure(error: unknown): SideFailed {
  if (error instanceof SideFailed) return error;
  return new SideFailed(
    'caldav',
    error instanceof SyncError
      ? error
      : new SyncError('bug', `unexpected ${error instanceof Error ? error.name : 'error'}`, { cause: error }),
  );
}
