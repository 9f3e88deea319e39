/** Bookings while a component is missing: the calendar server, the signal to the workflow, a valid password. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { reserve } from '../../db/bookings.ts';
import { connect as connectDb } from '../../db/connect.ts';
import { createVault } from '../../db/vault.ts';
import { anyFreePort } from '../../embedded/ports.ts';
import { loadOrCreateSecrets } from '../../embedded/secrets.ts';
import { type IcloudFake, startIcloud } from '../fakes/icloud/start.ts';
import { connect, eventsOf, type Host, hours, newBooking } from '../support/booking-hosts.ts';
import {
  API_KEY,
  Api,
  environmentOf,
  type Json,
  type RunningCalpair,
  startCalpair,
  until,
} from '../support/calpair.ts';
import { type DavServer, startRadicale } from '../support/dav.ts';
import { type Gate, startGate } from '../support/gate.ts';
import { startProgram } from '../support/process.ts';

describe('bookings while a component is missing', () => {
  let radicale: DavServer;
  let gate: Gate;
  let calpair: RunningCalpair;
  before(async () => {
    radicale = await startRadicale();
    gate = await startGate(radicale.base);
    calpair = await startCalpair({ CALPAIR_POLL_INTERVAL_SECONDS: '5' });
  });
  after(async () => {
    await calpair?.stop();
    gate?.stop();
    await radicale?.stop();
  });

  let count = 0;
  const open = async (): Promise<{ host: Pick<Host, 'calendar'>; accountId: string }> => {
    count += 1;
    const url = (await radicale.createCalendar(`trouble-${count}`)).replace(radicale.base, gate.base);
    const host = { calendar: { server: { ...radicale, base: gate.base }, url } };
    return { host, accountId: await connect(calpair, host) };
  };
  const get = (id: string): Promise<Json> => calpair.api.call('GET', `/v1/bookings/${id}`);
  const writtenOf = (id: string): Promise<Json> =>
    until('the event', async () => ((await get(id)).writeStatus === 'written' ? get(id) : false), 40_000);

  it('are written once, in their latest state, when their server is back', async () => {
    const { host, accountId } = await open();
    gate.isOpen = false;
    const refused = await calpair.api.try('POST', '/v1/bookings', newBooking(accountId, 'Unknown', hours(1, 9, 10)));
    assert.deepEqual([refused.status, refused.body.code], [503, 'temporarily-unavailable']);
    const booking = await calpair.api.call(
      'POST',
      '/v1/bookings?wait=2',
      newBooking(accountId, 'Later', hours(1, 9, 10), { allowOverlap: true }),
    );
    assert.deepEqual(
      [booking.status, booking.writeStatus, booking.writeError, booking.eventId],
      ['confirmed', 'pending', 'unreachable', null],
    );
    const cancelled = await calpair.api.call(
      'POST',
      '/v1/bookings',
      newBooking(accountId, 'Never', hours(1, 12, 13), { allowOverlap: true }),
    );
    await calpair.api.call('DELETE', `/v1/bookings/${cancelled.id}`);
    await calpair.api.call('PATCH', `/v1/bookings/${booking.id}`, { ...hours(1, 10, 11).body, allowOverlap: true });
    gate.isOpen = true;
    await writtenOf(booking.id);
    await writtenOf(cancelled.id);
    assert.deepEqual(
      (await eventsOf(calpair, host)).map(({ title, start }) => [title, start]),
      [['Later', hours(1, 10, 11).start]],
    );
  });

  it('are written although the storing process sent no signal', async () => {
    const { host, accountId } = await open();
    const { config, databaseUrl } = calpair;
    const secrets = loadOrCreateSecrets(config);
    const db = connectDb(databaseUrl, createVault(secrets.encryptionKeys, secrets.hashKey), { poolSize: 1 });
    const { writeCalendarId } = await calpair.api.call('GET', `/v1/accounts/${accountId}`);
    const wanted = {
      title: 'Forgotten',
      location: '',
      description: '',
      timeZone: 'UTC',
      attendees: [],
      ...hours(2, 9, 10),
    };
    const stored = await reserve(
      db,
      { accountId, calendarId: writeCalendarId, wanted, allowOverlap: false, idempotencyKey: null, request: '' },
      new Date(Date.now() - 60_000),
    );
    await db.close();
    assert.ok('booking' in stored);
    await writtenOf(stored.booking.id);
    assert.equal((await eventsOf(calpair, host)).length, 1);
  });

  it('get a slot once across two API processes', async () => {
    const { host, accountId } = await open();
    const port = await anyFreePort();
    const { databaseUrl, temporal, config } = calpair;
    const second = startProgram(['start.mjs'], {
      ...environmentOf({ databaseUrl, temporal, dataDir: config.dataDir }),
      CALPAIR_ROLES: 'api',
      PORT: String(port),
    });
    try {
      await second.line(/Calpair runs/);
      const apis = [calpair.api, new Api(`http://127.0.0.1:${port}`, API_KEY)];
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          apis[n % 2]!.try('POST', '/v1/bookings?wait=20', newBooking(accountId, `Try ${n}`, hours(3, 9, 10))),
        ),
      );
      assert.deepEqual(
        [
          answers.filter(({ status }) => status === 201).length,
          answers.filter(({ body }) => body.code === 'slot-busy').length,
        ],
        [1, 49],
      );
      assert.equal((await eventsOf(calpair, host)).length, 1);
    } finally {
      await second.end();
    }
  });

  it('are polled with one request while nothing changes, and the histories do not grow', async () => {
    const { host, accountId } = await open();
    const { workflowId } = await calpair.api.call(
      'POST',
      '/v1/bookings?wait=20',
      newBooking(accountId, 'Idle', hours(4, 9, 10)),
    );
    const connection = await Connection.connect({ address: calpair.temporal.address });
    const { workflow } = new Client({ connection, namespace: calpair.temporal.namespace });
    const histories = async (): Promise<string[]> => {
      const lengths: string[] = [];
      for await (const { workflowId: id, historyLength } of workflow.list({ query: `WorkflowType = 'watchBookings'` }))
        lengths.push(`${id} ${historyLength}`);
      return [...lengths.sort(), `${(await workflow.getHandle(workflowId).describe()).historyLength}`];
    };
    const path = new URL((host.calendar as { url: string }).url).pathname;
    const requestsOfHost = (): string[] => gate.requests.filter((line) => line.endsWith(path));
    // The first polls find the new event.
    await until(
      'the first polls',
      () => requestsOfHost().filter((line) => line.startsWith('REPORT')).length >= 4,
      40_000,
    );
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const [before, were] = [requestsOfHost().length, await histories()];
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    const requests = requestsOfHost().slice(before);
    assert.deepEqual(requests, Array(2).fill(`REPORT ${path}`), JSON.stringify(requests));
    assert.deepEqual(await histories(), were);
    assert.ok(were.length > 1);
    await connection.close();
  });
});

describe('bookings of an account whose password has ended', () => {
  let icloud: IcloudFake;
  let calpair: RunningCalpair;
  before(async () => {
    icloud = await startIcloud();
    calpair = await startCalpair({ CALPAIR_POLL_INTERVAL_SECONDS: '5' }, (fetch) => icloud.reaching(fetch));
  });
  after(async () => {
    await calpair?.stop();
    await icloud?.close();
  });

  it('are written and followed as soon as it has a new one', async () => {
    const { api } = calpair;
    const owner = icloud.addAccount('host@icloud.example');
    const { id } = await api.call('POST', '/v1/accounts', {
      provider: 'caldav',
      preset: 'icloud',
      username: owner.appleId,
      password: owner.appPassword,
    });
    const first = await api.call('POST', '/v1/bookings?wait=20', newBooking(id, 'First', hours(1, 9, 10)));
    owner.changePassword();
    const second = await api.call(
      'POST',
      '/v1/bookings?wait=5',
      newBooking(id, 'Second', hours(1, 10, 11), { allowOverlap: true }),
    );
    assert.deepEqual([second.writeStatus, second.writeError], ['pending', 'auth']);
    const { status, statusReason } = await api.call('GET', `/v1/accounts/${id}`);
    assert.deepEqual([status, statusReason], ['attention', 'credentials']);
    await until(
      'a failed poll',
      () => icloud.requests.some(({ status: answered, method }) => answered === 401 && method === 'REPORT'),
      15_000,
    );
    await api.call('PUT', `/v1/accounts/${id}/credentials`, { password: owner.appPassword });
    const get = (bookingId: string): Promise<Json> => api.call('GET', `/v1/bookings/${bookingId}`);
    await until('the event', async () => (await get(second.id)).writeStatus === 'written', 10_000);
    owner.remove('home', `${first.id}.ics`);
    await until('the cancellation', async () => (await get(first.id)).status === 'cancelled', 30_000);
    assert.deepEqual([...owner.list('home').keys()], [`${second.id}.ics`]);
  });
});
