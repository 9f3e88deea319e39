/**
 * One booking with its calendar in memory and a real PostgreSQL, under random requests of the API, edits of the host,
 * crashes and faults of the calendar. In the end booking and event agree on what was requested last.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { pino } from 'pino';
import { SYSTEM_CLOCK } from '../../activities/deps.ts';
import { type BookingDeps, createBookingActivities } from '../../activities/index.ts';
import { type Slot, slotOf, whenOf } from '../../core/booking.ts';
import { createAccount } from '../../db/accounts.ts';
import { type BookingRow, cancelBooking, changeBooking, desiredOf, findBooking, reserve } from '../../db/bookings.ts';
import { connect, type Db } from '../../db/connect.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';
import { FakeSide, fakeProvider, type Habits } from '../support/fake-side.ts';
import { type Random, randomOf } from '../support/random.ts';

const SEEDS = 30;
const START = Date.parse('2026-06-10T08:00:00Z');
const SERVERS: readonly Partial<Habits>[] = [
  { answers: 'sent' },
  { keepsIds: true },
  { answers: 'sent-without-version' },
  { isView: true, keepsIds: true },
];
const ZONE = 'Europe/Berlin';

class Killed extends Error {}

describe('a booking', () => {
  let db: Db;
  let accountId: string;
  before(async () => {
    db = connect(await testDatabase(), createVault([randomBytes(32)], randomBytes(32)), { poolSize: 3 });
    ({ id: accountId } = await createAccount(db, {
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
  after(() => db?.close());

  for (const habits of SERVERS)
    describe(`with ${JSON.stringify(habits)}`, () => {
      const [noon, later] = [slotAt(100), slotAt(200)];
      const open = async (): Promise<Play> => {
        const play = await Play.open(db, accountId, randomBytes(8).toString('hex'), habits, randomOf(1), []);
        await play.request(noon);
        return play;
      };
      const isAt = async (play: Play, slot: Slot, title = 'Call'): Promise<void> => {
        play.clock.now += 60_000;
        await play.carry();
        const { startAt, dueAt } = await play.row();
        assert.deepEqual(
          [play.side.events().map((event) => [event.title, slotOf(event.when, ZONE).start]), startAt.getTime(), dueAt],
          [[[title, slot.start]], slot.start, null],
        );
      };

      it('is moved when its create arrived, the worker died, and a new time came', async () => {
        const play = await open();
        play.killWhen((call, when) => call === 'create' && when === 'after');
        await play.carry();
        await play.request(later);
        await isAt(play, later);
      });

      it('is deleted when its create arrived, the worker died, and it was cancelled', async () => {
        const play = await open();
        play.killWhen((call, when) => call === 'create' && when === 'after');
        await play.carry();
        assert.equal(play.side.events().length, 1);
        await cancelBooking(db, play.id, new Date(play.clock.now));
        await play.carry();
        assert.deepEqual([play.side.events(), (await play.row()).writeStatus], [[], 'written']);
      });

      it(
        'is not taken for moved by the host when a move arrived, the worker died, and the old time ' +
          'was requested again',
        async () => {
          const play = await open();
          await play.carry();
          await play.request(later);
          play.killWhen((call, when) => call === 'update' && when === 'after');
          await play.carry();
          await play.request(noon);
          await isAt(play, noon);
        },
      );

      it('follows the host who moved it while the API gave it a new title', async () => {
        const play = await open();
        await play.carry();
        play.side.person.edit((await play.row()).ref!, { when: whenOf({ ...later, timeZone: ZONE }) });
        await changeBooking(db, play.id, (now) => ({ ...now, title: 'Other' }), true, new Date(play.clock.now));
        await isAt(play, later, 'Other');
      });
    });

  const first = Number(process.env['TEST_CALPAIR_SEED'] ?? 1);
  const seeds = process.env['TEST_CALPAIR_SEED'] === undefined ? SEEDS : 1;
  for (const [kind, habits] of SERVERS.entries()) {
    it(`is in its calendar once, as it was last wanted (${JSON.stringify(habits)})`, async (t) => {
      let [kills, moves, deletions] = [0, 0, 0];
      for (let seed = first; seed < first + seeds; seed++) {
        const story: string[] = [];
        try {
          const play = await Play.open(db, accountId, `${kind}-${seed}`, habits, randomOf(seed * 7 + kind), story);
          await play.all();
          [kills, moves, deletions] = [kills + play.kills, moves + play.hostMoves, deletions + play.hostDeletions];
        } catch (error) {
          throw new Error(`seed ${seed}:\n${story.join('\n')}`, { cause: error });
        }
      }
      t.diagnostic(`${kills} kills, ${moves} moves and ${deletions} deletions by the host`);
      assert.ok(seeds === 1 || (kills > SEEDS / 2 && moves > SEEDS / 4 && deletions > 0), 'enough of everything');
    });
  }
});

/** Half an hour, so many hours after the start. */
function slotAt(hour: number): Slot {
  return { start: START + hour * 3_600_000, end: START + hour * 3_600_000 + 1_800_000 };
}

