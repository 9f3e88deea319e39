import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { GoogleOptions } from './google/start.ts';
import type { Answer, Call } from './google-harness.ts';
import { EVENTS, series, single, withGoogle } from './google-harness.ts';

interface Item {
  readonly id: string;
  readonly status: string;
  readonly recurringEventId?: string;
}

/** One listing, all pages. */
async function readAll(call: Call, query: string): Promise<{ items: Item[]; token: string; pages: number }> {
  const items: Item[] = [];
  let page = '';
  for (let pages = 1; pages < 1000; pages += 1) {
    const { status, body } = await call('GET', `${EVENTS}?${query}${page}`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.ok((body.nextPageToken === undefined) !== (body.nextSyncToken === undefined), 'exactly one of the tokens');
    items.push(...body.items);
    if (body.nextSyncToken !== undefined) return { items, token: body.nextSyncToken, pages };
    page = `&pageToken=${encodeURIComponent(body.nextPageToken)}`;
  }
  throw new Error('no end');
}

/** What a client knows after applying items: a cancelled single event or master is gone, with all its exceptions. */
function apply(current: Map<string, Item>, items: readonly Item[]): void {
  for (const item of items) current.set(item.id, item);
  for (const item of items) {
    if (item.status !== 'cancelled' || isExceptionId(item.id)) continue;
    for (const id of [...current.keys()]) if (id === item.id || id.startsWith(`${item.id}_`)) current.delete(id);
  }
}

/** The visible items: an exception may come before its master, and does not count without it. */
function whole(current: ReadonlyMap<string, Item>): [string, Item][] {
  return [...current].filter(([id]) => !isExceptionId(id) || current.has(id.slice(0, id.lastIndexOf('_')))).sort(byId);
}

const isExceptionId = (id: string): boolean => /_\d{8}(T\d{6}Z)?$/.test(id);

type Edit = readonly ['insert' | 'series' | 'patch' | 'occurrence' | 'cancel' | 'move' | 'delete' | 'sync', number];
const edit: fc.Arbitrary<Edit> = fc.tuple(
  fc.constantFrom('insert', 'series', 'patch', 'occurrence', 'cancel', 'move', 'delete', 'sync' as const),
  fc.nat(50),
);

const WORLDS: [string, GoogleOptions][] = [
  ['by default', {}],
  ['with small and empty pages', { maxPageSize: 3, emptyPages: 2 }],
  ['with sparse tombstones and exceptions that follow', { sparseTombstones: true, deletedMasterExceptions: 'follow' }],
  ['with lag', { listLag: 2 }],
  [
    'without touching',
    { instanceWriteTouchesMaster: false, masterWriteTouchesExceptions: false, lostExceptions: 'orphan' },
  ],
];

for (const [name, options] of WORLDS) {
  test(`increments lead to what a full listing shows ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 40 }), (edits) =>
        withGoogle(options, async ({ call, ann }) => {
          const current = new Map<string, Item>();
          const query = 'showDeleted=true&maxResults=2500';
          let { token } = await readAll(call, query);
          const sync = async (): Promise<void> => {
            const increment = await readAll(call, `${query}&syncToken=${encodeURIComponent(token)}`);
            apply(current, increment.items);
            token = increment.token;
          };
          const masters: string[] = [];
          let hour = 0;
          for (const [kind, number] of edits) {
            if (kind === 'sync') await sync();
            else if (kind === 'insert') masters.push((await call('POST', EVENTS, single)).body.id);
            else if (kind === 'series') masters.push((await call('POST', EVENTS, series)).body.id);
            else if (masters.length > 0) {
              const id = masters[number % masters.length]!;
              hour += 1;
              const start = {
                dateTime: `2026-03-27T${String(hour % 20).padStart(2, '0')}:00:00`,
                timeZone: 'Europe/Berlin',
              };
              const end = { ...start, dateTime: start.dateTime.replace(':00:00', ':20:00') };
              const occurrence = (
                ann.listRaw().find((item) => item['id'] === id)?.['status'] === 'cancelled' ? [] : ann.instances(id)
              ).at(number % 5)?.['id'];
              if (kind === 'patch') await call('PATCH', `${EVENTS}/${id}`, { summary: `s${hour}` });
              if (kind === 'move') await call('PATCH', `${EVENTS}/${id}`, { start, end });
              if (kind === 'delete') await call('DELETE', `${EVENTS}/${id}`);
              if (kind === 'occurrence' && occurrence !== undefined)
                await call('PATCH', `${EVENTS}/${String(occurrence)}`, { location: `l${hour}` });
              if (kind === 'cancel' && occurrence !== undefined)
                await call('DELETE', `${EVENTS}/${String(occurrence)}`);
            }
          }
          for (let round = 0; round < 4; round += 1) await sync();
          const fresh = new Map<string, Item>();
          apply(fresh, (await readAll(call, query)).items);
          assert.deepEqual(whole(current), whole(fresh));
          const live = whole(current)
            .filter(([, { status }]) => status !== 'cancelled')
            .map(([id]) => id);
          assert.deepEqual(
            live.sort(),
            ann
              .listLive()
              .map((item) => String(item['id']))
              .sort(),
          );
        }),
      ),
      { numRuns: 25 },
    );
  });
}

function byId([a]: [string, Item], [b]: [string, Item]): number {
  return a < b ? -1 : 1;
}

test('a sync token is bound to its calendar and its parameters', () =>
  withGoogle({}, async ({ call, ann }) => {
    const other = ann.addCalendar({ summary: 'Other' });
    const { token } = await readAll(call, 'showDeleted=true&maxResults=2500');
    const use = (query: string, calendarId = 'primary'): Promise<Answer> =>
      call(
        'GET',
        `/calendars/${encodeURIComponent(calendarId)}/events?syncToken=${encodeURIComponent(token)}&${query}`,
      );
    assert.equal((await use('showDeleted=true&maxResults=2500')).status, 200);
    assert.equal((await use('showDeleted=true&maxResults=2500', other.id)).status, 400);
    assert.equal((await use('showDeleted=true&maxResults=100')).status, 400);
    assert.equal((await use('showDeleted=false&maxResults=2500')).status, 400);
    for (const name of [
      'iCalUID=x',
      'orderBy=updated',
      'privateExtendedProperty=a%3Db',
      'q=x',
      'sharedExtendedProperty=a%3Db',
      'timeMin=2026-01-01T00:00:00Z',
      'timeMax=2026-01-01T00:00:00Z',
      'updatedMin=2026-01-01T00:00:00Z',
    ]) {
      assert.ok([400, 410].includes((await use(`showDeleted=true&maxResults=2500&${name}`)).status), name);
    }
    ann.expireSyncTokens();
    const expired = await use('showDeleted=true&maxResults=2500');
    assert.deepEqual([expired.status, expired.reason], [410, 'fullSyncRequired']);
  }));

test('a sync token expires with age and with a changed role', async () => {
  let now = Date.UTC(2026, 0, 5);
  await withGoogle(
    { now: () => now, accessTokenSeconds: 100 * 86_400, tokenMaxAgeMs: 86_400_000 },
    async ({ call, ann }) => {
      const use = (token: string): Promise<Answer> => call('GET', `${EVENTS}?syncToken=${encodeURIComponent(token)}`);
      const { token } = await readAll(call, '');
      assert.equal((await use(token)).status, 200);
      ann.setAccessRole('writer');
      assert.equal((await use(token)).reason, 'fullSyncRequired');
      const { token: second } = await readAll(call, '');
      now += 2 * 86_400_000;
      assert.equal((await use(second)).reason, 'fullSyncRequired');
    },
  );
});

test('a search returns no sync token, a window does', () =>
  withGoogle({}, async ({ call, ann }) => {
    ann.insertEvent({ ...single, extendedProperties: { private: { k: 'a=b' } } });
    const found = await call('GET', `${EVENTS}?privateExtendedProperty=${encodeURIComponent('k=a=b')}`);
    assert.deepEqual([found.body.items.length, found.body.nextSyncToken], [1, undefined]);
    const window = await call('GET', `${EVENTS}?timeMin=2026-01-05T12:00:00Z`);
    assert.deepEqual([window.body.items.length, typeof window.body.nextSyncToken], [0, 'string']);
  }));

test('without showDeleted, cancelled occurrences of live series are the only cancelled items listed', () =>
  withGoogle({}, async ({ call, ann }) => {
    const master = String(ann.insertEvent(series)['id']);
    const gone = String(ann.insertEvent(single)['id']);
    ann.deleteEvent(gone);
    ann.deleteEvent(`${master}_20260328T080000Z`);
    const { items } = await readAll(call, '');
    assert.deepEqual(
      items.map(({ id, status }) => `${id} ${status}`).sort(),
      [`${master} confirmed`, `${master}_20260328T080000Z cancelled`].sort(),
    );
    const exception = items.find(({ status }) => status === 'cancelled')!;
    assert.deepEqual(Object.keys(exception).sort(), [
      'etag',
      'id',
      'kind',
      'originalStartTime',
      'recurringEventId',
      'status',
    ]);
  }));

test('an increment names what a write touched', () =>
  withGoogle({}, async ({ call, ann, google }) => {
    const master = String(ann.insertEvent(series)['id']);
    const exception = `${master}_20260328T080000Z`;
    let { token } = await readAll(call, 'showDeleted=true');
    const changed = async (): Promise<string[]> => {
      const increment = await readAll(call, `showDeleted=true&syncToken=${encodeURIComponent(token)}`);
      token = increment.token;
      return increment.items.map(({ id, status }) => `${id.replace(master, 'master')} ${status}`).sort();
    };
    assert.deepEqual(await changed(), []);
    ann.patchEvent(exception, { summary: 'Special' });
    assert.deepEqual(await changed(), ['master confirmed', 'master_20260328T080000Z confirmed']);
    ann.patchEvent(master, { location: 'There' });
    assert.deepEqual(await changed(), ['master confirmed', 'master_20260328T080000Z confirmed']);
    google.setBehaviour({ instanceWriteTouchesMaster: false });
    ann.patchEvent(exception, { reminders: { useDefault: false } });
    assert.deepEqual(await changed(), ['master_20260328T080000Z confirmed']);
    ann.patchEvent(master, { recurrence: ['RRULE:FREQ=DAILY;COUNT=1'] });
    assert.deepEqual(await changed(), ['master confirmed', 'master_20260328T080000Z cancelled']);
    ann.patchEvent(master, { recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] });
    assert.deepEqual(await changed(), ['master confirmed', 'master_20260328T080000Z confirmed']);
    assert.equal(ann.getEvent(exception)['summary'], 'Daily', 'what was lost does not come back');
    ann.deleteEvent(master);
    assert.deepEqual(await changed(), ['master cancelled']);
  }));
