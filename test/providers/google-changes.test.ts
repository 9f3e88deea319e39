import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { type CalendarEvent, EXCLUDED } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { createGoogleProvider } from '../../providers/google/google-provider.ts';
import type { ChangePage, Found, Io, Side } from '../../providers/provider.ts';
import { event, StoredState } from '../support/contract.ts';
import { type GoogleSetup, MemoryTokens, openGoogle, SETTING } from '../support/contract-google.ts';

type Json = Record<string, unknown>;

interface Polled {
  readonly found: readonly Found[];
  readonly unchanged: readonly string[];
  readonly removed: readonly string[];
  readonly cursor: string;
  readonly full: boolean;
}

async function read(side: Side, cursor: string | null, stored: StoredState): Promise<Polled> {
  const pages: ChangePage[] = [];
  for await (const page of side.changes(cursor, stored)) pages.push(page);
  const end = pages.at(-1)?.end;
  assert.ok(end);
  const [found, unchanged, removed] = [
    pages.flatMap((page) => page.found),
    pages.flatMap((page) => page.unchanged),
    pages.flatMap((page) => page.removed),
  ];
  for (const one of found) stored.keep(one);
  stored.drop(({ resource }) => removed.includes(resource));
  return { found, unchanged, removed, ...end };
}

const DAILY = (title = 'Daily'): CalendarEvent =>
  event(title, {
    when: {
      allDay: false,
      start: '2027-01-05T09:00:00',
      startZone: 'Europe/Berlin',
      end: '2027-01-05T10:00:00',
      endZone: 'Europe/Berlin',
    },
    recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=30'], dates: [] },
  });

