/** Free/busy of CalDAV accounts: on real servers, and on a scripted one. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { busySpans, type FreeBusyView, STEPS_PER_QUERY } from '../../core/availability/busy-time.ts';
import { type Interval, intervalOf, mergeSpans, type Span, spanOf } from '../../core/availability/interval.ts';
import { splitFeed } from '../../core/ical/feed.ts';
import { readBusySources, readFreeBusy } from '../../core/ical/free-busy.ts';
import { SyncError } from '../../core/sync-error.ts';
import { davClient } from '../../providers/caldav/client.ts';
import { freeBusy } from '../../providers/caldav/free-busy.ts';
import type { Account } from '../../providers/provider.ts';
import { calendar } from '../api/harness.ts';
import { davPerson, openAccount } from '../support/contract-caldav.ts';
import { type DavServer, startRadicale, startXandikos } from '../support/dav.ts';
import { at, object } from '../support/ics.ts';

const JANUARY: Interval = { start: '2027-01-01T00:00:00Z', end: '2027-02-01T00:00:00Z' };
const short = (busy: readonly Interval[]): string[] =>
  busy.map(({ start, end }) => `${start.slice(8, 16)}/${end.slice(8, 16)}`);

/** Objects, and their busy times of January 2027 in a calendar with the zone of Berlin. */
const SCENES: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  timed: [object('a', at('20270113T090000')), ['13T08:00/13T09:00']],
  'all-day': [object('b', at('20270114')), ['13T23:00/14T23:00']],
  floating: [object('c', ['DTSTART:20270116T090000', 'DTEND:20270116T100000']), ['16T08:00/16T09:00']],
  tentative: [object('d', [...at('20270117T090000'), 'STATUS:TENTATIVE']), ['17T08:00/17T09:00']],
  cancelled: [object('e', [...at('20270118T090000'), 'STATUS:CANCELLED']), []],
  transparent: [object('f', [...at('20270119T090000'), 'TRANSP:TRANSPARENT']), []],
  'without length': [object('g', ['DTSTART:20270120T080000Z']), []],
  'with a duration': [object('h', ['DTSTART:20270121T080000Z', 'DURATION:PT90M']), ['21T08:00/21T09:30']],
  endless: [object('i', [...at('20200107T180000'), 'RRULE:FREQ=MONTHLY;BYDAY=1TH']), ['07T17:00/07T18:00']],
  'every year, all-day': [object('j', [...at('19900123'), 'RRULE:FREQ=YEARLY']), ['22T23:00/23T23:00']],
  'with exceptions': [
    object(
      'k',
      [...at('20270124T090000'), 'RRULE:FREQ=DAILY;COUNT=4', 'EXDATE;TZID=Europe/Berlin:20270125T090000'],
      [
        [
          'RECURRENCE-ID;TZID=Europe/Berlin:20270126T090000',
          'DTSTART;TZID=Europe/Berlin:20270126T140000',
          'DTEND;TZID=Europe/Berlin:20270126T150000',
        ],
        ['RECURRENCE-ID;TZID=Europe/Berlin:20270127T090000', ...at('20270127T090000'), 'TRANSP:TRANSPARENT'],
      ],
    ),
    ['24T08:00/24T09:00', '26T13:00/26T14:00'],
  ],
  'moved here from far away': [
    object(
      'l',
      [...at('20260105T090000'), 'RRULE:FREQ=MONTHLY;COUNT=3'],
      [['RECURRENCE-ID;TZID=Europe/Berlin:20260205T090000', ...at('20270128T090000')]],
    ),
    ['28T08:00/28T09:00'],
  ],
  'by its dates': [
    object('m', [...at('20260611T090000'), 'RDATE;TZID=Europe/Berlin:20270129T180000']),
    ['29T17:00/29T18:00'],
  ],
  'since before the range': [
    object('n', ['DTSTART:20261220T000000Z', 'DTEND:20270102T000000Z']),
    ['01T00:00/02T00:00'],
  ],
  'until the range': [object('o', ['DTSTART:20261231T230000Z', 'DTEND:20270101T000000Z']), []],
  'for all that follows': [
    object(
      'p',
      [...at('20261001T090000'), 'RRULE:FREQ=DAILY;COUNT=3'],
      [['RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261002T090000', ...at('20270130T090000')]],
    ),
    ['30T08:00/30T09:00', '31T08:00/31T09:00'],
  ],
};
/**
 * The scenes for which `free-busy-query` of these servers is wrong. This is why Calpair uses it only where it cannot
 * read the events.
 */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  radicale: ['all-day', 'every year, all-day', 'floating', 'for all that follows', 'without length'],
  xandikos: ['by its dates', 'for all that follows'],
};

