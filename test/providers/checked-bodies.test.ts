/** Every body that is sent to Google or Graph follows the documented rules; one that does not is never sent. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CalendarEvent } from '../../core/event.ts';
import { brokenRules as brokenByGoogle } from '../../providers/google/check-body.ts';
import { insertBody as googleBody } from '../../providers/google/to-google.ts';
import { eventId } from '../../providers/google/write.ts';
import { unsupported } from '../../providers/microsoft/capabilities.ts';
import { brokenRules as brokenByGraph } from '../../providers/microsoft/check-body.ts';
import { insertBody as graphBody } from '../../providers/microsoft/to-graph.ts';
import { transactionIdOf } from '../../providers/microsoft/write.ts';
import { event } from '../support/contract.ts';
import { openGoogle, SETTING } from '../support/contract-google.ts';
import { openGraph } from '../support/contract-graph.ts';

type Json = Record<string, unknown>;

const ZONES = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland', 'Pacific/Kiritimati', 'UTC'];
const date = fc
  .integer({ min: 0, max: 3000 })
  .map((day) => new Date(Date.UTC(2024, 0, 1) + day * 86_400_000).toISOString().slice(0, 10));
const when = fc.oneof(
  fc.tuple(date, fc.integer({ min: 1, max: 5 })).map(([start, days]) => ({
    allDay: true as const,
    start,
    end: new Date(Date.parse(start) + days * 86_400_000).toISOString().slice(0, 10),
  })),
  fc.tuple(date, fc.constantFrom(...ZONES), fc.integer({ min: 0, max: 22 })).map(([day, zone, hour]) => ({
    allDay: false as const,
    start: `${day}T${String(hour).padStart(2, '0')}:30:00`,
    startZone: zone,
    end: `${day}T${String(hour + 1).padStart(2, '0')}:30:00`,
    endZone: zone,
  })),
);
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const anyEvent = fc
  .record({
    title: fc.oneof(text, fc.constant('T'.repeat(4000))),
    location: fc.oneof(text, fc.constant('P'.repeat(4000))),
    description: fc.oneof(text, fc.constant('D'.repeat(20_000))),
    when,
    rule: fc.constantFrom(null, 'RRULE:FREQ=WEEKLY;INTERVAL=9;COUNT=5', 'RRULE:FREQ=MONTHLY;INTERVAL=2'),
    status: fc.constantFrom('confirmed', 'tentative'),
    visibility: fc.constantFrom('public', 'private', 'confidential'),
    uid: fc.string({ minLength: 1, maxLength: 300 }),
  })
  .map(({ rule, ...fields }): CalendarEvent => {
    const plain = event('x', fields as Partial<CalendarEvent>);
    return rule === null ? plain : { ...plain, recurrence: { rules: [rule], dates: [] } };
  });

describe('bodies of new events', () => {
  it("follow Google's rules", () => {
    fc.assert(
      fc.property(anyEvent, (one) => {
        assert.deepEqual(brokenByGoogle(googleBody(one, eventId('key', 0, 'calendar'), 'key', SETTING), null), []);
      }),
    );
  });

  it("follow Graph's rules", () => {
    fc.assert(
      fc.property(anyEvent, (one) => {
        fc.pre(unsupported(one) === null);
        const { body } = graphBody(one, 'key', transactionIdOf('key', 0, 'calendar'), SETTING);
        assert.deepEqual(brokenByGraph(body, 'create'), []);
      }),
    );
  });
});

describe('bodies that break a rule', () => {
  const timed = { dateTime: '2027-01-05T09:00:00Z', timeZone: 'Europe/Berlin' };
  const google: Json = { id: 'abcde', start: timed, end: { ...timed, dateTime: '2027-01-05T10:00:00Z' } };
  for (const [rule, change] of [
    ['id', { id: 'abcd' }],
    ['id', { id: 'wxyz0' }],
    ['id', { id: 'ABCDE' }],
    ['id', { id: 'a'.repeat(1025) }],
    ['start and end', { end: { date: '2027-01-06' } }],
    ['start and end', { end: { ...timed, dateTime: '2027-01-05T08:59:59Z' } }],
    ['start and end', { start: { date: '2027-01-05' }, end: { date: '2027-01-05' } }],
    ['start and end', { start: { date: '2027-01-05' }, end: { date: '2027-01-04' } }],
    ['start and end', { start: { ...timed, timeZone: 'Mars/Olympus' } }],
    ['start and end', { start: { dateTime: '2027-01-05T09:00:00' } }],
    ['start and end', { start: { ...timed, date: '2027-01-05' } }],
    ['start and end', { start: undefined }],
    ['start and end', { start: { dateTime: timed.dateTime }, recurrence: ['RRULE:FREQ=DAILY'] }],
    ['recurrence', { recurrence: ['RRULE:FREQ=HOURLY'] }],
    ['recurrence', { recurrence: ['RRULE:FREQ=DAILY;UNTIL=20270110'] }],
    ['recurrence', { recurrence: ['RRULE:FREQ=DAILY;UNTIL=20270110T000000'] }],
    ['recurrence', { recurrence: ['RRULE:FREQ=DAILY;UNTIL=20270110T000000Z;COUNT=3'] }],
    ['recurrence', { recurrence: ['DTSTART:20270105T090000Z'] }],
    ['recurrence', { recurrence: ['RRULE:FREQ=DAILY', 'EXDATE;VALUE=DATE:20270106'] }],
    ['recurrence', { recurrence: [] }],
    ['summary', { summary: 'x'.repeat(1025) }],
    ['location', { location: 'x'.repeat(1025) }],
    ['description', { description: 'x'.repeat(8193) }],
    ['status', { status: 'cancelled' }],
    ['visibility', { visibility: 'secret' }],
    ['attendees', { attendees: [{ email: 'nobody' }] }],
    ['extendedProperties', { extendedProperties: { private: { [`k${'x'.repeat(44)}`]: '1' } } }],
    ['extendedProperties', { extendedProperties: { private: { key: 'x'.repeat(1025) } } }],
    ['unknown field', { sequence: 1 }],
    ['unknown field', { originalStartTime: timed }],
  ] as const) {
    it(`GA: Google's ${rule}: ${JSON.stringify(change).slice(0, 80)}`, () => {
      assert.deepEqual(brokenByGoogle({ ...google, ...change } as never, null), [rule]);
    });
  }

  const point = (dateTime: string, timeZone = 'UTC'): Json => ({ dateTime, timeZone });
  const graph: Json = {
    transactionId: transactionIdOf('key', 0, 'calendar'),
    isAllDay: false,
    start: point('2027-01-05T09:00:00'),
    end: point('2027-01-05T10:00:00'),
  };
  const allDay = { isAllDay: true, start: point('2027-01-05T00:00:00'), end: point('2027-01-06T00:00:00') };
  const weekly = { type: 'weekly', interval: 1, daysOfWeek: ['tuesday'], firstDayOfWeek: 'monday' };
  const range = { type: 'noEnd', startDate: '2027-01-05', recurrenceTimeZone: 'UTC' };
  for (const [rule, change] of [
    ['transactionId', { transactionId: '' }],
    ['transactionId', { transactionId: 'x'.repeat(65) }],
    ['start and end', { end: point('2027-01-05T08:00:00') }],
    ['start and end', { end: point('2027-01-05T10:00:00', 'Mars/Olympus') }],
    ['start and end', { end: point('2027-01-05T10:00:00Z') }],
    ['start and end', { end: undefined }],
    ['start and end', { isAllDay: undefined }],
    ['start and end', { ...allDay, end: point('2027-01-05T00:00:00') }],
    ['start and end', { ...allDay, end: point('2027-01-06T01:00:00') }],
    ['start and end', { ...allDay, start: point('2027-01-05T00:00:00', 'Tokyo Standard Time') }],
    ['recurrence', { recurrence: { pattern: weekly, range: { ...range, startDate: '2027-01-06' } } }],
    [
      'recurrence',
      { recurrence: { pattern: weekly, range: { ...range, type: 'numbered', numberOfOccurrences: 1000 } } },
    ],
    ['recurrence', { recurrence: { pattern: { ...weekly, daysOfWeek: [] }, range } }],
    ['recurrence', { recurrence: { pattern: weekly, range: { ...range, recurrenceTimeZone: 'Mars/Olympus' } } }],
    ['subject', { subject: 'x'.repeat(256) }],
    ['location', { location: { displayName: 'x'.repeat(256) } }],
    ['body', { body: { contentType: 'markdown', content: '' } }],
    ['showAs', { showAs: 'away' }],
    ['sensitivity', { sensitivity: 'public' }],
    ['attendees', { attendees: [{ emailAddress: { address: 'nobody' } }] }],
    ['singleValueExtendedProperties', { singleValueExtendedProperties: [{ id: 'calpair.uid', value: 'x' }] }],
    ['unknown field', { originalStart: '2027-01-05T00:00:00Z' }],
    ['unknown field', { iCalUId: 'x' }],
  ] as const) {
    it(`GA: Graph's ${rule}: ${JSON.stringify(change).slice(0, 80)}`, () => {
      assert.deepEqual(brokenByGraph({ ...graph, ...change }, 'create'), [rule]);
    });
  }

  it('GA: are not sent, and say which rule without any content', async () => {
    const backwards = { allDay: true, start: '2027-01-05', end: '2027-01-04' } as const;
    for (const open of [openGoogle, openGraph]) {
      const setup = await open();
      const secret = event('Secret', { when: backwards });
      const isRefused = (error: unknown): boolean => {
        const { kind, message, reason } = error as { kind: string; message: string; reason: string };
        assert.deepEqual([kind, reason], ['invalid-object', 'start and end']);
        assert.doesNotMatch(message, /Secret|2027/);
        return true;
      };
      await assert.rejects(setup.side.create(secret, 'key', 0), isRefused);
      assert.deepEqual(await setup.person.list(), []);
      const series = event('Series', { recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=5'], dates: [] } });
      const created = await setup.side.create(series, 'other', 0);
      await assert.rejects(
        setup.side.update(created, { ...series, when: { ...series.when, end: '2020-01-01T00:00:00' } as never }),
      );
      await setup.close();
    }
  });

  it('GA: lines of a series that Google gave itself are sent back as they are', () => {
    const start = { dateTime: '2027-01-05T09:00:00+01:00', timeZone: 'Europe/Berlin' };
    const lines = ['RRULE:FREQ=DAILY;UNTIL=20270110T000000', 'RDATE;TZID=Europe/Berlin:20270201T090000'];
    const item = { id: 'abcde', start, recurrence: lines };
    assert.deepEqual(brokenByGoogle({ recurrence: [...lines, 'EXDATE:20270106T080000Z'] }, item), []);
    assert.deepEqual(brokenByGoogle({ recurrence: [...lines, 'EXDATE:20270106'] }, item), ['recurrence']);
  });
});
