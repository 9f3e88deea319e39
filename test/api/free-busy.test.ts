import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { busyOf } from '../../api/routes/free-busy.ts';
import type { Interval } from '../../core/availability/interval.ts';
import { SyncError } from '../../core/sync-error.ts';
import { createAccount, noteCalendarChange } from '../../db/accounts.ts';
import { type Answer, calendar, connected, refused, startApi, type TestApi } from './harness.ts';

const at = (hour: number): string => `2027-01-11T${String(hour).padStart(2, '0')}:00:00.000Z`;
const hours = (from: number, to: number): Interval => ({ start: at(from), end: at(to) });
const DAY = `start=${at(0)}&end=${at(23)}`;

describe('free and busy', () => {
  let api: TestApi;
  let anna: string;
  let bea: string;
  before(async () => {
    api = await startApi();
  });
  after(() => api.close());
  beforeEach(async () => {
    ({ caldavId: anna, cloudId: bea } = await connected(api));
    api.service.busy = { a1: [hours(9, 10), hours(12, 13)], a2: [hours(10, 11)], b1: [hours(12, 14)] };
    api.service.busyReads = 0;
    api.service.unanswered = [];
    api.service.failure = null;
  });

  const get = (url: string): Promise<Answer> => api.call('GET', url);
  const busy = async (id = anna): Promise<unknown> => (await get(`/v1/accounts/${id}/free-busy?${DAY}`)).body.busy;
  const patch = (body: object): Promise<Answer> => api.call('PATCH', `/v1/accounts/${anna}`, body);

  it('covers all calendars of an account, or the selected ones: merged, sorted, within the range', async () => {
    assert.deepEqual(await busy(), [hours(9, 11), hours(12, 13)]);
    assert.deepEqual(
      (await get(`/v1/accounts/${anna}/free-busy?start=2027-01-11T10:00:00%2B01:00&end=${at(10)}`)).body.busy,
      [hours(9, 10)],
    );
    await patch({ freeBusyCalendarIds: ['a2'] });
    assert.deepEqual(await busy(), [hours(10, 11)], 'at once');
    await patch({ freeBusyCalendarIds: [] });
    assert.deepEqual(await busy(), []);
    refused(await get(`/v1/accounts/none/free-busy?${DAY}`), 404, 'not-found');
  });

  it("passes on the account's setting, and caches no answer for another setting", async () => {
    assert.equal((await get(`/v1/accounts/${anna}`)).body.unansweredInvitations, 'busy');
    await busy();
    assert.equal((await patch({ unansweredInvitations: 'free' })).body.unansweredInvitations, 'free');
    await busy();
    assert.deepEqual(api.service.unanswered, ['busy', 'free']);
    refused(await patch({ unansweredInvitations: null }), 400, 'validation');
  });

  it('of several accounts is merged, and one that fails does not affect the others', async () => {
    const both = await get(`/v1/free-busy?accountIds=${anna},${bea}&${DAY}`);
    assert.deepEqual(both.body, {
      busy: [hours(9, 11), hours(12, 14)],
      byAccount: {
        [anna]: { busy: [hours(9, 11), hours(12, 13)], error: null },
        [bea]: { busy: [hours(12, 14)], error: null },
      },
    });
    assert.deepEqual((await get(`/v1/free-busy?accountIds=${anna}&accountIds=${bea}&${DAY}`)).body, both.body);
    api.service.failures = { bea: new SyncError('unreachable', 'no'), anna: null };
    const one = await get(`/v1/free-busy?accountIds=${anna},${bea},none&start=${at(1)}&end=${at(23)}`);
    assert.deepEqual(one.body.busy, [hours(9, 11), hours(12, 13)]);
    assert.deepEqual([one.body.byAccount[bea].busy, one.body.byAccount[bea].error.code], [null, 'server-unreachable']);
    assert.deepEqual([one.body.byAccount.none.busy, one.body.byAccount.none.error.code], [null, 'not-found']);
    api.service.failures = {};
  });

  it('that is unknown is an error, and never free', async () => {
    api.service.failure = new SyncError('too-large', 'a series repeats in a way that cannot be followed');
    refused(await get(`/v1/accounts/${anna}/free-busy?${DAY}`), 422, 'free-busy-unknown');
    api.service.failure = new SyncError('calendar-missing', 'gone');
    refused(await get(`/v1/accounts/${anna}/free-busy?${DAY}`), 422, 'calendar-not-found');
    api.service.failure = new SyncError('throttled', 'slowly', { retryAfterMs: 5000 });
    refused(await get(`/v1/availability?accountIds=${anna}&${DAY}&durationMinutes=60`), 503, 'temporarily-unavailable');
    api.service.failure = new TypeError('a mistake of ours');
    const mistake = await get(`/v1/free-busy?accountIds=${anna}&${DAY}`);
    assert.equal(mistake.body.byAccount[anna].error.code, 'internal');
    assert.ok(!mistake.body.byAccount[anna].error.detail.includes('mistake'));
    api.service.failure = null;
    assert.deepEqual(await busy(), [hours(9, 11), hours(12, 13)], 'a failure is not kept');
  });

  it('is cached for a moment, until a change is noticed', async () => {
    await Promise.all([busy(), busy(), busy()]);
    await busy();
    assert.equal(api.service.busyReads, 1, 'also while the request is running');
    api.service.busy['a1'] = [hours(15, 16)];
    assert.deepEqual(await busy(), [hours(9, 11), hours(12, 13)]);
    await noteCalendarChange(api.db, [bea]);
    assert.equal(((await busy()) as unknown[]).length, 2, "another person's calendars");
    const { id, createdAt: _createdAt, ...same } = (await duplicate())!;
    await noteCalendarChange(api.db, [id]);
    assert.deepEqual(
      await busy(),
      [hours(10, 11), hours(15, 16)],
      `by the same person's other account (${same.identity})`,
    );
    assert.equal(api.service.busyReads, 2);
  });

  it('is invalidated by one process for all', async () => {
    const other = await startApi({}, api.databaseUrl);
    try {
      other.service.calendars = api.service.calendars;
      const theirs = async (): Promise<number> =>
        (await other.call('GET', `/v1/accounts/${anna}/free-busy?${DAY}`)).body.busy.length;
      other.service.busy = { a1: [hours(9, 10)] };
      assert.equal(await theirs(), 1);
      other.service.busy = { a1: [hours(9, 10)], a2: [hours(15, 16)] };
      assert.equal(await theirs(), 1);
      await noteCalendarChange(api.db, [anna]);
      assert.equal(await theirs(), 2);
      await patch({ freeBusyCalendarIds: ['a2'] });
      assert.equal(await theirs(), 1);
    } finally {
      await other.close();
    }
  });

  it('is read again where the caller needs it fresh', async () => {
    await busy();
    api.service.busy['a1'] = [hours(15, 16)];
    assert.deepEqual(await busyOf(api.deps, anna, hours(0, 23), { maxAgeMs: -1 }), [hours(10, 11), hours(15, 16)]);
  });

  const duplicate = () =>
    createAccount(api.db, {
      provider: 'caldav',
      preset: 'generic',
      label: null,
      externalId: null,
      username: 'anna',
      identity: 'caldav:anna',
      discovered: {},
      credentials: {},
      canCreateCalendars: true,
    });

  it('validates every parameter by name', async () => {
    const of = (query: string): Promise<Answer> => get(`/v1/accounts/${anna}/free-busy?${query}`);
    const wrong: [string, string][] = [
      ['', 'start'],
      [`start=${at(1)}`, 'end'],
      [`start=soon&end=${at(1)}`, 'start'],
      [`start=2027-01-11&end=${at(1)}`, 'start'],
      [`start=${at(1)}&end=${at(1)}`, 'end'],
      [`start=${at(2)}&end=${at(1)}`, 'end'],
      ['start=2020-01-01T00:00:00Z&end=2026-01-01T00:00:00Z', 'end'],
      ['start=1969-12-31T00:00:00Z&end=1970-01-02T00:00:00Z', 'start'],
      [`${DAY}&foo=1`, 'foo'],
    ];
    for (const [query, field] of wrong) {
      const answer = await of(query);
      refused(answer, 400, 'validation');
      assert.equal(answer.body.errors[0].field, field, query);
    }
    assert.equal((await of('start=2022-01-01T00:00:00Z&end=2027-01-01T00:00:00Z')).status, 200, 'five years');
    const slots = `accountIds=${anna}&${DAY}&durationMinutes=60`;
    const wrongSlots: [string, string][] = [
      [`${DAY}&durationMinutes=60`, 'accountIds'],
      [`accountIds=,&${DAY}&durationMinutes=60`, 'accountIds'],
      [`accountIds=${Array.from({ length: 51 }, (_, n) => `x${n}`).join()}&${DAY}&durationMinutes=60`, 'accountIds'],
      [`accountIds=${anna}&${DAY}`, 'durationMinutes'],
      [`${slots}0000`, 'durationMinutes'],
      [slots.replace('durationMinutes=60', 'durationMinutes=1'), 'durationMinutes'],
      [`${slots}&stepMinutes=x`, 'stepMinutes'],
      [`${slots}&timeZone=Mars/Base`, 'timeZone'],
      [`${slots}&workingHours=mon-fri 09:00-17:00`, 'timeZone'],
      [`${slots}&timeZone=UTC&workingHours=always`, 'workingHours'],
      [`accountIds=${anna}&start=2027-01-01T00:00:00Z&end=2028-01-03T00:00:00Z&durationMinutes=60`, 'end'],
      [
        `accountIds=${anna}&start=2027-01-01T00:00:00Z&end=2027-12-01T00:00:00Z&durationMinutes=60&stepMinutes=5`,
        'end',
      ],
    ];
    for (const [query, field] of wrongSlots) {
      const answer = await get(`/v1/availability?${query}`);
      refused(answer, 400, 'validation');
      assert.equal(answer.body.errors[0].field, field, query);
    }
  });

  it('leaves slots in which all accounts are free, within working hours', async () => {
    const slots = async (query: string): Promise<string[]> =>
      (await get(`/v1/availability?accountIds=${anna},${bea}&${DAY}&${query}`)).body.slots.map(
        ({ start, end }: Interval) => `${start.slice(11, 16)}-${end.slice(11, 16)}`,
      );
    assert.deepEqual(await slots('durationMinutes=60&timeZone=UTC&workingHours=mon-fri 08:00-16:00'), [
      '08:00-09:00',
      '11:00-12:00',
      '14:00-15:00',
      '15:00-16:00',
    ]);
    assert.deepEqual(await slots('durationMinutes=90&stepMinutes=30&timeZone=UTC&workingHours=08:00-16:00'), [
      '14:00-15:30',
      '14:30-16:00',
    ]);
    assert.deepEqual(await slots('durationMinutes=60&timeZone=Europe/Berlin&workingHours=mon 09:00-11:00'), [
      '08:00-09:00',
    ]);
    assert.deepEqual(await slots('durationMinutes=60&timeZone=Europe/Berlin&workingHours=tue-sun 09:00-11:00'), []);
    assert.equal((await slots('durationMinutes=60')).length, 19, 'at any time of the day');
  });

  it('of an account without calendars is free', async () => {
    api.service.calendars = { ...api.service.calendars, carl: [calendar('c1')] };
    const { body } = await api.call('POST', '/v1/accounts', { provider: 'google', refreshToken: 'carl' });
    assert.deepEqual(await busy(body.id), []);
  });
});
