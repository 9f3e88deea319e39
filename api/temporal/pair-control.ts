/**
 * Controls the workflows of pairs: the only Temporal client beside `main.ts`. PostgreSQL holds the pairs; their
 * workflows follow. Every call returns within `CALL_MS`, or within the time that its caller gave, also while Temporal
 * or the workers are down.
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
import { withoutTrailingSlashes } from '../../core/addresses.ts';
import type { PairSnapshot, RunRequest, SyncPairInput } from '../../workflows/messages.ts';
import * as messages from '../../workflows/messages.ts';
import type { syncPair } from '../../workflows/sync-pair.ts';

/** Not finished: the run goes on, or begins as soon as a worker is there. */
type SyncAnswer =
  | { readonly runId: string; readonly finished: true }
  | { readonly runId: null; readonly finished: false };

/** Methods throw `ControlError` and nothing else. */
export interface PairControl {
  /** Does nothing if the workflow runs already. `begun` must be the highest run number in PostgreSQL. */
  start(pair: SyncPairInput): Promise<void>;
  pause(pairId: string): Promise<void>;
  resume(pairId: string): Promise<void>;
  settingsChanged(pairId: string): Promise<void>;
  /** A service has reported a change: polls at once. */
  calendarChanged(pairId: string): Promise<void>;
  /** Does not wait. Is never lost, also without a worker. */
  syncNow(pairId: string, request: RunRequest): Promise<void>;
  /** Waits up to `waitSeconds` for the end of the run that begins after this call. */
  syncAndWait(pairId: string, request: RunRequest, waitSeconds: number): Promise<SyncAnswer>;
  /** Ends the pair's workflow and its activities within 10 s, also without a worker. No workflow: does nothing. */
  stop(pairId: string): Promise<void>;
  /** Needs a worker. */
  status(pairId: string): Promise<PairSnapshot>;
  /** The ids of all workflows that run in the namespace, those of bookings included. */
  runningIds(): Promise<Set<string>>;
  /** Terminates a workflow, also one of a booking. None runs: does nothing. */
  end(workflowId: string, reason: string): Promise<void>;
  /** The pair's page in the Temporal UI; null where no UI is known. */
  workflowUrl(pairId: string): string | null;
}

/**
 * `paused`: the pair is paused. `missing`: no workflow runs for this pair, because it was stopped or Temporal lost it;
 * `start` starts it again. `unavailable`: Temporal, or for a query the worker, did not answer.
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
/** For all pages of the list of running workflows. */
const LIST_MS = 60_000;
/** For a cancelled workflow to end by itself. */
const STOP_MS = 4_500;
/** For one more call when the time to wait is up. */
const LAST_CALL_MS = 2_000;
const TRY_AGAIN_MS = 200;

type PairHandle = WorkflowHandle<typeof syncPair>;

/** @param uiUrl root of the Temporal UI, where there is one */
export function createPairControl(client: Client, uiUrl: string | null = null): PairControl {
  const send = <T>(pairId: string, message: (pair: PairHandle) => Promise<T>): Promise<T> =>
    callTemporal(client, () => message(handleOf(client, pairId)));
  return {
    start: (pair) => callTemporal(client, () => start(client, pair)),
    pause: (pairId) => send(pairId, (pair) => pair.signal(messages.pause)),
    resume: (pairId) => send(pairId, (pair) => pair.signal(messages.resume)),
    settingsChanged: (pairId) => send(pairId, (pair) => pair.signal(messages.settingsChanged)),
    calendarChanged: (pairId) => send(pairId, (pair) => pair.signal(messages.calendarChanged)),
    syncNow: (pairId, request) => send(pairId, (pair) => pair.signal(messages.syncNow, request)),
    syncAndWait: (pairId, request, waitSeconds) =>
      syncAndWait(client, handleOf(client, pairId), request, waitSeconds * 1000),
    stop: (pairId) => stop(client, handleOf(client, pairId)),
    status: (pairId) => send(pairId, (pair) => pair.query(messages.status)),
    runningIds: () => running(client),
    end: (workflowId, reason) => callTemporal(client, () => end(client, workflowId, reason)),
    workflowUrl: (pairId) =>
      uiUrl === null ? null : urlOf(uiUrl, client.options.namespace, messages.workflowIdOf(pairId)),
  };
}

