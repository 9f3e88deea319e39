/** Raw requests against the fake Graph, for its own tests. */

import type { GraphAccount } from './graph/account.ts';
import type { GraphFake, GraphOptions } from './graph/start.ts';
import { startGraph } from './graph/start.ts';

interface Answer {
  readonly status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into answers of any shape
  readonly body: any;
  readonly code: string | undefined;
  readonly headers: Headers;
}
/** A path below the mailbox, or a whole address. */
export type Call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

export interface Setting {
  readonly graph: GraphFake;
  readonly ann: GraphAccount;
  readonly call: Call;
  readonly token: string;
}

export const IMMUTABLE = 'IdType="ImmutableId"';

export async function withGraph(options: GraphOptions, test: (setting: Setting) => Promise<void>): Promise<void> {
  const graph = await startGraph({ mayReach: true, ...options });
  try {
    const ann = graph.addAccount({ email: 'ann@example.com' });
    const token = await accessToken(graph, ann);
    await test({ graph, ann, token, call: caller(graph, token) });
  } finally {
    await graph.close();
  }
}

export function caller(graph: GraphFake, token: string): Call {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(path.startsWith('http') ? path : `${graph.graphUrl}/me${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        Prefer: IMMUTABLE,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, body: parsed, code: parsed?.error?.code, headers: response.headers };
  };
}

export async function accessToken(graph: GraphFake, account: GraphAccount): Promise<string> {
  return (
    (await (await fetchToken(graph, { grant_type: 'refresh_token', refresh_token: account.refreshToken })).json()) as {
      access_token: string;
    }
  ).access_token;
}

export function fetchToken(graph: GraphFake, form: Record<string, string>): Promise<Response> {
  const body = new URLSearchParams({ client_id: graph.clientId, client_secret: graph.clientSecret, ...form });
  return fetch(graph.tokenUrl, { method: 'POST', body });
}

const ZONE = 'W. Europe Standard Time';

export const zoned = (dateTime: string, timeZone = ZONE) => ({ dateTime, timeZone });

export const single = { subject: 'Lunch', start: zoned('2026-01-05T12:00:00'), end: zoned('2026-01-05T13:00:00') };
export const allDay = {
  subject: 'Off',
  isAllDay: true,
  start: zoned('2026-01-05T00:00:00', 'UTC'),
  end: zoned('2026-01-06T00:00:00', 'UTC'),
};
/** Five days around the change to summer time. */
export const series = {
  subject: 'Daily',
  start: zoned('2026-03-27T09:00:00'),
  end: zoned('2026-03-27T09:30:00'),
  recurrence: {
    pattern: { type: 'daily', interval: 1 },
    range: { type: 'numbered', startDate: '2026-03-27', numberOfOccurrences: 5 },
  },
};
export const attendees = [{ type: 'required', emailAddress: { name: 'Bob', address: 'bob@example.com' } }];

export const viewPath = (from: string, to: string, calendar = '') =>
  `${calendar}/calendarView?startDateTime=${from}T00:00:00Z&endDateTime=${to}T00:00:00Z&$top=100`;
export const deltaPath = (from: string, to: string, calendar = '') =>
  `${calendar}/calendarView/delta?startDateTime=${from}T00:00:00Z&endDateTime=${to}T00:00:00Z`;
