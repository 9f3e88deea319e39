/**
 * One Google account: sends requests of the Calendar API with a valid access token, and turns every failure into a
 * SyncError. The transport is the caller's fetch. Only a request whose access token was refused is sent again.
 */
import { auth, calendar, type calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { withoutTrailingSlashes } from '../../core/addresses.ts';
import { SyncError } from '../../core/sync-error.ts';
import { serverTime } from '../http-answer.ts';
import { createTokenSource } from '../oauth/access-token.ts';
import type { SignInService } from '../oauth/sign-in.ts';
import type { Io, StoredToken, TokenStore } from '../provider.ts';
import { apiError, headersOf, refreshError } from './errors.ts';

/** The OAuth client of the installation, and the addresses of Google; the defaults are Google's own. */
export interface GoogleSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The Calendar API is at `calendar/v3` below it. */
  readonly rootUrl?: string | undefined;
  readonly tokenUrl?: string | undefined;
  readonly authUrl?: string | undefined;
  /** What the installation may use of the project's quota. */
  readonly dailyRequests?: number | undefined;
}

export const DEFAULT_ROOT_URL = 'https://www.googleapis.com/';
const DEFAULT_AUTH_URL = 'https://accounts.google.com/o/oauth2/v2/auth';
const DEFAULT_TOKEN_URL = 'https://oauth2.googleapis.com/token';

/** The least that Calpair needs. */
const SCOPES = [
  'https://www.googleapis.com/auth/calendar.events',
  'https://www.googleapis.com/auth/calendar.calendarlist',
  'https://www.googleapis.com/auth/calendar.freebusy',
  'https://www.googleapis.com/auth/calendar.app.created',
];

export function signInService({ clientId, clientSecret, authUrl, tokenUrl }: GoogleSettings): SignInService {
  return {
    label: 'Google',
    clientId,
    clientSecret,
    authUrl: authUrl ?? DEFAULT_AUTH_URL,
    tokenUrl: tokenUrl ?? DEFAULT_TOKEN_URL,
    scopes: SCOPES,
    fullScope: 'calendar',
    // Google sends a refresh token only for offline access, and again only with new consent.
    parameters: (hint) => ({
      access_type: 'offline',
      prompt: 'consent',
      ...(hint === null ? {} : { login_hint: hint }),
    }),
  };
}

interface Answer<T> {
  readonly status: number;
  readonly data: T;
  /** The server's clock (`Date`), in milliseconds; null where it sent none. */
  readonly date: number | null;
}

/** What every method of the generated client gets. */
interface RequestOptions {
  readonly rootUrl: string;
  readonly headers: Record<string, string>;
  readonly responseType: 'json';
}

type Request<T> = (
  api: calendar_v3.Calendar,
  options: RequestOptions,
) => Promise<{ status: number; data: T; headers: unknown }>;

export interface Client {
  /** Runs one request; `ifMatch` is an ETag as Google gave it. @throws SyncError */
  call<T>(request: Request<T>, ifMatch?: string | null): Promise<Answer<T>>;
}

/**
 * No request is made before the first call. Access tokens are refreshed within a minute of their end, or after one 401.
 */
export function createClient(settings: GoogleSettings, refreshToken: string, tokens: TokenStore, io: Io): Client {
  const api = calendar({ version: 'v3' });
  const oauth = oauthClient(settings, io);
  const source = createTokenSource(refreshToken, tokens, (token) => refresh(settings, token, io));
  const rootUrl = `${withoutTrailingSlashes(settings.rootUrl ?? DEFAULT_ROOT_URL)}/`;

  async function send<T>(request: Request<T>, ifMatch: string | null, accessToken: string): Promise<Answer<T>> {
    oauth.setCredentials({ access_token: accessToken });
    const headers: Record<string, string> = ifMatch === null ? {} : { 'If-Match': ifMatch };
    const bound = { rootUrl, headers, responseType: 'json' as const, auth: oauth };
    const answer = await request(api, bound);
    return { status: answer.status, data: answer.data, date: serverTime(headersOf(answer.headers)) };
  }

  return {
    async call<T>(request: Request<T>, ifMatch: string | null = null): Promise<Answer<T>> {
      const accessToken = await source.token(null);
      try {
        return await send(request, ifMatch, accessToken);
      } catch (error) {
        const failure = apiError(error, io.signal);
        if (!(failure instanceof SyncError) || failure.status !== 401) throw failure;
      }
      const renewed = await source.token(accessToken);
      try {
        return await send(request, ifMatch, renewed);
      } catch (error) {
        throw apiError(error, io.signal);
      }
    },
  };
}

