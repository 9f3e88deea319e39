/** Budgets of requests that several processes share through PostgreSQL. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { SyncError } from '../../core/sync-error.ts';
import { connect, type Db } from '../../db/connect.ts';
import { countRequests, leaseRequests, requestsFromBudgets, requestsToday } from '../../db/request-counts.ts';
import { createVault } from '../../db/vault.ts';
import { type Budget, budgetedFetch, fetchFor, RequestBudgets } from '../../providers/request-budgets.ts';
import { testDatabase } from '../support/database.ts';

describe('budgets of requests', { timeout: 60_000 }, () => {
  let processes: Db[];
  before(async () => {
    const url = await testDatabase();
    processes = [1, 2].map(() => connect(url, createVault([Buffer.alloc(32, 1)], Buffer.alloc(32, 2))));
  });
  after(async () => {
    for (const db of processes) await db.pool?.end();
  });

  /** One process, and how many leases it took. */
  function open(db: Db, daily: Record<string, number>, now = { ms: Date.now() }) {
    const counter = { leases: 0 };
    const ledger = {
      lease: (budget: Budget, amount: number) => {
        counter.leases += 1;
        return leaseRequests(db, budget, amount);
      },
      count: (requests: ReadonlyMap<string, number>) => countRequests(db, requests),
    };
    return { budgets: new RequestBudgets(ledger, daily, () => now.ms), counter };
  }

  async function used(name: string): Promise<number> {
    const { rows } = await processes[0]!.sql.execute(sql`select ${requestsToday(sql`${name}`)} as used`);
    return Number(rows[0]?.['used']);
  }

  /** @returns how many of so many requests were allowed, and what the last refusal said */
  async function take(
    budgets: RequestBudgets,
    kind: string,
    times: number,
    account: string | null = null,
    host = 'service.example',
  ) {
    let allowed = 0;
    let refusal: SyncError | undefined;
    await Promise.all(
      Array.from({ length: times }, () =>
        budgets.take(kind, account, host).then(
          () => (allowed += 1),
          (error: unknown) => (refusal = error as SyncError),
        ),
      ),
    );
    return { allowed, refusal };
  }

  it('hold across processes, exactly, and end in `quota` with a Retry-After', async () => {
    const [one, two] = processes.map((db) => open(db, { shared: 1_000 }));
    const taken = await Promise.all([take(one!.budgets, 'shared', 700), take(two!.budgets, 'shared', 700)]);
    assert.equal(taken[0].allowed + taken[1].allowed, 1_000);
    const { refusal } = await take(two!.budgets, 'shared', 1);
    assert.ok(refusal instanceof SyncError && refusal.kind === 'quota');
    assert.ok(refusal.retryAfterMs! >= 1_000 && refusal.retryAfterMs! <= 3_600_000);
    assert.ok(
      await requestsFromBudgets(processes[0]!).then((all) =>
        all.some(({ provider, used: n }) => provider === 'shared' && n >= 1_000),
      ),
    );
  });

  it('of a small size are used to the last request', async () => {
    const { budgets } = open(processes[0]!, { small: 7 });
    assert.equal((await take(budgets, 'small', 20)).allowed, 7);
  });

  it('cost a statement for 500 requests, and none for a service without a budget', async () => {
    const { budgets, counter } = open(processes[0]!, { google: 1_000_000 });
    await take(budgets, 'google', 2_000);
    assert.equal(counter.leases, 4);
    await take(budgets, 'caldav', 2_000, 'somebody');
    assert.equal(counter.leases, 4);
  });

  it('of one user at Google are 6,000 in ten minutes; an idle user costs no statement', async () => {
    const now = { ms: 60_000_000 };
    const { budgets, counter } = open(processes[0]!, {}, now);
    await take(budgets, 'google', 300, 'anna');
    assert.equal(counter.leases, 0);
    const { allowed, refusal } = await take(budgets, 'google', 10_000, 'anna');
    assert.ok(allowed >= 5_700 && allowed <= 6_000, `${allowed}`);
    assert.equal(refusal?.kind, 'throttled');
    assert.equal((await take(budgets, 'google', 1, 'bea')).allowed, 1, 'another user');
    now.ms += 600_000;
    assert.equal((await take(budgets, 'google', 1, 'anna')).allowed, 1, 'ten minutes later');
  });

  it('of one CalDAV host hold across processes; an idle host costs no statement', async () => {
    // Each process has a free part of a twentieth.
    const [limit, free] = [120_000, 6_000];
    const [one, two] = processes.map((db) => open(db, {}));
    const dav = async (of: typeof one, times: number, host = 'dav.example') => {
      let last: Awaited<ReturnType<typeof take>> = { allowed: 0, refusal: undefined };
      let allowed = 0;
      for (let left = times; left > 0; left -= 500) {
        last = await take(of!.budgets, 'caldav', Math.min(500, left), null, host);
        allowed += last.allowed;
      }
      return { ...last, allowed };
    };
    assert.equal((await dav(one, free)).allowed, free);
    assert.equal(one!.counter.leases, 0);
    const taken = [await dav(one, 70_000), await dav(two, 70_000)];
    const allowed = taken[0]!.allowed + taken[1]!.allowed;
    assert.ok(allowed >= limit && allowed <= limit + free, `${allowed}`);
    assert.equal(one!.counter.leases, 140);
    assert.equal(taken[1]!.refusal?.kind, 'throttled');
    assert.equal((await dav(two, 1, 'other.example')).allowed, 1, 'another host');
  });

  it('slow down idle pairs from 80 % on, up to ten times, until the next day', async () => {
    const now = { ms: Date.now() };
    const { budgets } = open(processes[0]!, { scarce: 100 }, now);
    const slowdowns: number[] = [];
    for (const share of [75, 15, 5, 5]) {
      await take(budgets, 'scarce', share);
      slowdowns.push(Math.round(budgets.slowdown('scarce') * 10) / 10);
    }
    assert.deepEqual(slowdowns, [1, 2, 4, 10]);
    assert.equal(budgets.slowdown('another'), 1);
    now.ms += 86_400_000;
    assert.equal(budgets.slowdown('scarce'), 1);
  });

  it('count the requests of each account, reported by all processes together', async () => {
    for (const db of processes) {
      const { budgets } = open(db, {});
      const fetch = budgetedFetch(
        () => Promise.resolve(new Response()),
        budgets,
        () => 'caldav',
      );
      for (let n = 0; n < 3; n += 1) await fetchFor(fetch, 'x')('https://dav.example/');
      await fetch('https://dav.example/');
      await budgets.report();
      await budgets.report();
    }
    assert.equal(await used('account:x'), 6);
  });

  it('stop nothing while the database does not answer', async () => {
    const broken = { lease: () => Promise.reject(new Error('down')), count: () => Promise.reject(new Error('down')) };
    const budgets = new RequestBudgets(broken, { google: 1_000 });
    assert.equal((await take(budgets, 'google', 100, 'anna')).allowed, 100);
    await budgets.report();
  });
});
