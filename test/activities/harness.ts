/** One pair with real PostgreSQL and two calendars in memory, driven as the workflow drives it: poll, diff, apply. */
import { randomBytes } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { eq } from 'drizzle-orm';
import { pino } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { type Deps, SYSTEM_CLOCK } from '../../activities/deps.ts';
import { createActivities } from '../../activities/index.ts';
import { pollOnce } from '../../activities/pair/poll-pair.ts';
import type { SideName } from '../../core/event.ts';
import { DEFAULT_OPTIONS, type Direction, type PairOptions } from '../../core/sync/policy.ts';
import type { Trigger } from '../../core/sync/trigger.ts';
import { createAccount } from '../../db/accounts.ts';
import { connect, type Db } from '../../db/connect.ts';
import { postgresStore } from '../../db/postgres-store.ts';
import { conflicts, connections, heldChanges, linkSides, links, pairs, problems, runs } from '../../db/schema.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import { createVault } from '../../db/vault.ts';
import type { PairState, RunSummary } from '../../workflows/messages.ts';
import { type Clock, FakeSide, fakeProvider, type Habits } from '../support/fake-side.ts';

export interface HarnessOptions {
  readonly direction?: Direction;
  readonly options?: Partial<PairOptions>;
  readonly caldav?: Partial<Habits>;
  readonly cloud?: Partial<Habits>;
  /** Sides of another pair, which this one shares, and its clock. */
  readonly sharing?: Partial<Pick<Harness, 'caldav' | 'cloud'>> & Pick<Harness, 'clock'>;
  /** Wraps the database, for crashes. */
  readonly wrapDb?: (db: Db) => Db;
}

/** What a poll came to: `NoChange` while nothing is to be done, `Waiting` while a side cannot be read. */
export type Polled = 'changed' | 'state' | 'NoChange' | 'Waiting';

const START = Date.parse('2026-06-10T08:00:00Z');

export class Harness {
  readonly clock: Clock;
  readonly caldav: FakeSide;
  readonly cloud: FakeSide;
  readonly db: Db;
  readonly deps: Deps;
  pairId = '';
  state: PairState = 'active';
  runs = 0;
  /** Whose calendars the credentials open. */
  person = 'fake';
  /** Errors that were logged as mistakes of ours. */
  readonly mistakes: unknown[] = [];
  /** Called before a failed attempt is repeated. */
  onFailedAttempt: () => Promise<void> = () => Promise.resolve();

  private constructor(db: Db, options: HarnessOptions) {
    this.db = db;
    this.clock = options.sharing?.clock ?? { now: START };
    this.caldav = options.sharing?.caldav ?? new FakeSide('caldav', this.clock, { answers: 'sent', ...options.caldav });
    this.cloud = options.sharing?.cloud ?? new FakeSide('cloud', this.clock, { keepsIds: true, ...options.cloud });
    const calendars = new Map([
      ['caldav', this.caldav],
      ['cloud', this.cloud],
    ]);
    this.deps = {
      store: postgresStore(options.wrapDb?.(db) ?? db),
      providers: new Map([['fake', fakeProvider('fake', calendars, () => this.person)]]),
      fetch: () => Promise.reject(new Error('nothing is fetched here')),
      worker: 'tests',
      tag: () => 'ffff',
      latency: 'interval',
      historyDays: 90,
      clock: { ...SYSTEM_CLOCK, now: () => new Date(this.clock.now) },
      newId: uuidv7,
      // Every side is due after exactly one interval, so that each cycle polls both.
      random: () => 0.5,
      log: pino(
        {
          level: 'error',
          formatters: {
            log: (fields) => {
              this.mistakes.push(fields['err'] ?? fields);
              return {};
            },
          },
        },
        { write: () => {} },
      ),
    };
  }

  static async open(url: string, options: HarnessOptions = {}): Promise<Harness> {
    const harness = new Harness(connectOnce(url), options);
    const account = async (username: string) =>
      (
        await createAccount(harness.db, {
          provider: 'fake',
          preset: null,
          label: null,
          externalId: null,
          username,
          identity: 'fake',
          discovered: {},
          credentials: {},
          canCreateCalendars: false,
        })
      ).id;
    const [connectionId, pairId] = [uuidv7(), uuidv7()];
    await harness.db.sql.insert(connections).values({
      id: connectionId,
      name: null,
      caldavAccountId: await account('a'),
      cloudAccountId: await account('b'),
    });
    await harness.db.sql.insert(pairs).values({
      id: pairId,
      connectionId,
      caldavCalendarId: 'caldav',
      cloudCalendarId: 'cloud',
      calendars: pairId,
      floatingZone: 'Europe/Berlin',
      direction: options.direction ?? 'bidirectional',
      pollIntervalSeconds: 60,
      options: { ...DEFAULT_OPTIONS, ...options.options },
      paused: false,
      createdAt: new Date(START),
    });
    harness.pairId = pairId;
    return harness;
  }

