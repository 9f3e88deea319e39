/**
 * Opens a stored account. Providers know no database, and the database knows no providers: both meet in these
 * arguments.
 */
import { setMaxListeners } from 'node:events';
import type { Account, Io, Provider, TokenStore } from './provider.ts';
import { fetchFor } from './request-budgets.ts';

/** By kind; those that are set up here. */
export type Providers = ReadonlyMap<string, Provider>;

/** An account as it is stored, with its credentials in the clear. */
export interface StoredAccount {
  readonly id: string;
  readonly provider: string;
  readonly credentials: unknown;
  readonly discovered: Record<string, unknown>;
  readonly tokens: TokenStore;
  readonly saveDiscovered?: (discovered: Record<string, unknown>) => Promise<void>;
}

/** Makes no request. Null where the account's provider is unknown or not set up here. */
export function openAccount(providers: Providers, account: StoredAccount, io: Io): Account | null {
  const provider = providers.get(account.provider);
  if (!provider) return null;
  const { credentials, discovered, tokens, saveDiscovered } = account;
  // Many requests wait at once, each with a listener: of more than ten Node would warn as of a leak.
  if (io.signal) setMaxListeners(0, io.signal);
  const fetch = fetchFor(io.fetch, account.id);
  return provider.open({ credentials, discovered, tokens, saveDiscovered }, { ...io, fetch });
}
