import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Attendee,
  type CalendarEvent,
  type Content,
  changedPaths,
  DEFAULT_CONTENT,
  EXCLUDED,
  type Exception,
  type When,
} from '../../core/event.ts';
import { occurrenceContent } from '../../core/recurrence/series.ts';
import { instantOf, localOf } from '../../core/zones.ts';
import { unsupported } from '../../providers/google/capabilities.ts';
import { foundOf, readSeries, readStored } from '../../providers/google/from-google.ts';
import { type Item, masterIdOf, parseInstanceId, pickItem, versionOf } from '../../providers/google/item.ts';
import { type Body, contentPatch, insertBody, masterPatch } from '../../providers/google/to-google.ts';
import { SETTING } from '../support/contract-google.ts';

type Json = Record<string, unknown>;

const NATIVE = { ...SETTING, attendees: 'native' } as const;
const TIMED: When = {
  allDay: false,
  start: '2027-01-05T09:00:00',
  startZone: 'Europe/Berlin',
  end: '2027-01-05T10:00:00',
  endZone: 'Europe/Berlin',
};

/** An item as Google would return it for a body: without defaults, arrays as written. */
function itemOf(body: Body): Item {
  return pickItem({
    id: 'abcde12345',
    etag: '"1"',
    iCalUID: 'abcde12345@google.com',
    status: 'confirmed',
    ...structuredClone(body),
  })!;
}

/** PATCH: objects merge, arrays and values replace, null removes. */
function merged(before: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Json = {
    ...(typeof before === 'object' && before !== null && !Array.isArray(before) ? (before as Json) : {}),
  };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (value !== undefined) result[key] = merged(result[key], value);
  }
  return result;
}

function patched(item: Item, body: Body): Item {
  return pickItem(merged(item, body))!;
}

function read(item: Item, setting = SETTING): CalendarEvent {
  const { event } = readSeries({ master: item, exceptions: {} }, setting);
  assert.ok(event);
  return event;
}

const text = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.constantFrom(
      '',
      'a < b && c > d',
      '<b>not bold</b>',
      'AT&amp;T',
      'one\ntwo\n\n',
      ' spaces ',
      '— People —\n[calpair 0123456789abcdef]',
      '日本語 🎉',
    ),
  )
  .map((value) => value.replace(/\r\n?/g, '\n').toString());
const zone = fc.constantFrom(
  'Europe/Berlin',
  'America/New_York',
  'UTC',
  'Asia/Kolkata',
  'Pacific/Auckland',
  'America/St_Johns',
);
const when: fc.Arbitrary<When> = fc.oneof(
  fc
    .record({ day: fc.integer({ min: 0, max: 40_000 }), days: fc.integer({ min: 1, max: 20 }) })
    .map(({ day, days }) => ({
      allDay: true as const,
      start: localOf(day * 86_400_000, 'UTC').slice(0, 10),
      end: localOf((day + days) * 86_400_000, 'UTC').slice(0, 10),
    })),
  fc
    .record({
      at: fc.integer({ min: 0, max: 4_000_000_000 }),
      seconds: fc.integer({ min: 0, max: 200_000 }),
      startZone: zone,
      endZone: zone,
    })
    // An event without a length has no end, so none with a zone of its own.
    .map(({ at, seconds, startZone, endZone }) => ({
      at,
      seconds,
      startZone,
      endZone: seconds > 0 ? endZone : startZone,
    }))
    .map(({ at, seconds, startZone, endZone }) => ({
      allDay: false as const,
      start: localOf(at * 1000, startZone),
      startZone,
      end: localOf((at + seconds) * 1000, endZone),
      endZone,
    }))
    // The canonical form cannot express the second of two equal wall-clock times.
    .filter(
      ({ start, startZone, end, endZone }) =>
        localOf(instantOf(start, startZone), startZone) === start &&
        instantOf(end, endZone) >= instantOf(start, startZone),
    ),
);
const attendee: fc.Arbitrary<Attendee> = fc.record({
  address: fc.integer({ min: 0, max: 500 }).map((n) => `person${n}@example.org`),
  name: text.map((name) => name.slice(0, 40)),
  participation: fc.constantFrom('needs-action', 'accepted', 'declined', 'tentative', 'delegated'),
  role: fc.constantFrom('required', 'optional', 'chair', 'non-participant'),
  kind: fc.constantFrom('individual', 'group', 'room', 'resource', 'unknown'),
});
const attendees = fc
  .uniqueArray(attendee, { selector: ({ address }) => address, maxLength: 12 })
  .map((list) => list.sort((a, b) => (a.address < b.address ? -1 : 1)));
