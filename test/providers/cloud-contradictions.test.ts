/**
 * Services that contradict themselves, or fail for one event: no event is taken for deleted, and everything else goes
 * on.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { type CalendarEvent, EXCLUDED } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { eventId } from '../../providers/google/write.ts';
import type { ChangePage, Found, Written } from '../../providers/provider.ts';
import { type ContractSetup, event, StoredState } from '../support/contract.ts';
import { type GoogleSetup, openGoogle } from '../support/contract-google.ts';
import { type GraphSetup, openGraph } from '../support/contract-graph.ts';

const KEY = '019300aa-0000-7000-8000-000000000001';
const DAY_MS = 86_400_000;
const dayFrom = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
const at = (days: number): CalendarEvent['when'] => ({
  allDay: false,
  start: `${dayFrom(days)}T09:00:00`,
  startZone: 'UTC',
  end: `${dayFrom(days)}T10:00:00`,
  endZone: 'UTC',
});
const SINGLE = event('Single', { when: at(3) });
const SERIES = event('Series', { when: at(4), recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=5'], dates: [] } });
const SECOND = `${dayFrom(11).replaceAll('-', '')}T090000Z`;

interface Setup extends ContractSetup {
  readonly fake: GoogleSetup['google'] | GraphSetup['graph'];
  /** A pattern for the requests about one event. */
  readonly requestFor: (ref: string) => string;
}

const CLOUDS: readonly (readonly [name: string, open: () => Promise<Setup>])[] = [
  [
    'Google',
    async () => {
      const setup = await openGoogle();
      return { ...setup, fake: setup.google, requestFor: (ref) => `GET .*/events/${ref}(_|\\?|$)` };
    },
  ],
  [
    'Graph',
    async () => {
      const setup = await openGraph({ latencyMs: 0 });
      return { ...setup, fake: setup.graph, requestFor: (ref) => `GET .*/events/${ref}[/?]` };
    },
  ],
];

