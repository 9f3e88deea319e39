import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { untilAborted } from '../../api/until-aborted.ts';

describe('an answer, until a signal aborts', () => {
  const never = new Promise<string>(() => {});

  it('arrives or fails, and leaves no listener on a long-lived signal', async () => {
    const { signal } = new AbortController();
    assert.equal(await untilAborted(Promise.resolve('here'), signal), 'here');
    await assert.rejects(untilAborted(Promise.reject(new Error('no')), signal), /^Error: no$/);
    const waiting = untilAborted(never, signal);
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    void waiting;
  });

  it('is null when the signal aborts, or has aborted', async () => {
    const closing = new AbortController();
    const waiting = untilAborted(never, closing.signal);
    closing.abort();
    assert.equal(await waiting, null);
    assert.equal(await untilAborted(never, closing.signal), null);
  });
});
