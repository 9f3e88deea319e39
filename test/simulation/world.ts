/** The simulated world in which a schedule is played: calendars, pairs and their processes, a database and a clock. */
import { ApplicationFailure } from '@temporalio/common';
import { type Logger, pino } from 'pino';
import type { Deps } from '../../activities/deps.ts';
import { createActivities } from '../../activities/index.ts';
import { pollOnce } from '../../activities/pair/poll-pair.ts';
import type { PollTurn } from '../../activities/pair/poll-turn.ts';
import type { SideName } from '../../core/event.ts';
import { DEFAULT_OPTIONS, type Direction, type PairOptions } from '../../core/sync/policy.ts';
import type { Trigger } from '../../core/sync/trigger.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { PairRow } from '../../db/pairs.ts';
import type { Side } from '../../providers/provider.ts';
import type { DiffResult, PairState, RunSummary } from '../../workflows/messages.ts';
import { FakeSide, type FakeWrite, fakeProvider, type Habits } from '../support/fake-side.ts';
import { randomOf } from '../support/random.ts';
import { Ledger, lineageOf } from './ledger.ts';
import { MemoryDatabase } from './memory-store.ts';
import { shareOneContext } from './one-context.ts';
import { newPairRow, START } from './pair-row.ts';
import { Process, Scheduler } from './scheduler.ts';

/** The calendars and pairs of a world. */
export interface Profile {
  /** The behaviour of each calendar. */
  readonly calendars: readonly Partial<
    Omit<Habits, 'rewrite' | 'unsupported'> & {
      readonly rewritesLocation: boolean;
      readonly noCancelled: boolean;
      readonly clockSkewMs: number;
    }
  >[];
  /** Indexes of calendars. */
  readonly pairs: readonly {
    readonly caldav: number;
    readonly cloud: number;
    readonly direction: Direction;
    readonly options: Partial<PairOptions>;
  }[];
}

export interface RunRequest {
  readonly trigger: Trigger;
  readonly full: boolean;
}

/** A pair with the state of its workflow. */
export interface PairWorkflow {
  readonly index: number;
  readonly id: string;
  readonly calendars: Record<SideName, FakeSide>;
  runs: number;
  state: PairState;
  requested: RunRequest | null;
}

/** A write by Calpair, at the moment when it takes effect. */
export interface ObservedWrite extends FakeWrite {
  readonly calendar: FakeSide;
  readonly process: Process;
}

export type CycleResult = 'changed' | 'state' | 'quiet' | 'waiting' | 'broken';

export class World {
  readonly ledger = new Ledger();
  readonly scheduler: Scheduler;
  readonly database: MemoryDatabase;
  readonly calendars: FakeSide[];
  readonly pairs: PairWorkflow[];
  /** A server rewrites locations. */
  readonly hasRewriting: boolean;
  /** Errors that were logged as bugs. */
  readonly bugs: unknown[] = [];
  /** A sync is running, so it may see only a part of what a person does now. */
  isSyncing = false;
  /** When the current sync started. */
  syncSince = 0;
  /** The number of events when the current sync started, or later, if people added some. */
  sizeAtSync = new Map<FakeSide, number>();
  /** The largest number of events at the start of any sync. */
  readonly maxSizeAtSync = new Map<FakeSide, number>();
  /** What happened, in lines for people. */
  readonly story: string[] = [];
  onWrite: (write: ObservedWrite) => void = () => {};
  /** Called before each call to a calendar. */
  onCall: (process: Process, calendar: FakeSide) => void = () => {};
  /** Called when listing changes fails. */
  onRefusal: (process: Process, calendar: FakeSide, error: unknown) => void = () => {};
  /** The process of the current call to a calendar. */
  private caller: Process | null = null;
  private ids = 0;

  constructor(profile: Profile, seed: number) {
    shareOneContext();
    const random = randomOf(seed ^ 0x5eed);
    this.scheduler = new Scheduler(random, START);
    this.database = new MemoryDatabase(() => this.newId());
    this.calendars = profile.calendars.map((habits, index) => this.calendar(`calendar${index + 1}`, habits));
    this.pairs = profile.pairs.map((pair, index) => this.pair(pair, index));
    this.hasRewriting = profile.calendars.some(({ rewritesLocation }) => rewritesLocation);
  }

