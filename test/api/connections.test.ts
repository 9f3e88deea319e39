import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connected, refused, startApi, type TestApi } from './harness.ts';

describe('connections', () => {
  let api: TestApi;
  before(async () => {
    api = await startApi({ maxConnections: 3, pairsPerConnection: 2 });
  });
  after(() => api.close());

  it('joins a CalDAV account with any account, up to the limit, also for calls at the same time', async () => {
    const { caldavId, cloudId, connectionId } = await connected(api);
    const { createdAt, ...shown } = (await api.call('GET', `/v1/connections/${connectionId}`)).body;
    assert.ok(createdAt);
    assert.deepEqual(shown, {
      id: connectionId,
      name: null,
      caldavAccountId: caldavId,
      cloudAccountId: cloudId,
      pairCount: 0,
      pairAllowance: 2,
    });
    const create = (body: object) => api.call('POST', '/v1/connections', body);
    const wrongWay = await create({ caldavAccountId: cloudId, cloudAccountId: caldavId });
    refused(wrongWay, 400, 'validation');
    assert.equal(wrongWay.body.errors[0].field, 'caldavAccountId');
    refused(await create({ caldavAccountId: caldavId, cloudAccountId: 'nonsense' }), 404, 'not-found');
    refused(await create({ caldavAccountId: caldavId }), 400, 'validation');
    const answers = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        create({ name: `Again ${n}`, caldavAccountId: caldavId, cloudAccountId: n % 2 ? cloudId : caldavId }),
      ),
    );
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [201, 201, 409, 409]);
    refused(answers.find((answer) => answer.status === 409)!, 409, 'connection-allowance-reached');
    assert.equal((await api.call('GET', '/v1/connections')).body.items.length, 3);
  });

  it('stops and deletes its pairs when it is deleted; a failed call can be repeated', async () => {
    const [{ id }] = (await api.call('GET', '/v1/connections')).body.items;
    const pairs = [];
    for (const n of [1, 2])
      pairs.push(
        (await api.call('POST', `/v1/connections/${id}/pairs`, { caldavCalendarId: `a${n}`, cloudCalendarId: `b${n}` }))
          .body.id,
      );
    assert.equal((await api.call('GET', `/v1/connections/${id}`)).body.pairCount, 2);
    api.control.failure = 'unavailable';
    refused(await api.call('DELETE', `/v1/connections/${id}`), 503, 'temporarily-unavailable');
    api.control.failure = null;
    assert.equal((await api.call('GET', `/v1/connections/${id}`)).body.pairCount, 2);
    api.control.calls.length = 0;
    assert.equal((await api.call('DELETE', `/v1/connections/${id}`)).status, 204);
    assert.deepEqual(
      api.control.calls,
      pairs.map((pair) => `stop ${pair}`),
    );
    refused(await api.call('GET', `/v1/pairs/${pairs[0]}`), 404, 'not-found');
    refused(await api.call('DELETE', `/v1/connections/${id}`), 404, 'not-found');
  });
});
