/**
 * The world of a schedule over the wire: the real activities and providers, whose `fetch` is answered in process by a
 * CalDAV server and a cloud; a database in memory, a virtual clock, and a scheduler that decides whose turn it is.
 */
import { type Logger, pino } from 'pino';
import type { Deps } from '../../../activities/deps.ts';
import { createActivities } from '../../../activities/index.ts';
import { pollOnce } from '../../../activities/pair/poll-pair.ts';
import type { PollTurn } from '../../../activities/pair/poll-turn.ts';
import type { SideName } from '../../../core/event.ts';
import { DEFAULT_OPTIONS, sourceOf } from '../../../core/sync/policy.ts';
import type { Trigger } from '../../../core/sync/trigger.ts';
import { SyncError } from '../../../core/sync-error.ts';
import type { PairRow } from '../../../db/pairs.ts';
import { caldavProvider } from '../../../providers/caldav/caldav-provider.ts';
import { createGoogleProvider } from '../../../providers/google/google-provider.ts';
import { createMicrosoftProvider } from '../../../providers/microsoft/microsoft-provider.ts';
import type { Provider, StoredToken, TokenStore } from '../../../providers/provider.ts';
import type { DiffResult, PairState, RunSummary } from '../../../workflows/messages.ts';
import { GoogleFake } from '../../fakes/google/start.ts';
import { forgetIds } from '../../fakes/graph/ids.ts';
import { GraphFake } from '../../fakes/graph/start.ts';
import { randomOf } from '../../support/random.ts';
import { MemoryDatabase } from '../memory-store.ts';
import type { ConflictRow } from '../memory-tables.ts';
import { shareOneContext } from '../one-context.ts';
import { newPairRow, START } from '../pair-row.ts';
import { Process, Scheduler } from '../scheduler.ts';
import { DavPerson } from './dav-person.ts';
import { type DavAnswer, DavServer } from './dav-server.ts';
import { WAYS, type Ways } from './dav-ways.ts';
import { GooglePerson } from './google-person.ts';
import { GraphPerson } from './graph-person.ts';
import { Ledger } from './ledger.ts';
import type { Person } from './person.ts';
import type { RealServers } from './real-servers.ts';
import type { Fault, Profile } from './steps.ts';
import { realTick, useVirtual, workDone } from './virtual.ts';

const GOOGLE = 'https://google.example.org/';
const GRAPH = 'https://graph.example.org/';

/** One side of the pair: a server with one calendar, and a person who has it open. */
export interface WireCalendar {
  readonly name: string;
  readonly provider: 'caldav' | 'google' | 'microsoft';
  readonly credentials: unknown;
  readonly calendarId: string;
  readonly host: string;
  readonly person: Person;
  /** Exceptions stay as they are where the series has no such occurrence any more. */
  readonly keepsOrphans: boolean;
  /** A CalDAV server; null for a cloud. */
  readonly dav: DavServer | null;
  answer(request: WireRequest): Promise<WireAnswer | null>;
  expireCursors(): void;
  /** Everything in it, for people who look for a mistake. */
  dump(): readonly string[];
  /** Mails that were sent, and requests that risk some. */
  harm(): readonly unknown[];
}

export interface WireRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

interface WireAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** What a client asked a server to change. */
export interface WireWrite {
  readonly calendar: number;
  readonly method: string;
  readonly path: string;
}

/** One Calpair with a database of its own, and the state of its pair's workflow. */
export interface Installation {
  readonly name: string;
  readonly database: MemoryDatabase;
  readonly pairId: string;
  readonly accounts: Map<string, Account>;
  runs: number;
  state: PairState;
  requested: { trigger: Trigger; full: boolean } | null;
  /** `settingsRevision` when its last run began. */
  revision: number;
  /** The result of the next successful attempt is lost. */
  losesResult: boolean;
  losesWorkflow: boolean;
}

interface Account {
  readonly identity: string;
  readonly discovered: Record<string, unknown>;
  readonly tokens: TokenStore;
}

