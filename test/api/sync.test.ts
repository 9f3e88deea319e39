import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { addEvent, addRun } from './events-of-pair.ts';
import { connected, refused, startApi, type TestApi } from './harness.ts';

describe('sync and resync', () => {
  let api: TestApi;
  let pairId: string;
  beforeEach(async () => {
    await api?.close();
    api = await startApi();
    const { connectionId } = await connected(api);
    pairId = (
      await api.call('POST', `/v1/connections/${connectionId}/pairs`, { caldavCalendarId: 'a1', cloudCalendarId: 'b1' })
    ).body.id;
    api.control.calls.length = 0;
  });
  after(() => api.close());
  const post = (path: string, body?: unknown) => api.call('POST', `/v1/pairs/${pairId}/${path}`, body);

  it('answers 202 at once without wait, with or without an empty body', async () => {
    for (const path of ['sync', 'sync?wait=0', 'resync'])
      assert.deepEqual(await post(path).then(({ status, body }) => [status, body]), [202, { runId: null }], path);
    assert.equal((await post('sync', {})).status, 202);
    const emptyJson = await api.app.inject({
      method: 'POST',
      url: `/v1/pairs/${pairId}/sync`,
      headers: { authorization: 'Bearer key-from-the-environment', 'content-type': 'application/json' },
    });
    assert.equal(emptyJson.statusCode, 202);
    assert.deepEqual(api.control.calls.slice(0, 3), [
      `syncNow signal ${pairId}`,
      `syncNow signal ${pairId}`,
      `syncNow resync full ${pairId}`,
    ]);
  });

  it('answers 200 with the run once it has ended', async () => {
    api.control.onRun = (id) => addRun(api.db, id, 1, 'ok', [['cloud', 'create', 'done']]);
    const { status, body } = await post('sync?wait=5');
    assert.deepEqual([status, body.result, body.cloud], [200, 'ok', { created: 1, updated: 0, deleted: 0 }]);
    assert.deepEqual(api.control.calls, [`syncAndWait signal 5 ${pairId}`]);
  });

  it('answers 202 with the run when the time is up', async () => {
    await addRun(api.db, pairId, 1, 'running');
    let begun: string | undefined;
    api.control.onRun = async (id) => {
      begun = await addRun(api.db, id, 2, 'running');
      return null;
    };
    assert.deepEqual(await post('sync?wait=1').then(({ status, body }) => [status, body.runId]), [202, begun]);
  });

  it('matches by title again in a resync', async () => {
    await api.db.sql.execute(sql`update pairs set needs_matching = false`);
    api.control.onRun = (id) => addRun(api.db, id, 1);
    assert.equal((await post('resync?wait=5')).status, 200);
    assert.deepEqual(api.control.calls, [`syncAndWait resync full 5 ${pairId}`]);
    assert.deepEqual((await api.db.sql.execute(sql`select needs_matching from pairs`)).rows, [
      { needs_matching: true },
    ]);
  });

  it('refuses waits that are not 0 to 120 whole seconds, and unknown keys', async () => {
    for (const query of ['wait=121', 'wait=-1', 'wait=x', 'wait=1.5', 'later=1'])
      refused(await post(`sync?${query}`), 400, 'validation');
    refused(await post('sync', { full: true }), 400, 'validation');
  });

  it('names the reason of a refusal', async () => {
    api.control.failure = 'unavailable';
    refused(await post('sync?wait=1'), 503, 'temporarily-unavailable');
    api.control.failure = 'paused';
    refused(await post('sync?wait=1'), 409, 'pair-paused');
    api.control.failure = null;
    api.control.start = async () => {};
    api.control.running.clear();
    refused(await post('sync'), 409, 'pair-stopped');
  });

  it('answers waiting requests when the server ends', async () => {
    api.control.onRun = () => new Promise(() => {});
    const waiting = post('sync?wait=120');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const began = Date.now();
    const [answer] = await Promise.all([waiting, api.app.close()]);
    assert.equal(answer.status, 202);
    assert.ok(Date.now() - began < 2000);
  });

  it('makes the next run process every event after a change of options or direction, and only then', async () => {
    await addEvent(api.db, pairId, 'One');
    const dirty = async (patch: object) => {
      await api.db.sql.execute(sql`update links set dirty = false`);
      assert.equal((await api.call('PATCH', `/v1/pairs/${pairId}`, patch)).status, 200);
      return (await api.db.sql.execute<{ dirty: boolean }>(sql`select dirty from links`)).rows[0]?.dirty;
    };
    assert.equal(await dirty({ pollIntervalSeconds: 10 }), false);
    assert.equal(await dirty({ options: { attendees: 'copy' } }), false);
    assert.equal(await dirty({ options: { attendees: 'none' } }), true);
    assert.equal(await dirty({ direction: 'cloud-to-caldav' }), true);
    assert.equal(await dirty({ direction: 'cloud-to-caldav' }), false);
  });
});
