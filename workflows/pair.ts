/** The state of a pair's workflow. Small, since it is the input of the next run after continue-as-new. */
import type { PairSnapshot, PairState, RunRequest, RunSummary, SyncPairInput } from './messages.ts';
import { FIRST_RUN } from './run-requests.ts';

export interface Pair {
  readonly pairId: string;
  paused: boolean;
  /** `active` or `attention`, as the last poll returned it. A pause does not change it. */
  health: PairState;
  /** The code that goes with `attention`. */
  reason: string | null;
  /** Deletions that wait for a decision, as far as polls and runs have reported. */
  held: number;
  /** The current value of the search attribute. */
  searchAttribute: PairState;
  /** Number of the last run that has begun. */
  begun: number;
  /** The last run that has ended. `runId` is null where it was interrupted. */
  ended: { readonly number: number; readonly runId: string | null };
  /** A run that is requested and has not begun. */
  requested: RunRequest | null;
  lastRun: RunSummary | null;
  /** Counts changes of settings, and of calendars, so that a wait notices one that came since it began. */
  settings: number;
  /** Failed runs in a row. */
  failures: number;
  /** Time to wait before the next poll; 0: none. */
  restMs: number;
  /** What the workflow is doing, for people. */
  waitsFor: string;
}

export function pairOf(input: SyncPairInput): Pair {
  const health = input.state ?? 'active';
  const begun = input.begun ?? 0;
  return {
    pairId: input.pairId,
    paused: input.paused,
    health,
    reason: input.reason ?? null,
    held: input.held ?? 0,
    searchAttribute: input.paused ? 'paused' : health,
    begun,
    ended: { number: begun, runId: null },
    requested: input.wanted === undefined ? FIRST_RUN : input.wanted,
    lastRun: input.lastRun ?? null,
    settings: 0,
    failures: input.failures ?? 0,
    restMs: 0,
    waitsFor: 'its start',
  };
}

/** The input with which a new run of the workflow goes on where this one stops. */
export function inputOf(pair: Pair): SyncPairInput {
  const { pairId, paused, begun, requested: wanted, health: state, reason, held, lastRun, failures } = pair;
  return { pairId, paused, begun, wanted, state, reason, held, lastRun, failures };
}

export function snapshotOf(pair: Pair): PairSnapshot {
  return {
    state: pair.paused ? 'paused' : pair.health,
    runsBegun: pair.begun,
    runsFinished: pair.ended.number,
    waitsFor: pair.waitsFor,
    lastRun: pair.lastRun,
  };
}

/** What the Temporal UI shows above the history (markdown). */
export function detailsOf(pair: Pair): string {
  const last = pair.lastRun;
  return [
    `**Now:** ${pair.waitsFor}`,
    pair.health === 'attention' && `**Needs attention:** ${attentionOf(pair)}`,
    last === null
      ? '**Last run:** none has ended yet.'
      : `**Last run:** number ${pair.ended.number}, ${last.result}: ${last.writes} writes, ${last.conflicts} ` +
        `conflicts, ${last.held} held, ${last.problems} problems (\`${last.runId}\`).`,
    pair.failures > 0 && `**Failed runs in a row:** ${pair.failures}.`,
    '`watchPair` polls both calendars and stays pending while nothing changes; its last heartbeat says when it last ' +
      'polled, what came of it, and when it polls next. It ends with `hand-over` once an hour, and when its worker ' +
      'stops. Calpair keeps calendar content out of Temporal.',
  ]
    .filter((line) => line !== false)
    .join('\n\n');
}

/** Held deletions wait for a person; everything else heals by itself once its cause is gone. */
function attentionOf({ reason, held }: Pair): string {
  if (reason !== 'held-changes') return `${reason ?? 'see the pair in Calpair'}. Calpair keeps trying.`;
  const deletions = held === 0 ? 'deletions wait' : held === 1 ? '1 deletion waits' : `${held} deletions wait`;
  return `${deletions} for a decision: apply or restore them in Calpair. Everything else is synced meanwhile.`;
}
