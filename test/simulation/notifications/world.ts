/**
 * The world of the simulation of notifications: calendars, services that report their changes, and Calpair around them:
 * its workflows, activities and the receiver are the product's own. Time, the database and Temporal are in memory.
 */
import { asyncLocalStorage } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import type { Deps } from '../../../activities/deps.ts';
import { createActivities, createPushActivities } from '../../../activities/index.ts';
import { PollLoops } from '../../../activities/poll-loop.ts';
import type { PushReceiver } from '../../../api/push-receiver.ts';
import { receiveNotifications } from '../../../api/receive-notifications.ts';
import { ControlError } from '../../../api/temporal/pair-control.ts';
import { DEFAULT_OPTIONS } from '../../../core/sync/policy.ts';
import type { Provider, Side } from '../../../providers/provider.ts';
import type { AccountPush } from '../../../providers/push.ts';
import { pushChannels } from '../../../workflows/push-channels.ts';
import { syncPair } from '../../../workflows/sync-pair.ts';
import { FakeSide, fakeProvider } from '../../support/fake-side.ts';
import { type Random, randomOf } from '../../support/random.ts';
import { MemoryChannels, type PolledCalendar } from '../memory-channels.ts';
import { MemoryDatabase } from '../memory-store.ts';
import { OPEN_VAULT } from '../open-vault.ts';
import { newPairRow, START } from '../pair-row.ts';
import { type Message, NotifyingService, PUSH_OF } from './service.ts';
import type { Profile } from './steps.ts';
import { type ActivityCall, isFinal, Workflow, type WorkflowHost } from './temporal.ts';
import { Owner, Timeline } from './timeline.ts';

/** A calendar, who reports its changes, and what Calpair does about it. */
export interface Calendar {
  readonly index: number;
  readonly side: FakeSide;
  readonly service: NotifyingService | null;
  /** When it was asked for changes; `isFull`: for everything. */
  readonly polls: { readonly at: number; readonly isFull: boolean }[];
  /** When a notification of a change was accepted. */
  readonly accepted: number[];
  /** A call takes up to so long, ms. */
  slowness: number;
}

const LEASE_MS = 30_000;
const [WORKER_COUNT, QUICK_MS, STATEMENT_MS] = [2, 20, 4];
type Activities = Readonly<Record<string, (input: unknown) => Promise<unknown>>>;

class Worker extends Owner {
  readonly lost: Promise<'lost'>;
  private giveUp: () => void = () => {};
  activities: Activities = {};

  constructor() {
    super();
    this.lost = new Promise((resolve) => {
      this.giveUp = () => resolve('lost');
    });
  }

  die(): void {
    this.isDead = true;
    this.giveUp();
  }
}

export class World {
  readonly timeline = new Timeline(START);
  readonly random: Random;
  readonly database: MemoryDatabase;
  readonly channels: MemoryChannels;
  readonly calendars: Calendar[];
  readonly profile: Profile;
  readonly story: string[] = [];
  /** Errors that were logged. */
  readonly bugs: unknown[] = [];
  /** When the API was not there. */
  readonly apiOutages: { readonly from: number; to: number }[] = [];
  losesSignals = 0;
  private readonly workflows = new Map<string, Workflow>();
  private workers: Worker[];
  private api: { readonly owner: Owner; readonly receiver: PushReceiver & { stop(): Promise<void> } } | null = null;
  private ids = 0;

