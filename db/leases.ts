/**
 * Leases: what one process at a time may hold, by the database's clock. Every worker holds one in its own name for as
 * long as it lives, and one process supervises the installation.
 */
import { and, eq, gt, inArray, like, lt, or, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Db } from './connect.ts';
import { leases } from './lease-schema.ts';

/** Renewed every 10 s; after this long without, its holder counts as dead. */
const LEASE_SECONDS = 30;
export const RENEW_EVERY_MS = 10_000;

export const SUPERVISOR_LEASE = 'supervisor';
const WORKER = 'worker:';
export const workerLease = (identity: string): string => `${WORKER}${identity}`;

/** A lease of so many seconds has ended, or ends later than any may: the clock was set back since. */
export function isOver(until: PgColumn, seconds: number) {
  return or(lt(until, sql`now()`), gt(until, sql`now() + make_interval(secs => ${2 * seconds})`));
}

/** Takes a lease that is free, or renews one's own. False: another process holds it. */
export async function holdLease(db: Db, name: string, holder: string): Promise<boolean> {
  const until = sql`now() + make_interval(secs => ${LEASE_SECONDS})`;
  const held = await db.sql
    .insert(leases)
    .values({ name, holder, until })
    .onConflictDoUpdate({
      target: leases.name,
      set: { holder, until },
      setWhere: sql`${or(eq(leases.holder, holder), isOver(leases.until, LEASE_SECONDS))}`,
    })
    .returning({ name: leases.name });
  return held.length > 0;
}

/** At the orderly end of a process. */
export async function releaseLeases(db: Db, holder: string): Promise<void> {
  await db.sql.delete(leases).where(eq(leases.holder, holder));
}

/** The identities of workers, those that have not renewed their lease in time apart. */
export async function workersByLease(db: Db): Promise<{ readonly live: Set<string>; readonly dead: string[] }> {
  const rows = await db.sql
    .select({ holder: leases.holder, isLive: sql<boolean>`${leases.until} > now()` })
    .from(leases)
    .where(like(leases.name, `${WORKER}%`));
  return {
    live: new Set(rows.flatMap(({ holder, isLive }) => (isLive ? holder : []))),
    dead: rows.flatMap(({ holder, isLive }) => (isLive ? [] : holder)),
  };
}

export async function dropWorkers(db: Db, identities: readonly string[]): Promise<void> {
  if (identities.length > 0)
    await db.sql.delete(leases).where(and(like(leases.name, `${WORKER}%`), inArray(leases.holder, [...identities])));
}
