import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { refused, startApi, type TestApi } from './harness.ts';

describe('the API around its routes', () => {
  let api: TestApi;
  before(async () => {
    api = await startApi();
  });
  after(() => api.close());

  it('answers live without a key, and ready by its parts', async () => {
    assert.equal((await api.app.inject('/health/live')).statusCode, 200);
    assert.deepEqual((await api.call('GET', '/health/ready')).body, {
      status: 'ready',
      parts: { postgres: true, temporal: true },
    });
    api.ready = { postgres: true, temporal: 'no answer' };
    const failing = await api.call('GET', '/health/ready');
    refused(failing, 503, 'temporarily-unavailable');
    assert.deepEqual(failing.body.parts, { postgres: true, temporal: 'no answer' });
  });

  it('requires a key under /v1, also for unknown paths and in any spelling', async () => {
    for (const url of ['/v1/pairs', '/v1/nothing', '/%761/pairs', '/v1/api-keys/x']) {
      const answer = await api.app.inject({ url });
      assert.equal(answer.statusCode, 401, url);
      assert.equal(answer.json().code, 'unauthorized');
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
    }
    for (const authorization of ['Bearer', 'Bearer wrong', 'Basic abc', `Bearer ${'x'.repeat(5000)}`]) {
      assert.equal(
        (await api.app.inject({ url: '/v1/pairs', headers: { authorization } })).statusCode,
        401,
        authorization.slice(0, 20),
      );
    }
  });

  it('answers unknown paths and malformed ids with 404', async () => {
    for (const url of [
      '/nothing',
      '/v1/nothing',
      '/v1',
      '/v1/pairs/nonsense',
      '/v1/pairs/%00',
      '/v1/pairs/%zz',
      `/v1/pairs/${'x'.repeat(300)}`,
      '/v1/accounts/1',
      '/v1/connections/x',
      '/v1/pairs/x/runs',
      '/v1/pairs/x/runs/y',
      '/v1/pairs/x/conflicts',
      '/v1/pairs/018f0000-0000-7000-8000-000000000000',
      '/v1/accounts/x/calendars',
    ]) {
      refused(await api.call('GET', url), 404, 'not-found');
    }
    for (const action of ['pause', 'resume', 'sync', 'resync', 'held-changes/apply', 'held-changes/restore']) {
      refused(await api.call('POST', `/v1/pairs/018f0000-0000-7000-8000-000000000000/${action}`), 404, 'not-found');
    }
    for (const list of ['pairs', 'accounts', 'connections', 'api-keys'])
      refused(await api.call('DELETE', `/v1/${list}/x`), 404, 'not-found');
  });

  it('refuses bodies that are too large, not JSON, or not valid', async () => {
    const send = (payload: string, type: string) =>
      api.app.inject({
        method: 'POST',
        url: '/v1/api-keys',
        payload,
        headers: { authorization: 'Bearer key-from-the-environment', 'content-type': type },
      });
    const tooLarge = await send(JSON.stringify({ name: 'x'.repeat(1024 * 1024) }), 'application/json');
    assert.deepEqual([tooLarge.statusCode, tooLarge.json().code], [413, 'payload-too-large']);
    const notJson = await send('name=x', 'application/x-www-form-urlencoded');
    assert.deepEqual([notJson.statusCode, notJson.json().code], [415, 'unsupported-media-type']);
    for (const malformed of ['{', '{"name":', '[1', '{"__proto__":{"x":1}}']) {
      const answer = await send(malformed, 'application/json; charset=utf-8');
      assert.deepEqual(
        [answer.statusCode, answer.json().errors],
        [400, [{ field: '', message: 'The body is not valid JSON.' }]],
      );
    }
    const empty = await send('', 'application/json');
    assert.deepEqual([empty.statusCode, empty.json().code], [400, 'validation']);
  });

  it('names every invalid field', async () => {
    const unknownKey = await api.call('POST', '/v1/api-keys', { name: 'x', more: 1, other: 2 });
    refused(unknownKey, 400, 'validation');
    assert.deepEqual(unknownKey.body.errors, [
      { field: 'more', message: 'is unknown' },
      { field: 'other', message: 'is unknown' },
    ]);
    assert.equal((await api.call('POST', '/v1/api-keys', { name: 'a\u0000b' })).body.errors[0].field, 'name');
    for (const [query, field] of [
      ['limit=0', 'limit'],
      ['limit=1001', 'limit'],
      ['limit=x', 'limit'],
      ['limit=1.5', 'limit'],
      ['cursor=x', 'cursor'],
      ['status=odd', 'status'],
      ['unknown=1', 'unknown'],
      ['limit=1&limit=2', 'limit'],
    ]) {
      const answer = await api.call('GET', `/v1/pairs?${query}`);
      refused(answer, 400, 'validation');
      assert.equal(answer.body.errors[0].field, field);
    }
  });

  it("says what is wrong with a field in words, never in a validator's", async () => {
    const slot = { start: '2027-01-06T09:00:00Z', end: '2027-01-06T10:00:00Z', timeZone: 'Europe/Berlin' };
    const booking = { accountId: 'x', title: 'x', ...slot };
    for (const [method, url, body, field, message] of [
      ['GET', '/v1/pairs?limit=0', undefined, 'limit', 'must be at least 1'],
      ['GET', '/v1/pairs?limit=1001', undefined, 'limit', 'must be at most 1000'],
      ['GET', '/v1/pairs?limit=x', undefined, 'limit', 'must be a number'],
      ['GET', '/v1/pairs?limit=1.5', undefined, 'limit', 'must be a whole number'],
      ['GET', '/v1/pairs?status=odd', undefined, 'status', /^must be one of stopped, paused, /],
      ['POST', '/v1/api-keys', {}, 'name', 'is required'],
      ['POST', '/v1/api-keys', { name: '' }, 'name', 'must not be empty'],
      ['POST', '/v1/api-keys', { name: 'x'.repeat(101) }, 'name', 'must have at most 100 characters'],
      ['POST', '/v1/api-keys', { name: 7 }, 'name', 'must be a text'],
      ['POST', '/v1/api-keys', [], '', 'must be an object'],
      ['POST', '/v1/api-keys', { name: 'x', scope: 'owner' }, 'scope', 'must be one of admin, read'],
      ['POST', '/v1/bookings', { ...booking, allowOverlap: 'yes' }, 'allowOverlap', 'must be true or false'],
      ['POST', '/v1/bookings', { ...booking, attendees: 'anna' }, 'attendees', 'must be a list'],
      ['POST', '/v1/bookings', { ...booking, start: 'noon' }, 'start', /^must be an instant like /],
      ['PATCH', '/v1/pairs/x', { pollIntervalSeconds: 4 }, 'pollIntervalSeconds', 'must be at least 5'],
    ] as const) {
      const answer = await api.call(method, url, body);
      refused(answer, 400, 'validation');
      const error = answer.body.errors[0];
      assert.equal(error.field, field, url);
      if (typeof message === 'string') assert.equal(error.message, message, url);
      else assert.match(error.message, message, url);
    }
  });

  it('returns only the id of an unexpected error, and logs nothing of its message', async () => {
    api.service.failure = new Error('secret-in-a-message');
    const answer = await api.call('POST', '/v1/accounts', { provider: 'google', refreshToken: 'secret-token' });
    api.service.failure = null;
    refused(answer, 500, 'internal');
    const lines = api.logged.join('');
    const id = /under ([0-9a-f-]{36})/.exec(answer.body.detail)?.[1];
    assert.ok(id && lines.includes(id), 'the id is in the log');
    assert.doesNotMatch(JSON.stringify(answer.body) + lines, /secret/);
  });

  it('logs one line for a refused or failed request that would change something, without its content', async () => {
    const linesOf = async (request: () => Promise<unknown>) => {
      api.logged.length = 0;
      await request();
      return api.logged
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ msg }) => msg === 'request refused' || msg === 'request failed')
        .map(({ level, msg, method, route, status, code }) => [level, msg, method, route, status, code]);
    };
    const secretId = 'secret-id-of-a-person';
    assert.deepEqual(await linesOf(() => api.call('DELETE', `/v1/accounts/${secretId}`)), [
      ['info', 'request refused', 'DELETE', '/v1/accounts/:id', 404, 'not-found'],
    ]);
    assert.doesNotMatch(api.logged.join(''), /secret/);
    const account = { provider: 'caldav', username: 'secret name', password: 'secret password', secretKey: 1 };
    assert.deepEqual(await linesOf(() => api.call('POST', '/v1/accounts?secret=1', account)), [
      ['info', 'request refused', 'POST', '/v1/accounts', 400, 'validation'],
    ]);
    assert.doesNotMatch(api.logged.join(''), /secret/);
    assert.deepEqual(await linesOf(() => api.app.inject({ method: 'PUT', url: '/v1/secret', payload: 'secret' })), [
      ['info', 'request refused', 'PUT', undefined, 401, 'unauthorized'],
    ]);
    assert.doesNotMatch(api.logged.join(''), /secret/);
    api.service.failure = new Error('secret-in-a-message');
    const google = { provider: 'google', refreshToken: 'secret-token' };
    assert.deepEqual(await linesOf(() => api.call('POST', '/v1/accounts', google)), [
      ['info', 'request failed', 'POST', '/v1/accounts', 500, 'internal'],
    ]);
    api.service.failure = null;
    assert.doesNotMatch(api.logged.join(''), /secret/);
    assert.deepEqual(await linesOf(() => api.call('GET', `/v1/accounts/${secretId}`)), []);
    assert.deepEqual(await linesOf(() => api.call('POST', '/v1/api-keys', { name: 'good' })), []);
  });

  it('answers 503 when the database does not answer', async () => {
    const other = await startApi({}, 'postgres://nobody@127.0.0.1:1/nothing');
    refused(await other.call('GET', '/v1/pairs'), 503, 'temporarily-unavailable');
    refused(await other.call('POST', '/v1/api-keys', { name: 'x' }), 503, 'temporarily-unavailable');
    assert.equal(
      (await other.app.inject({ url: '/v1/pairs', headers: { authorization: 'Bearer some-other-key' } })).statusCode,
      503,
      'not 401',
    );
    await other.close();
  });

  it('answers 503 when the database is down', async () => {
    const other = await startApi();
    await other.db.close();
    refused(await other.call('GET', '/v1/pairs'), 503, 'temporarily-unavailable');
    await other.app.close();
  });
});
