/**
 * What all services with OAuth have in common: an account is a refresh token, and calendars can always be created.
 */
import type { Interval } from '../../core/availability/interval.ts';
import type {
  Account,
  CalendarInfo,
  FreeBusySetting,
  Io,
  OpenAccount,
  Provider,
  Side,
  SideSetting,
  TokenStore,
  VerifiedAccount,
} from '../provider.ts';
import { BUSY_BY_DEFAULT } from '../provider.ts';
import type { AccountPush, Push } from '../push.ts';
import { tokensInMemory } from './access-token.ts';
import type { OAuthCredentials } from './credentials.ts';
import { createSignIn, type SignInService } from './sign-in.ts';

/** One calendar of one account. */
export interface CalendarContext<Client> {
  readonly client: Client;
  readonly calendarId: string;
  readonly setting: SideSetting;
  readonly signal?: AbortSignal | undefined;
}

/** What differs between services. Its methods throw SyncError. */
export interface OAuthService<Settings, Client> {
  /** No request is made before the client's first call. */
  readonly createClient: (settings: Settings, refreshToken: string, tokens: TokenStore, io: Io) => Client;
  readonly proveAccount: (client: Client) => Promise<VerifiedAccount>;
  readonly identityOf: (client: Client) => Promise<string>;
  readonly listCalendars: (client: Client, settings: Settings) => Promise<CalendarInfo[]>;
  readonly createCalendar: (
    client: Client,
    settings: Settings,
    name: string,
    color: string | null,
  ) => Promise<CalendarInfo>;
  /** Null: all calendars. */
  readonly freeBusy: (
    asked: { client: Client; settings: Settings; setting: FreeBusySetting },
    calendarIds: readonly string[] | null,
    range: Interval,
  ) => Promise<Interval[]>;
  readonly openSide: (place: CalendarContext<Client>) => Side;
  readonly signIn: (settings: Settings) => SignInService;
  readonly push: Push;
  readonly accountPush: (client: Client) => AccountPush;
}

export function createOAuthProvider<Settings, Client>(
  service: OAuthService<Settings, Client>,
  settings: Settings,
): Provider<OAuthCredentials> {
  const clientOf = ({ refreshToken }: OAuthCredentials, tokens: TokenStore, io: Io): Client =>
    service.createClient(settings, refreshToken, tokens, io);
  return {
    signIn: createSignIn(service.signIn(settings)),
    push: service.push,
    async verifyCredentials(credentials: OAuthCredentials, io: Io): Promise<VerifiedAccount> {
      const tokens = tokensInMemory();
      return { ...(await service.proveAccount(clientOf(credentials, tokens, io))), token: tokens.kept() };
    },
    open({ credentials, tokens }: OpenAccount<OAuthCredentials>, io: Io): Account {
      const client = clientOf(credentials, tokens, io);
      return {
        canCreateCalendars: true,
        identity: () => service.identityOf(client),
        calendars: () => service.listCalendars(client, settings),
        createCalendar: (name, color) => service.createCalendar(client, settings, name, color),
        freeBusy: (calendarIds, range, setting = BUSY_BY_DEFAULT) =>
          service.freeBusy({ client, settings, setting }, calendarIds, range),
        side: (calendarId, setting) => service.openSide({ client, calendarId, setting, signal: io.signal }),
        push: service.accountPush(client),
      };
    },
  };
}