  constructor(profile: Profile, seed: number) {
    this.profile = profile;
    this.random = randomOf(seed ^ 0x9e37);
    this.database = new MemoryDatabase(() => this.newId());
    this.calendars = profile.calendars.map((_, index) => this.calendar(index));
    this.channels = new MemoryChannels({
      now: () => new Date(this.timeline.now),
      newId: () => this.newId(),
      polled: () => this.polled(),
      accounts: () => this.calendars.map(({ index }) => ({ ...this.accountOf(index), isOk: true })),
    });
    this.database.providerOf = (id) => this.accountOf(Number(id)).provider;
    this.database.push = {
      stateOf: (accountId) => this.channels.stateOf(this.placeOf(Number(accountId))),
      noteUnreported: ({ accountId }, now) => this.channels.noteUnreported(this.placeOf(Number(accountId)), now),
    };
    this.workers = Array.from({ length: WORKER_COUNT }, () => this.worker());
    this.timeline.whenStill = () => [...this.workflows.values()].map((one) => one.resume()).includes(true);
    for (const pair of profile.pairs) this.addPair(pair);
    for (const { id } of this.database.pairs.values()) this.start(id, syncPair, { pairId: id, paused: false });
    if (this.isPushOn) this.startApi();
  }

  get isPushOn(): boolean {
    return this.profile.calendars.some((style) => style !== null);
  }

  /** The calendars on the other sides of its pairs. */
  partnersOf(index: number): Calendar[] {
    return this.profile.pairs.flatMap(({ caldav, cloud }) =>
      caldav === index ? [this.calendars[cloud]!] : cloud === index ? [this.calendars[caldav]!] : [],
    );
  }

  record(line: string): void {
    this.story.push(`${new Date(this.timeline.now).toISOString().slice(8, 23)}  ${line}`);
  }

  private calendar(index: number): Calendar {
    const { timeline } = this;
    const style = this.profile.calendars[index] ?? null;
    const clock = {
      get now() {
        return timeline.now;
      },
      // Each write would take a second of everybody's time.
      set now(_later: number) {},
    };
    const side = new FakeSide(`calendar${index + 1}`, clock, { answers: 'sent', keepsIds: index > 0 });
    const post = (message: Message): Promise<boolean | null> => this.receive(calendar, message);
    const service = style && new NotifyingService(style, timeline, randomOf(index + 77), post);
    if (service) service.lifeMs = this.profile.lifeHours * 3_600_000;
    const calendar: Calendar = { index, side, service, polls: [], accepted: [], slowness: 400 };
    return calendar;
  }

  private addPair({ caldav, cloud }: Profile['pairs'][number]): void {
    const id = this.newId();
    const row = newPairRow(id, {
      caldavCalendarId: `${caldav}`,
      cloudCalendarId: `${cloud}`,
      direction: 'bidirectional',
      options: { ...DEFAULT_OPTIONS, holdDeletions: { moreThan: 1_000, percent: 100 } },
    });
    this.database.pairs.set(id, { ...row, pollIntervalSeconds: this.profile.intervalSeconds });
    this.database.accountsOf.set(id, { caldavAccountId: `${caldav}`, cloudAccountId: `${cloud}` });
  }

  private accountOf(index: number): { id: string; provider: string; identity: string } {
    return { id: `${index}`, provider: this.profile.calendars[index] ?? 'silent', identity: 'owner' };
  }

  private placeOf(index: number): { provider: string; identity: string; calendarId: string } {
    return { ...this.accountOf(index), calendarId: `${index}` };
  }

  private polled(): PolledCalendar[] {
    return this.calendars.map(({ index }) => ({
      ...this.placeOf(index),
      pairIds: [...this.database.pairs.values()].flatMap(({ id, caldavCalendarId, cloudCalendarId }) =>
        [caldavCalendarId, cloudCalendarId].includes(`${index}`) ? id : [],
      ),
    }));
  }

  private newId(): string {
    this.ids += 1;
    return `00000000-0000-7000-8000-${this.ids.toString(16).padStart(12, '0')}`;
  }

  // Temporal.

  private start<Input>(id: string, code: (input: Input) => Promise<void>, input: Input): void {
    if (this.workflows.has(id)) return;
    const host: WorkflowHost = {
      call: (activity) => this.call(activity),
      after: (ms, work) => this.timeline.after(ms, work),
    };
    const workflow = new Workflow(host);
    this.workflows.set(id, workflow);
    workflow.run(code, input).then(
      () => this.workflows.delete(id),
      (error: unknown) => this.bugs.push(error),
    );
  }

