/**
 * Re-encrypts what older keys sealed, while everything runs, so that an old key can be removed; and what earlier
 * versions of Calpair did not bind to its table, column and row.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { type Db, transaction } from './connect.ts';
import { SEALED_TABLES, type SealedTable } from './sealed-cells.ts';

const AT_ONCE = 200;
/** What a transaction that began before holds is tried again after this time. */
const RETRY_MS = 500;

/** Rows with something that the first key has not sealed, or not in today's format. */
export async function countOldSeals(db: Db): Promise<number> {
  const counts = await Promise.all(
    SEALED_TABLES.map(async (one) => {
      const { rows } = await db.sql.execute(
        sql`select count(*)::int as total from ${sql.raw(one.table)} where ${isOld(db, one)}`,
      );
      return Number((rows[0] as { total: number }).total);
    }),
  );
  return counts.reduce((sum, total) => sum + total, 0);
}

/**
 * Can be ended and called again at any time: what is done stays done.
 * @param onProgress how many rows are left
 * @throws Error when a row was sealed with a key that is not among those of the vault
 */
export async function rotateKeys(db: Db, onProgress: (left: number) => void, signal?: AbortSignal): Promise<void> {
  for (let left = await countOldSeals(db); left > 0; left = await countOldSeals(db)) {
    onProgress(left);
    let done = 0;
    for (const one of SEALED_TABLES)
      for (let rows = AT_ONCE; rows === AT_ONCE; done += rows) {
        signal?.throwIfAborted();
        rows = await rotateSome(db, one);
      }
    if (done === 0) await sleep(RETRY_MS, undefined, signal === undefined ? {} : { signal });
  }
  onProgress(0);
}

/** One transaction. Rows that another one holds are left for later, so that none waits for the other. */
function rotateSome(db: Db, one: SealedTable): Promise<number> {
  const { table, key, columns, owner } = one;
  return transaction(db, async (tx) => {
    const { rows } = await tx.sql.execute<Record<string, unknown>>(sql`
      select ${names([...key, ...(owner === undefined ? [] : [owner]), ...columns])} from ${sql.raw(table)}
      where ${isOld(db, one)} limit ${AT_ONCE} for update skip locked`);
    for (const row of rows) {
      const values = resealed(db, one, row).map(({ column, sealed }) => sql`${sql.raw(column)} = ${sealed}`);
      const same = key.map((column) => sql`${sql.raw(column)} = ${row[column]}`);
      await tx.sql.execute(
        sql`update ${sql.raw(table)} set ${sql.join(values, sql`, `)} where ${sql.join(same, sql` and `)}`,
      );
    }
    return rows.length;
  });
}

/** Columns that are equal stay equal: `base` is `current` where both sides of an event agree. */
function resealed(db: Db, { columns, cell }: SealedTable, row: Record<string, unknown>) {
  const done: { column: string; before: Buffer | null; cell: string; sealed: Buffer | null }[] = [];
  for (const column of columns) {
    const before = row[column] as Buffer | null;
    const here = cell(row as Record<string, string>, column);
    const same = done.find((one) => one.cell === here && before !== null && one.before?.equals(before) === true);
    const sealed = same ? same.sealed : before && db.vault.seal(db.vault.open(before, here), here);
    done.push({ column, before, cell: here, sealed });
  }
  return done;
}

function isOld(db: Db, { columns }: SealedTable) {
  const parts = columns.map((column) => sql`substring(${sql.raw(column)} from 1 for 5) <> ${db.vault.prefix}`);
  return sql`(${sql.join(parts, sql` or `)})`;
}

function names(columns: readonly string[]) {
  return sql.raw(columns.join(', '));
}
