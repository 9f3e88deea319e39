/**
 * Statements about many rows. Their values are arrays, one for each column, because PostgreSQL takes at most 65,535
 * parameters in one statement, and parses a short statement faster.
 */
import { type AnyColumn, getTableColumns, is, SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Db } from './connect.ts';

/** True where the column has one of these values; they are a single parameter. */
export function anyOf(column: AnyColumn, values: readonly string[]): SQL {
  return sql`${column} = any(${sql.param([...values])})`;
}

/** Runs `work`, usually a query, for one chunk of the items after the other. Returns all rows. */
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

/**
 * Inserts rows with one statement per 1,000. A column that is undefined gets its default.
 * @param isOptional rows that exist are left out
 * @returns how many were inserted
 */
export async function insertRows<Table extends PgTable>(
  db: Db,
  table: Table,
  rows: readonly Table['$inferInsert'][],
  isOptional = false,
): Promise<number> {
  let inserted = 0;
  for (const { columns, some } of byColumns(table, rows.map(withDefaults(table, rows)))) {
    const names = sql.join(
      columns.map(({ column }) => sql.identifier(column.name)),
      sql`, `,
    );
    const conflict = isOptional ? sql`on conflict do nothing` : sql``;
    const { rowCount } = await db.sql.execute(sql`
      insert into ${table} (${names}) select * from unnest(${arraysOf(columns, some)}) ${conflict}`);
    inserted += rowCount ?? 0;
  }
  return inserted;
}

/**
 * Changes rows, each in its own way: a statement for those that change the same columns. A column that is undefined
 * stays as it is.
 * @param keys the columns that find a row; no two of `rows` may have the same
 */
export async function updateRows<Table extends PgTable>(
  db: Db,
  table: Table,
  keys: readonly string[],
  rows: readonly Partial<Table['$inferInsert']>[],
): Promise<void> {
  for (const { columns, some } of byColumns(table, rows)) {
    const of = (key: string) => sql.identifier(columns.find(({ name }) => name === key)?.column.name ?? key);
    const changed = columns.filter(({ name }) => !keys.includes(name));
    if (changed.length === 0) continue;
    await db.sql.execute(sql`
      update ${table} t set ${sql.join(
        changed.map(({ name }) => sql`${of(name)} = v.${of(name)}`),
        sql`, `,
      )}
      from unnest(${arraysOf(columns, some)}) v(${sql.join(
        columns.map(({ name }) => of(name)),
        sql`, `,
      )})
      where ${sql.join(
        keys.map((key) => sql`t.${of(key)} = v.${of(key)}`),
        sql` and `,
      )}`);
  }
}

/** Adds the defaults of columns that only other rows name. */
function withDefaults(table: PgTable, rows: readonly object[]): (row: object) => object {
  const named = new Set(rows.flatMap((row) => Object.keys(row)));
  const defaults = Object.entries(getTableColumns(table)).flatMap(([name, column]) => {
    const { default: value, hasDefault } = column as PgColumn;
    // A default that PostgreSQL computes is not known here.
    return !named.has(name) || is(value, SQL) ? [] : [[name, hasDefault ? value : null] as const];
  });
  return (row) => {
    const given = Object.entries(row).filter(([, value]) => value !== undefined);
    return { ...Object.fromEntries(defaults), ...Object.fromEntries(given) };
  };
}

interface NamedColumn {
  /** As in the code. */
  readonly name: string;
  readonly column: PgColumn;
}

/** Rows that name the same columns, at most `CHUNK` together. */
function* byColumns(
  table: PgTable,
  rows: readonly object[],
): Generator<{ columns: readonly NamedColumn[]; some: readonly object[] }> {
  const all = Object.entries(getTableColumns(table)).map(([name, column]) => ({ name, column: column as PgColumn }));
  const groups = new Map<string, { columns: NamedColumn[]; some: object[] }>();
  for (const row of rows) {
    const columns = all.filter(({ name }) => (row as Record<string, unknown>)[name] !== undefined);
    const key = columns.map(({ name }) => name).join();
    const group = groups.get(key) ?? { columns, some: [] };
    groups.set(key, group);
    group.some.push(row);
  }
  for (const { columns, some } of groups.values())
    for (let start = 0; start < some.length; start += CHUNK) yield { columns, some: some.slice(start, start + CHUNK) };
}

function arraysOf(columns: readonly NamedColumn[], rows: readonly object[]): SQL {
  const arrays = columns.map(({ name, column }) => {
    const values = rows.map((row) => {
      const value = (row as Record<string, unknown>)[name];
      return value === null ? null : column.mapToDriverValue(value);
    });
    return sql`${sql.param(values)}::${sql.raw(column.getSQLType())}[]`;
  });
  return sql.join(arrays, sql`, `);
}
