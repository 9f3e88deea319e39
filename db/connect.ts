/** PostgreSQL and the vault: the first argument of every function in this folder. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator';
import { Client, Pool } from 'pg';
import type { Vault } from './vault.ts';

type Sql = NodePgDatabase;

export interface Db {
  readonly sql: Sql;
  readonly vault: Vault;
  /** Where transactions get their connections; null inside a transaction or session. */
  readonly pool: Pool | null;
  /** Whether events are recorded for the operator's webhook. */
  readonly hasWebhook: boolean;
  /** @throws when PostgreSQL does not answer */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  readonly poolSize?: number;
  readonly hasWebhook?: boolean;
  /** The longest statement, with its wait for locks. */
  readonly statementSeconds?: number;
}

export function connect(url: string, vault: Vault, options: ConnectOptions = {}): Db {
  const { poolSize = 20, statementSeconds = 30 } = options;
  const pool = new Pool({
    connectionString: url,
    max: poolSize,
    application_name: 'calpair',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    // For a server that is gone without a word, whose connection would stay open for a quarter of an hour.
    query_timeout: (statementSeconds + ANSWER_WITHIN_SECONDS) * 1000,
    // By statements and not in the start-up packet, which poolers refuse.
    onConnect: (client) => client.query(sessionSettings(statementSeconds)).catch(() => undefined),
  });
  // Connections die with their server. Their user learns it from the failing query; without these listeners the process
  // would end.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return {
    sql: drizzle(pool),
    vault,
    pool,
    hasWebhook: options.hasWebhook ?? false,
    ping: async () => void (await pool.query('select 1')),
    // Abandoned work that still holds a connection must not delay the shutdown.
    close: () => Promise.race([pool.end(), sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]),
  };
}

/**
 * Nothing holds up everybody else: no statement, no wait for a lock, no transaction whose process is busy elsewhere,
 * and no client that has vanished with its locks.
 */
function sessionSettings(statementSeconds: number): string {
  return Object.entries({
    statement_timeout: statementSeconds * 1000,
    lock_timeout: statementSeconds * 1000,
    idle_in_transaction_session_timeout: 2 * statementSeconds * 1000,
    tcp_keepalives_idle: 10,
    tcp_keepalives_interval: 5,
    tcp_keepalives_count: 3,
  })
    .map(([name, value]) => `set ${name} = ${value}`)
    .join('; ');
}

/** For the answer to arrive, beyond the statement's time. */
const ANSWER_WITHIN_SECONDS = 5;
/** Includes the wait for a free connection. */
const CONNECT_WITHIN_MS = 30_000;
const CLOSE_WITHIN_MS = 5_000;
/** For another process to end its migration; then it is waited for anew. */
const MIGRATED_WITHIN_MS = 30_000;

/** Runs `work` in one transaction. */
export async function transaction<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  const within = (sql: Sql): Promise<T> =>
    sql.transaction((tx) => work({ ...db, pool: null, sql: tx as unknown as Sql }));
  if (db.pool === null) return within(db.sql);
  const client = await db.pool.connect();
  let isGood = false;
  try {
    const result = await within(drizzle(client));
    isGood = true;
    return result;
  } finally {
    // After a failure the state of the connection is unknown: the pool opens another one.
    client.release(!isGood);
  }
}

/**
 * Runs `work` on one connection, which ends afterwards with all that belonged to its session: settings and temporary
 * tables.
 * @throws TypeError inside a transaction
 */
export async function session<T>(db: Db, work: (session: Db) => Promise<T>): Promise<T> {
  if (db.pool === null) throw new TypeError('a session cannot begin inside a transaction');
  const client = await db.pool.connect();
  try {
    return await work({ ...db, pool: null, sql: drizzle(client) });
  } finally {
    client.release(true);
  }
}

/** Brings the database to this version's schema; safe to call from several processes at once. */
export async function migrate(url: string): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    // Only the wait for another process that migrates has a limit: a migration itself may take long.
    await client.query(`set lock_timeout = ${MIGRATED_WITHIN_MS}; set statement_timeout = 0`);
    await client.query('select pg_advisory_lock(4215790)');
    await client.query('set lock_timeout = 0');
    await runMigrations(drizzle(client), { migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)) });
  } finally {
    // A server that does not answer does not close the connection either.
    await Promise.race([client.end().catch(() => undefined), sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]);
  }
}
