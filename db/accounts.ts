/** Accounts. Their credentials are sealed and leave this file only through `openedAccount`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { and, asc, eq, gt, inArray, isNotNull, isNull, or, sql } from 'drizzle-orm';
import { SyncError } from '../core/sync-error.ts';
import type { Db } from './connect.ts';
import { ACCOUNT_KEYS } from './connections.ts';
import { isId, newId } from './ids.ts';
import { isOver } from './leases.ts';
import { ownedBy, type Tenant } from './owners.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';
import { violates } from './postgres-errors.ts';
import { requestsToday } from './request-counts.ts';
import { accounts } from './schema.ts';
import { accountCell } from './sealed-cells.ts';
import { SealedError } from './vault.ts';

/** An account without its secrets. */
export type AccountRecord = Omit<
  typeof accounts.$inferSelect,
  'credentials' | 'token' | 'tokenLease' | 'tokenLeasedUntil'
> & { readonly requestsToday: number; readonly serviceRequestsToday: number };

export interface NewAccount {
  readonly provider: string;
  readonly preset: string | null;
  readonly label: string | null;
  readonly externalId: string | null;
  readonly username: string;
  readonly identity: string;
  readonly discovered: Record<string, unknown>;
  readonly credentials: unknown;
  /** An access token that was obtained while the credentials were checked. */
  readonly token?: Token | null | undefined;
  readonly canCreateCalendars: boolean;
}

export async function createAccount(db: Db, account: NewAccount): Promise<AccountRecord> {
  const id = newId();
  const { credentials, token, ...plain } = account;
  const [row] = await db.sql
    .insert(accounts)
    .values({
      id,
      ...plain,
      credentials: sealed(db, id, 'credentials', credentials),
      token: token ? sealed(db, id, 'token', token) : null,
    })
    .returning(VISIBLE);
  return row!;
}

export async function listAccounts(
  db: Db,
  page: PageRequest,
  externalId: string | null,
  tenant: Tenant = null,
): Promise<Page<AccountRecord>> {
  const rows = await db.sql
    .select(VISIBLE)
    .from(accounts)
    .where(
      and(
        page.after === null ? undefined : gt(accounts.id, page.after),
        externalId === null ? undefined : eq(accounts.externalId, externalId),
        ownedBy(db, 'account', tenant),
      ),
    )
    .orderBy(asc(accounts.id))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}

export async function findAccount(db: Db, id: string): Promise<AccountRecord | null> {
  if (!isId(id)) return null;
  const [row] = await db.sql.select(VISIBLE).from(accounts).where(eq(accounts.id, id));
  return row ?? null;
}

export interface AccountPatch {
  readonly label?: string | null | undefined;
  readonly externalId?: string | null | undefined;
  readonly writeCalendarId?: string | null | undefined;
  readonly freeBusyCalendarIds?: string[] | null | undefined;
  readonly unansweredInvitations?: 'busy' | 'free' | undefined;
}

/** Changes what the patch names; null for an unknown account. */
export async function patchAccount(db: Db, id: string, patch: AccountPatch): Promise<AccountRecord | null> {
  if (!isId(id)) return null;
  if (Object.values(patch).every((value) => value === undefined)) return findAccount(db, id);
  const [row] = await db.sql.update(accounts).set(patch).where(eq(accounts.id, id)).returning(VISIBLE);
  return row ?? null;
}

/** Stores new credentials with what was discovered with them, replaces the access token, and ends the attention. */
export async function replaceCredentials(
  db: Db,
  id: string,
  checked: Pick<NewAccount, 'username' | 'discovered' | 'credentials' | 'token'>,
): Promise<AccountRecord | null> {
  const [row] = await db.sql
    .update(accounts)
    .set({
      username: checked.username,
      discovered: checked.discovered,
      credentials: sealed(db, id, 'credentials', checked.credentials),
      token: checked.token ? sealed(db, id, 'token', checked.token) : null,
      status: 'ok',
      statusReason: null,
    })
    .where(eq(accounts.id, id))
    .returning(VISIBLE);
  return row ?? null;
}

