/** Counts of what is stored, for `/metrics`. */
import { and, count, eq, isNull, sql } from 'drizzle-orm';
import { bookings } from './booking-schema.ts';
import type { Db } from './connect.ts';
import { attentionReason, pairStatus } from './pair-status.ts';
import { requestsFromBudgets } from './request-counts.ts';
import { accounts, heldChanges, pairs, problems, webhookEvents } from './schema.ts';

export type StoredCounts = Awaited<ReturnType<typeof countStored>>;

/** One statement for each kind; a number for each combination of codes that there is. */
export async function countStored(db: Db) {
  const lateSeconds = sql`extract(epoch from now() - ${pairs.nextPollAt})`;
  const reason = sql<string>`case when ${pairStatus} = 'attention' then ${attentionReason} else '' end`;
  const [byStatus, byAccount, [late], byProblem, [held], byBooking, [events], requests] = await Promise.all([
    db.sql.select({ status: pairStatus, reason, total: count() }).from(pairs).groupBy(sql`1, 2`),
    db.sql
      .select({ provider: accounts.provider, status: accounts.status, total: count() })
      .from(accounts)
      .groupBy(accounts.provider, accounts.status),
    db.sql
      .select({
        most: sql<number>`coalesce(greatest(max(${lateSeconds}), 0), 0)::float8`,
        late: sql<number>`count(*) filter (where ${lateSeconds} > ${LATE_SECONDS})::int`,
      })
      .from(pairs)
      .where(eq(pairs.paused, false)),
    db.sql
      .select({ code: problems.code, side: problems.side, total: count() })
      .from(problems)
      .groupBy(problems.code, problems.side),
    db.sql
      .select({ total: count() })
      .from(heldChanges)
      .where(and(isNull(heldChanges.decision))),
    db.sql
      .select({ status: bookings.status, writeStatus: bookings.writeStatus, total: count() })
      .from(bookings)
      .groupBy(bookings.status, bookings.writeStatus),
    db.sql.select({ total: count() }).from(webhookEvents),
    requestsFromBudgets(db),
  ]);
  return {
    pairs: byStatus,
    accounts: byAccount,
    problems: byProblem,
    bookings: byBooking,
    /** How long the poll that waits longest is due, and how many are due for more than a minute. */
    polls: { mostSeconds: late?.most ?? 0, late: late?.late ?? 0 },
    heldChanges: held?.total ?? 0,
    webhookEvents: events?.total ?? 0,
    requests,
  };
}

const LATE_SECONDS = 60;

/** Connections to PostgreSQL of this process: open, idle, and requests that wait for one. */
export function poolUse({ pool }: Db): { open: number; idle: number; waiting: number } {
  return { open: pool?.totalCount ?? 0, idle: pool?.idleCount ?? 0, waiting: pool?.waitingCount ?? 0 };
}
