import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { addConflict, addEvent, addHeld, addProblem, addRun } from './events-of-pair.ts';
import { connected, type Json, refused, startApi, type TestApi } from './harness.ts';

describe('runs, conflicts, problems and held changes of a pair', () => {
  let api: TestApi;
  let pairId: string;
  let otherId: string;
  before(async () => {
    api = await startApi();
    const { connectionId } = await connected(api);
    const create = async (n: number) =>
      (
        await api.call('POST', `/v1/connections/${connectionId}/pairs`, {
          caldavCalendarId: `a${n}`,
          cloudCalendarId: `b${n}`,
        })
      ).body.id;
    pairId = await create(1);
    otherId = await create(2);
  });
  after(() => api.close());
  const get = async (path: string) => (await api.call('GET', `/v1/pairs/${pairId}/${path}`)).body;

  it('lists runs with what each wrote, newest first', async () => {
    const first = await addRun(api.db, pairId, 1, 'partial', [
      ['caldav', 'create', 'done'],
      ['caldav', 'create', 'done'],
      ['caldav', 'update', 'failed'],
      ['cloud', 'delete', 'done'],
      ['cloud', 'update', 'stale'],
    ]);
    const second = await addRun(api.db, pairId, 2);
    const list = await get('runs');
    assert.deepEqual(
      list.items.map((run: Json) => run.id),
      [second, first],
    );
    const { id, startedAt, finishedAt, ...run } = await get(`runs/${first}`);
    assert.ok(id && startedAt && finishedAt);
    assert.deepEqual(run, {
      trigger: 'poll',
      result: 'partial',
      read: { caldav: 3, cloud: 4 },
      caldav: { created: 2, updated: 0, deleted: 0 },
      cloud: { created: 0, updated: 0, deleted: 1 },
      conflicts: 1,
      held: 0,
      problems: 0,
      error: null,
      undo: null,
    });
    const page = await get('runs?limit=1');
    assert.deepEqual((await get(`runs?limit=1&cursor=${page.nextCursor}`)).items[0].id, first);
    refused(await api.call('GET', `/v1/pairs/${otherId}/runs/${first}`), 404, 'not-found');
  });

  it('lists conflicts and problems with their content, which the database stores encrypted', async () => {
    await addConflict(api.db, pairId, 'Dentist', { start: '10:00' }, 'Lost words');
    const newest = await addConflict(api.db, pairId, 'Lunch', ['x'], null);
    const { items } = await get('conflicts');
    assert.deepEqual(
      items.map((item: Json) => [item.eventTitle, item.field, item.winner, item.keptValue, item.lostValue]),
      [
        ['Lunch', 'title', 'cloud', ['x'], null],
        ['Dentist', 'title', 'cloud', { start: '10:00' }, 'Lost words'],
      ],
    );
    assert.equal(items[0].id, newest);
    await addProblem(api.db, pairId, 'Party');
    const problem = (await get('problems')).items[0];
    assert.deepEqual(
      [problem.code, problem.side, problem.eventTitle, problem.detail],
      ['too-large', 'cloud', 'Party', 'Why.'],
    );
    const dump = JSON.stringify([
      (await api.db.sql.execute(sql`select * from conflicts`)).rows,
      (await api.db.sql.execute(sql`select * from links`)).rows,
    ]);
    assert.doesNotMatch(dump, /Dentist|Lost words|Party/);
    const { counts } = (await api.call('GET', `/v1/pairs/${pairId}`)).body;
    assert.deepEqual([counts.conflicts, counts.problems], [2, 1]);
  });

  it('decides the given held changes, or all, or none with an unknown id', async () => {
    const [one, two, three] = [
      await addHeld(api.db, pairId, 'One'),
      await addHeld(api.db, pairId, 'Two', 'caldav'),
      await addHeld(api.db, pairId, 'Three'),
    ];
    const foreign = await addHeld(api.db, otherId, 'Foreign');
    const list = async () => (await get('held-changes')).items;
    const { id, since, ...held } = (await list())[0];
    assert.ok(since && id === one);
    assert.deepEqual(held, {
      side: 'cloud',
      action: 'delete',
      eventTitle: 'One',
      eventStart: '2026-03-01T10:00:00',
      reason: 'many',
    });
    const decide = (what: string, body?: unknown) => api.call('POST', `/v1/pairs/${pairId}/held-changes/${what}`, body);

    api.control.calls.length = 0;
    for (const ids of [
      [one, 'nonsense'],
      [one, foreign],
      [one, '018f0000-0000-7000-8000-000000000000'],
    ])
      refused(await decide('apply', { ids }), 404, 'not-found');
    refused(await decide('apply', { ids: 'x' }), 400, 'validation');
    refused(await decide('apply', { other: [] }), 400, 'validation');
    assert.deepEqual((await decide('apply', { ids: [] })).body, { decided: 0 });
    assert.deepEqual([(await list()).length, api.control.calls], [3, []]);

    assert.deepEqual((await decide('apply', { ids: [one, one] })).body, { decided: 1 });
    assert.deepEqual(api.control.calls, [`syncNow signal ${pairId}`]);
    refused(await decide('restore', { ids: [one] }), 404, 'not-found');
    const { rows: stored } = await api.db.sql.execute<Json>(
      sql`select h.decision, l.dirty from held_changes h join links l on l.id = h.link_id where h.id = ${one}`,
    );
    assert.deepEqual([...stored], [{ decision: 'apply', dirty: true }]);

    api.control.failure = 'unavailable';
    refused(await decide('restore'), 503, 'temporarily-unavailable');
    api.control.failure = null;
    assert.deepEqual(
      (await list()).map((item: Json) => item.id),
      [two, three],
      'nothing was decided',
    );
    assert.deepEqual((await decide('restore')).body, { decided: 2 });
    assert.deepEqual((await decide('restore')).body, { decided: 0 });
    assert.deepEqual((await api.call('GET', `/v1/pairs/${otherId}`)).body.counts.heldChanges, 1);
  });

  it('lists and decides 1000 and more', async () => {
    await api.db.sql.execute(sql`with l as (
      insert into links (id, pair_id, dirty)
        select gen_random_uuid(), ${pairId}, false from generate_series(1, 1500) returning id)
      insert into held_changes (id, pair_id, link_id, side, reason, since)
        select gen_random_uuid(), ${pairId}, l.id, 'cloud', 'many', now() from l`);
    const first = await get('held-changes');
    assert.equal(first.items.length, 1000);
    assert.equal(first.items[0].eventTitle, null);
    const second = await get(`held-changes?cursor=${first.nextCursor}`);
    assert.deepEqual([second.items.length, second.nextCursor], [500, null]);
    const ids = [...first.items, ...second.items].map((item: Json) => item.id);
    assert.deepEqual((await api.call('POST', `/v1/pairs/${pairId}/held-changes/apply`, { ids })).body, {
      decided: 1500,
    });
  });

  it('deletes everything of its events with the pair', async () => {
    await addEvent(api.db, pairId, 'Something');
    assert.equal((await api.call('DELETE', `/v1/pairs/${pairId}`)).status, 204);
    for (const table of ['links', 'link_sides', 'runs', 'ops', 'conflicts', 'problems', 'held_changes']) {
      const {
        rows: [row],
      } = await api.db.sql.execute<{ left: number }>(
        `select count(*)::int as left from ${table} where pair_id = '${pairId}'`,
      );
      assert.equal(row?.left, 0, table);
    }
    refused(await api.call('GET', `/v1/pairs/${pairId}/runs`), 404, 'not-found');
  });
});
