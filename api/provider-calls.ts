/** A person's question to a calendar service, asked while the person waits. Events are never written from here. */
import { openedAccount } from '../db/accounts.ts';
import { openAccount } from '../providers/open-account.ts';
import type { Account, CalendarInfo, Io } from '../providers/provider.ts';
import type { ApiDeps } from './deps.ts';
import { ApiError, notFound } from './errors.ts';

/** For all requests of one question together. */
const QUESTION_MS = 60_000;

/** @throws ApiProblem `server-unreachable` when the answer takes too long; SyncError as the provider says */
export async function callProvider<T>({ fetch }: ApiDeps, question: (io: Io) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(QUESTION_MS);
  try {
    return await question({ fetch, signal });
  } catch (error) {
    if (signal.aborted) throw new ApiError('server-unreachable', 'The server took too long to answer.');
    throw error;
  }
}

/** Puts a question to a stored account. @throws ApiProblem `not-found`, `provider-not-configured` */
export async function callAccount<T>(
  deps: ApiDeps,
  accountId: string,
  question: (account: Account) => Promise<T>,
): Promise<T> {
  const stored = await openedAccount(deps.db, accountId);
  if (!stored) throw notFound('account');
  return callProvider(deps, (io) => {
    const account = openAccount(deps.providers, stored, io);
    if (!account) throw notConfigured(stored.provider);
    return question(account);
  });
}

export function calendarsOf(deps: ApiDeps, accountId: string): Promise<CalendarInfo[]> {
  return callAccount(deps, accountId, (account) => account.calendars());
}

export function notConfigured(provider: string): ApiError {
  return new ApiError('provider-not-configured', `Accounts of ${provider} are not set up in this installation.`);
}