  private calendar(name: string, habits: Profile['calendars'][number]): FakeSide {
    const { rewritesLocation, noCancelled, clockSkewMs, ...plain } = habits;
    const calendar = new FakeSide(name, this.scheduler, {
      // A server that rewrites what it stores sends no strong ETag for it.
      namesVersion: rewritesLocation !== true,
      ...plain,
      ...(rewritesLocation
        ? {
            rewrite: (event) =>
              event.location === '' || event.location.endsWith('.')
                ? event
                : { ...event, location: `${event.location}.` },
          }
        : {}),
      unsupported: (event) =>
        noCancelled && event.status === 'cancelled' ? { code: 'cancelled-not-carried', detail: 'not here' } : null,
    });
    calendar.clockSkewMs = clockSkewMs ?? 0;
    calendar.onWrite = (write) => this.onWrite({ ...write, calendar, process: this.caller as Process });
    return calendar;
  }

  private pair({ caldav, cloud, direction, options }: Profile['pairs'][number], index: number): PairWorkflow {
    const id = this.newId();
    const row = newPairRow(id, {
      caldavCalendarId: `${caldav}`,
      cloudCalendarId: `${cloud}`,
      direction,
      options: { ...DEFAULT_OPTIONS, ...options },
    });
    this.database.pairs.set(id, row);
    this.database.accountsOf.set(id, { caldavAccountId: `${caldav}`, cloudAccountId: `${cloud}` });
    return {
      index,
      id,
      runs: 0,
      state: 'active',
      requested: null,
      calendars: { caldav: this.calendars[caldav] as FakeSide, cloud: this.calendars[cloud] as FakeSide },
    };
  }

  row(pair: PairWorkflow): PairRow {
    return this.database.pairs.get(pair.id) as PairRow;
  }

  /**
   * A write to the event is not confirmed. The engine cannot always tell what a person does to such an event: a 404 for
   * a copy that was neither listed nor confirmed does not prove its deletion.
   */
  isUnconfirmed(calendar: FakeSide, ref: string): boolean {
    const lineage = lineageOf(calendar.items.get(ref)?.event ?? null);
    return this.calendars.some((one) =>
      [...one.items.values()].some(
        (item) =>
          ((one === calendar && item.ref === ref) || (lineage !== null && lineageOf(item.event) === lineage)) &&
          this.isUnconfirmedAt(one, item.ref),
      ),
    );
  }

  private isUnconfirmedAt(calendar: FakeSide, ref: string): boolean {
    return this.pairs.some((pair) =>
      (['caldav', 'cloud'] as const).some((side) => {
        if (pair.calendars[side] !== calendar) return false;
        const row = [...this.database.sides.values()].find(
          (one) => one.pairId === pair.id && one.side === side && one.ref === ref,
        );
        if (!row) return true;
        const other = this.database.sides.get(`${row.linkId}/${side === 'caldav' ? 'cloud' : 'caldav'}`);
        if (!other || isUnseen(other)) return true;
        const ops = [...this.database.ops.values()]
          .filter((op) => op.linkId === row.linkId)
          .sort((a, b) => (a.id < b.id ? -1 : 1));
        return (
          isUnseen(row) ||
          row.base === null ||
          ops.some(({ runId, status }) => status !== 'done' && runId === ops.at(-1)?.runId)
        );
      }),
    );
  }

  /** A listing or a change feed has shown the event, or the service's own answer has, and this is stored. */
  wasSeen(calendar: FakeSide, ref: string): boolean {
    return [...this.database.sides.values()].some(
      (row) =>
        row.ref === ref &&
        (row.listed || !isUnseen(row)) &&
        this.pairs.find(({ id }) => id === row.pairId)?.calendars[row.side] === calendar,
    );
  }

  record(line: string): void {
    this.story.push(line);
  }

  /** Ids in order of creation, the same each time a schedule is played. */
  newId(): string {
    this.ids += 1;
    return `00000000-0000-7000-8000-${this.ids.toString(16).padStart(12, '0')}`;
  }

  poll(pair: PairWorkflow): Promise<PollTurn | 'lost'> {
    const input = { pairId: pair.id, state: pair.state };
    return this.attempt(pair, 'poll', (deps) => pollOnce(deps, input, NEVER));
  }

  diff(
    pair: PairWorkflow,
    input: { number: number; trigger: Trigger; full: boolean; polled: boolean },
  ): Promise<DiffResult | 'lost'> {
    return this.attempt(pair, 'diff', (deps) => createActivities(deps).diffPair({ pairId: pair.id, ...input }));
  }