export async function setAccountStatus(
  db: Db,
  id: string,
  status: 'ok' | 'attention',
  reason: string | null,
): Promise<void> {
  await db.sql.update(accounts).set({ status, statusReason: reason }).where(eq(accounts.id, id));
}

export async function noteCalendarChange(db: Db, ids: readonly string[]): Promise<void> {
  // Everybody locks in the same order, so that no two deadlock.
  const same = db.sql
    .select({ id: accounts.id })
    .from(accounts)
    .where(
      sql`(${accounts.provider}, ${accounts.identity}) in (
        select a.provider, a.identity from ${accounts} a where ${inArray(sql`a.id`, [...ids])})`,
    )
    .orderBy(asc(accounts.id))
    .for('no key update');
  await db.sql
    .update(accounts)
    .set({ calendarsVersion: sql`${accounts.calendarsVersion} + 1` })
    .where(inArray(accounts.id, same));
}

export async function deleteAccount(db: Db, id: string): Promise<'deleted' | 'unknown' | 'in-use'> {
  if (!isId(id)) return 'unknown';
  try {
    const gone = await db.sql.delete(accounts).where(eq(accounts.id, id)).returning({ id: accounts.id });
    return gone.length === 0 ? 'unknown' : 'deleted';
  } catch (error) {
    if (ACCOUNT_KEYS.some((constraint) => violates(error, constraint))) return 'in-use';
    throw error;
  }
}

/** What a provider needs to open an account, with the credentials decrypted: keep it in memory only. */
export interface OpenedAccount {
  readonly id: string;
  readonly provider: string;
  readonly identity: string;
  readonly credentials: unknown;
  readonly discovered: Record<string, unknown>;
  readonly tokens: Tokens;
  /** Stores what was discovered again, unless the credentials have been replaced meanwhile. */
  readonly saveDiscovered: (discovered: Record<string, unknown>) => Promise<void>;
}

/** Null for an unknown account. @throws SyncError `credentials-unreadable` */
export async function openedAccount(db: Db, id: string): Promise<OpenedAccount | null> {
  if (!isId(id)) return null;
  const [row] = await db.sql.select().from(accounts).where(eq(accounts.id, id));
  if (!row) return null;
  return {
    id,
    provider: row.provider,
    identity: row.identity,
    credentials: credentialsIn(db, row),
    discovered: row.discovered,
    tokens: tokenStore(db, id, row.credentials),
    async saveDiscovered(discovered) {
      await db.sql
        .update(accounts)
        .set({ discovered })
        .where(and(eq(accounts.id, id), eq(accounts.credentials, row.credentials)));
    },
  };
}

function credentialsIn(
  { vault }: Db,
  { id, credentials }: { readonly id: string; readonly credentials: Buffer },
): unknown {
  try {
    return JSON.parse(vault.open(credentials, accountCell(id, 'credentials')));
  } catch (error) {
    if (!(error instanceof SealedError)) throw error;
    throw new SyncError('credentials-unreadable', 'the stored credentials cannot be decrypted', { cause: error });
  }
}

interface Token {
  readonly accessToken: string;
  readonly expiresAt: number;
  readonly refreshToken?: string | undefined;
}

interface Tokens {
  load(): Promise<Token | null>;
  save(token: Token): Promise<void>;
  exclusively?<T>(work: (store: Pick<Tokens, 'load' | 'save'>) => Promise<T>): Promise<T>;
}

/**
 * Stores an account's access token (a provider's `TokenStore`).
 * @param credentials the sealed credentials that the token belongs to: once they are replaced, no token is loaded or
 * stored
 */
