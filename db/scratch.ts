/**
 * A private copy of one pair, for finding out what a run would do: temporary tables that hide the real ones from the
 * functions of this folder, in a transaction that is always undone. Nothing that happens on the copy is stored, locks
 * the pair, or keeps one of its runs waiting.
 */
import { sql } from 'drizzle-orm';
import { type Db, transaction } from './connect.ts';

/** The tables of a pair, with the column that names it. */
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

/** What `work` answers. For an unknown pair it finds empty tables. */
export async function onScratch<T>(
  db: Db,
  pairId: string,
  seconds: number,
  work: (scratch: Db) => Promise<T>,
): Promise<T> {
  let done: { readonly value: T } | undefined;
  try {
    await transaction(db, async (tx) => {
      // One moment for all tables, also while a run writes.
      await tx.sql.execute(sql`set transaction isolation level repeatable read`);
      await copyPair(tx, pairId, seconds);
      done = { value: await work(tx) };
      throw new Undo();
    });
  } catch (error) {
    if (!(error instanceof Undo)) throw error;
  }
  return done!.value;
}

/**
 * Lets PostgreSQL learn what has come into the copy: knowing nothing of a table, it finds each event by reading all of
 * a side's.
 */
export async function analyzeScratch({ sql: db }: Db): Promise<void> {
  await db.execute(sql`analyze pg_temp.links, pg_temp.link_sides`);
}

class Undo extends Error {}

async function copyPair({ sql: db }: Db, pairId: string, seconds: number): Promise<void> {
  await db.execute(sql`set local statement_timeout = ${sql.raw(String(seconds * 1000))}`);
  const {
    rows: [real],
  } = await db.execute<{ schema: string }>(sql`select current_schema()::text as schema`);
  const schema = sql.identifier(real?.schema ?? 'public');
  for (const [name, column] of Object.entries(TABLES)) {
    const table = sql.identifier(name);
    await db.execute(
      sql`create temporary table ${table} (like ${schema}.${table} including defaults including indexes) on commit drop`,
    );
    await db.execute(
      sql`insert into pg_temp.${table} select * from ${schema}.${table} where ${sql.identifier(column)} = ${pairId}`,
    );
  }
  // Said aloud, so that a statement prepared for the real tables could not be used for these.
  await db.execute(sql`set local search_path = pg_temp, ${schema}`);
}
