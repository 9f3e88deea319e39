import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type CalendarEvent,
  type Content,
  changedPaths,
  EXCLUDED,
  type Exception,
  type When,
} from '../../core/event.ts';
import { occurrenceContent } from '../../core/recurrence/series.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { Found, Written } from '../../providers/provider.ts';
import type { GoogleOptions } from '../fakes/google/start.ts';
import { event, StoredState } from '../support/contract.ts';
import { type GoogleSetup, openGoogle } from '../support/contract-google.ts';

type Json = Record<string, unknown>;

const people = [
  { address: 'guest@example.org', name: 'Guest', participation: 'accepted', role: 'required', kind: 'individual' },
] as const;

function daily(hour: string, title = 'Daily', more: Partial<CalendarEvent> = {}): CalendarEvent {
  const when: When =
    hour === 'all-day'
      ? { allDay: true, start: '2027-03-25', end: '2027-03-26' }
      : {
          allDay: false,
          start: `2027-03-25T${hour}:00:00`,
          startZone: 'Europe/Berlin',
          end: `2027-03-25T${hour}:45:00`,
          endZone: 'Europe/Berlin',
        };
  return { ...event(title, { when, recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=8'], dates: [] } }), ...more };
}

/** The n-th occurrence; the series crosses a change to or from summer time. */
function idOf(series: CalendarEvent, n: number): string {
  const day = String(25 + n).padStart(2, '0');
  if (series.when.allDay) return `202703${day}`;
  const hour = Number(series.when.start.slice(11, 13)) - (25 + n >= 28 ? 2 : 1);
  return `202703${day}T${String(hour).padStart(2, '0')}0000Z`;
}

function withExceptions(
  series: CalendarEvent,
  changes: readonly (readonly [number, 'out' | Partial<Content>])[],
): CalendarEvent {
  const exceptions: Record<string, Exception> = {};
  for (const [n, change] of changes) {
    const id = idOf(series, n);
    exceptions[id] =
      change === 'out' ? EXCLUDED : { ...occurrenceContent({ ...series, exceptions: {} }, id), ...change };
  }
  return { ...series, exceptions };
}

const later: When = {
  allDay: false,
  start: '2027-03-30T20:00:00',
  startZone: 'America/New_York',
  end: '2027-03-30T21:00:00',
  endZone: 'America/New_York',
};
const change = fc
  .oneof(
    fc.constant('out' as const),
    fc.record(
      { title: fc.constantFrom('One', 'Two'), description: fc.constantFrom('', 'Note', 'Agenda') },
      { requiredKeys: [] },
    ),
    fc.constant({ when: later }),
    fc.constant({ attendees: [] }),
    fc.constant({ status: 'tentative' as const, location: 'Elsewhere' }),
  )
  .filter((one) => one === 'out' || Object.keys(one).length > 0);
const changes = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 5 }), change), {
  selector: ([n]) => n,
  maxLength: 4,
});
const series = fc
  .record({
    hour: fc.constantFrom('09', '09', '11', 'all-day'),
    title: fc.constantFrom('Daily', 'Every day'),
    description: fc.constantFrom('', 'Agenda'),
    attendees: fc.constantFrom([], people),
    changes,
  })
  .map(({ hour, changes: list, ...content }) => {
    const plain = daily(hour, content.title, { description: content.description, attendees: content.attendees });
    const made = withExceptions(plain, list);
    // An override that changes nothing does not count.
    const exceptions = Object.fromEntries(
      Object.entries(made.exceptions).filter(
        ([id, one]) =>
          one === EXCLUDED ||
          changedPaths({ ...plain, ...occurrenceContent(plain, id) }, { ...plain, ...one }).length > 0,
      ),
    );
    return { ...made, exceptions };
  });

const WORLDS: readonly [name: string, options: GoogleOptions][] = [
  ['strict', {}],
  ['kind', { instanceWriteTouchesMaster: false, masterWriteTouchesExceptions: false, sparseTombstones: true }],
  ['forgetful', { lostExceptions: 'vanish' }],
  ['clinging', { lostExceptions: 'orphan', sparseTombstones: true }],
];

async function poll(
  setup: GoogleSetup,
  cursor: string | null,
  stored: StoredState,
): Promise<{ cursor: string; found: Found[] }> {
  const found: Found[] = [];
  let next = '';
  for await (const page of setup.side.changes(cursor, stored)) {
    found.push(...page.found);
    if (page.end) next = page.end.cursor;
  }
  return { cursor: next, found };
}