for (const [name, start] of [
  ['radicale', startRadicale],
  ['xandikos', startXandikos],
] as const) {
  describe(`free/busy on ${name}`, () => {
    let server: DavServer;
    let account: Account;
    let log: string[];
    before(async () => {
      server = await start();
      ({ account, log } = await openAccount(server));
    });
    after(() => server.stop());

    it('comes from the events of all calendars or of the chosen ones', async () => {
      const [one, other] = [await inBerlin(server, 'one'), await inBerlin(server, 'other')];
      for (const [index, [text]] of Object.values(SCENES).entries())
        await davPerson(server, index % 2 === 0 ? one : other).put(`${index}.ics`, text);
      const expected = (wanted: (index: number) => boolean): string[] =>
        short(
          mergeSpans(
            Object.values(SCENES)
              .filter((_, index) => wanted(index))
              .flatMap(([, times]) => times.map(spanOfShort)),
          ).map(intervalOf),
        );
      assert.deepEqual(
        short(await account.freeBusy([one, other], JANUARY)),
        expected(() => true),
      );
      assert.deepEqual(
        short(await account.freeBusy(null, JANUARY)),
        expected(() => true),
      );
      assert.deepEqual(
        short(await account.freeBusy([other], JANUARY)),
        expected((index) => index % 2 === 1),
      );
      assert.deepEqual(await account.freeBusy([], JANUARY), []);
      await assert.rejects(
        account.freeBusy([one, server.calendarUrl('none')], JANUARY),
        (error) => error instanceof SyncError && error.kind === 'calendar-missing',
      );
    });

    it("differs from the server's own answer only where that is wrong", async () => {
      const wrong: string[] = [];
      for (const [index, [scene, [text, expected]]] of Object.entries(SCENES).entries()) {
        const url = await inBerlin(server, `scene-${index}`);
        await davPerson(server, url).put('x.ics', text);
        const own = await ownAnswer(server, url);
        if (JSON.stringify(short(mergeSpans(own).map(intervalOf))) !== JSON.stringify(expected)) wrong.push(scene);
      }
      assert.deepEqual(wrong.sort(), WRONG[name]);
    });

    it('FA11: has every time of an event with more dates than a sync accepts, and those of the others', async () => {
      const [good, bad] = [await inBerlin(server, 'good'), await inBerlin(server, 'bad')];
      await davPerson(server, good).put('x.ics', SCENES['timed']![0]);
      // A rule of every minute would be worse, but it overloads Xandikos.
      const dates = Array.from({ length: 2_001 }, (_, n) =>
        new Date(Date.UTC(2027, 0, 1) + n * 1_200_000).toISOString().replace(/[-:]|\.000/g, ''),
      );
      await davPerson(server, bad).put(
        'x.ics',
        object('many', ['DTSTART:20270101T000000Z', 'DURATION:PT5M', `RDATE:${dates.join(',')}`]),
      );
      const busy = short(await account.freeBusy([good, bad], JANUARY));
      assert.equal(busy.length, 2_001 - 4 + 1, 'four of the dates are within the meeting or touch it');
      assert.deepEqual(short(await account.freeBusy([good], JANUARY)), SCENES['timed']![1]);
    });

    const corpus = new URL('../../../shared/corpus/ics/', import.meta.url);
    for (const folder of ['valid', 'broken']) {
      it(`misses no busy time of the corpus folder ${folder}`, {
        skip: existsSync(corpus) ? false : 'the corpus is not here',
      }, async (t) => {
        const url = await inBerlin(server, `corpus-${folder}`);
        const taken: string[] = [];
        const person = davPerson(server, url);
        for (const [index, text] of textsIn(new URL(`${folder}/`, corpus)).entries()) {
          // Radicale lists each second of a rule.
          if (text.includes('FREQ=SECONDLY')) continue;
          const resource = await person.put(`${index}.ics`, text).catch(() => null);
          if (resource === null) continue;
          // Compared with what the server has stored: Xandikos corrupts a rule.
          const stored = await person.get(resource);
          taken.push(stored);
        }
        const before = log.length;
        for (const year of [1997, 2012, 2019, 2026]) {
          const range = { start: `${year}-01-01T00:00:00.000Z`, end: `${year + 2}-01-01T00:00:00.000Z` };
          assert.deepEqual(await account.freeBusy([url], range), busyIn(taken, spanOf(range)), String(year));
        }
        const failed = log.slice(before).filter((line) => line.startsWith('REPORT') && !line.endsWith('207'));
        t.diagnostic(`${taken.length} objects; ${failed.length} reports failed`);
        assert.ok(taken.length > (folder === 'valid' ? 80 : 20), String(taken.length));
      });
    }
  });
}

