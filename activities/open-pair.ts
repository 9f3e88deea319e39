/** A pair with both its calendars opened. */
import { eq } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import { openedAccount } from '../db/accounts.ts';
import { connections, pairs } from '../db/schema.ts';
import { openAccount } from '../providers/open-account.ts';
import type { Side } from '../providers/provider.ts';
import type { Deps } from './deps.ts';

export type PairRow = typeof pairs.$inferSelect;

export interface OpenPair {
  readonly pair: PairRow;
  readonly sides: Record<SideName, Side>;
  readonly accountIds: Record<SideName, string>;
  /** Asks the service whether the credentials still open the account that they were given for. */
  readonly isSameAccount: Record<SideName, () => Promise<boolean>>;
}

/** Null when the pair has been deleted. No request is made to either side. */
export async function openPair(deps: Deps, pairId: string, signal?: AbortSignal): Promise<OpenPair | null> {
  const { db } = deps;
  const [row] = await db.sql.select({ pair: pairs, connection: connections }).from(pairs)
    .innerJoin(connections, eq(connections.id, pairs.connectionId)).where(eq(pairs.id, pairId));
  if (!row) return null;
  const { pair, connection } = row;
  const open = async (accountId: string, calendarId: string) => {
    const account = await openedAccount(db, accountId);
    const opened = account && openAccount(deps.providers, account, { fetch: deps.fetch, signal });
    if (!opened) throw new Error(`no provider is registered for account ${accountId}`);
    const side = opened.side(calendarId, {
      floatingZone: pair.floatingZone, attendees: pair.options.attendees, reminders: pair.options.reminders, tag: deps.tag,
    });
    return { accountId, side, isSame: async () => (await opened.identity()) === account.identity };
  };
  const [caldav, cloud] = await Promise.all([
    open(connection.caldavAccountId, pair.caldavCalendarId),
    open(connection.cloudAccountId, pair.cloudCalendarId),
  ]);
  return {
    pair,
    sides: { caldav: caldav.side, cloud: cloud.side },
    accountIds: { caldav: caldav.accountId, cloud: cloud.accountId },
    isSameAccount: { caldav: caldav.isSame, cloud: cloud.isSame },
  };
}
