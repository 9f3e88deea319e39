/** The table of leases. */
import { pgTable, text } from 'drizzle-orm/pg-core';
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
