/**
 * PostgreSQL dies, between two statements of a transaction or under load: nothing hangs, nothing is half done, and the
 * process goes on.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { connect, type Db, transaction } from '../../db/connect.ts';
import { codeOf, isUnavailable } from '../../db/postgres-errors.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';

let db: Db;
let killer: Db;
before(async () => {
  const url = await testDatabase();
  const vault = createVault([randomBytes(32)], randomBytes(32));
  [db, killer] = [connect(url, vault), connect(url, vault, { poolSize: 1 })];
  await db.sql.execute(sql`create table half (value int)`);
});
after(async () => {
  await Promise.all([db?.close(), killer?.close()]);
});

/** Ends every connection but its own, like a crash of PostgreSQL. */
const killAll = () =>
  killer.sql.execute(sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`);

it('a transaction whose connection dies between two statements fails, and none of it is stored', {
  timeout: 30_000,
}, async () => {
  for (let round = 0; round < 10; round++) {
    const broken = transaction(db, async (tx) => {
      await tx.sql.execute(sql`insert into half values (1)`);
      await killAll();
      await sleep(50 * (round % 2));
      // Meanwhile other queries use the pool, and open new connections.
      await db.ping();
      await tx.sql.execute(sql`insert into half values (2)`);
    });
    await assert.rejects(broken, (error) => isUnavailable(error), 'the error says that PostgreSQL is unavailable');
  }
  assert.equal(await killer.sql.$count(sql`half`), 0);
});

it('every query sent while connections die ends, and later queries succeed', {
  timeout: 60_000,
}, async () => {
  const codes = new Set<string>();
  for (let round = 0; round < 20; round++) {
    const queries = Array.from({ length: 40 }, (_, index) =>
      sleep(index % 5)
        .then(() => db.sql.execute(sql`select ${index}::int`))
        .catch((error: unknown) => void codes.add(codeOf(error))),
    );
    await Promise.all([...queries, sleep(round % 5).then(killAll)]);
  }
  // The last connections learn of their end a moment later.
  await sleep(500);
  await Promise.all(Array.from({ length: 100 }, () => db.ping()));
  assert.ok(codes.size > 0, 'some queries failed');
});

it('a full disk is an outage that ends, not a bug', () => {
  const refused = Object.assign(new Error('could not extend file'), { code: '53100' });
  assert.ok(isUnavailable(new Error('Failed query', { cause: refused })));
});
