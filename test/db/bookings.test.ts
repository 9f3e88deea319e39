/** Reservations by concurrent callers. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createAccount, deleteAccount } from '../../db/accounts.ts';
import { bookedCalendar, claimDueWatches, endWatch } from '../../db/booked-calendars.ts';
import {
  cancelBooking,
  changeBooking,
  claimDueBookings,
  findBooking,
  noteBooking,
  type ReserveResult,
  reserve,
  settleBooking,
  takeBooking,
} from '../../db/bookings.ts';
import { connect, type Db } from '../../db/connect.ts';
import { SOON_MS } from '../../db/due-times.ts';
import { Superseded } from '../../db/epoch.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';

const HOUR = 3_600_000;
const NOW = new Date('2027-01-01T00:00:00Z');

describe('reservations', () => {
  let one: Db;
  let other: Db;
  let accountId: string;
  let day = 0;
  before(async () => {
    const [url, vault] = [await testDatabase(), createVault([randomBytes(32)], randomBytes(32))];
    [one, other] = [connect(url, vault, { poolSize: 10 }), connect(url, vault, { poolSize: 10 })];
    ({ id: accountId } = await createAccount(one, {
      provider: 'fake',
      preset: null,
      label: null,
      externalId: null,
      username: 'a',
      identity: 'fake',
      discovered: {},
      credentials: {},
      canCreateCalendars: false,
    }));
  });
  after(() => Promise.all([one?.close(), other?.close()]));

  const startOf = (hour: number): number => NOW.getTime() + day * 24 * HOUR + hour * HOUR;
  const book = (
    db: Db,
    [from, to]: readonly [number, number],
    more: { allowOverlap?: boolean; idempotencyKey?: string; request?: string } = {},
  ): Promise<ReserveResult> =>
    reserve(
      db,
      {
        accountId,
        calendarId: 'c',
        wanted: {
          title: 'T',
          location: '',
          description: '',
          timeZone: 'UTC',
          attendees: [],
          start: startOf(from),
          end: startOf(to),
        },
        allowOverlap: false,
        idempotencyKey: null,
        request: '',
        ...more,
      },
      NOW,
    );
  const idOf = (result: ReserveResult): string => ('booking' in result ? result.booking.id : assert.fail(result.kind));
  const both = <T>(count: number, work: (db: Db, n: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => work(n % 2 === 0 ? one : other, n)));

  it('give a slot to one of many callers, also if the slots only overlap', async () => {
    for (let round = 0; round < 5; round++) {
      day += 1;
      const kinds = (await both(30, (db, n) => book(db, [9 + (n % 3) / 4, 10 + (n % 3) / 4]))).map(({ kind }) => kind);
      assert.deepEqual(
        [kinds.filter((kind) => kind === 'reserved').length, kinds.filter((kind) => kind === 'busy').length],
        [1, 29],
      );
    }
  });

  it('make one booking for one idempotency key', async () => {
    day += 1;
    const results = await both(20, (db, n) =>
      book(db, [9, 10], { idempotencyKey: 'k', request: 'r', allowOverlap: n % 2 === 0 }),
    );
    assert.equal(new Set(results.map(idOf)).size, 1);
    assert.equal(results.filter(({ kind }) => kind === 'reserved').length, 1);
    assert.equal((await book(one, [9, 10], { idempotencyKey: 'k', request: 'other' })).kind, 'key-reused');
  });

  it('move one of two bookings to the same time', async () => {
    day += 1;
    const ids = [idOf(await book(one, [9, 10])), idOf(await book(one, [10, 11]))];
    const moved = await both(2, (db, n) =>
      changeBooking(db, ids[n]!, (now) => ({ ...now, start: startOf(12), end: startOf(13) }), false, NOW),
    );
    assert.equal(moved.filter((result) => result === 'busy').length, 1);
    assert.equal(await changeBooking(one, 'nothing', (now) => now, false, NOW), 'unknown');
  });

  it('are claimed by one process when their workflow was not notified, and again after some minutes', async () => {
    day += 1;
    const id = idOf(await book(one, [9, 10]));
    const at = (ms: number): Date => new Date(NOW.getTime() + ms);
    const claimed = async (ms: number): Promise<number> =>
      (await both(4, (db) => claimDueBookings(db, at(ms)))).flat().filter((row) => row.id === id).length;
    assert.deepEqual(
      [
        await claimed(SOON_MS - 1),
        await claimed(SOON_MS + 1),
        await claimed(SOON_MS + 2),
        await claimed(SOON_MS + 301_000),
      ],
      [0, 1, 0, 1],
    );
    assert.equal((await both(2, (db) => claimDueWatches(db, at(SOON_MS + 1)))).flat().length, 1);
  });

  it('let a late attempt store nothing, and settle nothing that was changed meanwhile', async () => {
    day += 1;
    const id = idOf(await book(one, [9, 10]));
    const late = (await takeBooking(one, id))!;
    const now = (await takeBooking(other, id))!;
    await assert.rejects(noteBooking(one, late, { ref: 'late' }), Superseded);
    await assert.rejects(
      settleBooking(one, late, { writeStatus: 'written' }, async () => {}),
      Superseded,
    );
    await cancelBooking(one, id, NOW);
    const { isSettled, row } = await settleBooking(other, now, { writeStatus: 'written', dueAt: null }, async () =>
      assert.fail('nothing is settled'),
    );
    assert.deepEqual([isSettled, row.status, row.writeStatus, row.ref], [false, 'cancelled', 'pending', null]);
    assert.equal(
      (await settleBooking(other, row, { writeStatus: 'written', dueAt: null }, async () => {})).isSettled,
      true,
    );
  });

  it('keep their calendar polled while one is to come', async () => {
    day += 1;
    const booking = (await findBooking(one, idOf(await book(one, [9, 10]))))!;
    const far = new Date(startOf(24 * 30));
    assert.equal(await endWatch(one, booking.watchId, new Date(startOf(9.5))), false);
    assert.equal(await endWatch(one, booking.watchId, far), true);
    assert.equal((await bookedCalendar(one, booking.watchId))!.dueAt, null);
    day += 40;
    await book(one, [9, 10]);
    assert.notEqual((await bookedCalendar(one, booking.watchId))!.dueAt, null);
    assert.equal(await endWatch(one, booking.watchId, far), false);
  });

  it('are deleted with their account', async () => {
    const { id } = await createAccount(one, {
      provider: 'fake',
      preset: null,
      label: null,
      externalId: null,
      username: 'b',
      identity: 'b',
      discovered: {},
      credentials: {},
      canCreateCalendars: false,
    });
    const booking = idOf(
      await reserve(
        one,
        {
          accountId: id,
          calendarId: 'c',
          wanted: {
            title: 'T',
            location: '',
            description: '',
            timeZone: 'UTC',
            attendees: [],
            start: startOf(9),
            end: startOf(10),
          },
          allowOverlap: false,
          idempotencyKey: null,
          request: '',
        },
        NOW,
      ),
    );
    assert.equal(await deleteAccount(one, id), 'deleted');
    assert.equal(await findBooking(one, booking), null);
  });
});
