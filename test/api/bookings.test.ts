/**
 * Bookings in the API: what is refused, and why. How they sync with calendars is tested in
 * test/integration/bookings.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { intervalOf } from '../../core/availability/interval.ts';
import { SyncError } from '../../core/sync-error.ts';
import { connected, type Json, refused, startApi, type TestApi } from './harness.ts';

describe('bookings', () => {
  let api: TestApi;
  let accountId: string;
  let cloudId: string;
  let day = 0;
  /** Each booking has its own day. */
  const body = (more: Json = {}): Json => {
    const date = `2027-02-${String((day += 1)).padStart(2, '0')}`;
    return {
      accountId,
      title: 'A call',
      start: `${date}T09:00:00Z`,
      end: `${date}T10:00:00Z`,
      timeZone: 'Europe/Berlin',
      ...more,
    };
  };
  const book = async (more: Json = {}): Promise<Json> => {
    const answer = await api.call('POST', '/v1/bookings', body(more));
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body;
  };

  before(async () => {
    api = await startApi();
    ({ caldavId: accountId, cloudId } = await connected(api));
  });
  beforeEach(() => {
    [api.service.busy, api.service.failure, api.service.busyReads] = [{}, null, 0];
  });
  after(() => api?.close());

  it('are answered at once, and their workflow is signalled', async () => {
    const asked = body({
      location: ' Room 1',
      attendees: [{ email: 'B@Example.org' }, { email: 'a@example.org', name: 'A' }],
      start: '2027-03-28T03:30:00+02:00',
      end: '2027-03-28T04:00:00+02:00',
    });
    const { status, body: booking } = await api.call('POST', '/v1/bookings', asked);
    assert.equal(status, 201);
    const { id, createdAt: _at, ...rest } = booking;
    assert.deepEqual(rest, {
      accountId,
      calendarId: 'a1',
      status: 'confirmed',
      writeStatus: 'pending',
      writeError: null,
      eventId: null,
      start: '2027-03-28T01:30:00.000Z',
      end: '2027-03-28T02:00:00.000Z',
      timeZone: 'Europe/Berlin',
      title: 'A call',
      location: ' Room 1',
      description: '',
      cancelledBy: null,
      workflowId: `booking:${id}`,
      attendees: [
        { email: 'a@example.org', name: 'A' },
        { email: 'b@example.org', name: '' },
      ],
    });
    assert.equal(api.signals.filter((line) => line === `look ${id}`).length, 1);
    assert.deepEqual((await api.call('GET', `/v1/bookings/${id}`)).body, booking);
  });

  it('name the invalid field', async () => {
    const wrong: [string, Json][] = [
      ['title', { title: '' }],
      ['title', { title: 'x'.repeat(501) }],
      ['title', { title: 'a\nb' }],
      ['title', { title: 'half \ud83d' }],
      ['description', { description: '\udca9 half' }],
      ['location', { location: '\udca9\ud83d' }],
      ['start', { start: '2027-02-01' }],
      ['start', { start: '2027-02-01T09:00:00' }],
      ['start', { start: '2027-02-01T09:00:00.5Z' }],
      ['start', { start: '1066-10-14T09:00:00Z' }],
      ['end', { end: '2027-01-01T00:00:00Z' }],
      ['end', { end: '2028-01-01T00:00:00Z' }],
      ['timeZone', { timeZone: 'Middle-earth/Shire' }],
      ['timeZone', { timeZone: undefined }],
      ['attendees.0.email', { attendees: [{ email: 'nobody' }] }],
      ['attendees', { attendees: Array.from({ length: 201 }, (_, n) => ({ email: `p${n}@example.org` })) }],
      ['description', { description: 'x'.repeat(20_001) }],
      ['description', { description: 'a\u0000b' }],
      ['location', { location: 'x'.repeat(2_001) }],
      ['idempotencyKey', { idempotencyKey: '' }],
      ['allowOverlap', { allowOverlap: 'yes' }],
      ['color', { color: 'red' }],
      ['accountId', { accountId: 7 }],
    ];
    for (const [field, more] of wrong) {
      const answer = await api.call('POST', '/v1/bookings', body(more));
      refused(answer, 400, 'validation');
      assert.deepEqual(
        [...new Set(answer.body.errors.map((error: Json) => error.field))],
        [field],
        JSON.stringify(more).slice(0, 100),
      );
      day -= 1;
    }
    refused(await api.call('POST', '/v1/bookings?wait=121', body()), 400, 'validation');
    refused(
      await api.call('POST', '/v1/bookings', body({ description: 'x'.repeat(1024 * 1024) })),
      413,
      'payload-too-large',
    );
  });

  it('need an account with a calendar for bookings', async () => {
    refused(await api.call('POST', '/v1/bookings', body({ accountId: 'nobody' })), 404, 'not-found');
    await api.call('PATCH', `/v1/accounts/${cloudId}`, { writeCalendarId: null });
    refused(await api.call('POST', '/v1/bookings', body({ accountId: cloudId })), 422, 'write-calendar-missing');
  });

  it('read the calendar before they are confirmed, unless they may overlap', async () => {
    api.service.busy = { a2: [{ start: '2027-01-01T00:00:00.000Z', end: '2028-01-01T00:00:00.000Z' }] };
    refused(await api.call('POST', '/v1/bookings', body()), 409, 'slot-busy');
    assert.equal(api.service.busyReads, 1);
    await book({ allowOverlap: true });
    for (const kind of ['unreachable', 'auth', 'throttled', 'calendar-missing', 'not-a-caldav-server'] as const) {
      api.service.failure = new SyncError(kind, 'away', { retryAfterMs: 7_000 });
      const answer = await api.call('POST', '/v1/bookings', body());
      refused(answer, 503, 'temporarily-unavailable');
      assert.equal(answer.headers['retry-after'], '7');
    }
    assert.equal(api.service.busyReads, 6);
    await book({ allowOverlap: true });
    assert.equal(api.service.busyReads, 6);
  });

  it('reserve their time without reading the calendar, also those that may overlap', async () => {
    const { start, end, id } = await book({ allowOverlap: true });
    refused(await api.call('POST', '/v1/bookings', body({ start, end })), 409, 'slot-busy');
    assert.equal(api.service.busyReads, 0);
    // Adjacent bookings do not overlap.
    await book({ start: end, end: new Date(Date.parse(end) + 1_000).toISOString() });
    await api.call('DELETE', `/v1/bookings/${id}`);
    await book({ start, end });
  });

  it('are the same booking for the same key and body', async () => {
    const request = body({
      idempotencyKey: 'key 1',
      attendees: [{ email: 'a@example.org' }, { email: 'b@example.org' }],
    });
    const first = await api.call('POST', '/v1/bookings', request);
    const same = await api.call('POST', '/v1/bookings', {
      ...request,
      start: request.start.replace('T09:00:00Z', 'T10:00:00+01:00'),
      attendees: [...request.attendees].reverse(),
    });
    assert.deepEqual([first.status, same.status, same.body], [201, 200, first.body]);
    for (const more of [
      { title: 'Other' },
      { end: request.end.replace('T10', 'T11') },
      { accountId: cloudId },
      { allowOverlap: true },
      { attendees: [] },
    ]) {
      refused(await api.call('POST', '/v1/bookings', { ...request, ...more }), 409, 'idempotency-key-reused');
    }
    await api.call('DELETE', `/v1/bookings/${first.body.id}`);
    assert.equal((await api.call('POST', '/v1/bookings', request)).body.status, 'cancelled', 'as it is now');
  });

  it('are the same booking for the same key although its own event makes the slot busy by then', async () => {
    const request = body({ idempotencyKey: 'key 2' });
    let first: Json = {};
    api.service.duringBusyRead = async () => {
      first = await api.call('POST', '/v1/bookings', request);
      api.service.busy = { a1: [intervalOf({ from: Date.parse(request.start), to: Date.parse(request.end) })] };
    };
    const second = await api.call('POST', '/v1/bookings', request);
    assert.deepEqual([first.status, second.status, second.body.id], [201, 200, first.body.id]);
    refused(await api.call('POST', '/v1/bookings', { ...request, idempotencyKey: 'key 3' }), 409, 'slot-busy');
  });

  it('change only in the given fields, and not once they are cancelled', async () => {
    const booking = await book({ description: 'Kept', location: 'Gone' });
    const { status, body: changed } = await api.call('PATCH', `/v1/bookings/${booking.id}`, {
      title: 'Other',
      location: null,
    });
    assert.equal(status, 200);
    assert.deepEqual(changed, { ...booking, title: 'Other', location: '' });
    assert.equal(api.service.busyReads, 1, 'the busy times were read once');
    refused(await api.call('PATCH', `/v1/bookings/${booking.id}`, { start: booking.end }), 400, 'validation');
    refused(await api.call('PATCH', `/v1/bookings/${booking.id}`, { accountId: cloudId }), 400, 'validation');
    const cancelled = await api.call('DELETE', `/v1/bookings/${booking.id}`);
    assert.deepEqual(
      [cancelled.status, cancelled.body.status, cancelled.body.cancelledBy, cancelled.body.writeStatus],
      [200, 'cancelled', 'api', 'pending'],
    );
    assert.deepEqual((await api.call('DELETE', `/v1/bookings/${booking.id}`)).body, cancelled.body);
    refused(await api.call('PATCH', `/v1/bookings/${booking.id}`, { title: 'Late' }), 409, 'booking-cancelled');
    for (const method of ['GET', 'PATCH', 'DELETE'] as const)
      refused(await api.call(method, '/v1/bookings/nothing', method === 'PATCH' ? {} : undefined), 404, 'not-found');
  });

  it('are listed by account', async () => {
    const { items } = (await api.call('GET', `/v1/bookings?accountId=${accountId}`)).body;
    assert.ok(items.length > 5);
    const first = await api.call('GET', `/v1/bookings?accountId=${accountId}&limit=2`);
    const second = await api.call('GET', `/v1/bookings?accountId=${accountId}&limit=2&cursor=${first.body.nextCursor}`);
    assert.deepEqual([...first.body.items, ...second.body.items], items.slice(0, 4));
    assert.deepEqual((await api.call('GET', '/v1/bookings?accountId=nobody')).body, { items: [], nextCursor: null });
    assert.deepEqual((await api.call('GET', `/v1/bookings?accountId=${cloudId}`)).body.items, []);
  });

  it('wait no longer than requested', async () => {
    const started = Date.now();
    const { status, body: booking } = await api.call('POST', '/v1/bookings?wait=1', body());
    assert.deepEqual([status, booking.writeStatus], [201, 'pending']);
    assert.ok(Date.now() - started >= 1_000 && Date.now() - started < 5_000);
  });
});
