/** What Google and Outlook may hold in a text, and iCalendar may not: the event is written to CalDAV all the same. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import ICAL from 'ical.js';
import type { CalendarEvent } from '../../core/event.ts';
import { createObject } from '../../core/ical/object.ts';
import { validateObject } from '../../core/ical/validate.ts';
import { readStored as readGoogle } from '../../providers/google/from-google.ts';
import { readStored as readGraph } from '../../providers/microsoft/from-graph.ts';

const SETTING = {
  floatingZone: 'Europe/Berlin',
  attendees: 'copy',
  reminders: 'keep',
  tag: () => '0'.repeat(64),
} as const;
const TIME = { dateTime: '2027-03-01T09:00:00', timeZone: 'UTC' };
const LATER = { dateTime: '2027-03-01T10:00:00', timeZone: 'UTC' };
const X500 = '/O=ExchangeLabs/OU=Exchange Administrative Group (FYDIBOHF23SPDLT)/CN=Ann';

const TEXTS: Readonly<Record<string, string>> = {
  'a vertical tab, as Word pastes it': 'before\u000bafter',
  'a carriage return alone': 'before\rafter',
  'a null character': 'before\u0000after',
  'an escape character': 'before\u001bafter',
  'half of a character': 'before\ud83dafter',
  DEL: 'before\u007fafter',
};
const ADDRESSES: Readonly<Record<string, string>> = {
  'an X.500 name with spaces': X500,
  'no address but a name': 'Ann Example',
  'an address with its scheme': 'mailto:ann@example.com',
  'an address with a slash': 'ops/night@example.com',
  'an address with a control character': 'ann\u0007@example.com',
};

const eventOf = (found: { event: CalendarEvent | null }): CalendarEvent => {
  assert.ok(found.event);
  return found.event;
};
const CLOUDS: Readonly<Record<string, (text: string, address: string) => CalendarEvent>> = {
  Google: (text, address) => {
    const people = {
      attendees: [{ email: address, displayName: text }],
      organizer: { email: address, displayName: text },
    };
    const master = {
      id: 'x',
      iCalUID: 'u',
      start: TIME,
      end: LATER,
      summary: text,
      location: text,
      description: text,
      ...people,
    };
    return eventOf(
      readGoogle({ ref: 'x', resource: 'x', version: null, data: JSON.stringify({ master, exceptions: {} }) }, SETTING),
    );
  },
  Outlook: (text, address) => {
    const person = { emailAddress: { address, name: text } };
    const master = {
      ...{ id: 'x', iCalUId: 'u', type: 'singleInstance', start: TIME, end: LATER, originalStartTimeZone: 'UTC' },
      ...{ subject: text, location: { displayName: text }, body: { contentType: 'text', content: text } },
      ...{ attendees: [person], organizer: person },
    };
    const data = JSON.stringify({ master, exceptions: {}, cancelled: [] });
    return eventOf(readGraph({ ref: 'x', resource: 'x', version: null, data }, SETTING));
  },
};

for (const [service, read] of Object.entries(CLOUDS))
  describe(`an event of ${service} is valid iCalendar on the other side:`, () => {
    const written = (event: CalendarEvent): ICAL.Event => {
      const text = createObject(event, 'u', { now: '2027-01-01T00:00:00Z', scheduleAgentNone: true });
      assert.deepEqual(validateObject(text), [], text);
      return new ICAL.Event(new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent('vevent')!);
    };
    for (const [name, text] of Object.entries(TEXTS))
      test(name, () => {
        const { summary, location, description, attendees } = written(read(text, 'ann@example.com'));
        for (const one of [summary, location, description]) assert.match(one, /^before[\n\ufffd]?after$/);
        assert.match(String(attendees[0]!.getParameter('cn')), /^before[ \ufffd]?after$/);
      });
    for (const [name, address] of Object.entries(ADDRESSES))
      test(name, () => {
        const { attendees } = written(read('text', address));
        assert.equal(attendees.length, 1);
      });
  });