const organizer = fc.option(fc.record({ address: fc.constant('chief@example.org'), name: text }), { nil: null });
const content: fc.Arbitrary<Content> = fc.record({
  title: text,
  when,
  location: text,
  description: text,
  status: fc.constantFrom('confirmed', 'tentative'),
  transparency: fc.constantFrom('opaque', 'transparent'),
  visibility: fc.constantFrom('public', 'private', 'confidential'),
  organizer,
  attendees,
});
const recurrence = fc.constantFrom(
  null,
  { rules: ['RRULE:FREQ=WEEKLY;COUNT=10'], dates: [] },
  { rules: ['RRULE:FREQ=DAILY', 'RRULE:FREQ=YEARLY'], dates: [] },
);
const single: fc.Arbitrary<CalendarEvent> = fc
  .record({ content, recurrence, uid: fc.option(fc.string({ minLength: 1, maxLength: 3000 }), { nil: null }) })
  .map(({ content: own, ...rest }) => ({ ...own, ...rest, exceptions: {} }));

describe('the mapping to Google and back', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(single, (event) => {
        const item = itemOf(insertBody(event, 'abcde12345', 'link-1', SETTING));
        const parsed = read(item);
        assert.deepEqual(changedPaths(event, parsed), []);
        assert.equal(parsed.uid, event.uid ?? 'abcde12345@google.com');
        assert.equal(item.attendees, undefined);
      }),
      { numRuns: 300 },
    );
  });

  it('patches only what differs', () => {
    fc.assert(
      fc.property(single, single, (before, after) => {
        const item = itemOf(insertBody(before, 'abcde12345', 'link-1', SETTING));
        const next: CalendarEvent = { ...after, uid: before.uid };
        const parsed = read(item);
        const body = masterPatch({ master: item, exceptions: {} }, parsed, next, SETTING);
        assert.deepEqual(changedPaths(next, read(patched(item, body))), []);
        assert.deepEqual(masterPatch({ master: item, exceptions: {} }, parsed, parsed, SETTING), {});
      }),
      { numRuns: 300 },
    );
  });

  it('patches one field with one key', () => {
    const base: CalendarEvent = {
      ...DEFAULT_CONTENT,
      uid: 'u',
      title: 'T',
      when: TIMED,
      location: 'L',
      description: 'D',
      recurrence: null,
      exceptions: {},
    };
    const item = itemOf(insertBody(base, 'abcde12345', 'link-1', SETTING));
    const keys = (more: Partial<CalendarEvent>): string[] =>
      Object.keys(contentPatch(item, read(item), { ...read(item), ...more }, SETTING, false)).sort();
    assert.deepEqual(keys({ title: 'Other' }), ['summary']);
    assert.deepEqual(keys({ location: '' }), ['location']);
    assert.deepEqual(keys({ status: 'tentative' }), ['status']);
    assert.deepEqual(keys({ transparency: 'transparent' }), ['transparency']);
    assert.deepEqual(keys({ visibility: 'private' }), ['visibility']);
    assert.deepEqual(keys({ description: 'Other' }), ['description', 'extendedProperties']);
    assert.deepEqual(keys({ when: { allDay: true, start: '2027-01-05', end: '2027-01-06' } }), ['end', 'start']);
    assert.deepEqual(keys({}), []);
  });

  it('clears the keys of the other kind when a date becomes a time or the reverse', () => {
    const item = itemOf({
      start: { dateTime: '2027-01-05T08:00:00Z', timeZone: 'Europe/Berlin' },
      end: { dateTime: '2027-01-05T09:00:00Z', timeZone: 'Europe/Berlin' },
    });
    const before = read(item);
    assert.deepEqual(
      contentPatch(
        item,
        before,
        { ...before, when: { allDay: true, start: '2027-01-05', end: '2027-01-06' } },
        SETTING,
        false,
      ),
      {
        start: { date: '2027-01-05', dateTime: null, timeZone: null },
        end: { date: '2027-01-06', dateTime: null, timeZone: null },
      },
    );
    const allDay = itemOf({ start: { date: '2027-01-05' }, end: { date: '2027-01-06' } });
    assert.deepEqual(contentPatch(allDay, read(allDay), { ...read(allDay), when: TIMED }, SETTING, false).start, {
      dateTime: '2027-01-05T08:00:00Z',
      timeZone: 'Europe/Berlin',
      date: null,
    });
  });

  it('gives a copy no reminder, but its UID and its link, which a duplicate does not have', () => {
    const event: CalendarEvent = {
      ...DEFAULT_CONTENT,
      uid: 'u@x',
      title: 'T',
      when: TIMED,
      recurrence: null,
      exceptions: {},
    };
    const body = insertBody(event, 'abcde12345', 'link-1', SETTING);
    assert.deepEqual(body.reminders, { useDefault: false, overrides: [] });
    assert.deepEqual(body.extendedProperties?.private, {
      'calpair.id': 'abcde12345',
      'calpair.link': 'link-1',
      'calpair.uid': 'u@x',
    });
    const found = foundOf({ master: itemOf(body), exceptions: {} }, SETTING);
    assert.equal(found.marker, 'link-1');
    const duplicate = foundOf(
      { master: itemOf({ ...body, id: 'another', iCalUID: 'another@google.com' }), exceptions: {} },
      SETTING,
    );
    assert.deepEqual([duplicate.marker, duplicate.event?.uid], [null, 'another@google.com']);
    assert.equal(found.event?.uid, 'u@x');
  });

  it(
    'keeps every private value within 1024 characters, and all of them within 32 kB, however ' +
      'many attendees there are',
    () => {
      const many = Array.from(
        { length: 2000 },
        (_, n): Attendee => ({
          address: `person-${String(n).padStart(5, '0')}@a-rather-long-domain.example.org`,
          name: 'Ä'.repeat(50),
          participation: 'accepted',
          role: 'required',
          kind: 'individual',
        }),
      );
      const event: CalendarEvent = {
        ...DEFAULT_CONTENT,
        uid: 'é'.repeat(5000),
        title: 'T',
        when: TIMED,
        attendees: many,
        recurrence: null,
        exceptions: {},
      };
      const properties = insertBody(event, 'abcde12345', 'k', SETTING).extendedProperties!.private!;
      const entries = Object.entries(properties);
      assert.ok(entries.every(([key, value]) => key.length <= 44 && value.length <= 1024));
      assert.ok(entries.length <= 300);
      assert.ok(entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key + value), 0) <= 32_000);
      const parsed = read(itemOf(insertBody(event, 'abcde12345', 'k', SETTING)));
      assert.ok(parsed.attendees.length > 100);
      assert.deepEqual(
        masterPatch(
          { master: itemOf(insertBody(event, 'abcde12345', 'k', SETTING)), exceptions: {} },
          parsed,
          { ...parsed, title: 'Other' },
          SETTING,
        ),
        { summary: 'Other' },
      );
    },
  );
});

