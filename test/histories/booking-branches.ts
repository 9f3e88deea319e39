/** The branches of the booking workflows, for `record.ts`. Each plays its branch and returns the run to record. */
import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { startPushChannels } from '../../api/temporal/push-control.ts';
import {
  bookingStatus,
  bookingWorkflowIdOf,
  type SyncedBooking,
  WEBHOOK_WORKFLOW_ID,
  watchWorkflowIdOf,
} from '../../workflows/booking-messages.ts';
import { PUSH_WORKFLOW_ID } from '../../workflows/push-messages.ts';
import { type Harness, noChange, until } from '../workflows/harness.ts';

interface RecordedRun {
  readonly workflowId: string;
  readonly runId?: string;
}

const HOUR_MS = 3_600_000;
const written = (restMs: number): SyncedBooking => ({
  status: 'confirmed',
  writeStatus: 'written',
  code: null,
  restMs,
});

export const bookingBranches: Record<string, (h: Harness) => Promise<RecordedRun>> = {
  'booking-moved-then-cancelled': async (h) => {
    let attempts = 0;
    h.bookingScript.carryBooking = async () =>
      (attempts += 1) < 3 ? written(HOUR_MS) : { status: 'cancelled', writeStatus: 'written', code: null, restMs: 0 };
    const { id, run } = await start(h);
    for (const count of [1, 2]) {
      await waiting(h, id, () => attempts === count);
      await h.bookings.bookingChanged(id);
    }
    await ended(h, run);
    return run;
  },
  'booking-over-by-time': async (h) => {
    let attempts = 0;
    h.bookingScript.carryBooking = async () => written((attempts += 1) === 1 ? 300 : 0);
    const { run } = await start(h);
    await ended(h, run);
    return run;
  },
  'booking-news-while-server-down': async (h) => {
    let attempts = 0;
    h.bookingScript.carryBooking = async () => {
      attempts += 1;
      if (attempts < 4) throw noChange(attempts < 3 ? '50 milliseconds' : '10 minutes');
      return written(HOUR_MS);
    };
    const { id, run } = await start(h);
    await until('three tries', () => attempts === 3);
    await h.bookings.bookingChanged(id);
    await waiting(h, id, () => attempts === 4);
    return run;
  },
  'booking-news-during-a-write': async (h) => {
    let attempts = 0;
    h.bookingScript.carryBooking = async () => {
      attempts += 1;
      if (attempts === 1) await h.bookings.bookingChanged(id);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return written(HOUR_MS);
    };
    const { id, run } = await start(h);
    await waiting(h, id, () => attempts === 2);
    return run;
  },
  'booking-news-while-failing': async (h) => {
    let attempts = 0;
    h.bookingScript.carryBooking = async () => {
      attempts += 1;
      if (attempts > 1) return written(HOUR_MS);
      await h.bookings.bookingChanged(id);
      await new Promise((resolve) => setTimeout(resolve, 500));
      throw noChange('10 minutes');
    };
    const { id, run } = await start(h);
    await waiting(h, id, () => attempts === 2);
    return run;
  },
  'booking-write-broke': async (h) => {
    let attempts = 0;
    h.bookingScript.carryBooking = () => (
      (attempts += 1), Promise.reject(ApplicationFailure.nonRetryable('a bug of Calpair', 'bug'))
    );
    const { run } = await start(h);
    await until('the failure', () => attempts === 1);
    await until(
      'the wait',
      async () => (await h.client.workflow.getHandle(run.workflowId).describe()).historyLength >= 12,
    );
    return run;
  },
  'booking-continued-as-new': async (h) => {
    h.bookingScript.carryBooking = async () => written(HOUR_MS);
    const { id, run } = await start(h);
    const { runId } = await h.client.workflow.getHandle(run.workflowId).describe();
    await until('the renewal', async () => {
      await h.bookings.bookingChanged(id);
      return (await h.client.workflow.getHandle(run.workflowId).describe()).runId !== runId;
    });
    return { ...run, runId };
  },
  'watch-tells-and-ends': async (h) => {
    h.bookingScript.carryBooking = async () => written(HOUR_MS);
    const { id } = await start(h);
    let attempts = 0;
    return watch(
      h,
      async (watchId) => {
        attempts += 1;
        if (attempts === 1) return { kind: 'changed', bookingIds: [randomUUID(), id] };
        if (attempts < 4) throw noChange('50 milliseconds');
        if (attempts === 4) await h.bookings.watch(watchId);
        return { kind: 'over' };
      },
      true,
    );
  },
  'watch-broke': async (h) => {
    let attempts = 0;
    const run = await watch(
      h,
      () => ((attempts += 1), Promise.reject(ApplicationFailure.nonRetryable('a bug of Calpair', 'bug'))),
      false,
    );
    await until(
      'the wait',
      async () => attempts === 1 && (await h.client.workflow.getHandle(run.workflowId).describe()).historyLength >= 11,
    );
    return run;
  },
  'webhook-idle': async (h) => {
    let tries = 0;
    h.bookingScript.deliverWebhooks = () => ((tries += 1), Promise.reject(noChange('50 milliseconds')));
    await h.bookings.startWebhook();
    await until('some tries', () => tries > 3);
    return { workflowId: WEBHOOK_WORKFLOW_ID };
  },
  'push-channels-over': async (h) => {
    await startPushChannels(h.client);
    await until('some turns', () => h.channels.turns > 3);
    h.channels.isOver = true;
    const run = { workflowId: PUSH_WORKFLOW_ID };
    await ended(h, run);
    return run;
  },
};

async function start(h: Harness): Promise<{ id: string; run: RecordedRun }> {
  const id = randomUUID();
  await h.bookings.bookingChanged(id);
  return { id, run: { workflowId: bookingWorkflowIdOf(id) } };
}

async function watch(
  h: Harness,
  poll: (watchId: string) => ReturnType<NonNullable<Harness['bookingScript']['watchBookings']>>,
  ends: boolean,
): Promise<RecordedRun> {
  const watchId = randomUUID();
  h.bookingScript.watchBookings = () => poll(watchId);
  await h.bookings.watch(watchId);
  const run = { workflowId: watchWorkflowIdOf(watchId) };
  if (ends) await ended(h, run);
  return run;
}

async function waiting(h: Harness, id: string, isDone: () => boolean): Promise<void> {
  await until(
    'the wait',
    async () =>
      isDone() &&
      (await h.client.workflow.getHandle(bookingWorkflowIdOf(id)).query(bookingStatus)).waitsFor.startsWith('changes'),
  );
}

async function ended(h: Harness, { workflowId }: RecordedRun): Promise<void> {
  await until(
    'the end',
    async () => (await h.client.workflow.getHandle(workflowId).describe()).status.name === 'COMPLETED',
  );
}
