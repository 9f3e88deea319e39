/** When the hosts of accounts are busy. */
import { findAccount } from '../db/accounts.ts';
import { clip, type Interval } from '../core/interval.ts';
import type { ApiDeps } from './deps.ts';
import { notFound } from './errors.ts';
import { askAccount } from './questions.ts';

/**
 * The busy times of an account within a range, over its `freeBusyCalendarIds` or all its calendars: merged, sorted, clipped.
 * @throws ApiProblem `not-found`; SyncError, ApiProblem where it cannot be told: then nothing is known to be free
 */
export async function busyOf(deps: ApiDeps, accountId: string, range: Interval): Promise<Interval[]> {
  const account = await findAccount(deps.db, accountId);
  if (!account) throw notFound('account');
  return clip(await askAccount(deps, accountId, (opened) => opened.freeBusy(account.freeBusyCalendarIds, range)), range);
}