describe('attendees', () => {
  const person = (address: string, more: Partial<Attendee> = {}): Attendee => ({
    address,
    name: '',
    participation: 'needs-action',
    role: 'required',
    kind: 'individual',
    ...more,
  });
  const withGuests = itemOf({
    start: { date: '2027-01-05' },
    end: { date: '2027-01-06' },
    organizer: { email: 'Owner@Example.com', self: true },
    attendees: [
      { email: 'Owner@Example.com', self: true, responseStatus: 'accepted' },
      { email: 'guest@example.org', optional: true, displayName: 'G' },
    ],
  });

  it("reads Google's own, and detects that guests would be mailed", () => {
    const found = foundOf({ master: withGuests, exceptions: {} }, SETTING);
    assert.deepEqual(found.event?.attendees, [
      person('guest@example.org', { role: 'optional', name: 'G' }),
      person('owner@example.com', { participation: 'accepted' }),
    ]);
    assert.deepEqual(found.event?.organizer, { address: 'owner@example.com', name: '' });
    assert.equal(found.hasGuests, true);
    assert.deepEqual(readStored(found, { ...SETTING, attendees: 'none' }).event?.attendees, []);
  });

  it("never writes attendees under `copy`, and leaves Google's own as they are", () => {
    const before = read(withGuests);
    const next = {
      ...before,
      attendees: [...before.attendees, person('new@example.org')].sort((a, b) => (a.address < b.address ? -1 : 1)),
    };
    const body = contentPatch(withGuests, before, next, SETTING, false);
    assert.equal(body.attendees, undefined);
    assert.match(body.description ?? '', /new@example\.org: no answer yet/);
    assert.deepEqual(changedPaths(next, read(patched(withGuests, body))), []);
  });

  it('writes real attendees under `native`, keeping what Google knows of each', () => {
    const before = read(withGuests, NATIVE);
    const next = {
      ...before,
      attendees: before.attendees.map((one) =>
        one.address === 'guest@example.org' ? { ...one, participation: 'accepted' as const } : one,
      ),
    };
    const body = contentPatch(withGuests, before, next, NATIVE, false);
    assert.deepEqual(body.attendees, [
      { email: 'guest@example.org', optional: true, displayName: 'G', responseStatus: 'accepted' },
      { email: 'Owner@Example.com', self: true, responseStatus: 'accepted', optional: false },
    ]);
    assert.equal(body.description, undefined);
  });

  it('counts an organizer as a change only where guests are invited', () => {
    const lonely = itemOf({
      start: { date: '2027-01-05' },
      end: { date: '2027-01-06' },
      organizer: { email: 'c_1@group.calendar.google.com', self: true },
    });
    assert.equal(read(lonely).organizer, null);
  });
});

