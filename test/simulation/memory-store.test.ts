/** The simulation's database compared with PostgreSQL: the same random calls give the same results and rows. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { DEFAULT_OPTIONS } from '../../core/sync/policy.ts';
import { connect, type Db } from '../../db/connect.ts';
import { Superseded } from '../../db/epoch.ts';
import { lostEvents } from '../../db/history-schema.ts';
import { postgresStore } from '../../db/postgres-store.ts';
import * as schema from '../../db/schema.ts';
import type { Store } from '../../db/store.ts';
import { testDatabase } from '../support/database.ts';
import { type Random, randomOf } from '../support/random.ts';
import { MemoryDatabase } from './memory-store.ts';
import { OPEN_VAULT } from './open-vault.ts';
import { START } from './pair-row.ts';
import { type MethodName, StoreCalls } from './store-calls.ts';

const SEED = Number(process.env['TEST_CALPAIR_SEED'] ?? 1);
const SEQUENCES = 10;
const CALLS = 500;
/** So many inserts come first. */
const BEGINNING = 50;
/** So many methods that query rare things may find nothing in all calls of a seed. */
const MOST_MUTE = 2;
const COMPARE_EVERY = 15;
/** Every method of the Store is called at least so often. */
const AT_LEAST = 20;

/** These are drawn more often: without rows there is little to query. */
const OFTEN: readonly MethodName[] = [
  'insertLinks',
  'insertSides',
  'insertSides',
  'insertSides',
  'insertSides',
  'insertOps',
  'insertOps',
  'beginRun',
  'hold',
  'updateSide',
  'updateSide',
  'updateSide',
  'similarSides',
  'similarSides',
  'matchesBy',
  'matchesBy',
  'possibleOriginals',
  'possibleOriginals',
  'possibleOriginals',
  'possibleOriginals',
  'possibleOriginals',
  'possibleOriginals',
  'leftovers',
  'renames',
  'renames',
  'mayHaveCopies',
  'openCreates',
  'mayHaveCopies',
  'writtenSince',
  'writtenSince',
  'deletionsSince',
  'createdByOtherPairs',
  'copiesByOtherPairs',
  'copiesByOtherPairs',
];
/** These are several statements, which the engine calls only in transactions. */
const IN_TRANSACTIONS: readonly MethodName[] = [
  'updateSides',
  'updateEachLink',
  'joinHalves',
  'settleLinks',
  'dropSides',
  'noteNormalised',
  'noteLost',
  'dropGoneSides',
  'setProblems',
  'storeResults',
];
/** These return their rows in a defined order; the others in any. */
const ORDERED: readonly MethodName[] = [
  'dirtyLinks',
  'outlines',
  'loadLinks',
  'opsToExecute',
  'instancesOf',
  'linkFacts',
  'possibleOriginals',
  'leftovers',
  'recognizedTools',
];
/** Transactions are drawn separately. */
const NO_QUERIES: readonly string[] = ['vault', 'underEpoch'];

const db = connect(await testDatabase(), OPEN_VAULT);
after(() => db.close());
const names = Object.keys(postgresStore(db)).filter((name) => !NO_QUERIES.includes(name)) as MethodName[];
const counts = new Map<string, number>();
const failures = new Map<string, number>();
/** Results that are not empty. */
const found = new Map<string, number>();
const silent = new Set<string>();
const endings = { committed: 0, thrown: 0, superseded: 0 };

for (let index = 0; index < SEQUENCES; index += 1) {
  const seed = SEED * 1_000 + index;
  test(`the same calls have the same effect on both databases (seed ${seed})`, async () => {
    const both = await Both.begin(seed);
    for (let count = 0; count < BEGINNING; count += 1) await both.step(count % 3 === 0 ? 'insertLinks' : 'insertSides');
    for (let count = 0; count < CALLS; count += 1) {
      await both.step();
      if (count % COMPARE_EVERY === 0) await both.compareTables();
    }
    await both.compareTables();
  });
}

test('every method of the Store was called often enough, successfully and, where possible, with failures', (t) => {
  t.diagnostic(
    `${[...counts.values()].reduce((sum, count) => sum + count, 0)} calls; failed alike: ` +
      `${JSON.stringify(Object.fromEntries(failures))}; transactions: ${JSON.stringify(endings)}`,
  );
  for (const name of names)
    assert.ok((counts.get(name) ?? 0) >= AT_LEAST, `${name} was called ${counts.get(name) ?? 0} times`);
  const mute = names.filter((name) => !silent.has(name) && !found.has(name));
  assert.ok(mute.length <= MOST_MUTE, `never found anything: ${mute.join(', ')}`);
  for (const name of ['insertLinks', 'insertSides', 'updateSide', 'insertOps', 'joinHalves'])
    assert.ok((failures.get(name) ?? 0) > 0, `${name} never failed`);
  for (const [ending, count] of Object.entries(endings))
    assert.ok(count >= AT_LEAST, `${count} transactions were ${ending}`);
});