describe('changes of a Google calendar', () => {
  let setup: GoogleSetup;
  let stored: StoredState;
  let cursor: string | null;
  const start = async (options = {}): Promise<void> => {
    setup = await openGoogle(options);
    stored = new StoredState();
    cursor = null;
  };
  const poll = async (): Promise<Polled> => {
    const polled = await read(setup.side, cursor, stored);
    cursor = polled.cursor;
    return polled;
  };
  const exceptionsOf = (polled: Polled): Record<string, string> =>
    Object.fromEntries(
      Object.entries(polled.found[0]?.event?.exceptions ?? {}).map(([id, exception]) => [
        id,
        exception === EXCLUDED ? EXCLUDED : exception.title,
      ]),
    );
  afterEach(() => setup.close());

  for (const sparseTombstones of [false, true]) {
    it(
      'assigns exceptions without a master to their ' +
        `series${sparseTombstones ? ', from bare tombstones' : ''} (B7)`,
      async () => {
        await start({ sparseTombstones, instanceWriteTouchesMaster: false });
        const id = await setup.person.create(DAILY());
        await poll();
        setup.owner.patchEvent(`${id}_20270107T080000Z`, { summary: 'Changed' }, setup.calendarId);
        assert.deepEqual(exceptionsOf(await poll()), { '20270107T080000Z': 'Changed' });
        setup.owner.deleteEvent(`${id}_20270108T080000Z`, setup.calendarId);
        const polled = await poll();
        assert.deepEqual(
          polled.found.map(({ resource }) => resource),
          [id],
        );
        assert.deepEqual(exceptionsOf(polled), { '20270107T080000Z': 'Changed', '20270108T080000Z': EXCLUDED });
        setup.owner.deleteEvent(`${id}_20270107T080000Z`, setup.calendarId);
        assert.deepEqual(exceptionsOf(await poll()), { '20270107T080000Z': EXCLUDED, '20270108T080000Z': EXCLUDED });
        const again = await read(setup.side, null, stored);
        assert.equal(again.full, true);
        // An empty tombstone has another version than one with an ETag, but the same meaning.
        for (const found of again.found)
          assert.deepEqual(found.event?.exceptions, { '20270107T080000Z': EXCLUDED, '20270108T080000Z': EXCLUDED });
      },
    );
  }

  it('completes a series that is not stored: its exceptions may have arrived before their master', async () => {
    await start();
    await poll();
    const id = await setup.person.create(DAILY());
    setup.owner.deleteEvent(`${id}_20270108T080000Z`, setup.calendarId);
    // An increment with the exceptions alone.
    setup.owner.patchEvent(`${id}_20270109T080000Z`, { summary: 'Ninth' }, setup.calendarId);
    const io = onlyItems((item) => item['recurringEventId'] !== undefined);
    const side = createGoogleProvider({
      clientId: setup.google.clientId,
      clientSecret: setup.google.clientSecret,
      rootUrl: setup.google.rootUrl,
      tokenUrl: setup.google.tokenUrl,
    })
      .open({ credentials: { refreshToken: setup.owner.refreshToken }, discovered: {}, tokens: setup.tokens }, io)
      .side(setup.calendarId, SETTING);
    const polled = await read(side, cursor, stored);
    assert.deepEqual(
      polled.found.map(({ ref }) => ref),
      [id],
    );
    assert.deepEqual(exceptionsOf(polled), { '20270108T080000Z': EXCLUDED, '20270109T080000Z': 'Ninth' });
  });

  it('reports a deleted series as removed once, and confirms it', async () => {
    for (const deletedMasterExceptions of ['silent', 'follow'] as const) {
      await start({ deletedMasterExceptions });
      const id = await setup.person.create(DAILY());
      setup.owner.patchEvent(`${id}_20270107T080000Z`, { summary: 'Changed' }, setup.calendarId);
      await poll();
      setup.owner.deleteEvent(id, setup.calendarId);
      const polled = await poll();
      assert.deepEqual([polled.found.length, polled.removed], [0, [id]]);
      assert.equal((await setup.side.get([id])).get(id), 'gone');
      await setup.close();
    }
    await start();
  });

  it("reads one invited occurrence of another person's series as a separate event", async () => {
    await start();
    await poll();
    const raw = {
      id: 'foreignmaster_20270105T080000Z',
      recurringEventId: 'foreignmaster',
      iCalUID: 'foreign@example.org',
      status: 'confirmed',
      summary: 'One of theirs',
      originalStartTime: { dateTime: '2027-01-05T09:00:00+01:00', timeZone: 'Europe/Berlin' },
      ...times('2027-01-05'),
    };
    const fake = fakeCalendar({ items: [raw] });
    const polled = await read(fake.side, 'g1:t', stored);
    assert.deepEqual(
      polled.found.map(({ ref, resource }) => [ref, resource]),
      [[raw.id, raw.id]],
    );
    assert.equal(polled.found[0]?.event?.title, 'One of theirs');
    assert.equal(polled.found[0]?.event?.recurrence, null);
    assert.equal(fake.count('/events/foreignmaster'), 1);
    const hidden = await read(fakeCalendar({ items: [raw] }, undefined, 403).side, 'g1:t', new StoredState());
    assert.deepEqual(
      hidden.found.map(({ ref }) => ref),
      [raw.id],
    );
    const gone = await read(fakeCalendar({ items: [{ id: raw.id, status: 'cancelled' }] }).side, 'g1:t', stored);
    assert.deepEqual([gone.found.length, gone.removed], [0, [raw.id]]);
  });

  it('ignores items older than the stored ones', async () => {
    await start();
    const id = await setup.person.create(event('New'));
    const { found } = await poll();
    const old = {
      ...setup.owner.getEvent(id, setup.calendarId),
      summary: 'Old',
      etag: '"1"',
      updated: '2020-01-01T00:00:00.000Z',
    };
    const polled = await read(fakeCalendar({ items: [old] }).side, 'g1:t', stored);
    assert.deepEqual([polled.found.length, polled.unchanged], [0, [found[0]!.resource]]);
  });

  it('falls back to a full listing when the token is expired or unreadable (G1)', async () => {
    await start();
    await setup.person.create(event('A'));
    const first = await poll();
    setup.owner.expireSyncTokens(setup.calendarId);
    const polled = await poll();
    assert.deepEqual([polled.full, polled.found.length, polled.unchanged], [true, 0, [first.found[0]!.resource]]);
    assert.equal((await read(setup.side, 'g1:nonsense', stored)).full, true);
    assert.equal((await read(setup.side, 'of another version', stored)).full, true);
  });

  it('reads long listings page by page, and series across pages', async () => {
    await start({ maxPageSize: 3, emptyPages: 1 });
    for (let n = 0; n < 8; n += 1) await setup.person.create(event(`Single ${n}`));
    const id = await setup.person.create(DAILY());
    for (let day = 10; day < 18; day += 1)
      setup.owner.patchEvent(`${id}_202701${day}T080000Z`, { summary: `Day ${day}` }, setup.calendarId);
    const polled = await poll();
    assert.equal(polled.found.length, 9);
    assert.equal(Object.keys(polled.found.find(({ ref }) => ref === id)?.event?.exceptions ?? {}).length, 8);
    for (let day = 10; day < 18; day += 1) setup.owner.deleteEvent(`${id}_202701${day}T080000Z`, setup.calendarId);
    const next = await poll();
    assert.deepEqual(
      Object.values(exceptionsOf(next)),
      Array.from({ length: 8 }, () => EXCLUDED),
    );
  });

  it('does not follow a listing that never ends', async () => {
    await start();
    const fake = fakeCalendar({ items: [], nextPageToken: 'again' });
    await assert.rejects(
      read(fake.side, null, stored),
      (error) => error instanceof SyncError && error.kind === 'unreachable',
    );
    assert.equal(fake.count('/events'), 2);
  });

  it('keeps exceptions that a person moved together with their series', async () => {
    for (const lostExceptions of ['tombstone', 'vanish', 'orphan'] as const) {
      await start({ lostExceptions });
      const id = await setup.person.create(DAILY());
      setup.owner.patchEvent(`${id}_20270107T080000Z`, { summary: 'Changed' }, setup.calendarId);
      await poll();
      setup.owner.patchEvent(id, times('2027-01-05', '11', '12'), setup.calendarId);
      const polled = await poll();
      assert.equal(polled.found.length, 1);
      assert.equal(polled.found[0]?.event?.when.start, '2027-01-05T11:00:00');
      const full = await read(setup.side, null, new StoredState());
      const live = (one: Found | undefined): string[] =>
        Object.entries(one?.event?.exceptions ?? {})
          .filter(([, exception]) => exception !== EXCLUDED)
          .map(([key]) => key);
      assert.deepEqual(live(polled.found[0]), live(full.found[0]), lostExceptions);
      await setup.close();
    }
    await start();
  });

  it('shows cancelled occurrences of a series that was a single event meanwhile, as a full listing does', async () => {
    for (const lostExceptions of ['tombstone', 'vanish', 'orphan'] as const) {
      await start({ lostExceptions, masterWriteTouchesExceptions: false });
      const id = await setup.person.create(DAILY());
      const instance = `${id}_20270107T080000Z`;
      setup.owner.deleteEvent(instance, setup.calendarId);
      setup.owner.patchEvent(id, { recurrence: null }, setup.calendarId);
      await poll();
      setup.owner.patchEvent(id, { recurrence: ['RRULE:FREQ=DAILY;COUNT=5'] }, setup.calendarId);
      const polled = await poll();
      const full = await read(setup.side, null, new StoredState());
      assert.deepEqual(exceptionsOf(polled), exceptionsOf(full), lostExceptions);
      const shown = setup.owner.instances(id, setup.calendarId).filter(({ status }) => status !== 'cancelled');
      assert.equal(shown.length, 5 - Object.keys(exceptionsOf(full)).length, lostExceptions);
      await setup.close();
    }
    await start();
  });

  it("does not trust a time that is ahead of the server's clock", async () => {
    await start();
    const item = (updated: string): Json => ({
      id: 'abcde',
      status: 'confirmed',
      etag: '"1"',
      updated,
      ...times('2027-01-05'),
    });
    const dated = async (updated: string): Promise<Found> => {
      const { found } = await read(
        fakeCalendar({ items: [item(updated)] }, 'Tue, 05 Jan 2027 10:00:00 GMT').side,
        null,
        new StoredState(),
      );
      return found[0]!;
    };
    assert.equal((await dated('2027-01-05T10:04:00.000Z')).modifiedAt, '2027-01-05T10:04:00.000Z');
    const ahead = await dated('2027-01-05T10:06:00.000Z');
    assert.equal(ahead.modifiedAt, null);
    assert.equal(setup.side.read(ahead).modifiedAt, null);
  });

  it('fetches a few events by name, many with one listing, and reports which are gone', async () => {
    await start();
    const ids: string[] = [];
    for (let n = 0; n < 60; n += 1) ids.push(await setup.person.create(n === 7 ? DAILY() : event(`${n}`)));
    setup.owner.deleteEvent(`${ids[7]}_20270108T080000Z`, setup.calendarId);
    await setup.person.remove(ids[3]!);
    setup.google.reset();
    const answer = await setup.side.get(ids);
    assert.equal(setup.google.requests.length, 2);
    assert.equal(answer.get(ids[3]!), 'gone');
    const series = answer.get(ids[7]!);
    assert.ok(Array.isArray(series));
    assert.deepEqual((series as Found[])[0]?.event?.exceptions, { '20270108T080000Z': EXCLUDED });
    assert.equal((await setup.side.get(['neverwas'])).get('neverwas'), 'gone');
  });

  it('FC12: answers for a mass deletion from one listing', async () => {
    await start();
    const ids: string[] = [];
    for (let n = 0; n < 300; n += 1) ids.push(await setup.person.create(event(`${n}`)));
    for (const id of ids.slice(20)) await setup.person.remove(id);
    setup.google.reset();
    const answer = await setup.side.get(ids);
    assert.equal([...answer.values()].filter((one) => one === 'gone').length, 280);
    assert.equal(setup.google.requests.filter(({ path }) => path.includes('/events')).length, 1);
    assert.ok(setup.side.getsAtOnce! >= 300);
  });

  it('does not accept a 404 as confirmation when the calendar is missing too, or lags behind', async () => {
    await start({ notFoundLag: 1 });
    const id = await setup.person.create(event('New'));
    assert.notEqual((await setup.side.get([id])).get(id), 'gone');
    setup.owner.removeCalendar(setup.calendarId);
    await assert.rejects(
      setup.side.get(['other']),
      (error) => error instanceof SyncError && error.kind === 'calendar-missing',
    );
  });

  it('distinguishes a sign-in without the scope from a missing calendar', async () => {
    await start();
    setup.google.fail({ match: '/events', status: 403, reason: 'insufficientPermissions' });
    await assert.rejects(poll(), (error) => error instanceof SyncError && error.kind === 'auth');
    setup.google.fail({ match: '/events', status: 403, reason: 'rateLimitExceeded' });
    await assert.rejects(poll(), (error) => error instanceof SyncError && error.kind === 'throttled');
    setup.google.fail({ match: '/events', status: 403, reason: 'requiredAccessLevel' });
    await assert.rejects(poll(), (error) => error instanceof SyncError && error.kind === 'calendar-missing');
  });
});

