/**
 * Sign-ins that have begun and are not finished (`sign_ins`). Any API process can finish one that another began. Only
 * hashes of the secrets are stored; what the second step needs is sealed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { and, eq, gt, isNull, lt, or, sql } from 'drizzle-orm';
import { signIns } from './access-schema.ts';
import type { Db } from './connect.ts';

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

function isCurrent(kind: string, secret: string) {
  return and(eq(signIns.hash, hashOf(secret)), eq(signIns.kind, kind), gt(signIns.expiresAt, sql`now()`));
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function sealed(db: Db, secret: string, data: unknown): Buffer {
  return db.vault.seal(JSON.stringify(data), `sign-in:${hashOf(secret)}`);
}

function opened(db: Db, secret: string, data: Buffer): unknown {
  return JSON.parse(db.vault.open(data, `sign-in:${hashOf(secret)}`));
}
