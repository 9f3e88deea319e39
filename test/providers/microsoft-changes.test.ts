/**
 * What Graph's behaviour requires when changes are read: a window, skeletons, unreported deletions, and hints that are
 * no proof.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { type CalendarEvent, EXCLUDED } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { ChangePage, Found } from '../../providers/provider.ts';
import { event, StoredState } from '../support/contract.ts';
import { type GraphSetup, openGraph } from '../support/contract-graph.ts';

interface Polled {
  readonly found: readonly Found[];
  readonly unchanged: readonly string[];
  readonly removed: readonly string[];
  readonly cursor: string;
  readonly full: boolean;
}

const DAY_MS = 86_400_000;
/** The date `days` days from now: the window depends on the clock. */
const dayFrom = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
const on = (date: string): CalendarEvent['when'] => ({
  allDay: false,
  start: `${date}T09:00:00`,
  startZone: 'UTC',
  end: `${date}T10:00:00`,
  endZone: 'UTC',
});
const daily = (title = 'Daily', days = 3): CalendarEvent =>
  event(title, { when: on(dayFrom(days)), recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=10'], dates: [] } });
const idOn = (days: number): string => `${dayFrom(days).replaceAll('-', '')}T090000Z`;

describe('changes of a Microsoft calendar', () => {
  let setup: GraphSetup;
  let stored: StoredState;
  let cursor: string | null;
  const start = async (options: Parameters<typeof openGraph>[0] = {}): Promise<void> => {
    setup = await openGraph(options);
    stored = new StoredState();
    cursor = null;
  };
  const poll = async (): Promise<Polled> => {
    const pages: ChangePage[] = [];
    for await (const page of setup.side.changes(cursor, stored)) pages.push(page);
    const end = pages.at(-1)?.end;
    assert.ok(end);
    const [found, unchanged, removed] = [
      pages.flatMap((page) => page.found),
      pages.flatMap((page) => page.unchanged),
      pages.flatMap((page) => page.removed),
    ];
    for (const one of found) stored.keep(one);
    cursor = end.cursor;
    return { found, unchanged, removed, ...end };
  };
  const oid = (id: string, days: number): string => `OID.${id}.${dayFrom(days)}`;
  const titles = ({ found }: Polled): unknown[] => found.map(({ event: one }) => one?.title).sort();
  const exceptionsOf = (polled: Polled): Record<string, string> =>
    Object.fromEntries(
      Object.entries(polled.found[0]?.event?.exceptions ?? {}).map(([id, exception]) => [
        id,
        exception === EXCLUDED ? EXCLUDED : exception.title,
      ]),
    );
  /** Sets the last full comparison to six hours ago. */
  const dueForComparison = (): void => {
    cursor = cursor!.replace(/"comparedAt":\d+/, `"comparedAt":${Date.now() - 6 * 3_600_000}`);
  };
  afterEach(() => setup.close());

  it('fetches masters: rows of occurrences are skeletons, never events (E17)', async () => {
    await start();
    await poll();
    const id = await setup.person.create(daily());
    const polled = await poll();
    assert.deepEqual(
      polled.found.map(({ resource }) => resource),
      [id],
    );
    assert.equal(polled.full, false);
    assert.equal(polled.found[0]!.event!.recurrence!.rules.length, 1);
    // The master, then with its exceptions, of which this mailbox has never listed one: so its occurrences as a list.
    assert.equal(setup.graph.count(/^GET .*\/events\/./), 3);
    assert.equal(setup.graph.count(/^GET .*\/instances/), 1);
  });

  for (const exceptionRows of ['full', 'skeleton', 'absent'] as const) {
    it(`finds a changed occurrence whose row is ${exceptionRows}`, async () => {
      await start({ exceptionRows });
      const id = await setup.person.create(daily());
      await poll();
      setup.owner.patchEvent(oid(id, 5), { subject: 'Changed' });
      assert.deepEqual(exceptionsOf(await poll()), { [idOn(5)]: 'Changed' });
    });
  }

  it('finds a changed series of which only occurrences have rows', async () => {
    await start({ masterRows: false });
    const id = await setup.person.create(daily());
    assert.deepEqual(titles(await poll()), ['Daily']);
    setup.owner.patchEvent(oid(id, 5), { subject: 'Changed' });
    assert.deepEqual(exceptionsOf(await poll()), { [idOn(5)]: 'Changed' });
  });

  it('finds a deleted occurrence, which no round reports, with the full comparison (E19)', async () => {
    await start();
    const id = await setup.person.create(daily());
    await setup.person.create(event('Other', { when: on(dayFrom(1)) }));
    await poll();
    setup.owner.deleteEvent(oid(id, 5));
    assert.deepEqual((await poll()).found, []);
    dueForComparison();
    const polled = await poll();
    assert.equal(polled.full, true);
    assert.deepEqual([titles(polled), polled.unchanged.length], [['Daily'], 1]);
    assert.deepEqual(exceptionsOf(polled), { [idOn(5)]: EXCLUDED });
    const quiet = await poll();
    assert.deepEqual([quiet.full, quiet.found], [false, []]);
  });

  it('FC12: a full comparison that broke off goes on with what is stored', async () => {
    await start();
    for (let n = 0; n < 250; n += 1) await setup.person.create(event(`${n}`, { when: on(dayFrom(n % 30)) }));
    setup.graph.fail({ match: /\/events\?.*skip/, status: 429, retryAfter: 60 });
    const readSome = async (): Promise<void> => {
      for await (const page of setup.side.changes(null, stored)) for (const one of page.found) stored.keep(one);
    };
    await assert.rejects(readSome(), (error) => error instanceof SyncError && error.kind === 'throttled');
    const polled = await poll();
    assert.deepEqual([polled.unchanged.length, polled.found.length, polled.full], [200, 50, true]);
  });

  it('does not report an event outside the window as gone, and finds its change (E19)', async () => {
    await start();
    const far = await setup.person.create(event('Far', { when: on('2035-05-05') }));
    assert.deepEqual(titles(await poll()), ['Far']);
    setup.owner.patchEvent(far, { subject: 'Far, changed' });
    const polled = await poll();
    assert.deepEqual([titles(polled), polled.removed, polled.full], [['Far, changed'], [], false]);
    await setup.person.create(event('Far and new', { when: on('2035-05-06') }));
    assert.deepEqual(titles(await poll()), ['Far and new']);
  });

  it('reports an event that left the window as changed, and a deleted one as removed', async () => {
    await start();
    const [moved, gone] = [
      await setup.person.create(event('Moved', { when: on(dayFrom(2)) })),
      await setup.person.create(event('Gone', { when: on(dayFrom(2)) })),
    ];
    await poll();
    await setup.person.edit(moved, event('Moved', { when: on('2036-01-01') }));
    await setup.person.remove(gone);
    const polled = await poll();
    assert.deepEqual([titles(polled), polled.removed, polled.full], [['Moved'], [gone], false]);
  });

  for (const removedSeries of ['master', 'occurrences', 'both'] as const) {
    it(`finds a deleted series when @removed names ${removedSeries}`, async () => {
      await start({ removedSeries });
      const id = await setup.person.create(daily());
      await setup.person.create(event('Stays', { when: on(dayFrom(1)) }));
      await poll();
      await setup.person.remove(id);
      const polled = await poll();
      assert.deepEqual([polled.removed, polled.found, polled.full], [[id], [], false]);
    });
  }

  for (const [syncStateStatus, syncStateCode] of [
    [410, 'SyncStateNotFound'],
    [404, 'syncStateNotFound'],
    [400, 'resyncRequired'],
  ] as const) {
    it(`compares everything when the link has expired: ${syncStateStatus} ${syncStateCode}`, async () => {
      await start({ syncStateStatus, syncStateCode });
      const id = await setup.person.create(event('Here', { when: on(dayFrom(1)) }));
      await poll();
      setup.owner.expireSyncTokens(setup.calendarId);
      const polled = await poll();
      assert.deepEqual([polled.full, polled.unchanged, polled.found], [true, [id], []]);
    });
  }

  it('compares everything when the link expires on a later page, also in the first round (G2)', async () => {
    await start({ maxPageSize: 1 });
    for (const title of ['A', 'B', 'C']) await setup.person.create(event(title, { when: on(dayFrom(1)) }));
    setup.graph.fail({ match: /delta\?.*skiptoken/, status: 410, reason: 'SyncStateNotFound' });
    const first = await poll();
    assert.deepEqual([titles(first), first.full], [['A', 'B', 'C'], true]);
    for (const title of ['D', 'E', 'F']) await setup.person.create(event(title, { when: on(dayFrom(1)) }));
    setup.graph.fail({ match: /delta\?.*skiptoken/, status: 410, reason: 'SyncStateNotFound' });
    const polled = await poll();
    assert.deepEqual([titles(polled), polled.full], [['D', 'E', 'F'], true]);
  });

  it('uses a shorter window where the service does not finish a long one', async () => {
    await start();
    await setup.person.create(daily());
    setup.graph.fail({ match: /calendarView\/delta/, status: 504, reason: 'UnknownError' });
    assert.deepEqual(titles(await poll()), ['Daily']);
    const windows = setup.graph.requests
      .filter(({ path }) => path.endsWith('/delta'))
      .map(({ query }) => Date.parse(String(query['endDateTime'])));
    assert.equal(windows.length, 2);
    assert.ok(windows[1]! < windows[0]!);
  });

  it('handles empty pages and repeated rows', async () => {
    await start({ emptyPages: 2, duplicates: true, maxPageSize: 1, removedInFirstRound: true });
    const id = await setup.person.create(event('Twice', { when: on(dayFrom(1)) }));
    await poll();
    setup.owner.patchEvent(id, { subject: 'Twice, changed' });
    await setup.person.create(daily());
    assert.deepEqual(titles(await poll()), ['Daily', 'Twice, changed']);
  });

  it('fetches all named events in few round trips', async () => {
    await start();
    await poll();
    for (let index = 0; index < 30; index += 1)
      await setup.person.create(event(`Single ${index}`, { when: on(dayFrom(1)) }));
    const before = setup.requests();
    assert.equal((await poll()).found.length, 30);
    // One round and two batches.
    assert.equal(setup.requests() - before, 3);
  });

  it('does not follow a link to another host', async () => {
    await start();
    await poll();
    cursor = cursor!.replace(setup.graph.rootUrl, 'http://elsewhere.example/');
    assert.equal((await poll()).full, true);
    assert.equal(setup.graph.count('elsewhere'), 0);
  });

  it('reads a series by its occurrences where lists of exceptions are unavailable, and fetches each gap', async () => {
    for (const exceptionLists of ['absent', 'refused'] as const) {
      await start({ exceptionLists, instancesLoseExceptions: true });
      const id = await setup.person.create(daily());
      setup.owner.patchEvent(oid(id, 5), { subject: 'Changed' });
      setup.owner.deleteEvent(oid(id, 6));
      assert.deepEqual(exceptionsOf(await poll()), { [idOn(5)]: 'Changed', [idOn(6)]: EXCLUDED }, exceptionLists);
      if (exceptionLists === 'absent') await setup.close();
    }
  });

  it('does not trust an empty list of exceptions when a row reported one', async () => {
    await start({ exceptionLists: 'noExceptions' });
    const id = await setup.person.create(daily());
    setup.owner.patchEvent(oid(id, 5), { subject: 'Changed' });
    assert.deepEqual(exceptionsOf(await poll()), { [idOn(5)]: 'Changed' });
  });

  it('does not trust it either where the stored series has exceptions, even far outside the window', async () => {
    await start();
    const id = await setup.person.create(
      event('Far', { when: on('2035-05-01'), recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=10'], dates: [] } }),
    );
    setup.owner.patchEvent(`OID.${id}.2035-05-05`, { subject: 'Changed' });
    const expected = { '20350505T090000Z': 'Changed' };
    assert.deepEqual(exceptionsOf(await poll()), expected);
    setup.graph.setBehaviour({ exceptionLists: 'noExceptions' });
    for (const displayName of ['Hall', 'Garden']) {
      setup.owner.patchEvent(id, { location: { displayName } });
      assert.deepEqual(exceptionsOf(await poll()), expected, displayName);
      dueForComparison();
    }
    setup.owner.deleteEvent(`OID.${id}.2035-05-05`);
    dueForComparison();
    assert.deepEqual(exceptionsOf(await poll()), { '20350505T090000Z': EXCLUDED });
  });

  it('does not trust empty lists of exceptions of a changed series as long as none was ever filled', async () => {
    const far = (title: string): CalendarEvent =>
      event(title, { when: on('2035-05-01'), recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=10'], dates: [] } });
    const expected = { '20350505T090000Z': 'Changed' };
    await start({ exceptionLists: 'noExceptions' });
    const id = await setup.person.create(far('Far'));
    assert.deepEqual(exceptionsOf(await poll()), {});
    setup.owner.patchEvent(`OID.${id}.2035-05-05`, { subject: 'Changed' });
    setup.owner.patchEvent(id, { location: { displayName: 'Hall' } });
    assert.deepEqual(exceptionsOf(await poll()), expected);

    const fresh = await setup.person.create(far('New'));
    setup.owner.patchEvent(`OID.${fresh}.2035-05-05`, { subject: 'Changed' });
    dueForComparison();
    const found = [...(await poll()).found.values()].find(({ ref }) => ref === fresh);
    assert.equal(Object.values(found?.event?.exceptions ?? {}).length, 1);
  });

  it('reads a list of exceptions to its end: missing ones would count as reverted', async () => {
    await start({ exceptionPage: 2 });
    const id = await setup.person.create(daily());
    const days = [4, 5, 6, 7, 8];
    for (const day of days) setup.owner.patchEvent(oid(id, day), { subject: `Changed ${day}` });
    assert.deepEqual(exceptionsOf(await poll()), Object.fromEntries(days.map((day) => [idOn(day), `Changed ${day}`])));
  });

  it('does not report an event as gone that exists under another name', async () => {
    await start();
    const id = await setup.person.create(event('There'));
    const renamed: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      return String(input).includes('/events/')
        ? new Response((await response.text()).replaceAll(id, `${id.slice(0, -2)}AB`), response)
        : response;
    };
    assert.deepEqual(await setup.openWith(renamed).get([id]), new Map());
  });

  it('FB5: knows from the calendar whether private events without details have some', async () => {
    await start();
    const visibility = 'private';
    for (const one of [
      event('Empty', { visibility }),
      event('Full', { visibility, description: 'Text' }),
      daily('Open'),
    ])
      await setup.person.create(one);
    const hidden = async (): Promise<unknown[]> => {
      cursor = null;
      stored = new StoredState();
      return (await poll()).found.map(({ event: one, hidesDetails }) => [one?.title, hidesDetails]).sort();
    };
    const asks = () => setup.graph.requests.filter((one) => JSON.stringify(one).includes('canViewPrivateItems')).length;
    assert.deepEqual(await hidden(), [
      ['Empty', undefined],
      ['Full', undefined],
      ['Open', undefined],
    ]);
    assert.equal(asks(), 1);
    setup.owner.setAccessRole('writer', setup.calendarId);
    assert.deepEqual(await hidden(), [
      ['Open', undefined],
      ['Private Appointment', true],
      ['Private Appointment', true],
    ]);
    assert.equal(asks(), 2);
  });

  it('distinguishes a calendar without access from one without changes', async () => {
    await start();
    await poll();
    setup.graph.fail({ match: /delta/, status: 403, reason: 'ErrorAccessDenied' });
    await assert.rejects(poll(), (error) => error instanceof SyncError && error.kind === 'calendar-missing');
    setup.graph.fail({ match: /delta/, status: 429, retryAfter: 7 });
    await assert.rejects(
      poll(),
      (error) => error instanceof SyncError && error.kind === 'throttled' && error.retryAfterMs === 7000,
    );
  });
});
