/** PostgreSQL and the vault: what every function in this folder takes first. */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator';
import { Client, Pool } from 'pg';
import * as schema from './schema.ts';
import type { Vault } from './vault.ts';

type Sql = NodePgDatabase<typeof schema>;

export interface Db {
  readonly sql: Sql;
  readonly vault: Vault;
  /** Where transactions get their connections; null inside one. */
  readonly pool: Pool | null;
  /** Whether what happens is to be told to the operator's webhook. */
  readonly hasWebhook: boolean;
  /** @throws when PostgreSQL does not answer */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export function connect(url: string, vault: Vault, options: { poolSize?: number; hasWebhook?: boolean } = {}): Db {
  const pool = new Pool({
    connectionString: url,
    max: options.poolSize ?? 20,
    application_name: 'calpair',
    keepAlive: true,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
  });
  // Connections die with their server. Whoever uses one hears of it from its query; without these listeners the process
  // would end.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return {
    sql: drizzle(pool, { schema }),
    vault,
    pool,
    hasWebhook: options.hasWebhook ?? false,
    ping: async () => void (await pool.query('select 1')),
    // Whatever was given up with a connection in its hands must not hold up the end.
    close: () => Promise.race([pool.end(), sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]),
  };
}

/** Waiting for a free connection included. */
const CONNECT_WITHIN_MS = 30_000;
const CLOSE_WITHIN_MS = 5_000;

/** The same functions inside one transaction. */
export async function transaction<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  const within = (sql: Sql): Promise<T> =>
    sql.transaction((tx) => work({ ...db, pool: null, sql: tx as unknown as Sql }));
  if (db.pool === null) return within(db.sql);
  const client = await db.pool.connect();
  let isGood = false;
  try {
    const result = await within(drizzle(client, { schema }));
    isGood = true;
    return result;
  } finally {
    // After a failure nobody knows what state the connection is in: the pool makes another one.
    client.release(!isGood);
  }
}

/** Brings the database to this version's schema; safe to call from several processes at once. */
export async function migrate(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_WITHIN_MS });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('select pg_advisory_lock(4215790)');
    await runMigrations(drizzle(client), { migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)) });
  } finally {
    await client.end().catch(() => undefined);
  }
}