export function tokenStore(db: Db, accountId: string, credentials?: Buffer): Required<Tokens> {
  const same = and(
    eq(accounts.id, accountId),
    credentials === undefined ? undefined : eq(accounts.credentials, credentials),
  );
  return {
    async load(): Promise<Token | null> {
      const [row] = await db.sql
        .select({ token: accounts.token })
        .from(accounts)
        .where(and(same, isNotNull(accounts.token)));
      return row?.token ? tokenIn(db, accountId, row.token) : null;
    },
    async save(token: Token): Promise<void> {
      await db.sql
        .update(accounts)
        .set({ token: sealed(db, accountId, 'token', token) })
        .where(same);
    },
    async exclusively(work) {
      const lease = await leaseToken(db, accountId);
      try {
        return await work(this);
      } finally {
        await db.sql
          .update(accounts)
          .set({ tokenLease: null, tokenLeasedUntil: null })
          .where(and(eq(accounts.id, accountId), eq(accounts.tokenLease, lease)));
      }
    },
  };
}

/** Null for one that cannot be decrypted: another one is requested. */
function tokenIn({ vault }: Db, accountId: string, token: Buffer): Token | null {
  try {
    return JSON.parse(vault.open(token, accountCell(accountId, 'token'))) as Token;
  } catch (error) {
    if (error instanceof SealedError) return null;
    throw error;
  }
}

/** Longer than a request for a token may take; after it, its holder counts as dead. */
const TOKEN_LEASE_SECONDS = 45;
const TOKEN_LEASE_RETRY_MS = 200;
/** For other workers that renew the token of the same account. */
const TOKEN_LEASE_WAIT_MS = 20_000;

/**
 * Workers renew an account's token one after the other. They hold a lease and not a transaction meanwhile: a service
 * that does not answer must not keep a connection from everybody else, nor the pairs of an account waiting in a row.
 * @throws SyncError `unreachable`
 */
async function leaseToken(db: Db, accountId: string): Promise<string> {
  const lease = newId();
  const until = accounts.tokenLeasedUntil;
  const isFree = or(isNull(until), isOver(until, TOKEN_LEASE_SECONDS));
  for (const from = performance.now(); ; ) {
    const leased = await db.sql
      .update(accounts)
      .set({ tokenLease: lease, tokenLeasedUntil: sql`now() + make_interval(secs => ${TOKEN_LEASE_SECONDS})` })
      .where(and(eq(accounts.id, accountId), isFree))
      .returning({ id: accounts.id });
    // An account that has been deleted has nothing to wait for.
    if (leased.length > 0 || !(await exists(db, accountId))) return lease;
    if (performance.now() - from > TOKEN_LEASE_WAIT_MS)
      throw new SyncError('unreachable', 'the service does not answer another request for a token of this account');
    await sleep(TOKEN_LEASE_RETRY_MS);
  }
}

async function exists(db: Db, accountId: string): Promise<boolean> {
  return (await db.sql.select({ id: accounts.id }).from(accounts).where(eq(accounts.id, accountId))).length > 0;
}

const VISIBLE = {
  id: accounts.id,
  /** Requests made for it today, and those of all accounts of its service that count against the daily budget. */
  requestsToday: requestsToday(sql`'account:' || "accounts"."id"`),
  serviceRequestsToday: requestsToday(sql`'budget:' || "accounts"."provider"`),
  provider: accounts.provider,
  preset: accounts.preset,
  label: accounts.label,
  externalId: accounts.externalId,
  username: accounts.username,
  identity: accounts.identity,
  discovered: accounts.discovered,
  status: accounts.status,
  statusReason: accounts.statusReason,
  canCreateCalendars: accounts.canCreateCalendars,
  writeCalendarId: accounts.writeCalendarId,
  freeBusyCalendarIds: accounts.freeBusyCalendarIds,
  unansweredInvitations: accounts.unansweredInvitations,
  calendarsVersion: accounts.calendarsVersion,
  createdAt: accounts.createdAt,
} as const;

function sealed(db: Db, accountId: string, column: 'credentials' | 'token', value: unknown): Buffer {
  return db.vault.seal(JSON.stringify(value), accountCell(accountId, column));
}
