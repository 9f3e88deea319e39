/** What the API refuses before any route is asked: methods, forged notifications, and too many calls. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EXPENSIVE } from '../../api/access.ts';
import type { PushReceiver } from '../../api/push-receiver.ts';
import { RateLimit } from '../../api/rate-limit.ts';
import { ENV_KEY, type Json, startApi, type TestApi } from './harness.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const authorization = `Bearer ${ENV_KEY}`;

describe('what the API refuses', () => {
  let api: TestApi;
  let document: Json;
  const received: string[] = [];
  let isGenuine = true;
  const push: PushReceiver = {
    google: async (headers) => (received.push(`google ${String(headers['x-goog-channel-id'])}`), isGenuine),
    microsoft: async (body) => (received.push(`microsoft ${body.toString()}`), isGenuine),
    webdav: async (token, _headers, body) => (received.push(`webdav ${token} ${body.length}`), isGenuine),
  };
  before(async () => {
    api = await startApi({ trustProxy: ['127.0.0.1'] }, undefined, { push });
    document = (await api.call('GET', '/openapi.json')).body;
  });
  after(() => api.close());

  it('answers 405 with Allow to every other method of every path of the document', async () => {
    for (const [path, operations] of Object.entries<Json>(document.paths)) {
      const url = path.replaceAll(/\{\w+\}/g, 'x');
      for (const method of METHODS.filter((one) => !(one.toLowerCase() in operations))) {
        const answer = await api.app.inject({ method, url, headers: { authorization } });
        assert.deepEqual([answer.statusCode, answer.json().code], [405, 'method-not-allowed'], `${method} ${url}`);
        const allow = String(answer.headers['allow']).split(', ');
        for (const allowed of Object.keys(operations)) assert.ok(allow.includes(allowed.toUpperCase()), `${allow}`);
        assert.ok(!allow.includes(method), `${method} ${url}: ${allow}`);
      }
    }
  });

  it('tells nothing of methods without a key, but for paths that need none', async () => {
    const at = async (method: (typeof METHODS)[number], url: string) =>
      (await api.app.inject({ method, url })).statusCode;
    assert.deepEqual(
      [await at('PUT', '/v1/pairs'), await at('PUT', '/v1/nothing'), await at('GET', '/v1/webhooks/google')],
      [401, 401, 405],
    );
    assert.deepEqual(
      [await at('POST', '/health/live'), await at('DELETE', '/'), await at('POST', '/nothing')],
      [405, 405, 404],
    );
  });

  it('accepts genuine notifications without a key, and answers forged ones like an unknown path', async () => {
    const notify = (url: string, payload?: string, headers: Record<string, string> = {}) =>
      api.app.inject({ method: 'POST', url, headers, ...(payload === undefined ? {} : { payload }) });
    const json = { 'content-type': 'application/json' };
    received.length = 0;
    assert.equal((await notify('/v1/webhooks/google', undefined, { 'x-goog-channel-id': 'c' })).statusCode, 204);
    assert.equal((await notify('/v1/webhooks/microsoft', '{"value":[]}', json)).statusCode, 202);
    assert.equal(
      (await notify('/v1/webhooks/webdav-push/t', 'abc', { 'content-type': 'application/x' })).statusCode,
      201,
    );
    assert.deepEqual(received, ['google c', 'microsoft {"value":[]}', 'webdav t 3']);
    isGenuine = false;
    for (const [url, payload] of [
      ['/v1/webhooks/google', undefined],
      ['/v1/webhooks/google', 'not JSON'],
      ['/v1/webhooks/microsoft', '{"value":[{"clientState":"forged"}]}'],
      ['/v1/webhooks/microsoft', '{{{'],
      ['/v1/webhooks/webdav-push/unknown', 'x'],
      ['/v1/webhooks/other', '{}'],
    ] as const) {
      const answer = await notify(url, payload, json);
      const expected = url === '/v1/webhooks/other' ? 401 : 404;
      assert.equal(answer.statusCode, expected, url);
    }
    const without = await startApi({}, api.databaseUrl);
    for (const url of ['/v1/webhooks/google', '/v1/webhooks/microsoft', '/v1/webhooks/webdav-push/x'])
      assert.equal((await without.app.inject({ method: 'POST', url })).statusCode, 404, url);
    await without.close();
  });

  it('answers notifications above 64 KB with 413', async () => {
    for (const service of ['google', 'microsoft', 'webdav-push/x'])
      for (const [size, status] of [
        [64 * 1024 + 1, 413],
        [64 * 1024, 404],
      ] as const) {
        const url = `/v1/webhooks/${service}`;
        const answer = await api.app.inject({ method: 'POST', url, payload: Buffer.alloc(size, 'x') });
        assert.equal(answer.statusCode, status, `${service} ${size}`);
      }
  });

  it('gives a validation token back as plain text and nothing else', async () => {
    const ask = (query: string, method: 'GET' | 'POST' = 'POST') =>
      api.app.inject({ method, url: `/v1/webhooks/microsoft?${query}`, headers: { 'content-type': 'text/plain' } });
    const answer = await ask('validationToken=Validation%3a+Testing%20<script>alert(1)</script>%C3%A4');
    assert.deepEqual([answer.statusCode, answer.body], [200, 'Validation: Testing <script>alert(1)</script>ä']);
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.equal((await ask(`validationToken=${'x'.repeat(1024)}`)).statusCode, 200);
    for (const query of [`validationToken=${'x'.repeat(1025)}`, 'validationToken=a&validationToken=b'])
      assert.equal((await ask(query)).statusCode, 400, query.slice(0, 30));
  });

  it('answers 429 to many wrong keys from one address, and neither to a known key nor to other addresses', async () => {
    const { key } = (await api.call('POST', '/v1/api-keys', { name: 'known' })).body;
    const as = (one: string, from: string) =>
      api.app.inject({
        url: '/v1/pairs',
        headers: { authorization: `Bearer ${one}`, 'x-forwarded-for': `203.0.113.9, ${from}` },
      });
    assert.equal((await as(key, '192.0.2.1')).statusCode, 200);
    const statuses = new Set<number>();
    let last;
    for (let tries = 0; tries < 300 && !statuses.has(429); tries += 1) {
      last = await as(`wrong-${tries}`, '192.0.2.1');
      statuses.add(last.statusCode);
    }
    assert.deepEqual([...statuses], [401, 429]);
    assert.equal(last?.json().code, 'too-many-requests');
    assert.ok(Number(last?.headers['retry-after']) >= 1);
    assert.deepEqual(
      [(await as(key, '192.0.2.1')).statusCode, (await as('wrong', '192.0.2.2')).statusCode],
      [200, 401],
    );
    // What an untrusted client writes into the header does not count.
    assert.equal((await as('wrong', '192.0.2.1')).statusCode, 429);
  });

  it('limits expensive calls for each key, and only those', async () => {
    const keys = await Promise.all(
      ['a', 'b'].map(async (name) => (await api.call('POST', '/v1/api-keys', { name })).body.key as string),
    );
    const preview = async (key: string | undefined) =>
      (
        await api.app.inject({
          method: 'POST',
          url: '/v1/pairs/x/preview',
          headers: { authorization: `Bearer ${key}` },
        })
      ).statusCode;
    const statuses = new Set<number>();
    for (let tries = 0; tries < 200 && !statuses.has(429); tries += 1) statuses.add(await preview(keys[0]));
    assert.deepEqual([...statuses], [404, 429]);
    assert.equal(await preview(keys[1]), 404);
    for (const route of Object.keys(EXPENSIVE)) {
      const [method, url] = route.split(' ') as ['GET', string];
      assert.ok(api.app.hasRoute({ method, url }), route);
    }
  });

  it('a limit gives back what time brings, and forgets the longest idle clients', () => {
    let now = 0;
    const limit = new RateLimit({ burst: 2, perMinute: 60 }, () => now);
    assert.deepEqual([limit.take('a'), limit.take('a'), limit.take('a'), limit.take('b')], [0, 0, 1, 0]);
    now = 1_000;
    assert.deepEqual([limit.take('a'), limit.take('a')], [0, 1]);
    now = 3_600_000;
    assert.deepEqual([limit.take('a'), limit.take('a'), limit.take('a')], [0, 0, 1]);
    for (let client = 0; client < 10_001; client += 1) limit.take(`client ${client}`);
    assert.equal(limit.waitSeconds('a'), 0);
  });
});
