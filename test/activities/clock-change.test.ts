/** The clock of the machine jumps while a pair is synced: nothing is lost, doubled or held because of it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SyncError } from '../../core/sync-error.ts';
import { testDatabase } from '../support/database.ts';
import { at } from '../support/fake-side.ts';
import { closeAll, Harness } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const HOUR = 3_600;
const JUMPS = [
  ['a minute back', -60],
  ['an hour back', -HOUR],
  ['a day back', -24 * HOUR],
  ['a year back', -365 * 24 * HOUR],
  ['an hour ahead', HOUR],
  ['a day ahead', 24 * HOUR],
  ['a year ahead', 365 * 24 * HOUR],
] as const;

describe('FC3: when the clock jumps', () => {
  for (const [name, seconds] of JUMPS)
    for (const isDuringRun of [false, true])
      test(`${name}, ${isDuringRun ? 'while a run writes' : 'between two polls'}`, async () => {
        const harness = await Harness.open(url);
        for (const title of ['A', 'B', 'C', 'D']) harness.caldav.person.insert({ title });
        await harness.settle();
        harness.caldav.person.edit(harness.caldav.find('A'), { title: 'A edited' });
        harness.cloud.person.edit(harness.cloud.find('B'), { location: 'Here' });
        harness.cloud.person.remove(harness.cloud.find('C'));
        harness.cloud.person.insert({ title: 'New', when: at(9) });
        if (isDuringRun) {
          let isOver = false;
          harness.cloud.hook = (call) => {
            if (call !== 'update' || isOver) return;
            isOver = true;
            harness.advance(seconds);
          };
        } else harness.advance(seconds);
        // The poll that is due next may come later by as much as the clock went back, up to three minutes.
        await harness.cycle();
        await harness.settle(8);
        const titles = ['A edited', 'B', 'D', 'New'];
        assert.deepEqual([harness.caldav.titles(), harness.cloud.titles()], [titles, titles]);
        assert.equal(harness.caldav.shows('B').location, 'Here');
        assert.deepEqual([await harness.held(), await harness.problems(), await harness.conflicts()], [[], [], []]);
        const { writes } = harness;
        await harness.settle();
        await harness.run('resync', { full: true });
        assert.equal(harness.writes, writes, 'a pair at rest writes nothing');
        harness.caldav.person.edit(harness.caldav.find('D'), { title: 'D edited' });
        await harness.settle(8);
        assert.ok(harness.cloud.titles().includes('D edited'), 'later edits cross, too');
      });
});

describe('FC3: what waits when the clock is set back goes on within minutes', () => {
  const FAILURES = {
    'a side that is down': ['changes', new SyncError('unreachable', 'down')],
    'a side that asked for patience': ['changes', new SyncError('throttled', 'slowly', { retryAfterMs: 300_000 })],
    'a write that failed': ['create', new SyncError('unreachable', 'down')],
    'a write that was throttled': ['create', new SyncError('throttled', 'slowly', { retryAfterMs: 300_000 })],
  } as const;
  for (const [what, [failing, error]] of Object.entries(FAILURES))
    test(what, async () => {
      const harness = await Harness.open(url);
      await harness.settle();
      harness.caldav.person.insert({ title: 'New' });
      harness.cloud.hook = (call) => {
        if (call === failing) throw error;
      };
      for (let cycle = 0; cycle < 6; cycle += 1) await harness.cycle();
      assert.deepEqual(harness.cloud.titles(), []);
      harness.cloud.hook = null;
      harness.advance(-10 * HOUR);
      for (let cycle = 0; cycle < 3; cycle += 1) await harness.cycle();
      assert.deepEqual(harness.cloud.titles(), ['New']);
    });

  test('a run that a person asks for, and the next full comparison', async () => {
    const harness = await Harness.open(url);
    await harness.settle();
    harness.cloud.hook = (call) => {
      if (call === 'changes') throw new SyncError('throttled', 'slowly', { retryAfterMs: 300_000 });
    };
    await harness.cycle();
    harness.cloud.hook = null;
    harness.advance(-10 * HOUR);
    await assert.rejects(harness.run(), ({ nextRetryDelay }) => Number.parseFloat(nextRetryDelay) <= 60);
    await harness.settle();
    const { fullListingAt } = await harness.pair();
    assert.ok(fullListingAt!.getTime() <= harness.clock.now);
    assert.equal((await harness.run()).result, 'ok');
  });
});