  apply(pair: PairWorkflow, runId: string): Promise<RunSummary | 'lost'> {
    return this.attempt(pair, 'apply', (deps) => createActivities(deps).applyPlan({ pairId: pair.id, runId }));
  }

  /** One attempt at an activity, in a process of its own; `lost` if the process crashed or stalled. */
  private async attempt<Output>(
    pair: PairWorkflow,
    name: string,
    activity: (deps: Deps) => Promise<Output>,
  ): Promise<Output | 'lost'> {
    const process = new Process(`${name} of pair ${pair.index + 1}`, pair.index, this.scheduler.now);
    const work = activity(this.depsOf(process, pair));
    work.catch(() => undefined);
    return Promise.race<Output | 'lost'>([work, process.lost]);
  }

  private depsOf(process: Process, pair: PairWorkflow): Deps {
    const { scheduler } = this;
    const sides = new Map<string, Side>(
      this.calendars.map((calendar, index) => [`${index}`, this.sideOf(calendar, process)]),
    );
    return {
      store: this.database.open((what) => scheduler.step(process, what)),
      providers: new Map([
        [
          'model',
          fakeProvider('model', sides, () =>
            Object.values(pair.calendars).some(({ isStrangers }) => isStrangers) ? 'stranger' : 'owner',
          ),
        ],
      ]),
      fetch: () => Promise.reject(new Error('the simulation has no network')),
      worker: 'tests',
      tag: () => 'ffff',
      latency: 'seconds',
      historyDays: 30,
      eventsAtOnce: 2,
      clock: {
        now: () => new Date(scheduler.now),
        // A wait of milliseconds may end before or after anything else that happens now.
        sleep: (ms) => scheduler.step(process, 'sleep', ms <= 10 ? 0 : ms),
        every: () => () => {},
      },
      newId: () => this.newId(),
      random: () => 0.5,
      log: this.log(pair),
    };
  }

  /** The calendar for one process, which waits for its turn before each call and after each response. */
  private sideOf(calendar: FakeSide, process: Process): Side {
    const { scheduler } = this;
    const call = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
      await scheduler.step(process, `${calendar.name}.${name}`);
      this.caller = process;
      this.onCall(process, calendar);
      try {
        return await work();
      } catch (error) {
        if (name === 'changes') this.onRefusal(process, calendar, error);
        throw error;
      } finally {
        await scheduler.step(process, `${calendar.name}.${name} answered`);
      }
    };
    const pages = async function* (this: void, cursor: string | null, known: Parameters<Side['changes']>[1]) {
      const listing = calendar.changes(cursor, known)[Symbol.asyncIterator]();
      for (;;) {
        const page = await call('changes', () => listing.next());
        if (page.done) return;
        yield page.value;
        if (page.value.end) return;
      }
    };
    return {
      writesAtOnce: 2,
      changes: pages,
      get: (resources) => call('get', () => calendar.get(resources)),
      create: (event, key, generation) => call('create', () => calendar.create(event, key, generation)),
      update: (stored, next) => call('update', () => calendar.update(stored, next)),
      remove: (stored) => call('remove', () => calendar.remove(stored)),
      read: (stored) => calendar.read(stored),
      unsupported: (event) => calendar.unsupported(event),
    };
  }

  /** A logged error without a cause is a fault that a server simulated. */
  private recordBug(fields: Record<string, unknown>): Record<string, unknown> {
    if (!('err' in fields) || fields['err'] !== undefined) this.bugs.push(fields['err'] ?? fields);
    return {};
  }

  private readonly logs = new Map<number, Logger>();
  private log(pair: PairWorkflow): Logger {
    const existing = this.logs.get(pair.index);
    if (existing) return existing;
    const log = pino({ level: 'error', formatters: { log: (fields) => this.recordBug(fields) } }, { write: () => {} });
    this.logs.set(pair.index, log);
    return log;
  }
}

/** The type of a failure that only sets the time of the next attempt; null for any other error. */
export function quietFailure(error: unknown): 'NoChange' | 'Waiting' | 'Paused' | null {
  if (!(error instanceof ApplicationFailure)) return null;
  return error.type === 'NoChange' || error.type === 'Waiting' || error.type === 'Paused' ? error.type : null;
}

const NEVER = new AbortController().signal;

/** A write is not confirmed, or a copy that was accepted is awaited: its side has shown nothing of it. */
function isUnseen({ confirmed, current, gone }: Pick<SideRow, 'confirmed' | 'current' | 'gone'>): boolean {
  return !confirmed || (current === null && gone === 'no');
}
