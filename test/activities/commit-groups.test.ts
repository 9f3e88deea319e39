/** Items are committed in groups, whenever they come. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commitGroups } from '../../activities/pair/commit-groups.ts';
import { randomOf } from '../support/random.ts';

const signal = new AbortController().signal;

/** Waits so many turns of the event loop's microtasks. */
async function turns(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await Promise.resolve();
}

test('every item is committed once and in order, whenever it is added and however long a commit takes', async () => {
  const random = randomOf(1);
  for (let round = 0; round < 2_000; round += 1) {
    const committed: number[] = [];
    let isCommitting = false;
    const clock = { sleep: () => turns(random.below(4)), now: () => new Date(0), every: () => () => {} };
    const commits = commitGroups<number>(clock, signal, async (group) => {
      assert.ok(!isCommitting && group.length > 0, 'one group at a time');
      isCommitting = true;
      await turns(random.below(4));
      committed.push(...group);
      isCommitting = false;
    });
    for (let item = 0; item < 8; item += 1) {
      commits.add(item);
      await turns(random.below(8));
      if (random.chance(0.1)) await commits.all();
    }
    await commits.all();
    assert.deepEqual(committed, [0, 1, 2, 3, 4, 5, 6, 7]);
  }
});

test('a commit that fails does not keep the others from being committed, and is reported', async () => {
  const committed: number[] = [];
  const clock = { sleep: () => Promise.resolve(), now: () => new Date(0), every: () => () => {} };
  const commits = commitGroups<number>(clock, signal, (group) => {
    if (group.includes(2)) return Promise.reject(new Error('refused'));
    committed.push(...group);
    return Promise.resolve();
  });
  for (let item = 0; item < 5; item += 1) {
    commits.add(item);
    await turns(10);
  }
  await assert.rejects(commits.all(), /refused/);
  assert.deepEqual(committed, [0, 1, 3, 4]);
});
