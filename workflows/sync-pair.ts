/**
 * One pair, one workflow, as long as the pair lives: watch both calendars, and when there is something to do, run.
 *
 * The watch is one activity that fails with `NoChange` and is retried by the server, so an idle pair adds nothing to
 * its history, however long it idles. A change costs 18 events. Everything that people, the API and webhooks want
 * arrives as a message, changes `Pair`, and cuts the wait short; the loop then decides from `Pair` alone what comes
 * next, so no message can be lost between two steps.
 */
import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { PairActivities, PollResult, RunRequest, RunSummary, SyncPairInput } from './messages.ts';
import * as messages from './messages.ts';
import type { Pair } from './pair.ts';
import { detailsOf, inputOf, pairOf, snapshotOf } from './pair.ts';
import { AFTER_CHANGE, AFTER_RESUME, join } from './run-requests.ts';
import { isLong, LONG_HISTORY, workUntil } from './work-until.ts';

/**
 * From here on nobody may wait for a run any more: callers that overlap without end would put continue-as-new off for
 * ever.
 */
const OVERLONG_HISTORY = 3 * LONG_HISTORY;
const SHORTEST_REST_MS = 10_000;
const LONGEST_REST_MS = 5 * 60_000;

/**
 * Attempts are shared by "no change" and by real errors, so the coefficient is 1 and every error brings its own delay;
 * the interval here rules only attempts that were lost. A poll takes a moment and heartbeats only when it does not, so
 * a lost worker shows after 60 s, and a first full listing may take its time. A watch only looks: it is given up
 * without waiting for it, so that a wish never waits for a slow server.
 */
const { pollPair } = proxyActivities<PairActivities>({
  taskQueue: messages.POLLS_QUEUE,
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '60 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '10 seconds', backoffCoefficient: 1 },
  summary: 'until a calendar changes',
});

/**
 * Both can be repeated at any point, so they are, for ever: after a lost worker (30 s), an outage of the database, a
 * mistake of ours.
 */
const { diffPair, applyPlan } = proxyActivities<PairActivities>({
  taskQueue: messages.PAIRS_QUEUE,
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
});

/** Lives until it is cancelled. */
export async function syncPair(input: SyncPairInput): Promise<void> {
  const pair = pairOf(input);
  listen(pair);
  for (;;) {
    await continueAsNewWhenLong(pair);
    showState(pair);
    if (pair.paused) await park(pair);
    else if (pair.wanted !== null) await run(pair, grantWish(pair), false);
    else if (pair.restMs > 0) await rest(pair);
    else if ((await watch(pair)) === 'changed' && nothingCameUp(pair)) await run(pair, AFTER_CHANGE, true);
  }
}

/** Handlers stand before the first await: a message that came with the start finds them. */
function listen(pair: Pair): void {
  setHandler(messages.syncNow, (wish) => void want(pair, wish));
  setHandler(messages.settingsChanged, () => void (pair.settings += 1));
  setHandler(messages.pause, () => void (pair.paused = true));
  setHandler(messages.resume, () => {
    if (pair.paused) want(pair, AFTER_RESUME);
    pair.paused = false;
  });
  setHandler(messages.syncAndWait, (wish) => runAndWait(pair, wish), {
    validator: (_wish) => {
      if (pair.paused) throw pausedFailure();
      if (workflowInfo().historyLength > OVERLONG_HISTORY)
        throw ApplicationFailure.nonRetryable('the history is being renewed', 'TryAgain');
    },
    unfinishedPolicy: 'ABANDON', // only a cancelled pair leaves somebody waiting
  });
  setHandler(messages.status, () => snapshotOf(pair));
}

function want(pair: Pair, wish: RunRequest): void {
  pair.wanted = join(pair.wanted, wish);
}

function grantWish(pair: Pair): RunRequest {
  const wish = pair.wanted;
  if (wish === null) throw ApplicationFailure.nonRetryable('no run is wanted', 'Bug');
  pair.wanted = null;
  return wish;
}

/**
 * The run that grants the wish is the next one to begin: one under way may have looked at the calendars before the
 * call.
 */
async function runAndWait(pair: Pair, wish: RunRequest): Promise<messages.FinishedRun> {
  want(pair, wish);
  const number = pair.begun + 1;
  await condition(() => pair.ended.number >= number || pair.paused);
  if (pair.ended.number < number) throw pausedFailure();
  if (pair.ended.runId === null) throw ApplicationFailure.nonRetryable('the run broke off', 'RunFailed');
  return { runId: pair.ended.runId };
}

