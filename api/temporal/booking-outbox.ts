/**
 * Signals the workflows of bookings after a commit. Where the signal was lost (a crash in between, Temporal down), the
 * row's due time passes, and the first API process that finds it repeats the signal.
 */
import { claimDueWatches, workOfAccount } from '../../db/booked-calendars.ts';
import { claimDueBookings } from '../../db/bookings.ts';
import type { ApiDeps } from '../deps.ts';
import { ControlError } from './pair-control.ts';

const EVERY_MS = 10_000;
const AT_ONCE = 10;

type OutboxDeps = Pick<ApiDeps, 'db' | 'bookings' | 'log'>;

/** Never fails: a lost signal is repeated later. */
export async function notifyBooking(
  { bookings, log }: Pick<OutboxDeps, 'bookings' | 'log'>,
  { id, watchId }: { id: string; watchId: string },
): Promise<void> {
  try {
    await Promise.all([bookings.bookingChanged(id), bookings.watch(watchId)]);
  } catch (error) {
    log.warn(
      { bookingId: id, reason: error instanceof ControlError ? error.kind : 'unknown' },
      "a booking's workflow could not be signalled; it is repeated later",
    );
  }
}

/** Signals workflows of overdue bookings and calendars, until it is stopped. */
export function notifyOverdueBookings(deps: OutboxDeps): { stop(): Promise<void> } {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let isWebhookStarted = !deps.db.hasWebhook;
  const round = async (): Promise<void> => {
    if (!isWebhookStarted)
      isWebhookStarted = await deps.bookings.startWebhook().then(
        () => true,
        () => false,
      );
    await signalDue(deps).catch((error: unknown) =>
      deps.log.warn({ err: error }, 'overdue bookings could not be signalled'),
    );
    if (!isStopped) timer = setTimeout(() => (running = round()), EVERY_MS);
  };
  running = round();
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
      return running;
    },
  };
}

/** An account has new credentials: its waiting bookings continue. Never fails. */
export async function notifyWaitingBookings(deps: OutboxDeps, accountId: string): Promise<void> {
  const { bookingIds, watchIds } = await workOfAccount(deps.db, accountId);
  await signalAll(deps, bookingIds, watchIds);
}

async function signalDue(deps: OutboxDeps): Promise<void> {
  const now = new Date();
  const due = await claimDueBookings(deps.db, now);
  await signalAll(
    deps,
    due.map(({ id }) => id),
    [...due.map(({ watchId }) => watchId), ...(await claimDueWatches(deps.db, now))],
  );
}

async function signalAll(
  { bookings, log }: OutboxDeps,
  bookingIds: readonly string[],
  watchIds: readonly string[],
): Promise<void> {
  const ignore = (error: unknown): void =>
    log.debug(
      { reason: error instanceof ControlError ? error.kind : 'unknown' },
      'a workflow could not be signalled; it is repeated later',
    );
  const work = [
    ...bookingIds.map((id) => () => bookings.bookingChanged(id).catch(ignore)),
    ...[...new Set(watchIds)].map((id) => () => bookings.watch(id).catch(ignore)),
  ];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = work.shift(); next !== undefined; next = work.shift()) await next();
    }),
  );
}
