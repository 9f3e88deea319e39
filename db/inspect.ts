/** What `npm run doctor` reads of the database. */
import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import type { Db } from './connect.ts';

export interface DatabaseFacts {
  readonly version: string;
  readonly major: number;
  readonly sizeBytes: number;
  readonly maxConnections: number;
  /** Milliseconds since the epoch, by its clock. */
  readonly now: number;
  /** Migrations that it lacks; negative where it has more than this version of Calpair knows. */
  readonly missingMigrations: number;
}

export async function inspectDatabase({ sql: db }: Db): Promise<DatabaseFacts> {
  const { rows } = await db.execute<{ version: string; major: number; size: number; most: number; now: number }>(sql`
    select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
      pg_database_size(current_database())::float8 as size, current_setting('max_connections')::int as most,
      extract(epoch from clock_timestamp())::float8 * 1000 as now`);
  const { version, major, size, most, now } = rows[0]!;
  const known = await db.execute<{ name: string | null }>(sql`
    select to_regclass('drizzle.__drizzle_migrations')::text as name`);
  const done =
    known.rows[0]?.name === null
      ? 0
      : (await db.execute<{ total: number }>(sql`select count(*)::int as total from drizzle.__drizzle_migrations`))
          .rows[0]!.total;
  const journal = JSON.parse(readFileSync(new URL('./migrations/meta/_journal.json', import.meta.url), 'utf8')) as {
    entries: unknown[];
  };
  return {
    version,
    major,
    sizeBytes: size,
    maxConnections: most,
    now,
    missingMigrations: journal.entries.length - done,
  };
}
