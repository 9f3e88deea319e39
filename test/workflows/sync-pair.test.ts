import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createHarness, runIdOf, until } from './harness.ts';
import type { FakePair, Harness } from './harness.ts';

const SIGNAL = { trigger: 'signal', full: false } as const;

describe('syncPair', () => {
  let h: Harness;
  before(async () => {
    h = await createHarness();
    await h.startWorkers();
  });
  after(() => h.close());

  /** A pair that has had its first run and watches. */
  async function idlePair(pair: FakePair = h.pair()): Promise<FakePair> {
    await h.control.start({ pairId: pair.id, paused: false });
    await until('the first poll', () => pair.polls > 0);
    return pair;
  }

  it('begins with a run of its own, then watches', async () => {
    const pair = await idlePair();
    assert.deepEqual(pair.diffs, [{ pairId: pair.id, number: 1, trigger: 'start', full: false, polled: false }]);
    const events = await h.events(pair.id);
    console.log(events.length, events.join(' '));
  });

  it('adds 18 events for a change', async () => {
    const pair = await idlePair();
    const had = (await h.events(pair.id)).length;
    pair.changed = true;
    await h.control.settingsChanged(pair.id);
    await until('the run', () => pair.applied.length === 1 && pair.polls > 2);
    console.log((await h.events(pair.id)).slice(had).join(' '));
    console.log(await h.control.status(pair.id), runIdOf(2));
    await h.control.syncNow(pair.id, SIGNAL);
    console.log(h.log);
  });
});
