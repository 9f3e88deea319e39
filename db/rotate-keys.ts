/** Re-encrypts what older keys sealed, while everything runs, so that an old key can be removed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { bookingContext } from './bookings.ts';
import { type Db, transaction } from './connect.ts';
import { HASH_KEY_CONTEXT } from './installation-keys.ts';
import { pairContext } from './pairs.ts';

interface SealedTable {
  readonly table: string;
  /** The columns that name a row. */
  readonly key: readonly string[];
  readonly columns: readonly string[];
  /** The column that the context is made of. */
  readonly owner: string;
  readonly context: (owner: string) => string;
}

const SEALED: readonly SealedTable[] = [
  { table: 'installation_keys', key: ['name'], columns: ['sealed'], owner: 'name', context: () => HASH_KEY_CONTEXT },
  { table: 'accounts', key: ['id'], columns: ['credentials', 'token'], owner: 'id', context: (id) => `account:${id}` },
  { table: 'sign_ins', key: ['hash'], columns: ['data'], owner: 'hash', context: (hash) => `sign-in:${hash}` },
  {
    table: 'bookings',
    key: ['id'],
    columns: ['content', 'sync_state', 'current'],
    owner: 'id',
    context: bookingContext,
  },
  { table: 'links', key: ['id'], columns: ['agreed', 'label'], owner: 'pair_id', context: pairContext },
  {
    table: 'link_sides',
    key: ['link_id', 'side'],
    columns: ['current', 'base'],
    owner: 'pair_id',
    context: pairContext,
  },
  { table: 'ops', key: ['id'], columns: ['next', 'original'], owner: 'pair_id', context: pairContext },
  { table: 'changes', key: ['id'], columns: ['content'], owner: 'pair_id', context: pairContext },
  { table: 'undo_requests', key: ['id'], columns: ['planned'], owner: 'pair_id', context: pairContext },
  { table: 'previews', key: ['pair_id'], columns: ['result'], owner: 'pair_id', context: pairContext },
  { table: 'conflicts', key: ['id'], columns: ['content'], owner: 'pair_id', context: pairContext },
];

const AT_ONCE = 200;
/** What a transaction that began before holds is tried again after this time. */
const RETRY_MS = 500;

/** Every column that holds sealed data, as `table.column`. */
export const SEALED_COLUMNS: readonly string[] = SEALED.flatMap(({ table, columns }) =>
  columns.map((column) => `${table}.${column}`),
);

/** Rows with something that the first key has not sealed. */
export async function countOldSeals(db: Db): Promise<number> {
  const counts = await Promise.all(
    SEALED.map(async (one) => {
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
    for (const one of SEALED)
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
  const { table, key, columns, owner, context } = one;
  return transaction(db, async (tx) => {
    const { rows } = await tx.sql.execute<Record<string, unknown>>(sql`
      select ${names([...new Set([...key, owner, ...columns])])} from ${sql.raw(table)}
      where ${isOld(db, one)} limit ${AT_ONCE} for update skip locked`);
    for (const row of rows) {
      const bound = context(String(row[owner]));
      const values = columns.map((column) => {
        const sealed = row[column] as Buffer | null;
        return sql`${sql.raw(column)} = ${sealed && db.vault.seal(db.vault.open(sealed, bound), bound)}`;
      });
      const same = key.map((column) => sql`${sql.raw(column)} = ${row[column]}`);
      await tx.sql.execute(
        sql`update ${sql.raw(table)} set ${sql.join(values, sql`, `)} where ${sql.join(same, sql` and `)}`,
      );
    }
    return rows.length;
  });
}

/** Bytes 2 to 5 of sealed data are the id of its key. */
function isOld(db: Db, { columns }: SealedTable) {
  const parts = columns.map((column) => sql`substring(${sql.raw(column)} from 2 for 4) <> ${db.vault.keyId}`);
  return sql`(${sql.join(parts, sql` or `)})`;
}

function names(columns: readonly string[]) {
  return sql.raw(columns.join(', '));
}
