/** A pair with both its calendars opened. */
import type { SideName } from '../core/event.ts';
import type { PairRow } from '../db/pair-state.ts';
import { openAccount } from '../providers/open-account.ts';
import type { Side } from '../providers/provider.ts';
import type { Deps } from './deps.ts';

export interface OpenPair {
  readonly pair: PairRow;
  readonly sides: Record<SideName, Side>;
  readonly accountIds: Record<SideName, string>;
}

/** Null when the pair has been deleted. No request is made to either side. */
export async function openPair(deps: Deps, pairId: string, signal?: AbortSignal): Promise<OpenPair | null> {
  const { store } = deps;
  const found = await store.pairWithAccounts(pairId);
  if (!found) return null;
  const { pair, caldavAccountId, cloudAccountId } = found;
  const open = async (accountId: string, calendarId: string): Promise<Side> => {
    const account = await store.openedAccount(accountId);
    const opened = account && openAccount(deps.providers, account, { fetch: deps.fetch, signal });
    if (!opened) throw new Error(`no provider is registered for account ${accountId}`);
    return opened.side(calendarId, {
      floatingZone: pair.floatingZone, attendees: pair.options.attendees, reminders: pair.options.reminders, tag: deps.tag,
    });
  };
  const [caldav, cloud] = await Promise.all([
    open(caldavAccountId, pair.caldavCalendarId),
    open(cloudAccountId, pair.cloudCalendarId),
  ]);
  return { pair, sides: { caldav, cloud }, accountIds: { caldav: caldavAccountId, cloud: cloudAccountId } };
}
