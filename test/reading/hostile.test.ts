/** Long and strange input costs time in proportion to its length, and what is too long is a problem of that object. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readFreeBusy } from '../../core/ical/free-busy.ts';
import { patchObject, readObject } from '../../core/ical/object.ts';
import { TooLarge } from '../../core/ical/text.ts';
import { plainReason } from '../../core/sync-error.ts';
import { errorOf, reasonOf } from '../../providers/caldav/client.ts';
import { canonicalPath, identityOf, lastSegment, pathOf, spellings } from '../../providers/caldav/hrefs.ts';
import { readError, readMultistatus } from '../../providers/caldav/xml.ts';
import { isNearlyLinear } from '../support/growth.ts';

const FLOATING = { floatingZone: 'Europe/Berlin' };
const HEAD = 'UID:u\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20260105T080000\r\nSUMMARY:s\r\n';
const read = (text: string) => readObject(text, FLOATING).events;
const problems = (text: string): string[] => read(text).flatMap((entry) => entry.problems.map(({ code }) => code));

function object(lines: string): string {
  return `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n${HEAD}${lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`;
}

describe('calendar objects', () => {
  test('FD1: an address takes linear time, whatever characters it repeats', () => {
    for (const name of ['ATTENDEE', 'ORGANIZER', 'ATTENDEE;CN=x', 'ATTENDEE;CN="x"']) {
      for (const [unit, end] of [
        ['@', '/'],
        ['@', ':'],
        ['a@', ''],
        ['mailto:', ''],
        ['mailto:@', '/'],
        [' ', 'x'],
        ['"', ''],
        ['^', ''],
      ] as const)
        isNearlyLinear(`${name}:${unit}`, (n) => object(`${name}:${unit.repeat(n)}${end}`), read);
    }
  });

  test('FD1: an address of any length below the budget is read as before', () => {
    const address = (value: string): string | undefined =>
      read(object(`ATTENDEE:${value}`))[0]?.event?.attendees[0]?.address;
    const expected = {
      'a@b.c': 'a@b.c',
      'MAILTO:A@b.c': 'a@b.c',
      'A@B': 'a@b',
      '@b': '@b',
      'A@': 'a@',
      'a@@': 'a@@',
      '@@A': '@@a',
      '@@A@B': '@@a@b',
      // Neither a URI nor a path, so an address of mail.
      'A@b/c': 'a@b/c',
      'urn:uuid:A@b': 'urn:uuid:A@b',
      'A@b@C': 'a@b@c',
    };
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((value) => [value, address(value)])), expected);
    assert.deepEqual(problems(object(`ATTENDEE:${'@'.repeat(300_000)}/`)), ['too-large']);
  });

  test('FD2: a line is parsed once, however many values and parameters it has', () => {
    const values = (n: number): string =>
      Array.from({ length: n }, (_, at) => `202601${10 + (at % 20)}T080000Z`).join(',');
    for (const name of ['EXDATE', 'RDATE', 'RDATE;VALUE=PERIOD', 'FREEBUSY']) {
      const period = name.includes('PERIOD') ? '/PT1H' : '';
      for (const parameter of ['A=B', 'A', 'TZID=X', 'X="y;z"', '']) {
        isNearlyLinear(
          `${name};${parameter}`,
          (n) =>
            object(
              `RRULE:FREQ=DAILY\r\n${name}${`;${parameter}`.repeat(n)}:` +
                values(400).replaceAll(',', `${period},`) +
                period,
            ),
          read,
        );
      }
      isNearlyLinear(
        `${name} and its values`,
        (n) => object(`RRULE:FREQ=DAILY\r\n${name};X=${'y'.repeat(n * 10)}:${values(Math.min(n, 1_900))}`),
        read,
      );
    }
    assert.deepEqual(problems(object(`RRULE:FREQ=DAILY\r\nEXDATE${';A=B'.repeat(50_000)}:${values(400)}`)), [
      'too-large',
    ]);
  });

  test('FD2: a field is written in linear time, however often an object repeats it', () => {
    const lines = (n: number, line: (index: number) => string): string =>
      object(Array.from({ length: n }, (_, index) => line(index)).join('\r\n'));
    const change =
      (fields: object, wanted: readonly 'categories'[] = []) =>
      (text: string): unknown => {
        const { event } = readObject(text, { ...FLOATING, fields: wanted }).events[0]!;
        return event && patchObject(text, null, { ...event, ...fields }, { ...FLOATING, now: '2026-01-01T00:00:00Z' });
      };
    for (const [line, work] of [
      ['GEO:1;2', change({ location: 'x' })],
      ['X-ALT-DESC:x', change({ description: 'x' })],
      ['SUMMARY:t', change({ title: 'x' })],
      ['EXDATE:', change({ title: 'x', recurrence: null })],
    ] as const)
      isNearlyLinear(line, (n) => lines(Math.min(n, 49_000), () => line), work);
    const others = Array.from({ length: 20_000 }, (_, index) => `other ${index}`);
    isNearlyLinear(
      'CATEGORIES',
      (n) => lines(1, () => `CATEGORIES:${Array.from({ length: n }, (_, index) => `c${index}`).join(',')}`),
      change({ categories: others }, ['categories']),
    );
  });

  test('FD2: VTIMEZONEs of any kind are compared within a budget', () => {
    const observance = (rule: string): string =>
      `BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0207\r\n${rule}\r\nEND:STANDARD`;
    const zone = (tzid: string, rules: readonly string[]): string =>
      `BEGIN:VTIMEZONE\r\nTZID:${tzid}\r\n${rules.map(observance).join('\r\n')}\r\nEND:VTIMEZONE`;
    const calendar = (zones: readonly string[], lines: readonly string[]): string =>
      `BEGIN:VCALENDAR\r\nVERSION:2.0\r\n${zones.join('\r\n')}\r\nBEGIN:VEVENT\r\nUID:u\r\n` +
      `${lines.join('\r\n')}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`;
    const cpuMs = (work: () => unknown): number => {
      const before = process.cpuUsage();
      work();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    const start = 'DTSTART;TZID=Q:20270105T090000';
    const texts = ['DAILY', 'SECONDLY', 'YEARLY;BYMONTH=2;BYMONTHDAY=30'].map((rule) =>
      calendar(
        [
          zone(
            'Q',
            Array.from({ length: 290 }, () => `RRULE:FREQ=${rule}`),
          ),
        ],
        [start],
      ),
    );
    const names = Array.from({ length: 100 }, (_, index) => `Q${index}`);
    texts.push(
      calendar(
        names.map((name, index) => zone(name, ['X-A:1', `RRULE:FREQ=YEARLY;BYMONTH=${1 + (index % 12)}`])),
        ['DTSTART:20270105T090000Z', 'RRULE:FREQ=DAILY', ...names.map((name) => `EXDATE;TZID=${name}:20270105T090000`)],
      ),
    );
    for (const text of texts) {
      read(text);
      const least = Math.min(...Array.from({ length: 3 }, () => cpuMs(() => read(text))));
      assert.ok(least < 200, `${least} ms for ${text.slice(40, 200)}`);
    }
  });

  test('FD3: a free/busy reply of any shape takes linear time', () => {
    const reply = (lines: string): string =>
      `BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\n${lines}\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n`;
    const safely = (text: string): unknown => {
      try {
        return readFreeBusy(text);
      } catch (error) {
        assert.ok(error instanceof TooLarge);
        return null;
      }
    };
    for (const unit of [
      ';',
      ';A',
      ';A=B',
      ';A="',
      ';"',
      '"',
      ':',
      ',',
      '20260105T080000Z/PT1H,',
      '\r\n ',
      '\r\nFREEBUSY:',
    ])
      for (const end of ['', ':20260105T080000Z/PT1H'])
        isNearlyLinear(`FREEBUSY${unit}`, (n) => reply(`FREEBUSY${unit.repeat(n)}${end}`), safely);
    assert.equal(safely(reply(`FREEBUSY${';'.repeat(40)}`)), null);
    assert.deepEqual(safely(reply('FREEBUSY;X="a:b";FBTYPE=BUSY:20260105T080000Z/PT1H')), [
      { from: Date.UTC(2026, 0, 5, 8), to: Date.UTC(2026, 0, 5, 9) },
    ]);
  });
});

describe('answers of a DAV server', () => {
  const bodyOf = (text: string) => ({ bytes: Buffer.from(text), charset: undefined });
  const answer = (type: string, text: string) => ({
    status: 500,
    headers: new Headers({ 'content-type': type }),
    ...bodyOf(text),
    url: new URL('https://host/'),
  });

  test('FD4: an error body takes linear time, of any type', () => {
    for (const type of ['text/plain', 'text/plain; charset=utf-8', 'text/html', 'application/xml', '']) {
      for (const unit of [
        '<',
        '<a',
        '<a ',
        '<!--',
        '<![CDATA[',
        '</',
        '&',
        ' ',
        '\u00a0',
        '>',
        '<d:error ',
        'a="',
        '\u0000',
      ])
        isNearlyLinear(
          `${type} of ${unit}`,
          (n) => unit.repeat(n),
          (text) => errorOf(answer(type, text)),
        );
    }
    assert.equal(
      plainReason(reasonOf(answer('text/plain', `<b>No</b>\u0000 such\n<${'x'.repeat(100_000)}`))),
      'No such',
    );
  });

  test('FD5: a multistatus takes linear time, whatever its elements, attributes and namespaces are', () => {
    const safely = (text: string): unknown => {
      try {
        return readMultistatus(bodyOf(text));
      } catch {
        return readError(bodyOf(text));
      }
    };
    const shapes: Record<string, (n: number) => string> = {
      'namespaces of one element': (n) =>
        `<d:multistatus xmlns:d="DAV:" ${Array.from({ length: n }, (_, at) => `xmlns:n${at}="u${at}"`).join(' ')}/>`,
      'namespaces of the root and of each element': (n) =>
        `<d:multistatus xmlns:d="DAV:" ${Array.from({ length: n }, (_, at) => `xmlns:n${at}="u${at}"`).join(' ')}>` +
        `${'<d:response xmlns:x="y"><x:a/></d:response>'.repeat(n)}</d:multistatus>`,
      'undeclared prefixes': (n) => `<d:multistatus xmlns:d="DAV:">${'<x:a/>'.repeat(n)}</d:multistatus>`,
      attributes: (n) =>
        `<d:multistatus xmlns:d="DAV:" ${Array.from({ length: n }, (_, at) => `a${at}="v"`).join(' ')}/>`,
      'one attribute often': (n) => `<d:multistatus xmlns:d="DAV:" ${'a="v" '.repeat(n)}/>`,
      'a long attribute': (n) => `<d:multistatus xmlns:d="DAV:" a="${'v'.repeat(n)}"/>`,
      elements: (n) => `<d:multistatus xmlns:d="DAV:">${'<d:a/>'.repeat(n)}</d:multistatus>`,
      hrefs: (n) =>
        `<d:multistatus xmlns:d="DAV:"><d:response>${'<d:href>/a</d:href>'.repeat(n)}</d:response></d:multistatus>`,
      responses: (n) =>
        `<d:multistatus xmlns:d="DAV:">${'<d:response><d:href>/a</d:href></d:response>'.repeat(n)}</d:multistatus>`,
      properties: (n) =>
        '<d:multistatus xmlns:d="DAV:"><d:response><d:href>/a</d:href>' +
        '<d:propstat><d:prop><d:getetag>1</d:getetag></d:prop></d:propstat>'.repeat(n) +
        '</d:response></d:multistatus>',
      entities: (n) => `<d:multistatus xmlns:d="DAV:">${'&amp;&lt;&#65;'.repeat(n)}</d:multistatus>`,
      'a comment': (n) => `<d:multistatus xmlns:d="DAV:"><!--${'-x'.repeat(n)}--></d:multistatus>`,
      'CDATA sections': (n) => `<d:multistatus xmlns:d="DAV:">${'<![CDATA[x]]>'.repeat(n)}</d:multistatus>`,
      'brackets in a CDATA section': (n) =>
        `<d:multistatus xmlns:d="DAV:"><![CDATA[${']'.repeat(n)}]]></d:multistatus>`,
      depth: (n) => `<d:multistatus xmlns:d="DAV:">${'<a>'.repeat(n)}`,
      'a long name': (n) => `<d:multistatus xmlns:d="DAV:"><${'a'.repeat(n)}/></d:multistatus>`,
      'colons in a name': (n) => `<d:multistatus xmlns:d="DAV:"><a${':a'.repeat(n)}/></d:multistatus>`,
      'invalid characters in objects': (n) =>
        `<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:response>` +
        `<c:calendar-data>${'& &#8;'.repeat(n)}</c:calendar-data></d:response></d:multistatus>`,
      'text before the XML': (n) => `${' '.repeat(n)}<d:multistatus xmlns:d="DAV:"/>`,
    };
    for (const [name, make] of Object.entries(shapes)) isNearlyLinear(name, make, safely);
    isNearlyLinear(
      'another charset',
      (n) => 'Gr\xfc\xdfe \xc3 '.repeat(n),
      (text) =>
        readMultistatus({
          charset: undefined,
          bytes: Buffer.from(`<d:multistatus xmlns:d="DAV:">${text}</d:multistatus>`, 'latin1'),
        }),
    );
  });

  test('FD5: an href takes linear time, and one that is longer than any name is left out', () => {
    const base = new URL('https://host/calendars/a/');
    for (const unit of [
      '/',
      '%',
      '%2',
      '%2f',
      '%25',
      '../',
      './',
      '?',
      '#',
      '\\',
      'a/',
      '%40',
      '\u00e9',
      ' ',
      'http:',
      ':',
      '@',
      '//',
    ]) {
      isNearlyLinear(
        `href of ${unit}`,
        (n) => `/x${unit.repeat(n)}y`,
        (href) => {
          const path = pathOf(href, base);
          const url = URL.canParse(href, base.href) ? identityOf(new URL(href, base)) : '';
          return path === null ? url : [canonicalPath(path), spellings(path), lastSegment(path), url];
        },
        100_000,
      );
    }
    const listing = (href: string): string =>
      `<d:multistatus xmlns:d="DAV:"><d:response><d:href>${href}</d:href>` +
      '<d:status>HTTP/1.1 200 OK</d:status></d:response></d:multistatus>';
    assert.equal(readMultistatus(bodyOf(listing(`/${'a'.repeat(1_000)}`))).members.length, 1);
    assert.equal(readMultistatus(bodyOf(listing(`/${'a'.repeat(5_000)}`))).members.length, 0);
  });
});
