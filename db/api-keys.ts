/** API keys: 32 random bytes, stored as SHA-256 only. */
import { createHash, randomBytes } from 'node:crypto';
import { and, asc, count, eq, gt, isNull, or, type SQL, sql } from 'drizzle-orm';
import { apiKeys } from './access-schema.ts';
import { type Db, transaction } from './connect.ts';
import { isId, newId } from './ids.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';

export type ApiKeyScope = 'admin' | 'read';
/** A key without its hash. */
export type ApiKeyRecord = Omit<typeof apiKeys.$inferSelect, 'hash'>;

export interface NewApiKey {
  readonly name: string;
  readonly scope?: ApiKeyScope;
  readonly externalId?: string | null;
  readonly expiresAt?: Date | null;
}

/** The key itself is returned here and never again. @param key generated unless given */
export async function createApiKey(
  db: Db,
  made: NewApiKey,
  key = `calpair_${randomBytes(32).toString('base64url')}`,
): Promise<ApiKeyRecord & { key: string }> {
  const [row] = await db.sql
    .insert(apiKeys)
    .values({ id: newId(), ...made, hash: hashOf(key) })
    .returning(VISIBLE);
  return { ...row!, key };
}

/** Creates the key of a first start, once, even if several processes start together; null when there are keys. */
export function ensureFirstApiKey(db: Db, name = 'first start', key?: string): Promise<string | null> {
  return transaction(db, async (tx) => {
    await lockKeys(tx);
    return (await countApiKeys(tx)) > 0 ? null : (await createApiKey(tx, { name }, key)).key;
  });
}

async function countApiKeys(db: Db, which?: SQL): Promise<number> {
  const [row] = await db.sql.select({ total: count() }).from(apiKeys).where(which);
  return row?.total ?? 0;
}

export async function listApiKeys(db: Db, page: PageRequest): Promise<Page<ApiKeyRecord>> {
  const rows = await db.sql
    .select(VISIBLE)
    .from(apiKeys)
    .where(page.after === null ? undefined : gt(apiKeys.id, page.after))
    .orderBy(asc(apiKeys.id))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}

/** The key with this text; null for an unknown or expired one. Looking up a hash leaks nothing through timing. */
export async function findApiKey(db: Db, key: string): Promise<ApiKeyRecord | null> {
  const [row] = await db.sql
    .select(VISIBLE)
    .from(apiKeys)
    .where(and(eq(apiKeys.hash, hashOf(key)), isValid));
  return row ?? null;
}

export async function findApiKeyById(db: Db, id: string): Promise<ApiKeyRecord | null> {
  const [row] = await db.sql
    .select(VISIBLE)
    .from(apiKeys)
    .where(and(eq(apiKeys.id, id), isValid));
  return row ?? null;
}

/**
 * Deletes a key, but not the last one: without one, no other could be created.
 * @param hasOtherAdmin whether somebody can create keys without any of those stored here; else the last key that can
 * create others stays, too
 */
export function deleteApiKey(db: Db, id: string, hasOtherAdmin: boolean): Promise<'deleted' | 'unknown' | 'last'> {
  return transaction(db, async (tx) => {
    await lockKeys(tx);
    if (!isId(id)) return 'unknown';
    const [found] = await tx.sql
      .select({ canCreate: sql<boolean>`${canCreateKeys}` })
      .from(apiKeys)
      .where(eq(apiKeys.id, id));
    if (!found) return 'unknown';
    if ((await countApiKeys(tx)) === 1) return 'last';
    if (!hasOtherAdmin && found.canCreate && (await countApiKeys(tx, canCreateKeys)) === 1) return 'last';
    await tx.sql.delete(apiKeys).where(eq(apiKeys.id, id));
    return 'deleted';
  });
}

const isValid = or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`));
const canCreateKeys = and(isValid, eq(apiKeys.scope, 'admin'), isNull(apiKeys.externalId));

const VISIBLE = {
  id: apiKeys.id,
  name: apiKeys.name,
  scope: apiKeys.scope,
  externalId: apiKeys.externalId,
  expiresAt: apiKeys.expiresAt,
  createdAt: apiKeys.createdAt,
} as const;

async function lockKeys(tx: Db): Promise<void> {
  await tx.sql.execute(sql`select pg_advisory_xact_lock(hashtext('calpair api keys'))`);
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
