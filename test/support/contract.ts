/**
 * What every `Side` must do, whatever service is behind it. The caller opens an empty calendar and a client for a
 * person who uses it; the suite does the rest.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type CalendarEvent, changedPaths, EXCLUDED } from '../../core/event.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import type { Found, Side, Written } from '../../providers/provider.ts';
import { event, samples } from './events.ts';
import { StoredState } from './stored-state.ts';

export { event } from './events.ts';
export { StoredState } from './stored-state.ts';

/** One empty calendar. */
export interface ContractSetup {
  readonly side: Side;
  /** Requests that the side has made so far. */
  requests(): number;
  /** The client of a person, independent of Calpair. Events are identified by their resource. */
  readonly person: {
    create(event: CalendarEvent): Promise<string>;
    edit(resource: string, event: CalendarEvent): Promise<void>;
    remove(resource: string): Promise<void>;
    /** All resources in the calendar. */
    list(): Promise<string[]>;
    /** Creates an event with data that Calpair does not sync (reminder, extended properties). */
    createWithBaggage?(event: CalendarEvent): Promise<string>;
    /** That data, in a form that can be compared. */
    baggage?(resource: string): Promise<string>;
    /** Creates under a name that needs quoting. */
    createOddlyNamed?(event: CalendarEvent): Promise<string>;
    /** Puts another person's event under the name that `create(…, key, generation)` would use. */
    occupy?(event: CalendarEvent, key: string, generation: number): Promise<void>;
  };
  /** Deletes the calendar; always the last call. */
  dropCalendar?(): Promise<void>;
  close(): Promise<void>;
}

/** What a service does not support. */
export interface Differences {
  /** Reasons by title of the test that does not apply. */
  readonly skip?: Readonly<Record<string, string>>;
}