type Answer = { readonly value: unknown } | { readonly error: unknown };

class Both {
  private readonly postgres = postgresStore(db);
  private readonly database: MemoryDatabase;
  private readonly memory: Store;
  private readonly random: Random;
  private readonly calls: StoreCalls;
  /** The id that PostgreSQL gave to a row that memory is about to create. */
  private nextId: string | null = null;

  private constructor(random: Random, accounts: readonly string[]) {
    this.random = random;
    this.database = new MemoryDatabase(() => this.nextId ?? this.calls.id());
    this.memory = this.database.open(() => Promise.resolve());
    this.calls = new StoreCalls(this.database, random, accounts);
  }

  /** Three pairs, two of which share a calendar, and no rows yet. */
  static async begin(seed: number): Promise<Both> {
    await db.sql.delete(schema.pairs);
    await db.sql.delete(schema.connections);
    await db.sql.delete(schema.accounts);
    const accounts = ['1', '2'].map((end) => `00000000-0000-7000-8000-00000000000${end}`);
    const both = new Both(randomOf(seed), accounts);
    for (const id of accounts) {
      await db.sql.insert(schema.accounts).values({
        id,
        provider: 'model',
        username: id,
        identity: 'owner',
        discovered: {},
        credentials: Buffer.from(JSON.stringify(id)),
        canCreateCalendars: false,
      });
    }
    for (const [caldav, cloud] of [
      ['a', 'b'],
      ['a', 'c'],
      ['d', 'e'],
    ] as const)
      await both.insertPair(accounts as [string, string], caldav, cloud);
    return both;
  }

  private async insertPair(
    [caldavAccountId, cloudAccountId]: [string, string],
    caldavCalendarId: string,
    cloudCalendarId: string,
  ): Promise<void> {
    const [connectionId, id] = [this.calls.id(), this.calls.id()];
    await db.sql.insert(schema.connections).values({ id: connectionId, caldavAccountId, cloudAccountId });
    const [row] = await db.sql
      .insert(schema.pairs)
      .values({
        id,
        connectionId,
        caldavCalendarId,
        cloudCalendarId,
        calendars: JSON.stringify([caldavCalendarId, cloudCalendarId]),
        floatingZone: 'UTC',
        direction: 'bidirectional',
        pollIntervalSeconds: 60,
        options: DEFAULT_OPTIONS,
        paused: false,
        createdAt: new Date(START),
      })
      .returning();
    this.database.pairs.set(id, row as typeof schema.pairs.$inferSelect);
    this.database.accountsOf.set(id, { caldavAccountId, cloudAccountId });
  }

  async step(name: MethodName = this.random.pick([...names, ...OFTEN])): Promise<void> {
    if (IN_TRANSACTIONS.includes(name) || this.random.chance(0.3)) return this.transaction(name);
    await this.call(name, this.postgres, this.memory);
  }

  /** One method on both databases. True when both failed. */
  private async call<Name extends MethodName>(name: Name, postgres: Store, memory: Store): Promise<boolean> {
    const args = this.calls.argumentsOf(name);
    const call = (store: Store): Promise<unknown> => (store[name] as (...rest: unknown[]) => Promise<unknown>)(...args);
    const real = await outcome(() => call(postgres));
    this.nextId =
      name === 'beginRun' && 'value' in real ? ((real.value as { run: { id: string } } | null)?.run.id ?? null) : null;
    const simulated = await outcome(() => call(memory));
    this.nextId = null;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if ('error' in real && 'error' in simulated) {
      failures.set(name, (failures.get(name) ?? 0) + 1);
      return true;
    }
    if ('value' in real && isFound(real.value)) found.set(name, (found.get(name) ?? 0) + 1);
    if ('value' in real && real.value === undefined) silent.add(name);
    assert.deepStrictEqual(
      await this.comparable(name, simulated),
      await this.comparable(name, real),
      `${name} ${JSON.stringify(args)}`,
    );
    return false;
  }

