/** CalDAV (RFC 4791), for any server. */
import { spanOf } from '../../core/availability/interval.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { Account, CalendarInfo, Io, OpenAccount, Provider, VerifiedAccount } from '../provider.ts';
import { BUSY_BY_DEFAULT } from '../provider.ts';
import { createCalendar, listCalendars } from './calendars.ts';
import { davClient } from './client.ts';
import type { Credentials } from './credentials.ts';
import { Discovered } from './discovered.ts';
import { discover, identityOfAccount } from './discovery.ts';
import { freeBusy } from './free-busy.ts';
import { identityOf } from './hrefs.ts';
import { locate } from './locate.ts';
import { PRESETS } from './presets.ts';
import { accountPush, push } from './push.ts';
import { hasMoved, keepNames, nameOf, whereNow } from './relocation.ts';
import { addressesOf } from './server-address.ts';
import { caldavSide } from './side.ts';
import type { Login } from './sign-in.ts';

export const caldavProvider: Provider<Credentials> = {
  push,

  async verifyCredentials(
    credentials: Credentials,
    io: Io,
    before?: Record<string, unknown>,
  ): Promise<VerifiedAccount> {
    const { preset, serverUrl, username } = credentials;
    const { address, discovered: found } = await locate(typedOf(credentials), preset, loginOf(credentials), io);
    const discovered = keepNames(found, Discovered.safeParse(before).data);
    const isComplete = serverUrl === undefined || (URL.canParse(serverUrl) && new URL(serverUrl).href === address.href);
    return {
      identity: identityOfAccount(discovered, address, username),
      username,
      discovered,
      ...(isComplete ? {} : { credentials: { ...credentials, serverUrl: address.href } }),
    };
  },

  recall({ preset, username, discovered }) {
    const { homes = [], principal } = Discovered.safeParse(discovered).data ?? {};
    return { preset, username, serverUrl: principal ?? homes[0] };
  },

  open({ credentials, discovered: stored, saveDiscovered }: OpenAccount<Credentials>, io: Io): Account {
    const typed = addressOf(credentials);
    const { canCreateCalendars } = PRESETS[credentials.preset];
    let known = Discovered.safeParse(stored).data;
    let relocated: Promise<boolean> | undefined;

    const rediscover = async (): Promise<Discovered> => keepNames(await find(typed, credentials, io), known);
    /** At most once for an open account: a second discovery would find the same. */
    const relocate = (): Promise<boolean> =>
      (relocated ??= rediscover().then(async (found) => {
        const isElsewhere = hasMoved(found, known);
        known = found;
        if (isElsewhere) await saveDiscovered?.(found);
        return isElsewhere;
      }));
    const client = davClient(typed, loginOf(credentials), io, { now: (url) => whereNow(known, url), check: relocate });
    const named = (calendar: CalendarInfo): CalendarInfo => {
      const name = nameOf(known, new URL(calendar.id));
      return { ...calendar, id: name.href, identity: identityOf(name) };
    };

    async function calendars(): Promise<CalendarInfo[]> {
      try {
        return (await listCalendars(client, known ?? (await rediscover()))).map(named);
      } catch (error) {
        // The account has moved to another path.
        if (
          known === undefined ||
          !(error instanceof SyncError) ||
          (error.kind !== 'gone' && error.kind !== 'not-a-caldav-server')
        )
          throw error;
        return (await listCalendars(client, await rediscover())).map(named);
      }
    }

    return {
      canCreateCalendars,
      push: accountPush(client),
      identity: async () => identityOfAccount(await rediscover(), typed, credentials.username),
      calendars,
      async freeBusy(chosen, range, setting = BUSY_BY_DEFAULT) {
        const all = await calendars();
        const requested = chosen === null ? all : all.filter(({ id }) => chosen.includes(id));
        if (chosen?.some((id) => !all.some((calendar) => calendar.id === id)))
          throw new SyncError('calendar-missing', 'a chosen calendar does not exist any more');
        const zone =
          all.find(({ isDefault, timeZone }) => isDefault && timeZone !== null)?.timeZone ??
          all.find(({ timeZone }) => timeZone !== null)?.timeZone ??
          'UTC';
        return freeBusy(
          client,
          requested,
          { range: spanOf(range), zone, own: new Set((known ?? UNKNOWN).addresses), unanswered: setting.unanswered },
          setting.except,
        );
      },
      async createCalendar(name, color) {
        return named(await createCalendar(client, known ?? (await rediscover()), name, color));
      },
      side(calendarId, setting) {
        return caldavSide({ client, url: new URL(calendarId) }, setting, {
          ...(known ?? UNKNOWN),
          ...(credentials.preset === 'sogo' ? { isSogo: true } : {}),
        });
      },
    };
  },
};

/** What is assumed of an account whose discovery was not stored: the safer choice. */
const UNKNOWN: Discovered = {
  principal: null,
  homes: [],
  calendars: [],
  inbox: null,
  addresses: [],
  autoSchedule: true,
  isSogo: false,
  names: {},
};

function find(typed: URL, credentials: Credentials, io: Io): Promise<Discovered> {
  return discover(davClient(typed, loginOf(credentials), io), typed, PRESETS[credentials.preset], credentials.username);
}

function loginOf({ preset, username, password }: Credentials): Login {
  return { username, password, advice: PRESETS[preset].adviceOnRefusal?.(password) };
}

function typedOf({ preset, serverUrl }: Credentials): string {
  return serverUrl ?? PRESETS[preset].serverUrl ?? '';
}

/** Of a stored account: complete since its credentials were checked. */
function addressOf(credentials: Credentials): URL {
  const [address] = addressesOf(typedOf(credentials));
  if (address === undefined) throw new SyncError('not-a-caldav-server', 'no server address');
  return address;
}
