/** The whole API on a real database, with a fake calendar service and a fake Temporal. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Api, ApiConfig, ApiDeps } from '../../api/deps.ts';
import { buildServer } from '../../api/server.ts';
import { ControlError, type PairControl } from '../../api/temporal/pair-control.ts';
import { type Interval, merge, overlaps } from '../../core/availability/interval.ts';
import { SyncError } from '../../core/sync-error.ts';
import { connect, type Db } from '../../db/connect.ts';
import { createVault } from '../../db/vault.ts';
import { createLoggerInto } from '../../log.ts';
import type { CalendarInfo, FreeBusySetting, Provider } from '../../providers/provider.ts';
import { testDatabase } from '../support/database.ts';
import { assertDocumented, type Json } from './documented.ts';

export interface TestApi {
  readonly app: Api;
  readonly db: Db;
  readonly databaseUrl: string;
  readonly deps: ApiDeps;
  readonly control: FakeControl;
  readonly service: FakeService;
  /** Lines that were logged. */
  readonly logged: string[];
  /** Signals to workflows of bookings. */
  readonly signals: string[];
  ready: Record<string, boolean | string>;
  preview: ApiDeps['preview'];
  call(method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', url: string, body?: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/** Parsed JSON of any shape. */
export type { Json };

export interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly headers: Record<string, unknown>;
}

/** The encryption key of all processes of a test. */
const KEY = randomBytes(32);
export const ENV_KEY = 'key-from-the-environment';

export async function startApi(
  config: Partial<ApiConfig> = {},
  databaseUrl?: string,
  more: Partial<ApiDeps> = {},
): Promise<TestApi> {
  const url = databaseUrl ?? (await testDatabase());
  const db = connect(url, createVault([KEY], KEY), { poolSize: 5 });
  const control = new FakeControl();
  const service = new FakeService();
  const logged: string[] = [];
  const signals: string[] = [];
  const deps: ApiDeps = {
    db,
    control,
    fetch,
    publicUrl: () => 'http://127.0.0.1:8080',
    bookings: {
      bookingChanged: async (id) => void signals.push(`look ${id}`),
      watch: async (id) => void signals.push(`watch ${id}`),
      startWebhook: async () => {},
    },
    preview: (pairId, signal, report) => api.preview(pairId, signal, report),
    providers: new Map<string, Provider>([
      ['caldav', service.provider('caldav') as Provider],
      ['google', service.provider('google') as Provider],
    ]),
    config: {
      apiKey: ENV_KEY,
      pairsPerConnection: 20,
      maxConnections: 100,
      pollIntervalSeconds: 60,
      latency: 'seconds',
      version: '0.1.0',
      ...config,
    },
    ready: async () => api.ready,
    log: createLoggerInto('debug', (line) => void logged.push(line)),
    ...more,
  };
  const app = await buildServer(deps);
  const api: TestApi = {
    app,
    db,
    databaseUrl: url,
    deps,
    control,
    service,
    logged,
    signals,
    ready: { postgres: true, temporal: true },
    preview: () => Promise.reject(new Error('no preview is expected here')),
    async call(method, url, body) {
      const response = await app.inject({
        method,
        url,
        headers: { authorization: `Bearer ${ENV_KEY}` },
        ...(body === undefined ? {} : { payload: body as object }),
      });
      const answer = checked(method, url, {
        status: response.statusCode,
        headers: response.headers,
        body: response.body === '' ? null : response.json(),
      });
      if (url !== '/openapi.json') assertDocumented(app.swagger(), method, url, answer.status, answer.body);
      return answer;
    },
    async close() {
      await app.close();
      await db.close();
    },
  };
  return api;
}

/** Checks what applies to every answer. */
function checked(method: string, url: string, answer: Answer): Answer {
  const about = `${method} ${url} → ${answer.status}`;
  assert.equal(answer.headers['x-content-type-options'], 'nosniff', about);
  for (const name of ['server', 'x-powered-by']) assert.equal(answer.headers[name], undefined, about);
  if (answer.status >= 400) {
    assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, about);
    assert.deepEqual(
      Object.keys(answer.body).filter((key) => !['errors', 'parts'].includes(key)),
      ['type', 'title', 'status', 'detail', 'code'],
      about,
    );
    assert.equal(answer.body.status, answer.status, about);
  }
  if (answer.status === 204) assert.equal(answer.body, null, about);
  return answer;
}

export function refused(answer: Answer, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.body?.code], [status, code], JSON.stringify(answer.body));
}

/** Records its calls. */
class FakeControl implements PairControl {
  readonly calls: string[] = [];
  /** Workflows that run. */
  readonly running = new Set<string>();
  failure: ControlError['kind'] | null = null;
  /** Called while a call waits for a run. @returns the run's id */
  onRun: (pairId: string) => Promise<string | null> = async () => null;