describe('what Google sends', () => {
  const series = (
    recurrence: string[],
    exceptions: Record<string, Json> = {},
    start: Json = { dateTime: '2027-01-05T09:00:00+01:00', timeZone: 'Europe/Berlin' },
  ) => {
    const end = 'date' in start ? { date: '2027-01-06' } : { ...start, dateTime: '2027-01-05T10:00:00+01:00' };
    const master = itemOf({ summary: 'S', start, end, recurrence });
    const items = Object.fromEntries(
      Object.entries(exceptions).map(([suffix, more]) => {
        const id = `${master.id}_${suffix}`;
        return [id, pickItem({ id, etag: `"${suffix}"`, ...more })!];
      }),
    );
    return foundOf({ master, exceptions: items }, SETTING);
  };
  const exceptions = (found: { event: CalendarEvent | null }): Record<string, Exception> => ({
    ...found.event?.exceptions,
  });

  it('merges EXDATE lines and cancelled items in any form', () => {
    const found = series(
      [
        'RRULE:FREQ=DAILY;COUNT=20',
        'EXDATE;TZID=Europe/Berlin:20270106T090000,20270107T090000',
        'EXDATE:20270108T080000Z',
        'EXDATE;VALUE=DATE:20270109',
        'EXDATE;TZID="Europe/London":20270110T080000',
      ],
      {
        '20270111T080000Z': { status: 'cancelled' },
        '20270112T080000Z': {
          status: 'cancelled',
          recurringEventId: 'abcde12345',
          originalStartTime: { dateTime: '2027-01-12T03:00:00-05:00', timeZone: 'Europe/Berlin' },
        },
      },
    );
    assert.deepEqual(
      exceptions(found),
      Object.fromEntries(['06', '07', '08', '10', '11', '12'].map((day) => [`202701${day}T080000Z`, EXCLUDED])),
    );
  });

  it("coerces values of the wrong type to the start's", () => {
    const allDay = series(
      [
        'RRULE:FREQ=DAILY;UNTIL=20270120T225959Z',
        'EXDATE:20270106T000000Z',
        'RDATE;TZID=Europe/Berlin:20270301T090000',
      ],
      {},
      { date: '2027-01-05' },
    );
    assert.deepEqual(allDay.event?.recurrence, { rules: ['RRULE:FREQ=DAILY;UNTIL=20270120'], dates: ['20270301'] });
    assert.deepEqual(exceptions(allDay), { '20270106': EXCLUDED });
    const timed = series(['RRULE:FREQ=DAILY;UNTIL=20270120', 'RDATE;VALUE=DATE:20270301']);
    assert.deepEqual(timed.event?.recurrence, {
      rules: ['RRULE:FREQ=DAILY;UNTIL=20270120T225959Z'],
      dates: ['20270301T080000Z'],
    });
  });

  it('ignores an exception that equals the series', () => {
    const same = {
      recurringEventId: 'abcde12345',
      summary: 'S',
      start: { dateTime: '2027-01-06T08:00:00Z', timeZone: 'Europe/Berlin' },
      end: { dateTime: '2027-01-06T09:00:00Z', timeZone: 'Europe/Berlin' },
    };
    const found = series(['RRULE:FREQ=DAILY'], {
      '20270106T080000Z': same,
      '20270107T080000Z': { ...same, summary: 'Other' },
    });
    assert.deepEqual(Object.keys(exceptions(found)), ['20270107T080000Z']);
  });

  for (const [kind, lines, isOneMore] of [
    ['its rule has it', ['RRULE:FREQ=DAILY'], false],
    ['it is one of its dates', ['RRULE:FREQ=DAILY;UNTIL=20270106T225959Z', 'RDATE:20270108T080000Z'], false],
    ['its rule ends before', ['RRULE:FREQ=DAILY;UNTIL=20270106T225959Z'], true],
    ['its rule has other days', ['RRULE:FREQ=WEEKLY;BYDAY=TU'], true],
  ] as const)
    it(`takes an exception that equals its series for ${isOneMore ? 'one more' : 'its'} occurrence: ${kind}`, () => {
      const found = series([...lines], {
        '20270108T080000Z': {
          recurringEventId: 'abcde12345',
          summary: 'S',
          start: { dateTime: '2027-01-08T08:00:00Z', timeZone: 'Europe/Berlin' },
          end: { dateTime: '2027-01-08T09:00:00Z', timeZone: 'Europe/Berlin' },
        },
      });
      assert.deepEqual(Object.keys(exceptions(found)), isOneMore ? ['20270108T080000Z'] : []);
      const exception = exceptions(found)['20270108T080000Z'];
      if (isOneMore) assert.equal(typeof exception === 'object' && exception.title, 'S');
    });

  it('E9: survives an exception without a start', () => {
    const found = series(['RRULE:FREQ=DAILY'], {
      '20270106T080000Z': { recurringEventId: 'abcde12345', summary: 'No start' },
    });
    const exception = exceptions(found)['20270106T080000Z'];
    assert.ok(exception && exception !== EXCLUDED);
    assert.equal(exception.title, 'No start');
    assert.deepEqual(exception.when, { ...TIMED, start: '2027-01-06T09:00:00', end: '2027-01-06T10:00:00' });
  });

  it('E8: reads a series without a rule by its dates, or as a single event', () => {
    assert.deepEqual(series(['RDATE;TZID=Europe/Berlin:20270110T090000']).event?.recurrence, {
      rules: [],
      dates: ['20270110T080000Z'],
    });
    assert.equal(series(['EXDATE:20270110T080000Z']).event?.recurrence, null);
  });

  it('reports an event as unreadable: no dates, impossible dates, an impossible rule', () => {
    for (const master of [
      itemOf({ summary: 'x' }),
      itemOf({ start: { date: '2027-02-30' } }),
      itemOf({ start: { dateTime: 'soon' } }),
      itemOf({ start: { date: '2027-01-05' }, recurrence: ['RRULE:FREQ=NEVER'] }),
    ]) {
      const found = foundOf({ master, exceptions: {} }, SETTING);
      assert.equal(found.event, null);
      assert.deepEqual(
        found.problems.map(({ code }) => code),
        ['unreadable'],
      );
    }
  });

  it('keeps the instant where the zone is unknown, and reports it', () => {
    const found = series([], {}, { dateTime: '2027-01-05T09:00:00+01:00', timeZone: 'Mars/Olympus' });
    assert.deepEqual(
      found.problems.map(({ code }) => code),
      ['zone-unknown'],
    );
    assert.equal(found.event?.when.start, '2027-01-05T08:00:00');
  });

  it('reads fixed offsets, missing zones and missing ends', () => {
    assert.deepEqual(series([], {}, { dateTime: '2027-01-05T09:00:00-07:00', timeZone: 'GMT-07:00' }).problems, []);
    const bare = foundOf({ master: itemOf({ start: { dateTime: '2027-01-05T09:00:00Z' } }), exceptions: {} }, SETTING)
      .event?.when;
    assert.deepEqual(bare, {
      allDay: false,
      start: '2027-01-05T10:00:00',
      startZone: 'Europe/Berlin',
      end: '2027-01-05T10:00:00',
      endZone: 'Europe/Berlin',
    });
    assert.deepEqual(
      foundOf(
        { master: itemOf({ start: { date: '2027-01-31' }, end: { date: '2027-01-31' } }), exceptions: {} },
        SETTING,
      ).event?.when,
      { allDay: true, start: '2027-01-31', end: '2027-02-01' },
    );
  });

  it('parses instance ids from the right', () => {
    assert.deepEqual(parseInstanceId('abc_R20260105T090000_20260112T080000Z'), {
      master: 'abc_R20260105T090000',
      occurrence: '20260112T080000Z',
    });
    assert.equal(parseInstanceId('abc_R20260105T090000'), null);
    assert.equal(masterIdOf(pickItem({ id: 'abc_20260112', status: 'cancelled' })!), 'abc');
    assert.equal(masterIdOf(pickItem({ id: 'abc_20260112', status: 'confirmed' })!), null);
  });

  it('computes a version that changes with every item', () => {
    const master = itemOf({ start: { date: '2027-01-05' } });
    const exception = pickItem({ id: 'abcde12345_20270106', etag: '"2"' })!;
    const versions = [
      { master, exceptions: {} },
      { master: { ...master, etag: '"9"' }, exceptions: {} },
      { master, exceptions: { [exception.id]: exception } },
      { master, exceptions: { [exception.id]: { ...exception, etag: '"3"' } } },
    ].map(versionOf);
    assert.equal(new Set(versions).size, 4);
  });
});