export function contract(name: string, open: () => Promise<ContractSetup>, { skip = {} }: Differences = {}): void {
  describe(`the contract of a side: ${name}`, () => {
    let setup: ContractSetup;
    const stored = new StoredState();
    let cursor: string | null = null;
    const key = (n: number): string => `019300aa-0000-7000-8000-${String(n).padStart(12, '0')}`;
    const test = (title: string, run: (t: { skip(reason: string): void }) => Promise<void>): void => {
      it(title, { skip: skip[title] ?? false }, run);
    };
    const poll = async (): Promise<Polled> => {
      const polled = await pollAll(setup.side, cursor, stored);
      cursor = polled.cursor;
      return polled;
    };

    before(async () => {
      setup = await open();
    });
    after(() => setup?.close());

    test('lists an empty calendar', async () => {
      const polled = await poll();
      assert.equal(polled.full, true);
      assert.deepEqual([polled.found.length, polled.unchanged.length, polled.removed.length], [0, 0, 0]);
    });

    test('reports what a person created, edited and deleted', async () => {
      const [a, b, c] = [
        await setup.person.create(event('A')),
        await setup.person.create(event('B')),
        await setup.person.create(event('C')),
      ];
      await poll();
      assert.deepEqual(stored.titles(), ['A', 'B', 'C']);
      await setup.person.edit(a, event('A changed'));
      await setup.person.remove(b);
      const created = await setup.person.create(event('D'));
      const polled = await poll();
      const found = new Map(polled.found.map((one) => [one.resource, one.event?.title]));
      assert.deepEqual([found.get(a), found.get(created)], ['A changed', 'D']);
      // A service may repeat an earlier report unchanged (SOGo does within a second).
      for (const [resource, title] of found)
        assert.ok([a, created].includes(resource) || (resource === c && title === 'C'));
      assert.ok(polled.full || polled.removed.includes(b), 'a deletion is reported, or the listing is a full one');
      assert.deepEqual(stored.titles(), ['A changed', 'C', 'D']);
    });

    test('costs one request when nothing has changed', async () => {
      // SOGo's tokens count seconds: within the same second it repeats the last changes.
      await settle(setup, poll);
      const before = setup.requests();
      const polled = await poll();
      assert.equal(setup.requests() - before, 1);
      assert.deepEqual(polled.found, []);
      assert.deepEqual(polled.removed, []);
    });

    test('names everything once in a full listing, and does not fetch what is stored', async () => {
      const polled = await pollAll(setup.side, null, stored);
      assert.equal(polled.full, true);
      assert.equal(polled.found.length, 0);
      assert.deepEqual([...polled.unchanged].sort(), (await setup.person.list()).sort());
    });

    test('falls back to a full listing when the cursor is refused or unreadable', async () => {
      for (const bad of [
        'nonsense',
        cursor!.replace(/\w(?=\W*$)/, '~'),
        JSON.stringify({ mode: 'sync', token: 'data:,nonsense' }),
      ]) {
        const polled = await pollAll(setup.side, bad, new StoredState());
        assert.deepEqual(new Set(polled.found.map(({ resource }) => resource)), new Set(await setup.person.list()));
      }
    });

    test('confirms what it created: text, zones, all-day, a series with exceptions', async () => {
      for (const [index, next] of samples().entries()) {
        const written = await setup.side.create(next, key(index), 0);
        const found = await readBack(setup.side, written);
        assert.deepEqual(changedPaths(next, found.event!), [], `sample ${index}`);
        assert.deepEqual(changedPaths(setup.side.read(found).event!, found.event!), []);
        stored.keep(found);
      }
    });

    test('does not report its own writes as changes', async () => {
      await settle(setup, poll);
      const polled = await poll();
      assert.deepEqual(
        polled.found.map(({ event: one }) => one?.title),
        [],
      );
    });

    test('finds the event of an earlier attempt when a create is repeated', async () => {
      const next = event('Repeated');
      const first = await setup.side.create(next, key(20), 0);
      const count = (await setup.person.list()).length;
      const second = await setup.side.create(next, key(20), 0);
      assert.equal(second.ref, first.ref);
      assert.equal((await setup.person.list()).length, count);
    });

    test("leaves another person's event alone, and uses the next generation", async (t) => {
      if (setup.person.occupy === undefined) return t.skip('another client cannot take a name here');
      await setup.person.occupy(event('Of another person'), key(21), 0);
      await rejectsWith('id-taken', setup.side.create(event('Mine'), key(21), 0));
      const found = await readBack(setup.side, await setup.side.create(event('Mine'), key(21), 1));
      assert.equal(found.event?.title, 'Mine');
    });

    test('confirms by name which events exist and which are gone', async () => {
      const [here, gone] = [await setup.person.create(event('Here')), await setup.person.create(event('Gone'))];
      await setup.person.remove(gone);
      const results = await setup.side.get([gone, here]);
      assert.equal(results.get(gone), 'gone');
      const found = results.get(here);
      assert.ok(found !== undefined && found !== 'gone');
      assert.deepEqual(
        found.map(({ event: one }) => one?.title),
        ['Here'],
      );
      assert.equal((await setup.side.get([gone])).get(gone), 'gone');
      assert.equal((await setup.side.get([])).size, 0);
    });

    test('changes exactly the fields that differ', async (t) => {
      if (setup.person.createWithBaggage === undefined || setup.person.baggage === undefined)
        return t.skip('a person has no other data here');
      const resource = await setup.person.createWithBaggage(event('With baggage'));
      const baggage = await setup.person.baggage(resource);
      assert.notEqual(baggage, '');
      const found = await getOne(setup.side, resource);
      const next = { ...found.event!, title: 'Other title', location: 'Elsewhere' };
      const after = await readBack(setup.side, await setup.side.update(found, next));
      assert.deepEqual(changedPaths(next, after.event!), []);
      assert.equal(await setup.person.baggage(resource), baggage);
    });

    test('changes a series: one occurrence moved, one excluded, the rest unchanged', async () => {
      const series = samples().at(-1)!;
      const resource = await setup.person.create({ ...series, uid: 'series-of-a-person' });
      const found = await getOne(setup.side, resource);
      const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = found.event!;
      const when = {
        allDay: false,
        start: '2027-01-20T11:00:00',
        startZone: 'Europe/Berlin',
        end: '2027-01-20T12:00:00',
        endZone: 'Europe/Berlin',
      } as const;
      const next: CalendarEvent = {
        ...found.event!,
        exceptions: {
          ...found.event!.exceptions,
          '20270120T080000Z': { ...content, when },
          '20270127T080000Z': EXCLUDED,
        },
      };
      const after = await readBack(setup.side, await setup.side.update(found, next));
      assert.deepEqual(changedPaths(next, after.event!), []);
    });

    test('refuses to overwrite or delete an event that has changed meanwhile', async () => {
      const resource = await setup.person.create(event('Race'));
      const found = await getOne(setup.side, resource);
      await setup.person.edit(resource, { ...event('Race won by the person'), uid: found.event!.uid });
      await rejectsWith('stale', setup.side.update(found, { ...found.event!, title: 'Race lost' }));
      await rejectsWith('stale', setup.side.remove(found));
      assert.equal((await getOne(setup.side, resource)).event?.title, 'Race won by the person');
    });

    test('does not restore an event that a person deleted', async () => {
      const resource = await setup.person.create(event('Deleted meanwhile'));
      const found = await getOne(setup.side, resource);
      await setup.person.remove(resource);
      await rejectsWith(['gone', 'stale'], setup.side.update(found, { ...found.event!, title: 'Zombie' }));
      assert.equal((await setup.side.get([resource])).get(resource), 'gone');
    });

    test('deletes, and accepts a second deletion', async () => {
      const resource = await setup.person.create(event('To be deleted'));
      const found = await getOne(setup.side, resource);
      await setup.side.remove(found);
      assert.equal((await setup.side.get([resource])).get(resource), 'gone');
      await setup.side.remove(found);
    });

    test('handles a name that needs quoting (G19)', async (t) => {
      if (setup.person.createOddlyNamed === undefined) return t.skip('a person cannot choose names here');
      await poll();
      await setup.person.createOddlyNamed(event('Odd name'));
      const polled = await poll();
      const found = polled.found.find((one) => one.event?.title === 'Odd name');
      assert.ok(found, 'it is reported');
      const again = await getOne(setup.side, found.resource);
      const after = await readBack(
        setup.side,
        await setup.side.update(again, { ...again.event!, title: 'Odd name, changed' }),
      );
      stored.keep(after);
      await settle(setup, poll);
      assert.deepEqual((await poll()).found, []);
      assert.deepEqual(
        stored.titles().filter((title) => title.startsWith('Odd name')),
        ['Odd name, changed'],
      );
      await setup.side.remove(after);
      assert.equal((await setup.side.get([after.resource])).get(after.resource), 'gone');
    });

    test('notices that a name was deleted and used again for another event', async (t) => {
      if (setup.person.createOddlyNamed === undefined) return t.skip('a person cannot choose names here');
      const resource = await setup.person.createOddlyNamed(event('First of this name'));
      await settle(setup, poll);
      await setup.person.remove(resource);
      await setup.person.createOddlyNamed(event('Second of this name'));
      await poll();
      assert.deepEqual(
        stored.titles().filter((title) => title.endsWith('of this name')),
        ['Second of this name'],
      );
    });

    test('reads and lists more events than fit into one request', async () => {
      const resources: string[] = [];
      for (let index = 0; index < MANY; index += 1) resources.push(await setup.person.create(event(`Many ${index}`)));
      const results = await setup.side.get(resources);
      assert.equal(results.size, MANY);
      for (const [index, resource] of resources.entries()) {
        const found = results.get(resource);
        assert.ok(found !== undefined && found !== 'gone' && found[0]?.event?.title === `Many ${index}`);
      }
      await poll();
      assert.equal(stored.titles().filter((title) => title.startsWith('Many ')).length, MANY);
    });

    test('reports a missing calendar as missing, not its events as deleted', async (t) => {
      if (setup.dropCalendar === undefined) return t.skip('the calendar cannot be deleted here');
      const resources = await setup.person.list();
      await setup.dropCalendar();
      await rejectsWith('calendar-missing', pollAll(setup.side, cursor, stored));
      await rejectsWith('calendar-missing', pollAll(setup.side, null, stored));
      await rejectsWith('calendar-missing', setup.side.get(resources.slice(0, 2)));
    });
  });
}

