/** How Graph's events are read, and what Graph cannot hold. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { type CalendarEvent, type Content, changedPaths, contentOnly, EXCLUDED, type When } from '../../core/event.ts';
import { unsupported } from '../../providers/microsoft/capabilities.ts';
import { readStored } from '../../providers/microsoft/from-graph.ts';
import type { Found } from '../../providers/provider.ts';
import { event } from '../support/contract.ts';
import { type GraphSetup, openGraph, SETTING } from '../support/contract-graph.ts';

type Json = Record<string, unknown>;

const KEY = '019300aa-0000-7000-8000-000000000001';
const timed = (start: string, end: string, zone = 'Europe/Berlin'): When => ({
  allDay: false,
  start,
  startZone: zone,
  end,
  endZone: zone,
});
const rule = (...rules: string[]): CalendarEvent['recurrence'] => ({
  rules: rules.map((one) => `RRULE:${one}`),
  dates: [],
});
const plain = (subject: string, more: Json = {}): Json => ({
  subject,
  start: { dateTime: '2027-01-13T09:00:00', timeZone: 'UTC' },
  end: { dateTime: '2027-01-13T10:00:00', timeZone: 'UTC' },
  ...more,
});

describe('a Microsoft event as it is read', () => {
  let setup: GraphSetup;
  const getOne = async (resource: string): Promise<Found> => {
    const found = (await setup.side.get([resource])).get(resource);
    assert.ok(found !== undefined && found !== 'gone');
    return found[0]!;
  };
  const plant = async (body: Json): Promise<Found> =>
    getOne(setup.owner.plantEvent(body, setup.calendarId)['id'] as string);
  afterEach(() => setup.close());

  it(
    'keeps zone and rule as the other side has them, though a Windows zone stands for several zones ' +
      'and a rule can be written in several ways',
    async () => {
      setup = await openGraph();
      const events = [
        event('Zurich', { when: timed('2027-07-13T09:00:00', '2027-07-13T10:00:00', 'Europe/Zurich') }),
        event('Until an instant', {
          when: timed('2027-01-13T09:00:00', '2027-01-13T10:00:00', 'Europe/Zurich'),
          recurrence: rule('FREQ=WEEKLY;UNTIL=20270303T080000Z;BYDAY=WE'),
        }),
        event('Days', {
          when: { allDay: true, start: '2027-01-13', end: '2027-01-14' },
          recurrence: rule('FREQ=DAILY;INTERVAL=2'),
        }),
        event('In the repeated hour', { when: timed('2027-10-31T02:30:00', '2027-10-31T03:30:00') }),
      ];
      for (const [index, one] of events.entries()) {
        const { event: read } = await setup.side.create(one, `${KEY.slice(0, -2)}${10 + index}`, 0);
        if (index < 3) assert.deepEqual(changedPaths(one, read!), [], one.title);
        // Written in UTC: the local time would be ambiguous.
        else assert.deepEqual([read!.when.start, read!.when.end], ['2027-10-31T00:30:00', '2027-10-31T02:30:00']);
      }
      // A person moved it to another zone.
      const [zurich] = setup.owner.listLive(setup.calendarId).filter(({ subject }) => subject === 'Zurich');
      setup.owner.patchEvent(zurich!['id'] as string, {
        start: { dateTime: '2027-07-13T09:00:00', timeZone: 'Tokyo Standard Time' },
        end: { dateTime: '2027-07-13T10:00:00', timeZone: 'Tokyo Standard Time' },
      });
      assert.deepEqual(
        (await getOne(zurich!['id'] as string)).event!.when,
        timed('2027-07-13T09:00:00', '2027-07-13T10:00:00', 'Asia/Tokyo'),
      );
    },
  );

  it('has the right times where its zone is unknown, and is not read where a rule depends on the zone', async () => {
    setup = await openGraph();
    const zone = { name: 'tzone://Microsoft/Custom', iana: 'Europe/Berlin' };
    const single = await plant(plain('Custom', { zone }));
    assert.deepEqual(
      [single.event?.when, single.problems.map(({ code }) => code)],
      [timed('2027-01-13T08:00:00', '2027-01-13T09:00:00', 'UTC'), ['zone-unknown']],
    );
    const series = await plant(
      plain('Custom series', {
        zone,
        recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'noEnd', startDate: '2027-01-13' } },
      }),
    );
    if (series.event === null)
      assert.deepEqual(
        series.problems.map(({ code }) => code),
        ['unreadable'],
      );
    else assert.notEqual(series.event.when.allDay ? '' : series.event.when.startZone, 'UTC');
  });

  it('is a date when it is all-day, whatever its zone, and is written without a known zone (F3, F6)', async () => {
    setup = await openGraph({ ianaZones: 'refused' });
    const days = event('Days', { when: { allDay: true, start: '2027-03-27', end: '2027-03-29' } });
    assert.deepEqual((await setup.side.create(days, KEY, 0)).event?.when, days.when);
    const midnight = (date: string, timeZone: string): Json => ({ dateTime: `${date}T00:00:00`, timeZone });
    for (const zone of ['UTC', 'Tokyo Standard Time', 'Line Islands Standard Time', 'Pacific Standard Time']) {
      const body = {
        subject: zone,
        isAllDay: true,
        start: midnight('2027-03-27', zone),
        end: midnight('2027-03-29', zone),
      };
      const found = await getOne(setup.owner.insertEvent(body, setup.calendarId)['id'] as string);
      assert.deepEqual(found.event?.when, { allDay: true, start: '2027-03-27', end: '2027-03-29' }, zone);
      const range = { type: 'numbered', startDate: '2027-03-27', numberOfOccurrences: 6 };
      const id = setup.owner.insertEvent(
        {
          ...body,
          end: midnight('2027-03-28', zone),
          recurrence: { pattern: { type: 'daily', interval: 2 }, range },
        },
        setup.calendarId,
      )['id'] as string;
      setup.owner.patchEvent(`OID.${id}.2027-03-29`, { subject: 'Changed' });
      setup.owner.deleteEvent(`OID.${id}.2027-03-31`);
      assert.deepEqual(
        Object.entries((await getOne(id)).event!.exceptions).map(([date, one]) => [
          date,
          one === EXCLUDED ? one : one.title,
        ]),
        [
          ['20270329', 'Changed'],
          ['20270331', EXCLUDED],
        ],
        zone,
      );
    }
  });

  it('is in the zone that a person set where one occurrence of an all-day series has a time', async () => {
    setup = await openGraph();
    const midnight = (date: string): Json => ({ dateTime: `${date}T00:00:00`, timeZone: 'W. Europe Standard Time' });
    const recurrence = {
      pattern: { type: 'daily', interval: 2 },
      range: { type: 'numbered', startDate: '2027-03-27', numberOfOccurrences: 4 },
    };
    const id = setup.owner.insertEvent(
      { ...plain('Days'), isAllDay: true, start: midnight('2027-03-27'), end: midnight('2027-03-28'), recurrence },
      setup.calendarId,
    )['id'] as string;
    for (const [date, timeZone, start, end] of [
      ['2027-03-29', 'W. Europe Standard Time', '12:00:00', '13:00:00'],
      ['2027-03-31', 'Tokyo Standard Time', '09:00:00', '10:00:00'],
    ] as const) {
      setup.owner.patchEvent(`OID.${id}.${date}`, {
        isAllDay: false,
        start: { dateTime: `${date}T${start}`, timeZone },
        end: { dateTime: `${date}T${end}`, timeZone },
      });
    }
    const { exceptions } = (await getOne(id)).event!;
    assert.deepEqual(
      Object.values(exceptions).map((one) => (one === EXCLUDED ? one : one.when)),
      [
        timed('2027-03-29T12:00:00', '2027-03-29T13:00:00'),
        timed('2027-03-31T09:00:00', '2027-03-31T10:00:00', 'Asia/Tokyo'),
      ],
    );
  });

  it('is cancelled by its organizer or declined by its owner', async () => {
    setup = await openGraph();
    const organizer = { emailAddress: { address: 'boss@elsewhere.example', name: 'Boss' } };
    const attendees = [
      { type: 'required', emailAddress: { address: 'owner@example.com' }, status: { response: 'declined' } },
    ];
    const found = await plant(
      plain('Cancelled', { organizer, attendees, isCancelled: true, responseStatus: { response: 'declined' } }),
    );
    assert.deepEqual(
      [found.event?.status, found.isDeclined, found.hasGuests, found.event?.organizer?.address],
      ['cancelled', true, false, 'boss@elsewhere.example'],
    );
    assert.equal(found.event?.attendees[0]?.participation, 'declined');
  });

  it('is busy, free or tentative', async () => {
    setup = await openGraph();
    for (const [showAs, status, transparency] of [
      ['busy', 'confirmed', 'opaque'],
      ['oof', 'confirmed', 'opaque'],
      ['tentative', 'tentative', 'opaque'],
      ['free', 'confirmed', 'transparent'],
      ['workingElsewhere', 'confirmed', 'transparent'],
    ]) {
      const { event: read } = await plant(plain(showAs!, { showAs, sensitivity: 'personal' }));
      assert.deepEqual([read?.status, read?.transparency, read?.visibility], [status, transparency, 'private']);
    }
  });

  it('reports a truncated text, and truncates the attendee text before the description', async () => {
    setup = await openGraph();
    const written = await setup.side.create(event('x'.repeat(300), { description: 'Text' }), KEY, 0);
    assert.deepEqual([written.event?.title.length, written.problems.map(({ code }) => code)], [255, ['text-too-long']]);
  });

  it('never throws, whatever the server sends', () => {
    for (const master of [
      {},
      { id: 'a' },
      { id: 'a', start: 5, end: null },
      { id: 'a', start: { dateTime: 'x' } },
      { id: 'a', start: { dateTime: '2027-13-41T00:00:00', timeZone: 'UTC' } },
      { id: 'a', isAllDay: true, start: { dateTime: 'soon' } },
      {
        id: 'a',
        start: { dateTime: '2027-01-01T00:00:00' },
        recurrence: { pattern: 'x' },
        attendees: [null, 5, { emailAddress: [] }],
      },
      {
        id: 'a',
        type: 'seriesMaster',
        start: { dateTime: '2027-01-01T00:00:00' },
        singleValueExtendedProperties: [null, { id: 5 }],
      },
    ]) {
      const found = readStored(
        {
          ref: 'a',
          resource: 'a',
          version: null,
          data: JSON.stringify({
            master,
            exceptions: { b: { id: 'b', originalStart: 'never' } },
            cancelled: ['2027-99-99'],
          }),
        },
        SETTING,
      );
      assert.ok(found.event !== null || found.problems.length === 1);
    }
    assert.equal(readStored({ ref: 'a', resource: 'a', version: null, data: 'nonsense' }, SETTING).event, null);
  });
});

describe('what Graph cannot hold', () => {
  const weekly = event('Weekly', {
    when: timed('2027-01-13T09:00:00', '2027-01-13T10:00:00'),
    recurrence: rule('FREQ=WEEKLY;COUNT=10'),
  });
  const at = (when: When): Content => ({ ...contentOnly(weekly), when });
  const with_ = (exceptions: CalendarEvent['exceptions']): string | null =>
    unsupported({ ...weekly, exceptions })?.code ?? null;

  it('includes cancelled events, unsupported rules, and seconds in a series', () => {
    assert.equal(unsupported({ ...weekly, status: 'cancelled' })?.code, 'cancelled-not-carried');
    assert.equal(unsupported(event('Single', { when: timed('2027-01-13T09:00:30', '2027-01-13T10:00:00') })), null);
    assert.equal(
      unsupported({ ...weekly, when: timed('2027-01-13T09:00:30', '2027-01-13T10:00:00') })?.code,
      'recurrence-written-out',
    );
    assert.equal(
      unsupported({ ...weekly, recurrence: rule('FREQ=MONTHLY;BYMONTHDAY=31') })?.code,
      'recurrence-written-out',
    );
    assert.equal(unsupported({ ...weekly, recurrence: rule('FREQ=NONSENSE') })?.code, 'recurrence-written-out');
  });

  it('includes occurrences moved to or past the day of their neighbours, or overlapping them', () => {
    assert.equal(with_({}), null);
    assert.equal(
      with_({
        '20270120T080000Z': at(timed('2027-01-26T09:00:00', '2027-01-26T10:00:00')),
        '20270203T080000Z': EXCLUDED,
      }),
      null,
    );
    assert.equal(
      with_({ '20270120T080000Z': at(timed('2027-01-27T20:00:00', '2027-01-27T21:00:00')) }),
      'recurrence-written-out',
    );
    assert.equal(
      with_({ '20270120T080000Z': at(timed('2027-01-13T20:00:00', '2027-01-13T21:00:00')) }),
      'recurrence-written-out',
    );
    assert.equal(
      with_({ '20270120T080000Z': at(timed('2027-01-20T09:00:00', '2027-01-27T09:30:00')) }),
      'recurrence-written-out',
    );
    assert.equal(
      with_({
        '20270120T080000Z': at(timed('2027-01-28T20:00:00', '2027-01-28T21:00:00')),
        '20270127T080000Z': EXCLUDED,
      }),
      null,
    );
    assert.equal(
      with_({
        '20270120T080000Z': at(timed('2027-01-28T20:00:00', '2027-01-28T21:00:00')),
        '20270127T080000Z': at(timed('2027-01-30T09:00:00', '2027-01-30T10:00:00')),
      }),
      null,
    );
  });
});
