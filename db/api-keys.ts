/** API keys: 32 random bytes, stored as SHA-256 only. */
import { createHash, randomBytes } from 'node:crypto';
import { asc, count, eq, gt, sql } from 'drizzle-orm';
import { type Db, transaction } from './connect.ts';
import { isId, newId } from './ids.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';
import { apiKeys } from './schema.ts';

export interface ApiKeyRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
}

/** The key itself is returned here and never again. @param key generated unless given */
export async function createApiKey(
  db: Db,
  name: string,
  key = `calpair_${randomBytes(32).toString('base64url')}`,
): Promise<{ id: string; name: string; key: string }> {
  const id = newId();
  await db.sql.insert(apiKeys).values({ id, name, hash: hashOf(key) });
  return { id, name, key };
}

/** Creates the key of a first start, once, even if several processes start together; null when there are keys. */
export function ensureFirstApiKey(db: Db, name = 'first start', key?: string): Promise<string | null> {
  return transaction(db, async (tx) => {
    await lockKeys(tx);
    return (await countApiKeys(tx)) > 0 ? null : (await createApiKey(tx, name, key)).key;
  });
}

async function countApiKeys(db: Db): Promise<number> {
  const [row] = await db.sql.select({ total: count() }).from(apiKeys);
  return row?.total ?? 0;
}

export async function listApiKeys(db: Db, page: PageRequest): Promise<Page<ApiKeyRecord>> {
  const rows = await db.sql
    .select({ id: apiKeys.id, name: apiKeys.name, createdAt: apiKeys.createdAt })
    .from(apiKeys)
    .where(page.after === null ? undefined : gt(apiKeys.id, page.after))
    .orderBy(asc(apiKeys.id))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}

/** The id of a key; null for an unknown one. Looking up a hash leaks nothing about the key through timing. */
export async function apiKeyId(db: Db, key: string): Promise<string | null> {
  const [row] = await db.sql
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(eq(apiKeys.hash, hashOf(key)))
    .limit(1);
  return row?.id ?? null;
}

/** The last key cannot be deleted: without one, no other could be created. */
export function deleteApiKey(db: Db, id: string): Promise<'deleted' | 'unknown' | 'last'> {
  return transaction(db, async (tx) => {
    await lockKeys(tx);
    if (!isId(id)) return 'unknown';
    const [found] = await tx.sql.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.id, id));
    if (!found) return 'unknown';
    if ((await countApiKeys(tx)) === 1) return 'last';
    await tx.sql.delete(apiKeys).where(eq(apiKeys.id, id));
    return 'deleted';
  });
}

async function lockKeys(tx: Db): Promise<void> {
  await tx.sql.execute(sql`select pg_advisory_xact_lock(hashtext('calpair api keys'))`);
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