export class WireWorld {
  readonly profile: Profile;
  readonly scheduler: Scheduler;
  /** Of whose pairs all have the same two calendars. */
  readonly installations: readonly Installation[];
  readonly ledger = new Ledger();
  readonly calendars: readonly WireCalendar[];
  private readonly servers: RealServers | null;
  readonly story: string[] = [];
  /** Every request that changes something, in order. */
  readonly writes: WireWrite[] = [];
  readonly faults: (Fault & { left: number; toSkip: number })[] = [];
  /** Errors that were logged as bugs. */
  readonly bugs: unknown[] = [];
  requests = 0;
  /** Of a database that was restored since. */
  readonly formerConflicts: ConflictRow[] = [];
  /** Writes to the source of a one-way pair. */
  readonly sourceWrites: WireWrite[] = [];
  /** Called before each request that changes something; what it returns is called after it. */
  aroundWrite: (at: Installation, calendar: number) => () => void = () => () => undefined;
  private ids = 0;

  private constructor(profile: Profile, seed: number, servers: RealServers | null) {
    shareOneContext();
    this.profile = profile;
    this.servers = servers;
    this.scheduler = new Scheduler(randomOf(seed ^ 0x5eed), START, workDone, realTick);
    useVirtual(this.scheduler, seed ^ 0x1d5);
    forgetIds();
    this.calendars = servers
      ? servers.open(seed, this.now).map((server) => this.calendarOn(server))
      : [this.davCalendar('dav', profile.ways), this.cloud()];
    this.installations = (profile.isShared ? ['one', 'other'] : ['one']).map((name) => this.install(name));
  }

  private install(name: string): Installation {
    const database = this.servers?.database(() => this.newId()) ?? new MemoryDatabase(() => this.newId());
    const pairId = this.newId();
    const [caldavAccountId, cloudAccountId] = ACCOUNT_IDS;
    database.begin(this.pairRow(pairId), { caldavAccountId, cloudAccountId });
    return {
      name,
      database,
      pairId,
      accounts: new Map(),
      runs: 0,
      state: 'active',
      requested: null,
      revision: 0,
      losesResult: false,
      losesWorkflow: false,
    };
  }

  static async create(profile: Profile, seed: number, servers: RealServers | null = null): Promise<WireWorld> {
    const world = new WireWorld(profile, seed, servers);
    for (const [index, calendar] of world.calendars.entries()) {
      const provider = world.providersOf(0).get(calendar.provider)!;
      const { identity, discovered, token } = await provider.verifyCredentials(calendar.credentials, {
        fetch: world.plainFetch,
      });
      for (const { accounts } of world.installations)
        accounts.set(ACCOUNT_IDS[index]!, { identity, discovered, tokens: new Tokens(token ?? null) });
    }
    world.requests = 0;
    return world;
  }

  rowOf({ database, pairId }: Installation): PairRow {
    return database.pairs.get(pairId)!;
  }

  now = (): number => this.scheduler.now;

  record(line: string): void {
    this.story.push(line);
  }

  newId(): string {
    this.ids += 1;
    return `00000000-0000-7000-8000-${this.ids.toString(16).padStart(12, '0')}`;
  }

  poll(at: Installation): Promise<PollTurn | 'lost'> {
    const { pairId, state } = at;
    return this.attempt(at, 'poll', (deps) => pollOnce(deps, { pairId, state }, NEVER));
  }

  diff(
    at: Installation,
    input: { number: number; trigger: Trigger; full: boolean; polled: boolean },
  ): Promise<DiffResult | 'lost'> {
    return this.attempt(at, 'diff', (deps) => createActivities(deps).diffPair({ pairId: at.pairId, ...input }));
  }

  apply(at: Installation, runId: string): Promise<RunSummary | 'lost'> {
    return this.attempt(at, 'apply', (deps) => createActivities(deps).applyPlan({ pairId: at.pairId, runId }));
  }

  calendarOf(side: SideName): WireCalendar {
    return this.calendars[side === 'caldav' ? 0 : 1]!;
  }

  private davCalendar(host: string, chosen: number): WireCalendar {
    const ways: Ways = WAYS[chosen % WAYS.length]!;
    return this.calendarOn(new DavServer(host, ways, this.now));
  }

  private calendarOn(server: DavServer): WireCalendar {
    const { host, ways } = server;
    return {
      name: `${host} (${ways.name})`,
      provider: 'caldav',
      credentials: { preset: 'generic', serverUrl: `${server.origin}/`, ...server.credentials },
      calendarId: server.calendar,
      host: new URL(server.origin).host,
      person: new DavPerson(server, this.now),
      keepsOrphans: false,
      dav: server,
      answer: (request) => Promise.resolve(server.answer(request)),
      expireCursors: () => server.expireTokens(),
      dump: () =>
        [...server.objects].map(
          ([path, { data }]) => `${path}\n${data.replace(/BEGIN:VTIMEZONE[\s\S]*END:VTIMEZONE\r\n/, '')}`,
        ),
      harm: () => [],
    };
  }

