/**
 * `npm start` with only a data folder: everything starts without further setup, stops on SIGTERM and resumes where it
 * was. The rest of the test uses HTTP.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { anyFreePort } from '../../embedded/ports.ts';
import { endProcesses } from '../../embedded/processes.ts';
import type { GoogleAccount } from '../fakes/google/account.ts';
import { type GoogleFake, startGoogle } from '../fakes/google/start.ts';
import { Api, environmentOf, googleEnvironment, until } from '../support/calpair.ts';
import { type DavServer, startRadicale } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import { type Program, startProgram } from '../support/process.ts';

const WITHIN_MS = 60_000;

describe('npm start', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'calpair-start-'));
  let radicale: DavServer;
  let google: GoogleFake;
  let account: GoogleAccount;
  let person: DavPerson;
  let program: Program | undefined;
  let api: Api;
  let environment: Record<string, string>;
  let pairId = '';

  before(async () => {
    [radicale, google] = await Promise.all([startRadicale(), startGoogle()]);
    account = google.addAccount({ email: 'owner@calendars.example' });
    person = new DavPerson(radicale, await radicale.createCalendar('start'));
    const { CALPAIR_API_KEY: _key, ...given } = { ...environmentOf({ dataDir }), ...googleEnvironment(google) };
    const ports = await Promise.all([anyFreePort(), anyFreePort(), anyFreePort()]);
    environment = {
      ...given,
      PORT: String(ports[0]),
      CALPAIR_TEMPORAL_PORT: String(ports[1]),
      CALPAIR_TEMPORAL_UI_PORT: String(ports[2]),
      CALPAIR_POLL_INTERVAL_SECONDS: '5',
      CALPAIR_LATENCY: 'interval',
    };
  });
  after(async () => {
    await program?.end('SIGKILL');
    await endProcesses(({ command }) => command.includes(`${dataDir}/`), [['SIGKILL', 2000]]);
    rmSync(dataDir, { recursive: true, force: true });
    await Promise.all([radicale?.stop(), google?.close()]);
  });

  const start = async (): Promise<void> => {
    program = startProgram(['start.mjs'], environment);
    await program.line(/Calpair runs/);
    await until(
      'health/ready',
      async () => (await fetch(`http://127.0.0.1:${environment['PORT']}/health/ready`)).status === 200,
      WITHIN_MS,
    );
  };
  const titles = (): unknown[] =>
    account
      .listLive()
      .map(({ summary }) => summary)
      .sort();
  const status = async (): Promise<string> => (await api.call('GET', `/v1/pairs/${pairId}`)).status;

  it('starts everything, and creates an API key that only its owner can read', async () => {
    await start();
    const file = /API key\s+in (\S+)/.exec(program!.output())?.[1];
    assert.ok(file, program!.output());
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const key = readFileSync(file, 'utf8').trim();
    assert.ok(!program!.output().includes(key), 'the key is not printed where standard output is no terminal');
    api = new Api(`http://127.0.0.1:${environment['PORT']}`, key);
    assert.equal((await new Api(api.url, 'wrong').try('GET', '/v1/pairs')).status, 401);
    assert.equal((await fetch(`${api.url}/health/live`)).status, 200);
  });

  it('syncs a pair', async () => {
    await person.put('first.ics', object('first@example.org', ['SUMMARY:First', ...at('20270113T090000')]));
    const accounts = [
      {
        provider: 'caldav',
        preset: 'radicale',
        serverUrl: radicale.base,
        username: radicale.username,
        password: radicale.password,
      },
      { provider: 'google', refreshToken: account.refreshToken },
    ];
    const [caldav, cloud] = [
      await api.call('POST', '/v1/accounts', accounts[0]),
      await api.call('POST', '/v1/accounts', accounts[1]),
    ];
    const connection = await api.call('POST', '/v1/connections', {
      caldavAccountId: caldav.id,
      cloudAccountId: cloud.id,
    });
    const { items } = await api.call('GET', `/v1/accounts/${caldav.id}/calendars`);
    const pair = await api.call('POST', `/v1/connections/${connection.id}/pairs`, {
      caldavCalendarId: items[0].id,
      cloudCalendarId: account.email,
    });
    pairId = pair.id;
    const run = await api.call('POST', `/v1/pairs/${pairId}/sync?wait=60`);
    assert.equal(run.result, 'ok');
    assert.deepEqual(titles(), ['First']);
    assert.equal(await status(), 'active');
  });

  it('notices an edit by polling', async () => {
    await person.edit('first.ics', (text) => text.replace('SUMMARY:First', 'SUMMARY:First edited'));
    await until('the edit is there', () => titles().includes('First edited'), WITHIN_MS);
  });

  it('pauses and resumes', async () => {
    assert.equal((await api.call('POST', `/v1/pairs/${pairId}/pause`)).status, 'paused');
    assert.equal((await api.try('POST', `/v1/pairs/${pairId}/sync`)).body.code, 'pair-paused');
    await person.put('second.ics', object('second@example.org', ['SUMMARY:Second', ...at('20270114T090000')]));
    const requests = google.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    assert.equal(google.requests.length, requests, 'nothing is read or written while paused');
    await api.call('POST', `/v1/pairs/${pairId}/resume`);
    await until('the new event is there', () => titles().includes('Second'), WITHIN_MS);
  });

  it('ends within 30 s of SIGTERM with exit code 0', async () => {
    const from = Date.now();
    assert.equal(await program!.end('SIGTERM'), 0, program!.output());
    assert.ok(Date.now() - from < 30_000);
  });

  it('resumes with the edits made while it was down', async () => {
    await person.put('third.ics', object('third@example.org', ['SUMMARY:Third', ...at('20270115T090000')]));
    const id = account.listLive().find(({ summary }) => summary === 'Second')!['id'] as string;
    account.patchEvent(id, { location: 'Room 9' });
    await start();
    await until(
      'both edits are there',
      async () => titles().includes('Third') && (await person.get('second.ics')).includes('LOCATION:Room 9'),
      WITHIN_MS,
    );
    assert.deepEqual(titles(), ['First edited', 'Second', 'Third']);
  });

  it('recovers from SIGKILL of the main process', async () => {
    await program!.end('SIGKILL');
    await person.put('fourth.ics', object('fourth@example.org', ['SUMMARY:Fourth', ...at('20270116T090000')]));
    await start();
    await until('the edit is there', () => titles().includes('Fourth'), WITHIN_MS);
    assert.deepEqual(titles(), ['First edited', 'Fourth', 'Second', 'Third']);
  });

  it('deletes a pair and leaves its events', async () => {
    await api.call('DELETE', `/v1/pairs/${pairId}`);
    assert.equal((await api.try('GET', `/v1/pairs/${pairId}`)).status, 404);
    assert.equal((await person.list()).size, 4);
    assert.equal(titles().length, 4);
    assert.equal(await program!.end('SIGTERM'), 0);
  });
});
