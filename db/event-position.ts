/** Lists that are sorted by the start of events: where a page begins. */
import { type SQL, sql } from 'drizzle-orm';

/** After this event. */
export interface EventPosition {
  /** ISO 8601; null: after those that have a start. */
  readonly startAt: string | null;
  readonly id: string;
}

/** For a list in the order `startAt nulls last, id`; true where there is no position. */
export function isAfter(startAt: SQL, id: SQL, position: EventPosition | null): SQL {
  if (position === null) return sql`true`;
  if (position.startAt === null) return sql`(${startAt} is null and ${id} > ${position.id}::uuid)`;
  return sql`((${startAt}, ${id}) > (${position.startAt}::timestamptz, ${position.id}::uuid) or ${startAt} is null)`;
}
