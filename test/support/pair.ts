/** A pair of calendars under test: Calpair's own API, and both calendars read independently of it. */
import assert from 'node:assert/strict';
import type { CalendarEvent } from '../../core/event.ts';
import { type Agreement, compareSides, listAll } from '../../demo/agree.ts';
import { createFetch } from '../../providers/http.ts';
import { tokensInMemory } from '../../providers/oauth/access-token.ts';
import type { Account, Side } from '../../providers/provider.ts';
import type { GoogleAccount } from '../fakes/google/account.ts';
import { GraphAccount } from '../fakes/graph/account.ts';
import type { Json, RunningCalpair } from './calpair.ts';
import type { DavServer } from './dav.ts';

/** A calendar on any kind of server. */
export type Calendar =
  | {
      readonly server: Pick<DavServer, 'base' | 'username' | 'password' | 'name'>;
      readonly url: string;
      readonly fetch?: typeof fetch;
    }
  | {
      readonly account: Pick<GoogleAccount | GraphAccount, 'refreshToken'>;
      readonly calendarId: string;
      readonly provider?: 'google' | 'microsoft';
    };

export interface Pair {
  readonly id: string;
  readonly accountIds: { readonly caldav: string; readonly cloud: string };
  /** Both calendars as Calpair reads them, without stored state. */
  readonly sides: { readonly caldav: Side; readonly cloud: Side };
  /** One run that began after this call. */
  sync(): Promise<Json>;
  /** Runs until one has nothing to write; returns those that wrote. */
  settle(): Promise<Json[]>;
  /** The pair as the API shows it. */
  show(): Promise<Json>;
  list(what: 'conflicts' | 'problems' | 'held-changes' | 'runs'): Promise<Json[]>;
  patch(settings: Json): Promise<Json>;
  post(action: string, body?: unknown): Promise<Json>;
  /** Both calendars compared, freshly read from both servers. */
  compare(): Promise<Agreement>;
  /** The events of one side by UID. */
  events(side: 'caldav' | 'cloud'): Promise<Map<string, CalendarEvent>>;
}

/** What a pair under test needs of an installation. */
type PairHost = Pick<RunningCalpair, 'api' | 'providers' | 'tag'>;

/** Two accounts, a connection, and the pair, whose first run has begun (unless `paused`). */
export async function createPair(
  calpair: PairHost,
  caldav: Calendar,
  cloud: Calendar,
  settings: Json = {},
): Promise<Pair> {
  const { api } = calpair;
  const [caldavId, cloudId] = [await addAccount(calpair, caldav), await addAccount(calpair, cloud)];
  const connection = await api.call('POST', '/v1/connections', { caldavAccountId: caldavId, cloudAccountId: cloudId });
  const { id } = await api.call('POST', `/v1/connections/${connection.id}/pairs`, {
    caldavCalendarId: await calendarOf(calpair, caldavId, caldav),
    cloudCalendarId: await calendarOf(calpair, cloudId, cloud),
    ...settings,
  });
  const sides = { caldav: openSide(calpair, caldav), cloud: openSide(calpair, cloud) };
  const pair: Pair = {
    id,
    sides,
    accountIds: { caldav: caldavId, cloud: cloudId },
    async sync() {
      const run = await api.call('POST', `/v1/pairs/${id}/sync?wait=120`);
      assert.ok(run.result !== undefined, 'the run did not end in time');
      return run;
    },
    async settle() {
      const wrote: Json[] = [];
      for (let round = 0; round < 8; round++) {
        const run = await pair.sync();
        if (run.result === 'ok' && writesOf(run) === 0) return wrote;
        wrote.push(run);
      }
      throw new Error(`the pair does not settle: ${JSON.stringify(wrote.map(summaryOf))}`);
    },
    show: () => api.call('GET', `/v1/pairs/${id}`),
    list: async (what) => (await api.call('GET', `/v1/pairs/${id}/${what}?limit=1000`)).items,
    patch: (body) => api.call('PATCH', `/v1/pairs/${id}`, body),
    post: (action, body) => api.call('POST', `/v1/pairs/${id}/${action}`, body),
    compare: () => compareSides(sides.caldav, sides.cloud),
    events: async (side) =>
      new Map(
        [...(await listAll(sides[side]))].flatMap(([uid, [one]]) => (one?.event ? [[uid, one.event] as const] : [])),
      ),
  };
  return pair;
}

export function writesOf(run: Json): number {
  return [run.caldav, run.cloud].reduce(
    (sum: number, { created, updated, deleted }) => sum + created + updated + deleted,
    0,
  );
}

/** Both sides have the same events, each once. */
export async function assertAlike(pair: Pair): Promise<Agreement> {
  const agreement = await pair.compare();
  const { different, onlyCaldav, onlyCloud, doubled } = agreement;
  assert.deepEqual(
    { different, onlyCaldav, onlyCloud, doubled },
    { different: [], onlyCaldav: [], onlyCloud: [], doubled: [] },
  );
  return agreement;
}

async function addAccount({ api }: PairHost, calendar: Calendar): Promise<string> {
  return (await api.call('POST', '/v1/accounts', { provider: providerOf(calendar), ...credentialsOf(calendar) })).id;
}

export function providerOf(calendar: Calendar): 'caldav' | 'google' | 'microsoft' {
  if (!('account' in calendar)) return 'caldav';
  return calendar.provider ?? (calendar.account instanceof GraphAccount ? 'microsoft' : 'google');
}

export function credentialsOf(calendar: Calendar): Json {
  if ('account' in calendar) return { refreshToken: calendar.account.refreshToken };
  const { server } = calendar;
  const preset = server.name === 'radicale' || server.name === 'icloud' ? server.name : 'generic';
  return { preset, serverUrl: server.base, username: server.username, password: server.password };
}

export async function calendarOf({ api }: PairHost, accountId: string, calendar: Calendar): Promise<string> {
  const { items } = await api.call('GET', `/v1/accounts/${accountId}/calendars`);
  const found = items.find(({ id }: { id: string }) =>
    'account' in calendar ? id === calendar.calendarId : new URL(id, calendar.url).href === calendar.url,
  );
  assert.ok(found, `the calendar is not among ${JSON.stringify(items)}`);
  return found.id;
}

export function openSide(calpair: PairHost, calendar: Calendar): Side {
  const setting = { floatingZone: 'Europe/Berlin', attendees: 'copy', reminders: 'keep', tag: calpair.tag } as const;
  const provider = calpair.providers.get(providerOf(calendar));
  // A separate sign-in: Microsoft's refresh tokens have one user each, because they rotate.
  const credentials =
    'account' in calendar && calendar.account instanceof GraphAccount
      ? { refreshToken: calendar.account.newRefreshToken() }
      : credentialsOf(calendar);
  const account: Account = provider!.open(
    { credentials, discovered: {}, tokens: tokensInMemory() },
    { fetch: ('server' in calendar ? calendar.fetch : undefined) ?? createFetch({ allowPrivateNetworks: true }) },
  );
  return account.side('account' in calendar ? calendar.calendarId : calendar.url, setting);
}

function summaryOf({ result, caldav: a, cloud: b, error }: Json): Json {
  return { result, a, b, error };
}
