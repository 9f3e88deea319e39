/** The strict check compares UNTIL, which is in UTC, with occurrences in the zone of the series. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateObject } from '../../core/ical/validate.ts';
import { printObject, vtimezone } from '../simulation/wire/ics-text.ts';

function series(zone: string, exception: string): string {
  const event = (lines: readonly string[]) => ({
    name: 'VEVENT',
    lines: ['UID:one', 'DTSTAMP:20260610T080000Z', ...lines],
    components: [],
  });
  return printObject({
    name: 'VCALENDAR',
    lines: ['VERSION:2.0', 'PRODID:-//Example//Test//EN'],
    components: [
      vtimezone(zone),
      event([`DTSTART;TZID=${zone}:20260713T081400`, `RRULE:FREQ=WEEKLY;UNTIL=${UNTIL[zone]}`]),
      event([`RECURRENCE-ID;TZID=${zone}:${exception}`, `DTSTART;TZID=${zone}:${exception}`]),
    ],
  });
}

/** 27 July, 08:14 there. */
const UNTIL: Readonly<Record<string, string>> = {
  'Europe/Berlin': '20260727T061400Z',
  'America/New_York': '20260727T121400Z',
};

for (const zone of Object.keys(UNTIL)) {
  test(`an exception of the last occurrence is in the set, one after it is not: ${zone}`, () => {
    assert.deepEqual(validateObject(series(zone, '20260727T081400')), []);
    assert.deepEqual(
      validateObject(series(zone, '20260803T081400')).map(({ rule }) => rule),
      ['recurrence-id-not-in-set'],
    );
  });
}