function times(date: string, from = '09', to = '10'): Json {
  return {
    start: { dateTime: `${date}T${from}:00:00+01:00`, timeZone: 'Europe/Berlin' },
    end: { dateTime: `${date}T${to}:00:00+01:00`, timeZone: 'Europe/Berlin' },
  };
}

/** The fake, with only some items of its increments. */
function onlyItems(keep: (item: Json) => boolean): Io {
  return {
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      if (!String(input).includes('syncToken=')) return answer;
      const body = (await answer.json()) as { items: Json[] };
      return Response.json({ ...body, items: body.items.filter(keep) });
    },
  };
}

/** A calendar that returns one page, and finds no event by name. */
function fakeCalendar(
  page: Json,
  date = new Date().toUTCString(),
  status = 404,
): { side: Side; count(path: string): number } {
  const paths: string[] = [];
  const io: Io = {
    fetch: async (input) => {
      const { pathname } = new URL(String(input));
      paths.push(pathname);
      if (pathname.endsWith('/events')) return Response.json({ nextSyncToken: 'next', ...page }, { headers: { date } });
      return Response.json({ error: { code: status, message: 'No', errors: [{ reason: 'no' }] } }, { status });
    },
  };
  const tokens = new MemoryTokens();
  tokens.token = { accessToken: 'a', expiresAt: Date.now() + 3_600_000 };
  const account = createGoogleProvider({ clientId: 'a', clientSecret: 'b' }).open(
    { credentials: { refreshToken: 'x' }, discovered: {}, tokens },
    io,
  );
  return { side: account.side('c', SETTING), count: (path) => paths.filter((one) => one.endsWith(path)).length };
}
