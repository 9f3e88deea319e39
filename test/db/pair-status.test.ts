import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { noteEventCount } from '../../db/pairs.ts';
import { addEvent, addHeld, addRun, setPair } from '../api/events-of-pair.ts';
import { connected, type Json, startApi, type TestApi } from '../api/harness.ts';

describe('the status of a pair', () => {
  let api: TestApi;
  let pairId: string;
  let connectionId: string;
  before(async () => {
    api = await startApi();
    ({ connectionId } = await connected(api));
  });
  after(() => api.close());
  beforeEach(async () => {
    if (pairId) await api.call('DELETE', `/v1/pairs/${pairId}`);
    pairId = (
      await api.call('POST', `/v1/connections/${connectionId}/pairs`, { caldavCalendarId: 'a1', cloudCalendarId: 'b1' })
    ).body.id;
  });

  const status = async () => {
    const { body } = await api.call('GET', `/v1/pairs/${pairId}`);
    const listed = await api.call('GET', `/v1/pairs?status=${body.status}`);
    assert.deepEqual(
      listed.body.items.map((pair: Json) => pair.id),
      [pairId],
      'the filter agrees',
    );
    return [body.status, body.statusReason, body.statusDetail];
  };

  it('is starting until the first run has ended, syncing while one writes, else active', async () => {
    assert.deepEqual(await status(), ['starting', null, null]);
    await setPair(api.db, pairId, 'first_run_at = now()');
    assert.deepEqual(await status(), ['active', null, null]);
    await addRun(api.db, pairId, 1, 'running');
    assert.deepEqual(await status(), ['active', null, null]);
    await addRun(api.db, pairId, 2, 'ok', [['cloud', 'create', 'pending']]);
    assert.deepEqual(await status(), ['active', null, null]);
    await addRun(api.db, pairId, 3, 'running', [
      ['cloud', 'create', 'done'],
      ['cloud', 'create', 'pending'],
    ]);
    assert.deepEqual(await status(), ['syncing', null, null]);
    await setPair(api.db, pairId, `attention = 'quota', status_detail = 'full'`);
    assert.deepEqual(await status(), ['attention', 'quota', 'full']);
    await setPair(api.db, pairId, 'paused = true');
    assert.deepEqual(await status(), ['paused', null, 'full']);
  });

  it('needs attention for an unreachable side after 30 minutes, not before', async () => {
    await setPair(
      api.db,
      pairId,
      `first_run_at = now(), failures = 3, failing_since = now() - interval '29 minutes', status_detail = 'no answer'`,
    );
    assert.deepEqual(await status(), ['active', null, 'no answer']);
    await setPair(api.db, pairId, `failing_since = now() - interval '31 minutes'`);
    assert.deepEqual(await status(), ['attention', 'unreachable', 'no answer']);
  });

  it('needs attention while a held deletion waits for a decision', async () => {
    await setPair(api.db, pairId, 'first_run_at = now()');
    await addHeld(api.db, pairId, 'One');
    assert.deepEqual(await status(), ['attention', 'held-changes', 'One deletion waits to be applied or restored.']);
    await setPair(api.db, pairId, `attention = 'credentials'`);
    assert.deepEqual((await status()).slice(0, 2), ['attention', 'credentials']);
    await setPair(api.db, pairId, 'attention = null');
    await api.call('POST', `/v1/pairs/${pairId}/held-changes/apply`);
    assert.deepEqual(await status(), ['active', null, null]);
  });

  it('counts events that are on both sides', async () => {
    await addEvent(api.db, pairId, 'both');
    await addEvent(api.db, pairId, 'suspected');
    await addEvent(api.db, pairId, 'one', ['caldav']);
    const lost = await addEvent(api.db, pairId, 'lost');
    await api.db.sql.execute(
      `update link_sides set gone = 'suspected' where link_id in (select id from links order by id ` +
        `offset 1 limit 1) and side = 'cloud'`,
    );
    await api.db.sql.execute(
      `update link_sides set gone = 'confirmed', current = null where link_id = '${lost}' and side = 'cloud'`,
    );
    const events = async () => (await api.call('GET', `/v1/pairs/${pairId}`)).body.counts.events;
    assert.equal(await events(), 0, 'a pair is read without its events: they are counted by runs');
    await noteEventCount(api.db, pairId);
    assert.equal(await events(), 2);
  });
});
