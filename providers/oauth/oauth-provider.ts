/**
 * What is the same for every service that is signed in to by OAuth: accounts are refresh tokens, and calendars can
 * always be created.
 */
import { z } from 'zod';
import type { Interval } from '../../core/availability/interval.ts';
import { SyncError } from '../../core/sync-error.ts';
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
import { tokensInMemory } from './access-token.ts';

export interface OAuthCredentials {
  readonly refreshToken: string;
}

/** One calendar of one account. */
export interface CalendarContext<Client> {
  readonly client: Client;
  readonly calendarId: string;
  readonly setting: SideSetting;
  readonly signal?: AbortSignal | undefined;
}

/** What a service brings along. Its methods throw SyncError. */
export interface OAuthService<Settings, Client> {
  readonly kind: string;
  /** For people. */
  readonly name: string;
  /** In characters. */
  readonly longestRefreshToken: number;
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
}

/** Null settings: the operator has given no OAuth client. */
export function createOAuthProvider<Settings, Client>(
  service: OAuthService<Settings, Client>,
  settings: Settings | null,
): Provider<OAuthCredentials> {
  const configured = (): Settings => {
    if (settings === null) throw new SyncError('bug', `${service.name} is not set up in this installation`);
    return settings;
  };
  const clientOf = ({ refreshToken }: OAuthCredentials, tokens: TokenStore, io: Io): Client =>
    service.createClient(configured(), refreshToken, tokens, io);
  const credentials = z.strictObject({ refreshToken: z.string().min(1).max(service.longestRefreshToken) });
  return {
    kind: service.kind,
    credentials,
    newCredentials: credentials,
    isConfigured: settings !== null,
    async verifyCredentials(given: OAuthCredentials, io: Io): Promise<VerifiedAccount> {
      const tokens = tokensInMemory();
      return { ...(await service.proveAccount(clientOf(given, tokens, io))), token: tokens.kept() };
    },
    open({ credentials: given, tokens }: OpenAccount<OAuthCredentials>, io: Io): Account {
      const client = clientOf(given, tokens, io);
      return {
        canCreateCalendars: true,
        identity: () => service.identityOf(client),
        calendars: () => service.listCalendars(client, configured()),
        createCalendar: (name, color) => service.createCalendar(client, configured(), name, color),
        freeBusy: (calendarIds, range, setting = BUSY_BY_DEFAULT) =>
          service.freeBusy({ client, settings: configured(), setting }, calendarIds, range),
        side: (calendarId, setting) => service.openSide({ client, calendarId, setting, signal: io.signal }),
      };
    },
  };
}
