/**
 * The workflow of one pair, as long as the pair exists: poll both calendars, and run when there is something to do.
 *
 * The poll is one long activity, so an idle hour costs six events, and a change 18. Requests of people, the API and
 * webhooks arrive as messages, change `Pair` and cut the wait short; the loop then decides from `Pair` alone what comes
 * next, so no message is lost between two steps.
 */
import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { ACTIVITY_RETRY, PAIR_REST_MS, POLL_ACTIVITY_RETRY, POLL_TIMEOUTS } from '../core/waiting-times.ts';
import type { PairActivities, PollResult, RunRequest, RunSummary, SyncPairInput } from './messages.ts';
import * as messages from './messages.ts';
import type { Pair } from './pair.ts';
import { detailsOf, inputOf, pairOf, snapshotOf } from './pair.ts';
import { AFTER_CHANGE, AFTER_NOTIFICATION, AFTER_RESUME, join } from './run-requests.ts';
import { isLong, LONG_HISTORY, restUntilPoll, workUntil } from './work-until.ts';

/**
 * From here on no caller may wait for a run: callers that overlap without end would postpone continue-as-new for ever.
 */
const OVERLONG_HISTORY = 3 * LONG_HISTORY;

/** A poll only reads: its cancellation is not awaited, so that a requested run never waits for a slow server. */
const { watchPair } = proxyActivities<PairActivities>({
  ...POLL_TIMEOUTS,
  taskQueue: messages.POLLS_QUEUE,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: POLL_ACTIVITY_RETRY,
  summary: 'until a calendar changes',
});

/** The form of earlier versions, whose attempts failed with `NoChange` and were retried. */
const { pollPair } = proxyActivities<PairActivities>({
  taskQueue: messages.POLLS_QUEUE,
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '60 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: POLL_ACTIVITY_RETRY,
  summary: 'until a calendar changes',
});

/** Both may be repeated at any point, so they are retried for ever: after a lost worker (30 s), an outage, a bug. */
const { diffPair, applyPlan } = proxyActivities<PairActivities>({
  taskQueue: messages.PAIRS_QUEUE,
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: ACTIVITY_RETRY,
});

/** Runs until it is cancelled, or its pair has been deleted. */
export async function syncPair(input: SyncPairInput): Promise<void> {
  const pair = pairOf(input);
  listen(pair);
  for (;;) {
    await continueAsNewWhenLong(pair);
    upsertState(pair);
    if (pair.paused) await waitWhilePaused(pair);
    else if (pair.requested !== null) await run(pair, takeRequest(pair), false);
    else if (pair.restMs > 0) await rest(pair);
    else {
      const found = await poll(pair);
      if (found?.kind === 'gone') return;
      if (found?.kind === 'changed' && isIdle(pair))
        await run(pair, found.trigger === 'webhook' ? AFTER_NOTIFICATION : AFTER_CHANGE, true);
    }
  }
}

/** Sets the handlers before the first await, for messages that come with the start. */
function listen(pair: Pair): void {
  setHandler(messages.syncNow, (runRequest) => void request(pair, runRequest));
  setHandler(messages.settingsChanged, () => void (pair.settings += 1));
  setHandler(messages.calendarChanged, () => void (pair.settings += 1));
  setHandler(messages.pause, () => void (pair.paused = true));
  setHandler(messages.resume, () => {
    if (pair.paused) request(pair, AFTER_RESUME);
    pair.paused = false;
  });
  setHandler(messages.syncAndWait, (runRequest) => runAndWait(pair, runRequest), {
    validator: (_runRequest) => {
      if (pair.paused) throw pausedFailure();
      if (workflowInfo().historyLength > OVERLONG_HISTORY)
        throw ApplicationFailure.nonRetryable('continue-as-new is due', 'TryAgain');
    },
    unfinishedPolicy: 'ABANDON', // only a deleted pair leaves a caller waiting
  });
  setHandler(messages.status, () => snapshotOf(pair));
}

function request(pair: Pair, runRequest: RunRequest): void {
  pair.requested = join(pair.requested, runRequest);
}

function takeRequest(pair: Pair): RunRequest {
  const runRequest = pair.requested;
  if (runRequest === null) throw ApplicationFailure.nonRetryable('no run is requested', 'Bug');
  pair.requested = null;
  return runRequest;
}

/** Waits for the next run to begin: the current one may have read the calendars before the call. */
async function runAndWait(pair: Pair, runRequest: RunRequest): Promise<messages.FinishedRun> {
  request(pair, runRequest);
  const number = pair.begun + 1;
  await condition(() => pair.ended.number >= number || pair.paused);
  if (pair.ended.number < number) throw pausedFailure();
  if (pair.ended.runId === null) throw ApplicationFailure.nonRetryable('the run was interrupted', 'RunFailed');
  return { runId: pair.ended.runId };
}

function pausedFailure(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('the pair is paused', 'Paused');
}