/** More than a side requests at once. */
const MANY = 105;

interface Polled {
  readonly found: Found[];
  readonly unchanged: string[];
  readonly removed: string[];
  readonly named: Set<string>;
  readonly cursor: string;
  readonly full: boolean;
}

/** A complete poll; its results are kept in `stored`. */
async function pollAll(side: Side, cursor: string | null, stored: StoredState): Promise<Polled> {
  const polled = { found: [] as Found[], unchanged: [] as string[], removed: [] as string[] };
  let end: { cursor: string; full: boolean } | undefined;
  for await (const page of side.changes(cursor, stored)) {
    assert.equal(end, undefined, 'the end is on the last page');
    polled.found.push(...page.found);
    polled.unchanged.push(...page.unchanged);
    polled.removed.push(...page.removed);
    end = page.end;
  }
  assert.ok(end, 'the last page has an end');
  const named = new Set([...polled.found.map(({ resource }) => resource), ...polled.unchanged]);
  if (end.full)
    assert.equal(
      named.size,
      new Set(polled.found.map(({ ref }) => ref)).size + polled.unchanged.length,
      'each resource is named once',
    );
  for (const found of polled.found) stored.keep(found);
  stored.drop(
    ({ resource, ref }) => polled.removed.includes(resource) && !polled.found.some((found) => found.ref === ref),
  );
  if (end.full) stored.drop(({ resource }) => !named.has(resource));
  return { ...polled, named, ...end };
}

/** Polls until the service repeats nothing. */
async function settle(setup: ContractSetup, poll: () => Promise<Polled>): Promise<void> {
  for (let round = 0; round < 30; round += 1) {
    const before = setup.requests();
    const { found, removed, unchanged } = await poll();
    if (found.length === 0 && removed.length === 0 && unchanged.length === 0 && setup.requests() - before === 1) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function getOne(side: Side, resource: string): Promise<Found> {
  const found = (await side.get([resource])).get(resource);
  assert.ok(found !== undefined && found !== 'gone' && found.length === 1, 'one event is there');
  return found[0]!;
}

/** The event after a write: the confirmed result of the write, or what the side reads now. */
async function readBack(side: Side, written: Written): Promise<Found> {
  if (written.confirmed) return written;
  const found = (await side.get([written.resource])).get(written.resource);
  assert.ok(found !== undefined && found !== 'gone', 'the written event is there');
  const one = found.find(({ ref }) => ref === written.ref);
  assert.ok(one, 'under its ref');
  return one;
}

async function rejectsWith(kinds: SyncErrorKind | readonly SyncErrorKind[], promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof SyncError, String(error));
    assert.ok([kinds].flat().includes(error.kind), `${error.kind}: ${error.message}`);
    return true;
  });
}