async function getOne(setup: GoogleSetup, ref: string): Promise<Found> {
  const found = (await setup.side.get([ref])).get(ref);
  assert.ok(found !== undefined && found !== 'gone');
  return found[0]!;
}

async function failure(work: Promise<unknown>): Promise<SyncError> {
  const error: unknown = await work.then(
    () => assert.fail('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SyncError, String(error));
  return error;
}

for (const [name, options] of WORLDS) {
  describe(`writing to a ${name} Google`, () => {
    let setup: GoogleSetup;
    let count = 0;
    before(async () => {
      setup = await openGoogle(options);
    });
    after(() => setup.close());
    const key = (): string => `key-${(count += 1)}`;

    it('creates series, and changes them into others', async () => {
      await fc.assert(
        fc.asyncProperty(series, series, async (first, second) => {
          setup.google.reset();
          const created = await setup.side.create(first, key(), 0);
          assert.equal(created.confirmed, true);
          assert.deepEqual(changedPaths(first, created.event!), []);
          assert.deepEqual(changedPaths(first, (await getOne(setup, created.ref)).event!), []);
          const stored = new StoredState();
          stored.keep(created);
          const { cursor } = await poll(setup, null, stored);
          const next: CalendarEvent = { ...second, uid: first.uid };
          const updated = await setup.side.update(created, next);
          assert.deepEqual(changedPaths(next, updated.event!), [], 'what was written');
          assert.deepEqual(changedPaths(next, (await getOne(setup, created.ref)).event!), [], 'what is there');
          stored.keep(updated);
          for (const found of (await poll(setup, cursor, stored)).found) {
            assert.deepEqual(changedPaths(next, found.event!), [], 'what the next poll finds');
          }
          assert.deepEqual(setup.google.carelessWrites, []);
          assert.deepEqual(setup.google.mailLedger, []);
          await setup.side.remove(await getOne(setup, created.ref));
        }),
        { numRuns: 25 },
      );
    });

    it('reaches the same state when any answer is lost and the call is repeated', async () => {
      await fc.assert(
        fc.asyncProperty(series, series, fc.integer({ min: 0, max: 5 }), async (first, second, skip) => {
          const id = key();
          const there = (await setup.person.list()).length;
          const again = async (work: () => Promise<Written>): Promise<Written> => {
            setup.google.reset();
            setup.google.fail({ match: '^(POST|PATCH) .*/events', when: 'after', skip });
            return work().catch((error: unknown) => {
              assert.ok(error instanceof SyncError && error.kind === 'unreachable', String(error));
              return work();
            });
          };
          const created = await again(() => setup.side.create(first, id, 0));
          assert.deepEqual(changedPaths(first, created.event!), []);
          assert.equal((await setup.person.list()).length, there + 1);
          const next: CalendarEvent = { ...second, uid: first.uid };
          const updated = await again(() => setup.side.update(created, next));
          assert.deepEqual(changedPaths(next, updated.event!), []);
          assert.deepEqual(changedPaths(next, (await getOne(setup, created.ref)).event!), []);
          await setup.side.remove(await getOne(setup, created.ref));
        }),
        { numRuns: 20 },
      );
    });
  });
}

describe('one write to Google', () => {
  let setup: GoogleSetup;
  beforeEach(async () => {
    setup = await openGoogle();
  });
  afterEach(() => setup.close());
  const bodies = (): unknown[] => setup.google.writes.map(({ body }) => body);

  it('contains changed fields only', async () => {
    const resource = await setup.person.createWithBaggage!(event('Title', { description: 'Text' }));
    const found = await getOne(setup, resource);
    setup.google.reset();
    await setup.side.update(found, { ...found.event!, title: 'Other' });
    await setup.side.update(await getOne(setup, resource), { ...found.event!, title: 'Other', location: 'There' });
    assert.deepEqual(bodies(), [{ summary: 'Other' }, { location: 'There' }]);
  });

  it('is not made where nothing differs', async () => {
    const found = await getOne(setup, await setup.person.create(event('Same')));
    setup.google.reset();
    const written = await setup.side.update(found, found.event!);
    assert.deepEqual([setup.google.requests.length, written.version], [0, found.version]);
  });

  it('excludes an occurrence of an existing series by its own item, and restores it', async () => {
    const id = await setup.person.create(daily('09'));
    const found = await getOne(setup, id);
    const out = withExceptions(found.event!, [[2, 'out']]);
    setup.google.reset();
    const without = await setup.side.update(found, out);
    assert.deepEqual(bodies(), [{ status: 'cancelled' }]);
    assert.deepEqual(without.event?.exceptions, out.exceptions);
    const back = await setup.side.update(without, found.event!);
    assert.deepEqual(back.event?.exceptions, {});
    assert.equal(setup.owner.getEvent(`${id}_${idOf(found.event!, 2)}`, setup.calendarId)['status'], 'confirmed');
  });

  it('does not take an exclusion for done where the series has moved since', async () => {
    const id = await setup.person.create(daily('09'));
    const found = await getOne(setup, id);
    const point = (date: string) => ({ date, dateTime: null, timeZone: null });
    setup.owner.patchEvent(id, { start: point('2027-05-25'), end: point('2027-05-26') }, setup.calendarId);
    assert.equal((await failure(setup.side.update(found, withExceptions(found.event!, [[2, 'out']])))).kind, 'stale');
  });

  it('restores an occurrence that a person excluded, of which Google shows no more than its name', async () => {
    await setup.close();
    setup = await openGoogle({ sparseTombstones: true });
    const id = await setup.person.create(daily('09'));
    const { event: whole } = await getOne(setup, id);
    setup.owner.deleteEvent(`${id}_${idOf(whole!, 2)}`, setup.calendarId);
    const without = await getOne(setup, id);
    assert.deepEqual(Object.values(without.event!.exceptions), [EXCLUDED]);
    const back = await setup.side.update(without, withExceptions(whole!, [[2, { when: later }]]));
    assert.deepEqual(Object.keys(back.event!.exceptions), [idOf(whole!, 2)]);
    assert.equal(setup.owner.getEvent(`${id}_${idOf(whole!, 2)}`, setup.calendarId)['status'], 'confirmed');
  });

  it('restores an occurrence that the series excludes in its own EXDATE, without rewriting the rule', async () => {
    const { id } = setup.owner.insertEvent(
      {
        summary: 'S',
        start: { dateTime: '2027-03-25T09:00:00', timeZone: 'Europe/Berlin' },
        end: { dateTime: '2027-03-25T10:00:00', timeZone: 'Europe/Berlin' },
        recurrence: [
          'RRULE:COUNT=8;FREQ=DAILY;INTERVAL=1',
          'EXDATE;TZID=Europe/Berlin:20270326T090000,20270327T090000',
        ],
      },
      setup.calendarId,
    ) as { id: string };
    const found = await getOne(setup, id);
    setup.google.reset();
    const { '20270326T080000Z': _, ...rest } = found.event!.exceptions;
    const written = await setup.side.update(found, { ...found.event!, exceptions: rest });
    assert.deepEqual(bodies(), [{ recurrence: ['RRULE:COUNT=8;FREQ=DAILY;INTERVAL=1', 'EXDATE:20270327T080000Z'] }]);
    assert.deepEqual(written.event?.exceptions, rest);
  });

  it('does not undo what a person changed in an exception while the series was written', async () => {
    const id = await setup.person.create(
      withExceptions(daily('09'), [
        [1, { title: 'One' }],
        [3, { title: 'Three' }],
      ]),
    );
    const found = await getOne(setup, id);
    const name = idOf(found.event!, 1);
    setup.owner.patchEvent(`${id}_${name}`, { summary: 'By the person' }, setup.calendarId);
    // Calpair changes another exception and the master, not the person's exception.
    const next = withExceptions({ ...found.event!, location: 'New place' }, [
      [1, { title: 'One', location: '' }],
      [3, { title: 'Drei', location: '' }],
    ]);
    const written = await setup.side.update(found, next).catch((error: unknown) => error);
    assert.equal(setup.owner.getEvent(`${id}_${name}`, setup.calendarId)['summary'], 'By the person');
    if (written instanceof SyncError) {
      assert.equal(written.kind, 'stale');
    } else {
      const stored = new StoredState();
      stored.keep(written as Written);
      const current = (written as Written).event!.exceptions[name];
      assert.ok(
        current && current !== EXCLUDED && current.title === 'One',
        'the edit is still to be found by the next poll',
      );
    }
  });

  it('is stale when the exception it changes has changed', async () => {
    const id = await setup.person.create(withExceptions(daily('09'), [[1, { title: 'One' }]]));
    const found = await getOne(setup, id);
    setup.owner.patchEvent(`${id}_${idOf(found.event!, 1)}`, { summary: 'By the person' }, setup.calendarId);
    setup.owner.patchEvent(`${id}_${idOf(found.event!, 4)}`, { summary: 'New by the person' }, setup.calendarId);
    for (const n of [1, 4]) {
      const next = withExceptions(found.event!, [
        [1, { title: 'One' }],
        [n, { title: 'Mine' }],
      ]);
      assert.equal((await failure(setup.side.update(found, next))).kind, 'stale');
    }
    assert.equal((await failure(setup.side.remove(found))).kind, 'stale');
  });

  it('survives repeated 412 on series whose content did not change', async () => {
    const id = await setup.person.create(daily('09'));
    const found = await getOne(setup, id);
    setup.google.storm412(2);
    assert.equal((await setup.side.update(found, { ...found.event!, title: 'Through' })).event?.title, 'Through');
    setup.google.storm412(10);
    assert.equal((await failure(setup.side.update(await getOne(setup, id), found.event!))).kind, 'stale');
  });

  it('succeeds although a person changed a reminder meanwhile', async () => {
    const found = await getOne(setup, await setup.person.create(event('Reminded')));
    setup.owner.patchEvent(found.ref, { colorId: '3' }, setup.calendarId);
    assert.equal((await setup.side.update(found, { ...found.event!, title: 'Other' })).event?.title, 'Other');
    assert.equal(setup.owner.getEvent(found.ref, setup.calendarId)['colorId'], '3');
  });

  it('writes a dropped exception again although a person changed what is not synced of its series', async () => {
    const id = await setup.person.create(withExceptions(daily('09'), [[1, { title: 'One' }]]));
    const found = await getOne(setup, id);
    const mark = { extendedProperties: { private: { other: 'new' } } };
    let patches = 0;
    const side = setup.openWith((input, init) => {
      if (init?.method === 'PATCH') patches += 1;
      if (patches === 2) setup.owner.patchEvent(id, mark, setup.calendarId);
      return fetch(input, init);
    });
    const next = withExceptions({ ...found.event!, when: daily('11').when }, [[1, { title: 'One' }]]);
    await side.update(found, next);
    assert.ok(patches > 2, 'the person was in between');
    assert.deepEqual((await getOne(setup, id)).event?.exceptions, next.exceptions);
  });

  it('writes all other exceptions that Google dropped again where a person changed one in between', async () => {
    const id = await setup.person.create(
      withExceptions(daily('09'), [
        [1, { title: 'One' }],
        [3, { title: 'Three' }],
      ]),
    );
    const found = await getOne(setup, id);
    const next = withExceptions({ ...found.event!, when: daily('11').when }, [
      [1, { title: 'One' }],
      [3, { title: 'Three' }],
    ]);
    let patches = 0;
    const side = setup.openWith((input, init) => {
      if (init?.method === 'PATCH') patches += 1;
      if (patches === 2) {
        patches += 1;
        setup.owner.patchEvent(`${id}_${idOf(next, 1)}`, { summary: 'By the person' }, setup.calendarId);
      }
      return fetch(input, init);
    });
    assert.equal((await failure(side.update(found, next))).kind, 'stale');
    const titles = Object.values((await getOne(setup, id)).event!.exceptions).map(
      (one) => one !== EXCLUDED && one.title,
    );
    assert.deepEqual(titles.toSorted(), ['By the person', 'Three']);
  });

  it('uses the event of an earlier attempt, and only that', async () => {
    const written = await setup.side.create(event('Mine'), 'key', 0);
    assert.match(written.ref, /^[0-9a-v]{52}$/);
    setup.owner.patchEvent(written.ref, { summary: 'Edited since' }, setup.calendarId);
    const again = await setup.side.create(event('Mine'), 'key', 0);
    assert.deepEqual([again.ref, again.event?.title, again.confirmed], [written.ref, 'Edited since', true]);
    setup.owner.deleteEvent(written.ref, setup.calendarId);
    assert.equal((await failure(setup.side.create(event('Mine'), 'key', 0))).kind, 'id-taken');
    assert.notEqual((await setup.side.create(event('Mine'), 'key', 1)).ref, written.ref);
  });

  it('FA14: an exception on an added date is one more occurrence, one on no date a problem', async () => {
    const plain = daily('09');
    const added = '20270601T070000Z';
    const content: Content = { ...occurrenceContent(plain, added), title: 'One more' };
    const next: CalendarEvent = {
      ...plain,
      recurrence: { rules: plain.recurrence!.rules, dates: [added] },
      exceptions: { [added]: content },
    };
    const created = await setup.side.create(next, 'orphan', 0);
    assert.deepEqual(changedPaths(next, (await getOne(setup, created.ref)).event!), []);
    const titles = setup.owner.instances(created.ref, setup.calendarId).map(({ summary }) => summary);
    assert.equal(titles.filter((title) => title === 'One more').length, 1);
    // Nothing is left out in silence, and everything else is written.
    const there = await getOne(setup, created.ref);
    const odd: CalendarEvent = {
      ...next,
      title: 'Renamed',
      exceptions: { ...next.exceptions, '20270701T070000Z': { ...content, title: 'Nowhere' } },
    };
    const error = await failure(setup.side.update(there, odd));
    assert.deepEqual([error.kind, typeof error.reason], ['rejected', 'string']);
    const renamed = await getOne(setup, created.ref);
    assert.equal(renamed.event!.title, 'Renamed');
    const rules = { ...odd.recurrence!, dates: [added, '20270602T070000Z'] };
    const changed = await failure(setup.side.update(renamed, { ...odd, recurrence: rules }));
    assert.deepEqual([changed.kind, typeof changed.reason], ['rejected', 'string'], 'also with a new rule');
    assert.deepEqual((await getOne(setup, created.ref)).event!.recurrence, rules);
    assert.equal((await failure(setup.side.create({ ...odd, uid: 'odd@example.org' }, 'odd', 0))).kind, 'rejected');
  });

  it('waits for a replica that does not have a new series yet', async () => {
    setup.google.fail({ match: '^PATCH .*/events', status: 404 });
    const next = withExceptions(daily('09'), [[1, { title: 'One' }]]);
    assert.deepEqual(changedPaths(next, (await setup.side.create(next, 'lag', 0)).event!), []);
  });

  it('is refused for special events', async () => {
    const flight = setup.owner.plantEvent(
      {
        id: 'fromgmail1',
        summary: 'Flight',
        eventType: 'fromGmail',
        start: { date: '2027-01-05' },
        end: { date: '2027-01-06' },
      },
      setup.calendarId,
    );
    const found = await getOne(setup, flight['id'] as string);
    setup.google.reset();
    assert.equal((await failure(setup.side.update(found, { ...found.event!, title: 'Other' }))).kind, 'forbidden');
    assert.equal(setup.google.writes.length, 0);
  });

  it('changes and deletes one invited occurrence of a series that is not visible', async () => {
    const item = setup.owner.plantEvent(
      {
        id: 'unseen_20270105T080000Z',
        recurringEventId: 'unseen',
        summary: 'One of theirs',
        status: 'confirmed',
        originalStartTime: { dateTime: '2027-01-05T09:00:00+01:00', timeZone: 'Europe/Berlin' },
        start: { dateTime: '2027-01-05T09:00:00+01:00', timeZone: 'Europe/Berlin' },
        end: { dateTime: '2027-01-05T10:00:00+01:00', timeZone: 'Europe/Berlin' },
      },
      setup.calendarId,
    );
    const found = await getOne(setup, item['id'] as string);
    setup.google.reset();
    const written = await setup.side.update(found, { ...found.event!, title: 'Renamed', location: 'Here' });
    assert.deepEqual(bodies(), [{ summary: 'Renamed', location: 'Here' }]);
    await setup.side.remove(written);
    assert.equal((await setup.side.get([written.ref])).get(written.ref), 'gone');
  });

  it('turns a series into a single event and back without leftovers', async () => {
    const first = withExceptions(daily('09'), [
      [1, { title: 'One' }],
      [2, 'out'],
    ]);
    const created = await setup.side.create(first, 'back', 0);
    const single = { ...first, recurrence: null, exceptions: {} };
    const written = await setup.side.update(created, single);
    assert.deepEqual(changedPaths(single, written.event!), []);
    assert.equal(setup.owner.listLive(setup.calendarId).length, 1);
    const again = await setup.side.update(written, {
      ...first,
      when: { ...later },
      recurrence: { rules: ['RRULE:FREQ=WEEKLY'], dates: [] },
      exceptions: {},
    });
    assert.deepEqual(again.event?.recurrence, { rules: ['RRULE:FREQ=WEEKLY'], dates: [] });
  });

  it('sends no mail: attendees are described, not invited', async () => {
    const invited = event('Meeting', {
      attendees: people,
      organizer: { address: 'chief@example.org', name: 'Chief' },
      description: 'Agenda',
    });
    const written = await setup.side.create(invited, 'people', 0);
    const raw = setup.owner.getEvent(written.ref, setup.calendarId) as { description: string; attendees?: unknown };
    assert.equal(raw.attendees, undefined);
    assert.equal(
      raw.description.replace(/\[calpair [0-9a-f]{16}\]$/, '[tag]'),
      'Agenda\n\n— People —\nOrganizer: Chief (chief@example.org)\nGuest (guest@example.org): accepted\n[tag]',
    );
    assert.deepEqual(changedPaths(invited, written.event!), []);
    assert.deepEqual([setup.google.mailLedger, setup.google.carelessWrites], [[], []]);
  });

  it('reads a description that a person edited above the block, in HTML or not, without the block', async () => {
    const written = await setup.side.create(
      event('Meeting', { attendees: people, description: 'Agenda' }),
      'people',
      0,
    );
    const { description } = setup.owner.getEvent(written.ref, setup.calendarId) as { description: string };
    setup.owner.patchEvent(written.ref, { description: description.replace('Agenda', 'New agenda') }, setup.calendarId);
    assert.equal((await getOne(setup, written.ref)).event?.description, 'New agenda');
    const block = description
      .slice('Agenda\n\n'.length)
      .replaceAll('\n', '<br>')
      .replace('guest@example.org', '<a href="mailto:guest@example.org">guest@example.org</a>');
    const html = `<p>New <b>agenda</b></p><br>${block}`;
    setup.owner.patchEvent(written.ref, { description: html }, setup.calendarId);
    const found = await getOne(setup, written.ref);
    assert.equal(found.event?.description, 'New agenda');
    setup.google.reset();
    await setup.side.update(found, {
      ...found.event!,
      attendees: [{ ...people[0], participation: 'declined' }],
      title: 'Other',
    });
    const [sent, ...more] = bodies().flatMap((body) => (body as Json)['description'] ?? []) as string[];
    assert.deepEqual(more, []);
    const [text, list] = ['<p>New <b>agenda</b></p><br>', / declined<br>\[calpair [0-9a-f]{16}\]$/];
    assert.ok(sent?.startsWith(text) && list.test(sent), `of HTML the list below it is rewritten only: ${sent}`);
    const after = (await getOne(setup, written.ref)).event;
    assert.deepEqual([after?.description, after?.attendees[0]?.participation], ['New agenda', 'declined']);
    setup.google.reset();
    await setup.side.update(await getOne(setup, written.ref), { ...after!, title: 'Third' });
    assert.ok(
      bodies().every((body) => !('description' in (body as Json))),
      'HTML whose text did not change is not rewritten',
    );
  });

  it('truncates long text, reports it, and does not treat it as an edit', async () => {
    const long = event('Long', { description: '🎉'.repeat(5000), attendees: people });
    const written = await setup.side.create(long, 'long', 0);
    assert.deepEqual(
      written.problems.map(({ code }) => code),
      ['text-too-long'],
    );
    const { description } = setup.owner.getEvent(written.ref, setup.calendarId) as { description: string };
    assert.ok(description.length <= 8192 && /^🎉+…$/u.test(description));
    const found = await getOne(setup, written.ref);
    assert.deepEqual(changedPaths(written.event!, found.event!), []);
    setup.google.reset();
    const after = await setup.side.update(found, { ...found.event!, title: 'Other' });
    assert.deepEqual(bodies(), [{ summary: 'Other' }]);
    assert.deepEqual(
      after.problems.map(({ code }) => code),
      ['text-too-long'],
    );
    const short = await setup.side.update(after, { ...after.event!, description: 'Short' });
    assert.deepEqual(short.problems, []);
    assert.match(
      JSON.stringify(setup.owner.getEvent(written.ref, setup.calendarId)['description']),
      /Short\\n\\n— People/,
    );
  });
});