  /** Until it has succeeded, on whatever worker there is. */
  private async call({ name, input, onCancel, awaitsEnd }: ActivityCall): Promise<unknown> {
    let isGivenUp = false;
    onCancel(() => (isGivenUp = true));
    for (;;) {
      const worker = this.random.pick(this.workers);
      const scheduledTimestampMs = this.timeline.now;
      await this.latency(QUICK_MS);
      const environment = new MockActivityEnvironment({ scheduledTimestampMs });
      environment.on('heartbeat', () => {
        if (isGivenUp) environment.cancel();
      });
      try {
        const work = asyncLocalStorage.run(environment.context, () => worker.activities[name]!(input));
        const result = await Promise.race([work, worker.lost]);
        if (result !== 'lost') {
          await this.latency(QUICK_MS);
          return result;
        }
        if (isGivenUp) throw new CancelledFailure('cancelled');
        await this.timeline.wait(LEASE_MS);
      } catch (error) {
        if (isFinal(error) || (isGivenUp && (awaitsEnd || error instanceof CancelledFailure))) throw error;
        if (!(error instanceof ApplicationFailure)) this.bugs.push(error);
        await this.timeline.wait(1_000);
      }
    }
  }

  private latency(ms: number, owner: Owner | null = null): Promise<void> {
    return this.timeline.wait(this.random.next() * ms, owner);
  }

  // The worker processes.

  private worker(): Worker {
    const worker = new Worker();
    const { timeline } = this;
    const deps: Deps = {
      store: this.database.open(() => this.latency(STATEMENT_MS, worker)),
      providers: this.providers(worker),
      fetch: () => Promise.reject(new Error('the simulation has no network')),
      worker: 'tests',
      tag: () => 'ffff',
      latency: this.profile.latency,
      historyDays: 30,
      clock: {
        now: () => new Date(timeline.now),
        sleep: (ms, signal) => timeline.sleep(ms, signal, worker),
        every: (ms, work) => timeline.every(ms, work, worker),
      },
      newId: () => this.newId(),
      random: () => this.random.next(),
      log: this.log(),
    };
    const loops = new PollLoops();
    const channels = this.channels.open(() => this.latency(STATEMENT_MS, worker));
    const push = { isOn: this.isPushOn, address: (path: string) => `https://calpair.example/v1/webhooks/${path}` };
    worker.activities = {
      ...createActivities(deps, { loops }),
      ...createPushActivities({ ...deps, channels, push }, loops),
    } as unknown as Activities;
    return worker;
  }

  crashWorker(): void {
    const place = this.random.below(this.workers.length);
    this.workers[place]?.die();
    this.workers[place] = this.worker();
  }

  private providers(owner: Owner): Map<string, Provider> {
    const kinds = [...new Set(this.calendars.map(({ index }) => this.accountOf(index).provider))];
    const sides = new Map(this.calendars.map((calendar) => [`${calendar.index}`, this.sideOf(calendar, owner)]));
    return new Map(
      kinds.map((kind) => {
        const plain = fakeProvider(kind, sides, () => 'owner');
        if (kind === 'silent') return [kind, plain];
        const push = PUSH_OF[kind as keyof typeof PUSH_OF];
        const of = (calendarId: string): AccountPush => {
          const { service, slowness } = this.calendars[Number(calendarId)]!;
          return service!.accountPush(() => this.latency(slowness, owner));
        };
        const accountPush: AccountPush = {
          open: (calendarId, request) => of(calendarId).open(calendarId, request),
          close: (channel) => of(channel.calendarId).close(channel),
          ...(kind === 'google'
            ? {}
            : {
                renew: (channel, request) => of(channel.calendarId).renew!(channel, request),
                closeOthers: (calendarId, ...rest) => of(calendarId).closeOthers!(calendarId, ...rest),
              }),
        };
        const open: Provider['open'] = (account, io) => ({ ...plain.open(account, io), push: accountPush });
        return [kind, { ...plain, push, open }];
      }),
    );
  }