/**
 * Adds `PairState` to the namespace where it is missing: without it no workflow of a pair can start. Temporal Cloud
 * refuses this to API keys of applications; there an operator adds it once by hand.
 */
export async function registerSearchAttributes(client: Client): Promise<void> {
  const searchAttributes = { [messages.pairStateKey.name]: KEYWORD };
  try {
    await within(client, CALL_MS, () =>
      client.connection.operatorService.addSearchAttributes({ namespace: client.options.namespace, searchAttributes }),
    );
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
    staticSummary: 'Keeps two calendars in sync',
    staticDetails:
      'One pair of calendars, one workflow. **watchPair** polls until a calendar changes, **diffPair** decides what ' +
      'to write, **applyPlan** writes it. Filter by PairState: active, paused, attention.',
  });
}

async function syncAndWait(client: Client, pair: PairHandle, request: RunRequest, waitMs: number): Promise<SyncAnswer> {
  const deadline = Date.now() + waitMs;
  let isAccepted = false;
  try {
    const update = await within(client, waitMs, () =>
      pair.startUpdate(messages.syncAndWait, { args: [request], waitForStage: 'ACCEPTED' }),
    );
    isAccepted = true;
    const { runId } = await within(client, deadline - Date.now(), () => update.result());
    return { runId, finished: true };
  } catch (err) {
    if (!isTimeUp(err)) {
      const type = failureTypeOf(err);
      if (type === 'RunFailed') return NOT_FINISHED;
      if (type !== 'TryAgain') throw controlErrorOf(err);
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
      return syncAndWait(client, pair, request, deadline - Date.now());
    }
  }
  // Where no worker has accepted the update, a signal waits until one is there.
  if (!isAccepted)
    await within(client, LAST_CALL_MS, () => pair.signal(messages.syncNow, request)).catch(throwControlError);
  return NOT_FINISHED;
}
const NOT_FINISHED: SyncAnswer = { runId: null, finished: false };

/** Cancelling lets the workflow and its activity end in order; without a worker it has no effect: then terminates. */
async function stop(client: Client, pair: PairHandle): Promise<void> {
  try {
    await within(client, LAST_CALL_MS, () => pair.cancel());
    await within(client, STOP_MS, () => pair.result());
  } catch (err) {
    // Missing, or ended by the cancellation.
    if (err instanceof WorkflowNotFoundError || err instanceof WorkflowFailedError) return;
    await within(client, LAST_CALL_MS, () => pair.terminate('the pair is stopped')).catch((late: unknown) => {
      if (!(late instanceof WorkflowNotFoundError)) throwControlError(late);
    });
  }
}

/** Of all types. A service that answers from an index may be some seconds behind. */
async function running(client: Client): Promise<Set<string>> {
  const ids = new Set<string>();
  const list = client.workflow.list({ query: `ExecutionStatus = 'Running'`, pageSize: 1000 });
  await within(client, LIST_MS, async () => {
    for await (const { workflowId } of list) ids.add(workflowId);
  }).catch(throwControlError);
  return ids;
}

async function end(client: Client, workflowId: string, reason: string): Promise<void> {
  await client.workflow
    .getHandle(workflowId)
    .terminate(reason)
    .catch((err: unknown) => {
      if (!(err instanceof WorkflowNotFoundError)) throw err;
    });
}

function urlOf(uiUrl: string, namespace: string, workflowId: string): string {
  const path = ['namespaces', namespace, 'workflows', workflowId].map(encodeURIComponent).join('/');
  return `${withoutTrailingSlashes(uiUrl)}/${path}`;
}

/** One call of at most 10 s. @throws ControlError */
export function callTemporal<T>(client: Client, call: () => Promise<T>): Promise<T> {
  return within(client, CALL_MS, call).catch(throwControlError);
}

/** The deadline is sent with the request; the timer covers the rest, such as opening the connection. */
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

/** Other errors than Temporal's are bugs and are returned unchanged. */
function controlErrorOf(err: unknown): unknown {
  if (failureTypeOf(err) === 'Paused') return new ControlError('paused', err);
  // An update also fails when its workflow was cancelled meanwhile.
  if (err instanceof WorkflowNotFoundError || err instanceof WorkflowUpdateFailedError)
    return new ControlError('missing', err);
  if (isTimeUp(err) || err instanceof ServiceError || isGrpcServiceError(err))
    return new ControlError('unavailable', err);
  return err;
}
