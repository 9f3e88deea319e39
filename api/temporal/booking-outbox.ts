/**
 * Tells workflows of bookings what PostgreSQL knows already. A row that was committed and whose workflow was never told
 * (a crash in between, Temporal away) is found by the time by which somebody should have looked at it, by whichever API
 * process comes first.
 */
import { claimDueBookings, claimDueWatches, workOfAccount } from '../../db/booking-work.ts';
import type { ApiDeps } from '../deps.ts';
import { ControlError } from './pair-control.ts';

const EVERY_MS = 10_000;
const AT_ONCE = 10;

type OutboxDeps = Pick<ApiDeps, 'db' | 'bookings' | 'log'>;

/** Never fails: what could not be told is found later. */
export async function notifyBooking(
  { bookings, log }: Pick<OutboxDeps, 'bookings' | 'log'>,
  { id, watchId }: { id: string; watchId: string },
): Promise<void> {
  try {
    await Promise.all([bookings.look(id), bookings.watch(watchId)]);
  } catch (error) {
    log.warn(
      { bookingId: id, reason: error instanceof ControlError ? error.kind : 'unknown' },
      "a booking's workflow could not be told; it will be",
    );
  }
}

/** Looks for bookings and calendars that were forgotten, until it is stopped. */
export function notifyOverdueBookings(deps: OutboxDeps): { stop(): Promise<void> } {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let isWebhookAwake = !deps.db.hasWebhook;
  const round = async (): Promise<void> => {
    if (!isWebhookAwake)
      isWebhookAwake = await deps.bookings.startWebhook().then(
        () => true,
        () => false,
      );
    await tellDue(deps).catch((error: unknown) =>
      deps.log.warn({ err: error }, 'forgotten bookings could not be looked for'),
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

/** An account has new credentials: what waits for its calendars goes on. Never fails. */
export async function notifyWaitingBookings(deps: OutboxDeps, accountId: string): Promise<void> {
  const { bookingIds, watchIds } = await workOfAccount(deps.db, accountId);
  await tellAll(deps, bookingIds, watchIds);
}

async function tellDue(deps: OutboxDeps): Promise<void> {
  const now = new Date();
  const due = await claimDueBookings(deps.db, now);
  await tellAll(
    deps,
    due.map(({ id }) => id),
    [...due.map(({ watchId }) => watchId), ...(await claimDueWatches(deps.db, now))],
  );
}

async function tellAll(
  { bookings, log }: OutboxDeps,
  bookingIds: readonly string[],
  watchIds: readonly string[],
): Promise<void> {
  const ignore = (error: unknown): void =>
    log.debug(
      { reason: error instanceof ControlError ? error.kind : 'unknown' },
      'a workflow could not be told; it will be',
    );
  const work = [
    ...bookingIds.map((id) => () => bookings.look(id).catch(ignore)),
    ...[...new Set(watchIds)].map((id) => () => bookings.watch(id).catch(ignore)),
  ];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = work.shift(); next !== undefined; next = work.shift()) await next();
    }),
  );
}
