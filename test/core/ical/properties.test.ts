import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { CalendarEvent } from '../../../core/event.ts';
import { changedPaths } from '../../../core/event.ts';
import { createObject, patchObject, readObject } from '../../../core/ical/object.ts';
import { withDatesOfExceptions } from '../../../core/recurrence/series.ts';
import { randomEvent, randomWhen } from './random-objects.ts';

const NOW = '2026-11-21T10:00:00Z';
const CREATE = { now: NOW, scheduleAgentNone: false };
const SETTING = { now: NOW, floatingZone: 'Europe/Berlin' };
const RUNS = { numRuns: 200 };

function read(text: string): CalendarEvent {
  const { events } = readObject(text, SETTING);
  assert.equal(events.length, 1, text);
  assert.ok(events[0]!.event, JSON.stringify(events[0]!.problems) + text);
  assert.deepEqual(events[0]!.problems, []);
  return events[0]!.event;
}

function assertReadsAs(text: string, event: CalendarEvent): void {
  assert.deepEqual(changedPaths(read(text), event), [], text);
}

function unfolded(text: string): string[] {
  return text.replaceAll('\r\n ', '').split('\r\n');
}

describe('random events', () => {
  test('a created object reads as its event', () => {
    fc.assert(
      fc.property(randomEvent, fc.boolean(), (event, scheduleAgentNone) => {
        const text = createObject(event, 'uid-1', { now: NOW, scheduleAgentNone });
        assertReadsAs(text, event);
        assert.equal(read(text).uid, 'uid-1');
        assert.ok(text.endsWith('END:VCALENDAR\r\n') && !/[^\r]\n/.test(text));
        assert.ok(text.split('\r\n').every((physical) => Buffer.byteLength(physical) <= 75));
        for (const [, tzid] of text.matchAll(/;TZID=([^:;]+)/g))
          assert.ok(text.includes(`TZID:${tzid}\r\n`), `no VTIMEZONE for ${tzid}`);
        const attendees = unfolded(text).filter((line) => /^(ATTENDEE|ORGANIZER)/.test(line));
        assert.ok(attendees.every((line) => line.includes('SCHEDULE-AGENT=NONE') === scheduleAgentNone));
      }),
      RUNS,
    );
  });

  test('a patched object reads as the new event, and patching it again changes nothing', () => {
    fc.assert(
      fc.property(randomEvent, randomEvent, (first, next) => {
        const text = createObject(first, 'uid-1', CREATE);
        assert.equal(patchObject(text, null, first, SETTING), text);
        const patched = patchObject(text, null, next, SETTING);
        assertReadsAs(patched, next);
        assert.equal(patchObject(patched, null, next, { ...SETTING, now: '2030-01-01T00:00:00Z' }), patched);
        for (const [, tzid] of patched.matchAll(/;TZID=([^:;]+)/g))
          assert.ok(patched.includes(`TZID:${tzid}\r\n`), `no VTIMEZONE for ${tzid}`);
      }),
      RUNS,
    );
  });

  test('exceptions can be added to a series and removed again', () => {
    fc.assert(
      fc.property(randomEvent, randomEvent, (first, other) => {
        if (first.recurrence === null || other.when.allDay !== first.when.allDay) return;
        const next = withDatesOfExceptions({ ...first, exceptions: other.exceptions });
        const text = createObject(first, 'uid-1', CREATE);
        const there = patchObject(text, null, next, SETTING);
        assertReadsAs(there, next);
        assertReadsAs(patchObject(there, null, first, SETTING), first);
      }),
      RUNS,
    );
  });

  test('reading random lines never throws, and every event that is read can be written', () => {
    const values = [
      '20260105',
      '20260105T090000',
      '20260105T090000Z',
      'P1D',
      '-PT1H',
      'FREQ=DAILY;COUNT=3;',
      'freq=weekly;byday=mo',
      'CANCELLED',
      '20269999',
      'a\\,b',
      '',
      'mailto:a@b.c',
      'VEVENT',
      'VCALENDAR',
      'u',
    ];
    const params = [
      '',
      ';VALUE=DATE',
      ';TZID=Europe/Berlin',
      ';TZID="W. Europe Standard Time"',
      ';TZID=Nowhere',
      ';RANGE=THISANDFUTURE',
      ';CN="x',
      ';CN=^n;',
      ';VALUE=PERIOD',
    ];
    const names = [
      'DTSTART',
      'DTSTART',
      'DTEND',
      'DURATION',
      'RRULE',
      'RDATE',
      'EXDATE',
      'RECURRENCE-ID',
      'UID',
      'SUMMARY',
      'STATUS',
      'ATTENDEE',
      'ORGANIZER',
      'BEGIN',
      'END',
      ' x',
      '',
      'SEQUENCE',
    ];
    const line = fc
      .tuple(fc.constantFrom(...names), fc.constantFrom(...params), fc.constantFrom(...values))
      .map(([name, param, value]) => `${name}${param}:${value}`);
    fc.assert(
      fc.property(fc.array(fc.array(line, { maxLength: 9 }), { maxLength: 4 }), (events) => {
        const text = [
          'BEGIN:VCALENDAR',
          ...events.flatMap((lines) => ['BEGIN:VEVENT', 'DTSTART:20260105T090000', ...lines, 'END:VEVENT']),
          'END:VCALENDAR',
          '',
        ].join('\r\n');
        const found = readObject(text, SETTING).events;
        assert.equal(new Set(found.map(({ part }) => part)).size, found.length);
        for (const { part, event } of found) {
          if (!event) continue;
          const next = { ...event, title: 'changed', description: 'x' };
          const back = readObject(patchObject(text, part, next, SETTING), SETTING).events.find(
            (entry) => entry.part === part,
          )?.event;
          assert.ok(back);
          assert.deepEqual(changedPaths(back, next), [], text);
          assertReadsAs(createObject(event, 'uid-1', CREATE), event);
        }
      }),
      { numRuns: 600 },
    );
  });

  const OWN = [
    'X-APPLE-TRAVEL;X-P="a;b:c":x\\,y\\',
    'CATEGORIES:One,Two',
    'BEGIN:VALARM',
    'TRIGGER:-PT15M',
    'ACTION:DISPLAY',
    'END:VALARM',
  ];
  const FIELDS: Record<string, { names: string[]; value: fc.Arbitrary<Partial<CalendarEvent>> }> = {
    title: { names: ['SUMMARY'], value: fc.string().map((title) => ({ title: title.replace(/[^a-z]/g, '') })) },
    description: { names: ['DESCRIPTION'], value: fc.constantFrom({ description: '' }, { description: 'x\ny, z' }) },
    status: {
      names: ['STATUS'],
      value: fc.constantFrom({ status: 'tentative' as const }, { status: 'confirmed' as const }),
    },
    visibility: {
      names: ['CLASS'],
      value: fc.constantFrom({ visibility: 'private' as const }, { visibility: 'public' as const }),
    },
    organizer: { names: ['ORGANIZER'], value: fc.constant({ organizer: { address: 'q@example.com', name: 'Q' } }) },
    attendees: { names: ['ATTENDEE'], value: fc.constant({ attendees: [] }) },
    when: { names: ['DTSTART', 'DTEND', 'DURATION'], value: randomWhen.map((when) => ({ when })) },
  };
  for (const [field, { names, value }] of Object.entries(FIELDS)) {
    test(`a change of ${field} leaves all other lines as they are`, () => {
      fc.assert(
        fc.property(randomEvent, value, (event, change) => {
          const single = { ...event, recurrence: null, exceptions: {} };
          const text = createObject(single, 'uid-1', CREATE).replace('END:VEVENT', `${OWN.join('\r\n')}\r\nEND:VEVENT`);
          const next = { ...single, ...change };
          const patched = patchObject(text, null, next, SETTING);
          assertReadsAs(patched, next);
          const allowed = new Set([...names, 'DTSTAMP', 'LAST-MODIFIED']);
          const kept = (from: string): string[] =>
            unfolded(from.replace(/BEGIN:VTIMEZONE[^]*?END:VTIMEZONE\r\n/g, '')).filter(
              (line) => !allowed.has(/^[A-Z-]+/.exec(line)?.[0] ?? ''),
            );
          assert.deepEqual(kept(patched), kept(text));
        }),
        { numRuns: 60 },
      );
    });
  }
});
