/** Events that cannot be read, apart from their titles. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readObject } from '../../core/ical/object.ts';
import { readStored as readGoogle } from '../../providers/google/from-google.ts';
import { readStored as readGraph } from '../../providers/microsoft/from-graph.ts';

const setting = { floatingZone: 'UTC', attendees: 'copy', reminders: 'keep', tag: () => 'ffff' } as const;
const object = (...lines: string[]) =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'BEGIN:VEVENT', 'UID:a', ...lines, 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n');

const UNREADABLE: Readonly<Record<string, readonly string[]>> = {
  'no start': [],
  'a start that is no time': ['DTSTART:tomorrow'],
  'an unreadable rule': ['DTSTART:20270101T090000Z', 'RRULE:FREQ=NEVER'],
  'a change of all following occurrences': [
    'DTSTART:20270101T090000Z',
    'RRULE:FREQ=DAILY',
    'END:VEVENT',
    'BEGIN:VEVENT',
    'UID:a',
    'RECURRENCE-ID;RANGE=THISANDFUTURE:20270103T090000Z',
    'DTSTART:20270103T100000Z',
  ],
};

for (const [what, lines] of Object.entries(UNREADABLE))
  test(`FA22: an object with ${what} still has its title`, () => {
    const [entry] = readObject(object('SUMMARY:Board\\, meeting', ...lines), { floatingZone: 'UTC' }).events;
    if (entry?.event) return assert.equal(entry.event.title, 'Board, meeting');
    assert.equal(entry?.title, 'Board, meeting');
  });

test('FA22: so have events of the clouds', () => {
  const stored = (master: object, more = {}) => ({
    ref: 'a',
    resource: 'a',
    version: null,
    data: JSON.stringify({ master: { id: 'a', ...master }, exceptions: {}, ...more }),
  });
  const google = readGoogle(stored({ summary: 'Board meeting' }), setting);
  const graph = readGraph(stored({ subject: 'Board meeting' }, { cancelled: [] }), setting);
  assert.deepEqual([google.event, google.title], [null, 'Board meeting']);
  assert.deepEqual([graph.event, graph.title], [null, 'Board meeting']);
});
