import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphOptions } from './graph/start.ts';
import type { Call } from './graph-harness.ts';
import { allDay, deltaPath, series, single, viewPath, withGraph, zoned } from './graph-harness.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- rows of any shape
type Row = any;

/** Follows all links of one round. */
async function round(
  call: Call,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ rows: Row[]; pages: Row[][]; link: string }> {
  const pages: Row[][] = [];
  for (let next = path; ; ) {
    const { status, body } = await call('GET', next, undefined, headers);
    assert.equal(status, 200, JSON.stringify(body));
    pages.push(body.value);
    assert.equal('@odata.nextLink' in body, !('@odata.deltaLink' in body));
    if (body['@odata.deltaLink'] !== undefined) return { rows: pages.flat(), pages, link: body['@odata.deltaLink'] };
    next = body['@odata.nextLink'];
  }
}

const YEAR = deltaPath('2026-01-01', '2027-01-01');
const types = (rows: Row[]): string[] => rows.map((row) => row.type ?? 'removed');

test('a view is expanded, in full, and has bounds', () =>
  withGraph({}, async ({ call, ann }) => {
    ann.insertEvent({ ...series, body: { contentType: 'text', content: 'Notes' } });
    ann.insertEvent(single);
    ann.insertEvent(allDay);
    const { body } = await call('GET', viewPath('2026-01-01', '2026-03-29'));
    assert.deepEqual(
      body.value.map(({ subject, type }: Row) => `${subject} ${type}`),
      ['Off singleInstance', 'Lunch singleInstance', 'Daily occurrence', 'Daily occurrence'],
    );
    assert.match(body.value[2].body.content, /Notes/);
    const hours = async (from: string, to: string) =>
      (await call('GET', `/calendarView?startDateTime=${from}&endDateTime=${to}`)).body.value.length;
    assert.deepEqual(
      [
        await hours('2026-01-05T12:00:00', '2026-01-05T13:00:00'),
        await hours('2026-01-05T11:00:00Z', '2026-01-05T11:30:00Z'),
      ],
      [1, 2],
      'local times are UTC; ends are exclusive',
    );
    assert.equal(await hours('2026-01-05T12:30:00%2B01:00', '2026-01-05T12:45:00%2B01:00'), 2);
    for (const query of ['', '?startDateTime=2026-01-01', '?startDateTime=x&endDateTime=2026-01-01'])
      assert.equal((await call('GET', `/calendarView${query}`)).code, 'ErrorInvalidParameter');
    assert.equal(
      (await call('GET', '/calendarView?startDateTime=2026-01-01&endDateTime=2031-01-02')).code,
      'ErrorCalendarViewRangeTooBig',
    );
    const { body: first } = await call(
      'GET',
      '/calendarView?startDateTime=2026-01-01&endDateTime=2027-01-01&$top=3&$select=subject',
    );
    const { body: second } = await call('GET', first['@odata.nextLink']);
    assert.deepEqual([first.value.length, second.value.length], [3, 3]);
  }));

test('a first round: single events in full, skeletons of occurrences, the master, exceptions', () =>
  withGraph({}, async ({ call, ann }) => {
    ann.insertEvent(single);
    const { id } = ann.insertEvent({ ...series, body: { contentType: 'text', content: 'Notes' } });
    ann.patchEvent(`OID.${String(id)}.2026-03-28`, { subject: 'Own' });
    ann.deleteEvent(`OID.${String(id)}.2026-03-29`);
    const { rows, link } = await round(call, deltaPath('2026-01-01', '2026-03-31'), {
      Prefer: 'IdType="ImmutableId", outlook.timezone="Europe/Berlin"',
    });
    assert.deepEqual(types(rows).sort(), ['exception', 'occurrence', 'occurrence', 'seriesMaster', 'singleInstance']);
    const skeleton = rows.find(({ type }) => type === 'occurrence');
    assert.deepEqual(Object.keys(skeleton).sort(), [
      '@odata.etag',
      '@odata.type',
      'end',
      'id',
      'seriesMasterId',
      'start',
      'type',
    ]);
    assert.deepEqual(
      [skeleton.seriesMasterId, skeleton.start],
      [id, zoned('2026-03-27T09:00:00.0000000', 'Europe/Berlin')],
    );
    assert.equal('recurrence' in rows.find(({ type }) => type === 'seriesMaster'), false);
    assert.deepEqual(
      [
        rows.find(({ type }) => type === 'exception').subject,
        rows.find(({ type }) => type === 'singleInstance').subject,
      ],
      ['Own', 'Lunch'],
    );
    assert.equal(
      (await call('GET', link)).headers.get('preference-applied'),
      'odata.track-changes, IdType="ImmutableId"',
    );
    assert.match(link, /^http:\/\/127\.0\.0\.1:/);
    const far = await round(call, deltaPath('2026-03-30', '2026-03-31'));
    assert.deepEqual(
      far.rows.map(({ type, start }) => `${type} ${start.dateTime.slice(8, 10)}`),
      ['seriesMaster 27', 'occurrence 30'],
      'the master starts before the window',
    );
  }));

