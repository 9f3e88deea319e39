/** How notifications are joined. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NotificationBursts } from '../../api/notification-bursts.ts';

/** Time that passes when a test says so. */
class Clock {
  ms = 0;
  #timers: { at: number; work: () => void }[] = [];

  now = (): number => this.ms;
  after = (ms: number, work: () => void): (() => void) => {
    const timer = { at: this.ms + ms, work };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  };

  async pass(ms: number): Promise<void> {
    for (const end = this.ms + ms; ; ) {
      const [next] = this.#timers.toSorted((a, b) => a.at - b.at);
      if (!next || next.at > end) {
        this.ms = end;
        return;
      }
      this.#timers = this.#timers.filter((one) => one !== next);
      this.ms = next.at;
      next.work();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function bursts(): { clock: Clock; acts: [ms: number, key: string, value: number][]; all: NotificationBursts } {
  const clock = new Clock();
  const acts: [number, string, number][] = [];
  const all = new NotificationBursts(async (key, value) => void acts.push([clock.ms, key, value]), clock);
  return { clock, acts, all };
}

describe('notifications', () => {
  it('10,000 of one calendar within ten seconds are acted on at most three times, the last one included', async () => {
    for (const everyMs of [1, 0.01]) {
      const { clock, acts, all } = bursts();
      for (let n = 0; n < 10_000; n += 1) {
        await all.add('a', n);
        await clock.pass(everyMs);
      }
      const lastMs = clock.ms;
      await clock.pass(60_000);
      assert.ok(acts.length >= 2 && acts.length <= 3, `${acts.length}`);
      const [atMs, , value] = acts.at(-1)!;
      assert.ok(atMs >= lastMs - everyMs && value === 9_999, `${atMs} ${value}`);
    }
  });

  it('the first of a burst is acted on at once, the others together a second later', async () => {
    const { clock, acts, all } = bursts();
    for (const value of [3, 1, 2]) await all.add('a', value);
    await all.add('b', 7);
    assert.deepEqual(acts, [
      [0, 'a', 3],
      [0, 'b', 7],
    ]);
    await clock.pass(60_000);
    assert.deepEqual(acts.slice(2), [[1_000, 'a', 2]]);
    await all.add('a', 4);
    assert.deepEqual(acts.at(-1), [60_000, 'a', 4]);
  });

  it('edits one after the other never count as a storm', async () => {
    const { clock, acts, all } = bursts();
    for (let n = 0; n < 200; n += 1) {
      await all.add('a', n);
      await all.add('a', n);
      await clock.pass(2_000);
    }
    assert.equal(acts.filter(([ms]) => ms % 2_000 === 0).length, 200, 'each at once');
  });

  it('what failed is repeated, and the caller of the first is told', async () => {
    const clock = new Clock();
    let [failures, done] = [2, 0];
    const all = new NotificationBursts(async () => {
      if (failures-- > 0) throw new Error('the database does not answer');
      done += 1;
    }, clock);
    await assert.rejects(all.add('a', 1));
    await all.add('a', 1);
    await clock.pass(10_000);
    assert.equal(done, 1);
  });

  it('what waits is acted on when the process ends', async () => {
    const { acts, all } = bursts();
    for (const value of [1, 2]) await all.add('a', value);
    await all.flush();
    assert.deepEqual(
      acts.map(([, , value]) => value),
      [1, 2],
    );
  });
});
