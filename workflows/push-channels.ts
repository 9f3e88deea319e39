/** Keeps the push channels of all calendars: one long activity over their rows, called again for ever. */
import {
  ActivityCancellationType,
  ActivityFailure,
  continueAsNew,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  sleep,
} from '@temporalio/workflow';
import { BOOKING_REST_MS, POLL_ACTIVITY_RETRY, POLL_TIMEOUTS } from '../core/waiting-times.ts';
import { POLLS_QUEUE } from './messages.ts';
import type { PushActivities } from './push-messages.ts';
import { isLong } from './work-until.ts';

const { watchChannels } = proxyActivities<PushActivities>({
  ...POLL_TIMEOUTS,
  taskQueue: POLLS_QUEUE,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: POLL_ACTIVITY_RETRY,
  summary: 'keep the push channels',
});

/** Ends when push is off and no channel is left. */
export async function pushChannels(): Promise<void> {
  setCurrentDetails('Keeps the channels open through which calendar services report changes.');
  for (;;) {
    if (isLong()) await continueAsNew<typeof pushChannels>();
    const found = await watchChannels({}).catch(rest);
    if (found?.kind === 'over') return;
  }
}

async function rest(err: unknown): Promise<null> {
  if (!(err instanceof ActivityFailure) || isCancellation(err)) throw err;
  await sleep(BOOKING_REST_MS, { summary: 'rest after a failure' });
  return null;
}
