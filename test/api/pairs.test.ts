import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { SyncError } from '../../core/sync-error.ts';
import { calendar, connected, type Json, refused, startApi, type TestApi } from './harness.ts';

describe('pairs', () => {
  let api: TestApi | undefined;
  let connectionId: string;
  const create = (body: object = {}) =>
    api!.call('POST', `/v1/connections/${connectionId}/pairs`, {
      caldavCalendarId: 'a1',
      cloudCalendarId: 'b1',
      ...body,
    });
  beforeEach(async () => {
    await api?.close();
    api = await startApi({ pairsPerConnection: 2 });
    ({ connectionId } = await connected(api));
  });
  after(() => api?.close());

  it('starts its workflow, with every option filled in', async () => {
    const { status, body } = await create();
    assert.equal(status, 201);
    const { id, createdAt, ...rest } = body;
    assert.ok(createdAt);
    assert.deepEqual(rest, {
      connectionId,
      caldavCalendarId: 'a1',
      cloudCalendarId: 'b1',
      direction: 'bidirectional',
      pollIntervalSeconds: 60,
      options: {
        attendees: 'copy',
        reminders: 'keep',
        categories: 'keep',
        conference: 'keep',
        content: { toCloud: 'full', toCaldav: 'full' },
        filter: {},
        window: null,
        holdDeletions: { moreThan: 10, percent: 20 },
      },
      status: 'starting',
      statusReason: null,
      statusDetail: null,
      lastSyncAt: null,
      nextPollAt: null,
      counts: { events: 0, conflicts: 0, heldChanges: 0, problems: 0 },
      changeDetection: {
        caldav: { mode: 'poll', pollSeconds: 60, pushExpiresAt: null },
        cloud: { mode: 'poll', pollSeconds: 60, pushExpiresAt: null },
      },
      workflowId: `pair:${id}`,
    });
    assert.deepEqual(api!.control.calls, [`start ${id}`]);
    assert.deepEqual((await api!.call('GET', `/v1/pairs/${id}`)).body, body);
  });

  it('reads nothing when it is created as paused', async () => {
    const { body } = await create({ paused: true, direction: 'caldav-to-cloud', pollIntervalSeconds: 5 });
    assert.deepEqual([body.status, body.direction, body.pollIntervalSeconds], ['paused', 'caldav-to-cloud', 5]);
    assert.deepEqual(api!.control.calls, [`start ${body.id} paused`]);
  });

  it('refuses what cannot work, and stores nothing (C12, G16)', async () => {
    refused(await create({ caldavCalendarId: 'nowhere' }), 422, 'calendar-not-found');
    assert.match((await create({ cloudCalendarId: 'nowhere' })).body.detail, /cloudCalendarId/);
    refused(await create({ caldavCalendarId: 'a-read' }), 422, 'calendar-read-only');
    refused(await create({ cloudCalendarId: 'b-read' }), 422, 'calendar-read-only');
    refused(await create({ cloudCalendarId: 'b-read', direction: 'caldav-to-cloud' }), 422, 'calendar-read-only');
    api!.service.calendars['bea']!.push(calendar('same', { identity: 'server/a1' }));
    refused(await create({ cloudCalendarId: 'same' }), 409, 'pair-would-loop');
    refused(
      await api!.call('POST', '/v1/connections/x/pairs', { caldavCalendarId: 'a1', cloudCalendarId: 'b1' }),
      404,
      'not-found',
    );
    api!.service.failure = new SyncError('auth', 'no');
    refused(await create(), 422, 'credentials-rejected');
    api!.service.failure = null;
    api!.control.failure = 'unavailable';
    refused(await create(), 503, 'temporarily-unavailable');
    api!.control.failure = null;
    assert.deepEqual((await api!.call('GET', '/v1/pairs')).body, { items: [], nextCursor: null });
    assert.equal((await create({ cloudCalendarId: 'b-read', direction: 'cloud-to-caldav' })).status, 201);
  });

  it('pairs the same two calendars once, through any account and connection, also at once (C11)', async () => {
    const other = await connected(api!);
    const into = (id: string) =>
      api!.call('POST', `/v1/connections/${id}/pairs`, { caldavCalendarId: 'a1', cloudCalendarId: 'b1' });
    const answers = await Promise.all([
      into(connectionId),
      into(other.connectionId),
      into(connectionId),
      into(other.connectionId),
    ]);
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [201, 409, 409, 409]);
    for (const answer of answers.filter(({ status }) => status === 409))
      refused(answer, 409, 'calendar-already-paired');
    assert.equal((await create({ caldavCalendarId: 'a2' })).status, 201, 'one calendar may be in several pairs');
  });

  it('refuses a pair that would create a sync loop, through any account, also one-way and at once', async () => {
    const [second, third] = [await connected(api!), await connected(api!)];
    const pair = (id: string, a: string, b: string, more: object = {}) =>
      api!.call('POST', `/v1/connections/${id}/pairs`, {
        caldavCalendarId: a,
        cloudCalendarId: b,
        paused: true,
        ...more,
      });
    const first = await pair(connectionId, 'a1', 'b1');
    assert.deepEqual([first.status, (await pair(second.connectionId, 'a2', 'b2')).status], [201, 201]);
    const answers = await Promise.all([pair(connectionId, 'a1', 'b2'), pair(third.connectionId, 'a2', 'b1')]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409]);
    refused(answers.find(({ status }) => status === 409)!, 409, 'pair-would-loop');
    for (const direction of ['caldav-to-cloud', 'cloud-to-caldav']) {
      for (const [a, b] of [
        ['a1', 'b2'],
        ['a2', 'b1'],
      ] as const)
        assert.equal((await pair(third.connectionId, a, b, { direction })).status, 409);
    }
    await api!.call('DELETE', `/v1/pairs/${first.body.id}`);
    const again = await Promise.all([pair(third.connectionId, 'a1', 'b2'), pair(third.connectionId, 'a2', 'b1')]);
    assert.deepEqual(again.map(({ body }) => body.code ?? 'made').sort(), ['calendar-already-paired', 'made']);
    refused(await pair(second.connectionId, 'a1', 'b1'), 409, 'pair-would-loop');
  });

  it('keeps to the limit, also at once', async () => {
    const answers = await Promise.all(
      [1, 2, 3].map((n) => create({ caldavCalendarId: `a${n}`, cloudCalendarId: `b${n}` })),
    );
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [201, 201, 409]);
    refused(answers.find(({ status }) => status === 409)!, 409, 'pair-allowance-reached');
  });

  it('merges options key by key; null restores a default', async () => {
    const { id } = (
      await create({
        options: {
          content: { toCloud: 'busy' },
          filter: { titleMatches: 'team', skipFree: true },
          window: { pastDays: 30 },
        },
      })
    ).body;
    const patch = async (options: object) => (await api!.call('PATCH', `/v1/pairs/${id}`, { options })).body.options;
    assert.deepEqual((await patch({ attendees: 'none' })).content, { toCloud: 'busy', toCaldav: 'full' });
    assert.deepEqual((await patch({ content: { toCaldav: 'busy' } })).content, { toCloud: 'busy', toCaldav: 'busy' });
    assert.deepEqual((await patch({ content: { toCloud: null } })).content, { toCloud: 'full', toCaldav: 'busy' });
    assert.deepEqual((await patch({ content: null })).content, { toCloud: 'full', toCaldav: 'full' });
    assert.deepEqual((await patch({ filter: { titleMatches: null, skipAllDay: true } })).filter, {
      skipFree: true,
      skipAllDay: true,
    });
    assert.deepEqual((await patch({ window: { futureDays: 90 } })).window, { pastDays: 30, futureDays: 90 });
    const last = await patch({ window: null, filter: null, attendees: null, holdDeletions: { percent: 50 } });
    assert.deepEqual(last, {
      attendees: 'copy',
      reminders: 'keep',
      categories: 'keep',
      conference: 'keep',
      content: { toCloud: 'full', toCaldav: 'full' },
      filter: {},
      window: null,
      holdDeletions: { moreThan: 10, percent: 50 },
    });
  });

  it('changes only the fields in a patch, signals the workflow, and names invalid fields by their path', async () => {
    const { id } = (await create({ cloudCalendarId: 'b1' })).body;
    const patch = (body: object) => api!.call('PATCH', `/v1/pairs/${id}`, body);
    const changed = await patch({ pollIntervalSeconds: 30 });
    assert.deepEqual(
      [changed.status, changed.body.pollIntervalSeconds, changed.body.direction],
      [200, 30, 'bidirectional'],
    );
    assert.equal((await patch({ direction: 'cloud-to-caldav' })).body.pollIntervalSeconds, 30);
    assert.deepEqual(api!.control.calls.slice(-2), [`settingsChanged ${id}`, `settingsChanged ${id}`]);
    const wrong = await patch({
      pollIntervalSeconds: 4,
      options: { holdDeletions: { percent: 101 }, filter: { titel: 'x' }, content: { toCloud: 'some' } },
    });
    refused(wrong, 400, 'validation');
    assert.deepEqual(wrong.body.errors.map((error: Json) => error.field).sort(), [
      'options.content.toCloud',
      'options.filter.titel',
      'options.holdDeletions.percent',
      'pollIntervalSeconds',
    ]);
    api!.service.calendars['bea']![0] = calendar('b1', { readOnly: true });
    refused(await patch({ direction: 'bidirectional' }), 422, 'calendar-read-only');
    assert.equal((await patch({ direction: 'cloud-to-caldav' })).status, 200);
  });

  it('pauses and resumes repeatedly', async () => {
    const { id } = (await create()).body;
    const post = (action: string) => api!.call('POST', `/v1/pairs/${id}/${action}`);
    for (let n = 0; n < 2; n += 1) assert.deepEqual([(await post('pause')).body.status], ['paused']);
    refused(await post('sync'), 409, 'pair-paused');
    refused(await post('resync?wait=1'), 409, 'pair-paused');
    for (let n = 0; n < 2; n += 1) assert.deepEqual([(await post('resume')).body.status], ['starting']);
    assert.deepEqual(api!.control.calls.slice(1), [`pause ${id}`, `pause ${id}`, `resume ${id}`, `resume ${id}`]);
    api!.control.failure = 'unavailable';
    refused(await post('pause'), 503, 'temporarily-unavailable');
    assert.equal((await api!.call('GET', `/v1/pairs/${id}`)).body.status, 'paused', 'writes stop all the same');
  });

  it('starts a workflow again that Temporal has lost', async () => {
    const { id } = (await create()).body;
    api!.control.running.clear();
    assert.equal((await api!.call('POST', `/v1/pairs/${id}/sync`)).status, 202);
    assert.deepEqual(api!.control.calls.slice(-3), [
      `syncNow signal ${id}`,
      `start ${id} after 0`,
      `syncNow signal ${id}`,
    ]);
  });

  it('is deleted by DELETE', async () => {
    const { id } = (await create()).body;
    assert.equal((await api!.call('DELETE', `/v1/pairs/${id}`)).status, 204);
    assert.equal(api!.control.calls.at(-1), `stop ${id}`);
    refused(await api!.call('DELETE', `/v1/pairs/${id}`), 404, 'not-found');
    assert.equal((await create()).status, 201, 'its calendars can be paired again');
  });

  it('lists by connection and in pages', async () => {
    const first = (await create()).body;
    const second = (await create({ caldavCalendarId: 'a2' })).body;
    const other = await connected(api!);
    const list = async (query: string) => (await api!.call('GET', `/v1/pairs?${query}`)).body;
    assert.deepEqual(
      (await list('')).items.map((pair: Json) => pair.id),
      [first.id, second.id],
    );
    assert.deepEqual((await list(`connectionId=${other.connectionId}`)).items, []);
    assert.deepEqual((await list('connectionId=nonsense')).items, []);
    const page = await list('limit=1');
    assert.deepEqual([page.items.length, page.items[0].id], [1, first.id]);
    const next = await list(`limit=1&cursor=${page.nextCursor}`);
    assert.deepEqual([next.items[0].id, next.nextCursor], [second.id, null]);
    assert.equal((await list('status=starting')).items.length, 2);
    assert.equal((await list('status=active')).items.length, 0);
  });
});
