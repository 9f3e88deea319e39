import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { ENV_KEY, startApi, type TestApi } from './harness.ts';

const HERE = 'https://calpair.example';
const BESIDE = 'http://127.0.0.1:8080';

describe('the session of a browser', () => {
  let api: TestApi;
  before(async () => {
    api = await startApi({}, undefined, { publicUrl: () => HERE });
  });
  after(() => api.close());

  type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';
  const ask = (method: Method, url: string, headers: Record<string, string>, payload?: object) =>
    api.app.inject({ method, url, headers: { host: 'calpair.example', ...headers }, ...(payload ? { payload } : {}) });
  const open = async (apiKey = ENV_KEY, headers: Record<string, string> = { origin: HERE }) => {
    const answer = await ask('POST', '/v1/session', headers, { apiKey });
    return { status: answer.statusCode, cookie: String(answer.headers['set-cookie'] ?? ''), body: answer.json() };
  };
  const sent = (cookie: string): string => cookie.split(';')[0]!;

  it('stands for the key, in requests of its own pages', async () => {
    const { status, cookie } = await open();
    assert.equal(status, 201);
    assert.match(cookie, /^__Host-calpair_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/);
    const with_ = (more: object) => ({ cookie: sent(cookie), ...more });
    for (const [method, headers, expected] of [
      ['GET', { origin: HERE }, 200],
      ['GET', { 'sec-fetch-site': 'same-origin' }, 200],
      ['GET', {}, 200],
      ['GET', { origin: 'https://evil.example' }, 401],
      ['GET', { origin: 'null' }, 401],
      ['GET', { 'sec-fetch-site': 'same-site' }, 401],
      ['GET', { 'sec-fetch-site': 'cross-site' }, 401],
      ['POST', { origin: HERE }, 201],
      ['POST', { origin: 'https://evil.example' }, 401],
      ['POST', { origin: 'https://calpair.example:8443' }, 401],
      ['POST', { origin: 'null' }, 401],
      ['POST', {}, 401],
    ] as const) {
      const payload = method === 'POST' ? { name: 'x' } : undefined;
      const answer = await ask(method, '/v1/api-keys', with_(headers), payload);
      assert.equal(answer.statusCode, expected, `${method} ${JSON.stringify(headers)}`);
    }
    const { expiresAt: _end, ...reach } = (await ask('GET', '/v1/session', with_({ origin: HERE }))).json();
    assert.deepEqual(reach, { scope: 'admin', externalId: null });
  });

  it('says what its key may do, and whose accounts it reaches', async () => {
    const about = { scope: 'read', externalId: 'customer-7' };
    const { key } = (await api.call('POST', '/v1/api-keys', { name: 'one customer', ...about })).body;
    const { cookie } = await open(key);
    const { expiresAt: _end, ...reach } = (
      await ask('GET', '/v1/session', { cookie: sent(cookie), origin: HERE })
    ).json();
    assert.deepEqual(reach, about);
  });

  it('is opened where the browser is, also beside the public address', async () => {
    const { cookie } = await open(ENV_KEY, { origin: BESIDE, host: '127.0.0.1:8080' });
    assert.match(cookie, /^calpair_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const there = { cookie: sent(cookie), host: '127.0.0.1:8080', origin: BESIDE };
    assert.equal((await ask('POST', '/v1/api-keys', there, { name: 'x' })).statusCode, 201);
    assert.equal((await open(ENV_KEY, { origin: 'https://evil.example' })).status, 401);
  });

  it('needs a key, and keeps none', async () => {
    const wrong = await open('x'.repeat(40));
    assert.deepEqual([wrong.status, wrong.body.code, wrong.cookie], [401, 'unauthorized', '']);
    const { cookie } = await open();
    const stored = JSON.stringify((await api.db.sql.execute(sql`select * from sessions`)).rows);
    assert.ok(!stored.includes(ENV_KEY) && !stored.includes(sent(cookie).split('=')[1]!));
    assert.ok(!api.logged.join('').includes(ENV_KEY));
  });

  it('ends when the person signs out', async () => {
    const { cookie } = await open();
    const own = { cookie: sent(cookie), origin: HERE };
    assert.equal((await ask('DELETE', '/v1/session', { ...own, origin: 'https://evil.example' })).statusCode, 401);
    const answer = await ask('DELETE', '/v1/session', own);
    assert.equal(answer.statusCode, 204);
    assert.match(String(answer.headers['set-cookie']), /Max-Age=0/);
    assert.equal((await ask('GET', '/v1/accounts', own)).statusCode, 401);
    assert.equal((await ask('DELETE', '/v1/session', own)).statusCode, 404);
  });

  it('ends with its key, and after 7 days', async () => {
    const key = (await api.call('POST', '/v1/api-keys', { name: 'console' })).body;
    const other = (await api.call('POST', '/v1/api-keys', { name: 'other' })).body;
    const [one, two] = [await open(key.key), await open(other.key)];
    const reads = async ({ cookie }: { cookie: string }) =>
      (await ask('GET', '/v1/accounts', { cookie: sent(cookie), origin: HERE })).statusCode;
    assert.deepEqual([await reads(one), await reads(two)], [200, 200]);
    await api.call('DELETE', `/v1/api-keys/${key.id}`);
    assert.deepEqual([await reads(one), await reads(two)], [401, 200]);
    await api.db.sql.execute(sql`update sessions set expires_at = now()`);
    assert.equal(await reads(two), 401);
  });

  it('ends when the key of the environment is another one', async () => {
    const { cookie } = await open();
    const later = await startApi({ apiKey: 'another-key' }, api.databaseUrl, { publicUrl: () => HERE });
    const answer = await later.app.inject({
      url: '/v1/accounts',
      headers: { cookie: sent(cookie), origin: HERE },
    });
    await later.close();
    assert.equal(answer.statusCode, 401);
  });
});
