/** How many requests all processes have made: leased from budgets, and counted for accounts. See RequestBudgets. */
import { and, eq, sql } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { requestCounts } from './lease-schema.ts';

/** When the present window of this length began, by the database's clock. */
const windowStart = (seconds: number) =>
  sql`date_bin(make_interval(secs => ${seconds}), now(), timestamptz '2000-01-01T00:00:00Z')`;

const DAY_SECONDS = 86_400;
const today = windowStart(DAY_SECONDS);

/** The sum in the same window, else the new count alone. */
const sum = sql`case when ${requestCounts.windowStart} = excluded.window_start
  then ${requestCounts.used} + excluded.used else excluded.used end`;
const next = { used: sum, windowStart: sql`excluded.window_start` };

export async function leaseRequests(
  db: Db,
  { name, limit, windowSeconds }: { readonly name: string; readonly limit: number; readonly windowSeconds: number },
  amount: number,
): Promise<{ granted: number; used: number; secondsLeft: number }> {
  const [row] = await db.sql
    .insert(requestCounts)
    .values({ name: `budget:${name}`, windowStart: windowStart(windowSeconds), used: amount })
    .onConflictDoUpdate({
      target: requestCounts.name,
      set: next,
      setWhere: sql`${requestCounts.windowStart} <> excluded.window_start or ${requestCounts.used} < ${limit}`,
    })
    .returning({ used: requestCounts.used, secondsLeft: secondsLeft(windowSeconds) });
  if (row) return { ...row, granted: Math.max(0, amount - Math.max(0, row.used - limit)) };
  return { granted: 0, used: limit, secondsLeft: windowSeconds - ((Date.now() / 1000) % windowSeconds) };
}

function secondsLeft(windowSeconds: number) {
  return sql<number>`extract(epoch from ${requestCounts.windowStart}
    + make_interval(secs => ${windowSeconds}) - now())::float8`;
}

/** Adds to what accounts have used today. */
export async function countRequests(db: Db, requests: ReadonlyMap<string, number>): Promise<void> {
  if (requests.size === 0) return;
  await db.sql
    .insert(requestCounts)
    .values([...requests].sort().map(([id, used]) => ({ name: `account:${id}`, windowStart: today, used })))
    .onConflictDoUpdate({ target: requestCounts.name, set: next });
}

/** Today's count: of an account (`account:` and its id), or leased from a budget (`budget:` and its name). */
export function requestsToday(name: ReturnType<typeof sql>) {
  return sql<number>`coalesce((
    select c.used from request_counts c where c.name = ${name} and c.window_start = ${today}), 0)::float8`;
}

/** What was taken today from the daily budgets, by the kind of the service. */
export function requestsFromBudgets({ sql: db }: Db): Promise<{ provider: string; used: number }[]> {
  return db
    .select({ provider: sql<string>`substr(${requestCounts.name}, 8)`, used: requestCounts.used })
    .from(requestCounts)
    .where(and(sql`${requestCounts.name} ~ '^budget:[^:]+$'`, eq(requestCounts.windowStart, today)));
}
