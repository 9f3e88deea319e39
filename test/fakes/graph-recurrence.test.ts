import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_BEHAVIOUR } from './graph/behaviour.ts';
import { seriesDays } from './graph/expand.ts';
import { readRecurrence } from './graph/recurrence.ts';
import { UTC } from './graph/zones.ts';
import { allDay, series, single, viewPath, withGraph, zoned } from './graph-harness.ts';
import { dateOf } from './time.ts';

const days = (pattern: object, range: object, last = '2035-01-01') =>
  seriesDays(readRecurrence({ pattern, range }, UTC, DEFAULT_BEHAVIOUR), Date.parse(`${last}T00:00:00Z`)).map(dateOf);
const numbered = (startDate: string, numberOfOccurrences: number) => ({
  type: 'numbered',
  startDate,
  numberOfOccurrences,
});
const WORKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'];

test('patterns, checked against dates counted by hand', () => {
  const cases: [object, object, string[]][] = [
    [
      { type: 'daily', interval: 3 },
      { type: 'endDate', startDate: '2026-01-30', endDate: '2026-02-05' },
      ['2026-01-30', '2026-02-02', '2026-02-05'],
    ],
    [
      { type: 'weekly', interval: 2, daysOfWeek: ['sunday', 'tuesday'], firstDayOfWeek: 'monday' },
      numbered('2026-01-06', 4),
      ['2026-01-06', '2026-01-11', '2026-01-20', '2026-01-25'],
    ],
    [
      { type: 'weekly', interval: 2, daysOfWeek: ['sunday', 'tuesday'] },
      numbered('2026-01-06', 4),
      ['2026-01-06', '2026-01-18', '2026-01-20', '2026-02-01'],
    ],
    [
      { type: 'absoluteMonthly', interval: 1, dayOfMonth: 31 },
      numbered('2027-12-31', 4),
      ['2027-12-31', '2028-01-31', '2028-02-29', '2028-03-31'],
    ],
    [
      { type: 'absoluteMonthly', interval: 2, dayOfMonth: 30 },
      numbered('2026-12-30', 3),
      ['2026-12-30', '2027-02-28', '2027-04-30'],
    ],
    [{ type: 'absoluteMonthly', interval: 1, dayOfMonth: 5 }, numbered('2026-01-10', 2), ['2026-02-05', '2026-03-05']],
    [
      { type: 'relativeMonthly', interval: 1, daysOfWeek: ['friday'], index: 'last' },
      numbered('2026-01-30', 3),
      ['2026-01-30', '2026-02-27', '2026-03-27'],
    ],
    [
      { type: 'relativeMonthly', interval: 1, daysOfWeek: ['tuesday'], index: 'second' },
      numbered('2026-01-13', 2),
      ['2026-01-13', '2026-02-10'],
    ],
    [
      { type: 'relativeMonthly', interval: 1, daysOfWeek: WORKDAYS },
      numbered('2026-01-01', 3),
      ['2026-01-01', '2026-02-02', '2026-03-02'],
    ],
    [
      { type: 'absoluteYearly', interval: 1, month: 2, dayOfMonth: 29 },
      numbered('2026-02-28', 3),
      ['2026-02-28', '2027-02-28', '2028-02-29'],
    ],
    [
      { type: 'relativeYearly', interval: 2, month: 11, daysOfWeek: ['thursday'], index: 'fourth' },
      numbered('2026-11-26', 2),
      ['2026-11-26', '2028-11-23'],
    ],
  ];
  for (const [pattern, range, expected] of cases)
    assert.deepEqual(days(pattern, range), expected, JSON.stringify(pattern));
  assert.equal(
    days({ type: 'daily', interval: 1 }, { type: 'noEnd', startDate: '2026-01-01' }, '2026-12-31').length,
    365,
  );
});

test('invalid patterns and ranges', () => {
  const range = numbered('2026-01-05', 3);
  const daily = { type: 'daily', interval: 1 };
  const wrong: [object, object][] = [
    [{ type: 'daily' }, range],
    [{ type: 'daily', interval: 0 }, range],
    [{ type: 'weekly', interval: 1 }, range],
    [{ type: 'hourly', interval: 1 }, range],
    [{ type: 'absoluteMonthly', interval: 1 }, range],
    [{ type: 'absoluteYearly', interval: 1, dayOfMonth: 1 }, range],
    [{ type: 'relativeMonthly', interval: 1, daysOfWeek: [] }, range],
    [{ ...daily, index: 'fifth' }, range],
    [{ ...daily, dayOfMonth: 32 }, range],
    [{ ...daily, byDay: 'MO' }, range],
    [{ type: 'weekly', interval: 100, daysOfWeek: ['monday'] }, range],
    [daily, numbered('2026-01-05', 0)],
    [daily, numbered('2026-01-05', 1000)],
    [daily, numbered('2026-02-30', 1)],
    [daily, { type: 'endDate', startDate: '2026-01-05' }],
    [daily, { type: 'endDate', startDate: '2026-01-05', endDate: '2026-01-04' }],
    [daily, { ...range, recurrenceTimeZone: 'Mars' }],
    [daily, { ...range, count: 3 }],
    [daily, {}],
  ];
  for (const [pattern, one] of wrong)
    assert.throws(() => days(pattern, one), { status: 400 }, JSON.stringify([pattern, one]));
});

