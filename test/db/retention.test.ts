/** What is deleted after `CALPAIR_HISTORY_DAYS`, and what never is. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type SQL, sql } from 'drizzle-orm';
import { createAccount } from '../../db/accounts.ts';
import { bookings } from '../../db/booking-schema.ts';
import { cancelBooking, reserve } from '../../db/bookings.ts';
import { connect, type Db } from '../../db/connect.ts';
import { pruneOld } from '../../db/retention.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';
import { storedPair } from './stored-pair.ts';

const DAYS = 30;
let db: Db;
let pairId: string;
before(async () => {
  db = connect(await testDatabase(), createVault([randomBytes(32)], randomBytes(32)), { poolSize: 2 });
  pairId = await storedPair(db);
});
after(() => db.close());

const run = (statement: SQL) => db.sql.execute(statement);
const ago = (days: number) => sql`now() - make_interval(days => ${days})`;
async function left(table: string): Promise<number> {
  const { rows } = await run(sql`select count(*)::int as total from ${sql.identifier(table)}`);
  return Number(rows[0]?.['total']);
}

test('FC10: conflicts, requests, previews, webhook events and expired sign-ins are deleted once old', async () => {
  for (const days of [0, 29, 31, 400]) {
    const at = ago(days);
    await run(sql`insert into conflicts (id, pair_id, link_id, run_id, at, field, winner, content, digest)
      values (gen_random_uuid(), ${pairId}, gen_random_uuid(), gen_random_uuid(), ${at}, 'title', 'cloud', '', '')`);
    for (const planned of [null, Buffer.from('x')])
      await run(sql`insert into undo_requests (id, pair_id, at, planned)
        values (gen_random_uuid(), ${pairId}, ${at}, ${planned})`);
    await run(sql`insert into webhook_events (id, type, at, data, next_try_at)
      values (gen_random_uuid(), 'pair.attention', ${at}, '{}', ${at})`);
    await run(sql`insert into sign_ins (hash, kind, data, expires_at) values (${`h${days}`}, 'google', '', ${at})`);
    await run(sql`insert into sessions (hash, expires_at) values (${`h${days}`}, ${ago(days - 1)})`);
  }
  await run(sql`insert into previews (pair_id, started_at, finished_at) values (${pairId}, ${ago(31)}, ${ago(31)})`);
  assert.deepEqual(await pruneOld(db, DAYS), {
    conflicts: 2,
    undo_requests: 2,
    previews: 1,
    webhook_events: 2,
    sign_ins: 4,
    sessions: 3,
  });
  // What a person asked for and no run has planned yet is never deleted.
  assert.equal(await left('undo_requests'), 2 + 4);
  assert.deepEqual(await pruneOld(db, DAYS), {});
});

test('lost events are deleted after a day, whatever the days of the history', async () => {
  for (const hours of [1, 23, 25])
    await run(sql`insert into lost_events (pair_id, link_id, side, uid_hash, at)
      values (${pairId}, gen_random_uuid(), 'cloud', '', now() - make_interval(hours => ${hours}))`);
  assert.deepEqual(await pruneOld(db, DAYS), { lost_events: 1 });
  assert.equal(await left('lost_events'), 2);
});

test('FC10: bookings that are over are deleted, unless their event is still to be written', async () => {
  const { id: accountId } = await createAccount(db, {
    provider: 'caldav',
    preset: null,
    label: null,
    externalId: null,
    username: 'host',
    identity: 'host',
    discovered: {},
    credentials: {},
    canCreateCalendars: false,
  });
  const now = Date.now();
  const book = async (daysAgo: number, set: SQL): Promise<string> => {
    const start = now - daysAgo * 86_400_000 - 3_600_000;
    const slot = { start, end: start + 1_800_000 };
    const wanted = { title: 't', location: '', description: '', timeZone: 'UTC', attendees: [], ...slot };
    const one = { accountId, calendarId: 'c', wanted, allowOverlap: true, idempotencyKey: null, request: '' };
    const { booking } = (await reserve(db, one, new Date(start))) as { booking: { id: string } };
    await run(sql`update bookings set ${set} where id = ${booking.id}`);
    return booking.id;
  };
  const settled = sql`due_at = null, write_status = 'written'`;
  const old = await book(31, settled);
  const cancelled = await book(40, settled);
  await cancelBooking(db, cancelled, new Date());
  await run(sql`update bookings set due_at = null, write_status = 'failed' where id = ${cancelled}`);
  const kept = [await book(29, settled), await book(-1, settled), await book(31, sql`write_status = 'pending'`)];
  await run(sql`delete from webhook_events`);
  assert.deepEqual(await pruneOld(db, DAYS), { bookings: 2 });
  const rows = await db.sql.select({ id: bookings.id }).from(bookings);
  assert.deepEqual(rows.map(({ id }) => id).sort(), [...kept].sort());
  assert.ok(!rows.some(({ id }) => id === old));
});

test('FC10: runs and changes of a paused pair are deleted, too', async () => {
  for (const days of [29, 31]) {
    await run(sql`insert into runs (id, pair_id, number, trigger, started_at, finished_at, result)
      values (gen_random_uuid(), ${pairId}, ${days}, 'poll', ${ago(days)}, ${ago(days)}, 'ok')`);
    await run(sql`insert into changes (id, pair_id, link_id, event_id, run_id, at, side, action, content)
      values (gen_random_uuid(), ${pairId}, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), ${ago(days)},
        'cloud', 'update', '')`);
  }
  await pruneOld(db, DAYS);
  assert.deepEqual([await left('runs'), await left('changes')], [2, 2]);
  await run(sql`update pairs set paused = true`);
  await pruneOld(db, DAYS);
  assert.deepEqual([await left('runs'), await left('changes')], [1, 1]);
});