for (const [name, open] of CLOUDS) {
  describe(`a ${name} that contradicts itself`, () => {
    let setup: Setup;
    let stored = new StoredState();
    let cursor: string | null = null;
    const start = async (): Promise<void> => {
      setup = await open();
      stored = new StoredState();
      cursor = null;
    };
    afterEach(() => setup.close());

    const poll = async (): Promise<{ found: Found[]; removed: string[]; unchanged: string[]; full: boolean }> => {
      const pages: ChangePage[] = [];
      for await (const page of setup.side.changes(cursor, stored)) pages.push(page);
      const found = pages.flatMap((page) => page.found);
      for (const one of found) stored.keep(one);
      const { cursor: next, full } = pages.at(-1)!.end!;
      cursor = next;
      return {
        found,
        removed: pages.flatMap((page) => page.removed),
        unchanged: pages.flatMap((page) => page.unchanged),
        full,
      };
    };
    const isUnread = (found: readonly Found[], ref: string): void => {
      const one = found.find((each) => each.ref === ref);
      assert.ok(one, 'nothing is said about the event');
      assert.equal(one.event, null);
      assert.deepEqual(
        one.problems.map(({ code }) => code),
        ['unreadable'],
      );
      // The same, read from what is stored.
      assert.deepEqual(setup.side.read(one).problems, one.problems);
    };
    const editTitle = async (ref: string, series: CalendarEvent, title: string): Promise<void> =>
      setup.person.edit(ref, { ...series, title });

    for (const [what, one] of [
      ['an event', SINGLE],
      ['a series', SERIES],
    ] as const) {
      it(`FB1: keeps ${what} that changes name and that is not found by its name`, async () => {
        await start();
        const other = await setup.person.create(event('Other', { when: at(5) }));
        const ref = await setup.person.create(one);
        await poll();
        await editTitle(ref, one, 'Edited');
        await editTitle(other, event('Other', { when: at(5) }), 'Other, edited');
        setup.fake.fail({ match: setup.requestFor(ref), status: 404, times: 100 });
        const { found, removed } = await poll();
        assert.deepEqual(removed, []);
        assert.ok(found.some((each) => each.event?.title === 'Other, edited'));
        const own = found.find((each) => each.ref === ref);
        if (own?.event === null || !own) isUnread(found, ref);
        else assert.equal(own.event.title, 'Edited');
        // Later rounds do not name it.
        for (let round = 0; round < 2; round += 1) {
          const later = await poll();
          assert.deepEqual(later.removed, []);
          if (own?.event === null) isUnread(later.found, ref);
        }
        // What the listing has, is there.
        const answer = (await setup.side.get([ref])).get(ref);
        assert.ok(answer !== 'gone' || (await setup.side.listed?.([ref]))?.has(ref));
        setup.fake.reset();
        const healed = await poll();
        const titles = [...found, ...healed.found].filter((each) => each.ref === ref).map((each) => each.event?.title);
        assert.equal(titles.at(-1), 'Edited');
      });

      it(`FB1: keeps ${what} that a full listing names and that is not found by its name`, async () => {
        await start();
        const ref = await setup.person.create(one);
        await poll();
        await editTitle(ref, one, 'Edited');
        setup.fake.fail({ match: setup.requestFor(ref), status: 404, times: 100 });
        cursor = null;
        const { found, removed, unchanged } = await poll();
        assert.deepEqual(removed, []);
        assert.ok(unchanged.includes(ref) || found.some((each) => each.ref === ref), 'the listing left it out');
        setup.fake.reset();
      });

      it(`FB6: goes on where the service fails for ${what}`, async () => {
        await start();
        const other = await setup.person.create(event('Other', { when: at(5) }));
        const ref = await setup.person.create(one);
        await poll();
        // 200: an answer without an event.
        for (const status of [500, 503, 504, 200]) {
          await editTitle(ref, one, `Edited ${status}`);
          await editTitle(other, event('Other', { when: at(5) }), `Other ${status}`);
          setup.fake.fail({ match: setup.requestFor(ref), status, times: 100 });
          if (name === 'Google' && one === SERIES)
            setup.fake.fail({ match: 'GET .*/events\\?(.*&)?iCalUID=', status, times: 100 });
          const { found, removed } = await poll();
          assert.deepEqual(removed, []);
          assert.ok(found.some((each) => each.event?.title === `Other ${status}`));
          assert.equal((await setup.side.get([ref, other])).get(other) === undefined, false);
          assert.notEqual((await setup.side.get([ref])).get(ref), 'gone');
          setup.fake.reset();
          const healed = await poll();
          const now = [...found, ...healed.found].filter((each) => each.ref === ref).at(-1);
          assert.equal(now?.event?.title, `Edited ${status}`);
        }
      });

      it(`FB6: a first listing goes on where the service fails for ${what}`, async () => {
        await start();
        const other = await setup.person.create(event('Other', { when: at(5) }));
        const ref = await setup.person.create(one);
        setup.fake.fail({ match: setup.requestFor(ref), status: 500, times: 100 });
        const { found } = await poll();
        assert.deepEqual(found.map((each) => each.ref).sort(), [other, ref].sort());
        setup.fake.reset();
      });

      it(`FB2: an answer to a deletion of ${what} that proves nothing is checked`, async () => {
        await start();
        for (const status of [404, 410, 200, 202]) {
          const created = await setup.side.create(one, `${KEY}${status}`, 0);
          const found = (await setup.side.get([created.ref])).get(created.ref) as readonly Found[];
          setup.fake.fail({ match: `DELETE .*/events/${created.ref}`, status });
          await assert.rejects(setup.side.remove(found[0]!), { kind: 'unreachable' });
          assert.ok((await setup.person.list()).includes(created.ref));
          await setup.side.remove(found[0]!);
          assert.ok(!(await setup.person.list()).includes(created.ref));
          // Deleted by somebody else meanwhile.
          await setup.side.remove(found[0]!);
        }
      });
    }

    it('FB2: one 404 to the deletion of an occurrence is checked', async () => {
      await start();
      const created = await setup.side.create(SERIES, KEY, 0);
      const [found] = (await setup.side.get([created.ref])).get(created.ref) as readonly Found[];
      const next = { ...found!.event!, exceptions: { [SECOND]: EXCLUDED } } as CalendarEvent;
      setup.fake.fail({ match: '(DELETE|PATCH) .*/events/.*', status: 404 });
      const outcome: Written | SyncError = await setup.side.update(found!, next).catch((error: SyncError) => error);
      assert.ok(outcome instanceof SyncError, 'the exclusion counts as written');
      const again = (await setup.side.get([created.ref])).get(created.ref) as readonly Found[];
      const written = await setup.side.update(again[0]!, next);
      assert.deepEqual(written.event!.exceptions, next.exceptions);
    });

    it('FB8: an id that was used for an event which nobody finds leads to the next one', async () => {
      await start();
      if (name === 'Google') {
        const { owner, calendarId } = setup as unknown as GoogleSetup;
        const id = eventId(KEY, 0, calendarId);
        owner.insertEvent(
          { id, summary: 'Old', start: { date: '2020-01-01' }, end: { date: '2020-01-02' } },
          calendarId,
        );
        owner.deleteEvent(id, calendarId);
        owner.purgeTombstones(calendarId);
      } else await setup.person.occupy!(SINGLE, KEY, 0);
      await assert.rejects(setup.side.create(SINGLE, KEY, 0), { kind: 'id-taken' });
      const written = await setup.side.create(SINGLE, KEY, 1);
      assert.equal(written.event!.title, 'Single');
    });
  });
}