const instancesOf = (id: string) => `/events/${id}/instances?startDateTime=2026-01-01&endDateTime=2027-01-01&$top=100`;
const LISTS =
  '?$select=subject,start,end,recurrence,exceptionOccurrences,cancelledOccurrences&$expand=exceptionOccurrences';
type Listed = {
  start: { dateTime: string };
  originalStart: string;
  type: string;
  id: string;
  subject: string;
  iCalUId: string;
};

test('a series keeps its wall-clock time, its etag, and whole minutes', () =>
  withGraph({}, async ({ call }) => {
    const { body: master } = await call('POST', '/events', {
      ...series,
      start: zoned('2026-03-27T09:00:42.865'),
      end: zoned('2026-03-27T09:30:42'),
    });
    const { body } = await call('GET', instancesOf(master.id));
    const rows = body.value as Listed[];
    assert.deepEqual(
      rows.map(({ start }) => start.dateTime.slice(8, 19)),
      ['27T08:00:00', '28T08:00:00', '29T07:00:00', '30T07:00:00', '31T07:00:00'],
    );
    assert.deepEqual([rows[2]!.originalStart, rows[2]!.type], ['2026-03-29T07:00:00Z', 'occurrence']);
    assert.equal(new Set(rows.map(({ iCalUId }) => iCalUId)).size, 5);
    assert.equal(new Set(rows.map((row) => (row as unknown as Record<string, string>)['@odata.etag'])).size, 1);
    assert.equal((body.value[0].id as string).length > master.id.length, true);
    assert.deepEqual(master.recurrence.pattern, {
      type: 'daily',
      interval: 1,
      month: 0,
      dayOfMonth: 0,
      daysOfWeek: [],
      firstDayOfWeek: 'sunday',
      index: 'first',
    });
    assert.deepEqual(master.recurrence.range, {
      type: 'numbered',
      startDate: '2026-03-27',
      endDate: '0001-01-01',
      recurrenceTimeZone: 'W. Europe Standard Time',
      numberOfOccurrences: 5,
    });
    assert.equal(body.value[0].recurrence, null);
    assert.equal((await call('GET', `/events/${master.id}/instances`)).code, 'ErrorInvalidParameter');
  }));

test('the start must be on the start date, and the first occurrence may come later', () =>
  withGraph({}, async ({ call }) => {
    const range = { ...series.recurrence.range, startDate: '2026-03-28' };
    assert.equal(
      (await call('POST', '/events', { ...series, recurrence: { ...series.recurrence, range } })).code,
      'ErrorPropertyValidationFailure',
    );
    const far = { ...series.recurrence.range, recurrenceTimeZone: 'Tonga Standard Time' };
    assert.equal(
      (
        await call('POST', '/events', {
          ...series,
          start: zoned('2026-03-27T20:00:00'),
          end: zoned('2026-03-27T21:00:00'),
          recurrence: { ...series.recurrence, range: far },
        })
      ).status,
      400,
      'there it is the 28th',
    );
    const pattern = { type: 'weekly', interval: 1, daysOfWeek: ['tuesday'], firstDayOfWeek: 'monday' };
    const { body: late } = await call('POST', '/events', {
      ...series,
      recurrence: { pattern, range: series.recurrence.range },
    });
    assert.deepEqual([late.start.dateTime.slice(0, 10), late.recurrence.range.startDate], ['2026-03-31', '2026-03-27']);
    const again = await call('PATCH', `/events/${late.id}`, {
      start: zoned('2026-03-31T10:00:00'),
      end: zoned('2026-03-31T11:00:00'),
    });
    assert.deepEqual([again.status, again.body.start.dateTime], [200, '2026-03-31T08:00:00.0000000']);
    const none = { pattern, range: { type: 'endDate', startDate: '2026-03-27', endDate: '2026-03-30' } };
    assert.equal(
      (await call('POST', '/events', { ...series, recurrence: none })).code,
      'ErrorRecurrenceHasNoOccurrence',
    );
    assert.equal(
      (await call('POST', '/events', { ...series, end: zoned('2026-03-28T09:30:00') })).code,
      'ErrorOccurrenceTimeSpanTooBig',
    );
  }));

