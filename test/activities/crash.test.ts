/**
 * Crash everywhere: each call to the database or to a calendar is a numbered boundary. The scenario runs once to count
 * them, then once for each with a crash there, after which a worker comes back, either to the same run or to a new one.
 * Every time the end is the same.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SQL } from 'drizzle-orm';
import type { CalendarEvent } from '../../core/event.ts';
import type { Db } from '../../db/connect.ts';
import { testDatabase } from '../support/database.ts';
import { aSeries, at, EXCLUDED, occurrence } from '../support/fake-side.ts';
import { numberArgument } from '../support/number-argument.ts';
import { closeAll, Harness } from './harness.ts';

/**
 * A quick run takes some of the boundaries, other ones each time. All: `node --import tsx test/activities/crash.test.ts
 * --every=1`.
 */
const EVERY = numberArgument('every', 4);

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

class Crash extends Error {}

/** A process that dies at one boundary: from then on nothing of it does anything any more. */
class Mortal {
  count = 0;
  dies = Infinity;
  isDead = false;
  where = '';

  boundary(what: string): void {
    if (this.isDead) throw new Crash('dead');
    this.count += 1;
    if (this.count !== this.dies) return;
    this.isDead = true;
    this.where = what;
    throw new Crash(what);
  }

  /** Without the pool: then transactions go through `sql`, too. */
  wrap = (db: Db): Db => ({ ...db, pool: null, sql: this.wrapSql(db.sql) });

  private wrapSql(sql: Db['sql']): Db['sql'] {
    const boundary = (what: string) => this.boundary(what);
    return new Proxy(sql, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        if (name === 'transaction') {
          return async (work: (tx: unknown) => Promise<unknown>) => {
            boundary('transaction');
            const result: unknown = await (value as (work: (tx: unknown) => Promise<unknown>) => Promise<unknown>).call(
              target,
              async (tx) => {
                const done = await work(tx);
                boundary('commit');
                return done;
              },
            );
            boundary('committed');
            return result;
          };
        }
        if (name === 'update' || name === 'insert' || name === 'delete') boundary(String(name));
        if (name === 'execute') {
          return (query: SQL) => {
            const write = writeOf(query);
            if (write) boundary(write);
            return (value as (...args: unknown[]) => unknown).call(target, query);
          };
        }
        return (value as (...args: unknown[]) => unknown).bind(target);
      },
    });
  }
}

/** How a statement begins that changes rows. */
function writeOf(query: SQL): string | null {
  const [first] = query.queryChunks as { readonly value?: unknown }[];
  return /^\s*(insert into|update|delete from)/.exec(String(first?.value))?.[1] ?? null;
}

async function scenario(mortal: Mortal): Promise<Harness> {
  const harness = await Harness.open(url, { wrapDb: mortal.wrap });
  for (const title of ['A', 'B', 'C', 'D', 'E']) harness.caldav.person.insert({ title });
  harness.cloud.person.insert({ ...aSeries(), uid: 'series', title: 'S' });
  await harness.settle();
  const { caldav, cloud } = harness;
  caldav.person.insert({ title: 'N1' });
  cloud.person.insert({ title: 'N2', when: at(4) });
  caldav.person.edit(caldav.find('A'), { location: 'home' });
  cloud.person.edit(cloud.find('A'), { description: 'cloud' });
  cloud.person.remove(cloud.find('B'));
  caldav.person.remove(caldav.find('C'));
  caldav.person.edit(caldav.find('D'), { location: 'saved' });
  cloud.person.remove(cloud.find('D'));
  caldav.person.edit(caldav.find('S'), { exceptions: { [occurrence(1)]: EXCLUDED } });
  cloud.person.edit(cloud.find('S'), { exceptions: { [occurrence(2)]: EXCLUDED } });
  cloud.person.edit(cloud.find('E'), { location: 'lost' });
  caldav.person.edit(caldav.find('E'), { location: 'kept' });
  for (const side of [caldav, cloud]) side.hook = (call, when) => mortal.boundary(`${when} ${side.name}.${call}`);
  return harness;
}

/** What both sides show, but for names that follow from random ids. */
function end(harness: Harness): unknown {
  const shown = (event: CalendarEvent) => ({ ...event, uid: null });
  const sorted = (events: CalendarEvent[]) => events.map(shown).sort((a, b) => (a.title < b.title ? -1 : 1));
  return { caldav: sorted(harness.caldav.events()), cloud: sorted(harness.cloud.events()) };
}

async function finish(harness: Harness, mortal: Mortal, isSameRun: boolean): Promise<void> {
  const revive = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    mortal.isDead = false;
  };
  if (isSameRun) {
    harness.onFailedAttempt = revive;
    await harness.settle(6, 3);
    return;
  }
  for (let lives = 0; lives < 3; lives += 1) {
    try {
      // A workflow that comes back begins with a run, which ends the one that was cut short.
      if (lives > 0) await harness.run();
      await harness.settle(6);
      return;
    } catch (error) {
      if (!mortal.isDead) throw error;
      await revive();
    }
  }
}

test('a crash at any boundary leads to the same end', async (context) => {
  const whole = new Mortal();
  const wholeHarness = await scenario(whole);
  const from = whole.count;
  await finish(wholeHarness, whole, true);
  const boundaries = whole.count - from;
  const expected = end(wholeHarness);
  assert.deepEqual(wholeHarness.caldav.titles(), ['A', 'D', 'E', 'N1', 'N2', 'S']);
  assert.ok(boundaries > 80, `only ${boundaries} boundaries`);
  const offset = Math.floor(Math.random() * EVERY);
  context.diagnostic(`${boundaries} boundaries, every ${EVERY} from ${offset}`);
  for (let index = 1 + offset; index <= boundaries; index += EVERY) {
    const mortal = new Mortal();
    const harness = await scenario(mortal);
    mortal.dies = mortal.count + index;
    const isSameRun = index % 2 === 0;
    try {
      await finish(harness, mortal, isSameRun);
      // How many results are stored together differs, so this schedule may have fewer boundaries.
      mortal.dies = Infinity;
      assert.deepEqual(end(harness), expected);
      assert.deepEqual(harness.caldav.titles(), harness.cloud.titles());
      const { writes } = harness;
      harness.caldav.hook = harness.cloud.hook = null;
      assert.equal(await harness.cycle(), 'NoChange');
      assert.equal(harness.writes, writes);
      assert.deepEqual((await harness.conflicts()).map(({ field, winner }) => `${field} ${winner}`).sort(), [
        'event caldav',
        'location caldav',
      ]);
    } catch (error) {
      throw new Error(
        `crash at boundary ${index} (${mortal.where}), ${isSameRun ? 'same' : 'new'} run: ${String(error)}`,
        { cause: error },
      );
    }
  }
});
