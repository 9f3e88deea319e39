/**
 * What is fuzzed: each reader of foreign text, with what has to hold whatever it is given. A target throws where it
 * does not hold. Inputs are bytes, one character each.
 */
import assert from 'node:assert/strict';
import ICAL from 'ical.js';
import { busySpans } from '../../core/availability/busy-time.ts';
import { type CalendarEvent, changedPaths } from '../../core/event.ts';
import { decodeBytes } from '../../core/ical/charset.ts';
import { splitFeed } from '../../core/ical/feed.ts';
import { readBusySources, readFreeBusy } from '../../core/ical/free-busy.ts';
import { createObject, patchObject, readObject, removePart } from '../../core/ical/object.ts';
import { TooLarge } from '../../core/ical/text.ts';
import { newViolations, validateObject } from '../../core/ical/validate.ts';
import { expandOccurrences } from '../../core/recurrence/expand.ts';
import { formatRule, parseRule, RecurrenceError } from '../../core/recurrence/rule.ts';
import { withDatesOfExceptions } from '../../core/recurrence/series.ts';
import { SyncError } from '../../core/sync-error.ts';
import { readError, readMultistatus } from '../../providers/caldav/xml.ts';
import { unsupported as unsupportedByGoogle } from '../../providers/google/capabilities.ts';
import { brokenRules as brokenByGoogle } from '../../providers/google/check-body.ts';
import { readStored as readGoogle } from '../../providers/google/from-google.ts';
import { insertBody as googleBody } from '../../providers/google/to-google.ts';
import { unsupported as unsupportedByGraph } from '../../providers/microsoft/capabilities.ts';
import { brokenRules as brokenByGraph } from '../../providers/microsoft/check-body.ts';
import { readStored as readGraph } from '../../providers/microsoft/from-graph.ts';
import { insertBody as graphBody } from '../../providers/microsoft/to-graph.ts';
import { htmlToText, isHtml } from '../../providers/text.ts';
import { cloudTexts, MANY_PARTS } from '../support/hostile-texts.ts';

export interface Target {
  readonly run: (input: string) => void;
  readonly seeds: readonly string[];
  /** Words that mean something to the reader. */
  readonly words: readonly string[];
}

const NOW = '2026-01-01T00:00:00Z';
const FLOATING = { floatingZone: 'Europe/Berlin' };
const PATCH = { now: NOW, ...FLOATING };
const SETTING = { ...FLOATING, attendees: 'copy', reminders: 'keep', tag: () => '0'.repeat(64) } as const;
const STEPS = 20_000;
const WHEN = {
  allDay: false,
  start: '2026-01-05T08:00:00',
  startZone: 'Europe/Berlin',
  end: '2026-01-05T09:00:00',
  endZone: 'Europe/Berlin',
} as const;
const VIEW = {
  range: { from: Date.UTC(2026, 0, 1), to: Date.UTC(2027, 0, 1) },
  zone: 'Europe/Berlin',
  own: new Set<string>(),
  unanswered: 'busy' as const,
};

const bytesOf = (input: string): Buffer => Buffer.from(input, 'latin1');

/** @returns what `work` answers; undefined where it throws an error that its callers expect */
function unless<T>(expected: new (...args: never[]) => Error, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof expected) return undefined;
    throw error;
  }
}

/** An event that was read can be written as a new event of any service, and reads there as what it was. */
function checkCopies(found: CalendarEvent): void {
  // As a merge does.
  const event = withDatesOfExceptions(found);
  expandOccurrences(event, VIEW.range.from, VIEW.range.to, 100, STEPS);
  const text = createObject(event, event.uid ?? 'copy', { now: NOW, scheduleAgentNone: true });
  assert.deepEqual(validateObject(text), [], text);
  const [copy] = readObject(text, FLOATING).events;
  assert.ok(copy?.event, `unreadable copy: ${JSON.stringify(copy?.problems)} ${text}`);
  assert.deepEqual(changedPaths(copy.event, event), [], text);
  ICAL.parse(text);
  if (unsupportedByGoogle(event) === null)
    assert.deepEqual(brokenByGoogle(googleBody(event, 'abc123', 'key', SETTING), null), []);
  if (unsupportedByGraph(event) === null)
    assert.deepEqual(brokenByGraph(graphBody(event, 'key', 'transaction', SETTING).body, 'create'), []);
}

