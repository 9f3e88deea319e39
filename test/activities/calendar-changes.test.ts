/**
 * What was told of busy times is dropped by whoever sees or makes a change: the accounts' calendars get a new version.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accounts } from '../../db/schema.ts';
import { testDatabase } from '../support/database.ts';
import { closeAll, Harness } from './harness.ts';

let rig: Harness;
before(async () => {
  rig = await Harness.open(await testDatabase());
});
after(closeAll);

/** Of both accounts, which are the same person's here. */
async function version(): Promise<number> {
  const rows = await rig.db.sql.select({ version: accounts.calendarsVersion }).from(accounts);
  assert.equal(rows.length, 2);
  assert.equal(rows[0]!.version, rows[1]!.version);
  return rows[0]!.version;
}

test(
  'a poll that sees a change tells it at once, one that sees none does not, and a run tells ' + 'what it wrote',
  async () => {
    await rig.settle();
    const idle = await version();
    rig.clock.now += 120_000;
    assert.equal(await rig.poll(), 'NoChange');
    assert.equal(await version(), idle);

    rig.caldav.person.insert({ title: 'A' });
    rig.clock.now += 120_000;
    assert.equal(await rig.poll(), 'changed');
    const seen = await version();
    assert.ok(seen > idle, 'before the run that carries it over');
    assert.equal((await rig.run('poll', { polled: true })).writes, 1);
    assert.ok((await version()) > seen);
  },
);
