/** Polls of a worker that was killed on another machine go on as soon as its lease has run out. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eq, sql } from 'drizzle-orm';
import { connect, type Db } from '../../db/connect.ts';
import { holdLease, workerLease } from '../../db/leases.ts';
import { pairs } from '../../db/schema.ts';
import { createVault } from '../../db/vault.ts';
import { newWorkerIdentity, recoverOrphanedActivities } from '../../worker/recover-orphaned-activities.ts';
import { storedPair } from '../db/stored-pair.ts';
import { testDatabase } from '../support/database.ts';
import { testTemporal } from '../support/temporal.ts';
import { createHarness, type Harness, until } from './harness.ts';

let h: Harness;
let db: Db;
before(async () => {
  h = await createHarness(await testTemporal());
  db = connect(await testDatabase(), createVault([randomBytes(32)], randomBytes(32)), { poolSize: 2 });
});
after(async () => {
  await h?.close();
  await db?.close();
});

it('a killed worker costs its pairs less than a minute, and a living one loses nothing', {
  timeout: 120_000,
}, async () => {
  const [dead, own] = ['1@another-machine/dead', newWorkerIdentity()];
  const pair = h.pair();
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('doomed-worker.ts', import.meta.url)), h.address, h.namespace, '', dead],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  await h.control.start({ pairId: pair.id, paused: false });
  await until('the poll', () => output.includes(`poll ${pair.id}`), 60_000);
  await db.sql
    .update(pairs)
    .set({ id: pair.id, polledBy: dead })
    .where(eq(pairs.id, await storedPair(db)));
  await holdLease(db, workerLease(dead), dead);
  const recover = () => recoverOrphanedActivities(h.client.connection, h.namespace, db, { own, all: false });
  assert.deepEqual(await recover(), { workers: [], activities: 0 }, 'it may live');
  child.kill('SIGKILL');
  await h.startWorkers();
  await db.sql.execute(sql`update leases set until = now() - interval '1 second'`);
  const freedAt = Date.now();
  assert.deepEqual(await recover(), { workers: [dead], activities: 1 });
  await until('the next poll', () => pair.polls === 1);
  assert.ok(Date.now() - freedAt < 10_000, `${Date.now() - freedAt} ms`);
  assert.deepEqual(await recover(), { workers: [], activities: 0 }, 'nothing is left');
});