test('an exception stays between its neighbours, and a deleted occurrence cannot be restored', () =>
  withGraph({}, async ({ call }) => {
    const weekly = {
      pattern: { type: 'weekly', interval: 1, daysOfWeek: ['monday', 'wednesday', 'friday'], firstDayOfWeek: 'monday' },
      range: numbered('2026-01-05', 6),
    };
    const { body: master } = await call('POST', '/events', { ...single, recurrence: weekly });
    const at = (date: string) => `/events/OID.${master.id}.${date}`;
    const move = (day: string) => ({ start: zoned(`2026-01-${day}T12:00:00`), end: zoned(`2026-01-${day}T13:00:00`) });
    for (const day of ['05', '04', '09', '10'])
      assert.equal((await call('PATCH', at('2026-01-07'), move(day))).code, 'ErrorOccurrenceCrossingBoundary', day);
    const early = { start: zoned('2026-01-09T08:00:00'), end: zoned('2026-01-09T09:00:00') };
    assert.equal(
      (await call('PATCH', at('2026-01-07'), early)).code,
      'ErrorOccurrenceCrossingBoundary',
      'on the day of the neighbour, though before it',
    );
    const { body: moved } = await call('PATCH', at('2026-01-07'), move('08'));
    assert.deepEqual(
      [moved.type, moved.originalStart, moved.seriesMasterId],
      ['exception', '2026-01-07T11:00:00Z', master.id],
    );
    assert.equal(
      (await call('PATCH', at('2026-01-09'), move('08'))).code,
      'ErrorOccurrenceCrossingBoundary',
      'the neighbour has moved',
    );
    assert.equal((await call('PATCH', at('2026-01-09'), { recurrence: weekly })).status, 400);
    const { body: instance } = await call('GET', at('2026-01-12'));
    assert.equal((await call('DELETE', `/events/${instance.id}`)).status, 204);
    const again = await call('DELETE', `/events/${instance.id}`);
    assert.deepEqual([again.status, again.code], [404, 'ErrorCalendarOccurrenceIsDeletedFromRecurrence']);
    assert.equal((await call('GET', at('2026-01-06'))).code, 'ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange');
    const { body } = await call('GET', `/events/${master.id}${LISTS}`);
    assert.deepEqual(body.cancelledOccurrences, [`OID.${master.id}.2026-01-12`]);
    assert.deepEqual(
      body.exceptionOccurrences.map(({ id, start }: Listed) => [id, start.dateTime.slice(0, 10)]),
      [[moved.id, '2026-01-08']],
    );
    assert.deepEqual(
      (await call('GET', instancesOf(master.id))).body.value.map(({ start }: Listed) => start.dateTime.slice(8, 10)),
      ['05', '08', '09', '14', '16'],
    );
  }));

test('the lists of exceptions come only for correct requests, and can be missing', () =>
  withGraph({}, async ({ call, graph, ann }) => {
    const { body: master } = await call('POST', '/events', series);
    ann.patchEvent(`OID.${master.id}.2026-03-28`, { subject: 'Other' });
    ann.deleteEvent(`OID.${master.id}.2026-03-29`);
    const keys = async (query: string) =>
      Object.keys((await call('GET', `/events/${master.id}${query}`)).body).filter((key) =>
        key.endsWith('Occurrences'),
      );
    assert.deepEqual(await keys(''), []);
    assert.deepEqual(await keys('?$select=exceptionOccurrences,cancelledOccurrences'), ['cancelledOccurrences']);
    assert.deepEqual(await keys('?$expand=exceptionOccurrences'), []);
    assert.deepEqual(await keys(LISTS), ['cancelledOccurrences', 'exceptionOccurrences']);
    assert.equal('cancelledOccurrences' in (await call('GET', `/events${LISTS}`)).body.value[0], false, 'not in lists');
    graph.setBehaviour({ exceptionLists: 'noExceptions' });
    assert.deepEqual((await call('GET', `/events/${master.id}${LISTS}`)).body.exceptionOccurrences, []);
    graph.setBehaviour({ exceptionLists: 'absent' });
    assert.deepEqual(await keys(LISTS), []);
    graph.setBehaviour({ exceptionLists: 'refused' });
    assert.equal((await call('GET', `/events/${master.id}${LISTS}`)).status, 400);
    graph.setBehaviour({ instancesLoseExceptions: true });
    assert.equal((await call('GET', instancesOf(master.id))).body.value.length, 3);
  }));

