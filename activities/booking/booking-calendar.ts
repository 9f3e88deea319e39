/** Opens a calendar with bookings, and handles its failures. */
import { Context } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import type { Logger } from 'pino';
import { SyncError } from '../../core/sync-error.ts';
import { failureDelaySeconds } from '../../core/waiting-times.ts';
import { openedAccount, setAccountStatus } from '../../db/accounts.ts';
import type { Db } from '../../db/connect.ts';
import { openAccount } from '../../providers/open-account.ts';
import type { Side } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';
import { pairConsequence, waiting } from '../error-policy.ts';

/** Everything of the outside world that bookings use. */
export interface BookingDeps extends Pick<Deps, 'providers' | 'fetch' | 'tag' | 'clock' | 'random' | 'log' | 'worker'> {
  readonly db: Db;
  readonly pollIntervalSeconds: number;
  /** The operator's; null where there is none. */
  readonly webhook: { readonly url: string; readonly secret: string } | null;
}

export interface BookingCalendar {
  readonly side: Side;
  /** Call before an event counts as gone. @throws SyncError `different-account` */
  assureAccount(): Promise<void>;
}

/** Null where the account was deleted. Sends no request. @param zone of floating times and all-day events */
export async function openBookingCalendar(
  deps: BookingDeps,
  { accountId, calendarId }: { accountId: string; calendarId: string },
  zone: string,
  signal?: AbortSignal,
): Promise<BookingCalendar | null> {
  const stored = await openedAccount(deps.db, accountId);
  if (!stored) return null;
  const account = openAccount(deps.providers, stored, { fetch: deps.fetch, signal });
  if (!account) throw new SyncError('provider-not-configured', `no provider ${stored.provider} is configured`);
  return {
    side: account.side(calendarId, { floatingZone: zone, attendees: 'copy', reminders: 'keep', tag: deps.tag }),
    async assureAccount() {
      if ((await account.identity()) !== stored.identity)
        throw new SyncError('different-account', 'the credentials open another account');
    },
  };
}

/**
 * For a failure that a retry may mend: the delay and the failure for Temporal. Stores it with the account where the
 * credentials are the reason.
 */
export async function noteWait(
  { db }: BookingDeps,
  accountId: string,
  error: SyncError,
  failures: number,
): Promise<{ readonly delaySeconds: number; readonly failure: ApplicationFailure }> {
  const retryAfterSeconds = (error.retryAfterMs ?? 0) / 1000;
  // `gone` comes here only for an event that the server does not show yet.
  const delaySeconds =
    error.kind === 'gone' ? retryAfterSeconds : failureDelaySeconds(error.kind, failures, retryAfterSeconds);
  if (pairConsequence(error.kind).attention === 'credentials')
    await setAccountStatus(db, accountId, 'attention', 'credentials');
  return { delaySeconds, failure: waiting(error.kind, 'calendar', delaySeconds) };
}

/** Any error as a SyncError. One that does not come from a service is a bug, and logged. */
export function asSyncError(log: Logger, error: unknown, about: Record<string, string>): SyncError {
  if (error instanceof SyncError && error.kind !== 'bug') return error;
  log.error({ ...about, err: error }, 'unexpected error of a booking');
  return error instanceof SyncError
    ? error
    : new SyncError('bug', `unexpected ${error instanceof Error ? error.name : 'error'}`, { cause: error });
}

/** Sends heartbeats while the work goes on. */
export async function withHeartbeat<T>({ clock }: BookingDeps, work: () => Promise<T>): Promise<T> {
  const stop = clock.every(5_000, () => Context.current().heartbeat());
  try {
    return await work();
  } finally {
    stop();
  }
}