class Play {
  kills = 0;
  hostMoves = 0;
  hostDeletions = 0;
  readonly clock = { now: START };
  readonly side: FakeSide;
  private readonly activities: ReturnType<typeof createBookingActivities>;
  private readonly db: Db;
  private readonly random: Random;
  private readonly story: string[];
  id = '';
  private watchId = '';
  private isDead = false;
  /** Requested times: the booking is never at another one. */
  private readonly wanted: Slot[] = [];
  /** The expected outcome, where it is certain: nothing else happened before it was written. */
  private sure: { readonly by: 'api' | 'host'; readonly slot: Slot } | null = null;
  private isSettled = false;

  private constructor(db: Db, calendarId: string, habits: Partial<Habits>, random: Random, story: string[]) {
    [this.db, this.random, this.story] = [db, random, story];
    this.side = new FakeSide(calendarId, this.clock, habits);
    const deps: BookingDeps = {
      db,
      providers: new Map([['fake', fakeProvider('fake', new Map([[calendarId, this.side]]))]]),
      fetch: () => Promise.reject(new Error('nothing is fetched here')),
      worker: 'tests',
      tag: () => 'ffff',
      clock: { ...SYSTEM_CLOCK, now: () => this.now() },
      random: () => 0.5,
      log: pino({ level: 'silent' }),
      pollIntervalSeconds: 60,
      webhook: null,
    };
    this.activities = createBookingActivities(deps);
  }

  static async open(
    db: Db,
    accountId: string,
    calendarId: string,
    habits: Partial<Habits>,
    random: Random,
    story: string[],
  ): Promise<Play> {
    const play = new Play(db, calendarId, habits, random, story);
    const slot = play.someSlot();
    const wanted = { title: 'Call', location: '', description: '', timeZone: ZONE, attendees: [], ...slot };
    const result = await reserve(
      db,
      { accountId, calendarId, wanted, allowOverlap: true, idempotencyKey: null, request: '' },
      new Date(play.clock.now),
    );
    assert.ok('booking' in result);
    [play.id, play.watchId] = [result.booking.id, result.booking.watchId];
    play.wanted.push(slot);
    play.sure = { by: 'api', slot };
    return play;
  }

  /** The API's. */
  async request(slot: Slot): Promise<void> {
    assert.notEqual(
      typeof (await changeBooking(
        this.db,
        this.id,
        (before) => ({ ...before, ...slot }),
        true,
        new Date(this.clock.now),
      )),
      'string',
    );
  }

  async all(): Promise<void> {
    for (let step = 0; step < 14; step++) {
      await this.act();
      await this.work();
      this.clock.now += this.random.below(40) * 1000;
    }
    this.story.push('all faults end');
    this.side.faults.length = 0;
    this.side.hook = null;
    for (let round = 0; round < 6; round++) {
      // Only the six-hourly listing reports what lies outside a view.
      this.clock.now += 7 * 3_600_000;
      await this.watch();
      await this.carry();
    }
    await this.check();
  }

  private async check(): Promise<void> {
    const row = await this.row();
    assert.deepEqual([row.dueAt, row.writeStatus], [null, 'written']);
    const events = this.side.events().filter(({ title }) => title !== 'Foreign');
    assert.equal(
      events.length,
      row.status === 'confirmed' ? 1 : 0,
      `${row.status} by ${String(row.cancelledBy)}, ${events.length} events`,
    );
    if (row.cancelledBy === 'calendar') assert.ok(this.hostDeletions > 0, 'the host did not delete it');
    if (row.status === 'cancelled') return;
    const slot = slotOf(events[0]!.when, ZONE);
    assert.deepEqual(slot, { start: row.startAt.getTime(), end: row.endAt.getTime() }, 'both have the same time');
    assert.ok(
      this.wanted.some((one) => one.start === slot.start && one.end === slot.end),
      'this time was requested',
    );
    if (this.sure) assert.deepEqual(slot, this.sure.slot, `${this.sure.by} wanted it last`);
    const { writes } = this.side;
    const before = writes.length;
    await this.watch();
    await this.carry();
    assert.equal(writes.length, before, 'nothing more is written');
  }