  /** The calendar for one process: each call takes time, before and after it takes effect. */
  private sideOf(calendar: Calendar, owner: Owner): Side {
    const { side, service } = calendar;
    const call = async <T>(work: () => Promise<T>): Promise<T> => {
      await this.latency(calendar.slowness, owner);
      const before = side.writes.length;
      try {
        return await work();
      } finally {
        for (let count = side.writes.length - before; count > 0; count -= 1) service?.changed();
        await this.latency(calendar.slowness, owner);
      }
    };
    const pages = async function* (this: World, cursor: string | null, known: Parameters<Side['changes']>[1]) {
      calendar.polls.push({ at: this.timeline.now, isFull: cursor === null });
      const listing = side.changes(cursor, known)[Symbol.asyncIterator]();
      for (;;) {
        const page = await call(() => listing.next());
        if (page.done) return;
        yield page.value;
        if (page.value.end) return;
      }
    };
    return {
      writesAtOnce: 2,
      changes: (cursor, known) => pages.call(this, cursor, known),
      get: (resources) => call(() => side.get(resources)),
      create: (event, key, generation) => call(() => side.create(event, key, generation)),
      update: (stored, next) => call(() => side.update(stored, next)),
      remove: (stored) => call(() => side.remove(stored)),
      read: (stored) => side.read(stored),
      unsupported: (event) => side.unsupported(event),
    };
  }

  // The API process.

  startApi(): void {
    const owner = new Owner();
    const { timeline } = this;
    const outage = this.apiOutages.at(-1);
    if (outage?.to === Infinity) outage.to = timeline.now;
    const receiver = receiveNotifications(
      {
        channels: this.channels.open(() => this.latency(STATEMENT_MS, owner)),
        store: { vault: OPEN_VAULT },
        providers: this.providers(owner),
        control: { calendarChanged: (pairId) => this.signal(pairId, owner) },
        bookings: { watch: () => Promise.resolve() },
        log: this.log(),
        publicUrl: () => 'https://calpair.example',
      },
      async () => this.start('push-channels', pushChannels as (input: null) => Promise<void>, null),
      {
        now: () => timeline.now - START,
        date: () => new Date(timeline.now),
        after: (ms, work) => timeline.after(ms, work, owner),
      },
    );
    this.api = { owner, receiver };
  }

  stopApi(isCrash: boolean): void {
    if (!this.api) return;
    const { owner, receiver } = this.api;
    this.api = null;
    this.apiOutages.push({ from: this.timeline.now, to: Infinity });
    if (isCrash) owner.isDead = true;
    else void receiver.stop();
  }

  private async signal(pairId: string, owner: Owner): Promise<void> {
    await this.latency(QUICK_MS, owner);
    if (this.losesSignals > 0) {
      this.losesSignals -= 1;
      throw new ControlError('unavailable');
    }
    this.workflows.get(pairId)?.signal('calendarChanged');
  }

  private async receive(calendar: Calendar, message: Message): Promise<boolean | null> {
    if (!this.api) return null;
    const { receiver } = this.api;
    const { style, token, ...plain } = message;
    const body = Buffer.from(JSON.stringify(style === 'caldav' ? [plain.kind] : plain));
    const { now } = this.timeline;
    const answer =
      style === 'google'
        ? await receiver.google({ 'x-message': body.toString() })
        : style === 'microsoft'
          ? await receiver.microsoft(body)
          : await receiver.webdav(token, {}, body);
    if (answer === true && plain.kind !== 'opened' && plain.kind !== 'renew') calendar.accepted.push(now);
    return answer === true;
  }

  private log(): Deps['log'] {
    const log = (fields: Record<string, unknown>): Record<string, unknown> => {
      this.bugs.push(fields['err'] ?? fields);
      return {};
    };
    return pino({ level: 'error', formatters: { log } }, { write: () => {} });
  }
}
