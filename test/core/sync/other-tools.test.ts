/** Events that other sync programs made are recognised by their marks alone, as each service stores them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CalendarEvent, When } from '../../../core/event.ts';
import { readObject } from '../../../core/ical/object.ts';
import { originalsOf, recognizeTool, type ToolMark } from '../../../core/sync/other-tools.ts';
import { foundOf as foundInGoogle } from '../../../providers/google/from-google.ts';
import { pickItem as pickGoogle } from '../../../providers/google/item.ts';
import { foundOf as foundInGraph } from '../../../providers/microsoft/from-graph.ts';
import { pickItem as pickGraph } from '../../../providers/microsoft/item.ts';
import { event } from '../../support/contract.ts';
import { SETTING as GOOGLE } from '../../support/contract-google.ts';
import { SETTING as GRAPH } from '../../support/contract-graph.ts';

type Json = Record<string, unknown>;

const inGoogle = (item: Json): ToolMark | null =>
  foundInGoogle(
    {
      master: pickGoogle({
        id: 'abc123',
        iCalUID: 'abc123@google.com',
        summary: 'Dentist',
        start: { dateTime: '2027-01-13T09:00:00Z', timeZone: 'Europe/Berlin' },
        end: { dateTime: '2027-01-13T10:00:00Z', timeZone: 'Europe/Berlin' },
        ...item,
      })!,
      exceptions: {},
    },
    GOOGLE,
  ).syncedBy ?? null;

const inGraph = (item: Json): ToolMark | null =>
  foundInGraph(
    {
      master: pickGraph({
        id: 'AAMk',
        type: 'singleInstance',
        iCalUId: '040000008200E00074C5B7101A82E00800000000D0C1',
        subject: 'Dentist',
        start: { dateTime: '2027-01-13T09:00:00.0000000', timeZone: 'UTC' },
        end: { dateTime: '2027-01-13T10:00:00.0000000', timeZone: 'UTC' },
        ...item,
      })!,
      exceptions: {},
      cancelled: [],
    },
    GRAPH,
  ).syncedBy ?? null;

const calendar = (producer: string, lines: readonly string[]): string =>
  [
    'BEGIN:VCALENDAR',
    `PRODID:${producer}`,
    'VERSION:2.0',
    'BEGIN:VEVENT',
    'DTSTAMP:20261101T100000Z',
    'DTSTART:20270113T090000Z',
    'DTEND:20270113T100000Z',
    ...lines,
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');
const inCaldav = (producer: string, ...lines: string[]): ToolMark | null =>
  readObject(calendar(producer, lines), { floatingZone: 'UTC' }).events[0]!.syncedBy;

const outlookProperty = (name: string, value: string): Json => ({
  id: `String {00020329-0000-0000-c000-000000000046} Name ${name}`,
  value,
});
const OUTLOOK_IDS = {
  outlook_CalendarID: '00000000D2B4',
  outlook_EntryID: '00000000D2B40700',
  outlook_GlobalApptID: '040000008200E00074C5B7101A82E008',
};
const GOOGLE_IDS = [outlookProperty('googleCalendarID', 'me@example.org'), outlookProperty('googleEventID', 'abc123')];
const DDAY = '-//ddaysoftware.com//NONSGML DDay.iCal 1.0//EN';

describe('the mark is recognised of', () => {
  const keeper = { tool: 'keeper', isCopy: true };
  const uid = '0f3a9c1be2d84b7fa6c5d4e3f2a1b0c9@keeper.sh';
  it('Keeper in CalDAV', () =>
    assert.deepEqual(inCaldav('-//Keeper//Keeper Calendar//EN', `UID:${uid}`, 'SUMMARY:Busy'), keeper));
  it('Keeper in Google', () => assert.deepEqual(inGoogle({ iCalUID: uid, summary: 'Busy' }), keeper));
  it('Keeper in Outlook', () => assert.deepEqual(inGraph({ categories: ['Red category', 'keeper.sh'] }), keeper));

  it('OGCS in Google: a copy from Outlook', () =>
    assert.deepEqual(inGoogle({ extendedProperties: { private: OUTLOOK_IDS } }), { tool: 'ogcs', isCopy: true }));
  it('OGCS in Google, of a second profile', () => {
    const ids = Object.entries(OUTLOOK_IDS).map(([name, value]) => [`${name}-02`, value]);
    assert.deepEqual(inGoogle({ extendedProperties: { private: Object.fromEntries(ids) } }), {
      tool: 'ogcs',
      isCopy: true,
    });
  });
  it('OGCS in Google, two-way: perhaps an original', () => {
    const properties = { ...OUTLOOK_IDS, OGCSmodified: '20261101T100000' };
    assert.deepEqual(inGoogle({ extendedProperties: { private: properties } }), { tool: 'ogcs', isCopy: false });
  });
  it('OGCS in Outlook: a copy from Google', () =>
    assert.deepEqual(inGraph({ singleValueExtendedProperties: GOOGLE_IDS }), { tool: 'ogcs', isCopy: true }));
  it('OGCS in Outlook, two-way: perhaps an original', () => {
    const list = [...GOOGLE_IDS, outlookProperty('OGCSmodifiedText', '20261101100000')];
    assert.deepEqual(inGraph({ singleValueExtendedProperties: list }), { tool: 'ogcs', isCopy: false });
  });

  const synchronizer = { tool: 'outlook-caldav-synchronizer', isCopy: false };
  it('Outlook CalDAV Synchronizer in CalDAV: perhaps an original', () => {
    const lines = ['UID:0b1c2d3e-4f50', 'SUMMARY:Dentist', 'X-MICROSOFT-CDO-BUSYSTATUS:BUSY'];
    assert.deepEqual(inCaldav(DDAY, ...lines), synchronizer);
    assert.deepEqual(
      inCaldav('-//Other//EN', ...lines, 'X-CALDAVSYNCHRONIZER-Project:Garden'),
      synchronizer,
      'also where a server wrote PRODID anew',
    );
  });

  it('CalendarBridge in Google', () =>
    assert.deepEqual(inGoogle({ extendedProperties: { private: { calendarBridgeEventId: '42' } } }), {
      tool: 'calendarbridge',
      isCopy: true,
    }));
});

describe('no mark is recognised', () => {
  it('in what vdirsyncer copied: the object is the same on both sides', () => {
    const lines = ['UID:7a1f3c52-90ab-4cde-8f01-23456789abcd', 'SUMMARY:Dentist'];
    assert.equal(inCaldav('-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN', ...lines), null);
  });

  it('in an event that a person created in Keeper itself', () =>
    assert.equal(inCaldav('-//Keeper//EN', 'UID:7a1f3c52@user.keeper.sh', 'SUMMARY:Dentist'), null));

  it('in what Calpair copied from a marked event', () => {
    const own = { 'calpair.id': 'abc123', 'calpair.link': 'x', 'calpair.uid': 'a@keeper.sh' };
    assert.equal(inGoogle({ extendedProperties: { private: { ...own, ...OUTLOOK_IDS } } }), null);
  });

  it('with one id of OGCS alone, or the product of another program that uses the same library', () => {
    assert.equal(inGoogle({ extendedProperties: { private: { outlook_EntryID: '00' } } }), null);
    assert.equal(inGraph({ singleValueExtendedProperties: GOOGLE_IDS.slice(1) }), null);
    assert.equal(inCaldav(DDAY, 'UID:1', 'SUMMARY:Dentist'), null);
  });

  it('in any event, whatever people write into it', () => {
    const words = ['keeper.sh', '[Keeper]', '@keeper.sh', 'OGCSmodified', 'outlook_EntryID', 'CalendarBridge', 'Busy'];
    const text = fc.oneof(
      fc.constantFrom(...words),
      fc.string(),
      fc.constantFrom(...words).map((word) => `${word} 1`),
    );
    const line = text.map((one) => one.replace(/[\r\n]/g, ' '));
    const uids = fc.oneof(
      fc.uuid(),
      fc.stringMatching(/^[0-9a-f]{64}$/),
      fc.stringMatching(/^[A-Za-z0-9_-]{1,40}@(google\.com|example\.org|keeper\.sh\.example\.org)$/),
    );
    const names = fc.constantFrom('X-APPLE-TRAVEL-ADVISORY-BEHAVIOR', 'X-MOZ-GENERATION', 'X-MICROSOFT-CDO-BUSYSTATUS');
    fc.assert(
      fc.property(line, line, line, uids, fc.array(names), (title, description, category, uid, properties) => {
        const lines = properties.map((name) => `${name}:${description}`);
        const content = [
          `SUMMARY:${title}`,
          `DESCRIPTION:${description}`,
          `CATEGORIES:${category}`,
          `LOCATION:${title}`,
        ];
        assert.equal(inCaldav('-//Example//Calendar Client 3.1//EN', `UID:${uid}`, ...content, ...lines), null);
        const item = { summary: title, description, location: category, iCalUID: uid };
        assert.equal(inGoogle({ ...item, extendedProperties: { private: { note: description } } }), null);
        const body = { contentType: 'text', content: description };
        const categories = category === 'keeper.sh' ? [] : [category];
        assert.equal(inGraph({ subject: title, body, iCalUId: uid, categories }), null);
        assert.equal(recognizeTool({ uid, properties, categories }), null);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a copy belongs to', () => {
  const when = (start: string, end = '10:00'): When => ({
    allDay: false,
    start: `2027-01-${start}T09:00:00`,
    startZone: 'Europe/Berlin',
    end: `2027-01-${start}T${end}:00`,
    endZone: 'Europe/Berlin',
  });
  const utc: When = {
    allDay: false,
    start: '2027-01-13T08:00:00',
    startZone: 'UTC',
    end: '2027-01-13T09:00:00',
    endZone: 'UTC',
  };
  const one = (linkId: string, title: string, at: When, more: Partial<CalendarEvent> = {}) => ({
    linkId,
    event: event(title, { when: at, ...more }),
  });
  const links = (...found: Parameters<typeof originalsOf>) =>
    originalsOf(...found).map(({ copy, original }) => `${copy}-${original}`);

  it('the event at the same time with the same title, in whatever zone', () => {
    const originals = [one('a', 'Dentist', when('13')), one('b', 'Lunch', when('13'))];
    assert.deepEqual(links([one('x', 'Dentist ', utc), one('y', 'Lunch', utc)], originals), ['x-a', 'y-b']);
  });

  it('the only event at the same time, where its title is hidden', () => {
    const copies = [one('x', 'Busy', utc), one('y', 'busy', when('14'))];
    assert.deepEqual(
      links(copies, [one('a', 'Dentist', when('13')), one('b', 'A', when('14')), one('c', 'B', when('14'))]),
      ['x-a'],
    );
  });

  it('the hidden one of two, once the other is known by its title', () => {
    const copies = [one('x', 'Busy', utc), one('y', 'Lunch', utc)];
    assert.deepEqual(links(copies, [one('a', 'Dentist', when('13')), one('b', 'Lunch', when('13'))]), ['y-b', 'x-a']);
  });

  it('nothing with another title, another end, or of another kind, and to nothing twice', () => {
    const dentist = [one('a', 'Dentist', when('13'))];
    assert.deepEqual(links([one('x', 'Work meeting', utc)], dentist), []);
    assert.deepEqual(links([one('x', 'Dentist', when('13', '11:00'))], dentist), []);
    const weekly = { recurrence: { rules: ['RRULE:FREQ=WEEKLY'], dates: [] } };
    assert.deepEqual(links([one('x', 'Dentist', utc, weekly)], dentist), []);
    assert.deepEqual(links([one('x', 'Dentist', utc), one('y', 'Dentist', utc)], dentist), []);
  });
});
