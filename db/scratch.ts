/**
 * A private copy of one pair, for previews: temporary tables that hide the real ones from the functions of this folder,
 * in a transaction that is always rolled back. Work on the copy stores nothing, takes no locks on the pair, and delays
 * none of its runs.
 */
import { sql } from 'drizzle-orm';
import { type Db, transaction } from './connect.ts';

/** The tables of a pair, with the column that has the pair's id. */
const TABLES = {
  pairs: 'id',
  links: 'pair_id',
  link_sides: 'pair_id',
  runs: 'pair_id',
  ops: 'pair_id',
  conflicts: 'pair_id',
  problems: 'pair_id',
  held_changes: 'pair_id',
};

/** Returns what `work` returns. For an unknown pair it finds empty tables. */
export async function onScratch<T>(
  db: Db,
  pairId: string,
  seconds: number,
  work: (scratch: Db) => Promise<T>,
): Promise<T> {
  let done: { readonly value: T } | undefined;
  try {
    await transaction(db, async (tx) => {
      // All tables are copied as of one moment, even while a run writes.
      await tx.sql.execute(sql`set transaction isolation level repeatable read`);
      await copyPair(tx, pairId, seconds);
      done = { value: await work(tx) };
      throw new Rollback();
    });
  } catch (error) {
    if (!(error instanceof Rollback)) throw error;
  }
  return done!.value;
}

/** Gives PostgreSQL statistics of the copy: without them it finds each event by reading all events of its side. */
export async function analyzeScratch({ sql: db }: Db): Promise<void> {
  await db.execute(sql`analyze pg_temp.links, pg_temp.link_sides`);
}

class Rollback extends Error {}

async function copyPair({ sql: db }: Db, pairId: string, seconds: number): Promise<void> {
  await db.execute(sql`set local statement_timeout = ${sql.raw(String(seconds * 1000))}`);
  // A preview waits for calendars in this transaction, which locks nothing that others need.
  await db.execute(sql`set local idle_in_transaction_session_timeout = 0`);
  const {
    rows: [real],
  } = await db.execute<{ schema: string }>(sql`select current_schema()::text as schema`);
  const schema = sql.identifier(real?.schema ?? 'public');
  for (const [name, column] of Object.entries(TABLES)) {
    const table = sql.identifier(name);
    await db.execute(
      sql`create temporary table ${table} (like ${schema}.${table} including defaults including indexes)
        on commit drop`,
    );
    await db.execute(
      sql`insert into pg_temp.${table}
        select * from ${schema}.${table} where ${sql.identifier(column)} = ${pairId}`,
    );
  }
  // pg_temp comes first anyway; naming it makes PostgreSQL plan prepared statements again, for these tables.
  await db.execute(sql`set local search_path = pg_temp, ${schema}`);
}
