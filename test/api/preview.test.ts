/** A preview is answered as soon as it is there, or later: to the caller who waits, and to those who ask for it. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { SyncError } from '../../core/sync-error.ts';
import { until } from '../support/calpair.ts';
import { connected, type Json, refused, startApi, type TestApi } from './harness.ts';

let api: TestApi;
let path: string;
const NONE = { create: 0, update: 0, delete: 0 };
const ANSWER = {
  caldav: NONE,
  cloud: NONE,
  conflicts: 0,
  held: 0,
  matched: 0,
  changes: [],
  matches: [],
  recognized: [],
};

before(async () => {
  api = await startApi();
  const { connectionId } = await connected(api);
  const pair = await api.call('POST', `/v1/connections/${connectionId}/pairs`, {
    caldavCalendarId: 'a1',
    cloudCalendarId: 'b1',
    paused: true,
  });
  path = `/v1/pairs/${pair.body.id}/preview`;
});
after(() => api?.close());

it('is 404 before one was requested', async () => {
  refused(await api.call('GET', path), 404, 'not-found');
});

it('is answered to a caller who waits long enough', async () => {
  api.preview = () => Promise.resolve(ANSWER);
  assert.deepEqual((await api.call('POST', `${path}?wait=20`)).body, ANSWER);
});

it('goes on without the caller, is shared by later ones, and is there when it is done', async () => {
  let finish = (_answer: typeof ANSWER): void => {};
  let started = 0;
  api.preview = async (_pairId, _signal, report) => {
    started += 1;
    await report({ phase: 'comparing', done: 20, total: 40 });
    return new Promise((resolve) => {
      finish = resolve;
    });
  };
  const begun = await api.call('POST', path);
  assert.equal(begun.status, 202);
  const underWay = await until('progress', async () => {
    const { body } = await api.call('GET', path);
    return body.progress && body;
  });
  assert.deepEqual(underWay, { ...begun.body, progress: { phase: 'comparing', done: 20, total: 40 } });
  const waiting = api.call('POST', `${path}?wait=20`);
  // Nothing shows that the second call has joined.
  await new Promise((resolve) => setTimeout(resolve, 300));
  finish({ ...ANSWER, conflicts: 3 });
  assert.deepEqual([(await waiting).status, started], [200, 1]);
  const later: Json = await api.call('GET', path);
  assert.deepEqual([later.status, later.body.conflicts], [200, 3]);
});

it('says why it failed, also later', async () => {
  api.preview = () => Promise.reject(new SyncError('auth', 'the token was revoked'));
  refused(await api.call('POST', `${path}?wait=20`), 422, 'credentials-rejected');
  refused(await api.call('GET', path), 422, 'credentials-rejected');
});

it('is 404 for an unknown pair', async () => {
  refused(await api.call('POST', '/v1/pairs/unknown/preview'), 404, 'not-found');
});