describe('free/busy of servers with oddities', () => {
  const view: FreeBusyView = {
    range: spanOf(JANUARY),
    zone: 'Europe/Berlin',
    own: new Set(['me@example.com']),
    unanswered: 'busy',
  };
  const url = 'http://dav.example/cal/';
  const [timed, allDay] = [SCENES['timed']![0], SCENES['all-day']![0]];
  type Answer = { status: number; body?: string };

  /** The free/busy of an account with one calendar; `answer` is its server. */
  async function query(
    answer: (body: string, method: string) => Answer,
    more: Partial<FreeBusyView> = {},
  ): Promise<{ busy: string[]; queries: string[] }> {
    const queries: string[] = [];
    const fetch: typeof globalThis.fetch = async (_input, init) => {
      const body = String(init?.body ?? '');
      queries.push(/<c:([a-z-]+-query)/.exec(body)?.[1] ?? init?.method ?? '');
      const { status, body: text = '' } = init?.method === 'PROPFIND' ? THERE : answer(body, init?.method ?? '');
      return new Response(text, { status, headers: { 'content-type': 'text/calendar' } });
    };
    const client = davClient(new URL(url), { username: 'me', password: 'x' }, { fetch });
    return { busy: short(await freeBusy(client, [calendar(url, { timeZone: null })], { ...view, ...more })), queries };
  }

  const THERE = multistatus(
    '<d:response><d:href>/cal/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/>' +
      '<c:calendar/></d:resourcetype></d:prop><d:status>HTTP/1.1 ' +
      '200 OK</d:status></d:propstat></d:response>',
  );
  const withData = (...texts: string[]): Answer =>
    multistatus(texts.map((text, index) => member(`/cal/${index}.ics`, text)).join(''));
  const kindOf =
    (kind: string) =>
    (error: unknown): boolean =>
      error instanceof SyncError && error.kind === kind;

  it('uses the zone of the account where the calendar has none', async () => {
    assert.deepEqual((await query(() => withData(allDay))).busy, ['13T23:00/14T23:00']);
    assert.deepEqual((await query(() => withData(allDay), { zone: 'Asia/Tokyo' })).busy, ['13T15:00/14T15:00']);
  });

  it("does not count what the account's owner declined", async () => {
    const invitation = (answer: string): string =>
      object('v', [
        ...at('20270113T090000'),
        'ORGANIZER:mailto:boss@example.com',
        `ATTENDEE;PARTSTAT=${answer}:mailto:me@example.com`,
      ]);
    assert.deepEqual((await query(() => withData(invitation('DECLINED')))).busy, []);
    assert.deepEqual((await query(() => withData(invitation('NEEDS-ACTION')))).busy, ['13T08:00/13T09:00']);
    assert.deepEqual((await query(() => withData(invitation('NEEDS-ACTION')), { unanswered: 'free' })).busy, []);
  });

  it("uses the server's own answer only where the events are not readable", async () => {
    const own =
      'BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\n' +
      'FREEBUSY:20270113T080000Z/PT1H,20261231T230000Z/20270101T010000Z\n' +
      'END:VFREEBUSY\nEND:VCALENDAR\n';
    for (const status of [403, 400, 412, 500, 501]) {
      const { busy, queries } = await query((body) =>
        body.includes('free-busy-query') ? { status: 200, body: own } : { status },
      );
      assert.deepEqual(busy, ['01T00:00/01T01:00', '13T08:00/13T09:00']);
      assert.deepEqual(queries, ['calendar-query', 'PROPFIND', 'calendar-query', 'PROPFIND', 'free-busy-query']);
    }
    assert.ok(!(await query(() => withData(timed))).queries.includes('free-busy-query'));
    const withoutTimes = await query((body) => (body.includes('time-range') ? { status: 500 } : withData(timed)));
    assert.deepEqual(
      [withoutTimes.busy, withoutTimes.queries],
      [['13T08:00/13T09:00'], ['calendar-query', 'PROPFIND', 'calendar-query']],
    );
    await assert.rejects(
      query(() => ({ status: 403 })),
      kindOf('forbidden'),
    );
    await assert.rejects(
      query((body) => (body.includes('free-busy-query') ? { status: 200, body: '<html/>' } : { status: 403 })),
      kindOf('unreachable'),
    );
    for (const status of [502, 503, 408])
      await assert.rejects(
        query(() => ({ status })),
        kindOf('unreachable'),
        String(status),
      );
  });

  it('requests shorter ranges where a server truncates its answer, and gives up in the end', async () => {
    const lengths: number[] = [];
    const cutting =
      (longest: number) =>
      (body: string): Answer => {
        const [from, to] = ['start', 'end'].map((name) =>
          Date.parse(
            (new RegExp(`${name}="([^"]+)"`).exec(body)?.[1] ?? '').replace(
              /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/,
              '$1-$2-$3T$4:$5:$6Z',
            ),
          ),
        );
        if (Number.isNaN(from)) return withData();
        lengths.push((to! - from!) / 86_400_000 - 2);
        return to! - from! > longest * 86_400_000
          ? multistatus(
              `${member('/cal/0.ics', timed)}<d:response><d:href>/cal/</d:href><d:status>HTTP/1.1 507 ` +
                'Insufficient Storage</d:status></d:response>',
            )
          : withData(timed, allDay);
      };
    assert.deepEqual((await query(cutting(12))).busy, ['13T08:00/13T09:00', '13T23:00/14T23:00']);
    assert.ok(lengths.length === 7 && lengths[0] === 31 && Math.min(...lengths) === 7.75, lengths.join());
    await assert.rejects(query(cutting(1)), kindOf('too-large'));
    await assert.rejects(
      query(() => ({ status: 507 })),
      kindOf('too-large'),
    );
  });

  it('fetches the objects that the report names without their data', async () => {
    const bare = multistatus(
      '<d:response><d:href>/cal/0.ics</d:href><d:propstat><d:prop><d:getetag>"1"</d:getetag></d:prop>' +
        '<d:status>HTTP/1.1 ' +
        '200 OK</d:status></d:propstat></d:response><d:response><d:href>/cal/</d:href></d:response>',
    );
    const { busy } = await query((body, method) =>
      method === 'GET' ? { status: 200, body: timed } : body.includes('multiget') ? { status: 404 } : bare,
    );
    assert.deepEqual(busy, ['13T08:00/13T09:00']);
    await assert.rejects(
      query((body, method) => (method === 'GET' || body.includes('multiget') ? { status: 403 } : bare)),
      kindOf('too-large'),
    );
    assert.deepEqual(
      (await query((body, method) => (method === 'GET' || body.includes('multiget') ? { status: 404 } : bare))).busy,
      [],
    );
  });

  it("does not trust a server's time ranges after 2037", async () => {
    const bodies: string[] = [];
    const yearly = object('y', [...at('20200113T090000'), 'RRULE:FREQ=YEARLY']);
    const range = { from: Date.UTC(2045, 0, 1), to: Date.UTC(2045, 1, 1) };
    const { busy } = await query(
      (body) => {
        bodies.push(body);
        return withData(yearly);
      },
      { range },
    );
    assert.deepEqual(busy, ['13T08:00/13T09:00']);
    assert.ok(bodies.length === 1 && !bodies[0]!.includes('time-range'));
  });

  it('requests every series with RDATE, regardless of its times', async () => {
    const { busy, queries } = await query((body) =>
      body.includes('name="RDATE"') ? withData(SCENES['by its dates']![0]) : multistatus(member('/cal/9.ics', timed)),
    );
    assert.deepEqual(busy, ['13T08:00/13T09:00', '29T17:00/29T18:00']);
    assert.deepEqual(queries, ['calendar-query', 'calendar-query']);
    assert.deepEqual(
      (await query((body) => (body.includes('name="RDATE"') ? { status: 403 } : withData(timed)))).busy,
      ['13T08:00/13T09:00'],
    );
  });

  it('reads 20,000 events without blocking other work', async () => {
    const texts = Array.from({ length: 20_000 }, (_, n) =>
      object(`n${n}`, [`DTSTART:2027010${1 + (n % 9)}T0${n % 10}0000Z`, 'DURATION:PT5M']),
    );
    const big = withData(...texts);
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 5);
    const { busy } = await query((body) => (body.includes('RDATE') ? withData() : big));
    clearInterval(timer);
    assert.equal(busy.length, 90);
    // A fast machine needs few pauses; without any, there would be almost no ticks.
    assert.ok(turns >= 10, String(turns));
  });

  it('holds as many busy times as rules within the budget produce', async () => {
    const often = Array.from({ length: 4 }, (_, n) =>
      object(`o${n}`, [
        `DTSTART:20270101T00${String(15 * n).padStart(2, '0')}00Z`,
        'DURATION:PT5M',
        'RRULE:FREQ=HOURLY',
      ]),
    );
    const { busy } = await query((body) => (body.includes('RDATE') ? withData() : withData(...often)), {
      range: { from: Date.UTC(2027, 0, 1), to: Date.UTC(2031, 0, 1) },
    });
    assert.equal(busy.length, 4 * 24 * 1461);
  });

  it('FA11: a rule with too many occurrences, or one that cannot be read, never hides the other events', async () => {
    const range = { from: Date.UTC(2027, 0, 1), to: Date.UTC(2031, 11, 31) };
    for (const [rule, expected] of [
      ['FREQ=SECONDLY', ['01T00:00/31T00:00']],
      ['FREQ=MINUTELY', ['01T00:00/31T00:00']],
      ['FREQ=SECONDLY;COUNT=10000000', ['01T00:00/31T00:00']],
      ['FREQ=NEVER', ['13T08:00/13T09:00']],
    ] as const) {
      const odd = Array.from({ length: 50 }, (_, n) => object(`b${n}`, [...at('20200113T090000'), `RRULE:${rule}`]));
      const { busy } = await query(() => withData(timed, ...odd), { range });
      assert.deepEqual(busy, expected, rule);
    }
  });

  it('FA11: an object that cannot be read takes no time from the others', async () => {
    const unreadable = ['BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:x', '<html/>', timed.replace(/DTSTART.*\r\n/g, '')];
    assert.deepEqual((await query(() => withData(...unreadable, timed))).busy, ['13T08:00/13T09:00']);
  });

  it('FA11: an object that is too large to be read is busy when its times say so, or else the server', async () => {
    const large = timed.replace('END:VEVENT', `${'X-A:1\r\n'.repeat(400_000)}END:VEVENT`);
    assert.deepEqual((await query(() => withData(large))).busy, ['13T08:00/13T09:00']);
    const tooLarge = large.replace('END:VEVENT', `RRULE:FREQ=DAILY;BYDAY=${'MO,'.repeat(9_000)}TU\r\nEND:VEVENT`);
    const server =
      'BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nFREEBUSY:20270120T080000Z/20270120T090000Z\r\nEND:VFREEBUSY\r\n' +
      'END:VCALENDAR\r\n';
    const { busy } = await query((body) =>
      body.includes('free-busy-query') ? { status: 200, body: server } : withData(tooLarge, timed),
    );
    assert.deepEqual(busy, ['13T08:00/13T09:00', '20T08:00/20T09:00']);
    // No unknown time is free.
    await assert.rejects(
      query((body) => (body.includes('free-busy-query') ? { status: 501 } : withData(tooLarge, timed))),
      kindOf('too-large'),
    );
  });

  it('reports the wait that a throttling server requests', async () => {
    await assert.rejects(
      query(() => ({ status: 429 })),
      kindOf('throttled'),
    );
  });
});

