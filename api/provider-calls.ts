/** Provider calls that an API request waits for. They never write events. */
import { openedAccount } from '../db/accounts.ts';
import { ENTRIES } from '../providers/entries.ts';
import { openAccount } from '../providers/open-account.ts';
import type { Account, CalendarInfo, Io, Provider } from '../providers/provider.ts';
import type { ProviderEntry } from '../providers/provider-entry.ts';
import type { ApiDeps } from './deps.ts';
import { ApiError, notFound } from './errors.ts';

/** For all HTTP requests of one provider call together. */
const CALL_MS = 60_000;

/** @throws ApiError `server-unreachable` when the answer takes too long; SyncError from the provider */
export async function callProvider<T>({ fetch }: ApiDeps, call: (io: Io) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(CALL_MS);
  try {
    return await call({ fetch, signal });
  } catch (error) {
    if (signal.aborted) throw new ApiError('server-unreachable', 'The server took too long to answer.');
    throw error;
  }
}

/** Calls the provider of a stored account. @throws ApiError `not-found`, `provider-not-configured` */
export async function callAccount<T>(
  deps: ApiDeps,
  accountId: string,
  call: (account: Account) => Promise<T>,
): Promise<T> {
  const stored = await openedAccount(deps.db, accountId);
  if (!stored) throw notFound('account');
  return callProvider(deps, (io) => {
    const account = openAccount(deps.providers, stored, io);
    if (!account) throw notConfigured(stored.provider);
    return call(account);
  });
}

export function calendarsOf(deps: ApiDeps, accountId: string): Promise<CalendarInfo[]> {
  return callAccount(deps, accountId, (account) => account.calendars());
}

/** @throws ApiError `provider-not-configured` */
export function providerOf({ providers }: ApiDeps, kind: string): { entry: ProviderEntry; provider: Provider } {
  const entry = ENTRIES.find((one) => one.kind === kind);
  const provider = providers.get(kind);
  if (!entry || !provider) throw notConfigured(kind);
  return { entry, provider };
}

function notConfigured(provider: string): ApiError {
  return new ApiError('provider-not-configured', `The provider ${provider} is not configured in this installation.`);
}