test('increments: changed single events, whole series again, removed ones, nothing for a deleted occurrence', () =>
  withGraph({}, async ({ call, ann, graph }) => {
    const [a, b, c] = ['A', 'B', 'C'].map((subject) => ann.insertEvent({ ...single, subject })['id'] as string) as [
      string,
      string,
      string,
    ];
    const master = ann.insertEvent(series)['id'] as string;
    let { link } = await round(call, YEAR);
    const next = async () => {
      const result = await round(call, link);
      link = result.link;
      return result.rows;
    };
    assert.deepEqual(await next(), []);
    ann.patchEvent(a, { subject: 'A2' });
    ann.deleteEvent(b);
    ann.patchEvent(c, { start: zoned('2028-01-01T10:00:00'), end: zoned('2028-01-01T11:00:00') });
    const outside = ann.insertEvent({
      ...single,
      start: zoned('2025-01-05T12:00:00'),
      end: zoned('2025-01-05T13:00:00'),
    })['id'];
    const rows = await next();
    assert.deepEqual(
      rows.filter(({ type }) => type !== undefined).map(({ id, subject }) => [id, subject]),
      [[a, 'A2']],
    );
    const removed = rows.filter((row) => '@removed' in row);
    assert.deepEqual(new Set(removed.map(({ id }) => id)), new Set([b, c, outside]));
    assert.deepEqual(removed[0]['@removed'], { reason: 'deleted' });
    ann.patchEvent(`OID.${master}.2026-03-28`, { subject: 'Own' });
    assert.deepEqual(types(await next()), [
      'seriesMaster',
      'occurrence',
      'exception',
      'occurrence',
      'occurrence',
      'occurrence',
    ]);
    const { body: before } = await call('GET', `/events/${master}`);
    ann.deleteEvent(`OID.${master}.2026-03-29`);
    assert.deepEqual(await next(), []);
    const { body: after } = await call('GET', `/events/${master}`);
    assert.notEqual(after.changeKey, before.changeKey, 'the series has changed nevertheless');
    assert.equal(after.lastModifiedDateTime > before.lastModifiedDateTime, true);
    graph.setBehaviour({ resendAfterOccurrenceDelete: true });
    ann.deleteEvent(`OID.${master}.2026-03-30`);
    assert.deepEqual(types(await next()), ['seriesMaster', 'occurrence', 'exception', 'occurrence']);
    ann.deleteEvent(master);
    const gone = await next();
    assert.equal(gone.filter((row) => '@removed' in row).length, 4, 'the master and its three occurrences');
    assert.equal(
      gone.some(({ id }) => id === master),
      true,
    );
  }));

test('pages: series are not split, pages can be empty, rows can come twice', () =>
  withGraph({ emptyPages: 2, duplicates: true }, async ({ call, ann }) => {
    for (const subject of ['A', 'B', 'C']) ann.insertEvent({ ...single, subject });
    const master = ann.insertEvent(series)['id'] as string;
    const first = await round(call, YEAR, { Prefer: 'odata.maxpagesize=2' });
    assert.equal(first.pages.length >= 9, true);
    assert.deepEqual(first.pages.slice(0, 2), [[], []]);
    const withSeries = first.pages.filter((rows) => rows.some(({ type }) => type === 'seriesMaster'));
    assert.equal(withSeries.length, 1);
    assert.equal(withSeries[0]!.length >= 12, true);
    const id = first.rows.find(({ subject }) => subject === 'A').id;
    ann.patchEvent(id, { subject: 'A2' });
    const { rows } = await round(call, first.link);
    assert.deepEqual(
      rows.map(({ subject }) => subject),
      ['A', 'A2'],
      'the last one wins',
    );
    ann.patchEvent(master, { subject: 'x' });
    assert.equal((await round(call, first.link)).rows.length, 14, 'an old link returns all changes since then again');
  }));

test('a change during a round comes in the next one', () =>
  withGraph({}, async ({ call, ann }) => {
    const ids = ['A', 'B', 'C', 'D'].map((subject) => ann.insertEvent({ ...single, subject })['id'] as string);
    const page = { Prefer: 'IdType="ImmutableId", odata.maxpagesize=1' };
    const { body: first } = await call('GET', YEAR, undefined, page);
    ann.patchEvent(first.value[0].id, { subject: 'Late' });
    const rest = await round(call, first['@odata.nextLink'], page);
    assert.equal(rest.rows.length, ids.length - 1);
    assert.deepEqual(
      (await round(call, rest.link)).rows.map(({ subject }) => subject),
      ['Late'],
    );
  }));