  private cloud(): WireCalendar {
    const { cloud, cloudWays } = this.profile;
    if (cloud === 'caldav') return this.davCalendar('cloud', cloudWays);
    return cloud === 'google' ? this.google() : this.graph();
  }

  /** One of the ways in which the stand-in can behave. */
  private bit(place: number): boolean {
    return Math.floor(this.profile.behaviour * 2 ** place) % 2 === 1;
  }

  private graph(): WireCalendar {
    const bit = (place: number): boolean => this.bit(place);
    const fake = new GraphFake({
      now: this.now,
      latencyMs: 0,
      ianaZones: 'taken',
      zoneNames: bit(1) ? 'windows' : 'sent',
      bumpAfterCreateMs: bit(2) ? 0 : null,
      foreignEtags: bit(3),
      ifMatchOnDelete: bit(4),
      repeatStatus: bit(20) && bit(21) ? 'refused' : bit(5) ? 201 : 200,
      duplicateStatus: bit(22) ? 400 : 409,
      allDayOriginalStart: bit(23) ? 'mailbox' : 'event',
      occurrenceNames: bit(24) ? 'selectable' : 'refused',
      newTimeWipes: bit(6),
      exceptionIds: bit(7) ? 'stay' : 'change',
      exceptionLists: bit(8) ? 'full' : bit(9) ? 'absent' : 'noExceptions',
      resendAfterOccurrenceDelete: bit(10),
      masterRows: bit(19),
      exceptionRows: bit(11) ? 'full' : 'skeleton',
      removedSeries: bit(12) ? 'both' : bit(13) ? 'master' : 'occurrences',
      removedInFirstRound: bit(14),
      emptyPages: bit(15) ? 0 : 1,
      duplicates: bit(16),
      maxPageSize: bit(17) ? 1000 : 3,
      syncStateStatus: bit(18) ? 410 : 404,
    });
    fake.rootUrl = GRAPH;
    const zone = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'UTC'][Math.floor(this.profile.behaviour * 4)]!;
    const account = fake.addAccount({ email: 'owner@example.org', timeZone: zone });
    const { id } = account.addCalendar({ name: 'Wire' });
    return {
      name: 'graph',
      provider: 'microsoft',
      credentials: { refreshToken: account.refreshToken },
      calendarId: id,
      host: new URL(GRAPH).host,
      person: new GraphPerson(account, id, zone),
      keepsOrphans: false,
      dav: null,
      answer: (request) => answerOf(fake, request),
      expireCursors: () => account.expireSyncTokens(id),
      dump: () => account.listRaw(id).map((item) => JSON.stringify(item)),
      harm: () => [...fake.mailLedger, ...fake.harm, ...fake.carelessRequests],
    };
  }

  private google(): WireCalendar {
    const bit = (place: number): boolean => this.bit(place);
    const lostExceptions = bit(5) ? 'tombstone' : bit(6) ? 'vanish' : 'orphan';
    const fake = new GoogleFake({
      now: this.now,
      reviveDeleted: bit(1),
      iCalUidReuse: bit(2) ? 'never' : 'afterDelete',
      instanceWriteTouchesMaster: bit(3),
      masterWriteTouchesExceptions: bit(4),
      lostExceptions,
      deletedMasterExceptions: bit(7) ? 'silent' : 'follow',
      sparseTombstones: bit(8),
      fillTimeZone: bit(9),
      maxPageSize: bit(10) ? 2500 : 2,
      emptyPages: bit(11) ? 0 : 1,
    });
    fake.rootUrl = GOOGLE;
    const account = fake.addAccount({ email: 'owner@example.org' });
    const { id } = account.addCalendar({ summary: 'Wire', timeZone: 'Europe/Berlin' });
    return {
      name: 'google',
      provider: 'google',
      credentials: { refreshToken: account.refreshToken },
      calendarId: id,
      host: new URL(GOOGLE).host,
      person: new GooglePerson(account, id),
      keepsOrphans: lostExceptions === 'orphan',
      dav: null,
      answer: (request) => answerOf(fake, request),
      expireCursors: () => account.expireSyncTokens(id),
      dump: () => account.listRaw(id).map((item) => JSON.stringify(item)),
      harm: () => [...fake.mailLedger, ...fake.carelessWrites],
    };
  }

  private pairRow(pairId: string): PairRow {
    return newPairRow(pairId, {
      caldavCalendarId: this.calendars[0]!.calendarId,
      cloudCalendarId: this.calendars[1]!.calendarId,
      direction: 'bidirectional',
      options: { ...DEFAULT_OPTIONS, holdDeletions: { moreThan: 1_000, percent: 100 } },
    });
  }

  /** One attempt at an activity, in a process of its own; `lost` if the process crashed or stalled. */
  private async attempt<Output>(
    at: Installation,
    name: string,
    activity: (deps: Deps) => Promise<Output>,
  ): Promise<Output | 'lost'> {
    const process = new Process(name, this.installations.indexOf(at), this.scheduler.now);
    const work = activity(this.depsOf(at, process));
    work.catch(() => undefined);
    return Promise.race<Output | 'lost'>([work, process.lost]);
  }

  private depsOf(at: Installation, process: Process): Deps {
    const { scheduler } = this;
    processes += 1;
    const store = at.database.open((what) => scheduler.step(process, what));
    return {
      store: Object.assign(store, {
        openedAccount: (id: string) => {
          const { provider, credentials } = this.calendars[ACCOUNT_IDS.indexOf(id)]!;
          const account = at.accounts.get(id)!;
          return Promise.resolve({ ...account, provider, credentials, saveDiscovered: () => Promise.resolve() });
        },
      }),
      providers: this.providersOf(processes),
      fetch: this.fetchOf(at, process),
      tag: (text) => `${at.name === 'one' ? 'ffff' : 'eeee'}${hashOf(text)}`,
      worker: 'tests',
      latency: 'seconds',
      historyDays: 30,
      clock: {
        now: () => new Date(scheduler.now),
        sleep: (ms) => scheduler.step(process, 'sleep', ms),
        every: () => () => {},
      },
      newId: () => this.newId(),
      random: () => 0.5,
      log: this.log,
    };
  }

  private providersOf(process: number): ReadonlyMap<string, Provider> {
    // Requests of one process to one mailbox wait for each other; those of a dead process would for ever.
    const microsoft = createMicrosoftProvider({
      clientId: 'fake-client',
      clientSecret: 'fake-secret',
      baseUrl: GRAPH.replace('https://', `https://process${process}@`),
      tokenUrl: `${GRAPH}common/oauth2/v2.0/token`,
    });
    const google = createGoogleProvider({
      clientId: 'fake-client',
      clientSecret: 'fake-secret',
      rootUrl: GOOGLE,
      tokenUrl: `${GOOGLE}token`,
      authUrl: `${GOOGLE}o/oauth2/v2/auth`,
    });
    return new Map<string, Provider>([
      ['caldav', caldavProvider as Provider],
      ['google', google as Provider],
      ['microsoft', microsoft as Provider],
    ]);
  }

  /** The network of one process, which waits for its turn before each request and after each answer. */
  private fetchOf(at: Installation, process: Process): typeof fetch {
    const { direction, settingsRevision } = this.rowOf(at);
    if (process.name === 'diff') at.revision = settingsRevision;
    const source = sourceOf(direction);
    return async (input, init) => {
      const { index, calendar, request } = this.requestOf(input, init);
      const label = `${calendar.name} ${request.method}`;
      await this.scheduler.step(process, label);
      this.requests += 1;
      const isWrite = isWriting(request);
      if (isWrite) {
        const write = { calendar: index, method: request.method, path: request.url.pathname };
        this.writes.push(write);
        const isSource = source !== null && this.calendarOf(source) === calendar;
        // A run that had begun before the last change of the settings still makes the writes that it had planned.
        const isOfNow = this.rowOf(at).settingsRevision === settingsRevision && at.revision === settingsRevision;
        if (isSource && isOfNow) this.sourceWrites.push(write);
      }
      const fault = this.faultFor(index, request);
      let answer: WireAnswer | null = null;
      const answered = isWrite && fault?.when !== 'before' ? this.aroundWrite(at, index) : null;
      if (fault?.when !== 'before') answer = await calendar.answer(request);
      answered?.();
      if (fault !== null) answer = failureOf(fault, calendar);
      await this.scheduler.step(process, `${label} answered`);
      return responseOf(answer);
    };
  }

  private plainFetch: typeof fetch = async (input, init) => {
    const { calendar, request } = this.requestOf(input, init);
    return responseOf(await calendar.answer(request));
  };

  private requestOf(
    input: Parameters<typeof fetch>[0],
    init: RequestInit | undefined,
  ): { index: number; calendar: WireCalendar; request: WireRequest } {
    const url = new URL(input instanceof Request ? input.url : String(input));
    const index = this.calendars.findIndex(({ host }) => host === url.host);
    const calendar = this.calendars[index];
    if (!calendar) throw new Error(`a request to ${url.host}`);
    const { method = 'GET', headers, body } = init ?? {};
    const request = { method, url, headers: new Headers(headers), body: typeof body === 'string' ? body : '' };
    return { index, calendar, request };
  }

  private faultFor(calendar: number, request: WireRequest): Fault | null {
    const isWrite = isWriting(request);
    for (const fault of this.faults) {
      // Only a precondition can fail.
      if (fault.status === 412 && !request.headers.has('if-match')) continue;
      if (fault.status === 404 && !['PUT', 'PATCH', 'DELETE'].includes(request.method)) continue;
      const isMet = fault.calendar === calendar && (fault.on === 'any' || (fault.on === 'write') === isWrite);
      if (!isMet || fault.left === 0) continue;
      if (fault.toSkip > 0) {
        fault.toSkip -= 1;
        continue;
      }
      fault.left -= 1;
      return fault;
    }
    return null;
  }

  private readonly log: Logger = pino(
    {
      level: 'error',
      formatters: {
        log: (fields) => {
          this.bugs.push('err' in fields ? fields['err'] : fields);
          return {};
        },
      },
    },
    { write: () => {} },
  );
}

