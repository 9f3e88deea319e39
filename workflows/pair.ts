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
  /** The current value of the search attribute. */
  searchAttribute: PairState;
  /** Number of the last run that has begun. */
  begun: number;
  /** The last run that has ended. `runId` is null where it was interrupted. */
  ended: { readonly number: number; readonly runId: string | null };
  /** A run that is requested and has not begun. */
  requested: RunRequest | null;
  lastRun: RunSummary | null;
  /** Counts changes of settings, so that a wait notices one that came since it began. */
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
  const { pairId, paused, begun, requested: wanted, health: state, reason, lastRun, failures } = pair;
  return { pairId, paused, begun, wanted, state, reason, lastRun, failures };
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

/**
 * What the Temporal UI shows above the history (markdown): the state, and why a red badge on `pollPair` is no error.
 */
export function detailsOf(pair: Pair): string {
  const last = pair.lastRun;
  return [
    `**Now:** ${pair.waitsFor}`,
    pair.health === 'attention' &&
      `**Needs attention:** ${pair.reason ?? 'see the pair in Calpair'}. Calpair keeps trying.`,
    last === null
      ? '**Last run:** none has ended yet.'
      : `**Last run:** number ${pair.ended.number}, ${last.result}: ${last.writes} writes, ${last.conflicts} ` +
        `conflicts, ${last.held} held, ${last.problems} problems (\`${last.runId}\`).`,
    pair.failures > 0 && `**Failed runs in a row:** ${pair.failures}.`,
    '`pollPair` polls both calendars. When nothing changed it fails with **NoChange** and is retried after the poll ' +
      'interval, which leaves nothing in the history. So a growing attempt number, the red badge and a last failure ' +
      '`NoChange` are normal and healthy; `Waiting` means that a calendar cannot be read now. Calpair keeps calendar ' +
      'content out of Temporal.',
  ]
    .filter((line) => line !== false)
    .join('\n\n');
}
