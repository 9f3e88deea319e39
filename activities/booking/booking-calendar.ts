/** A calendar with bookings, opened; and what its failures mean. */
import { Context } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import type { Logger } from 'pino';
import { SyncError } from '../../core/sync-error.ts';
import { openedAccount, setAccountStatus } from '../../db/accounts.ts';
import type { Db } from '../../db/connect.ts';
import { openAccount } from '../../providers/open-account.ts';
import type { Side } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';
import { backoff, pairConsequence, waiting } from '../error-policy.ts';

/** What bookings need of the world. */
export interface BookingDeps extends Pick<Deps, 'providers' | 'fetch' | 'tag' | 'clock' | 'random' | 'log'> {
  readonly db: Db;
  readonly pollIntervalSeconds: number;
  /** The operator's; null where there is none. */
  readonly webhook: { readonly url: string; readonly secret: string } | null;
}

export interface BookingCalendar {
  readonly side: Side;
  /** @throws SyncError `different-account`: before anything is believed to be gone */
  assureAccount(): Promise<void>;
}

/** Null when the account is gone. No request is made. @param zone of times that name none, and of whole days */
export async function openBookingCalendar(
  deps: BookingDeps,
  { accountId, calendarId }: { accountId: string; calendarId: string },
  zone: string,
  signal?: AbortSignal,
): Promise<BookingCalendar | null> {
  const stored = await openedAccount(deps.db, accountId);
  if (!stored) return null;
  const account = openAccount(deps.providers, stored, { fetch: deps.fetch, signal });
  if (!account) throw new SyncError('auth', 'the service of this account is not set up here');
  return {
    side: account.side(calendarId, { floatingZone: zone, attendees: 'copy', reminders: 'keep', tag: deps.tag }),
    async assureAccount() {
      if ((await account.identity()) !== stored.identity)
        throw new SyncError('different-account', 'the credentials open another account');
    },
  };
}

/**
 * What passes: how long to wait after so many failures in a row, and what Temporal is told. The account is noted where
 * it is its credentials.
 */
export async function noteWait(
  { db }: BookingDeps,
  accountId: string,
  error: SyncError,
  failures: number,
): Promise<{ readonly delaySeconds: number; readonly failure: ApplicationFailure }> {
  const { attention, delaySeconds: limits } = pairConsequence(error.kind);
  const asked = (error.retryAfterMs ?? 0) / 1000;
  // An event that is not shown yet is all that is ever waited for as `gone`.
  const delaySeconds = error.kind === 'gone' ? asked : Math.max(asked, backoff(failures, ...limits));
  if (attention === 'credentials') await setAccountStatus(db, accountId, 'attention', 'credentials');
  return { delaySeconds, failure: waiting(error.kind, 'calendar', delaySeconds) };
}

/** Any error as one of a service's; what is not is ours, and logged. */
export function asSyncError(log: Logger, error: unknown, about: Record<string, string>): SyncError {
  if (error instanceof SyncError && error.kind !== 'bug') return error;
  log.error({ ...about, err: error }, 'a booking met an error of our own');
  return error instanceof SyncError
    ? error
    : new SyncError('bug', `unexpected ${error instanceof Error ? error.name : 'error'}`, { cause: error });
}

/** Beats while the work goes on. */
export async function withHeartbeat<T>({ clock }: BookingDeps, work: () => Promise<T>): Promise<T> {
  const stop = clock.every(5_000, () => Context.current().heartbeat());
  try {
    return await work();
  } finally {
    stop();
  }
}
