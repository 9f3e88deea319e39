/** What should run in Temporal, by the rows here; for the supervisor. */
import { and, eq, gt, inArray, isNotNull, or, sql } from 'drizzle-orm';
import { bookedCalendars, bookings } from './booking-schema.ts';
import type { Db } from './connect.ts';
import { isStalled } from './pair-status.ts';
import { pairs } from './schema.ts';

/** Ids of rows, by what they are. */
export interface RowIds {
  readonly pairs: readonly string[];
  readonly bookings: readonly string[];
  readonly calendars: readonly string[];
}

/** Bookings that are to be written or not over yet, and calendars that are polled. */
export async function bookingsToRun({ sql: db }: Db): Promise<Pick<RowIds, 'bookings' | 'calendars'>> {
  const toRun = await db
    .select({ id: bookings.id })
    .from(bookings)
    .where(or(isNotNull(bookings.dueAt), and(eq(bookings.status, 'confirmed'), gt(bookings.endAt, sql`now()`))));
  const polled = await db
    .select({ id: bookedCalendars.id })
    .from(bookedCalendars)
    .where(isNotNull(bookedCalendars.dueAt));
  return { bookings: toRun.map(({ id }) => id), calendars: polled.map(({ id }) => id) };
}

/** Those of these rows that exist. */
export async function existingRows({ sql: db }: Db, ids: RowIds): Promise<Set<string>> {
  const found = await Promise.all([
    ids.pairs.length === 0
      ? []
      : db
          .select({ id: pairs.id })
          .from(pairs)
          .where(inArray(pairs.id, [...ids.pairs])),
    ids.bookings.length === 0
      ? []
      : db
          .select({ id: bookings.id })
          .from(bookings)
          .where(inArray(bookings.id, [...ids.bookings])),
    ids.calendars.length === 0
      ? []
      : db
          .select({ id: bookedCalendars.id })
          .from(bookedCalendars)
          .where(inArray(bookedCalendars.id, [...ids.calendars])),
  ]);
  return new Set(found.flat().map(({ id }) => id));
}

/** Pairs that nobody polls. */
export function stalledPairs({ sql: db }: Db): Promise<{ id: string; nextPollAt: Date | null }[]> {
  return db
    .select({ id: pairs.id, nextPollAt: pairs.nextPollAt })
    .from(pairs)
    .where(and(eq(pairs.paused, false), isStalled));
}

/**
 * Pairs that were polled in the future, or whose next poll is further ahead than any rule allows, because the clock was
 * set back, are due now (see `dueMs` in core/poll-schedule.ts). @returns their ids
 */
export async function resetFarDueTimes({ sql: db }: Db): Promise<string[]> {
  const every = (polls: typeof pairs.caldavPolls | typeof pairs.cloudPolls) =>
    sql`coalesce((${polls} ->> 'everySeconds')::float8, 0)`;
  // A side may have a longer interval than its pair. The next poll is that of the side with the shorter one.
  const everySeconds = sql`greatest(
    ${pairs.pollIntervalSeconds}, least(${every(pairs.caldavPolls)}, ${every(pairs.cloudPolls)}))`;
  const allowed = sql`case when ${pairs.failures} > 0 then interval '25 hours'
    else make_interval(secs => ${everySeconds} * 1.1 + 60) end`;
  const isPolledAhead = sql`greatest((${pairs.caldavPolls} ->> 'polledAt')::timestamptz,
    (${pairs.cloudPolls} ->> 'polledAt')::timestamptz) > now() + interval '1 minute'`;
  const rows = await db
    .update(pairs)
    .set({ nextPollAt: sql`now()`, caldavDueAt: sql`now()`, cloudDueAt: sql`now()`, notBefore: null })
    .where(and(eq(pairs.paused, false), or(gt(pairs.nextPollAt, sql`now() + ${allowed}`), isPolledAhead)))
    .returning({ id: pairs.id });
  return rows.map(({ id }) => id);
}
