/**
 * Sign-ins that have begun and are not finished (`sign_ins`). Any API process can finish one that another began. Only
 * hashes of the secrets are stored; what the second step needs is sealed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { and, eq, gt, isNull, lt, or, sql } from 'drizzle-orm';
import { signIns } from './access-schema.ts';
import type { Db } from './connect.ts';
import { signInCell } from './sealed-cells.ts';

export interface NewSignIn {
  readonly kind: string;
  readonly secret: string;
  /** Of the browser that began; null where none did. */
  readonly cookie: string | null;
  readonly data: unknown;
  readonly expiresAt: Date;
}

/** 256 random bits, to be used in an address. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Also forgets what has expired. */
export async function beginSignIn(db: Db, { kind, secret, cookie, data, expiresAt }: NewSignIn): Promise<void> {
  await db.sql.delete(signIns).where(lt(signIns.expiresAt, sql`now()`));
  await db.sql.insert(signIns).values({
    hash: hashOf(secret),
    kind,
    cookieHash: cookie === null ? null : hashOf(cookie),
    data: sealed(db, secret, data),
    expiresAt,
  });
}

/**
 * What was stored, once: a second call gets null, and so does one without the cookie of the browser that began.
 * @param cookies those that the browser sent
 */
export async function takeSignIn(db: Db, kind: string, secret: string, cookies: readonly string[]): Promise<unknown> {
  const hashes = cookies.map(hashOf);
  const isSameBrowser = or(isNull(signIns.cookieHash), ...hashes.map((hash) => eq(signIns.cookieHash, hash)));
  const [row] = await db.sql
    .delete(signIns)
    .where(and(isCurrent(kind, secret), isSameBrowser))
    .returning();
  return row === undefined ? null : opened(db, secret, row.data);
}

/**
 * What was stored, for the caller alone until `storeSignIn` ends the lease. A caller that dies loses it after a minute
 * and a half, which is longer than a request may take.
 */
export async function leaseSignIn(
  db: Db,
  kind: string,
  secret: string,
): Promise<{ data: unknown } | 'taken' | 'unknown'> {
  const isFree = sql`coalesce(${signIns.takenUntil} < now(), true)`;
  const [row] = await db.sql
    .update(signIns)
    .set({ takenUntil: sql`now() + interval '90 seconds'` })
    .where(and(isCurrent(kind, secret), isFree))
    .returning();
  if (row !== undefined) return { data: opened(db, secret, row.data) };
  const rows = await db.sql.select({ hash: signIns.hash }).from(signIns).where(isCurrent(kind, secret));
  return rows.length > 0 ? 'taken' : 'unknown';
}

/** Stores what is known now. @param isDone the lease ends, too */
export async function storeSignIn(db: Db, secret: string, data: unknown, isDone: boolean): Promise<void> {
  await db.sql
    .update(signIns)
    .set({ data: sealed(db, secret, data), ...(isDone ? { takenUntil: null } : {}) })
    .where(eq(signIns.hash, hashOf(secret)));
}

function isCurrent(kind: string, secret: string) {
  return and(eq(signIns.hash, hashOf(secret)), eq(signIns.kind, kind), gt(signIns.expiresAt, sql`now()`));
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function sealed(db: Db, secret: string, data: unknown): Buffer {
  return db.vault.seal(JSON.stringify(data), signInCell(hashOf(secret)));
}

function opened(db: Db, secret: string, data: Buffer): unknown {
  return JSON.parse(db.vault.open(data, signInCell(hashOf(secret))));
}
