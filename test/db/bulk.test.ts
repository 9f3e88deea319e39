/** A calendar may have more events than PostgreSQL takes parameters in a statement (65,535). */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { v7 as uuidv7 } from 'uuid';
import { connect, type Db } from '../../db/connect.ts';
import { postgresStore } from '../../db/postgres-store.ts';
import type { Store } from '../../db/store.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';
import { storedPair } from './stored-pair.ts';

const COUNT = 70_000;

let db: Db;
let store: Store;
before(async () => {
  db = connect(await testDatabase(), createVault([randomBytes(32)], randomBytes(32)));
  store = postgresStore(db);
});
after(() => db.close());

test('a run plans, holds and deletes 70,000 events', async () => {
  const now = new Date();
  const pairId = await storedPair(db);
  const { run } = (await store.beginRun({ pairId, number: 1, trigger: 'start', now }))!;
  const ids = Array.from({ length: COUNT }, () => uuidv7());
  const last = ids.at(-1)!;
  await store.insertLinks(ids.map((id) => ({ id, pairId, dirty: true })));
  await store.insertOps(
    ids.map((linkId) => ({
      id: uuidv7(),
      runId: run.id,
      pairId,
      linkId,
      side: 'cloud' as const,
      action: 'update' as const,
      counted: false,
      status: 'pending' as const,
      fields: { title: linkId },
    })),
  );
  const unsettled = await store.unsettledWrites(ids);
  assert.equal(unsettled.size, COUNT);
  assert.deepEqual(unsettled.get(`${last}/cloud/title`), [last]);
  await store.dropUndoneOps(run.id, ids);
  assert.deepEqual(await store.opsToExecute(run.id, 'writes', null, 1), []);
  assert.equal(
    await store.hold(ids.map((linkId) => ({ pairId, linkId, side: 'cloud' as const, reason: 'limit', since: now }))),
    COUNT,
  );
  const lost = ids.map((linkId) => ({ linkId, side: 'cloud' as const, uidHash: linkId }));
  for (const uidHash of [null, 'hash'])
    await store.noteLost(pairId, [...lost, { ...lost[0]!, linkId: uuidv7(), uidHash }], now);
  const noted = await store.lostEvents(pairId, [...ids, 'hash'], new Date(now.getTime() - 1));
  assert.deepEqual([noted.length, noted.find(({ linkId }) => linkId === last)?.uidHash], [COUNT + 1, last]);
  await store.updateLinks(ids, { dirty: false });
  assert.deepEqual(await store.dirtyLinks(pairId, now, true), []);
  await store.finishDeletions(ids, now);
  await store.deleteLinks(ids);
  assert.deepEqual([await store.countLinks(pairId), await store.countHeld(pairId)], [0, 0]);
});
