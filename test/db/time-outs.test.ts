/** Nothing in the database holds up everybody else: statements, locks, idle transactions, a server that is gone. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { type ConnectOptions, connect, type Db, transaction } from '../../db/connect.ts';
import { isUnavailable } from '../../db/postgres-errors.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';

describe('FC3: time-outs of the database', { timeout: 60_000 }, () => {
  let url: string;
  const opened: Db[] = [];
  const open = (options: ConnectOptions, address = url): Db => {
    const db = connect(address, createVault([randomBytes(32)], randomBytes(32)), options);
    opened.push(db);
    return db;
  };
  before(async () => {
    url = await testDatabase();
  });
  after(() => Promise.all(opened.map((db) => db.close())));

  async function took(work: () => Promise<unknown>): Promise<number> {
    const startedAt = Date.now();
    await assert.rejects(work, (error) => isUnavailable(error));
    return Date.now() - startedAt;
  }

  it('a long statement and a wait for a lock end, and the connection is usable again', async () => {
    const db = open({ statementSeconds: 1, poolSize: 2 });
    assert.ok((await took(() => db.sql.execute(sql`select pg_sleep(20)`))) < 5_000);
    await db.sql.execute(sql`create table locked (id int); insert into locked values (1)`);
    await transaction(db, async (tx) => {
      await tx.sql.execute(sql`select * from locked for update`);
      assert.ok((await took(() => db.sql.execute(sql`update locked set id = 2`))) < 5_000);
    });
    assert.equal((await db.sql.execute(sql`select 1 as one`)).rows.length, 1);
  });

  it('a transaction whose process does nothing is ended, with its locks', async () => {
    const db = open({ statementSeconds: 1, poolSize: 2 });
    const { rows } = await db.sql.execute<{ value: string }>(
      sql`select current_setting('idle_in_transaction_session_timeout') as value`,
    );
    assert.equal(rows[0]?.value, '2s');
  });

  it('a server that is gone without a word is noticed within the time of a statement and five seconds', async () => {
    const { hostname, port } = new URL(url);
    const sockets: Socket[] = [];
    let isGone = false;
    const proxy = createServer((client) => {
      const server = connectTcp(Number(port), hostname);
      sockets.push(client, server);
      client.on('data', (data) => isGone || server.write(data)).on('error', () => undefined);
      server.on('data', (data) => isGone || client.write(data)).on('error', () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const through = new URL(url);
    through.host = `127.0.0.1:${(proxy.address() as { port: number }).port}`;
    const db = open({ statementSeconds: 1, poolSize: 1 }, through.href);
    await db.ping();
    isGone = true;
    const ms = await took(() => db.sql.execute(sql`select 1`));
    assert.ok(ms > 4_000 && ms < 9_000, `${ms} ms`);
    isGone = false;
    await db.ping();
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
});
