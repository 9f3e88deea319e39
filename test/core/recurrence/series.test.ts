/** Occurrences without an exception, and the validity of a series. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CalendarEvent } from '../../../core/event.ts';
import { isValidSeries, occurrenceContent } from '../../../core/recurrence/series.ts';
import { anEvent, aSeries, at, occurrence } from '../../support/fake-side.ts';

const rule = (text: string) => ({ rules: [`RRULE:${text}`], dates: [] });
const allDay = { allDay: true, start: '2026-06-01', end: '2026-06-03' } as const;

describe('an occurrence without an exception', () => {
  test('has the content of the series, at its own time', () => {
    const series = aSeries({ title: 'S', location: 'L' });
    const content = occurrenceContent(series, occurrence(2));
    assert.deepEqual([content.title, content.location, content.when], ['S', 'L', at(15)]);
    assert.ok(!('recurrence' in content) && !('uid' in content) && !('exceptions' in content));
  });

  test('keeps its wall-clock time and duration across a change of offset', () => {
    const series = aSeries({
      when: {
        allDay: false,
        start: '2026-10-19T23:30:00',
        startZone: 'Europe/Berlin',
        end: '2026-10-20T01:00:00',
        endZone: 'Europe/Berlin',
      },
    });
    assert.deepEqual(occurrenceContent(series, '20261026T223000Z').when, {
      allDay: false,
      start: '2026-10-26T23:30:00',
      startZone: 'Europe/Berlin',
      end: '2026-10-27T01:00:00',
      endZone: 'Europe/Berlin',
    });
  });

  test('of an all-day series has the same number of days', () => {
    assert.deepEqual(occurrenceContent(aSeries({ when: allDay }), '20261026').when, {
      allDay: true,
      start: '2026-10-26',
      end: '2026-10-28',
    });
  });
});

describe('a valid series', () => {
  const rows: readonly [what: string, event: CalendarEvent, expected: boolean][] = [
    ['a single event', anEvent(), true],
    ['a start that the rule matches', aSeries(), true],
    ['a start that the rule does not match', aSeries({ when: at(2) }), false],
    ['an all-day series', aSeries({ when: allDay, recurrence: rule('FREQ=WEEKLY;BYDAY=MO') }), true],
    [
      'an all-day series that starts on another day',
      aSeries({ when: { ...allDay, start: '2026-06-02' }, recurrence: rule('FREQ=WEEKLY;BYDAY=MO') }),
      false,
    ],
    ['a date as UNTIL of a timed series', aSeries({ recurrence: rule('FREQ=DAILY;UNTIL=20260701') }), false],
    [
      'a time as UNTIL of an all-day series',
      aSeries({ when: allDay, recurrence: rule('FREQ=DAILY;UNTIL=20260701T000000Z') }),
      false,
    ],
    ['dates of the other type', aSeries({ recurrence: { rules: [], dates: ['20260701'] } }), false],
    ['dates only', aSeries({ recurrence: { rules: [], dates: ['20260701T070000Z'] } }), true],
    ['an UNTIL before the start', aSeries({ recurrence: rule('FREQ=WEEKLY;BYDAY=MO;UNTIL=20260501T070000Z') }), false],
    ['every second month', aSeries({ recurrence: rule('FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=1') }), true],
  ];
  for (const [what, event, expected] of rows)
    test(`${what}: ${expected ? 'yes' : 'no'}`, () => assert.equal(isValidSeries(event), expected));
});