/** Of all worlds: a schedule that is played again must not wait for requests of the first time. */
let processes = 0;

/** Of the CalDAV side and the cloud side. */
const ACCOUNT_IDS: readonly [string, string] = [
  '00000000-0000-7000-8000-00000000ca1d',
  '00000000-0000-7000-8000-00000000c10d',
];

class Tokens implements TokenStore {
  private token: StoredToken | null;

  constructor(token: StoredToken | null) {
    this.token = token;
  }

  load(): Promise<StoredToken | null> {
    return Promise.resolve(this.token);
  }

  save(token: StoredToken): Promise<void> {
    this.token = token;
    return Promise.resolve();
  }
}

function hashOf(text: string): string {
  return [...text].reduce((sum, one) => (sum * 31 + one.charCodeAt(0)) >>> 0, 7).toString(16);
}

function isWriting({ method, url }: WireRequest): boolean {
  return ['PUT', 'DELETE', 'PATCH'].includes(method) || (method === 'POST' && /\/events$/.test(url.pathname));
}

async function answerOf(
  fake: GoogleFake | GraphFake,
  { method, url, headers, body }: WireRequest,
): Promise<WireAnswer | null> {
  const sent = await fake.answer({
    method,
    path: url.pathname,
    search: url.searchParams,
    headers: Object.fromEntries(headers),
    body,
  });
  return sent === null ? null : { status: sent.status, headers: sent.headers, body: sent.text };
}

