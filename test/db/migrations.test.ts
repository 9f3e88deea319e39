/** A database with the schema before the first release is migrated to today's and keeps every row. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Client } from 'pg';
import { migrate } from '../../db/connect.ts';
import { emptyDatabase } from '../support/database.ts';

const FOLDER = new URL('../../db/migrations/', import.meta.url);
const LAST_BEFORE = '0005_journal_settled';

const ID = (number: number) => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;
const [ACCOUNT, CONNECTION, PAIR, LINK, CALENDAR, BOOKING] = [1, 2, 3, 4, 5, 6].map(ID);

const ROWS = `
  insert into accounts (id, provider, username, identity, discovered, credentials, can_create_calendars)
    values ('${ACCOUNT}', 'caldav', 'anna', 'anna', '{}', 'x', true);
  insert into connections (id, caldav_account_id, cloud_account_id)
    values ('${CONNECTION}', '${ACCOUNT}', '${ACCOUNT}');
  insert into pairs (id, connection_id, caldav_calendar_id, cloud_calendar_id, calendars, floating_zone, direction,
                     poll_interval_seconds, options, paused, meeting)
    values ('${PAIR}', '${CONNECTION}', 'a', 'b', 'a b', 'UTC', 'bidirectional', 60, '{}', false, false);
  insert into links (id, pair_id, dirty) values ('${LINK}', '${PAIR}', false), ('${ID(14)}', '${PAIR}', false);
  insert into link_sides (link_id, pair_id, side, ref, resource, changed_at, seen, gone, shown) values
    ('${LINK}', '${PAIR}', 'caldav', 'r1', 'r1', now(), 'now', 'no', true),
    ('${LINK}', '${PAIR}', 'cloud', 'r2', 'r2', now(), 'soon', 'hinted', false),
    ('${ID(14)}', '${PAIR}', 'cloud', 'r3', 'r3', now(), null, 'proved', true);
  insert into booked_calendars (id, account_id, calendar_id) values ('${CALENDAR}', '${ACCOUNT}', 'a');
  insert into bookings (id, account_id, calendar_id, watch_id, status, start_at, end_at, content, request_hash, carried,
                        seen, shown)
    values ('${BOOKING}', '${ACCOUNT}', 'a', '${CALENDAR}', 'confirmed', now(), now(), 'c', 'h', 'sent', 'there', true);
`;

test('rows of the schema before the renamed columns are kept, with their values', async () => {
  const url = await emptyDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await schemaUpTo(client, LAST_BEFORE);
    await client.query(ROWS);
    await migrate(url);
    assert.deepEqual((await client.query('select needs_matching, event_count from pairs')).rows, [
      { needs_matching: false, event_count: 1 },
    ]);
    const sides = await client.query(
      `select ref, convert_from(current, 'utf8') as current, gone, listed from link_sides order by ref`,
    );
    assert.deepEqual(sides.rows, [
      { ref: 'r1', current: 'now', gone: 'no', listed: true },
      { ref: 'r2', current: 'soon', gone: 'suspected', listed: false },
      { ref: 'r3', current: null, gone: 'confirmed', listed: true },
    ]);
    const bookings = await client.query(`
      select convert_from(sync_state, 'utf8') as sync_state, convert_from(current, 'utf8') as current, listed
      from bookings`);
    assert.deepEqual(bookings.rows, [{ sync_state: 'sent', current: 'there', listed: true }]);
  } finally {
    await client.end();
  }
});

/** As drizzle leaves a database whose last migration was `tag`. */
async function schemaUpTo(client: Client, tag: string): Promise<void> {
  const journal = JSON.parse(readFileSync(new URL('meta/_journal.json', FOLDER), 'utf8')) as {
    entries: { tag: string; when: number }[];
  };
  await client.query('create schema drizzle');
  await client.query(
    'create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)',
  );
  for (const { tag: name, when } of journal.entries.filter((entry) => entry.tag <= tag)) {
    await client.query(readFileSync(new URL(`${name}.sql`, FOLDER), 'utf8'));
    await client.query('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', [name, when]);
  }
}

test('a row of every table is kept from every earlier schema', async () => {
  const { entries } = JSON.parse(readFileSync(new URL('meta/_journal.json', FOLDER), 'utf8')) as {
    entries: { tag: string }[];
  };
  for (const { tag } of entries) {
    const url = await emptyDatabase();
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await schemaUpTo(client, tag);
      const tables = await fill(client);
      await migrate(url);
      const { rows } = await client.query<{ name: string }>(TABLES);
      for (const name of tables.filter((one) => rows.some((row) => row.name === one)))
        assert.equal((await client.query(`select * from ${name}`)).rowCount, 1, `${tag}: ${name}`);
    } finally {
      await client.end();
    }
  }
});

const TABLES = `select table_name as name from information_schema.tables
  where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`;

/** One row for each table, with all columns. All ids are the same, so that every foreign key finds its row. */
async function fill(client: Client): Promise<string[]> {
  const tables = (await client.query<{ name: string }>(TABLES)).rows.map(({ name }) => name);
  // Foreign keys are not checked meanwhile; the migration checks those that it adds.
  await client.query('set session_replication_role = replica');
  for (const table of tables) {
    const { rows } = await client.query<{ name: string; type: string }>(
      `select column_name as name, data_type as type from information_schema.columns
        where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER'`,
      [table],
    );
    const names = rows.map(({ name }) => `"${name}"`).join(', ');
    const values = rows.map(({ name, type }) => VALUES[type] ?? assert.fail(`${table}.${name} is a ${type}`));
    await client.query(`insert into ${table} (${names}) values (${values.join(', ')})`);
  }
  await client.query('set session_replication_role = default');
  return tables;
}

const VALUES: Readonly<Record<string, string>> = {
  uuid: `'${ID(1)}'`,
  text: `'caldav'`,
  integer: '1',
  bigint: '1',
  smallint: '1',
  boolean: 'false',
  jsonb: `'{}'`,
  bytea: `'x'`,
  'timestamp with time zone': 'now()',
};
