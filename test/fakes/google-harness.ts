/** Raw requests and the official client against the fake Google, for its own tests. */
import { auth, calendar } from 'googleapis/build/src/apis/calendar/index.js';
import type { GoogleAccount } from './google/account.ts';
import type { GoogleFake, GoogleOptions } from './google/start.ts';
import { startGoogle } from './google/start.ts';

export interface Answer {
  readonly status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into answers of any shape
  readonly body: any;
  readonly reason: string | undefined;
  readonly headers: Headers;
}
export type Call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

export interface Setting {
  readonly google: GoogleFake;
  readonly ann: GoogleAccount;
  readonly call: Call;
  readonly token: string;
}

/** Path of the primary calendar's events. */
export const EVENTS = '/calendars/primary/events';

export async function withGoogle(options: GoogleOptions, test: (setting: Setting) => Promise<void>): Promise<void> {
  const google = await startGoogle({ mayReach: true, ...options });
  try {
    const ann = google.addAccount({ email: 'ann@example.com' });
    const { access_token: token } = (await (
      await fetchToken(google, { grant_type: 'refresh_token', refresh_token: ann.refreshToken })
    ).json()) as { access_token: string };
    const call: Call = async (method, path, body, headers = {}) => {
      const response = await fetch(`${google.rootUrl}calendar/v3${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const parsed = text === '' ? undefined : JSON.parse(text);
      return {
        status: response.status,
        body: parsed,
        reason: parsed?.error?.errors?.[0]?.reason,
        headers: response.headers,
      };
    };
    await test({ google, ann, call, token });
  } finally {
    await google.close();
  }
}

export function fetchToken(google: GoogleFake, form: Record<string, string>): Promise<Response> {
  const body = new URLSearchParams({ client_id: google.clientId, client_secret: google.clientSecret, ...form });
  return fetch(google.tokenUrl, { method: 'POST', body });
}

export function officialClient(google: GoogleFake, account: GoogleAccount): ReturnType<typeof calendar> {
  const oauth = new auth.OAuth2({
    clientId: google.clientId,
    clientSecret: google.clientSecret,
    endpoints: { oauth2TokenUrl: google.tokenUrl },
  });
  oauth.setCredentials({ refresh_token: account.refreshToken });
  return calendar({ version: 'v3', auth: oauth, rootUrl: google.rootUrl, retry: false });
}

const zoned = (dateTime: string) => ({ dateTime, timeZone: 'Europe/Berlin' });

export const single = { summary: 'Lunch', start: zoned('2026-01-05T12:00:00'), end: zoned('2026-01-05T13:00:00') };
export const series = {
  summary: 'Daily',
  start: zoned('2026-03-27T09:00:00'),
  end: zoned('2026-03-27T09:30:00'),
  recurrence: ['RRULE:FREQ=DAILY;COUNT=5'],
};
export const allDay = { summary: 'Off', start: { date: '2026-01-05' }, end: { date: '2026-01-06' } };
