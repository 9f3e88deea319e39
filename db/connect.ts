/** PostgreSQL and the vault: what every function in this folder takes first. */
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import * as schema from './schema.ts';
import type { Vault } from './vault.ts';

export type Sql = PostgresJsDatabase<typeof schema>;

export interface Db {
  readonly sql: Sql;
  readonly vault: Vault;
  /** @throws when PostgreSQL does not answer */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export function connect(url: string, vault: Vault, options: { poolSize?: number } = {}): Db {
  const client = postgres(url, { max: options.poolSize ?? 20, onnotice: () => {}, connection: { application_name: 'calpair' } });
  return {
    sql: drizzle(client, { schema }),
    vault,
    ping: async () => void (await client`select 1`),
    close: () => client.end({ timeout: 5 }),
  };
}

/** The same functions inside one transaction. */
export function transaction<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  return db.sql.transaction((tx) => work({ ...db, sql: tx as unknown as Sql }));
}

/** Brings the database to this version's schema; safe to call from several processes at once. */
export async function migrate(url: string): Promise<void> {
  const client = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await client`select pg_advisory_lock(4215790)`;
    await runMigrations(drizzle(client), { migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)) });
  } finally {
    await client.end();
  }
}