/** @throws SyncError as `createFetch` does where there is no answer */
function responseOf(answer: WireAnswer | DavAnswer | null): Response {
  if (answer === null) throw new SyncError('unreachable', 'the connection was cut');
  const { status, headers = {}, body } = answer;
  const isEmpty = status === 204 || status === 304;
  return new Response(isEmpty ? null : (body ?? ''), {
    status,
    headers: { date: new Date().toUTCString(), ...headers },
  });
}

/** A failure in the words of the service. */
function failureOf({ status, waitSeconds }: Fault, { provider }: WireCalendar): WireAnswer | null {
  if (status === 0) return null;
  const headers: Record<string, string> = waitSeconds === null ? {} : { 'retry-after': `${waitSeconds}` };
  if (provider === 'caldav') return { status, headers: { 'content-type': 'text/plain', ...headers }, body: 'failed' };
  const json = { 'content-type': 'application/json; charset=UTF-8', ...headers };
  const reason = { 429: 'rateLimitExceeded', 412: 'conditionNotMet', 404: 'notFound' }[status] ?? 'backendError';
  if (provider === 'google')
    return {
      status,
      headers: json,
      body: JSON.stringify({ error: { code: status, message: reason, errors: [{ domain: 'global', reason }] } }),
    };
  return { status, headers: json, body: JSON.stringify({ error: { code: reason, message: reason } }) };
}

const NEVER = new AbortController().signal;
