/** What is nearest to today is written first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CalendarEvent } from '../../../core/event.ts';
import { distanceOf } from '../../../core/sync/distance.ts';
import { anEvent } from '../../support/fake-side.ts';

const NOW = Date.parse('2026-06-10T08:00:00Z');

function on(start: string, more: Partial<CalendarEvent> = {}): number {
  const day = new Date(Date.parse(start) + 86_400_000).toISOString().slice(0, 10);
  return distanceOf({ ...anEvent(), when: { allDay: true, start, end: day }, ...more }, NOW);
}

function every(rule: string, dates: readonly string[] = []): Partial<CalendarEvent> {
  return { recurrence: { rules: rule === '' ? [] : [rule], dates } };
}

test('everything of the next 60 days comes first, then what is nearer', () => {
  for (const day of ['2026-06-09', '2026-06-10', '2026-07-01', '2026-08-09']) assert.equal(on(day), 0, day);
  const order = ['2026-08-12', '2026-09-10', '2026-12-24', '2027-06-01', '2031-01-01', '2099-01-01'].map((day) =>
    on(day),
  );
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  assert.ok(order[0]! > 0);
  assert.ok(on('2026-05-20') < on('2025-05-20') && on('2025-05-20') < on('2005-05-20'));
  assert.ok(on('2026-10-01') < on('2024-01-01'), 'the future before a past as far away');
});

test('a series counts by what is left of it', () => {
  assert.equal(on('2019-01-07', every('RRULE:FREQ=WEEKLY')), 0);
  assert.equal(on('2019-01-07', every('RRULE:FREQ=WEEKLY;COUNT=3')), 0, 'a count is not followed');
  assert.equal(on('2019-01-07', every('RRULE:FREQ=WEEKLY;UNTIL=20260701T080000Z')), 0);
  assert.equal(on('2019-01-07', every('', ['20190114', '20260701'])), 0);
  assert.ok(on('2019-01-07', every('RRULE:FREQ=WEEKLY;UNTIL=20200101')) > 0);
  assert.ok(on('2019-01-07', every('', ['20190114'])) > 0);
  assert.ok(on('2027-01-04', every('RRULE:FREQ=WEEKLY')) > 0);
});

test('it says little about when the event is, and fits its column', () => {
  const values = new Set<number>();
  for (let year = 1; year <= 9999; year += 1) values.add(on(`${String(year).padStart(4, '0')}-06-10`));
  for (const value of values) assert.ok(Number.isInteger(value) && value >= 0 && value < 60, String(value));
  assert.ok(values.size < 45, String(values.size));
});
