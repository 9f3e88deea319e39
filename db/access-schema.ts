/** The tables of keys, browsers that are signed in, and of what was changed with them. */
import { index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { instant, sealed } from './columns.ts';

export const apiKeys = pgTable('api_keys', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  /** SHA-256 of the key, in hex. A random key needs no slow hash. */
  hash: text('hash').notNull().unique(),
  scope: text('scope').$type<'admin' | 'read'>().notNull().default('admin'),
  /** It sees and makes only accounts of this external id, and what hangs on them; null: everything. */
  externalId: text('external_id'),
  /** Null: never. */
  expiresAt: instant('expires_at'),
  createdAt: instant('created_at').notNull().defaultNow(),
});

/** Keys of this installation that never change, sealed with its encryption key. */
export const installationKeys = pgTable('installation_keys', {
  name: text('name').primaryKey(),
  sealed: sealed('sealed').notNull(),
});

/** What was changed through the API, and with which key. */
export const auditLog = pgTable('audit_log', {
  /** Begins with its time, so the newest are read by it. */
  id: uuid('id').primaryKey(),
  at: instant('at').notNull(),
  /** Null: `CALPAIR_API_KEY`, or no key at all. The key itself may be gone. */
  keyId: uuid('key_id'),
  /** The operation of the API that made the change. */
  action: text('action').notNull(),
  /** Ids of what was changed, by kind. */
  targets: jsonb('targets').$type<Record<string, string | string[]>>().notNull(),
});

/** Browsers that are signed in to the console: a session stands for the API key that it was opened with. */
export const sessions = pgTable(
  'sessions',
  {
    /** SHA-256 of the cookie, in hex. */
    hash: text('hash').primaryKey(),
    /** Null: the key of `CALPAIR_API_KEY`. */
    apiKeyId: uuid('api_key_id').references(() => apiKeys.id, { onDelete: 'cascade' }),
    /** Keyed hash of `CALPAIR_API_KEY`: with another key there the session is over. */
    environmentKey: text('environment_key'),
    expiresAt: instant('expires_at').notNull(),
  },
  (t) => [index('sessions_expires').on(t.expiresAt)],
);

/**
 * Sign-ins that a person has begun in a browser and not finished. The row is found by the hash of a secret that only
 * the client has.
 */
export const signIns = pgTable(
  'sign_ins',
  {
    /** SHA-256 of the secret (OAuth's `state`, a poll id), in hex. */
    hash: text('hash').primaryKey(),
    /** `google`, `microsoft`: OAuth. */
    kind: text('kind').notNull(),
    /** SHA-256 of the cookie of the browser that began; null where no browser did. */
    cookieHash: text('cookie_hash'),
    /** Sealed JSON: what the second step needs. */
    data: sealed('data').notNull(),
    /** The process that works on it, until when. */
    takenUntil: instant('taken_until'),
    expiresAt: instant('expires_at').notNull(),
  },
  (t) => [index('sign_ins_expires').on(t.expiresAt)],
);
