import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { SyncError } from '../../core/sync-error.ts';
import { createGoogleProvider } from '../../providers/google/google-provider.ts';
import type { Provider } from '../../providers/provider.ts';
import { type GoogleSetup, openGoogle } from '../support/contract-google.ts';

describe('the calendars of a Google account', () => {
  let setup: GoogleSetup;
  let provider: Provider<{ refreshToken: string }>;
  before(async () => {
    setup = await openGoogle();
    const { clientId, clientSecret, rootUrl, tokenUrl } = setup.google;
    provider = createGoogleProvider({ clientId, clientSecret, rootUrl, tokenUrl });
  });
  after(() => setup.close());
  beforeEach(() => setup.google.reset());

  async function failure(work: Promise<unknown>): Promise<SyncError> {
    const error: unknown = await work.then(
      () => assert.fail('nothing was thrown'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof SyncError, String(error));
    return error;
  }

  it('confirm their owner with one request', async () => {
    const { token, ...proof } = await provider.verifyCredentials({ refreshToken: setup.owner.refreshToken }, { fetch });
    assert.ok(token!.accessToken !== '');
    assert.deepEqual(proof, { identity: 'owner@example.com', username: 'owner@example.com', discovered: {} });
    assert.deepEqual(
      setup.google.requests.map(({ method, path }) => `${method} ${path}`),
      ['POST /token', 'GET /calendar/v3/users/me/calendarList'],
    );
  });

  it('are not confirmed by an invalid token or one without the scope (G11)', async () => {
    assert.equal((await failure(provider.verifyCredentials({ refreshToken: 'nonsense' }, { fetch }))).kind, 'auth');
    const other = setup.google.addAccount({ email: 'poor@example.com', scopes: ['calendar.freebusy'] });
    const error = await failure(provider.verifyCredentials({ refreshToken: other.refreshToken }, { fetch }));
    assert.equal(error.kind, 'auth');
    assert.match(error.advice ?? '', /does not include/);
  });

  it('are listed with ids, colours, zones and access rights', async () => {
    const listed = await setup.account.calendars();
    const { host } = new URL(setup.google.rootUrl);
    const primary = listed.find(({ isDefault }) => isDefault);
    assert.equal(primary?.id, 'owner@example.com');
    assert.equal(primary?.identity, `${host}/owner@example.com`);
    assert.equal(primary?.timeZone, 'Europe/Berlin');
    assert.equal(primary?.readOnly, false);
    assert.match(primary?.color ?? '', /^#[0-9a-f]{6}$/);
    assert.equal(listed.find(({ id }) => id === setup.calendarId)?.name, 'Test');
  });

  it('are read-only where a merge would overwrite hidden details with "busy"', async () => {
    for (const [role, readOnly] of [
      ['writer', false],
      ['owner', false],
      ['writerWithoutPrivateAccess', true],
      ['reader', true],
    ] as const) {
      setup.owner.setAccessRole(role, setup.calendarId);
      assert.equal(
        (await setup.account.calendars()).find(({ id }) => id === setup.calendarId)?.readOnly,
        readOnly,
        role,
      );
    }
    setup.owner.setAccessRole('freeBusyReader', setup.calendarId);
    assert.equal(
      (await setup.account.calendars()).some(({ id }) => id === setup.calendarId),
      false,
    );
    setup.owner.setAccessRole('owner', setup.calendarId);
  });

  it('are all listed, across pages', async () => {
    for (let n = 0; n < 260; n += 1) setup.owner.addCalendar({ summary: `Calendar ${n}` });
    assert.equal((await setup.account.calendars()).filter(({ name }) => name.startsWith('Calendar ')).length, 260);
    assert.equal(setup.google.count('calendarList'), 2);
  });

  it("are created in the account's zone with the requested colour", async () => {
    const created = await setup.account.createCalendar('From CalDAV', '#0088aa');
    assert.deepEqual(
      [created.name, created.color, created.timeZone, created.readOnly, created.isDefault],
      ['From CalDAV', '#0088aa', 'Europe/Berlin', false, false],
    );
    const listed = (await setup.account.calendars()).find(({ id }) => id === created.id);
    assert.deepEqual(listed, created);
    assert.equal((await setup.account.createCalendar('Plain', null)).name, 'Plain');
  });

  it('report the reason when Google refuses to create one', async () => {
    setup.google.fail({ match: '^POST .*/calendars', status: 403, reason: 'quotaExceeded' });
    const error = await failure(setup.account.createCalendar('One too many', null));
    assert.equal(error.kind, 'rejected');
    assert.ok((error.reason ?? '') !== '');
  });

  it('are created even when only their colour is refused', async () => {
    setup.google.fail({ match: '^PATCH .*/calendarList', status: 403, reason: 'forbidden' });
    assert.equal((await setup.account.createCalendar('Colourless', '#0088aa')).name, 'Colourless');
    assert.equal((await setup.account.calendars()).filter(({ name }) => name === 'Colourless').length, 1);
  });
});
