/**
 * What is kept for a number of days only. Runs and changes of pairs that are polled are pruned with their daily
 * comparison; this is the rest. Problems and held deletions are no history: they go when they are over.
 */
import { type SQL, sql } from 'drizzle-orm';
import { pruneChanges } from './changes.ts';
import type { Db } from './connect.ts';
import { pruneRuns } from './runs.ts';

/** Rows of a table that one statement deletes: it must not hold up others for long. */
const AT_ONCE = 1_000;

/** By table, what is over. `before` is the time from which on everything is kept. */
const OVER: Readonly<Record<string, (before: SQL) => SQL>> = {
  conflicts: (before) => sql`at < ${before}`,
  undo_requests: (before) => sql`at < ${before} and planned is not null`,
  previews: (before) => sql`finished_at < ${before}`,
  // Nothing is left to write, and the calendar no longer changes it.
  bookings: (before) => sql`end_at < ${before} and due_at is null`,
  // Without a webhook nobody delivers those that were recorded before.
  webhook_events: (before) => sql`at < ${before}`,
  // Only of the last day it is asked (core/sync/duplicates.ts).
  lost_events: () => sql`at < now() - interval '1 day'`,
  sessions: () => sql`expires_at < now()`,
  sign_ins: () => sql`expires_at < now()`,
};

/** Deletes what is over. @returns by table, how many rows were deleted; tables without any are left out */
export async function pruneOld(db: Db, days: number): Promise<Record<string, number>> {
  const deleted: Record<string, number> = {};
  const before = sql`(now() - make_interval(days => ${days}))`;
  for (const [table, isOver] of Object.entries(OVER)) {
    const name = sql.identifier(table);
    for (let some = AT_ONCE; some === AT_ONCE; ) {
      const { rowCount } = await db.sql.execute(sql`
        delete from ${name} where ctid in (
          select ctid from ${name} where ${isOver(before)} limit ${AT_ONCE} for update skip locked)`);
      some = rowCount ?? 0;
      if (some > 0) deleted[table] = (deleted[table] ?? 0) + some;
    }
  }
  await prunePaused(db, new Date(Date.now() - days * 86_400_000));
  return deleted;
}

/** They are not polled, so nothing else prunes them. */
async function prunePaused(db: Db, before: Date): Promise<void> {
  const { rows } = await db.sql.execute<{ id: string }>(sql`select id from pairs where paused`);
  for (const { id } of rows) {
    await pruneRuns(db, id, before);
    await pruneChanges(db, id, before);
  }
}