/** A change of one field changes this field, and breaks no rule. */
function checkChange(text: string, part: string | null, event: CalendarEvent): void {
  const next = { ...event, title: event.title === 'new' ? 'newer' : 'new' };
  const changed = patchObject(text, part, next, PATCH);
  assert.deepEqual(newViolations(changed, text), [], changed);
  const found = readObject(changed, FLOATING).events.find((other) => other.part === part);
  assert.ok(found?.event, `unreadable after a change: ${changed}`);
  assert.deepEqual(changedPaths(found.event, next), [], changed);
}

function object(input: string): void {
  const bytes = bytesOf(input);
  const text = decodeBytes(bytes);
  const { events } = readObject(bytes, FLOATING);
  assert.equal(new Set(events.map(({ part }) => part)).size, events.length, 'two events with one name');
  // What a change makes of a broken object is not defined; the guard of writes compares it with the object.
  const isValid = validateObject(text).length === 0;
  for (const { part, event } of events) {
    if (!event) continue;
    checkCopies(event);
    if (!isValid) continue;
    checkChange(text, part, event);
    const rest = removePart(text, part);
    if (rest !== null)
      assert.ok(!readObject(rest, FLOATING).events.some((other) => other.part === part && other.event));
  }
}

function availability(input: string): void {
  const text = decodeBytes(bytesOf(input));
  unless(TooLarge, () => {
    for (const source of readBusySources(text, FLOATING))
      unless(RecurrenceError, () => {
        for (const { from, to } of busySpans(source, VIEW, { steps: STEPS })) assert.ok(from <= to);
      });
  });
  unless(TooLarge, () => readFreeBusy(text));
  unless(TooLarge, () => splitFeed(text));
}

function xml(input: string): void {
  const body = { bytes: bytesOf(input), charset: undefined };
  unless(SyncError, () => readMultistatus(body));
  readError(body);
}

const cloud = (read: typeof readGoogle) => (input: string) => {
  const stored = { ref: 'x', resource: 'x', version: null, data: decodeBytes(bytesOf(input)) };
  const { event } = read(stored, SETTING);
  if (event) checkCopies(event);
};

function rule(input: string): void {
  const parsed = unless(RecurrenceError, () => parseRule(input, WHEN));
  if (!parsed) return;
  assert.deepEqual(parseRule(formatRule(parsed), WHEN), parsed);
  const recurrence = { rules: [input], dates: [] };
  const event = { when: WHEN, recurrence, exceptions: {} };
  const { ids } = expandOccurrences(event, VIEW.range.from, VIEW.range.to, 50, STEPS);
  assert.deepEqual([...new Set(ids)].sort(), ids);
}

function html(input: string): void {
  const text = decodeBytes(bytesOf(input));
  isHtml(text);
  assert.equal(typeof htmlToText(text), 'string');
}

