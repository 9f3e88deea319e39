import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitFetch } from '../../activities/limit-fetch.ts';
import { pause } from '../../providers/concurrency.ts';
import { openAccount, type StoredAccount } from '../../providers/open-account.ts';
import type { Account, Provider } from '../../providers/provider.ts';

test('Node warns of no leak while many requests of one call wait', async (t) => {
  const warnings: string[] = [];
  const note = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  const { signal } = new AbortController();
  let fetch!: typeof globalThis.fetch;
  const provider = {
    open: (_account: unknown, io: { fetch: typeof globalThis.fetch }) => {
      fetch = limitFetch(io.fetch, { atOnce: 1, perHost: 1 });
      return {} as Account;
    },
  } as unknown as Provider;
  const stored = { id: 'a', provider: 'p', credentials: {}, discovered: {}, tokens: {} } as unknown as StoredAccount;
  const answer = async (): Promise<Response> => {
    await pause(1, signal);
    return new Response();
  };
  openAccount(new Map([['p', provider]]), stored, { fetch: answer, signal });
  await Promise.all(Array.from({ length: 30 }, () => fetch('https://example.com/', { signal })));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings, []);
});
