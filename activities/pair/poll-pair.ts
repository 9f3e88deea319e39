/** The polling activities of a pair. */
import { Context } from '@temporalio/activity';
import { SUPERSEDED_POLL_SECONDS } from '../../core/waiting-times.ts';
import type { PairActivities, PollResult } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { noChange, waiting } from '../error-policy.ts';
import { HAND_OVER, type PollLoops, pollLoop } from '../poll-loop.ts';
import { beginSession, type PollSession, type PollTurn, pollTurn } from './poll-turn.ts';

export function createWatchPair(deps: Deps, loops: PollLoops): PairActivities['watchPair'] {
  return ({ pairId, state }) => {
    let session: PollSession | null = null;
    return pollLoop<PollResult>({ ...deps, loops }, pairKey(pairId), async (signal) => {
      session ??= await beginSession(deps, pairId, signal);
      const turn: PollTurn = session ? await pollTurn(deps, session, state) : { kind: 'gone' };
      if (turn.kind === 'superseded') return { result: HAND_OVER };
      if (turn.kind !== 'quiet') return { result: turn };
      const { delaySeconds, failure } = turn;
      return { saw: failure ? `${failure.side}: ${failure.kind}` : 'no change', delaySeconds };
    });
  };
}

/** What a pair's loop is called in `PollLoops`. */
export function pairKey(pairId: string): string {
  return `pair ${pairId}`;
}

/**
 * The form of earlier versions: it fails with `NoChange`, and Temporal retries it after the interval. An attempt that
 * such a version scheduled polls once and hands over to `watchPair`.
 */
export function createPollPair(deps: Deps): PairActivities['pollPair'] {
  return async ({ pairId, state }) => {
    const { cancellationSignal } = Context.current();
    // An idle poll ends before its first heartbeat.
    const stopHeartbeats = deps.clock.every(5_000, () => Context.current().heartbeat());
    try {
      const turn = await pollOnce(deps, { pairId, state }, cancellationSignal);
      if (turn.kind === 'superseded') throw noChange(SUPERSEDED_POLL_SECONDS);
      if (turn.kind !== 'quiet') return turn;
      if (turn.isPolled) return HAND_OVER;
      throw turn.failure
        ? waiting(turn.failure.kind, turn.failure.side, turn.delaySeconds)
        : noChange(turn.delaySeconds);
    } finally {
      stopHeartbeats();
    }
  };
}

/** One turn in a session of its own. */
export async function pollOnce(
  deps: Deps,
  { pairId, state }: Parameters<PairActivities['pollPair']>[0],
  signal: AbortSignal,
): Promise<PollTurn> {
  const session = await beginSession(deps, pairId, signal);
  return session ? pollTurn(deps, session, state) : { kind: 'gone' };
}
