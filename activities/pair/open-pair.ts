/** A pair with both its calendars opened. */
import type { SideName } from '../../core/event.ts';
import type { PushState } from '../../core/poll-schedule.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { PairRow } from '../../db/pairs.ts';
import { isUnavailable } from '../../db/postgres-errors.ts';
import { openAccount } from '../../providers/open-account.ts';
import type { Side } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';

export interface OpenPair {
  readonly pair: PairRow;
  readonly sides: Record<SideName, Side>;
  readonly accountIds: Record<SideName, string>;
  /** Asks the service whether the credentials still open the account that they were given for. */
  readonly isSameAccount: Record<SideName, () => Promise<boolean>>;
  /** As it was before the sides were read. */
  readonly push: Readonly<Record<SideName, PushState>>;
  /** How many times longer the side waits while nothing changes. */
  readonly slowdown: Record<SideName, () => number>;
}

/** Null when the pair has been deleted. No request is made to either side. */
export async function openPair(deps: Deps, pairId: string, signal?: AbortSignal): Promise<OpenPair | null> {
  const found = await deps.store.pairWithAccounts(pairId);
  if (!found) return null;
  const { pair, caldavAccountId, cloudAccountId, push } = found;
  const accountIds = { caldav: caldavAccountId, cloud: cloudAccountId };
  return openSides(deps, { pair, accountIds, push }, signal);
}

/** No request is made. A side whose account cannot be opened fails like one that does not answer: at every call. */
export async function openSides(
  deps: Deps,
  { pair, accountIds, push }: Pick<OpenPair, 'pair' | 'accountIds' | 'push'>,
  signal?: AbortSignal,
): Promise<OpenPair> {
  const [caldav, cloud] = await Promise.all([
    openSide(deps, pair, accountIds.caldav, pair.caldavCalendarId, signal),
    openSide(deps, pair, accountIds.cloud, pair.cloudCalendarId, signal),
  ]);
  return {
    pair,
    sides: { caldav: caldav.side, cloud: cloud.side },
    accountIds,
    isSameAccount: { caldav: caldav.isSame, cloud: cloud.isSame },
    push,
    slowdown: { caldav: caldav.slowdown, cloud: cloud.slowdown },
  };
}

interface OpenSide {
  readonly side: Side;
  readonly isSame: () => Promise<boolean>;
  readonly slowdown: () => number;
}

async function openSide(
  deps: Deps,
  pair: PairRow,
  accountId: string,
  calendarId: string,
  signal: AbortSignal | undefined,
): Promise<OpenSide> {
  try {
    const account = await deps.store.openedAccount(accountId);
    if (!account) throw new SyncError('auth', 'the account was deleted');
    const opened = openAccount(deps.providers, account, { fetch: deps.fetch, signal });
    if (!opened) throw new SyncError('provider-not-configured', `no provider ${account.provider} is configured`);
    const { attendees, reminders, categories = 'keep', conference = 'keep' } = pair.options;
    const side = opened.side(calendarId, {
      floatingZone: pair.floatingZone,
      attendees,
      reminders,
      categories,
      conference,
      tag: deps.tag,
    });
    return {
      side,
      isSame: async () => (await opened.identity()) === account.identity,
      slowdown: () => deps.slowdown?.(account.provider) ?? 1,
    };
  } catch (error) {
    if (isUnavailable(error)) throw error;
    return closed(
      error instanceof SyncError ? error : new SyncError('bug', 'the account cannot be opened', { cause: error }),
    );
  }
}

function closed(error: SyncError): OpenSide {
  const fail = (): never => {
    throw error;
  };
  const reject = async (): Promise<never> => fail();
  return {
    side: {
      writesAtOnce: 1,
      changes: fail,
      get: reject,
      create: reject,
      update: reject,
      remove: reject,
      read: fail,
      unsupported: fail,
    },
    isSame: reject,
    slowdown: () => 1,
  };
}
