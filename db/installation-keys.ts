/**
 * The key for hashes. It must never change, since what was written to calendars is recognised by them; so it is stored,
 * sealed with the encryption key. That also shows at start whether the encryption key is the right one.
 */
import { eq, sql } from 'drizzle-orm';
import { installationKeys } from './access-schema.ts';
import type { Db } from './connect.ts';
import { accounts } from './schema.ts';
import { installationKeyCell } from './sealed-cells.ts';

const HASH_KEY = 'hash key';
const HASH_KEY_CELL = installationKeyCell(HASH_KEY);

/**
 * The stored hash key; stores `derived` where there is none yet.
 * @returns null when no encryption key opens it, or what an earlier version sealed
 */
export async function storedHashKey(db: Db, derived: Buffer): Promise<Buffer | null> {
  if (!(await opensAccounts(db))) return null;
  const sealed = db.vault.seal(derived.toString('base64'), HASH_KEY_CELL);
  await db.sql.insert(installationKeys).values({ name: HASH_KEY, sealed }).onConflictDoNothing();
  const [row] = await db.sql.select().from(installationKeys).where(eq(installationKeys.name, HASH_KEY));
  if (row === undefined || !db.vault.knowsKeyOf(row.sealed)) return null;
  return Buffer.from(db.vault.open(row.sealed, HASH_KEY_CELL), 'base64');
}

/** Whether one of the encryption keys opens what is stored. Reads only: an empty database is opened by any key. */
export async function opensEverything(db: Db): Promise<boolean> {
  const [row] = await db.sql.select().from(installationKeys).where(eq(installationKeys.name, HASH_KEY));
  return (row === undefined || db.vault.knowsKeyOf(row.sealed)) && (await opensAccounts(db));
}

/** Whether the keys of all accounts are known. One account for each key is enough. */
async function opensAccounts(db: Db): Promise<boolean> {
  const rows = await db.sql
    .selectDistinctOn([sql`substring(${accounts.credentials} from 2 for 4)`], { credentials: accounts.credentials })
    .from(accounts);
  return rows.every(({ credentials }) => db.vault.knowsKeyOf(credentials));
}
