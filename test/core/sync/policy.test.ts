/** Filters, windows and projections. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CalendarEvent, EXCLUDED } from '../../../core/event.ts';
import { occurrenceContent } from '../../../core/recurrence/series.ts';
import { DEFAULT_OPTIONS, isInScope, type PairOptions, projected, sourceOf } from '../../../core/sync/policy.ts';
import { anEvent, aSeries, at, occurrence } from '../../support/fake-side.ts';

const NOW = Date.parse('2026-06-15T12:00:00Z');
const allDay = { allDay: true, start: '2026-06-15', end: '2026-06-16' } as const;

type Row = readonly [what: string, event: Partial<CalendarEvent>, options: Partial<PairOptions>, synced: boolean];

const PAST = { rules: ['RRULE:FREQ=DAILY;UNTIL=20260603T070000Z'], dates: [] };

const ROWS: readonly Row[] = [
  ['no filter', {}, {}, true],
  ['a title that matches, in another case', { title: 'Team MEETING' }, { filter: { titleMatches: 'meeting' } }, true],
  ['a title that does not match', { title: 'Dentist' }, { filter: { titleMatches: 'meeting' } }, false],
  ['a pattern is plain text', { title: 'abc' }, { filter: { titleMatches: 'a.c' } }, false],
  ['an excluded title', { title: 'my Private thing' }, { filter: { titleExcludes: 'private' } }, false],
  ['all-day events left out', { when: allDay }, { filter: { skipAllDay: true } }, false],
  ['all-day events left out, a timed one', {}, { filter: { skipAllDay: true } }, true],
  ['free events left out', { transparency: 'transparent' }, { filter: { skipFree: true } }, false],
  ['private events left out', { visibility: 'private' }, { filter: { skipPrivate: true } }, false],
  ['confidential ones, too', { visibility: 'confidential' }, { filter: { skipPrivate: true } }, false],
  ['within the window', { when: at(14) }, { window: { pastDays: 7, futureDays: 7 } }, true],
  ['before it', { when: at(1) }, { window: { pastDays: 7, futureDays: 7 } }, false],
  ['after it', { when: at(28) }, { window: { pastDays: 7, futureDays: 7 } }, false],
  ['before a window without a past', { when: at(1) }, { window: { futureDays: 7 } }, true],
  ['an endless series that began before it', { ...aSeries() }, { window: { pastDays: 7, futureDays: 7 } }, true],
  [
    'a series that ended before it',
    { ...aSeries({ recurrence: { rules: ['RRULE:FREQ=DAILY;UNTIL=20260603T070000Z'], dates: [] } }) },
    { window: { pastDays: 7 } },
    false,
  ],
  [
    'a series that ended before it, with an occurrence that was moved into it',
    {
      ...aSeries({
        recurrence: PAST,
        exceptions: { '20260602T070000Z': { ...occurrenceContent(aSeries(), '20260601T070000Z'), when: at(14) } },
      }),
    },
    { window: { pastDays: 7 } },
    true,
  ],
  [
    'a series that begins after it, with an occurrence that was moved into it',
    {
      ...aSeries({
        when: at(28),
        exceptions: { '20260629T070000Z': { ...occurrenceContent(aSeries(), '20260601T070000Z'), when: at(16) } },
      }),
    },
    { window: { futureDays: 7 } },
    true,
  ],
  [
    'a series that ended before it, with a date of its own in it',
    { ...aSeries({ recurrence: { ...PAST, dates: ['20260614T070000Z'] } }) },
    { window: { pastDays: 7 } },
    true,
  ],
  [
    'a series whose last occurrence reaches into it',
    { ...aSeries({ when: { ...at(1), end: '2026-06-08T10:00:00' } as CalendarEvent['when'], recurrence: PAST }) },
    { window: { pastDays: 7 } },
    true,
  ],
  ['a series that begins after it', { ...aSeries({ when: at(28) }) }, { window: { futureDays: 7 } }, false],
];

describe('what is synced, by its moved occurrences, too (E4)', () => {
  for (const [what, event, options, synced] of ROWS) {
    test(`${what}: ${synced ? 'yes' : 'no'}`, () =>
      assert.equal(isInScope(anEvent(event), { ...DEFAULT_OPTIONS, ...options }, NOW), synced));
  }
});

describe('what the other side sees', () => {
  const person = {
    address: 'p@example.com',
    name: 'P',
    participation: 'accepted',
    role: 'required',
    kind: 'individual',
  } as const;
  const [first, second] = [occurrence(1), occurrence(2)];
  const secret = aSeries({
    title: 'Secret',
    location: 'Room',
    description: 'Text',
    status: 'tentative',
    visibility: 'private',
    transparency: 'transparent',
    attendees: [person],
  });
  const series = {
    ...secret,
    exceptions: { [first]: EXCLUDED, [second]: { ...occurrenceContent(secret, second), title: 'More secret' } },
  } as CalendarEvent;

  test('everything, by default', () => assert.deepEqual(projected(series, 'cloud', DEFAULT_OPTIONS), series));

  test('busy: when, and whether the time is taken, in every exception as well', () => {
    const options = { ...DEFAULT_OPTIONS, content: { toCloud: 'busy', toCaldav: 'full' } } as const;
    const projection = projected(series, 'cloud', options);
    assert.doesNotMatch(JSON.stringify(projection), /ecret|Room|Text|example/);
    assert.deepEqual(
      [projection.title, projection.transparency, projection.when, projection.recurrence, projection.uid],
      ['Busy', 'transparent', series.when, series.recurrence, series.uid],
    );
    assert.deepEqual([projection.exceptions[first], Object.keys(projection.exceptions)], [EXCLUDED, [first, second]]);
    assert.deepEqual(projected(series, 'caldav', options), series);
  });

  test('attendees: none: no people, in no exception', () => {
    const projection = projected(series, 'cloud', { ...DEFAULT_OPTIONS, attendees: 'none' });
    assert.doesNotMatch(JSON.stringify(projection), /example/);
    assert.equal(projection.title, 'Secret');
  });
});

test('the source of each direction', () => {
  assert.deepEqual(
    [sourceOf('bidirectional'), sourceOf('caldav-to-cloud'), sourceOf('cloud-to-caldav')],
    [null, 'caldav', 'cloud'],
  );
});
