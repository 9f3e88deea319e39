import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { ensureFirstApiKey } from '../../db/api-keys.ts';
import { refused, startApi, type TestApi } from './harness.ts';

describe('API keys', () => {
  let api: TestApi;
  before(async () => {
    api = await startApi();
  });
  after(() => api.close());

  it('makes the first key once, also for several calls at once', async () => {
    const keys = await Promise.all([1, 2, 3].map(() => ensureFirstApiKey(api.db)));
    assert.equal(keys.filter((key) => key !== null).length, 1);
    assert.match(keys.find((key) => key !== null)!, /^calpair_[\w-]{43}$/);
  });

  it('creates, lists, uses and deletes keys, and returns a key only once', async () => {
    const made = await api.call('POST', '/v1/api-keys', { name: 'Phone' });
    assert.equal(made.status, 201);
    assert.deepEqual(Object.keys(made.body), ['id', 'name', 'scope', 'externalId', 'expiresAt', 'key']);
    assert.deepEqual([made.body.scope, made.body.externalId, made.body.expiresAt], ['admin', null, null]);
    const use = () => api.app.inject({ url: '/v1/api-keys', headers: { authorization: `Bearer ${made.body.key}` } });
    assert.equal((await use()).statusCode, 200);
    const list = await api.call('GET', '/v1/api-keys');
    assert.deepEqual(
      list.body.items.map((key: object) => Object.keys(key)),
      [1, 2].map(() => ['id', 'name', 'scope', 'externalId', 'expiresAt', 'createdAt']),
    );
    const dump = JSON.stringify((await api.db.sql.execute(sql`select * from api_keys`)).rows);
    assert.ok(!dump.includes(made.body.key.slice(8)));
    assert.equal((await api.call('DELETE', `/v1/api-keys/${made.body.id}`)).status, 204);
    refused(await api.call('DELETE', `/v1/api-keys/${made.body.id}`), 404, 'not-found');
    assert.equal((await use()).statusCode, 401);
  });

  it('keeps the last key, also when two are deleted at once', async () => {
    await api.call('POST', '/v1/api-keys', { name: 'Second' });
    const { items } = (await api.call('GET', '/v1/api-keys')).body;
    assert.equal(items.length, 2);
    const answers = await Promise.all(items.map((key: { id: string }) => api.call('DELETE', `/v1/api-keys/${key.id}`)));
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [204, 409]);
    refused(answers.find((answer) => answer.status === 409)!, 409, 'last-api-key');
  });

  it('keeps the last key that can create others, where the environment has none', async () => {
    const alone = await startApi({ apiKey: null });
    const admin = (await ensureFirstApiKey(alone.db))!;
    const as = (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) =>
      alone.app.inject({ method, url, headers: { authorization: `Bearer ${admin}` }, ...(payload ? { payload } : {}) });
    for (const more of [{ scope: 'read' }, { externalId: 'tenant' }])
      assert.equal((await as('POST', '/v1/api-keys', { name: 'x', ...more })).statusCode, 201);
    const { items } = (await as('GET', '/v1/api-keys')).json();
    assert.equal((await as('DELETE', `/v1/api-keys/${items[0].id}`)).json().code, 'last-api-key');
    assert.equal((await as('DELETE', `/v1/api-keys/${items[1].id}`)).statusCode, 204);
    await alone.close();
  });

  it('lists keys in pages', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await api.call('POST', '/v1/api-keys', { name });
    const seen: string[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < 10; page += 1) {
      const answer = await api.call('GET', `/v1/api-keys?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      assert.ok(answer.body.items.length <= 2);
      seen.push(...answer.body.items.map((key: { name: string }) => key.name));
      cursor = answer.body.nextCursor;
      if (!cursor) break;
    }
    assert.deepEqual(seen.slice(-4), ['a', 'b', 'c', 'd']);
    assert.equal(seen.length, 5);
  });
});
