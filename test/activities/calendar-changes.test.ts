/**
 * A change that is seen or made raises the version of the accounts' calendars, so that cached busy times are dropped.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accounts } from '../../db/schema.ts';
import { testDatabase } from '../support/database.ts';
import { closeAll, Harness } from './harness.ts';

let harness: Harness;
before(async () => {
  harness = await Harness.open(await testDatabase());
});
after(closeAll);

/** Of both accounts, which are the same person's here. */
async function version(): Promise<number> {
  const rows = await harness.db.sql.select({ version: accounts.calendarsVersion }).from(accounts);
  assert.equal(rows.length, 2);
  assert.equal(rows[0]!.version, rows[1]!.version);
  return rows[0]!.version;
}

test('a poll with a change raises the version, one without does not, and a run does for its writes', async () => {
  await harness.settle();
  const idle = await version();
  harness.clock.now += 120_000;
  assert.equal(await harness.poll(), 'NoChange');
  assert.equal(await version(), idle);

  harness.caldav.person.insert({ title: 'A' });
  harness.clock.now += 120_000;
  assert.equal(await harness.poll(), 'changed');
  const seen = await version();
  assert.ok(seen > idle, 'before the run that carries it over');
  assert.equal((await harness.run('poll', { polled: true })).writes, 1);
  assert.ok((await version()) > seen);
});