it('FB5: an item of which only the times are shown hides its details, an empty one does not', () => {
  const hides = (fields: Json, exception: Json = {}) =>
    foundOf(
      {
        master: {
          id: 'abcde',
          status: 'confirmed',
          start: { date: '2027-01-05' },
          end: { date: '2027-01-06' },
          ...fields,
        },
        exceptions: { abcde_20270112: { id: 'abcde_20270112', recurringEventId: 'abcde', ...exception } },
      } as never,
      SETTING,
    ).hidesDetails === true;
  const organizer = { email: 'owner@example.org' };
  const [shown, hidden] = [{ organizer }, { visibility: 'private' }];
  assert.deepEqual(
    [
      hides({ ...shown, summary: 'Choir' }),
      hides(shown),
      hides({ ...shown, visibility: 'private' }),
      hides(hidden),
      hides(shown, hidden),
      hides(shown, { ...hidden, status: 'cancelled' }),
    ],
    [false, false, false, true, true, false],
  );
});

describe('what Google cannot hold', () => {
  const weekly: CalendarEvent = {
    ...DEFAULT_CONTENT,
    uid: 'u',
    when: TIMED,
    recurrence: { rules: ['RRULE:FREQ=WEEKLY'], dates: [] },
    exceptions: {},
  };
  const codeOf = (more: Partial<CalendarEvent>): string | undefined => unsupported({ ...weekly, ...more })?.code;
  const rules = (...lines: string[]): Partial<CalendarEvent> => ({ recurrence: { rules: lines, dates: [] } });

  it('is named', () => {
    assert.equal(codeOf({ status: 'cancelled' }), 'cancelled-not-carried');
    for (const odd of [
      rules('RRULE:FREQ=HOURLY'),
      rules('RRULE:FREQ=MINUTELY;INTERVAL=90'),
      rules('EXRULE:FREQ=MONTHLY', 'RRULE:FREQ=WEEKLY'),
      rules('RRULE:FREQ=DAILY;BYHOUR=9,17'),
      rules('RRULE:FREQ=WEEKLY;UNTIL=20200101T000000Z'),
      { recurrence: { rules: [], dates: ['20270110T080000Z/PT1H'] } },
    ]) {
      assert.equal(codeOf(odd), 'recurrence-written-out', JSON.stringify(odd));
    }
  });

  it('excludes everything else', () => {
    for (const good of [
      {},
      { recurrence: null },
      rules('RRULE:FREQ=MONTHLY;BYDAY=1TU'),
      rules('RRULE:FREQ=WEEKLY;BYDAY=FR'),
      rules('RRULE:FREQ=DAILY;UNTIL=20270601T000000Z', 'RRULE:FREQ=WEEKLY'),
      { recurrence: { rules: [], dates: ['20270110T080000Z'] } },
    ]) {
      assert.equal(codeOf(good), undefined, JSON.stringify(good));
    }
    assert.deepEqual(occurrenceContent(weekly, '20270112T080000Z').when.start, '2027-01-12T09:00:00');
  });
});
