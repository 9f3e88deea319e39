/** The workflows of bookings on a real Temporal server, with functions as fake calendars. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { SyncedBooking } from '../../workflows/booking-messages.ts';
import { bookingStatus, bookingWorkflowIdOf, watchWorkflowIdOf } from '../../workflows/booking-messages.ts';
import { testTemporal } from '../support/temporal.ts';
import { createHarness, eventTypes, type Harness, noChange, until } from './harness.ts';

const HOUR_MS = 3_600_000;
const written = (restMs: number): SyncedBooking => ({
  status: 'confirmed',
  writeStatus: 'written',
  code: null,
  restMs,
});

describe('the workflows of bookings', () => {
  let h: Harness;
  before(async () => {
    h = await createHarness(await testTemporal());
    await h.startWorkers();
  });
  after(() => h?.close());
  beforeEach(() => {
    for (const name of ['carryBooking', 'watchBookings', 'deliverWebhooks'] as const) delete h.bookingScript[name];
  });

  const bookingOf = (id: string) => h.client.workflow.getHandle(bookingWorkflowIdOf(id));
  const watchOf = (id: string) => h.client.workflow.getHandle(watchWorkflowIdOf(id));
  const ended = async (handle: ReturnType<typeof bookingOf>): Promise<boolean> =>
    (await handle.describe()).status.name === 'COMPLETED';

  it('sync after a signal, and end when the booking is over', async () => {
    const id = randomUUID();
    let attempts = 0;
    h.bookingScript.carryBooking = async () => written((attempts += 1) < 3 ? HOUR_MS : 0);
    await h.bookings.bookingChanged(id);
    for (const count of [1, 2]) {
      await until('the look', () => attempts === count);
      await until('the rest', async () => (await bookingOf(id).query(bookingStatus)).waitsFor.startsWith('changes'));
      assert.deepEqual((await bookingOf(id).query(bookingStatus)).last, {
        status: 'confirmed',
        writeStatus: 'written',
        code: null,
      });
      await h.bookings.bookingChanged(id);
    }
    await until('the end', () => ended(bookingOf(id)));
    assert.equal(attempts, 3);
  });

  it('are cut short by a signal while a server is down, and add nothing to the history while they wait', async () => {
    const id = randomUUID();
    let [attempts, isDown] = [0, true];
    h.bookingScript.carryBooking = async () => {
      attempts += 1;
      if (isDown) throw noChange(attempts < 5 ? '50 milliseconds' : '10 minutes');
      return written(0);
    };
    await h.bookings.bookingChanged(id);
    await until('five tries', () => attempts === 5);
    assert.deepEqual(
      eventTypes(await bookingOf(id).fetchHistory()).filter((type) => type.startsWith('Activity')),
      ['ActivityTaskScheduled'],
    );
    isDown = false;
    await h.bookings.bookingChanged(id);
    await until('the end', () => ended(bookingOf(id)));
    assert.equal(attempts, 6);
  });

  it('sync at once when a signal came while a write was failing', async () => {
    const id = randomUUID();
    let attempts = 0;
    h.bookingScript.carryBooking = async () => {
      attempts += 1;
      if (attempts > 1) return written(0);
      await h.bookings.bookingChanged(id);
      await new Promise((resolve) => setTimeout(resolve, 500));
      throw noChange('10 minutes');
    };
    await h.bookings.bookingChanged(id);
    await until('the end', () => ended(bookingOf(id)));
    assert.equal(attempts, 2);
  });

  it('sync once more when the time is up', async () => {
    const id = randomUUID();
    let attempts = 0;
    h.bookingScript.carryBooking = async () => written((attempts += 1) === 1 ? 300 : 0);
    await h.bookings.bookingChanged(id);
    await until('the end', () => ended(bookingOf(id)));
    assert.equal(attempts, 2);
  });

  it('signal the booking whose event changed, also where its workflow does not run', async () => {
    const [watchId, id] = [randomUUID(), randomUUID()];
    let [attempts, polls] = [0, 0];
    h.bookingScript.carryBooking = async () => ((attempts += 1), written(HOUR_MS));
    await h.bookings.bookingChanged(id);
    await until('the first look', () => attempts === 1);
    h.bookingScript.watchBookings = async () => {
      polls += 1;
      if (polls === 1) return { kind: 'changed', bookingIds: [randomUUID(), id] };
      if (polls < 5) throw noChange('50 milliseconds');
      return { kind: 'over' };
    };
    await h.bookings.watch(watchId);
    await until('the second look', () => attempts === 2);
    await until('the end of the watch', () => ended(watchOf(watchId)));
    assert.equal(
      eventTypes(await watchOf(watchId).fetchHistory()).filter((type) => type === 'ActivityTaskScheduled').length,
      2,
      'idle attempts leave nothing',
    );
    await bookingOf(id).terminate();
  });

  it('continue to poll when a booking came at the last moment', async () => {
    const watchId = randomUUID();
    let polls = 0;
    h.bookingScript.watchBookings = async () => {
      polls += 1;
      if (polls === 1) await h.bookings.watch(watchId);
      return { kind: 'over' };
    };
    await h.bookings.watch(watchId);
    await until('the end', () => ended(watchOf(watchId)));
    assert.equal(polls, 2);
  });
});