  /** One random action. */
  private async act(): Promise<void> {
    const what = this.random.pick([
      'nothing',
      'nothing',
      'api moves',
      'api moves',
      'api moves back',
      'api renames',
      'api cancels',
      'host moves',
      'host moves',
      'host renames',
      'host deletes',
      'foreign',
    ] as const);
    const row = await this.row();
    const ref = this.side.items.get(row.ref ?? '') ? row.ref! : null;
    const isHost = what.startsWith('host');
    if (
      (isHost && ref === null) ||
      (what === 'api cancels' && !this.random.chance(0.3)) ||
      (what === 'host deletes' && !this.random.chance(0.4))
    )
      return;
    this.story.push(what);
    const now = new Date(this.clock.now);
    switch (what) {
      case 'api moves':
      case 'api moves back': {
        const slot = what === 'api moves' ? this.someSlot() : this.wanted[0]!;
        if (
          typeof (await changeBooking(this.db, this.id, (before) => ({ ...before, ...slot }), true, now)) === 'string'
        )
          return;
        const isMoved = row.startAt.getTime() !== slot.start;
        // A move by the host that was not polled yet gives way to a newly requested time; requesting the old time
        // changes nothing.
        if (isMoved) [this.sure, this.isSettled] = [{ by: 'api', slot }, false];
        this.wanted.push(slot);
        return;
      }
      case 'api renames':
        await changeBooking(
          this.db,
          this.id,
          (before) => ({ ...before, title: `Call ${this.random.below(100)}` }),
          true,
          now,
        );
        return;
      case 'api cancels':
        await cancelBooking(this.db, this.id, now);
        return;
      case 'host moves': {
        const slot = this.someSlot();
        this.side.person.edit(ref!, { when: whenOf({ ...slot, timeZone: ZONE }) });
        this.hostMoves += 1;
        this.wanted.push(slot);
        // While a requested time is being written, a move by the host may lose to it or come after it.
        this.sure = this.isSettled && row.dueAt === null ? { by: 'host', slot } : null;
        return;
      }
      case 'host renames':
        this.side.person.edit(ref!, { title: `Mine ${this.random.below(100)}` });
        return;
      case 'host deletes':
        this.side.person.remove(ref!);
        this.hostDeletions += 1;
        return;
      case 'foreign':
        this.side.person.insert({ title: 'Foreign' });
        return;
      case 'nothing':
        return;
    }
  }

  /** The worker's part, with what may go wrong. */
  private async work(): Promise<void> {
    // A create happens once, so it is troubled more often.
    const isNew = (await this.row()).ref === null;
    const trouble = isNew && this.random.chance(0.7) ? 1 + this.random.below(2) : this.random.below(5);
    if (trouble === 0)
      this.side.failNext(
        this.random.pick(['create', 'update', 'remove', 'get']),
        this.random.pick(['unreachable', 'throttled', 'stale'] as const),
        { when: 'before' },
      );
    if (trouble === 1)
      this.side.failNext(this.random.pick(['create', 'update', 'remove']), 'unreachable', { when: 'after' });
    if (trouble === 2) {
      let left = 1 + this.random.below(isNew ? 2 : 6);
      this.killWhen(() => (left -= 1) === 0);
    }
    if (this.random.chance(0.5)) await this.watch();
    await this.carry();
    this.side.hook = null;
    if ((await this.row()).dueAt === null) this.isSettled = true;
  }

  /** The worker dies at the first call for which this is true. */
  killWhen(isTime: (call: string, when: string) => boolean): void {
    this.side.hook = (call, when) => {
      if (!isTime(call, when)) return;
      this.story.push(`  killed ${when} ${call}`);
      this.kills += 1;
      this.isDead = true;
      this.side.hook = null;
      throw new Killed();
    };
  }

  async carry(): Promise<void> {
    if ((await this.row()).dueAt !== null)
      await this.run('carry', () => this.activities.carryBooking({ bookingId: this.id }));
  }

  watch(): Promise<void> {
    return this.run('watch', () => this.activities.watchBookings({ watchId: this.watchId }));
  }

  private async run(name: string, activity: () => Promise<unknown>): Promise<void> {
    this.isDead = false;
    try {
      const answer = await new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') }).run(activity);
      this.story.push(`  ${name}: ${JSON.stringify(answer)}`);
    } catch (error) {
      this.story.push(`  ${name}: ${error instanceof ApplicationFailure ? error.message : String(error)}`);
      if (!this.isDead && !(error instanceof ApplicationFailure && ['NoChange', 'Waiting'].includes(error.type ?? '')))
        throw error;
    } finally {
      this.isDead = false;
    }
  }

  /** One that was killed does nothing more. */
  private now(): Date {
    if (this.isDead) throw new Killed();
    return new Date(this.clock.now);
  }

  async row(): Promise<BookingRow> {
    const row = (await findBooking(this.db, this.id))!;
    assert.ok(desiredOf(this.db, row).title !== '');
    return row;
  }

  private someSlot(): Slot {
    const start = START + (24 + this.random.below(500)) * 3_600_000;
    return { start, end: start + 1_800_000 * (1 + this.random.below(3)) };
  }
}
