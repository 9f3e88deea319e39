/** Requests a run of a pair, and waits for its end where the caller wants that. */
import { z } from 'zod';
import { lastRunNumber, runIdAfter } from '../db/runs.ts';
import type { RunRequest } from '../workflows/messages.ts';
import type { ApiDeps } from './deps.ts';
import { pairOf } from './pair-of.ts';
import { ControlError } from './temporal/pair-control.ts';
import { signalPair } from './temporal/pair-workflow.ts';
import { untilAborted } from './until-aborted.ts';

export const waitQuery = z.strictObject({
  wait: z.coerce.number().int().min(0).max(120).optional().describe('Seconds to wait for the end of the run.'),
});

/** The 202 of a request whose run goes on. */
export const begun = z.object({ runId: z.string().nullable().describe('Null where it is not known yet.') });

export interface RequestedRun {
  /** The run that began after the call has ended within the time. */
  readonly finished: boolean;
  /** Null where it is not known yet. */
  readonly runId: string | null;
}

/**
 * A paused pair runs once it is resumed.
 * @param closing aborts when the server ends: then the answer is 202 at once
 * @throws ApiError `not-found`
 */
export async function requestRun(
  deps: ApiDeps,
  closing: AbortSignal,
  pairId: string,
  request: RunRequest,
  waitSeconds: number,
): Promise<RequestedRun> {
  const { db } = deps;
  const pair = await pairOf(deps, pairId);
  const before = await lastRunNumber(db, pairId);
  if (waitSeconds === 0 || pair.paused) {
    await signalPair(deps, pairId, (workflow) => workflow.syncNow(pairId, request));
    return { finished: false, runId: null };
  }
  const answer = signalPair(deps, pairId, (workflow) => workflow.syncAndWait(pairId, request, waitSeconds));
  try {
    const runId = (await untilAborted(answer, closing))?.runId ?? null;
    return { finished: runId !== null, runId: runId ?? (await runIdAfter(db, pairId, before)) };
  } catch (error) {
    // Paused meanwhile: the request stays.
    if (!(error instanceof ControlError) || error.kind !== 'paused') throw error;
    await signalPair(deps, pairId, (workflow) => workflow.syncNow(pairId, request));
    return { finished: false, runId: null };
  }
}