  side(name: SideName): FakeSide {
    return name === 'caldav' ? this.caldav : this.cloud;
  }

  get writes(): number {
    return this.caldav.writes.length + this.cloud.writes.length;
  }

  advance(seconds: number): void {
    this.clock.now += seconds * 1000;
  }

  async poll(): Promise<Polled> {
    const input = { pairId: this.pairId, state: this.state };
    const turn = await run(() => pollOnce(this.deps, input, new AbortController().signal), undefined);
    if (turn.kind === 'state') this.state = turn.state;
    if (turn.kind === 'state' || turn.kind === 'changed') return turn.kind;
    if (turn.kind === 'gone') throw new Error('the pair was deleted');
    return turn.kind === 'quiet' && turn.failure ? 'Waiting' : 'NoChange';
  }

  /** One run, repeated as Temporal repeats it: until it ends, at most `attempts` times. */
  async run(trigger: Trigger = 'signal', { full = false, polled = false, attempts = 1 } = {}): Promise<RunSummary> {
    this.runs += 1;
    const input = { pairId: this.pairId, number: this.runs, trigger, full, polled };
    const diff = await this.repeated(attempts, (attempt) => run(createActivities(this.deps).diffPair, input, attempt));
    return (
      diff.ended ??
      this.repeated(attempts, (attempt) =>
        run(createActivities(this.deps).applyPlan, { pairId: this.pairId, runId: diff.runId }, attempt),
      )
    );
  }

  private async repeated<T>(attempts: number, work: (attempt: number) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work(attempt);
      } catch (error) {
        if (attempt >= attempts) throw error;
        await this.onFailedAttempt();
      }
    }
  }

  /** A poll, and a run where it says so. */
  async cycle(attempts = 1): Promise<Polled> {
    this.advance(61);
    let polled = await this.repeated(attempts, () => this.poll());
    if (polled === 'state') polled = await this.poll();
    if (polled === 'changed') await this.run('poll', { polled: true, attempts });
    return polled;
  }

  /** Cycles until nothing changes; answers how many it took. @throws when that takes more than `most` */
  async settle(most = 4, attempts = 1): Promise<number> {
    for (let cycles = 1; cycles <= most; cycles += 1) {
      if ((await this.cycle(attempts)) === 'NoChange') return cycles;
    }
    throw new Error(`not quiescent after ${most} cycles`);
  }

  async pair() {
    return (await this.db.sql.select().from(pairs).where(eq(pairs.id, this.pairId)))[0]!;
  }

  async set(values: Partial<typeof pairs.$inferInsert>): Promise<void> {
    await this.db.sql.update(pairs).set(values).where(eq(pairs.id, this.pairId));
  }

  problems() {
    return this.db.sql.select().from(problems).where(eq(problems.pairId, this.pairId));
  }

  held() {
    return this.db.sql.select().from(heldChanges).where(eq(heldChanges.pairId, this.pairId));
  }

  runRows() {
    return this.db.sql.select().from(runs).where(eq(runs.pairId, this.pairId)).orderBy(runs.number);
  }

  linkRows() {
    return this.db.sql.select().from(links).where(eq(links.pairId, this.pairId));
  }

  sideRows() {
    return this.db.sql.select().from(linkSides).where(eq(linkSides.pairId, this.pairId));
  }

  /** What a person decides about held deletions. */
  async decide(decision: 'apply' | 'restore', linkIds?: readonly string[]): Promise<void> {
    for (const row of await this.held()) {
      if (linkIds && !linkIds.includes(row.linkId)) continue;
      await this.db.sql.update(heldChanges).set({ decision }).where(eq(heldChanges.id, row.id));
      await this.db.sql.update(links).set({ dirty: true, retryAt: null }).where(eq(links.id, row.linkId));
    }
  }

  async conflicts(): Promise<{ field: string; winner: string; keptValue: unknown; lostValue: unknown }[]> {
    const rows = await this.db.sql.select().from(conflicts).where(eq(conflicts.pairId, this.pairId));
    return rows.map(({ id, field, winner, content }) => {
      const { keptValue, lostValue } = JSON.parse(
        this.db.vault.open(content, pairCell(this.pairId, 'conflicts.content', id)),
      ) as {
        keptValue: unknown;
        lostValue: unknown;
      };
      return { field, winner, keptValue, lostValue };
    });
  }
}

const opened = new Map<string, Db>();

function connectOnce(url: string): Db {
  const db = opened.get(url) ?? connect(url, createVault([randomBytes(32)], randomBytes(32)), { poolSize: 10 });
  opened.set(url, db);
  return db;
}

export async function closeAll(): Promise<void> {
  for (const db of opened.values()) await db.close();
  opened.clear();
}

function run<Input, Output>(activity: (input: Input) => Promise<Output>, input: Input, attempt = 1): Promise<Output> {
  return new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR') }).run(activity, input);
}
