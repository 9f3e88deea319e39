/** Statements about many rows. PostgreSQL takes at most 65,535 parameters in one. */
import { type AnyColumn, type SQL, sql } from 'drizzle-orm';

/** True where the column has one of these values; they are a single parameter. */
export function anyOf(column: AnyColumn, values: readonly string[]): SQL {
  return sql`${column} = any(${sql.param([...values])})`;
}

/** Runs `work`, usually an insert, for one chunk of the items after the other. Returns all rows. */
export async function inChunks<Item, Row>(
  items: readonly Item[],
  work: (some: Item[]) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let start = 0; start < items.length; start += CHUNK)
    rows.push(...(await work(items.slice(start, start + CHUNK))));
  return rows;
}

const CHUNK = 1_000;
