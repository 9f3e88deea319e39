/**
 * PostgreSQL in place of the tables in memory: the engine's own store, which waits for its turn before each write and
 * after each commit. The tables in memory show what is stored, once a process has come to an end.
 */
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import type { Db } from '../../../db/connect.ts';
import type { PairRow } from '../../../db/pairs.ts';
import { postgresStore } from '../../../db/postgres-store.ts';
import * as schema from '../../../db/schema.ts';
import type { Store } from '../../../db/store.ts';
import { MemoryDatabase, type StoreStep, WRITES } from '../memory-store.ts';
import type { MemoryTables, PairAccounts, Values } from '../memory-tables.ts';
import { OPEN_VAULT } from '../open-vault.ts';
import { outside } from './virtual.ts';

const TABLES = [
  'links',
  'link_sides',
  'lost_events',
  'runs',
  'ops',
  'changes',
  'conflicts',
  'problems',
  'held_changes',
  'pairs',
] as const;

/** Without timers, which would be virtual. */
export function openDatabase(url: string): Db {
  const pool = new Pool({ connectionString: url, max: 8, idleTimeoutMillis: 0 });
  pool.on('error', () => undefined);
  return {
    sql: drizzle(pool),
    vault: OPEN_VAULT,
    pool,
    hasWebhook: false,
    ping: async () => void (await pool.query('select 1')),
    close: () => pool.end(),
  };
}

export class RealDatabase extends MemoryDatabase {
  private readonly db: Db;
  private readonly store: Store;
  /** What the schedule itself changes, in order: whoever comes next waits for it. */
  private changed: Promise<unknown> = Promise.resolve();

  constructor(db: Db, newId: () => string) {
    super(newId);
    this.db = db;
    this.store = postgresStore(db);
  }

  /** The only pair there is, and its accounts. */
  override begin(pair: PairRow, accounts: PairAccounts): void {
    super.begin(pair, accounts);
    this.change(async ({ sql: tables }) => {
      await tables.execute(sql`truncate accounts cascade`);
      await tables.insert(schema.accounts).values(
        Object.values(accounts).map((id: string) => ({
          id,
          provider: 'caldav',
          username: id,
          identity: id,
          discovered: {},
          credentials: Buffer.from(id),
          canCreateCalendars: false,
        })),
      );
      await tables.insert(schema.connections).values({ id: pair.connectionId, ...accounts });
      await tables.insert(schema.pairs).values(pair);
    });
  }

  override open(step: StoreStep): Store {
    const { store } = this;
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => outside(this.changed.then(work));
    const calls: Record<string, unknown> = { ...store };
    for (const name of Object.keys(store) as (keyof Store)[]) {
      if (name === 'vault') continue;
      const work = store[name] as (...rest: unknown[]) => Promise<unknown>;
      calls[name] = async (...rest: unknown[]) => {
        if (name === 'underEpoch') await step('begin');
        else if (WRITES.has(name)) await step(name);
        const result = await inTurn(() => work(...rest));
        if (name === 'underEpoch') await step('committed');
        return result;
      };
    }
    return calls as unknown as Store;
  }

  override set<Row extends object>(table: Map<string, Row>, key: string, values: Values<Row>): void {
    super.set(table, key, values);
    const isPair = (table as unknown) === this.pairs;
    const target = isPair ? schema.pairs : schema.links;
    this.change(({ sql: tables }) => tables.update(target).set(values).where(sql`${target.id} = ${key}`));
  }

  override copy(): MemoryTables {
    this.change(async ({ sql: tables }) => {
      await tables.execute(sql`drop schema if exists backup cascade`);
      await tables.execute(sql`create schema backup`);
      for (const name of TABLES)
        await tables.execute(sql.raw(`create table backup.${name} as select * from public.${name}`));
    });
    return super.copy();
  }

  override restore(from: MemoryTables): void {
    super.restore(from);
    this.change(({ sql: tables }) =>
      tables.transaction(async (tx) => {
        await tx.execute(sql`set local session_replication_role = replica`);
        for (const name of TABLES) {
          await tx.execute(sql.raw(`delete from public.${name}`));
          await tx.execute(sql.raw(`insert into public.${name} select * from backup.${name}`));
        }
      }),
    );
  }

  override async load(): Promise<void> {
    await outside(this.changed);
    const { sql: tables } = this.db;
    const fill = <Row>(table: Map<string, Row>, rows: readonly Row[], keyOf: (row: Row) => string): void => {
      table.clear();
      for (const row of rows) table.set(keyOf(row), row);
    };
    const byId = ({ id }: { readonly id: string }): string => id;
    fill(this.pairs, await tables.select().from(schema.pairs), byId);
    fill(this.links, await tables.select().from(schema.links), byId);
    fill(this.runs, await tables.select().from(schema.runs), byId);
    fill(this.conflicts, await tables.select().from(schema.conflicts), byId);
    fill(this.problems, await tables.select().from(schema.problems), byId);
    fill(this.sides, await tables.select().from(schema.linkSides), ({ linkId, side }) => `${linkId}/${side}`);
  }

  private change(work: (db: Db) => Promise<unknown>): void {
    this.changed = this.changed.then(() => work(this.db));
  }
}