function multistatus(inside: string): { status: number; body: string } {
  return {
    status: 207,
    body: `<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">${inside}</d:multistatus>`,
  };
}

function member(href: string, data: string): string {
  return (
    `<d:response><d:href>${href}</d:href><d:propstat><d:prop>` +
    `<c:calendar-data>${data.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</c:calendar-data>` +
    '</d:prop><d:status>HTTP/1.1 ' +
    '200 OK</d:status></d:propstat></d:response>'
  );
}

/** Creates a calendar with the zone of Berlin. */
async function inBerlin(server: DavServer, name: string): Promise<string> {
  const url = await server.createCalendar(name);
  const zone = /BEGIN:VTIMEZONE[\s\S]*END:VTIMEZONE\r\n/.exec(SCENES['timed']![0])![0];
  const text = `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n${zone}END:VCALENDAR\r\n`.replaceAll(
    '\r',
    '&#13;',
  );
  const body =
    '<d:propertyupdate xmlns:d="DAV:" ' +
    'xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop>' +
    `<c:calendar-timezone>${text}</c:calendar-timezone></d:prop></d:set></d:propertyupdate>`;
  const answer = await fetch(url, { method: 'PROPPATCH', headers: headersOf(server), body });
  assert.equal(answer.status, 207, await answer.text());
  return url;
}

