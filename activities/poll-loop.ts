/**
 * What all polling activities do: turns, one after the other, as long as nothing is to be done. Such an activity lasts
 * about an hour, sleeps between its turns, and reports to Temporal every three minutes that it is alive and what it
 * saw, so an idle pair costs almost nothing.
 */
import { Context } from '@temporalio/activity';
import type { Logger } from 'pino';
import {
  backoff,
  FAILED_TURN_MS,
  HAND_OVER_MS,
  LONGEST_POLL_SLEEP_MS,
  POLL_CALL,
  POLL_HEARTBEAT_EVERY_MS,
} from '../core/waiting-times.ts';
import { isUnavailable } from '../db/postgres-errors.ts';
import type { PollPause } from '../workflows/messages.ts';
import type { Clock } from './deps.ts';

/** What one turn came to: the activity's result, or that nothing is to be done before a time. */
export type Turn<Result> = { readonly result: Result } | { readonly saw: string; readonly delaySeconds: number };

/** The workflow calls the activity again at once, perhaps on another worker. */
export const HAND_OVER: PollPause = { kind: 'hand-over' };

interface LoopDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly loops: PollLoops;
}

/**
 * @param key what is polled: a later loop of the same key in this process ends this one
 * @param turn gets a signal that aborts when the loop was given up
 */
export async function pollLoop<Result>(
  { clock, random, log, loops }: LoopDeps,
  key: string,
  turn: (signal: AbortSignal) => Promise<Turn<Result>>,
): Promise<Result | PollPause> {
  const context = Context.current();
  const loop = loops.begin(key, context.cancellationSignal);
  const endMs = clock.now().getTime() + POLL_CALL.leastMs + random() * POLL_CALL.spreadMs;
  let status: { at: string; result: string; nextPollAt: string } | undefined;
  const stopHeartbeats = clock.every(POLL_HEARTBEAT_EVERY_MS, () => context.heartbeat(status));
  let failures = 0;
  try {
    while (!loop.isOver) {
      let saw: string;
      let delayMs: number;
      try {
        const now = await turn(loop.signal);
        if ('result' in now) return now.result;
        saw = now.saw;
        delayMs = now.delaySeconds * 1000;
        failures = 0;
      } catch (error) {
        if (loop.isOver) break;
        // Nothing may end a poll silently: whatever it was, it is logged once, and tried again.
        if (failures === 0) logFailedTurn(log, loops, key, error);
        saw = 'failed';
        delayMs = backoff(failures, FAILED_TURN_MS.first, FAILED_TURN_MS.longest);
        failures += 1;
      }
      const isFirst = status === undefined;
      const nowMs = clock.now().getTime();
      const nextPollAt = new Date(nowMs + delayMs).toISOString();
      status = { at: new Date(nowMs).toISOString(), result: saw, nextPollAt };
      if (isFirst) context.heartbeat(status);
      if (delayMs > LONGEST_POLL_SLEEP_MS) return { kind: 'rest', nextPollAt, restMs: delayMs };
      if (nowMs >= endMs) break;
      await loop.sleep(clock, delayMs);
    }
    return HAND_OVER;
  } finally {
    stopHeartbeats();
    loops.remove(key, loop);
  }
}

/** One of the pairs, calendars or outboxes that this process polls. */
class Loop {
  private readonly aborted = new AbortController();
  private readonly woken = new AbortController();

  get signal(): AbortSignal {
    return this.aborted.signal;
  }

  get isOver(): boolean {
    return this.woken.signal.aborted;
  }

  /** Ends its sleep, and the loop after the present turn. */
  wake(): void {
    this.woken.abort();
  }

  /** Ends its turn, too. */
  abort(): void {
    this.wake();
    this.aborted.abort(new Error('the poll was given up'));
  }

  async sleep(clock: Clock, ms: number): Promise<void> {
    await clock.sleep(ms, this.woken.signal).catch((error: unknown) => {
      if (!this.isOver) throw error;
    });
  }
}

/** The loops of this process. */
export class PollLoops {
  private readonly loops = new Map<string, Loop>();
  private isLeaving = false;
  private outageLoggedAt = -Infinity;

  begin(key: string, cancelled: AbortSignal): Loop {
    this.end(key);
    const loop = new Loop();
    if (cancelled.aborted) loop.abort();
    cancelled.addEventListener('abort', () => loop.abort(), { once: true });
    if (this.isLeaving) loop.wake();
    this.loops.set(key, loop);
    return loop;
  }

  /** The loop was given up, by a later one or by a run of its pair. Both have seen to it that it stores nothing. */
  end(key: string): void {
    this.loops.get(key)?.abort();
  }

  remove(key: string, loop: Loop): void {
    if (this.loops.get(key) === loop) this.loops.delete(key);
  }

  /** The worker stops: all loops are handed over, sleeping ones at once and turns within 5 s. May be called twice. */
  handOver(): void {
    this.isLeaving = true;
    for (const loop of this.loops.values()) loop.wake();
    setTimeout(() => {
      for (const loop of this.loops.values()) loop.abort();
    }, HAND_OVER_MS).unref();
  }

  /** Whether an outage that meets every loop should be logged: once a minute. */
  isNewOutage(nowMs: number): boolean {
    if (nowMs - this.outageLoggedAt < 60_000) return false;
    this.outageLoggedAt = nowMs;
    return true;
  }
}

function logFailedTurn(log: Logger, loops: PollLoops, key: string, error: unknown): void {
  if (!isUnavailable(error)) log.error({ polled: key, err: error }, 'a poll failed unexpectedly, and is tried again');
  else if (loops.isNewOutage(performance.now())) log.warn('polls wait: the database does not answer');
}
