/** A pair with both its calendars opened. */
import type { SideName } from '../../core/event.ts';
import type { PairRow } from '../../db/pairs.ts';
import { openAccount } from '../../providers/open-account.ts';
import type { Side } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';

export interface OpenPair {
  readonly pair: PairRow;
  readonly sides: Record<SideName, Side>;
  readonly accountIds: Record<SideName, string>;
  /** Asks the service whether the credentials still open the account that they were given for. */
  readonly isSameAccount: Record<SideName, () => Promise<boolean>>;
}

/** Null when the pair has been deleted. No request is made to either side. */
export async function openPair(deps: Deps, pairId: string, signal?: AbortSignal): Promise<OpenPair | null> {
  const { store } = deps;
  const found = await store.pairWithAccounts(pairId);
  if (!found) return null;
  const { pair, caldavAccountId, cloudAccountId } = found;
  const open = async (accountId: string, calendarId: string) => {
    const account = await store.openedAccount(accountId);
    const opened = account && openAccount(deps.providers, account, { fetch: deps.fetch, signal });
    if (!opened) throw new Error(`no provider is registered for account ${accountId}`);
    const side = opened.side(calendarId, {
      floatingZone: pair.floatingZone,
      attendees: pair.options.attendees,
      reminders: pair.options.reminders,
      tag: deps.tag,
    });
    return { accountId, side, isSame: async () => (await opened.identity()) === account.identity };
  };
  const [caldav, cloud] = await Promise.all([
    open(caldavAccountId, pair.caldavCalendarId),
    open(cloudAccountId, pair.cloudCalendarId),
  ]);
  return {
    pair,
    sides: { caldav: caldav.side, cloud: cloud.side },
    accountIds: { caldav: caldav.accountId, cloud: cloud.accountId },
    isSameAccount: { caldav: caldav.isSame, cloud: cloud.isSame },
  };
}
