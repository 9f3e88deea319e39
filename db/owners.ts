/**
 * Whose accounts, connections, pairs and bookings are: those of an `externalId`, the host's own id for one of its
 * customers. A connection belongs to it when both of its accounts do, and a pair when its connection does.
 */
import { and, eq, inArray, type SQL } from 'drizzle-orm';
import { bookings } from './booking-schema.ts';
import type { Db } from './connect.ts';
import { isId } from './ids.ts';
import { accounts, connections, pairs } from './schema.ts';

/** What a request may see: only what belongs to this external id; null: everything. */
export type Tenant = string | null;

export type Owned = 'account' | 'connection' | 'pair' | 'booking';

const TABLES = { account: accounts, connection: connections, pair: pairs, booking: bookings } as const;

/** The condition that a list adds to its query. */
export function ownedBy(db: Db, kind: Owned, tenant: Tenant): SQL | undefined {
  if (tenant === null) return undefined;
  const own = db.sql.select({ id: accounts.id }).from(accounts).where(eq(accounts.externalId, tenant));
  switch (kind) {
    case 'account':
      return eq(accounts.externalId, tenant);
    case 'booking':
      return inArray(bookings.accountId, own);
    case 'connection':
      return and(inArray(connections.caldavAccountId, own), inArray(connections.cloudAccountId, own));
    case 'pair':
      return inArray(
        pairs.connectionId,
        db.sql
          .select({ id: connections.id })
          .from(connections)
          .where(ownedBy(db, 'connection', tenant)),
      );
  }
}

/** Whether all of these exist and belong to the tenant. */
export async function isOwned(db: Db, kind: Owned, ids: readonly string[], tenant: Tenant): Promise<boolean> {
  const distinct = [...new Set(ids)];
  if (!distinct.every(isId)) return false;
  const table = TABLES[kind];
  const rows = await db.sql
    .select({ id: table.id })
    .from(table)
    .where(and(inArray(table.id, distinct), ownedBy(db, kind, tenant)));
  return rows.length === distinct.length;
}
