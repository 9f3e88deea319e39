/** What every poll and run asks, in a pair of 20,000 events of which one changed: no query reads the whole tables. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { connect, type Db } from '../../db/connect.ts';
import { postgresStore } from '../../db/postgres-store.ts';
import type { Store } from '../../db/store.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';
import { numberArgument } from '../support/number-argument.ts';
import { storedPair } from './stored-pair.ts';

const LINKS = numberArgument('links', 20_000);

let db: Db;
let store: Store;
let pairId: string;
before(async () => {
  db = connect(await testDatabase(), createVault([randomBytes(32)], randomBytes(32)));
  store = postgresStore(db);
  pairId = await storedPair(db);
  await db.sql.execute(sql`
    insert into links (id, pair_id, dirty, label)
    select gen_random_uuid(), ${pairId}, n = 1, sha256('label')
    from generate_series(1, ${LINKS}::int) n`);
  // As large as an ordinary event, and no two alike.
  await db.sql.execute(sql`
    insert into link_sides (link_id, pair_id, side, ref, resource, uid_hash, match_hash, version, current, base,
      changed_at, listed)
    select l.id, l.pair_id, side, l.id || side, l.id || side, md5(l.id::text), md5(l.id::text), 'v', data, data,
      now() - interval '1 hour', true
    from links l, (values ('caldav'), ('cloud')) sides(side),
      lateral (select sha256(l.id::text::bytea) || repeat('x', 900)::bytea as data) content`);
  await db.sql.execute(sql`analyze links, link_sides`);
});
after(() => db.close());

test('FC6: one change in a large pair: no standing question reads all events', async (context) => {
  const now = new Date();
  const { run } = (await store.beginRun({ pairId, number: 1, trigger: 'poll', now }))!;
  const [dirty] = await store.dirtyLinks(pairId, now, false);
  const [loaded] = await store.loadLinks([dirty!]);
  const row = loaded!.sides.caldav!;
  const asked = await recorded(async () => {
    await store.isRunning(pairId);
    await store.hasWork(pairId, now);
    await store.sidesByRef(pairId, 'caldav', [row.ref]);
    await store.sidesByResource(pairId, 'cloud', [row.resource]);
    await store.markListed(pairId, 'caldav', [row.resource]);
    await store.suspectGone(pairId, 'caldav', ['other'], { isListed: true, except: [] });
    await store.changedSinceLastRun(pairId);
    for (const side of ['caldav', 'cloud'] as const) {
      await store.suspectedGone(pairId, side);
      await store.unconfirmed(pairId, side);
    }
    await store.renames(pairId);
    await store.matchesBy(pairId, 'uid', 'dirty');
    await store.dirtyLinks(pairId, now, true);
    await store.outlines([dirty!]);
    await store.loadLinks([dirty!]);
    await store.instancesOf([dirty!]);
    await store.expandedSeries(pairId);
    await store.heldOf([dirty!]);
    await store.mayHaveCopies([dirty!]);
    await store.unsettledWrites([dirty!]);
    await store.writtenSince([dirty!], now);
    await store.similarSides(pairId, [row.uidHash!], [row.matchHash!]);
    await store.duplicatesOf([row]);
    await store.opsToExecute(run.id, 'writes', null, 500);
    await store.countHeld(pairId);
    await store.deletionsSince(pairId, now, []);
  });
  let total = 0;
  for (const { text, values } of asked) {
    const plan = await explain(text, values);
    const ms = Number(plan['Execution Time']) + Number(plan['Planning Time']);
    total += ms;
    if (ms > 10) context.diagnostic(`${ms.toFixed(0)} ms: ${text.trim().slice(0, 100).replaceAll(/\s+/g, ' ')}`);
    const read = wholeTables(plan['Plan'] as Plan);
    assert.deepEqual(read, [], `reads a whole table: ${text}\n${JSON.stringify(plan['Plan'], null, 1)}`);
  }
  context.diagnostic(`${asked.length} queries, ${total.toFixed(0)} ms in ${LINKS} events`);
});

test('a full comparison of a pair whose events are linked compares none of them with each other', async (context) => {
  const asked = await recorded(async () => {
    for (const by of ['uid', 'content'] as const) assert.deepEqual(await store.matchesBy(pairId, by, 'all'), []);
  });
  assert.equal(asked.length, 2);
  for (const { text, values } of asked) {
    const plan = await explain(text, values);
    context.diagnostic(`${Number(plan['Execution Time']).toFixed(0)} ms in ${LINKS} events`);
    const compared = nodes(plan['Plan'] as Plan).filter((node) => node['Node Type'] === 'WindowAgg');
    assert.ok(compared.length > 0);
    for (const node of compared) assert.equal(node['Actual Rows'], 0);
  }
});

interface Plan {
  readonly 'Node Type': string;
  readonly 'Actual Rows'?: number;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
}

function nodes(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodes)];
}

/** The tables of events that a plan reads from one end to the other, in their own order. */
function wholeTables(plan: Plan): string[] {
  const own =
    plan['Node Type'] === 'Seq Scan' && ['links', 'link_sides'].includes(plan['Relation Name'] ?? '')
      ? [plan['Relation Name'] ?? '']
      : [];
  return [...own, ...(plan.Plans ?? []).flatMap(wholeTables)];
}

async function explain(text: string, values: readonly unknown[]): Promise<Record<string, unknown>> {
  const { rows } = await db.pool!.query<{ 'QUERY PLAN': Record<string, unknown>[] }>(
    `explain (analyze, format json) ${text}`,
    [...values],
  );
  return rows[0]!['QUERY PLAN'][0]!;
}

/** The queries that `work` sends. */
async function recorded(work: () => Promise<void>): Promise<{ text: string; values: readonly unknown[] }[]> {
  const sent: { text: string; values: readonly unknown[] }[] = [];
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (this: pg.Client, ...args: never[]) {
    const [config, values] = args as unknown as [{ text: string }, unknown[] | undefined];
    if (config.text) sent.push({ text: config.text, values: values ?? [] });
    return (query as (...rest: never[]) => unknown).apply(this, args);
  } as typeof query;
  try {
    await work();
  } finally {
    pg.Client.prototype.query = query;
  }
  return sent.filter(({ text }) => /^\s*(select|with|update)/.test(text));
}