function pausedFailure(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('the pair is paused', 'Paused');
}

/**
 * Waiting for the handlers alone would deadlock: one that waits for a run waits for this loop. With a run wanted the
 * loop goes on and comes back. A wish that nobody waits for crosses over in the input.
 */
async function continueAsNewWhenLong(pair: Pair): Promise<void> {
  if (!isLong()) return;
  await condition(() => allHandlersFinished() || (pair.wanted !== null && !pair.paused));
  if (allHandlersFinished()) await continueAsNew<typeof syncPair>(inputOf(pair));
}

/** The history may grow while paused, too: webhooks go on knocking. */
async function park(pair: Pair): Promise<void> {
  tell(pair, 'paused, nothing is read or written until it is resumed');
  await condition(() => !pair.paused || isLong());
}

/** @returns null when something else came up */
async function watch(pair: Pair): Promise<PollResult['kind'] | null> {
  tell(pair, 'idle, watches both calendars');
  const seen = pair.settings;
  const found = await workUntil(
    () => !nothingCameUp(pair) || pair.settings > seen,
    () => pollPair({ pairId: pair.pairId, state: pair.health }),
  ).catch((err: unknown) => noteFailure(pair, err));
  if (found?.kind === 'state') {
    pair.health = found.state;
    pair.reason = found.reason;
  }
  return found?.kind ?? null;
}

/** After a failed run, or a watch that cannot go on: a loop that fails at once must not spin. */
async function rest(pair: Pair): Promise<void> {
  tell(pair, `something failed, goes on in ${pair.restMs / 1000} s`);
  const seen = pair.settings;
  await workUntil(
    () => !nothingCameUp(pair) || pair.settings > seen,
    () => sleep(pair.restMs, { summary: 'rest after a failure' }),
  );
  pair.restMs = 0;
}

/** Polled: the watch has just stored what changed, nothing needs to be read again. */
async function run(pair: Pair, wish: RunRequest, polled: boolean): Promise<void> {
  pair.begun += 1;
  const number = pair.begun;
  try {
    const summary = await workUntil(
      () => pair.paused,
      () => diffAndApply(pair, number, wish, polled),
    );
    if (summary === null) return want(pair, wish); // paused half-way: resume takes it up again
    pair.lastRun = summary;
    pair.ended = { number, runId: summary.runId };
    if (summary.result === 'failed') restLonger(pair);
    else pair.failures = 0;
  } catch (err) {
    noteFailure(pair, err);
    pair.ended = { number, runId: null };
  }
}

async function diffAndApply(pair: Pair, number: number, wish: RunRequest, polled: boolean): Promise<RunSummary> {
  const { trigger, full } = wish;
  tell(pair, `run ${number} (${trigger}) compares both calendars`);
  const plan = await diffPair.executeWithOptions({ summary: `run ${number}: ${full ? 'full, ' : ''}${trigger}` }, [
    { pairId: pair.pairId, number, trigger, full, polled },
  ]);
  if (plan.ended !== null) return plan.ended;
  const ops = plan.ops === 1 ? '1 op' : `${plan.ops} ops`;
  tell(pair, `run ${number} (${trigger}) writes ${ops}`);
  return applyPlan.executeWithOptions({ summary: ops }, [{ pairId: pair.pairId, runId: plan.runId }]);
}

/**
 * An activity that gave up never closes the workflow. Anything else is a cancellation, or a mistake in this file that
 * must stop its task.
 */
function noteFailure(pair: Pair, err: unknown): null {
  if (!(err instanceof ActivityFailure) || isCancellation(err)) throw err;
  restLonger(pair);
  return null;
}

function restLonger(pair: Pair): void {
  pair.restMs = Math.min(SHORTEST_REST_MS * 2 ** pair.failures, LONGEST_REST_MS);
  pair.failures += 1;
}

function nothingCameUp(pair: Pair): boolean {
  return !pair.paused && pair.wanted === null;
}

function tell(pair: Pair, waitsFor: string): void {
  pair.waitsFor = waitsFor;
  setCurrentDetails(detailsOf(pair));
}

/** One event each, so only on changes. `syncing` is none of the states: it would cost two events in every run. */
function showState(pair: Pair): void {
  const state = pair.paused ? 'paused' : pair.health;
  if (state === pair.shown) return;
  pair.shown = state;
  upsertSearchAttributes([{ key: messages.pairStateKey, value: state }]);
}
