/** The activities of all workflows. Only activities use core, providers and db together. */
import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { RUN_ALIVE_EVERY_MS } from '../core/waiting-times.ts';
import { codeOf } from '../db/postgres-errors.ts';
import type { BookingActivities } from '../workflows/booking-messages.ts';
import type { PairActivities } from '../workflows/messages.ts';
import type { PushActivities } from '../workflows/push-messages.ts';
import type { BookingDeps } from './booking/booking-calendar.ts';
import { createCarryBooking } from './booking/carry-booking.ts';
import { createDeliverWebhooks, createWatchOutbox } from './booking/deliver-webhooks.ts';
import { createWatchBookedCalendar, createWatchBookings } from './booking/watch-bookings.ts';
import type { Deps } from './deps.ts';
import { createApplyPlan } from './pair/apply-plan.ts';
import { createDiffPair } from './pair/diff-pair.ts';
import { createPollPair, createWatchPair, pairKey } from './pair/poll-pair.ts';
import { PollLoops } from './poll-loop.ts';
import { createWatchChannels, type PushDeps } from './push/keep-channels.ts';

export type { BookingDeps } from './booking/booking-calendar.ts';
export type { Deps } from './deps.ts';

/**
 * @param polling what polls use in place of `deps`: their own connections to the database, and requests that are
 * limited together
 */
export function createActivities(
  deps: Deps,
  { polling = deps, loops = new PollLoops() }: { readonly polling?: Deps; readonly loops?: PollLoops } = {},
): PairActivities {
  return {
    watchPair: redacted(createWatchPair(polling, loops)),
    pollPair: redacted(createPollPair(polling)),
    diffPair: redacted(asRun(deps, loops, createDiffPair(deps))),
    applyPlan: redacted(asRun(deps, loops, createApplyPlan(deps))),
  };
}

/**
 * A run ends the poll of its pair that it follows. While it works, the next poll is ahead: else the pair would count as
 * stalled during a long run.
 */
function asRun<Input extends { readonly pairId: string }, Output>(
  { clock, store, log }: Deps,
  loops: PollLoops,
  activity: (input: Input) => Promise<Output>,
): (input: Input) => Promise<Output> {
  return async (input) => {
    loops.end(pairKey(input.pairId));
    const stop = clock.every(RUN_ALIVE_EVERY_MS, () => {
      const nextPollAt = new Date(clock.now().getTime() + RUN_ALIVE_EVERY_MS);
      store
        .updatePair(input.pairId, { nextPollAt })
        .catch((error: unknown) => log.debug({ pairId: input.pairId, code: codeOf(error) }, 'a run is not noted'));
    });
    try {
      return await activity(input);
    } finally {
      stop();
    }
  };
}

/** @param polling as in `createActivities` */
export function createBookingActivities(
  deps: BookingDeps,
  { polling = deps, loops = new PollLoops() }: { readonly polling?: BookingDeps; readonly loops?: PollLoops } = {},
): BookingActivities {
  return {
    carryBooking: redacted(createCarryBooking(deps)),
    watchBookedCalendar: redacted(createWatchBookedCalendar(polling, loops)),
    watchOutbox: redacted(createWatchOutbox(polling, loops)),
    watchBookings: redacted(createWatchBookings(polling)),
    deliverWebhooks: redacted(createDeliverWebhooks(polling)),
  };
}

export function createPushActivities(deps: PushDeps, loops = new PollLoops()): PushActivities {
  return { watchChannels: redacted(createWatchChannels(deps, loops)) };
}

/**
 * Workflow histories contain failures in clear text. Our own contain only codes and are passed on; of any other error
 * only the class is, because its message may quote calendar content.
 */
function redacted<Input, Output>(activity: (input: Input) => Promise<Output>): (input: Input) => Promise<Output> {
  return async (input) => {
    try {
      return await activity(input);
    } catch (error) {
      if (error instanceof ApplicationFailure || error instanceof CancelledFailure) throw error;
      if (Context.current().cancellationSignal.aborted) throw new CancelledFailure('cancelled');
      const name = error instanceof Error ? error.name : 'Error';
      const failure = ApplicationFailure.retryable(`${name}; see the log of the worker`, name);
      failure.stack = '';
      throw failure;
    }
  };
}
