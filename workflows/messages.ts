/**
 * Everything that crosses the border of a pair's workflow: its input, its messages, and the activities it calls. All of
 * it is ids, counts and codes; calendar content never travels through here. Shapes are a contract with histories that
 * already exist: add optional fields, never rename or reorder.
 */

import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

/** Workflows, `diffPair` and `applyPlan`. */
export const PAIRS_QUEUE = 'pairs';
/** `pollPair` alone, so that a storm of polls never starves a run that writes. */
export const POLLS_QUEUE = 'polls';

/** One pair, one workflow: the id is the lock. */
export function workflowIdOf(pairId: string): string {
  return `pair:${pairId}`;
}

/** What operators filter by in the Temporal UI. Upserted on changes of state only. */
export const pairStateKey = defineSearchAttributeKey('PairState', SearchAttributeType.KEYWORD);
export type PairState = 'active' | 'paused' | 'attention';

/** Why a run began (contract: `trigger`). */
export type Trigger = 'start' | 'poll' | 'signal' | 'webhook' | 'resync';

export interface SyncPairInput {
  readonly pairId: string;
  readonly paused: boolean;
  /** Runs begun by this workflow so far; numbers the runs across continue-as-new. */
  readonly begun?: number;
  readonly state?: PairState;
  /** The code that goes with `state` `attention`. */
  readonly reason?: string | null;
  /**
   * A run asked for but not begun when the workflow continued as new. Left out: a fresh start, whose first run has the
   * trigger `start`.
   */
  readonly wanted?: RunRequest | null;
  /** How the last run ended, for the Temporal UI. */
  readonly lastRun?: RunSummary | null;
  /** Failed runs in a row. */
  readonly failures?: number;
}

/** A run that somebody asked for. Several wishes join into one run; `full` and the stronger trigger win. */
export interface RunRequest {
  readonly trigger: Trigger;
  /** Forget the cursors and compare both sides in full. */
  readonly full: boolean;
}

/** Begin a run as soon as the one under way, if any, has ended. */
export const syncNow = defineSignal<[RunRequest]>('syncNow');
/** New settings (interval, direction, options, credentials): look again at once, without a run if nothing changed. */
export const settingsChanged = defineSignal('settingsChanged');
/** The API has already noted the pause in PostgreSQL, which stops writes; this stops the polling, too. */
export const pause = defineSignal('pause');
export const resume = defineSignal('resume');
/**
 * Begin a run and answer when it has ended. Refused while paused, and failed when a pause comes meanwhile
 * (ApplicationFailure type `Paused`); fails with `RunFailed` where the run broke, and is refused with `TryAgain` for
 * the moment in which an overlong history is being renewed.
 */
export const syncAndWait = defineUpdate<FinishedRun, [RunRequest]>('syncAndWait');
export const status = defineQuery<PairSnapshot>('status');

export interface FinishedRun {
  readonly runId: string;
}

export interface PairSnapshot {
  readonly state: PairState;
  readonly runsBegun: number;
  readonly runsFinished: number;
  readonly waitsFor: string;
  readonly lastRun: RunSummary | null;
}

/** What a run came to: what the Temporal UI shows of it. */
export interface RunSummary {
  readonly runId: string;
  readonly result: 'ok' | 'partial' | 'failed';
  readonly writes: number;
  readonly conflicts: number;
  readonly held: number;
  readonly problems: number;
}

/** The activities that the workflow calls; `activities/index.ts` makes them. */
export interface PairActivities {
  /**
   * Looks at both sides and stores what changed together with the new cursors. Nothing to do: fails with the benign,
   * retryable ApplicationFailure `NoChange`, whose next delay is the pair's poll interval, so that waiting leaves
   * nothing in the history. A side that fails is retried the same way (`Waiting`), with a delay of its own. Returns
   * when there is something for the workflow to do: `changed`: a run is due; `state`: the pair came into or out of
   * attention since `input.state`.
   *
   * An attempt may be given up at any moment (a wish, new settings, a pause) and its answer be lost: what is due must
   * follow from what is stored, so that the next call says it again. An attempt that takes longer than 10 s heartbeats,
   * with nothing, at least every 10 s.
   */
  pollPair(input: { readonly pairId: string; readonly state: PairState }): Promise<PollResult>;
  /**
   * Begins run number `number` of the pair (a repeated call finds the same run) and decides what is to be written.
   * Unless `polled`, both sides are read first. Ends the run itself when nothing is to be written or a side cannot be
   * read. An earlier run of the pair that is still open was cut short by a pause or by a failure; it is ended here, and
   * what it left is planned anew.
   */
  diffPair(input: {
    readonly pairId: string;
    readonly number: number;
    readonly trigger: Trigger;
    readonly full: boolean;
    readonly polled: boolean;
  }): Promise<DiffResult>;
  /** Carries out the run's plan, as far as it is still pending, and ends the run. Heartbeats `{done, of}`. */
  applyPlan(input: { readonly pairId: string; readonly runId: string }): Promise<RunSummary>;
}

export type PollResult =
  | { readonly kind: 'changed' }
  | { readonly kind: 'state'; readonly state: PairState; readonly reason: string | null };

/** `ended` is set when the run is over already. */
export interface DiffResult {
  readonly runId: string;
  readonly ops: number;
  readonly ended: RunSummary | null;
}
