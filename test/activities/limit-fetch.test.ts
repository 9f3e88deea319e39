import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { limitFetch } from '../../activities/limit-fetch.ts';

/** A fetch that answers when it is told to, and shows which requests are under way. */
function held() {
  const open: { url: string; answer: (failure?: Error) => void }[] = [];
  const fetch = ((input: string) =>
    new Promise<Response>((resolve, reject) => {
      const request = {
        url: input,
        answer(failure?: Error) {
          open.splice(open.indexOf(request), 1);
          if (failure) reject(failure);
          else resolve(new Response());
        },
      };
      open.push(request);
    })) as typeof globalThis.fetch;
  return { fetch, open, urls: () => open.map(({ url }) => url) };
}

it('a host that hangs keeps the others waiting only with its own share', async () => {
  const server = held();
  const fetch = limitFetch(server.fetch, { atOnce: 3, perHost: 2 });
  const asked = ['http://a/1', 'http://a/2', 'http://a/3', 'http://b/1', 'http://b/2'].map((url) => fetch(url));
  await turn();
  assert.deepEqual(server.urls(), ['http://a/1', 'http://a/2', 'http://b/1']);
  server.open[2]!.answer();
  await turn();
  assert.deepEqual(server.urls(), ['http://a/1', 'http://a/2', 'http://b/2']);
  server.open[0]!.answer(new Error('refused'));
  await assert.rejects(asked[0]!, /refused/);
  await turn();
  assert.deepEqual(server.urls(), ['http://a/2', 'http://b/2', 'http://a/3']);
  while (server.open.length > 0) server.open[0]!.answer();
  await Promise.all(asked.slice(1));
});

it('a request that is given up while it waits takes no slot', async () => {
  const server = held();
  const fetch = limitFetch(server.fetch, { atOnce: 1, perHost: 1 });
  const first = fetch('http://a/1');
  const caller = new AbortController();
  const second = fetch('http://a/2', { signal: caller.signal });
  const third = fetch('http://b/1');
  await turn();
  caller.abort(new Error('given up'));
  await assert.rejects(second, /given up/);
  server.open[0]!.answer();
  await first;
  await turn();
  assert.deepEqual(server.urls(), ['http://b/1']);
  server.open[0]!.answer();
  await third;
});