/** The page of a listing in an answer. @throws SyncError `unreachable` where it holds none */
export function listingOf<Item, Page extends { items?: Item[]; nextPageToken?: string | null }>(
  data: Page | null | undefined,
): Page & { readonly items: Item[]; readonly next: string | null } {
  if (typeof data !== 'object' || data === null || (data.items !== undefined && !Array.isArray(data.items)))
    throw new SyncError('unreachable', 'Google answered without a listing', { status: 200 });
  return { ...data, items: data.items ?? [], next: data.nextPageToken || null };
}

/** The library's OAuth client on the caller's fetch, without the library's own retries and request log. */
function oauthClient(settings: GoogleSettings, io: Io) {
  return new auth.OAuth2({
    clientId: settings.clientId,
    clientSecret: settings.clientSecret,
    endpoints: {
      ...(settings.tokenUrl === undefined ? {} : { oauth2TokenUrl: settings.tokenUrl }),
      ...(settings.authUrl === undefined ? {} : { oauth2AuthBaseUrl: settings.authUrl }),
    },
    useAuthRequestParameters: false,
    transporterOptions: {
      fetchImplementation: transport(io),
      retry: false,
      retryConfig: { retry: 0, noResponseRetries: 0, shouldRetry: () => false },
    },
  });
}

/**
 * Passes on a request of the library with standard fields only: the library adds its configuration, with credentials.
 */
function transport(io: Io): typeof fetch {
  return async (input, init) => {
    const headers = new Headers(init?.headers);
    let body = init?.body;
    if (body instanceof URLSearchParams) {
      body = body.toString();
      headers.set('content-type', 'application/x-www-form-urlencoded;charset=UTF-8');
    }
    const url = input instanceof Request ? input.url : String(input);
    return io.fetch(url, {
      method: (init?.method ?? 'GET').toUpperCase(),
      headers,
      redirect: 'manual',
      ...(body === undefined || body === null ? {} : { body }),
      ...(io.signal === undefined ? {} : { signal: io.signal }),
    });
  };
}

/** For an answer without `expires_in`; Google's own value is 3599 seconds. */
const UNKNOWN_LIFETIME_MS = 300_000;

/** @throws SyncError `auth` when the refresh token is not valid any more */
async function refresh(settings: GoogleSettings, refreshToken: string, io: Io): Promise<StoredToken> {
  const oauth = oauthClient(settings, io);
  let rotated: string | undefined;
  // Right after this event the library replaces a new refresh token by the old one.
  oauth.on('tokens', (tokens) => {
    rotated = tokens.refresh_token ?? undefined;
  });
  oauth.setCredentials({ refresh_token: refreshToken });
  try {
    const { token } = await oauth.getAccessToken();
    if (typeof token !== 'string' || token === '') throw new SyncError('unreachable', 'Google sent no access token');
    const expiresAt = oauth.credentials.expiry_date ?? Date.now() + UNKNOWN_LIFETIME_MS;
    return {
      accessToken: token,
      expiresAt,
      ...(rotated === undefined || rotated === refreshToken ? {} : { refreshToken: rotated }),
    };
  } catch (error) {
    throw refreshError(error, io.signal);
  }
}