test("the master's fields apply to all but what exceptions override; a new pattern discards exceptions", () =>
  withGraph({}, async ({ call, ann }) => {
    const { body: master } = await call('POST', '/events', series);
    const { body: old } = await call('GET', instancesOf(master.id));
    ann.patchEvent(`OID.${master.id}.2026-03-28`, { subject: 'Own' });
    ann.deleteEvent(`OID.${master.id}.2026-03-29`);
    await call('PATCH', `/events/${master.id}`, { subject: 'New', showAs: 'free' });
    const rows = async () =>
      (await call('GET', instancesOf(master.id))).body.value.map(
        ({ subject, showAs, start }: Listed & { showAs: string }) => [subject, showAs, start.dateTime.slice(8, 13)],
      );
    assert.deepEqual(await rows(), [
      ['New', 'free', '27T08'],
      ['Own', 'free', '28T08'],
      ['New', 'free', '30T07'],
      ['New', 'free', '31T07'],
    ]);
    await call('PATCH', `/events/${master.id}`, { recurrence: series.recurrence });
    assert.equal((await rows()).length, 5);
    assert.deepEqual((await rows())[1], ['New', 'free', '28T08']);
    assert.equal(
      (await call('GET', `/events/${old.value[1].id}`)).status,
      404,
      'ids of occurrences belong to a pattern',
    );
    ann.deleteEvent(`OID.${master.id}.2026-03-29`);
    await call('PATCH', `/events/${master.id}`, {
      start: zoned('2026-03-27T10:00:00'),
      end: zoned('2026-03-27T10:30:00'),
    });
    assert.equal((await rows()).length, 5, 'a new time wipes, too');
    assert.equal(
      (
        await call('PATCH', `/events/${master.id}`, {
          start: zoned('2026-03-28T10:00:00'),
          end: zoned('2026-03-28T10:30:00'),
        })
      ).code,
      'ErrorPropertyValidationFailure',
    );
    const { body: alone } = await call('PATCH', `/events/${master.id}`, { recurrence: null });
    assert.deepEqual([alone.type, alone.recurrence, alone.id], ['singleInstance', null, master.id]);
    const { body: back } = await call('PATCH', `/events/${master.id}`, { recurrence: series.recurrence });
    assert.equal(back.type, 'seriesMaster');
  }));

test('with switches: a new time keeps exceptions, and an occurrence that becomes one gets another id', () =>
  withGraph({ newTimeWipes: false, exceptionIds: 'change', missingOccurrence: 'notFound' }, async ({ call }) => {
    const { body: master } = await call('POST', '/events', series);
    const {
      body: {
        value: [first, second],
      },
    } = await call('GET', instancesOf(master.id));
    const { body: changed } = await call('PATCH', `/events/${second.id}`, { subject: 'Own' });
    assert.notEqual(changed.id, second.id);
    assert.deepEqual(
      [(await call('GET', `/events/${second.id}`)).status, (await call('GET', `/events/${changed.id}`)).status],
      [404, 200],
    );
    await call('DELETE', `/events/${first.id}`);
    assert.equal((await call('GET', `/events/${first.id}`)).code, 'ErrorItemNotFound');
    await call('PATCH', `/events/${master.id}`, {
      start: zoned('2026-03-27T10:00:00'),
      end: zoned('2026-03-27T10:30:00'),
    });
    const { body } = await call('GET', instancesOf(master.id));
    assert.deepEqual(
      body.value.map(({ subject, start }: Listed) => `${subject} ${start.dateTime.slice(8, 13)}`),
      ['Own 28T09', 'Daily 29T08', 'Daily 30T08', 'Daily 31T08'],
    );
  }));

test('all-day series, and series in their own zone', () =>
  withGraph({}, async ({ call }) => {
    const range = numbered('2026-01-05', 3);
    await call('POST', '/events', { ...allDay, recurrence: { pattern: { type: 'daily', interval: 2 }, range } });
    const { body } = await call('GET', viewPath('2026-01-01', '2026-02-01'), undefined, {
      Prefer: 'outlook.timezone="Pacific Standard Time"',
    });
    assert.deepEqual(
      body.value.map(({ start }: Listed) => start.dateTime.slice(0, 19)),
      ['2026-01-05T00:00:00', '2026-01-07T00:00:00', '2026-01-09T00:00:00'],
    );
    const utc = { start: zoned('2026-03-27T08:00:00', 'UTC'), end: zoned('2026-03-27T09:00:00', 'UTC') };
    const { body: master } = await call('POST', '/events', {
      ...series,
      ...utc,
      recurrence: { ...series.recurrence, range: { ...series.recurrence.range, recurrenceTimeZone: 'Europe/Berlin' } },
    });
    const { body: instances } = await call('GET', instancesOf(master.id));
    assert.deepEqual(
      instances.value.map(({ start }: Listed) => start.dateTime.slice(8, 13)),
      ['27T08', '28T08', '29T07', '30T07', '31T07'],
    );
    assert.equal(master.originalStartTimeZone, 'UTC');
  }));
