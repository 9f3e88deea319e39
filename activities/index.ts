/** The activities of all workflows. Only activities use core, providers and db together. */
import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { BookingActivities } from '../workflows/booking-messages.ts';
import type { PairActivities } from '../workflows/messages.ts';
import type { BookingDeps } from './booking/booking-calendar.ts';
import { createCarryBooking } from './booking/carry-booking.ts';
import { createDeliverWebhooks } from './booking/deliver-webhooks.ts';
import { createWatchBookings } from './booking/watch-bookings.ts';
import type { Deps } from './deps.ts';
import { createApplyPlan } from './pair/apply-plan.ts';
import { createDiffPair } from './pair/diff-pair.ts';
import { createPollPair } from './pair/poll-pair.ts';

export type { BookingDeps } from './booking/booking-calendar.ts';
export type { Deps } from './deps.ts';

export function createActivities(deps: Deps): PairActivities {
  return {
    pollPair: redacted(createPollPair(deps)),
    diffPair: redacted(createDiffPair(deps)),
    applyPlan: redacted(createApplyPlan(deps)),
  };
}

export function createBookingActivities(deps: BookingDeps): BookingActivities {
  return {
    carryBooking: redacted(createCarryBooking(deps)),
    watchBookings: redacted(createWatchBookings(deps)),
    deliverWebhooks: redacted(createDeliverWebhooks(deps)),
  };
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