const ICAL_WORDS = [
  ...['BEGIN:VEVENT\r\n', 'END:VEVENT\r\n', 'BEGIN:VALARM\r\n', 'END:VALARM\r\n', 'BEGIN:VTIMEZONE\r\n', '\r\n '],
  ...[
    'DTSTART:20260105T080000Z\r\n',
    'DTSTART;VALUE=DATE:20260105\r\n',
    'DTEND:20260105T090000\r\n',
    'DURATION:P1D\r\n',
  ],
  ...[
    'RRULE:FREQ=WEEKLY;BYDAY=MO,-1FR\r\n',
    'EXDATE:20260112T080000Z\r\n',
    'RDATE;VALUE=PERIOD:20260106T080000Z/PT1H\r\n',
  ],
  ...[
    'RECURRENCE-ID:20260112T080000Z\r\n',
    ';RANGE=THISANDFUTURE',
    ';TZID=Europe/Berlin',
    ';TZID="Custom"',
    ';VALUE=DATE',
  ],
  ...['UID:u\r\n', 'SUMMARY:s\r\n', 'STATUS:CANCELLED\r\n', 'ATTENDEE;PARTSTAT=ACCEPTED;CN="x":mailto:a@b.c\r\n', '^n'],
  ...[
    'ORGANIZER:mailto:o@b.c\r\n',
    'TRIGGER:-PT15M\r\n',
    'TZOFFSETTO:+0137\r\n',
    'SEQUENCE:1\r\n',
    'TRANSP:TRANSPARENT\r\n',
  ],
  ...[
    ';UNTIL=20260301',
    ';COUNT=3',
    ';INTERVAL=2',
    ';BYSETPOS=-1',
    ';BYHOUR=9',
    '\\n',
    '\\,',
    '\\;',
    'X-A;B=c:d\r\n',
    '\ufeff',
  ],
];
const RULE_WORDS = [
  ...[
    'RRULE:',
    'EXRULE:',
    'FREQ=',
    'YEARLY',
    'MONTHLY',
    'WEEKLY',
    'DAILY',
    'HOURLY',
    'SECONDLY',
    ';INTERVAL=',
    ';COUNT=',
  ],
  ...[
    ';UNTIL=20260301T080000Z',
    ';BYDAY=',
    'MO',
    '-1FR',
    ';BYMONTHDAY=-1',
    ';BYYEARDAY=366',
    ';BYWEEKNO=53',
    ';BYMONTH=2',
  ],
  ...[';BYSETPOS=-1', ';BYHOUR=', ';BYMINUTE=', ';BYSECOND=60', ';WKST=SU', ';RSCALE=GREGORIAN', ';SKIP=OMIT', ','],
];
const XML_WORDS = [
  ...[
    '<d:response>',
    '</d:response>',
    '<d:href>',
    '</d:href>',
    '<d:propstat>',
    '<d:status>HTTP/1.1 404 Not Found</d:status>',
  ],
  ...[
    '<d:prop>',
    '<c:calendar-data>',
    '<![CDATA[',
    ']]>',
    '&amp;',
    '&#8;',
    '&#x1F600;',
    '<!DOCTYPE x>',
    'xmlns="DAV:"',
    '<d:error>',
  ],
  ...[
    '<d:sync-token>',
    '<d:getetag>"1"</d:getetag>',
    '<?xml version="1.0" encoding="latin1"?>',
    '<!-- -->',
    'xmlns:d="x"',
  ],
];
const JSON_WORDS = [
  ...[
    '"recurrence":["RRULE:FREQ=DAILY"]',
    '"exceptions":{}',
    '"start":{"date":"2026-01-05"}',
    '"dateTime":"2026-01-05T08:00:00Z"',
  ],
  ...[
    '"timeZone":"Europe/Berlin"',
    'null',
    'true',
    '[]',
    '{}',
    '"status":"cancelled"',
    '"id":"x_20260105T080000Z"',
    '"attendees":',
  ],
  ...[
    '"type":"weekly"',
    '"daysOfWeek":["monday"]',
    '"index":"last"',
    '"range":{"type":"numbered","numberOfOccurrences":3}',
  ],
  ...[
    '"originalStartTime":{"date":"2026-01-05"}',
    '"isAllDay":true',
    '"cancelled":["2026-01-06"]',
    '"transparency":"transparent"',
  ],
  ...[
    '"EXDATE;TZID=Europe/Berlin:20260106T080000"',
    '"RDATE:20260107T080000Z"',
    '"email":"a@b.c"',
    '"summary":"s"',
    '\\u0000',
  ],
];
const HTML_WORDS = [
  '<p>',
  '</p>',
  '<br>',
  '<li>',
  '<a href="',
  '</a>',
  '<style>',
  '<!--',
  '-->',
  '&nbsp;',
  '&#10;',
  '<td>',
  '<script>',
];
const MULTISTATUS =
  '<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">' +
  '<d:response><d:href>/a/1.ics</d:href><d:propstat><d:prop><d:getetag>"1"</d:getetag>' +
  '<c:calendar-data>BEGIN:VCALENDAR\nEND:VCALENDAR</c:calendar-data></d:prop>' +
  '<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response><d:sync-token>t</d:sync-token></d:multistatus>';

const objects = MANY_PARTS.map(({ make }) => make(2));
const clouds = cloudTexts().map(({ make }) => make(2));

export const TARGETS: Readonly<Record<string, Target>> = {
  object: { run: object, seeds: objects, words: ICAL_WORDS },
  availability: { run: availability, seeds: objects, words: ICAL_WORDS },
  rule: { run: rule, seeds: ['RRULE:FREQ=WEEKLY;BYDAY=MO'], words: RULE_WORDS },
  multistatus: { run: xml, seeds: [MULTISTATUS], words: XML_WORDS },
  google: { run: cloud(readGoogle), seeds: clouds, words: [...JSON_WORDS, ...RULE_WORDS] },
  graph: { run: cloud(readGraph), seeds: clouds, words: [...JSON_WORDS, ...RULE_WORDS] },
  html: { run: html, seeds: ['<p>a</p><ul><li>b</ul>'], words: HTML_WORDS },
};
