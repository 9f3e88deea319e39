/** The branches of the booking workflows, for `record.ts`. Each plays its branch and returns the run to record. */
import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import {
  bookingStatus,
  bookingWorkflowIdOf,
  type SyncedBooking,
  WEBHOOK_WORKFLOW_ID,
  watchWorkflowIdOf,
} from '../../workflows/booking-messages.ts';
import { type Harness, noChange, until } from '../workflows/harness.ts';

interface Kept {
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

export const bookingBranches: Record<string, (h: Harness) => Promise<Kept>> = {
  'booking-moved-then-cancelled': async (h) => {
    let looks = 0;
    h.bookingScript.carryBooking = async () =>
      (looks += 1) < 3 ? written(HOUR_MS) : { status: 'cancelled', writeStatus: 'written', code: null, restMs: 0 };
    const { id, kept } = await start(h);
    for (const count of [1, 2]) {
      await resting(h, id, () => looks === count);
      await h.bookings.look(id);
    }
    await ended(h, kept);
    return kept;
  },
  'booking-over-by-time': async (h) => {
    let looks = 0;
    h.bookingScript.carryBooking = async () => written((looks += 1) === 1 ? 300 : 0);
    const { kept } = await start(h);
    await ended(h, kept);
    return kept;
  },
  'booking-news-while-server-down': async (h) => {
    let looks = 0;
    h.bookingScript.carryBooking = async () => {
      looks += 1;
      if (looks < 4) throw noChange(looks < 3 ? '50 milliseconds' : '10 minutes');
      return written(HOUR_MS);
    };
    const { id, kept } = await start(h);
    await until('three tries', () => looks === 3);
    await h.bookings.look(id);
    await resting(h, id, () => looks === 4);
    return kept;
  },
  'booking-news-during-a-write': async (h) => {
    let looks = 0;
    h.bookingScript.carryBooking = async () => {
      looks += 1;
      if (looks === 1) await h.bookings.look(id);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return written(HOUR_MS);
    };
    const { id, kept } = await start(h);
    await resting(h, id, () => looks === 2);
    return kept;
  },
  'booking-news-while-failing': async (h) => {
    let looks = 0;
    h.bookingScript.carryBooking = async () => {
      looks += 1;
      if (looks > 1) return written(HOUR_MS);
      await h.bookings.look(id);
      await new Promise((resolve) => setTimeout(resolve, 500));
      throw noChange('10 minutes');
    };
    const { id, kept } = await start(h);
    await resting(h, id, () => looks === 2);
    return kept;
  },
  'booking-write-broke': async (h) => {
    let looks = 0;
    h.bookingScript.carryBooking = () => (
      (looks += 1), Promise.reject(ApplicationFailure.nonRetryable('a mistake of ours', 'bug'))
    );
    const { kept } = await start(h);
    await until('the mistake', () => looks === 1);
    await until(
      'the rest',
      async () => (await h.client.workflow.getHandle(kept.workflowId).describe()).historyLength >= 12,
    );
    return kept;
  },
  'booking-continued-as-new': async (h) => {
    h.bookingScript.carryBooking = async () => written(HOUR_MS);
    const { id, kept } = await start(h);
    const { runId } = await h.client.workflow.getHandle(kept.workflowId).describe();
    await until('the renewal', async () => {
      await h.bookings.look(id);
      return (await h.client.workflow.getHandle(kept.workflowId).describe()).runId !== runId;
    });
    return { ...kept, runId };
  },
  'watch-tells-and-ends': async (h) => {
    h.bookingScript.carryBooking = async () => written(HOUR_MS);
    const { id } = await start(h);
    let looks = 0;
    return watch(
      h,
      async (watchId) => {
        looks += 1;
        if (looks === 1) return { kind: 'changed', bookingIds: [randomUUID(), id] };
        if (looks < 4) throw noChange('50 milliseconds');
        if (looks === 4) await h.bookings.watch(watchId);
        return { kind: 'over' };
      },
      true,
    );
  },
  'watch-broke': async (h) => {
    let looks = 0;
    const kept = await watch(
      h,
      () => ((looks += 1), Promise.reject(ApplicationFailure.nonRetryable('a mistake of ours', 'bug'))),
      false,
    );
    await until(
      'the rest',
      async () => looks === 1 && (await h.client.workflow.getHandle(kept.workflowId).describe()).historyLength >= 11,
    );
    return kept;
  },
  'webhook-idle': async (h) => {
    let tries = 0;
    h.bookingScript.deliverWebhooks = () => ((tries += 1), Promise.reject(noChange('50 milliseconds')));
    await h.bookings.startWebhook();
    await until('some tries', () => tries > 3);
    return { workflowId: WEBHOOK_WORKFLOW_ID };
  },
};

async function start(h: Harness): Promise<{ id: string; kept: Kept }> {
  const id = randomUUID();
  await h.bookings.look(id);
  return { id, kept: { workflowId: bookingWorkflowIdOf(id) } };
}

async function watch(
  h: Harness,
  look: (watchId: string) => ReturnType<NonNullable<Harness['bookingScript']['watchBookings']>>,
  ends: boolean,
): Promise<Kept> {
  const watchId = randomUUID();
  h.bookingScript.watchBookings = () => look(watchId);
  await h.bookings.watch(watchId);
  const kept = { workflowId: watchWorkflowIdOf(watchId) };
  if (ends) await ended(h, kept);
  return kept;
}

async function resting(h: Harness, id: string, looked: () => boolean): Promise<void> {
  await until(
    'the rest',
    async () =>
      looked() &&
      (await h.client.workflow.getHandle(bookingWorkflowIdOf(id)).query(bookingStatus)).waitsFor.startsWith('changes'),
  );
}

async function ended(h: Harness, { workflowId }: Kept): Promise<void> {
  await until(
    'the end',
    async () => (await h.client.workflow.getHandle(workflowId).describe()).status.name === 'COMPLETED',
  );
}
