import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { eq } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { connect, type Db } from '../../db/connect.ts';
import { underEpoch } from '../../db/epoch.ts';
import { countLinks, insertLinks } from '../../db/links.ts';
import { beginRun, lastRunNumber } from '../../db/runs.ts';
import { pairs } from '../../db/schema.ts';
import { onScratch } from '../../db/scratch.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';
import { storedPair } from './stored-pair.ts';

describe('the private copy of a pair', () => {
  // One connection: statements that it has prepared for the real tables must not be used for the copy, nor the other
  // way round.
  let db: Db;
  let other: Db;
  let pairId: string;
  before(async () => {
    const [url, vault] = [await testDatabase(), createVault([randomBytes(32)], randomBytes(32))];
    [db, other] = [connect(url, vault, { poolSize: 1 }), connect(url, vault, { poolSize: 1 })];
    pairId = await storedPair(db);
    await insertLinks(db, [{ id: uuidv7(), pairId, dirty: true }]);
  });
  after(async () => {
    await db.close();
    await other.close();
  });

  const addLink = (on: Db) => insertLinks(on, [{ id: uuidv7(), pairId, dirty: true }]);

  it('is changed without the real one, in turns with it', async () => {
    for (let round = 1; round <= 3; round++) {
      assert.equal(await countLinks(db, pairId), round);
      const counts = await onScratch(db, pairId, 10, async (scratch) => {
        const before_ = await countLinks(scratch, pairId);
        const begun = await beginRun(scratch, { pairId, number: 1, trigger: 'signal', now: new Date() });
        await underEpoch(scratch, pairId, begun!.epoch, addLink, 'update');
        return [before_, await countLinks(scratch, pairId), await lastRunNumber(scratch, pairId)];
      });
      assert.deepEqual(counts, [round, round + 1, 1]);
      assert.deepEqual([await countLinks(db, pairId), await lastRunNumber(db, pairId)], [round, 0]);
      assert.equal((await db.sql.select().from(pairs).where(eq(pairs.id, pairId)))[0]?.epoch, 0);
      await addLink(db);
    }
  });

  it('delays no other work, is a copy of one moment, and leaves nothing behind when it fails', async () => {
    const before_ = await countLinks(db, pairId);
    const failed = onScratch(db, pairId, 10, async (scratch) => {
      await underEpoch(scratch, pairId, 0, addLink, 'update');
      const begun = await beginRun(other, { pairId, number: 1, trigger: 'signal', now: new Date() });
      await underEpoch(other, pairId, begun!.epoch, addLink, 'update');
      assert.equal(await countLinks(scratch, pairId), before_ + 1);
      throw new Error('not this time');
    });
    await assert.rejects(failed, /not this time/);
    assert.equal(await countLinks(db, pairId), before_ + 1);
    assert.equal(await lastRunNumber(db, pairId), 1);
  });
});
