/** Connections: two accounts, with pairs between their calendars. */
import { and, asc, count, eq, gt, or, sql } from 'drizzle-orm';
import { type Db, transaction } from './connect.ts';
import { isId, newId } from './ids.ts';
import { ownedBy, type Tenant } from './owners.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';
import { violates } from './postgres-errors.ts';
import { connections, pairs } from './schema.ts';

export interface ConnectionRecord {
  readonly id: string;
  readonly name: string | null;
  readonly caldavAccountId: string;
  readonly cloudAccountId: string;
  readonly pairCount: number;
  readonly createdAt: Date;
}

/** @param allowance how many connections there may be, counted under a lock */
export async function createConnection(
  db: Db,
  connection: { readonly name: string | null; readonly caldavAccountId: string; readonly cloudAccountId: string },
  allowance: number,
): Promise<ConnectionRecord | 'allowance' | 'unknown-account'> {
  return transaction(db, async (tx) => {
    await tx.sql.execute(sql`select pg_advisory_xact_lock(hashtext('calpair connections'))`);
    const [row] = await tx.sql.select({ total: count() }).from(connections);
    if ((row?.total ?? 0) >= allowance) return 'allowance' as const;
    const id = newId();
    await tx.sql.insert(connections).values({ id, ...connection });
    return (await findConnection(tx, id))!;
  }).catch((error: unknown) => {
    if (ACCOUNT_KEYS.some((constraint) => violates(error, constraint))) return 'unknown-account' as const;
    throw error;
  });
}

export async function listConnections(
  db: Db,
  page: PageRequest,
  tenant: Tenant = null,
): Promise<Page<ConnectionRecord>> {
  const rows = await db.sql
    .select(VISIBLE)
    .from(connections)
    .where(and(page.after === null ? undefined : gt(connections.id, page.after), ownedBy(db, 'connection', tenant)))
    .orderBy(asc(connections.id))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}

export async function findConnection(db: Db, id: string): Promise<ConnectionRecord | null> {
  if (!isId(id)) return null;
  const [row] = await db.sql.select(VISIBLE).from(connections).where(eq(connections.id, id));
  return row ?? null;
}

/** `has-pairs`: the pairs have to be stopped and deleted first. */
export async function deleteConnection(db: Db, id: string): Promise<'deleted' | 'unknown' | 'has-pairs'> {
  if (!isId(id)) return 'unknown';
  try {
    const gone = await db.sql.delete(connections).where(eq(connections.id, id)).returning({ id: connections.id });
    return gone.length === 0 ? 'unknown' : 'deleted';
  } catch (error) {
    if (violates(error, 'pairs_connection_id_connections_id_fk')) return 'has-pairs';
    throw error;
  }
}

export async function pairIdsOfConnection(db: Db, connectionId: string): Promise<string[]> {
  const rows = await db.sql
    .select({ id: pairs.id })
    .from(pairs)
    .where(eq(pairs.connectionId, connectionId))
    .orderBy(asc(pairs.id));
  return rows.map((row) => row.id);
}

/** The pairs of an account that are not paused. */
export async function activePairIdsOfAccount(db: Db, accountId: string): Promise<string[]> {
  const rows = await db.sql
    .select({ id: pairs.id })
    .from(pairs)
    .innerJoin(connections, eq(connections.id, pairs.connectionId))
    .where(
      and(
        eq(pairs.paused, false),
        or(eq(connections.caldavAccountId, accountId), eq(connections.cloudAccountId, accountId)),
      ),
    )
    .orderBy(asc(pairs.id));
  return rows.map((row) => row.id);
}

/** The foreign keys from connections to accounts. */
export const ACCOUNT_KEYS = [
  'connections_caldav_account_id_accounts_id_fk',
  'connections_cloud_account_id_accounts_id_fk',
];

const VISIBLE = {
  id: connections.id,
  name: connections.name,
  caldavAccountId: connections.caldavAccountId,
  cloudAccountId: connections.cloudAccountId,
  createdAt: connections.createdAt,
  pairCount: sql<number>`(select count(*)::int from pairs p where p.connection_id = "connections"."id")`,
} as const;
