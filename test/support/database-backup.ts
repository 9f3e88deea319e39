/** A backup of a database within itself, and its restore: every table as it was. */
import { sql } from 'drizzle-orm';
import type { Db } from '../../db/connect.ts';

let backups = 0;

/** @returns the restore; sessions that are open stay open */
export async function backUp({ sql: db }: Db): Promise<() => Promise<void>> {
  const schema = sql.identifier(`backup_${(backups += 1)}`);
  const { rows } = await db.execute<{ name: string }>(
    sql`select table_name as name from information_schema.tables where table_schema = 'public'`,
  );
  const tables = rows.map(({ name }) => ({ live: sql`public.${sql.identifier(name)}`, name: sql.identifier(name) }));
  await db.execute(sql`create schema ${schema}`);
  for (const { live, name } of tables) await db.execute(sql`create table ${schema}.${name} as table ${live}`);
  return () =>
    db.transaction(async (tx) => {
      // Without the checks of foreign keys, so in any order.
      await tx.execute(sql`set local session_replication_role = replica`);
      for (const { live, name } of tables) {
        await tx.execute(sql`delete from ${live}`);
        await tx.execute(sql`insert into ${live} table ${schema}.${name}`);
      }
    });
}
