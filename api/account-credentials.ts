/** New accounts, and new credentials: always checked with the service before they are stored. */
import { SyncError } from '../core/sync-error.ts';
import {
  type AccountRecord,
  createAccount,
  findAccount,
  openedAccount,
  patchAccount,
  replaceCredentials,
} from '../db/accounts.ts';
import { activePairIdsOfAccount } from '../db/connections.ts';
import type { CalendarInfo } from '../providers/provider.ts';
import type { ApiDeps } from './deps.ts';
import { ApiError, notFound } from './errors.ts';
import { calendarsOf, callProvider, providerOf } from './provider-calls.ts';
import { notifyWaitingBookings } from './temporal/booking-outbox.ts';
import { ControlError } from './temporal/pair-control.ts';
import { check } from './validation.ts';

export interface NewAccountNames {
  readonly label: string | null;
  readonly externalId: string | null;
}

/**
 * The one way to a new account: checks the credentials, stores it, then chooses the calendar for bookings; that one
 * stays open where the calendars cannot be listed.
 */
export async function addAccount(
  deps: ApiDeps,
  kind: string,
  given: NewAccountNames & { credentials: Record<string, unknown> },
): Promise<AccountRecord> {
  const { provider } = providerOf(deps, kind);
  const verified = await callProvider(deps, (io) => provider.verifyCredentials(given.credentials, io));
  const credentials = (verified.credentials ?? given.credentials) as Record<string, unknown>;
  const noTokens = { load: async () => null, save: async () => {} };
  const { canCreateCalendars } = provider.open(
    { credentials, discovered: verified.discovered, tokens: noTokens },
    { fetch: deps.fetch },
  );
  const created = await createAccount(deps.db, {
    ...verified,
    ...given,
    credentials,
    provider: kind,
    canCreateCalendars,
    preset: typeof credentials['preset'] === 'string' ? credentials['preset'] : null,
  });
  try {
    const writeCalendarId = writeCalendarOf(await calendarsOf(deps, created.id));
    return (await patchAccount(deps.db, created.id, { writeCalendarId })) ?? created;
  } catch {
    return created;
  }
}

function writeCalendarOf(calendars: readonly CalendarInfo[]): string | null {
  const writable = calendars.filter((calendar) => !calendar.readOnly);
  return (writable.find((calendar) => calendar.isDefault) ?? writable[0])?.id ?? null;
}

/**
 * Checks and stores new credentials; everything that waits for them continues.
 * @throws ApiError `different-account` when they are another person's: nothing changes
 */
export async function renewCredentials(deps: ApiDeps, id: string, body: unknown): Promise<AccountRecord> {
  const stored = await findAccount(deps.db, id);
  if (!stored) throw notFound('account');
  const { entry, provider } = providerOf(deps, stored.provider);
  const former = await openedAccount(deps.db, id).then(
    (opened) => opened?.credentials as object,
    (error: unknown) => {
      if (error instanceof SyncError && error.kind === 'credentials-unreadable') return provider.recall?.(stored) ?? {};
      throw error;
    },
  );
  const credentials = { ...former, ...check(entry.newCredentials, body) };
  const verified = await callProvider(deps, (io) => provider.verifyCredentials(credentials, io, stored.discovered));
  if (verified.identity !== stored.identity) throw new ApiError('different-account');
  const renewed = await replaceCredentials(deps.db, id, { ...verified, credentials });
  if (!renewed) throw notFound('account');
  await revivePairs(deps, id);
  await notifyWaitingBookings(deps, id);
  return renewed;
}

/** The credentials are stored by now: a pair that cannot be notified finds them at its next try. */
async function revivePairs({ db, control, log }: ApiDeps, accountId: string): Promise<void> {
  const pairIds = await activePairIdsOfAccount(db, accountId);
  try {
    for (let at = 0; at < pairIds.length; at += AT_ONCE) {
      await Promise.all(
        pairIds.slice(at, at + AT_ONCE).map(async (pairId) => {
          await control.settingsChanged(pairId);
          await control.syncNow(pairId, { trigger: 'signal', full: false });
        }),
      );
    }
  } catch (error) {
    log.warn(
      { accountId, reason: error instanceof ControlError ? error.kind : 'unknown' },
      'could not notify every pair of new credentials',
    );
  }
}
const AT_ONCE = 10;
