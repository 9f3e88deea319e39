/**
 * What the workflow of one pair knows between two events of its history: small, since it crosses continue-as-new in the
 * input.
 */
import type { PairSnapshot, PairState, RunRequest, RunSummary, SyncPairInput } from './messages.ts';
import { FIRST_RUN } from './run-requests.ts';

export interface Pair {
  readonly pairId: string;
  paused: boolean;
  /** `active` or `attention`, as the watch last said; a pause hides it, and does not change it. */
  health: PairState;
  /** The code that goes with `attention`. */
  reason: string | null;
  /** What the search attribute says now. */
  shown: PairState;
  /** Number of the last run that was begun. */
  begun: number;
  /** The last run that is over. `runId` is null where the run broke before it had an id. */
  ended: { readonly number: number; readonly runId: string | null };
  /** A run that is due and not begun. */
  wanted: RunRequest | null;
  lastRun: RunSummary | null;
  /** Counts changes of settings, so that a wait can tell whether one came since it began. */
  settings: number;
  /** Failed runs in a row. */
  failures: number;
  /** How long to wait before the next watch, 0 for not at all. */
  restMs: number;
  /** For people: what the workflow is doing. */
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
    shown: input.paused ? 'paused' : health,
    begun,
    ended: { number: begun, runId: null },
    wanted: input.wanted === undefined ? FIRST_RUN : input.wanted,
    lastRun: input.lastRun ?? null,
    settings: 0,
    failures: input.failures ?? 0,
    restMs: 0,
    waitsFor: 'its start',
  };
}

/** The input with which a new run of the workflow goes on where this one stops. */
export function inputOf(pair: Pair): SyncPairInput {
  const { pairId, paused, begun, wanted, health: state, reason, lastRun, failures } = pair;
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
 * What the Temporal UI shows above the history (markdown): the state in words, and why a red badge on `pollPair` is no
 * error.
 */
export function detailsOf(pair: Pair): string {
  const last = pair.lastRun;
  return [
    `**Now:** ${pair.waitsFor}`,
    pair.health === 'attention' &&
      `**Needs attention:** ${pair.reason ?? 'see the pair in Calpair'}. It keeps trying and heals by itself.`,
    last === null
      ? '**Last run:** none has ended yet.'
      : `**Last run:** number ${pair.ended.number}, ${last.result}: ${last.writes} writes, ` +
        `${last.conflicts} conflicts, ` +
        `${last.held} held, ${last.problems} problems (\`${last.runId}\`).`,
    pair.failures > 0 && `**Failed runs in a row:** ${pair.failures}.`,
    '`pollPair` looks at both calendars. When nothing changed it ends with **NoChange** and is ' +
      'tried again after the poll interval, which leaves ' +
      'nothing in the history. So a growing attempt number, the red badge and a last failure ' +
      '`NoChange` are the normal, healthy answer; `Waiting` ' +
      'means that a calendar cannot be read right now. Counts only: Calpair keeps calendar content out of Temporal.',
  ]
    .filter((line) => line !== false)
    .join('\n\n');
}
