/**
 * A private copy of one pair, for previews: temporary tables of one session that hide the real ones from the functions
 * of this folder. Work on the copy stores nothing, takes no locks on the pair, delays none of its runs, and may wait
 * for a calendar outside any transaction.
 */
import { sql } from 'drizzle-orm';
import { type Db, session, transaction } from './connect.ts';

/** The tables of a pair, with the column that has the pair's id. */
const TABLES = {
  pairs: 'id',
  links: 'pair_id',
  link_sides: 'pair_id',
  lost_events: 'pair_id',
  runs: 'pair_id',
  ops: 'pair_id',
  conflicts: 'pair_id',
  problems: 'pair_id',
  held_changes: 'pair_id',
};

/**
 * Returns what `work` returns. For an unknown pair it finds empty tables.
 * @param seconds for one statement
 */
export function onScratch<T>(db: Db, pairId: string, seconds: number, work: (scratch: Db) => Promise<T>): Promise<T> {
  return session(db, async (scratch) => {
    await transaction(scratch, (tx) => copyPair(tx, pairId, seconds));
    return work(scratch);
  });
}

/** Gives PostgreSQL statistics of the copy: without them it finds each event by reading all events of its side. */
export async function analyzeScratch({ sql: db }: Db): Promise<void> {
  await db.execute(sql`analyze pg_temp.links, pg_temp.link_sides`);
}

async function copyPair({ sql: db }: Db, pairId: string, seconds: number): Promise<void> {
  // All tables are copied as of one moment, even while a run writes.
  await db.execute(sql`set transaction isolation level repeatable read`);
  await db.execute(sql`set statement_timeout = ${sql.raw(String(seconds * 1000))}`);
  const {
    rows: [real],
  } = await db.execute<{ schema: string }>(sql`select current_schema()::text as schema`);
  const schema = sql.identifier(real?.schema ?? 'public');
  for (const [name, column] of Object.entries(TABLES)) {
    const table = sql.identifier(name);
    await db.execute(
      sql`create temporary table ${table} (like ${schema}.${table} including defaults including indexes)`,
    );
    await db.execute(
      sql`insert into pg_temp.${table}
        select * from ${schema}.${table} where ${sql.identifier(column)} = ${pairId}`,
    );
  }
  // pg_temp comes first anyway; naming it makes PostgreSQL plan prepared statements again, for these tables.
  await db.execute(sql`set search_path = pg_temp, ${schema}`);
}