  async start({ pairId, paused, begun }: { pairId: string; paused: boolean; begun?: number }): Promise<void> {
    this.#note(`start ${pairId}${paused ? ' paused' : ''}${begun === undefined ? '' : ` after ${begun}`}`);
    this.running.add(pairId);
  }
  async pause(pairId: string): Promise<void> {
    this.#tell('pause', pairId);
  }
  async resume(pairId: string): Promise<void> {
    this.#tell('resume', pairId);
  }
  async settingsChanged(pairId: string): Promise<void> {
    this.#tell('settingsChanged', pairId);
  }
  async calendarChanged(pairId: string): Promise<void> {
    this.#tell('calendarChanged', pairId);
  }
  async syncNow(pairId: string, wanted: { trigger: string; full: boolean }): Promise<void> {
    this.#tell(`syncNow ${wanted.trigger}${wanted.full ? ' full' : ''}`, pairId);
  }
  async syncAndWait(pairId: string, wanted: { trigger: string; full: boolean }, waitSeconds: number) {
    this.#tell(`syncAndWait ${wanted.trigger}${wanted.full ? ' full' : ''} ${waitSeconds}`, pairId);
    const runId = await this.onRun(pairId);
    return runId === null ? { runId, finished: false as const } : { runId, finished: true as const };
  }
  async stop(pairId: string): Promise<void> {
    this.#note(`stop ${pairId}`);
    this.running.delete(pairId);
  }
  async status(): Promise<never> {
    throw new Error('not used by the API');
  }
  async runningIds(): Promise<never> {
    throw new Error('not used by the API');
  }
  async end(): Promise<never> {
    throw new Error('not used by the API');
  }
  workflowUrl(): null {
    return null;
  }

  #tell(message: string, pairId: string): void {
    this.#note(`${message} ${pairId}`);
    if (!this.running.has(pairId)) throw new ControlError('missing');
  }
  #note(message: string): void {
    if (this.failure !== null) throw new ControlError(this.failure);
    this.calls.push(message);
  }
}

/** A calendar service: the password or refresh token names the person, whose calendars `calendars` holds. */
class FakeService {
  calendars: Record<string, CalendarInfo[]> = {};
  /** Thrown by every call while it is set. */
  failure: SyncError | Error | null = null;
  canCreateCalendars = true;
  listFailure: SyncError | null = null;
  /** By calendar. */
  busy: Record<string, Interval[]> = {};
  /** Runs once, while the next caller waits for its busy times. */
  duringBusyRead: (() => Promise<unknown>) | null = null;
  /** How often busy times were read, and with which setting. */
  busyReads = 0;
  unanswered: unknown[] = [];
  /** Thrown when a person's busy times are read. */
  failures: Record<string, SyncError | null> = {};

  provider(kind: string) {
    const personOf = (value: Json): string => String(value.password ?? value.refreshToken).replace(/\d+$/, '');
    return {
      recall: ({ username }: { username: string }) => ({ username, serverUrl: 'https://recalled.example' }),
      verifyCredentials: async (value: Json) => {
        if (this.failure) throw this.failure;
        return {
          identity: `${kind}:${personOf(value)}`,
          username: value.username ?? personOf(value),
          discovered: { home: '/' },
        };
      },
      open: ({ credentials: value }: { credentials: Json }) => ({
        canCreateCalendars: this.canCreateCalendars,
        identity: async () => `${kind}:${personOf(value)}`,
        calendars: async () => {
          if (this.failure ?? this.listFailure) throw (this.failure ?? this.listFailure)!;
          return this.calendars[personOf(value)] ?? [];
        },
        createCalendar: async (name: string, color: string | null) => {
          if (this.failure) throw this.failure;
          return calendar(name, { color });
        },
        freeBusy: async (calendarIds: readonly string[] | null, range: Interval, setting?: FreeBusySetting) => {
          this.busyReads += 1;
          this.unanswered.push(setting?.unanswered);
          const meanwhile = this.duringBusyRead;
          this.duringBusyRead = null;
          await meanwhile?.();
          const failure = this.failure ?? this.failures[personOf(value)];
          if (failure) throw failure;
          const ids = calendarIds ?? (this.calendars[personOf(value)] ?? []).map(({ id }) => id);
          return merge(ids.flatMap((id) => this.busy[id] ?? []).filter((busy) => overlaps(busy, range)));
        },
        side: () => {
          throw new Error('the API opens no side');
        },
      }),
    };
  }
}

export function calendar(id: string, more: Partial<CalendarInfo> = {}): CalendarInfo {
  return {
    id,
    identity: `server/${id}`,
    name: id,
    color: null,
    timeZone: null,
    readOnly: false,
    isDefault: false,
    ...more,
  };
}

/** Anna's CalDAV account and Bea's Google account, connected; each with the calendars `a1`…, `b1`…. */
export async function connected(api: TestApi): Promise<{ caldavId: string; cloudId: string; connectionId: string }> {
  api.service.calendars = {
    anna: [1, 2, 3]
      .map((n) => calendar(`a${n}`, { timeZone: 'Europe/Berlin' }))
      .concat(calendar('a-read', { readOnly: true })),
    bea: [1, 2, 3].map((n) => calendar(`b${n}`)).concat(calendar('b-read', { readOnly: true })),
  };
  const caldav = await api.call('POST', '/v1/accounts', {
    provider: 'caldav',
    preset: 'generic',
    serverUrl: 'https://dav.example',
    username: 'anna',
    password: 'anna',
  });
  const cloud = await api.call('POST', '/v1/accounts', { provider: 'google', refreshToken: 'bea' });
  const connection = await api.call('POST', '/v1/connections', {
    caldavAccountId: caldav.body.id,
    cloudAccountId: cloud.body.id,
  });
  assert.equal(connection.status, 201, JSON.stringify(connection.body));
  return { caldavId: caldav.body.id, cloudId: cloud.body.id, connectionId: connection.body.id };
}
