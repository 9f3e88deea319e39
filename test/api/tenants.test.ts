/** Keys with an external id: nothing of one tenant reaches another, on no route that there is. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '../../db/ids.ts';
import { heldChanges, links, problems, runs } from '../../db/schema.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import { type Answer, calendar, ENV_KEY, type Json, refused, startApi, type TestApi } from './harness.ts';

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** What one tenant has, and the secrets by which its data would be recognised in an answer. */
interface Tenant {
  readonly externalId: string;
  readonly key: string;
  /** By the name of a path parameter or reference. */
  readonly ids: Record<string, string>;
  readonly marks: readonly string[];
}

describe('keys with an external id', () => {
  let api: TestApi;
  let anna: Tenant;
  let bob: Tenant;
  let readKey: string;
  let document: Json;

  before(async () => {
    api = await startApi();
    document = (await api.call('GET', '/openapi.json')).body;
    anna = await makeTenant('anna');
    bob = await makeTenant('bob');
    readKey = (await as(ENV_KEY, 'POST', '/v1/api-keys', { name: 'reads', scope: 'read' })).body.key;
  });
  after(() => api.close());

  async function as(key: string, method: Method, url: string, body?: unknown): Promise<Answer> {
    const response = await api.app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    const isJson = /json/.test(String(response.headers['content-type']));
    return {
      status: response.statusCode,
      headers: response.headers,
      body: isJson ? response.json() : response.body,
    };
  }

  async function made(answer: Promise<Answer>): Promise<Json> {
    const { status, body } = await answer;
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  }

  async function makeTenant(name: string): Promise<Tenant> {
    const person = `${name}-person`;
    api.service.calendars[person] = [calendar(`${name}-one`), calendar(`${name}-two`)];
    const externalId = `${name}-tenant`;
    const { key } = await made(as(ENV_KEY, 'POST', '/v1/api-keys', { name, externalId }));
    const caldav = await made(
      as(key, 'POST', '/v1/accounts', {
        provider: 'caldav',
        preset: 'generic',
        serverUrl: 'https://dav.example',
        username: person,
        password: person,
      }),
    );
    const cloud = await made(as(key, 'POST', '/v1/accounts', { provider: 'google', refreshToken: person }));
    assert.deepEqual([caldav.externalId, cloud.externalId], [externalId, externalId]);
    const accounts = { caldavAccountId: caldav.id, cloudAccountId: cloud.id };
    const connection = await made(as(key, 'POST', '/v1/connections', { name: `${name}-connection`, ...accounts }));
    const pair = await made(
      as(key, 'POST', `/v1/connections/${connection.id}/pairs`, {
        caldavCalendarId: `${name}-one`,
        cloudCalendarId: `${name}-two`,
        paused: true,
      }),
    );
    const booking = await made(
      as(key, 'POST', '/v1/bookings', {
        accountId: caldav.id,
        title: `${name}-booking`,
        start: '2027-01-04T09:00:00Z',
        end: '2027-01-04T10:00:00Z',
        timeZone: 'Europe/Berlin',
        idempotencyKey: 'the same for both',
      }),
    );
    const [linkId, runId, heldId] = [newId(), newId(), newId()];
    const { db } = api;
    const now = new Date();
    const label = db.vault.seal(
      JSON.stringify({ title: `${name}-event`, start: '2027-01-05' }),
      pairCell(pair.id, 'links.label', linkId),
    );
    await db.sql.insert(links).values({ id: linkId, pairId: pair.id, dirty: false, label });
    await db.sql
      .insert(runs)
      .values({ id: runId, pairId: pair.id, number: 1, trigger: 'poll', startedAt: now, result: 'ok' });
    await db.sql
      .insert(problems)
      .values({ id: newId(), pairId: pair.id, linkId, code: 'forbidden', side: 'cloud', detail: name, since: now });
    await db.sql
      .insert(heldChanges)
      .values({ id: heldId, pairId: pair.id, linkId, side: 'cloud', reason: 'too-many', since: now });
    const ids = {
      accountId: caldav.id,
      connectionId: connection.id,
      pairId: pair.id,
      bookingId: booking.id,
      runId,
      eventId: linkId,
      heldId,
      ...accounts,
    };
    return { externalId, key, ids, marks: [name, ...Object.values(ids)] };
  }

  /** The requests of the document, with the ids of a tenant in path, query and body. */
  function requestsFor({ ids }: Tenant): { method: Method; path: string; url: string; body?: unknown }[] {
    const kindOf: Record<string, string> = {
      accounts: ids['accountId']!,
      connections: ids['connectionId']!,
      pairs: ids['pairId']!,
      bookings: ids['bookingId']!,
    };
    return Object.entries<Record<string, Json>>(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, operation]) => operation.security?.length !== 0)
        .map(([method, operation]) => {
          const collection = path.split('/')[2] ?? '';
          const url = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) =>
            name === 'id' ? (kindOf[collection] ?? newId()) : (ids[name] ?? 'google'),
          );
          const query = new URLSearchParams();
          for (const parameter of (operation.parameters ?? []) as Json[])
            if (parameter.in === 'query') {
              const value =
                parameter.name === 'accountIds' ? ids['accountId'] : (ids[parameter.name] ?? VALUES[parameter.name]);
              if (value !== undefined) query.set(parameter.name, value);
            }
          const body = method === 'get' || method === 'delete' ? undefined : bodyFor(path, ids);
          return {
            method: method.toUpperCase() as Method,
            path,
            url: query.size === 0 ? url : `${url}?${query}`,
            ...(body === undefined ? {} : { body }),
          };
        }),
    );
  }

  const VALUES: Record<string, string> = {
    start: '2027-01-04T00:00:00Z',
    end: '2027-01-05T00:00:00Z',
    durationMinutes: '30',
  };

  /** For the routes that refer to something in their body; all others take none, or are refused before it is read. */
  function bodyFor(path: string, ids: Record<string, string>): unknown {
    const slot = { start: '2027-01-06T09:00:00Z', end: '2027-01-06T10:00:00Z', timeZone: 'Europe/Berlin' };
    const bodies: Record<string, unknown> = {
      '/v1/connections': { caldavAccountId: ids['caldavAccountId'], cloudAccountId: ids['cloudAccountId'] },
      '/v1/connections/{id}/pairs': { caldavCalendarId: 'x', cloudCalendarId: 'y' },
      '/v1/accounts/{id}/calendars': { name: 'x' },
      '/v1/accounts/{id}/credentials': { password: 'x' },
      '/v1/bookings': { accountId: ids['accountId'], title: 'x', ...slot },
      '/v1/oauth/{provider}/start': { accountId: ids['accountId'] },
      '/v1/api-keys': { name: 'x' },
    };
    return bodies[path] ?? {};
  }

  it("shows nothing of one tenant in another's answers, on any route of the document", async () => {
    let refusals = 0;
    for (const { method, path, url, body } of requestsFor(bob)) {
      const answer = await as(anna.key, method, url, body);
      const about = `${method} ${url} → ${answer.status} ${JSON.stringify(answer.body)}`;
      const text = JSON.stringify(answer.body);
      for (const mark of bob.marks) assert.ok(!text.includes(mark), `${about} holds ${mark}`);
      const refersToBob = bob.marks.some((mark) => url.includes(mark) || JSON.stringify(body ?? '').includes(mark));
      if (refersToBob) {
        refused(answer, 404, 'not-found');
        refusals += 1;
      } else if (CLOSED.test(path)) refused(answer, 403, 'forbidden');
      // A form with nothing in it, for something of her own.
      else assert.ok([200, 400, 404, 501].includes(answer.status), about);
    }
    assert.ok(refusals > 25, `${refusals} requests referred to the other tenant`);
  });
  const CLOSED = /^\/v1\/(?:api-keys|audit-log)|^\/metrics/;

  it('changed nothing of the other tenant, and shows each what is its own', async () => {
    for (const { key, ids, marks } of [anna, bob]) {
      const other = key === anna.key ? bob : anna;
      for (const [path, count] of Object.entries({ accounts: 2, connections: 1, pairs: 1, bookings: 1 })) {
        const { status, body } = await as(key, 'GET', `/v1/${path}`);
        assert.deepEqual([status, body.items.length], [200, count], path);
        assert.ok(!other.marks.some((mark) => JSON.stringify(body).includes(mark)));
      }
      for (const url of [
        `/v1/accounts/${ids['accountId']}`,
        `/v1/accounts/${ids['accountId']}/calendars`,
        `/v1/connections/${ids['connectionId']}`,
        `/v1/pairs/${ids['pairId']}`,
        `/v1/pairs/${ids['pairId']}/runs/${ids['runId']}`,
        `/v1/pairs/${ids['pairId']}/problems`,
        `/v1/pairs/${ids['pairId']}/held-changes`,
        `/v1/bookings/${ids['bookingId']}`,
        `/v1/free-busy?accountIds=${ids['accountId']}&start=2027-01-04T00:00:00Z&end=2027-01-05T00:00:00Z`,
      ]) {
        const answer = await as(key, 'GET', url);
        assert.equal(answer.status, 200, url);
        assert.ok(url.includes('free-busy') || marks.some((mark) => JSON.stringify(answer.body).includes(mark)), url);
      }
      assert.deepEqual((await as(key, 'GET', `/v1/accounts?externalId=${other.externalId}`)).body.items, []);
    }
    assert.equal((await as(ENV_KEY, 'GET', '/v1/accounts')).body.items.length, 4);
    const onlyBob = await as(ENV_KEY, 'GET', `/v1/accounts?externalId=${bob.externalId}`);
    assert.equal(onlyBob.body.items.length, 2);
  });

  it('mixed with an own id, a foreign one is refused as a whole', async () => {
    const mixed = `${anna.ids['accountId']},${bob.ids['accountId']}`;
    const range = 'start=2027-01-04T00:00:00Z&end=2027-01-05T00:00:00Z';
    refused(await as(anna.key, 'GET', `/v1/free-busy?accountIds=${mixed}&${range}`), 404, 'not-found');
    const repeated = `accountIds=${anna.ids['accountId']}&accountIds=${bob.ids['accountId']}`;
    refused(await as(anna.key, 'GET', `/v1/free-busy?${repeated}&${range}`), 404, 'not-found');
    for (const accounts of [
      { caldavAccountId: anna.ids['caldavAccountId'], cloudAccountId: bob.ids['cloudAccountId'] },
      { caldavAccountId: bob.ids['caldavAccountId'], cloudAccountId: anna.ids['cloudAccountId'] },
    ])
      refused(await as(anna.key, 'POST', '/v1/connections', accounts), 404, 'not-found');
    // A run, and a held deletion, are asked for under their own pair only.
    const { pairId } = anna.ids;
    refused(await as(anna.key, 'GET', `/v1/pairs/${pairId}/runs/${bob.ids['runId']}`), 404, 'not-found');
    const ids = [bob.ids['heldId']];
    refused(await as(anna.key, 'POST', `/v1/pairs/${pairId}/held-changes/apply`, { ids }), 404, 'not-found');
  });

  it('a connection whose accounts belong to two tenants belongs to neither', async () => {
    const { id } = await made(
      as(ENV_KEY, 'POST', '/v1/connections', {
        caldavAccountId: anna.ids['caldavAccountId'],
        cloudAccountId: bob.ids['cloudAccountId'],
      }),
    );
    for (const { key } of [anna, bob]) refused(await as(key, 'GET', `/v1/connections/${id}`), 404, 'not-found');
    assert.equal((await as(ENV_KEY, 'DELETE', `/v1/connections/${id}`)).status, 204);
  });

  it('an account is made with the external id of the key, and keeps it', async () => {
    const account = { provider: 'google', refreshToken: 'anna-person' };
    refused(await as(anna.key, 'POST', '/v1/accounts', { ...account, externalId: bob.externalId }), 403, 'forbidden');
    const { id, externalId } = await made(as(anna.key, 'POST', '/v1/accounts', { ...account, externalId: null }));
    assert.equal(externalId, anna.externalId);
    for (const moved of [bob.externalId, null])
      refused(await as(anna.key, 'PATCH', `/v1/accounts/${id}`, { externalId: moved }), 403, 'forbidden');
    assert.equal((await as(anna.key, 'PATCH', `/v1/accounts/${id}`, { label: 'Work' })).status, 200);
    assert.equal((await as(anna.key, 'DELETE', `/v1/accounts/${id}`)).status, 204);
  });

  it('a key of scope read gets 403 on every write of the document, and reads everything else', async () => {
    for (const { method, url, body } of requestsFor(anna)) {
      const answer = await as(readKey, method, url, body);
      if (method !== 'GET') refused(answer, 403, 'forbidden');
      else if (url.startsWith('/v1/audit-log')) refused(answer, 403, 'forbidden');
      else assert.ok([200, 404].includes(answer.status), `${url} ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    assert.equal((await as(readKey, 'GET', '/v1/accounts')).body.items.length, 4);
  });

  it('an expired key is unknown', async () => {
    const soon = new Date(Date.now() + 1_000).toISOString();
    const { key, expiresAt } = await made(as(ENV_KEY, 'POST', '/v1/api-keys', { name: 'short', expiresAt: soon }));
    assert.equal(expiresAt, soon);
    assert.equal((await as(key, 'GET', '/v1/pairs')).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    refused(await as(key, 'GET', '/v1/pairs'), 401, 'unauthorized');
    const past = await as(ENV_KEY, 'POST', '/v1/api-keys', { name: 'late', expiresAt: '2020-01-01T00:00:00Z' });
    refused(past, 400, 'validation');
    assert.deepEqual(past.body.errors, [{ field: 'expiresAt', message: 'must be in the future' }]);
    for (const wrong of [{ scope: 'owner' }, { expiresAt: 'soon' }, { externalId: '' }])
      refused(await as(ENV_KEY, 'POST', '/v1/api-keys', { name: 'x', ...wrong }), 400, 'validation');
  });

  it('the audit log says who changed what, in ids and codes only, also after the key is gone', async () => {
    const { id: keyId, key } = await made(as(ENV_KEY, 'POST', '/v1/api-keys', { name: 'secret-name' }));
    const { pairId, heldId } = anna.ids;
    assert.equal((await as(key, 'PATCH', `/v1/pairs/${pairId}`, { pollIntervalSeconds: 90 })).status, 200);
    assert.equal((await as(key, 'POST', `/v1/pairs/${pairId}/held-changes/apply`, { ids: [heldId] })).status, 200);
    refused(await as(key, 'PATCH', `/v1/pairs/${newId()}`, {}), 404, 'not-found');
    assert.equal((await as(ENV_KEY, 'DELETE', `/v1/api-keys/${keyId}`)).status, 204);
    const { body } = await as(ENV_KEY, 'GET', '/v1/audit-log?limit=4');
    assert.deepEqual(
      body.items.map(({ keyId: by, action, targets }: Json) => ({ by, action, targets })),
      [
        { by: null, action: 'deleteApiKey', targets: { apiKeyId: keyId } },
        { by: keyId, action: 'applyPairHeldChanges', targets: { pairId, ids: [heldId] } },
        { by: keyId, action: 'updatePair', targets: { pairId } },
        { by: null, action: 'createApiKey', targets: { apiKeyId: keyId } },
      ],
    );
    const all = JSON.stringify((await as(ENV_KEY, 'GET', '/v1/audit-log?limit=1000')).body);
    for (const secret of [key, 'secret-name', 'anna-person', 'anna-booking', 'anna-one'])
      assert.ok(!all.includes(secret), secret);
    const next = await as(ENV_KEY, 'GET', `/v1/audit-log?limit=4&cursor=${body.nextCursor}`);
    assert.ok(next.body.items[0].at <= body.items[3].at);
  });
});
