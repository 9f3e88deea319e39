/** Workflows of pairs, bookings and calendars that are not in the database: what they ask first says so, for any id. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, it } from 'node:test';
import { beginCalendarPoll } from '../../db/booked-calendars.ts';
import { takeBooking } from '../../db/bookings.ts';
import { connect, type Db } from '../../db/connect.ts';
import { requestedWait } from '../../db/pairs.ts';
import { beginPoll } from '../../db/polls.ts';
import { beginRun } from '../../db/runs.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';

let db: Db;
before(async () => {
  db = connect(await testDatabase(), createVault([randomBytes(32)], randomBytes(32)), { poolSize: 2 });
});
after(() => db.close());

for (const [what, id] of [
  ['unknown', randomUUID()],
  ['in capitals', randomUUID().toUpperCase()],
  ['of another form', 'odd'],
  ['empty', ''],
  ['a NUL character', '\0'],
] as const)
  it(`FC11: an id that is ${what}`, async () => {
    const run = { pairId: id, number: 1, trigger: 'start', now: new Date() } as const;
    assert.deepEqual(await requestedWait(db, id, 1), { until: null, hasBegun: false });
    assert.deepEqual(
      [
        await beginRun(db, run),
        await beginPoll(db, id, 'w'),
        await beginCalendarPoll(db, id, 'w'),
        await takeBooking(db, id),
      ],
      [null, null, null, null],
    );
  });