  /** Some calls in one transaction, which commits, fails at a call or at the end, or has an old epoch. */
  private async transaction(first: MethodName): Promise<void> {
    const { random } = this;
    const pairId = this.calls.pair();
    const epoch = (this.database.pairs.get(pairId)?.epoch ?? 0) - (random.chance(0.15) ? 1 : 0);
    const rest = Array.from({ length: random.below(5) }, () => random.pick([...names, ...OFTEN]));
    const fails = random.chance(0.25);
    const ends = await outcome(() =>
      this.postgres.underEpoch(pairId, epoch, (postgres) =>
        this.memory.underEpoch(pairId, epoch, async (memory) => {
          for (const name of [first, ...rest])
            if (await this.call(name, postgres, memory)) throw new Error('a call has failed');
          if (fails) throw new Error('the work has failed');
        }),
      ),
    );
    if (!('error' in ends)) endings.committed += 1;
    else if (!(ends.error instanceof Superseded)) {
      if (ends.error instanceof assert.AssertionError) throw ends.error;
      endings.thrown += 1;
    } else {
      const simulated = await outcome(() => this.memory.underEpoch(pairId, epoch, () => Promise.resolve()));
      assert.ok('error' in simulated && simulated.error instanceof Superseded, 'both are superseded');
      endings.superseded += 1;
    }
  }

  private async comparable(name: MethodName, answer: Answer): Promise<unknown> {
    if ('error' in answer) return `failed: ${String(answer.error)}`;
    const { value } = answer;
    if (name === 'heldOf') return inAnyOrder((value as { id: string }[]).map(withoutId));
    if (name === 'openedAccount')
      return {
        ...(value as object),
        tokens: await (value as { tokens: { load: () => Promise<unknown> } }).tokens.load(),
        saveDiscovered: null,
      };
    if (name === 'versionsOf')
      return new Map([...(value as Map<string, unknown>)].filter(([resource]) => this.isOneEvent(resource)));
    if (name === 'lockShared' || name === 'copiesByOtherPairs')
      return Object.fromEntries(
        Object.entries(value as object).map(([side, at]) => [side, inAnyOrder(at as unknown[])]),
      );
    return Array.isArray(value) && !ORDERED.includes(name) ? inAnyOrder(value) : value;
  }

  /** If a resource has several events, the version may be that of any. */
  private isOneEvent(resource: string): boolean {
    return [...this.database.sides.values()].filter((row) => row.resource === resource).length === 1;
  }

  async compareTables(): Promise<void> {
    const { database } = this;
    const rows = (table: ReadonlyMap<string, object>) => [...table.values()];
    const [pairs, links, sides, runs, ops, conflicts, problems, held, lost] = await Promise.all(
      [
        schema.pairs,
        schema.links,
        schema.linkSides,
        schema.runs,
        schema.ops,
        schema.conflicts,
        schema.problems,
        schema.heldChanges,
        lostEvents,
      ].map((table) => allOf(db, table)),
    );
    const real = {
      pairs,
      links,
      sides,
      runs,
      ops,
      conflicts,
      problems: problems?.map(withoutId),
      held: held?.map(withoutId),
      lost,
    };
    const simulated = {
      pairs: rows(database.pairs),
      links: rows(database.links),
      sides: rows(database.sides),
      runs: rows(database.runs),
      ops: rows(database.ops),
      conflicts: rows(database.conflicts),
      problems: rows(database.problems).map(withoutId),
      held: rows(database.held).map(withoutId),
      lost: rows(database.lost),
    };
    for (const [name, table] of Object.entries(simulated)) {
      assert.deepStrictEqual(
        inAnyOrder(table),
        inAnyOrder(real[name as keyof typeof real] ?? []),
        `the table of ${name}`,
      );
    }
  }
}

function allOf(
  database: Db,
  table:
    | (typeof schema)['pairs' | 'links' | 'linkSides' | 'runs' | 'ops' | 'conflicts' | 'problems' | 'heldChanges']
    | typeof lostEvents,
): Promise<object[]> {
  return database.sql.select().from(table);
}

async function outcome(work: () => Promise<unknown>): Promise<Answer> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

function isFound(value: unknown): boolean {
  if (value instanceof Map) return value.size > 0;
  if (value === null || typeof value !== 'object') return Boolean(value);
  return Object.values(value).some((one) => one !== null && one !== 0);
}

function withoutId(row: object): object {
  return { ...row, id: null };
}

function inAnyOrder(rows: readonly unknown[]): unknown[] {
  const key = (row: unknown) =>
    JSON.stringify(row, row !== null && typeof row === 'object' ? Object.keys(row).sort() : undefined);
  return rows
    .map((row) => ({ row, key: key(row) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ row }) => row);
}
