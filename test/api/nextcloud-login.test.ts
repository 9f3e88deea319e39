/** Nextcloud's login flow, against a fake that keeps to the manual. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { createProviders } from '../../providers/entries.ts';
import { createFetch } from '../../providers/http.ts';
import { type NextcloudFake, startNextcloud } from '../fakes/nextcloud/start.ts';
import { type Answer, refused, startApi, type TestApi } from './harness.ts';

describe("Nextcloud's login flow", () => {
  let api: TestApi;
  let nextcloud: NextcloudFake;
  let time = 0;
  before(async () => {
    nextcloud = await startNextcloud({ folder: '/nc/', now: () => Date.now() + time });
    const providers = await createProviders({ caldav: {} });
    api = await startApi({}, undefined, { providers, fetch: createFetch({ allowPrivateNetworks: true }) });
  });
  after(async () => {
    await api?.close();
    await nextcloud?.close();
  });
  beforeEach(async () => {
    await api.db.sql.execute(sql`delete from accounts`);
    nextcloud.names = {};
    nextcloud.log.length = 0;
    time = 0;
  });

  const begin = (more: object = {}): Promise<Answer> =>
    api.call('POST', '/v1/accounts/nextcloud-login', { serverUrl: nextcloud.base, ...more });
  const poll = ({ body }: Answer): Promise<Answer> => api.call('POST', `/v1/accounts/nextcloud-login/${body.pollId}`);
  const count = async (): Promise<number> => (await api.call('GET', '/v1/accounts')).body.items.length;

  it('makes an account once the person has signed in at the server, and one only', async () => {
    const begun = await begin({ label: 'Cloud', externalId: 'host-7' });
    assert.equal(begun.status, 200, JSON.stringify(begun.body));
    assert.match(begun.body.loginUrl, /\/nc\/login\/v2\/flow\//);
    const seconds = (Date.parse(begun.body.expiresAt) - Date.now()) / 1000;
    assert.ok(seconds > 1190 && seconds <= 1200);
    assert.equal((await poll(begun)).status, 202);
    nextcloud.grant(begun.body.loginUrl, 'ann');
    const answers = await Promise.all([poll(begun), poll(begun)]);
    const made = answers.find(({ status }) => status === 201);
    assert.ok(made, JSON.stringify(answers.map(({ body }) => body)));
    const { provider, preset, username, label, externalId, capabilities, writeCalendarId } = made.body;
    assert.deepEqual(
      [provider, preset, username, label, externalId, capabilities.createCalendar],
      ['caldav', 'nextcloud', 'ann', 'Cloud', 'host-7', true],
    );
    assert.match(writeCalendarId, /\/nc\/remote\.php\/dav\/calendars\/ann\/personal\/$/);
    // A lost answer comes again.
    assert.deepEqual([(await poll(begun)).body.id, await count()], [made.body.id, 1]);
    assert.deepEqual([...nextcloud.passwords.values()], [{ person: 'ann', client: 'Calpair' }]);
    const stored = JSON.stringify((await api.db.sql.execute(sql`select * from sign_ins`)).rows);
    for (const secret of [begun.body.pollId, ...nextcloud.passwords.keys()])
      assert.ok(!stored.includes(secret) && !api.logged.join('').includes(secret));
  });

  it('finds the installation from the address of one of its pages', async () => {
    for (const page of ['', 'index.php/apps/files', 'apps/calendar/', 'remote.php/dav', 'login']) {
      const { status, body } = await begin({ serverUrl: `${nextcloud.base}${page}` });
      assert.equal(status, 200, `${page}: ${JSON.stringify(body)}`);
    }
    const { host } = new URL(nextcloud.base);
    assert.equal((await begin({ serverUrl: `${host}/nc` })).status, 200, 'without a scheme');
  });

  it('keeps the password that the server gives once until the account could be checked', async () => {
    const begun = await begin();
    nextcloud.grant(begun.body.loginUrl, 'ann');
    nextcloud.names = { server: nextcloud.base.replace('/nc/', '/elsewhere/') };
    assert.equal((await poll(begun)).status, 422);
    assert.equal(await count(), 0);
    assert.equal((await poll(begun)).status, 422, 'asked with the same password again');
    assert.equal(nextcloud.passwords.size, 2);
    assert.equal(nextcloud.log.filter((line) => line.endsWith('/login/v2/poll')).length, 1);
  });

  it('follows the server to its own domain only', async () => {
    for (const names of [
      { login: 'https://evil.example/login/v2/flow/x' },
      { endpoint: 'https://evil.example/login/v2/poll' },
      { endpoint: 'http://127.0.0.1:1/login/v2/poll' },
      { login: 'javascript:alert(1)' },
      { login: 'https://a:b@127.0.0.1/x' },
    ]) {
      nextcloud.names = names;
      const { status, body } = await begin();
      assert.equal(status, 422, JSON.stringify(names));
      assert.equal(body.loginUrl, undefined);
    }
    nextcloud.names = {};
    const begun = await begin();
    nextcloud.grant(begun.body.loginUrl, 'ann');
    nextcloud.names = { server: 'https://evil.example' };
    refused(await poll(begun), 422, 'address-not-allowed');
    assert.equal(await count(), 0);
  });

  it('ends after 20 minutes, and unknown ids are not found', async () => {
    const begun = await begin();
    await api.db.sql.execute(sql`update sign_ins set expires_at = now()`);
    refused(await poll(begun), 404, 'not-found');
    refused(await api.call('POST', '/v1/accounts/nextcloud-login/unknown'), 404, 'not-found');
    const late = await begin();
    time = 1_200_001;
    assert.throws(() => nextcloud.grant(late.body.loginUrl, 'ann'));
    assert.equal((await poll(late)).status, 202);
  });

  it('says so where the server has no such flow, does not answer or is not allowed', async () => {
    refused(await begin({ serverUrl: nextcloud.base.replace('/nc/', '/') }), 422, 'not-a-caldav-server');
    refused(await begin({ serverUrl: 'http://127.0.0.1:1' }), 422, 'server-unreachable');
    refused(await begin({ serverUrl: 'http://169.254.169.254' }), 422, 'address-not-allowed');
    const strict = await startApi({}, api.databaseUrl, { fetch: createFetch({ allowPrivateNetworks: false }) });
    const answer = await strict.call('POST', '/v1/accounts/nextcloud-login', { serverUrl: nextcloud.base });
    await strict.close();
    refused(answer, 422, 'address-not-allowed');
    assert.match(answer.body.detail, /CALPAIR_PRIVATE_NETWORKS.*CALPAIR_ALLOW_PRIVATE_NETWORKS/);
  });

  it('signs an account in again, and refuses another person', async () => {
    const first = await begin();
    nextcloud.grant(first.body.loginUrl, 'ann');
    const { id } = (await poll(first)).body;
    for (const [person, status] of [
      ['ann', 201],
      ['bea', 409],
    ] as const) {
      const again = await begin({ accountId: id });
      nextcloud.grant(again.body.loginUrl, person);
      const answer = await poll(again);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      if (status === 409) assert.equal(answer.body.code, 'different-account');
    }
    assert.equal(await count(), 1);
    refused(await begin({ accountId: 'unknown' }), 404, 'not-found');
  });
});
