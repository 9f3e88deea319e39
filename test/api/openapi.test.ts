import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertDocumented } from './documented.ts';
import { type Json, startApi, type TestApi } from './harness.ts';

/** The contract's routes, as far as they are implemented. */
const ROUTES = `
GET /health/live
GET /health/ready
GET /metrics
POST /v1/api-keys
GET /v1/api-keys
DELETE /v1/api-keys/{id}
GET /v1/audit-log
POST /v1/webhooks/google
POST /v1/webhooks/microsoft
POST /v1/webhooks/webdav-push/{token}
GET /v1/providers
POST /v1/accounts
GET /v1/accounts
GET /v1/accounts/{id}
PATCH /v1/accounts/{id}
PUT /v1/accounts/{id}/credentials
DELETE /v1/accounts/{id}
GET /v1/accounts/{id}/calendars
POST /v1/accounts/{id}/calendars
GET /v1/accounts/{id}/free-busy
GET /v1/free-busy
GET /v1/availability
POST /v1/connections
GET /v1/connections
GET /v1/connections/{id}
DELETE /v1/connections/{id}
POST /v1/connections/{id}/pairs
GET /v1/pairs
GET /v1/pairs/{id}
PATCH /v1/pairs/{id}
DELETE /v1/pairs/{id}
POST /v1/pairs/{id}/pause
POST /v1/pairs/{id}/resume
POST /v1/pairs/{id}/sync
POST /v1/pairs/{id}/resync
GET /v1/pairs/{id}/preview
POST /v1/pairs/{id}/preview
GET /v1/pairs/{id}/runs
GET /v1/pairs/{id}/runs/{runId}
GET /v1/pairs/{id}/conflicts
GET /v1/pairs/{id}/problems
GET /v1/pairs/{id}/held-changes
POST /v1/pairs/{id}/held-changes/apply
POST /v1/pairs/{id}/held-changes/restore
GET /v1/pairs/{id}/events
GET /v1/pairs/{id}/events/{eventId}
POST /v1/pairs/{id}/events/{eventId}/undo
POST /v1/pairs/{id}/events/{eventId}/sync
POST /v1/pairs/{id}/runs/{runId}/undo
POST /v1/pairs/{id}/remove-copies
GET /v1/pairs/{id}/leftovers
POST /v1/pairs/{id}/remove-leftovers
`
  .trim()
  .split('\n');

describe('the OpenAPI document', () => {
  let api: TestApi;
  let document: Json;
  before(async () => {
    api = await startApi();
    document = (await api.call('GET', '/openapi.json')).body;
  });
  after(() => api.close());

  it('needs no key and names the version', async () => {
    const answer = await api.app.inject('/openapi.json');
    assert.equal(answer.statusCode, 200);
    assert.match(String(answer.headers['content-type']), /^application\/json/);
    assert.deepEqual([document.openapi, document.info.version], ['3.1.0', '0.1.0']);
  });

  it('has every route of the contract, and every documented route is there', async () => {
    const documented = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(
      ROUTES.filter((route) => !documented.includes(route)),
      [],
    );
    for (const route of documented) {
      const [method, path] = route.split(' ') as [string, string];
      const url = path.replaceAll(/\{(\w+)\}/g, ':$1');
      assert.ok(api.app.hasRoute({ method: method as 'GET', url }), route);
    }
  });

  it('describes parameters, bodies, success and errors of every route', () => {
    for (const [path, methods] of Object.entries<Record<string, Json>>(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const route = `${method} ${path}`;
        assert.ok(operation.summary && operation.tags.length === 1, route);
        const inPath = (operation.parameters ?? [])
          .filter((parameter: Json) => parameter.in === 'path')
          .map((parameter: Json) => parameter.name);
        assert.deepEqual(
          inPath,
          [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]),
          route,
        );
        const codes = Object.keys(operation.responses);
        assert.ok(
          codes.some((code) => /^[23]/.test(code)),
          route,
        );
        if (!path.startsWith('/v1')) {
          assert.deepEqual(operation.security, path === '/metrics' ? [{ apiKey: [] }, {}] : [], route);
        } else {
          for (const code of ['4XX', '5XX']) {
            assert.equal(operation.responses[code].$ref, '#/components/responses/Problem', `${route} ${code}`);
          }
        }
        for (const code of codes.filter((one) => one.startsWith('2') && one !== '204')) {
          const isText = ['post /v1/webhooks/microsoft', 'get /metrics'].includes(route);
          const type = isText ? 'text/plain' : 'application/json';
          const { content, description } = operation.responses[code];
          // A notification is accepted without an answer's body.
          if (content === undefined) assert.match(description, /^The notification was accepted/, `${route} ${code}`);
          else assert.ok(content[type].schema, `${route} ${code}`);
        }
      }
    }
  });

  it('has no reference that leads nowhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!);
    assert.ok(references.length > 10);
    for (const reference of references) {
      const target = reference
        .slice(2)
        .split('/')
        .reduce((at: Json, key) => at?.[key], document);
      assert.ok(target, reference);
    }
  });

  it('is compared with every answer in these tests, by a check that can fail', () => {
    const key = { id: 'x', name: 'x', scope: 'read', externalId: null, expiresAt: null, key: 'x' };
    assertDocumented(document, 'POST', '/v1/api-keys', 201, key);
    for (const wrong of [{ ...key, hash: 'x' }, { ...key, key: undefined }, { ...key, name: 7 }, [], null]) {
      assert.throws(() => assertDocumented(document, 'POST', '/v1/api-keys', 201, wrong));
    }
    assert.throws(() => assertDocumented(document, 'POST', '/v1/api-keys', 200, key));
    assert.throws(() => assertDocumented(document, 'GET', '/v1/nothing', 200, {}));
  });

  it('describes the body of an account for each provider', () => {
    const bodies = document.paths['/v1/accounts'].post.requestBody.content['application/json'].schema;
    const alternatives = bodies.oneOf ?? bodies.anyOf;
    const caldav = alternatives.find((body: Json) => body.properties.provider.enum[0] === 'caldav');
    assert.deepEqual(Object.keys(caldav.properties).sort(), [
      'externalId',
      'label',
      'password',
      'preset',
      'provider',
      'serverUrl',
      'username',
    ]);
    assert.equal(caldav.additionalProperties, false);
  });

  it('describes the tag of every call', () => {
    const described = (document.tags as Json[]).map(({ name }) => name);
    for (const item of Object.values(document.paths as Json))
      for (const { operationId, tags } of Object.values(item as Json) as Json[])
        assert.ok(tags.length === 1 && described.includes(tags[0]), operationId);
  });

  it('can be read at /docs, with nothing from other hosts', async () => {
    const html = await api.app.inject('/docs');
    assert.equal(html.statusCode, 200);
    assert.doesNotMatch(html.body, /(src|href)="(https?:)?\/\//);
    assert.match(String(html.headers['content-security-policy']), /default-src 'none'/);
    for (const [, file] of html.body.matchAll(/(?:src|href)="(\/[^"]+)"/g))
      assert.equal((await api.app.inject(String(file))).statusCode, 200, file);
  });
});
