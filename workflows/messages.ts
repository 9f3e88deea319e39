/**
 * Input, messages and activities of a pair's workflow: ids, counts and codes, never calendar content. Existing
 * histories contain these shapes: add optional fields, never rename or reorder.
 */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Trigger } from '../core/sync/trigger.ts';

/** Workflows, `diffPair` and `applyPlan`. */
export const PAIRS_QUEUE = 'pairs';
/** Polls: long activities that mostly sleep. Apart, so that many of them at once never delay a run that writes. */
export const POLLS_QUEUE = 'polls';

/** One workflow for each pair: the id is the lock. */
export function workflowIdOf(pairId: string): string {
  return `pair:${pairId}`;
}

/** For filters in the Temporal UI. Upserted only when the state changes. */
export const pairStateKey = defineSearchAttributeKey('PairState', SearchAttributeType.KEYWORD);
export type PairState = 'active' | 'paused' | 'attention';

export interface SyncPairInput {
  readonly pairId: string;
  readonly paused: boolean;
  /** Number of runs so far; numbers the runs across continue-as-new. */
  readonly begun?: number;
  readonly state?: PairState;
  /** The code of `state` `attention`. */
  readonly reason?: string | null;
  /** Deletions that wait for a decision, for the Temporal UI. */
  readonly held?: number;
  /** A requested run that had not begun at continue-as-new. Left out: a new pair, whose first run is a `start`. */
  readonly wanted?: RunRequest | null;
  /** How the last run ended, for the Temporal UI. */
  readonly lastRun?: RunSummary | null;
  /** Failed runs in a row. */
  readonly failures?: number;
}

/** A requested run. Several requests become one run; `full` and the stronger trigger win. */
export interface RunRequest {
  readonly trigger: Trigger;
  /** Drop the cursors and compare both sides in full. */
  readonly full: boolean;
  /** What it is a part of, where traces are recorded: the `traceparent` of W3C Trace Context. */
  readonly trace?: string;
}

/** Begin a run as soon as the current one, if any, has ended. */
export const syncNow = defineSignal<[RunRequest]>('syncNow');
/** New settings (interval, direction, options, credentials): poll at once; a run follows only after a change. */
export const settingsChanged = defineSignal('settingsChanged');
/** A service has notified Calpair of a change: poll at once, as after `settingsChanged`. */
export const calendarChanged = defineSignal('calendarChanged');
/** The API has already stored the pause in PostgreSQL, which stops writes; this stops the polls, too. */
export const pause = defineSignal('pause');
export const resume = defineSignal('resume');
/**
 * Begin a run and return when it has ended. Refused while paused, and fails when the pair is paused meanwhile
 * (ApplicationFailure type `Paused`); fails with `RunFailed` where the run was interrupted; refused with `TryAgain`
 * while an overlong history waits for continue-as-new.
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

/** The result of a run, as the Temporal UI shows it. */
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
   * Polls both sides again and again, and stores what changed together with the new cursors. Returns when the workflow
   * has something to do, and after about an hour. It sends a heartbeat with `{at, result, nextPollAt}` every three
   * minutes.
   *
   * It may be cancelled at any moment (a requested run, new settings, a pause) and its result be lost: what is due must
   * follow from what is stored, so that the next call returns it again. It may go on for a while after it was
   * cancelled, and then stores nothing once the next call, or a run, has begun.
   */
  watchPair(input: { readonly pairId: string; readonly state: PairState }): Promise<PollResult>;
  /**
   * What earlier versions called in place of `watchPair`; a history may still wait for it. Polls once, then hands over.
   * While no poll is due it fails with the benign, retryable ApplicationFailure `NoChange`, or `Waiting` where a side
   * has asked for that, which bring their own delay.
   */
  pollPair(input: { readonly pairId: string; readonly state: PairState }): Promise<PollResult>;
  /**
   * Begins run number `number` of the pair (a repeated call finds the same run) and decides what to write. Unless
   * `polled`, reads both sides first. Ends the run itself when nothing is to be written or a side cannot be read. An
   * earlier run of the pair that is still open was interrupted by a pause or a failure; it is ended here, and what it
   * left is planned again.
   */
  diffPair(input: {
    readonly pairId: string;
    readonly number: number;
    readonly trigger: Trigger;
    readonly full: boolean;
    readonly polled: boolean;
    /** As in `RunRequest`. */
    readonly trace?: string;
  }): Promise<DiffResult>;
  /** Executes what is still pending of the run's plan, and ends the run. Heartbeats `{done, of}`. */
  applyPlan(input: { readonly pairId: string; readonly runId: string; readonly trace?: string }): Promise<RunSummary>;
}

export type PollResult =
  /** A run is due. `trigger`: why, where it is not a poll of its own accord. */
  | { readonly kind: 'changed'; readonly trigger?: 'webhook' }
  /** The pair's state differs from the input's. `held`: how many deletions wait, with the reason `held-changes`. */
  | { readonly kind: 'state'; readonly state: PairState; readonly reason: string | null; readonly held?: number }
  /** The pair has been deleted. */
  | { readonly kind: 'gone' }
  | PollPause;

/** Why a polling activity ends although nothing is to be done. */
export type PollPause =
  /** Its worker stops, or an hour is over: to be called again at once. */
  | { readonly kind: 'hand-over' }
  /** Nothing is due before this time (RFC 3339), which is some way off: to be called again then. */
  | { readonly kind: 'rest'; readonly nextPollAt: string; readonly restMs: number };

/** `ended` is set when the run has already ended. */
export interface DiffResult {
  readonly runId: string;
  readonly ops: number;
  readonly ended: RunSummary | null;
  /** Of the attempt that decided this, as in `RunRequest`. */
  readonly trace?: string;
}