async function ownAnswer(server: DavServer, url: string): Promise<Span[]> {
  const [start, end] = [JANUARY.start, JANUARY.end].map((text) => text.replace(/[-:]/g, ''));
  const body =
    `<c:free-busy-query xmlns:c="urn:ietf:params:xml:ns:caldav"><c:time-range start="${start}" ` +
    `end="${end}"/></c:free-busy-query>`;
  const answer = await fetch(url, { method: 'REPORT', headers: { ...headersOf(server), depth: '1' }, body });
  const spans = readFreeBusy(await answer.text());
  assert.ok(spans, `free-busy-query answered ${answer.status}`);
  return spans;
}

function headersOf({ username, password }: DavServer): Record<string, string> {
  return {
    authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
    'content-type': 'application/xml; charset=utf-8',
  };
}

function spanOfShort(text: string): Span {
  const [from, to] = text.split('/').map((part) => Date.parse(`2027-01-${part}:00Z`));
  return { from: from!, to: to! };
}

/** The objects of the corpus that can be expanded, at most ten of one file. */
function textsIn(folder: URL): string[] {
  const files = readdirSync(folder)
    .sort()
    .map((file) => readFileSync(new URL(file, folder), 'utf8'));
  const texts = files.flatMap((text) => {
    try {
      return splitFeed(text)
        .slice(0, 10)
        .map((part) => part.text);
    } catch {
      return [];
    }
  });
  return texts;
}

function busyIn(texts: readonly string[], range: Span): Interval[] {
  const view = { range, zone: 'Europe/Berlin', own: new Set<string>(), unanswered: 'busy' as const };
  const sources = texts.flatMap((text) => readBusySources(text, { floatingZone: 'Europe/Berlin' }));
  const budget = { steps: STEPS_PER_QUERY };
  return mergeSpans(sources.flatMap((source) => busySpans(source, view, budget))).map(intervalOf);
}
