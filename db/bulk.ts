/** Statements about many rows: PostgreSQL takes 65,535 parameters in one. */
import { type AnyColumn, type SQL, sql } from 'drizzle-orm';

/** True where the column is one of these: one parameter, however many they are. */
export function anyOf(column: AnyColumn, values: readonly string[]): SQL {
  return sql`${column} = any(${sql.param([...values])})`;
}

/** Does `work`, usually an insert, for some of the items after the others. Answers all that it gave back. */
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
