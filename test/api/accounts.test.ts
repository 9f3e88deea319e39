import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { SyncError } from '../../core/sync-error.ts';
import { openedAccount, setAccountStatus, tokenStore } from '../../db/accounts.ts';
import { calendar, connected, type Json, refused, startApi, type TestApi } from './harness.ts';

const ANNA = {
  provider: 'caldav',
  preset: 'generic',
  serverUrl: 'https://dav.example',
  username: 'anna',
  password: 'anna1',
};

describe('accounts', () => {
  let api: TestApi;
  before(async () => {
    api = await startApi();
  });
  after(() => api.close());

  it('returns everything about a new account except its secret', async () => {
    api.service.calendars = {
      anna: [calendar('first', { readOnly: true }), calendar('second'), calendar('third', { isDefault: true })],
    };
    const { status, body } = await api.call('POST', '/v1/accounts', { ...ANNA, label: 'Work', externalId: 'host-7' });
    assert.equal(status, 201);
    const { id, createdAt, ...rest } = body;
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(rest, {
      provider: 'caldav',
      preset: 'generic',
      label: 'Work',
      externalId: 'host-7',
      username: 'anna',
      server: null,
      status: 'ok',
      statusReason: null,
      capabilities: { createCalendar: true },
      writeCalendarId: 'third',
      freeBusyCalendarIds: null,
      unansweredInvitations: 'busy',
      requests: { today: 0, limit: null, limitUsed: 0 },
    });
    const stored = JSON.stringify((await api.db.sql.execute(sql`select * from accounts`)).rows);
    assert.doesNotMatch(stored, /anna1/);
    assert.deepEqual((await openedAccount(api.db, id))?.credentials, {
      preset: 'generic',
      serverUrl: 'https://dav.example',
      username: 'anna',
      password: 'anna1',
    });
  });

  it('uses the first writable calendar where none is the default, and none where they cannot be listed', async () => {
    api.service.calendars = { anna: [calendar('first', { readOnly: true }), calendar('second')] };
    assert.equal((await api.call('POST', '/v1/accounts', ANNA)).body.writeCalendarId, 'second');
    api.service.calendars = { anna: [calendar('first', { readOnly: true })] };
    assert.equal((await api.call('POST', '/v1/accounts', ANNA)).body.writeCalendarId, null);
    api.service.listFailure = new SyncError('unreachable', 'gone away');
    const unlisted = await api.call('POST', '/v1/accounts', ANNA);
    api.service.listFailure = null;
    assert.deepEqual([unlisted.status, unlisted.body.writeCalendarId], [201, null]);
  });

  it('names each invalid field', async () => {
    const fields = async (body: unknown) => {
      const answer = await api.call('POST', '/v1/accounts', body);
      refused(answer, 400, 'validation');
      return answer.body.errors.map((error: { field: string }) => error.field);
    };
    assert.deepEqual(await fields({ ...ANNA, provider: 'other' }), ['provider']);
    assert.deepEqual(await fields({}), ['provider']);
    assert.deepEqual(await fields({ ...ANNA, more: 1 }), ['more']);
    assert.deepEqual(await fields({ ...ANNA, serverUrl: undefined }), ['serverUrl']);
    assert.deepEqual(await fields({ ...ANNA, password: 7 }), ['password']);
    assert.deepEqual(await fields({ ...ANNA, preset: 'odd' }), ['preset']);
    assert.deepEqual(await fields({ ...ANNA, label: '' }), ['label']);
    assert.deepEqual(await fields([]), ['']);
    refused(
      await api.call('POST', '/v1/accounts', { provider: 'microsoft', refreshToken: 'x' }),
      501,
      'provider-not-configured',
    );
  });

  it('answers with the code and reason of the service (G13)', async () => {
    for (const [kind, status, code] of [
      ['auth', 422, 'credentials-rejected'],
      ['unreachable', 422, 'server-unreachable'],
      ['not-a-caldav-server', 422, 'not-a-caldav-server'],
      ['address-not-allowed', 422, 'address-not-allowed'],
      ['throttled', 503, 'temporarily-unavailable'],
    ] as const) {
      api.service.failure = new SyncError(kind, 'message', { reason: 'invalid_grant', retryAfterMs: 1500 });
      const answer = await api.call('POST', '/v1/accounts', ANNA);
      api.service.failure = null;
      refused(answer, status, code);
      assert.match(answer.body.detail, /It says: invalid_grant$/);
      assert.equal(answer.headers['retry-after'], status === 503 ? '2' : undefined);
    }
    api.service.failure = new SyncError('auth', 'message', { advice: 'Make an app password.' });
    const advised = await api.call('POST', '/v1/accounts', ANNA);
    api.service.failure = null;
    assert.equal(advised.body.detail, 'The service rejected the credentials. Make an app password.');
  });

  it('lists by externalId, and changes only the fields in a patch', async () => {
    api.service.calendars = { anna: [calendar('read', { readOnly: true }), calendar('write')] };
    const { id } = (await api.call('POST', '/v1/accounts', { ...ANNA, label: 'Old', externalId: 'unique' })).body;
    assert.deepEqual(
      (await api.call('GET', '/v1/accounts?externalId=unique')).body.items.map((item: Json) => item.id),
      [id],
    );
    const patch = async (body: object) => (await api.call('PATCH', `/v1/accounts/${id}`, body)).body;
    assert.equal((await patch({ label: 'New' })).externalId, 'unique');
    assert.equal((await patch({ externalId: null })).label, 'New');
    assert.equal((await patch({})).label, 'New');
    assert.deepEqual((await patch({ freeBusyCalendarIds: ['read'] })).freeBusyCalendarIds, ['read']);
    assert.equal((await patch({ writeCalendarId: null })).writeCalendarId, null);
    assert.equal((await patch({ writeCalendarId: 'write' })).writeCalendarId, 'write');
    assert.equal((await patch({ writeCalendarId: 'read' })).code, 'calendar-read-only');
    assert.equal((await patch({ freeBusyCalendarIds: ['write', 'other'] })).code, 'calendar-not-found');
    assert.equal((await patch({ status: 'ok' })).code, 'validation');
    assert.equal((await api.call('GET', `/v1/accounts/${id}`)).body.writeCalendarId, 'write');
  });

  it('lists calendars in pages, and creates one where the service allows it', async () => {
    const { caldavId } = await connected(api);
    const list = await api.call('GET', `/v1/accounts/${caldavId}/calendars`);
    assert.deepEqual(list.body.items[0], {
      id: 'a1',
      name: 'a1',
      color: null,
      timeZone: 'Europe/Berlin',
      readOnly: false,
      isDefault: false,
    });
    assert.deepEqual([list.body.items.length, list.body.nextCursor], [4, null]);
    const page = await api.call('GET', `/v1/accounts/${caldavId}/calendars?limit=3`);
    const rest = await api.call('GET', `/v1/accounts/${caldavId}/calendars?limit=3&cursor=${page.body.nextCursor}`);
    assert.deepEqual(
      [page.body.items.length, rest.body.items.map((item: Json) => item.id), rest.body.nextCursor],
      [3, ['a-read'], null],
    );

    const create = (body: object) => api.call('POST', `/v1/accounts/${caldavId}/calendars`, body);
    const created = await create({ name: 'Team', color: '#3366CC' });
    assert.deepEqual([created.status, created.body.name, created.body.color], [201, 'Team', '#3366CC']);
    refused(await create({ name: 'Team', color: 'red' }), 400, 'validation');
    api.service.failure = new SyncError('rejected', 'no', { reason: 'resource-must-be-null' });
    const rejected = await create({ name: 'Team' });
    api.service.failure = null;
    refused(rejected, 422, 'calendar-creation-rejected');
    assert.match(rejected.body.detail, /resource-must-be-null/);
    api.service.canCreateCalendars = false;
    refused(await create({ name: 'Team' }), 409, 'calendar-creation-not-offered');
    api.service.canCreateCalendars = true;
  });

  it('replaces credentials after verifying them, and notifies the pairs that wait for them (A4)', async () => {
    const { caldavId, connectionId } = await connected(api);
    const pair = (
      await api.call('POST', `/v1/connections/${connectionId}/pairs`, { caldavCalendarId: 'a1', cloudCalendarId: 'b1' })
    ).body;
    const paused = (
      await api.call('POST', `/v1/connections/${connectionId}/pairs`, {
        caldavCalendarId: 'a2',
        cloudCalendarId: 'b2',
        paused: true,
      })
    ).body;
    await setAccountStatus(api.db, caldavId, 'attention', 'credentials');
    const before = (await openedAccount(api.db, caldavId))!;
    await before.tokens.save({ accessToken: 'old', expiresAt: 1 });
    const put = (body: object) => api.call('PUT', `/v1/accounts/${caldavId}/credentials`, body);

    refused(await put({ password: 'bea2' }), 409, 'different-account');
    refused(await put({ refreshToken: 'x' }), 400, 'validation');
    api.service.failure = new SyncError('auth', 'no');
    refused(await put({ password: 'anna2' }), 422, 'credentials-rejected');
    api.service.failure = null;
    assert.equal((await api.call('GET', `/v1/accounts/${caldavId}`)).body.status, 'attention');
    assert.deepEqual((await openedAccount(api.db, caldavId))?.credentials, before.credentials);

    api.control.calls.length = 0;
    const replaced = await put({ password: 'anna2' });
    assert.deepEqual([replaced.status, replaced.body.status, replaced.body.statusReason], [200, 'ok', null]);
    assert.deepEqual(api.control.calls, [`settingsChanged ${pair.id}`, `syncNow signal ${pair.id}`]);
    assert.ok(!api.control.calls.some((message) => message.includes(paused.id)));
    const now = (await openedAccount(api.db, caldavId))!;
    assert.deepEqual(now.credentials, { ...(before.credentials as object), password: 'anna2' });
    assert.equal(await now.tokens.load(), null);

    await before.tokens.save({ accessToken: 'late', expiresAt: 1 });
    assert.equal(
      await tokenStore(api.db, caldavId).load(),
      null,
      'a token of the old credentials is not stored any more',
    );
    await now.tokens.save({ accessToken: 'new', expiresAt: 2, refreshToken: 'next' });
    assert.deepEqual(await tokenStore(api.db, caldavId).load(), {
      accessToken: 'new',
      expiresAt: 2,
      refreshToken: 'next',
    });
    assert.equal(await before.tokens.load(), null);

    api.control.failure = 'unavailable';
    assert.equal(
      (await put({ password: 'anna3' })).status,
      200,
      'the credentials are stored, pairs find them by themselves',
    );
    api.control.failure = null;
  });

  it('FC3: credentials that cannot be decrypted are one clear answer, and new ones mend them', async () => {
    const { caldavId } = await connected(api);
    const damage = (column: string): Promise<unknown> =>
      api.db.sql.execute(sql`update accounts set ${sql.raw(column)} = '\\xdeadbeef' where id = ${caldavId}`);
    await damage('credentials');
    for (const path of ['calendars', 'free-busy?start=2027-01-01T00:00:00Z&end=2027-01-02T00:00:00Z'])
      refused(await api.call('GET', `/v1/accounts/${caldavId}/${path}`), 422, 'credentials-rejected');
    const put = (body: object) => api.call('PUT', `/v1/accounts/${caldavId}/credentials`, body);
    refused(await put({ password: 'bea2' }), 409, 'different-account');
    const renewed = await put({ password: 'anna4' });
    assert.deepEqual([renewed.status, renewed.body.status], [200, 'ok']);
    const { credentials, tokens } = (await openedAccount(api.db, caldavId))!;
    assert.deepEqual(credentials, {
      username: renewed.body.username,
      serverUrl: 'https://recalled.example',
      password: 'anna4',
    });
    await tokens.save({ accessToken: 'a', expiresAt: 1 });
    await damage('token');
    assert.equal(await tokens.load(), null, 'another token is requested');
  });

  it('deletes an account only while no connection uses it', async () => {
    const { cloudId, connectionId } = await connected(api);
    refused(await api.call('DELETE', `/v1/accounts/${cloudId}`), 409, 'account-in-use');
    assert.equal((await api.call('DELETE', `/v1/connections/${connectionId}`)).status, 204);
    assert.equal((await api.call('DELETE', `/v1/accounts/${cloudId}`)).status, 204);
    refused(await api.call('DELETE', `/v1/accounts/${cloudId}`), 404, 'not-found');
    refused(await api.call('GET', `/v1/accounts/${cloudId}`), 404, 'not-found');
  });
});