/**
 * Waiting for the handlers alone would deadlock: a handler that waits for a run waits for this loop. With a requested
 * run the loop goes on and comes back. A request without a waiting caller is passed on in the input.
 */
async function continueAsNewWhenLong(pair: Pair): Promise<void> {
  if (!isLong()) return;
  await condition(() => allHandlersFinished() || (pair.requested !== null && !pair.paused));
  if (allHandlersFinished()) await continueAsNew<typeof syncPair>(inputOf(pair));
}

/** The history may grow while paused, too: signals of webhooks go on. */
async function waitWhilePaused(pair: Pair): Promise<void> {
  show(pair, 'paused, nothing is read or written until it is resumed');
  await condition(() => !pair.paused || isLong());
}

/** @returns null when a message came or the poll failed */
async function poll(pair: Pair): Promise<PollResult | null> {
  show(pair, 'idle, polls both calendars');
  const settings = pair.settings;
  const isCutShort = (): boolean => !isIdle(pair) || pair.settings > settings;
  const input = { pairId: pair.pairId, state: pair.health };
  // A history of an earlier version goes on in the new form once the poll that it waits for has ended.
  const call = patched('watch-pair') ? () => watchPair(input) : () => pollPair(input);
  const found = await workUntil(isCutShort, call).catch((err: unknown) => noteFailure(pair, err));
  if (found?.kind === 'rest') {
    show(pair, `idle, polls both calendars at ${found.nextPollAt}`);
    await workUntil(isCutShort, () => restUntilPoll(found));
  }
  if (found?.kind === 'state') {
    pair.health = found.state;
    pair.reason = found.reason;
    pair.held = found.held ?? 0;
  }
  return found;
}

/** After a failed run, or a poll that failed for good: a loop that fails at once must not go on at full speed. */
async function rest(pair: Pair): Promise<void> {
  show(pair, `something failed, continues in ${pair.restMs / 1000} s`);
  const settings = pair.settings;
  await workUntil(
    () => !isIdle(pair) || pair.settings > settings,
    () => sleep(pair.restMs, { summary: 'rest after a failure' }),
  );
  pair.restMs = 0;
}

/** @param polled a poll has just stored what changed, so nothing needs to be read again */
async function run(pair: Pair, runRequest: RunRequest, polled: boolean): Promise<void> {
  pair.begun += 1;
  const number = pair.begun;
  try {
    const summary = await workUntil(
      () => pair.paused,
      () => diffAndApply(pair, number, runRequest, polled),
    );
    if (summary === null) return request(pair, runRequest); // paused half-way: continues after resume
    pair.lastRun = summary;
    pair.held += summary.held;
    pair.ended = { number, runId: summary.runId };
    if (summary.result === 'failed') restLonger(pair);
    else pair.failures = 0;
  } catch (err) {
    noteFailure(pair, err);
    pair.ended = { number, runId: null };
  }
}

async function diffAndApply(pair: Pair, number: number, runRequest: RunRequest, polled: boolean): Promise<RunSummary> {
  const { trigger, full, trace } = runRequest;
  show(pair, `run ${number} (${trigger}) compares both calendars`);
  const plan = await diffPair.executeWithOptions({ summary: `run ${number}: ${full ? 'full, ' : ''}${trigger}` }, [
    { pairId: pair.pairId, number, trigger, full, polled, ...tracedBy(trace) },
  ]);
  if (plan.ended !== null) return plan.ended;
  const ops = plan.ops === 1 ? '1 op' : `${plan.ops} ops`;
  show(pair, `run ${number} (${trigger}) writes ${ops}`);
  return applyPlan.executeWithOptions({ summary: ops }, [
    { pairId: pair.pairId, runId: plan.runId, ...tracedBy(plan.trace) },
  ]);
}

function tracedBy(trace: string | undefined): { readonly trace?: string } {
  return trace === undefined ? {} : { trace };
}

/**
 * A failed activity never closes the workflow. Anything else is a cancellation, or a bug in this file that must fail
 * its task.
 */
function noteFailure(pair: Pair, err: unknown): null {
  if (!(err instanceof ActivityFailure) || isCancellation(err)) throw err;
  restLonger(pair);
  return null;
}

function restLonger(pair: Pair): void {
  pair.restMs = Math.min(PAIR_REST_MS.first * 2 ** pair.failures, PAIR_REST_MS.longest);
  pair.failures += 1;
}

function isIdle(pair: Pair): boolean {
  return !pair.paused && pair.requested === null;
}

function show(pair: Pair, waitsFor: string): void {
  pair.waitsFor = waitsFor;
  setCurrentDetails(detailsOf(pair));
}

/** Costs one event, so only on changes. `syncing` is no state here: it would cost two events in every run. */
function upsertState(pair: Pair): void {
  const state = pair.paused ? 'paused' : pair.health;
  if (state === pair.searchAttribute) return;
  pair.searchAttribute = state;
  upsertSearchAttributes([{ key: messages.pairStateKey, value: state }]);
}
