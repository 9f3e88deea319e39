/** The tables of leases, and of requests that processes lease. */
import { bigint, pgTable, text } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

/**
 * What one process at a time may hold, for as long as it renews it by the database's clock: the supervision of the
 * installation (`supervisor`), and for each worker its own life (`worker:` and its identity).
 */
export const leases = pgTable('leases', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  until: instant('until').notNull(),
});

/** Requests in the present window: leased from a budget (`budget:` and its name), or made for an `account:`. */
export const requestCounts = pgTable('request_counts', {
  name: text('name').primaryKey(),
  windowStart: instant('window_start').notNull(),
  used: bigint('used', { mode: 'number' }).notNull(),
});