test('changes can come late, and are not lost', () =>
  withGraph({}, async ({ call, ann, graph }) => {
    const { link } = await round(call, YEAR);
    graph.setBehaviour({ deltaLag: 1 });
    ann.insertEvent(single);
    const late = await round(call, link);
    assert.deepEqual(late.rows, []);
    assert.equal((await round(call, late.link)).rows.length, 1);
  }));

test('delta links die: on demand, by age, by use, for another window or calendar', async () => {
  let now = Date.UTC(2026, 0, 1);
  await withGraph({ now: () => now, syncStateMaxAgeMs: 1000, syncStateMaxRounds: 3 }, async ({ call, ann, graph }) => {
    const fresh = async () => (await round(call, YEAR)).link;
    const dead = async (link: string) => {
      const { status, code } = await call('GET', link);
      return `${status} ${code}`;
    };
    let link = await fresh();
    ann.expireSyncTokens();
    assert.equal(await dead(link), '410 SyncStateNotFound');
    assert.match((await call('GET', link)).headers.get('location') ?? '', /\/me\/calendarView\/delta$/);
    link = await fresh();
    now += 1001;
    assert.equal(await dead(link), '410 SyncStateNotFound');
    link = await fresh();
    for (let use = 0; use < 3; use++) link = (await round(call, link)).link;
    assert.equal(await dead(link), '410 SyncStateNotFound');
    link = await fresh();
    assert.equal((await call('GET', `${link}&startDateTime=2026-01-01&endDateTime=2027-01-01`)).status, 200);
    assert.equal(await dead(`${link}&startDateTime=2026-01-02&endDateTime=2027-01-01`), '410 SyncStateNotFound');
    assert.equal(await dead(`${link}x`), '410 SyncStateNotFound');
    const { body: other } = await call('POST', '/calendars', { name: 'Two' });
    ann.expireSyncTokens(other.id);
    assert.equal(await dead(link.replace('/me/', `/me/calendars/${other.id}/`)), '410 SyncStateNotFound');
    graph.setBehaviour({ syncStateStatus: 404, syncStateCode: 'syncStateNotFound' });
    assert.equal(await dead(`${link}x`), '404 syncStateNotFound');
    ann.insertEvent(single);
    graph.fail({ match: 'delta\\?\\$deltatoken', status: 410, reason: 'resyncRequired' });
    assert.equal(await dead(link), '410 resyncRequired');
    assert.equal((await round(call, link)).rows.length, 1);
  });
});

test('delta takes no query options but its window', () =>
  withGraph({}, async ({ call }) => {
    for (const option of [
      '$select=subject',
      '$filter=isAllDay eq true',
      '$expand=calendar',
      '$orderby=subject',
      '$search=x',
      '$top=5',
      '$skip=1',
    ]) {
      const { status, code } = await call('GET', `${YEAR}&${option}`);
      assert.deepEqual([status, code], [400, 'ErrorInvalidUrlQuery'], option);
    }
    assert.equal((await call('GET', '/calendarView/delta')).code, 'ErrorInvalidParameter');
    assert.equal((await call('GET', '/events/delta')).status, 400);
  }));

test('switches: exceptions missing, removed series reported in part, removed events in a first round', async () => {
  const rows = async (options: GraphOptions): Promise<string[]> => {
    let found: string[] = [];
    await withGraph(options, async ({ call, ann }) => {
      const master = ann.insertEvent(series)['id'] as string;
      ann.patchEvent(`OID.${master}.2026-03-28`, { subject: 'Own' });
      const first = await round(call, YEAR);
      ann.deleteEvent(master);
      const [second, again] = [await round(call, first.link), await round(call, YEAR)];
      found = [first, second, again].map((one) =>
        [...new Set(types(one.rows))]
          .map((type) => `${type} ${types(one.rows).filter((other) => other === type).length}`)
          .join(),
      );
    });
    return found;
  };
  assert.deepEqual(await rows({ exceptionRows: 'absent', removedSeries: 'master' }), [
    'seriesMaster 1,occurrence 4',
    'removed 1',
    '',
  ]);
  assert.deepEqual(await rows({ exceptionRows: 'skeleton', removedSeries: 'occurrences', removedInFirstRound: true }), [
    'seriesMaster 1,occurrence 4,exception 1',
    'removed 5',
    'removed 5',
  ]);
});
