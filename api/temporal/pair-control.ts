/**
 * The API's hand on the workflows of the pairs: the only Temporal client beside `main.ts`. PostgreSQL decides what a
 * pair is; this makes its workflow follow. Every call answers within `CALL_MS`, or within the time that its caller
 * gave, also where Temporal or the workers are away.
 */

import type { Client, WorkflowHandle } from '@temporalio/client';
import {
  isGrpcDeadlineError,
  isGrpcServiceError,
  ServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { PairSnapshot, RunRequest, SyncPairInput } from '../../workflows/messages.ts';
import * as messages from '../../workflows/messages.ts';
import type { syncPair } from '../../workflows/sync-pair.ts';

/** What became of a run that somebody waited for. Not finished: it goes on, or begins as soon as a worker is there. */
type SyncAnswer =
  | { readonly runId: string; readonly finished: true }
  | { readonly runId: null; readonly finished: false };

/** Methods throw `ControlError` and nothing else. */
export interface PairControl {
  /**
   * Starts the pair's workflow; if it runs already, nothing happens. `begun` must be the highest run number in
   * PostgreSQL.
   */
  start(pair: SyncPairInput): Promise<void>;
  pause(pairId: string): Promise<void>;
  resume(pairId: string): Promise<void>;
  settingsChanged(pairId: string): Promise<void>;
  /** Does not wait. Never lost, also without a worker. */
  syncNow(pairId: string, wanted: RunRequest): Promise<void>;
  /** Waits up to `waitSeconds` for the end of the run that begins after this call. */
  syncAndWait(pairId: string, wanted: RunRequest, waitSeconds: number): Promise<SyncAnswer>;
  /**
   * Ends the pair's workflow and what it is doing, within 10 s, also without a worker. No workflow: nothing happens.
   */
  stop(pairId: string): Promise<void>;
  /** Needs a worker. */
  status(pairId: string): Promise<PairSnapshot>;
  /**
   * For start-up, with all pairs that should run: starts those whose workflow does not. Answers how many those were.
   */
  restartMissing(pairs: readonly SyncPairInput[]): Promise<number>;
  /** Where to look at the pair in the Temporal UI; null when no UI is known. */
  workflowUrl(pairId: string): string | null;
}

/**
 * `paused`: the pair is paused. `missing`: no workflow runs for this pair: it was stopped, or Temporal lost it; then
 * `start` brings it back. `unavailable`: Temporal, or for a query the worker, did not answer.
 */
export class ControlError extends Error {
  readonly kind: 'paused' | 'missing' | 'unavailable';

  constructor(kind: ControlError['kind'], cause?: unknown) {
    super(`workflow ${kind}`, { cause });
    this.name = 'ControlError';
    this.kind = kind;
  }
}

const CALL_MS = 10_000;
/** For a cancelled workflow to end by itself. */
const STOP_MS = 6_000;
/** For leaving a wish behind when the time to wait for it is up. */
const LAST_WORD_MS = 2_000;
const TRY_AGAIN_MS = 200;
/** At start-up: a dev server takes about 17 starts a second. */
const STARTS_AT_ONCE = 10;

type PairHandle = WorkflowHandle<typeof syncPair>;

/** `uiUrl`: root of the Temporal UI, where there is one. */
export function createPairControl(client: Client, uiUrl: string | null = null): PairControl {
  const tell = <T>(pairId: string, message: (pair: PairHandle) => Promise<T>): Promise<T> =>
    callTemporal(client, () => message(handleOf(client, pairId)));
  return {
    start: (pair) => callTemporal(client, () => start(client, pair)),
    pause: (pairId) => tell(pairId, (pair) => pair.signal(messages.pause)),
    resume: (pairId) => tell(pairId, (pair) => pair.signal(messages.resume)),
    settingsChanged: (pairId) => tell(pairId, (pair) => pair.signal(messages.settingsChanged)),
    syncNow: (pairId, wanted) => tell(pairId, (pair) => pair.signal(messages.syncNow, wanted)),
    syncAndWait: (pairId, wanted, waitSeconds) =>
      syncAndWait(client, handleOf(client, pairId), wanted, waitSeconds * 1000),
    stop: (pairId) => stop(client, handleOf(client, pairId)),
    status: (pairId) => tell(pairId, (pair) => pair.query(messages.status)),
    restartMissing: (pairs) => restartMissing(client, pairs),
    workflowUrl: (pairId) =>
      uiUrl === null ? null : urlOf(uiUrl, client.options.namespace, messages.workflowIdOf(pairId)),
  };
}

/**
 * Makes `PairState` known to the namespace; a second time nothing happens. Without it no workflow of a pair can start.
 * Temporal Cloud refuses this to API keys of applications: there it is added once by hand.
 */
export async function registerSearchAttributes(client: Client): Promise<void> {
  const searchAttributes = { [messages.pairStateKey.name]: KEYWORD };
  try {
    await client.connection.operatorService.addSearchAttributes({
      namespace: client.options.namespace,
      searchAttributes,
    });
  } catch (err) {
    if (isGrpcServiceError(err) && err.code === ALREADY_EXISTS) return;
    throw controlErrorOf(err);
  }
}
/** temporal.api.enums.v1.IndexedValueType */
const KEYWORD = 2;
/** google.rpc.Code */
const ALREADY_EXISTS = 6;

function handleOf(client: Client, pairId: string): PairHandle {
  return client.workflow.getHandle<typeof syncPair>(messages.workflowIdOf(pairId));
}

async function start(client: Client, pair: SyncPairInput): Promise<void> {
  await client.workflow.start<typeof syncPair>('syncPair', {
    workflowId: messages.workflowIdOf(pair.pairId),
    taskQueue: messages.PAIRS_QUEUE,
    args: [pair],
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    typedSearchAttributes: [{ key: messages.pairStateKey, value: pair.paused ? 'paused' : (pair.state ?? 'active') }],
    staticSummary: 'Keeps two calendars in step',
    staticDetails:
      'One pair of calendars, one workflow. **pollPair** waits until a calendar changes and says ' +
      'NoChange until then, **diffPair** decides what is to ' +
      'be written, **applyPlan** writes it. Filter by PairState: active, paused, attention.',
  });
}

async function syncAndWait(client: Client, pair: PairHandle, wanted: RunRequest, waitMs: number): Promise<SyncAnswer> {
  const deadline = Date.now() + waitMs;
  let taken = false;
  try {
    const update = await within(client, waitMs, () =>
      pair.startUpdate(messages.syncAndWait, { args: [wanted], waitForStage: 'ACCEPTED' }),
    );
    taken = true;
    const { runId } = await within(client, deadline - Date.now(), () => update.result());
    return { runId, finished: true };
  } catch (err) {
    if (!isTimeUp(err)) {
      const type = failureTypeOf(err);
      if (type === 'RunFailed') return NOT_FINISHED;
      if (type !== 'TryAgain') throw controlErrorOf(err);
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
      return syncAndWait(client, pair, wanted, deadline - Date.now());
    }
  }
  // Where no worker has taken the wish, a signal lasts until one is there.
  if (!taken) await within(client, LAST_WORD_MS, () => pair.signal(messages.syncNow, wanted)).catch(throwControlError);
  return NOT_FINISHED;
}
const NOT_FINISHED: SyncAnswer = { runId: null, finished: false };

/**
 * Cancelling lets the workflow and a running activity end in order; without a worker nobody hears it, so then it is
 * terminated.
 */
async function stop(client: Client, pair: PairHandle): Promise<void> {
  try {
    await within(client, LAST_WORD_MS, () => pair.cancel());
    await within(client, STOP_MS, () => pair.result());
  } catch (err) {
    // gone, or ended as it was told to
    if (err instanceof WorkflowNotFoundError || err instanceof WorkflowFailedError) return;
    await within(client, LAST_WORD_MS, () => pair.terminate('the pair is stopped')).catch((late: unknown) => {
      if (!(late instanceof WorkflowNotFoundError)) throwControlError(late);
    });
  }
}

/**
 * Lists first, in pages of 1000: starting a workflow that runs already does nothing, but 10,000 times nothing takes
 * long.
 */
async function restartMissing(client: Client, pairs: readonly SyncPairInput[]): Promise<number> {
  const running = new Set<string>();
  try {
    for await (const { workflowId } of client.workflow.list({
      query: `WorkflowType = 'syncPair' AND ExecutionStatus = 'Running'`,
      pageSize: 1000,
    })) {
      running.add(workflowId);
    }
    const missing = pairs.filter(({ pairId }) => !running.has(messages.workflowIdOf(pairId)));
    for (let at = 0; at < missing.length; at += STARTS_AT_ONCE) {
      await Promise.all(
        missing.slice(at, at + STARTS_AT_ONCE).map((pair) => within(client, CALL_MS, () => start(client, pair))),
      );
    }
    return missing.length;
  } catch (err) {
    return throwControlError(err);
  }
}

function urlOf(uiUrl: string, namespace: string, workflowId: string): string {
  const path = ['namespaces', namespace, 'workflows', workflowId].map(encodeURIComponent).join('/');
  return `${uiUrl.replace(/\/+$/, '')}/${path}`;
}

/** One call, answered within 10 s. @throws ControlError */
export function callTemporal<T>(client: Client, call: () => Promise<T>): Promise<T> {
  return within(client, CALL_MS, call).catch(throwControlError);
}

/** The deadline goes with the request; the timer covers what has none, such as opening the connection. */
async function within<T>(client: Client, ms: number, call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TimeUp()), Math.max(ms, 0));
  });
  try {
    return await Promise.race([client.withDeadline(Date.now() + ms, call), late]);
  } finally {
    clearTimeout(timer);
  }
}

class TimeUp extends Error {}

function isTimeUp(err: unknown): boolean {
  return err instanceof TimeUp || err instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcDeadlineError(err);
}

function failureTypeOf(err: unknown): string | null | undefined {
  return err instanceof WorkflowUpdateFailedError && err.cause instanceof ApplicationFailure
    ? err.cause.type
    : undefined;
}

function throwControlError(err: unknown): never {
  throw controlErrorOf(err);
}

/** Errors that are none of Temporal's are mistakes of ours and stay what they are. */
function controlErrorOf(err: unknown): unknown {
  if (failureTypeOf(err) === 'Paused') return new ControlError('paused', err);
  // The other failure of a message is that its workflow was cancelled meanwhile.
  if (err instanceof WorkflowNotFoundError || err instanceof WorkflowUpdateFailedError)
    return new ControlError('missing', err);
  if (isTimeUp(err) || err instanceof ServiceError || isGrpcServiceError(err))
    return new ControlError('unavailable', err);
  return err;
}
