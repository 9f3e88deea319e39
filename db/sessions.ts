/** Sessions of browsers: 32 random bytes in a cookie, stored as SHA-256 only. */
import { createHash, randomBytes } from 'node:crypto';
import { and, eq, gt, lt, sql } from 'drizzle-orm';
import { sessions } from './access-schema.ts';
import type { Db } from './connect.ts';

/** The API key that a session stands for: a stored one, or (with a keyed hash) that of the environment. */
export interface SessionKey {
  readonly apiKeyId: string | null;
  readonly environmentKey: string | null;
}

/** Also forgets what has expired. @returns the cookie's value */
export async function createSession(db: Db, key: SessionKey, expiresAt: Date): Promise<string> {
  await db.sql.delete(sessions).where(lt(sessions.expiresAt, sql`now()`));
  const secret = randomBytes(32).toString('base64url');
  await db.sql.insert(sessions).values({ hash: hashOf(secret), ...key, expiresAt });
  return secret;
}

export async function findSession(db: Db, secret: string): Promise<(SessionKey & { expiresAt: Date }) | null> {
  const [row] = await db.sql
    .select()
    .from(sessions)
    .where(and(eq(sessions.hash, hashOf(secret)), gt(sessions.expiresAt, sql`now()`)));
  return row ?? null;
}

/** False where there was none. */
export async function deleteSession(db: Db, secret: string): Promise<boolean> {
  const gone = await db.sql
    .delete(sessions)
    .where(eq(sessions.hash, hashOf(secret)))
    .returning({ h: sessions.hash });
  return gone.length > 0;
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
